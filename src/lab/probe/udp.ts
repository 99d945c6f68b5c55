/** A datagram and the answer to it. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { openUdp, waitFor } from '../../os/sockcalls.ts';
import { SEC } from '../../sim/sim.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { isAddress, type Spot } from '../place.ts';
import { resolve } from './names.ts';
import { type Failure, failureOf } from './outcome.ts';
import { type Probed, probe } from './run.ts';
import { NAME_PATIENCE, NAME_TRIES } from './tcp.ts';
import type { Watch } from './watch.ts';

const PATIENCE = 3.5 * SEC;

export interface UdpSpec {
  readonly to: string;
  readonly port: number;
  /** What is sent. */
  readonly data?: string;
}

export type UdpOutcome = { readonly kind: 'answer'; readonly data: string } | Failure;

const TIMEOUT: Failure = { kind: 'timeout', text: 'no answer to the datagram' };

export function* ask(p: Process, spec: UdpSpec, watch: Watch | null): Task<UdpOutcome> {
  const dst = yield* resolve(p, spec.to, false);
  if (typeof dst === 'object') return dst;
  const sock = openUdp(p, typeof dst === 'number' ? 4 : 6);
  const connected = sock.connect(dst, spec.port);
  if (!connected.ok) return failureOf(connected.errno, null);
  const sent = sock.send(utf8(spec.data ?? 'probe\n'));
  if (!sent.ok) return failureOf(sent.errno, null);
  const w = yield* waitFor(sock, () => sock.readable(), p.sim.now + PATIENCE);
  if (!w.ok) return TIMEOUT;
  const r = sock.recv();
  if (r.ok) return { kind: 'answer', data: text(r.value) };
  return failureOf(r.errno, watch?.said() ?? null);
}

export function udp(spot: Spot, spec: UdpSpec): Probed<UdpOutcome> {
  const known = isAddress(spec.to);
  return probe<UdpOutcome>(
    spot,
    { micros: PATIENCE + (known ? 0 : NAME_PATIENCE), tries: known ? 1 : NAME_TRIES },
    (p, watch) => ask(p, spec, watch),
    () => TIMEOUT,
  );
}
