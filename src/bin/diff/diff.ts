/** diff and cmp: how two files differ. Models diffutils 3.8; context and side-by-side output and -r are not emulated */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { strftime } from '../strftime.ts';
import { options, wholeInput } from '../text.ts';

interface Change {
  /** Lines of the old file [from, to) replaced by lines of the new one [from, to). */
  readonly a: readonly [number, number];
  readonly b: readonly [number, number];
}

/** Longest common subsequence after Myers' O(ND) greedy algorithm; beyond `LIMIT` edits the rest counts as one change. */
const LIMIT = 2000;

export function changes(a: readonly string[], b: readonly string[]): Change[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  const n = endA - start;
  const m = endB - start;
  if (n === 0 && m === 0) return [];
  const max = Math.min(n + m, LIMIT);
  const trace: Int32Array[] = [];
  let v = new Int32Array(2 * max + 3);
  let depth = -1;
  search: for (let d = 0; d <= max; d++) {
    trace.push(v.slice());
    for (let k = -d; k <= d; k += 2) {
      const at = k + max + 1;
      let x = k === -d || (k !== d && (v[at - 1] as number) < (v[at + 1] as number)) ? (v[at + 1] as number) : (v[at - 1] as number) + 1;
      let y = x - k;
      while (x < n && y < m && a[start + x] === b[start + y]) {
        x++;
        y++;
      }
      v[at] = x;
      if (x >= n && y >= m) {
        depth = d;
        break search;
      }
    }
    v = v.slice();
  }
  if (depth < 0) return [{ a: [start, endA], b: [start, endB] }];
  const edits: { x: number; y: number; del: boolean }[] = [];
  let [x, y] = [n, m];
  for (let d = depth; d > 0; d--) {
    const w = trace[d] as Int32Array;
    const k = x - y;
    const at = k + max + 1;
    const down = k === -d || (k !== d && (w[at - 1] as number) < (w[at + 1] as number));
    const px = down ? (w[at + 1] as number) : (w[at - 1] as number);
    const py = px - (down ? k + 1 : k - 1);
    edits.push({ x: px, y: py, del: !down });
    [x, y] = [px, py];
  }
  const out: { a: [number, number]; b: [number, number] }[] = [];
  for (const e of edits.reverse()) {
    const [i, j] = [e.x + start, e.y + start];
    const last = out.at(-1);
    if (last && last.a[1] === i && last.b[1] === j) {
      if (e.del) last.a[1]++;
      else last.b[1]++;
    } else out.push(e.del ? { a: [i, i + 1], b: [j, j] } : { a: [i, i], b: [j, j + 1] });
  }
  return out;
}

interface Lines {
  readonly lines: string[];
  readonly complete: boolean;
}

function split(text: string): Lines {
  const lines = text.split('\n');
  const complete = lines.at(-1) === '';
  if (complete) lines.pop();
  return { lines, complete: complete || text === '' };
}

const span = ([from, to]: readonly [number, number]): string =>
  to - from <= 1 ? String(to === from ? from : from + 1) : `${from + 1},${to}`;

function marked(sign: string, file: Lines, from: number, to: number): string {
  let out = '';
  for (let i = from; i < to; i++) {
    out += `${sign}${file.lines[i]}\n`;
    if (i === file.lines.length - 1 && !file.complete) out += '\\ No newline at end of file\n';
  }
  return out;
}

function normal(list: readonly Change[], a: Lines, b: Lines): string {
  let out = '';
  for (const c of list) {
    const kind = c.a[0] === c.a[1] ? 'a' : c.b[0] === c.b[1] ? 'd' : 'c';
    out += `${span(c.a)}${kind}${span(c.b)}\n${marked('< ', a, ...c.a)}${kind === 'c' ? '---\n' : ''}${marked('> ', b, ...c.b)}`;
  }
  return out;
}

function unified(list: readonly Change[], a: Lines, b: Lines, context: number): string {
  let out = '';
  const range = (from: number, count: number): string => (count === 1 ? String(from + 1) : `${count === 0 ? from : from + 1},${count}`);
  for (let i = 0; i < list.length; ) {
    let j = i;
    while (j + 1 < list.length && (list[j + 1] as Change).a[0] - (list[j] as Change).a[1] <= 2 * context) j++;
    const [first, last] = [list[i] as Change, list[j] as Change];
    const fromA = Math.max(0, first.a[0] - context);
    const fromB = Math.max(0, first.b[0] - context);
    const toA = Math.min(a.lines.length, last.a[1] + context);
    const toB = Math.min(b.lines.length, last.b[1] + context);
    out += `@@ -${range(fromA, toA - fromA)} +${range(fromB, toB - fromB)} @@\n`;
    let at = fromA;
    for (const c of list.slice(i, j + 1)) {
      out += marked(' ', a, at, c.a[0]) + marked('-', a, ...c.a) + marked('+', b, ...c.b);
      at = c.a[1];
    }
    out += marked(' ', a, at, toA);
    i = j + 1;
  }
  return out;
}

export const diff: Command = {
  name: 'diff',
  *main(p) {
    const o = yield* options(p, {
      specs: specs(
        'u.unified U:lines q.brief s.report-identical-files i.ignore-case w.ignore-all-space b.ignore-space-change B.ignore-blank-lines r.recursive N.new-file a.text .normal .strip-trailing-cr',
      ),
      help: 'Usage: diff [OPTION]... FILES\n',
      status: 2,
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const [first, second] = o.operands;
    if (first === undefined || second === undefined || o.operands.length > 2) {
      yield* p.err(
        `diff: ${second === undefined ? `missing operand after '${first ?? 'diff'}'` : `extra operand '${o.operands[2]}'`}\ndiff: Try 'diff --help' for more information.\n`,
      );
      return 2;
    }
    if (on.has('recursive')) {
      yield* p.err('diff: option -r is not emulated\n');
      return 2;
    }
    const folder = (path: string): boolean => {
      const s = path === '-' ? null : p.stat(path);
      return s?.ok === true && s.value.kind === 'dir';
    };
    if (folder(first) && folder(second)) return yield* folders(p, on, first, second, argvOptions(p, o.operands));
    const [a, b] = [first, second].map((path, i) =>
      folder(path) ? `${path}/${((i === 0 ? second : first) as string).replace(/.*\//, '')}` : path,
    ) as [string, string];
    return yield* compare(p, on, a, b, [first, second], '');
  },
};

/** Options as they were given, for the line that stands before each file of a folder. */
function argvOptions(p: Process, operands: readonly string[]): string {
  const left = [...operands];
  const given = p.argv.slice(1).filter((a) => {
    const i = left.indexOf(a);
    if (i < 0) return true;
    left.splice(i, 1);
    return false;
  });
  return given.filter((a) => a !== '--').join(' ');
}

/** Files of two folders by name; without -r folders within are only named. */
function* folders(p: Process, on: ReadonlyMap<string, string>, first: string, second: string, given: string): Task<number> {
  const [a, b] = [first, second].map((d) => {
    const r = p.readdir(d);
    return new Set(r.ok ? r.value : []);
  }) as [Set<string>, Set<string>];
  let status = 0;
  for (const name of [...new Set([...a, ...b])].sort()) {
    const [x, y] = [`${first}/${name}`, `${second}/${name}`];
    const missing = !a.has(name) ? first : !b.has(name) ? second : null;
    if (missing !== null && !on.has('new-file')) {
      yield* p.out(`Only in ${missing === first ? second : first}: ${name}\n`);
      status = Math.max(status, 1);
      continue;
    }
    const kinds = [x, y].map((path) => {
      const s = p.stat(path);
      return s.ok ? s.value.kind : null;
    });
    if (kinds.includes('dir')) {
      if (kinds.every((k) => k === 'dir')) yield* p.out(`Common subdirectories: ${x} and ${y}\n`);
      else status = Math.max(status, 1);
      continue;
    }
    const r = yield* compare(p, on, x, y, [x, y], `diff${given === '' ? '' : ` ${given}`} ${x} ${y}\n`);
    status = Math.max(status, r);
  }
  return status;
}

/** Two files; `title` comes first when they differ. `names` are what messages call them. */
function* compare(
  p: Process,
  on: ReadonlyMap<string, string>,
  first: string,
  second: string,
  names: readonly [string, string],
  title: string,
): Task<number> {
  const datas: Uint8Array[] = [];
  const absent: boolean[] = [];
  for (const [i, path] of [first, second].entries()) {
    const gone = title !== '' || on.has('new-file') ? path !== '-' && !p.stat(path).ok : false;
    absent.push(gone && on.has('new-file'));
    const data = gone && on.has('new-file') ? null : yield* wholeInput(p, path);
    if (data && !data.ok) {
      yield* p.err(`diff: ${names[i]}: ${strerror(data.errno)}\n`);
      continue;
    }
    datas.push(data ? data.value : new Uint8Array(0));
  }
  if (datas.length < 2) return 2;
  if (absent[0] && absent[1]) {
    for (const name of names) yield* p.err(`diff: ${name}: ${strerror('ENOENT')}\n`);
    return 2;
  }
  const [a, b] = datas.map((d) => split(new TextDecoder().decode(d))) as [Lines, Lines];
  const key = (line: string): string => {
    let t = line;
    if (on.has('ignore-all-space')) t = t.replace(/\s+/g, '');
    else if (on.has('ignore-space-change')) t = t.replace(/\s+/g, ' ').trimEnd();
    return on.has('ignore-case') ? t.toLowerCase() : t;
  };
  const ending = (f: Lines): string[] => f.lines.map((l, i) => key(l) + (i === f.lines.length - 1 && !f.complete ? '\0' : ''));
  let list = changes(ending(a), ending(b));
  if (on.has('ignore-blank-lines')) list = list.filter((c) => [...a.lines.slice(...c.a), ...b.lines.slice(...c.b)].some((l) => l !== ''));
  if (list.length === 0) {
    if (on.has('report-identical-files')) yield* p.out(`Files ${names[0]} and ${names[1]} are identical\n`);
    return 0;
  }
  if (on.has('brief')) yield* p.out(`Files ${names[0]} and ${names[1]} differ\n`);
  else if (on.has('unified') || on.has('lines')) {
    const stamp = (path: string, gone: boolean): string => {
      if (gone) return '1970-01-01 00:00:00.000000000 +0000';
      const s = p.stat(path);
      const us = p.sim.epochMs * 1000 + (path !== '-' && s.ok ? s.value.mtime : p.sim.now);
      return `${strftime('%Y-%m-%d %H:%M:%S', us / 1e6)}.${String(us % 1e6).padStart(6, '0')}000 +0000`;
    };
    const head = `--- ${names[0]}\t${stamp(first, absent[0] === true)}\n+++ ${names[1]}\t${stamp(second, absent[1] === true)}\n`;
    yield* p.out(`${title}${head}${unified(list, a, b, Number(on.get('lines') ?? 3))}`);
  } else yield* p.out(title + normal(list, a, b));
  return 1;
}

export const cmp: Command = {
  name: 'cmp',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('s.quiet l.verbose b.print-bytes n:bytes i:ignore-initial'),
      help: 'Usage: cmp [OPTION]... FILE1 [FILE2]\n',
      status: 2,
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const [first, second = '-'] = o.operands;
    if (first === undefined) {
      yield* p.err("cmp: missing operand after 'cmp'\ncmp: Try 'cmp --help' for more information.\n");
      return 2;
    }
    const datas: Uint8Array[] = [];
    for (const path of [first, second]) {
      const data = yield* wholeInput(p, path);
      if (!data.ok) {
        yield* p.err(`cmp: ${path}: ${strerror(data.errno)}\n`);
        return 2;
      }
      datas.push(data.value);
    }
    const [a, b] = datas as [Uint8Array, Uint8Array];
    const limit = Math.min(a.length, b.length, Number(on.get('bytes') ?? Number.POSITIVE_INFINITY));
    let line = 1;
    let differs = false;
    for (let i = 0; i < limit; i++) {
      if (a[i] !== b[i]) {
        differs = true;
        if (on.has('verbose'))
          yield* p.out(`${i + 1} ${(a[i] as number).toString(8).padStart(3)} ${(b[i] as number).toString(8).padStart(3)}\n`);
        else {
          if (!on.has('quiet')) yield* p.out(`${first} ${second} differ: byte ${i + 1}, line ${line}\n`);
          return 1;
        }
      }
      if (a[i] === 10) line++;
    }
    if (a.length !== b.length && limit === Math.min(a.length, b.length)) {
      const short = a.length < b.length ? first : second;
      if (!on.has('quiet'))
        yield* p.err(
          limit === 0
            ? `cmp: EOF on ${short} which is empty\n`
            : `cmp: EOF on ${short} after byte ${limit}, ${a[limit - 1] === 10 || b[limit - 1] === 10 ? `line ${line - 1}` : `in line ${line}`}\n`,
        );
      return 1;
    }
    return differs ? 1 : 0;
  },
};
