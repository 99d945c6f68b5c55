/** Base chains at their hooks, and how a packet walks them. Models nft_do_chain() of net/netfilter/nf_tables_core.c */

import type { Family } from '../../../wire/addr.ts';
import type { NetDevice } from '../../dev/device.ts';
import { type FrameHook, type FrameHooks, withHook, withoutHook } from '../frames.ts';
import type { Hook, HookVerdict } from '../netfilter.ts';
import type { XtPacket } from '../xt/packet.ts';
import { PF, viewFrame } from './frame.ts';
import type { BaseChain, NftChain, NftRule, NftTable } from './table.ts';
import type { NftTables } from './tables.ts';
import { traceEvent } from './trace.ts';

const MAX_JUMPS = 16;

function families(table: NftTable): Family[] {
  if (table.family === 'ip') return [4];
  if (table.family === 'ip6') return [6];
  return table.family === 'inet' ? [4, 6] : [];
}

/** Returns the functions that take it away. */
export function hookChain(nft: NftTables, table: NftTable, chain: NftChain): (() => void)[] {
  const { base } = chain;
  if (!base) return [];
  if (base.hook === 'INGRESS' || base.hook === 'EGRESS') return hookDevices(nft, table, chain, base);
  if (table.family === 'bridge' || table.family === 'arp') return hookFrames(nft, table, chain, base, base.hook);
  const { hook } = base;
  const out: (() => void)[] = [];
  for (const family of families(table)) {
    const run = (p: XtPacket): HookVerdict => walk(nft, table, chain, p);
    out.push(
      base.type === 'nat'
        ? nft.ns.ct.nat.register(family, hook, base.priority, run)
        : nft.nf.register({ family, hook, priority: base.priority, run: base.type === 'route' ? reroute(run) : run }),
    );
  }
  return out;
}

/** Runs a base chain over frames. `pf` null: over IP alone. */
function frameHook(nft: NftTables, table: NftTable, chain: NftChain, priority: number, pf: number | null, hook: Hook): FrameHook {
  return {
    priority,
    run: (skb, inDev, outDev) => {
      const p = viewFrame(nft.ns, skb, pf, hook, inDev, outDev);
      if (!p) return 'accept';
      if (outDev && (pf === PF.netdev || pf === PF.arp)) p.len += outDev.hardHeaderLen;
      return walk(nft, table, chain, p);
    },
  };
}

function hookFrames(nft: NftTables, table: NftTable, chain: NftChain, base: BaseChain, hook: Hook): (() => void)[] {
  const { frames } = nft.nf;
  const entry = frameHook(nft, table, chain, base.priority, table.family === 'arp' ? PF.arp : PF.bridge, hook);
  if (table.family === 'bridge') {
    frames.bridge[hook] = withHook(frames.bridge[hook], entry);
    const off = (): void => {
      frames.bridge[hook] = withoutHook(frames.bridge[hook], entry);
    };
    return [off];
  }
  if (hook !== 'INPUT' && hook !== 'OUTPUT') return [];
  frames.arp[hook] = withHook(frames.arp[hook], entry);
  const off = (): void => {
    frames.arp[hook] = withoutHook(frames.arp[hook], entry);
  };
  return [off];
}

function hookDevices(nft: NftTables, table: NftTable, chain: NftChain, base: BaseChain): (() => void)[] {
  const ingress = base.hook === 'INGRESS';
  const pf = table.family === 'inet' ? null : PF.netdev;
  const entry = frameHook(nft, table, chain, base.priority, pf, ingress ? 'PREROUTING' : 'POSTROUTING');
  const change = (dev: NetDevice, by: (list: FrameHooks, hook: FrameHook) => FrameHooks): void => {
    if (ingress) dev.nfIngress = by(dev.nfIngress, entry);
    else dev.nfEgress = by(dev.nfEgress, entry);
  };
  const hooked = new Set<NetDevice>();
  const follow = (dev: NetDevice, gone: boolean): void => {
    const wanted = !gone && base.devices.includes(dev.name);
    if (wanted === hooked.has(dev)) return;
    change(dev, wanted ? withHook : withoutHook);
    if (wanted) hooked.add(dev);
    else hooked.delete(dev);
  };
  for (const dev of nft.ns.devices.values()) follow(dev, false);
  // Chains wait for devices by name: nft_netdev_event().
  const stop = nft.ns.events.subscribe((e) => {
    if (e.type === 'link' && (e.action === 'register' || e.action === 'name' || e.action === 'unregister'))
      follow(e.dev, e.action === 'unregister');
  });
  const off = (): void => {
    stop();
    for (const dev of hooked) change(dev, withoutHook);
    hooked.clear();
  };
  return [off];
}

/** Chains of type route: a changed mark or TOS asks for another route. */
function reroute(run: (p: XtPacket) => HookVerdict): (p: XtPacket) => HookVerdict {
  return (p) => {
    const { mark } = p.skb;
    const { src, dst } = p;
    const tos = p.skb.data[1];
    const verdict = run(p);
    if (verdict === 'accept' && (p.skb.mark !== mark || p.src !== src || p.dst !== dst || p.skb.data[1] !== tos)) p.skb.dst = null;
    return verdict;
  };
}

interface Frame {
  readonly chain: NftChain;
  readonly rules: readonly NftRule[];
  readonly at: number;
}

export function walk(nft: NftTables, table: NftTable, first: NftChain, p: XtPacket): HookVerdict {
  let stack: Frame[] | null = null;
  let chain = first;
  let rules: readonly NftRule[] = first.rules;
  let at = 0;
  const { trace } = nft.ns.kernel.sim;
  let fresh = true;
  const told = (type: 'rule' | 'policy', rule: NftRule | null, verdict: string): void => {
    if (!p.skb.nfTrace || nft.traces.size === 0) return;
    const event = traceEvent(p, type, table, chain, rule, verdict, fresh);
    fresh = false;
    for (const sink of nft.traces) sink(event);
  };
  for (;;) {
    const rule = rules[at];
    if (!rule) {
      const back: Frame | undefined = stack?.pop();
      if (!back) break;
      chain = back.chain;
      rules = back.rules;
      at = back.at;
      continue;
    }
    at++;
    const step = rule.run(p);
    if (step === 'break' || step === 'next') continue;
    if (step === 'continue') {
      if (p.skb.nfTrace) told('rule', rule, 'continue');
      continue;
    }
    if (typeof step === 'object') {
      const next = table.chains.get(step.jump);
      if (!next) continue;
      if (p.skb.nfTrace) told('rule', rule, `${step.goto ? 'goto' : 'jump'} ${step.jump}`);
      if (trace.on) traceRule(nft, table, chain, at, p, `${step.goto ? 'goto' : 'jump'} ${step.jump}`);
      if (!step.goto) {
        stack ??= [];
        if (stack.length >= MAX_JUMPS) return nft.nf.dropped(`NETFILTER ${table.name}/${chain.name}#${at} LOOP`);
        stack.push({ chain, rules, at });
      }
      chain = next;
      rules = next.rules;
      at = 0;
      continue;
    }
    if (p.skb.nfTrace) told('rule', rule, step);
    if (trace.on) traceRule(nft, table, chain, at, p, step);
    if (step === 'return') {
      const back: Frame | undefined = stack?.pop();
      if (!back) break;
      chain = back.chain;
      rules = back.rules;
      at = back.at;
      continue;
    }
    if (step === 'drop') return nft.nf.dropped(`NETFILTER ${table.name}/${chain.name}#${at}`);
    return step;
  }
  chain = first;
  const policy = first.base?.policy ?? 'accept';
  if (p.skb.nfTrace) told('policy', null, policy);
  if (trace.on) traceRule(nft, table, first, 0, p, policy);
  return policy === 'accept' ? 'accept' : nft.nf.dropped(`NETFILTER ${table.name}/${first.name} policy`);
}

function traceRule(nft: NftTables, table: NftTable, chain: NftChain, rule: number, p: XtPacket, verdict: string): void {
  const { kernel } = nft.ns;
  const event = {
    skb: p.skb.id,
    host: kernel.hostname,
    ns: kernel.nameOf(nft.ns) ?? '',
    hook: p.hook,
    table: table.name,
    chain: chain.name,
    rule,
    verdict,
  };
  // Counted from one; the policy is nobody's rule.
  kernel.sim.trace.emit('net.hook', event, p.skb, chain.rules[rule - 1] ?? chain);
}
