/** Versions of one stored object: events in both groups, HorizontalPodAutoscaler v1 and v2. Models the groups' conversion functions. */

import type { AnyObject } from './object.ts';
import { groupVersion, type ResourceDef } from './resources.ts';

type Fields = Readonly<Record<string, unknown>>;

const drop = (o: Fields): Record<string, unknown> => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));

function eventOut(o: AnyObject): AnyObject {
  const { involvedObject, message, source, firstTimestamp, lastTimestamp, count, reportingComponent, ...rest } = o as Fields;
  return drop({
    ...rest,
    apiVersion: 'events.k8s.io/v1',
    regarding: involvedObject,
    note: message,
    reportingController: reportingComponent,
    deprecatedSource: source,
    deprecatedFirstTimestamp: firstTimestamp,
    deprecatedLastTimestamp: lastTimestamp,
    deprecatedCount: count,
  }) as unknown as AnyObject;
}

function eventIn(o: AnyObject): AnyObject {
  const {
    regarding,
    note,
    reportingController,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    ...rest
  } = o as Fields;
  return drop({
    ...rest,
    apiVersion: 'v1',
    involvedObject: regarding ?? {},
    message: note,
    reportingComponent: reportingController,
    source: deprecatedSource ?? {},
    firstTimestamp: deprecatedFirstTimestamp ?? null,
    lastTimestamp: deprecatedLastTimestamp ?? null,
    count: deprecatedCount,
  }) as unknown as AnyObject;
}

interface Metric {
  readonly type?: string;
  readonly resource?: {
    readonly name?: string;
    readonly target?: { readonly type?: string; readonly averageUtilization?: number };
    readonly current?: { readonly averageUtilization?: number };
  };
}

const isCpu = (m: Metric): boolean => m.type === 'Resource' && m.resource?.name === 'cpu';

function hpaOut(o: AnyObject): AnyObject {
  const { metrics, behavior: _b, ...spec } = (o.spec ?? {}) as Fields & { readonly metrics?: readonly Metric[] };
  const { currentMetrics, conditions: _c, ...status } = (o.status ?? {}) as Fields & { readonly currentMetrics?: readonly Metric[] };
  const target = metrics?.find((m) => isCpu(m) && m.resource?.target?.type === 'Utilization')?.resource?.target?.averageUtilization;
  const current = currentMetrics?.find(isCpu)?.resource?.current?.averageUtilization;
  return {
    ...o,
    apiVersion: 'autoscaling/v1',
    spec: drop({ ...spec, targetCPUUtilizationPercentage: target }),
    status: drop({ currentReplicas: 0, desiredReplicas: 0, ...status, currentCPUUtilizationPercentage: current }),
  } as AnyObject;
}

function hpaIn(o: AnyObject): AnyObject {
  const { targetCPUUtilizationPercentage: percent, ...spec } = (o.spec ?? {}) as Fields & {
    readonly targetCPUUtilizationPercentage?: number;
  };
  const metrics =
    percent === undefined
      ? undefined
      : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } }];
  const { currentCPUUtilizationPercentage: _p, ...status } = (o.status ?? {}) as Fields;
  return { ...o, apiVersion: 'autoscaling/v2', spec: drop({ ...spec, metrics }), status } as unknown as AnyObject;
}

/** A stored object as `def` serves it. */
export function toVersion(def: ResourceDef, object: AnyObject): AnyObject {
  const wanted = groupVersion(def);
  if (object.apiVersion === wanted || object.kind !== def.kind) return object;
  if (def.storedAs === 'events') return eventOut(object);
  if (def.kind === 'HorizontalPodAutoscaler') return hpaOut(object);
  return { ...object, apiVersion: wanted };
}

export function fromVersion(def: ResourceDef, storage: ResourceDef, object: AnyObject): AnyObject {
  if (def === storage) return object;
  if (def.storedAs === 'events') return eventIn(object);
  if (def.kind === 'HorizontalPodAutoscaler') return hpaIn(object);
  return { ...object, apiVersion: groupVersion(storage) };
}
