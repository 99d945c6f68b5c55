/** Values computed from a packet, and their relations. Models gen_arth(), gen_load() and gen_relation() of libpcap's gencode.c */

import { append, type Block, genAnd, genNot, newBlock, newStmt, type Stmt } from './block.ts';
import { Ids } from './ids.ts';
import {
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
  K,
  LD,
  LDX,
  LEN,
  LSH,
  MEM,
  MISC,
  MOD,
  MUL,
  NEG,
  OR,
  RSH,
  ST,
  SUB,
  TAX,
  W,
  X,
  XOR,
} from './insn.ts';
import type { Offset } from './loads.ts';
import { ETHERTYPES } from './protocols.ts';
import { type Arith, FilterError } from './tree.ts';

/** A value under construction: statements that leave it in a register, and the tests that must hold for it. */
interface Value {
  stmts: Stmt;
  block: Block | null;
  reg: number;
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

export class Arithmetic extends Ids {
  protected value(a: Arith): Value {
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

  protected leaf(s: Stmt): Value {
    const reg = this.alloc();
    s.next = newStmt(ST, reg);
    return { stmts: s, block: null, reg };
  }

  protected binary(sign: string, l: Value, r: Value): Value {
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

  protected relation(sign: string, l: Value, r: Value): Block {
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

  protected packetLoad(proto: string, index: Value, size: number): Value {
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
