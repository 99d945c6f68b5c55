/** Names, numbers and addresses behind their qualifiers. Models gen_scode(), gen_ncode() and gen_mcode() of libpcap's gencode.c */

import { parseIp6 } from '../../../wire/addr.ts';
import { type Block, genOr } from './block.ts';
import { OSI, UNDEF } from './protocols.ts';
import { macBytes } from './scan.ts';
import { ETHERNET } from './target.ts';
import { FilterError, type Quals } from './tree.ts';
import { Tunnels } from './tunnels.ts';

export class Ids extends Tunnels {
  protected name(text: string, q: Quals): Block {
    switch (q.addr) {
      case 'net':
        return this.namedNet(text, q);
      case 'default':
      case 'host':
        return this.namedHost(text, q);
      case 'port':
      case 'portrange':
        return this.namedPort(text, q);
      case 'gateway':
        throw new FilterError("'gateway' not supported in this configuration");
      case 'proto':
      case 'protochain': {
        const number = this.lookupProto(text, q.proto);
        return q.addr === 'proto' ? this.proto(number, q.proto, q.dir) : this.protochain(number, q.proto);
      }
      default:
        throw new FilterError('syntax error in filter expression');
    }
  }

  protected namedNet(text: string, q: Quals): Block {
    let addr = this.names.network(text);
    if (addr === 0) throw new FilterError(`unknown network '${text}'`);
    let mask = 0xffffffff;
    while (addr !== 0 && (addr & 0xff000000) === 0) {
      addr = (addr << 8) >>> 0;
      mask = (mask << 8) >>> 0;
    }
    return this.host(addr, mask, q);
  }

  protected namedHost(text: string, q: Quals): Block {
    if (q.proto === 'link') {
      if (this.linktype === ETHERNET) throw new FilterError(`unknown ether host '${text}'`);
      throw new FilterError('only ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel supports link-level host name');
    }
    const addrs = this.names.host(text);
    if (addrs.length === 0) throw new FilterError(`unknown host '${text}'`);
    let b: Block | null = null;
    for (const a of addrs) {
      if (q.proto === (typeof a === 'bigint' ? 'ip' : 'ip6')) continue;
      const one = typeof a === 'bigint' ? this.host6(a, 128, q) : this.host(a, 0xffffffff, q);
      if (b) genOr(b, one);
      b = one;
    }
    if (!b) throw new FilterError(`unknown host '${text}'${q.proto === 'default' ? '' : ' for specified address family'}`);
    return b;
  }

  protected transport(q: Quals): number {
    if (q.proto === 'udp') return 17;
    if (q.proto === 'tcp') return 6;
    if (q.proto === 'sctp') return 132;
    if (q.proto !== 'default') throw new FilterError(`illegal qualifier of '${q.addr}'`);
    return UNDEF;
  }

  protected namedPort(text: string, q: Quals): Block {
    const wanted = this.transport(q);
    const ranged = q.addr === 'portrange';
    const dash = text.indexOf('-');
    const [a, z] = ranged && dash > 0 ? [text.slice(0, dash), text.slice(dash + 1)] : [text, text];
    const low = this.names.port(a);
    const high = this.names.port(z);
    const what = ranged ? 'port in range' : 'port';
    if (!low || !high || (ranged && dash <= 0))
      throw new FilterError(ranged ? `unknown port in range '${text}'` : `unknown port '${text}'`);
    const own = low.proto === high.proto ? low.proto : UNDEF;
    if (wanted !== UNDEF && own !== UNDEF && own !== wanted)
      throw new FilterError(`${what} '${text}' is ${own === 6 ? 'tcp' : own === 17 ? 'udp' : 'sctp'}`);
    for (const n of [low.port, high.port]) if (n > 65535) throw new FilterError(`illegal port number ${n} > 65535`);
    return this.ports(low.port, high.port, wanted === UNDEF ? own : wanted, q.dir, ranged);
  }

  protected lookupProto(text: string, over: string): number {
    const link = over === 'link';
    if (!link && over !== 'default' && over !== 'ip' && over !== 'ip6') {
      if (over === 'iso') {
        const osi = OSI[text];
        if (osi !== undefined) return osi;
        throw new FilterError(`unknown osi proto '${text}'`);
      }
      throw new FilterError(`unknown protocol: ${text}`);
    }
    const number = link ? this.names.etherProto(text) : this.names.ipProto(text);
    if (number === null) throw new FilterError(`unknown ${link ? 'ether' : 'ip'} proto '${text}'`);
    return number;
  }

  /** A number or dotted address; `text` is null for a plain number. */
  protected number(text: string | null, value: number, q: Quals): Block {
    const parsed = text === null ? { v: value, len: 32 } : dottedNumber(text);
    switch (q.addr) {
      case 'default':
      case 'host':
      case 'net': {
        if (q.proto === 'link') throw new FilterError('illegal link layer address');
        let { v } = parsed;
        let mask = 0xffffffff;
        if (text === null && q.addr === 'net') {
          while (v !== 0 && (v & 0xff000000) === 0) {
            v = (v << 8) >>> 0;
            mask = (mask << 8) >>> 0;
          }
        } else if (parsed.len < 32) {
          v = (v << (32 - parsed.len)) >>> 0;
          mask = (mask << (32 - parsed.len)) >>> 0;
        }
        return this.host(v, mask, q);
      }
      case 'port':
      case 'portrange': {
        const proto = this.transport(q);
        if (parsed.v > 65535) throw new FilterError(`illegal port number ${parsed.v} > 65535`);
        return this.ports(parsed.v, parsed.v, proto, q.dir, q.addr === 'portrange');
      }
      case 'gateway':
        throw new FilterError("'gateway' requires a name");
      case 'proto':
        return this.proto(parsed.v, q.proto, q.dir);
      case 'protochain':
        return this.protochain(parsed.v, q.proto);
      default:
        throw new FilterError('syntax error in filter expression');
    }
  }

  protected masked(text: string, maskText: string | null, len: number, q: Quals): Block {
    const n = dottedNumber(text);
    const addr = shift(n.v, 32 - n.len);
    let mask: number;
    if (maskText !== null) {
      const m = dottedNumber(maskText);
      mask = shift(m.v, 32 - m.len);
      if ((addr & ~mask) !== 0) throw new FilterError(`non-network bits set in "${text} mask ${maskText}"`);
    } else {
      if (len > 32) throw new FilterError('mask length must be <= 32');
      mask = len === 0 ? 0 : shift(0xffffffff, 32 - len);
      if ((addr & ~mask) !== 0) throw new FilterError(`non-network bits set in "${text}/${len}"`);
    }
    if (q.addr !== 'net') throw new FilterError('Mask syntax for networks only');
    return this.host(addr, mask, q);
  }

  protected ip6(text: string, len: number, q: Quals): Block {
    const addr = parseIp6(text);
    if (addr === null) throw new FilterError(`bogus IPv6 address ${text}`);
    if (len > 128) throw new FilterError('mask length must be <= 128');
    if (len < 128 && (addr & ((1n << BigInt(128 - len)) - 1n)) !== 0n) throw new FilterError(`non-network bits set in "${text}/${len}"`);
    if (q.addr === 'default' || q.addr === 'host') {
      if (len !== 128) throw new FilterError('Mask syntax for networks only');
    } else if (q.addr !== 'net') throw new FilterError('invalid qualifier against IPv6 address');
    return this.host6(addr, len, q);
  }

  protected mac(text: string, q: Quals): Block {
    if ((q.addr !== 'host' && q.addr !== 'default') || q.proto !== 'link')
      throw new FilterError('ethernet address used in non-ether expression');
    if (this.linktype !== ETHERNET)
      throw new FilterError('ethernet addresses supported only on ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel');
    const bytes = macBytes(text);
    if (!bytes) throw new FilterError(`bogus ethernet address ${text}`);
    return this.guarded(this.etherHost(bytes, q.dir));
  }
}

function shift(v: number, bits: number): number {
  return bits >= 32 ? 0 : (v << bits) >>> 0;
}

/** `10.1` is 16 bits of an address, not shifted up. */
function dottedNumber(text: string): { v: number; len: number } {
  const parts = text.split('.');
  let v = 0;
  for (const p of parts) {
    const n = /^0[xX]/.test(p) ? Number.parseInt(p, 16) : Number.parseInt(p, 10);
    if (n > 255) throw new FilterError(`invalid IPv4 address '${text}'`);
    v = v * 256 + n;
  }
  return { v, len: parts.length * 8 };
}
