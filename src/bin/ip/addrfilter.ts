/** Selectors of `ip address show|flush` by address flags. Models get_filter() of ip/ipaddress.c */

import type { Prefix } from '../../wire/addr.ts';
import { ADDR_FLAGS } from './addrprint.ts';

export interface AddrFilter {
  pfx: Prefix | null;
  scope: number | null;
  flags: number;
  flagMask: number;
  label: string | null;
}

/** `permanent`, `dynamic`, `primary`, `secondary`, `tentative`, `-tentative` …; false when the word is none of them. */
export function addrFilterWord(f: AddrFilter, word: string): boolean {
  let name = word;
  let inverted = false;
  if (name === 'dynamic' || name === 'primary') {
    inverted = true;
    name = name === 'dynamic' ? 'permanent' : 'secondary';
  } else if (name.startsWith('-')) {
    inverted = true;
    name = name.slice(1);
  }
  const flag = ADDR_FLAGS.find(([, n]) => n === (name === 'temporary' ? 'secondary' : name));
  if (!flag) return false;
  f.flagMask |= flag[0];
  if (inverted) f.flags &= ~flag[0];
  else f.flags |= flag[0];
  return true;
}
