/** What statements and blocks read and write: A, X and the memory words. Models the atoms of libpcap's optimize.c */

import { type Block, NOP, type Stmt } from './block.ts';
import { ALU, IND, JMP, LD, LDX, MEM, MEMWORDS, MISC, RET, ST, STX, TAX, TXA, X } from './insn.ts';

export const A_ATOM = MEMWORDS;
export const X_ATOM = MEMWORDS + 1;
export const N_ATOMS = MEMWORDS + 2;
export const AX_ATOM = N_ATOMS;

export const has = (set: number, atom: number): boolean => (set & (1 << atom)) !== 0;

/** What a statement reads: a memory word, A, X, both, or -1 for nothing. */
export function atomUse(s: { code: number; k: number }): number {
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

export function atomDef(s: { code: number; k: number }): number {
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

export function thisOp(s: Stmt | null): Stmt | null {
  let x = s;
  while (x && x.code === NOP) x = x.next;
  return x;
}

export function localUses(b: Block): void {
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

export function useConflict(b: Block, succ: Block): boolean {
  if (succ.outUse === 0) return false;
  for (let atom = 0; atom < N_ATOMS; atom++) if (has(succ.outUse, atom) && b.val[atom] !== succ.val[atom]) return true;
  return false;
}
