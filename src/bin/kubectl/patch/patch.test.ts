import { expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { applyJsonPatch, applyStrategic } from './apply.ts';
import { threeWayMerge } from './equal.ts';
import { patchMetaOf } from './meta.ts';
import { PatchError, threeWay, twoWay } from './strategic.ts';

const deployment = patchMetaOf('apps', 'Deployment') ?? {};
const service = patchMetaOf('', 'Service') ?? {};

const dep = (containers: JsonObject[], more: JsonObject = {}): JsonObject => ({ spec: { template: { spec: { containers } }, ...more } });

test('a live object with defaults needs no patch', () => {
  const applied = dep([{ name: 'a', image: 'x' }]);
  const live = dep([{ name: 'a', image: 'x', imagePullPolicy: 'Always' }], { replicas: 1 });
  expect(threeWay(applied, applied, live, deployment)).toEqual({});
});

test('additions against the live object, deletions against the applied one', () => {
  const original = { spec: { ports: [{ port: 80, name: 'http' }], selector: { app: 'web', tier: 'x' } } };
  const modified = {
    spec: {
      ports: [
        { port: 80, name: 'http' },
        { port: 9090, name: 'm' },
      ],
      selector: { app: 'web' },
    },
  };
  const current = {
    spec: { ports: [{ port: 80, name: 'http', protocol: 'TCP' }], selector: { app: 'web', tier: 'x' }, type: 'ClusterIP' },
  };
  const patch = threeWay(original, modified, current, service) as JsonObject;
  expect(patch).toEqual({
    spec: {
      '$setElementOrder/ports': [{ port: 80 }, { port: 9090 }],
      ports: [{ port: 9090, name: 'm' }],
      selector: { tier: null },
    },
  });
  expect(applyStrategic(current, patch, service)).toEqual({
    spec: {
      ports: [
        { port: 80, name: 'http', protocol: 'TCP' },
        { port: 9090, name: 'm' },
      ],
      selector: { app: 'web' },
      type: 'ClusterIP',
    },
  });
});

test('an element taken out of the manifest is deleted by its key', () => {
  const a = dep([{ name: 'a' }, { name: 'b' }]);
  const b = dep([{ name: 'a' }]);
  const patch = threeWay(a, b, a, deployment) as JsonObject;
  expect(patch).toEqual({
    spec: { template: { spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ $patch: 'delete', name: 'b' }] } } },
  });
  expect(applyStrategic(a, patch, deployment)).toEqual(b);
});

test('a strategy that changes its type keeps only what is named', () => {
  const from = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
  const patch = twoWay(from, { spec: { strategy: { type: 'Recreate' } } }, deployment) as JsonObject;
  expect(patch).toEqual({ spec: { strategy: { $retainKeys: ['type'], type: 'Recreate', rollingUpdate: null } } });
  expect(applyStrategic(from, patch, deployment)).toEqual({ spec: { strategy: { type: 'Recreate' } } });
});

test('a custom resource gets a JSON merge patch', () => {
  expect(threeWayMerge({ a: 1, b: 2 }, { a: 1, c: { d: 1 } }, { a: 5, b: 2, e: 1 })).toEqual({ a: 1, b: null, c: { d: 1 } });
});

test('JSON patches, and what they cannot do', () => {
  expect(
    applyJsonPatch({ a: [1, 2] }, [
      { op: 'add', path: '/a/-', value: 3 },
      { op: 'remove', path: '/a/0' },
    ]),
  ).toEqual({ a: [2, 3] });
  expect(applyJsonPatch({}, [{ op: 'replace', path: '/x/y', value: 1 }])).toBeInstanceOf(PatchError);
});
