/** Value numbering: what is known of A, X and the memory words, and what folds. Models opt_stmt() of libpcap's optimize.c */

import { A_ATOM, X_ATOM } from './atoms.ts';
import { NOP, type Stmt } from './block.ts';
import { FlowGraph } from './flow.ts';
import {
  ABS,
  ADD,
  ALU,
  AND,
  arith,
  B,
  DIV,
  H,
  IMM,
  IND,
  K,
  LD,
  LDX,
  LEN,
  LSH,
  MEM,
  MISC,
  MOD,
  MSH,
  MUL,
  NEG,
  OR,
  RSH,
  ST,
  STX,
  TAX,
  TXA,
  W,
  X,
  XOR,
} from './insn.ts';

export class OptimizeError extends Error {}

export class ValueNumbering extends FlowGraph {
  protected values = new Map<string, number>();
  /** Constant of each value number; null when it is none. Number 0 is the unknown value. */
  protected constants: (number | null)[] = [null];

  protected value(code: number, v0: number, v1: number): number {
    const key = `${code} ${v0} ${v1}`;
    const known = this.values.get(key);
    if (known !== undefined) return known;
    const val = this.constants.length;
    const cls = code & 7;
    this.constants.push((code & 0xe0) === IMM && (cls === LD || cls === LDX) ? v0 : null);
    this.values.set(key, val);
    return val;
  }

  protected constant(k: number): number {
    return this.value(LD | IMM | W, k, 0);
  }

  protected known(v: number): number | null {
    return this.constants[v] ?? null;
  }

  protected store(s: Stmt, val: Uint32Array, atom: number, v: number, alter: boolean): void {
    if (alter && v !== 0 && val[atom] === v) s.code = NOP;
    else val[atom] = v;
  }

  protected fold(s: Stmt, l: number, r: number): void {
    const op = s.code & 0xf0;
    if (r === 0 && (op === DIV || op === MOD)) throw new OptimizeError(op === DIV ? 'division by zero' : 'modulus by zero');
    s.k = arith(op, l, r) as number;
    s.code = LD | IMM;
    this.progress();
  }

  protected statement(s: Stmt, val: Uint32Array, alter: boolean): void {
    const c = s.code;
    if (c === NOP) return;
    const a = val[A_ATOM] as number;
    const x = val[X_ATOM] as number;
    switch (c) {
      case LD | ABS | W:
      case LD | ABS | H:
      case LD | ABS | B:
        this.store(s, val, A_ATOM, this.value(c, s.k, 0), alter);
        return;
      case LD | IND | W:
      case LD | IND | H:
      case LD | IND | B: {
        const k = this.known(x);
        let v: number;
        if (alter && k !== null) {
          s.code = LD | ABS | (c & 0x18);
          s.k = (s.k + k) >>> 0;
          v = this.value(s.code, s.k, 0);
          this.progress();
        } else v = this.value(c, s.k, x);
        this.store(s, val, A_ATOM, v, alter);
        return;
      }
      case LD | LEN:
        this.store(s, val, A_ATOM, this.value(c, 0, 0), alter);
        return;
      case LD | IMM:
        this.store(s, val, A_ATOM, this.constant(s.k), alter);
        return;
      case LDX | IMM:
        this.store(s, val, X_ATOM, this.constant(s.k), alter);
        return;
      case LDX | MSH | B:
        this.store(s, val, X_ATOM, this.value(c, s.k, 0), alter);
        return;
      case ALU | NEG: {
        const k = this.known(a);
        if (alter && k !== null) {
          s.code = LD | IMM;
          s.k = -k >>> 0;
          val[A_ATOM] = this.constant(s.k);
        } else val[A_ATOM] = this.value(c, a, 0);
        return;
      }
      case MISC | TXA:
        this.store(s, val, A_ATOM, x, alter);
        return;
      case MISC | TAX:
        this.store(s, val, X_ATOM, a, alter);
        return;
      case LD | MEM:
      case LDX | MEM: {
        const v = val[s.k] as number;
        const k = this.known(v);
        if (alter && k !== null) {
          s.code = (c & 7) | IMM;
          s.k = k;
          this.progress();
        }
        this.store(s, val, (c & 7) === LD ? A_ATOM : X_ATOM, v, alter);
        return;
      }
      case ST:
        this.store(s, val, s.k, a, alter);
        return;
      case STX:
        this.store(s, val, s.k, x, alter);
        return;
      default:
        if ((c & 7) === ALU) {
          if ((c & X) !== 0) this.aluX(s, val, alter);
          else this.aluK(s, val, alter);
        }
    }
  }

  protected aluK(s: Stmt, val: Uint32Array, alter: boolean): void {
    const op = s.code & 0xf0;
    if (alter) {
      if (s.k === 0) {
        if (op === ADD || op === LSH || op === RSH || op === OR || op === XOR) {
          s.code = NOP;
          return;
        }
        if (op === MUL || op === AND) {
          s.code = LD | IMM;
          val[A_ATOM] = this.constant(s.k);
          return;
        }
        if (op === DIV) throw new OptimizeError('division by zero');
        if (op === MOD) throw new OptimizeError('modulus by zero');
      }
      const k = this.known(val[A_ATOM] as number);
      if (k !== null) {
        this.fold(s, k, s.k);
        val[A_ATOM] = this.constant(s.k);
        return;
      }
    }
    val[A_ATOM] = this.value(s.code, val[A_ATOM] as number, this.constant(s.k));
  }

  protected aluX(s: Stmt, val: Uint32Array, alter: boolean): void {
    const op = s.code & 0xf0;
    const a = val[A_ATOM] as number;
    const x = val[X_ATOM] as number;
    const kx = this.known(x);
    const ka = this.known(a);
    if (alter && kx !== null) {
      if (ka !== null) {
        this.fold(s, ka, kx);
        val[A_ATOM] = this.constant(s.k);
        return;
      }
      s.code = ALU | K | op;
      s.k = kx;
      if ((op === LSH || op === RSH) && kx > 31) throw new OptimizeError('shift by more than 31 bits');
      this.progress();
      val[A_ATOM] = this.value(s.code, a, this.constant(kx));
      return;
    }
    if (alter && ka === 0) {
      if (op === ADD || op === OR || op === XOR) {
        s.code = MISC | TXA;
        this.store(s, val, A_ATOM, x, alter);
        return;
      }
      if (op === MUL || op === DIV || op === MOD || op === AND || op === LSH || op === RSH) {
        s.code = LD | IMM;
        s.k = 0;
        this.store(s, val, A_ATOM, this.constant(0), alter);
        return;
      }
    }
    val[A_ATOM] = this.value(s.code, a, x);
  }
}
