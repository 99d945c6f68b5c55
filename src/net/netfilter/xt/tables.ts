/** The tables of one namespace and tool (iptables-nft or iptables-legacy): which hooks they sit at, and changes as transactions. */

import { type Errno, fail, ok, type Result } from '../../../sim/errno.ts';
import type { Family } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';
import type { Hook, Netfilter } from '../netfilter.ts';
import { PRIORITY } from '../priority.ts';
import { type Chain, newChain, walk } from './chain.ts';
import { isMissing, type MatchExt, type TargetExt } from './ext.ts';
import { Rule, type RuleSpec, type RuleTarget } from './rule.ts';

export type TableName = 'raw' | 'mangle' | 'nat' | 'filter' | 'security';
export type Flavour = 'nft' | 'legacy';

/** The built-in chains of each table in the order of the listing, with their priorities. */
export const TABLES: Readonly<Record<TableName, readonly (readonly [Hook, number])[]>> = {
  raw: [
    ['PREROUTING', PRIORITY.raw],
    ['OUTPUT', PRIORITY.raw],
  ],
  mangle: [
    ['PREROUTING', PRIORITY.mangle],
    ['INPUT', PRIORITY.mangle],
    ['FORWARD', PRIORITY.mangle],
    ['OUTPUT', PRIORITY.mangle],
    ['POSTROUTING', PRIORITY.mangle],
  ],
  nat: [
    ['PREROUTING', PRIORITY.dnat],
    ['INPUT', PRIORITY.snat],
    ['OUTPUT', PRIORITY.dnat],
    ['POSTROUTING', PRIORITY.snat],
  ],
  filter: [
    ['INPUT', PRIORITY.filter],
    ['FORWARD', PRIORITY.filter],
    ['OUTPUT', PRIORITY.filter],
  ],
  security: [
    ['INPUT', PRIORITY.security],
    ['FORWARD', PRIORITY.security],
    ['OUTPUT', PRIORITY.security],
  ],
};

export function isTableName(name: string): name is TableName {
  return Object.hasOwn(TABLES, name);
}

export class Table {
  readonly name: TableName;
  readonly family: Family;
  /** Number of the table within its namespace. */
  readonly handle: number;
  /** Chains and rules are numbered together. */
  handles: number;
  /** Built-in chains in order of their hooks and user chains in order of creation. */
  chains: Map<string, Chain> = new Map();
  /** iptables-nft: a base chain was renamed, the tool cannot list it any more. */
  incompatible = false;
  /** Takes the chain's hook away, by chain. */
  readonly hooks = new Map<string, () => void>();
  ctUsers = 0;

  readonly legacy: boolean;

  constructor(name: TableName, family: Family, handle: number, legacy: boolean) {
    this.name = name;
    this.legacy = legacy;
    this.family = family;
    this.handle = handle;
    this.handles = 0;
  }
}

export class XtTables {
  readonly ns: Netns;
  readonly flavour: Flavour;
  private readonly nf: Netfilter;
  private readonly tables = new Map<string, Table>();

  constructor(ns: Netns, nf: Netfilter, flavour: Flavour) {
    this.ns = ns;
    this.nf = nf;
    this.flavour = flavour;
  }

  /** Null when nobody has made it yet. */
  get(family: Family, name: TableName): Table | null {
    return this.tables.get(`${family}${name}`) ?? null;
  }

  /** The tables of a family that exist. */
  list(family: Family): Table[] {
    return [...this.tables.values()].filter((t) => t.family === family);
  }

  edit(family: Family, name: TableName): TableEdit {
    return new TableEdit(this, family, name, this.get(family, name));
  }

  newRule(spec: RuleSpec, handle: number): Rule {
    return new Rule(spec, this.ns, handle);
  }

  /** The same rule, handle and counters too, with another target. Specs are shared: they are never changed. */
  retarget(rule: Rule, target: RuleTarget): Rule {
    const made = new Rule({ ...rule.spec, target }, this.ns, rule.handle);
    made.packets = rule.packets;
    made.bytes = rule.bytes;
    return made;
  }

  /** `nft delete table`, `nft flush ruleset` */
  remove(family: Family, name: TableName): void {
    this.install(family, name, new Map(), false);
    this.tables.delete(`${family}${name}`);
  }

  /** Used by TableEdit: puts the new chains in place and (de)registers hooks and conntrack. */
  install(family: Family, name: TableName, chains: Map<string, Chain>, incompatible: boolean, handles?: number): void {
    const key = `${family}${name}`;
    let table = this.tables.get(key);
    const created = !table;
    if (!table) {
      const legacy = this.flavour === 'legacy';
      table = new Table(name, family, legacy ? 0 : ++this.nf.tableHandles, legacy);
      this.tables.set(key, table);
    }
    const t = table;
    if (this.flavour === 'nft') {
      const { handle } = t;
      this.nf.watchers.changed({ family, table: name, tableHandle: handle, created, before: t.chains, after: chains });
    }
    t.chains = chains;
    t.handles = handles ?? t.handles;
    t.incompatible = incompatible;
    for (const [chain, unregister] of [...t.hooks]) {
      if (!chains.has(chain)) {
        unregister();
        t.hooks.delete(chain);
      }
    }
    for (const chain of chains.values()) {
      const hook = chain.hook;
      if (!hook || t.hooks.has(chain.name)) continue;
      const priority = (TABLES[name].find(([h]) => h === hook) as readonly [Hook, number])[1];
      const baseName = chain.name;
      const run = (p: Parameters<typeof walk>[3]) => {
        const base = t.chains.get(baseName);
        return base ? walk(this.nf, t, base, p) : 'accept';
      };
      t.hooks.set(
        baseName,
        name === 'nat'
          ? this.ns.ct.nat.register(family, hook, priority, run)
          : this.nf.register({ family, hook, priority, run: rerouting(name, hook, run) }),
      );
    }
    let users = 0;
    for (const chain of chains.values()) {
      for (const rule of chain.rules) users += rule.ctUsers;
    }
    this.ns.ct.use(family, users - t.ctUsers);
    t.ctUsers = users;
  }
}

/** mangle OUTPUT: a packet whose mark, TOS or addresses changed is routed again. Models ipt_mangle_out() */
function rerouting(table: TableName, hook: Hook, run: (p: Parameters<typeof walk>[3]) => ReturnType<typeof walk>): typeof run {
  if (table !== 'mangle' || hook !== 'OUTPUT') return run;
  return (p) => {
    const { skb, src, dst } = p;
    const mark = skb.mark;
    const tos = skb.data[1];
    const verdict = run(p);
    if (verdict === 'accept' && (skb.mark !== mark || p.src !== src || p.dst !== dst || skb.data[1] !== tos)) skb.dst = null;
    return verdict;
  };
}

/** An extension with hooks of its own, a chain that is jumped to, or null for a jump to a chain that is not there. */
type Concern = RuleSpec['matches'][number] | Extract<RuleSpec['target'], { kind: 'ext' }> | Chain | null;

function mayStand<O>(ext: { hooks?: readonly Hook[]; hooksFor?(o: O): readonly Hook[] }, opt: O, hook: Hook): boolean {
  const hooks = ext.hooksFor?.(opt) ?? ext.hooks;
  return !hooks || hooks.includes(hook);
}

/** `! -s 0.0.0.0/0` */
function neverMatches(m: RuleSpec['src']): boolean {
  return m?.invert === true && (typeof m.mask === 'number' ? m.mask === 0 : m.mask === 0n);
}

const OK = ok();

/** A transaction on one table: nothing is seen by packets before `commit`. */
export class TableEdit {
  private readonly owner: XtTables;
  readonly family: Family;
  readonly name: TableName;
  private readonly chains: Map<string, Chain>;
  private readonly own = new Set<Chain>();
  private incompatible: boolean;
  private handles: number;

  constructor(owner: XtTables, family: Family, name: TableName, table: Table | null) {
    this.owner = owner;
    this.family = family;
    this.name = name;
    this.chains = new Map(table?.chains ?? []);
    this.incompatible = table?.incompatible ?? false;
    this.handles = table?.handles ?? 0;
  }

  private handle(): number {
    return ++this.handles;
  }

  chain(name: string): Chain | null {
    return this.chains.get(name) ?? null;
  }

  all(): Chain[] {
    return [...this.chains.values()];
  }

  isBuiltin(name: string): boolean {
    return TABLES[this.name].some(([hook]) => hook === name);
  }

  /** Makes the built-in chain (or all of them) where missing. Packets meet nothing there before this. */
  addBuiltin(name?: string): void {
    for (const [hook] of TABLES[this.name]) {
      if (name !== undefined && hook !== name) continue;
      if (!this.chains.has(hook)) this.chains.set(hook, newChain(hook, hook, this.owner.flavour === 'legacy', this.handle()));
    }
  }

  /** The chain as a copy that may be changed. */
  writable(name: string): Chain {
    const chain = this.chains.get(name) as Chain;
    if (this.own.has(chain)) return chain;
    return this.copy(chain, chain.rules.slice());
  }

  private copy(chain: Chain, rules: Rule[]): Chain {
    const copy = { ...chain, rules };
    this.own.add(copy);
    this.chains.set(chain.name, copy);
    return copy;
  }

  /** The chain if this transaction has changed it already. */
  changed(name: string): Chain | null {
    const chain = this.chains.get(name);
    return chain !== undefined && this.own.has(chain) ? chain : null;
  }

  newChain(name: string): Result {
    if (this.chains.has(name)) return fail('EEXIST');
    const chain = newChain(name, null, false, this.handle());
    this.own.add(chain);
    this.chains.set(name, chain);
    return ok();
  }

  /** EBUSY while a rule jumps to it. */
  deleteChain(name: string): Result {
    if (this.references(name) > 0) return fail('EBUSY');
    this.chains.delete(name);
    return ok();
  }

  /** Everything goes, built-in chains as well: the table as nobody ever used it. */
  clear(): void {
    this.chains.clear();
    this.own.clear();
  }

  rename(from: string, to: string): void {
    const chain = this.writable(from);
    const rest = [...this.chains];
    this.chains.clear();
    for (const [key, c] of rest) this.chains.set(key === from ? to : key, c);
    chain.name = to;
    if (chain.hook) this.incompatible = true;
    const jumps = (rule: Rule): boolean => rule.spec.target.kind === 'jump' && rule.spec.target.chain === from;
    for (const c of [...this.chains.values()]) {
      if (!c.rules.some(jumps)) continue;
      const own = this.writable(c.name);
      own.rules = own.rules.map((rule) => {
        const { target } = rule.spec;
        return target.kind === 'jump' && target.chain === from ? this.owner.retarget(rule, { ...target, chain: to }) : rule;
      });
    }
  }

  references(name: string): number {
    let n = 0;
    for (const c of this.chains.values()) {
      for (const rule of c.rules) if (rule.spec.target.kind === 'jump' && rule.spec.target.chain === name) n++;
    }
    return n;
  }

  flush(name: string): void {
    const chain = this.chains.get(name) as Chain;
    if (this.own.has(chain)) chain.rules = [];
    else this.copy(chain, []);
  }

  /** Inserts at a position; the kernel's checks of the rule itself come first (EINVAL). */
  insert(chain: string, at: number, spec: RuleSpec): Result {
    return this.insertInto(this.writable(chain), at, spec);
  }

  /** The same into a chain that `writable` gave. */
  insertInto(target: Chain, at: number, spec: RuleSpec): Result {
    const bad = this.checkRule(spec);
    if (bad) return fail(bad);
    const rule = this.owner.newRule(spec, this.handle());
    // Short chains are many: unlike push(), concat() makes no room to spare.
    if (at === target.rules.length && at < 4) target.rules = target.rules.concat(rule);
    else if (at === target.rules.length) target.rules.push(rule);
    else target.rules.splice(at, 0, rule);
    return OK;
  }

  remove(chain: string, at: number): void {
    this.writable(chain).rules.splice(at, 1);
  }

  zero(name: string, at?: number): void {
    const chain = this.chains.get(name) as Chain;
    for (const rule of at === undefined ? chain.rules : chain.rules.slice(at, at + 1)) {
      rule.packets = 0;
      rule.bytes = 0;
    }
    if (at !== undefined || !chain.hook) return;
    const copy = this.writable(name);
    copy.packets = 0;
    copy.bytes = 0;
    copy.counting = true;
  }

  /** Validates jumps and hooks over the whole table, then makes the change visible at once. */
  commit(): Result {
    const bad = this.validate();
    if (bad) return fail(bad);
    this.owner.install(this.family, this.name, this.chains, this.incompatible, this.handles);
    // Packets meet these chains from now on: the next change copies them again.
    this.own.clear();
    return ok();
  }

  private checkRule(spec: RuleSpec): Errno | null {
    // Queueing to user space is not built into this kernel's nf_tables.
    if (spec.target.kind === 'verdict' && spec.target.verdict === 'QUEUE' && this.owner.flavour === 'nft') return 'ENOENT';
    if (this.owner.flavour === 'nft' && (neverMatches(spec.src) || neverMatches(spec.dst))) return 'EINVAL';
    for (const { ext, opt } of spec.matches) {
      const bad = this.checkExt(ext, opt, spec);
      if (bad) return bad;
    }
    return spec.target.kind === 'ext' ? this.checkExt(spec.target.ext, spec.target.opt, spec) : null;
  }

  private checkExt(ext: MatchExt | TargetExt, opt: unknown, spec: RuleSpec): Errno | null {
    if (ext.missing && isMissing(ext, this.owner.ns)) return 'ENOENT';
    if (ext.tables && !ext.tables.includes(this.name)) return 'EINVAL';
    if (ext.protos && (spec.protoInvert || !ext.protos.includes(spec.proto))) return 'EINVAL';
    const r = ext.checkentry?.(opt, this.owner.ns, spec.protoInvert ? 0 : spec.proto, this.name, this.family);
    return r && !r.ok ? r.errno : null;
  }

  /** What of a chain's rules validation must look at, once for all hooks: extensions that may not stand everywhere, and jumps (null: to nowhere). */
  private concerns(chain: Chain): Concern[] {
    const out: Concern[] = [];
    let jumps: Set<Chain> | null = null;
    for (const { spec, hooked } of chain.rules) {
      const { target } = spec;
      if (hooked) {
        for (const m of spec.matches) if (m.ext.hooks || m.ext.hooksFor) out.push(m);
        if (target.kind === 'ext' && (target.ext.hooks || target.ext.hooksFor)) out.push(target);
      }
      if (target.kind === 'jump') {
        jumps ??= new Set();
        const next = this.chains.get(target.chain);
        if (!next) out.push(null);
        else if (!jumps.has(next)) {
          jumps.add(next);
          out.push(next);
        }
      }
    }
    return out;
  }

  private validate(): Errno | null {
    const seen = new Map<Hook, Set<Chain>>();
    const concerns = new Map<Chain, Concern[]>();
    const visit = (chain: Chain, hook: Hook, depth: number, path: Set<Chain>): Errno | null => {
      if (path.has(chain) || depth > 16) return 'EMLINK';
      const done = seen.get(hook) ?? new Set();
      seen.set(hook, done);
      if (done.has(chain)) return null;
      path.add(chain);
      let steps = concerns.get(chain);
      if (!steps) {
        steps = this.concerns(chain);
        concerns.set(chain, steps);
      }
      for (const step of steps) {
        if (step === null) return 'ENOENT';
        if ('ext' in step) {
          if (!mayStand(step.ext, step.opt, hook)) return 'EINVAL';
        } else {
          const bad = visit(step, hook, depth + 1, path);
          if (bad) return bad;
        }
      }
      path.delete(chain);
      done.add(chain);
      return null;
    };
    for (const chain of this.chains.values()) {
      if (!chain.hook) continue;
      const bad = visit(chain, chain.hook, 0, new Set());
      if (bad) return bad;
    }
    return null;
  }
}
