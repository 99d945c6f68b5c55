/** tbf on the command line. Models tc/q_tbf.c */

import * as tc from '../../os/tc.ts';
import { matches, unsigned } from '../ip/lib/args.ts';
import { bad, type QdiscKind } from './common.ts';
import { parseRate, parseSize, parseSizeAndCell, parseTime, showRate, showSize, showTime, usOf, xmitSize } from './units.ts';

const USAGE = `Usage: ... tbf limit BYTES burst BYTES[/BYTES] rate KBPS [ mtu BYTES[/BYTES] ]
	[ peakrate KBPS ] [ latency TIME ] [ overhead BYTES ] [ linklayer TYPE ]
`;

function illegal(name: string, value: string): never {
  bad(`tbf: illegal value for "${name}": "${value}"\n`);
}

export const tbf: QdiscKind = {
  parse(_ctx, a) {
    let limit = 0;
    let latency = 0;
    let burst = 0;
    let mtu = 0;
    let mpu = 0;
    let rate = 0;
    let peak = 0;
    let overhead = 0;
    for (; a.more; a.step()) {
      const name = a.word;
      if (matches(name, 'limit')) {
        a.next();
        if (limit) bad('tbf: duplicate "limit" specification\n');
        if (latency) bad('tbf: specifying both "latency" and "limit" is not allowed\n');
        limit = parseSize(a.word) ?? illegal('limit', a.word);
      } else if (matches(name, 'latency')) {
        a.next();
        if (latency) bad('tbf: duplicate "latency" specification\n');
        if (limit) bad('tbf: specifying both "limit" and "/latency" is not allowed\n');
        latency = parseTime(a.word) ?? illegal('latency', a.word);
      } else if (matches(name, 'burst') || name === 'buffer' || name === 'maxburst') {
        a.next();
        if (burst) bad('tbf: duplicate "buffer/burst/maxburst" specification\n');
        burst = parseSizeAndCell(a.word) ?? illegal(name, a.word);
      } else if (name === 'mtu' || name === 'minburst') {
        a.next();
        if (mtu) bad('tbf: duplicate "mtu/minburst" specification\n');
        mtu = parseSizeAndCell(a.word) ?? illegal(name, a.word);
      } else if (name === 'mpu') {
        a.next();
        if (mpu) bad('tbf: duplicate "mpu" specification\n');
        mpu = parseSize(a.word) ?? illegal('mpu', a.word);
      } else if (name === 'rate') {
        a.next();
        if (rate) bad('tbf: duplicate "rate" specification\n');
        rate = parseRate(a.word) ?? illegal('rate', a.word);
      } else if (matches(name, 'peakrate')) {
        a.next();
        if (peak) bad('tbf: duplicate "peakrate" specification\n');
        peak = parseRate(a.word) ?? illegal('peakrate', a.word);
      } else if (matches(name, 'overhead')) {
        a.next();
        if (overhead) bad('tbf: duplicate "overhead" specification\n');
        overhead = unsigned(a.word, 65535) ?? illegal('overhead', a.word);
      } else if (matches(name, 'linklayer')) {
        a.next();
        if (!matches(a.word, 'ethernet')) illegal('linklayer', a.word);
      } else if (name === 'help') bad(USAGE);
      else bad(`tbf: unknown parameter "${name}"\n${USAGE}`);
    }
    let missing = '';
    if (rate === 0) missing += 'tbf: the "rate" parameter is mandatory.\n';
    if (burst === 0) missing += 'tbf: the "burst" parameter is mandatory.\n';
    if (peak && !mtu) missing += 'tbf: when "peakrate" is specified, "mtu" must also be specified.\n';
    if (limit === 0 && latency === 0) missing += 'tbf: either "limit" or "latency" is required.\n';
    if (missing !== '') bad(missing + USAGE);
    if (limit === 0) {
      let lim = (rate * latency) / 1e6 + burst;
      if (peak) lim = Math.min(lim, (peak * latency) / 1e6 + mtu);
      limit = Math.floor(lim);
    }
    return {
      kind: 'tbf',
      rate: { rate, overhead, mpu },
      peak: peak ? { rate: peak, overhead, mpu } : null,
      limit,
      burst,
      mtu,
    };
  },
  print(ctx, q) {
    if (!(q instanceof tc.Tbf)) return;
    const { pr, details } = ctx;
    const { spec } = q.rate;
    pr.any('rate', spec.rate, `rate ${showRate(spec.rate, ctx.iec)} `);
    const burst = xmitSize(spec.rate, q.bufferTicks);
    if (details) {
      const text = `${showSize(burst)}/1`;
      pr.any('burst', text, `burst ${text} `);
      pr.any('mpu', spec.mpu, `mpu ${showSize(spec.mpu)} `);
    } else pr.any('burst', burst, `burst ${showSize(burst)} `);
    if (ctx.raw) pr.any('burst_raw', hex(q.bufferTicks), `[${hex(q.bufferTicks).padStart(8, '0')}] `);
    if (q.peak) {
      const p = q.peak.spec;
      pr.fp(`peakrate ${showRate(p.rate, ctx.iec)} `);
      if (q.mtuTicks || p.mpu) {
        const mtu = xmitSize(p.rate, q.mtuTicks);
        if (details) {
          const text = `${showSize(mtu)}/1`;
          pr.any('mtu', text, `mtu ${text} `);
          pr.any('mpu', p.mpu, `mpu ${showSize(p.mpu)} `);
        } else pr.any('minburst', mtu, `minburst ${showSize(mtu)} `);
        if (ctx.raw) pr.any('mtu_raw', hex(q.mtuTicks), `[${hex(q.mtuTicks).padStart(8, '0')}] `);
      }
    }
    let latency = 1e6 * (q.limit / spec.rate) - usOf(q.bufferTicks);
    if (q.peak) latency = Math.max(latency, 1e6 * (q.limit / q.peak.spec.rate) - usOf(q.mtuTicks));
    if (latency >= 0) pr.any('lat', Math.floor(latency), `lat ${showTime(Math.floor(latency))} `);
    if (ctx.raw || latency < 0) pr.any('limit', q.limit, `limit ${showSize(q.limit)} `);
    if (spec.overhead) pr.any('overhead', spec.overhead, `overhead ${spec.overhead} `);
    if (details) pr.any('linklayer', 'ethernet', 'linklayer ethernet ');
  },
};

function hex(n: number): string {
  return n.toString(16);
}
