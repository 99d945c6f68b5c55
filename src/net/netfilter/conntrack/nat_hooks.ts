/** Where NAT happens: nat chains see a connection's first packet, every later packet is only rewritten. Models nf_nat_inet_fn() */

import type { Family } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';
import type { Skb } from '../../skb.ts';
import { type Hook, type HookVerdict, PRIORITY } from '../netfilter.ts';
import type { XtPacket } from '../xt/packet.ts';
import type { Manip } from './manip.ts';
import { isIcmpOf, natIcmpError, natPacket, nullBinding } from './nat.ts';

interface NatChain {
  readonly hook: Hook;
  readonly priority: number;
  run(p: XtPacket): HookVerdict;
}

const NAT_HOOKS: readonly (readonly [Hook, Manip, number])[] = [
  ['PREROUTING', 'dst', PRIORITY.dnat],
  ['INPUT', 'src', PRIORITY.snat],
  ['OUTPUT', 'dst', PRIORITY.dnat],
  ['POSTROUTING', 'src', PRIORITY.snat],
];

export class NatHooks {
  private readonly ns: Netns;
  private readonly chains: Record<Family, NatChain[]> = { 4: [], 6: [] };
  private readonly hooks: Record<Family, (() => void)[]> = { 4: [], 6: [] };
  private watching = false;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** Adds a nat base chain; the first one of a family brings all four hooks. Returns the function that takes it away. */
  register(family: Family, hook: Hook, priority: number, run: (p: XtPacket) => HookVerdict): () => void {
    const chain: NatChain = { hook, priority, run };
    if (this.chains[family].length === 0) {
      this.hooks[family] = NAT_HOOKS.map(([at, manip, prio]) =>
        this.ns.nf.register({ family, hook: at, priority: prio, run: (p) => this.run(p, manip) }),
      );
    }
    this.watch();
    this.chains[family] = [...this.chains[family], chain].sort((a, b) => a.priority - b.priority);
    return () => {
      this.chains[family] = this.chains[family].filter((c) => c !== chain);
      if (this.chains[family].length > 0) return;
      for (const off of this.hooks[family]) off();
      this.hooks[family] = [];
    };
  }

  /** Some chain may still translate the packet's connection. */
  undecided(family: Family, skb: Skb): boolean {
    return this.chains[family].length > 0 && skb.ct !== null && !(skb.ct.srcNatDone && skb.ct.dstNatDone);
  }

  private run(p: XtPacket, manip: Manip): HookVerdict {
    const { skb } = p;
    const { ct, ctInfo } = skb;
    if (!ct || !ctInfo) return 'accept';
    const { dir } = ctInfo;
    const { dst } = p;
    if (ctInfo.state === 'RELATED' && isIcmpOf(p)) {
      if (!natIcmpError(p, ct, dir, manip)) return 'drop';
    } else {
      if (ctInfo.state !== 'ESTABLISHED' && !(manip === 'src' ? ct.srcNatDone : ct.dstNatDone)) {
        for (const chain of this.chains[p.family]) {
          if (chain.hook !== p.hook) continue;
          const verdict = chain.run(p);
          if (verdict !== 'accept') return verdict;
          if (manip === 'src' ? ct.srcNatDone : ct.dstNatDone) break;
        }
        if (!(manip === 'src' ? ct.srcNatDone : ct.dstNatDone)) nullBinding(this.ns, ct, manip, p);
      } else if (p.hook === 'POSTROUTING' && ct.masqIfindex !== 0 && p.out && ct.masqIfindex !== p.out.ifindex && dir === 'original') {
        this.ns.ct.destroy(ct);
        return this.ns.nf.dropped('NAT_OIF_CHANGED');
      }
      natPacket(p, ct, dir, manip);
    }
    if (p.dst !== dst && (p.hook === 'OUTPUT' || p.hook === 'PREROUTING')) skb.dst = null;
    return 'accept';
  }

  /** MASQUERADE: connections end when their interface goes down or loses the address. Models masq_device_event(), masq_inet_event() */
  private watch(): void {
    if (this.watching) return;
    this.watching = true;
    this.ns.events.subscribe((event) => {
      if (event.type === 'link' && (event.action === 'down' || event.action === 'unregister')) {
        for (const ct of this.ns.ct.list()) if (ct.masqIfindex === event.dev.ifindex) this.ns.ct.destroy(ct);
      } else if (event.type === 'addr' && event.action === 'del') {
        for (const ct of this.ns.ct.list()) {
          if (ct.masqIfindex === event.dev.ifindex && ct.reply.dst === event.addr.local) this.ns.ct.destroy(ct);
        }
      }
    });
  }
}
