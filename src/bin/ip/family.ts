/** Address families by name, as `-family` reads them. Models lib/utils.c read_family() */

import { invarg } from './lib/args.ts';
import type { AddrFamily } from './lib/inet.ts';

const FAMILIES: Readonly<Record<string, AddrFamily>> = { inet: 4, inet6: 6, link: 17, bridge: 7, mpls: 28 };

export function readFamily(text: string): AddrFamily {
  const family = FAMILIES[text];
  if (family === undefined) invarg('invalid protocol family', text);
  return family;
}
