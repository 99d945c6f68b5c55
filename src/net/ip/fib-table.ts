/** One routing table: longest prefix match and the order of a dump. Models net/ipv4/fib_trie.c, net/ipv6/ip6_fib.c */

import { type Family, type IpAddr, inPrefix, maxLen, network } from '../../wire/addr.ts';
import type { FibRoute } from './fib.ts';

/**
 * One hash table per prefix length that occurs. Real tables have a handful of lengths, so that a lookup costs a handful of
 * probes, whatever the number of routes.
 */
export class FibTable {
  readonly id: number;
  readonly family: Family;
  /** Routes of one prefix, in order of preference (tos, metric, order of insertion). */
  private readonly byLen: (Map<IpAddr, FibRoute[]> | undefined)[] = [];
  /** Lengths that occur, longest first. */
  private lens: number[] = [];
  private count = 0;

  constructor(id: number, family: Family) {
    this.id = id;
    this.family = family;
  }

  get size(): number {
    return this.count;
  }

  /** Routes of exactly this prefix; the caller may not change the array. */
  at(addr: IpAddr, len: number): readonly FibRoute[] {
    return this.byLen[len]?.get(addr) ?? [];
  }

  /** Puts the route at position `index` among those of its prefix. */
  insert(route: FibRoute, index: number): void {
    const { addr, len } = route.dst;
    let map = this.byLen[len];
    if (!map) {
      map = new Map();
      this.byLen[len] = map;
      this.lens = [...this.lens, len].sort((a, b) => b - a);
    }
    const list = map.get(addr);
    if (list) list.splice(index, 0, route);
    else map.set(addr, [route]);
    this.count++;
  }

  remove(route: FibRoute): boolean {
    const { addr, len } = route.dst;
    const map = this.byLen[len];
    const list = map?.get(addr);
    const i = list ? list.indexOf(route) : -1;
    if (!map || !list || i < 0) return false;
    list.splice(i, 1);
    this.count--;
    if (list.length === 0) map.delete(addr);
    if (map.size === 0) {
      this.byLen[len] = undefined;
      this.lens = this.lens.filter((l) => l !== len);
    }
    return true;
  }

  /** Calls `pick` with the routes of each matching prefix, longest first, until it returns something. */
  match<T>(addr: IpAddr, pick: (routes: readonly FibRoute[]) => T | null): T | null {
    for (const len of this.lens) {
      const list = (this.byLen[len] as Map<IpAddr, FibRoute[]>).get(network(addr, len));
      if (!list) continue;
      const found = pick(list);
      if (found !== null) return found;
    }
    return null;
  }

  /** The most specific route for the address, whatever its state. */
  lookup(addr: IpAddr): FibRoute | null {
    return this.match(addr, (routes) => routes[0] ?? null);
  }

  /** All routes as the kernel dumps them. */
  list(): FibRoute[] {
    const prefixes: FibRoute[][] = [];
    for (const len of this.lens) prefixes.push(...(this.byLen[len] as Map<IpAddr, FibRoute[]>).values());
    const order = this.family === 4 ? order4 : order6;
    prefixes.sort((a, b) => order(a[0] as FibRoute, b[0] as FibRoute));
    return prefixes.flat();
  }

  /** Shows every route to `see`, which must not add or remove any. */
  each(see: (route: FibRoute) => void): void {
    for (const len of this.lens)
      for (const list of (this.byLen[len] as Map<IpAddr, FibRoute[]>).values()) for (const route of list) see(route);
  }

  /** Adds all routes to `out`, longest prefixes first. */
  collect(out: FibRoute[]): void {
    for (const len of this.lens) for (const list of (this.byLen[len] as Map<IpAddr, FibRoute[]>).values()) out.push(...list);
  }
}

/** The trie is walked by address; prefixes with one address stand in one leaf, longer first. */
function order4(a: FibRoute, b: FibRoute): number {
  const x = a.dst.addr as number;
  const y = b.dst.addr as number;
  return x - y || b.dst.len - a.dst.len;
}

/** The radix tree is walked left, right, then the node itself: a prefix comes after everything inside it. */
function order6(a: FibRoute, b: FibRoute): number {
  const short = Math.min(a.dst.len, b.dst.len);
  if (inPrefix(a.dst.addr, network(b.dst.addr, short), short)) return b.dst.len - a.dst.len;
  return (a.dst.addr as bigint) < (b.dst.addr as bigint) ? -1 : 1;
}

export function validPrefix(addr: IpAddr, len: number, family: Family): boolean {
  return len >= 0 && len <= maxLen(family) && network(addr, len) === addr;
}
