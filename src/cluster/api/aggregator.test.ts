/** APIServices of other servers: their paths are not this server's, and they stay out of discovery until they answer. */

import { expect, it } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import type { KubeObject } from './object.ts';
import { handle } from './rest.ts';
import { ApiServer } from './server.ts';

it('answers 503 for a group whose server is not there, and 404 once nobody claims it', () => {
  const api = new ApiServer(new Sim(1));
  const user = { name: 'admin', groups: ['system:masters'] };
  const get = (path: string): { status?: number; body?: string } =>
    handle(api, { method: 'GET', path, query: [], headers: new Map(), body: '', user }) as { status?: number; body?: string };
  const path = '/apis/metrics.k8s.io/v1beta1/nodes';
  expect(get(path).status).toBe(404);
  const made = api.client().create({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { name: 'metrics-server', namespace: 'kube-system' },
    },
  } as KubeObject);
  expect(made.ok).toBe(true);
  expect(get(path)).toMatchObject({ status: 503, body: 'service unavailable\n' });
  expect(get('/apis').body).not.toContain('metrics.k8s.io');
  expect(get('/api/v1/nodes').status).toBe(200);
  api.client().delete('apiservices.apiregistration.k8s.io', '', 'v1beta1.metrics.k8s.io');
  expect(get(path).status).toBe(404);
});
