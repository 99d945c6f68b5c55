/** Errors as kubectl carries and prints them. Models checkErr() of kubectl/pkg/cmd/util/helpers.go and apierrors.StatusError */

import { quote } from './strconv.ts';

/** metav1.Status, as far as it is looked at. */
export interface Status {
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

export type FailureKind =
  /** Any error text. */
  | 'plain'
  /** What the server answered. */
  | 'status'
  /** url.Error: `message` is the cause, `url` what was asked for. */
  | 'url'
  /** clientcmd's ErrConfigurationInvalid. */
  | 'config'
  /** utilerrors.Aggregate */
  | 'aggregate'
  /** cmdutil.ErrExit, or a program's own code, all has been said. */
  | 'exit';

/** Go's `error`. A function that can fail returns `T | Failure`. */
export class Failure {
  readonly kind: FailureKind;
  readonly message: string;
  readonly status: Status | null;
  readonly url: string;
  readonly errors: readonly Failure[];
  /** Exit status. */
  readonly code: number;
  /** What a caller may want to know of a plain one: `no-match` (no such kind or resource), `no-objects`. */
  readonly tag: string;

  constructor(
    kind: FailureKind,
    message: string,
    more: { status?: Status; url?: string; errors?: readonly Failure[]; code?: number; tag?: string } = {},
  ) {
    this.kind = kind;
    this.message = message;
    this.status = more.status ?? null;
    this.url = more.url ?? '';
    this.errors = more.errors ?? [];
    this.code = more.code ?? 1;
    this.tag = more.tag ?? '';
  }

  get reason(): string {
    return this.status?.reason ?? '';
  }

  get notFound(): boolean {
    return this.status?.reason === 'NotFound' || (this.status?.code === 404 && !this.status.reason);
  }
}

export const failure = (message: string, tag = ''): Failure => new Failure('plain', message, { tag });
export const statusFailure = (status: Status): Failure => new Failure('status', status.message ?? '', { status });
/** Ends with this status and prints nothing, or the text as it is. */
export const exitWith = (code: number, text = ''): Failure => new Failure('exit', text, { code });
/** NewAggregate(): null of none. An aggregate of one in another prints without the prefix `error: `, so it stays one. */
export function aggregate(errors: readonly Failure[]): Failure | null {
  if (errors.length === 0) return null;
  return new Failure('aggregate', aggregateText(errors), { errors });
}

/** Aggregate.Error(): `[a, b]`, each text once. */
function aggregateText(errors: readonly Failure[]): string {
  const texts = [...new Set(flatten(errors).map((e) => e.message))];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
}

const flatten = (errors: readonly Failure[]): Failure[] => errors.flatMap((e) => (e.kind === 'aggregate' ? flatten(e.errors) : [e]));

/** cmdutil.AddSourceToErr(): `error when creating "x.yaml": ...`. */
export function sourced(verb: string, source: string, f: Failure): Failure {
  if (source === '') return f;
  const message = `error when ${verb} ${quote(source)}: ${f.message}`;
  return f.status ? statusFailure({ ...f.status, message }) : failure(message);
}

/** StandardErrorMessage(): null for what gets the prefix `error: `. */
function standardMessage(f: Failure): string | null {
  if (f.status) {
    const { reason, message = '' } = f.status;
    if (reason === 'Unauthorized') return `error: You must be logged in to the server (${message})`;
    return reason ? `Error from server (${reason}): ${message}` : `Error from server: ${message}`;
  }
  if (f.kind !== 'url') return null;
  if (f.message.includes('connection refused')) {
    const host = /^[a-z]+:\/\/([^/]*)/.exec(f.url)?.[1] ?? f.url;
    return `The connection to the server ${host} was refused - did you specify the right host or port?`;
  }
  return `Unable to connect to the server: ${f.message}`;
}

/** messageForError() */
export const messageOf = (f: Failure): string => standardMessage(f) ?? errorText(f);

/** err.Error(): a url.Error names what was tried. */
export const errorText = (f: Failure): string => (f.kind === 'url' ? `Get ${quote(f.url)}: ${f.message}` : f.message);

function multiline(prefix: string, errors: readonly string[]): string {
  if (errors.length === 1) return `${prefix}${errors[0]}\n`;
  return `${prefix}\n${errors.map((e) => `* ${e}\n`).join('')}`;
}

function invalid(s: Status): string {
  const d = s.details;
  let text = 'The request is invalid';
  if (!d) return s.message ? `${text}: ${s.message}` : text;
  const causes = d.causes ?? [];
  if (d.kind || d.name) text = `The ${d.kind ?? ''} ${quote(d.name ?? '')} is invalid`;
  else if (s.message && causes.length === 0) text += `: ${s.message}`;
  if (causes.length === 0) return text;
  return multiline(`${text}: `, [...new Set(causes.map((c) => `${c.field ?? ''}: ${c.message ?? ''}`))]);
}

/** What checkErr() prints on standard error (newline included, empty for nothing). */
export function checkErr(error: Failure): string {
  const f = error.kind === 'aggregate' && error.errors.length === 1 ? (error.errors[0] as Failure) : error;
  if (f.kind === 'exit') return f.message === '' ? '' : line(f.message);
  if (f.status && f.status.reason === 'Invalid') return line(invalid(f.status));
  if (f.kind === 'config') return multiline('Error in configuration: ', f.errors.length > 0 ? f.errors.map((e) => e.message) : [f.message]);
  if (f.kind === 'aggregate') return f.errors.map((e) => `${messageOf(e)}\n`).join('');
  return line(standardMessage(f) ?? (f.message.startsWith('error: ') ? f.message : `error: ${f.message}`));
}

const line = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
