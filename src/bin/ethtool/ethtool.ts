/** ethtool: driver, link settings, offloads and counters of a device. Models ethtool 6.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { feature, type NetDevice, setFeature } from '../../os/uapi.ts';
import { formatMac } from '../../wire/mac.ts';
import { FEATURES, GROUPS } from './features.ts';

interface Answer {
  out: string;
  err: string;
  status: number;
}

const NO_DEVICE = 'netlink error: no device matches name (offset 24)\nnetlink error: No such device\n';
const UNSUPPORTED = 'netlink error: Operation not supported\n';
const BAD = 'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n';

function say(out: string, status = 0): Answer {
  return { out, err: '', status };
}

function refuse(err: string, status: number): Answer {
  return { out: '', err, status };
}

/** Virtual devices speak for the device below them. */
function base(dev: NetDevice): NetDevice {
  return dev.kind === 'macvlan' || dev.kind === 'vlan' ? base((dev as NetDevice & { lower: NetDevice }).lower) : dev;
}

function settings(dev: NetDevice): Answer {
  const link = `\tLink detected: ${dev.up && dev.carrier() ? 'yes' : 'no'}\n`;
  if (dev.kind === 'loopback') return say(`Settings for ${dev.name}:\n${link}`);
  const wire = base(dev).kind === 'veth';
  return say(
    `Settings for ${dev.name}:\n\tSupported ports: [  ]\n\tSupported link modes:   Not reported\n\tSupported pause frame use: No\n\tSupports auto-negotiation: No\n\tSupported FEC modes: Not reported\n\tAdvertised link modes:  Not reported\n\tAdvertised pause frame use: No\n\tAdvertised auto-negotiation: No\n\tAdvertised FEC modes: Not reported\n\tSpeed: ${wire ? '10000Mb/s' : 'Unknown!'}\n\tDuplex: ${wire ? 'Full' : 'Unknown! (255)'}\n\tAuto-negotiation: off\n\tPort: ${wire ? 'Twisted Pair' : 'Other'}\n\tPHYAD: 0\n\tTransceiver: internal\n${wire ? '\tMDI-X: Unknown\n' : ''}${link}`,
  );
}

const DRIVERS: Readonly<Record<string, readonly [version: string, firmware: string, bus: string, stats: string]>> = {
  veth: ['1.0', '', '', 'yes'],
  bridge: ['2.3', 'N/A', 'N/A', 'no'],
  vxlan: ['0.1', '', '', 'no'],
  macvlan: ['0.1', '', '', 'no'],
  dummy: ['1.0', '', '', 'no'],
  vlan: ['1.8', 'N/A', '', 'no'],
  ether: ['1.0.0', '', '', 'yes'],
};

function driver(dev: NetDevice): Answer {
  const d = DRIVERS[dev.kind];
  if (!d) return refuse('Cannot get driver information: Operation not supported\n', 71);
  const name = dev.kind === 'ether' ? 'virtio_net' : dev.kind === 'vlan' ? '802.1Q VLAN Support' : dev.kind;
  return say(
    `driver: ${name}\nversion: ${d[0]}\nfirmware-version: ${d[1]}\nexpansion-rom-version: \nbus-info: ${d[2]}\nsupports-statistics: ${d[3]}\nsupports-test: no\nsupports-eeprom-access: no\nsupports-register-dump: no\nsupports-priv-flags: no\n`,
  );
}

function statistics(dev: NetDevice): Answer {
  if (dev.kind !== 'veth') return refuse('no stats available\n', 94);
  const rx = ['xdp_packets', 'xdp_bytes', 'drops', 'xdp_redirect', 'xdp_drops', 'xdp_tx', 'xdp_tx_errors'];
  const tx = ['xdp_xmit', 'xdp_xmit_errors'];
  const rows = [`peer_ifindex: ${dev.iflink()}`, ...rx.map((n) => `rx_queue_0_${n}: 0`), ...tx.map((n) => `tx_queue_0_${n}: 0`)];
  return say(`NIC statistics:\n${rows.map((r) => `     ${r}\n`).join('')}`);
}

const COLUMN: Readonly<Record<string, number>> = { veth: 0, ether: 0, bridge: 1, loopback: 2, vxlan: 3, macvlan: 4, vlan: 4, dummy: 0 };

function code(dev: NetDevice, states: string): string {
  return states[COLUMN[dev.kind] ?? 0] ?? 'x';
}

function isOn(dev: NetDevice, name: string): boolean {
  const members = GROUPS[name];
  if (members) return members.some((m) => isOn(dev, m));
  const row = FEATURES.find(([n]) => n === name);
  if (!row) return false;
  const c = code(dev, row[1]);
  return feature(dev, name, c === '1' || c === 'X');
}

function isFixed(dev: NetDevice, name: string): boolean {
  const row = FEATURES.find(([n]) => n === name);
  return !row || /x/i.test(code(dev, row[1]));
}

function listFeatures(dev: NetDevice): Answer {
  const children = new Set(Object.values(GROUPS).flat());
  let out = `Features for ${dev.name}:\n`;
  for (const [name, states] of FEATURES) {
    const fixed = !GROUPS[name] && /x/i.test(code(dev, states));
    out += `${children.has(name) ? '\t' : ''}${name}: ${isOn(dev, name) ? 'on' : 'off'}${fixed ? ' [fixed]' : ''}\n`;
  }
  return say(out);
}

const SHORT: Readonly<Record<string, string>> = {
  rx: 'rx-checksumming',
  tx: 'tx-checksumming',
  sg: 'scatter-gather',
  tso: 'tcp-segmentation-offload',
  gso: 'generic-segmentation-offload',
  gro: 'generic-receive-offload',
  lro: 'large-receive-offload',
  rxvlan: 'rx-vlan-offload',
  txvlan: 'tx-vlan-offload',
  ntuple: 'ntuple-filters',
  rxhash: 'receive-hashing',
};

/** Segmentation needs checksumming: without it the kernel switches it off as well, and back on with it. */
function fixDependent(dev: NetDevice): void {
  const sums = isOn(dev, 'tx-checksum-ip-generic');
  for (const name of ['tx-udp-segmentation', ...(GROUPS['tcp-segmentation-offload'] ?? [])]) {
    if (sums || !isOn(dev, name)) continue;
    setFeature(dev, name, false);
    setFeature(dev, `${name}/dropped`, true);
  }
  if (!sums) return;
  for (const name of ['tx-udp-segmentation', ...(GROUPS['tcp-segmentation-offload'] ?? [])]) {
    if (!feature(dev, `${name}/dropped`, false)) continue;
    setFeature(dev, name, true);
    setFeature(dev, `${name}/dropped`, false);
  }
}

/** Changes are told in the order of the kernel's feature bits: these two checksums come after the segmentation bits. */
const LATE = ['tx-checksum-fcoe-crc', 'tx-checksum-sctp'];

function inBitOrder(names: readonly string[]): string[] {
  const at = names.indexOf('tx-gso-list') + 1;
  const early = (n: string): boolean => !LATE.includes(n);
  return [...names.slice(0, at).filter(early), ...LATE, ...names.slice(at).filter(early)];
}

function changeFeatures(dev: NetDevice, words: readonly string[]): Answer {
  const wanted = new Map<string, boolean>();
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i] as string;
    const value = words[i + 1];
    const name = SHORT[word] ?? word;
    if (value !== 'on' && value !== 'off') {
      return refuse(
        value === undefined ? BAD : `ethtool (-K): flag '${value}' for parameter '(null)' is not followed by 'on' or 'off'\n`,
        1,
      );
    }
    const members = GROUPS[name] ?? (FEATURES.some(([n]) => n === name) ? [name] : null);
    if (!members) return refuse(`netlink error: bit name not found (offset 56)\n${UNSUPPORTED}`, 92);
    for (const m of members) wanted.set(m, value === 'on');
  }
  const before = new Map(inBitOrder(FEATURES.map(([n]) => n).filter((n) => !GROUPS[n])).map((n) => [n, isOn(dev, n)]));
  for (const [name, on] of wanted) if (!isFixed(dev, name)) setFeature(dev, name, on);
  fixDependent(dev);
  const lines: string[] = [];
  let surprise = false;
  for (const [name, was] of before) {
    const now = isOn(dev, name);
    const want = wanted.get(name);
    if (want === undefined && now === was) continue;
    if (want !== undefined && now === want && now === was) continue;
    const note = want === undefined ? ' [not requested]' : want !== now ? ` [requested ${want ? 'on' : 'off'}]` : '';
    if (note !== '') surprise = true;
    lines.push(`${name}: ${now ? 'on' : 'off'}${note}\n`);
  }
  const none = [...wanted].every(([name, on]) => isOn(dev, name) !== on);
  if (none && wanted.size > 0)
    return { out: `Actual changes:\n${lines.join('')}`, err: 'Could not change any device features\n', status: 1 };
  return say(surprise ? `Actual changes:\n${lines.join('')}` : '');
}

function channels(dev: NetDevice): Answer {
  if (dev.kind !== 'veth') return refuse(UNSUPPORTED, 1);
  const block = (rx: number, tx: number): string => `RX:\t\t${rx}\nTX:\t\t${tx}\nOther:\t\tn/a\nCombined:\tn/a\n`;
  return say(
    `Channel parameters for ${dev.name}:\nPre-set maximums:\n${block(dev.numRxQueues, dev.numTxQueues)}Current hardware settings:\n${block(1, 1)}`,
  );
}

interface Verb {
  readonly names: readonly string[];
  run(dev: NetDevice, words: readonly string[]): Answer;
  /** When there is no such device. */
  readonly missing?: Answer;
}

const unsupported = (): Answer => refuse(UNSUPPORTED, 1);

const VERBS: readonly Verb[] = [
  { names: ['-i', '--driver'], run: driver, missing: refuse('Cannot get driver information: No such device\n', 71) },
  { names: ['-S', '--statistics'], run: statistics, missing: refuse('Cannot get stats strings information: No such device\n', 96) },
  { names: ['-k', '--show-features', '--show-offload'], run: listFeatures },
  { names: ['-K', '--features', '--offload'], run: changeFeatures },
  { names: ['-P', '--show-permaddr'], run: (dev) => say(`Permanent address: ${dev.kind === 'ether' ? formatMac(dev.mac) : 'not set'}\n`) },
  { names: ['-l', '--show-channels'], run: channels },
  {
    names: [
      '-a',
      '--show-pause',
      '-g',
      '--show-ring',
      '-c',
      '--show-coalesce',
      '-A',
      '--pause',
      '-G',
      '--set-ring',
      '-C',
      '--coalesce',
      '-L',
      '--set-channels',
    ],
    run: unsupported,
  },
  { names: ['-s', '--change'], run: () => refuse(UNSUPPORTED, 75) },
  { names: ['-p', '--identify'], run: () => refuse('Cannot identify NIC: Operation not supported\n', 255) },
  { names: ['-t', '--test'], run: () => refuse('Cannot test: Operation not supported\n', 74) },
];

function run(p: Process, argv: readonly string[]): Answer {
  const [first, name, ...words] = argv;
  if (first === undefined) return refuse(BAD, 1);
  if (first === '--version') return say('ethtool version 6.1\n');
  if (first === '-h' || first === '--help')
    return say('Usage:\n        ethtool [ FLAGS ] DEVNAME\tDisplay standard information about device\n');
  if (!first.startsWith('-')) {
    const dev = p.ns.device(first);
    return dev ? settings(dev) : { out: 'No data available\n', err: NO_DEVICE.repeat(5), status: 75 };
  }
  const verb = VERBS.find((v) => v.names.includes(first));
  if (!verb || name === undefined) return refuse(BAD, 1);
  const dev = p.ns.device(name);
  if (!dev) return verb.missing ?? refuse(NO_DEVICE, 1);
  return verb.run(dev, words);
}

function* main(p: Process): Task<number> {
  const r = run(p, p.argv.slice(1));
  if (r.out !== '') yield* p.out(r.out);
  if (r.err !== '') yield* p.err(r.err);
  return r.status;
}

export const ethtool: Command = { name: 'ethtool', main, path: '/usr/sbin/ethtool' };
