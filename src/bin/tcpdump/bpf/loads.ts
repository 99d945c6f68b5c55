/** Registers, loads relative to a header, and comparisons of what was loaded. Models gen_load_a(), gen_ncmp() of libpcap's gencode.c */

import { append, type Block, genAnd, genOr, newBlock, newStmt, type Stmt } from './block.ts';
import { ABS, ADD, ALU, AND, B, H, IMM, IND, JEQ, JMP, K, LD, LDX, LSH, MEM, MEMWORDS, MISC, MSH, TAX, W, X } from './insn.ts';
import { ETHERNET, LINUX_SLL, LINUX_SLL2, type Names, type Target } from './target.ts';
import { FilterError } from './tree.ts';

export interface Offset {
  constant: number;
  variable: boolean;
  reg: number;
}

/** Where a load starts: link header, its type field, what it carries, LLC, and behind an IPv4 or IPv6 header. */
export type Base = 'linkhdr' | 'linktype' | 'linkpl' | 'llc' | 'nosnap' | 'prevmpls' | 'tran4' | 'tran6';

export class Loads {
  protected readonly t: Target;
  protected readonly names: Names;
  protected linktype: number;
  protected linkhdr: Offset = { constant: 0, variable: false, reg: -1 };
  protected linktypeAt: Offset;
  protected linkpl: Offset;
  protected nl = 0;
  protected nosnap = 0;
  protected labels = 0;
  protected vlans = 0;
  protected geneve = false;
  protected vlanOffsets = false;
  protected register = 0;
  protected readonly used: boolean[] = new Array(MEMWORDS).fill(false);
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

  protected alloc(): number {
    for (let n = MEMWORDS; n > 0; n--) {
      if (!this.used[this.register]) {
        this.used[this.register] = true;
        return this.register;
      }
      this.register = (this.register + 1) % MEMWORDS;
    }
    throw new FilterError('too many registers needed to evaluate expression');
  }

  protected free(reg: number): void {
    this.used[reg] = false;
  }

  protected varpart(off: Offset): Stmt | null {
    if (!off.variable) return null;
    if (off.reg === -1) off.reg = this.alloc();
    return newStmt(LDX | MEM, off.reg);
  }

  protected loadFrom(off: Offset, at: number, size: number): Stmt {
    const s = this.varpart(off);
    if (!s) return newStmt(LD | ABS | size, off.constant + at);
    append(s, newStmt(LD | IND | size, off.constant + at));
    return s;
  }

  protected load(base: Base, at: number, size: number): Stmt {
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
  protected ipHeaderLength(): Stmt {
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

  protected test(jump: number, base: Base, at: number, size: number, v: number, mask = 0xffffffff): Block {
    const s = this.load(base, at, size);
    if (mask >>> 0 !== 0xffffffff) append(s, newStmt(ALU | AND | K, mask));
    return newBlock(JMP | jump | K, v, s);
  }

  protected cmp(base: Base, at: number, size: number, v: number, mask = 0xffffffff): Block {
    return this.test(JEQ, base, at, size, v, mask);
  }

  protected bytes(base: Base, at: number, v: Uint8Array): Block {
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

  protected constantTest(truth: boolean): Block {
    return newBlock(JMP | JEQ | K, 0, newStmt(LD | IMM, truth ? 0 : 1));
  }

  protected both(a: Block, b: Block): Block {
    genAnd(a, b);
    return b;
  }

  protected either(a: Block, b: Block): Block {
    genOr(a, b);
    return b;
  }
}
