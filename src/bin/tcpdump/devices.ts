/** Devices to capture on, best first. Models pcap_findalldevs() of libpcap's pcap.c, pcap-linux.c */

import type { Process } from '../../os/process.ts';
import { IFF_LOOPBACK, type NetDevice } from '../../os/uapi.ts';

interface Row {
  name: string;
  text: string;
  /** get_figure_of_merit(): less is better. */
  figure: number;
}

const NOT_RUNNING = 0x80000000;
const NOT_UP = 0x40000000;
const DISCONNECTED = 0x20000000;
const LOOPBACK = 0x10000000;
const ANY = 0x08000000;

const PSEUDO = [
  'bluetooth-monitor (Bluetooth Linux Monitor) [Wireless]',
  'nflog (Linux netfilter log (NFLOG) interface) [none]',
  'nfqueue (Linux netfilter queue (NFQUEUE) interface) [none]',
  'dbus-system (D-Bus system bus) [none]',
  'dbus-session (D-Bus session bus) [none]',
];

function row(d: NetDevice): Row {
  const lo = (d.flags & IFF_LOOPBACK) !== 0;
  const running = d.up && d.carrier();
  const flags = [...(d.up ? ['Up'] : []), ...(running ? ['Running'] : []), ...(lo ? ['Loopback'] : [])];
  const words = [...(flags.length > 0 ? flags : ['none']), ...(lo ? [] : [running ? 'Connected' : 'Disconnected'])];
  return {
    name: d.name,
    text: `${d.name} [${words.join(', ')}]`,
    figure: (running ? 0 : NOT_RUNNING) + (d.up ? 0 : NOT_UP) + (lo ? LOOPBACK : running ? 0 : DISCONNECTED),
  };
}

/** The lines of -D without their numbers. */
export function listDevices(p: Process): Row[] {
  const rows = [...p.ns.devices.values()].sort((a, b) => a.ifindex - b.ifindex).map(row);
  rows.push({ name: 'any', text: 'any (Pseudo-device that captures on all interfaces) [Up, Running]', figure: ANY });
  for (const text of PSEUDO) rows.push({ name: text.split(' ')[0] as string, text, figure: NOT_RUNNING + NOT_UP });
  return rows
    .map((r, i) => ({ r, i }))
    .sort((a, b) => a.r.figure - b.r.figure || a.i - b.i)
    .map((x) => x.r);
}
