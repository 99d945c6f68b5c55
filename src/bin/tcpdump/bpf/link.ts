/** Filters on the link layer: its type field, addresses, direction. Models gen_linktype() and its neighbours in libpcap's gencode.c */

import { append, type Block, genAnd, genNot, newBlock, newStmt } from './block.ts';
import { ALU, AND, B, H, JEQ, JGE, JGT, JMP, JSET, K, LD, LDX, MEM, OR, SKF_AD_IFINDEX, SKF_AD_OFF, SKF_AD_PKTTYPE, W, X } from './insn.ts';
import { Loads } from './loads.ts';
import { ETHERNET, LINUX_SLL, LINUX_SLL2 } from './target.ts';
import { FilterError } from './tree.ts';

export const IP = 0x0800;
export const IP6 = 0x86dd;

const LINK_TYPE_TEXT: Readonly<Record<number, string>> = { 1: 'Ethernet', 101: 'Raw IP', 113: 'Linux cooked v1', 276: 'Linux cooked v2' };
const ETHERMTU = 1500;

export class LinkLayer extends Loads {
  protected linkName(): string {
    return LINK_TYPE_TEXT[this.linktype] ?? `DLT ${this.linktype}`;
  }

  protected geneveCheck(): Block | null {
    if (!this.geneve) return null;
    const s = newStmt(LD | MEM, this.linkhdr.reg);
    append(s, newStmt(LDX | MEM, this.linkpl.reg));
    const b = newBlock(JMP | JEQ | X, 0, s);
    genNot(b);
    return b;
  }

  protected guarded(b: Block): Block {
    const check = this.geneveCheck();
    if (check) genAnd(check, b);
    return b;
  }

  protected type(proto: number): Block {
    if (this.labels > 0) {
      if (proto !== IP && proto !== IP6) throw new FilterError('unsupported protocol over mpls');
      return this.both(this.cmp('linkpl', -2, B, 1, 1), this.cmp('linkpl', 0, B, proto === IP ? 0x40 : 0x60, 0xf0));
    }
    if (this.linktype === ETHERNET) {
      if (proto > ETHERMTU) return this.cmp('linktype', 0, H, proto);
      const b0 = this.test(JGT, 'linktype', 0, H, ETHERMTU);
      genNot(b0);
      const pair = proto === 0xfe || proto === 6 || proto === 0xf0;
      return this.both(b0, pair ? this.cmp('llc', 0, H, (proto << 8) | proto) : this.cmp('linktype', 2, B, proto));
    }
    if (this.linktype === LINUX_SLL) {
      if (proto > ETHERMTU) return this.cmp('linktype', 0, H, proto);
      const b0 = this.cmp('linktype', 0, H, 4);
      const pair = proto === 0xfe || proto === 6 || proto === 0xf0;
      return this.both(b0, pair ? this.cmp('llc', 0, H, (proto << 8) | proto) : this.cmp('linkhdr', this.linkpl.constant, B, proto));
    }
    if (this.linktype === LINUX_SLL2) return this.cmp('linktype', 0, H, proto);
    if (proto === IP || proto === IP6) return this.cmp('linkhdr', 0, B, proto === IP ? 0x40 : 0x60, 0xf0);
    return this.constantTest(false);
  }

  protected llc(): Block {
    if (this.linktype !== ETHERNET) throw new FilterError(`'llc' not supported for ${this.linkName()}`);
    const b0 = this.test(JGT, 'linktype', 0, H, ETHERMTU);
    genNot(b0);
    const b1 = this.cmp('llc', 0, H, 0xffff);
    genNot(b1);
    return this.both(b0, b1);
  }

  protected etherHost(mac: Uint8Array, dir: string): Block {
    switch (dir) {
      case 'src':
        return this.bytes('linkhdr', 6, mac);
      case 'dst':
        return this.bytes('linkhdr', 0, mac);
      case 'and':
        return this.both(this.etherHost(mac, 'src'), this.etherHost(mac, 'dst'));
      case 'default':
      case 'or':
        return this.either(this.etherHost(mac, 'src'), this.etherHost(mac, 'dst'));
      default:
        throw new FilterError(`${wlanQualifier(dir)} only supported on 802.11 with 802.11 headers`.replace("' only", "' are only"));
    }
  }

  protected broadcast(proto: string): Block {
    if (proto === 'default' || proto === 'link') {
      if (this.linktype !== ETHERNET) throw new FilterError('not a broadcast link');
      const check = this.geneveCheck();
      const b = this.etherHost(new Uint8Array(6).fill(0xff), 'dst');
      if (check) genAnd(check, b);
      return b;
    }
    if (proto !== 'ip') throw new FilterError('only link-layer/IP broadcast filters supported');
    // tcpdump looks the netmask up only for -f: with none, every bit is the host's.
    const b0 = this.type(IP);
    const b2 = this.either(this.cmp('linkpl', 16, W, 0), this.cmp('linkpl', 16, W, 0xffffffff));
    return this.both(b0, b2);
  }

  protected multicast(proto: string): Block {
    if (proto === 'default' || proto === 'link') {
      if (this.linktype === ETHERNET) {
        const check = this.geneveCheck();
        const b = this.test(JSET, 'linkhdr', 0, B, 1);
        if (check) genAnd(check, b);
        return b;
      }
    } else if (proto === 'ip') return this.both(this.type(IP), this.test(JGE, 'linkpl', 16, B, 224));
    else if (proto === 'ip6') return this.both(this.type(IP6), this.cmp('linkpl', 24, B, 255));
    throw new FilterError('link-layer multicast filters supported only on ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel');
  }

  protected direction(outbound: boolean): Block {
    let b: Block;
    if (this.linktype === LINUX_SLL) b = this.cmp('linkhdr', 0, H, 4);
    else if (this.linktype === LINUX_SLL2) b = this.cmp('linkhdr', 10, B, 4);
    else {
      if (this.t.offline) throw new FilterError(`inbound/outbound not supported on ${this.linkName()} when reading savefiles`);
      b = this.cmp('linkhdr', SKF_AD_OFF + SKF_AD_PKTTYPE, H, 4);
    }
    if (!outbound) genNot(b);
    return b;
  }

  protected ifindex(index: number): Block {
    if (this.linktype === LINUX_SLL2) return this.cmp('linkhdr', 4, W, index);
    if (this.t.offline) throw new FilterError(`ifindex not supported on ${this.linkName()} when reading savefiles`);
    return this.cmp('linkhdr', SKF_AD_OFF + SKF_AD_IFINDEX, W, index);
  }

  protected byteOp(sign: string, index: number, v: number): Block {
    if (sign === '=') return this.cmp('linkhdr', index, B, v);
    if (sign === '<') {
      const b = this.test(JGE, 'linkhdr', index, B, v);
      genNot(b);
      return b;
    }
    if (sign === '>') return this.test(JGT, 'linkhdr', index, B, v);
    const b = newBlock(JMP | JEQ | K, 0, newStmt(ALU | (sign === '|' ? OR : AND) | K, v));
    genNot(b);
    return b;
  }
}

export function wlanQualifier(dir: string): string {
  return /^addr\d$/.test(dir) ? `'${dir}' and 'address${dir.slice(4)}'` : `'${dir}'`;
}
