/** kubectl edit, and what edits before it creates or applies. Models kubectl/pkg/cmd/util/editor/editoptions.go */

import type { Task } from '../../../os/program.ts';
import { Builder, filenameFlags, type Info } from '../builder.ts';
import {
  configurationText,
  emit,
  fieldManagerFlag,
  kindFailure,
  LAST_APPLIED,
  RECORD_FLAG,
  SAVE_CONFIG_FLAG,
  saveConfig,
  unversioned,
  VALIDATE_FLAG,
  type Validation,
  validationOf,
  writeQuery,
} from '../common.ts';
import { exitWith, Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { createObject, patchObject } from '../helper.ts';
import { goJson, isObject, type Json, type JsonObject, str, withPath } from '../json.ts';
import { diffMerge, equal } from '../patch/equal.ts';
import { patchMetaOf } from '../patch/meta.ts';
import { PatchError, twoWay } from '../patch/strategic.ts';
import { PRINT_FLAGS, type Printer, printerFor } from '../printers.ts';
import { groupResource, type Mapping, parseJson } from '../rest.ts';
import { quote } from '../strconv.ts';
import type { Ctx, Verb } from '../verb.ts';
import { yamlToJson } from '../yaml.ts';
import { edited as launch, withoutComments } from './editor.ts';

type Mode = 'normal' | 'create' | 'apply';

const ROUNDS = 1000;

const HEADERS: Readonly<Record<Mode, string>> = {
  normal: `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`,
  create: `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`,
  apply: `# Please edit the 'last-applied-configuration' annotations below.
# Lines beginning with a '#' will be ignored, and an empty file will abort the edit.
#
`,
};

interface Reason {
  readonly head: string;
  readonly other: readonly string[];
}

const hashed = (s: string): string => s.replace(/\r\n|\r|\n/g, '\n# ');

function header(mode: Mode, reasons: readonly Reason[]): string {
  const said = reasons.map(
    (r) => `# ${hashed(r.head)}${r.other.length > 0 ? ':' : ''}\n${r.other.map((o) => `# * ${hashed(o)}\n`).join('')}#\n`,
  );
  return HEADERS[mode] + said.join('');
}

/** editResults */
class Results {
  readonly reasons: Reason[] = [];
  retryable = 0;
  notFound = 0;
  edits = 0;

  add(f: Failure, info: Info): string {
    const resource = info.mapping ? groupResource(info.mapping) : '';
    if (f.reason === 'Invalid') {
      this.edits++;
      const causes = f.status?.details?.causes ?? [];
      this.reasons.push({
        head: `${resource} ${quote(info.name)} was not valid`,
        other: causes.map((c) => `${c.field ?? ''}: ${c.message ?? ''}`),
      });
      return `error: ${resource} ${quote(info.name)} is invalid`;
    }
    if (f.notFound) {
      this.notFound++;
      return `error: ${resource} ${quote(info.name)} could not be found on the server`;
    }
    this.retryable++;
    return `error: ${resource} ${quote(info.name)} could not be patched: ${f.message}`;
  }
}

interface Options {
  readonly mode: Mode;
  readonly validation: Validation;
  readonly namespace: string;
  readonly output: string;
  readonly dry: 'none' | 'client' | 'server';
}

const withoutManaged = (o: JsonObject): JsonObject => withPath(o, ['metadata', 'managedFields'], undefined);

class Editor {
  private readonly ctx: Ctx;
  private readonly o: Options;

  constructor(ctx: Ctx, o: Options) {
    this.ctx = ctx;
    this.o = o;
  }

  private *preserved(f: Failure, file: string): Task<Failure> {
    if (file !== '' && this.ctx.p.stat(file).ok) yield* this.ctx.err(`A copy of your changes has been stored to ${quote(file)}\n`);
    return f;
  }

  private printer(operation: string): Printer | Failure {
    return printerFor(this.ctx, { operation });
  }

  private *updated(file: string): Task<{ infos: Info[]; error: Failure | null }> {
    const r = yield* new Builder(this.ctx).continueOnError().filenames([file], false, '').flatten().infos();
    const error = r.error ? failure(r.error.message.replaceAll(file, 'edited-file')) : null;
    for (const info of r.infos) info.source = 'edited-file';
    return { infos: r.infos, error };
  }

  *edit(infos: readonly Info[]): Task<number | Failure> {
    const { ctx, o } = this;
    const json = o.output === 'json';
    let results = new Results();
    let file = '';
    let before = '';
    let text = '';
    let wrongBefore = false;
    const objects = infos.map((i) => withoutManaged(i.object as JsonObject));
    const whole: JsonObject =
      objects.length === 1 ? (objects[0] as JsonObject) : { kind: 'List', apiVersion: 'v1', metadata: {}, items: objects };
    for (let round = 0; round < ROUNDS; round++) {
      const top = header(o.mode, results.reasons);
      let content = top + withoutComments(text);
      if (!wrongBefore) {
        const printer = printerFor(ctx, { output: json ? 'json' : 'yaml' });
        if (printer instanceof Failure) return printer;
        content = top + printer.print(whole).out;
        before = content;
      }
      const last = text;
      const r = yield* launch(ctx.p, 'kubectl-edit-', json ? '.json' : '.yaml', content);
      if (r instanceof Failure) return yield* this.preserved(r, file);
      text = r.text;
      if (wrongBefore && withoutComments(last) === withoutComments(text))
        return yield* this.preserved(failure('Edit cancelled, no valid changes were saved.'), r.file);
      if (file !== '') ctx.p.unlink(file);
      file = r.file;
      const parsed = yamlToJson(text);
      const bad = parsed instanceof Failure ? parsed : o.validation === 'Ignore' || parsed === null ? null : kindFailure(parsed);
      if (bad && withoutComments(text).trim() !== '') {
        results = new Results();
        wrongBefore = true;
        results.reasons.push({
          head: ' "" was not valid',
          other: [`<nil>: Invalid value: "The edited file failed validation": ${bad.message}`],
        });
        yield* ctx.err('error:  "" is invalid\n');
        continue;
      }
      if (withoutComments(before).trim() === withoutComments(text).trim() || equal(yamlOf(before), yamlOf(text))) {
        ctx.p.unlink(file);
        yield* ctx.err('Edit cancelled, no changes made.\n');
        return 0;
      }
      if (withoutComments(text).trim() === '') {
        ctx.p.unlink(file);
        yield* ctx.err('Edit cancelled, saved file was empty.\n');
        return 0;
      }
      results = new Results();
      const next = yield* this.updated(file);
      if (next.error) {
        wrongBefore = true;
        results.reasons.push({ head: `The edited file had a syntax error: ${next.error.message}`, other: [] });
        continue;
      }
      wrongBefore = false;
      const failed = yield* this.visit(infos, next.infos, results);
      if (failed) return yield* this.preserved(failed, file);
      if (results.retryable > 0) {
        yield* ctx.err(`You can run \`kubectl replace -f ${file}\` to try this update again.\n`);
        return exitWith(1);
      }
      if (results.notFound > 0) {
        yield* ctx.err(`The edits you made on deleted resources have been saved to ${quote(file)}\n`);
        return exitWith(1);
      }
      if (results.edits === 0) {
        ctx.p.unlink(file);
        return 0;
      }
      if (results.reasons.length > 0) wrongBefore = true;
    }
    return 1;
  }

  private *visit(originals: readonly Info[], infos: readonly Info[], results: Results): Task<Failure | null> {
    for (const info of infos) {
      const { namespace } = this.o;
      if (info.namespaced && info.namespace === '') info.namespace = namespace;
      else if (info.namespaced && info.namespace !== namespace && this.o.mode !== 'create')
        return failure(
          `the namespace from the provided object ${quote(info.namespace)} does not match the namespace ${quote(namespace)}. You must pass '--namespace=${info.namespace}' to perform this operation.`,
        );
      const save = this.ctx.flags.flag('save-config') !== undefined && this.ctx.bool('save-config');
      if (this.o.mode !== 'apply' && save) info.object = saveConfig(info.object as JsonObject, true);
      const r =
        this.o.mode === 'create'
          ? yield* this.create(info)
          : this.o.mode === 'apply'
            ? yield* this.annotate(originals, info)
            : yield* this.patch(originals, info, results);
      if (r) return r;
    }
    return null;
  }

  private *said(operation: string, object: JsonObject): Task<Failure | null> {
    const printer = this.printer(operation);
    return printer instanceof Failure ? printer : yield* emit(this.ctx, printer, object);
  }

  private *patch(originals: readonly Info[], info: Info, results: Results): Task<Failure | null> {
    const { ctx } = this;
    const edited = info.object as JsonObject;
    const uid = str(edited, 'metadata', 'uid');
    const original = originals.find((i) => str(i.object, 'metadata', 'uid') === uid);
    if (!original) return failure(`no original object found for ${goJson(edited)}`);
    const from = withoutManaged(original.object as JsonObject);
    if (equal(from, edited)) return yield* this.said('skipped', edited);
    const m = info.mapping as Mapping;
    const meta = patchMetaOf(m.group, m.kind);
    const body = meta ? twoWay(from, edited, meta) : diffMerge(from, edited);
    if (body instanceof PatchError) return failure(body.message);
    if ('apiVersion' in body || 'kind' in body || (isObject(body.metadata) && 'name' in body.metadata))
      return failure('At least one of apiVersion, kind and name was changed');
    if (ctx.flags.flag('output-patch') && ctx.bool('output-patch')) yield* ctx.out(`Patch: ${goJson(body)}\n`);
    const sub = ctx.flags.flag('subresource') ? ctx.str('subresource') : '';
    const r = yield* patchObject(
      ctx,
      info,
      meta ? 'strategic' : 'merge',
      body,
      writeQuery('none', ctx.str('field-manager'), this.o.validation),
      sub,
    );
    if (r instanceof Failure) {
      yield* ctx.err(`${results.add(r, info)}\n`);
      return null;
    }
    info.refresh(r);
    return yield* this.said('edited', r);
  }

  private *create(info: Info): Task<Failure | null> {
    const { ctx, o } = this;
    const query = writeQuery(o.dry, ctx.str('field-manager'), o.validation);
    if (o.dry === 'client') return yield* this.said('created (dry run)', info.object as JsonObject);
    const r = yield* createObject(ctx, info.mapping as Mapping, info.namespace, unversioned(info.object as JsonObject), query);
    return r instanceof Failure ? r : yield* this.said(o.dry === 'server' ? 'created (server dry run)' : 'created', r);
  }

  private *annotate(originals: readonly Info[], info: Info): Task<Failure | null> {
    const { ctx } = this;
    const edited = info.object as JsonObject;
    const original = originals.find((i) => i.name === info.name && i.mapping?.kind === info.mapping?.kind);
    if (!original) return failure('At least one of apiVersion, kind and name was changed');
    if (equal(original.object, edited)) return yield* this.said('skipped', edited);
    const body: Json = { metadata: { annotations: { [LAST_APPLIED]: configurationText(edited) } } };
    const r = yield* patchObject(ctx, info, 'merge', body, writeQuery('none', ctx.str('field-manager')));
    return r instanceof Failure ? r : yield* this.said('edited', r);
  }
}

function yamlOf(text: string): Json | undefined {
  const v = yamlToJson(text);
  return v instanceof Failure ? undefined : v;
}

function options(ctx: Ctx, mode: Mode, dry: Options['dry'] = 'none'): Options | Failure {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const validation = validationOf(ctx);
  if (validation instanceof Failure) return validation;
  return { mode, validation, namespace: ns.name, output: ctx.str('output'), dry };
}

function builder(ctx: Ctx, args: boolean): Builder | Failure {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const b = new Builder(ctx).continueOnError().namespace(ns.name, ns.explicit).filenames().flatten();
  return args ? b.args(ctx.args, true).latest() : b;
}

function* edit(ctx: Ctx): Task<number | Failure> {
  const o = options(ctx, 'normal');
  if (o instanceof Failure) return o;
  const b = builder(ctx, true);
  if (b instanceof Failure) return b;
  if (ctx.str('subresource') !== '') b.subresource(ctx.str('subresource'));
  const { infos, error } = yield* b.infos();
  if (error) return error;
  if (infos.length === 0) return failure('edit cancelled, no objects found');
  return yield* new Editor(ctx, o).edit(infos);
}

export function* editLastApplied(ctx: Ctx): Task<number | Failure> {
  const o = options(ctx, 'apply');
  if (o instanceof Failure) return o;
  const b = builder(ctx, true);
  if (b instanceof Failure) return b;
  const { infos, error } = yield* b.infos();
  if (error) return error;
  const found: Info[] = [];
  for (const info of infos) {
    const v = parseJson(str(info.object, 'metadata', 'annotations', LAST_APPLIED));
    if (!isObject(v)) continue;
    info.object = v;
    found.push(info);
  }
  if (found.length === 0)
    return failure(
      'no last-applied-configuration annotation found on resources, to create the annotation, use command `kubectl apply set-last-applied --create-annotation`',
    );
  return yield* new Editor(ctx, o).edit(found);
}

/** create --edit */
export function* editBeforeCreate(ctx: Ctx, dry: Options['dry']): Task<number | Failure> {
  const o = options(ctx, 'create', dry);
  if (o instanceof Failure) return o;
  const b = builder(ctx, false);
  if (b instanceof Failure) return b;
  const wrong = yield* b.visit(function* (info) {
    const r = yield* new Editor(ctx, o).edit([info]);
    return r instanceof Failure ? r : null;
  });
  return wrong ?? 0;
}

export const editFlags = (manager: string): readonly Flag[] => [
  ...filenameFlags('to use to edit the resource'),
  RECORD_FLAG,
  ...PRINT_FLAGS,
  VALIDATE_FLAG,
  { name: 'windows-line-endings', type: 'bool', usage: 'Defaults to the line ending native to your platform.' },
  fieldManagerFlag(manager),
];

export const editVerb: Verb = {
  name: 'edit',
  use: 'edit (RESOURCE/NAME | -f FILENAME)',
  short: 'Edit a resource on the server',
  long: "Edit a resource from the default editor.\n\n The edit command allows you to directly edit any API resource you can retrieve via the command-line tools. It will open the editor defined by your KUBE_EDITOR, or EDITOR environment variables, or fall back to 'vi' for Linux or 'notepad' for Windows.",
  example:
    "  # Edit the service named 'registry'\n  kubectl edit svc/registry\n  \n  # Use an alternative editor\n  KUBE_EDITOR=\"nano\" kubectl edit svc/registry\n  \n  # Edit the job 'myjob' in JSON using the v1 API format\n  kubectl edit job.v1.batch/myjob -o json\n  \n  # Edit the deployment 'mydeployment' in YAML and save the modified config in its annotation\n  kubectl edit deployment/mydeployment -o yaml --save-config\n  \n  # Edit the 'status' subresource for the 'mydeployment' deployment\n  kubectl edit deployment mydeployment --subresource='status'",
  flags: [
    ...editFlags('kubectl-edit'),
    SAVE_CONFIG_FLAG,
    { name: 'output-patch', type: 'bool', usage: 'Output the patch if the resource is edited.' },
    { name: 'subresource', type: 'string', usage: 'If specified, edit will operate on the subresource of the requested object.' },
  ],
  run: edit,
};
