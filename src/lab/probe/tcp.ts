/** A TCP connection: made, refused, unanswered, or told to be unreachable. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { connectTcp, openTcp } from '../../os/sockcalls.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { SEC } from '../../sim/sim.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { isAddress, type Spot } from '../place.ts';
import { resolve } from './names.ts';
import { type Failure, failureOf } from './outcome.ts';
import { type Probed, probe } from './run.ts';
import type { Watch } from './watch.ts';

/** Longer than a neighbour takes to be given up. */
export const PATIENCE = 3.5 * SEC;
/** What a resolver may need before it has tried its second server. */
export const NAME_PATIENCE = 6 * SEC;
/** Connection requests that are dropped for good before it is given up. */
export const TRIES = 2;
/** With questions for its address before, which are dropped for good. */
export const NAME_TRIES = 4;

export interface TcpSpec {
  readonly to: string;
  readonly port: number;
}

export type TcpOutcome = { readonly kind: 'ok'; readonly text: string } | Failure;

export const TIMEOUT: Failure = { kind: 'timeout', text: 'no answer to the connection request' };

/** Connected, or why not. */
export function* dial(p: Process, dst: IpAddr, port: number, deadline: number, watch: Watch | null): Task<TcpSocket | Failure> {
  const sock = openTcp(p, typeof dst === 'number' ? 4 : 6);
  const r = yield* connectTcp(sock, dst, port, deadline);
  if (r.ok) return sock;
  return r.errno === 'EAGAIN' || r.errno === 'ETIMEDOUT' ? TIMEOUT : failureOf(r.errno, watch?.said() ?? null);
}

export function* connect(p: Process, spec: TcpSpec, watch: Watch | null): Task<TcpOutcome> {
  const dst = yield* resolve(p, spec.to, false);
  if (typeof dst === 'object') return dst;
  const sock = yield* dial(p, dst, spec.port, p.sim.now + PATIENCE, watch);
  return 'kind' in sock && sock.kind !== 'tcp' ? (sock as Failure) : { kind: 'ok', text: 'connected' };
}

export function tcp(spot: Spot, spec: TcpSpec): Probed<TcpOutcome> {
  const known = isAddress(spec.to);
  return probe<TcpOutcome>(
    spot,
    { micros: PATIENCE + (known ? 0 : NAME_PATIENCE), tries: known ? TRIES : NAME_TRIES },
    (p, watch) => connect(p, spec, watch),
    () => TIMEOUT,
  );
}
