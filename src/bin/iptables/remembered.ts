/** Lines of restore files that were read before: the nodes of a cluster all restore the same ones, so they share what those came to. */

import type { Parsed } from './state.ts';

/** Extensions whose options say the same on every machine and are never written to once read. */
const ALIKE: ReadonlySet<string> = new Set([
  ...['comment', 'tcp', 'udp', 'sctp', 'conntrack', 'mark', 'addrtype', 'statistic', 'recent', 'nfacct'],
  ...['DNAT', 'MARK', 'MASQUERADE', 'REJECT'],
]);

/** A port or an address by name means what the machine's files say. */
const BY_NAME = / --[ds]ports? [^\d!]| -[sd] (?![\d.]+(\/\d+)?( |$)|[\da-f:]+(\/\d+)?( |$))/;

const MAX_LINES = 40_000;
const lines = new Map<string, Map<string, Parsed>>();

/** What lines of this kind came to: of one table, family and flavour. */
export function rememberedLines(kind: string): Map<string, Parsed> {
  let own = lines.get(kind);
  if (!own) {
    own = new Map();
    lines.set(kind, own);
  }
  return own;
}

/** Keeps an `-A` line if it says the same everywhere. */
export function remember(own: Map<string, Parsed>, line: string, p: Parsed): void {
  if (p.command !== 'A' || p.sources.length > 1 || p.destinations.length > 1 || BY_NAME.test(line)) return;
  const { matches, target } = p.rule;
  if (!matches.every((m) => ALIKE.has(m.ext.name)) || (target.kind === 'ext' && !ALIKE.has(target.ext.name))) return;
  if (own.size >= MAX_LINES) own.clear();
  own.set(line, { ...p, options: new Set(p.options) });
}
