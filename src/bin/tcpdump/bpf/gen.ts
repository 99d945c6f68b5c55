/** Syntax tree to blocks. Models libpcap's gencode.c for Ethernet, Linux cooked and raw IP captures */

import { parseIp6 } from '../../../wire/addr.ts';
import { append, type Block, backpatch, type Code, genAnd, genNot, genOr, newBlock, newStmt, type Stmt } from './block.ts';
import {
  ABS,
  ADD,
  ALU,
  AND,
  B,
  DIV,
  H,
  IMM,
  IND,
  JEQ,
  JGE,
  JGT,
  JMP,
  JSET,
  K,
  LD,
  LDX,
  LEN,
  LSH,
  MEM,
  MEMWORDS,
  MISC,
  MOD,
  MSH,
  MUL,
  NEG,
  OR,
  RET,
  RSH,
  SKF_AD_IFINDEX,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
  ST,
  STX,
  SUB,
  TAX,
  TXA,
  W,
  X,
  XOR,
} from './insn.ts';
import { macBytes } from './scan.ts';
import { type Arith, FilterError, type Node, type Quals } from './tree.ts';

const ETHERNET = 1;
const LINUX_SLL = 113;
const LINUX_SLL2 = 276;
const IP = 0x0800;
const IP6 = 0x86dd;
const ETHERTYPES: Readonly<Record<string, number>> = {
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
const LINK_TYPE_TEXT: Readonly<Record<number, string>> = { 1: 'Ethernet', 101: 'Raw IP', 113: 'Linux cooked v1', 276: 'Linux cooked v2' };
/** Protocols over OSI's network layer. */
const OSI: Readonly<Record<string, number>> = { clnp: 0x81, esis: 0x82, isis: 0x83 };
const ETHERMTU = 1500;

interface Offset {
  constant: number;
  variable: boolean;
  reg: number;
}

/** Where a load starts: link header, its type field, what it carries, LLC, and behind an IPv4 or IPv6 header. */
type Base = 'linkhdr' | 'linktype' | 'linkpl' | 'llc' | 'nosnap' | 'prevmpls' | 'tran4' | 'tran6';

/** A value under construction: statements that leave it in a register, and the tests that must hold for it. */
interface Value {
  stmts: Stmt;
  block: Block | null;
  reg: number;
}

export interface Names {
  /** Addresses of a host; empty when nobody knows it. */
  host(name: string): readonly (number | bigint)[];
  /** Network number, not shifted; 0 when unknown. */
  network(name: string): number;
  /** Port and the transport protocol it belongs to; -1 for both. */
  port(name: string): { port: number; proto: number } | null;
  ipProto(name: string): number | null;
  etherProto(name: string): number | null;
}

export interface Target {
  linktype: number;
  snaplen: number;
  /** Nothing but the bytes is known of a packet. */
  offline: boolean;
  /** The kernel holds VLAN tags apart from the frame. */
  vlanApart: boolean;
}

const UNDEF = -1;

export class Generator {
  private readonly t: Target;
  private readonly names: Names;
  private linktype: number;
  private linkhdr: Offset = { constant: 0, variable: false, reg: -1 };
  private linktypeAt: Offset;
  private linkpl: Offset;
  private nl = 0;
  private nosnap = 0;
  private labels = 0;
  private vlans = 0;
  private geneve = false;
  private vlanOffsets = false;
  private register = 0;
  private readonly used: boolean[] = new Array(MEMWORDS).fill(false);
  noOptimize = false;

  constructor(t: Target, names: Names) {
    this.t = t;
    this.names = names;
    this.linktype = t.linktype;
    const at = (constant: number): Offset => ({ constant, variable: false, reg: -1 });
    const [type, payload] =
      t.linktype === ETHERNET ? [12, 14] : t.linktype === LINUX_SLL ? [14, 16] : [0, t.linktype === LINUX_SLL2 ? 20 : 0];
    this.linktypeAt = at(type);
    this.linkpl = at(payload);
    this.nosnap = t.linktype === ETHERNET ? 3 : 0;
  }

  program(node: Node | null): Code {
    const { snaplen } = this.t;
    if (!node) return { root: newBlock(RET | K, snaplen), mark: 0 };
    const b = this.gen(node);
    this.vlanPrologue(b.head);
    backpatch(b, newBlock(RET | K, snaplen));
    b.sense = !b.sense;
    backpatch(b, newBlock(RET | K, 0));
    return { root: b.head, mark: 0 };
  }

  gen(n: Node): Block {
    switch (n.op) {
      case 'and':
      case 'or': {
        const left = this.gen(n.left);
        const right = this.gen(n.right);
        if (n.op === 'and') genAnd(left, right);
        else genOr(left, right);
        return right;
      }
      case 'not': {
        const b = this.gen(n.node);
        genNot(b);
        return b;
      }
      case 'name':
        return this.name(n.text, n.q);
      case 'number':
        return this.number(null, n.value, n.q);
      case 'dotted':
        return n.mask !== null || n.len !== null ? this.masked(n.text, n.mask, n.len ?? 0, n.q) : this.number(n.text, 0, n.q);
      case 'ip6':
        return this.ip6(n.text, n.len ?? 128, n.q);
      case 'mac':
        return this.mac(n.text, n.q);
      case 'proto':
        return this.abbreviation(n.proto);
      case 'relation':
        return this.relation(n.sign, this.value(n.left), this.value(n.right));
      case 'cast':
        return n.kind === 'broadcast' ? this.broadcast(n.proto) : this.multicast(n.proto);
      case 'length': {
        const b = newBlock(JMP | (n.kind === 'less' ? JGT : JGE) | K, n.value, newStmt(LD | LEN));
        if (n.kind === 'less') genNot(b);
        return b;
      }
      case 'byte':
        return this.byteOp(n.sign, n.index, n.value);
      case 'direction':
        return this.direction(n.outbound);
      case 'ifindex':
        return this.ifindex(n.value);
      case 'tag':
        return this.tag(n.kind, n.value);
      case 'pppoed':
        return this.type(0x8863);
      case 'llc':
        return this.llc();
      default:
        throw new FilterError(n.text);
    }
  }

  // ---- registers and loads ----

  private alloc(): number {
    for (let n = MEMWORDS; n > 0; n--) {
      if (!this.used[this.register]) {
        this.used[this.register] = true;
        return this.register;
      }
      this.register = (this.register + 1) % MEMWORDS;
    }
    throw new FilterError('too many registers needed to evaluate expression');
  }

  private free(reg: number): void {
    this.used[reg] = false;
  }

  private varpart(off: Offset): Stmt | null {
    if (!off.variable) return null;
    if (off.reg === -1) off.reg = this.alloc();
    return newStmt(LDX | MEM, off.reg);
  }

  private loadFrom(off: Offset, at: number, size: number): Stmt {
    const s = this.varpart(off);
    if (!s) return newStmt(LD | ABS | size, off.constant + at);
    append(s, newStmt(LD | IND | size, off.constant + at));
    return s;
  }

  private load(base: Base, at: number, size: number): Stmt {
    switch (base) {
      case 'linkhdr':
        return this.loadFrom(this.linkhdr, at, size);
      case 'linktype':
        return this.loadFrom(this.linktypeAt, at, size);
      case 'llc':
        return this.loadFrom(this.linkpl, at, size);
      case 'linkpl':
        return this.loadFrom(this.linkpl, this.nl + at, size);
      case 'nosnap':
        return this.loadFrom(this.linkpl, this.nosnap + at, size);
      case 'prevmpls':
        return this.loadFrom(this.linkpl, this.nl - 4 + at, size);
      case 'tran6':
        return this.loadFrom(this.linkpl, this.nl + 40 + at, size);
      default: {
        const s = this.ipHeaderLength();
        append(s, newStmt(LD | IND | size, this.linkpl.constant + this.nl + at));
        return s;
      }
    }
  }

  /** X = length of the IPv4 header, plus the variable part of where it begins. */
  private ipHeaderLength(): Stmt {
    const s = this.varpart(this.linkpl);
    const at = this.linkpl.constant + this.nl;
    if (!s) return newStmt(LDX | MSH | B, at);
    for (const more of [
      newStmt(LD | IND | B, at),
      newStmt(ALU | AND | K, 0xf),
      newStmt(ALU | LSH | K, 2),
      newStmt(ALU | ADD | X),
      newStmt(MISC | TAX),
    ])
      append(s, more);
    return s;
  }

  private test(jump: number, base: Base, at: number, size: number, v: number, mask = 0xffffffff): Block {
    const s = this.load(base, at, size);
    if (mask >>> 0 !== 0xffffffff) append(s, newStmt(ALU | AND | K, mask));
    return newBlock(JMP | jump | K, v, s);
  }

  private cmp(base: Base, at: number, size: number, v: number, mask = 0xffffffff): Block {
    return this.test(JEQ, base, at, size, v, mask);
  }

  private bytes(base: Base, at: number, v: Uint8Array): Block {
    let b: Block | null = null;
    const more = (t: Block): void => {
      if (b) genAnd(b, t);
      b = t;
    };
    let n = v.length;
    for (; n >= 4; n -= 4) more(this.cmp(base, at + n - 4, W, new DataView(v.buffer, v.byteOffset).getUint32(n - 4)));
    for (; n >= 2; n -= 2) more(this.cmp(base, at + n - 2, H, new DataView(v.buffer, v.byteOffset).getUint16(n - 2)));
    if (n > 0) more(this.cmp(base, at, B, v[0] as number));
    return b as unknown as Block;
  }

  private constantTest(truth: boolean): Block {
    return newBlock(JMP | JEQ | K, 0, newStmt(LD | IMM, truth ? 0 : 1));
  }

  private both(a: Block, b: Block): Block {
    genAnd(a, b);
    return b;
  }

  private either(a: Block, b: Block): Block {
    genOr(a, b);
    return b;
  }

  // ---- link layer ----

  private linkName(): string {
    return LINK_TYPE_TEXT[this.linktype] ?? `DLT ${this.linktype}`;
  }

  private geneveCheck(): Block | null {
    if (!this.geneve) return null;
    const s = newStmt(LD | MEM, this.linkhdr.reg);
    append(s, newStmt(LDX | MEM, this.linkpl.reg));
    const b = newBlock(JMP | JEQ | X, 0, s);
    genNot(b);
    return b;
  }

  private guarded(b: Block): Block {
    const check = this.geneveCheck();
    if (check) genAnd(check, b);
    return b;
  }

  private type(proto: number): Block {
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

  private llc(): Block {
    if (this.linktype !== ETHERNET) throw new FilterError(`'llc' not supported for ${this.linkName()}`);
    const b0 = this.test(JGT, 'linktype', 0, H, ETHERMTU);
    genNot(b0);
    const b1 = this.cmp('llc', 0, H, 0xffff);
    genNot(b1);
    return this.both(b0, b1);
  }

  private etherHost(mac: Uint8Array, dir: string): Block {
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

  private broadcast(proto: string): Block {
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

  private multicast(proto: string): Block {
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

  private direction(outbound: boolean): Block {
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

  private ifindex(index: number): Block {
    if (this.linktype === LINUX_SLL2) return this.cmp('linkhdr', 4, W, index);
    if (this.t.offline) throw new FilterError(`ifindex not supported on ${this.linkName()} when reading savefiles`);
    return this.cmp('linkhdr', SKF_AD_OFF + SKF_AD_IFINDEX, W, index);
  }

  private byteOp(sign: string, index: number, v: number): Block {
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

  // ---- tags and tunnels ----

  private tag(kind: 'vlan' | 'mpls' | 'geneve' | 'pppoes', value: number | null): Block {
    if (kind === 'vlan') return this.vlan(value);
    if (kind === 'mpls') return this.mpls(value);
    if (kind === 'geneve') return this.genGeneve(value);
    return this.pppoes(value);
  }

  private vlan(id: number | null): Block {
    if (this.labels > 0) throw new FilterError('no VLAN match after MPLS');
    if (this.linktype !== ETHERNET) throw new FilterError(`no VLAN support for ${this.linkName()}`);
    const outermost = this.vlans === 0 && !this.linkhdr.variable && this.linkhdr.constant === 0;
    const b = outermost && this.t.vlanApart ? this.vlanAside(id) : this.vlanInline(id);
    this.vlans++;
    return b;
  }

  private vlanType(): Block {
    const b1 = this.either(this.type(0x8100), this.type(0x88a8));
    return this.either(b1, this.type(0x9100));
  }

  private vlanId(id: number): Block {
    if (id > 0xfff) throw new FilterError(`VLAN tag ${id} greater than maximum ${0xfff}`);
    return this.cmp('linkpl', 0, H, id, 0xfff);
  }

  private vlanInline(id: number | null): Block {
    let b = this.vlanType();
    if (id !== null) b = this.both(b, this.vlanId(id));
    this.linkpl.constant += 4;
    this.linktypeAt.constant += 4;
    return b;
  }

  /** The tag may be in the frame or beside it: from here on offsets depend on which it is. */
  private vlanAside(id: number | null): Block {
    const present = newBlock(JMP | JEQ | K, 1, newStmt(LD | B | ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT));
    const type = this.vlanType();
    const tagged = id === null ? null : this.vlanId(id);
    this.vlanOffsets = true;
    const shift: Stmt[] = [];
    for (const off of [this.linkpl, this.linktypeAt]) {
      off.variable = true;
      if (off.reg === -1) off.reg = this.alloc();
      shift.push(newStmt(LD | MEM, off.reg), newStmt(ALU | ADD | K, 4), newStmt(ST, off.reg));
    }
    const first = shift[0] as Stmt;
    for (const s of shift.slice(1)) append(first, s);
    append(first, type.head.stmts as Stmt);
    type.head.stmts = first;
    genOr(present, type);
    if (!tagged) return type;
    const inline = tagged.stmts as Stmt;
    let count = 0;
    for (let s: Stmt | null = inline; s; s = s.next) count++;
    const s = newStmt(LD | B | ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT);
    const jump = newStmt(JMP | JEQ | K, 1);
    jump.jf = inline;
    append(s, jump);
    const aside = newStmt(LD | B | ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG);
    append(s, aside);
    jump.jt = aside;
    append(s, newStmt(JMP, count - 1));
    append(s, inline);
    tagged.stmts = s;
    return this.both(type, tagged);
  }

  private vlanPrologue(b: Block): void {
    if (this.linkpl.reg !== -1 && this.linkhdr.variable && this.linkhdr.reg === -1) this.linkhdr.reg = this.alloc();
    if (!this.vlanOffsets) return;
    if (this.linkpl.reg === -1) this.linkpl.reg = this.alloc();
    if (this.linktypeAt.reg === -1) this.linktypeAt.reg = this.alloc();
    const s = newStmt(LD | W | IMM, 0);
    append(s, newStmt(ST, this.linkpl.reg));
    append(s, newStmt(ST, this.linktypeAt.reg));
    if (b.stmts) append(s, b.stmts);
    b.stmts = s;
  }

  private mpls(label: number | null): Block {
    let b: Block;
    if (this.labels > 0) b = this.cmp('prevmpls', 2, B, 0, 1);
    else {
      if (this.linktype !== ETHERNET) throw new FilterError(`no MPLS support for ${this.linkName()}`);
      b = this.type(0x8847);
    }
    if (label !== null) {
      if (label > 0xfffff) throw new FilterError(`MPLS label ${label} greater than maximum ${0xfffff}`);
      b = this.both(b, this.cmp('linkpl', 0, W, (label << 12) >>> 0, 0xfffff000));
    }
    this.nosnap += 4;
    this.nl += 4;
    this.labels++;
    return b;
  }

  private pppoes(session: number | null): Block {
    if (session !== null && session > 0xffff) throw new FilterError(`PPPoE session number ${session} greater than maximum ${0xffff}`);
    throw new FilterError("'pppoes' is not emulated");
  }

  private genGeneve(vni: number | null): Block {
    const b4 = this.geneveHeader(4, vni);
    const s4 = this.ipHeaderLength();
    append(s4, newStmt(MISC | TXA));
    const v4 = this.both(b4, newBlock(JMP | JEQ | X, 0, s4));
    const b6 = this.geneveHeader(6, vni);
    let s6 = this.varpart(this.linkpl);
    if (s6) {
      append(s6, newStmt(LD | IMM, 40));
      append(s6, newStmt(ALU | ADD | X));
    } else s6 = newStmt(LD | IMM, 40);
    append(s6, newStmt(MISC | TAX));
    const v6 = this.both(b6, newBlock(JMP | JEQ | X, 0, s6));
    const found = this.either(v4, v6);
    const s = this.geneveOffsets();
    const always = this.constantTest(true);
    append(s, always.stmts as Stmt);
    always.stmts = s;
    genAnd(found, always);
    this.geneve = true;
    return always;
  }

  private geneveHeader(family: 4 | 6, vni: number | null): Block {
    const base: Base = family === 4 ? 'tran4' : 'tran6';
    let b = this.both(family === 4 ? this.port4(6081, 17, 'dst') : this.port6(6081, 17, 'dst'), this.cmp(base, 8, B, 0, 0xc0));
    if (vni !== null) {
      if (vni > 0xffffff) throw new FilterError(`Geneve VNI ${vni} greater than maximum ${0xffffff}`);
      b = this.both(b, this.cmp(base, 12, W, (vni << 8) >>> 0, 0xffffff00));
    }
    return b;
  }

  /** Statements that compute where the inner packet's headers are. */
  private geneveOffsets(): Stmt {
    const s = newStmt(ALU | ADD | K, this.linkpl.constant + this.nl + 8);
    const add = (...more: Stmt[]): void => {
      for (const m of more) append(s, m);
    };
    this.linktypeAt = { constant: 0, variable: true, reg: -1 };
    add(newStmt(MISC | TAX), newStmt(ALU | ADD | K, 2));
    this.linktypeAt.reg = this.alloc();
    add(
      newStmt(ST, this.linktypeAt.reg),
      newStmt(LD | IND | B),
      newStmt(ALU | AND | K, 0x3f),
      newStmt(ALU | MUL | K, 4),
      newStmt(ALU | ADD | K, 8),
      newStmt(ALU | ADD | X),
    );
    this.linkhdr = { constant: 0, variable: true, reg: this.alloc() };
    this.linktype = ETHERNET;
    this.geneve = false;
    add(newStmt(ST, this.linkhdr.reg));
    this.noOptimize = true;
    add(newStmt(LD | IND | H, 2), newStmt(LDX | MEM, this.linkhdr.reg));
    const isBridged = newStmt(JMP | JEQ | K, 0x6558);
    const bridged = newStmt(MISC | TXA);
    add(isBridged, bridged);
    isBridged.jt = bridged;
    add(newStmt(ALU | ADD | K, 12), newStmt(ST, this.linktypeAt.reg), newStmt(ALU | ADD | K, 2), newStmt(MISC | TAX));
    this.linkpl = { constant: 0, variable: true, reg: this.alloc() };
    const store = newStmt(STX, this.linkpl.reg);
    add(store);
    isBridged.jf = store;
    this.nl = 0;
    return s;
  }

  // ---- addresses ----

  private hostOp(addr: number, mask: number, dir: string, proto: number, src: number, dst: number): Block {
    if (dir === 'and' || dir === 'or' || dir === 'default') {
      const a = this.hostOp(addr, mask, 'src', proto, src, dst);
      const b = this.hostOp(addr, mask, 'dst', proto, src, dst);
      return dir === 'and' ? this.both(a, b) : this.either(a, b);
    }
    if (dir !== 'src' && dir !== 'dst') throw new FilterError(notWlan(dir, 'addresses other than 802.11 MAC addresses'));
    const b0 = this.type(proto);
    return this.both(b0, this.cmp('linkpl', dir === 'src' ? src : dst, W, addr, mask));
  }

  private host6Op(addr: bigint, len: number, dir: string): Block {
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

  private host(addr: number, mask: number, q: Quals, proto = q.proto): Block {
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

  private host6(addr: bigint, len: number, q: Quals): Block {
    const what = q.addr === 'net' ? 'net' : 'host';
    if (q.proto === 'default' || q.proto === 'ip6') return this.host6Op(addr, len, q.dir);
    if (q.proto === 'link') throw new FilterError(`link-layer modifier applied to ip6 ${what}`);
    throw new FilterError(`${q.proto === 'atalk' ? 'AppleTalk' : `'${q.proto}'`} modifier applied to ip6 ${what}`);
  }

  private abbreviation(proto: string): Block {
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
  private proto(v: number, over: string, dir = 'default'): Block {
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

  private protochain(v: number, over: string): Block {
    if (over === 'default') return this.either(this.protochain(v, 'ip'), this.protochain(v, 'ip6'));
    if (over !== 'ip' && over !== 'ip6') throw new FilterError("bad protocol applied for 'protochain'");
    throw new FilterError(`'protochain ${v}' is not emulated`);
  }

  // ---- ports ----

  private unfragmented(): Block {
    const b = this.test(JSET, 'linkpl', 6, H, 0x1fff);
    genNot(b);
    return b;
  }

  private ends(dir: string, atom: (at: number) => Block, what: string): Block {
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

  private portOp(family: 4 | 6, low: number, high: number, proto: number, dir: string, ranged: boolean): Block {
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

  private rangeAtom(base: Base, at: number, low: number, high: number): Block {
    const b1 = this.test(JGE, base, at, H, Math.min(low, high));
    const b2 = this.test(JGT, base, at, H, Math.max(low, high));
    genNot(b2);
    return this.both(b1, b2);
  }

  private portFamily(family: 4 | 6, low: number, high: number, proto: number, dir: string, ranged: boolean): Block {
    const b0 = this.type(family === 4 ? IP : IP6);
    if (proto !== UNDEF) return this.both(b0, this.portOp(family, low, high, proto, dir, ranged));
    const tcp = this.portOp(family, low, high, 6, dir, ranged);
    const b1 = this.either(tcp, this.portOp(family, low, high, 17, dir, ranged));
    genOr(this.portOp(family, low, high, 132, dir, ranged), b1);
    return this.both(b0, b1);
  }

  private port4(port: number, proto: number, dir: string): Block {
    return this.portFamily(4, port, port, proto, dir, false);
  }

  private port6(port: number, proto: number, dir: string): Block {
    return this.portFamily(6, port, port, proto, dir, false);
  }

  private ports(low: number, high: number, proto: number, dir: string, ranged: boolean): Block {
    const b = this.portFamily(4, low, high, proto, dir, ranged);
    genOr(this.portFamily(6, low, high, proto, dir, ranged), b);
    return b;
  }

  // ---- primitives ----

  private name(text: string, q: Quals): Block {
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

  private namedNet(text: string, q: Quals): Block {
    let addr = this.names.network(text);
    if (addr === 0) throw new FilterError(`unknown network '${text}'`);
    let mask = 0xffffffff;
    while (addr !== 0 && (addr & 0xff000000) === 0) {
      addr = (addr << 8) >>> 0;
      mask = (mask << 8) >>> 0;
    }
    return this.host(addr, mask, q);
  }

  private namedHost(text: string, q: Quals): Block {
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

  private transport(q: Quals): number {
    if (q.proto === 'udp') return 17;
    if (q.proto === 'tcp') return 6;
    if (q.proto === 'sctp') return 132;
    if (q.proto !== 'default') throw new FilterError(`illegal qualifier of '${q.addr}'`);
    return UNDEF;
  }

  private namedPort(text: string, q: Quals): Block {
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

  private lookupProto(text: string, over: string): number {
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
  private number(text: string | null, value: number, q: Quals): Block {
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

  private masked(text: string, maskText: string | null, len: number, q: Quals): Block {
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

  private ip6(text: string, len: number, q: Quals): Block {
    const addr = parseIp6(text);
    if (addr === null) throw new FilterError(`bogus IPv6 address ${text}`);
    if (len > 128) throw new FilterError('mask length must be <= 128');
    if (len < 128 && (addr & ((1n << BigInt(128 - len)) - 1n)) !== 0n) throw new FilterError(`non-network bits set in "${text}/${len}"`);
    if (q.addr === 'default' || q.addr === 'host') {
      if (len !== 128) throw new FilterError('Mask syntax for networks only');
    } else if (q.addr !== 'net') throw new FilterError('invalid qualifier against IPv6 address');
    return this.host6(addr, len, q);
  }

  private mac(text: string, q: Quals): Block {
    if ((q.addr !== 'host' && q.addr !== 'default') || q.proto !== 'link')
      throw new FilterError('ethernet address used in non-ether expression');
    if (this.linktype !== ETHERNET)
      throw new FilterError('ethernet addresses supported only on ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel');
    const bytes = macBytes(text);
    if (!bytes) throw new FilterError(`bogus ethernet address ${text}`);
    return this.guarded(this.etherHost(bytes, q.dir));
  }

  // ---- arithmetic ----

  private value(a: Arith): Value {
    switch (a.op) {
      case 'num':
        return this.leaf(newStmt(LD | IMM, a.value));
      case 'len':
        return this.leaf(newStmt(LD | LEN));
      case 'neg': {
        const v = this.value(a.value);
        for (const s of [newStmt(LD | MEM, v.reg), newStmt(ALU | NEG), newStmt(ST, v.reg)]) append(v.stmts, s);
        return v;
      }
      case 'load':
        return this.packetLoad(a.proto, this.value(a.index), a.size);
      default:
        return this.binary(a.sign, this.value(a.left), this.value(a.right));
    }
  }

  private leaf(s: Stmt): Value {
    const reg = this.alloc();
    s.next = newStmt(ST, reg);
    return { stmts: s, block: null, reg };
  }

  private binary(sign: string, l: Value, r: Value): Value {
    const op = OPERATORS[sign] as number;
    const zero = r.stmts.code === (LD | IMM) && r.stmts.k === 0;
    if (op === DIV && zero) throw new FilterError('division by zero');
    if (op === MOD && zero) throw new FilterError('modulus by zero');
    if ((op === LSH || op === RSH) && r.stmts.code === (LD | IMM) && r.stmts.k > 31) throw new FilterError('shift by more than 31 bits');
    for (const s of [newStmt(LDX | MEM, r.reg), newStmt(LD | MEM, l.reg), newStmt(ALU | X | op)]) append(r.stmts, s);
    append(l.stmts, r.stmts);
    this.free(l.reg);
    this.free(r.reg);
    const reg = this.alloc();
    append(l.stmts, newStmt(ST, reg));
    // gen_arth() keeps only the left operand's test.
    return { stmts: l.stmts, block: l.block, reg };
  }

  private relation(sign: string, l: Value, r: Value): Block {
    const [code, reversed] = RELATIONS[sign] as [number, boolean];
    append(r.stmts, newStmt(LDX | MEM, r.reg));
    append(r.stmts, newStmt(LD | MEM, l.reg));
    let b: Block;
    if (code === JEQ) {
      append(r.stmts, newStmt(ALU | SUB | X));
      b = newBlock(JMP | JEQ | K);
    } else b = newBlock(JMP | code | X);
    if (reversed) genNot(b);
    append(l.stmts, r.stmts);
    b.stmts = l.stmts;
    this.free(l.reg);
    this.free(r.reg);
    let test = l.block;
    if (l.block && r.block) {
      genAnd(l.block, r.block);
      test = r.block;
    } else test = l.block ?? r.block;
    if (test) genAnd(test, b);
    return b;
  }

  private packetLoad(proto: string, index: Value, size: number): Value {
    const reg = this.alloc();
    this.free(index.reg);
    if (size !== 1 && size !== 2 && size !== 4) throw new FilterError('data size must be 1, 2, or 4');
    const width = size === 1 ? B : size === 2 ? H : W;
    const toA = (): Stmt => newStmt(LD | MEM, index.reg);
    const indexed = (off: Offset, at: number): Stmt => {
      let s = this.varpart(off);
      if (s) for (const more of [toA(), newStmt(ALU | ADD | X), newStmt(MISC | TAX)]) append(s, more);
      else s = newStmt(LDX | MEM, index.reg);
      append(s, newStmt(LD | IND | width, at));
      return s;
    };
    const also = (b: Block): void => {
      if (index.block) genAnd(index.block, b);
      index.block = b;
    };
    if (proto === 'link') append(index.stmts, indexed(this.linkhdr, this.linkhdr.constant));
    else if (ETHERTYPES[proto] !== undefined || proto === 'atalk') {
      append(index.stmts, indexed(this.linkpl, this.linkpl.constant + this.nl));
      also(this.abbreviation(proto));
    } else if (['sctp', 'tcp', 'udp', 'icmp', 'igmp', 'igrp', 'pim', 'vrrp', 'carp'].includes(proto)) {
      const s = this.ipHeaderLength();
      for (const more of [toA(), newStmt(ALU | ADD | X), newStmt(MISC | TAX), newStmt(LD | IND | width, this.linkpl.constant + this.nl)])
        append(s, more);
      append(index.stmts, s);
      const b = this.both(this.abbreviation(proto), this.unfragmented());
      if (index.block) genAnd(index.block, b);
      genAnd(this.abbreviation('ip'), b);
      index.block = b;
    } else if (proto === 'icmp6') {
      also(this.abbreviation('ip6'));
      also(this.cmp('linkpl', 6, B, 58));
      append(index.stmts, indexed(this.linkpl, this.linkpl.constant + this.nl + 40));
    } else if (proto === 'radio') throw new FilterError('radio information not present in capture');
    else throw new FilterError('unsupported index operation');
    append(index.stmts, newStmt(ST, reg));
    return { stmts: index.stmts, block: index.block, reg };
  }
}

const OPERATORS: Readonly<Record<string, number>> = {
  '+': ADD,
  '-': SUB,
  '*': MUL,
  '/': DIV,
  '%': MOD,
  '&': AND,
  '|': OR,
  '^': XOR,
  '<<': LSH,
  '>>': RSH,
};
const RELATIONS: Readonly<Record<string, [number, boolean]>> = {
  '>': [JGT, false],
  '>=': [JGE, false],
  '=': [JEQ, false],
  '<=': [JGT, true],
  '<': [JGE, true],
  '!=': [JEQ, true],
};
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

function wlanQualifier(dir: string): string {
  return /^addr\d$/.test(dir) ? `'${dir}' and 'address${dir.slice(4)}'` : `'${dir}'`;
}

function notWlan(dir: string, what: string): string {
  return /^addr\d$/.test(dir)
    ? `${wlanQualifier(dir)} are not valid qualifiers for ${what}`
    : `${wlanQualifier(dir)} is not a valid qualifier for ${what}`;
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
