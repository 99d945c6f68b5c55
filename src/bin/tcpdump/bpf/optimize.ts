/** The filter optimizer: branch threading, pulling tests up, equal blocks. Models libpcap's optimize.c */

import { A_ATOM, thisOp, useConflict } from './atoms.ts';
import { type Block, type Code, type Edge, marked, unmarkAll } from './block.ts';
import { JEQ, JMP, K, RET } from './insn.ts';
import { BlockOptimizer } from './peephole.ts';

/** Rounds without progress but branch movement, after which it stops. */
const MAX_IDLE = 100;

class Optimizer extends BlockOptimizer {
  run(): void {
    this.loop(false);
    this.loop(true);
    this.intern();
    this.root();
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
