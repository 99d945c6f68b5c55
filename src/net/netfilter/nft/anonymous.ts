/** Elements of sets, and sets without a name that belong to one rule. Models nft_set_elem_init() and nf_tables_set_alloc_name() of net/netfilter/nf_tables_api.c */

import type { Elem, Expr } from './expr.ts';
import { NftSet, type SetElem, spansOf } from './set.ts';
import type { NftTable } from './table.ts';

export function makeElem(set: NftSet, el: Elem, now: number): SetElem {
  const timeout = el.timeout ?? set.spec.timeout;
  const life = el.expires ?? timeout;
  const stmts = (el.stmts.length > 0 ? el.stmts : set.spec.stmts).map((s) => ({ ...s }));
  return {
    elem: el,
    spans: el.key ? spansOf(el.key) : null,
    timeout,
    expires: life === null || life === 0 ? null : now + life * 1000,
    stmts,
    run: null,
  };
}

/** `__set%d`, `__map%d`: the first number that no other rule's set has. */
export function freeName(table: NftTable, e: Expr): string {
  const stem = e.k === 'set' && e.elems.some((el) => el.data) ? '__map' : '__set';
  const { anonymous } = table;
  const hint = hints.get(anonymous);
  // Nothing was freed since: all numbers below the last one are taken.
  let n = hint && hint.size === anonymous.size && hint.last !== '' && anonymous.has(hint.last) && hint.stem === stem ? hint.next : 0;
  while (anonymous.has(`${stem}${n}`)) n++;
  const name = `${stem}${n}`;
  hints.set(anonymous, { stem, next: n + 1, size: anonymous.size + 1, last: name });
  return name;
}

const hints = new WeakMap<
  ReadonlySet<string>,
  { readonly stem: string; readonly next: number; readonly size: number; readonly last: string }
>();

export function anonymousSet(e: Expr, handle: number, name: string): NftSet {
  const elems = e.k === 'set' ? e.elems : [];
  const set = new NftSet(
    {
      name,
      kind: 'set',
      keyType: e.type,
      dataType: null,
      objType: null,
      dataInterval: false,
      flags: ['constant'],
      timeout: null,
      gcInterval: null,
      size: null,
      policy: null,
      autoMerge: false,
      comment: null,
      typeofKey: null,
      typeofData: null,
      stmts: [],
      anonymous: true,
    },
    handle,
  );
  set.elems = elems.map((el) => makeElem(set, el, 0));
  return set;
}
