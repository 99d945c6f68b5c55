/** Spanning tree. Models print-stp.c */

import { bits, hex, type Ndo } from './ndo.ts';

const PROTOCOLS: Record<number, string> = { 0: '802.1d', 2: '802.1w', 3: '802.1s', 4: '802.1aq' };
const TYPES: Record<number, string> = { 0: 'Config', 2: 'Rapid STP', 128: 'Topology Change' };
const FLAGS = [
  [0x01, 'Topology change'],
  [0x02, 'Proposal'],
  [0x10, 'Learn'],
  [0x20, 'Forward'],
  [0x40, 'Agreement'],
  [0x80, 'Topology change ACK'],
] as const;
const ROLES = ['Unknown', 'Alternate', 'Root', 'Designated'];

function bridgeId(n: Ndo, at: number): string {
  return `${hex(n.u16(at), 4)}.${n.mac(at + 2)}`;
}

const seconds = (v: number): string => `${(v / 256).toFixed(2)}s`;

export function printStp(n: Ndo, at: number, length: number): void {
  n.protocol = 'stp';
  if (length < 4) {
    n.invalid();
    return;
  }
  if (n.u16(at) !== 0) {
    n.print(`unknown STP version, length ${length}`);
    return;
  }
  const version = n.u8(at + 2);
  n.print(`STP ${PROTOCOLS[version] ?? `Unknown STP protocol (0x${hex(version, 2)})`}`);
  if (PROTOCOLS[version] === undefined) return;
  const type = n.u8(at + 3);
  n.print(`, ${TYPES[type] ?? `Unknown BPDU Type (0x${hex(type, 2)})`}`);
  if (type === 0 || (type === 2 && version === 2)) {
    if (length < (type === 0 ? 35 : 36)) n.invalid();
    else config(n, at, length);
  } else if (type === 2 && version > 2) {
    n.print(`, CIST Flags [${bits(FLAGS, n.u8(at + 4))}], length ${length}`);
  }
}

function config(n: Ndo, at: number, length: number): void {
  const flags = n.u8(at + 4);
  n.print(`, Flags [${bits(FLAGS, flags)}], bridge-id ${bridgeId(n, at + 17)}.${hex(n.u16(at + 25), 4)}, length ${length}`);
  if (n.o.verbose === 0) return;
  n.print(`\n\tmessage-age ${seconds(n.u16(at + 27))}, max-age ${seconds(n.u16(at + 29))}`);
  n.print(`, hello-time ${seconds(n.u16(at + 31))}, forwarding-delay ${seconds(n.u16(at + 33))}`);
  n.print(`\n\troot-id ${bridgeId(n, at + 5)}, root-pathcost ${n.u32(at + 13)}`);
  if (n.u8(at + 2) === 2) n.print(`, port-role ${ROLES[(flags & 12) >> 2]}`);
}
