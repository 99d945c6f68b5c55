/** Addresses, protocols and ports of IPv4, IPv6 and ARP. Models gen_host(), gen_proto() and gen_port() of libpcap's gencode.c */

import { type Block, genNot, genOr } from './block.ts';
import { B, H, JGE, JGT, JSET, W } from './insn.ts';
import { IP, IP6, LinkLayer, wlanQualifier } from './link.ts';
import type { Base } from './loads.ts';
import { FilterError, type Quals } from './tree.ts';

export const ETHERTYPES: Readonly<Record<string, number>> = {
  ip: IP,
  arp: 0x0806,
  rarp: 0x8035,
  ip6: IP6,
  decnet: 0x6003,
  sca: 0x6007,
  lat: 0x6004,
  mopdl: 0x6001,
  moprc: 0x6002,
};
/** Link layer protocols of the 802.2 kind, below 1500. */
const SAPS: Readonly<Record<string, number>> = { iso: 0xfe, stp: 0x42, netbeui: 0xf0 };
const IP_PROTOCOLS: Readonly<Record<string, { number: number; over: string }>> = {
  sctp: { number: 132, over: 'default' },
  tcp: { number: 6, over: 'default' },
  udp: { number: 17, over: 'default' },
  icmp: { number: 1, over: 'ip' },
  igmp: { number: 2, over: 'ip' },
  igrp: { number: 9, over: 'ip' },
  pim: { number: 103, over: 'default' },
  vrrp: { number: 112, over: 'ip' },
  carp: { number: 112, over: 'ip' },
  icmp6: { number: 58, over: 'ip6' },
  ah: { number: 51, over: 'default' },
  esp: { number: 50, over: 'default' },
};
/** Protocols over OSI's network layer. */
export const OSI: Readonly<Record<string, number>> = { clnp: 0x81, esis: 0x82, isis: 0x83 };
const UNFILTERED: Readonly<Record<string, string>> = {
  atalk: 'AppleTalk',
  lat: 'LAT',
  sca: 'SCA',
  moprc: 'MOPRC',
  mopdl: 'MOPDL',
  aarp: 'AARP',
  iso: 'ISO',
  ipx: 'IPX',
};
export const UNDEF = -1;

export class Protocols extends LinkLayer {
  protected hostOp(addr: number, mask: number, dir: string, proto: number, src: number, dst: number): Block {
    if (dir === 'and' || dir === 'or' || dir === 'default') {
      const a = this.hostOp(addr, mask, 'src', proto, src, dst);
      const b = this.hostOp(addr, mask, 'dst', proto, src, dst);
      return dir === 'and' ? this.both(a, b) : this.either(a, b);
    }
    if (dir !== 'src' && dir !== 'dst') throw new FilterError(notWlan(dir, 'addresses other than 802.11 MAC addresses'));
    const b0 = this.type(proto);
    return this.both(b0, this.cmp('linkpl', dir === 'src' ? src : dst, W, addr, mask));
  }

  protected host6Op(addr: bigint, len: number, dir: string): Block {
    if (dir === 'and' || dir === 'or' || dir === 'default') {
      const a = this.host6Op(addr, len, 'src');
      const b = this.host6Op(addr, len, 'dst');
      return dir === 'and' ? this.both(a, b) : this.either(a, b);
    }
    if (dir !== 'src' && dir !== 'dst') throw new FilterError(notWlan(dir, 'addresses other than 802.11 MAC addresses'));
    const at = dir === 'src' ? 8 : 24;
    const mask = len === 0 ? 0n : ((1n << 128n) - 1n) ^ ((1n << BigInt(128 - len)) - 1n);
    const word = (v: bigint, i: number): number => Number((v >> BigInt(96 - 32 * i)) & 0xffffffffn);
    let b1 = this.cmp('linkpl', at + 12, W, word(addr, 3), word(mask, 3));
    for (const i of [2, 1, 0]) b1 = this.both(this.cmp('linkpl', at + 4 * i, W, word(addr, i), word(mask, i)), b1);
    return this.both(this.type(IP6), b1);
  }

  protected host(addr: number, mask: number, q: Quals, proto = q.proto): Block {
    const what = q.addr === 'net' ? 'net' : 'host';
    switch (proto) {
      case 'default': {
        const ip = this.host(addr, mask, q, 'ip');
        if (this.labels > 0) return ip;
        const arp = this.either(ip, this.host(addr, mask, q, 'arp'));
        return this.either(arp, this.host(addr, mask, q, 'rarp'));
      }
      case 'link':
        throw new FilterError(`link-layer modifier applied to ${what}`);
      case 'ip':
        return this.hostOp(addr, mask, q.dir, IP, 12, 16);
      case 'arp':
        return this.hostOp(addr, mask, q.dir, 0x0806, 14, 24);
      case 'rarp':
        return this.hostOp(addr, mask, q.dir, 0x8035, 14, 24);
      case 'ip6':
        throw new FilterError("'ip6' modifier applied to ip host");
      default:
        throw new FilterError(
          UNFILTERED[proto] ? `${UNFILTERED[proto]} host filtering not implemented` : `'${proto}' modifier applied to ${what}`,
        );
    }
  }

  protected host6(addr: bigint, len: number, q: Quals): Block {
    const what = q.addr === 'net' ? 'net' : 'host';
    if (q.proto === 'default' || q.proto === 'ip6') return this.host6Op(addr, len, q.dir);
    if (q.proto === 'link') throw new FilterError(`link-layer modifier applied to ip6 ${what}`);
    throw new FilterError(`${q.proto === 'atalk' ? 'AppleTalk' : `'${q.proto}'`} modifier applied to ip6 ${what}`);
  }

  protected abbreviation(proto: string): Block {
    const inIp = IP_PROTOCOLS[proto];
    if (inIp) return this.proto(inIp.number, inIp.over);
    const type = ETHERTYPES[proto] ?? SAPS[proto];
    if (type !== undefined) return this.type(type);
    const osi = OSI[proto];
    if (osi !== undefined) return this.proto(osi, 'iso');
    if (proto === 'link') throw new FilterError('link layer applied in wrong context');
    if (proto === 'radio') throw new FilterError("'radio' is not a valid protocol type");
    throw new FilterError(`'${proto}' is not emulated`);
  }

  /** `proto N` inside a protocol. */
  protected proto(v: number, over: string, dir = 'default'): Block {
    if (dir !== 'default') throw new FilterError("direction applied to 'proto'");
    switch (over) {
      case 'default':
        return this.either(this.proto(v, 'ip'), this.proto(v, 'ip6'));
      case 'link':
        return this.type(v);
      case 'ip': {
        const b0 = this.type(IP);
        return this.both(b0, this.cmp('linkpl', 9, B, v));
      }
      case 'ip6': {
        const b0 = this.type(IP6);
        const fragment = this.cmp('linkpl', 6, B, 44);
        const inside = this.both(fragment, this.cmp('linkpl', 40, B, v));
        const direct = this.cmp('linkpl', 6, B, v);
        genOr(direct, inside);
        return this.both(b0, inside);
      }
      case 'iso': {
        const b0 = this.type(0xfe);
        return this.both(b0, this.cmp('nosnap', 0, B, v));
      }
      case 'arp':
      case 'rarp':
        throw new FilterError(`${over} does not encapsulate another protocol`);
      case 'lat':
      case 'sca':
      case 'moprc':
      case 'mopdl':
        throw new FilterError(`${over.toUpperCase()} does not encapsulate another protocol`);
      case 'atalk':
        throw new FilterError('AppleTalk encapsulation is not specifiable');
      case 'decnet':
        throw new FilterError('DECNET encapsulation is not specifiable');
      case 'clnp':
        throw new FilterError("'clnp proto' is not supported");
      default:
        throw new FilterError(`'${over} proto' is bogus`);
    }
  }

  protected protochain(v: number, over: string): Block {
    if (over === 'default') return this.either(this.protochain(v, 'ip'), this.protochain(v, 'ip6'));
    if (over !== 'ip' && over !== 'ip6') throw new FilterError("bad protocol applied for 'protochain'");
    throw new FilterError(`'protochain ${v}' is not emulated`);
  }

  protected unfragmented(): Block {
    const b = this.test(JSET, 'linkpl', 6, H, 0x1fff);
    genNot(b);
    return b;
  }

  protected ends(dir: string, atom: (at: number) => Block, what: string): Block {
    switch (dir) {
      case 'src':
        return atom(0);
      case 'dst':
        return atom(2);
      case 'and':
        return this.both(atom(0), atom(2));
      case 'default':
      case 'or':
        return this.either(atom(0), atom(2));
      default:
        throw new FilterError(notWlan(dir, what));
    }
  }

  protected portOp(family: 4 | 6, low: number, high: number, proto: number, dir: string, ranged: boolean): Block {
    const what = ranged ? 'port ranges' : 'ports';
    let b0: Block;
    if (family === 4) {
      const is = this.cmp('linkpl', 9, B, proto);
      b0 = this.both(is, this.unfragmented());
    } else b0 = this.cmp('linkpl', 6, B, proto);
    const base: Base = family === 4 ? 'tran4' : 'tran6';
    const atom = (at: number): Block => (ranged ? this.rangeAtom(base, at, low, high) : this.cmp(base, at, H, low));
    return this.both(b0, this.ends(dir, atom, what));
  }

  protected rangeAtom(base: Base, at: number, low: number, high: number): Block {
    const b1 = this.test(JGE, base, at, H, Math.min(low, high));
    const b2 = this.test(JGT, base, at, H, Math.max(low, high));
    genNot(b2);
    return this.both(b1, b2);
  }

  protected portFamily(family: 4 | 6, low: number, high: number, proto: number, dir: string, ranged: boolean): Block {
    const b0 = this.type(family === 4 ? IP : IP6);
    if (proto !== UNDEF) return this.both(b0, this.portOp(family, low, high, proto, dir, ranged));
    const tcp = this.portOp(family, low, high, 6, dir, ranged);
    const b1 = this.either(tcp, this.portOp(family, low, high, 17, dir, ranged));
    genOr(this.portOp(family, low, high, 132, dir, ranged), b1);
    return this.both(b0, b1);
  }

  protected port4(port: number, proto: number, dir: string): Block {
    return this.portFamily(4, port, port, proto, dir, false);
  }

  protected port6(port: number, proto: number, dir: string): Block {
    return this.portFamily(6, port, port, proto, dir, false);
  }

  protected ports(low: number, high: number, proto: number, dir: string, ranged: boolean): Block {
    const b = this.portFamily(4, low, high, proto, dir, ranged);
    genOr(this.portFamily(6, low, high, proto, dir, ranged), b);
    return b;
  }
}

function notWlan(dir: string, what: string): string {
  return /^addr\d$/.test(dir)
    ? `${wlanQualifier(dir)} are not valid qualifiers for ${what}`
    : `${wlanQualifier(dir)} is not a valid qualifier for ${what}`;
}
