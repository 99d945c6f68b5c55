import { expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { isStream, parseQuery, type RestResponse } from './http-types.ts';
import { handle } from './rest.ts';
import { ApiServer } from './server.ts';

const ADMIN = { name: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:authenticated'] };
const ALICE = { name: 'alice', groups: ['devs', 'system:authenticated'] };

function world() {
  const sim = new Sim(1);
  const server = new ApiServer(sim);
  const ask = (method: string, url: string, body: unknown = '', headers: Record<string, string> = {}, user = ADMIN) => {
    const [path = '', query = ''] = url.split('?');
    return handle(server, {
      method,
      path,
      query: parseQuery(query),
      headers: new Map(Object.entries(headers)),
      body: typeof body === 'string' ? body : JSON.stringify(body),
      user,
    });
  };
  const json = (method: string, url: string, body: unknown = '', headers: Record<string, string> = {}, user = ADMIN) => {
    const r = ask(method, url, body, headers, user) as RestResponse;
    return { ...r, value: JSON.parse(r.body) as Record<string, never> & { message?: string; metadata: Record<string, never> } };
  };
  return { sim, server, ask, json };
}

const service = (ports: unknown) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'a' },
  spec: { selector: { app: 'a' }, ports },
});
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'nginx', ports: [{ containerPort: 80 }] }] },
    },
  },
};

test('what alice may not do reads as recorded', () => {
  const { json } = world();
  const rows: [string, string, string][] = [
    [
      'GET',
      '/api/v1/namespaces/default/pods',
      'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    ['GET', '/api/v1/nodes', 'nodes is forbidden: User "alice" cannot list resource "nodes" in API group "" at the cluster scope'],
    [
      'GET',
      '/api/v1/namespaces/shop/services/web',
      'services "web" is forbidden: User "alice" cannot get resource "services" in API group "" in the namespace "shop"',
    ],
    [
      'DELETE',
      '/api/v1/namespaces/shop/services/web',
      'services "web" is forbidden: User "alice" cannot delete resource "services" in API group "" in the namespace "shop"',
    ],
    ['GET', '/api/v1/pods', 'pods is forbidden: User "alice" cannot list resource "pods" in API group "" at the cluster scope'],
  ];
  for (const [method, path, text] of rows) expect(json(method, path, '', {}, ALICE).value.message).toBe(text);
  expect(json('GET', '/version', '', {}, ALICE).status).toBe(200);
});

test('bodies that are refused', () => {
  const { json } = world();
  const post = (body: unknown, query = '') => json('POST', `/api/v1/namespaces/default/services${query}`, body).value.message;
  expect(post(service([{ port: 'x' }]))).toBe(
    'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
  );
  expect(
    post(
      { ...service([{ port: 80, targetport: 1 }]), spec: { portz: 1, ports: [{ port: 80, targetport: 1 }] } },
      '?fieldValidation=Strict',
    ),
  ).toBe(
    'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.ports[0].targetport", unknown field "spec.portz"',
  );
  expect(
    json('PATCH', '/api/v1/namespaces/default/services/a', '{bad', { 'content-type': 'application/strategic-merge-patch+json' }).value
      .message,
  ).toBe("invalid character 'b' looking for beginning of object key string");
  expect(json('GET', '/apis/apps/v1/namespaces/default/deployments/nosuch').value.message).toBe('deployments.apps "nosuch" not found');
});

test('lists in pieces, tables, a watch that goes on from a list', () => {
  const { json, ask, sim } = world();
  for (const name of ['a', 'b', 'c'])
    json('POST', '/api/v1/namespaces/default/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  const first = json('GET', '/api/v1/namespaces/default/configmaps?limit=2').value as unknown as {
    metadata: { continue: string; remainingItemCount: number; resourceVersion: string };
    items: { metadata: { name: string } }[];
  };
  expect([first.items.length, first.metadata.remainingItemCount]).toEqual([2, 1]);
  const second = json('GET', `/api/v1/namespaces/default/configmaps?limit=2&continue=${first.metadata.continue}`)
    .value as unknown as typeof first;
  expect(second.items.map((i) => i.metadata.name)).toEqual(['c']);
  const table = json('GET', '/api/v1/namespaces/default/configmaps', '', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    .value as unknown as { rows: { cells: unknown[]; object: { kind: string } }[] };
  expect([table.rows.length, table.rows[0]?.object.kind]).toEqual([3, 'PartialObjectMetadata']);
  const watch = ask('GET', `/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=${first.metadata.resourceVersion}`);
  const lines: string[] = [];
  if (!isStream(watch)) throw new Error('no stream');
  watch.open(
    (text) => lines.push(text),
    () => {},
  );
  json('DELETE', '/api/v1/namespaces/default/configmaps/b');
  sim.runUntil(sim.now + 5000);
  expect(lines.map((l) => (JSON.parse(l) as { type: string }).type)).toEqual(['DELETED']);
});

test('strategic merge patch keeps the list items that it does not name', () => {
  const { json } = world();
  json('POST', '/apis/apps/v1/namespaces/default/deployments', deployment);
  const patch = (body: unknown) =>
    json('PATCH', '/apis/apps/v1/namespaces/default/deployments/web', body, { 'content-type': 'application/strategic-merge-patch+json' })
      .value as unknown as { message?: string; spec: { template: { spec: { containers: { name: string; image: string }[] } } } };
  patch({ spec: { template: { spec: { containers: [{ name: 'd', image: 'busybox' }] } } } });
  const done = patch({
    spec: {
      template: {
        spec: {
          $setElementOrder: {},
          containers: [{ name: 'c', image: 'nginx:2' }],
          '$setElementOrder/containers': [{ name: 'd' }, { name: 'c' }],
        },
      },
    },
  });
  expect(done.spec.template.spec.containers.map((c) => `${c.name}=${c.image}`)).toEqual(['d=busybox', 'c=nginx:2']);
  patch({ spec: { template: { spec: { containers: [{ name: 'd', $patch: 'delete' }] } } } });
  expect(patch({}).spec.template.spec.containers.length).toBe(1);
});

test('server-side apply: fields, conflicts, what is no longer wanted', () => {
  const { json } = world();
  const apply = (body: unknown, query = '?fieldManager=kubectl') =>
    json('PATCH', `/apis/apps/v1/namespaces/default/deployments/web${query}`, body, { 'content-type': 'application/apply-patch+yaml' });
  expect(apply(deployment).status).toBe(201);
  json(
    'PATCH',
    '/apis/apps/v1/namespaces/default/deployments/web/scale?fieldManager=kubectl',
    { spec: { replicas: 3 } },
    { 'content-type': 'application/merge-patch+json' },
  );
  const refused = apply(deployment);
  expect(refused.value.message).toBe(
    'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
  );
  expect(apply(deployment, '?fieldManager=kubectl&force=true').status).toBe(200);
  const { labels: _l, ...metadata } = deployment.metadata;
  const after = apply({ ...deployment, metadata }).value as unknown as {
    metadata: { labels?: object; managedFields: { manager: string; operation: string; fieldsV1: object }[] };
  };
  expect(after.metadata.labels).toBeUndefined();
  expect(after.metadata.managedFields.map((m) => `${m.manager} ${m.operation}`)).toEqual(['kubectl Apply']);
});

test('managed fields of a pod are those of the recording', () => {
  const { json } = world();
  const container = { image: 'nginx:1.29', name: 'c', ports: [{ containerPort: 80, name: 'http' }] };
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels: { app: 'web' } },
    spec: { containers: [container], terminationGracePeriodSeconds: 10 },
  };
  json('POST', '/api/v1/namespaces/default/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } });
  const pod = json('POST', '/api/v1/namespaces/default/pods?fieldManager=m', body).value as unknown as {
    message?: string;
    metadata: { managedFields: { fieldsV1: unknown }[] };
  };
  const port = { '.': {}, 'f:containerPort': {}, 'f:name': {}, 'f:protocol': {} };
  expect(pod.metadata.managedFields[0]?.fieldsV1).toEqual({
    'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
    'f:spec': {
      'f:containers': {
        'k:{"name":"c"}': {
          '.': {},
          'f:image': {},
          'f:imagePullPolicy': {},
          'f:name': {},
          'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': port },
          'f:resources': {},
          'f:terminationMessagePath': {},
          'f:terminationMessagePolicy': {},
        },
      },
      'f:dnsPolicy': {},
      'f:enableServiceLinks': {},
      'f:restartPolicy': {},
      'f:schedulerName': {},
      'f:securityContext': {},
      'f:terminationGracePeriodSeconds': {},
    },
  });
});

test('a definition brings a resource with schema, columns and discovery', () => {
  const { json, sim } = world();
  const schema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { size: { type: 'integer', minimum: 1 } }, required: ['size'] } },
  };
  const versions = [
    {
      name: 'v1',
      served: true,
      storage: true,
      schema: { openAPIV3Schema: schema },
      additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
    },
  ];
  const made = json('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.x.io' },
    spec: { group: 'x.io', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions },
  });
  expect(made.value.message).toBeUndefined();
  sim.runUntil(sim.now + 10_000);
  const thing = (size: unknown) =>
    json('POST', '/apis/x.io/v1/namespaces/default/things', {
      apiVersion: 'x.io/v1',
      kind: 'Thing',
      metadata: { name: 't' },
      spec: { size, other: 1 },
    });
  expect(thing(0).value.message).toBe(
    'Thing.x.io "t" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
  );
  expect((thing(3).value as unknown as { spec: object }).spec).toEqual({ size: 3 });
  const table = json('GET', '/apis/x.io/v1/namespaces/default/things', '', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    .value as unknown as { rows: { cells: unknown[] }[] };
  expect(table.rows[0]?.cells).toEqual(['t', 3]);
  expect(json('GET', '/apis/x.io/v1').value).toMatchObject({ groupVersion: 'x.io/v1' });
});
