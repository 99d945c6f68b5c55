/** Models print-arp.c */

import { parseArp } from '../../../wire/arp.ts';
import { formatMac } from '../../../wire/mac.ts';
import type { Context } from './context.ts';

export function printArp(c: Context, b: Uint8Array): string {
  const a = parseArp(b);
  const head = c.o.link ? '' : 'ARP, ';
  if (!a) return `${head} [|arp]`;
  const detail = c.o.verbose > 0 ? 'Ethernet (len 6), IPv4 (len 4), ' : '';
  let text: string;
  if (a.op === 1)
    text = `Request who-has ${c.host(a.targetIp)}${a.targetMac !== 0 ? ` (${formatMac(a.targetMac)})` : ''} tell ${c.host(a.senderIp)}`;
  else if (a.op === 2) text = `Reply ${c.host(a.senderIp)} is-at ${formatMac(a.senderMac)}`;
  else text = `Unknown (${a.op})`;
  return `${head}${detail}${text}, length ${b.length}`;
}
