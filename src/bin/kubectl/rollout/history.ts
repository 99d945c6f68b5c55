/** Revisions of a workload, and the way back to one. Models kubectl/pkg/polymorphichelpers/{history,rollback}.go */

import type { Task } from '../../../os/program.ts';
import type { Info } from '../builder.ts';
import { CHANGE_CAUSE, type DryRun, LAST_APPLIED } from '../common.ts';
import { errorText, Failure, failure } from '../errors.ts';
import { patchObject } from '../helper.ts';
import { at, isObject, type Json, type JsonObject, list, num, obj, str, withPath } from '../json.ts';
import { applyStrategic } from '../patch/apply.ts';
import { equal } from '../patch/equal.ts';
import { patchMetaOf } from '../patch/meta.ts';
import type { Mapping } from '../rest.ts';
import { selectorText } from '../selector.ts';
import type { Ctx } from '../verb.ts';
import { podTemplateText } from './template.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const HASH = 'pod-template-hash';

export interface Revision {
  readonly number: number;
  readonly cause: string;
  /** The ReplicaSet, or the workload with the revision's template. */
  readonly object: JsonObject;
  readonly template: Json | undefined;
  /** The ControllerRevision's patch. */
  readonly data: JsonObject;
}

const goKind = (m: Mapping): string => (m.group === '' ? m.kind : `${m.kind}.${m.group}`);
const owned = (o: Json, uid: string): boolean =>
  list(o, 'metadata', 'ownerReferences').some((r) => at(r, 'controller') === true && str(r, 'uid') === uid);

/** All revisions, oldest first; a kind without them is an error. */
export function* revisions(ctx: Ctx, info: Info, what: string): Task<Revision[] | Failure> {
  const m = info.mapping as Mapping;
  const kinds = ['Deployment', 'DaemonSet', 'StatefulSet'];
  if (m.group !== 'apps' || !kinds.includes(m.kind)) return failure(`no ${what} has been implemented for "${goKind(m)}"`);
  const object = info.object as JsonObject;
  const labelSelector = selectorText(obj(object, 'spec', 'selector'));
  const deployment = m.kind === 'Deployment';
  const resource = deployment ? 'replicasets' : 'controllerrevisions';
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(info.namespace)}/${resource}`;
  const r = yield* ctx.rest.json('GET', path, { query: { labelSelector } });
  if (r instanceof Failure)
    return failure(
      deployment
        ? `failed to retrieve replica sets from deployment ${info.name}: ${errorText(r)}`
        : `unable to find history controlled by ${m.kind} ${info.name}: ${errorText(r)}`,
    );
  const uid = str(object, 'metadata', 'uid');
  const found = list(r, 'items')
    .filter(isObject)
    .filter((o) => owned(o, uid));
  const byNumber = new Map<number, Revision>();
  for (const o of found) {
    const cause = str(o, 'metadata', 'annotations', CHANGE_CAUSE);
    if (deployment) {
      const number = Number(str(o, 'metadata', 'annotations', REVISION) || '0');
      const template = obj(o, 'spec', 'template');
      const noted = cause === '' ? template : withPath(template, ['metadata', 'annotations', CHANGE_CAUSE], cause);
      byNumber.set(number, { number, cause, object: { apiVersion: 'apps/v1', kind: 'ReplicaSet', ...o }, template: noted, data: {} });
    } else {
      const data = obj(o, 'data');
      const applied = applyStrategic(object, data, patchMetaOf(m.group, m.kind) ?? {});
      byNumber.set(num(o, 'revision'), {
        number: num(o, 'revision'),
        cause,
        object: applied,
        template: at(applied, 'spec', 'template'),
        data,
      });
    }
  }
  return [...byNumber.values()].sort((a, b) => a.number - b.number);
}

/** ViewHistory() */
export function historyText(all: readonly Revision[], revision: number): string | Failure {
  if (all.length === 0) return 'No rollout history found.';
  if (revision > 0) {
    const one = all.find((r) => r.number === revision);
    return one ? podTemplateText(one.template) : failure('unable to find the specified revision');
  }
  const width = Math.max(8, ...all.map((r) => String(r.number).length)) + 2;
  return `${'REVISION'.padEnd(width)}CHANGE-CAUSE\n${all.map((r) => `${String(r.number).padEnd(width)}${r.cause || '<none>'}\n`).join('')}`;
}

const SKIPPED: readonly string[] = [
  LAST_APPLIED,
  REVISION,
  'deployment.kubernetes.io/revision-history',
  'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas',
  'deprecated.deployment.rollback.to',
];

const notFound = (n: number): Failure => failure(`unable to find specified revision ${n} in history`);
const withoutHash = (t: Json | undefined): JsonObject => withPath(t ?? {}, ['metadata', 'labels', HASH], undefined);

/** Rollback(): what is printed behind the name. */
export function* rollback(ctx: Ctx, info: Info, to: number, dry: DryRun): Task<string | Failure> {
  const all = yield* revisions(ctx, info, 'rollbacker');
  if (all instanceof Failure) return all;
  if (to < 0) return notFound(to);
  const deployment = info.mapping?.kind === 'Deployment';
  const object = info.object as JsonObject;
  if (to === 0 && all.length <= 1)
    return failure(deployment ? `no rollout history found for deployment "${info.name}"` : 'no last revision to roll back to');
  const target = to === 0 ? all.at(-2) : all.find((r) => r.number === to);
  if (!target) return notFound(to);
  if (dry === 'client') return podTemplateText(target.template);
  if (deployment && at(object, 'spec', 'paused') === true)
    return failure("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again");
  const template = deployment ? withoutHash(at(target.object, 'spec', 'template')) : target.template;
  if (equal(template, deployment ? withoutHash(at(object, 'spec', 'template')) : at(object, 'spec', 'template')))
    return `skipped rollback (current template already matches revision ${to})`;
  const query = dry === 'server' ? { dryRun: 'All' } : {};
  const r = deployment
    ? yield* patchObject(
        ctx,
        info,
        'json',
        [
          { op: 'replace', path: '/spec/template', value: template ?? null },
          { op: 'replace', path: '/metadata/annotations', value: annotationsFor(object, target.object) },
        ],
        query,
      )
    : yield* patchObject(ctx, info, 'strategic', target.data, query);
  return r instanceof Failure ? failure(`failed restoring revision ${to}: ${errorText(r)}`) : 'rolled back';
}

function annotationsFor(deployment: JsonObject, rs: JsonObject): JsonObject {
  const own = Object.entries(obj(deployment, 'metadata', 'annotations')).filter(([k]) => SKIPPED.includes(k));
  const theirs = Object.entries(obj(rs, 'metadata', 'annotations')).filter(([k]) => !SKIPPED.includes(k));
  return Object.fromEntries([...own, ...theirs]);
}
