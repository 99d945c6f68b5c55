/** Which chains lead to which: who holds a chain, loops. Models nft_chain_validate() of net/netfilter/nf_tables_api.c */

import type { Expr, VerdictExpr } from './expr.ts';
import type { Stmt } from './stmt.ts';
import type { NftChain, NftTable } from './table.ts';

const MAX_JUMPS = 16;

/** Every chain that a statement may lead to. */
export function chainsOf(s: Stmt): string[] {
  if (s.s !== 'verdict') return [];
  const { expr } = s;
  if (expr.k === 'verdict') return expr.chain === null ? [] : [expr.chain];
  if (expr.k !== 'map' || expr.table.k !== 'set') return [];
  return expr.table.elems.flatMap((el) => (el.data?.k === 'verdict' && el.data.chain !== null ? [el.data.chain] : []));
}

export function referenced(table: NftTable, chain: NftChain): boolean {
  for (const c of table.chains.values()) {
    if (c === chain) continue;
    for (const rule of c.rules) for (const s of rule.stmts) if (chainsOf(s).includes(chain.name)) return true;
  }
  for (const set of table.sets.values()) {
    if (set.spec.dataType?.base !== 'verdict') continue;
    for (const e of set.elems) if (e.elem.data?.k === 'verdict' && e.elem.data.chain === chain.name) return true;
  }
  return false;
}

export function jumpsTo(table: NftTable, name: string): VerdictExpr[] {
  const found = new Set<VerdictExpr>();
  const look = (e: Expr | null): void => {
    if (e?.k === 'verdict' && e.chain === name) found.add(e);
    if (e?.k === 'map' && e.table.k === 'set') for (const el of e.table.elems) look(el.data);
  };
  for (const chain of table.chains.values()) {
    for (const rule of chain.rules) for (const s of rule.stmts) if (s.s === 'verdict') look(s.expr);
  }
  for (const set of table.sets.values()) for (const el of set.elems) look(el.elem.data);
  return [...found];
}

/** Loops are looked for from base chains only. */
export function reachable(table: NftTable, chain: NftChain): boolean {
  if (chain.base) return true;
  for (const c of table.chains.values()) if (c.base && reaches(table, c, chain, 0)) return true;
  return false;
}

export function reaches(table: NftTable, from: NftChain, to: NftChain, depth: number): boolean {
  if (from === to || depth > MAX_JUMPS) return true;
  return from.rules.some((r) =>
    r.stmts.some((s) =>
      chainsOf(s).some((name) => {
        const next = table.chains.get(name);
        return next !== undefined && reaches(table, next, to, depth + 1);
      }),
    ),
  );
}
