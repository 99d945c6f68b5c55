/** Ranges of addresses as pools write them. Models metallb internal/config */

import { parseAddress, parseCidr } from '../api/ip.ts';

export interface Range {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** `10.0.0.240-10.0.0.250` or `10.0.0.0/28`. */
export function parseRange(text: string): Range | undefined {
  const [from = '', to] = text.split('-');
  if (to !== undefined) {
    const a = parseAddress(from.trim());
    const b = parseAddress(to.trim());
    return a && b && a.family === b.family && a.value <= b.value ? { family: a.family, first: a.value, last: b.value } : undefined;
  }
  const c = parseCidr(text.trim());
  if (!c) return undefined;
  const first = BigInt(c.network);
  return { family: c.address.family, first, last: first + (1n << BigInt(c.width - c.bits)) - 1n };
}
