/** Basic blocks of a filter under construction, and their way into instructions. Models gencode.h and icode_to_fcode() of optimize.c */

import { type Insn, JA, JMP, RET } from './insn.ts';

/** A statement that the optimizer took out. */
export const NOP = -1;

/** One statement; `jt` and `jf` are other statements of the same block (only in code that is not optimized). */
export interface Stmt {
  code: number;
  k: number;
  jt: Stmt | null;
  jf: Stmt | null;
  next: Stmt | null;
}

export interface Edge {
  id: number;
  code: number;
  /** Edges that dominate this one. */
  edom: Uint32Array;
  succ: Block | null;
  pred: Block;
  next: Edge | null;
}

/** Statements, then a branch. While it is built, `sense` tells which of the two exits is still open towards "true". */
export interface Block {
  head: Block;
  stmts: Stmt | null;
  s: { code: number; k: number };
  mark: number;
  longjt: number;
  longjf: number;
  level: number;
  offset: number;
  sense: boolean;
  et: Edge;
  ef: Edge;
  link: Block | null;
  dom: Uint32Array;
  inEdges: Edge | null;
  def: number;
  kill: number;
  inUse: number;
  outUse: number;
  oval: number;
  val: Uint32Array;
  id: number;
}

const NO_SET = new Uint32Array(0);

export function newStmt(code: number, k = 0): Stmt {
  return { code, k: k >>> 0, jt: null, jf: null, next: null };
}

export function newBlock(code: number, k = 0, stmts: Stmt | null = null): Block {
  const b = {
    stmts,
    s: { code, k: k >>> 0 },
    mark: 0,
    longjt: 0,
    longjf: 0,
    level: 0,
    offset: 0,
    sense: false,
    link: null,
    dom: NO_SET,
    inEdges: null,
    def: 0,
    kill: 0,
    inUse: 0,
    outUse: 0,
    oval: 0,
    val: NO_SET,
    id: 0,
  } as unknown as Block;
  const edge = (): Edge => ({ id: 0, code: 0, edom: NO_SET, succ: null, pred: b, next: null });
  b.head = b;
  b.et = edge();
  b.ef = edge();
  return b;
}

export function append(list: Stmt, tail: Stmt): void {
  let s = list;
  while (s.next) s = s.next;
  s.next = tail;
}

/** The chain of open exits runs through the exits themselves. */
export function backpatch(list: Block, target: Block): void {
  for (let b: Block | null = list; b; ) {
    const edge: Edge = b.sense ? b.ef : b.et;
    const next: Block | null = edge.succ;
    edge.succ = target;
    b = next;
  }
}

function merge(first: Block, second: Block): void {
  let b = first;
  for (;;) {
    const edge = b.sense ? b.ef : b.et;
    if (!edge.succ) {
      edge.succ = second;
      return;
    }
    b = edge.succ;
  }
}

export function genAnd(b0: Block, b1: Block): void {
  backpatch(b0, b1.head);
  b0.sense = !b0.sense;
  b1.sense = !b1.sense;
  merge(b1, b0);
  b1.sense = !b1.sense;
  b1.head = b0.head;
}

export function genOr(b0: Block, b1: Block): void {
  b0.sense = !b0.sense;
  backpatch(b0, b1.head);
  b0.sense = !b0.sense;
  merge(b1, b0);
  b1.head = b0.head;
}

export function genNot(b: Block): void {
  b.sense = !b.sense;
}

/** The whole filter: where it begins, and the mark of the present walk. */
export interface Code {
  root: Block;
  mark: number;
}

export function unmarkAll(ic: Code): void {
  ic.mark++;
}

export function marked(ic: Code, b: Block): boolean {
  return b.mark === ic.mark;
}

export function length(s: Stmt | null): number {
  let n = 0;
  for (let x = s; x; x = x.next) if (x.code !== NOP) n++;
  return n;
}

function countStmts(ic: Code, b: Block | null): number {
  if (!b || marked(ic, b)) return 0;
  b.mark = ic.mark;
  const n = countStmts(ic, b.et.succ) + countStmts(ic, b.ef.succ);
  return length(b.stmts) + n + 1 + b.longjt + b.longjf;
}

/** Jumps further than a byte can say get an extra jump, which takes another round. */
const FAR = 256;

export function toInsns(ic: Code): Insn[] {
  for (let round = 0; ; round++) {
    unmarkAll(ic);
    const size = countStmts(ic, ic.root);
    const out: Insn[] = Array.from({ length: size }, () => ({ code: 0, k: 0, jt: 0, jf: 0 }));
    unmarkAll(ic);
    if (place(ic, ic.root, out, { tail: size })) return out;
    if (round > size) throw new Error('filter does not settle');
  }
}

/** Lays blocks out from the end, the false side last; false when a far jump needs room. */
function place(ic: Code, b: Block | null, out: Insn[], pos: { tail: number }): boolean {
  if (!b || marked(ic, b)) return true;
  b.mark = ic.mark;
  if (!place(ic, b.ef.succ, out, pos) || !place(ic, b.et.succ, out, pos)) return false;
  const n = length(b.stmts);
  pos.tail -= n + 1 + b.longjt + b.longjf;
  b.offset = pos.tail;
  const order: Stmt[] = [];
  for (let s = b.stmts; s; s = s.next) if (s.code !== NOP) order.push(s);
  let at = pos.tail;
  for (const [i, s] of order.entries()) {
    const insn = out[at++] as Insn;
    insn.code = s.code;
    insn.k = s.k;
    if ((s.code & 7) === JMP && s.code !== (JMP | JA) && s.jt && s.jf) {
      insn.jt = order.indexOf(s.jt) - i - 1;
      insn.jf = order.indexOf(s.jf) - i - 1;
    }
  }
  const branch = out[at] as Insn;
  branch.code = b.s.code;
  branch.k = b.s.k;
  if (!b.et.succ || !b.ef.succ || (b.s.code & 7) === RET) return true;
  let extra = 0;
  const jump = (to: Block, long: 'longjt' | 'longjf', field: 'jt' | 'jf'): boolean => {
    const off = to.offset - (b.offset + n) - 1;
    if (off < FAR) {
      branch[field] = off;
      return true;
    }
    if (b[long] === 0) {
      b[long]++;
      return false;
    }
    branch[field] = extra++;
    const far = out[at + extra] as Insn;
    far.code = JMP | JA;
    far.k = off - extra;
    return true;
  };
  return jump(b.et.succ, 'longjt', 'jt') && jump(b.ef.succ, 'longjf', 'jf');
}
