/** The iptables tool as kube-proxy calls it, of one family. Models pkg/util/iptables/iptables.go */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import { type Ran, run } from '../exec.ts';
import type { Family } from '../family.ts';
import { chainsOf } from './engine.ts';

export type TableName = 'filter' | 'nat' | 'mangle';

/** How the tool says that a chain or rule is not there. */
const NOT_FOUND = /does a matching rule exist in that chain|No chain\/target\/match by that name|No such file or directory|does not exist/;

export class Iptables {
  private readonly p: Process;
  private readonly prog: string;

  constructor(p: Process, family: Family) {
    this.p = p;
    this.prog = family === 4 ? 'iptables' : 'ip6tables';
  }

  private *call(...args: string[]): Task<Ran> {
    return yield* run(this.p, [this.prog, '-w', '5', ...args]);
  }

  /** False on a machine without the tool or the tables. */
  *present(): Task<boolean> {
    const version = yield* run(this.p, [this.prog, '--version']);
    if (version.status !== 0) return false;
    return (yield* this.call('-S', 'POSTROUTING', '-t', 'nat')).status === 0;
  }

  *ensureChain(table: TableName, chain: string): Task<boolean> {
    const r = yield* this.call('-N', chain, '-t', table);
    return r.status === 0 || r.status === 1;
  }

  *chainExists(table: TableName, chain: string): Task<boolean> {
    return (yield* this.call('-S', chain, '-t', table)).status === 0;
  }

  /** Puts the rule before the others where it is missing. */
  *ensureRule(table: TableName, chain: string, words: readonly string[]): Task<boolean> {
    if ((yield* this.call('-C', chain, '-t', table, ...words)).status === 0) return true;
    return (yield* this.call('-I', chain, '-t', table, ...words)).status === 0;
  }

  *deleteRule(table: TableName, chain: string, words: readonly string[]): Task<boolean> {
    if ((yield* this.call('-C', chain, '-t', table, ...words)).status !== 0) return true;
    const r = yield* this.call('-D', chain, '-t', table, ...words);
    return r.status === 0 || NOT_FOUND.test(r.err);
  }

  *deleteChain(table: TableName, chain: string): Task<boolean> {
    return (yield* this.call('-X', chain, '-t', table)).status === 0;
  }

  /** Names of the table's chains; null when it cannot be read. */
  *chains(table: TableName): Task<string[] | null> {
    const r = yield* run(this.p, [`${this.prog}-save`, '-t', table]);
    return r.status === 0 ? chainsOf(r.out) : null;
  }

  /** An error text, empty when it went well. */
  *restoreAll(input: string): Task<string> {
    const r = yield* run(this.p, [`${this.prog}-restore`, '-w', '5', '--noflush', '--counters'], input);
    return r.status === 0 ? '' : `exit status ${r.status}: ${r.err}`;
  }

  *restore(table: TableName, input: string): Task<string> {
    const r = yield* run(this.p, [`${this.prog}-restore`, '-w', '5', '-T', table, '--noflush', '--counters'], input);
    return r.status === 0 ? '' : `exit status ${r.status}: ${r.err}`;
  }
}
