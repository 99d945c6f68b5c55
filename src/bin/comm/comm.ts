/** comm, join, fold, shuf: lines of sorted files side by side, wrapped, in random order. Models coreutils 9.1 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { allLines, options, wholeInput } from '../text.ts';

function* linesOf(p: Process, path: string): Task<string[] | null> {
  const data = yield* wholeInput(p, path);
  if (!data.ok) {
    yield* p.err(`${p.name}: ${path}: ${strerror(data.errno)}\n`);
    return null;
  }
  const lines = new TextDecoder().decode(data.value).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

export const comm: Command = {
  name: 'comm',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('1. 2. 3. .nocheck-order :output-delimiter'),
      help: 'Usage: comm [OPTION]... FILE1 FILE2\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const [first, second] = o.operands;
    if (first === undefined || second === undefined) {
      yield* p.err(`comm: missing operand${first === undefined ? '' : ` after ‘${first}’`}\nTry 'comm --help' for more information.\n`);
      return 1;
    }
    const a = yield* linesOf(p, first);
    const b = a && (yield* linesOf(p, second));
    if (!a || !b) return 1;
    const gap = on.get('output-delimiter') ?? '\t';
    const lead = [
      on.has('1') ? null : '',
      on.has('2') ? null : on.has('1') ? '' : gap,
      on.has('3') ? null : (on.has('1') ? '' : gap) + (on.has('2') ? '' : gap),
    ];
    let out = '';
    for (let i = 0, j = 0; i < a.length || j < b.length; ) {
      const [x, y] = [a[i], b[j]];
      const order = x === undefined ? 1 : y === undefined ? -1 : x < y ? -1 : x > y ? 1 : 0;
      const column = lead[order < 0 ? 0 : order > 0 ? 1 : 2];
      if (column !== null && column !== undefined) out += `${column}${order > 0 ? y : x}\n`;
      if (order <= 0) i++;
      if (order >= 0) j++;
    }
    yield* p.out(out);
    return 0;
  },
};

export const join: Command = {
  name: 'join',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('1: 2: j: t: a: v: e: o: i.ignore-case .nocheck-order'),
      help: 'Usage: join [OPTION]... FILE1 FILE2\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const [first, second] = o.operands;
    if (first === undefined || second === undefined) {
      yield* p.err(`join: missing operand${first === undefined ? '' : ` after ‘${first}’`}\nTry 'join --help' for more information.\n`);
      return 1;
    }
    const a = yield* linesOf(p, first);
    const b = a && (yield* linesOf(p, second));
    if (!a || !b) return 1;
    const sep = on.get('t');
    const fields = (line: string): string[] => (sep === undefined ? line.trim().split(/[ \t]+/) : line.split(sep));
    const field = (n: '1' | '2'): number => Number(on.get(n) ?? on.get('j') ?? 1) - 1;
    const [fa, fb] = [field('1'), field('2')];
    const fold = (s: string): string => (on.has('ignore-case') ? s.toLowerCase() : s);
    const glue = sep ?? ' ';
    const alone = new Set(o.options.filter(([k]) => k === 'a' || k === 'v').map(([, v]) => v));
    const pairs = !on.has('v');
    const format = on.get('o')?.split(/[ ,]+/);
    const empty = on.get('e') ?? '';
    const line = (key: string, x: string[] | null, y: string[] | null): string => {
      if (format) return format.map((f) => (f === '0' ? key : ((f.startsWith('1') ? x : y)?.[Number(f.slice(2)) - 1] ?? empty))).join(glue);
      return [key, ...(x?.filter((_, i) => i !== fa) ?? []), ...(y?.filter((_, i) => i !== fb) ?? [])].join(glue);
    };
    const right = b.map(fields);
    const used = new Set<number>();
    let out = '';
    for (const l of a) {
      const x = fields(l);
      const key = fold(x[fa] ?? '');
      let hit = false;
      right.forEach((y, i) => {
        if (fold(y[fb] ?? '') !== key) return;
        hit = true;
        used.add(i);
        if (pairs) out += `${line(x[fa] ?? '', x, y)}\n`;
      });
      if (!hit && alone.has('1')) out += `${line(x[fa] ?? '', x, null)}\n`;
    }
    right.forEach((y, i) => {
      if (!used.has(i) && alone.has('2')) out += `${line(y[fb] ?? '', null, y)}\n`;
    });
    yield* p.out(out);
    return 0;
  },
};

export const fold: Command = {
  name: 'fold',
  *main(p) {
    const o = yield* options(p, { specs: specs('b.bytes s.spaces w:width'), help: 'Usage: fold [OPTION]... [FILE]...\n' });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const width = Number(on.get('width') ?? 80);
    if (!(width >= 1)) {
      yield* p.err(`fold: invalid number of columns: ‘${on.get('width')}’\n`);
      return 1;
    }
    const { lines, status } = yield* allLines(p, o.operands);
    for (const l of lines) {
      let rest = [...l];
      let out = '';
      while (rest.length > width) {
        const blank = on.has('spaces') ? rest.slice(0, width).lastIndexOf(' ') : -1;
        const cut = blank >= 0 ? blank + 1 : width;
        out += `${rest.slice(0, cut).join('')}\n`;
        rest = rest.slice(cut);
      }
      yield* p.out(`${out}${rest.join('')}\n`);
    }
    return status;
  },
};

export const shuf: Command = {
  name: 'shuf',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('e.echo i:input-range n:head-count o:output r.repeat'),
      help: 'Usage: shuf [OPTION]... [FILE]\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    let lines: string[];
    const range = on.get('input-range');
    if (range !== undefined) {
      const m = /^(\d+)-(\d+)$/.exec(range);
      if (!m || Number(m[2]) < Number(m[1]) - 1 || Number(m[2]) - Number(m[1]) > 1_000_000) {
        yield* p.err(`shuf: invalid input range: ‘${range}’\n`);
        return 1;
      }
      lines = Array.from({ length: Number(m[2]) - Number(m[1]) + 1 }, (_, i) => String(Number(m[1]) + i));
    } else if (on.has('echo')) lines = [...o.operands];
    else lines = (yield* allLines(p, o.operands)).lines;
    const count = on.has('head-count') ? Number(on.get('head-count')) : on.has('repeat') ? 100_000 : lines.length;
    const rng = p.sim.rng('shuf');
    let out = '';
    if (on.has('repeat'))
      for (let i = 0; i < Math.min(count, 100_000) && lines.length > 0; i++) out += `${lines[rng.below(lines.length)]}\n`;
    else
      for (let i = 0; i < Math.min(count, lines.length); i++) {
        const j = i + rng.below(lines.length - i);
        [lines[i], lines[j]] = [lines[j] as string, lines[i] as string];
        out += `${lines[i]}\n`;
      }
    yield* p.out(out);
    return 0;
  },
};
