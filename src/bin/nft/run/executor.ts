/** One run of nft: what it changes, what it prints, what it complains of. Models nft_run_cmd_from_buffer() of nftables/src/libnftables.c */

import type { Process } from '../../../os/process.ts';
import { type Errno, strerror, xt } from '../../../os/uapi.ts';
import type { Scope } from '../evaluate/context.ts';
import { type Loc, NftError, type Place, type Token } from '../lexer.ts';
import type { Format } from '../print/expr.ts';

/** The kernel said no: told only when nothing was wrong before. */
export class Refused extends NftError {}

export interface Named {
  readonly family: xt.NftFamily;
  readonly table: Token;
  readonly name: Token;
}

export interface Monitored {
  readonly filter: string | null;
  readonly json: boolean;
}

/**
 * Distance of two words as nft computes it: rows of the table lie one cell too close to each other, and letters are compared one
 * place late, so short words come out nearer than they are. Models string_distance() of nftables/src/misspell.c
 */
function distance(a: string, b: string): number {
  const cells: number[] = new Array((a.length + 1) * (b.length + 1)).fill(0);
  const index = (i: number, j: number): number => i * b.length + j;
  const at = (i: number, j: number): number => cells[index(i, j)] ?? 0;
  for (let i = 0; i <= a.length; i++) cells[index(i, 0)] = i;
  for (let j = 0; j <= b.length; j++) cells[index(0, j)] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const differ = a[i] === b[j] ? 0 : 1;
      let cost = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + differ);
      if (i > 1 && j > 1 && a[i] === b[j - 1] && a[i - 1] === b[j]) cost = Math.min(cost, at(i - 2, j - 2) + differ);
      cells[index(i, j)] = cost;
    }
  }
  return at(a.length, b.length);
}

/** The candidate that was perhaps meant. Models string_misspell_update() */
export function misspelt<T>(name: string, all: readonly T[], nameOf: (x: T) => string): T | null {
  let best: T | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const x of all) {
    const other = nameOf(x);
    const max = Math.max(name.length, other.length);
    const min = Math.min(name.length, other.length);
    if (max <= 1) continue;
    const threshold = max - min <= 1 ? Math.max(Math.ceil(max / 3), 1) : Math.ceil((max + 2) / 3);
    const d = distance(other, name);
    if (d <= threshold && d < least) {
      least = d;
      best = x;
    }
  }
  return best;
}

export class Executor {
  readonly p: Process;
  readonly format: Format;
  readonly json: boolean;
  readonly echo: boolean;
  out = '';
  /** What is said on the standard error, and after how much of `out`. */
  readonly warnings: { at: number; text: string }[] = [];
  readonly evalErrors: NftError[] = [];
  readonly refusals: Refused[] = [];
  monitor: Monitored | null = null;

  constructor(p: Process, format: Format, json: boolean, echo: boolean) {
    this.p = p;
    this.format = format;
    this.json = json;
    this.echo = echo;
  }

  get nft(): xt.NftTables {
    return this.p.ns.nf.nft;
  }

  refuse(errno: Errno, at: Place): never {
    throw new Refused(`Could not process rule: ${strerror(errno)}`, at);
  }

  /** Tables of iptables-nft may be looked at but not changed here. */
  private foreign(family: xt.NftFamily, name: string): boolean {
    const f = family === 'ip' ? 4 : family === 'ip6' ? 6 : null;
    return f !== null && xt.isTableName(name) && this.p.ns.nf.xt.get(f, name) !== null;
  }

  /** The table that something goes into or is taken from; `kernel`: nft itself does not look, the kernel refuses. */
  table(family: xt.NftFamily, name: Token): xt.NftTable {
    const found = this.nft.get(family, name.text);
    if (found) return found;
    this.changesForeign(family, name);
    throw new NftError(`No such file or directory${this.hintTable(name.text)}`, name);
  }

  /** The table of a set or object to delete: when it is missing, the table of one of a similar name is offered. */
  tableWith(family: xt.NftFamily, table: Token, names: (t: xt.NftTable) => Iterable<string>, name: string | null): xt.NftTable {
    const found = this.nft.get(family, table.text);
    if (found) return found;
    this.changesForeign(family, table);
    const all = this.nft.all().flatMap((t) => [...names(t)].map((n) => ({ t, n })));
    const near = name === null ? null : misspelt(name, all, (x) => x.n);
    if (near) throw new Refused(`No such file or directory; did you mean table ‘${near.t.name}’ in family ${near.t.family}?`, table);
    this.refuse('ENOENT', table);
  }

  /** The same for what the kernel is asked first. */
  tableWithChain(family: xt.NftFamily, table: Token, chain: string | null): xt.NftTable {
    const found = this.nft.get(family, table.text);
    if (found) return found;
    this.changesForeign(family, table);
    this.refuseNear(table, family, table.text, chain);
  }

  private changesForeign(family: xt.NftFamily, name: Token): void {
    if (this.foreign(family, name.text)) throw new NftError('changing tables of iptables-nft with nft is not emulated', name);
  }

  hintTable(name: string): string {
    const other = misspelt(name, this.nft.all(), (t) => t.name);
    return other ? `; did you mean table ‘${other.name}’ in family ${other.family}?` : '';
  }

  hintChain(name: string): string {
    const all = this.nft.all().flatMap((t) => [...t.chains.values()].map((c) => ({ t, c })));
    const near = misspelt(name, all, (x) => x.c.name);
    return near && near.c.name !== name ? `; did you mean chain ‘${near.c.name}’ in table ${near.t.family} ‘${near.t.name}’?` : '';
  }

  /** ENOENT of a command on rules or chains: a chain of a similar name is offered, whatever is missing. Models nft_cmd_enoent_chain() */
  refuseNear(at: Place, family: xt.NftFamily, table: string, chain: string | null): never {
    const all = this.nft.all().flatMap((t) => [...t.chains.values()].map((c) => ({ t, c })));
    const near = chain === null ? null : misspelt(chain, all, (x) => x.c.name);
    if (near) {
      const { t, c } = near;
      if (!this.nft.get(family, table))
        throw new Refused(`No such file or directory; did you mean table ‘${t.name}’ in family ${t.family}?`, at);
      if (c.name !== chain)
        throw new Refused(`No such file or directory; did you mean chain ‘${c.name}’ in table ${t.family} ‘${t.name}’?`, at);
    }
    this.refuse('ENOENT', at);
  }

  /** A chain that the kernel does not find. */
  chain(table: xt.NftTable, name: Token): xt.NftChain {
    const chain = table.chains.get(name.text);
    if (chain) return chain;
    this.refuseNear(name, table.family, table.name, name.text);
  }

  /** set_lookup_fuzzy() */
  private nearSet(name: string): { table: xt.NftTable; set: xt.NftSet } | null {
    const all = this.nft.all().flatMap((table) => [...table.sets.values()].map((set) => ({ table, set })));
    return all.find((x) => x.set.name === name) ?? misspelt(name, all, (x) => x.set.name);
  }

  hintSet(table: xt.NftTable, name: string): string {
    void table;
    const near = this.nearSet(name);
    return near ? `; did you mean ${near.set.spec.kind} ‘${near.set.name}’ in table ${near.table.family} ‘${near.table.name}’?` : '';
  }

  set(table: xt.NftTable, name: Token): xt.NftSet {
    const set = table.sets.get(name.text);
    if (!set) throw new NftError(`No such file or directory${this.hintSet(table, name.text)}`, name);
    return set;
  }

  scope(table: xt.NftTable): Scope {
    return {
      names: this.format.names,
      family: table.family,
      findSet: (name) => table.sets.get(name) ?? null,
      hintSet: (name) => this.hintSet(table, name),
    };
  }

  /** Notes what went wrong and goes on: nft tells all of it. */
  attempt(run: () => void): void {
    try {
      run();
    } catch (e) {
      if (e instanceof Refused) this.refusals.push(e);
      else if (e instanceof NftError) this.evalErrors.push(e);
      else throw e;
    }
  }
}

export type Command = (ex: Executor) => void;
export type { Loc };
