/** kubectl apply --prune: what was applied before and is in no file any more. Models kubectl/pkg/cmd/apply/prune.go and pkg/util/prune */

import type { Task } from '../../../os/program.ts';
import { Info } from '../builder.ts';
import { type DryRun, dryOperation, emit, klogLine, LAST_APPLIED } from '../common.ts';
import { type Cascade, deleteOne } from '../delete.ts';
import { errorText, Failure, failure } from '../errors.ts';
import { isObject, type JsonObject, list, str } from '../json.ts';
import { printerFor } from '../printers.ts';
import { apiVersionOf, type Mapping, pathOf } from '../rest.ts';
import type { Ctx } from '../verb.ts';

export interface Applied {
  readonly uid: string;
  readonly namespace: string;
  readonly object: JsonObject;
}

const DEFAULTS: readonly (readonly [apiVersion: string, kind: string])[] = [
  ['v1', 'ConfigMap'],
  ['v1', 'Endpoints'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'Pod'],
  ['v1', 'ReplicationController'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['batch/v1', 'Job'],
  ['batch/v1', 'CronJob'],
  ['networking.k8s.io/v1', 'Ingress'],
  ['apps/v1', 'DaemonSet'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'ReplicaSet'],
  ['apps/v1', 'StatefulSet'],
  ['v1', 'Namespace'],
  ['v1', 'PersistentVolume'],
];

export function pruneConflict(ctx: Ctx): Failure | null {
  if (ctx.bool('force')) return failure('--force cannot be used with --prune');
  if (!ctx.bool('all') && ctx.str('selector') === '')
    return failure(
      'all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector',
    );
  if (ctx.bool('server-side')) return failure("--prune is in alpha and doesn't currently work on objects created by server-side apply");
  return null;
}

/** ParseResources(): `group/version/kind`, `core` being the group without a name. */
function* mappings(ctx: Ctx): Task<Mapping[] | Failure> {
  const given = ctx.list('prune-allowlist').map((s): readonly [string, string] | Failure => {
    const parts = s.split('/');
    if (parts.length !== 3) return failure(`invalid GroupVersionKind format: ${s}, please follow <group/version/kind>`);
    const [group, version, kind] = parts as [string, string, string];
    return [group === 'core' ? version : `${group}/${version}`, kind];
  });
  const out: Mapping[] = [];
  for (const one of given.length > 0 ? given : DEFAULTS) {
    if (one instanceof Failure) return one;
    const m = yield* ctx.mapper.kind(one[0], one[1]);
    if (m instanceof Failure) {
      // A kind of the default list that this server does not serve has nothing to prune.
      if (given.length === 0 && m.tag === 'no-match') continue;
      return failure(`error retrieving RESTMappings to prune: invalid resource ${one[0]}, Kind=${one[1]}, Namespaced=true: ${m.message}`);
    }
    out.push(m);
  }
  return out;
}

export function* prune(
  ctx: Ctx,
  applied: readonly Applied[],
  ns: { name: string; explicit: boolean },
  dry: DryRun,
  cascade: Cascade,
): Task<number | Failure> {
  const kinds = yield* mappings(ctx);
  if (kinds instanceof Failure) return kinds;
  if (ctx.list('prune-allowlist').length === 0)
    yield* ctx.err(
      klogLine(
        ctx.p,
        'W',
        'prune.go:71',
        'Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag.',
      ),
    );
  const printer = printerFor(ctx, { operation: dryOperation('pruned', dry) });
  if (printer instanceof Failure) return printer;
  const uids = new Set(applied.map((a) => a.uid));
  const namespaces = [...new Set([...(ns.explicit ? [ns.name] : []), ...applied.map((a) => a.namespace).filter((n) => n !== '')])];
  const places = [
    ...namespaces.flatMap((n) => kinds.filter((m) => m.namespaced).map((m) => ({ m, n }))),
    ...kinds.filter((m) => !m.namespaced).map((m) => ({ m, n: '' })),
  ];
  const labelSelector = ctx.str('selector');
  for (const { m, n } of places) {
    const what = `error pruning ${m.namespaced ? 'namespaced' : 'nonNamespaced'} object ${apiVersionOf(m)}, Kind=${m.kind}`;
    const r = yield* ctx.rest.json('GET', pathOf(m, n), { query: labelSelector === '' ? {} : { labelSelector } });
    if (r instanceof Failure) return failure(`${what}: ${errorText(r)}`);
    for (const item of list(r, 'items')) {
      if (!isObject(item) || str(item, 'metadata', 'annotations', LAST_APPLIED) === '' || uids.has(str(item, 'metadata', 'uid'))) continue;
      const info = new Info(m, n, str(item, 'metadata', 'name'));
      if (dry !== 'client') {
        const gone = yield* deleteOne(ctx, info, { cascade, gracePeriod: ctx.int('grace-period'), dry });
        if (gone instanceof Failure) return failure(`${what}: ${errorText(gone)}`);
      }
      const wrong = yield* emit(ctx, printer, { apiVersion: apiVersionOf(m), kind: m.kind, ...item });
      if (wrong) return wrong;
    }
  }
  return 0;
}
