/** kubectl taint. Models kubectl/pkg/cmd/taint */

import type { Task } from '../../../os/program.ts';
import { Builder } from '../builder.ts';
import {
  DRY_RUN_FLAG,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  SELECTOR_FLAG,
  VALIDATE_FLAG,
  validationOf,
  writeQuery,
} from '../common.ts';
import { aggregate, Failure, failure } from '../errors.ts';
import { patchObject } from '../helper.ts';
import { isObject, type JsonObject, list, str, withPath } from '../json.ts';
import { PRINT_FLAGS, printerFor } from '../printers.ts';
import { quote } from '../strconv.ts';
import { labelValue, qualifiedName } from '../validation.ts';
import type { Ctx, Verb } from '../verb.ts';

interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

const EFFECTS: readonly string[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function parseTaint(spec: string): Taint | Failure {
  const parts = spec.split(':');
  if (parts.length > 2) return failure(`invalid taint spec: ${spec}`);
  let key = parts[0] as string;
  let value = '';
  const effect = parts[1] ?? '';
  if (parts.length === 2) {
    if (!EFFECTS.includes(effect)) return failure(`invalid taint effect: ${effect}, unsupported taint effect`);
    const pair = key.split('=');
    if (pair.length > 2) return failure(`invalid taint spec: ${spec}`);
    key = pair[0] as string;
    value = pair[1] ?? '';
    const wrong = labelValue(value);
    if (wrong.length > 0) return failure(`invalid taint spec: ${spec}, ${wrong.join('; ')}`);
  }
  const wrong = qualifiedName(key);
  return wrong.length > 0 ? failure(`invalid taint spec: ${spec}, ${wrong.join('; ')}`) : { key, value, effect };
}

export function parseTaints(specs: readonly string[]): { add: Taint[]; remove: Taint[] } | Failure {
  const add: Taint[] = [];
  const remove: Taint[] = [];
  for (const spec of specs) {
    const removing = spec.endsWith('-');
    const t = parseTaint(removing ? spec.slice(0, -1) : spec);
    if (t instanceof Failure) return t;
    if (removing) {
      remove.push({ key: t.key, value: '', effect: t.effect });
      continue;
    }
    if (t.effect === '') return failure(`invalid taint spec: ${spec}`);
    if (add.some((x) => x.key === t.key && x.effect === t.effect))
      return failure(`duplicated taints with the same key and effect: {${t.key} ${t.value} ${t.effect} <nil>}`);
    add.push(t);
  }
  return { add, remove };
}

/** Taint.ToString() */
function taintText(t: Taint): string {
  if (t.effect === '') return t.value === '' ? t.key : `${t.key}=${t.value}:`;
  return t.value === '' ? `${t.key}:${t.effect}` : `${t.key}=${t.value}:${t.effect}`;
}

const matches = (a: JsonObject, t: Taint): boolean => str(a, 'key') === t.key && str(a, 'effect') === t.effect;

/** reorganizeTaints() */
export function changeTaints(
  have: readonly JsonObject[],
  add: readonly Taint[],
  remove: readonly Taint[],
  overwrite: boolean,
): { taints: JsonObject[]; operation: string } | Failure {
  let taints: JsonObject[] = add.map((t) => ({ effect: t.effect, key: t.key, ...(t.value === '' ? {} : { value: t.value }) }));
  taints.push(...have.filter((old) => !add.some((t) => matches(old, t))));
  const added = taints.length !== have.length;
  let deleted = false;
  const errors: Failure[] = [];
  for (const t of remove) {
    const left = taints.filter((x) => (t.effect === '' ? str(x, 'key') !== t.key : !matches(x, t)));
    deleted = left.length !== taints.length;
    taints = left;
    if (!deleted) errors.push(failure(`taint ${quote(taintText(t))} not found`));
  }
  const wrong = aggregate(errors);
  if (wrong) return wrong;
  return { taints, operation: (added && deleted) || overwrite ? 'modified' : added ? 'tainted' : 'untainted' };
}

function* run(ctx: Ctx): Task<number | Failure> {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const validation = validationOf(ctx);
  if (validation instanceof Failure) return validation;
  const resources: string[] = [];
  const specs: string[] = [];
  for (const s of ctx.args) {
    if (s.includes('=') || s.includes(':') || s.endsWith('-')) specs.push(s);
    else if (specs.length > 0) return failure(`all resources must be specified before taint changes: ${s}`);
    else resources.push(s);
  }
  if (resources.length < 1) return failure('one or more resources must be specified as <resource> <name>');
  if (specs.length < 1) return failure('at least one taint update is required');
  const taints = parseTaints(specs);
  if (taints instanceof Failure) return ctx.usageError(taints.message);
  const type = (resources[0] as string).toLowerCase();
  const mapping = yield* ctx.mapper.find(type);
  if (mapping instanceof Failure) return mapping;
  if (mapping.kind !== 'Node') return failure(`invalid resource type ${type}, only node types are supported`);
  const both = taints.add.flatMap((a) =>
    taints.remove.filter((r) => a.key === r.key && (r.effect === '' || a.effect === r.effect)).map((r) => `${r.key}=${r.effect}`),
  );
  if (both.length > 0) return failure(`can not both modify and remove the following taint(s) in the same command: ${both.join(', ')}`);
  const [all, selector] = [ctx.bool('all'), ctx.str('selector')];
  if (all && selector !== '') return failure("setting 'all' parameter with a non empty selector is prohibited");
  if (!all && selector === '' && resources.length < 2)
    return failure("at least one resource name must be specified since 'all' parameter is not set");
  const b = new Builder(ctx).continueOnError().namespace(ns.name).flatten().latest();
  if (selector !== '') b.selector().resourceTypes('node');
  else if (all) b.selectAll(true).resourceTypes('node');
  else b.resourceNames('node', ...resources.slice(1));
  const wrong = yield* b.visit(function* (info) {
    const node = info.object as JsonObject;
    const have = list(node, 'spec', 'taints').filter(isObject);
    const overwrite = ctx.bool('overwrite');
    const exists = taints.add.filter((t) => have.some((h) => matches(h, t))).map((t) => t.key);
    if (!overwrite && exists.length > 0)
      return failure(`node ${info.name} already has ${exists.join(',')} taint(s) with same effect(s) and --overwrite is false`);
    const r = changeTaints(have, taints.add, taints.remove, overwrite);
    if (r instanceof Failure) return r;
    const printer = printerFor(ctx, { operation: dryOperation(r.operation, dry) });
    if (printer instanceof Failure) return printer;
    const next = r.taints.length > 0 ? r.taints : null;
    if (dry === 'client') return yield* emit(ctx, printer, withPath(node, ['spec', 'taints'], next ?? undefined));
    const body = { spec: { taints: next } };
    const answer = yield* patchObject(ctx, info, 'strategic', body, writeQuery(dry, ctx.str('field-manager'), validation));
    return answer instanceof Failure ? answer : yield* emit(ctx, printer, answer);
  });
  return wrong ?? 0;
}

export const taintVerb: Verb = {
  name: 'taint',
  use: 'taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N',
  short: 'Update the taints on one or more nodes',
  long: "Update the taints on one or more nodes.\n\n  *  A taint consists of a key, value, and effect. As an argument here, it is expressed as key=value:effect.\n  *  The key must begin with a letter or number, and may contain letters, numbers, hyphens, dots, and underscores, up to 253 characters.\n  *  Optionally, the key can begin with a DNS subdomain prefix and a single '/', like example.com/my-app.\n  *  The value is optional. If given, it must begin with a letter or number, and may contain letters, numbers, hyphens, dots, and underscores, up to 63 characters.\n  *  The effect must be NoSchedule, PreferNoSchedule or NoExecute.\n  *  Currently taint can only apply to node.",
  example:
    "  # Update node 'foo' with a taint with key 'dedicated' and value 'special-user' and effect 'NoSchedule'\n  # If a taint with that key and effect already exists, its value is replaced as specified\n  kubectl taint nodes foo dedicated=special-user:NoSchedule\n  \n  # Remove from node 'foo' the taint with key 'dedicated' and effect 'NoSchedule' if one exists\n  kubectl taint nodes foo dedicated:NoSchedule-\n  \n  # Remove from node 'foo' all the taints with key 'dedicated'\n  kubectl taint nodes foo dedicated-\n  \n  # Add a taint with key 'dedicated' on nodes having label myLabel=X\n  kubectl taint node -l myLabel=X  dedicated=foo:PreferNoSchedule\n  \n  # Add to node 'foo' a taint with key 'bar' and no value\n  kubectl taint nodes foo bar:NoSchedule",
  flags: [
    DRY_RUN_FLAG,
    VALIDATE_FLAG,
    ...PRINT_FLAGS,
    SELECTOR_FLAG,
    {
      name: 'overwrite',
      type: 'bool',
      usage: 'If true, allow taints to be overwritten, otherwise reject taint updates that overwrite existing taints.',
    },
    { name: 'all', type: 'bool', usage: 'Select all nodes in the cluster' },
    fieldManagerFlag('kubectl-taint'),
  ],
  run,
};
