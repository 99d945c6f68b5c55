/** kubectl label and kubectl annotate. Models kubectl/pkg/cmd/label/label.go and pkg/cmd/annotate/annotate.go */

import type { Task } from '../../os/program.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import {
  CHANGE_CAUSE,
  DRY_RUN_FLAG,
  type DryRun,
  dryOperation,
  dryRunOf,
  emit,
  FIELD_SELECTOR_FLAG,
  fieldManagerFlag,
  parsePairs,
  RECORD_FLAG,
  recorded,
  resourcesAndPairs,
  SELECTOR_FLAG,
  writeQuery,
} from './common.ts';
import { aggregate, Failure, failure } from './errors.ts';
import type { Flag } from './flags.ts';
import { patchObject } from './helper.ts';
import { type JsonObject, obj, sortedKeys, withPath } from './json.ts';
import { diffMerge } from './patch/equal.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import type { Mapping } from './rest.ts';
import { quote } from './strconv.ts';
import { labelValue } from './validation.ts';
import type { Ctx, Verb } from './verb.ts';

interface Changes {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

type Field = 'labels' | 'annotations';

/** parseLabels() */
function labelChanges(specs: readonly string[]): Changes | Failure {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const spec of specs) {
    if (spec.includes('=')) {
      const parts = spec.split('=');
      if (parts.length !== 2) return failure(`invalid label spec: ${spec}`);
      const wrong = labelValue(parts[1] as string);
      if (wrong.length > 0) return failure(`invalid label value: ${quote(spec)}: ${wrong.join(';')}`);
      set[parts[0] as string] = parts[1] as string;
    } else if (spec.endsWith('-')) remove.push(spec.slice(0, -1));
    else return failure(`unknown label spec: ${spec}`);
  }
  if (remove.some((r) => r in set)) return failure('can not both modify and remove a label in the same command');
  return { set, remove };
}

function annotationChanges(specs: readonly string[]): Changes | Failure {
  const r = parsePairs(specs, 'annotation', true);
  if (r instanceof Failure) return r;
  const both = r.remove.filter((k) => k in r.set);
  if (both.length > 0) return failure(`can not both modify and remove the following annotation(s) in the same command: ${both.join(', ')}`);
  return r;
}

/** What stands in the way without --overwrite. */
function overwrites(field: Field, have: JsonObject, set: Changes['set']): Failure | null {
  const wrong = Object.keys(set).filter((k) => k in have && have[k] !== set[k] && !(field === 'annotations' && k === CHANGE_CAUSE));
  if (wrong.length === 0) return null;
  if (field === 'labels') return aggregate(wrong.map((k) => failure(`'${k}' already has a value (${have[k]}), and --overwrite is false`)));
  const said = wrong.map((k) => `'${k}' already has a value (${have[k]})`).join('; ');
  return failure(`--overwrite is false but found the following declared annotation(s): ${said}`);
}

interface Options {
  readonly field: Field;
  readonly changes: Changes;
  readonly resources: readonly string[];
  readonly dry: DryRun;
}

function options(ctx: Ctx, field: Field, dry: DryRun): Options | Failure {
  const what = field === 'labels' ? 'label' : 'annotation';
  const split = resourcesAndPairs(ctx.args, what);
  if (split instanceof Failure) return split;
  const changes = field === 'labels' ? labelChanges(split.pairs) : annotationChanges(split.pairs);
  if (changes instanceof Failure) return changes;
  if (ctx.bool('list') && ctx.str('output') !== '') return failure('--list and --output may not be specified together');
  if (ctx.bool('all') && ctx.str('selector') !== '') return failure('cannot set --all and --selector at the same time');
  if (ctx.bool('all') && ctx.str('field-selector') !== '') return failure('cannot set --all and --field-selector at the same time');
  const noFiles = ctx.list('filename').length === 0 && ctx.str('kustomize') === '';
  const file = field === 'labels' ? 'pod' : 'rsrc';
  if (ctx.bool('local')) {
    if (dry === 'server') return failure('cannot specify --local and --dry-run=server - did you mean --dry-run=client?');
    if (split.resources.length > 0)
      return failure(`can only use local files by -f ${file}.yaml or --filename=${file}.json when --local=true is set`);
    if (noFiles) return failure(`one or more files must be specified as -f ${file}.yaml or --filename=${file}.json`);
  } else if (split.resources.length === 0 && noFiles)
    return failure('one or more resources must be specified as <resource> <name> or <resource>/<name>');
  if (Object.keys(changes.set).length === 0 && changes.remove.length === 0 && !ctx.bool('list'))
    return failure(`at least one ${what} update is required`);
  return { field, changes, resources: split.resources, dry };
}

/** The object with the changes, and what was done in one word. */
function changed(ctx: Ctx, o: Options, object: JsonObject): { object: JsonObject; operation: string } | Failure {
  const have = obj(object, 'metadata', o.field);
  const { set, remove } = o.changes;
  const wrong = ctx.bool('overwrite') ? null : overwrites(o.field, have, set);
  if (wrong) return wrong;
  const added = Object.keys(set).some((k) => have[k] !== set[k]);
  const removed = remove.some((k) => k in have);
  const next = Object.fromEntries(Object.entries({ ...have, ...set }).filter(([k]) => !remove.includes(k)));
  let out = withPath(object, ['metadata', o.field], Object.keys(next).length > 0 ? next : undefined);
  const version = ctx.str('resource-version');
  if (version !== '') out = withPath(out, ['metadata', 'resourceVersion'], version);
  const operation = added && removed ? 'modified' : added ? 'labeled' : removed ? 'unlabeled' : 'not labeled';
  return { object: out, operation: o.field === 'annotations' ? 'annotated' : operation };
}

function* one(ctx: Ctx, o: Options, info: Info, single: boolean): Task<Failure | null> {
  const dryRun = o.dry === 'client' || ctx.bool('local') || ctx.bool('list');
  let before = info.object as JsonObject;
  if (ctx.str('resource-version') !== '') before = withPath(before, ['metadata', 'resourceVersion'], undefined);
  if (!dryRun && o.field === 'labels')
    for (const k of o.changes.remove) if (!(k in obj(before, 'metadata', 'labels'))) yield* ctx.out(`label ${quote(k)} not found.\n`);
  const r = changed(ctx, o, before);
  if (r instanceof Failure) return r;
  let shown = r.object;
  if (!dryRun) {
    const noted = recorded(ctx, shown);
    if (o.field === 'annotations' || (r.operation !== 'not labeled' && r.operation !== '')) {
      const body = diffMerge(before, noted);
      const answer = yield* patchObject(ctx, info, 'merge', body, writeQuery(o.dry, ctx.str('field-manager')));
      if (answer instanceof Failure) return answer;
      shown = answer;
    }
  }
  if (ctx.bool('list')) {
    const m = info.mapping as Mapping;
    const have = obj(shown, 'metadata', o.field);
    const title = single ? '' : `Listing ${o.field} for ${m.kind}.${m.group}/${info.name}:\n`;
    yield* ctx.out(
      title +
        sortedKeys(have)
          .map((k) => `${single ? '' : ' '}${k}=${have[k]}\n`)
          .join(''),
    );
    return null;
  }
  const printer = printerFor(ctx, { operation: dryOperation(r.operation, o.dry) });
  return printer instanceof Failure ? printer : yield* emit(ctx, printer, shown);
}

function* change(ctx: Ctx, field: Field): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const o = options(ctx, field, dry);
  if (o instanceof Failure) return o;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const local = ctx.bool('local');
  const b = new Builder(ctx).continueOnError().local(local).namespace(ns.name, ns.explicit).filenames().flatten();
  if (!local) b.selector().fieldSelector().allNamespaces(ctx.bool('all-namespaces')).args(o.resources, ctx.bool('all')).latest();
  const { infos, error, single } = yield* b.infos();
  if (!single && ctx.str('resource-version') !== '') return failure('--resource-version may only be used with a single resource');
  const errors: Failure[] = error ? [error] : [];
  for (const info of infos) {
    const wrong = yield* one(ctx, o, info, single);
    if (wrong) errors.push(wrong);
  }
  return aggregate(errors) ?? 0;
}

const flags = (what: string, manager: string): readonly Flag[] => [
  RECORD_FLAG,
  ...PRINT_FLAGS,
  {
    name: 'overwrite',
    type: 'bool',
    usage: `If true, allow ${what} to be overwritten, otherwise reject ${what.slice(0, -1)} updates that overwrite existing ${what}.`,
  },
  { name: 'list', type: 'bool', usage: `If true, display the ${what} for a given resource.` },
  { name: 'local', type: 'bool', usage: `If true, ${manager.slice(8)} will NOT contact api-server but run locally.` },
  FIELD_SELECTOR_FLAG,
  { name: 'all', type: 'bool', usage: 'Select all resources, in the namespace of the specified resource types' },
  { name: 'all-namespaces', short: 'A', type: 'bool', usage: 'If true, check the specified action in all namespaces.' },
  {
    name: 'resource-version',
    type: 'string',
    usage: `If non-empty, the ${what} update will only succeed if this is the current resource-version for the object. Only valid when specifying a single resource.`,
  },
  ...filenameFlags(`identifying the resource to update the ${what === 'labels' ? what : 'annotation'}`),
  DRY_RUN_FLAG,
  fieldManagerFlag(manager),
  SELECTOR_FLAG,
];

export const labelVerb: Verb = {
  name: 'label',
  use: 'label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]',
  short: 'Update the labels on a resource',
  long: "Update the labels on a resource.\n\n  *  A label key and value must begin with a letter or number, and may contain letters, numbers, hyphens, dots, and underscores, up to 63 characters each.\n  *  Optionally, the key can begin with a DNS subdomain prefix and a single '/', like example.com/my-app.\n  *  If --overwrite is true, then existing labels can be overwritten, otherwise attempting to overwrite a label will result in an error.\n  *  If --resource-version is specified, then updates will use this resource version, otherwise the existing resource-version will be used.",
  example:
    "  # Update pod 'foo' with the label 'unhealthy' and the value 'true'\n  kubectl label pods foo unhealthy=true\n  \n  # Update pod 'foo' with the label 'status' and the value 'unhealthy', overwriting any existing value\n  kubectl label --overwrite pods foo status=unhealthy\n  \n  # Update all pods in the namespace\n  kubectl label pods --all status=unhealthy\n  \n  # Update a pod identified by the type and name in \"pod.json\"\n  kubectl label -f pod.json status=unhealthy\n  \n  # Update pod 'foo' only if the resource is unchanged from version 1\n  kubectl label pods foo status=unhealthy --resource-version=1\n  \n  # Update pod 'foo' by removing a label named 'bar' if it exists\n  # Does not require the --overwrite flag\n  kubectl label pods foo bar-",
  flags: flags('labels', 'kubectl-label'),
  run: (ctx) => change(ctx, 'labels'),
};

export const annotateVerb: Verb = {
  name: 'annotate',
  use: 'annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]',
  short: 'Update the annotations on a resource',
  long: 'Update the annotations on one or more resources.\n\n All Kubernetes objects support the ability to store additional data with the object as annotations. Annotations are key/value pairs that can be larger than labels and include arbitrary string values such as structured JSON. Tools and system extensions may use annotations to store their own data.\n\n Attempting to set an annotation that already exists will fail unless --overwrite is set. If --resource-version is specified and does not match the current resource version on the server the command will fail.\n\nUse "kubectl api-resources" for a complete list of supported resources.',
  example:
    "  # Update pod 'foo' with the annotation 'description' and the value 'my frontend'\n  # If the same annotation is set multiple times, only the last value will be applied\n  kubectl annotate pods foo description='my frontend'\n  \n  # Update a pod identified by type and name in \"pod.json\"\n  kubectl annotate -f pod.json description='my frontend'\n  \n  # Update pod 'foo' with the annotation 'description' and the value 'my frontend running nginx', overwriting any existing value\n  kubectl annotate --overwrite pods foo description='my frontend running nginx'\n  \n  # Update all pods in the namespace\n  kubectl annotate pods --all description='my frontend running nginx'\n  \n  # Update pod 'foo' only if the resource is unchanged from version 1\n  kubectl annotate pods foo description='my frontend running nginx' --resource-version=1\n  \n  # Update pod 'foo' by removing an annotation named 'description' if it exists\n  # Does not require the --overwrite flag\n  kubectl annotate pods foo description-",
  flags: flags('annotations', 'kubectl-annotate'),
  run: (ctx) => change(ctx, 'annotations'),
};
