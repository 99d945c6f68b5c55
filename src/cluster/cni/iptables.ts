/** iptables run as a program. Models coreos/go-iptables and plugins pkg/utils/iptables.go */

import type { Process, Task } from '../../os/process.ts';
import { sha512 } from '../../os/sha512.ts';
import { utf8 } from '../../wire/bytes.ts';
import { hex } from '../sha256.ts';
import { execute, type Ran } from './exec.ts';
import { quoted } from './gojson.ts';
import { bad, good, type Outcome } from './types.ts';

/** The error of a run that failed: what the caller looks at, and the whole text. */
export interface IptablesError {
  readonly status: number;
  readonly stderr: string;
  readonly text: string;
}

export type Ipt<T = null> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: IptablesError };

const fine: Ipt = { ok: true, value: null };

const ABSENT = ['Bad rule (does a matching rule exist in that chain?).\n', 'No chain/target/match by that name.\n'];

/** The rule or chain was not there. */
export function isNotExist(e: IptablesError): boolean {
  return e.status === 1 && ABSENT.some((m) => e.stderr.includes(m));
}

export function toOutcome<T>(r: Ipt<T>, prefix = ''): Outcome<T> {
  return r.ok ? good(r.value) : bad(prefix === '' ? r.error.text : `${prefix}: ${r.error.text}`);
}

export class Iptables {
  private readonly p: Process;
  private readonly path: string;

  private constructor(p: Process, path: string) {
    this.p = p;
    this.path = path;
  }

  static open(p: Process, v6: boolean): Outcome<Iptables> {
    const name = v6 ? 'ip6tables' : 'iptables';
    const path = p.which(name);
    return path.ok ? good(new Iptables(p, path.value)) : bad(`exec: ${quoted(name)}: executable file not found in $PATH`);
  }

  private *run(args: readonly string[]): Task<Ipt<Ran>> {
    const argv = [this.path, ...args, '--wait'];
    const ran = yield* execute(this.p, argv);
    if (!ran.ok) return { ok: false, error: { status: 127, stderr: '', text: `fork/exec ${this.path}: ${ran.errno}` } };
    const { status, stderr } = ran.value;
    if (status === 0) return { ok: true, value: ran.value };
    return { ok: false, error: { status, stderr, text: `running [${argv.join(' ')}]: exit status ${status}: ${stderr}` } };
  }

  private *effect(args: readonly string[]): Task<Ipt> {
    const r = yield* this.run(args);
    return r.ok ? fine : r;
  }

  *exists(table: string, chain: string, rule: readonly string[]): Task<Ipt<boolean>> {
    const r = yield* this.run(['-t', table, '-C', chain, ...rule]);
    if (r.ok) return { ok: true, value: true };
    return r.error.status === 1 ? { ok: true, value: false } : r;
  }

  *insert(table: string, chain: string, rule: readonly string[]): Task<Ipt> {
    return yield* this.effect(['-t', table, '-I', chain, '1', ...rule]);
  }

  *append(table: string, chain: string, rule: readonly string[]): Task<Ipt> {
    return yield* this.effect(['-t', table, '-A', chain, ...rule]);
  }

  *appendUnique(table: string, chain: string, rule: readonly string[]): Task<Ipt> {
    return yield* this.insertUnique(table, chain, false, rule);
  }

  *insertUnique(table: string, chain: string, first: boolean, rule: readonly string[]): Task<Ipt> {
    const there = yield* this.exists(table, chain, rule);
    if (!there.ok) return there;
    if (there.value) return fine;
    return yield* first ? this.insert(table, chain, rule) : this.append(table, chain, rule);
  }

  *delete(table: string, chain: string, rule: readonly string[]): Task<Ipt> {
    return yield* this.effect(['-t', table, '-D', chain, ...rule]);
  }

  /** The lines of `-S`, words for chains that are not there included. */
  *list(table: string, chain?: string): Task<Ipt<readonly string[]>> {
    const r = yield* this.run(['-t', table, '-S', ...(chain === undefined ? [] : [chain])]);
    return r.ok ? { ok: true, value: r.value.stdout.split('\n').filter((l) => l !== '') } : r;
  }

  *chainExists(table: string, chain: string): Task<Ipt<boolean>> {
    const lines = yield* this.list(table);
    if (!lines.ok) return lines;
    return { ok: true, value: lines.value.some((l) => l === `-N ${chain}` || l.startsWith(`-P ${chain} `)) };
  }

  *newChain(table: string, chain: string): Task<Ipt> {
    return yield* this.effect(['-t', table, '-N', chain]);
  }

  *ensureChain(table: string, chain: string): Task<Outcome<null>> {
    const there = yield* this.chainExists(table, chain);
    if (!there.ok) return bad(`failed to list iptables chains: ${there.error.text}`);
    if (there.value) return good(null);
    const made = yield* this.newChain(table, chain);
    return made.ok || made.error.status === 1 ? good(null) : toOutcome(made);
  }

  /** Empties a chain, which is made when it is missing. */
  *clearChain(table: string, chain: string): Task<Ipt> {
    const made = yield* this.newChain(table, chain);
    if (made.ok) return made;
    return made.error.status === 1 ? yield* this.effect(['-t', table, '-F', chain]) : made;
  }

  *deleteChain(table: string, chain: string): Task<Ipt> {
    return yield* this.effect(['-t', table, '-X', chain]);
  }
}

// ---- names

const MAX_CHAIN = 28;
const hashes = new Map<string, string>();

/** A prefix filled up to `length` with the digits of SHA-512. */
export function hashWithPrefix(length: number, prefix: string, toHash: string): string {
  let digits = hashes.get(toHash);
  if (digits === undefined) {
    digits = hex(sha512(utf8(toHash)));
    if (hashes.size > 10_000) hashes.clear();
    hashes.set(toHash, digits);
  }
  return `${prefix}${digits}`.slice(0, length);
}

/** `CNI-`, a prefix and the hash of network and container. */
export function chainName(network: string, id: string, prefix = ''): string {
  return hashWithPrefix(MAX_CHAIN, `CNI-${prefix}`, network + id);
}

export function ruleComment(network: string, id: string): string {
  return `name: ${quoted(network)} id: ${quoted(id)}`;
}
