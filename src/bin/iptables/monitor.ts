/** xtables-monitor: the way of packets with -j TRACE, and changes of the tables. Models iptables/xtables-monitor.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import type { xt } from '../../os/uapi.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { formatIp } from '../../wire/addr.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { specText } from './print.ts';

const VERSION = '1.8.9 (nf_tables)';

const USAGE = `xtables-monitor ${VERSION}
Usage: xtables-monitor [ -t | -e ]
        --trace    -t    trace ruleset traversal of packets tagged via -j TRACE rule
        --event    -e    show events that modify the ruleset
Optional arguments:
        --ipv4     -4    only monitor IPv4
        --ipv6     -6    only monitor IPv6
	--counters -c    show counters in rules
`;

const BAD = "xtables-monitor 1.8.9: Bad argument.\nTry `xtables-monitor -h' for more information.\n";

const LONG: Readonly<Record<string, string>> = {
  counters: 'c',
  trace: 't',
  event: 'e',
  ipv4: '4',
  ipv6: '6',
  version: 'V',
  help: 'h',
};

interface Options {
  trace: boolean;
  event: boolean;
  counters: boolean;
  family: 4 | 6 | null;
}

/** AF_INET and AF_INET6 as the tool prints them. */
const familyNumber = (family: 4 | 6): number => (family === 4 ? 2 : 10);
const idText = (id: number): string => id.toString(16).padStart(8, '0');

/** MAC addresses are printed byte by byte, without leading zeros for multicast's. */
function mac(n: number): string {
  const bytes = [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) & 255);
  const text = bytes.map((b) => b.toString(16));
  return (bytes[0] as number) & 1 ? text.join(':') : text.map((t) => t.padStart(2, '0')).join(':');
}

const TCP_FLAGS: readonly (readonly [number, string])[] = [
  [128, 'CWR'],
  [64, 'ECE'],
  [32, 'URG'],
  [16, 'ACK'],
  [8, 'PSH'],
  [4, 'RST'],
  [2, 'SYN'],
  [1, 'FIN'],
];

function packetLine(step: xt.NfTraceStep): string {
  const { p } = step;
  const { skb } = p;
  const b = skb.data;
  let s = `PACKET: ${familyNumber(p.family)} ${idText(step.id)} `;
  if (p.in) s += `IN=${p.in.name} `;
  if (p.out) s += `OUT=${p.out.name} `;
  if (p.in && p.in.kind !== 'loopback')
    s += `MACSRC=${mac(skb.ethSrc)} MACDST=${mac(skb.ethDst)} MACPROTO=${p.family === 4 ? '0800' : '86dd'} `;
  s += `SRC=${formatIp(p.src)} DST=${formatIp(p.dst)} `;
  if (p.family === 4) {
    const frag = u16(b, 6);
    s += `LEN=${u16(b, 2)} TOS=0x${((b[1] as number) & 0xfc).toString(16)} TTL=${b[8]} ID=${u16(b, 4)} `;
    s += `${frag & 0x8000 ? 'CE ' : ''}${frag & 0x4000 ? 'DF ' : ''}${frag & 0x2000 ? 'MF ' : ''}${frag & 0x1fff ? `FRAG:${frag & 0x1fff} ` : ''}`;
  } else {
    const tc = (((b[0] as number) & 15) << 4) | ((b[1] as number) >> 4);
    s += `LEN=${u16(b, 4)} TC=${tc} HOPLIMIT=${b[7]} FLOWLBL=${u32(b, 0) & 0xfffff} `;
  }
  if (p.frag === 0 && (p.proto === 6 || p.proto === 17) && p.l4 + 4 <= b.length) {
    s += `SPORT=${u16(b, p.l4)} DPORT=${u16(b, p.l4 + 2)} `;
    if (p.proto === 6 && p.l4 + 14 <= b.length) {
      const flags = b[p.l4 + 13] as number;
      for (const [bit, name] of TCP_FLAGS) if (flags & bit) s += `${name} `;
    }
  }
  if (skb.mark) s += `MARK=0x${skb.mark.toString(16)} `;
  return `${s}\n`;
}

function traceLine(step: xt.NfTraceStep): string {
  const { family } = step.p;
  const head = ` TRACE: ${familyNumber(family)} ${idText(step.id)} ${step.table}:${step.chain}`;
  if (!step.rule) return `${head}:policy:${step.verdict.toUpperCase()} \n`;
  // The tool has no word for RETURN.
  const [word, chain] = step.verdict.split(' ');
  const verdict = word === 'return' ? '0xfffffffb' : chain ? `${word?.toUpperCase()}:${chain}` : step.verdict.toUpperCase();
  const { rule } = step;
  return `${head}:rule:0x${rule.handle.toString(16)}:${verdict}  -${family} -t ${step.table} -A ${step.chain}${specText(rule.spec, family)}\n`;
}

const HOOKS: Readonly<Record<string, string>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };

function chainText(change: xt.NfTableChange, chain: xt.Chain): string {
  const { table, family } = change;
  const type = table === 'nat' ? 'nat' : table === 'mangle' && chain.hook === 'OUTPUT' ? 'route' : 'filter';
  const nat = chain.hook === 'PREROUTING' || chain.hook === 'OUTPUT' ? -100 : 100;
  return (
    `# nft: ${family === 4 ? 'ip' : 'ip6'} ${table} ${chain.name} use ${chain.rules.length} type ${type} hook ${HOOKS[chain.hook as string]} ` +
    `prio ${table === 'nat' ? nat : PRIORITIES[table]} policy ${chain.policy.toLowerCase()} packets ${chain.packets} bytes ${chain.bytes} flags 1`
  );
}

function eventLines(change: xt.NfTableChange, o: Options): string {
  const { before, after, family, table } = change;
  const head = ` EVENT: -${family} -t ${table}`;
  let s = '';
  if (change.created)
    s += ` EVENT: nft: NEW table: table ${table} ${family === 4 ? 'ip' : 'ip6'} flags 0 use ${after.size} handle ${change.tableHandle}\n`;
  const rule = (r: xt.Rule, letter: 'A' | 'D', chain: string): string =>
    `${head}${o.counters ? ` [${r.packets}:${r.bytes}]` : ''} -${letter} ${chain}${specText(r.spec, family)}\n`;
  for (const chain of after.values()) {
    const old = before.get(chain.name);
    if (!old) s += chain.hook ? ` EVENT: ${chainText(change, { ...chain, policy: 'ACCEPT' })}\n` : `${head} -N ${chain.name}\n`;
    if (chain.hook && chain.policy !== (old?.policy ?? 'ACCEPT')) s += ` EVENT: ${chainText(change, chain)}\n`;
    const kept = new Set(chain.rules);
    for (const r of old?.rules ?? []) if (!kept.has(r)) s += rule(r, 'D', chain.name);
    const there = new Set(old?.rules ?? []);
    for (const r of chain.rules) if (!there.has(r)) s += rule(r, 'A', chain.name);
  }
  for (const chain of before.values()) {
    if (after.has(chain.name)) continue;
    for (const r of chain.rules) s += rule(r, 'D', chain.name);
    s += `${head} -X ${chain.name}\n`;
  }
  return s;
}

function parse(argv: readonly string[]): Options | { out: string; err: string; status: number } {
  const o: Options = { trace: false, event: false, counters: false, family: null };
  for (const arg of argv) {
    const keys = arg.startsWith('--') ? [LONG[arg.slice(2)] ?? '?'] : arg.startsWith('-') && arg !== '-' ? [...arg.slice(1)] : [];
    for (const key of keys) {
      if (key === 't') o.trace = true;
      else if (key === 'e') o.event = true;
      else if (key === 'c') o.counters = true;
      else if (key === '4' || key === '6') o.family = key === '4' ? 4 : 6;
      else if (key === 'V') return { out: 'xtables-monitor 1.8.9\n', err: '', status: 0 };
      else if (key === 'h') return { out: USAGE, err: '', status: 1 };
      else return { out: '', err: BAD, status: 2 };
    }
  }
  return o.trace || o.event ? o : { out: USAGE, err: '', status: 1 };
}

function* watch(p: Process, o: Options): Task<number> {
  const queue = new WaitQueue();
  let text = '';
  /** Lines of -e stay in the C library's buffer while standard output is no terminal. */
  let held = '';
  const lines = p.fds.get(1)?.kind === 'tty';
  const wanted = (family: 4 | 6): boolean => o.family === null || o.family === family;
  const onStep = (step: xt.NfTraceStep): void => {
    if (!wanted(step.p.family)) return;
    if (step.first) text += packetLine(step);
    text += held + traceLine(step);
    held = '';
    queue.wakeAll();
  };
  const onChange = (change: xt.NfTableChange): void => {
    const generation = `NEWGEN: GENID=${p.ns.nf.watchers.generation} PID=${p.pid} NAME=iptables\n`;
    held += `${wanted(change.family) ? eventLines(change, o) : ''}${generation}`;
    if (!lines && held.length < 4096) return;
    text += held;
    held = '';
    queue.wakeAll();
  };
  const { watchers } = p.ns.nf;
  if (o.trace) watchers.steps.add(onStep);
  if (o.event) watchers.changes.add(onChange);
  try {
    for (;;) {
      if (text !== '') {
        const chunk = text;
        text = '';
        yield* p.out(chunk);
      } else yield { on: [queue] };
    }
  } finally {
    watchers.steps.delete(onStep);
    watchers.changes.delete(onChange);
  }
}

export const xtablesMonitor: Command = {
  name: 'xtables-monitor',
  path: '/usr/sbin/xtables-monitor',
  *main(p) {
    const o = parse(p.argv.slice(1));
    if ('status' in o) {
      if (o.out !== '') yield* p.out(o.out);
      if (o.err !== '') yield* p.err(o.err);
      return o.status;
    }
    return yield* watch(p, o);
  },
};
