/** find: walks directories and tests what it meets. Models findutils 4.9; -regex types, times of access and ACL tests are not emulated */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { dateText } from '../date/date.ts';

/** Entries that one walk may meet. */
const LIMIT = 200_000;

interface Here {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  /** The starting point as typed. */
  readonly root: string;
  readonly stat: { kind: string; size: number; mode: number; mtime: number; uid: number; gid: number; ino: number; nlink: number };
}

type Test = (h: Here) => Task<boolean>;

class Wrong extends Error {}

interface Plan {
  test: Test;
  minDepth: number;
  maxDepth: number;
  depthFirst: boolean;
  follow: boolean;
  /** Entries of -exec … +, run at the end. */
  batches: { argv: readonly string[]; paths: string[] }[];
}

function glob(pattern: string, fold: boolean): RegExp {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === '*') out += '.*';
    else if (c === '?') out += '.';
    else if (c === '[') {
      const end = pattern.indexOf(']', i + 2);
      if (end < 0) out += '\\[';
      else {
        out += `[${pattern
          .slice(i + 1, end)
          .replace(/^!/, '^')
          .replace(/\\/g, '\\\\')}]`;
        i = end;
      }
    } else if (c === '\\') out += `\\${pattern[++i] ?? '\\'}`;
    else out += c.replace(/[.+^${}()|]/g, '\\$&');
  }
  return new RegExp(`^${out}$`, fold ? 'is' : 's');
}

const TYPES: Record<string, string> = { f: 'file', d: 'dir', l: 'symlink', c: 'char', p: 'fifo', s: 'socket', b: 'block' };

/** `+N`, `-N`, `N`. */
function compare(text: string, what: string): (n: number) => boolean {
  const m = /^([+-])?(\d+)$/.exec(text);
  if (!m) throw new Wrong(`find: invalid argument \`${text}' to \`${what}'\n`);
  const n = Number(m[2]);
  return m[1] === '+' ? (x) => x > n : m[1] === '-' ? (x) => x < n : (x) => x === n;
}

class Parser {
  readonly plan: Plan = { test: always, minDepth: 0, maxDepth: Number.POSITIVE_INFINITY, depthFirst: false, follow: false, batches: [] };
  private at = 0;
  private acts = false;
  private readonly p: Process;
  private readonly words: readonly string[];

  constructor(p: Process, words: readonly string[]) {
    this.p = p;
    this.words = words;
  }

  parse(): Plan {
    const test = this.at < this.words.length ? this.list() : always;
    if (this.at < this.words.length) throw new Wrong(`find: invalid expression; you have too many ')'\n`);
    this.plan.test = this.acts ? test : both(test, print(this.p, '\n'));
    return this.plan;
  }

  private peek(): string | undefined {
    return this.words[this.at];
  }

  private list(): Test {
    let left = this.or();
    while (this.peek() === ',') {
      this.at++;
      const [first, second] = [left, this.or()];
      left = function* (h) {
        yield* first(h);
        return yield* second(h);
      };
    }
    return left;
  }

  private or(): Test {
    let left = this.and();
    while (this.peek() === '-o' || this.peek() === '-or') {
      this.at++;
      const [first, second] = [left, this.and()];
      left = function* (h) {
        return (yield* first(h)) || (yield* second(h));
      };
    }
    return left;
  }

  private and(): Test {
    let left = this.not();
    for (let w = this.peek(); w !== undefined && w !== ')' && w !== ',' && w !== '-o' && w !== '-or'; w = this.peek()) {
      if (w === '-a' || w === '-and') this.at++;
      left = both(left, this.not());
    }
    return left;
  }

  private not(): Test {
    const w = this.peek();
    if (w === '!' || w === '-not') {
      this.at++;
      const inner = this.not();
      return function* (h) {
        return !(yield* inner(h));
      };
    }
    if (w === '(') {
      this.at++;
      const inner = this.list();
      if (this.peek() !== ')') throw new Wrong("find: invalid expression; I was expecting to find a ')' somewhere but did not see one.\n");
      this.at++;
      return inner;
    }
    if (w === undefined) throw new Wrong(`find: expected an expression after \`${this.words[this.at - 1] ?? ''}'\n`);
    this.at++;
    return this.primary(w);
  }

  private value(of: string): string {
    const v = this.words[this.at++];
    if (v === undefined) throw new Wrong(`find: missing argument to \`${of}'\n`);
    return v;
  }

  private primary(w: string): Test {
    const { p, plan } = this;
    const when = (f: (h: Here) => boolean): Test =>
      // biome-ignore lint/correctness/useYield: a test that waits for nothing
      function* (h) {
        return f(h);
      };
    switch (w) {
      case '-true':
        return always;
      case '-false':
        return when(() => false);
      case '-name':
      case '-iname': {
        const re = glob(this.value(w), w === '-iname');
        return when((h) => re.test(h.name));
      }
      case '-path':
      case '-wholename':
      case '-ipath': {
        const re = glob(this.value(w), w === '-ipath');
        return when((h) => re.test(h.path));
      }
      case '-regex':
      case '-iregex': {
        const text = this.value(w).replace(/\\([(){}|+?])/g, '\u0001$1');
        const re = new RegExp(`^(?:${text.replace(/(?<!\u0001)[(){}|]/g, '\\$&').replace(/\u0001/g, '')})$`, w === '-iregex' ? 'i' : '');
        return when((h) => re.test(h.path));
      }
      case '-type': {
        const kinds = this.value(w)
          .split(',')
          .map((t) => {
            const kind = TYPES[t];
            if (kind === undefined) throw new Wrong(`find: Unknown argument to -type: ${t}\n`);
            return kind;
          });
        return when((h) => kinds.includes(h.stat.kind));
      }
      case '-maxdepth':
      case '-mindepth': {
        const text = this.value(w);
        if (!/^\d+$/.test(text)) throw new Wrong(`find: Expected a positive decimal integer argument to ${w}, but got ‘${text}’\n`);
        if (w === '-maxdepth') plan.maxDepth = Number(text);
        else plan.minDepth = Number(text);
        return always;
      }
      case '-depth':
        plan.depthFirst = true;
        return always;
      case '-xdev':
      case '-mount':
      case '-noleaf':
        return always;
      case '-follow':
        plan.follow = true;
        return always;
      case '-empty':
        return when((h) => {
          const r = h.stat.kind === 'dir' ? p.readdir(h.path) : null;
          return r ? r.ok && r.value.length === 0 : h.stat.kind === 'file' && h.stat.size === 0;
        });
      case '-size': {
        const text = this.value(w);
        const m = /^([+-]?\d+)([bcwkMG]?)$/.exec(text);
        if (!m) throw new Wrong(`find: Invalid argument \`${text}' to -size\n`);
        const unit = { b: 512, c: 1, w: 2, k: 1024, M: 1 << 20, G: 1 << 30, '': 512 }[m[2] as 'b'];
        const test = compare(m[1] as string, '-size');
        return when((h) => test(Math.ceil(h.stat.size / unit)));
      }
      case '-mmin':
      case '-mtime': {
        const test = compare(this.value(w), w);
        const unit = w === '-mmin' ? 60e6 : 86_400e6;
        return when((h) => test(Math.floor((p.sim.now - h.stat.mtime) / unit)));
      }
      case '-newer': {
        const file = this.value(w);
        const r = p.stat(file);
        if (!r.ok) throw new Wrong(`find: ‘${file}’: ${strerror(r.errno)}\n`);
        return when((h) => h.stat.mtime > r.value.mtime);
      }
      case '-perm': {
        const text = this.value(w);
        const m = /^([-/]?)([0-7]+)$/.exec(text);
        if (!m) throw new Wrong(`find: invalid mode ‘${text}’\n`);
        const bits = Number.parseInt(m[2] as string, 8);
        return when((h) =>
          m[1] === '-'
            ? (h.stat.mode & bits) === bits
            : m[1] === '/'
              ? bits === 0 || (h.stat.mode & bits) !== 0
              : (h.stat.mode & 0o7777) === bits,
        );
      }
      case '-user': {
        const name = this.value(w);
        const uid = /^\d+$/.test(name) ? Number(name) : p.machine.users(p).find((u) => u.name === name)?.uid;
        if (uid === undefined) throw new Wrong(`find: ‘${name}’ is not the name of a known user\n`);
        return when((h) => h.stat.uid === uid);
      }
      case '-links': {
        const test = compare(this.value(w), w);
        return when((h) => test(h.stat.nlink));
      }
      case '-inum': {
        const test = compare(this.value(w), w);
        return when((h) => test(h.stat.ino));
      }
      case '-prune':
        return when((h) => {
          pruned.add(h);
          return true;
        });
      case '-quit':
        this.acts = true;
        return when(() => {
          throw new Quit();
        });
      case '-print':
        this.acts = true;
        return print(p, '\n');
      case '-print0':
        this.acts = true;
        return print(p, '\0');
      case '-printf':
        this.acts = true;
        return printf(p, this.value(w));
      case '-ls':
        throw new Wrong('find: -ls is not emulated\n');
      case '-delete':
        this.acts = true;
        plan.depthFirst = true;
        return function* (h) {
          const r = h.stat.kind === 'dir' ? p.rmdir(h.path) : p.unlink(h.path);
          if (!r.ok) yield* p.err(`find: cannot delete ‘${h.path}’: ${strerror(r.errno)}\n`);
          return r.ok;
        };
      case '-exec':
      case '-execdir':
      case '-ok':
        return this.exec(w);
    }
    if (w.startsWith('-')) throw new Wrong(NOT_EMULATED.test(w) ? `find: ${w} is not emulated\n` : `find: unknown predicate \`${w}'\n`);
    throw new Wrong(`find: paths must precede expression: \`${w}'\n`);
  }

  private exec(w: string): Test {
    if (w !== '-exec') throw new Wrong(`find: ${w} is not emulated\n`);
    this.acts = true;
    const argv: string[] = [];
    const { p } = this;
    for (let word = this.words[this.at++]; ; word = this.words[this.at++]) {
      if (word === undefined) throw new Wrong(`find: missing argument to \`${w}'\n`);
      if (word === ';') break;
      if (word === '+' && argv.at(-1) === '{}') {
        const batch = { argv: argv.slice(0, -1), paths: [] as string[] };
        this.plan.batches.push(batch);
        // biome-ignore lint/correctness/useYield: only remembered
        return function* (h) {
          batch.paths.push(h.path);
          return true;
        };
      }
      argv.push(word);
    }
    return function* (h) {
      return (
        (yield* run(
          p,
          argv.map((a) => a.replaceAll('{}', h.path)),
        )) === 0
      );
    };
  }
}

class Quit extends Error {}

const NOT_EMULATED =
  /^-(a?newer\w\w|amin|atime|cmin|ctime|anewer|cnewer|fstype|gid|group|nogroup|nouser|samefile|uid|used|xtype|context|executable|readable|writable|fls|fprint0?|fprintf|files0-from|lname|ilname|daystart|regextype|warn|nowarn|okdir)$/;

const pruned = new WeakSet<Here>();

// biome-ignore lint/correctness/useYield: a test that waits for nothing
const always: Test = function* () {
  return true;
};

const both = (first: Test, second: Test): Test =>
  function* (h) {
    return (yield* first(h)) && (yield* second(h));
  };

const print = (p: Process, end: string): Test =>
  function* (h) {
    yield* p.out(h.path + end);
    return true;
  };

function printf(p: Process, format: string): Test {
  const LETTER: Record<string, string> = { file: 'f', dir: 'd', symlink: 'l', char: 'c', fifo: 'p', socket: 's' };
  return function* (h) {
    const name = (uid: number): string => p.machine.users(p).find((u) => u.uid === uid)?.name ?? String(uid);
    const text = format.replace(
      /\\([abfnrtv0\\])|%(-?\d*)(T.|.)/gs,
      (whole: string, special: string | undefined, width: string, of: string) => {
        if (special) return { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '0': '\0', '\\': '\\' }[special] ?? whole;
        const value = ((): string => {
          if (of === 'p') return h.path;
          if (of === 'f') return h.name;
          if (of === 'h') return h.path.includes('/') ? h.path.slice(0, h.path.lastIndexOf('/')) || '/' : '.';
          if (of === 'P') return h.path.slice(h.root.length).replace(/^\//, '');
          if (of === 'H') return h.root;
          if (of === 's') return String(h.stat.size);
          if (of === 'd') return String(h.depth);
          if (of === 'm') return (h.stat.mode & 0o7777).toString(8);
          if (of === 'y') return LETTER[h.stat.kind] ?? '?';
          if (of === 'u') return name(h.stat.uid);
          if (of === 'U') return String(h.stat.uid);
          if (of === 'i') return String(h.stat.ino);
          if (of === 'n') return String(h.stat.nlink);
          if (of === 'l') {
            const r = h.stat.kind === 'symlink' ? p.readlink(h.path) : null;
            return r?.ok ? r.value : '';
          }
          if (of === '%') return '%';
          const us = p.sim.epochMs * 1000 + h.stat.mtime;
          if (of === 'T@') return `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}0000`;
          if (of[0] === 'T') return dateText(`%${of[1]}`, us);
          return whole;
        })();
        const n = Number(width || 0);
        return n < 0 ? value.padEnd(-n) : value.padStart(n);
      },
    );
    yield* p.out(text);
    return true;
  };
}

function* run(p: Process, argv: readonly string[]): Task<number> {
  const child = p.spawn([...argv]);
  if (child.ok) return yield* p.waitPid(child.value);
  yield* p.err(`find: ‘${argv[0]}’: ${strerror(child.errno)}\n`);
  return 127;
}

function* walk(p: Process, root: string, plan: Plan): Task<number> {
  let status = 0;
  let met = 0;
  function* visit(path: string, name: string, depth: number): Task<void> {
    if (++met > LIMIT) return;
    const r = plan.follow && p.stat(path).ok ? p.stat(path) : p.lstat(path);
    if (!r.ok) {
      status = 1;
      yield* p.err(`find: ‘${path}’: ${strerror(r.errno)}\n`);
      return;
    }
    const here: Here = { path, name, depth, root, stat: r.value };
    const wanted = depth >= plan.minDepth;
    if (wanted && !plan.depthFirst) yield* plan.test(here);
    if (r.value.kind === 'dir' && depth < plan.maxDepth && !pruned.has(here)) {
      const names = p.readdir(path);
      if (!names.ok) {
        status = 1;
        yield* p.err(`find: ‘${path}’: ${strerror(names.errno)}\n`);
      } else for (const n of names.value) yield* visit(path.endsWith('/') ? path + n : `${path}/${n}`, n, depth + 1);
    }
    if (wanted && plan.depthFirst) yield* plan.test(here);
  }
  yield* visit(root, root.replace(/\/+$/, '').replace(/.*\//, '') || '/', 0);
  return status;
}

function* main(p: Process): Task<number> {
  const args = p.argv.slice(1);
  let follow = false;
  while (args[0] !== undefined && /^-[HLP]$/.test(args[0])) follow = args.shift() === '-L';
  const cut = args.findIndex((a) => /^-.|^[(!]$/.test(a));
  const roots = cut < 0 ? args : args.slice(0, cut);
  let plan: Plan;
  try {
    plan = new Parser(p, cut < 0 ? [] : args.slice(cut)).parse();
  } catch (e) {
    if (!(e instanceof Wrong)) throw e;
    yield* p.err(e.message);
    return 1;
  }
  plan.follow ||= follow;
  let status = 0;
  try {
    for (const root of roots.length > 0 ? roots : ['.']) status = (yield* walk(p, root, plan)) || status;
  } catch (e) {
    if (!(e instanceof Quit)) throw e;
  }
  for (const b of plan.batches) if (b.paths.length > 0 && (yield* run(p, [...b.argv, ...b.paths])) !== 0) status = 1;
  return status;
}

export const find: Command = { name: 'find', main };
