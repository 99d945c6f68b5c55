/** What a kubectl command is, and what it is given when it runs. Models cobra.Command and cmdutil.Factory */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { Mapper } from './discovery.ts';
import { checkErr, Failure, failure } from './errors.ts';
import type { Flag, FlagSet } from './flags.ts';
import { ClientConfig } from './kubeconfig.ts';
import { Rest } from './rest.ts';

export interface Verb {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The line under `Usage:` without `kubectl ` and parents' names: `get [(-o|--output=)json|...] (TYPE ...)`. */
  readonly use: string;
  readonly short: string;
  /** What --help begins with; `short` when not given. */
  readonly long?: string;
  readonly example?: string;
  readonly flags: readonly Flag[];
  readonly subcommands?: readonly Verb[];
  readonly hidden?: boolean;
  /** Missing: only its subcommands run. A Failure is printed as cmdutil.CheckErr does; a number is the exit status. */
  run?(ctx: Ctx): Task<number | Failure>;
}

export class Ctx {
  readonly p: Process;
  readonly verb: Verb;
  /** `kubectl create deployment`. */
  readonly path: string;
  readonly flags: FlagSet;
  readonly args: readonly string[];
  private config: ClientConfig | null = null;
  private client: Rest | null = null;
  private known: Mapper | null = null;
  /** What came on standard input: `replace --force -f -` reads it several times, as kubectl does from a temporary file. */
  stdin: string | null = null;

  constructor(p: Process, verb: Verb, path: string, flags: FlagSet) {
    this.p = p;
    this.verb = verb;
    this.path = path;
    this.flags = flags;
    this.args = flags.args;
  }

  /** The kubeconfig with the command line's overrides; loaded when first asked. */
  get clientConfig(): ClientConfig {
    this.config ??= new ClientConfig(this.p, this.flags);
    return this.config;
  }

  /** Requests to the API server. */
  get rest(): Rest {
    this.client ??= new Rest(this.p, this.clientConfig, this.flags);
    return this.client;
  }

  /** Which kinds and resources the server has. */
  get mapper(): Mapper {
    this.known ??= new Mapper(this.rest);
    return this.known;
  }

  /** The namespace to use, and whether -n named it. */
  namespace(): { name: string; explicit: boolean } | Failure {
    return this.clientConfig.namespace();
  }

  /** The wall clock, seconds since 1970. */
  get now(): number {
    return (this.p.sim.epochMs + this.p.sim.now / 1000) / 1000;
  }

  str(flag: string): string {
    return this.flags.str(flag);
  }

  bool(flag: string): boolean {
    return this.flags.bool(flag);
  }

  int(flag: string): number {
    return this.flags.int(flag);
  }

  list(flag: string): readonly string[] {
    return this.flags.list(flag);
  }

  changed(flag: string): boolean {
    return this.flags.changed(flag);
  }

  *out(text: string): Task<void> {
    if (text !== '') yield* this.p.out(text);
  }

  *err(text: string): Task<void> {
    if (text !== '') yield* this.p.err(text);
  }

  /** Prints an error and goes on. */
  *report(f: Failure): Task<void> {
    yield* this.err(checkErr(f));
  }

  /** Texts of warnings that the server has sent. */
  get warnings(): number {
    return this.client?.warnings ?? 0;
  }

  /** Ends connections that are kept. */
  *finish(): Task<void> {
    const http = this.client?.client() ?? null;
    if (http && !(http instanceof Failure)) yield* http.close();
  }

  /** cmdutil.UsageErrorf() */
  usageError(text: string): Failure {
    return failure(`${text}\nSee '${this.path} -h' for help and examples`);
  }
}

/** Waits for nothing. */
export function* none(): Task<void> {}
