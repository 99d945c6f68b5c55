/** -m u32: sums, shifts and masks over the packet's words. Models libxt_u32.c and xt_u32.c */

import { u32 as word } from '../../../../wire/bytes.ts';
import { type MatchExt, Problem } from '../ext.ts';

type Op = '&' | '<<' | '>>' | '@';

interface Test {
  start: number;
  ops: { op: Op; value: number }[];
  ranges: [number, number][];
}

/** LOCATION = RANGES [&& …]: the language of u32's manual page. */
function parse(text: string): Test[] {
  let at = 0;
  const space = (): void => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const number = (): number => {
    space();
    const m = /^(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(text.slice(at));
    if (!m && at >= text.length && !/[=,:]$/.test(text.slice(0, at).trimEnd()))
      throw new Problem('u32: abrupt end of input after location specifier');
    if (!m) throw new Problem(`u32: at char ${at}: not a number or out of range`);
    at += (m[0] as string).length;
    const t = m[0] as string;
    if (Number(t) > 0xffffffff) throw new Problem(`u32: at char ${at - t.length}: not a number or out of range`);
    return /^0[0-7]+$/.test(t) ? Number.parseInt(t, 8) : Number(t);
  };
  const take = (token: string): boolean => {
    space();
    if (!text.startsWith(token, at)) return false;
    at += token.length;
    return true;
  };
  const tests: Test[] = [];
  do {
    const test: Test = { start: number(), ops: [], ranges: [] };
    for (;;) {
      if (take('=')) break;
      if (take('<<')) test.ops.push({ op: '<<', value: number() });
      else if (take('>>')) test.ops.push({ op: '>>', value: number() });
      else if (take('&')) test.ops.push({ op: '&', value: number() });
      else if (take('@')) test.ops.push({ op: '@', value: number() });
      else if (at >= text.length) throw new Problem('u32: abrupt end of input after location specifier');
      else throw new Problem(`u32: at char ${at}: operator expected`);
    }
    do {
      const low = number();
      test.ranges.push([low, take(':') ? number() : low]);
    } while (take(','));
    tests.push(test);
  } while (take('&&'));
  space();
  if (at < text.length) throw new Problem(`u32: at char ${at}: expected "," or "&&"`);
  return tests;
}

const hex = (n: number): string => `0x${n.toString(16)}`;

function textOf(tests: readonly Test[]): string {
  return tests
    .map(
      (t) =>
        `${hex(t.start)}${t.ops.map((o) => o.op + hex(o.value)).join('')}=${t.ranges.map(([a, b]) => (a === b ? hex(a) : `${hex(a)}:${hex(b)}`)).join(',')}`,
    )
    .join('&&');
}

function passes(b: Uint8Array, t: Test): boolean {
  let base = 0;
  let at = t.start;
  if (at + 4 > b.length) return false;
  let value = word(b, at);
  for (const { op, value: n } of t.ops) {
    if (op === '&') value = (value & n) >>> 0;
    else if (op === '<<') value = (value << n) >>> 0;
    else if (op === '>>') value = n > 31 ? 0 : value >>> n;
    else {
      base += value;
      at = base + n;
      if (at + 4 > b.length) return false;
      value = word(b, at);
    }
  }
  return t.ranges.some(([low, high]) => value >= low && value <= high);
}

export const u32: MatchExt<{ tests: Test[]; invert: boolean }> = {
  kind: 'match',
  name: 'u32',
  init: () => ({ tests: [], invert: false }),
  options: [{ name: 'u32', mandatory: true, invert: true, set: (o, arg, invert) => Object.assign(o, { tests: parse(arg), invert }) }],
  save: (o) => `${o.invert ? ' !' : ''} --u32 "${textOf(o.tests)}"`,
  list: (o) => ` u32${o.invert ? ' !' : ''} "${textOf(o.tests)}"`,
  run: (o) => (p) => o.tests.every((t) => passes(p.skb.data, t)) !== o.invert,
};
