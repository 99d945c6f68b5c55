/** ControllerRevisions: former templates of a DaemonSet or StatefulSet. Models pkg/controller/history. */

import { equal } from '../api/equal.ts';
import type { ControllerRevision, KubeObject } from '../api/object.ts';
import type { V1ControllerRevision, V1LabelSelector, V1PodTemplateSpec } from '../api/types.ts';
import type { ControllerContext } from './context.ts';
import { claim, type Owner } from './control.ts';
import { revisionHash } from './hash.ts';
import { ownerReference } from './pods.ts';

export const REVISIONS = 'controllerrevisions.apps';
export const REVISION_HASH_LABEL = 'controller-revision-hash';

export interface TemplateData {
  readonly spec: { readonly template: V1PodTemplateSpec & { readonly $patch: string } };
}

/** The part of the object that a revision keeps. */
export function templateData(template: V1PodTemplateSpec): TemplateData {
  return { spec: { template: { $patch: 'replace', ...template } } };
}

/** JSON as Go writes a map: keys sorted, no blanks, `<`, `>` and `&` escaped. */
export function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const record = value as Readonly<Record<string, unknown>>;
    const keys = Object.keys(record)
      .filter((k) => record[k] !== undefined)
      .sort();
    return `{${keys.map((k) => `${goJson(k)}:${goJson(record[k])}`).join(',')}}`;
  }
  return JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

/** In order of revision. */
export function revisionsOf(ctx: ControllerContext, owner: Owner, selector: V1LabelSelector | undefined): ControllerRevision[] {
  return claim<ControllerRevision>(ctx, REVISIONS, owner, selector).sort(
    (a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1),
  );
}

export function sameData(revision: ControllerRevision, data: TemplateData): boolean {
  return equal(revision.data, data);
}

/** Names try `collisions` and up until one is free. */
export function createRevision(
  ctx: ControllerContext,
  owner: Owner,
  labels: Readonly<Record<string, string>>,
  data: TemplateData,
  revision: number,
  collisions: number,
  hashOf: (collisions: number) => string = (n) => revisionHash(goJson(data), n),
  hashLabel = 'controller.kubernetes.io/hash',
): { readonly revision: ControllerRevision | undefined; readonly collisions: number } {
  for (let n = collisions; n < collisions + 16; n++) {
    const hash = hashOf(n);
    const object: V1ControllerRevision & KubeObject = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${owner.metadata.name.slice(0, 223)}-${hash}`,
        namespace: owner.metadata.namespace,
        labels: { ...labels, [hashLabel]: hash },
        ownerReferences: [ownerReference(owner)],
      },
      data: data as object,
      revision,
    };
    const made = ctx.client.create(object);
    if (made.ok) return { revision: made.value as ControllerRevision, collisions: n };
    if (made.status.reason !== 'AlreadyExists') break;
    const there = ctx.client.get<ControllerRevision>(REVISIONS, owner.metadata.namespace ?? '', object.metadata.name ?? '');
    if (there.ok && sameData(there.value, data)) return { revision: there.value, collisions: n };
  }
  return { revision: undefined, collisions };
}

export function renumber(ctx: ControllerContext, revision: ControllerRevision, number: number): ControllerRevision {
  if (revision.revision === number) return revision;
  const written = ctx.client.update({ ...revision, revision: number });
  return written.ok ? (written.value as ControllerRevision) : revision;
}

/** Keeps those in use and the newest `limit` others. */
export function truncate(ctx: ControllerContext, revisions: readonly ControllerRevision[], used: ReadonlySet<string>, limit: number): void {
  const idle = revisions.filter((r) => !used.has(r.metadata.name));
  for (const r of idle.slice(0, Math.max(0, idle.length - limit)))
    ctx.client.delete(REVISIONS, r.metadata.namespace ?? '', r.metadata.name);
}
