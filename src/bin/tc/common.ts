/** What the objects of tc share. */

import type * as tc from '../../os/tc.ts';
import type { Ctx } from '../ip/ctx.ts';
import type { Args } from '../ip/lib/args.ts';
import { showSize } from './units.ts';

export interface TcCtx extends Ctx {
  iec: boolean;
  raw: number;
  graph: boolean;
}

/** A qdisc kind whose arguments end the program with this text, status 1. */
export class BadOption extends Error {
  readonly text: string;

  constructor(text: string) {
    super(text);
    this.text = text;
  }
}

export function bad(text: string): never {
  throw new BadOption(text);
}

export interface QdiscKind {
  parse(ctx: TcCtx, a: Args, kind: string): tc.QdiscOptions | null;
  print(ctx: TcCtx, q: tc.Qdisc): void;
  printXstats?(ctx: TcCtx, q: tc.Qdisc): void;
}

/** Digits come next: the word belongs to the option before. */
export function numberNext(a: Args): boolean {
  return a.peek !== undefined && /^\d/.test(a.peek);
}

export function signedNext(a: Args): boolean {
  return a.peek !== undefined && /^[-\d]/.test(a.peek);
}

/** `Sent … bytes`, backlog. Models print_tcstats2_attr() */
export function printStats(
  ctx: TcCtx,
  s: { bytes: number; packets: number; drops: number; overlimits: number; requeues: number; backlog: number; qlen: number },
  prefix: string,
): void {
  const { pr } = ctx;
  pr.fp(prefix);
  pr.any('bytes', s.bytes, `Sent ${s.bytes} bytes`);
  pr.any('packets', s.packets, ` ${s.packets} pkt`);
  pr.any('drops', s.drops, ` (dropped ${s.drops}`);
  pr.any('overlimits', s.overlimits, `, overlimits ${s.overlimits}`);
  pr.any('requeues', s.requeues, ` requeues ${s.requeues}) `);
  pr.nl();
  pr.fp(prefix);
  pr.any('backlog', s.backlog, `backlog ${showSize(s.backlog)}`);
  pr.any('qlen', s.qlen, ` ${s.qlen}p`);
  pr.fp(` requeues ${s.requeues}`);
}
