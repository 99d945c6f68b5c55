/** VLAN tags, MPLS labels, Geneve: what follows sees the packet inside. Models gen_vlan(), gen_mpls(), gen_geneve() of gencode.c */

import { append, type Block, genAnd, genOr, newBlock, newStmt, type Stmt } from './block.ts';
import {
  ABS,
  ADD,
  ALU,
  AND,
  B,
  H,
  IMM,
  IND,
  JEQ,
  JMP,
  K,
  LD,
  LDX,
  MEM,
  MISC,
  MUL,
  SKF_AD_OFF,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
  ST,
  STX,
  TAX,
  TXA,
  W,
  X,
} from './insn.ts';
import type { Base } from './loads.ts';
import { Protocols } from './protocols.ts';
import { ETHERNET } from './target.ts';
import { FilterError } from './tree.ts';

export class Tunnels extends Protocols {
  protected tag(kind: 'vlan' | 'mpls' | 'geneve' | 'pppoes', value: number | null): Block {
    if (kind === 'vlan') return this.vlan(value);
    if (kind === 'mpls') return this.mpls(value);
    if (kind === 'geneve') return this.genGeneve(value);
    return this.pppoes(value);
  }

  protected vlan(id: number | null): Block {
    if (this.labels > 0) throw new FilterError('no VLAN match after MPLS');
    if (this.linktype !== ETHERNET) throw new FilterError(`no VLAN support for ${this.linkName()}`);
    const outermost = this.vlans === 0 && !this.linkhdr.variable && this.linkhdr.constant === 0;
    const b = outermost && this.t.vlanApart ? this.vlanAside(id) : this.vlanInline(id);
    this.vlans++;
    return b;
  }

  protected vlanType(): Block {
    const b1 = this.either(this.type(0x8100), this.type(0x88a8));
    return this.either(b1, this.type(0x9100));
  }

  protected vlanId(id: number): Block {
    if (id > 0xfff) throw new FilterError(`VLAN tag ${id} greater than maximum ${0xfff}`);
    return this.cmp('linkpl', 0, H, id, 0xfff);
  }

  protected vlanInline(id: number | null): Block {
    let b = this.vlanType();
    if (id !== null) b = this.both(b, this.vlanId(id));
    this.linkpl.constant += 4;
    this.linktypeAt.constant += 4;
    return b;
  }

  /** The tag may be in the frame or beside it: from here on offsets depend on which it is. */
  protected vlanAside(id: number | null): Block {
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

  protected vlanPrologue(b: Block): void {
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

  protected mpls(label: number | null): Block {
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

  protected pppoes(session: number | null): Block {
    if (session !== null && session > 0xffff) throw new FilterError(`PPPoE session number ${session} greater than maximum ${0xffff}`);
    throw new FilterError("'pppoes' is not emulated");
  }

  protected genGeneve(vni: number | null): Block {
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

  protected geneveHeader(family: 4 | 6, vni: number | null): Block {
    const base: Base = family === 4 ? 'tran4' : 'tran6';
    let b = this.both(family === 4 ? this.port4(6081, 17, 'dst') : this.port6(6081, 17, 'dst'), this.cmp(base, 8, B, 0, 0xc0));
    if (vni !== null) {
      if (vni > 0xffffff) throw new FilterError(`Geneve VNI ${vni} greater than maximum ${0xffffff}`);
      b = this.both(b, this.cmp(base, 12, W, (vni << 8) >>> 0, 0xffffff00));
    }
    return b;
  }

  /** Statements that compute where the inner packet's headers are. */
  protected geneveOffsets(): Stmt {
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
}
