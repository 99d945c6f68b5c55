/** One block: statements without effect, shorter forms, dead stores. Models opt_blk(), opt_peep(), opt_deadstores() of optimize.c */

import { A_ATOM, AX_ATOM, atomDef, atomUse, has, N_ATOMS, thisOp, X_ATOM } from './atoms.ts';
import { type Block, NOP, type Stmt } from './block.ts';
import { ADD, ALU, AND, B, IMM, IND, JEQ, JGE, JGT, JMP, K, LD, LDX, MEM, MISC, MSH, RET, ST, SUB, TAX, TXA, X } from './insn.ts';
import { ValueNumbering } from './values.ts';

export class BlockOptimizer extends ValueNumbering {
  protected block(b: Block, doStmts: boolean): void {
    let e = b.inEdges;
    if (!e) b.val.fill(0);
    else {
      b.val.set(e.pred.val);
      for (e = e.next; e; e = e.next) for (let i = 0; i < N_ATOMS; i++) if (b.val[i] !== e.pred.val[i]) b.val[i] = 0;
    }
    const a = b.val[A_ATOM] as number;
    const x = b.val[X_ATOM] as number;
    for (let s = b.stmts; s; s = s.next) this.statement(s, b.val, doStmts);
    const same = b.outUse === 0 && a !== 0 && b.val[A_ATOM] === a && x !== 0 && b.val[X_ATOM] === x;
    if (doStmts && (same || (b.s.code & 7) === RET)) {
      if (b.stmts) {
        b.stmts = null;
        this.progress();
      }
    } else {
      this.peephole(b);
      this.deadStores(b);
    }
    b.oval = (b.s.code & X) === 0 ? this.constant(b.s.k) : (b.val[X_ATOM] as number);
    b.et.code = b.s.code;
    b.ef.code = -b.s.code;
  }

  protected peephole(b: Block): void {
    if (!b.stmts) return;
    let last: Stmt = b.stmts;
    for (let s: Stmt | null = b.stmts; ; ) {
      s = thisOp(s);
      if (!s) break;
      const next: Stmt | null = thisOp(s.next);
      if (!next) break;
      last = next;
      if (s.code === ST && next.code === (LDX | MEM) && s.k === next.k) {
        this.progress();
        next.code = MISC | TAX;
      }
      if (s.code === (LD | IMM) && next.code === (MISC | TAX)) {
        s.code = LDX | IMM;
        next.code = MISC | TXA;
        this.progress();
      }
      if (s.code === (LD | IMM) && !has(b.outUse, X_ATOM)) this.indexed(s, next);
      s = next;
    }
    this.compare(b, last);
  }

  /** `x = header length + constant`, then an indexed load: the constant goes into the load. */
  protected indexed(s: Stmt, next: Stmt): void {
    const add = next.code !== (LDX | MSH | B) ? next : thisOp(next.next);
    if (!add || add.code !== (ALU | ADD | X)) return;
    const tax = thisOp(add.next);
    if (!tax || tax.code !== (MISC | TAX)) return;
    const load = thisOp(tax.next);
    if (!load || (load.code & 7) !== LD || (load.code & 0xe0) !== IND) return;
    load.k = (load.k + s.k) >>> 0;
    s.code = NOP;
    add.code = NOP;
    tax.code = NOP;
    this.progress();
  }

  protected compare(b: Block, last: Stmt): void {
    if (b.s.code === (JMP | JEQ | K) && !has(b.outUse, A_ATOM)) {
      if (last.code === (ALU | SUB | X)) {
        const k = this.known(b.val[X_ATOM] as number);
        if (k !== null) {
          b.s.k = (b.s.k + k) >>> 0;
          last.code = NOP;
          this.progress();
        } else if (b.s.k === 0) {
          last.code = NOP;
          b.s.code = JMP | JEQ | X;
          this.progress();
        }
      } else if (last.code === (ALU | SUB | K)) {
        last.code = NOP;
        b.s.k = (b.s.k + last.k) >>> 0;
        this.progress();
      } else if (last.code === (ALU | AND | K) && b.s.k === 0) {
        b.s.k = last.k;
        b.s.code = JMP | K | 0x40;
        last.code = NOP;
        this.progress();
        [b.et.succ, b.ef.succ] = [b.ef.succ, b.et.succ];
      }
    }
    if (b.s.code === (JMP | K | 0x40)) {
      if (b.s.k === 0) b.et.succ = b.ef.succ;
      if (b.s.k === 0xffffffff) b.ef.succ = b.et.succ;
    }
    const kx = this.known(b.val[X_ATOM] as number);
    if (kx !== null && (b.s.code & X) !== 0) {
      b.s.code &= ~X;
      b.s.k = kx;
    }
    const ka = this.known(b.val[A_ATOM] as number);
    if (ka === null || (b.s.code & X) !== 0) return;
    const op = b.s.code & 0xf0;
    const taken = op === JEQ ? ka === b.s.k : op === JGT ? ka > b.s.k : op === JGE ? ka >= b.s.k : (ka & b.s.k) !== 0;
    if (b.ef.succ !== b.et.succ) this.progress();
    if (taken) b.ef.succ = b.et.succ;
    else b.et.succ = b.ef.succ;
  }

  protected deadStores(b: Block): void {
    const last: ({ code: number; k: number } | null)[] = new Array(N_ATOMS).fill(null);
    const look = (s: { code: number; k: number }): void => {
      const use = atomUse(s);
      if (use === AX_ATOM) {
        last[X_ATOM] = null;
        last[A_ATOM] = null;
      } else if (use >= 0) last[use] = null;
      const def = atomDef(s);
      if (def < 0) return;
      const dead = last[def];
      if (dead) {
        this.progress();
        dead.code = NOP;
      }
      last[def] = s;
    };
    for (let s = b.stmts; s; s = s.next) look(s);
    look(b.s);
    for (const [atom, s] of last.entries())
      if (s && !has(b.outUse, atom)) {
        s.code = NOP;
        this.progress();
      }
  }
}
