/** Native nftables of a namespace: what it holds, changed in transactions that happen whole or not at all. Models net/netfilter/nf_tables_api.c */

import { type Errno, fail, ok, type Result } from '../../../sim/errno.ts';
import type { Netns } from '../../netns.ts';
import { type Netfilter, provideNft } from '../netfilter.ts';
import type { Elem, Expr, VerdictExpr } from './expr.ts';
import { hookChain } from './hooks.ts';
import { compileStateful, compileStmt, type Run, type RunCx } from './run.ts';
import { NftSet, type SetElem, type SetSpec, spansOf } from './set.ts';
import type { ObjKind, Stmt } from './stmt.ts';
import {
  type BaseChain,
  type Flowtable,
  NftChain,
  type NftFamily,
  NftObject,
  type NftRule,
  NftTable,
  type ObjSpec,
  objectKey,
} from './table.ts';
import type { TraceSink } from './trace.ts';
import { refusalOf } from './validate.ts';

/** Something that a transaction changed, for `nft monitor`. */
export interface NftChange {
  readonly verb: 'add' | 'insert' | 'delete';
  readonly what: 'table' | 'chain' | 'rule' | 'set' | 'element' | 'object';
  readonly table: NftTable;
  readonly chain?: NftChain;
  readonly rule?: NftRule;
  /** Handle of the rule before a replaced one. */
  readonly position?: number;
  readonly set?: NftSet;
  /** An anonymous set that goes with its rule. */
  readonly anonymous?: { readonly name: string; readonly handle: number };
  readonly elem?: SetElem;
  readonly object?: NftObject;
}

/** A committed transaction and whose it was. */
export interface NftCommit {
  readonly changes: readonly NftChange[];
  readonly generation: number;
  readonly pid: number;
  readonly comm: string;
}

/** Which part of the command a refusal is about. */
export interface NftRefusal {
  readonly errno: Errno;
  readonly about: 'rule' | 'chain' | 'statement';
  /** Index of the statement. */
  readonly index: number;
}

const MAX_JUMPS = 16;

/** Every chain that a statement may lead to. */
function chainsOf(s: Stmt): string[] {
  if (s.s !== 'verdict') return [];
  const { expr } = s;
  if (expr.k === 'verdict') return expr.chain === null ? [] : [expr.chain];
  if (expr.k !== 'map' || expr.table.k !== 'set') return [];
  return expr.table.elems.flatMap((el) => (el.data?.k === 'verdict' && el.data.chain !== null ? [el.data.chain] : []));
}

function usesCt(e: Expr | null): boolean {
  if (!e) return false;
  if (e.k === 'ct') return true;
  if (e.k === 'concat' || e.k === 'list') return e.items.some(usesCt);
  if (e.k === 'binop') return usesCt(e.left);
  if (e.k === 'map') return usesCt(e.key);
  return e.k === 'hash' && usesCt(e.expr);
}

function needsTracking(s: Stmt): boolean {
  switch (s.s) {
    case 'match':
      return usesCt(s.left);
    case 'verdict':
      return usesCt(s.expr);
    case 'assign':
      return s.target.k === 'ct' || usesCt(s.value);
    case 'nat':
    case 'connlimit':
    case 'synproxy':
      return true;
    case 'objref':
      return s.kind.startsWith('ct ');
    case 'setop':
      return usesCt(s.key);
    default:
      return false;
  }
}

export class NftTables {
  readonly ns: Netns;
  readonly nf: Netfilter;
  /** Who reads `nft monitor trace`. */
  readonly traces = new Set<TraceSink>();
  private readonly listeners = new Set<(commit: NftCommit) => void>();
  private owner = { pid: 0, comm: '' };
  private tables = new Map<string, NftTable>();
  /** How to take back what the open transaction did; null outside of one. */
  private journal: (() => void)[] | null = null;
  private changes: NftChange[] = [];
  /** Handles given before the transaction. */
  private numbers: { tables: number; within: Map<NftTable, number> } = { tables: 0, within: new Map() };

  constructor(ns: Netns, nf: Netfilter) {
    this.ns = ns;
    this.nf = nf;
  }

  /** `pid` and `comm` name the process that asks. */
  begin(pid: number, comm: string): void {
    this.owner = { pid, comm };
    this.numbers = { tables: this.nf.tableHandles, within: new Map([...this.tables.values()].map((t) => [t, t.handles])) };
    this.journal = [];
    this.changes = [];
  }

  /** Null when nothing changed. */
  commit(): NftCommit | null {
    this.journal = null;
    if (this.changes.length === 0) return null;
    const generation = ++this.nf.watchers.generation;
    const commit: NftCommit = { changes: this.changes, generation, ...this.owner };
    this.changes = [];
    for (const listener of this.listeners) listener(commit);
    return commit;
  }

  /** `unsent`: the kernel never saw it, so no numbers were given. */
  rollback(unsent: boolean): void {
    const undo = this.journal ?? [];
    this.journal = null;
    this.changes = [];
    for (let i = undo.length - 1; i >= 0; i--) (undo[i] as () => void)();
    if (!unsent) return;
    this.nf.tableHandles = this.numbers.tables;
    for (const table of this.tables.values()) table.handles = this.numbers.within.get(table) ?? table.handles;
  }

  listen(listener: (commit: NftCommit) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** For changes of other tables within the transaction. */
  onRollback(f: () => void): void {
    this.undo(f);
  }

  private undo(f: () => void): void {
    this.journal?.push(f);
  }

  private changed(change: NftChange): void {
    if (this.journal) this.changes.push(change);
  }

  all(): NftTable[] {
    return [...this.tables.values()];
  }

  get(family: NftFamily, name: string): NftTable | null {
    return this.tables.get(`${family} ${name}`) ?? null;
  }

  addTable(family: NftFamily, name: string, more: { comment?: string | null; dormant?: boolean } = {}): NftTable {
    const old = this.get(family, name);
    if (old) {
      if (more.dormant !== undefined && more.dormant !== old.dormant) this.setDormant(old, more.dormant);
      return old;
    }
    const before = this.tables;
    const table = new NftTable(family, name, ++this.nf.tableHandles);
    table.comment = more.comment ?? null;
    table.dormant = more.dormant ?? false;
    this.tables = new Map(before).set(`${family} ${name}`, table);
    this.undo(() => {
      this.tables = before;
    });
    this.changed({ verb: 'add', what: 'table', table });
    return table;
  }

  private setDormant(table: NftTable, dormant: boolean): void {
    table.dormant = dormant;
    for (const chain of table.chains.values()) {
      this.unhook(chain);
      if (!dormant) this.hook(table, chain);
    }
    this.undo(() => this.setDormant(table, !dormant));
  }

  deleteTable(table: NftTable): void {
    for (const chain of table.chains.values()) {
      this.flushChain(table, chain);
      this.unhook(chain);
    }
    for (const set of table.sets.values()) this.changed({ verb: 'delete', what: 'set', table, set });
    for (const object of table.objects.values()) this.changed({ verb: 'delete', what: 'object', table, object });
    for (const chain of table.chains.values()) this.changed({ verb: 'delete', what: 'chain', table, chain });
    const before = this.tables;
    this.tables = new Map(before);
    this.tables.delete(`${table.family} ${table.name}`);
    this.undo(() => {
      this.tables = before;
      for (const chain of table.chains.values()) this.hook(table, chain);
    });
    this.changed({ verb: 'delete', what: 'table', table });
  }

  private hook(table: NftTable, chain: NftChain): void {
    if (chain.base && !table.dormant) chain.unregister = hookChain(this, table, chain);
  }

  private unhook(chain: NftChain): void {
    for (const off of chain.unregister) off();
    chain.unregister = [];
  }

  addChain(table: NftTable, name: string, base: BaseChain | null, comment: string | null = null): Result<NftChain> {
    const old = table.chains.get(name);
    if (old) {
      if (base && (!old.base || old.base.type !== base.type)) return fail('EEXIST');
      if (base && old.base && (old.base.priority !== base.priority || old.base.hook !== base.hook)) return fail('EOPNOTSUPP');
      if (base?.policy && old.base) {
        const { policy } = old.base;
        const b = old.base;
        b.policy = base.policy;
        this.undo(() => {
          b.policy = policy;
        });
      }
      if (base && old.base) this.addDevices(table, old, old.base, base.devices);
      this.changed({ verb: 'add', what: 'chain', table, chain: old });
      return ok(old);
    }
    if (base && !chainTypeOk(table.family, base)) return fail('EOPNOTSUPP');
    const chain = new NftChain(name, table.nextHandle(), base);
    chain.comment = comment;
    table.chains.set(name, chain);
    this.hook(table, chain);
    this.undo(() => {
      this.unhook(chain);
      table.chains.delete(name);
    });
    this.changed({ verb: 'add', what: 'chain', table, chain });
    return ok(chain);
  }

  /** A chain that is added again gets the devices that it did not have. */
  private addDevices(table: NftTable, chain: NftChain, base: BaseChain, devices: readonly string[]): void {
    const before = base.devices;
    if (devices.every((d) => before.includes(d))) return;
    const set = (list: readonly string[]): void => {
      this.unhook(chain);
      base.devices = list;
      this.hook(table, chain);
    };
    set([...new Set([...before, ...devices])].sort());
    this.undo(() => set(before));
  }

  /** EBUSY while something jumps there. */
  deleteChain(table: NftTable, chain: NftChain): Result {
    if (this.referenced(table, chain)) return fail('EBUSY');
    this.flushChain(table, chain);
    this.unhook(chain);
    const before = table.chains;
    table.chains = new Map(before);
    table.chains.delete(chain.name);
    this.undo(() => {
      table.chains = before;
      this.hook(table, chain);
    });
    this.changed({ verb: 'delete', what: 'chain', table, chain });
    return ok();
  }

  private referenced(table: NftTable, chain: NftChain): boolean {
    for (const c of table.chains.values()) {
      if (c === chain) continue;
      for (const rule of c.rules) for (const s of rule.stmts) if (chainsOf(s).includes(chain.name)) return true;
    }
    for (const set of table.sets.values()) {
      if (set.spec.dataType?.base !== 'verdict') continue;
      for (const e of set.elems) if (e.elem.data?.k === 'verdict' && e.elem.data.chain === chain.name) return true;
    }
    return false;
  }

  renameChain(table: NftTable, chain: NftChain, name: string): Result {
    if (table.chains.has(name)) return fail('EEXIST');
    const old = chain.name;
    const before = table.chains;
    table.chains = new Map([...before].map(([k, c]) => [c === chain ? name : k, c]));
    chain.name = name;
    const jumps = this.jumpsTo(table, old);
    for (const jump of jumps) jump.chain = name;
    this.undo(() => {
      chain.name = old;
      for (const jump of jumps) jump.chain = old;
      table.chains = before;
    });
    this.changed({ verb: 'add', what: 'chain', table, chain });
    return ok();
  }

  private jumpsTo(table: NftTable, name: string): VerdictExpr[] {
    const found = new Set<VerdictExpr>();
    const look = (e: Expr | null): void => {
      if (e?.k === 'verdict' && e.chain === name) found.add(e);
      if (e?.k === 'map' && e.table.k === 'set') for (const el of e.table.elems) look(el.data);
    };
    for (const chain of table.chains.values()) {
      for (const rule of chain.rules) for (const s of rule.stmts) if (s.s === 'verdict') look(s.expr);
    }
    for (const set of table.sets.values()) for (const el of set.elems) look(el.elem.data);
    return [...found];
  }

  /** `at`: index to insert at; the end when not given. */
  addRule(
    table: NftTable,
    chain: NftChain,
    stmts: readonly Stmt[],
    comment: string | null,
    at = chain.rules.length,
    old: NftRule | null = null,
  ): Result<NftRule> & { refusal?: NftRefusal } {
    const refused = (errno: Errno, about: NftRefusal['about'], index: number) => ({ ...fail(errno), refusal: { errno, about, index } });
    // Modules are looked for first, then expressions are made, then the chain is checked.
    for (const phase of ['ENOENT', 'EPROTO', null] as const) {
      for (const [index, s] of stmts.entries()) {
        const no = refusalOf(s, table.family, chain.base);
        if (no && (phase === null || phase === no)) {
          if (no === 'EOPNOTSUPP' && AT_END.has(s.s)) for (let n = 0; n < 2 * (1 + anonymousSets(stmts)); n++) table.nextHandle();
          return refused(no, no !== 'EOPNOTSUPP' || s.s === 'match' ? 'statement' : 'rule', index);
        }
      }
    }
    for (const [index, s] of stmts.entries()) {
      const refused = (errno: Errno, about: NftRefusal['about'], at: number) => {
        // The batch goes on past its first error, and begins again when chains are found to be wrong at its end: handles are gone.
        const tries = errno === 'EMLINK' ? 2 : 1;
        for (let n = 0; n < tries * (1 + anonymousSets(stmts)); n++) table.nextHandle();
        return { ...fail(errno), refusal: { errno, about, index: at } };
      };
      for (const name of chainsOf(s)) {
        const target = table.chains.get(name);
        if (!target) return refused('ENOENT', 'chain', index);
        if (target.base) return refused('EOPNOTSUPP', 'chain', index);
        if (this.reachable(table, chain) && this.reaches(table, target, chain, 0)) return refused('EMLINK', 'rule', index);
      }
      if (s.s === 'objref' && s.expr.k === 'value' && !table.objects.has(objectKey(s.kind, String(s.expr.v))))
        return refused('ENOENT', 'statement', index);
      if (s.s === 'flow' && !table.flowtables.has(s.name)) return refused('ENOENT', 'statement', index);
      if (s.s === 'setop' && s.set.k === 'setref' && s.set.set.spec.flags.includes('constant')) return refused('EOPNOTSUPP', 'rule', index);
    }
    const rule = this.makeRule(table, stmts, comment, old?.handle ?? null);
    const before = chain.rules;
    chain.rules = [...before];
    chain.rules.splice(at, 0, rule);
    this.use(table, rule, 1);
    this.undo(() => {
      chain.rules = before;
      this.use(table, rule, -1);
    });
    if (old) this.deleteRule(table, chain, old);
    const prior = chain.rules[chain.rules.indexOf(rule) - 1];
    const verb = at === 0 && before.length > 0 && !old ? 'insert' : 'add';
    this.changed({ verb, what: 'rule', table, chain, rule, ...(old && prior ? { position: prior.handle } : {}) });
    return ok(rule);
  }

  private makeRule(table: NftTable, stmts: readonly Stmt[], comment: string | null, handle: number | null): NftRule {
    const anonymous = new Map<Expr, NftSet>();
    const cx: RunCx = {
      ns: this.ns,
      objects: (kind, name) => table.objects.get(objectKey(kind, name)) ?? null,
      setOf: (e) => {
        if (e.k === 'setref') return e.set;
        let set = anonymous.get(e);
        if (!set) {
          set = anonymousSet(e, table.nextHandle(), freeName(table, e));
          table.anonymous.add(set.name);
          anonymous.set(e, set);
        }
        return set;
      },
    };
    const steps = stmts.map((s) => compileStmt(s, cx));
    const sets = [...anonymous.values()].map((x) => ({ name: x.name, handle: x.handle }));
    return { handle: handle ?? table.nextHandle(), stmts, comment, sets, run: chainSteps(steps) };
  }

  /** Counts what a rule holds on to: connection tracking, sets, objects. */
  private use(table: NftTable, rule: NftRule, sign: 1 | -1): void {
    let tracking = 0;
    for (const s of rule.stmts) {
      if (needsTracking(s)) tracking++;
      for (const set of setsOf(s)) set.users += sign;
      if (s.s === 'objref' && s.expr.k === 'value') {
        const o = table.objects.get(objectKey(s.kind, String(s.expr.v)));
        if (o) o.users += sign;
      }
    }
    if (tracking === 0) return;
    if (table.family !== 'ip6') this.ns.ct.use(4, tracking * sign);
    if (table.family !== 'ip') this.ns.ct.use(6, tracking * sign);
  }

  deleteRule(table: NftTable, chain: NftChain, rule: NftRule): void {
    const before = chain.rules;
    chain.rules = before.filter((r) => r !== rule);
    this.use(table, rule, -1);
    this.undo(() => {
      chain.rules = before;
      this.use(table, rule, 1);
    });
    this.gone(table, chain, rule);
  }

  private gone(table: NftTable, chain: NftChain, rule: NftRule): void {
    this.changed({ verb: 'delete', what: 'rule', table, chain, rule });
    for (const anonymous of rule.sets) {
      table.anonymous.delete(anonymous.name);
      this.changed({ verb: 'delete', what: 'set', table, anonymous });
    }
  }

  /** The new rule takes the old one's place. */
  replaceRule(
    table: NftTable,
    chain: NftChain,
    old: NftRule,
    stmts: readonly Stmt[],
    comment: string | null,
  ): ReturnType<NftTables['addRule']> {
    return this.addRule(table, chain, stmts, comment, chain.rules.indexOf(old) + 1, old);
  }

  flushChain(table: NftTable, chain: NftChain): void {
    for (const rule of chain.rules) this.gone(table, chain, rule);
    const before = chain.rules;
    for (const rule of before) this.use(table, rule, -1);
    chain.rules = [];
    this.undo(() => {
      chain.rules = before;
      for (const rule of before) this.use(table, rule, 1);
    });
  }

  addSet(table: NftTable, spec: SetSpec): NftSet {
    const set = new NftSet(spec, table.nextHandle());
    table.sets.set(spec.name, set);
    this.undo(() => {
      table.sets.delete(spec.name);
    });
    this.changed({ verb: 'add', what: 'set', table, set });
    return set;
  }

  deleteSet(table: NftTable, set: NftSet): Result {
    if (set.users > 0) return fail('EBUSY');
    const before = table.sets;
    table.sets = new Map(before);
    table.sets.delete(set.name);
    this.undo(() => {
      table.sets = before;
    });
    this.changed({ verb: 'delete', what: 'set', table, set });
    return ok();
  }

  /** The same set asked for again is told of again. */
  sameSet(table: NftTable, set: NftSet): void {
    this.changed({ verb: 'add', what: 'set', table, set });
  }

  /** Replaces the elements of a set by others (some of them may be the old ones). */
  setElems(table: NftTable, set: NftSet, elems: SetElem[], added: readonly SetElem[], removed: readonly SetElem[]): void {
    const before = set.elems;
    set.elems = elems;
    set.changed();
    this.undo(() => {
      set.elems = before;
      set.changed();
    });
    for (const elem of added) this.changed({ verb: 'add', what: 'element', table, set, elem });
    for (const elem of removed) this.changed({ verb: 'delete', what: 'element', table, set, elem });
  }

  makeElem(set: NftSet, el: Elem): SetElem {
    return makeElem(set, el, this.ns.kernel.sim.now);
  }

  addObject(table: NftTable, name: string, spec: ObjSpec): NftObject {
    const object = new NftObject(name, table.nextHandle(), spec, this.compileObject(spec));
    table.objects.set(objectKey(spec.kind, name), object);
    this.undo(() => {
      table.objects.delete(objectKey(spec.kind, name));
    });
    this.changed({ verb: 'add', what: 'object', table, object });
    return object;
  }

  private compileObject(spec: ObjSpec): Run {
    const cx = {
      ns: this.ns,
      setOf: (): NftSet => {
        throw new Error('an object has no sets');
      },
    };
    return spec.stmt ? compileStateful(spec.stmt, cx) : () => 'next';
  }

  /** A new state for counters and quotas (`reset`). */
  replaceObject(object: NftObject, spec: ObjSpec): void {
    const { spec: before, run } = object;
    object.spec = spec;
    object.run = this.compileObject(spec);
    this.undo(() => {
      object.spec = before;
      object.run = run;
    });
  }

  deleteObject(table: NftTable, object: NftObject): Result {
    if (object.users > 0) return fail('EBUSY');
    const before = table.objects;
    table.objects = new Map(before);
    table.objects.delete(objectKey(object.spec.kind, object.name));
    this.undo(() => {
      table.objects = before;
    });
    this.changed({ verb: 'delete', what: 'object', table, object });
    return ok();
  }

  object(table: NftTable, kind: ObjKind, name: string): NftObject | null {
    return table.objects.get(objectKey(kind, name)) ?? null;
  }

  addFlowtable(table: NftTable, spec: Omit<Flowtable, 'handle'>): Flowtable {
    const ft: Flowtable = { ...spec, handle: table.nextHandle() };
    table.flowtables.set(spec.name, ft);
    this.undo(() => {
      table.flowtables.delete(spec.name);
    });
    return ft;
  }

  deleteFlowtable(table: NftTable, ft: Flowtable): void {
    const before = table.flowtables;
    table.flowtables = new Map(before);
    table.flowtables.delete(ft.name);
    this.undo(() => {
      table.flowtables = before;
    });
  }

  /** Loops are looked for from base chains only. */
  private reachable(table: NftTable, chain: NftChain): boolean {
    if (chain.base) return true;
    for (const c of table.chains.values()) if (c.base && this.reaches(table, c, chain, 0)) return true;
    return false;
  }

  private reaches(table: NftTable, from: NftChain, to: NftChain, depth: number): boolean {
    if (from === to || depth > MAX_JUMPS) return true;
    return from.rules.some((r) =>
      r.stmts.some((s) =>
        chainsOf(s).some((name) => {
          const next = table.chains.get(name);
          return next !== undefined && this.reaches(table, next, to, depth + 1);
        }),
      ),
    );
  }
}

/** Statements whose chains are looked at when everything else of a batch is done (nft_expr_ops.validate). */
const AT_END: ReadonlySet<Stmt['s']> = new Set(['nat', 'reject', 'tproxy', 'synproxy']);

function anonymousSets(stmts: readonly Stmt[]): number {
  let n = 0;
  for (const s of stmts) {
    const e = s.s === 'match' ? s.right : s.s === 'verdict' || s.s === 'objref' ? s.expr : null;
    if (e?.k === 'set' || (e?.k === 'map' && e.table.k === 'set')) n++;
  }
  return n;
}

function setsOf(s: Stmt): NftSet[] {
  const out: NftSet[] = [];
  const see = (e: Expr | null): void => {
    if (!e) return;
    if (e.k === 'setref') out.push(e.set);
    else if (e.k === 'map') see(e.table);
  };
  if (s.s === 'match') see(s.right);
  else if (s.s === 'verdict' || s.s === 'objref') see(s.expr);
  else if (s.s === 'assign') see(s.value);
  else if (s.s === 'nat') {
    see(s.addr);
    see(s.port);
  } else if (s.s === 'setop') see(s.set);
  else if (s.s === 'queue') see(s.num);
  return out;
}

function makeElem(set: NftSet, el: Elem, now: number): SetElem {
  const timeout = el.timeout ?? set.spec.timeout;
  const life = el.expires ?? timeout;
  const stmts = (el.stmts.length > 0 ? el.stmts : set.spec.stmts).map((s) => ({ ...s }));
  return {
    elem: el,
    spans: el.key ? spansOf(el.key) : null,
    timeout,
    expires: life === null || life === 0 ? null : now + life * 1000,
    stmts,
    run: null,
  };
}

/** `__set%d`, `__map%d`: the first number that no other rule's set has. */
function freeName(table: NftTable, e: Expr): string {
  const stem = e.k === 'set' && e.elems.some((el) => el.data) ? '__map' : '__set';
  for (let n = 0; ; n++) if (!table.anonymous.has(`${stem}${n}`)) return `${stem}${n}`;
}

function anonymousSet(e: Expr, handle: number, name: string): NftSet {
  const elems = e.k === 'set' ? e.elems : [];
  const set = new NftSet(
    {
      name,
      kind: 'set',
      keyType: e.type,
      dataType: null,
      objType: null,
      dataInterval: false,
      flags: ['constant'],
      timeout: null,
      gcInterval: null,
      size: null,
      policy: null,
      autoMerge: false,
      comment: null,
      typeofKey: null,
      typeofData: null,
      stmts: [],
      anonymous: true,
    },
    handle,
  );
  set.elems = elems.map((el) => makeElem(set, el, 0));
  return set;
}

/** Statements one after the other until one does not say `next`. */
function chainSteps(steps: readonly Run[]): Run {
  const [a, b, c, d] = steps as [Run, Run, Run, Run];
  switch (steps.length) {
    case 0:
      return () => 'continue';
    case 1:
      return (p) => {
        const r = a(p);
        return r === 'next' ? 'continue' : r;
      };
    case 2:
      return (p) => {
        let r = a(p);
        if (r === 'next') r = b(p);
        return r === 'next' ? 'continue' : r;
      };
    case 3:
      return (p) => {
        let r = a(p);
        if (r === 'next') r = b(p);
        if (r === 'next') r = c(p);
        return r === 'next' ? 'continue' : r;
      };
    case 4:
      return (p) => {
        let r = a(p);
        if (r === 'next') r = b(p);
        if (r === 'next') r = c(p);
        if (r === 'next') r = d(p);
        return r === 'next' ? 'continue' : r;
      };
    default:
      return (p) => {
        for (const step of steps) {
          const r = step(p);
          if (r !== 'next') return r;
        }
        return 'continue';
      };
  }
}

/** nft_chain_type: which hooks and priorities a type has in a family. */
function chainTypeOk(family: NftFamily, base: BaseChain): boolean {
  const ip = family === 'ip' || family === 'ip6' || family === 'inet';
  if (base.type === 'nat')
    return ip && base.hook !== 'FORWARD' && base.hook !== 'INGRESS' && base.hook !== 'EGRESS' && base.priority > -200;
  if (base.type === 'route') return ip && base.hook === 'OUTPUT';
  if (family === 'netdev') return base.hook === 'INGRESS' || base.hook === 'EGRESS';
  if (family === 'arp') return base.hook === 'INPUT' || base.hook === 'OUTPUT';
  if (base.hook === 'EGRESS') return false;
  return base.hook !== 'INGRESS' || family === 'inet';
}

export {
  type BaseChain,
  type ChainType,
  type Flowtable,
  NftChain,
  type NftFamily,
  type NftHook,
  NftObject,
  type NftRule,
  NftTable,
  type ObjSpec,
  objectKey,
} from './table.ts';

provideNft((ns, nf) => new NftTables(ns, nf));
