/** The five hooks and what hangs there, in order of priority. Models net/netfilter/core.c */

import type { Family } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';

export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';
export type HookVerdict = 'accept' | 'drop' | 'stolen';

export class Netfilter {
  readonly ns: Netns;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** False when nothing is registered at the hook: the caller may skip it. */
  active(_family: Family, _hook: Hook): boolean {
    return false;
  }

  /** Runs a packet through a hook. After `drop` and `stolen` the packet is no longer the caller's. */
  hook(_family: Family, _hook: Hook, _skb: Skb, _inDev: NetDevice | null, _outDev: NetDevice | null): HookVerdict {
    return 'accept';
  }
}
