/** Models print-igmp.c */

import { checksum } from '../../../wire/bytes.ts';
import { duration, hex, type Ndo } from './ndo.ts';

const RECORDS = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

export function printIgmp(n: Ndo, at: number, length: number): void {
  n.protocol = 'igmp';
  if (n.o.quick) {
    n.print('igmp');
    return;
  }
  const type = n.u8(at);
  const odd = (): void => {
    if (length !== 8) n.print(` [len ${length}]`);
  };
  switch (type) {
    case 0x11:
      n.print('igmp query');
      if (length >= 12) query(n, at, length);
      else {
        const time = n.u8(at + 1);
        n.print(time ? ` v2${time !== 100 ? ` [max resp time ${time}]` : ''}` : ' v1');
        if (n.u32(at + 4) !== 0) n.print(` [gaddr ${n.ip4(at + 4)}]`);
        odd();
      }
      break;
    case 0x12:
      n.print(`igmp v1 report ${n.ip4(at + 4)}`);
      odd();
      break;
    case 0x16:
      n.print(`igmp v2 report ${n.ip4(at + 4)}`);
      break;
    case 0x22:
      n.print('igmp v3 report');
      report(n, at, length);
      break;
    case 0x17:
      n.print(`igmp leave ${n.ip4(at + 4)}`);
      break;
    default:
      n.print(`igmp-${type}`);
  }
  if (n.o.verbose > 0 && length >= 4 && n.has(at, length) && checksum(n.b, at, at + length) !== 0)
    n.print(` bad igmp cksum ${hex(n.u16(at + 2))}!`);
}

function sources(n: Ndo, at: number, count: number): void {
  n.print(' {');
  for (let i = 0; i < count; i++) n.print(` ${n.ip4(at + i * 4)}`);
  n.print(' }');
}

function query(n: Ndo, at: number, length: number): void {
  n.print(' v3');
  if (length < 12 || (length & 3) !== 0) {
    n.print(` [invalid len ${length}]`);
    return;
  }
  const mrc = n.u8(at + 1);
  const mrt = mrc < 128 ? mrc : ((mrc & 15) | 16) << (((mrc & 0x70) >> 4) + 3);
  if (mrc !== 100) n.print(` [max resp time ${mrt < 600 ? `${(mrt * 0.1).toFixed(1)}s` : duration(Math.floor(mrt / 10))}]`);
  if (n.u32(at + 4) === 0) return;
  n.print(` [gaddr ${n.ip4(at + 4)}`);
  const count = n.u16(at + 10);
  if (count > 0) {
    if (length < 12 + count * 4) n.print(' [invalid number of sources]');
    else if (n.o.verbose > 1) sources(n, at + 12, count);
    else n.print(`, ${count} source(s)`);
  }
  n.print(']');
}

function report(n: Ndo, at: number, length: number): void {
  if (length < 16 || (length & 3) !== 0) {
    n.print(` [invalid len ${length}]`);
    return;
  }
  const groups = n.u16(at + 6);
  n.print(`, ${groups} group record(s)`);
  if (n.o.verbose === 0) return;
  for (let i = 0, group = 8; i < groups; i++) {
    if (length < group + 8) {
      n.print(' [invalid number of groups]');
      return;
    }
    const kind = n.u8(at + group);
    n.print(` [gaddr ${n.ip4(at + group + 4)} ${RECORDS[kind] || ` [v3-report-#${kind}]`}`);
    const count = n.u16(at + group + 2);
    if (length < group + 8 + count * 4) {
      n.print(` [invalid number of sources ${count}]`);
      return;
    }
    if (n.o.verbose === 1) n.print(`, ${count} source(s)`);
    else sources(n, at + group + 8, count);
    group += 8 + count * 4;
    n.print(']');
  }
}
