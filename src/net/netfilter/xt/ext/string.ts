/** -m string: bytes anywhere in the packet. Models libxt_string.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { utf8 } from '../../../../wire/bytes.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { uint } from '../parse.ts';

interface StringMatch {
  pattern: Uint8Array;
  invert: boolean;
  algo: string;
  from: number;
  to: number;
  icase: boolean;
}

function hexPattern(text: string): Uint8Array {
  const out: number[] = [];
  let hex = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '\\' && text[i + 1] === '|' && !hex) out.push(...utf8(text[++i] as string));
    else if (c === '|') hex = !hex;
    else if (hex && /\s/.test(c)) continue;
    else if (hex) {
      const pair = text.slice(i, i + 2);
      const bad = [...pair].find((x) => !/[0-9a-fA-F]/.test(x));
      if (bad !== undefined && bad !== '|') throw new Problem(`Invalid hex char '${bad}'`);
      if (bad === '|' || pair.length < 2) throw new Problem('Invalid hex block');
      out.push(Number.parseInt(pair, 16));
      i++;
    } else out.push(...utf8(c));
  }
  if (out.length === 0 && !hex) throw new Problem('STRING must contain at least one char');
  if (hex) throw new Problem('Invalid hex block');
  return Uint8Array.from(out);
}

/** XT_STRING_MAX_PATTERN_SIZE */
const MAX = 128;

const printable = (b: Uint8Array): boolean => b.every((c) => c >= 0x20 && c < 0x7f);

function patternText(b: Uint8Array): { option: string; text: string } {
  if (!printable(b)) return { option: 'hex-string', text: `"|${[...b].map((c) => c.toString(16).padStart(2, '0')).join('')}|"` };
  return { option: 'string', text: `"${String.fromCharCode(...b).replace(/["\\]/g, (c) => `\\${c}`)}"` };
}

export const string: MatchExt<StringMatch> = {
  kind: 'match',
  name: 'string',
  init: () => ({ pattern: new Uint8Array(0), invert: false, algo: '', from: 0, to: 0xffff, icase: false }),
  options: [
    { name: 'from', set: (o, arg) => Object.assign(o, { from: uint('string', 'from', arg, 0, 65535) }) },
    { name: 'to', set: (o, arg) => Object.assign(o, { to: uint('string', 'to', arg, 0, 65535) }) },
    { name: 'algo', mandatory: true, set: (o, arg) => Object.assign(o, { algo: arg }) },
    {
      name: 'string',
      invert: true,
      excludes: ['hex-string'],
      set: (o, arg, invert) => {
        if (arg.length > MAX) throw new Problem(`STRING too long "${arg}"`);
        Object.assign(o, { pattern: utf8(arg), invert });
      },
    },
    {
      name: 'hex-string',
      invert: true,
      excludes: ['string'],
      set: (o, arg, invert) => Object.assign(o, { pattern: hexPattern(arg), invert }),
    },
    { name: 'icase', arg: 'none', set: (o) => Object.assign(o, { icase: true }) },
  ],
  check: (_o, given) => {
    if (!given.has('string') && !given.has('hex-string')) throw new Problem("STRING match: You must specify `--string' or `--hex-string'");
  },
  checkentry: (o) => {
    if (o.from > o.to || o.pattern.length === 0) return fail('EINVAL');
    return ['bm', 'kmp', 'fsm'].includes(o.algo) ? ok() : fail('ENOENT');
  },
  save: (o) => {
    const t = patternText(o.pattern);
    return `${o.invert ? ' !' : ''} --${t.option} ${t.text} --algo ${o.algo}${o.from !== 0 ? ` --from ${o.from}` : ''}${o.to !== 0xffff ? ` --to ${o.to}` : ''}${o.icase ? ' --icase' : ''}`;
  },
  list: (o) =>
    ` STRING match ${o.invert ? '!' : ''} ${patternText(o.pattern).text} ALGO name ${o.algo}${o.from !== 0 ? ` FROM ${o.from}` : ''}${o.to !== 0xffff ? ` TO ${o.to}` : ''}${o.icase ? ' ICASE' : ''}`,
  run: (o) => {
    const fold = (c: number): number => (o.icase && c >= 0x41 && c <= 0x5a ? c + 32 : c);
    const pattern = o.pattern.map(fold);
    return (p) => {
      const b = p.skb.data;
      const last = Math.min(b.length, o.to) - pattern.length;
      for (let i = o.from; i <= last; i++) {
        let j = 0;
        while (j < pattern.length && fold(b[i + j] as number) === pattern[j]) j++;
        if (j === pattern.length) return !o.invert;
      }
      return o.invert;
    };
  },
};
