/** Statements of an nftables rule: matches, counters, verdicts, NAT, marks. Each lists itself and compiles itself. Models net/netfilter/nft_*.c */

import { inPrefix } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';
import { Bucket } from '../xt/ext/limit.ts';
import type { TargetExt, TargetVerdict } from '../xt/ext.ts';
import type { XtPacket } from '../xt/packet.ts';
import type { DataType, Value } from './datatype.ts';
import type { Selector } from './selector.ts';

/** What a statement does with a packet: `next` statement, `break` off this rule, or a verdict. */
export type Step =
  | 'next'
  | 'break'
  | 'accept'
  | 'drop'
  | 'return'
  | 'continue'
  | 'stolen'
  | { readonly jump: string; readonly goto: boolean };

export interface Statement {
  text(stateless: boolean): string;
  readonly conntrack?: boolean;
  /** Anonymous sets that take handles. */
  readonly sets?: number;
  /** Chain that it jumps to. */
  readonly target?: string;
  compile(ns: Netns, sets: SetLookup): (p: XtPacket) => Step;
}

export interface NftSet {
  readonly name: string;
  readonly type: DataType;
  readonly flags: readonly string[];
  readonly handle: number;
  elements: Item[];
}

export type SetLookup = (name: string) => NftSet | null;

/** One value, prefix or range; a trailing `*` in an interface name is a wildcard. */
export type Item =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'prefix'; readonly value: number | bigint; readonly len: number }
  | { readonly kind: 'range'; readonly low: Value; readonly high: Value };

export type Operand =
  | Item
  | { readonly kind: 'set'; readonly items: readonly Item[] }
  | { readonly kind: 'ref'; readonly name: string }
  /** `tcp flags syn / syn,ack` */
  | { readonly kind: 'masked'; readonly value: number; readonly mask: number };

export function itemText(type: DataType, item: Item): string {
  if (item.kind === 'value') return type.print(item.value);
  if (item.kind === 'prefix') return `${type.print(item.value)}/${item.len}`;
  return `${type.print(item.low)}-${type.print(item.high)}`;
}

/** Elements in the order in which nft lists them: numbers by size, names as given. */
export function sortedItems(items: readonly Item[]): Item[] {
  const first = (i: Item): Value => (i.kind === 'range' ? i.low : i.value);
  if (items.some((i) => typeof first(i) === 'string')) return [...items];
  return [...items].sort((a, b) => (first(a) < first(b) ? -1 : first(a) > first(b) ? 1 : 0));
}

export function itemHas(item: Item, v: Value): boolean {
  if (item.kind === 'prefix') return typeof v !== 'string' && inPrefix(v, item.value, item.len);
  if (item.kind === 'range') return v >= item.low && v <= item.high;
  if (typeof item.value === 'string' && item.value.endsWith('*')) return typeof v === 'string' && v.startsWith(item.value.slice(0, -1));
  return item.value === v;
}

export function match(selector: Selector, op: '==' | '!=', operand: Operand): Statement {
  const not = op === '!=';
  const { type } = selector;
  const right = (): string => {
    if (operand.kind === 'set')
      return `{ ${sortedItems(operand.items)
        .map((i) => itemText(type, i))
        .join(', ')} }`;
    if (operand.kind === 'ref') return `@${operand.name}`;
    if (operand.kind === 'masked') return `${type.print(operand.value)} / ${type.print(operand.mask)}`;
    return itemText(type, operand);
  };
  return {
    text: () => `${selector.text} ${not ? '!= ' : ''}${right()}`,
    ...(selector.conntrack ? { conntrack: true } : {}),
    ...(operand.kind === 'set' ? { sets: 1 } : {}),
    compile: (_ns, sets) => (p) => {
      const v = selector.get(p);
      if (v === null) return 'break';
      let hit: boolean;
      if (operand.kind === 'set') hit = operand.items.some((i) => itemHas(i, v));
      else if (operand.kind === 'ref') hit = sets(operand.name)?.elements.some((i) => itemHas(i, v)) ?? false;
      else if (operand.kind === 'masked') hit = (Number(v) & operand.mask) === operand.value;
      else if (type.flags && operand.kind === 'value' && !not) hit = (Number(v) & Number(operand.value)) !== 0;
      else if (type.flags && operand.kind === 'value') hit = (Number(v) & Number(operand.value)) !== 0;
      else hit = itemHas(operand, v);
      return hit !== not ? 'next' : 'break';
    },
  };
}

export class Counter implements Statement {
  packets: number;
  bytes: number;

  constructor(packets = 0, bytes = 0) {
    this.packets = packets;
    this.bytes = bytes;
  }

  text(stateless: boolean): string {
    return stateless ? 'counter' : `counter packets ${this.packets} bytes ${this.bytes}`;
  }

  compile(): (p: XtPacket) => Step {
    return (p) => {
      this.packets++;
      this.bytes += p.len;
      return 'next';
    };
  }
}

export function verdict(v: 'accept' | 'drop' | 'return' | 'continue'): Statement {
  return { text: () => v, compile: () => () => v };
}

export function jump(chain: string, goto: boolean): Statement {
  const step: Step = { jump: chain, goto };
  return { text: () => `${goto ? 'goto' : 'jump'} ${chain}`, target: chain, compile: () => () => step };
}

const STEPS: Readonly<Record<TargetVerdict, Step>> = {
  continue: 'next',
  accept: 'accept',
  drop: 'drop',
  return: 'return',
  stolen: 'stolen',
};

/** A statement that does what an xt target does (reject, NAT, log …) under nft's name. */
export function viaTarget<O>(text: string, ext: TargetExt<O>, opt: O): Statement {
  return {
    text: () => text,
    ...(ext.conntrack ? { conntrack: true } : {}),
    compile: (ns) => {
      const run = ext.run(opt, ns);
      return (p) => STEPS[run(p)];
    },
  };
}

/** `limit rate 5/minute burst 5 packets` */
export function limit(rate: number, unit: string, burst: number, over: boolean): Statement {
  const seconds = { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800 }[unit] ?? 1;
  return {
    text: () => `limit rate ${over ? 'over ' : ''}${rate}/${unit}${burst !== 5 ? ` burst ${burst} packets` : ''}`,
    compile: (ns) => {
      const { sim } = ns.kernel;
      const bucket = new Bucket((10000 * seconds) / rate, burst, sim.now);
      return () => (bucket.take(sim.now) !== over ? 'next' : 'break');
    },
  };
}

export type MarkSource = { readonly value: number } | { readonly from: 'meta' | 'ct' };

export function setMark(where: 'meta' | 'ct', source: MarkSource): Statement {
  const right = 'value' in source ? `0x${source.value.toString(16).padStart(8, '0')}` : `${source.from} mark`;
  return {
    text: () => `${where} mark set ${right}`,
    ...(where === 'ct' || ('from' in source && source.from === 'ct') ? { conntrack: true } : {}),
    compile: () => (p) => {
      const value = 'value' in source ? source.value : source.from === 'meta' ? p.skb.mark : (p.skb.ct?.mark ?? 0);
      if (where === 'meta') p.skb.mark = value;
      else if (p.skb.ct) p.skb.ct.mark = value;
      return 'next';
    },
  };
}

export function notrack(): Statement {
  return {
    text: () => 'notrack',
    compile: () => (p) => {
      if (!p.skb.ct) p.skb.untracked = true;
      return 'next';
    },
  };
}
