/** kubectl auth reconcile: roles get the rules, bindings the subjects that they lack. Models kubectl/pkg/cmd/auth/reconcile.go and component-helpers' rbac reconciliation */

import type { Task } from '../../../os/program.ts';
import { Builder } from '../builder.ts';
import { dryOperation, dryRunOf, emit, requireFilename } from '../common.ts';
import { Failure, failure } from '../errors.ts';
import { createObject } from '../helper.ts';
import { isObject, type Json, type JsonObject, list, str } from '../json.ts';
import { equal } from '../patch/equal.ts';
import { printerFor } from '../printers.ts';
import type { Mapping } from '../rest.ts';
import type { Ctx } from '../verb.ts';

const KINDS: readonly string[] = ['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'];

/** Whether rules grant all that `rule` grants. */
function covers(rules: readonly Json[], rule: Json): boolean {
  const one = (field: string, value: string): boolean => rules.some((r) => list(r, field).includes(value) || list(r, field).includes('*'));
  for (const url of list(rule, 'nonResourceURLs'))
    for (const v of list(rule, 'verbs'))
      if (
        !rules.some(
          (r) =>
            (list(r, 'nonResourceURLs').includes(url) || list(r, 'nonResourceURLs').includes('*')) &&
            (list(r, 'verbs').includes(v) || list(r, 'verbs').includes('*')),
        )
      )
        return false;
  for (const g of list(rule, 'apiGroups'))
    for (const resource of list(rule, 'resources'))
      for (const v of list(rule, 'verbs')) {
        const has = (r: Json, field: string, x: Json): boolean => list(r, field).includes(x) || list(r, field).includes('*');
        const names = list(rule, 'resourceNames');
        const granting = rules.filter((r) => has(r, 'apiGroups', g) && has(r, 'resources', resource) && has(r, 'verbs', v));
        if (
          names.length === 0
            ? !granting.some((r) => list(r, 'resourceNames').length === 0)
            : !names.every((n) => granting.some((r) => list(r, 'resourceNames').length === 0 || list(r, 'resourceNames').includes(n)))
        )
          return false;
      }
  return list(rule, 'verbs').length > 0 || one('verbs', '');
}

/** What the live object becomes. */
function reconciled(ctx: Ctx, wanted: JsonObject, live: JsonObject): JsonObject {
  const binding = str(wanted, 'kind').endsWith('Binding');
  const field = binding ? 'subjects' : 'rules';
  const [want, have] = [list(wanted, field), list(live, field)];
  if (binding) {
    const missing = want.filter((w) => !have.some((h) => equal(h, w)));
    if (ctx.bool('remove-extra-subjects')) return { ...live, [field]: want };
    return missing.length === 0 ? live : { ...live, [field]: [...have, ...missing] };
  }
  if (ctx.bool('remove-extra-permissions'))
    return have.every((h) => covers(want, h)) && want.every((w) => covers(have, w)) ? live : { ...live, [field]: want };
  const missing = want.filter((w) => !covers(have, w));
  return missing.length === 0 ? live : { ...live, [field]: [...have, ...missing] };
}

export function* reconcile(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length > 0) return failure('no arguments are allowed');
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  if (dry === 'server') return failure('--dry-run=server for command reconcile is not supported yet');
  const missing = requireFilename(ctx);
  if (missing) return missing;
  const printer = printerFor(ctx, { operation: dryOperation('reconciled', dry) });
  if (printer instanceof Failure) return printer;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const wrong = yield* new Builder(ctx)
    .continueOnError()
    .namespace(ns.name, ns.explicit)
    .filenames()
    .flatten()
    .visit(function* (info) {
      const m = info.mapping as Mapping;
      if (m.group !== 'rbac.authorization.k8s.io' || !KINDS.includes(m.kind)) return null;
      const wanted = info.object as JsonObject;
      const live = yield* ctx.rest.json('GET', info.path());
      if (live instanceof Failure && !live.notFound) return live;
      let result = wanted;
      if (live instanceof Failure) {
        if (dry === 'none') {
          if (m.namespaced && info.namespace !== '') {
            const space = { kind: 'Namespace', apiVersion: 'v1', metadata: { name: info.namespace } };
            const made = yield* ctx.rest.json('POST', '/api/v1/namespaces', { json: space });
            if (made instanceof Failure && made.reason !== 'AlreadyExists') return made;
          }
          const r = yield* createObject(ctx, m, info.namespace, wanted, {});
          if (r instanceof Failure) return r;
          result = r;
        }
      } else {
        const next = reconciled(ctx, wanted, live);
        result = next;
        if (!equal(next, live) && dry === 'none') {
          const r = yield* ctx.rest.json('PUT', info.path(), { json: next });
          if (r instanceof Failure) return r;
          result = r;
        }
      }
      return isObject(result) ? yield* emit(ctx, printer, result) : null;
    });
  return wrong ?? 0;
}
