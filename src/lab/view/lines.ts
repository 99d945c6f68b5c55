/** Packets as lines that `tcpdump -n` prints, and filters in its language. */

import { type Insn, runBpf } from '../../bin/tcpdump/bpf/insn.ts';
import { FilterError } from '../../bin/tcpdump/bpf/tree.ts';
import { compileText, hostNames, namesOf } from '../../bin/tcpdump/compile.ts';
import { printPacket } from '../../bin/tcpdump/print/link.ts';
import type { Names } from '../../bin/tcpdump/print/ndo.ts';
import type { Process } from '../../os/process.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { LINKTYPE_ETHERNET } from '../../wire/pcap.ts';
import type { Seen } from './recorder.ts';

const NUMERIC: Names = {
  o: { link: false, verbose: 0, quick: false, absoluteSeq: false },
  host: formatIp,
  port: String,
};

/** First sequence numbers of conversations, by which tcpdump prints the others. */
export type Sequences = Map<string, { seq: number; ack: number }>;

export const lineOf = (frame: Uint8Array, sequences: Sequences): string =>
  printPacket(NUMERIC, sequences, LINKTYPE_ETHERNET, frame, frame.length, String).text;

/** The frame that was seen; of what had not been at a device yet, its packet in a frame without addresses. */
export function frameAt(s: Seen): Uint8Array | null {
  if (s.e.kind === 'net.tx' || s.e.kind === 'net.rx') return s.e.bytes;
  const { data } = s;
  if (!data) return null;
  const version = (data[0] ?? 0) >> 4;
  const type = version === 4 ? ETH_P_IP : version === 6 ? ETH_P_IPV6 : ETH_P_ARP;
  const frame = new Uint8Array(14 + data.length);
  frame[12] = type >> 8;
  frame[13] = type & 255;
  frame.set(data, 14);
  return frame;
}

/** `09:00:03.000123` of virtual µs. */
export function clock(epochMs: number, time: number): string {
  const micros = epochMs * 1000 + time;
  const s = Math.floor(micros / 1_000_000) % 86_400;
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}.${String(micros % 1_000_000).padStart(6, '0')}`;
}

export interface Filter {
  readonly matches: (frame: Uint8Array) => boolean;
  /** What tcpdump would say; empty when the filter is one. */
  readonly error: string;
}

const EVERYTHING: Filter = { matches: () => true, error: '' };
const MAX_FILTER = 2000;

/** `hosts`: what a name stands for, beside what /etc/hosts of the caller says. */
export function filterOf(text: string, p: Process, hosts: (name: string) => readonly IpAddr[]): Filter {
  if (text.trim() === '') return EVERYTHING;
  const nothing = (error: string): Filter => ({ matches: () => false, error: `tcpdump: ${error}` });
  if (text.length > MAX_FILTER) return nothing(`the filter is longer than ${MAX_FILTER} characters`);
  try {
    const known = new Map<string, readonly IpAddr[]>();
    for (const name of hostNames(text)) {
      const found = [...hosts(name), ...inHostsFile(p, name)];
      if (found.length > 0) known.set(name, found);
    }
    const program: Insn[] = compileText(text, namesOf(p, known), { linktype: LINKTYPE_ETHERNET, offline: true });
    return { matches: (data) => runBpf(program, { data, length: data.length, outgoing: false }) > 0, error: '' };
  } catch (e) {
    if (!(e instanceof FilterError)) throw e;
    return nothing(e.message);
  }
}

function inHostsFile(p: Process, name: string): IpAddr[] {
  return (p.readText('/etc/hosts') ?? '').split('\n').flatMap((line) => {
    const [ip = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const addr = names.includes(name) ? parseIp(ip) : null;
    return addr === null ? [] : [addr];
  });
}
