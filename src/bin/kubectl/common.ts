/** Flags and small questions that commands which change things share. Models kubectl/pkg/cmd/util/helpers.go and pkg/util/apply.go */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { strftime } from '../strftime.ts';
import type { Validate } from './builder.ts';
import { type Failure, failure } from './errors.ts';
import type { Flag } from './flags.ts';
import { goJson, isObject, type Json, type JsonObject, obj, str } from './json.ts';
import type { Printer } from './printers.ts';
import type { Query } from './rest.ts';
import { quote } from './strconv.ts';
import type { Ctx } from './verb.ts';

export type DryRun = 'none' | 'client' | 'server';

export const DRY_RUN_FLAG: Flag = {
  name: 'dry-run',
  type: 'string',
  def: 'none',
  alone: 'unchanged',
  usage:
    'Must be "none", "server", or "client". If client strategy, only print the object that would be sent, without sending it. If server strategy, submit server-side request without persisting the resource.',
};

export const VALIDATE_FLAG: Flag = {
  name: 'validate',
  type: 'string',
  def: 'strict',
  alone: 'strict',
  usage:
    'Must be one of: strict (or true), warn, ignore (or false). "true" or "strict" will use a schema to validate the input and fail the request if invalid. It will perform server side validation if ServerSideFieldValidation is enabled on the api-server, but will fall back to less reliable client-side validation if not. "warn" will warn about unknown or duplicate fields without blocking the request if server-side field validation is enabled on the API server, and behave as "ignore" otherwise. "false" or "ignore" will not perform any schema validation, silently dropping any unknown or duplicate fields.',
};

export const SAVE_CONFIG_FLAG: Flag = {
  name: 'save-config',
  type: 'bool',
  usage:
    'If true, the configuration of current object will be saved in its annotation. Otherwise, the annotation will be unchanged. This flag is useful when you want to perform kubectl apply on this object in the future.',
};

export const SELECTOR_FLAG: Flag = {
  name: 'selector',
  short: 'l',
  type: 'string',
  usage:
    "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.(e.g. -l key1=value1,key2=value2,key3 in (value3)). Matching objects must satisfy all of the specified label constraints.",
};

export const FIELD_SELECTOR_FLAG: Flag = {
  name: 'field-selector',
  type: 'string',
  usage:
    "Selector (field query) to filter on, supports '=', '==', and '!='.(e.g. --field-selector key1=value1,key2=value2). The server only supports a limited number of field queries per type.",
};

export const ALL_NAMESPACES_FLAG: Flag = {
  name: 'all-namespaces',
  short: 'A',
  type: 'bool',
  usage:
    'If present, list the requested object(s) across all namespaces. Namespace in current context is ignored even if specified with --namespace.',
};

export const RECORD_FLAG: Flag = {
  name: 'record',
  type: 'bool',
  hidden: true,
  deprecated: '--record will be removed in the future',
  usage:
    'Record current kubectl command in the resource annotation. If set to false, do not record the command. If set to true, record the command. If not set, default to updating the existing annotation value only if one already exists.',
};

export const POD_RUNNING_TIMEOUT = (def: string): Flag => ({
  name: 'pod-running-timeout',
  type: 'duration',
  def,
  usage: 'The length of time (like 5s, 2m, or 3h, higher than zero) to wait until at least one pod is running',
});

export const fieldManagerFlag = (def: string): Flag => ({
  name: 'field-manager',
  type: 'string',
  def,
  usage: 'Name of the manager used to track field ownership.',
});

export const OVERRIDE_FLAGS: readonly Flag[] = [
  {
    name: 'overrides',
    type: 'string',
    usage:
      'An inline JSON override for the generated object. If this is non-empty, it is used to override the generated object. Requires that the object supply a valid apiVersion field.',
  },
  {
    name: 'override-type',
    type: 'string',
    def: 'merge',
    usage: 'The method used to override the generated object: json, merge, or strategic.',
  },
];

/** `W1120 20:33:26.414113    4174 helpers.go:716] text`, as klog writes it. */
export function klogLine(p: Process, severity: 'I' | 'W' | 'E', where: string, text: string): string {
  const at = p.sim.epochMs / 1000 + p.sim.now / 1e6;
  const day = strftime('%m%d %H:%M:%S', Math.floor(at));
  return `${severity}${day}.${String(Math.floor(p.sim.now % 1e6)).padStart(6, '0')} ${String(p.pid).padStart(7)} ${where}] ${text}\n`;
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** strconv.ParseBool(); null for what is none. */
export const parseBool = (s: string): boolean | null => (TRUE.has(s) ? true : FALSE.has(s) ? false : null);

/** GetDryRunStrategy() */
export function* dryRunOf(ctx: Ctx): Task<DryRun | Failure> {
  const v = ctx.str('dry-run');
  const b = parseBool(v);
  const warn = (text: string): Task<void> => ctx.err(klogLine(ctx.p, 'W', 'helpers.go:714', text));
  if (b !== null) {
    const instead = b ? 'client' : 'none';
    yield* warn(`--dry-run=${v} is deprecated (boolean value) and can be replaced with --dry-run=${instead}.`);
    return instead;
  }
  if (v === 'unchanged') {
    yield* warn('--dry-run is deprecated and can be replaced with --dry-run=client.');
    return 'client';
  }
  if (v === 'client' || v === 'server' || v === 'none') return v;
  return failure(`Invalid dry-run value (${v}). Must be "none", "server", or "client".`);
}

export type Validation = 'Strict' | 'Warn' | 'Ignore';

/** GetValidationDirective() */
export function validationOf(ctx: Ctx): Validation | Failure {
  const v = ctx.str('validate');
  const b = parseBool(v);
  if (b !== null) return b ? 'Strict' : 'Ignore';
  if (v === 'strict') return 'Strict';
  if (v === 'warn') return 'Warn';
  if (v === 'ignore') return 'Ignore';
  return failure(`invalid - validate option ${quote(v)}; must be one of: strict (or true), warn, ignore (or false)`);
}

/** What a command did, as it is printed behind the object's name. */
export const dryOperation = (operation: string, dry: DryRun): string =>
  dry === 'client' ? `${operation} (dry run)` : dry === 'server' ? `${operation} (server dry run)` : operation;

/** Query parameters of a request that changes something. */
export function writeQuery(dry: DryRun, fieldManager: string, validation?: Validation): Query {
  return {
    ...(dry === 'server' ? { dryRun: 'All' } : {}),
    ...(fieldManager === '' ? {} : { fieldManager }),
    ...(validation === undefined ? {} : { fieldValidation: validation }),
  };
}

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** `kind/name` in words: `"web"` of an error text. */
export const nameOf = (o: JsonObject): string => str(o, 'metadata', 'name');

/** The object with these annotations; an empty map stays, as SetAnnotations() of unstructured objects leaves it. */
export function withAnnotations(o: JsonObject, annotations: JsonObject): JsonObject {
  return { ...o, metadata: { ...obj(o, 'metadata'), annotations } };
}

/** GetModifiedConfiguration() without the annotation: the text that goes into it. */
export function configurationText(o: JsonObject, keepEmpty = true): string {
  const { [LAST_APPLIED]: _, ...rest } = obj(o, 'metadata', 'annotations');
  if (Object.keys(rest).length > 0 || keepEmpty) return `${goJson(withAnnotations(o, rest))}\n`;
  const { annotations: __, ...metadata } = obj(o, 'metadata');
  return `${goJson({ ...o, metadata })}\n`;
}

/** CreateApplyAnnotation() */
export function withLastApplied(o: JsonObject, keepEmpty = true): JsonObject {
  return withAnnotations(o, { ...obj(o, 'metadata', 'annotations'), [LAST_APPLIED]: configurationText(o, keepEmpty) });
}

/** CreateOrUpdateAnnotation(): writes the annotation when asked to, or when it is there already. */
export function saveConfig(o: JsonObject, wanted: boolean, keepEmpty = true): JsonObject {
  return wanted || str(o, 'metadata', 'annotations', LAST_APPLIED) !== '' ? withLastApplied(o, keepEmpty) : o;
}

/** The object as it is sent to be created: without a resource version. */
export function unversioned(o: JsonObject): JsonObject {
  if (str(o, 'metadata', 'resourceVersion') === '') return o;
  const { resourceVersion: _, ...metadata } = obj(o, 'metadata');
  return { ...o, metadata };
}

/** cobra's complaint about flags that must be given. */
export function requiredFlags(ctx: Ctx, names: readonly string[]): Failure | null {
  const missing = names.filter((n) => !ctx.changed(n));
  return missing.length === 0 ? null : failure(`required flag(s) ${missing.map((n) => `"${n}"`).join(', ')} not set`);
}

/** NameFromCommandArgs() */
export function nameFromArgs(ctx: Ctx): string | Failure {
  const n = ctx.flags.dash < 0 ? ctx.args.length : ctx.flags.dash;
  return n === 1 ? (ctx.args[0] as string) : ctx.usageError(`exactly one NAME is required, got ${n}`);
}

/** GetResourcesAndPairs() */
export function resourcesAndPairs(args: readonly string[], what: string): { resources: string[]; pairs: string[] } | Failure {
  const resources: string[] = [];
  const pairs: string[] = [];
  for (const s of args) {
    const pair = (s.includes('=') && !s.startsWith('=')) || (s.endsWith('-') && s !== '-');
    if (pair) pairs.push(s);
    else if (pairs.length === 0) resources.push(s);
    else return failure(`all resources must be specified before ${what} changes: ${s}`);
  }
  return { resources, pairs };
}

/** ParsePairs() */
export function parsePairs(
  args: readonly string[],
  what: string,
  removals: boolean,
): { set: Record<string, string>; remove: string[] } | Failure {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  const wrong: string[] = [];
  for (const a of args) {
    const eq = a.indexOf('=');
    if (eq > 0) set[a.slice(0, eq)] = a.slice(eq + 1);
    else if (removals && a.endsWith('-') && a !== '-') remove.push(a.slice(0, -1));
    else wrong.push(a);
  }
  return wrong.length > 0 ? failure(`invalid ${what} format: ${wrong.join(', ')}`) : { set, remove };
}

/** intstr.Parse() */
export const intOrString = (s: string): number | string => (/^[-+]?\d+$/.test(s) && Math.abs(Number(s)) < 2 ** 31 ? Number(s) : s);

/** Prints an object; the error is the printer's. */
export function* emit(ctx: Ctx, printer: Printer, object: JsonObject): Task<Failure | null> {
  const { out, error } = printer.print(object);
  yield* ctx.out(out);
  return error;
}

/** The part of validation that kubectl does itself; its text stands in `error validating data: ...`. Models getObjectKind() */
export function kindFailure(document: Json): Failure | null {
  if (!isObject(document)) return null;
  const wrong: string[] = [];
  for (const field of ['apiVersion', 'kind'] as const) {
    const v = document[field];
    if (v === undefined || v === null || v === '') wrong.push(`${field} not set`);
    else if (typeof v !== 'string') wrong.push(`${field} isn't string type`);
  }
  return wrong.length === 0 ? null : failure(wrong.length === 1 ? (wrong[0] as string) : `[${wrong.join(', ')}]`);
}

/** What Builder.validate() takes under --validate. */
export const schemaOf = (v: Validation): Validate | null => (v === 'Ignore' ? null : schema);

// biome-ignore lint/correctness/useYield: a check may ask the server
function* schema(document: Json): Task<Failure | null> {
  return kindFailure(document);
}

/** FilenameOptions.RequireFilenameOrKustomize() */
export function requireFilename(ctx: Ctx): Failure | null {
  return ctx.list('filename').length === 0 && ctx.str('kustomize') === '' ? failure('must specify one of -f and -k') : null;
}

/** Recorder.Record(): --record writes the command line, and a present change-cause is brought up to date. */
export function recorded(ctx: Ctx, o: JsonObject): JsonObject {
  const cause = str(o, 'metadata', 'annotations', CHANGE_CAUSE);
  const wanted = ctx.flags.flag('record') !== undefined && (ctx.changed('record') ? ctx.bool('record') : cause !== '');
  if (!wanted) return o;
  return withAnnotations(o, { ...obj(o, 'metadata', 'annotations'), [CHANGE_CAUSE]: changeCause(ctx) });
}

export const CHANGE_CAUSE = 'kubernetes.io/change-cause';

/** ParseCommandArguments(): the command line, flags behind the operands as they were given. */
function changeCause(ctx: Ctx): string {
  return ['kubectl', ...ctx.p.argv.slice(1)].join(' ');
}
