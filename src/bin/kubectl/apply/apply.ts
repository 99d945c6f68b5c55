/** kubectl apply, by client or by server. Models kubectl/pkg/cmd/apply/apply.go */

import type { Task } from '../../../os/program.ts';
import { Builder, type Info } from '../builder.ts';
import {
  configurationText,
  DRY_RUN_FLAG,
  type DryRun,
  dryOperation,
  dryRunOf,
  emit,
  LAST_APPLIED,
  RECORD_FLAG,
  recorded,
  requireFilename,
  SELECTOR_FLAG,
  schemaOf,
  unversioned,
  VALIDATE_FLAG,
  type Validation,
  validationOf,
  withAnnotations,
  withLastApplied,
  writeQuery,
} from '../common.ts';
import { type Cascade, cascadeOf, deleteFlags } from '../delete.ts';
import { aggregate, Failure, failure, sourced } from '../errors.ts';
import { createObject, patchObject } from '../helper.ts';
import { isArray, isObject, type Json, type JsonObject, obj, str } from '../json.ts';
import { PRINT_FLAGS, type Printer, printerFor } from '../printers.ts';
import type { Mapping } from '../rest.ts';
import type { Ctx, Verb } from '../verb.ts';
import { editLastAppliedVerb, setLastAppliedVerb, viewLastAppliedVerb } from './lastapplied.ts';
import { migrate } from './migrate.ts';
import { patch } from './patcher.ts';
import { type Applied, prune, pruneConflict } from './prune.ts';

const CONFLICTS = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`;

interface Options {
  readonly dry: DryRun;
  readonly validation: Validation;
  readonly cascade: Cascade;
  readonly serverSide: boolean;
  readonly manager: string;
  /** -o other than name: objects are printed at the end. */
  readonly prints: boolean;
}

/** pruneNullsFromMap() */
function withoutNulls(v: Json): Json {
  if (isArray(v)) return v.map(withoutNulls);
  if (!isObject(v)) return v;
  return Object.fromEntries(
    Object.entries(v)
      .filter(([, x]) => x !== null && x !== undefined)
      .map(([k, x]) => [k, withoutNulls(x as Json)]),
  );
}

class Apply {
  private readonly ctx: Ctx;
  private readonly o: Options;
  readonly applied: Applied[] = [];

  constructor(ctx: Ctx, o: Options) {
    this.ctx = ctx;
    this.o = o;
  }

  printer(operation: string): Printer | Failure {
    return printerFor(this.ctx, { operation: dryOperation(operation, this.o.dry) });
  }

  private *said(info: Info, operation: string): Task<Failure | null> {
    this.applied.push({ uid: str(info.object, 'metadata', 'uid'), namespace: info.namespace, object: info.object as JsonObject });
    if (this.o.prints) return null;
    const printer = this.printer(operation);
    return printer instanceof Failure ? printer : yield* emit(this.ctx, printer, info.object as JsonObject);
  }

  private *warnIfDeleting(info: Info): Task<void> {
    if (str(info.object, 'metadata', 'deletionTimestamp') !== '')
      yield* this.ctx.err(`Warning: Detected changes to resource ${info.name} which is currently being deleted.\n`);
  }

  *one(info: Info): Task<Failure | null> {
    info.object = recorded(this.ctx, info.object as JsonObject);
    if (info.name === '') {
      const generateName = str(info.object, 'metadata', 'generateName');
      if (generateName !== '') return failure(`from ${generateName}: cannot use generate name with apply`);
    }
    return this.o.serverSide ? yield* this.server(info) : yield* this.client(info);
  }

  private *server(info: Info): Task<Failure | null> {
    const { ctx, o } = this;
    const force = ctx.bool('force-conflicts');
    const query = { ...writeQuery(o.dry, o.manager, o.validation), force };
    const body = info.object as JsonObject;
    const r = yield* patchObject(ctx, info, 'apply', body, query, ctx.str('subresource'));
    if (r instanceof Failure) return r.reason === 'Conflict' ? failure(`${r.message}\n${CONFLICTS}`) : r;
    info.refresh(r);
    const moved = yield* migrate(ctx, info, o.manager, o.dry);
    if (moved) {
      const again = yield* patchObject(ctx, info, 'apply', body, query);
      if (!(again instanceof Failure)) info.refresh(again);
    }
    yield* this.warnIfDeleting(info);
    return yield* this.said(info, 'serverside-applied');
  }

  private *client(info: Info): Task<Failure | null> {
    const { ctx, o } = this;
    const given = info.object as JsonObject;
    const { [LAST_APPLIED]: _, ...own } = obj(given, 'metadata', 'annotations');
    const modified = withAnnotations(given, { ...own, [LAST_APPLIED]: configurationText(given) });
    const missing = yield* info.get(ctx.rest);
    if (missing) {
      if (!missing.notFound) return sourced(`retrieving current configuration of:\n${info}\nfrom server for:`, info.source, missing);
      return yield* this.create(info, given);
    }
    if (str(info.object, 'metadata', 'annotations', LAST_APPLIED) === '')
      yield* ctx.err(
        `Warning: resource ${info.objectName} is missing the ${LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n`,
      );
    const r = yield* patch(ctx, info, modified, {
      dry: o.dry,
      overwrite: ctx.bool('overwrite'),
      force: ctx.bool('force'),
      cascade: o.cascade,
      gracePeriod: ctx.int('grace-period'),
      timeout: ctx.flags.duration('timeout'),
      fieldManager: o.manager,
      validation: o.validation,
    });
    if (r instanceof Failure) return r;
    info.refresh(r.object);
    yield* this.warnIfDeleting(info);
    return yield* this.said(info, r.patch === '{}' ? 'unchanged' : 'configured');
  }

  private *create(info: Info, given: JsonObject): Task<Failure | null> {
    const { ctx, o } = this;
    const object = withoutNulls(withLastApplied(given)) as JsonObject;
    info.object = object;
    if (o.dry !== 'client') {
      const made = yield* createObject(
        ctx,
        info.mapping as Mapping,
        info.namespace,
        unversioned(object),
        writeQuery(o.dry, o.manager, o.validation),
      );
      if (made instanceof Failure) return sourced('creating', info.source, made);
      info.refresh(made);
    }
    return yield* this.said(info, 'created');
  }
}

/** ApplyOptions.Validate() */
function conflict(ctx: Ctx, dry: DryRun): Failure | null {
  const server = ctx.bool('server-side');
  const force = ctx.bool('force');
  if (ctx.bool('force-conflicts') && !server) return failure('--force-conflicts only works with --server-side');
  if (dry === 'client' && server)
    return failure("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
  if (server && force) return failure('--force cannot be used with --server-side');
  if (dry === 'server' && force) return failure('--dry-run=server cannot be used with --force');
  if (ctx.bool('all') && ctx.str('selector') !== '') return failure('cannot set --all and --selector at the same time');
  const wrong = ctx.bool('prune') ? pruneConflict(ctx) : null;
  if (wrong) return wrong;
  return ctx.str('subresource') !== '' && !server ? failure('--subresource can only be specified for --server-side') : null;
}

function* run(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length > 0) return ctx.usageError(`Unexpected args: [${ctx.args.join(' ')}]`);
  const serverSide = ctx.bool('server-side');
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const cascade = yield* cascadeOf(ctx);
  if (cascade instanceof Failure) return cascade;
  const missing = requireFilename(ctx);
  if (missing) return missing;
  const validation = validationOf(ctx);
  if (validation instanceof Failure) return validation;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const wrong = conflict(ctx, dry);
  if (wrong) return wrong;
  const output = ctx.changed('output') ? ctx.str('output') : '';
  const apply = new Apply(ctx, {
    dry,
    validation,
    cascade,
    serverSide,
    manager: ctx.changed('field-manager') ? ctx.str('field-manager') : serverSide ? 'kubectl' : 'kubectl-client-side-apply',
    prints: output !== '' && output !== 'name',
  });
  const printer = apply.printer('');
  if (printer instanceof Failure) return printer;
  const builder = new Builder(ctx)
    .continueOnError()
    .validate(schemaOf(validation))
    .namespace(ns.name, ns.explicit)
    .filenames()
    .selector()
    .flatten();
  const { infos, error } = yield* builder.infos();
  const errors: Failure[] = error ? [error] : [];
  if (infos.length === 0 && errors.length === 0) return failure('no objects passed to apply');
  for (const info of infos) {
    const bad = yield* apply.one(info);
    if (bad) errors.push(bad);
  }
  const all = errors.length === 1 ? (errors[0] as Failure) : aggregate(errors);
  if (all) return all;
  if (output !== '' && output !== 'name' && infos.length > 0) {
    const objects = infos.map((i) => i.object as JsonObject);
    const shown = objects.length === 1 ? (objects[0] as JsonObject) : { apiVersion: 'v1', items: objects, kind: 'List', metadata: {} };
    const bad = yield* emit(ctx, printer, shown);
    if (bad) return bad;
  }
  return ctx.bool('prune') ? yield* prune(ctx, apply.applied, ns, dry, cascade) : 0;
}

export const applyVerb: Verb = {
  name: 'apply',
  use: 'apply (-f FILENAME | -k DIRECTORY)',
  short: 'Apply a configuration to a resource by file name or stdin',
  long: "Apply a configuration to a resource by file name or stdin. The resource name must be specified. This resource will be created if it doesn't exist yet. To use 'apply', always create the resource initially with either 'apply' or 'create --save-config'.\n\n JSON and YAML formats are accepted.\n\n Alpha Disclaimer: the --prune functionality is not yet complete. Do not use unless you are aware of what the current state is. See https://issues.k8s.io/34274.",
  example:
    "  # Apply the configuration in pod.json to a pod\n  kubectl apply -f ./pod.json\n  \n  # Apply resources from a directory containing kustomization.yaml - e.g. dir/kustomization.yaml\n  kubectl apply -k dir/\n  \n  # Apply the JSON passed into stdin to a pod\n  cat pod.json | kubectl apply -f -\n  \n  # Apply the configuration from all files that end with '.json'\n  kubectl apply -f '*.json'\n  \n  # Note: --prune is still in Alpha\n  # Apply the configuration in manifest.yaml that matches label app=nginx and delete all other resources that are not in the file and match label app=nginx\n  kubectl apply --prune -f manifest.yaml -l app=nginx\n  \n  # Apply the configuration in manifest.yaml and delete all the other config maps that are not in the file\n  kubectl apply --prune -f manifest.yaml --all --prune-allowlist=core/v1/ConfigMap",
  flags: [
    ...deleteFlags('The files, directories or URLs that contain the configurations to apply.', false),
    RECORD_FLAG,
    ...PRINT_FLAGS,
    VALIDATE_FLAG,
    DRY_RUN_FLAG,
    { name: 'server-side', type: 'bool', usage: 'If true, apply runs in the server instead of the client.' },
    { name: 'force-conflicts', type: 'bool', usage: 'If true, server-side apply will force the changes against conflicts.' },
    {
      name: 'field-manager',
      type: 'string',
      def: 'kubectl-client-side-apply',
      usage: 'Name of the manager used to track field ownership.',
    },
    SELECTOR_FLAG,
    {
      name: 'prune',
      type: 'bool',
      usage:
        'Automatically delete resource objects, that do not appear in the configs and are created by either apply or create --save-config. Should be used with either -l or --all.',
    },
    { name: 'prune-allowlist', type: 'stringArray', usage: 'Overwrite the default allowlist with <group/version/kind> for --prune' },
    { name: 'all', type: 'bool', usage: 'Select all resources in the namespace of the specified resource types.' },
    {
      name: 'overwrite',
      type: 'bool',
      def: 'true',
      usage: 'Automatically resolve conflicts between the modified and live configuration by using values from the modified configuration',
    },
    {
      name: 'openapi-patch',
      type: 'bool',
      def: 'true',
      usage:
        'If true, use openapi to calculate diff when the openapi presents and the resource can be found in the openapi spec. Otherwise, fall back to use baked-in types.',
    },
    {
      name: 'subresource',
      type: 'string',
      usage: 'If specified, apply will operate on the subresource of the requested object.  Only allowed when using --server-side.',
    },
  ],
  subcommands: [editLastAppliedVerb, setLastAppliedVerb, viewLastAppliedVerb],
  run,
};
