/** Native nftables of a namespace: tables of a family, base chains at hooks, rules, named sets. Models net/netfilter/nf_tables_api.c */

import { fail, ok, type Result } from '../../../sim/errno.ts';
import type { Family } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';
import type { Hook, HookVerdict, Netfilter } from '../netfilter.ts';
import type { XtPacket } from '../xt/packet.ts';
import type { NftSet, Statement, Step } from './statement.ts';

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';
export type ChainType = 'filter' | 'nat' | 'route';

export interface NftRule {
  readonly handle: number;
  readonly statements: readonly Statement[];
  readonly comment: string | null;
  readonly run: (p: XtPacket) => Step;
}

export interface BaseChain {
  readonly type: ChainType;
  readonly hook: Hook;
  readonly priority: number;
  policy: 'accept' | 'drop';
}

export class NftChain {
  name: string;
  readonly handle: number;
  readonly base: BaseChain | null;
  rules: NftRule[] = [];
  unregister: (() => void)[] = [];

  constructor(name: string, handle: number, base: BaseChain | null) {
    this.name = name;
    this.handle = handle;
    this.base = base;
  }
}

export class NftTable {
  readonly family: NftFamily;
  readonly name: string;
  readonly handle: number;
  readonly chains = new Map<string, NftChain>();
  readonly sets = new Map<string, NftSet>();
  private handles = 0;

  constructor(family: NftFamily, name: string, handle: number) {
    this.family = family;
    this.name = name;
    this.handle = handle;
  }

  nextHandle(): number {
    return ++this.handles;
  }
}

export class NftTables {
  private readonly ns: Netns;
  private readonly nf: Netfilter;
  private readonly tables = new Map<string, NftTable>();
  private handles = 0;

  constructor(ns: Netns, nf: Netfilter) {
    this.ns = ns;
    this.nf = nf;
  }

  /** Tables of iptables-nft are numbered along. */
  nextTableHandle(): number {
    return ++this.handles;
  }

  all(): NftTable[] {
    return [...this.tables.values()];
  }

  get(family: NftFamily, name: string): NftTable | null {
    return this.tables.get(`${family} ${name}`) ?? null;
  }

  addTable(family: NftFamily, name: string): NftTable {
    const old = this.get(family, name);
    if (old) return old;
    const table = new NftTable(family, name, this.nextTableHandle());
    this.tables.set(`${family} ${name}`, table);
    return table;
  }

  deleteTable(table: NftTable): void {
    for (const chain of [...table.chains.values()]) this.dropChain(table, chain);
    this.tables.delete(`${table.family} ${table.name}`);
  }

  addChain(table: NftTable, name: string, base: BaseChain | null): Result<NftChain> {
    const old = table.chains.get(name);
    if (old) {
      if (base && (!old.base || old.base.hook !== base.hook || old.base.priority !== base.priority)) return fail('EOPNOTSUPP');
      if (base && old.base) old.base.policy = base.policy;
      return ok(old);
    }
    if (base?.type === 'nat' && base.hook === 'FORWARD') return fail('EOPNOTSUPP');
    const chain = new NftChain(name, table.nextHandle(), base);
    table.chains.set(name, chain);
    if (base) this.hook(table, chain, base);
    return ok(chain);
  }

  /** EBUSY while something jumps there or rules are in it. */
  deleteChain(table: NftTable, chain: NftChain): Result {
    for (const c of table.chains.values()) {
      for (const rule of c.rules) if (rule.statements.some((s) => s.target === chain.name)) return fail('EBUSY');
    }
    this.dropChain(table, chain);
    return ok();
  }

  /** `at`: index to insert at; the end when not given. */
  addRule(table: NftTable, chain: NftChain, statements: Statement[], comment: string | null, at = chain.rules.length): Result<NftRule> {
    for (const s of statements) {
      if (s.target === undefined) continue;
      const target = table.chains.get(s.target);
      if (!target) return fail('ENOENT');
      if (target.base) return fail('EOPNOTSUPP');
      if (this.reaches(table, target, chain, 0)) return fail('EMLINK');
    }
    for (const s of statements) for (let i = 0; i < (s.sets ?? 0); i++) table.nextHandle();
    const steps = statements.map((s) => s.compile(this.ns, (name) => table.sets.get(name) ?? null));
    const rule: NftRule = {
      handle: table.nextHandle(),
      statements,
      comment,
      run: (p) => {
        for (const step of steps) {
          const r = step(p);
          if (r !== 'next') return r;
        }
        return 'continue';
      },
    };
    chain.rules.splice(at, 0, rule);
    this.track(table, statements, 1);
    return ok(rule);
  }

  deleteRule(table: NftTable, chain: NftChain, rule: NftRule): void {
    chain.rules = chain.rules.filter((r) => r !== rule);
    this.track(table, rule.statements, -1);
  }

  flushChain(table: NftTable, chain: NftChain): void {
    for (const rule of chain.rules) this.track(table, rule.statements, -1);
    chain.rules = [];
  }

  private dropChain(table: NftTable, chain: NftChain): void {
    this.flushChain(table, chain);
    for (const off of chain.unregister) off();
    table.chains.delete(chain.name);
  }

  private reaches(table: NftTable, from: NftChain, to: NftChain, depth: number): boolean {
    if (from === to || depth > 16) return true;
    return from.rules.some((r) =>
      r.statements.some((s) => {
        const next = s.target === undefined ? undefined : table.chains.get(s.target);
        return next !== undefined && this.reaches(table, next, to, depth + 1);
      }),
    );
  }

  private families(table: NftTable): Family[] {
    if (table.family === 'ip') return [4];
    if (table.family === 'ip6') return [6];
    return table.family === 'inet' ? [4, 6] : [];
  }

  private track(table: NftTable, statements: readonly Statement[], sign: 1 | -1): void {
    const n = statements.filter((s) => s.conntrack).length;
    if (n > 0) for (const family of this.families(table)) this.ns.ct.use(family, n * sign);
  }

  private hook(table: NftTable, chain: NftChain, base: BaseChain): void {
    for (const family of this.families(table)) {
      const run = (p: XtPacket): HookVerdict => this.walk(table, chain, base, p);
      chain.unregister.push(
        base.type === 'nat'
          ? this.ns.ct.nat.register(family, base.hook, base.priority, run)
          : this.nf.register({ family, hook: base.hook, priority: base.priority, run: base.type === 'route' ? reroute(run) : run }),
      );
    }
  }

  private walk(table: NftTable, first: NftChain, base: BaseChain, p: XtPacket): HookVerdict {
    const stack: { chain: NftChain; at: number }[] = [];
    let chain = first;
    let at = 0;
    const where = (): string => `NETFILTER ${table.name}/${chain.name}#${at}`;
    for (;;) {
      const rule = chain.rules[at];
      if (!rule) {
        const back = stack.pop();
        if (!back) break;
        ({ chain, at } = back);
        continue;
      }
      at++;
      const step = rule.run(p);
      if (step === 'break' || step === 'continue' || step === 'next') continue;
      if (typeof step === 'object') {
        const next = table.chains.get(step.jump);
        if (!next) continue;
        if (!step.goto) {
          if (stack.length >= 16) return this.nf.dropped(`${where()} LOOP`);
          stack.push({ chain, at });
        }
        chain = next;
        at = 0;
        continue;
      }
      if (step === 'return') {
        const back = stack.pop();
        if (!back) break;
        ({ chain, at } = back);
        continue;
      }
      if (step === 'drop') return this.nf.dropped(where());
      return step;
    }
    return base.policy === 'accept' ? 'accept' : this.nf.dropped(`NETFILTER ${table.name}/${first.name} policy`);
  }
}

/** Chains of type route: a changed mark or TOS asks for another route. */
function reroute(run: (p: XtPacket) => HookVerdict): (p: XtPacket) => HookVerdict {
  return (p) => {
    const { mark } = p.skb;
    const tos = p.skb.data[1];
    const verdict = run(p);
    if (verdict === 'accept' && (p.skb.mark !== mark || p.skb.data[1] !== tos)) p.skb.dst = null;
    return verdict;
  };
}
