/**
 * Matches and targets by name. Those that Kubernetes' own rules use are here from the start; index.ts, the table of all, adds the
 * others when the programs that write rules are loaded, so that a page needs not wait for them.
 */

import type { Family } from '../../../../wire/addr.ts';
import type { MatchExt, TargetExt } from '../ext.ts';
import { addrtype } from './addrtype.ts';
import { comment } from './comment.ts';
import { conntrack } from './conntrack.ts';
import { MARK, mark } from './mark.ts';
import { DNAT, MASQUERADE } from './NAT.ts';
import { REJECT } from './REJECT.ts';
import { statistic } from './statistic.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';

let matches: readonly MatchExt[] = [addrtype, comment, conntrack, mark, statistic, tcp, udp];
let targets: readonly TargetExt[] = [DNAT, MARK, MASQUERADE, REJECT];

/** Takes the tables of all extensions. */
export function provideExtensions(allMatches: readonly MatchExt[], allTargets: readonly TargetExt[]): void {
  matches = allMatches;
  targets = allTargets;
}

function find<T extends { readonly name: string; readonly families?: readonly Family[] }>(
  list: readonly T[],
  name: string,
  family: Family,
): T | null {
  return list.find((e) => e.name === name && (!e.families || e.families.includes(family))) ?? null;
}

/** Names as after `-m`; `-m icmpv6` is icmp6's second name. */
export function findMatch(name: string, family: Family): MatchExt | null {
  return find(matches, family === 6 && (name === 'ipv6-icmp' || name === 'icmpv6') ? 'icmp6' : name, family);
}

export function findTarget(name: string, family: Family): TargetExt | null {
  return find(targets, name, family);
}
