/** netem on the command line. Models tc/q_netem.c */

import * as tc from '../../os/tc.ts';
import type { Args } from '../ip/lib/args.ts';
import { integer, matches, unsigned } from '../ip/lib/args.ts';
import { bad, numberNext, type QdiscKind, signedNext, type TcCtx } from './common.ts';
import { distribution } from './dist.ts';
import {
  formatG,
  parsePercent,
  parseRate,
  parseSize,
  parseTime,
  parseTime64,
  showRate,
  showTime,
  showTime64,
  ticksOf,
  usOf,
} from './units.ts';

const MAX = 0xffffffff;

const USAGE = `Usage: ... netem [ limit PACKETS ]
                 [ delay TIME [ JITTER [CORRELATION]]]
                 [ distribution {uniform|normal|pareto|paretonormal} ]
                 [ corrupt PERCENT [CORRELATION]]
                 [ duplicate PERCENT [CORRELATION]]
                 [ loss random PERCENT [CORRELATION]]
                 [ loss state P13 [P31 [P32 [P23 P14]]]
                 [ loss gemodel PERCENT [R [1-H [1-K]]]
                 [ ecn ]
                 [ reorder PERCENT [CORRELATION] [ gap DISTANCE ]]
                 [ rate RATE [PACKETOVERHEAD] [CELLSIZE] [CELLOVERHEAD]]
                 [ slot MIN_DELAY [MAX_DELAY] [packets MAX_PACKETS] [bytes MAX_BYTES]]
                 [ slot distribution {uniform|normal|pareto|paretonormal|custom}
                   DELAY JITTER [packets MAX_PACKETS] [bytes MAX_BYTES]]
`;

function illegal(what: string): never {
  bad(`Illegal "${what}"\n`);
}

/** A share of 2^32-1. */
function percent(text: string, what: string): number {
  const p = parsePercent(text);
  return p === null ? illegal(what) : Math.round(p * MAX);
}

function ticks(text: string): number {
  const us = parseTime(text);
  if (us === null) illegal('latency');
  if (us * 15.625 > MAX) bad(`Illegal ${us} time (too large)\nIllegal "latency"\n`);
  return ticksOf(us);
}

function table(ctx: TcCtx, name: string): Int16Array {
  const t = distribution(ctx, name);
  return typeof t === 'string' ? bad(t) : t;
}

type LossModel = tc.NetemOptions['lossModel'];

function lossState(a: Args): LossModel {
  const p = parsePercent(a.next());
  if (p === null) illegal('loss p13');
  const m = { type: 'state' as const, p13: Math.round(p * MAX), p31: Math.round((1 - p) * MAX), p32: 0, p23: MAX, p14: 0 };
  for (const key of ['p31', 'p32', 'p23', 'p14'] as const) {
    if (!numberNext(a)) return m;
    m[key] = percent(a.next(), `loss ${key}`);
  }
  return m;
}

function lossGe(a: Args): LossModel {
  const p = parsePercent(a.next());
  if (p === null) illegal('loss gemodel p');
  const m = { type: 'gemodel' as const, p: Math.round(p * MAX), r: Math.round((1 - p) * MAX), h: 0, k1: 0 };
  if (!numberNext(a)) return m;
  m.r = percent(a.next(), 'loss gemodel r');
  if (!numberNext(a)) return m;
  m.h = MAX - percent(a.next(), 'loss gemodel h');
  if (!numberNext(a)) return m;
  m.k1 = percent(a.next(), 'loss gemodel k');
  return m;
}

interface SlotGiven {
  slot: tc.NetemSlot;
  table: Int16Array | null;
}

function parseSlot(ctx: TcCtx, a: Args): SlotGiven {
  const slot = { minDelay: 0, maxDelay: 0, distDelay: 0, distJitter: 0, maxPackets: 0, maxBytes: 0 };
  let t: Int16Array | null = null;
  if (numberNext(a)) {
    slot.minDelay = parseTime64(a.next()) ?? illegal('slot min_delay');
    slot.maxDelay = slot.minDelay;
    if (numberNext(a)) {
      slot.maxDelay = parseTime64(a.next()) ?? illegal('slot max_delay');
      if (slot.maxDelay < slot.minDelay) illegal('slot max_delay');
    }
  } else {
    if (a.next() !== 'distribution') bad(`Unknown slot parameter: ${a.word}\n`);
    t = table(ctx, a.next());
    slot.distDelay = parseTime64(a.next()) ?? illegal('slot delay');
    slot.distJitter = parseTime64(a.next()) ?? illegal('slot jitter');
    if (slot.distJitter <= 0) bad('Non-positive jitter\n');
  }
  if (a.peek !== undefined && matches(a.peek, 'packets')) {
    a.next();
    slot.maxPackets = integer(a.peek ?? '') ?? illegal('slot packets');
    a.next();
  }
  if (a.peek !== undefined && matches(a.peek, 'bytes')) {
    a.next();
    slot.maxBytes = parseSize(a.peek ?? '') ?? illegal('slot bytes');
    a.next();
  }
  return { slot, table: t };
}

export const netem: QdiscKind = {
  parse(ctx, a) {
    let limit = 1000;
    let latency = 0;
    let jitter = 0;
    let gap = 0;
    let loss = 0;
    let duplicate = 0;
    let hasCorr = false;
    const corr = { delay: 0, loss: 0, dup: 0 };
    let reorder: tc.NetemOptions['reorder'] = null;
    let corrupt: tc.NetemOptions['corrupt'] = null;
    let lossModel: LossModel = null;
    let ecn = false;
    let rate: tc.NetemOptions['rate'] = null;
    let dist: Int16Array | null = null;
    let slot: SlotGiven | null = null;
    for (; a.more; a.step()) {
      if (a.matches('limit')) limit = parseSize(a.next()) ?? illegal('limit');
      else if (a.matches('latency', 'delay')) {
        latency = ticks(a.next());
        if (!numberNext(a)) continue;
        jitter = ticks(a.next());
        if (!numberNext(a)) continue;
        hasCorr = true;
        corr.delay = percent(a.next(), 'latency');
      } else if (a.matches('loss', 'drop')) {
        if (loss > 0 || lossModel !== null) illegal('duplicate loss argument\n');
        a.next();
        if (a.is('state')) lossModel = lossState(a);
        else if (a.is('gemodel')) lossModel = lossGe(a);
        else if (a.is('random') || /^\d/.test(a.word)) {
          if (a.is('random')) a.next();
          loss = percent(a.word, 'loss percent');
          if (!numberNext(a)) continue;
          hasCorr = true;
          corr.loss = percent(a.next(), 'loss correlation');
        } else bad(`Unknown loss parameter: ${a.word}\n`);
      } else if (a.matches('ecn')) ecn = true;
      else if (a.matches('reorder')) {
        const probability = percent(a.next(), 'reorder');
        let correlation = 0;
        if (numberNext(a)) {
          hasCorr = true;
          correlation = percent(a.next(), 'reorder');
        }
        reorder = { probability, correlation };
      } else if (a.matches('corrupt')) {
        const probability = percent(a.next(), 'corrupt');
        let correlation = 0;
        if (numberNext(a)) {
          hasCorr = true;
          correlation = percent(a.next(), 'corrupt');
        }
        corrupt = { probability, correlation };
      } else if (a.matches('gap')) gap = unsigned(a.next()) ?? illegal('gap');
      else if (a.matches('duplicate')) {
        duplicate = percent(a.next(), 'duplicate');
        // Its correlation goes nowhere unless another one is given: tc forgets to say that it is there.
        if (numberNext(a)) corr.dup = percent(a.next(), 'duplicate');
      } else if (a.matches('distribution')) dist = table(ctx, a.next());
      else if (a.matches('rate')) {
        const r = { rate: parseRate(a.next()) ?? illegal('rate'), overhead: 0, cellSize: 0, cellOverhead: 0 };
        if (signedNext(a)) r.overhead = integer(a.next()) ?? illegal('rate');
        if (numberNext(a)) r.cellSize = unsigned(a.next()) ?? illegal('rate');
        if (signedNext(a)) r.cellOverhead = integer(a.next()) ?? illegal('rate');
        rate = r;
      } else if (a.matches('slot')) slot = parseSlot(ctx, a);
      else bad(a.is('help') ? USAGE : `What is "${a.word}"?\n${USAGE}`);
    }
    if (reorder?.probability) {
      if (latency === 0) bad(`reordering not possible without specifying some delay\n${USAGE}`);
      if (gap === 0) gap = 1;
    } else if (gap > 0) bad(`gap specified without reorder probability\n${USAGE}`);
    if (ecn && loss <= 0 && lossModel === null) bad(`ecn requested without loss model\n${USAGE}`);
    if (dist && (latency === 0 || jitter === 0)) bad(`distribution specified but no latency and jitter values\n${USAGE}`);
    return {
      kind: 'netem',
      limit,
      latency,
      jitter,
      gap,
      loss,
      duplicate,
      corr: hasCorr ? corr : null,
      reorder,
      corrupt,
      lossModel,
      ecn,
      rate,
      slot: slot?.slot ?? null,
      distribution: dist,
      slotDistribution: slot?.table ?? null,
    };
  },

  print(ctx, q) {
    if (!(q instanceof tc.Netem)) return;
    const { pr } = ctx;
    pr.any('limit', q.limit, `limit ${q.limit}`);
    if (q.latency) {
      const latency = usOf(q.latency / 64);
      const jitter = usOf(q.jitter / 64);
      pr.openObject('delay');
      pr.fp(` delay ${showTime(latency)}`);
      if (q.jitter) pr.fp(`  ${showTime(jitter)}`);
      pr.jsonOnly('delay', latency / 1e6);
      pr.jsonOnly('jitter', jitter / 1e6);
      correlation(ctx, q.jitter !== 0, q.cor.delay.rho);
      pr.closeObject();
    }
    if (q.loss) {
      pr.openObject('loss-random');
      share(ctx, 'loss', ' loss', q.loss);
      correlation(ctx, true, q.cor.loss.rho);
      pr.closeObject();
    }
    const m = q.lossModel;
    if (m?.type === 'state') {
      pr.openObject('loss-state');
      share(ctx, 'p13', ' loss state p13', m.p13);
      for (const key of ['p31', 'p32', 'p23', 'p14'] as const) share(ctx, key, ` ${key}`, m[key]);
      pr.closeObject();
    } else if (m) {
      pr.openObject('loss-gemodel');
      share(ctx, 'p', ' loss gemodel p', m.p);
      share(ctx, 'r', ' r', m.r);
      share(ctx, '1-h', ' 1-h', MAX - m.h);
      share(ctx, '1-k', ' 1-k', m.k1);
      pr.closeObject();
    }
    if (q.duplicate) {
      pr.openObject('duplicate');
      share(ctx, 'duplicate', ' duplicate', q.duplicate);
      correlation(ctx, true, q.cor.dup.rho);
      pr.closeObject();
    }
    if (q.reorder) {
      pr.openObject('reorder');
      share(ctx, 'reorder', ' reorder', q.reorder);
      correlation(ctx, true, q.cor.reorder.rho);
      pr.closeObject();
    }
    if (q.corrupt) {
      pr.openObject('corrupt');
      share(ctx, 'corrupt', ' corrupt', q.corrupt);
      correlation(ctx, true, q.cor.corrupt.rho);
      pr.closeObject();
    }
    if (q.rate.rate) {
      pr.openObject('rate');
      pr.any('rate', q.rate.rate, ` rate ${showRate(q.rate.rate, ctx.iec)}`);
      optional(ctx, 'packetoverhead', q.rate.overhead);
      optional(ctx, 'cellsize', q.rate.cellSize);
      optional(ctx, 'celloverhead', q.rate.cellOverhead);
      pr.closeObject();
    }
    if (q.slot) printSlot(ctx, q.slot);
    pr.jsonOnly('ecn', q.ecn);
    if (q.ecn) pr.fp(' ecn ');
    optional(ctx, 'gap', q.gap);
  },
};

function printSlot(ctx: TcCtx, s: tc.NetemSlot): void {
  const { pr } = ctx;
  const time = (key: string, lead: string, ns: number): void => {
    pr.fp(`${lead} ${showTime64(ns)}`);
    pr.jsonOnly(key, Number((ns / 1e9).toPrecision(6)));
  };
  pr.openObject('slot');
  if (s.distJitter > 0) {
    time('distribution', ' slot distribution', s.distDelay);
    time('jitter', '', s.distJitter);
  } else {
    time('min-delay', ' slot', s.minDelay);
    time('max-delay', '', s.maxDelay);
  }
  optional(ctx, 'packets', s.maxPackets === 0x7fffffff ? 0 : s.maxPackets);
  optional(ctx, 'bytes', s.maxBytes === 0x7fffffff ? 0 : s.maxBytes);
  pr.closeObject();
}

function share(ctx: TcCtx, key: string, label: string, per: number): void {
  ctx.pr.fp(`${label} ${formatG((100 * per) / MAX, 6)}%`);
  ctx.pr.jsonOnly(key, Number((per / MAX).toPrecision(6)));
}

function correlation(ctx: TcCtx, present: boolean, rho: number): void {
  if (present && rho > 0) ctx.pr.fp(` ${formatG((100 * rho) / MAX, 6)}%`);
  ctx.pr.jsonOnly('correlation', Number((rho / MAX).toPrecision(6)));
}

function optional(ctx: TcCtx, key: string, value: number): void {
  ctx.pr.jsonOnly(key, value);
  if (value !== 0) ctx.pr.fp(` ${key} ${value}`);
}
