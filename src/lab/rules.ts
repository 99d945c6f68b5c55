/** Netfilter's rules as sorted lines of text, read without running anything. */

import { specText } from '../bin/iptables/print.ts';
import type { Netns } from '../net/netns.ts';

/** The IPv4 rules of a table, chain by chain, in the words of iptables-save. */
export function rulesOf(ns: Netns, table: 'filter' | 'nat' | 'mangle' | 'raw'): string[] {
  const chains = [...(ns.nf.xt.get(4, table)?.chains.values() ?? [])];
  return chains.flatMap((chain) => chain.rules.map((rule) => `-A ${chain.name}${specText(rule.spec, 4)}`));
}

export { specText };

export const natRules = (ns: Netns): string[] => rulesOf(ns, 'nat');
