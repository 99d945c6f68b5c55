/** Events about objects, the same one counted, many alike combined, too many dropped. Models client-go tools/record. */

import type { Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import type { Event, KubeObject } from '../api/object.ts';
import { microTimestamp } from '../api/time.ts';
import type { CoreV1Event, V1ObjectReference } from '../api/types.ts';
import { nowMs, parseTime, timeText } from './clock.ts';

const MAX_SIMILAR = 10;
const SIMILAR_MS = 600_000;
const BURST = 25;
const REFILL_MS = 300_000;
/** A series that was quiet for so long has ended. */
const SERIES_MS = 360_000;
const MAX_REMEMBERED = 4096;

export function referenceTo(o: KubeObject, fieldPath?: string): V1ObjectReference {
  const { name, namespace, uid, resourceVersion } = o.metadata;
  return {
    apiVersion: o.apiVersion,
    kind: o.kind,
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(uid !== undefined && { uid }),
    ...(fieldPath !== undefined && { fieldPath }),
  };
}

interface Similar {
  readonly messages: Set<string>;
  last: number;
}

interface Said {
  readonly name: string;
  readonly first: string;
  count: number;
}

interface Bucket {
  tokens: number;
  last: number;
}

function bounded<V>(map: Map<string, V>, key: string, value: V): V {
  const oldest = map.size >= MAX_REMEMBERED ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
  return value;
}

/** The name of a new Event: the object's and the nanoseconds in hexadecimal. */
export function eventName(sim: Sim, object: string): string {
  const nanos = BigInt(Math.floor(sim.epochMs)) * 1_000_000n + BigInt(Math.floor(sim.now)) * 1000n + BigInt(sim.rng('events').below(1000));
  return `${object}.${nanos.toString(16)}`;
}

export class Recorder {
  private readonly sim: Sim;
  private readonly client: Client;
  private readonly component: string;
  private readonly host: string | undefined;
  private readonly said = new Map<string, Said>();
  private readonly similar = new Map<string, Similar>();
  private readonly buckets = new Map<string, Bucket>();

  constructor(sim: Sim, client: Client, component: string, host?: string) {
    this.sim = sim;
    this.client = client;
    this.component = component;
    this.host = host;
  }

  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    this.eventFor(referenceTo(about, fieldPath), type, reason, message);
  }

  eventFor(ref: V1ObjectReference, type: 'Normal' | 'Warning', reason: string, text: string): void {
    const ms = nowMs(this.sim);
    const place = `${ref.kind} ${ref.namespace} ${ref.name} ${ref.uid} ${ref.fieldPath ?? ''}`;
    const kindOf = `${place} ${type} ${reason}`;
    let group = this.similar.get(kindOf);
    if (!group || ms - group.last > SIMILAR_MS) group = bounded(this.similar, kindOf, { messages: new Set(), last: ms });
    group.last = ms;
    group.messages.add(text);
    const combined = group.messages.size >= MAX_SIMILAR;
    const message = combined ? `(combined from similar events): ${text}` : text;
    if (!this.allowed(place, ms)) return;
    const key = combined ? kindOf : `${kindOf} ${text}`;
    const namespace = ref.namespace || 'default';
    const now = timeText(ms);
    const before = this.said.get(key);
    if (before) {
      before.count++;
      const r = this.client.patch<Event>('events', namespace, before.name, 'strategic', {
        count: before.count,
        lastTimestamp: now,
        message,
      });
      if (r.ok) return;
    }
    const event: CoreV1Event & KubeObject = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: eventName(this.sim, ref.name ?? ''), namespace },
      involvedObject: ref,
      reason,
      message,
      source: { component: this.component, ...(this.host !== undefined && { host: this.host }) },
      firstTimestamp: before?.first ?? now,
      lastTimestamp: now,
      count: before?.count ?? 1,
      type,
      reportingComponent: this.component,
      reportingInstance: this.host ?? '',
    };
    const made = this.client.create(event);
    if (made.ok) bounded(this.said, key, { name: made.value.metadata.name, first: before?.first ?? now, count: before?.count ?? 1 });
  }

  private allowed(place: string, ms: number): boolean {
    const b = this.buckets.get(place) ?? bounded(this.buckets, place, { tokens: BURST, last: ms });
    b.tokens = Math.min(BURST, b.tokens + (ms - b.last) / REFILL_MS);
    b.last = ms;
    if (b.tokens < 1) return false;
    b.tokens--;
    return true;
  }
}

const lastSeries = new WeakMap<Client, Map<string, string>>();

/** An Event of the events.k8s.io kind (time in µs, who reports and does what), as the scheduler writes; repeated ones become a series. */
export function reportEvent(
  sim: Sim,
  client: Client,
  by: { readonly controller: string; readonly instance: string; readonly action: string },
  about: KubeObject,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const ref = referenceTo(about);
  const namespace = ref.namespace || 'default';
  const key = `${by.controller} ${by.action} ${ref.kind} ${namespace} ${ref.name} ${ref.uid} ${type} ${reason}`;
  let names = lastSeries.get(client);
  if (!names) {
    names = new Map();
    lastSeries.set(client, names);
  }
  const time = microTimestamp(sim);
  const before = names.get(key);
  if (before !== undefined) {
    const present = client.get<Event>('events', namespace, before);
    const last = present.ok ? (present.value.series?.lastObservedTime ?? present.value.eventTime) : undefined;
    if (present.ok && present.value.message === message && nowMs(sim) - parseTime(last) <= SERIES_MS) {
      const count = (present.value.series?.count ?? 1) + 1;
      if (client.patch('events', namespace, before, 'strategic', { series: { count, lastObservedTime: time } }).ok) return;
    }
  }
  const event: CoreV1Event & KubeObject = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: eventName(sim, ref.name ?? ''), namespace },
    involvedObject: ref,
    eventTime: time,
    reason,
    message,
    type,
    action: by.action,
    reportingComponent: by.controller,
    reportingInstance: by.instance,
    source: {},
  };
  const made = client.create(event);
  if (made.ok && type === 'Warning') bounded(names, key, made.value.metadata.name);
}
