/** Hooks at frames: of bridges, of ARP, and at devices. Models the bridge, arp and netdev families of net/netfilter/core.c */

import type { NetDevice } from '../dev/device.ts';
import type { Skb } from '../skb.ts';
import type { Hook, HookVerdict } from './netfilter.ts';

export interface FrameHook {
  readonly priority: number;
  /** `drop` must have named its reason with `Netfilter.dropped()`. */
  run(skb: Skb, inDev: NetDevice | null, outDev: NetDevice | null): HookVerdict;
}

/** In order of priority; null: nothing. */
export type FrameHooks = readonly FrameHook[] | null;

export function withHook(list: FrameHooks, hook: FrameHook): FrameHooks {
  const before = list ?? [];
  const at = before.findIndex((h) => h.priority > hook.priority);
  return at < 0 ? [...before, hook] : [...before.slice(0, at), hook, ...before.slice(at)];
}

export function withoutHook(list: FrameHooks, hook: FrameHook): FrameHooks {
  const rest = (list ?? []).filter((h) => h !== hook);
  return rest.length > 0 ? rest : null;
}

/** Where br_netfilter stands among a bridge's hooks (NF_BR_PRI_BRNF): chains of lower priority see the frame before it. */
export const BRNF_PRIORITY = 0;

/** What is registered in the bridge's and in ARP's families. */
export class FrameLists {
  readonly bridge: Record<Hook, FrameHooks> = { PREROUTING: null, INPUT: null, FORWARD: null, OUTPUT: null, POSTROUTING: null };
  readonly arp: { INPUT: FrameHooks; OUTPUT: FrameHooks } = { INPUT: null, OUTPUT: null };
}
