/** Link headers and the whole packet. Models print-ether.c, print-sll.c, print-raw.c, print-llc.c, print.c */

import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2 } from '../../../wire/pcap.ts';
import { ETHERTYPES } from '../names.ts';
import { printArp } from './arp.ts';
import { printIp4 } from './ip.ts';
import { printIp6 } from './ip6.ts';
import { hex, type Names, Ndo, Truncated } from './ndo.ts';
import { printLldp, printMpls } from './rare.ts';
import { printStp } from './stp.ts';

const MAX_DEPTH = 24;
/** Everything up to here is a length, not a type. */
const MAX_LENGTH_VALUE = 1500;
const VLAN_TYPES = [0x8100, 0x9100, 0x9200, 0x88a8];

/** False when tcpdump knows no printer for it. */
export function printEthertype(n: Ndo, type: number, at: number, length: number, caplen: number): boolean {
  if (type === 0x0800) printIp4(n, at, length);
  else if (type === 0x86dd) printIp6(n, at, length);
  else if (type === 0x0806 || type === 0x8035) printArp(n, at, length, caplen);
  else if (type === 0x88cc) printLldp(n, at, length);
  else if (type === 0x8847 || type === 0x8848) printMpls(n, at, length);
  else return false;
  return true;
}

function defaultPrint(n: Ndo, at: number, caplen: number): void {
  n.defaultPrint(at, caplen);
}

function etherType(n: Ndo, type: number): string {
  return n.o.quick
    ? (ETHERTYPES[type] ?? `Unknown Ethertype (0x${hex(type, 4)})`)
    : `ethertype ${ETHERTYPES[type] ?? 'Unknown'} (0x${hex(type, 4)})`;
}

const tci = (tag: number): string => `vlan ${tag & 0xfff}, p ${tag >> 13}${tag & 0x1000 ? ', DEI' : ''}`;

export function printEthernet(n: Ndo, from: number, size: number): void {
  n.protocol = 'ether';
  let caplen = Math.min(n.left(from), size);
  let length = size;
  let at = from;
  if (caplen < 14) {
    n.truncated();
    return;
  }
  if (++n.depth > MAX_DEPTH) throw new Truncated();
  const macs = `${n.mac(at + 6)} > ${n.mac(at)}, `;
  if (n.o.link) n.print(macs);
  let type = n.u16(at + 12);
  at += 14;
  length -= 14;
  caplen -= 14;
  let said = false;
  const total = (): void => {
    n.print(said ? ', ' : `, length ${size}: `);
    said = true;
  };
  while (VLAN_TYPES.includes(type)) {
    if (caplen < 4 || length < 4) {
      n.protocol = 'vlan';
      n.truncated();
      n.depth--;
      return;
    }
    if (n.o.link) {
      n.print(etherType(n, type));
      total();
      n.print(`${tci(n.u16(at))}, `);
    }
    type = n.u16(at + 2);
    at += 4;
    length -= 4;
    caplen -= 4;
  }
  if (type <= MAX_LENGTH_VALUE) {
    length = Math.min(length, type);
    if (n.o.link) n.print(`802.3${said ? '' : `, length ${length}: `}`);
    n.within(at, length, () => {
      if (!printLlc(n, at, length, macs)) defaultPrint(n, at, length);
    });
  } else {
    if (n.o.link) {
      n.print(etherType(n, type));
      total();
    }
    if (!printEthertype(n, type, at, length, caplen)) {
      if (!n.o.link) n.print(`${macs}${etherType(n, type)}, length ${size}: `);
      defaultPrint(n, at, caplen);
    }
  }
  n.depth--;
}

const SAPS: Record<number, string> = {
  0: 'Null',
  6: 'IP',
  66: 'STP',
  170: 'SNAP',
  224: 'NetWare',
  240: 'NetBeui',
  254: 'OSI',
  255: 'Global',
};
const U_COMMANDS: Record<number, string> = { 0: 'ui', 12: 'test', 172: 'xid', 67: 'disc', 108: 'sabme', 99: 'ua', 135: 'frmr', 15: 'dm' };

/** False when the rest is to be dumped. */
function printLlc(n: Ndo, from: number, size: number, macs: string): boolean {
  n.protocol = 'llc';
  if (Math.min(size, n.left(from)) < 3) {
    n.truncated();
    return false;
  }
  const [dsapField, ssapField, first] = [n.u8(from), n.u8(from + 1), n.u8(from + 2)];
  const unnumbered = (first & 3) === 3;
  const header = unnumbered ? 3 : 4;
  const control = unnumbered ? first : first | (n.u8(from + 3) << 8);
  const dsap = dsapField & 0xfe;
  const ssap = ssapField & 0xfe;
  if (n.o.link) {
    n.print(`LLC, dsap ${SAPS[dsap] ?? 'Unknown'} (0x${hex(dsap, 2)}) ${dsapField & 1 ? 'Group' : 'Individual'}, `);
    n.print(
      `ssap ${SAPS[ssap] ?? 'Unknown'} (0x${hex(ssap, 2)}) ${ssapField & 1 ? 'Response' : 'Command'}, ctrl 0x${hex(control, unnumbered ? 2 : 4)}: `,
    );
  }
  const at = from + header;
  const length = size - header;
  if (ssap === dsap && control === 3) {
    if (ssap === 0xaa) return printSnap(n, at, length, macs);
    if (ssap === 0x42) {
      printStp(n, at, length);
      return true;
    }
    if (ssap === 6) {
      printIp4(n, at, length);
      return true;
    }
  }
  const name = (sap: number, what: string): string => SAPS[sap] ?? `Unknown ${what} 0x${hex(sap, 2)}`;
  if (!n.o.link) {
    const ends = macs.slice(0, -2);
    if (ssap === dsap) n.print(`${ends} ${name(dsap, 'DSAP')} `);
    else {
      const [src, dst] = ends.split(' > ');
      n.print(`${src} ${name(ssap, 'SSAP')} > ${dst} ${name(dsap, 'DSAP')} `);
    }
  }
  if (unnumbered) {
    const command = U_COMMANDS[control & 0xef] ?? hex(control & 0xef, 2);
    const response = (ssapField & 1) !== 0;
    const poll = (control & 0x10) !== 0;
    n.print(`Unnumbered, ${command}, Flags [${response ? (poll ? 'Final' : 'Response') : poll ? 'Poll' : 'Command'}], length ${size}`);
    if ((control & 0xef) === 0xaf && length > 0 && n.u8(at) === 0x81) {
      n.print(`: ${hex(n.u8(at + 1), 2)} ${hex(n.u8(at + 2), 2)}`);
      return true;
    }
  } else
    n.print(
      `Information, send seq ${(control >> 1) & 0x7f}, rcv seq ${(control >> 9) & 0x7f}, Flags [${ssapField & 1 ? 'Response' : 'Command'}], length ${size}`,
    );
  return false;
}

function printSnap(n: Ndo, at: number, length: number, macs: string): boolean {
  const oui = n.u24(at);
  const type = n.u16(at + 3);
  if (n.o.link)
    n.print(
      `oui ${oui === 0 ? 'Ethernet' : 'Unknown'} (0x${hex(oui, 6)}), ${oui === 0 ? 'ethertype' : 'pid'} ${ETHERTYPES[type] ?? 'Unknown'} (0x${hex(type, 4)}), length ${length - 5}: `,
    );
  if (oui === 0 && printEthertype(n, type, at + 5, length - 5, n.left(at + 5))) return true;
  if (!n.o.link) n.print(`${macs.slice(0, -2)} SNAP, oui 0x${hex(oui, 6)}, pid 0x${hex(type, 4)}, length ${length - 5}: `);
  return false;
}

const SLL_TYPES: Record<number, string> = { 0: 'In', 1: 'B', 2: 'M', 3: 'P', 4: 'Out' };

function sllType(type: number): string {
  if (type > MAX_LENGTH_VALUE) return `ethertype ${ETHERTYPES[type] ?? 'Unknown'} (0x${hex(type, 4)})`;
  return type === 1 ? '802.3' : type === 4 ? '802.2' : `ethertype Unknown (0x${hex(type, 4)})`;
}

/** Cooked captures: v2 has the interface in its header and prints it first. */
function printSll(n: Ndo, version: 1 | 2, size: number, ifname: (ifindex: number) => string): void {
  n.protocol = version === 2 ? 'sll2' : 'sll';
  const header = version === 2 ? 20 : 16;
  n.check(0, header);
  let type = version === 2 ? n.u16(0) : n.u16(14);
  const details = (length: number): void => {
    if (version === 2) {
      n.print(`ifindex ${n.u32(4)} `);
      if (n.u8(11) === 6) n.print(`${n.mac(12)} `);
    } else {
      n.print(`${(SLL_TYPES[n.u16(0)] ?? '?').padStart(3)} `);
      if (n.u16(4) === 6) n.print(`${n.mac(6)} `);
    }
    if (!n.o.quick) n.print(`${sllType(type)}, length ${length}: `);
  };
  if (version === 2) n.print(`${ifname(n.u32(4)).padEnd(5)} ${(SLL_TYPES[n.u8(10)] ?? '?').padEnd(3)} `);
  if (n.o.link) details(size);
  let at = header;
  let length = size - header;
  for (let i = 0; type === 0x8100 && i < 4; i++) {
    if (n.left(at) < 4) {
      n.protocol = 'vlan';
      n.truncated();
      return;
    }
    if (n.o.link) n.print(`${tci(n.u16(at))}, `);
    type = n.u16(at + 2);
    if (type <= MAX_LENGTH_VALUE) type = 4;
    if (!n.o.quick) n.print(`ethertype ${ETHERTYPES[type] ?? 'Unknown'}, `);
    at += 4;
    length -= 4;
  }
  if (type <= MAX_LENGTH_VALUE) {
    if (type !== 4 || !printLlc(n, at, length, '')) defaultPrint(n, at, n.left(at));
    return;
  }
  if (printEthertype(n, type, at, length, n.left(at))) return;
  if (!n.o.link) details(length + header);
  defaultPrint(n, at, n.left(at));
}

/** Bytes of the link header, LLC's included, that -x leaves out and -xx shows. */
function headerLength(linktype: number, b: Uint8Array): number {
  if (linktype === LINKTYPE_LINUX_SLL2) return 20;
  if (linktype === LINKTYPE_LINUX_SLL) return 16;
  if (linktype !== LINKTYPE_ETHERNET) return 0;
  const type = (at: number): number => ((b[at - 2] ?? 0) << 8) | (b[at - 1] ?? 0);
  let at = 14;
  while (at + 4 <= b.length && VLAN_TYPES.includes(type(at))) at += 4;
  if (type(at) > MAX_LENGTH_VALUE) return at;
  const snap = b[at] === 0xaa && b[at + 1] === 0xaa;
  return at + (((b[at + 2] ?? 0) & 3) === 3 ? 3 : 4) + (snap ? 5 : 0);
}

/** One packet as text, without its time stamp. `header` is what a dump leaves out: nothing when a printer met the capture's end. */
export function printPacket(
  names: Names,
  conversations: Map<string, { seq: number; ack: number }>,
  linktype: number,
  b: Uint8Array,
  length: number,
  ifname: (ifindex: number) => string,
): { text: string; header: number } {
  const n = new Ndo(names, conversations, b);
  let header = headerLength(linktype, b);
  try {
    if (linktype === LINKTYPE_ETHERNET) printEthernet(n, 0, length);
    else if (linktype === LINKTYPE_LINUX_SLL2) printSll(n, 2, length, ifname);
    else if (linktype === LINKTYPE_LINUX_SLL) printSll(n, 1, length, ifname);
    else {
      n.protocol = 'raw';
      if (n.o.link) n.print('ip: ');
      const version = n.u8(0) >> 4;
      if (version === 4) printIp4(n, 0, length);
      else if (version === 6) printIp6(n, 0, length);
      else n.print(`unknown ip ${version}`);
    }
  } catch (e) {
    if (!(e instanceof Truncated)) throw e;
    n.truncated();
    header = 0;
  }
  return { text: n.out, header };
}
