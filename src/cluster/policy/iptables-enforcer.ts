/** Enforces policies by iptables chains and ipsets of the node: packets are judged where they are forwarded, bridged ones as well (br_netfilter) */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { run } from '../proxy/exec.ts';
import { FAMILIES, type Family } from '../proxy/family.ts';
import { Iptables } from '../proxy/iptables/tables.ts';
import type { Enforcer, PolicyState } from './enforcer.ts';
import { isPolicyChain, type NodeRules, nodeRules, POLICY_JUMPS } from './iptables.ts';
import { ipsOf } from './model.ts';

interface Written {
  readonly iptables: Iptables;
  chains: readonly string[];
  rules: string;
  sets: Map<string, string>;
}

export class IptablesEnforcer implements Enforcer {
  private readonly p: Process;
  private readonly written = new Map<Family, Written>();
  /** Families in which nothing of an earlier run is left over. */
  private readonly clean = new Set<Family>();

  constructor(p: Process) {
    this.p = p;
  }

  *apply(state: PolicyState): Task<void> {
    for (const family of FAMILIES) {
      const known = this.written.get(family);
      if (!known && !state.local.some((pod) => ipsOf(pod, family).length > 0)) continue;
      if (!known && state.policies.length === 0 && (yield* this.untouched(family))) continue;
      const w = known ?? (yield* this.begin(family));
      this.written.set(family, w);
      yield* this.write(w, nodeRules(state.model, state.policies, state.local, family));
    }
  }

  /** A node where no policy has ever been gets no rules either. */
  private *untouched(family: Family): Task<boolean> {
    if (this.clean.has(family)) return true;
    const left = ((yield* new Iptables(this.p, family).chains('filter')) ?? []).some(isPolicyChain);
    if (!left) this.clean.add(family);
    return !left;
  }

  private *begin(family: Family): Task<Written> {
    const { p } = this;
    for (const key of ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'])
      if (p.ns.sysctl.get(key) === '0') p.ns.sysctl.set(key, '1');
    const iptables = new Iptables(p, family);
    for (const [chain] of POLICY_JUMPS) yield* iptables.ensureChain('filter', chain);
    for (const [chain, builtin] of POLICY_JUMPS) {
      const words = ['-m', 'comment', '--comment', 'network policies', '-j', chain];
      yield* iptables.ensureRule('filter', builtin, words);
    }
    return { iptables, chains: ((yield* iptables.chains('filter')) ?? []).filter(isPolicyChain), rules: '', sets: new Map() };
  }

  /** Sets first, then the chains that look at them, then what nothing looks at any more goes. */
  private *write(w: Written, want: NodeRules): Task<void> {
    const changed = [...want.sets].filter(([name, text]) => w.sets.get(name) !== text).map(([, text]) => text);
    if (changed.length > 0) yield* this.ipset(changed.join(''));
    const gone = w.chains.filter((c) => !want.chains.has(c));
    const rules = [
      '*filter',
      ...[...want.chains.keys(), ...gone].map((c) => `:${c} - [0:0]`),
      ...[...want.chains.values()].flat(),
      ...gone.map((c) => `-X ${c}`),
      'COMMIT',
      '',
    ].join('\n');
    if (rules !== w.rules) {
      const error = yield* w.iptables.restoreAll(rules);
      if (error !== '') yield* this.p.err(`network policies: ${error}\n`);
    }
    const old = [...w.sets.keys()].filter((name) => !want.sets.has(name));
    if (old.length > 0) yield* this.ipset(old.map((name) => `destroy ${name}\n`).join(''));
    w.chains = [...want.chains.keys()];
    w.rules = gone.length > 0 ? '' : rules;
    w.sets = new Map(want.sets);
  }

  private *ipset(lines: string): Task<void> {
    const r = yield* run(this.p, ['ipset', 'restore'], lines);
    if (r.status !== 0) yield* this.p.err(`network policies: ipset restore: ${r.err}\n`);
  }
}
