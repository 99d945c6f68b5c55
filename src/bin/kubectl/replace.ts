/** kubectl replace, and --force: delete and create again. Models kubectl/pkg/cmd/replace/replace.go */

import type { Task } from '../../os/program.ts';
import { Builder } from './builder.ts';
import {
  DRY_RUN_FLAG,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  RECORD_FLAG,
  recorded,
  requireFilename,
  SAVE_CONFIG_FLAG,
  saveConfig,
  schemaOf,
  unversioned,
  VALIDATE_FLAG,
  type Validation,
  validationOf,
  writeQuery,
} from './common.ts';
import { raw, rawConflict } from './create/create.ts';
import { cascadeOf, deleteAll, deleteFlags } from './delete.ts';
import { Failure, failure, sourced } from './errors.ts';
import { createObject, replaceObject } from './helper.ts';
import type { JsonObject } from './json.ts';
import { PRINT_FLAGS, type Printer, printerFor } from './printers.ts';
import type { Mapping } from './rest.ts';
import { deadlineOf, sleep } from './until.ts';
import type { Ctx, Verb } from './verb.ts';

const FIVE_MINUTES = 300;

function* force(
  ctx: Ctx,
  ns: { name: string; explicit: boolean },
  validation: Validation,
  printer: Printer,
  grace: number,
): Task<number | Failure> {
  const cascade = yield* cascadeOf(ctx);
  if (cascade instanceof Failure) return cascade;
  const base = (): Builder => new Builder(ctx).continueOnError().namespace(ns.name, ns.explicit).filenames().flatten();
  const output = ctx.str('output');
  const deleted = yield* deleteAll(ctx, base().args(ctx.args).noObjects(), {
    cascade,
    gracePeriod: grace,
    ignoreNotFound: true,
    wait: ctx.bool('wait') || grace === 1,
    timeout: ctx.flags.duration('timeout'),
    dry: 'none',
    quiet: false,
    output,
    warnClusterScope: false,
  });
  if (deleted instanceof Failure) return deleted;
  const deadline = deadlineOf(ctx, ctx.flags.duration('timeout') || FIVE_MINUTES);
  const gone = yield* base().visit(function* (info) {
    for (;;) {
      const r = yield* ctx.rest.json('GET', info.path());
      if (r instanceof Failure) return r.notFound ? null : r;
      if (ctx.p.sim.now >= deadline) return failure('timed out waiting for the condition');
      yield* sleep(ctx, 1);
    }
  });
  if (gone) return gone;
  let count = 0;
  const wrong = yield* base()
    .validate(schemaOf(validation))
    .visit(function* (info) {
      const object = recorded(ctx, saveConfig(info.object as JsonObject, ctx.bool('save-config')));
      const query = writeQuery('none', ctx.str('field-manager'), validation);
      const r = yield* createObject(ctx, info.mapping as Mapping, info.namespace, unversioned(object), query);
      if (r instanceof Failure) return r;
      count++;
      return yield* emit(ctx, printer, r);
    });
  if (wrong) return wrong;
  return count === 0 ? failure('no objects passed to replace') : 0;
}

function* run(ctx: Ctx): Task<number | Failure> {
  const validation = validationOf(ctx);
  if (validation instanceof Failure) return validation;
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const printer = printerFor(ctx, { operation: dryOperation('replaced', dry) });
  if (printer instanceof Failure) return printer;
  let grace = ctx.int('grace-period');
  if (grace === 0) grace = 1;
  const missing = requireFilename(ctx);
  if (missing) return missing;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const forced = ctx.bool('force');
  if (grace >= 0 && !forced) return failure('--grace-period must have --force specified');
  if (ctx.flags.duration('timeout') !== 0 && !forced) return failure('--timeout must have --force specified');
  if (forced && dry !== 'none') return failure('--dry-run can not be used when --force is set');
  if (ctx.str('raw') !== '') return rawConflict(ctx) ?? (yield* raw(ctx, 'PUT', ctx.list('filename')[0]));
  if (forced) return yield* force(ctx, ns, validation, printer, grace);
  const sub = ctx.str('subresource');
  const b = new Builder(ctx).continueOnError().validate(schemaOf(validation)).namespace(ns.name, ns.explicit).filenames().flatten();
  if (sub !== '') b.subresource(sub);
  const wrong = yield* b.visit(function* (info) {
    const object = recorded(ctx, saveConfig(info.object as JsonObject, ctx.bool('save-config')));
    if (dry === 'client') return yield* emit(ctx, printer, object);
    const r = yield* replaceObject(ctx, info, object, writeQuery(dry, ctx.str('field-manager'), validation), sub);
    return r instanceof Failure ? sourced('replacing', info.source, r) : yield* emit(ctx, printer, r);
  });
  return wrong ?? 0;
}

export const replaceVerb: Verb = {
  name: 'replace',
  use: 'replace -f FILENAME',
  short: 'Replace a resource by file name or stdin',
  long: 'Replace a resource by file name or stdin.\n\n JSON and YAML formats are accepted. If replacing an existing resource, the complete resource spec must be provided. This can be obtained by\n\n  $ kubectl get TYPE NAME -o yaml',
  example:
    "  # Replace a pod using the data in pod.json\n  kubectl replace -f ./pod.json\n  \n  # Replace a pod based on the JSON passed into stdin\n  cat pod.json | kubectl replace -f -\n  \n  # Update a single-container pod's image version (tag) to v4\n  kubectl get pod mypod -o yaml | sed 's/\\(image: myimage\\):.*$/\\1:v4/' | kubectl replace -f -\n  \n  # Force replace, delete and then re-create the resource\n  kubectl replace --force -f ./pod.json",
  flags: [
    ...PRINT_FLAGS,
    ...deleteFlags('The files that contain the configurations to replace.', false),
    RECORD_FLAG,
    VALIDATE_FLAG,
    SAVE_CONFIG_FLAG,
    DRY_RUN_FLAG,
    { name: 'raw', type: 'string', usage: 'Raw URI to PUT to the server.  Uses the transport specified by the kubeconfig file.' },
    fieldManagerFlag('kubectl-replace'),
    { name: 'subresource', type: 'string', usage: 'If specified, replace will operate on the subresource of the requested object.' },
  ],
  run,
};
