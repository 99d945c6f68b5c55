/** Interface names: what is allowed, and `veth%d` numbering. Models dev_valid_name() and __dev_alloc_name() */

import type { Netns } from '../netns.ts';

const IFNAMSIZ = 16;

export function validName(name: string): boolean {
  return name !== '' && name.length < IFNAMSIZ && name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

/** The name itself, or with `%d` replaced by the lowest free number; null when it is not allowed. */
export function allocName(ns: Netns, name: string): string | null {
  if (!validName(name)) return null;
  const at = name.indexOf('%');
  if (at < 0) return name;
  if (name[at + 1] !== 'd' || name.indexOf('%', at + 1) >= 0) return null;
  for (let i = 0; i < 32768; i++) {
    const full = name.replace('%d', String(i));
    if (!ns.device(full)) return full;
  }
  return null;
}
