/** IP sets of a namespace: typed tables of addresses, nets, ports and sets that rules look up. Models net/netfilter/ipset/ip_set_core.c */

import { SEC } from '../../../sim/sim.ts';
import { type Family, type IpAddr, maxLen, network } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';

export type Dimension = 'ip' | 'net' | 'port' | 'iface' | 'mac' | 'mark' | 'set';

/** One part of an element. */
export type Part =
  | { readonly kind: 'ip'; readonly addr: IpAddr }
  | { readonly kind: 'net'; readonly addr: IpAddr; readonly len: number }
  | { readonly kind: 'port'; readonly proto: number; readonly port: number }
  /** `physical`: a bridge's port instead of the bridge; `wildcard`: every name that begins so. */
  | { readonly kind: 'iface'; readonly name: string; readonly physical: boolean; readonly wildcard: boolean }
  /** null: any, or not known yet. */
  | { readonly kind: 'mac'; readonly mac: string | null }
  | { readonly kind: 'set'; readonly name: string };

export interface SetType {
  readonly name: string;
  readonly revision: number;
  readonly dimensions: readonly Dimension[];
}

/** In the order of the tool's help; those that the recording kernel has. */
export const SET_TYPES: readonly SetType[] = [
  { name: 'list:set', revision: 3, dimensions: ['set'] },
  { name: 'hash:net,iface', revision: 8, dimensions: ['net', 'iface'] },
  { name: 'hash:net,port', revision: 8, dimensions: ['net', 'port'] },
  { name: 'hash:net', revision: 7, dimensions: ['net'] },
  { name: 'hash:ip,port,net', revision: 8, dimensions: ['ip', 'port', 'net'] },
  { name: 'hash:ip,port,ip', revision: 6, dimensions: ['ip', 'port', 'ip'] },
  { name: 'hash:ip,port', revision: 7, dimensions: ['ip', 'port'] },
  { name: 'hash:ip', revision: 6, dimensions: ['ip'] },
  { name: 'bitmap:port', revision: 3, dimensions: ['port'] },
  { name: 'bitmap:ip,mac', revision: 3, dimensions: ['ip', 'mac'] },
  { name: 'bitmap:ip', revision: 3, dimensions: ['ip'] },
];

export interface Element {
  readonly parts: readonly Part[];
  /** Absolute end in µs; 0 = never. */
  expires: number;
  packets: number;
  bytes: number;
  comment: string | null;
  nomatch: boolean;
  /** Sets with skbinfo: what -j SET --map-set writes into packets. */
  mark: { readonly value: number; readonly mask: number } | null;
  prio: string | null;
  queue: number | null;
}

export interface SetOptions {
  family: Family;
  hashsize: number;
  maxelem: number;
  /** Seconds; null when the set has no timeouts. */
  timeout: number | null;
  counters: boolean;
  comment: boolean;
  forceadd: boolean;
  skbinfo: boolean;
  netmask: number | null;
  /** Any mask, contiguous or not. */
  bitmask: IpAddr | null;
  bucketsize: number;
  initval: number | null;
  /** bitmap types. */
  range: readonly [number, number] | null;
  /** list:set */
  size: number;
}

export type SetError = 'exists' | 'missing' | 'full' | 'range' | 'noset' | 'noanchor';

export class IpSet {
  name: string;
  readonly type: SetType;
  readonly options: SetOptions;
  readonly initval: number;
  private readonly ns: Netns;
  private elements = new Map<string, Element>();

  constructor(ns: Netns, name: string, type: SetType, options: SetOptions) {
    this.ns = ns;
    this.name = name;
    this.type = type;
    this.options = options;
    this.initval = options.initval ?? ns.kernel.sim.rng('ipset').u32();
  }

  /** Living elements in order of insertion. */
  list(): Element[] {
    const now = this.ns.kernel.sim.now;
    for (const [key, e] of this.elements) if (e.expires !== 0 && e.expires <= now) this.elements.delete(key);
    return [...this.elements.values()];
  }

  /** Puts a set into a list before or after another. Models list_set_uadd() */
  place(element: Element, anchor: string, where: 'before' | 'after', exist: boolean): SetError | null {
    const rest = this.list();
    const at = rest.findIndex((e) => keyOf(e.parts) === anchor);
    if (at < 0) return 'noanchor';
    const error = this.add(element, exist);
    if (error) return error;
    rest.splice(where === 'before' ? at : at + 1, 0, element);
    this.elements = new Map(rest.map((e) => [keyOf(e.parts), e]));
    return null;
  }

  add(element: Element, exist: boolean): SetError | null {
    const key = keyOf(element.parts);
    this.list();
    if (this.elements.has(key)) {
      if (!exist) return 'exists';
      this.elements.set(key, element);
      return null;
    }
    const max = this.type.name === 'list:set' ? this.options.size : this.options.maxelem;
    if (!this.options.range && this.elements.size >= max) {
      if (!this.options.forceadd) return 'full';
      this.elements.delete(this.elements.keys().next().value as string);
    }
    this.elements.set(key, element);
    return null;
  }

  del(parts: readonly Part[], exist: boolean): SetError | null {
    this.list();
    return this.elements.delete(keyOf(parts)) || exist ? null : 'missing';
  }

  flush(): void {
    this.elements.clear();
  }

  /** Seconds left; for sets with timeouts 0 means for ever. */
  left(e: Element): number {
    return e.expires === 0 ? 0 : Math.max(0, Math.floor((e.expires - this.ns.kernel.sim.now) / SEC));
  }

  /** Looks an address, port … up; nets match by longest prefix, and a `nomatch` net is none. */
  find(parts: readonly Part[], nomatch = false): Element | null {
    const now = this.ns.kernel.sim.now;
    let best: Element | null = null;
    let bestLen = -1;
    if (!this.type.dimensions.includes('net')) {
      const e = this.elements.get(keyOf(parts.map((p) => this.masked(p))));
      if (!e || (e.expires !== 0 && e.expires <= now)) return null;
      const [known, asked] = [e.parts[1], parts[1]];
      const differs = known?.kind === 'mac' && asked?.kind === 'mac' && known.mac && asked.mac && known.mac !== asked.mac;
      return differs ? null : e;
    }
    for (const e of this.elements.values()) {
      if (e.expires !== 0 && e.expires <= now) continue;
      const len = covers(e.parts, parts);
      if (len > bestLen) {
        best = e;
        bestLen = len;
      }
    }
    return best && best.nomatch === nomatch ? best : null;
  }

  masked(p: Part): Part {
    const { netmask, bitmask } = this.options;
    if (p.kind !== 'ip') return p;
    if (netmask !== null) return { kind: 'ip', addr: network(p.addr, netmask) };
    if (bitmask === null) return p;
    return { kind: 'ip', addr: typeof p.addr === 'number' ? (p.addr & (bitmask as number)) >>> 0 : p.addr & (bitmask as bigint) };
  }
}

function keyOf(parts: readonly Part[]): string {
  return parts
    .map((p) => {
      if (p.kind === 'ip') return String(p.addr);
      if (p.kind === 'net') return `${p.addr}/${p.len}`;
      if (p.kind === 'port') return `${p.proto}:${p.port}`;
      if (p.kind === 'mac') return '';
      return p.kind === 'iface' ? `${p.physical ? 'physdev:' : ''}${p.name}` : p.name;
    })
    .join(',');
}

/** Sum of the prefix lengths with which an element covers what is looked for, -1 when it does not. */
function covers(element: readonly Part[], want: readonly Part[]): number {
  let sum = 0;
  for (const [i, e] of element.entries()) {
    const w = want[i];
    if (!w) return -1;
    if (e.kind === 'net') {
      if (w.kind === 'net') {
        if (w.len !== e.len && w.len !== maxLen(typeof w.addr === 'number' ? 4 : 6)) return -1;
      } else if (w.kind !== 'ip') return -1;
      if (network(w.addr, e.len) !== e.addr) return -1;
      sum += e.len;
    } else if (e.kind === 'iface' && e.wildcard && w.kind === 'iface') {
      if (e.physical !== w.physical || !w.name.startsWith(e.name)) return -1;
    } else if (keyOf([e]) !== keyOf([w])) return -1;
  }
  return sum;
}

export class IpSets {
  readonly ns: Netns;
  /** By name, in order of creation. */
  private sets = new Map<string, IpSet>();

  constructor(ns: Netns) {
    this.ns = ns;
  }

  get(name: string): IpSet | null {
    return this.sets.get(name) ?? null;
  }

  /** In order of creation; lists of sets come last. */
  all(): IpSet[] {
    const all = [...this.sets.values()];
    return [...all.filter((s) => s.type.name !== 'list:set'), ...all.filter((s) => s.type.name === 'list:set')];
  }

  create(name: string, type: SetType, options: SetOptions): IpSet {
    const set = new IpSet(this.ns, name, type, options);
    this.sets.set(name, set);
    return set;
  }

  destroy(name: string): void {
    this.sets.delete(name);
  }

  rename(from: string, to: string): void {
    const set = this.sets.get(from);
    if (!set) return;
    set.name = to;
    this.sets = new Map([...this.sets.values()].map((s) => [s.name, s]));
  }

  /** Exchanges the contents that two names stand for: rules that use a name see the other set from now on. */
  swap(a: string, b: string): void {
    const [x, y] = [this.sets.get(a), this.sets.get(b)];
    if (!x || !y) return;
    x.name = b;
    y.name = a;
    this.sets.set(a, y);
    this.sets.set(b, x);
  }

  /** How often rules and lists use the set. */
  references(name: string): number {
    let n = 0;
    for (const tables of [this.ns.nf.xt, this.ns.nf.legacy]) {
      for (const family of [4, 6] as const) {
        for (const table of tables.list(family)) {
          for (const chain of table.chains.values()) {
            for (const { spec } of chain.rules) {
              for (const m of spec.matches) n += usesSet(m.opt, name);
              if (spec.target.kind === 'ext') n += usesSet(spec.target.opt, name);
            }
          }
        }
      }
    }
    for (const set of this.sets.values()) {
      if (set.type.name !== 'list:set') continue;
      for (const e of set.list()) if (e.parts[0]?.kind === 'set' && e.parts[0].name === name) n++;
    }
    return n;
  }
}

function usesSet(opt: unknown, name: string): number {
  if (typeof opt !== 'object' || opt === null) return 0;
  let n = 'setName' in opt && opt.setName === name ? 1 : 0;
  if ('sets' in opt && Array.isArray(opt.sets)) for (const s of opt.sets as { setName: string }[]) if (s.setName === name) n++;
  return n;
}
