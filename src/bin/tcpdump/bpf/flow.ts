/** The graph of a filter's blocks: levels, dominators, edges in, words in use. Models the flow analysis of libpcap's optimize.c */

import { localUses, N_ATOMS } from './atoms.ts';
import { type Block, type Code, type Edge, marked, unmarkAll } from './block.ts';

export class FlowGraph {
  protected readonly ic: Code;
  protected done = false;
  protected moved = false;
  protected readonly blocks: Block[] = [];
  protected readonly edges: Edge[] = [];
  protected levels: (Block | null)[] = [];

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

  protected number(b: Block | null): void {
    if (!b || marked(this.ic, b)) return;
    b.mark = this.ic.mark;
    b.id = this.blocks.length;
    this.blocks.push(b);
    this.number(b.et.succ);
    this.number(b.ef.succ);
  }

  protected progress(): void {
    this.moved = true;
    this.done = false;
  }

  protected findLevels(b: Block): void {
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
  protected *at(level: number): Generator<Block> {
    for (let b = this.levels[level] ?? null; b; b = b.link) yield b;
  }

  protected findDominators(): void {
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

  protected findUses(): void {
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

  protected findInEdges(): void {
    for (const b of this.blocks) b.inEdges = null;
    for (let level = this.ic.root.level; level > 0; level--)
      for (const b of this.at(level))
        for (const e of [b.et, b.ef]) {
          const child = e.succ as Block;
          e.next = child.inEdges;
          child.inEdges = e;
        }
  }
}
