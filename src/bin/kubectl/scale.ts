/** kubectl scale. Models kubectl/pkg/cmd/scale/scale.go and pkg/scale/scale.go */

import type { Task } from '../../os/program.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import { DRY_RUN_FLAG, type DryRun, dryOperation, dryRunOf, emit, RECORD_FLAG, recorded, requiredFlags, SELECTOR_FLAG } from './common.ts';
import { Failure, failure } from './errors.ts';
import { patchObject } from './helper.ts';
import { type JsonObject, num, str, withPath } from './json.ts';
import { diffMerge } from './patch/equal.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import type { Mapping } from './rest.ts';
import { quote } from './strconv.ts';
import { deadlineOf, sleep } from './until.ts';
import type { Ctx, Verb } from './verb.ts';

const CONFLICT_SECONDS = 300;

/** ScalePrecondition.validate() */
function unexpected(ctx: Ctx, scale: JsonObject): Failure | null {
  const [size, version] = [ctx.int('current-replicas'), ctx.str('resource-version')];
  const [have, at] = [num(scale, 'spec', 'replicas'), str(scale, 'metadata', 'resourceVersion')];
  if (size !== -1 && have !== size) return failure(`Expected replicas to be ${size}, was ${have}`);
  if (version !== '' && at !== version) return failure(`Expected resource version to be ${version}, was ${at}`);
  return null;
}

function* once(ctx: Ctx, info: Info, replicas: number, dry: DryRun): Task<JsonObject | Failure> {
  const query = dry === 'server' ? { dryRun: 'All' } : {};
  if (ctx.int('current-replicas') === -1 && ctx.str('resource-version') === '')
    return yield* patchObject(ctx, info, 'merge', { spec: { replicas } }, query, 'scale');
  const scale = yield* ctx.rest.json('GET', info.path('scale'));
  if (scale instanceof Failure) return scale;
  const wrong = unexpected(ctx, scale);
  if (wrong) return wrong;
  return yield* ctx.rest.json('PUT', info.path('scale'), { json: withPath(scale, ['spec', 'replicas'], replicas), query });
}

function* set(ctx: Ctx, info: Info, replicas: number, dry: DryRun): Task<number | Failure> {
  const deadline = deadlineOf(ctx, CONFLICT_SECONDS);
  for (;;) {
    const r = yield* once(ctx, info, replicas, dry);
    if (!(r instanceof Failure)) return num(r, 'spec', 'replicas');
    if (r.reason !== 'Conflict') return r;
    if (ctx.p.sim.now >= deadline) return failure('timed out waiting for the condition');
    yield* sleep(ctx, 1);
  }
}

/** WaitForScaleHasDesiredReplicas() */
function* synced(ctx: Ctx, info: Info, replicas: number): Task<Failure | null> {
  const deadline = deadlineOf(ctx, ctx.flags.duration('timeout'));
  for (;;) {
    const scale = yield* ctx.rest.json('GET', info.path('scale'));
    if (scale instanceof Failure) return scale;
    if (num(scale, 'spec', 'replicas') !== replicas || num(scale, 'status', 'replicas') === replicas) return null;
    if (ctx.p.sim.now + 1e6 > deadline) return failure(`timed out waiting for ${quote(info.name)} to be synced`);
    yield* sleep(ctx, 1);
  }
}

function withReplicas(info: Info, n: number): JsonObject {
  const object = info.object as JsonObject;
  const { group } = info.mapping as Mapping;
  return group === 'apps' || group === '' ? withPath(object, ['spec', 'replicas'], n) : object;
}

function* run(ctx: Ctx): Task<number | Failure> {
  const missing = requiredFlags(ctx, ['replicas']);
  if (missing) return missing;
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const printer = printerFor(ctx, { operation: dryOperation('scaled', dry) });
  if (printer instanceof Failure) return printer;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const replicas = ctx.int('replicas');
  if (replicas < 0) return failure('The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0');
  if (ctx.int('current-replicas') < -1) return failure('The --current-replicas must specify an integer of -1 or greater');
  const { infos, error } = yield* new Builder(ctx)
    .continueOnError()
    .namespace(ns.name, ns.explicit)
    .filenames()
    .args(ctx.args, ctx.bool('all'))
    .flatten()
    .selector()
    .infos();
  if (ctx.str('resource-version') !== '' && infos.length > 1) return failure('cannot use --resource-version with multiple resources');
  if (infos.length === 0) return error ?? failure('no objects passed to scale');
  for (const info of infos) {
    let object = withReplicas(info, replicas);
    if (dry !== 'client') {
      const actual = yield* set(ctx, info, replicas, dry);
      if (actual instanceof Failure) return actual;
      if (ctx.flags.duration('timeout') !== 0 && dry === 'none') {
        const late = yield* synced(ctx, info, replicas);
        if (late) return late;
      }
      object = withReplicas(info, actual);
      const noted = recorded(ctx, object);
      if (noted !== object) yield* patchObject(ctx, info, 'merge', diffMerge(object, noted), {});
    }
    const bad = yield* emit(ctx, printer, object);
    if (bad) return bad;
  }
  return error ?? 0;
}

export const scaleVerb: Verb = {
  name: 'scale',
  use: 'scale [--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)',
  short: 'Set a new size for a deployment, replica set, or replication controller',
  long: 'Set a new size for a deployment, replica set, replication controller, or stateful set.\n\n Scale also allows users to specify one or more preconditions for the scale action.\n\n If --current-replicas or --resource-version is specified, it is validated before the scale is attempted, and it is guaranteed that the precondition holds true when the scale is sent to the server.',
  example:
    "  # Scale a replica set named 'foo' to 3\n  kubectl scale --replicas=3 rs/foo\n  \n  # Scale a resource identified by type and name specified in \"foo.yaml\" to 3\n  kubectl scale --replicas=3 -f foo.yaml\n  \n  # If the deployment named mysql's current size is 2, scale mysql to 3\n  kubectl scale --current-replicas=2 --replicas=3 deployment/mysql\n  \n  # Scale multiple replication controllers\n  kubectl scale --replicas=5 rc/example1 rc/example2 rc/example3\n  \n  # Scale stateful set named 'web' to 3\n  kubectl scale --replicas=3 statefulset/web",
  flags: [
    RECORD_FLAG,
    ...PRINT_FLAGS,
    { name: 'all', type: 'bool', usage: 'Select all resources in the namespace of the specified resource types' },
    {
      name: 'resource-version',
      type: 'string',
      usage: 'Precondition for resource version. Requires that the current resource version match this value in order to scale.',
    },
    {
      name: 'current-replicas',
      type: 'int',
      def: '-1',
      usage:
        'Precondition for current size. Requires that the current size of the resource match this value in order to scale. -1 (default) for no condition.',
    },
    { name: 'replicas', type: 'int', usage: 'The new desired number of replicas. Required.' },
    {
      name: 'timeout',
      type: 'duration',
      usage:
        "The length of time to wait before giving up on a scale operation, zero means don't wait. Any other values should contain a corresponding time unit (e.g. 1s, 2m, 3h).",
    },
    ...filenameFlags('identifying the resource to set a new size'),
    DRY_RUN_FLAG,
    SELECTOR_FLAG,
  ],
  run,
};
