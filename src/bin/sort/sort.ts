/** sort: lines in order, by keys. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { allLines, options } from '../text.ts';

const USAGE = {
  specs: specs(
    'b.ignore-leading-blanks d.dictionary-order f.ignore-case g.general-numeric-sort h.human-numeric-sort n.numeric-sort r.reverse V.version-sort k:key o:output s.stable t:field-separator u.unique c.check',
  ),
  help: 'Usage: sort [OPTION]... [FILE]...\nWrite sorted concatenation of all FILE(s) to standard output.\n',
  status: 2,
};

interface Key {
  from: [number, number];
  to: [number, number] | null;
  flags: string;
}

const SHORT: Record<string, string> = {
  'ignore-leading-blanks': 'b',
  'dictionary-order': 'd',
  'ignore-case': 'f',
  'general-numeric-sort': 'g',
  'human-numeric-sort': 'h',
  'numeric-sort': 'n',
  'version-sort': 'V',
  reverse: 'r',
};

export const sort: Command = {
  name: 'sort',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    let flags = '';
    let separator: string | null = null;
    let output: string | null = null;
    const on = new Set<string>();
    const keys: Key[] = [];
    for (const [k, v] of o.options) {
      if (SHORT[k]) flags += SHORT[k];
      else if (k === 'key') {
        const m = /^(\d+)(?:\.(\d+))?([bdfghnrV]*)(?:,(\d+)(?:\.(\d+))?([bdfghnrV]*))?$/.exec(v);
        if (!m || m[1] === '0') {
          yield* p.err(
            m ? `sort: -: invalid field specification ‘${v}’\n` : `sort: invalid number at field start: invalid count at start of ‘${v}’\n`,
          );
          return 2;
        }
        keys.push({
          from: [Number(m[1]), Number(m[2] ?? 1)],
          to: m[4] ? [Number(m[4]), Number(m[5] ?? 0)] : null,
          flags: `${m[3]}${m[6] ?? ''}`,
        });
      } else if (k === 'field-separator') separator = v === '\\0' ? '\0' : v;
      else if (k === 'output') output = v;
      else on.add(k);
    }
    const { lines, status } = yield* allLines(p, o.operands);
    const byKeys = (a: string, b: string): number => {
      for (const key of keys.length > 0 ? keys : [{ from: [1, 1], to: null, flags: '' } as Key]) {
        const f = key.flags || flags;
        const r = compare(extract(a, key, separator), extract(b, key, separator), f);
        if (r !== 0) return f.includes('r') ? -r : r;
      }
      return 0;
    };
    const full = (a: string, b: string): number => {
      const r = byKeys(a, b);
      if (r !== 0 || on.has('stable') || on.has('unique')) return r;
      const last = plain(a, b);
      return flags.includes('r') ? -last : last;
    };
    if (on.has('check')) {
      for (let i = 1; i < lines.length; i++)
        if (full(lines[i - 1] as string, lines[i] as string) > 0) {
          yield* p.err(`sort: ${o.operands[0] ?? '-'}:${i + 1}: disorder: ${lines[i]}\n`);
          return 1;
        }
      return 0;
    }
    let sorted = [...lines].sort(full);
    if (on.has('unique')) sorted = sorted.filter((l, i) => i === 0 || byKeys(sorted[i - 1] as string, l) !== 0);
    const text = sorted.map((l) => `${l}\n`).join('');
    if (output !== null) p.writeFile(output, text);
    else yield* p.out(text);
    return status === 0 ? 0 : 2;
  },
};

function plain(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function extract(line: string, key: Key, separator: string | null): string {
  if (key.from[0] === 1 && key.from[1] === 1 && !key.to) return line;
  const fields: [number, number][] = [];
  if (separator !== null) {
    let at = 0;
    for (const f of line.split(separator)) {
      fields.push([at, at + f.length]);
      at += f.length + separator.length;
    }
  } else for (const m of line.matchAll(/[ \t]*[^ \t]+/g)) fields.push([m.index, m.index + m[0].length]);
  const start = fields[key.from[0] - 1];
  if (!start) return '';
  let from = start[0] + key.from[1] - 1;
  if (key.flags.includes('b') && separator === null)
    from = start[0] + (/^[ \t]*/.exec(line.slice(start[0]))?.[0].length ?? 0) + key.from[1] - 1;
  if (!key.to) return line.slice(from);
  const end = fields[key.to[0] - 1];
  if (!end) return line.slice(from);
  return line.slice(from, key.to[1] === 0 ? end[1] : Math.min(end[1], end[0] + key.to[1]));
}

function compare(a: string, b: string, flags: string): number {
  if (flags.includes('n') || flags.includes('g')) return numeric(a) - numeric(b);
  if (flags.includes('h')) return human(a) - human(b);
  if (flags.includes('V')) return version(a, b);
  let [x, y] = [a, b];
  if (flags.includes('b')) [x, y] = [x.trimStart(), y.trimStart()];
  if (flags.includes('d')) [x, y] = [x.replace(/[^\w\s]/g, ''), y.replace(/[^\w\s]/g, '')];
  if (flags.includes('f')) [x, y] = [x.toUpperCase(), y.toUpperCase()];
  return plain(x, y);
}

function numeric(s: string): number {
  const m = /^\s*(-?\d*\.?\d+)/.exec(s);
  return m ? Number(m[1]) : 0;
}

function human(s: string): number {
  const m = /^\s*(-?\d*\.?\d+)([KMGTP]?)/.exec(s);
  return m ? Number(m[1]) * 1024 ** ' KMGTP'.indexOf(m[2] || ' ') : 0;
}

function version(a: string, b: string): number {
  const x = a.match(/\d+|\D+/g) ?? [];
  const y = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [s, t] = [x[i] ?? '', y[i] ?? ''];
    const r = /^\d/.test(s) && /^\d/.test(t) ? Number(s) - Number(t) : plain(s, t);
    if (r !== 0) return r;
  }
  return 0;
}
