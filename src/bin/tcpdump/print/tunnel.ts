/** Packets in packets. Models print-vxlan.c, print-vxlan-gpe.c, print-otv.c, print-geneve.c, print-gre.c */

import { ETHERTYPES } from '../names.ts';
import { printIp4 } from './ip.ts';
import { printIp6 } from './ip6.ts';
import { printEthernet, printEthertype } from './link.ts';
import { bits, hex, type Ndo } from './ndo.ts';
import { printMpls } from './rare.ts';

export function printVxlan(n: Ndo, at: number, length: number): void {
  n.protocol = 'vxlan';
  n.print('VXLAN');
  if (length < 8) {
    n.invalid();
    return;
  }
  const flags = n.u8(at);
  n.print(`, flags [${flags & 8 ? 'I' : 'invalid'}] (0x${hex(flags, 2)}), vni ${n.u24(at + 4)}\n`);
  n.check(at + 7, 1);
  printEthernet(n, at + 8, length - 8);
}

/** 8472 is OTV to tcpdump; flannel's VXLAN looks alike. */
export function printOtv(n: Ndo, at: number, length: number): void {
  n.protocol = 'otv';
  n.print('OTV, ');
  if (length < 8) {
    n.print(`[length ${length} < 8]`);
    n.invalid();
    return;
  }
  const flags = n.u8(at);
  n.print(`flags [${flags & 8 ? 'I' : '.'}] (0x${hex(flags, 2)}), overlay ${n.u24(at + 1)}, instance ${n.u24(at + 4)}\n`);
  n.check(at + 7, 1);
  printEthernet(n, at + 8, length - 8);
}

const GPE_FLAGS = [
  [8, 'I'],
  [4, 'P'],
  [2, 'B'],
  [1, 'O'],
] as const;

export function printVxlanGpe(n: Ndo, at: number, length: number): void {
  n.protocol = 'vxlan_gpe';
  n.print('VXLAN-GPE, ');
  if (length < 8) {
    n.print(` (len ${length} < 8)`);
    n.invalid();
    return;
  }
  n.print(`flags [${bits(GPE_FLAGS, n.u8(at), '')}], `);
  const next = n.u8(at + 3);
  n.print(`vni ${n.u24(at + 4)}`);
  n.check(at + 7, 1);
  n.print(n.o.verbose > 0 ? '\n    ' : ': ');
  if (next === 1) printIp4(n, at + 8, length - 8);
  else if (next === 2) printIp6(n, at + 8, length - 8);
  else if (next === 3) printEthernet(n, at + 8, length - 8);
  else {
    n.print('ERROR: unknown-next-protocol');
    n.invalid();
  }
}

const GENEVE_FLAGS = [
  [0x80, 'O'],
  [0x40, 'C'],
  [0x20, 'R1'],
  [0x10, 'R2'],
  [0x08, 'R3'],
  [0x04, 'R4'],
  [0x02, 'R5'],
  [0x01, 'R6'],
] as const;

export function printGeneve(n: Ndo, at: number, size: number): void {
  n.protocol = 'geneve';
  n.print('Geneve');
  if (size < 8) {
    n.print(` [length ${size} < 8]`);
    n.invalid();
    return;
  }
  if (!n.has(at, 8)) {
    n.truncated();
    return;
  }
  const first = n.u8(at);
  if (first >> 6 !== 0) {
    n.print(` ERROR: unknown-version ${first >> 6}`);
    return;
  }
  const type = n.u16(at + 2);
  n.print(`, Flags [${bits(GENEVE_FLAGS, n.u8(at + 1), '')}], vni 0x${hex(n.u24(at + 4))}`);
  if (n.u8(at + 7) !== 0) n.print(`, rsvd 0x${hex(n.u8(at + 7))}`);
  if (n.o.link) n.print(`, proto ${ETHERTYPES[type] ?? 'unknown'} (0x${hex(type, 4)})`);
  const optLen = (first & 63) * 4;
  const left = size - 8;
  if (left < optLen) {
    n.print(` truncated-geneve - ${optLen - left} bytes missing`);
    return;
  }
  if (!n.has(at + 8, optLen)) {
    n.truncated();
    return;
  }
  if (optLen > 0) {
    n.print(', options [');
    if (n.o.verbose > 0) geneveOptions(n, at + 8, optLen);
    else n.print(`${optLen} bytes`);
    n.print(']');
  }
  n.print(n.o.verbose > 0 ? '\n\t' : ': ');
  const data = at + 8 + optLen;
  if (printEthertype(n, type, data, left - optLen, n.left(data))) return;
  if (type === 0x6558) printEthernet(n, data, left - optLen);
  else n.print(`geneve-proto-0x${hex(type)}`);
}

function geneveOptions(n: Ndo, from: number, size: number): void {
  let separator = '';
  for (let at = from, left = size; left > 0; ) {
    const klass = n.u16(at);
    const type = n.u8(at + 2);
    const len = 4 + (n.u8(at + 3) & 31) * 4;
    const name =
      klass <= 0xff
        ? 'Standard'
        : klass === 0x0100
          ? 'Linux'
          : klass === 0x0101
            ? 'Open vSwitch'
            : klass === 0x0102
              ? 'Open Virtual Networking (OVN)'
              : klass === 0x0103
                ? 'In-band Network Telemetry (INT)'
                : klass === 0x0104
                  ? 'VMware'
                  : klass >= 0xff00
                    ? 'Experimental'
                    : 'Unknown';
    n.print(`${separator}class ${name} (0x${hex(klass)}) type 0x${hex(type)}${type & 0x80 ? '(C)' : ''} len ${len}`);
    separator = ', ';
    if (len > left) {
      n.print(' [bad length]');
      return;
    }
    if (n.o.verbose > 1 && len > 4) {
      n.print(' data');
      for (let i = 4; i < len; i += 4) n.print(` ${hex(n.u32(at + i), 8)}`);
    }
    at += len;
    left -= len;
  }
}

const GRE_FLAGS = [
  [0x8000, 'checksum present'],
  [0x4000, 'routing present'],
  [0x2000, 'key present'],
  [0x1000, 'sequence# present'],
  [0x0800, 'source routing present'],
  [0x0080, 'ack present'],
] as const;

export function printGre(n: Ndo, from: number, length: number): void {
  n.protocol = 'gre';
  let at = from;
  if (!n.has(at, 2) || length < 2) {
    n.truncated();
    return;
  }
  const flags = n.u16(at);
  const version = flags & 7;
  n.print(`GREv${version}`);
  if (version > 1) {
    n.print(' ERROR: unknown-version');
    return;
  }
  if (n.o.verbose > 0) n.print(`, Flags [${bits(GRE_FLAGS, flags)}]`);
  const type = n.u16(at + 2);
  at += 4;
  const word = (say: (value: number) => void): void => {
    say(n.u32(at));
    at += 4;
  };
  if (version === 0 && (flags & 0xc000) !== 0) {
    if (n.o.verbose > 0) n.print(`, sum 0x${hex(n.u16(at))}`);
    n.print(`, off 0x${hex(n.u16(at + 2))}`);
    at += 4;
  }
  if ((flags & 0x2000) !== 0) word((v) => n.print(version === 0 ? `, key=0x${hex(v)}` : `, call ${v & 0xffff}`));
  if ((flags & 0x1000) !== 0) word((v) => n.print(`, seq ${v}`));
  if (version === 1) {
    if ((flags & 0x80) !== 0) word((v) => n.print(`, ack ${v}`));
    if ((flags & 0x1000) === 0) n.print(', no-payload');
  }
  if (n.o.link) n.print(`, proto ${ETHERTYPES[type] ?? 'unknown'} (0x${hex(type, 4)})`);
  n.print(`, length ${length}`);
  if (version === 1 && (flags & 0x1000) === 0) return;
  n.print(n.o.verbose > 0 ? '\n\t' : ': ');
  const left = length - (at - from);
  if (type === 0x0800) printIp4(n, at, left);
  else if (type === 0x86dd) printIp6(n, at, left);
  else if (type === 0x8847) printMpls(n, at, left);
  else if (type === 0x6558) printEthernet(n, at, left);
  else n.print(`gre-proto-0x${hex(type)}`);
}
