/** How ifconfig shows an interface. Models lib/interface.c of net-tools 2.10 */

import type { IfAddr, NetDevice } from '../../os/uapi.ts';
import { linkMsg } from '../../os/uapi.ts';
import { formatIp, formatIp4, mask4 } from '../../wire/addr.ts';
import { formatMac } from '../../wire/mac.ts';

const FLAGS: readonly (readonly [number, string])[] = [
  [0x1, 'UP'],
  [0x2, 'BROADCAST'],
  [0x4, 'DEBUG'],
  [0x8, 'LOOPBACK'],
  [0x10, 'POINTOPOINT'],
  [0x20, 'NOTRAILERS'],
  [0x40, 'RUNNING'],
  [0x80, 'NOARP'],
  [0x100, 'PROMISC'],
  [0x200, 'ALLMULTI'],
  [0x800, 'SLAVE'],
  [0x400, 'MASTER'],
  [0x1000, 'MULTICAST'],
  [0x8000, 'DYNAMIC'],
];

const SCOPES: Readonly<Record<number, string>> = { 0: '0x0<global>', 253: '0x20<link>', 254: '0x10<host>' };

function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let v = n;
  let u = 0;
  while (v >= 1024 && u < 4) {
    v /= 1024;
    u++;
  }
  return `${n} (${(Math.floor(v * 10) / 10).toFixed(1)} ${units[u]})`;
}

/** One row of an interface listing: the device itself, or an alias made by a labelled address. */
export interface Shown {
  name: string;
  dev: NetDevice;
  addr: IfAddr | null;
  alias: boolean;
}

export function interfaces(devices: Iterable<NetDevice>): Shown[] {
  const out: Shown[] = [];
  for (const dev of devices) {
    out.push({ name: dev.name, dev, addr: dev.addrs4.find((a) => a.label === dev.name) ?? null, alias: false });
    for (const a of dev.addrs4) {
      if (a.label !== dev.name && !out.some((s) => s.name === a.label)) out.push({ name: a.label, dev, addr: a, alias: true });
    }
  }
  return out.sort((a, b) => natural(a.name, b.name));
}

/** nstrcmp(): what stands before the number, the number, the number of the alias; an alias with a name is a longer name. */
export function natural(a: string, b: string): number {
  const parts = (s: string): [stem: string, n: number, alias: number] => {
    const m = /^(.*?)(\d*)(?::(\d+))?$/.exec(s) as RegExpExecArray;
    return [m[1] as string, Number(m[2] || 0), m[3] === undefined ? -1 : Number(m[3])];
  };
  const [x, y] = [parts(a), parts(b)];
  const common = Math.min(x[0].length, y[0].length);
  const [xs, ys] = [x[0].slice(0, common), y[0].slice(0, common)];
  if (xs !== ys) return xs < ys ? -1 : 1;
  return x[0].length - y[0].length || x[1] - y[1] || x[2] - y[2];
}

export function printInterface(s: Shown): string {
  const m = linkMsg(s.dev);
  const flags = m.flags & 0xffff;
  const names = FLAGS.filter(([bit]) => flags & bit).map(([, name]) => name);
  let t = `${s.name}: flags=${flags}<${names.join(',')}>  mtu ${m.mtu}\n`;
  if (s.addr && typeof s.addr.local === 'number') {
    t += `        inet ${formatIp4(s.addr.local)}  netmask ${formatIp4(mask4(s.addr.len))}`;
    if (flags & 0x2) t += `  broadcast ${s.addr.broadcast === null ? '0.0.0.0' : formatIp(s.addr.broadcast)}`;
    if (flags & 0x10) t += `  destination ${formatIp(s.addr.peer)}`;
    t += '\n';
  }
  if (!s.alias)
    for (const a of s.dev.addrs6)
      t += `        inet6 ${formatIp(a.local)}  prefixlen ${a.len}  scopeid ${SCOPES[a.scope] ?? '0x0<global>'}\n`;
  if (m.linkType === 'loopback') t += `        loop  txqueuelen ${m.txqlen}  (Local Loopback)\n`;
  else if (m.linkType === 'ether') t += `        ether ${formatMac(m.address)}  txqueuelen ${m.txqlen}  (Ethernet)\n`;
  else t += `        tunnel   txqueuelen ${m.txqlen}  (IPIP Tunnel)\n`;
  if (s.alias) return `${t}\n`;
  const c = m.stats;
  t += `        RX packets ${c.rxPackets}  bytes ${bytes(c.rxBytes)}\n        RX errors ${c.rxErrors}  dropped ${c.rxDropped}  overruns 0  frame 0\n`;
  t += `        TX packets ${c.txPackets}  bytes ${bytes(c.txBytes)}\n        TX errors ${c.txErrors}  dropped ${c.txDropped} overruns 0  carrier ${c.txCarrier}  collisions 0\n`;
  return `${t}\n`;
}

const COUNTERS = '    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n';

/** `ifconfig -s` and `netstat -i`, whose headings differ. */
export function printTable(list: readonly Shown[], tool: 'ifconfig' | 'netstat'): string {
  let t = (tool === 'ifconfig' ? 'Iface      MTU' : 'Iface             MTU') + COUNTERS;
  for (const s of list) {
    const m = linkMsg(s.dev);
    if (s.alias) {
      t += `${s.name.padEnd(15)} ${String(m.mtu).padStart(5)}      - no statistics available -                        ${letters(m.flags)}\n`;
      continue;
    }
    const c = m.stats;
    t += `${s.name.padEnd(15)} ${String(m.mtu).padStart(5)} ${String(c.rxPackets).padStart(8)} ${String(c.rxErrors).padStart(6)} ${String(c.rxDropped).padStart(6)} ${'0'.padEnd(6)} `;
    t += `${String(c.txPackets).padStart(8)} ${String(c.txErrors).padStart(6)} ${String(c.txDropped).padStart(6)} ${'0'.padStart(6)} ${letters(m.flags)}\n`;
  }
  return t;
}

function letters(flags: number): string {
  const table: readonly (readonly [number, string])[] = [
    [0x200, 'A'],
    [0x2, 'B'],
    [0x4, 'D'],
    [0x8, 'L'],
    [0x1000, 'M'],
    [0x20, 'N'],
    [0x80, 'O'],
    [0x10, 'P'],
    [0x40, 'R'],
    [0x1, 'U'],
  ];
  return table
    .filter(([bit]) => flags & bit)
    .map(([, l]) => l)
    .join('');
}
