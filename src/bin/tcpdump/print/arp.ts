/** Models print-arp.c */

import { ETHERTYPES } from '../names.ts';
import { hex, type Ndo } from './ndo.ts';

const OPS: Record<number, string> = {
  1: 'Request',
  2: 'Reply',
  3: 'Reverse Request',
  4: 'Reverse Reply',
  8: 'Inverse Request',
  9: 'Inverse Reply',
  10: 'NACK Reply',
};
const HARDWARE: Record<number, string> = {
  1: 'Ethernet',
  6: 'TokenRing',
  7: 'ArcNet',
  15: 'FrameRelay',
  23: 'Strip',
  24: 'IEEE 1394',
  19: 'ATM',
};

export function printArp(n: Ndo, at: number, length: number, caplen: number): void {
  n.protocol = 'arp';
  if (!n.has(at, 8)) {
    n.truncated();
    return;
  }
  const [hardware, protocol, hlen, plen, op] = [n.u16(at), n.u16(at + 2), n.u8(at + 4), n.u8(at + 5), n.u16(at + 6)];
  const sha = at + 8;
  const spa = sha + hlen;
  const tha = spa + plen;
  const tpa = tha + hlen;
  if (!n.has(tpa, plen)) {
    n.truncated();
    return;
  }
  const v = n.o.verbose;
  if (!n.o.link) n.print('ARP, ');
  if ((protocol !== 0x0800 && protocol !== 0x1000) || plen !== 4 || hlen === 0 || v > 0) {
    n.print(
      `${HARDWARE[hardware] ?? `Unknown Hardware (${hardware})`} (len ${hlen}), ${ETHERTYPES[protocol] ?? `Unknown Protocol (0x${hex(protocol, 4)})`} (len ${plen})`,
    );
    if (v === 0) {
      n.print(`, length ${length}`);
      return;
    }
  }
  n.print(`${v > 0 ? ', ' : ''}${OPS[op] ?? `Unknown (${op})`} `);
  const link = (from: number): string => (hlen === 0 ? '<No address>' : [...n.bytes(from, hlen)].map((x) => hex(x, 2)).join(':'));
  const net = (from: number, what: string): string => {
    if (protocol !== 0x0800 && protocol !== 0x1000) return `<wrong proto type>`;
    return plen === 4 ? n.ip4(from) : `<wrong len>${what === '' ? '' : ''}`;
  };
  switch (op) {
    case 1:
      n.print(`who-has ${net(tpa, 'tpa')}`);
      if (n.bytes(tha, hlen).some((x) => x !== 0)) n.print(` (${link(tha)})`);
      n.print(` tell ${net(spa, 'spa')}`);
      break;
    case 2:
      n.print(`${net(spa, 'spa')} is-at ${link(sha)}`);
      break;
    case 3:
    case 8:
      n.print(`who-is ${link(tha)} tell ${link(sha)}`);
      break;
    case 4:
      n.print(`${link(tha)} at ${net(tpa, 'tpa')}`);
      break;
    case 9:
      n.print(`${link(sha)} at ${net(spa, 'spa')}`);
      break;
    default:
      n.defaultPrint(at, caplen);
      return;
  }
  n.print(`, length ${length}`);
}
