/**
 * Which rules of a long chain can match a destination. A Service's rule names one address, so of ten thousand of them a packet needs to
 * meet only its own: the order of rules and what they count stay as a walk past all of them would have it.
 */

import type { Rule } from './rule.ts';

/** Chains shorter than this are walked. */
const LONG = 48;

export class DstIndex {
  private readonly size: number;
  /** Places of the rules for exactly one IPv4 destination, by its 32 bits. */
  private readonly exact = new Map<number, number[]>();
  /** Places of all other rules. */
  private readonly others: number[] = [];

  private constructor(rules: readonly Rule[]) {
    this.size = rules.length;
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i] as Rule;
      if (rule.dstMask !== -1) this.others.push(i);
      else {
        const list = this.exact.get(rule.dstBits);
        if (list) list.push(i);
        else this.exact.set(rule.dstBits, [i]);
      }
    }
  }

  /** Null for chains that are as well walked. Rules that packets meet never change their places: a change makes a new array. */
  static of(rules: readonly Rule[]): DstIndex | null {
    if (rules.length < LONG) return null;
    let index = indexes.get(rules);
    if (index === undefined || (index !== null && index.size !== rules.length)) {
      const made = new DstIndex(rules);
      index = made.others.length * 2 < rules.length ? made : null;
      indexes.set(rules, index);
    }
    return index;
  }

  /** The first place from `at` on whose rule may match; the chain's length when there is none. */
  next(at: number, dst: number): number {
    const list = this.exact.get(dst);
    const other = from(this.others, at, this.size);
    return list === undefined ? other : Math.min(other, from(list, at, this.size));
  }
}

const indexes = new WeakMap<readonly Rule[], DstIndex | null>();

/** The first number in the sorted list that is not below `at`. */
function from(list: readonly number[], at: number, none: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low < list.length ? (list[low] as number) : none;
}
