/** Chains: built-in ones with hook and policy, user ones; how a packet walks them. Models ipt_do_table() and nft_do_chain() */

import type { Hook, HookVerdict, Netfilter } from '../netfilter.ts';
import { traceId } from '../nftrace.ts';
import { DstIndex } from './dstindex.ts';
import { traceLine } from './ext/LOG.ts';
import { mayLog } from './log.ts';
import type { XtPacket } from './packet.ts';
import type { Rule } from './rule.ts';

export interface Chain {
  name: string;
  /** As nft numbers it within its table. */
  readonly handle: number;
  /** null for user chains. */
  readonly hook: Hook | null;
  policy: 'ACCEPT' | 'DROP';
  /** iptables-nft gives a base chain a counter only with `-P`, restore or -Z. */
  counting: boolean;
  packets: number;
  bytes: number;
  rules: Rule[];
}

export function newChain(name: string, hook: Hook | null, counting: boolean, handle: number): Chain {
  return { name, handle, hook, policy: 'ACCEPT', counting, packets: 0, bytes: 0, rules: [] };
}

export interface ChainTable {
  readonly name: string;
  readonly chains: ReadonlyMap<string, Chain>;
  /** Tables of iptables-legacy log TRACE to the kernel log; nft's go to xtables-monitor. */
  readonly legacy: boolean;
}

/** NFT_JUMP_STACK_SIZE */
const MAX_DEPTH = 16;

/** Walks a base chain to a verdict. */
export function walk(nf: Netfilter, table: ChainTable, base: Chain, p: XtPacket): HookVerdict {
  let chain = base;
  let rules = base.rules;
  let at = 0;
  let index = DstIndex.of(rules);
  const stack: { chain: Chain; rules: Rule[]; at: number; index: DstIndex | null }[] = [];
  const trace = nf.ns.kernel.sim.trace;
  let told = false;
  for (;;) {
    if (index !== null) at = index.next(at, p.dst32);
    if (at >= rules.length) {
      const back = stack.pop();
      if (back) {
        ({ chain, rules, at, index } = back);
        continue;
      }
      return policy(nf, table, base, p, told);
    }
    const rule = rules[at++] as Rule;
    if ((p.dst32 & rule.dstMask) !== rule.dstBits || (p.src32 & rule.srcMask) !== rule.srcBits || !rule.test(p)) continue;
    rule.packets++;
    rule.bytes += p.len;
    const target = rule.spec.target;
    let verdict: string = 'continue';
    if (target.kind === 'verdict') verdict = target.verdict;
    else if (target.kind === 'ext') verdict = rule.action(p);
    else if (target.kind === 'jump') verdict = 'jump';
    if (trace.on) traceRule(nf, table, chain, at, p, target.kind === 'jump' ? `jump ${target.chain}` : verdict.toLowerCase());
    if (p.skb.nfTrace) {
      if (table.legacy) logTrace(nf, table, chain, 'rule', at, p);
      else if (nf.watchers.steps.size > 0) {
        const way = target.kind === 'jump' ? `${target.goto ? 'goto' : 'jump'} ${target.chain}` : verdict.toLowerCase();
        nf.watchers.step({ id: traceId(p), p, table: table.name, chain: chain.name, first: !told, rule, verdict: way });
        told = true;
      }
    }
    switch (verdict) {
      case 'continue':
        break;
      case 'ACCEPT':
      case 'accept':
        return 'accept';
      case 'DROP':
      case 'drop':
        return nf.dropped(`NETFILTER ${table.name}/${chain.name}#${at}`);
      case 'QUEUE':
        return nf.dropped(`NETFILTER ${table.name}/${chain.name}#${at} QUEUE`);
      case 'stolen':
        return 'stolen';
      case 'RETURN':
      case 'return': {
        const back = stack.pop();
        if (!back) return policy(nf, table, base, p, told);
        ({ chain, rules, at, index } = back);
        break;
      }
      default: {
        if (target.kind !== 'jump') break;
        const next = table.chains.get(target.chain);
        if (!next) break;
        if (!target.goto) {
          if (stack.length >= MAX_DEPTH) return nf.dropped(`NETFILTER ${table.name}/${chain.name}#${at} LOOP`);
          stack.push({ chain, rules, at, index });
        }
        chain = next;
        rules = next.rules;
        index = DstIndex.of(rules);
        at = 0;
      }
    }
  }
}

function policy(nf: Netfilter, table: ChainTable, base: Chain, p: XtPacket, told: boolean): HookVerdict {
  if (base.counting) {
    base.packets++;
    base.bytes += p.len;
  }
  if (nf.ns.kernel.sim.trace.on) traceRule(nf, table, base, 0, p, base.policy.toLowerCase());
  if (p.skb.nfTrace) {
    if (table.legacy) logTrace(nf, table, base, 'policy', base.rules.length + 1, p);
    else if (nf.watchers.steps.size > 0) {
      const step = { id: traceId(p), p, table: table.name, chain: base.name, first: !told, rule: null };
      nf.watchers.step({ ...step, verdict: base.policy.toLowerCase() });
    }
  }
  if (base.policy === 'ACCEPT') return 'accept';
  return nf.dropped(`NETFILTER ${table.name}/${base.name} policy`);
}

function traceRule(nf: Netfilter, table: ChainTable, chain: Chain, rule: number, p: XtPacket, verdict: string): void {
  const kernel = nf.ns.kernel;
  const event = {
    skb: p.skb.id,
    host: kernel.hostname,
    ns: kernel.nameOf(nf.ns) ?? '',
    hook: p.hook,
    table: table.name,
    chain: chain.name,
    rule,
    verdict,
  };
  // Counted from one; the policy is nobody's rule.
  kernel.sim.trace.emit('net.hook', event, p.skb, chain.rules[rule - 1] ?? chain);
}

/** nf_log_trace(): what the TRACE target writes to the kernel log, a line for each rule. */
function logTrace(nf: Netfilter, table: ChainTable, chain: Chain, kind: string, number: number, p: XtPacket): void {
  if (!mayLog(nf.ns)) return;
  nf.ns.kernel.printk(`TRACE: ${table.name}:${chain.name}:${kind}:${number} ${traceLine(p)}`);
}
