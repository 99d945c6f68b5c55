/** What a policy's program reads of a packet: addresses, protocol, ports. */

import { type IpAddr, readIp4, readIp6 } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';

export interface PolicyPacket {
  readonly src: IpAddr;
  readonly dst: IpAddr;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
  /** The connection that it belongs to. */
  readonly key: string;
  /** An error about another packet, or neighbour discovery: policies do not speak of it. */
  readonly related: boolean;
}

const ICMP = 1;
const ICMPV6 = 58;
const HAS_PORTS = new Set([6, 17, 132]);
/** Destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);
const EXTENSIONS = new Set([0, 43, 60]);
const MAX_EXTENSIONS = 8;

function keyOf(src: IpAddr, dst: IpAddr, proto: number, sport: number, dport: number): string {
  return `${src} ${dst} ${proto} ${sport} ${dport}`;
}

/** Null for what is no IP packet, or has no whole header. */
export function packetOf(data: Uint8Array, etherType: number): PolicyPacket | null {
  if (etherType === ETH_P_IP) {
    if (data.length < 20) return null;
    const at = ((data[0] as number) & 15) * 4;
    return parse(data, at, readIp4(data, 12), readIp4(data, 16), data[9] as number, (u16(data, 6) & 0x1fff) > 0);
  }
  if (etherType !== ETH_P_IPV6 || data.length < 40) return null;
  let next = data[6] as number;
  let at = 40;
  for (let i = 0; i < MAX_EXTENSIONS && EXTENSIONS.has(next) && at + 2 <= data.length; i++) {
    next = data[at] as number;
    at += ((data[at + 1] as number) + 1) * 8;
  }
  return parse(data, at, readIp6(data, 8), readIp6(data, 24), next, false);
}

function parse(data: Uint8Array, at: number, src: IpAddr, dst: IpAddr, proto: number, fragment: boolean): PolicyPacket | null {
  let sport = 0;
  let dport = 0;
  let related = false;
  if (!fragment && HAS_PORTS.has(proto)) {
    if (at + 4 > data.length) return null;
    sport = u16(data, at);
    dport = u16(data, at + 2);
  } else if (proto === ICMP) related = ICMP_ERRORS.has(data[at] ?? 0);
  else if (proto === ICMPV6) related = (data[at] ?? 0) < 128 || (data[at] ?? 0) >= 130;
  return { src, dst, proto, sport, dport, key: keyOf(src, dst, proto, sport, dport), related };
}

/** Key of the same connection seen from the other end. */
export function reversed(p: PolicyPacket): string {
  return keyOf(p.dst, p.src, p.proto, p.dport, p.sport);
}
