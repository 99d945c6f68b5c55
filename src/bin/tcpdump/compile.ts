/** The filter of a run: its text from the command line or a file, names looked up, compiled to BPF. Models read_infile(), pcap_compile() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { strerror } from '../../sim/errno.ts';
import { toInsns } from './bpf/block.ts';
import { Generator } from './bpf/gen.ts';
import { dump, type Insn, type Packet, runBpf } from './bpf/insn.ts';
import { optimize } from './bpf/optimize.ts';
import { parseFilter } from './bpf/syntax.ts';
import type { Names, Target } from './bpf/target.ts';
import { FilterError, type Node, primitives } from './bpf/tree.ts';
import { OptimizeError } from './bpf/values.ts';
import { ETHER_PROTOCOLS, PROTOCOL_NUMBERS } from './names.ts';
import type { TcpdumpOptions } from './options.ts';

/** A failure that ends tcpdump with its text on stderr and status 1. */
export class Fatal extends Error {}

export type Predicate = (p: Packet) => boolean;

export interface Compiled {
  /** Null: everything is taken. */
  run: Predicate | null;
  /** What -d, -dd and -ddd print. */
  listing(level: number): string;
}

const OPTION_TARGET = { snaplen: 262_144, vlanApart: false };

/** Instructions for a filter whose names are known. Throws FilterError with libpcap's text. */
export function compileText(
  text: string,
  names: Names,
  target: Pick<Target, 'linktype' | 'offline'> & Partial<Target>,
  optimizes = true,
): Insn[] {
  const t: Target = { ...OPTION_TARGET, ...target };
  const before: Node[] = [];
  let node: Node | null;
  try {
    node = parseFilter(text, (n) => before.push(n));
  } catch (e) {
    // What is wrong with the part that was read comes first.
    const g = new Generator(t, names);
    for (const n of before) g.gen(n);
    throw e;
  }
  const g = new Generator(t, names);
  const code = g.program(node);
  if (optimizes && !g.noOptimize) {
    try {
      optimize(code);
    } catch (e) {
      if (e instanceof OptimizeError) throw new FilterError(e.message);
      throw e;
    }
    if ((code.root.s.code & 7) === 6 && code.root.s.k === 0) throw new FilterError('expression rejects all packets');
  }
  return toInsns(code);
}

/** Names of hosts that the filter, or the part of it that could be read, asks for. */
export function hostNames(text: string): string[] {
  const found: Node[] = [];
  try {
    const node = parseFilter(text, (n) => found.push(n));
    if (node) found.push(...primitives(node));
  } catch (e) {
    if (!(e instanceof FilterError)) throw e;
  }
  const names = found.flatMap((n) =>
    n.op === 'name' && (n.q.addr === 'host' || n.q.addr === 'default') && n.q.proto !== 'link' ? [n.text] : [],
  );
  return [...new Set(names)];
}

const TRANSPORT: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

export function namesOf(p: Process, hosts: ReadonlyMap<string, readonly (number | bigint)[]>): Names {
  const services = (p.readText('/etc/services') ?? '').split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  const networks = (p.readText('/etc/networks') ?? '').split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  return {
    host: (name) => hosts.get(name) ?? [],
    network: (name) => {
      const row = networks.find((r) => r[0] === name || r.slice(2).includes(name));
      const parts = row?.[1]?.split('.').map(Number) ?? [];
      while (parts.length > 1 && parts.at(-1) === 0) parts.pop();
      return parts.reduce((a, b) => a * 256 + b, 0);
    },
    port: (name) => {
      if (/^\d+$/.test(name)) return { port: Number(name), proto: -1 };
      const rows = services.filter((r) => r[0] === name || r.slice(2).includes(name)).map((r) => (r[1] ?? '').split('/'));
      const known = rows.filter((r) => TRANSPORT[r[1] ?? ''] !== undefined);
      const tcp = known.find((r) => r[1] === 'tcp');
      const udp = known.find((r) => r[1] === 'udp');
      if (tcp && udp) return { port: Number(tcp[0]), proto: -1 };
      const one = tcp ?? udp ?? known[0];
      return one ? { port: Number(one[0]), proto: TRANSPORT[one[1] as string] as number } : null;
    },
    ipProto: (name) => PROTOCOL_NUMBERS[name] ?? null,
    etherProto: (name) => ETHER_PROTOCOLS[name] ?? null,
  };
}

export function* compile(p: Process, o: TcpdumpOptions, target: Pick<Target, 'linktype' | 'offline'>, live = false): Task<Compiled> {
  let source = o.filter;
  if (o.filterFile !== null) {
    const r = p.readFile(o.filterFile);
    if (!r.ok) throw new Fatal(`can't open ${o.filterFile}: ${strerror(r.errno)}`);
    source = new TextDecoder().decode(r.value).replace(/#.*$/gm, '');
  }
  const hosts = new Map<string, readonly (number | bigint)[]>();
  for (const name of hostNames(source)) {
    const r = yield* getaddrinfo(p, name);
    if (r.ok) hosts.set(name, r.addrs);
  }
  const names = namesOf(p, hosts);
  try {
    // Frames carry their VLAN tag in line here, so the code that runs needs none of what the kernel keeps beside them.
    const program = compileText(source, names, { ...target, snaplen: o.snaplen }, o.optimize);
    const shown = (): Insn[] => compileText(source, names, { ...target, snaplen: o.snaplen, vlanApart: live }, o.optimize);
    return {
      run: source.trim() === '' ? null : (packet) => runBpf(program, packet) > 0,
      listing: (level) => dump(shown(), level),
    };
  } catch (e) {
    if (!(e instanceof FilterError)) throw e;
    throw new Fatal(e.message);
  }
}
