/** Whether kube-proxy's own rules are still those that it wrote: a stamp of them that any other hand changes. */

import type { Netns } from '../../os/uapi.ts';
import type { Family } from './family.ts';

const OWN = /^KUBE-/;

/** Rules are numbered as they are made, so that the numbers of all own rules and of the jumps to them tell one state from another. */
export function ownRules(ns: Netns, family: Family): string {
  const out: string[] = [];
  for (const name of ['filter', 'nat', 'mangle'] as const) {
    for (const chain of ns.nf.xt.get(family, name)?.chains.values() ?? []) {
      const own = OWN.test(chain.name);
      const handles = chain.rules
        .filter(({ spec: { target } }) => own || (target.kind === 'jump' && OWN.test(target.chain)))
        .map((r) => r.handle);
      if (own || handles.length > 0) out.push(`${name}/${chain.name}:${handles.join()}`);
    }
  }
  return out.join(' ');
}
