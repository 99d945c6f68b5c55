/** Commands of nft from text to what carries them out. Models the base_cmd rules of nftables/src/parser_bison.y */

import type { xt } from '../../../os/uapi.ts';
import { type Cursor, join, type Loc, locOf, NftError, type Place, type Token } from '../lexer.ts';
import { addChain, addElements, addObject, addRule, addSet, addTable, deleteElements, meterSet } from '../run/change.ts';
import { describeCommand } from '../run/describe.ts';
import type { Command, Executor } from '../run/executor.ts';
import { addForeignChain, addForeignRule, foreignTable } from '../run/foreign.ts';
import { deleteCommand, flushCommand, getCommand, listCommand, monitorCommand, renameCommand, resetCommand } from '../run/other.ts';
import { block, chainBody, deviceList, flowtableBody, objectBody, type Reporter, setBody } from './block.ts';
import { setExpr } from './expr.ts';
import { type ParsedRule, parseRule } from './stmt.ts';

export const FAMILIES: readonly string[] = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'];
const OBJECT_WORDS: readonly string[] = ['counter', 'quota', 'limit', 'synproxy', 'secmark'];
const CT_OBJECTS: readonly string[] = ['helper', 'timeout', 'expectation'];

export interface TableRef {
  readonly family: xt.NftFamily;
  readonly table: Token;
}

export interface NameRef extends TableRef {
  readonly name: Token;
}

export function family(c: Cursor): xt.NftFamily {
  return c.token.kind === 'string' && FAMILIES.includes(c.token.text) ? (c.next().text as xt.NftFamily) : 'ip';
}

export function tableRef(c: Cursor): TableRef {
  const f = family(c);
  return { family: f, table: c.name() };
}

export function nameRef(c: Cursor): NameRef {
  const t = tableRef(c);
  return { ...t, name: c.name() };
}

/** The object kind at the cursor, taken; null when there is none. */
export function objectKind(c: Cursor): xt.ObjKind | null {
  if (c.token.kind !== 'string') return null;
  if (OBJECT_WORDS.includes(c.token.text)) return c.next().text as xt.ObjKind;
  if (c.is('ct') && CT_OBJECTS.includes(c.peek().text)) {
    c.next();
    return `ct ${c.next().text}` as xt.ObjKind;
  }
  return null;
}

/** The place of a whole command, for refusals. */
function whole(c: Cursor, from: Token): Loc & { source: Token['source'] } {
  // The grammar has to see the end of the line first: it counts in.
  const last = c.newline ? c.token : c.previous;
  return { ...join(locOf(from), locOf(last)), source: from.source };
}

/** Meters bring their sets along. */
function meters(ex: Executor, table: xt.NftTable, rule: ParsedRule): void {
  for (const s of rule.stmts) if (s.s === 'setop' && s.meter) meterSet(ex, table, s, 65535);
}

interface Position {
  readonly kind: 'handle' | 'position' | 'index';
  readonly number: number;
  /** Where a refusal points: the number of a handle, both words otherwise. */
  readonly at: Place;
}

function position(c: Cursor): Position | null {
  if (!c.isAny(['handle', 'position', 'index'])) return null;
  const word = c.next();
  const kind = word.text as Position['kind'];
  const token = c.token;
  const number = c.number();
  return { kind, number, at: kind === 'handle' ? token : { ...join(locOf(word), locOf(token)), source: token.source } };
}

/** Rules that are added, inserted or replaced. */
function ruleCommand(c: Cursor, verb: 'add' | 'insert' | 'replace' | 'create', from: Token): Command {
  const n = nameRef(c);
  if (verb === 'replace' && !c.is('handle')) c.unexpected('handle');
  const pos = position(c);
  const rule = parseRule(c);
  const at = whole(c, from);
  return (ex) => {
    const foreign = foreignTable(ex, n.family, n.table.text);
    if (foreign && !pos && verb !== 'replace') {
      addForeignRule(ex, foreign, n.name, rule, verb === 'insert' ? 0 : undefined, at);
      return;
    }
    const table = ex.tableWithChain(n.family, n.table, n.name.text);
    const chain = ex.chain(table, n.name);
    meters(ex, table, rule);
    let index: number | undefined = verb === 'insert' ? 0 : undefined;
    let old: xt.NftRule | null = null;
    if (pos) {
      const found = pos.kind === 'index' ? pos.number : chain.rules.findIndex((r) => r.handle === pos.number);
      if (found < 0 || found >= chain.rules.length) ex.refuseNear(pos.at, n.family, n.table.text, n.name.text);
      index = verb === 'insert' ? found : found + 1;
      old = verb === 'replace' ? (chain.rules[found] ?? null) : null;
    }
    addRule(ex, table, chain, rule, index, at, old);
  };
}

/** `add table …` and its kin; `from` is the verb or the first word when there is none. */
function addCommand(c: Cursor, verb: 'add' | 'create', from: Token, errors: Reporter): Command {
  const create = verb === 'create';
  const kind = c.token;
  if (c.take('table')) return tableCommand(c, create, errors);
  if (c.take('chain')) {
    const n = nameRef(c);
    const body = c.is('{') ? chainBody(c, n.family, errors, true) : null;
    const at = whole(c, from);
    return (ex) => {
      const foreign = foreignTable(ex, n.family, n.table.text);
      if (foreign && !body) {
        addForeignChain(ex, foreign, n.name);
        return;
      }
      const table = ex.table(n.family, n.table);
      const chain = addChain(ex, table, n.name, body, create, at);
      for (const rule of body?.rules ?? []) {
        meters(ex, table, rule);
        addRule(ex, table, chain, rule, undefined, { ...rule.loc, source: n.name.source });
      }
    };
  }
  if (c.is('set') || c.is('map')) {
    const map = c.next().text === 'map';
    const n = nameRef(c);
    if (!c.is('{')) c.unexpected("'{'");
    const body = setBody(c, errors, map);
    const at = whole(c, from);
    return (ex) => {
      const table = ex.table(n.family, n.table);
      const set = addSet(ex, table, n.name, body, map, create, at);
      if (body.elements) addElements(ex, table, set, body.elements, false, n.name, at);
    };
  }
  if (c.take('element')) {
    const n = nameRef(c);
    if (!c.is('{')) c.unexpected("'{' or '$'");
    const elems = setExpr(c, false);
    const at = whole(c, from);
    return (ex) => {
      const table = ex.table(n.family, n.table);
      const set = ex.set(table, n.name);
      addElements(ex, table, set, elems, create, n.name, at);
    };
  }
  if (c.take('flowtable')) {
    const n = nameRef(c);
    if (c.is('{')) flowtableBody(c, n.family, errors);
    return (ex) => {
      ex.table(n.family, n.table);
      // The recorded kernel is built without nf_flow_table.
      ex.refuse('ENOENT', n.name);
    };
  }
  const object = objectKind(c);
  if (object) {
    const n = nameRef(c);
    if (object === 'limit' && c.end) c.unexpected("rate or '{'");
    const body = objectBody(c, object, errors);
    return (ex) => {
      const table = ex.table(n.family, n.table);
      addObject(ex, table, object, n.name, body, create);
    };
  }
  if (!c.take('rule') && kind.kind !== 'string') c.unexpected('string');
  if (create) c.unexpected(null);
  return ruleCommand(c, 'add', from);
}

interface TableBody {
  comment: string | null;
  dormant: boolean | undefined;
  readonly objects: ((ex: Executor, table: xt.NftTable) => void)[];
  readonly sets: ((ex: Executor, table: xt.NftTable) => void)[];
  readonly chains: ((ex: Executor, table: xt.NftTable) => void)[];
  readonly elements: ((ex: Executor, table: xt.NftTable) => void)[];
  readonly rules: ((ex: Executor, table: xt.NftTable) => void)[];
}

/** A table with all that stands in its block: chains are made first, then objects and sets, rules last. */
function tableCommand(c: Cursor, create: boolean, errors: Reporter): Command {
  const n = tableRef(c);
  const body: TableBody = { comment: null, dormant: undefined, objects: [], sets: [], chains: [], elements: [], rules: [] };
  if (c.is('{')) tableBody(c, n, body, errors);
  return (ex) => {
    const table = addTable(ex, n.family, n.table, create, {
      comment: body.comment,
      dormant: body.dormant === true,
    });
    for (const step of [...body.chains, ...body.objects, ...body.sets, ...body.elements, ...body.rules]) ex.attempt(() => step(ex, table));
  };
}

function tableBody(c: Cursor, n: TableRef, body: TableBody, errors: Reporter): void {
  c.expect('{');
  block(c, errors, () => {
    const second = c.peek();
    if (c.is('flags')) {
      c.next();
      const flag = c.word();
      if (flag.text !== 'dormant') throw new NftError(`unknown table option ${flag.text}`, flag);
      body.dormant = true;
    } else if (c.is('comment') && second.kind !== 'punct') {
      c.next();
      body.comment = c.string();
    } else if (c.take('chain')) tableChain(c, n, body, errors);
    else if (c.is('set') || c.is('map')) {
      const map = c.next().text === 'map';
      const name = c.name();
      const set = setBody(c, errors, map);
      const at = locOf(name);
      body.sets.push((ex, table) => {
        addSet(ex, table, name, set, map, false, at);
      });
      const { elements } = set;
      if (elements)
        body.elements.push((ex, table) => {
          const made = table.sets.get(name.text);
          if (made) addElements(ex, table, made, elements, false, name, at);
        });
    } else if (c.take('flowtable')) {
      const name = c.word();
      flowtableBody(c, n.family, errors);
      body.sets.push((ex) => ex.refuse('ENOENT', name));
    } else {
      const kind = objectKind(c);
      if (!kind) c.unexpected(null);
      const name = c.word();
      const object = objectBody(c, kind, errors);
      body.objects.push((ex, table) => addObject(ex, table, kind, name, object, false));
    }
    return '';
  });
  c.expect('}');
}

function tableChain(c: Cursor, n: TableRef, body: TableBody, errors: Reporter): void {
  const name = c.name();
  const chain = chainBody(c, n.family, errors, true);
  body.chains.push((ex, table) => {
    addChain(ex, table, name, chain, false, locOf(name));
  });
  for (const rule of chain.rules) {
    body.rules.push((ex, table) => {
      const made = table.chains.get(name.text);
      if (!made) return;
      meters(ex, table, rule);
      addRule(ex, table, made, rule, undefined, { ...rule.loc, source: name.source });
    });
  }
}

/** One command; null at an empty line. */
export function command(c: Cursor, errors: Reporter): Command {
  const verb = c.token;
  if (verb.kind !== 'string') c.unexpected(null);
  switch (verb.text) {
    case 'add':
    case 'create':
      c.next();
      return addCommand(c, verb.text, verb, errors);
    case 'insert':
    case 'replace':
      c.next();
      c.expect('rule');
      return ruleCommand(c, verb.text, verb);
    case 'delete':
      c.next();
      return deleteCommand(c, verb, (inner) => {
        const n = nameRef(inner);
        const elems = setExpr(inner, false);
        const at = whole(inner, verb);
        return (ex) => {
          const table = ex.table(n.family, n.table);
          deleteElements(ex, table, ex.set(table, n.name), elems, n.name, at);
        };
      });
    case 'get':
      c.next();
      return getCommand(c);
    case 'list':
      c.next();
      return listCommand(c);
    case 'flush':
      c.next();
      return flushCommand(c);
    case 'reset':
      c.next();
      return resetCommand(c);
    case 'rename':
      c.next();
      return renameCommand(c);
    case 'monitor':
      c.next();
      return monitorCommand(c);
    case 'import':
    case 'export':
      c.next();
      if (c.end) c.unexpected('ruleset or xml or json or vm');
      while (!c.end && c.isAny(['ruleset', 'xml', 'json', 'vm'])) c.next();
      if (verb.text === 'import') {
        const at = whole(c, verb);
        return (ex) => ex.refuse('EOPNOTSUPP', { ...verb, ...at });
      }
      throw new NftError("JSON export is no longer supported, use 'nft -j list ruleset' instead", whole(c, verb));
    case 'describe':
      c.next();
      return describeCommand(c);
    case 'table':
    case 'chain':
    case 'set':
    case 'map':
    case 'rule':
    case 'element':
    case 'flowtable':
    case 'counter':
    case 'quota':
    case 'limit':
    case 'ct':
    case 'synproxy':
    case 'secmark':
      return addCommand(c, 'add', verb, errors);
    default:
      return addCommand(c, 'add', verb, errors);
  }
}

/** How many errors are told before nft gives up. */
const MAX_ERRORS = 10;

export interface Parsed {
  readonly commands: readonly Command[];
  readonly errors: readonly NftError[];
}

/** All commands of an input; errors keep the rest from being read only at their place. */
export function parseInput(c: Cursor): Parsed {
  const errors: NftError[] = [];
  const commands: Command[] = [];
  // The parser gives up at the end of the input: blocks around it are not asked.
  const add = (e: NftError): void => {
    const atEnd = (x: NftError | undefined): boolean => x?.message.startsWith('syntax error, unexpected end of file') ?? false;
    if (!atEnd(e) || !atEnd(errors[errors.length - 1])) errors.push(e);
  };
  const reporter: Reporter = { report: add };
  while (!c.done && errors.length < MAX_ERRORS) {
    c.skipNewlines();
    if (c.done) break;
    try {
      commands.push(command(c, reporter));
      if (!c.done && !c.newline && !c.is(';')) c.unexpected('end of file or newline or semicolon');
    } catch (e) {
      if (!(e instanceof NftError)) throw e;
      add(e);
      while (!c.done && !c.newline && !c.is(';')) c.next();
    }
  }
  return { commands, errors: errors.slice(0, MAX_ERRORS) };
}

export { deviceList };
