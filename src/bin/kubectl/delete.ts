/** kubectl delete: by name, file, selector or all of it, and waiting until it is gone. Models kubectl/pkg/cmd/delete */

import type { Task } from '../../os/program.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import { ALL_NAMESPACES_FLAG, DRY_RUN_FLAG, type DryRun, dryRunOf, FIELD_SELECTOR_FLAG, parseBool, SELECTOR_FLAG } from './common.ts';
import { raw } from './create/create.ts';
import { aggregate, Failure, failure, sourced } from './errors.ts';
import type { Flag } from './flags.ts';
import { at, type Json, type JsonObject, str } from './json.ts';
import { groupResource, type Mapping } from './rest.ts';
import { deadlineOf, until } from './until.ts';
import type { Ctx, Verb } from './verb.ts';

export type Cascade = 'Background' | 'Orphan' | 'Foreground';

/** Flags of all commands that delete on the way (apply, replace, run). */
export const deleteFlags = (what: string, wait: boolean): readonly Flag[] => [
  ...filenameFlags(what),
  {
    name: 'cascade',
    type: 'string',
    def: 'background',
    alone: 'background',
    usage:
      'Must be "background", "orphan", or "foreground". Selects the deletion cascading strategy for the dependents (e.g. Pods created by a ReplicationController). Defaults to background.',
  },
  {
    name: 'force',
    type: 'bool',
    usage:
      'If true, immediately remove resources from API and bypass graceful deletion. Note that immediate deletion of some resources may result in inconsistency or data loss and requires confirmation.',
  },
  {
    name: 'grace-period',
    type: 'int',
    def: '-1',
    usage:
      'Period of time in seconds given to the resource to terminate gracefully. Ignored if negative. Set to 1 for immediate shutdown. Can only be set to 0 when --force is true (force deletion).',
  },
  {
    name: 'timeout',
    type: 'duration',
    usage: 'The length of time to wait before giving up on a delete, zero means determine a timeout from the size of the object',
  },
  {
    name: 'wait',
    type: 'bool',
    def: String(wait),
    usage: 'If true, wait for resources to be gone before returning. This waits for finalizers.',
  },
];

/** parseCascadingFlag() */
export function* cascadeOf(ctx: Ctx): Task<Cascade | Failure> {
  const v = ctx.str('cascade');
  const b = parseBool(v);
  if (b !== null) {
    const instead = b ? 'background' : 'orphan';
    yield* ctx.err(`warning: --cascade=${v} is deprecated (boolean value) and can be replaced with --cascade=${instead}.\n`);
    return b ? 'Background' : 'Orphan';
  }
  if (v === 'orphan') return 'Orphan';
  if (v === 'foreground') return 'Foreground';
  if (v === 'background') return 'Background';
  return failure(`invalid cascade value (${v}). Must be "background", "foreground", or "orphan"`);
}

export interface DeleteOptions {
  readonly cascade: Cascade;
  /** Negative: the object's own. */
  readonly gracePeriod: number;
  readonly ignoreNotFound: boolean;
  readonly wait: boolean;
  /** Seconds; 0 for as long as it takes. */
  readonly timeout: number;
  readonly dry: DryRun;
  readonly quiet: boolean;
  /** `name`, or nothing. */
  readonly output: string;
  /** Say once that a namespace was named for what has none. */
  readonly warnClusterScope: boolean;
  /** Only these (delete -i). */
  readonly only?: ReadonlySet<string>;
}

const place = (info: Info): string => `${groupResource(info.mapping as Mapping)} ${info.namespace} ${info.name}`;
const kindOf = (m: Mapping): string => `${m.kind.toLowerCase()}${m.group === '' ? '' : `.${m.group}`}`;

/** DeleteOptions.PrintObj() */
function line(info: Info, o: DeleteOptions): string {
  const m = info.mapping as Mapping;
  if (o.output === 'name') return `${kindOf(m)}/${info.name}\n`;
  let operation = o.gracePeriod === 0 ? 'force deleted' : 'deleted';
  if (info.namespaced) operation += ` from ${info.namespace} namespace`;
  if (o.dry === 'client') operation += ' (dry run)';
  if (o.dry === 'server') operation += ' (server dry run)';
  return `${kindOf(m)} "${info.name}" ${operation}\n`;
}

/** What is still left of an aggregate without `not found`. */
function withoutNotFound(f: Failure | null): Failure | null {
  if (f === null) return null;
  if (f.kind !== 'aggregate') return f.notFound ? null : f;
  return aggregate(f.errors.map(withoutNotFound).filter((e) => e !== null));
}

/** A DELETE request. */
export function deleteOne(ctx: Ctx, info: Info, o: { cascade: Cascade; gracePeriod: number; dry: DryRun }): Task<JsonObject | Failure> {
  const body: Record<string, Json> = { kind: 'DeleteOptions', apiVersion: 'v1' };
  if (o.gracePeriod >= 0) body.gracePeriodSeconds = o.gracePeriod;
  body.propagationPolicy = o.cascade;
  if (o.dry === 'server') body.dryRun = ['All'];
  return ctx.rest.json('DELETE', info.path(''), { json: body });
}

/** DeleteResult() */
export function* deleteAll(ctx: Ctx, builder: Builder, o: DeleteOptions): Task<number | Failure> {
  const deleted: { info: Info; uid: string }[] = [];
  let found = 0;
  let warn = o.warnClusterScope;
  const wrong = yield* builder.visit(function* (info) {
    if (o.only && !o.only.has(place(info))) return null;
    found++;
    if (warn && !(info.mapping as Mapping).namespaced) {
      yield* ctx.err('Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n');
      warn = false;
    }
    const said = o.quiet ? '' : line(info, o);
    if (o.dry === 'client') {
      yield* ctx.out(said);
      return null;
    }
    const r = yield* deleteOne(ctx, info, o);
    if (r instanceof Failure) return sourced('deleting', info.source, r);
    yield* ctx.out(said);
    const uid = str(r, 'kind') === 'Status' ? str(at(r, 'details') ?? null, 'uid') : str(r, 'metadata', 'uid');
    deleted.push({ info, uid });
    return null;
  });
  const left = o.ignoreNotFound ? withoutNotFound(wrong) : wrong;
  if (left) return left;
  if (found === 0) {
    yield* ctx.out('No resources found\n');
    return 0;
  }
  return o.wait && o.dry === 'none' ? yield* untilDeleted(ctx, deleted, o.timeout) : 0;
}

/** Waits for each; who may not watch does not wait. */
function* untilDeleted(ctx: Ctx, deleted: readonly { info: Info; uid: string }[], timeout: number): Task<number | Failure> {
  const deadline = deadlineOf(ctx, timeout);
  const errors: Failure[] = [];
  for (const { info, uid } of deleted) {
    const m = info.mapping as Mapping;
    const r = yield* until(
      ctx,
      m,
      info.namespace,
      info.name,
      deadline,
      (object) => object === null || (uid !== '' && str(object, 'metadata', 'uid') !== uid),
    );
    if (r === true) continue;
    if (r === 'timeout') errors.push(failure(`timed out waiting for the condition on ${m.resource}/${info.name}`));
    else if (r.reason === 'Forbidden' || r.reason === 'MethodNotAllowed') return 0;
    else errors.push(r);
  }
  return aggregate(errors) ?? 0;
}

function* confirmed(ctx: Ctx, infos: readonly Info[]): Task<boolean> {
  const names = infos.map((i) => `${kindOf(i.mapping as Mapping)}/${i.name}\n`).join('');
  yield* ctx.out(`You are about to delete the following ${infos.length} resource(s):\n${names}Do you want to continue? (y/N): `);
  const answer = yield* ctx.p.readLine(0);
  return answer !== null && /^[yY]$/.test(answer.trim());
}

function* run(ctx: Ctx): Task<number | Failure> {
  const cascade = yield* cascadeOf(ctx);
  if (cascade instanceof Failure) return cascade;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const all = ctx.bool('all');
  const selecting = all || ctx.str('selector') !== '' || ctx.str('field-selector') !== '';
  const ignoreNotFound = selecting && !ctx.changed('ignore-not-found') ? true : ctx.bool('ignore-not-found');
  const force = ctx.bool('force');
  let gracePeriod = ctx.int('grace-period');
  if (ctx.bool('now')) {
    if (gracePeriod !== -1) return failure('--now and --grace-period cannot be specified together');
    gracePeriod = 1;
  }
  if (gracePeriod === 0 && !force) gracePeriod = 1;
  if (force && gracePeriod < 0) gracePeriod = 0;
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const builder = (): Builder =>
    new Builder(ctx)
      .continueOnError()
      .namespace(ns.name, ns.explicit)
      .filenames()
      .selector()
      .fieldSelector()
      .selectAll(all)
      .allNamespaces(ctx.bool('all-namespaces'))
      .args(ctx.args)
      .noObjects()
      .flatten();
  const output = ctx.str('output');
  if (output !== '' && output !== 'name') return failure(`unexpected -o output mode: ${output}. We only support '-o name'`);
  if (all && ctx.str('selector') !== '') return failure('cannot set --all and --selector at the same time');
  if (all && ctx.str('field-selector') !== '') return failure('cannot set --all and --field-selector at the same time');
  if (gracePeriod === 0 && force)
    yield* ctx.err(
      'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
    );
  else if (gracePeriod > 0 && force) return failure('--force and --grace-period greater than 0 cannot be specified together');
  if (ctx.str('raw') !== '') {
    if (ctx.bool('interactive')) return failure('--interactive can not be used with --raw');
    if (ctx.list('filename').length > 1) return failure('--raw can only use a single local file or stdin');
    return yield* raw(ctx, 'DELETE', ctx.list('filename')[0]);
  }
  let only: Set<string> | undefined;
  if (ctx.bool('interactive')) {
    const { infos, error } = yield* builder().infos();
    const wrong = ignoreNotFound ? withoutNotFound(error) : error;
    if (wrong) return wrong;
    if (infos.length === 0) {
      yield* ctx.out('No resources found\n');
      return 0;
    }
    if (!(yield* confirmed(ctx, infos))) {
      yield* ctx.out('deletion is cancelled\n');
      return 0;
    }
    only = new Set(infos.map(place));
  }
  return yield* deleteAll(ctx, builder(), {
    cascade,
    gracePeriod,
    ignoreNotFound,
    wait: ctx.bool('wait'),
    timeout: ctx.flags.duration('timeout'),
    dry,
    quiet: false,
    output,
    warnClusterScope: ns.explicit && !ctx.bool('all-namespaces'),
    ...(only ? { only } : {}),
  });
}

export const deleteVerb: Verb = {
  name: 'delete',
  use: 'delete ([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])',
  short: 'Delete resources by file names, stdin, resources and names, or by resources and label selector',
  long: 'Delete resources by file names, stdin, resources and names, or by resources and label selector.\n\n JSON and YAML formats are accepted. Only one type of argument may be specified: file names, resources and names, or resources and label selector.',
  example:
    '  # Delete a pod using the type and name specified in pod.json\n  kubectl delete -f ./pod.json\n  \n  # Delete resources from all files that end with \'.json\'\n  kubectl delete -f \'*.json\'\n  \n  # Delete a pod based on the type and name in the JSON passed into stdin\n  cat pod.json | kubectl delete -f -\n  \n  # Delete pods and services with same names "baz" and "foo"\n  kubectl delete pod,service baz foo\n  \n  # Delete pods and services with label name=myLabel\n  kubectl delete pods,services -l name=myLabel\n  \n  # Delete a pod with minimal delay\n  kubectl delete pod foo --now\n  \n  # Force delete a pod on a dead node\n  kubectl delete pod foo --force\n  \n  # Delete all pods\n  kubectl delete pods --all\n  \n  # Delete all pods only if the user confirms the deletion\n  kubectl delete pods --all --interactive',
  flags: [
    ...deleteFlags('containing the resource to delete.', true),
    SELECTOR_FLAG,
    FIELD_SELECTOR_FLAG,
    ALL_NAMESPACES_FLAG,
    DRY_RUN_FLAG,
    { name: 'all', type: 'bool', usage: 'Delete all resources, in the namespace of the specified resource types.' },
    {
      name: 'ignore-not-found',
      type: 'bool',
      usage: 'Treat "resource not found" as a successful delete. Defaults to "true" when --all is specified.',
    },
    { name: 'now', type: 'bool', usage: 'If true, resources are signaled for immediate shutdown (same as --grace-period=1).' },
    { name: 'output', short: 'o', type: 'string', usage: 'Output mode. Use "-o name" for shorter output (resource/name).' },
    { name: 'raw', type: 'string', usage: 'Raw URI to DELETE to the server.  Uses the transport specified by the kubeconfig file.' },
    { name: 'interactive', short: 'i', type: 'bool', usage: 'If true, delete resource only when user confirms.' },
  ],
  run,
};
