/** Connection tracking of one namespace: the table, its users, events. Models net/netfilter/nf_conntrack_core.c */

import type { Netns } from '../../netns.ts';
import type { Connection } from './connection.ts';

export class Conntrack {
  readonly ns: Netns;
  /** By tupleKey of either direction. */
  readonly table = new Map<string, Connection>();

  constructor(ns: Netns) {
    this.ns = ns;
  }
}
