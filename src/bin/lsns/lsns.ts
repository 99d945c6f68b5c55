/** lsns: namespaces in use. Models util-linux 2.38, network namespaces (`-t net`) */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import type { Netns } from '../../os/uapi.ts';
import { USAGE } from './usage.ts';

interface Row {
  ns: Netns;
  pids: Process[];
}

function rows(p: Process, only: Netns | null): Row[] {
  const byNs = new Map<Netns, Row>();
  const all = [...p.machine.processes.values()].filter((x) => !x.dead).sort((a, b) => a.pid - b.pid);
  for (const proc of all) {
    const row = byNs.get(proc.ns) ?? { ns: proc.ns, pids: [] };
    row.pids.push(proc);
    byNs.set(proc.ns, row);
  }
  for (const ns of p.kernel.named.values()) if (!byNs.has(ns)) byNs.set(ns, { ns, pids: [] });
  return [...byNs.values()].filter((r) => only === null || r.ns === only).sort((a, b) => a.ns.inode - b.ns.inode);
}

interface Column {
  readonly right: boolean;
  readonly json: 'number' | 'string';
  value(p: Process, r: Row): string;
}

const USER_NS = '4026531837';
const first = (r: Row): Process | undefined => r.pids[0];
const column = (value: Column['value'], right = false, json: Column['json'] = 'string'): Column => ({ value, right, json });
const COLUMNS: Readonly<Record<string, Column>> = {
  NS: column((_p, r) => String(r.ns.inode), true, 'number'),
  TYPE: column(() => 'net'),
  PATH: column((_p, r) => (first(r) ? `/proc/${first(r)?.pid}/ns/net` : '')),
  NPROCS: column((_p, r) => String(r.pids.length), true, 'number'),
  PID: column((_p, r) => String(first(r)?.pid ?? ''), true, 'number'),
  PPID: column((_p, r) => String(first(r)?.ppid ?? ''), true, 'number'),
  COMMAND: column((_p, r) => first(r)?.argv.join(' ') ?? ''),
  UID: column((_p, r) => String(first(r)?.uid ?? ''), true, 'number'),
  USER: column((p, r) => (p.machine.init.ns === r.ns || first(r) ? 'root' : '')),
  NETNSID: column((p, r) => String(p.ns.nsids.get(r.ns) ?? 'unassigned'), true),
  NSFS: column((p, r) => {
    const name = p.kernel.nameOf(r.ns);
    return name === undefined ? '' : `/run/netns/${name}`;
  }),
  PNS: column(() => '0', true, 'number'),
  ONS: column(() => USER_NS, true, 'number'),
};

function table(names: readonly string[], rows: readonly (readonly string[])[], headings: boolean): string {
  const lines = [names, ...rows];
  const widths = names.map((_, c) => Math.max(...lines.map((l) => (l[c] ?? '').length)));
  const cell = (text: string, c: number): string => {
    if ((COLUMNS[names[c] as string] as Column).right) return text.padStart(widths[c] as number);
    return c === names.length - 1 ? text : text.padEnd(widths[c] as number);
  };
  return (headings ? lines : rows).map((l) => `${l.map(cell).join(' ')}\n`).join('');
}

function json(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const value = (text: string, c: number): string =>
    text === '' ? 'null' : (COLUMNS[names[c] as string] as Column).json === 'number' ? text : JSON.stringify(text);
  const one = (r: readonly string[]): string =>
    `{\n${r.map((text, c) => `         "${(names[c] as string).toLowerCase()}": ${value(text, c)}`).join(',\n')}\n      }`;
  return `{\n   "namespaces": [\n      ${rows.map(one).join(',')}\n   ]\n}\n`;
}

interface Options {
  type: string | null;
  headings: boolean;
  pid: string | null;
  format: 'table' | 'raw' | 'json';
  columns: string[] | null;
  words: string[];
}

const TAKES = 'otpT';
const LONG: Readonly<Record<string, string>> = {
  json: 'J',
  list: 'l',
  noheadings: 'n',
  output: 'o',
  'output-all': '*',
  task: 'p',
  raw: 'r',
  notruncate: 'u',
  nowrap: 'W',
  type: 't',
  tree: 'T',
  help: 'h',
  version: 'V',
};
const TYPES = ['mnt', 'net', 'pid', 'uts', 'ipc', 'user', 'cgroup', 'time'];

function parse(argv: readonly string[]): Options | { out?: string; err?: string } {
  const o: Options = { type: null, headings: true, pid: null, format: 'table', columns: null, words: [] };
  const hint = "\nTry 'lsns --help' for more information.\n";
  const set = (c: string, value: string): { out?: string; err?: string } | null => {
    if (c === 'h') return { out: USAGE };
    if (c === 'V') return { out: 'lsns from util-linux 2.38.1\n' };
    if (c === 'n') o.headings = false;
    else if (c === 'r') o.format = 'raw';
    else if (c === 'J') o.format = 'json';
    else if (c === '*') o.columns = Object.keys(COLUMNS);
    else if (c === 'p') {
      if (!/^\d+$/.test(value)) return { err: `lsns: invalid PID argument: '${value}'\n` };
      o.pid = value;
    } else if (c === 't') {
      if (!TYPES.includes(value)) return { err: `lsns: unknown namespace type: ${value}\n` };
      o.type = value;
    } else if (c === 'o') {
      const names = value.replace(/^\+/, '').toUpperCase().split(',');
      const wrong = names.find((n) => !Object.hasOwn(COLUMNS, n));
      if (wrong !== undefined) return { err: `lsns: unknown column: ${value.split(',').find((n) => n.toUpperCase() === wrong)}\n` };
      o.columns = value.startsWith('+') ? [...standard(o), ...names] : names;
    }
    return null;
  };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (!word.startsWith('-') || word === '-') {
      o.words.push(word);
      continue;
    }
    if (word.startsWith('--')) {
      const [name, given] = word.slice(2).split('=') as [string, string?];
      const c = LONG[name];
      if (c === undefined) return { err: `lsns: unrecognized option '${word}'${hint}` };
      const end = set(c, TAKES.includes(c) && name !== 'tree' ? (given ?? argv[++i] ?? '') : '');
      if (end) return end;
      continue;
    }
    for (let k = 1; k < word.length; k++) {
      const c = word[k] as string;
      if (!Object.values(LONG).includes(c) || c === '*') return { err: `lsns: invalid option -- '${c}'${hint}` };
      const takes = TAKES.includes(c) && c !== 'T';
      const value = takes ? word.slice(k + 1) || argv[++i] : '';
      if (value === undefined) return { err: `lsns: option requires an argument -- '${c}'${hint}` };
      const end = set(c, value);
      if (end) return end;
      if (takes) break;
    }
  }
  return o;
}

function standard(o: Options): string[] {
  return o.type === 'net'
    ? ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'NETNSID', 'NSFS', 'COMMAND']
    : ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'COMMAND'];
}

function* main(p: Process): Task<number> {
  const o = parse(p.argv.slice(1));
  if (!('words' in o)) {
    if (o.out !== undefined) yield* p.out(o.out);
    if (o.err !== undefined) yield* p.err(o.err);
    return o.err === undefined ? 0 : 1;
  }
  if (o.type !== null && o.type !== 'net') {
    yield* p.err(`lsns: namespaces of type ${o.type} are not emulated\n`);
    return 1;
  }
  const target = o.pid === null ? null : (p.machine.processes.get(Number(o.pid))?.ns ?? null);
  let found = rows(p, target);
  if (o.words[0] !== undefined) {
    found = found.filter((r) => String(r.ns.inode) === o.words[0]);
    if (found.length === 0) {
      yield* p.err(`lsns: not found namespace: ${o.words[0]}\n`);
      return 1;
    }
  }
  const names = o.columns ?? standard(o);
  const cells = found.map((r) => names.map((n) => (COLUMNS[n] as Column).value(p, r)));
  const raw = (l: readonly string[]): string => `${l.map((text) => text.replaceAll(' ', '\\x20')).join(' ')}\n`;
  if (o.format === 'json') yield* p.out(json(names, cells));
  else if (o.format === 'raw') yield* p.out((o.headings ? [names, ...cells] : cells).map(raw).join(''));
  else yield* p.out(table(names, cells, o.headings));
  return 0;
}

export const lsns: Command = { name: 'lsns', main };
