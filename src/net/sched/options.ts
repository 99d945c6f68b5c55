/** What a user may set in a queueing discipline, a class, a filter: the netlink attributes as values. */

import type { RateSpec } from './rate.ts';

export interface FifoOptions {
  readonly kind: 'fifo';
  readonly limit: number | null;
}

export interface TbfOptions {
  readonly kind: 'tbf';
  readonly rate: RateSpec;
  readonly peak: RateSpec | null;
  readonly limit: number;
  readonly burst: number;
  /** Bytes of the peak rate's bucket. */
  readonly mtu: number;
}

export interface PrioOptions {
  readonly kind: 'prio';
  readonly bands: number;
  readonly priomap: readonly number[];
}

export interface FqCodelOptions {
  readonly kind: 'fq_codel';
  readonly limit?: number;
  readonly flows?: number;
  readonly quantum?: number;
  /** µs. */
  readonly target?: number;
  readonly interval?: number;
  readonly ceThreshold?: number;
  readonly memoryLimit?: number;
  readonly ecn?: boolean;
  readonly dropBatch?: number;
}

export interface HtbOptions {
  readonly kind: 'htb';
  readonly r2q: number;
  readonly defcls: number;
  readonly directQlen: number | null;
}

/** Times in ticks, probabilities and correlations as shares of 2^32-1. */
export interface NetemOptions {
  readonly kind: 'netem';
  readonly limit: number;
  readonly latency: number;
  readonly jitter: number;
  readonly gap: number;
  readonly loss: number;
  readonly duplicate: number;
  /** Null leaves what was there. */
  readonly corr: { readonly delay: number; readonly loss: number; readonly dup: number } | null;
  readonly reorder: { readonly probability: number; readonly correlation: number } | null;
  readonly corrupt: { readonly probability: number; readonly correlation: number } | null;
  readonly lossModel:
    | {
        readonly type: 'state';
        readonly p13: number;
        readonly p31: number;
        readonly p32: number;
        readonly p23: number;
        readonly p14: number;
      }
    | { readonly type: 'gemodel'; readonly p: number; readonly r: number; readonly h: number; readonly k1: number }
    | null;
  readonly ecn: boolean;
  readonly rate: { readonly rate: number; readonly overhead: number; readonly cellSize: number; readonly cellOverhead: number } | null;
  readonly slot: NetemSlot | null;
  readonly distribution: Int16Array | null;
  readonly slotDistribution: Int16Array | null;
}

/** Times in ns. */
export interface NetemSlot {
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly distDelay: number;
  readonly distJitter: number;
  readonly maxPackets: number;
  readonly maxBytes: number;
}

export type QdiscOptions = FifoOptions | TbfOptions | PrioOptions | FqCodelOptions | HtbOptions | NetemOptions;

export interface HtbClassOptions {
  readonly kind: 'htb';
  readonly rate: RateSpec;
  readonly ceil: RateSpec;
  /** Ticks. */
  readonly buffer: number;
  readonly cbuffer: number;
  readonly prio: number;
  readonly quantum: number;
}

export type Verdict = 'continue' | 'drop' | 'pass' | 'reclassify' | 'pipe' | 'stolen' | 'trap';

export type ActionSpec =
  | { readonly kind: 'gact'; readonly verdict: Verdict; readonly index: number }
  | {
      readonly kind: 'mirred';
      readonly direction: 'egress' | 'ingress';
      readonly redirect: boolean;
      readonly ifindex: number;
      readonly verdict: Verdict;
      readonly index: number;
    };

export interface U32Key {
  val: number;
  mask: number;
  off: number;
  /** -1: counted from the header after IP's. */
  offmask: number;
}

export interface FilterOptions {
  /** Null: no attributes at all. */
  readonly classid: number | null;
  readonly keys: readonly U32Key[] | null;
  readonly actions: readonly ActionSpec[];
  readonly terminal: boolean;
}
