/** tr: translate, squeeze or delete characters. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

const USAGE = {
  specs: specs('c.complement C. d.delete s.squeeze-repeats t.truncate-set1'),
  help: 'Usage: tr [OPTION]... STRING1 [STRING2]\nTranslate, squeeze, and/or delete characters from standard input, writing to standard output.\n',
};

const CLASSES: Record<string, RegExp> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};
const ESCAPES: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' };

/** The characters of a tr set: escapes, ranges, classes. */
export function expandSet(text: string): string[] {
  const out: string[] = [];
  let i = 0;
  const one = (): string => {
    if (text[i] === '\\' && i + 1 < text.length) {
      const octal = /^[0-7]{1,3}/.exec(text.slice(i + 1));
      if (octal) {
        i += 1 + octal[0].length;
        return String.fromCharCode(Number.parseInt(octal[0], 8));
      }
      const c = text[i + 1] as string;
      i += 2;
      return ESCAPES[c] ?? c;
    }
    return text[i++] as string;
  };
  while (i < text.length) {
    const cls = /^\[:(\w+):\]/.exec(text.slice(i));
    if (cls && CLASSES[cls[1] as string]) {
      for (let c = 0; c < 128; c++)
        if ((CLASSES[cls[1] as string] as RegExp).test(String.fromCharCode(c))) out.push(String.fromCharCode(c));
      i += cls[0].length;
      continue;
    }
    const repeat = /^\[(.)\*(\d*)\]/s.exec(text.slice(i));
    if (repeat) {
      out.push(...Array<string>(Math.min(Number(repeat[2] || 256), 4096)).fill(repeat[1] as string));
      i += repeat[0].length;
      continue;
    }
    const from = one();
    if (text[i] === '-' && i + 1 < text.length) {
      i++;
      const to = one();
      for (let c = from.charCodeAt(0); c <= to.charCodeAt(0); c++) out.push(String.fromCharCode(c));
    } else out.push(from);
  }
  return out;
}

export const tr: Command = {
  name: 'tr',
  *main(p) {
    const o = yield* options(p, { ...USAGE, posix: true });
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => (k === 'C' ? 'complement' : k)));
    const [a, b] = o.operands;
    const hint = "Try 'tr --help' for more information.\n";
    if (a === undefined) {
      yield* p.err(`tr: missing operand\n${hint}`);
      return 1;
    }
    const remove = on.has('delete');
    const squeeze = on.has('squeeze-repeats');
    if (b === undefined && !remove && !squeeze) {
      yield* p.err(`tr: missing operand after ‘${a}’\nTwo strings must be given when translating.\n${hint}`);
      return 1;
    }
    const set1 = new Set(expandSet(a));
    const list2 = b === undefined ? [] : expandSet(b);
    const list1 = [...expandSet(a)].slice(0, on.has('truncate-set1') ? list2.length : undefined);
    const inSet1 = (c: string): boolean => set1.has(c) !== on.has('complement');
    const map = new Map<string, string>();
    if (!remove && b !== undefined && !on.has('complement'))
      for (const [i, c] of list1.entries()) map.set(c, list2[i] ?? (list2.at(-1) as string));
    const squeezed = b === undefined ? inSet1 : (c: string): boolean => list2.includes(c);
    const decoder = new TextDecoder();
    let last = '';
    for (;;) {
      const r = yield* p.read(0);
      if (!r.ok && r.errno === 'EINTR') continue;
      if (!r.ok || r.value.length === 0) return 0;
      let text = '';
      for (const c of decoder.decode(r.value, { stream: true })) {
        if (remove && inSet1(c)) continue;
        const to = remove || b === undefined ? c : on.has('complement') ? (inSet1(c) ? (list2.at(-1) as string) : c) : (map.get(c) ?? c);
        if (squeeze && to === last && squeezed(to)) continue;
        last = to;
        text += to;
      }
      if (text !== '') yield* p.out(text);
    }
  },
};
