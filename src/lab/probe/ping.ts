/** Echo requests: size, DF, time to live, how many. */

import { RawSocket } from '../../net/sock/raw.ts';
import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { waitFor } from '../../os/sockcalls.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { emitIcmp, ICMP_ECHO } from '../../wire/icmp.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, ip4HeaderLen } from '../../wire/ipv4.ts';
import { isAddress, type Spot } from '../place.ts';
import { resolve } from './names.ts';
import { type Failure, failureOf, unreachableOf } from './outcome.ts';
import { type Probed, probe } from './run.ts';
import { NAME_PATIENCE, NAME_TRIES } from './tcp.ts';

/** Longer than a neighbour takes to be given up, so that the answer names it. */
const PATIENCE = 3.5 * SEC;

export interface PingSpec {
  readonly to: string;
  /** Bytes of echo data. */
  readonly size: number;
  /** Don't-fragment bit. */
  readonly df: boolean;
  readonly ttl?: number;
  /** How many requests, one after the other; the first that gets no answer ends it. */
  readonly count?: number;
}

export type PingOutcome =
  | { readonly kind: 'reply'; readonly ttl: number }
  | { readonly kind: 'silence'; readonly text: string }
  /** The sender's own kernel refuses the size. */
  | { readonly kind: 'too-long'; readonly text: string }
  /** A router on the way said so. */
  | { readonly kind: 'frag-needed' | 'ttl-exceeded'; readonly text: string; readonly mtu?: number }
  | Failure;

const SILENCE: PingOutcome = { kind: 'silence', text: 'no reply' };

export function ping(spot: Spot, spec: PingSpec): Probed<PingOutcome> {
  const micros = PATIENCE + ((spec.count ?? 1) - 1) * SEC + (isAddress(spec.to) ? 0 : NAME_PATIENCE);
  return probe<PingOutcome>(
    spot,
    { micros, tries: isAddress(spec.to) ? 1 : NAME_TRIES },
    function* (p) {
      const dst = yield* resolve(p, spec.to, false);
      if (typeof dst === 'object') return dst;
      return yield* echo(p, dst, spec);
    },
    () => SILENCE,
  );
}

export function* echo(p: Process, dst: IpAddr, spec: PingSpec): Task<PingOutcome> {
  const v6 = typeof dst === 'bigint';
  const sock = new RawSocket(p.ns, v6 ? 6 : 4, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  p.socketFd(sock);
  sock.opt.mtuDiscover = spec.df ? 'do' : 'dont';
  const id = 0x4000 | p.sim.rng('probe').below(0x3fff);
  let outcome: PingOutcome = SILENCE;
  for (let n = 1; n <= (spec.count ?? 1); n++) {
    const request = emitIcmp({
      type: v6 ? 128 : ICMP_ECHO,
      code: 0,
      rest: ((id << 16) | n) >>> 0,
      payload: new Uint8Array(spec.size).fill(0x68),
    });
    const sent = sock.sendTo(request, dst, spec.ttl === undefined ? {} : { ttl: spec.ttl });
    if (!sent.ok)
      return sent.errno === 'EMSGSIZE' ? { kind: 'too-long', text: 'refused by the sender as too long' } : failureOf(sent.errno, null);
    const deadline = p.sim.now + PATIENCE;
    let heard: PingOutcome | null = null;
    while (heard === null) {
      const w = yield* waitFor(sock, () => sock.readable(), deadline);
      if (!w.ok) return SILENCE;
      const r = sock.recv();
      if (!r.ok) return r.errno === 'EMSGSIZE' ? { kind: 'too-long', text: 'refused by the sender as too long' } : failureOf(r.errno, null);
      heard = v6
        ? reading6(r.value.data, r.value.from, r.value.ttl, dst, id, n)
        : reading4(r.value.data, r.value.from, r.value.ttl, dst, id, n);
    }
    outcome = heard;
    if (outcome.kind !== 'reply') break;
  }
  return outcome;
}

function reading4(b: Uint8Array, from: IpAddr, ttl: number, dst: IpAddr, id: number, n: number): PingOutcome | null {
  const at = ip4HeaderLen(b);
  if (b.length < at + 8) return null;
  const type = b[at] as number;
  const code = b[at + 1] as number;
  const rest = ((id << 16) | n) >>> 0;
  // One's own address and the loopback answer from the address that was asked.
  if (type === 0) return u32(b, at + 4) === rest && from === dst ? { kind: 'reply', ttl } : null;
  if (type !== 3 && type !== 11) return null;
  const inner = at + 8;
  const quoted = inner + ip4HeaderLen(b.subarray(inner));
  if (b.length < quoted + 8 || u16(b, quoted + 4) !== id) return null;
  const says = `says ${formatIp(from)}`;
  if (type === 11) return { kind: 'ttl-exceeded', text: `time to live exceeded, ${says}` };
  if (code === 4) {
    const mtu = u16(b, at + 6);
    return { kind: 'frag-needed', text: `fragmentation needed (mtu ${mtu}), ${says}`, mtu };
  }
  return { kind: 'unreachable', what: unreachableOf(code, false), text: `destination ${unreachableOf(code, false)} unreachable, ${says}` };
}

function reading6(b: Uint8Array, from: IpAddr, ttl: number, dst: IpAddr, id: number, n: number): PingOutcome | null {
  if (b.length < 8) return null;
  const type = b[0] as number;
  if (type === 129) return u32(b, 4) === ((id << 16) | n) >>> 0 && from === dst ? { kind: 'reply', ttl } : null;
  if (type < 1 || type > 3 || b.length < 56 || u16(b, 52) !== id) return null;
  const says = `says ${formatIp(from)}`;
  if (type === 3) return { kind: 'ttl-exceeded', text: `hop limit exceeded, ${says}` };
  if (type === 2) return { kind: 'frag-needed', text: `packet too big (mtu ${u32(b, 4)}), ${says}`, mtu: u32(b, 4) };
  const what = unreachableOf(b[1] as number, true);
  return { kind: 'unreachable', what, text: `destination ${what} unreachable, ${says}` };
}
