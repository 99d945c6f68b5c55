/** kubectl patch. Models kubectl/pkg/cmd/patch/patch.go */

import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { text } from '../../wire/bytes.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import { DRY_RUN_FLAG, type DryRun, dryOperation, dryRunOf, emit, fieldManagerFlag, RECORD_FLAG, recorded, writeQuery } from './common.ts';
import { Failure, failure } from './errors.ts';
import { type PatchType, patchObject } from './helper.ts';
import { isObject, type Json, type JsonObject, str } from './json.ts';
import { applyJsonPatch, applyStrategic } from './patch/apply.ts';
import { applyMerge, diffMerge, equal } from './patch/equal.ts';
import { patchMetaOf } from './patch/meta.ts';
import { PatchError } from './patch/strategic.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import { type Mapping, parseJson } from './rest.ts';
import { quote } from './strconv.ts';
import type { Ctx, Verb } from './verb.ts';
import { yamlToJson } from './yaml.ts';

const TYPES: readonly string[] = ['json', 'merge', 'strategic'];

/** yaml.ToJSON(): what begins as JSON stays as it is, whatever follows. */
function toJson(raw: string): { text: string; value: Json | undefined } | Failure {
  if (/^\s*\{/.test(raw)) return { text: raw, value: parseJson(raw) };
  const v = yamlToJson(raw);
  return v instanceof Failure ? v : { text: JSON.stringify(v), value: v };
}

/** getPatchedJSON() */
function locally(info: Info, type: PatchType, body: Json): JsonObject | Failure {
  const object = info.object as JsonObject;
  if (type === 'json') {
    const r = applyJsonPatch(object, body);
    return r instanceof PatchError ? failure(r.message) : (r as JsonObject);
  }
  if (type === 'merge') return applyMerge(object, body) as JsonObject;
  const api = str(object, 'apiVersion');
  const group = api.includes('/') ? (api.split('/')[0] as string) : '';
  const meta = patchMetaOf(group, str(object, 'kind'));
  if (meta === null)
    return failure(`strategic merge patch is not supported for ${api}, Kind=${str(object, 'kind')} locally, try --type merge`);
  return isObject(body) ? applyStrategic(object, body, meta) : failure('Invalid JSON Patch');
}

function conflict(ctx: Ctx, dry: DryRun): Failure | null {
  const [given, file] = [ctx.str('patch'), ctx.str('patch-file')];
  if (given !== '' && file !== '') return failure('cannot specify --patch and --patch-file together');
  if (given === '' && file === '') return failure('must specify --patch or --patch-file containing the contents of the patch');
  if (ctx.bool('local') && ctx.args.length > 0) return failure('cannot specify --local and server resources');
  if (ctx.bool('local') && dry === 'server') return failure('cannot specify --local and --dry-run=server - did you mean --dry-run=client?');
  if (!TYPES.includes(ctx.str('type').toLowerCase()))
    return failure(`--type must be one of [${TYPES.join(' ')}], not ${quote(ctx.str('type'))}`);
  return null;
}

function* run(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const wrong = conflict(ctx, dry);
  if (wrong) return wrong;
  let given = ctx.str('patch');
  const file = ctx.str('patch-file');
  if (file !== '') {
    const r = ctx.p.readFile(file);
    if (!r.ok) return failure(`unable to read patch file: open ${file}: ${strerror(r.errno).toLowerCase()}`);
    given = text(r.value);
  }
  const body = toJson(given);
  if (body instanceof Failure) return failure(`unable to parse ${quote(ctx.str('patch'))}: ${body.message}`);
  const type = ctx.str('type').toLowerCase() as PatchType;
  const local = ctx.bool('local');
  const sub = ctx.str('subresource');
  const query = writeQuery(dry, ctx.str('field-manager'));
  let count = 0;
  const b = new Builder(ctx).continueOnError().local(local).namespace(ns.name, ns.explicit).filenames().args(ctx.args).flatten();
  if (sub !== '') b.subresource(sub);
  const bad = yield* b.visit(function* (info) {
    count++;
    const before = info.object as JsonObject;
    let after: JsonObject;
    if (local || dry === 'client') {
      const r = locally(info, type, body.value ?? null);
      if (r instanceof Failure) return r;
      after = r;
    } else {
      const r = yield* patchObject(ctx, info, type, { text: body.text }, query, sub);
      if (r instanceof Failure) {
        if (r.reason !== 'UnsupportedMediaType') return r;
        const m = info.mapping as Mapping;
        return failure(`application/${type}-patch+json is not supported by ${m.group}/${m.version}, Kind=${m.kind}: ${r.message}`);
      }
      after = r;
    }
    const changed = !equal(before, after);
    const noted = recorded(ctx, after);
    if (noted !== after && !local && dry !== 'client') {
      const r = yield* patchObject(ctx, info, 'merge', diffMerge(after, noted), query);
      if (!(r instanceof Failure)) after = r;
    }
    const printer = printerFor(ctx, { operation: dryOperation(changed ? 'patched' : 'patched (no change)', dry) });
    return printer instanceof Failure ? printer : yield* emit(ctx, printer, after);
  });
  if (bad) return bad;
  return count === 0 ? failure('no objects passed to patch') : 0;
}

export const patchVerb: Verb = {
  name: 'patch',
  use: 'patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]',
  short: 'Update fields of a resource',
  long: 'Update fields of a resource using strategic merge patch, a JSON merge patch, or a JSON patch.\n\n JSON and YAML formats are accepted.\n\n Note: Strategic merge patch is not supported for custom resources.',
  example:
    '  # Partially update a node using a strategic merge patch, specifying the patch as JSON\n  kubectl patch node k8s-node-1 -p \'{"spec":{"unschedulable":true}}\'\n  \n  # Partially update a node using a strategic merge patch, specifying the patch as YAML\n  kubectl patch node k8s-node-1 -p $\'spec:\\n unschedulable: true\'\n  \n  # Partially update a node identified by the type and name specified in "node.json" using strategic merge patch\n  kubectl patch -f node.json -p \'{"spec":{"unschedulable":true}}\'\n  \n  # Update a container\'s image; spec.containers[*].name is required because it\'s a merge key\n  kubectl patch pod valid-pod -p \'{"spec":{"containers":[{"name":"kubernetes-serve-hostname","image":"new image"}]}}\'\n  \n  # Update a container\'s image using a JSON patch with positional arrays\n  kubectl patch pod valid-pod --type=\'json\' -p=\'[{"op": "replace", "path": "/spec/containers/0/image", "value":"new image"}]\'\n  \n  # Update a deployment\'s replicas through the \'scale\' subresource using a merge patch\n  kubectl patch deployment nginx-deployment --subresource=\'scale\' --type=\'merge\' -p \'{"spec":{"replicas":2}}\'',
  flags: [
    ...filenameFlags('identifying the resource to update'),
    ...PRINT_FLAGS,
    RECORD_FLAG,
    DRY_RUN_FLAG,
    fieldManagerFlag('kubectl-patch'),
    { name: 'patch', short: 'p', type: 'string', usage: 'The patch to be applied to the resource JSON file.' },
    { name: 'patch-file', type: 'string', usage: 'A file containing a patch to be applied to the resource.' },
    { name: 'type', type: 'string', def: 'strategic', usage: 'The type of patch being provided; one of [json merge strategic]' },
    {
      name: 'local',
      type: 'bool',
      usage: 'If true, patch will operate on the content of the file, not the server-side resource.',
    },
    { name: 'subresource', type: 'string', usage: 'If specified, patch will operate on the subresource of the requested object.' },
  ],
  run,
};
