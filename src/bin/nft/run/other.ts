/** delete, flush, list, get, reset, rename, monitor. Models nftables/src/rule.c (do_command) */

import * as nft from '../../../os/nft.ts';
import { xt } from '../../../os/uapi.ts';
import { type Cursor, join, type Loc, locOf, NftError, type Token } from '../lexer.ts';
import { FAMILIES, family, type NameRef, nameRef, objectKind, tableRef } from '../parse/command.ts';
import { setExpr } from '../parse/expr.ts';
import { jsonList } from '../print/json.ts';
import { chainText, objectText, setText, tableText, warning } from '../print/list.ts';
import { type ChainView, type TableView, views } from '../print/view.ts';
import { typedElems } from './change.ts';
import { type Command, type Executor, misspelt, Refused } from './executor.ts';
import { deleteForeignChain, deleteForeignRule, flushForeignChain, foreignTable } from './foreign.ts';

/** A table to delete or flush, native or of iptables-nft. */
function removeTable(ex: Executor, fam: xt.NftFamily, name: Token, flushOnly: boolean): void {
  const { xt: tables } = ex.p.ns.nf;
  const table = ex.nft.get(fam, name.text);
  if (table) {
    if (flushOnly) for (const chain of table.chains.values()) ex.nft.flushChain(table, chain);
    else ex.nft.deleteTable(table);
    return;
  }
  const f = fam === 'ip' ? 4 : fam === 'ip6' ? 6 : null;
  if (f !== null && xt.isTableName(name.text) && tables.get(f, name.text)) {
    if (!flushOnly) tables.remove(f, name.text);
    else {
      const edit = tables.edit(f, name.text);
      for (const chain of edit.all()) edit.flush(chain.name);
      edit.commit();
    }
    return;
  }
  const hint = flushOnly ? '' : ex.hintTable(name.text);
  if (hint !== '') throw new Refused(`No such file or directory${hint}`, name);
  ex.refuse('ENOENT', name);
}

interface HandleRef {
  readonly family: xt.NftFamily;
  readonly table: Token;
  readonly name: Token | null;
  readonly handle: number | null;
  readonly token: Token;
}

/** A name or `handle N`. */
function nameOrHandle(c: Cursor): HandleRef {
  const t = tableRef(c);
  if (c.take('handle')) {
    const token = c.token;
    return { ...t, name: null, handle: c.number(), token };
  }
  const name = c.word();
  return { ...t, name, handle: null, token: name };
}

export function deleteCommand(c: Cursor, verb: Token, elements: (c: Cursor) => Command): Command {
  void verb;
  if (c.take('table')) {
    const fam = family(c);
    if (c.take('handle')) {
      const token = c.token;
      const handle = c.number();
      return (ex) => {
        const table = ex.nft.all().find((t) => t.family === fam && t.handle === handle);
        if (!table) return ex.refuse('ENOENT', token);
        ex.nft.deleteTable(table);
      };
    }
    const name = c.word();
    return (ex) => removeTable(ex, fam, name, false);
  }
  if (c.take('chain')) {
    const n = nameOrHandle(c);
    if (c.is('{')) c.unexpected('end of file or newline or semicolon');
    return (ex) => {
      const foreign = foreignTable(ex, n.family, n.table.text);
      if (foreign && n.name) return deleteForeignChain(ex, foreign, n.name);
      const table = ex.tableWithChain(n.family, n.table, n.name?.text ?? null);
      const chain = n.name ? table.chains.get(n.name.text) : [...table.chains.values()].find((x) => x.handle === n.handle);
      if (!chain) {
        if (n.name) ex.chain(table, n.name);
        return ex.refuse('ENOENT', n.token);
      }
      const r = ex.nft.deleteChain(table, chain);
      if (!r.ok) ex.refuse(r.errno, n.token);
    };
  }
  if (c.take('rule')) {
    const n = nameRef(c);
    c.expect('handle');
    const handle = c.token;
    const number = c.number();
    return (ex) => {
      const foreign = foreignTable(ex, n.family, n.table.text);
      if (foreign) return deleteForeignRule(ex, foreign, n.name, number, handle);
      const table = ex.tableWithChain(n.family, n.table, n.name.text);
      const chain = ex.chain(table, n.name);
      const rule = chain.rules.find((r) => r.handle === number);
      if (!rule) return ex.refuseNear(handle, n.family, n.table.text, n.name.text);
      ex.nft.deleteRule(table, chain, rule);
    };
  }
  if (c.take('element')) return elements(c);
  if (c.is('set') || c.is('map') || c.is('meter')) {
    c.next();
    const n = nameOrHandle(c);
    return (ex) => {
      const table = ex.tableWith(n.family, n.table, (t) => t.sets.keys(), n.name?.text ?? null);
      const set = n.name ? table.sets.get(n.name.text) : [...table.sets.values()].find((x) => x.handle === n.handle);
      if (!set) {
        const hint = n.name ? ex.hintSet(table, n.name.text) : '';
        if (hint !== '') throw new Refused(`No such file or directory${hint}`, n.token);
        return ex.refuse('ENOENT', n.token);
      }
      const r = ex.nft.deleteSet(table, set);
      if (!r.ok) ex.refuse(r.errno, n.token);
    };
  }
  if (c.take('flowtable')) {
    const n = nameOrHandle(c);
    return (ex) => {
      ex.tableWith(n.family, n.table, () => [], null);
      throw new NftError('No such file or directory', n.token);
    };
  }
  const kind = objectKind(c);
  if (!kind) c.unexpected(null);
  const n = nameOrHandle(c);
  return (ex) => {
    const names = (t: xt.NftTable): string[] => [...t.objects.values()].map((o) => o.name);
    const table = ex.tableWith(n.family, n.table, names, n.name?.text ?? null);
    const o = n.name
      ? ex.nft.object(table, kind, n.name.text)
      : [...table.objects.values()].find((x) => x.handle === n.handle && x.spec.kind === kind);
    if (!o) {
      const hint = n.name ? hintObject(table, n.name.text) : '';
      if (hint !== '') throw new Refused(`No such file or directory${hint}`, n.token);
      return ex.refuse('ENOENT', n.token);
    }
    const r = ex.nft.deleteObject(table, o);
    if (!r.ok) ex.refuse(r.errno, n.token);
  };
}

function hintObject(table: xt.NftTable, name: string): string {
  const other = misspelt(name, [...table.objects.values()], (o) => o.name);
  return other ? `; did you mean obj ‘${other.name}’ in table ${table.family} ‘${table.name}’?` : '';
}

export function flushCommand(c: Cursor): Command {
  if (c.take('ruleset')) {
    const only = !c.end && FAMILIES.includes(c.token.text) ? (c.next().text as xt.NftFamily) : null;
    return (ex) => {
      for (const table of ex.nft.all()) if (only === null || table.family === only) ex.nft.deleteTable(table);
      const { xt: tables } = ex.p.ns.nf;
      for (const f of [4, 6] as const) {
        if (only !== null && only !== (f === 4 ? 'ip' : 'ip6')) continue;
        for (const table of tables.list(f)) tables.remove(f, table.name);
      }
    };
  }
  if (c.take('table')) {
    const n = tableRef(c);
    return (ex) => removeTable(ex, n.family, n.table, true);
  }
  if (c.take('chain')) {
    const n = nameRef(c);
    return (ex) => {
      const foreign = foreignTable(ex, n.family, n.table.text);
      if (foreign) return flushForeignChain(ex, foreign, n.name);
      const table = ex.nft.get(n.family, n.table.text);
      if (!table) return ex.refuse('ENOENT', n.table);
      const chain = table.chains.get(n.name.text);
      if (!chain) return ex.refuse('ENOENT', n.name);
      ex.nft.flushChain(table, chain);
    };
  }
  if (c.is('set') || c.is('map') || c.is('meter')) {
    c.next();
    const n = nameRef(c);
    return (ex) => {
      const table = ex.table(n.family, n.table);
      const set = ex.set(table, n.name);
      ex.nft.setElems(table, set, [], [], set.elems);
    };
  }
  c.unexpected(null);
}

export function renameCommand(c: Cursor): Command {
  const verb = c.previous;
  c.expect('chain');
  const n = nameRef(c);
  const to = c.word();
  const at = { ...join(locOf(verb), locOf(c.token)), source: verb.source };
  return (ex) => {
    const table = ex.table(n.family, n.table);
    const chain = table.chains.get(n.name.text);
    if (!chain) throw new NftError(`No such file or directory${ex.hintChain(n.name.text)}`, n.name);
    const r = ex.nft.renameChain(table, chain, to.text);
    if (!r.ok) ex.refuse(r.errno, at);
  };
}

function viewOf(ex: Executor, fam: xt.NftFamily, name: Token, object: string | null = null): TableView {
  const all = views(ex.p.ns);
  const found = all.find((t) => t.family === fam && t.name === name.text);
  if (found) return found;
  const objects = all.flatMap((t) => t.objects.map((o) => ({ t, o })));
  const near = object === null ? null : (objects.find((x) => x.o.name === object) ?? misspelt(object, objects, (x) => x.o.name));
  const hint = near ? `; did you mean table ‘${near.t.name}’ in family ${near.t.family}?` : '';
  throw new NftError(`No such file or directory${hint}`, name);
}

const open = (t: TableView, body: string, handle = ''): string => `table ${t.family} ${t.name} {${handle}\n${body}}\n`;

/** What a list command shows, in either form. */
export interface Shown {
  readonly tables: readonly TableView[];
  /** Which parts of them. */
  readonly parts: (t: TableView) => {
    table: boolean;
    sets: readonly xt.NftSet[];
    objects: readonly xt.NftObject[];
    chains: readonly ChainView[];
    rules: boolean;
  };
  text(ex: Executor): string;
}

/** Said before what comes `after` characters from here. */
function warn(ex: Executor, text: string, after: number): void {
  if (text !== '') ex.warnings.push({ at: ex.out.length + after, text });
}

function show(ex: Executor, shown: Shown): void {
  if (ex.json) ex.out += jsonList(shown, ex.format);
  else ex.out += shown.text(ex);
}

const NONE = { table: false, sets: [], objects: [], chains: [], rules: false };
const WHOLE = (t: TableView) => ({ table: true, sets: t.sets, objects: t.objects, chains: t.chains, rules: true });

function onlyFamily(c: Cursor): xt.NftFamily | null {
  return !c.end && c.token.kind === 'string' && FAMILIES.includes(c.token.text) ? (c.next().text as xt.NftFamily) : null;
}

const inFamily = (ex: Executor, only: xt.NftFamily | null): TableView[] => views(ex.p.ns).filter((t) => only === null || t.family === only);

const SET_LISTS: Readonly<Record<string, (s: xt.NftSet) => boolean>> = {
  sets: (s) => s.spec.kind === 'set' && !s.spec.meter,
  maps: (s) => s.spec.kind === 'map',
  meters: (s) => s.spec.meter === true,
};
const OBJECT_LISTS: Readonly<Record<string, xt.ObjKind>> = {
  counters: 'counter',
  quotas: 'quota',
  limits: 'limit',
  synproxys: 'synproxy',
  secmarks: 'secmark',
};

/** `[FAMILY]`, `[table FAMILY NAME]` */
function objectScope(c: Cursor): { only: xt.NftFamily | null; table: ReturnType<typeof tableRef> | null } {
  if (c.take('table')) return { only: null, table: tableRef(c) };
  return { only: onlyFamily(c), table: null };
}

function listObjects(kind: xt.ObjKind, scope: ReturnType<typeof objectScope>): Command {
  return (ex) => {
    const { table } = scope;
    if (table) viewOf(ex, table.family, table.table);
    const tables = inFamily(ex, scope.only).filter((t) =>
      table ? t.family === table.family && t.name === table.table.text : t.objects.length > 0,
    );
    const of = (t: TableView): xt.NftObject[] => t.objects.filter((o) => o.spec.kind === kind);
    show(ex, {
      tables,
      parts: (t) => ({ ...NONE, objects: of(t) }),
      text: () =>
        tables
          .map((t) =>
            open(
              t,
              of(t)
                .map((o) => objectText(o, ex.format))
                .join(''),
            ),
          )
          .join(''),
    });
  };
}

export function listCommand(c: Cursor): Command {
  if (c.end) c.unexpected(null);
  const what = c.token;
  if (what.kind !== 'string') c.unexpected(null);
  if (what.text === 'ruleset') {
    c.next();
    const only = onlyFamily(c);
    return (ex) => {
      const tables = inFamily(ex, only);
      const text = (): string => {
        let out = '';
        for (const t of tables) {
          warn(ex, warning(t), out.length);
          out += tableText(t, ex.format);
        }
        return out;
      };
      show(ex, { tables, parts: WHOLE, text });
    };
  }
  if (what.text === 'table') {
    c.next();
    const n = tableRef(c);
    return (ex) => {
      const t = viewOf(ex, n.family, n.table);
      if (!ex.json) warn(ex, warning(t), 0);
      show(ex, { tables: [t], parts: WHOLE, text: () => tableText(t, ex.format) });
    };
  }
  if (what.text === 'tables') {
    c.next();
    const only = onlyFamily(c);
    return (ex) => {
      const tables = inFamily(ex, only);
      show(ex, {
        tables,
        parts: () => ({ ...NONE, table: true }),
        text: () => tables.map((t) => `table ${t.family} ${t.name}\n`).join(''),
      });
    };
  }
  if (what.text === 'chains') {
    c.next();
    const only = onlyFamily(c);
    return (ex) => {
      const tables = inFamily(ex, only);
      const f = { ...ex.format, handles: false };
      show(ex, {
        tables,
        parts: (t) => ({ ...NONE, chains: t.chains }),
        text: () => tables.map((t) => open(t, t.chains.map((x) => chainText(x, t.family, f, false)).join(''))).join(''),
      });
    };
  }
  if (what.text === 'chain') {
    c.next();
    const n = nameRef(c);
    return (ex) => {
      const t = viewOf(ex, n.family, n.table);
      const chain = t.chains.find((x) => x.name === n.name.text);
      if (!chain) throw new NftError('No such file or directory', n.name);
      if (!ex.json) warn(ex, warning(t, [chain]), 0);
      show(ex, {
        tables: [t],
        parts: () => ({ ...NONE, chains: [chain], rules: true }),
        text: () => open(t, chainText(chain, t.family, ex.format)),
      });
    };
  }
  const setList = SET_LISTS[what.text];
  if (setList) {
    c.next();
    const scope = objectScope(c);
    return (ex) => {
      const { table } = scope;
      const tables = table ? [viewOf(ex, table.family, table.table)] : inFamily(ex, scope.only);
      const word = what.text === 'meters' ? 'meter' : undefined;
      show(ex, {
        tables,
        parts: (t) => ({ ...NONE, sets: t.sets.filter(setList) }),
        text: () =>
          tables
            .map((t) =>
              open(
                t,
                t.sets
                  .filter(setList)
                  .map((s) => setText(s, ex.format, word))
                  .join(''),
              ),
            )
            .join(''),
      });
    };
  }
  if (what.text === 'set' || what.text === 'map' || what.text === 'meter') {
    c.next();
    return listSet(nameRef(c), what.text);
  }
  const kinds = OBJECT_LISTS[what.text];
  if (kinds) {
    c.next();
    return listObjects(kinds, objectScope(c));
  }
  if (what.text === 'flowtables' || what.text === 'hooks') {
    c.next();
    const only = onlyFamily(c);
    if (what.text === 'hooks' && c.take('device')) c.word();
    if (what.text === 'hooks' && !c.end) c.unexpected('end of file or newline or semicolon');
    return (ex) => {
      if (what.text === 'hooks') return;
      const tables = inFamily(ex, only);
      show(ex, { tables, parts: () => NONE, text: () => tables.map((t) => open(t, '')).join('') });
    };
  }
  if (what.text === 'flowtable') {
    c.next();
    const n = nameRef(c);
    return (ex) => {
      viewOf(ex, n.family, n.table);
      throw new NftError('No such file or directory', n.name);
    };
  }
  if (what.text === 'ct') {
    if (c.peek().text === 'helpers') {
      const kind = `ct ${c.peek().text.slice(0, -1)}` as xt.ObjKind;
      c.at += 2;
      c.expect('table');
      const table = tableRef(c);
      return listObjects(kind, { only: null, table });
    }
    if (!['timeout', 'expectation', 'helper'].includes(c.peek().text)) {
      c.next();
      c.unexpected('timeout or expectation or helper or helpers');
    }
  }
  const kind = objectKind(c);
  if (kind) {
    const n = nameRef(c);
    return (ex) => {
      const t = viewOf(ex, n.family, n.table, n.name.text);
      const o = t.objects.find((x) => x.spec.kind === kind && x.name === n.name.text);
      if (!o) throw new NftError(`No such file or directory${t.native ? hintObject(t.native, n.name.text) : ''}`, n.name);
      show(ex, { tables: [t], parts: () => ({ ...NONE, objects: [o] }), text: () => open(t, objectText(o, ex.format)) });
    };
  }
  c.unexpected(null);
}

function listSet(n: NameRef, what: 'set' | 'map' | 'meter'): Command {
  return (ex) => {
    const t = viewOf(ex, n.family, n.table);
    const set = t.sets.find((x) => x.name === n.name.text);
    const fits =
      set &&
      (what === 'meter' ? set.spec.meter === true : what === 'map' ? set.spec.kind === 'map' : set.spec.kind === 'set' && !set.spec.meter);
    if (!set || !fits) throw new NftError('No such file or directory', n.name);
    show(ex, {
      tables: [t],
      parts: () => ({ ...NONE, sets: [set] }),
      text: () => open(t, setText(set, ex.format, what === 'meter' ? 'meter' : undefined)),
    });
  };
}

/** `get element`: the elements that cover those named. */
export function getCommand(c: Cursor): Command {
  const verb = c.previous;
  c.expect('element');
  const n = nameRef(c);
  const elems = setExpr(c, false);
  const at = { ...join(locOf(verb), locOf(c.token)), source: verb.source };
  return (ex) => {
    const table = ex.table(n.family, n.table);
    const set = ex.set(table, n.name);
    const { now } = ex.format.names;
    const found: xt.SetElem[] = [];
    for (const el of typedElems(ex, table, set, elems, true)) {
      const spans = el.key ? nft.spansOf(el.key) : null;
      const hit = set.alive(now).find((x) => nft.sameSpans(x.spans, spans) || (spans && x.spans && nft.overlap(x.spans, spans)));
      if (!hit) return ex.refuse('ENOENT', at);
      found.push(hit);
    }
    const t = viewOf(ex, n.family, n.table);
    const shown = set.fork();
    shown.elems = found;
    show(ex, { tables: [t], parts: () => ({ ...NONE, sets: [shown] }), text: () => open(t, setText(shown, ex.format)) });
  };
}

/** State back to its begin, shown as it was. */
function resetObjects(ex: Executor, table: xt.NftTable, list: readonly xt.NftObject[]): void {
  for (const o of list) {
    const { stmt } = o.spec;
    if (stmt?.s === 'counter') ex.nft.replaceObject(o, { ...o.spec, stmt: { ...stmt, packets: 0, bytes: 0 } });
    else if (stmt?.s === 'quota') ex.nft.replaceObject(o, { ...o.spec, stmt: { ...stmt, used: 0 } });
  }
  void table;
}

export function resetCommand(c: Cursor): Command {
  const what = c.token;
  const many = what.text === 'counters' ? 'counter' : what.text === 'quotas' ? 'quota' : null;
  if (many) {
    c.next();
    const scope = objectScope(c);
    const list = listObjects(many, scope);
    return (ex) => {
      list(ex);
      for (const t of inFamily(ex, scope.only)) {
        if (!t.native || (scope.table && (t.family !== scope.table.family || t.name !== scope.table.table.text))) continue;
        resetObjects(
          ex,
          t.native,
          t.objects.filter((o) => o.spec.kind === many),
        );
      }
    };
  }
  if (what.text !== 'counter' && what.text !== 'quota') c.unexpected('counter or counters or quotas or quota');
  const verb = c.previous;
  const kind = objectKind(c) as xt.ObjKind;
  const n = nameRef(c);
  const at = { ...join(locOf(verb), locOf(c.token)), source: verb.source };
  return (ex) => {
    const t = viewOf(ex, n.family, n.table, n.name.text);
    const o = t.objects.find((x) => x.spec.kind === kind && x.name === n.name.text);
    if (!o || !t.native) return ex.refuse('ENOENT', at);
    show(ex, { tables: [t], parts: () => ({ ...NONE, objects: [o] }), text: () => open(t, objectText(o, ex.format)) });
    resetObjects(ex, t.native, [o]);
  };
}

const MONITORED = ['tables', 'chains', 'sets', 'rules', 'elements', 'ruleset', 'trace'];

/** `monitor [new|destroy] [tables|chains|…|trace] [json]` */
export function monitorCommand(c: Cursor): Command {
  let filter = '';
  if (c.isAny(['new', 'destroy'])) filter = c.next().text;
  if (!c.end && c.token.kind === 'string' && MONITORED.includes(c.token.text)) filter += ` ${c.next().text}`;
  let json = false;
  if (!c.end && c.token.kind === 'string' && !['json', 'xml'].includes(c.token.text))
    throw new NftError(`invalid event ${c.token.text}`, c.token);
  if (c.take('json')) json = true;
  else if (c.take('xml')) throw new NftError('monitor in XML is not emulated', c.previous);
  return (ex) => {
    ex.monitor = { filter: filter.trim() || null, json };
  };
}

export { join, type Loc, locOf };
