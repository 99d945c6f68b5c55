/** What a transaction changed, or why it was refused. Models struct nft_trans and its notifications of net/netfilter/nf_tables_api.c */

import type { Errno } from '../../../sim/errno.ts';
import type { NftSet, SetElem } from './set.ts';
import type { NftChain, NftObject, NftRule, NftTable } from './table.ts';

/** Something that a transaction changed, for `nft monitor`. */
export interface NftChange {
  readonly verb: 'add' | 'insert' | 'delete';
  readonly what: 'table' | 'chain' | 'rule' | 'set' | 'element' | 'object';
  readonly table: NftTable;
  readonly chain?: NftChain;
  readonly rule?: NftRule;
  /** Handle of the rule before a replaced one. */
  readonly position?: number;
  readonly set?: NftSet;
  /** An anonymous set that goes with its rule. */
  readonly anonymous?: { readonly name: string; readonly handle: number };
  readonly elem?: SetElem;
  readonly object?: NftObject;
}

/** A committed transaction and whose it was. */
export interface NftCommit {
  readonly changes: readonly NftChange[];
  readonly generation: number;
  readonly pid: number;
  readonly comm: string;
}

/** Which part of the command a refusal is about. */
export interface NftRefusal {
  readonly errno: Errno;
  readonly about: 'rule' | 'chain' | 'statement';
  /** Index of the statement. */
  readonly index: number;
}
