/** The filter optimizer: value numbering, dead stores, branch threading, pulling tests up. Models libpcap's optimize.c */

import { type Block, type Code, type Edge, marked, NOP, type Stmt, unmarkAll } from './block.ts';
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
  MEMWORDS,
  MISC,
  MOD,
  MSH,
  MUL,
  NEG,
  OR,
  RET,
  RSH,
  ST,
  STX,
  SUB,
  TAX,
  TXA,
  W,
  X,
  XOR,
} from './insn.ts';

const A_ATOM = MEMWORDS;
const X_ATOM = MEMWORDS + 1;
const N_ATOMS = MEMWORDS + 2;
const AX_ATOM = N_ATOMS;
/** Rounds without progress but branch movement, after which it stops. */
const MAX_IDLE = 100;

export class OptimizeError extends Error {}

const has = (set: number, atom: number): boolean => (set & (1 << atom)) !== 0;

/** What a statement reads: a memory word, A, X, both, or -1 for nothing. */
function atomUse(s: { code: number; k: number }): number {
  const c = s.code;
  if (c === NOP) return -1;
  switch (c & 7) {
    case RET:
      return (c & 0x18) === 0x10 ? A_ATOM : (c & 0x18) === X ? X_ATOM : -1;
    case LD:
    case LDX:
      return (c & 0xe0) === IND ? X_ATOM : (c & 0xe0) === MEM ? s.k : -1;
    case ST:
      return A_ATOM;
    case STX:
      return X_ATOM;
    case JMP:
    case ALU:
      return (c & X) !== 0 ? AX_ATOM : A_ATOM;
    default:
      return (c & 0xf8) === TXA ? X_ATOM : A_ATOM;
  }
}

function atomDef(s: { code: number; k: number }): number {
  if (s.code === NOP) return -1;
  switch (s.code & 7) {
    case LD:
    case ALU:
      return A_ATOM;
    case LDX:
      return X_ATOM;
    case ST:
    case STX:
      return s.k;
    case MISC:
      return (s.code & 0xf8) === TAX ? X_ATOM : A_ATOM;
    default:
      return -1;
  }
}

function thisOp(s: Stmt | null): Stmt | null {
  let x = s;
  while (x && x.code === NOP) x = x.next;
  return x;
}

class Optimizer {
  private readonly ic: Code;
  private done = false;
  private moved = false;
  private readonly blocks: Block[] = [];
  private readonly edges: Edge[] = [];
  private levels: (Block | null)[] = [];
  private values = new Map<string, number>();
  /** Constant of each value number; null when it is none. Number 0 is the unknown value. */
  private constants: (number | null)[] = [null];

  constructor(ic: Code) {
    this.ic = ic;
    unmarkAll(ic);
    this.number(ic.root);
    const n = this.blocks.length;
    const nodeWords = (n >> 5) + 1;
    const edgeWords = ((2 * n) >> 5) + 1;
    for (const [i, b] of this.blocks.entries()) {
      b.dom = new Uint32Array(nodeWords);
      b.val = new Uint32Array(N_ATOMS);
      for (const [e, id] of [
        [b.et, i],
        [b.ef, n + i],
      ] as const) {
        e.edom = new Uint32Array(edgeWords);
        e.id = id;
        e.pred = b;
        this.edges[id] = e;
      }
    }
  }

  private number(b: Block | null): void {
    if (!b || marked(this.ic, b)) return;
    b.mark = this.ic.mark;
    b.id = this.blocks.length;
    this.blocks.push(b);
    this.number(b.et.succ);
    this.number(b.ef.succ);
  }

  run(): void {
    this.loop(false);
    this.loop(true);
    this.intern();
    this.root();
  }

  private progress(): void {
    this.moved = true;
    this.done = false;
  }

  // ---- the graph ----

  private findLevels(b: Block): void {
    if (marked(this.ic, b)) return;
    b.mark = this.ic.mark;
    b.link = null;
    let level = 0;
    if (b.et.succ && b.ef.succ) {
      this.findLevels(b.et.succ);
      this.findLevels(b.ef.succ);
      level = Math.max(b.et.succ.level, b.ef.succ.level) + 1;
    }
    b.level = level;
    b.link = this.levels[level] ?? null;
    this.levels[level] = b;
  }

  /** Blocks of a level, in the order of their chain. */
  private *at(level: number): Generator<Block> {
    for (let b = this.levels[level] ?? null; b; b = b.link) yield b;
  }

  private findDominators(): void {
    const { root } = this.ic;
    for (const b of this.blocks) b.dom.fill(0xffffffff);
    root.dom.fill(0);
    for (const e of this.edges) e.edom.fill(0xffffffff);
    root.et.edom.fill(0);
    root.ef.edom.fill(0);
    const intersect = (a: Uint32Array, b: Uint32Array): void => {
      for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) & (b[i] as number);
    };
    for (let level = root.level; level >= 0; level--)
      for (const b of this.at(level)) {
        b.dom[b.id >> 5] = (b.dom[b.id >> 5] as number) | (1 << (b.id & 31));
        if (!b.et.succ || !b.ef.succ) continue;
        intersect(b.et.succ.dom, b.dom);
        intersect(b.ef.succ.dom, b.dom);
      }
    for (let level = root.level; level >= 0; level--)
      for (const b of this.at(level))
        for (const e of [b.et, b.ef]) {
          e.edom[e.id >> 5] = (e.edom[e.id >> 5] as number) | (1 << (e.id & 31));
          if (!e.succ) continue;
          intersect(e.succ.et.edom, e.edom);
          intersect(e.succ.ef.edom, e.edom);
        }
  }

  private findUses(): void {
    const { level: top } = this.ic.root;
    for (let i = top; i >= 0; i--)
      for (const b of this.at(i)) {
        localUses(b);
        b.outUse = 0;
      }
    for (let i = 1; i <= top; i++)
      for (const b of this.at(i)) {
        b.outUse |= (b.et.succ as Block).inUse | (b.ef.succ as Block).inUse;
        b.inUse |= b.outUse & ~b.kill;
      }
  }

  private findInEdges(): void {
    for (const b of this.blocks) b.inEdges = null;
    for (let level = this.ic.root.level; level > 0; level--)
      for (const b of this.at(level))
        for (const e of [b.et, b.ef]) {
          const child = e.succ as Block;
          e.next = child.inEdges;
          child.inEdges = e;
        }
  }

  // ---- values ----

  private value(code: number, v0: number, v1: number): number {
    const key = `${code} ${v0} ${v1}`;
    const known = this.values.get(key);
    if (known !== undefined) return known;
    const val = this.constants.length;
    const cls = code & 7;
    this.constants.push((code & 0xe0) === IMM && (cls === LD || cls === LDX) ? v0 : null);
    this.values.set(key, val);
    return val;
  }

  private constant(k: number): number {
    return this.value(LD | IMM | W, k, 0);
  }

  private known(v: number): number | null {
    return this.constants[v] ?? null;
  }

  private store(s: Stmt, val: Uint32Array, atom: number, v: number, alter: boolean): void {
    if (alter && v !== 0 && val[atom] === v) s.code = NOP;
    else val[atom] = v;
  }

  private fold(s: Stmt, l: number, r: number): void {
    const op = s.code & 0xf0;
    if (r === 0 && (op === DIV || op === MOD)) throw new OptimizeError(op === DIV ? 'division by zero' : 'modulus by zero');
    s.k = arith(op, l, r) as number;
    s.code = LD | IMM;
    this.progress();
  }

  private statement(s: Stmt, val: Uint32Array, alter: boolean): void {
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

  private aluK(s: Stmt, val: Uint32Array, alter: boolean): void {
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

  private aluX(s: Stmt, val: Uint32Array, alter: boolean): void {
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

  // ---- one block ----

  private block(b: Block, doStmts: boolean): void {
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

  private peephole(b: Block): void {
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
  private indexed(s: Stmt, next: Stmt): void {
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

  private compare(b: Block, last: Stmt): void {
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

  private deadStores(b: Block): void {
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

  // ---- branches ----

  private thread(e: Edge): void {
    const succ = e.succ as Block;
    if (!succ.et.succ) return;
    if (succ.et.succ === succ.ef.succ && !useConflict(e.pred, succ.et.succ)) {
      this.progress();
      e.succ = succ.et.succ;
    }
    top: for (;;) {
      for (let i = 0; i < e.edom.length; i++) {
        for (let x = e.edom[i] as number; x !== 0; ) {
          const bit = 31 - Math.clz32(x & -x);
          x = (x & ~(1 << bit)) >>> 0;
          const target = foldEdge(e.succ as Block, this.edges[bit + i * 32] as Edge);
          if (target && !useConflict(e.pred, target)) {
            this.done = false;
            e.succ = target;
            if (target.et.succ) continue top;
            return;
          }
        }
      }
      return;
    }
  }

  /**
   * A test of the same value further down a chain of alternatives moves up to the first one. `same` is the exit that all tests of
   * the chain share, `along` the one that leads to the next.
   */
  private pullUp(b: Block, same: 'et' | 'ef', along: 'et' | 'ef'): void {
    let e = b.inEdges;
    if (!e) return;
    const val = e.pred.val[A_ATOM];
    for (e = e.next; e; e = e.next) if (val !== e.pred.val[A_ATOM]) return;
    const first = b.inEdges as Edge;
    let diff: Edge = first.pred.et.succ === b ? first.pred.et : first.pred.ef;
    const fits = (x: Block | null): x is Block =>
      !!x && x[same].succ === b[same].succ && (((x.dom[b.id >> 5] as number) >>> (b.id & 31)) & 1) === 1;
    let atTop = true;
    for (;;) {
      const x: Block | null = diff.succ;
      if (!fits(x)) return;
      if (x.val[A_ATOM] !== val) break;
      diff = x[along];
      atTop = false;
    }
    let pos: Edge = (diff.succ as Block)[along];
    for (;;) {
      const x: Block | null = pos.succ;
      if (!fits(x)) return;
      if (x.val[A_ATOM] === val) break;
      pos = x[along];
    }
    const pull = pos.succ as Block;
    pos.succ = pull[along].succ;
    pull[along].succ = diff.succ;
    if (atTop) {
      for (let i = b.inEdges; i; i = i.next) {
        if (i.pred.et.succ === b) i.pred.et.succ = pull;
        else i.pred.ef.succ = pull;
      }
    } else diff.succ = pull;
    this.done = false;
  }

  private pass(doStmts: boolean): void {
    this.values = new Map();
    this.constants = [null];
    const { level: top } = this.ic.root;
    this.findInEdges();
    for (let i = top; i >= 0; i--) for (const b of this.at(i)) this.block(b, doStmts);
    if (doStmts) return;
    for (let i = 1; i <= top; i++)
      for (const b of this.at(i)) {
        this.thread(b.et);
        this.thread(b.ef);
      }
    this.findInEdges();
    for (let i = 1; i <= top; i++)
      for (const b of this.at(i)) {
        this.pullUp(b, 'et', 'ef');
        this.pullUp(b, 'ef', 'et');
      }
  }

  private loop(doStmts: boolean): void {
    for (let idle = 0; ; ) {
      this.done = true;
      this.moved = false;
      this.levels = [];
      unmarkAll(this.ic);
      this.findLevels(this.ic.root);
      this.findDominators();
      this.findUses();
      this.pass(doStmts);
      if (this.done) return;
      idle = this.moved ? 0 : idle + 1;
      if (idle >= MAX_IDLE) return;
    }
  }

  // ---- the end ----

  private mark(b: Block): void {
    if (marked(this.ic, b)) return;
    b.mark = this.ic.mark;
    if ((b.s.code & 7) === RET) return;
    this.mark(b.et.succ as Block);
    this.mark(b.ef.succ as Block);
  }

  /** Equal blocks become one. */
  private intern(): void {
    for (let again = true; again; ) {
      again = false;
      for (const b of this.blocks) b.link = null;
      unmarkAll(this.ic);
      this.mark(this.ic.root);
      const n = this.blocks.length;
      for (let i = n - 2; i >= 0; i--) {
        const b = this.blocks[i] as Block;
        if (!marked(this.ic, b)) continue;
        for (let j = i + 1; j < n; j++) {
          const other = this.blocks[j] as Block;
          if (!marked(this.ic, other) || !equal(b, other)) continue;
          b.link = other.link ?? other;
          break;
        }
      }
      for (const b of this.blocks) {
        if (!b.et.succ || !b.ef.succ) continue;
        for (const e of [b.et, b.ef]) {
          const link = (e.succ as Block).link;
          if (!link) continue;
          again = true;
          e.succ = link;
        }
      }
    }
  }

  private root(): void {
    const { ic } = this;
    const stmts = ic.root.stmts;
    ic.root.stmts = null;
    while ((ic.root.s.code & 7) === JMP && ic.root.et.succ === ic.root.ef.succ) ic.root = ic.root.et.succ as Block;
    const tail = ic.root.stmts;
    if (stmts && tail) {
      let s = stmts;
      while (s.next) s = s.next;
      s.next = tail;
    }
    ic.root.stmts = stmts ?? tail;
    if ((ic.root.s.code & 7) === RET) ic.root.stmts = null;
  }
}

function localUses(b: Block): void {
  let def = 0;
  let use = 0;
  let kill = 0;
  const uses = (s: { code: number; k: number }): void => {
    const atom = atomUse(s);
    for (const x of atom === AX_ATOM ? [X_ATOM, A_ATOM] : atom >= 0 ? [atom] : []) if (!has(def, x)) use |= 1 << x;
  };
  for (let s = b.stmts; s; s = s.next) {
    if (s.code === NOP) continue;
    uses(s);
    const atom = atomDef(s);
    if (atom < 0) continue;
    if (!has(use, atom)) kill |= 1 << atom;
    def |= 1 << atom;
  }
  if ((b.s.code & 7) === JMP) uses(b.s);
  b.def = def;
  b.kill = kill;
  b.inUse = use;
}

function useConflict(b: Block, succ: Block): boolean {
  if (succ.outUse === 0) return false;
  for (let atom = 0; atom < N_ATOMS; atom++) if (has(succ.outUse, atom) && b.val[atom] !== succ.val[atom]) return true;
  return false;
}

/** Where `child` leads when the edge was taken before it, as far as that is decided. */
function foldEdge(child: Block, e: Edge): Block | null {
  const sense = e.code >= 0;
  const code = sense ? e.code : -e.code;
  if (child.s.code !== code) return null;
  if (child.val[A_ATOM] !== e.pred.val[A_ATOM]) return null;
  if (child.oval === e.pred.oval) return sense ? child.et.succ : child.ef.succ;
  return sense && code === (JMP | JEQ | K) ? child.ef.succ : null;
}

function equal(a: Block, b: Block): boolean {
  if (a.s.code !== b.s.code || a.s.k !== b.s.k || a.et.succ !== b.et.succ || a.ef.succ !== b.ef.succ) return false;
  let x = thisOp(a.stmts);
  let y = thisOp(b.stmts);
  while (x && y) {
    if (x.code !== y.code || x.k !== y.k) return false;
    x = thisOp(x.next);
    y = thisOp(y.next);
  }
  return x === null && y === null;
}

/** Rewrites the code in place. Throws OptimizeError for a constant division by zero. */
export function optimize(ic: Code): void {
  new Optimizer(ic).run();
}
