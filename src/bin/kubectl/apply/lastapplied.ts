/** kubectl apply view-last-applied | set-last-applied | edit-last-applied. Models kubectl/pkg/cmd/apply/apply_*_last_applied.go */

import type { Task } from '../../../os/program.ts';
import { Builder, filenameFlags, type Info } from '../builder.ts';
import { configurationText, DRY_RUN_FLAG, dryOperation, dryRunOf, emit, LAST_APPLIED, SELECTOR_FLAG, writeQuery } from '../common.ts';
import { editFlags, editLastApplied } from '../edit/edit.ts';
import { Failure, failure, sourced } from '../errors.ts';
import { patchObject } from '../helper.ts';
import { goJson, goJsonIndent, type JsonObject, str } from '../json.ts';
import { PRINT_FLAGS, printerFor } from '../printers.ts';
import { parseJson } from '../rest.ts';
import type { Ctx, Verb } from '../verb.ts';
import { toYaml } from '../yamlout.ts';

function* view(ctx: Ctx): Task<number | Failure> {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const { infos, error } = yield* new Builder(ctx)
    .namespace(ns.name, ns.explicit)
    .filenames()
    .args(ctx.args, ns.explicit)
    .selectAll(ctx.bool('all'))
    .selector()
    .latest()
    .flatten()
    .infos();
  if (error) return error;
  const texts: string[] = [];
  for (const info of infos) {
    const text = str(info.object, 'metadata', 'annotations', LAST_APPLIED);
    if (text === '') return sourcedOrPlain(`no last-applied-configuration annotation found on resource: ${info.name}\n`, info);
    texts.push(text);
  }
  const output = ctx.str('output');
  for (const text of texts) {
    const value = parseJson(text);
    if (output === 'json')
      yield* ctx.out(`${goJsonIndent(value, '  ', { sorted: false, escapeHtml: false })}${text.endsWith('\n') ? '\n' : ''}`);
    else if (output === 'yaml') yield* ctx.out(toYaml(value ?? null));
    else return ctx.usageError(`Unexpected -o output mode: ${output}, the flag 'output' must be one of yaml|json`);
  }
  return 0;
}

/** AddSourceToErr() of an error that is none (upstream prints `%!v(<nil>)`). */
const sourcedOrPlain = (verb: string, info: Info): Failure =>
  info.source === '' ? failure('<nil>') : failure(`error when ${verb} ${JSON.stringify(info.source)}: <nil>`);

function* set(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const printer = printerFor(ctx, { operation: dryOperation('configured', dry) });
  if (printer instanceof Failure) return printer;
  const todo: { info: Info; text: string }[] = [];
  const wrong = yield* new Builder(ctx)
    .namespace(ns.name, ns.explicit)
    .filenames()
    .flatten()
    .visit(function* (info) {
      const text = configurationText(info.object as JsonObject);
      const missing = yield* info.get(ctx.rest);
      if (missing)
        return missing.notFound
          ? missing
          : sourced(`retrieving current configuration of:\n${info}\nfrom server for:`, info.source, missing);
      const present = str(info.object, 'metadata', 'annotations', LAST_APPLIED);
      if (present === '' && !ctx.bool('create-annotation'))
        return failure(
          `no last-applied-configuration annotation found on resource: ${info.name}, to create the annotation, run the command with --create-annotation`,
        );
      if (goJson(parseJson(present)) !== goJson(parseJson(text))) todo.push({ info, text });
      else yield* ctx.out(`set-last-applied ${info.name}: no changes required.\n`);
      return null;
    });
  if (wrong) return wrong;
  for (const { info, text } of todo) {
    let object = info.object as JsonObject;
    if (dry !== 'client') {
      const r = yield* patchObject(ctx, info, 'merge', { metadata: { annotations: { [LAST_APPLIED]: text } } }, writeQuery(dry, ''));
      if (r instanceof Failure) return r;
      object = r;
    }
    const bad = yield* emit(ctx, printer, object);
    if (bad) return bad;
  }
  return 0;
}

export const viewLastAppliedVerb: Verb = {
  name: 'view-last-applied',
  use: 'view-last-applied (TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME)',
  short: 'View the latest last-applied-configuration annotations of a resource/object',
  long: 'View the latest last-applied-configuration annotations by type/name or file.\n\n The default output will be printed to stdout in YAML format. You can use the -o option to change the output format.',
  flags: [
    { name: 'output', short: 'o', type: 'string', def: 'yaml', usage: 'Output format. Must be one of (yaml, json)' },
    SELECTOR_FLAG,
    { name: 'all', type: 'bool', usage: 'Select all resources in the namespace of the specified resource types' },
    ...filenameFlags('that contains the last-applied-configuration annotations'),
  ],
  run: view,
};

export const setLastAppliedVerb: Verb = {
  name: 'set-last-applied',
  use: 'set-last-applied -f FILENAME',
  short: 'Set the last-applied-configuration annotation on a live object to match the contents of a file',
  long: "Set the latest last-applied-configuration annotations by setting it to match the contents of a file. This results in the last-applied-configuration being updated as though 'kubectl apply -f<file> ' was run, without updating any other parts of the object.",
  flags: [
    ...PRINT_FLAGS,
    DRY_RUN_FLAG,
    {
      name: 'create-annotation',
      type: 'bool',
      usage: "Will create 'last-applied-configuration' annotations if current objects doesn't have one",
    },
    ...filenameFlags('that contains the last-applied-configuration annotations'),
  ],
  run: set,
};

export const editLastAppliedVerb: Verb = {
  name: 'edit-last-applied',
  use: 'edit-last-applied (RESOURCE/NAME | -f FILENAME)',
  short: 'Edit latest last-applied-configuration annotations of a resource/object',
  long: 'Edit the latest last-applied-configuration annotations of resources from the default editor.',
  flags: editFlags('kubectl-client-side-apply'),
  run: editLastApplied,
};
