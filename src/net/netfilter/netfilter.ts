/**
 * The five hooks and what hangs there, in order of priority. Models net/netfilter/core.c
 *
 *              in ─► PREROUTING ─► route ─► FORWARD ─► POSTROUTING ─► out
 *                                    │                     ▲
 *                                  INPUT                 route
 *                                    ▼                     │
 *                                 sockets ───────────► OUTPUT
 */

import type { Family } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { type FrameHooks, FrameLists } from './frames.ts';
import { IpSets } from './ipset/ipset.ts';
import type { NftTables } from './nft/tables.ts';
import { NfWatchers } from './nftrace.ts';
import { viewPacket, type XtPacket } from './xt/packet.ts';
import { XtTables } from './xt/tables.ts';

export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';
export type HookVerdict = 'accept' | 'drop' | 'stolen';

export const HOOKS: readonly Hook[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

export { PRIORITY } from './priority.ts';

export interface HookEntry {
  readonly family: Family;
  readonly hook: Hook;
  readonly priority: number;
  /** `drop` must have named its reason with `dropped()`. */
  run(p: XtPacket): HookVerdict;
}

declare module '../../sim/trace.ts' {
  interface TraceEvents {
    /** A rule or policy decided over a packet (rule 0 is the policy), as `table/chain#rule`. */
    'net.hook': { skb: number; host: string; ns: string; hook: Hook; table: string; chain: string; rule: number; verdict: string };
  }
}

/** What is registered at each hook; null: nothing, and a packet may pass without being looked at. */
type HookLists = Record<Hook, readonly HookEntry[] | null>;

const noHooks = (): HookLists => ({ PREROUTING: null, INPUT: null, FORWARD: null, OUTPUT: null, POSTROUTING: null });

const idle = (lists: HookLists): boolean => HOOKS.every((hook) => lists[hook] === null);

let makeNft: ((ns: Netns, nf: Netfilter) => NftTables) | null = null;

/** nf_tables registers itself when it is loaded, which is when a program needs it. */
export function provideNft(make: (ns: Netns, nf: Netfilter) => NftTables): void {
  makeNft = make;
}

export class Netfilter {
  readonly ns: Netns;
  /** Tables of iptables-nft and of iptables-legacy: both families each. */
  readonly xt: XtTables;
  readonly legacy: XtTables;
  readonly sets: IpSets;
  private native: NftTables | null = null;
  /** The last number given to a table, of nft's own and of iptables-nft's. */
  tableHandles = 0;
  readonly v4: HookLists = noHooks();
  readonly v6: HookLists = noHooks();
  /** Chains at bridges and at ARP. */
  readonly frames = new FrameLists();
  /** net.bridge.bridge-nf-call-iptables and -ip6tables */
  readonly bridged4: { readonly n: number };
  readonly bridged6: { readonly n: number };
  /** Who watches traced packets and changes of tables. */
  readonly watchers = new NfWatchers();
  /** Where the packet that a hook dropped was dropped: for the trace. */
  private reason = '';

  constructor(ns: Netns) {
    this.ns = ns;
    this.bridged4 = ns.sysctl.cell('net.bridge.bridge-nf-call-iptables');
    this.bridged6 = ns.sysctl.cell('net.bridge.bridge-nf-call-ip6tables');
    this.sets = new IpSets(ns);
    this.xt = new XtTables(ns, this, 'nft');
    this.legacy = new XtTables(ns, this, 'legacy');
  }

  /** What the nft tool made itself. */
  get nft(): NftTables {
    if (!this.native) {
      if (!makeNft) throw new Error('nftables is used before it is loaded');
      this.native = makeNft(this.ns, this);
    }
    return this.native;
  }

  /** Entries of equal priority run in the order in which they came. Returns the function that takes it away. */
  register(entry: HookEntry): () => void {
    const hooks = entry.family === 4 ? this.v4 : this.v6;
    const list = [...(hooks[entry.hook] ?? [])];
    let at = list.length;
    while (at > 0 && (list[at - 1] as HookEntry).priority > entry.priority) at--;
    list.splice(at, 0, entry);
    hooks[entry.hook] = list;
    this.idle4 = idle(this.v4);
    return () => {
      const rest = (hooks[entry.hook] ?? []).filter((e) => e !== entry);
      hooks[entry.hook] = rest.length > 0 ? rest : null;
      this.idle4 = idle(this.v4);
    };
  }

  /** False when nothing is registered at the hook: the caller may skip it. */
  active(family: Family, hook: Hook): boolean {
    return (family === 4 ? this.v4 : this.v6)[hook] !== null;
  }

  /** True when nothing is registered at any IPv4 hook. */
  idle4 = true;

  /** Names the cause of a drop: `NETFILTER filter/FORWARD#3`. */
  dropped(reason: string): HookVerdict {
    this.reason = reason;
    return 'drop';
  }

  /** Shows a frame to the chains of a bridge, of ARP or at a device; those whose priority is from `from` up to `below`. */
  hookFrame(
    list: FrameHooks,
    skb: Skb,
    inDev: NetDevice | null,
    outDev: NetDevice | null,
    from = Number.NEGATIVE_INFINITY,
    below = Number.POSITIVE_INFINITY,
  ): HookVerdict {
    if (list === null) return 'accept';
    for (const entry of list) {
      if (entry.priority < from || entry.priority >= below) continue;
      const verdict = entry.run(skb, inDev, outDev);
      if (verdict === 'accept') continue;
      if (verdict === 'drop') netDrop(skb, inDev ?? outDev ?? this.ns.lo, this.reason);
      return verdict;
    }
    return 'accept';
  }

  /** Runs a packet through a hook. After `drop` and `stolen` the packet is no longer the caller's. */
  hook(family: Family, hook: Hook, skb: Skb, inDev: NetDevice | null, outDev: NetDevice | null): HookVerdict {
    if (hook === 'PREROUTING' && skb.bridge && !skb.bridge.inPrerouting && !skb.bridge.sabotageDone) {
      skb.bridge.sabotageDone = true;
      return 'accept';
    }
    const entries = (family === 4 ? this.v4 : this.v6)[hook];
    if (entries === null) return 'accept';
    const p = viewPacket(this.ns, skb, family, hook, inDev, outDev);
    if (!p) return 'accept';
    for (const entry of entries) {
      const verdict = entry.run(p);
      if (verdict === 'accept') continue;
      if (verdict === 'drop') {
        const dev = inDev ?? outDev ?? skb.dev ?? this.ns.lo;
        netDrop(skb, dev, this.reason);
      }
      return verdict;
    }
    return 'accept';
  }
}
