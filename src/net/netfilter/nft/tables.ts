/** Native nftables of a namespace: what it holds, changed in transactions that happen whole or not at all. Models net/netfilter/nf_tables_api.c */

import { type Errno, fail, ok, type Result } from '../../../sim/errno.ts';
import type { Netns } from '../../netns.ts';
import { type Netfilter, provideNft } from '../netfilter.ts';
import { anonymousSet, freeName, makeElem } from './anonymous.ts';
import type { NftChange, NftCommit, NftRefusal } from './changes.ts';
import type { Elem, Expr } from './expr.ts';
import { hookChain } from './hooks.ts';
import { chainsOf, jumpsTo, reachable, reaches, referenced } from './jumps.ts';
import { compileStateful, compileStmt, type Run, type RunCx } from './run.ts';
import { NftSet, type SetElem, type SetSpec } from './set.ts';
import { chainSteps } from './steps.ts';
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
import { AT_END, anonymousSets, needsTracking, setsOf } from './uses.ts';
import { chainTypeOk, refusalOf } from './validate.ts';

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
    if (referenced(table, chain)) return fail('EBUSY');
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

  renameChain(table: NftTable, chain: NftChain, name: string): Result {
    if (table.chains.has(name)) return fail('EEXIST');
    const old = chain.name;
    const before = table.chains;
    table.chains = new Map([...before].map(([k, c]) => [c === chain ? name : k, c]));
    chain.name = name;
    const jumps = jumpsTo(table, old);
    for (const jump of jumps) jump.chain = name;
    this.undo(() => {
      chain.name = old;
      for (const jump of jumps) jump.chain = old;
      table.chains = before;
    });
    this.changed({ verb: 'add', what: 'chain', table, chain });
    return ok();
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
        if (reachable(table, chain) && reaches(table, target, chain, 0)) return refused('EMLINK', 'rule', index);
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
