/** Ids by which a namespace knows other namespaces. Models net/core/net_namespace.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Netns } from '../netns.ts';

/** The id, taken from the lowest free number when there is none yet. */
export function peernet2idAlloc(ns: Netns, other: Netns): number {
  const known = ns.nsids.get(other);
  if (known !== undefined) return known;
  const used = new Set(ns.nsids.values());
  let id = 0;
  while (used.has(id)) id++;
  ns.nsids.set(other, id);
  ns.events.emit({ type: 'nsid', id });
  return id;
}

/** RTM_NEWNSID (`ip netns set`); a negative id asks for the lowest free one. */
export function newNsid(ns: Netns, other: Netns, id: number): Result {
  if (ns.nsids.has(other)) return fail('EEXIST', 'Peer netns already has a nsid assigned');
  if (id < 0) {
    peernet2idAlloc(ns, other);
    return ok();
  }
  for (const used of ns.nsids.values()) if (used === id) return fail('EEXIST', 'The specified nsid is already used');
  ns.nsids.set(other, id);
  ns.events.emit({ type: 'nsid', id });
  return ok();
}

/** A namespace that ends is forgotten by all others. */
export function forgetNetns(all: Iterable<Netns>, gone: Netns): void {
  for (const ns of all) ns.nsids.delete(gone);
}
