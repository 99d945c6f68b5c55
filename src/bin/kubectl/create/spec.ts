/** What `kubectl create KIND` commands share: one generated object, sent or only printed. Models the Options types of kubectl/pkg/cmd/create */

import type { Task } from '../../../os/program.ts';
import {
  DRY_RUN_FLAG,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  nameFromArgs,
  requiredFlags,
  SAVE_CONFIG_FLAG,
  saveConfig,
  VALIDATE_FLAG,
  validationOf,
  writeQuery,
} from '../common.ts';
import { errorText, Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { type JsonObject, str } from '../json.ts';
import { PRINT_FLAGS, printerFor } from '../printers.ts';
import { type Mapping, pathOf } from '../rest.ts';
import type { Ctx, Verb } from '../verb.ts';

/** A kind that kubectl knows without asking the server. */
export function builtin(group: string, version: string, kind: string, resource: string, namespaced = true): Mapping {
  return { group, version, kind, resource, singular: kind.toLowerCase(), namespaced, verbs: [] };
}

export interface CreateSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly use: string;
  readonly short: string;
  readonly long?: string;
  readonly example?: string;
  readonly flags: readonly Flag[];
  readonly required?: readonly string[];
  readonly mapping: Mapping;
  /** Put before the server's refusal: `failed to create deployment: `. Without it the refusal stands as it is. */
  readonly failed?: string;
  /** --save-config is read (services have the flag and do not look at it). */
  readonly saves?: boolean;
  /** The object without its namespace; `args` is what follows the name. */
  generate(ctx: Ctx, name: string, args: readonly string[]): Task<JsonObject | Failure> | JsonObject | Failure;
}

function* create(ctx: Ctx, spec: CreateSpec): Task<number | Failure> {
  const missing = requiredFlags(ctx, spec.required ?? []);
  if (missing) return missing;
  const name = nameFromArgs(ctx);
  if (name instanceof Failure) return name;
  const connection = ctx.clientConfig.connection();
  if (connection instanceof Failure) return connection;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const printer = printerFor(ctx, { operation: dryOperation('created', dry), struct: true });
  if (printer instanceof Failure) return printer;
  const validation = validationOf(ctx);
  if (validation instanceof Failure) return validation;
  const made = spec.generate(ctx, name, ctx.args.slice(1));
  const generated = made instanceof Failure || !isTask(made) ? made : yield* made;
  if (generated instanceof Failure) return generated;
  const object = saveConfig(placed(generated, spec.mapping, ns), spec.saves !== false && ctx.bool('save-config'), false);
  if (dry === 'client') return (yield* emit(ctx, printer, object)) ?? 0;
  const answer = yield* ctx.rest.json('POST', pathOf(spec.mapping, ns.name), {
    json: object,
    query: writeQuery(dry, ctx.str('field-manager'), validation),
  });
  if (answer instanceof Failure) return spec.failed === undefined ? answer : failure(`${spec.failed}${errorText(answer)}`);
  return (yield* emit(ctx, printer, answer)) ?? 0;
}

/** With the namespace, when -n named one. */
export function placed(o: JsonObject, mapping: Mapping, ns: { name: string; explicit: boolean }): JsonObject {
  if (!mapping.namespaced || !ns.explicit) return o;
  const { metadata, ...rest } = o;
  const { kind, apiVersion, ...more } = rest;
  return { kind, apiVersion, metadata: { name: str(o, 'metadata', 'name'), namespace: ns.name, ...(metadata as JsonObject) }, ...more };
}

export function createVerb(spec: CreateSpec): Verb {
  return {
    name: spec.name,
    ...(spec.aliases ? { aliases: spec.aliases } : {}),
    use: spec.use,
    short: spec.short,
    ...(spec.long === undefined ? {} : { long: spec.long }),
    ...(spec.example === undefined ? {} : { example: spec.example }),
    flags: [...PRINT_FLAGS, SAVE_CONFIG_FLAG, VALIDATE_FLAG, DRY_RUN_FLAG, fieldManagerFlag('kubectl-create'), ...spec.flags],
    run: (ctx) => create(ctx, spec),
  };
}

/** Metadata of an object that a command line describes. */
export const head = (apiVersion: string, kind: string, metadata: JsonObject): JsonObject => ({ kind, apiVersion, metadata });

const isTask = (v: JsonObject | Task<JsonObject | Failure>): v is Task<JsonObject | Failure> =>
  typeof (v as { next?: unknown }).next === 'function';
