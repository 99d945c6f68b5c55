/** What describers write with: indentation by level, labels, annotations, taints, events over several lines. Models describe.go's PrefixWriter and print*Multiline */

import type { Task } from '../../../os/program.ts';
import { strftime } from '../../strftime.ts';
import { Failure } from '../errors.ts';
import { compareStrings, isObject, type Json, type JsonObject, list, num, obj, sortedKeys, str } from '../json.ts';
import type { Query } from '../rest.ts';
import { age, labelsText, timeOf } from '../table.ts';
import { TabWriter } from '../tabwriter.ts';
import type { Ctx } from '../verb.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const MAX_ANNOTATION = 140;

export class Writer {
  private readonly tabs = new TabWriter(0, 2);
  private done = '';

  write(level: number, text: string): void {
    this.tabs.write(`${'  '.repeat(level)}${text}`.replaceAll('\x1b', '^['));
  }

  /** What follows has columns of its own. */
  flush(): void {
    this.done += this.tabs.flush();
  }

  text(): string {
    this.flush();
    return this.done;
  }

  labels(title: string, labels: JsonObject, before = '', indent = '\t'): void {
    const keys = sortedKeys(labels);
    if (keys.length === 0) this.write(0, `${before}${title}:${indent}<none>\n`);
    keys.forEach((k, i) => {
      this.write(0, `${before}${i === 0 ? `${title}:` : ''}${indent}${k}=${str(labels, k)}\n`);
    });
  }

  annotations(title: string, all: JsonObject): void {
    const keys = sortedKeys(all).filter((k) => k !== LAST_APPLIED);
    this.write(0, `${title}:\t${keys.length === 0 ? '<none>\n' : ''}`);
    keys.forEach((k, i) => {
      const value = str(all, k).replace(/\n$/, '');
      const head = i === 0 ? '' : '\t';
      if (value.length + k.length + 2 > MAX_ANNOTATION || value.includes('\n')) {
        this.write(0, `${head}${k}:\n`);
        for (const line of value.split('\n'))
          this.write(0, `\t  ${line.length > MAX_ANNOTATION - 2 ? `${line.slice(0, MAX_ANNOTATION - 2)}...` : line}\n`);
      } else this.write(0, `${head}${k}: ${value}\n`);
    });
  }

  taints(taints: readonly Json[]): void {
    const text = (t: Json): string =>
      `${str(t, 'key')}${str(t, 'value') === '' ? '' : `=${str(t, 'value')}`}${str(t, 'effect') === '' ? '' : `:${str(t, 'effect')}`}`;
    const sorted = [...taints].sort((a, b) =>
      compareStrings(`${str(a, 'effect')},${str(a, 'key')}`, `${str(b, 'effect')},${str(b, 'key')}`),
    );
    this.write(0, `Taints:\t${sorted.length === 0 ? '<none>\n' : ''}`);
    sorted.forEach((t, i) => {
      this.write(0, `${i === 0 ? '' : '\t'}${text(t)}\n`);
    });
  }

  tolerations(title: string, tolerations: readonly Json[]): void {
    const sorted = [...tolerations].sort((a, b) => compareStrings(str(a, 'key'), str(b, 'key')));
    this.write(0, `${title}:\t${sorted.length === 0 ? '<none>\n' : ''}`);
    sorted.forEach((t, i) => {
      const [key, value, effect] = [str(t, 'key'), str(t, 'value'), str(t, 'effect')];
      const exists = str(t, 'operator') === 'Exists' && value === '' ? (key !== '' || effect !== '' ? ' op=Exists' : 'op=Exists') : '';
      const seconds = isObject(t) && typeof t.tolerationSeconds === 'number' ? ` for ${t.tolerationSeconds}s` : '';
      this.write(
        0,
        `${i === 0 ? '' : '\t'}${key}${value === '' ? '' : `=${value}`}${effect === '' ? '' : `:${effect}`}${exists}${seconds}\n`,
      );
    });
  }
}

/** `Fri, 20 Nov 2026 20:31:44 +0000` */
export function rfc1123(stamp: string): string {
  const t = timeOf(stamp);
  return Number.isNaN(t) ? 'Mon, 01 Jan 0001 00:00:00 +0000' : strftime('%a, %d %b %Y %H:%M:%S +0000', Math.floor(t));
}

/** metav1.FormatLabelSelector() */
export function selectorText(selector: JsonObject): string {
  const parts: [string, string][] = sortedKeys(obj(selector, 'matchLabels')).map((k) => [k, `${k}=${str(selector, 'matchLabels', k)}`]);
  for (const e of list(selector, 'matchExpressions')) {
    const key = str(e, 'key');
    const values = list(e, 'values').map(String).sort(compareStrings).join(',');
    const op = str(e, 'operator');
    parts.push([
      key,
      op === 'In' ? `${key} in (${values})` : op === 'NotIn' ? `${key} notin (${values})` : op === 'Exists' ? key : `!${key}`,
    ]);
  }
  return parts.length === 0
    ? '<none>'
    : parts
        .sort((a, b) => compareStrings(a[0], b[0]))
        .map((p) => p[1])
        .join(',');
}

export { labelsText };

/** What a describer is given. */
export interface Describing {
  readonly ctx: Ctx;
  readonly object: JsonObject;
  readonly w: Writer;
  readonly showEvents: boolean;
  readonly chunk: number;
}

export type Describer = (d: Describing) => Task<Failure | null>;

export const meta = (d: Describing, key: string): string => str(d.object, 'metadata', key);
export const nameAndNamespace = (d: Describing): void => {
  d.w.write(0, `Name:\t${meta(d, 'name')}\n`);
  d.w.write(0, `Namespace:\t${meta(d, 'namespace')}\n`);
};
export const labelsAndAnnotations = (d: Describing): void => {
  d.w.labels('Labels', obj(d.object, 'metadata', 'labels'));
  d.w.annotations('Annotations', obj(d.object, 'metadata', 'annotations'));
};

/** `ReplicaSet/web-...` of the owner that controls it. */
export function controllerOf(o: JsonObject): string {
  const ref = list(o, 'metadata', 'ownerReferences').find((r) => isObject(r) && r.controller === true);
  return ref ? `${str(ref, 'kind')}/${str(ref, 'name')}` : '';
}

/** All items of a list; null when it cannot be had. */
export function* itemsAt(d: Describing, path: string, query: Query = {}): Task<readonly JsonObject[] | Failure> {
  const r = yield* d.ctx.rest.list(path, query, d.chunk);
  return r instanceof Failure ? r : list(r, 'items').filter(isObject);
}

export function* eventsOf(d: Describing, ref: { kind?: string; uid?: string } = {}): Task<readonly JsonObject[]> {
  const ns = meta(d, 'namespace');
  const kind = ref.kind ?? str(d.object, 'kind');
  const uid = ref.uid ?? meta(d, 'uid');
  const fields = [
    `involvedObject.name=${meta(d, 'name')}`,
    `involvedObject.namespace=${ns}`,
    ...(kind === '' ? [] : [`involvedObject.kind=${kind}`]),
    ...(uid === '' ? [] : [`involvedObject.uid=${uid}`]),
  ];
  const r = yield* itemsAt(d, `/api/v1${ns === '' ? '' : `/namespaces/${ns}`}/events`, { fieldSelector: fields.join(',') });
  return r instanceof Failure ? [] : r;
}

/** `Events:` with its table; nothing when events are not asked for. */
export function* describeEvents(d: Describing, ref?: { kind?: string; uid?: string }): Task<void> {
  if (!d.showEvents) return;
  writeEvents(d, yield* eventsOf(d, ref));
}

export function writeEvents(d: Describing, events: readonly JsonObject[]): void {
  const { w } = d;
  if (events.length === 0) {
    w.write(0, 'Events:\t<none>\n');
    return;
  }
  w.flush();
  const sorted = [...events].sort((a, b) => (timeOf(str(a, 'lastTimestamp')) || 0) - (timeOf(str(b, 'lastTimestamp')) || 0));
  w.write(0, 'Events:\n  Type\tReason\tAge\tFrom\tMessage\n');
  w.write(1, '----\t------\t----\t----\t-------\n');
  for (const e of sorted) {
    const { now } = d.ctx;
    const first = age(str(e, 'eventTime') || str(e, 'firstTimestamp'), now);
    const interval = isObject(e.series)
      ? `${age(str(e.series, 'lastObservedTime'), now)} (x${num(e.series, 'count')} over ${first})`
      : num(e, 'count') > 1
        ? `${age(str(e, 'lastTimestamp'), now)} (x${num(e, 'count')} over ${first})`
        : first;
    const path = str(e, 'involvedObject', 'fieldPath');
    const message = str(e, 'message').trim();
    w.write(
      1,
      `${str(e, 'type')}\t${str(e, 'reason')}\t${interval}\t${str(e, 'source', 'component') || str(e, 'reportingComponent')}\t${path === '' ? message : `${path}: ${message}`}\n`,
    );
  }
}
