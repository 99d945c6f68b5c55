/** nft: the tool of nftables, as far as tables, chains, rules and sets of ip, ip6 and inet go. Models nftables 1.0.6 */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { type Errno, strerror, xt } from '../../os/uapi.ts';
import { text } from '../../wire/bytes.ts';
import { Cursor, errorText, NftError, type Token, tokens } from './lexer.ts';
import { type ChainView, chainText, type Format, priorityOf, setText, type TableView, tableText, views, warning } from './list.ts';
import { parseItems, parseRule } from './rule.ts';

interface Context {
  readonly p: Process;
  readonly format: Format;
  readonly json: boolean;
  out: string;
  warnings: string;
}

const FAMILIES: readonly string[] = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'];
const HOOKS: Readonly<Record<string, xt.Hook>> = {
  prerouting: 'PREROUTING',
  input: 'INPUT',
  forward: 'FORWARD',
  output: 'OUTPUT',
  postrouting: 'POSTROUTING',
};

function refuse(errno: Errno, at: Token): never {
  throw new NftError(`Could not process rule: ${strerror(errno)}`, at);
}

function family(c: Cursor): xt.NftFamily {
  return FAMILIES.includes(c.token.text) ? (c.next().text as xt.NftFamily) : 'ip';
}

interface Named {
  family: xt.NftFamily;
  table: Token;
}

function named(c: Cursor): Named {
  const f = family(c);
  return { family: f, table: c.word() };
}

/** The table that a new rule or chain goes into; a name of another table is offered when there is none. */
function tableFor(cx: Context, n: Named): xt.NftTable {
  const { nft, xt: tables } = cx.p.ns.nf;
  const found = nft.get(n.family, n.table.text);
  if (found) return found;
  const xtFamily = n.family === 'ip' ? 4 : n.family === 'ip6' ? 6 : null;
  if (xtFamily !== null && xt.isTableName(n.table.text) && tables.get(xtFamily, n.table.text)) {
    throw new NftError('changing tables of iptables-nft with nft is not emulated', n.table);
  }
  const other = nft.all()[0];
  const hint = other ? `; did you mean table ‘${other.name}’ in family ${other.family}?` : '';
  throw new NftError(`No such file or directory${hint}`, n.table);
}

function parseBase(c: Cursor): xt.BaseChain | null {
  let base: { type: xt.ChainType; hook: xt.Hook; priority: number; policy: 'accept' | 'drop' } | null = null;
  for (;;) {
    c.skipNewlines();
    if (c.take('}')) return base;
    if (c.take('type')) {
      const type = c.word();
      if (type.text !== 'filter' && type.text !== 'nat' && type.text !== 'route') throw new NftError(`unknown chain type`, type);
      c.expect('hook');
      const hook = c.word();
      const at = HOOKS[hook.text];
      if (!at) throw new NftError(`unknown chain hook`, hook);
      c.expect('priority');
      const prio = c.word();
      let priority = priorityOf(prio.text);
      if (priority === null) throw new NftError(`'${prio.text}' is invalid priority.`, prio);
      if (c.is('+') || c.is('-')) priority += (c.next().text === '-' ? -1 : 1) * Number(c.word().text);
      base = { type: type.text, hook: at, priority, policy: 'accept' };
    } else if (c.take('policy')) {
      const policy = c.word();
      if (policy.text !== 'accept' && policy.text !== 'drop') throw new NftError(`invalid policy ${policy.text}`, policy);
      if (base) base.policy = policy.text;
    } else c.unexpected();
  }
}

function addChain(cx: Context, table: xt.NftTable, name: Token, base: xt.BaseChain | null, create: boolean, whole: Token): xt.NftChain {
  if (create && table.chains.has(name.text)) refuse('EEXIST', name);
  const r = cx.p.ns.nf.nft.addChain(table, name.text, base);
  if (!r.ok) refuse(r.errno, whole);
  return r.value;
}

function chainOf(table: xt.NftTable, name: Token): xt.NftChain {
  const chain = table.chains.get(name.text);
  if (!chain) refuse('ENOENT', name);
  return chain;
}

function addRule(cx: Context, c: Cursor, table: xt.NftTable, name: Token, chain: xt.NftChain, at: number | undefined, start: Token): void {
  const rule = parseRule(c, table.family);
  const whole: Token = { ...start, to: c.token.from };
  const r = cx.p.ns.nf.nft.addRule(table, chain, rule.statements, rule.comment, at);
  if (!r.ok) refuse(r.errno, whole);
  void name;
}

/** `{ type ipv4_addr; flags interval; elements = { … } }` */
function parseSetBody(c: Cursor, table: xt.NftTable, name: Token): void {
  let type: xt.DataType | null = null;
  const flags: string[] = [];
  let elements: xt.Item[] = [];
  c.expect('{');
  for (;;) {
    c.skipNewlines();
    if (c.take('}')) break;
    if (c.take('type')) {
      const t = c.word();
      type = xt.typeByName(t.text);
      if (!type) throw new NftError(`unknown datatype ${t.text}`, t);
    } else if (c.take('flags')) {
      do flags.push(c.word().text);
      while (c.take(','));
    } else if (c.take('elements')) {
      c.expect('=');
      if (!type) c.unexpected();
      elements = parseItems(c, type as xt.DataType);
    } else if (c.take('comment') || c.take('size') || c.take('timeout') || c.take('policy') || c.take('gc-interval')) {
      throw new NftError('this option of sets is not emulated', c.token);
    } else c.unexpected();
  }
  if (!type) throw new NftError('set definition does not specify key', name);
  if (!table.sets.has(name.text)) table.sets.set(name.text, { name: name.text, type, flags, handle: table.nextHandle(), elements });
}

function sameItem(a: xt.Item, b: xt.Item): boolean {
  if (a.kind === 'range' && b.kind === 'range') return a.low === b.low && a.high === b.high;
  if (a.kind === 'prefix' && b.kind === 'prefix') return a.value === b.value && a.len === b.len;
  return a.kind === 'value' && b.kind === 'value' && a.value === b.value;
}

/** A table, chain or set block as in files: `table ip x { chain y { … } }`. */
function block(cx: Context, c: Cursor): void {
  const n = named(c);
  const table = cx.p.ns.nf.nft.addTable(n.family, n.table.text);
  c.expect('{');
  for (;;) {
    c.skipNewlines();
    if (c.take('}')) return;
    if (c.take('chain')) {
      const name = c.word();
      c.expect('{');
      c.skipNewlines();
      let chain: xt.NftChain | null = null;
      if (c.is('type')) {
        const body = untilRules(c);
        chain = addChain(cx, table, name, body, false, name);
      } else chain = addChain(cx, table, name, null, false, name);
      for (;;) {
        c.skipNewlines();
        if (c.take('}')) break;
        addRule(cx, c, table, name, chain, undefined, c.token);
      }
    } else if (c.take('set')) parseSetBody(c, table, c.word());
    else c.unexpected();
  }
}

/** The base chain's lines at the head of a block. */
function untilRules(c: Cursor): xt.BaseChain {
  c.expect('type');
  const type = c.word().text as xt.ChainType;
  c.expect('hook');
  const hookToken = c.word();
  const hook = HOOKS[hookToken.text];
  if (!hook) throw new NftError('unknown chain hook', hookToken);
  c.expect('priority');
  const prio = c.word();
  const priority = priorityOf(prio.text);
  if (priority === null) throw new NftError(`'${prio.text}' is invalid priority.`, prio);
  let policy: 'accept' | 'drop' = 'accept';
  c.skipNewlines();
  if (c.take('policy')) policy = c.word().text === 'drop' ? 'drop' : 'accept';
  return { type, hook, priority, policy };
}

function add(cx: Context, c: Cursor, verb: Token): void {
  const { nft } = cx.p.ns.nf;
  const create = verb.text === 'create';
  if (c.take('table')) {
    const n = named(c);
    if (create && nft.get(n.family, n.table.text)) refuse('EEXIST', n.table);
    nft.addTable(n.family, n.table.text);
    if (c.take('{')) c.expect('}');
  } else if (c.take('chain')) {
    const n = named(c);
    const name = c.word();
    const table = tableFor(cx, n);
    let base: xt.BaseChain | null = null;
    if (c.take('{')) base = parseBase(c);
    addChain(cx, table, name, base, create, { ...verb, to: c.token.from });
  } else if (c.take('set')) {
    const n = named(c);
    const name = c.word();
    parseSetBody(c, tableFor(cx, n), name);
  } else if (c.take('element')) {
    const { set } = setOf(cx, c);
    for (const item of parseItems(c, set.type)) if (!set.elements.some((e) => sameItem(e, item))) set.elements.push(item);
  } else {
    c.take('rule');
    const n = named(c);
    const name = c.word();
    const table = tableFor(cx, n);
    const position = c.is('handle') || c.is('position') || c.is('index') ? c.next() : null;
    const number = position ? Number(c.word().text) : 0;
    const rule = c.token;
    const chain = table.chains.get(name.text);
    if (!chain) {
      parseRule(c, table.family);
      refuse('ENOENT', name);
    }
    let at: number | undefined = verb.text === 'insert' ? 0 : undefined;
    if (position) {
      const found = position.text === 'index' ? number : chain.rules.findIndex((r) => r.handle === number);
      if (found < 0 || found >= chain.rules.length) refuse('ENOENT', rule);
      at = verb.text === 'insert' ? found : found + 1;
    }
    addRule(cx, c, table, name, chain, at, verb);
  }
}

function setOf(cx: Context, c: Cursor): { table: xt.NftTable; set: xt.NftSet } {
  const n = named(c);
  const name = c.word();
  const table = tableFor(cx, n);
  const set = table.sets.get(name.text);
  if (!set) throw new NftError('No such file or directory', name);
  return { table, set };
}

/** A table to delete or flush, native or of iptables-nft. */
function removeTable(cx: Context, n: Named, flushOnly: boolean): void {
  const { nft, xt: tables } = cx.p.ns.nf;
  const table = nft.get(n.family, n.table.text);
  if (table) {
    if (flushOnly) for (const chain of table.chains.values()) nft.flushChain(table, chain);
    else nft.deleteTable(table);
    return;
  }
  const f = n.family === 'ip' ? 4 : n.family === 'ip6' ? 6 : null;
  if (f !== null && xt.isTableName(n.table.text) && tables.get(f, n.table.text)) {
    if (!flushOnly) tables.remove(f, n.table.text);
    else {
      const edit = tables.edit(f, n.table.text);
      for (const chain of edit.all()) edit.flush(chain.name);
      edit.commit();
    }
    return;
  }
  refuse('ENOENT', n.table);
}

function remove(cx: Context, c: Cursor): void {
  const { nft } = cx.p.ns.nf;
  if (c.take('table')) removeTable(cx, named(c), false);
  else if (c.take('chain')) {
    const n = named(c);
    const name = c.word();
    const table = tableFor(cx, n);
    const r = nft.deleteChain(table, chainOf(table, name));
    if (!r.ok) refuse(r.errno, name);
  } else if (c.take('rule')) {
    const n = named(c);
    const name = c.word();
    const table = tableFor(cx, n);
    c.expect('handle');
    const handle = c.word();
    const chain = chainOf(table, name);
    const rule = chain.rules.find((r) => r.handle === Number(handle.text));
    if (!rule) refuse('ENOENT', handle);
    nft.deleteRule(table, chain, rule);
  } else if (c.take('element')) {
    const { set } = setOf(cx, c);
    const open = c.token;
    for (const item of parseItems(c, set.type)) {
      if (!set.elements.some((e) => sameItem(e, item))) refuse('ENOENT', { ...open, from: open.from, to: open.from + 1 });
      set.elements = set.elements.filter((e) => !sameItem(e, item));
    }
  } else if (c.take('set')) {
    const { table, set } = setOf(cx, c);
    table.sets.delete(set.name);
  } else c.unexpected();
}

function flush(cx: Context, c: Cursor): void {
  const { nft, xt: tables } = cx.p.ns.nf;
  if (c.take('ruleset')) {
    for (const table of nft.all()) nft.deleteTable(table);
    for (const f of [4, 6] as const) for (const table of tables.list(f)) tables.remove(f, table.name);
  } else if (c.take('table')) removeTable(cx, named(c), true);
  else if (c.take('chain')) {
    const n = named(c);
    const table = tableFor(cx, n);
    nft.flushChain(table, chainOf(table, c.word()));
  } else if (c.take('set')) setOf(cx, c).set.elements = [];
  else c.unexpected();
}

function viewOf(cx: Context, n: Named): TableView {
  const found = views(cx.p.ns).find((t) => t.family === n.family && t.name === n.table.text);
  if (!found) throw new NftError('No such file or directory', n.table);
  return found;
}

function show(cx: Context, t: TableView): void {
  cx.out += tableText(t, cx.format);
  cx.warnings += warning(t);
}

function jsonTables(all: readonly TableView[]): string {
  const meta = '{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}';
  const tables = all.map((t) => `{"table": {"family": "${t.family}", "name": "${t.name}", "handle": ${t.handle}}}`);
  return `{"nftables": [${[meta, ...tables].join(', ')}]}\n`;
}

function list(cx: Context, c: Cursor): void {
  const what = c.word(null);
  const all = views(cx.p.ns);
  if (cx.json && what.text !== 'tables') throw new NftError('JSON of this object is not emulated', what);
  const onlyFamily = (): TableView[] => {
    const f = !c.end && FAMILIES.includes(c.token.text) ? c.next().text : null;
    return all.filter((t) => f === null || t.family === f);
  };
  const short: Format = { ...cx.format, handles: false };
  switch (what.text) {
    case 'ruleset':
      for (const t of onlyFamily()) show(cx, t);
      break;
    case 'table':
      show(cx, viewOf(cx, named(c)));
      break;
    case 'tables':
      if (cx.json) cx.out += jsonTables(onlyFamily());
      else for (const t of onlyFamily()) cx.out += `table ${t.family} ${t.name}\n`;
      break;
    case 'chains':
      for (const t of onlyFamily())
        cx.out += `table ${t.family} ${t.name} {\n${t.chains.map((x) => chainText(x, short, false)).join('')}}\n`;
      break;
    case 'chain': {
      const n = named(c);
      const name = c.word();
      const table = views(cx.p.ns).find((t) => t.family === n.family && t.name === n.table.text);
      if (!table) throw new NftError('No such file or directory', n.table);
      const chain = table.chains.find((x: ChainView) => x.name === name.text);
      if (!chain) throw new NftError('No such file or directory', name);
      cx.out += `table ${table.family} ${table.name} {\n${chainText(chain, cx.format)}}\n`;
      cx.warnings += warning(table, [chain]);
      break;
    }
    case 'sets':
      for (const t of onlyFamily()) cx.out += `table ${t.family} ${t.name} {\n${t.sets.map((x) => setText(x, short)).join('')}}\n`;
      break;
    case 'set': {
      const n = named(c);
      const name = c.word();
      const table = viewOf(cx, n);
      const set = table.sets.find((x) => x.name === name.text);
      if (!set) throw new NftError('No such file or directory', name);
      cx.out += `table ${table.family} ${table.name} {\n${setText(set, cx.format)}}\n`;
      break;
    }
    default:
      c.at--;
      c.unexpected();
  }
}

function rename(cx: Context, c: Cursor): void {
  c.expect('chain');
  const n = named(c);
  const name = c.word();
  const to = c.word();
  const table = tableFor(cx, n);
  const chain = chainOf(table, name);
  if (table.chains.has(to.text)) refuse('EEXIST', to);
  table.chains.delete(name.text);
  chain.name = to.text;
  table.chains.set(to.text, chain);
}

function command(cx: Context, c: Cursor): void {
  const verb = c.word(null);
  switch (verb.text) {
    case 'add':
    case 'create':
    case 'insert':
      add(cx, c, verb);
      break;
    case 'delete':
      remove(cx, c);
      break;
    case 'flush':
      flush(cx, c);
      break;
    case 'list':
      if (c.end) c.unexpected();
      list(cx, c);
      break;
    case 'rename':
      rename(cx, c);
      break;
    case 'table':
      block(cx, c);
      break;
    case 'replace':
    case 'reset':
    case 'monitor':
    case 'describe':
    case 'destroy':
    case 'export':
      throw new NftError(`${verb.text} is not emulated`, verb);
    default:
      c.unexpected('string');
  }
  if (!c.end) c.unexpected();
}

function run(cx: Context, source: string): void {
  const c = new Cursor(tokens(source));
  for (;;) {
    c.skipNewlines();
    if (c.done) return;
    command(cx, c);
  }
}

const VERSION = 'nftables v1.0.6 (Lester Gooch #5)\n';
const HELP = `Usage: nft [ options ] [ cmds... ]

Options (general):
  -h, --help                      Show this help
  -v, --version                   Show version information
  -f, --file <filename>           Read input from <filename>
  -c, --check                     Check commands validity without actually applying the changes.
  -j, --json                      Format output in JSON
  -a, --handle                    Output rule handle.
  -s, --stateless                 Omit stateful information of ruleset.
`;

export const nft: Command = {
  name: 'nft',
  path: '/usr/sbin/nft',
  *main(p) {
    const cx: Context = { p, format: { handles: false, stateless: false }, json: false, out: '', warnings: '' };
    const words: string[] = [];
    let file: string | null = null;
    const args = p.argv.slice(1);
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as string;
      if (words.length > 0 || !arg.startsWith('-') || arg === '-') {
        words.push(arg);
        continue;
      }
      for (const key of arg.startsWith('--') ? [arg] : [...arg.slice(1)]) {
        if (key === 'a' || key === '--handle') cx.format.handles = true;
        else if (key === 's' || key === '--stateless') cx.format.stateless = true;
        else if (key === 'j' || key === '--json') Object.assign(cx, { json: true });
        else if (key === 'f' || key === '--file') file = args[++i] ?? '';
        else if (key === 'v' || key === '--version') {
          yield* p.out(VERSION);
          return 0;
        } else if (key === 'h' || key === '--help') {
          yield* p.out(HELP);
          return 0;
        } else if (!['n', 'N', 'S', 'y', 'p', 'u', 'T', 't', '--numeric'].includes(key)) {
          yield* p.err(`nft: ${key.startsWith('--') ? `unrecognized option '${key}'` : `invalid option -- '${key}'`}\n`);
          return 1;
        }
      }
    }
    if (p.uid !== 0) {
      yield* p.err('Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n');
      return 1;
    }
    let source = words.join(' ');
    let shown: string | null = null;
    if (file !== null) {
      shown = file === '-' ? '/dev/stdin' : file;
      const r = file === '-' ? yield* p.readAll(0) : p.readFile(file);
      if (!r.ok) {
        yield* p.err(`internal:0:0-0: Error: Could not open file "${file}": ${strerror(r.errno)}\n\n`);
        return 1;
      }
      source = text(r.value);
    } else if (words.length === 0) {
      yield* p.err('nft: no command specified\n');
      return 1;
    }
    let status = 0;
    let errors = '';
    try {
      run(cx, source);
    } catch (e) {
      if (!(e instanceof NftError)) throw e;
      errors = errorText(e, source, shown);
      status = 1;
    }
    if (cx.out !== '') yield* p.out(cx.out);
    if (cx.warnings + errors !== '') yield* p.err(cx.warnings + errors);
    return status;
  },
};
