/** ps: processes of the machine, chosen and printed as UNIX and BSD options ask. Models procps 4.0 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { FIELDS, type Field, FORMATS, table, ttyName } from './fields.ts';

const USAGE =
  "\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n";

class Wrong extends Error {}

interface Asked {
  all: boolean;
  /** -a or a: every terminal. */
  terminals: boolean;
  /** x: those without a terminal as well. */
  detached: boolean;
  negate: boolean;
  format: readonly Field[] | null;
  bsd: boolean;
  forest: '' | 'tree' | 'indent';
  heads: boolean;
  wide: boolean;
  sort: readonly (readonly [field: Field | null, name: string, down: boolean])[];
  choose: ((q: Process) => boolean)[];
  quick: readonly number[] | null;
}

function numbers(text: string, what = 'process ID'): number[] {
  return text.split(/[\s,]+/).map((w) => {
    if (!/^\d+$/.test(w)) throw new Wrong(`error: ${what} list syntax error\n`);
    return Number(w);
  });
}

function userFormat(text: string): Field[] {
  const out: Field[] = [];
  let rest = text;
  while (rest !== '') {
    const m = /^([^,\s=]+)(=([^,]*(?:$|(?=,)))?)?[,\s]*/.exec(rest);
    if (!m) throw new Wrong('error: improper format list\n');
    // `pid=Process number` takes the rest as its header.
    const eq = rest.indexOf('=');
    const name = (m[1] as string).replace(/:\d+$/, '');
    const width = /:(\d+)$/.exec(m[1] as string)?.[1];
    const field = FIELDS[name.toLowerCase()];
    if (!field) throw new Wrong(`error: unknown user-defined format specifier "${name}"\n`);
    const head = eq === (m[1] as string).length ? (m[3] ?? '') : field.head;
    out.push({ ...field, head, ...(width ? { width: Number(width), rest: false } : { width: Math.max(field.width, head.length) }) });
    rest = rest.slice(m[0].length);
  }
  return out;
}

function sorting(text: string): Asked['sort'] {
  return text.split(',').map((w) => {
    const name = w.replace(/^[+-]/, '').toLowerCase();
    const field = FIELDS[name];
    if (!field) throw new Wrong('error: unknown sort specifier\n');
    return [field, name, w.startsWith('-')] as const;
  });
}

function parse(p: Process, args: readonly string[]): Asked {
  const o: Asked = {
    all: false,
    terminals: false,
    detached: false,
    negate: false,
    format: null,
    bsd: false,
    forest: '',
    heads: true,
    wide: false,
    sort: [],
    choose: [],
    quick: null,
  };
  let custom: Field[] = [];
  const users = (text: string): ((q: Process) => boolean) => {
    const ids = text.split(/[\s,]+/).map((w) => {
      const id = /^\d+$/.test(w) ? Number(w) : p.machine.users(p).find((u) => u.name === w)?.uid;
      if (id === undefined) throw new Wrong(`error: user name does not exist\n`);
      return id;
    });
    return (q) => ids.includes(q.uid);
  };
  const valued: Record<string, (text: string) => void> = {
    o: (t) => {
      custom = [...custom, ...userFormat(t)];
    },
    p: (t) =>
      o.choose.push(
        (
          (ids) => (q: Process) =>
            ids.includes(q.machine.current?.pidOf(q) ?? q.pid)
        )(numbers(t)),
      ),
    q: (t) => {
      o.quick = numbers(t);
    },
    C: (t) =>
      o.choose.push(
        (
          (names) => (q: Process) =>
            names.includes(q.name)
        )(t.split(/[\s,]+/)),
      ),
    u: (t) => o.choose.push(users(t)),
    U: (t) => o.choose.push(users(t)),
    G: (t) =>
      o.choose.push(
        (
          (ids) => (q: Process) =>
            ids.includes(q.gid)
        )(numbers(t, 'group')),
      ),
    s: (t) =>
      o.choose.push(
        (
          (ids) => (q: Process) =>
            ids.includes(q.machine.current?.numberOf(q, 'session') ?? q.sid)
        )(numbers(t, 'session')),
      ),
    g: (t) =>
      o.choose.push(
        (
          (ids) => (q: Process) =>
            ids.includes(q.machine.current?.numberOf(q, 'session') ?? q.sid)
        )(numbers(t, 'session')),
      ),
    t: (t) =>
      o.choose.push(
        (
          (names) => (q: Process) =>
            names.includes(ttyName(q))
        )(t.split(/[\s,]+/).map((w) => w.replace('/dev/', ''))),
      ),
    k: (t) => {
      o.sort = sorting(t);
    },
  };
  const long: Record<string, (text: string) => void> = {
    pid: valued.p as (t: string) => void,
    ppid: (t) =>
      o.choose.push(
        (
          (ids) => (q: Process) =>
            ids.includes(q.machine.current?.numberOf(q, 'parent') ?? q.ppid)
        )(numbers(t)),
      ),
    sid: valued.s as (t: string) => void,
    user: valued.u as (t: string) => void,
    tty: valued.t as (t: string) => void,
    format: valued.o as (t: string) => void,
    sort: valued.k as (t: string) => void,
    'quick-pid': valued.q as (t: string) => void,
  };
  const flags: Record<string, () => void> = {
    'no-headers': () => {
      o.heads = false;
    },
    'no-heading': () => {
      o.heads = false;
    },
    headers: () => {},
    forest: () => {
      o.forest = 'tree';
    },
    deselect: () => {
      o.negate = true;
    },
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg.startsWith('--')) {
      const [name = '', value] = arg.slice(2).split(/=(.*)/s);
      if (flags[name]) (flags[name] as () => void)();
      else if (long[name]) {
        const v = value ?? args[++i];
        if (v === undefined) throw new Wrong(`error: long sort specification must follow '--${name}'\n`);
        (long[name] as (t: string) => void)(v);
      } else throw new Wrong('error: unknown gnu long option\n');
      continue;
    }
    const unix = arg.startsWith('-');
    const letters = unix ? arg.slice(1) : arg;
    if (!unix && /^[\d,]+$/.test(arg)) {
      (valued.p as (t: string) => void)(arg);
      o.bsd = true;
      continue;
    }
    for (let j = 0; j < letters.length; j++) {
      const c = letters[j] as string;
      const takesValue = unix ? 'opqCuUGsgtkO'.includes(c) : 'optkOU'.includes(c);
      if (takesValue && c !== 'O') {
        const v = letters.slice(j + 1) || args[++i];
        if (v === undefined)
          throw new Wrong(
            c === 'o'
              ? 'error: format specification must follow -o\n'
              : `error: list of ${c === 'C' ? 'command names' : 'process IDs'} must follow -${c}\n`,
          );
        (valued[c] as (t: string) => void)(v);
        break;
      }
      if (unix) unixFlag(o, c, p);
      else bsdFlag(o, c);
    }
  }
  if (custom.length > 0) o.format = custom;
  return o;
}

function unixFlag(o: Asked, c: string, p: Process): void {
  if (c === 'e' || c === 'A') o.all = true;
  else if (c === 'a') o.choose.push((q) => q.tty !== null && q.sid !== q.pid);
  else if (c === 'd') o.choose.push((q) => q.sid !== q.pid);
  else if (c === 'f') o.format ??= FORMATS.full;
  else if (c === 'F') o.format = FORMATS.extra;
  else if (c === 'l' || c === 'y') o.format = FORMATS.long;
  else if (c === 'j') o.format = FORMATS.jobs;
  else if (c === 'H') o.forest = 'indent';
  else if (c === 'N') o.negate = true;
  else if (c === 'T') o.choose.push((q) => q.tty === p.tty);
  else if (c === 'w') o.wide = true;
  else if ('LmMZcOPnVx'.includes(c)) throw new Wrong(`ps: -${c} is not emulated\n`);
  else throw new Wrong('error: unsupported SysV option\n');
}

function bsdFlag(o: Asked, c: string): void {
  o.bsd = true;
  if (c === 'a') o.terminals = true;
  else if (c === 'x') o.detached = true;
  else if (c === 'u') o.format = FORMATS.user;
  else if (c === 'f') o.forest = 'tree';
  else if (c === 'j') o.format = FORMATS.bsdJobs;
  else if (c === 'l') o.format = FORMATS.long;
  else if (c === 'h') o.heads = false;
  else if (c === 'w') o.wide = true;
  else if (c === 'r') o.choose.push((q) => q.state === 'ready');
  else if ('ecgnSTvXZmLHsO'.includes(c)) throw new Wrong(`ps: ${c} is not emulated\n`);
  else throw new Wrong('error: unsupported option (BSD syntax)\n');
}

function chosen(p: Process, o: Asked): Process[] {
  const everyone = p.visible();
  if (o.quick) return o.quick.flatMap((pid) => everyone.filter((q) => p.pidOf(q) === pid));
  let list: Process[];
  if (o.all) list = everyone;
  else if (o.choose.length > 0) list = everyone.filter((q) => o.choose.some((f) => f(q)));
  else if (o.bsd) list = everyone.filter((q) => (o.terminals || q.uid === p.uid) && (o.detached || q.tty !== null));
  else list = everyone.filter((q) => q.uid === p.uid && q.tty === p.tty);
  return o.negate ? everyone.filter((q) => !list.includes(q)) : list;
}

/** Parents before children, with what is drawn before each command. */
function forest(list: readonly Process[], style: 'tree' | 'indent'): { order: Process[]; prefix: Map<Process, string> } {
  const order: Process[] = [];
  const prefix = new Map<Process, string>();
  const inside = new Set(list);
  const visit = (q: Process, lead: string, mark: string): void => {
    order.push(q);
    prefix.set(q, lead + mark);
    const children = list.filter((c) => c.parent === q);
    children.forEach((c, i) => {
      const last = i === children.length - 1;
      const inner = lead + (mark === '' ? '' : mark === ' \\_ ' && isLast.get(q) ? '    ' : ' |  ');
      isLast.set(c, last);
      visit(c, style === 'tree' ? inner : `${lead}  `, style === 'tree' ? ' \\_ ' : '');
    });
  };
  const isLast = new Map<Process, boolean>();
  for (const q of list) if (!q.parent || !inside.has(q.parent)) visit(q, '', '');
  return { order, prefix };
}

function* main(p: Process): Task<number> {
  let o: Asked;
  try {
    o = parse(p, p.argv.slice(1));
  } catch (e) {
    if (!(e instanceof Wrong)) throw e;
    yield* p.err(e.message.startsWith('ps:') ? e.message : e.message + USAGE);
    return 1;
  }
  let list = chosen(p, o);
  for (const [field, , down] of [...o.sort].reverse())
    if (field) {
      const key = (q: Process): string | number => {
        const v = field.value(q, p);
        return /^[\d.]+$/.test(v) ? Number(v) : v;
      };
      list = [...list].sort((a, b) => ((x, y) => (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1))(key(a), key(b)));
    }
  const fields = o.format ?? (o.bsd ? FORMATS.bsd : FORMATS.plain);
  const cols = o.wide ? 0 : (p.winsize(1)?.cols ?? 0);
  const heads = o.heads && fields.some((f) => f.head !== '');
  const drawn = o.forest === '' ? null : forest(list, o.forest);
  yield* p.out(table(fields, drawn?.order ?? list, p, { heads, width: cols, ...(drawn ? { prefix: drawn.prefix } : {}) }));
  return list.length > 0 ? 0 : 1;
}

export const ps: Command = { name: 'ps', main, path: '/bin/ps' };
