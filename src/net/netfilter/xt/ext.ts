/** What a match or target is made of: options as data, checks, printing, and the function that runs. Models xtables_match and xtables_target */

import type { Result } from '../../../sim/errno.ts';
import type { Family } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';
import type { Hook } from '../netfilter.ts';
import type { XtPacket } from './packet.ts';

/** What the tool's exit_error() ends with: PARAMETER_PROBLEM 2, VERSION_PROBLEM 3, RESOURCE_PROBLEM 4, OTHER_PROBLEM 1. */
export class Problem extends Error {
  readonly status: number;
  /** False: the text stands alone, without `iptables v1.8.9 (nf_tables): ` before it. */
  readonly prefixed: boolean;

  constructor(message: string, status = 2, prefixed = true) {
    super(message);
    this.status = status;
    this.prefixed = prefixed;
  }
}

/** What options may ask while they are parsed. */
export interface ParseCx {
  readonly family: Family;
  readonly legacy: boolean;
  /** The rule's `-p`, 0 when not given; final only in `check`. */
  readonly proto: number;
  readonly protoInvert: boolean;
  /** Takes one more argument of the command line (`--match-set NAME FLAGS`); null when none is left. */
  next(): string | null;
  /** An ipset of that name is there. */
  setExists(name: string): boolean;
  user(name: string): number | null;
  group(name: string): number | null;
  /** Goes to standard error at once, whatever comes after. */
  warn(text: string): void;
}

export interface OptionSpec<O> {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Takes an argument: `required` when not said. */
  readonly arg?: 'none' | 'required' | 'optional';
  readonly invert?: boolean;
  readonly mandatory?: boolean;
  /** May be given more than once. */
  readonly multi?: boolean;
  /** Names of options that must not stand beside it. */
  readonly excludes?: readonly string[];
  /** Names of options that must stand beside it. */
  readonly requires?: readonly string[];
  set?(o: O, arg: string, invert: boolean, cx: ParseCx): void;
}

export interface ListCx {
  readonly family: Family;
  readonly legacy: boolean;
  readonly numeric: boolean;
  /** Service name of a port, or the number. */
  service(port: number, proto: number): string;
  /** Host name of an address, or the address. */
  host(addr: number | bigint): string;
  userName(uid: number): string | null;
  groupName(gid: number): string | null;
}

interface ExtBase<O> {
  readonly name: string;
  readonly families?: readonly Family[];
  readonly options: readonly OptionSpec<O>[];
  /** The tool's final check; `given` are the names of the options seen. */
  check?(o: O, given: ReadonlySet<string>, cx: ParseCx): void;
  /** Kernel: tables and hooks where it may stand, protocols the rule must name. */
  readonly tables?: readonly string[];
  readonly hooks?: readonly Hook[];
  readonly protos?: readonly number[];
  /** Hooks that depend on the options; absent: `hooks`. */
  hooksFor?(o: O): readonly Hook[];
  /** The tool knows it, the kernel does not: every rule with it is refused. */
  readonly missing?: boolean | ((ns: Netns) => boolean);
  /** Further kernel check of the options. */
  checkentry?(o: O, ns: Netns, proto: number, table: string, family: Family): Result;
  readonly conntrack?: boolean;
  init(cx: { family: Family }): O;
  /** Text of -S and iptables-save after `-m name` / `-j name`, with a leading space for each option; '' for none. */
  save(o: O, family: Family): string;
  /** Text of -L, with a leading space; '' for none. */
  list(o: O, cx: ListCx): string;
  /** The same in nft's language, as `nft list` shows rules of iptables-nft; absent or null: `xt match "name"`. */
  nft?(o: O, family: Family): string | null;
  /** Not shown by -S and -L, whatever it does to packets. */
  hidden?(o: O): boolean;
  /** iptables-nft writes it as native expressions: nft does not warn about it. */
  readonly native?: boolean;
}

export interface MatchExt<O = unknown> extends ExtBase<O> {
  readonly kind: 'match';
  /** Compiles the options into the test that runs on packets. */
  run(o: O, ns: Netns): (p: XtPacket) => boolean;
}

/** `continue`: the next rule; the others end the chain or the table. */
export type TargetVerdict = 'continue' | 'accept' | 'drop' | 'return' | 'stolen';

export interface TargetExt<O = unknown> extends ExtBase<O> {
  readonly kind: 'target';
  /** Name that -S prints when it differs (NOTRACK is CT with a flag, both print as given). */
  run(o: O, ns: Netns): (p: XtPacket) => TargetVerdict;
}

export type Ext = MatchExt | TargetExt;

/** The kernel lacks the extension. */
export function isMissing(ext: Ext, ns: Netns): boolean {
  return typeof ext.missing === 'function' ? ext.missing(ns) : ext.missing === true;
}
