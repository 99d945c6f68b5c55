/** Models print-udp.c */

import { printDhcp } from './dhcp.ts';
import { printDns } from './dns.ts';
import { l4Start, l4Sum, shouldBe } from './ip.ts';
import { hex, type Ndo } from './ndo.ts';
import { printNtp } from './ntp.ts';
import { printEsp, printSyslog, printTftp } from './rare.ts';
import { addresses, printEnds } from './tcp.ts';
import { printSip } from './text.ts';
import { printGeneve, printOtv, printVxlan, printVxlanGpe } from './tunnel.ts';

export function printUdp(n: Ndo, at: number, size: number, ip: number, fragmented: boolean): void {
  n.protocol = 'udp';
  if (!n.has(at + 2, 2)) {
    const { src, dst } = addresses(n, ip);
    n.print(`${n.names.host(src)} > ${n.names.host(dst)}: `);
    n.truncated();
    return;
  }
  const [sport, dport] = [n.u16(at), n.u16(at + 2)];
  printEnds(n, ip, 'udp', sport, dport);
  if (size < 8) {
    n.print(`truncated-udp ${size}`);
    return;
  }
  if (!n.has(at + 4, 2)) {
    n.truncated();
    return;
  }
  let ulen = n.u16(at + 4);
  if (ulen === 0 && size > 65535) ulen = size;
  if (ulen < 8) {
    n.print(`truncated-udplength ${ulen}`);
    return;
  }
  ulen -= 8;
  const length = Math.min(ulen, size - 8);
  const data = at + 8;
  if (data > n.end) {
    n.truncated();
    return;
  }
  if (n.o.type) {
    typed(n, n.o.type, data, length);
    return;
  }
  const v4 = n.u8(ip) >> 4 === 4;
  if (n.o.verbose > (v4 ? 1 : 0) && !n.o.noChecksum && !fragmented) {
    const field = n.u16(at + 6);
    if (v4 && field === 0) n.print('[no cksum] ');
    else if (n.has(data, length)) {
      if (l4Sum(n, ip, at, length + 8, 17) === 0) n.print('[udp sum ok] ');
      else
        n.print(
          `[bad udp cksum 0x${hex(field, 4)} -> 0x${hex(shouldBe(n.b, at, length + 8, at + 6, l4Start(n, ip, length + 8, 17)), 4)}!] `,
        );
    }
  }
  if (!n.o.quick && application(n, data, length, sport, dport)) return;
  n.print(ulen > length && !fragmented ? `UDP, bad length ${ulen} > ${length}` : `UDP, length ${ulen}`);
}

function typed(n: Ndo, type: string, at: number, length: number): void {
  if (type === 'vxlan') printVxlan(n, at, length);
  else if (type === 'domain') printDns(n, at, length, false, false);
  else if (type === 'tftp') printTftp(n, at, length);
}

function application(n: Ndo, at: number, length: number, sport: number, dport: number): boolean {
  const is = (...ports: number[]): boolean => ports.includes(sport) || ports.includes(dport);
  if (is(53)) printDns(n, at, length, false, false);
  else if (is(5353)) printDns(n, at, length, false, true);
  else if (is(69)) printTftp(n, at, length);
  else if (is(67, 68)) printDhcp(n, at, length);
  else if (is(123)) printNtp(n, at, length);
  else if (is(5060)) printSip(n, at, length);
  else if (is(514)) printSyslog(n, at, length);
  else if (is(8472)) printOtv(n, at, length);
  else if (is(4789)) printVxlan(n, at, length);
  else if (is(4500)) {
    if (length === 1 && n.u8(at) === 0xff) n.print('isakmp-nat-keep-alive');
    else if (length < 4 || n.u32(at) === 0) return false;
    else {
      n.print('UDP-encap: ');
      printEsp(n, at, length);
    }
  } else if (is(6081)) printGeneve(n, at, length);
  else if (is(4790)) printVxlanGpe(n, at, length);
  else return false;
  return true;
}
