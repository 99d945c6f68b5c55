/** What statements need while they stand in a rule: connection tracking, sets, handles. Models nft_expr_ops.init and destroy of net/netfilter/nft_*.c */

import type { Expr } from './expr.ts';
import type { NftSet } from './set.ts';
import type { Stmt } from './stmt.ts';

function usesCt(e: Expr | null): boolean {
  if (!e) return false;
  if (e.k === 'ct') return true;
  if (e.k === 'concat' || e.k === 'list') return e.items.some(usesCt);
  if (e.k === 'binop') return usesCt(e.left);
  if (e.k === 'map') return usesCt(e.key);
  return e.k === 'hash' && usesCt(e.expr);
}

export function needsTracking(s: Stmt): boolean {
  switch (s.s) {
    case 'match':
      return usesCt(s.left);
    case 'verdict':
      return usesCt(s.expr);
    case 'assign':
      return s.target.k === 'ct' || usesCt(s.value);
    case 'nat':
    case 'connlimit':
    case 'synproxy':
      return true;
    case 'objref':
      return s.kind.startsWith('ct ');
    case 'setop':
      return usesCt(s.key);
    default:
      return false;
  }
}

/** Statements whose chains are looked at when everything else of a batch is done (nft_expr_ops.validate). */
export const AT_END: ReadonlySet<Stmt['s']> = new Set(['nat', 'reject', 'tproxy', 'synproxy']);

export function anonymousSets(stmts: readonly Stmt[]): number {
  let n = 0;
  for (const s of stmts) {
    const e = s.s === 'match' ? s.right : s.s === 'verdict' || s.s === 'objref' ? s.expr : null;
    if (e?.k === 'set' || (e?.k === 'map' && e.table.k === 'set')) n++;
  }
  return n;
}

export function setsOf(s: Stmt): NftSet[] {
  const out: NftSet[] = [];
  const see = (e: Expr | null): void => {
    if (!e) return;
    if (e.k === 'setref') out.push(e.set);
    else if (e.k === 'map') see(e.table);
  };
  if (s.s === 'match') see(s.right);
  else if (s.s === 'verdict' || s.s === 'objref') see(s.expr);
  else if (s.s === 'assign') see(s.value);
  else if (s.s === 'nat') {
    see(s.addr);
    see(s.port);
  } else if (s.s === 'setop') see(s.set);
  else if (s.s === 'queue') see(s.num);
  return out;
}
