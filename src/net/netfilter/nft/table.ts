/** Tables, chains, rules, objects and flowtables as the kernel keeps them. Models struct nft_table, nft_chain, nft_rule, nft_object */

import type { Hook } from '../netfilter.ts';
import type { XtPacket } from '../xt/packet.ts';
import type { Run, Step } from './run.ts';
import type { NftSet } from './set.ts';
import type { ObjKind, Stmt } from './stmt.ts';

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';
export type ChainType = 'filter' | 'nat' | 'route';
export type NftHook = Hook | 'INGRESS' | 'EGRESS';

export interface NftRule {
  readonly handle: number;
  readonly stmts: readonly Stmt[];
  readonly comment: string | null;
  /** Its anonymous sets. */
  readonly sets: readonly { readonly name: string; readonly handle: number }[];
  readonly run: (p: XtPacket) => Step;
}

export interface BaseChain {
  readonly type: ChainType;
  readonly hook: NftHook;
  readonly priority: number;
  /** Null: not said, which is accept. */
  policy: 'accept' | 'drop' | null;
  /** Devices of netdev chains and of inet ingress. */
  devices: readonly string[];
}

export class NftChain {
  name: string;
  readonly handle: number;
  readonly base: BaseChain | null;
  comment: string | null = null;
  rules: NftRule[] = [];
  unregister: (() => void)[] = [];

  constructor(name: string, handle: number, base: BaseChain | null) {
    this.name = name;
    this.handle = handle;
    this.base = base;
  }
}

/** What a named object is: a counter, quota or limit statement, or what helpers and timeouts say. */
export interface ObjSpec {
  readonly kind: ObjKind;
  /** State of counter, quota, limit, synproxy. */
  readonly stmt: Stmt | null;
  /** ct helper, ct timeout, ct expectation, secmark: lines as nft lists them. */
  readonly lines: readonly string[];
  readonly comment: string | null;
}

export class NftObject {
  readonly name: string;
  readonly handle: number;
  spec: ObjSpec;
  run: Run;
  users = 0;

  constructor(name: string, handle: number, spec: ObjSpec, run: Run) {
    this.name = name;
    this.handle = handle;
    this.spec = spec;
    this.run = run;
  }
}

export interface Flowtable {
  readonly name: string;
  readonly handle: number;
  readonly priority: number;
  readonly devices: readonly string[];
  readonly counter: boolean;
  readonly offload: boolean;
}

export class NftTable {
  readonly family: NftFamily;
  readonly name: string;
  readonly handle: number;
  comment: string | null = null;
  dormant = false;
  chains = new Map<string, NftChain>();
  sets = new Map<string, NftSet>();
  /** By kind and name. */
  objects = new Map<string, NftObject>();
  flowtables = new Map<string, Flowtable>();
  /** Handles given so far; anonymous sets take them too. */
  handles = 0;
  /** Names of the rules' own sets. */
  readonly anonymous = new Set<string>();

  constructor(family: NftFamily, name: string, handle: number) {
    this.family = family;
    this.name = name;
    this.handle = handle;
  }

  nextHandle(): number {
    return ++this.handles;
  }
}

export const objectKey = (kind: ObjKind, name: string): string => `${kind} ${name}`;
