/** pfifo, bfifo, pfifo_fast and prio on the command line. Models tc/q_fifo.c, tc/q_prio.c */

import * as tc from '../../os/tc.ts';
import { integer } from '../ip/lib/args.ts';
import { bad, type QdiscKind, type TcCtx } from './common.ts';
import { parseSize, showSize } from './units.ts';

const FIFO_USAGE = 'Usage: ... <[p|b]fifo | pfifo_head_drop> [ limit NUMBER ]\n';
const PRIO_USAGE = 'Usage: ... prio bands NUMBER priomap P1 P2...[multiqueue]\n';
const PRIOMAP: readonly number[] = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

export const fifo: QdiscKind = {
  parse(_ctx, a, kind) {
    let limit: number | null = null;
    for (; a.more; a.step()) {
      if (a.is('limit')) {
        limit = parseSize(a.next());
        if (limit === null) bad(`${kind}: Illegal value for "limit": "${a.word}"\n`);
      } else if (a.is('help')) bad(FIFO_USAGE);
      else bad(`${kind}: unknown parameter "${a.word}"\n${FIFO_USAGE}`);
    }
    return limit === null ? null : { kind: 'fifo', limit };
  },
  print(ctx, q) {
    if (!(q instanceof tc.Fifo)) return;
    if (q.kind === 'bfifo') ctx.pr.any('limit', q.limit, `limit ${showSize(q.limit)}`);
    else ctx.pr.any('limit', q.limit, `limit ${q.limit}p`);
  },
};

function printBands(ctx: TcCtx, bands: number, priomap: readonly number[]): void {
  const { pr } = ctx;
  pr.any('bands', bands, `bands ${bands} `);
  pr.openArray('priomap', 'priomap');
  for (const band of priomap) pr.any(null, band, ` ${band}`);
  pr.closeArray('');
  pr.jsonOnly('multiqueue', false);
}

export const pfifoFast: QdiscKind = {
  parse(_ctx, a) {
    if (a.more) bad(`qdisc 'pfifo_fast' does not support option parsing\n`);
    return null;
  },
  print(ctx) {
    printBands(ctx, 3, PRIOMAP);
  },
};

export const prio: QdiscKind = {
  parse(_ctx, a) {
    let bands = 3;
    let listing = false;
    const priomap = [...PRIOMAP];
    let at = 0;
    for (; a.more; a.step()) {
      if (a.is('bands')) {
        const n = integer(a.next());
        if (n === null) bad('Illegal "bands"\n');
        bands = n;
      } else if (a.is('priomap')) {
        if (listing) bad('Error: duplicate priomap\n');
        listing = true;
      } else if (a.is('multiqueue')) continue;
      else if (a.is('help')) bad(PRIO_USAGE);
      else {
        if (!listing) bad(`What is "${a.word}"?\n${PRIO_USAGE}`);
        const band = integer(a.word);
        if (band === null || band < 0) bad('Illegal "priomap" element\n');
        if (band >= bands) bad('"priomap" element is out of bands\n');
        if (at > 15) bad('"priomap" index > TC_PRIO_MAX=15\n');
        priomap[at++] = band;
      }
    }
    return { kind: 'prio', bands, priomap };
  },
  print(ctx, q) {
    if (q instanceof tc.Prio) printBands(ctx, q.bands, q.priomap);
  },
};
