/** A chain with its rules and the rules that lead to it. Models plugins/meta/portmap/chain.go */

import type { Task } from '../../../os/process.ts';
import { type Iptables, isNotExist, toOutcome } from '../iptables.ts';
import { bad, good, type Outcome } from '../types.ts';

export interface Chain {
  readonly table: string;
  readonly name: string;
  /** Chains that get the entry rules. */
  readonly entryChains: readonly string[];
  readonly entryRules: readonly (readonly string[])[];
  readonly rules: readonly (readonly string[])[];
  readonly prependEntry: boolean;
}

export function* setupChain(ipt: Iptables, c: Chain): Task<Outcome<null>> {
  const made = yield* ipt.ensureChain(c.table, c.name);
  if (!made.ok) return made;
  for (const rule of c.rules) {
    const r = yield* ipt.insertUnique(c.table, c.name, false, rule);
    if (!r.ok) return toOutcome(r);
  }
  for (const entry of c.entryChains)
    for (const rule of c.entryRules) {
      const r = yield* ipt.insertUnique(c.table, entry, c.prependEntry, [...rule, '-j', c.name]);
      if (!r.ok) return toOutcome(r);
    }
  return good(null);
}

/** The words of a line as a shell reads them. */
function words(line: string): string[] {
  const out: string[] = [];
  for (const m of line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g))
    out.push(m[1] === undefined ? (m[2] as string) : m[1].replace(/\\(.)/g, '$1'));
  return out;
}

export function* teardownChain(ipt: Iptables, c: Chain): Task<Outcome<null>> {
  const cleared = yield* ipt.clearChain(c.table, c.name);
  if (!cleared.ok) {
    if (!isNotExist(cleared.error)) return toOutcome(cleared);
    const made = yield* ipt.ensureChain(c.table, c.name);
    if (!made.ok) return made;
  }
  for (const entry of c.entryChains) {
    const listed = yield* ipt.list(c.table, entry);
    if (!listed.ok) continue;
    for (const line of listed.value.slice(1)) {
      if (!line.endsWith(`-j ${c.name}`)) continue;
      const r = yield* ipt.delete(c.table, entry, words(line).slice(2));
      if (!r.ok && !isNotExist(r.error) && r.error.status !== 2)
        return bad(`Failed to delete referring rule ${c.table} ${entry}: ${r.error.text}`);
    }
  }
  const gone = yield* ipt.deleteChain(c.table, c.name);
  return gone.ok || isNotExist(gone.error) ? good(null) : toOutcome(gone);
}

/** %v of a list of lists. */
const listText = (rules: readonly (readonly string[])[]): string => `[${rules.map((r) => `[${r.join(' ')}]`).join(' ')}]`;

export function* checkChain(ipt: Iptables, c: Chain): Task<Outcome<null>> {
  const there = yield* ipt.chainExists(c.table, c.name);
  if (!there.ok) return toOutcome(there);
  if (!there.value) return bad(`chain ${c.name} not found in iptables table ${c.table}`);
  for (const rule of [...c.rules].reverse()) {
    const found = yield* ipt.exists(c.table, c.name, rule);
    if (!found.ok || !found.value) return bad(`rule ${listText(c.rules)} in chain ${c.name} not found in table ${c.table}`);
  }
  for (const entry of c.entryChains)
    for (const rule of [...c.entryRules].reverse()) {
      const found = yield* ipt.exists(c.table, entry, [...rule, '-j', c.name]);
      if (!found.ok || !found.value) return bad(`rule ${listText(c.entryRules)} in chain ${entry} not found in table ${c.table}`);
    }
  return good(null);
}
