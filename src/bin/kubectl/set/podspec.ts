/** Changes to the pod template of any workload, and their patches. Models kubectl/pkg/cmd/set/helper.go and polymorphichelpers/updatepodspec.go */

import type { Task } from '../../../os/program.ts';
import { Builder, filenameFlags, type Info } from '../builder.ts';
import {
  DRY_RUN_FLAG,
  type DryRun,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  RECORD_FLAG,
  recorded,
  SELECTOR_FLAG,
  writeQuery,
} from '../common.ts';
import { aggregate, errorText, Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { patchObject } from '../helper.ts';
import { type Json, type JsonObject, obj, str, withPath } from '../json.ts';
import { diffMerge } from '../patch/equal.ts';
import { patchMetaOf } from '../patch/meta.ts';
import { PatchError, twoWay } from '../patch/strategic.ts';
import { PRINT_FLAGS, printerFor } from '../printers.ts';
import type { Ctx } from '../verb.ts';

/** Where a kind has its pod spec. */
function podSpecPath(o: JsonObject): readonly string[] | null {
  const kind = str(o, 'kind');
  if (kind === 'Pod') return ['spec'];
  if (kind === 'CronJob') return ['spec', 'jobTemplate', 'spec', 'template', 'spec'];
  if (['ReplicationController', 'Deployment', 'DaemonSet', 'ReplicaSet', 'StatefulSet', 'Job'].includes(kind))
    return ['spec', 'template', 'spec'];
  return null;
}

/** UpdatePodSpecForObject() */
export function changePodSpec(o: JsonObject, change: (spec: JsonObject) => JsonObject | Failure): JsonObject | Failure {
  const path = podSpecPath(o);
  if (!path)
    return failure(`the object is not a pod or does not have a pod template: *${str(o, 'apiVersion').split('/').at(-1)}.${str(o, 'kind')}`);
  const next = change(obj(o, ...path));
  return next instanceof Failure ? next : withPath(o, path, next);
}

/** selectString(): a name, or a pattern with stars. */
export function selects(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(name);
}

export interface SetOptions {
  readonly dry: DryRun;
  readonly local: boolean;
  readonly operation: string;
  /** Put before the server's refusal. */
  readonly failed: string;
  /** Patches of nothing are sent too (serviceaccount). */
  readonly always?: boolean;
}

/** What --dry-run and --local say. */
export function* baseOptions(ctx: Ctx): Task<{ dry: DryRun; local: boolean } | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  return { dry, local: ctx.bool('local') };
}

export const LOCAL_WITH_SERVER = 'cannot specify --local and --dry-run=server - did you mean --dry-run=client?';
const LOCAL_RESOURCES =
  "error: you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'";

/** The objects that the command line names. */
export function* targets(ctx: Ctx, resources: readonly string[]): Task<readonly Info[] | Failure> {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const local = ctx.bool('local');
  if (local && resources.length > 0) return failure(LOCAL_RESOURCES);
  const b = new Builder(ctx).continueOnError().local(local).namespace(ns.name, ns.explicit).filenames().flatten();
  if (!local) {
    if (ctx.flags.flag('selector')) b.selector();
    b.args(resources, ctx.bool('all')).latest();
  }
  const { infos, error } = yield* b.infos();
  return error ?? infos;
}

/** Patches each object with what `change` makes of it; null leaves it out. */
export function* setAll(
  ctx: Ctx,
  infos: readonly Info[],
  o: SetOptions,
  change: (object: JsonObject, info: Info) => JsonObject | Failure | null,
  before: readonly Failure[] = [],
): Task<number | Failure> {
  const printer = printerFor(ctx, { operation: dryOperation(o.operation, o.dry) });
  if (printer instanceof Failure) return printer;
  const errors: Failure[] = [...before];
  for (const info of infos) {
    const object = info.object as JsonObject;
    const changed = change(object, info);
    if (changed === null) continue;
    if (changed instanceof Failure) {
      errors.push(failure(`error: ${info.objectName} ${changed.message}\n`));
      continue;
    }
    const noted = recorded(ctx, changed);
    const api = str(object, 'apiVersion');
    const meta = patchMetaOf(api.includes('/') ? (api.split('/')[0] as string) : '', str(object, 'kind'));
    const patch: JsonObject | PatchError = meta ? twoWay(object, noted, meta) : diffMerge(object, noted);
    if (patch instanceof PatchError) {
      errors.push(failure(`error: ${info.objectName} ${patch.message}\n`));
      continue;
    }
    if (Object.keys(patch).length === 0 && !o.always) continue;
    let shown = noted;
    if (!o.local && o.dry !== 'client') {
      const r = yield* patchObject(ctx, info, meta ? 'strategic' : 'merge', patch as Json, writeQuery(o.dry, ctx.str('field-manager')));
      if (r instanceof Failure) {
        errors.push(o.failed === '' ? r : failure(`${o.failed}${errorText(r)}`));
        continue;
      }
      shown = r;
    }
    const bad = yield* emit(ctx, printer, shown);
    if (bad) errors.push(bad);
  }
  return aggregate(errors) ?? 0;
}

/** Flags that all `kubectl set` commands have. */
export const setFlags = (what: string, local: string): readonly Flag[] => [
  ...PRINT_FLAGS,
  RECORD_FLAG,
  ...filenameFlags(what),
  { name: 'all', type: 'bool', usage: 'Select all resources, in the namespace of the specified resource types' },
  { name: 'local', type: 'bool', usage: `If true, set ${local} will NOT contact api-server but run locally.` },
  SELECTOR_FLAG,
  DRY_RUN_FLAG,
  fieldManagerFlag('kubectl-set'),
];
