/** How a connection, a datagram or a request ends, in the words that checks use. */

import type { Errno } from '../../sim/errno.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';

/** Where an answer of ICMP says that it cannot be reached: network, host, port, or forbidden by an administrator. */
export type Unreachable = 'net' | 'host' | 'port' | 'admin';

/** What an ICMP error said, and who. */
export interface Said {
  readonly what: Unreachable;
  readonly from: IpAddr;
}

export type Failure =
  | { readonly kind: 'refused' | 'timeout' | 'reset'; readonly text: string }
  | { readonly kind: 'unreachable'; readonly what: Unreachable; readonly text: string }
  /** The name of the target, or the place, is not known. */
  | { readonly kind: 'unknown'; readonly text: string };

/** The word of a failure: `refused`, `unreachable-admin` … */
export function wordOf(f: Failure): string {
  return f.kind === 'unreachable' ? `unreachable-${f.what}` : f.kind;
}

/** Whether an outcome is what was expected: `fails` is any failure, `unreachable` any of its kinds. */
export function meets(expect: string, got: string): boolean {
  if (expect === got) return true;
  if (expect === 'fails') return got !== 'ok' && got !== 'answer' && got !== 'unknown';
  return expect === 'unreachable' && got.startsWith('unreachable-');
}

/** ICMP type 3 codes and ICMPv6 type 1 codes, by what they mean. */
export function unreachableOf(code: number, v6: boolean): Unreachable {
  if (v6) return code === 0 ? 'net' : code === 1 || code === 5 || code === 6 ? 'admin' : code === 4 ? 'port' : 'host';
  if (code === 9 || code === 10 || code === 13) return 'admin';
  return code === 3 ? 'port' : code === 0 || code === 6 || code === 8 || code === 11 ? 'net' : 'host';
}

const WORDS: Record<Unreachable, string> = {
  net: 'network is unreachable',
  host: 'no route to host',
  port: 'port unreachable',
  admin: 'administratively prohibited',
};

/** A failure of a socket call. `said`: the ICMP error that came, when one did. */
export function failureOf(errno: Errno | string, said: Said | null): Failure {
  if (errno === 'ECONNREFUSED') return { kind: 'refused', text: 'connection refused' };
  if (errno === 'ECONNRESET' || errno === 'EPIPE') return { kind: 'reset', text: 'connection reset' };
  if (errno === 'ETIMEDOUT' || errno === 'EAGAIN') return { kind: 'timeout', text: 'no answer' };
  if (errno === 'EACCES' || errno === 'EPERM') return { kind: 'unreachable', what: 'admin', text: "forbidden by the sender's own host" };
  if (said) return { kind: 'unreachable', what: said.what, text: `${WORDS[said.what]}, says ${formatIp(said.from)}` };
  if (errno === 'EADDRNOTAVAIL') return { kind: 'unreachable', what: 'net', text: 'no source address' };
  if (errno === 'EINVAL') return { kind: 'unreachable', what: 'net', text: 'the route leads nowhere (blackhole)' };
  if (errno === 'ENETUNREACH') return { kind: 'unreachable', what: 'net', text: 'network is unreachable, says the sender itself' };
  if (errno === 'EHOSTUNREACH')
    return { kind: 'unreachable', what: 'host', text: 'no route to host, says the sender itself: the next hop does not answer ARP' };
  return { kind: 'unreachable', what: 'host', text: String(errno) };
}
