import { describe, expect, test } from 'vitest';
import { commands } from '../../bin/index.ts';
import { Kernel } from '../../net/kernel.ts';
import { newAddr } from '../../net/rtnl/addr.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand, startCommand } from '../../os/run.ts';
import { emitPrivate } from '../../os/tls/keys.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { parseIp4 } from '../../wire/addr.ts';
import { utf8 } from '../../wire/bytes.ts';
import { toBase64 } from '../../wire/der.ts';
import { gatewayDefinitions } from '../api/kinds/gateway/index.ts';
import type { AnyObject, KubeObject } from '../api/object.ts';
import { ApiServer } from '../api/server.ts';
import { selfSigned } from '../ingress/certificate.ts';
import { gatewayControllerCommand } from './controller.ts';
import { echoBasic } from './echo.ts';
import { gatewayProxyCommand } from './proxy.ts';

const V1 = 'gateway.networking.k8s.io/v1';
const obj = (kind: string, name: string, spec: object, apiVersion = V1, more: object = {}): KubeObject =>
  ({ apiVersion, kind, metadata: { name, ...(kind === 'GatewayClass' ? {} : { namespace: 'default' }) }, spec, ...more }) as KubeObject;

/** Service `web` on 10.0.0.1:3000, a TLS server on 10.0.0.1:8443 behind Service `tls`; a real API server; curl. */
function bench(...objects: KubeObject[]) {
  const sim = new Sim('gateway');
  const api = new ApiServer(sim);
  const client = api.client();
  const kernel = new Kernel(sim, 'node');
  kernel.init.lo.setUp();
  newAddr(kernel.init.lo, { local: parseIp4('10.0.0.1') as number, len: 32 }, 'add');
  const made = selfSigned(sim, [['2.5.4.3', 'shop.example']]);
  const pem = `-----BEGIN CERTIFICATE-----\n${toBase64(made.chain[0] as Uint8Array)}\n-----END CERTIFICATE-----\n`;
  const key = emitPrivate(made.key);
  const service = (name: string, port: number, targetPort: number): KubeObject[] => [
    obj('Service', name, { ports: [{ port, targetPort }] }, 'v1'),
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
      ports: [{ port: targetPort, protocol: 'TCP', name: '' }],
    } as KubeObject,
  ];
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cert', namespace: 'default' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': toBase64(utf8(pem)), 'tls.key': toBase64(utf8(key)) },
  } as KubeObject;
  const rejected: string[] = [];
  for (const crd of gatewayDefinitions()) client.create(crd);
  for (const o of [
    secret,
    ...service('web', 80, 3000),
    ...service('tls', 443, 8443),
    obj('GatewayClass', 'own', { controllerName: 'hopwise.dev/gateway-controller' }),
    ...objects,
  ]) {
    const r = client.create(o);
    if (!r.ok) rejected.push(`${o.kind} ${o.metadata.name}: ${r.status.message}`);
  }
  const m = new Machine(kernel, [...commands, echoBasic, gatewayControllerCommand(() => client), gatewayProxyCommand(() => client)]);
  startCommand(m, ['/echo-basic'], { env: { POD_NAME: 'web-1' } });
  m.init.writeFile('/tmp/c.pem', pem);
  m.init.writeFile('/tmp/k.pem', key);
  m.init.writeFile(
    '/tmp/n.conf',
    'events {} http { server { listen 8443 ssl; ssl_certificate /tmp/c.pem; ssl_certificate_key /tmp/k.pem; } }',
  );
  startCommand(m, ['nginx', '-c', '/tmp/n.conf', '-g', 'daemon off;']);
  startCommand(m, ['/usr/local/bin/gateway-controller']);
  startCommand(m, ['/usr/local/bin/gateway-proxy', '--gateway=default/gw']);
  sim.runUntil(2 * SEC);
  return { sim, client, rejected, curl: (...words: string[]): string => runCommand(m, ['curl', '-s', ...words]).stdout };
}

const conditions = (o: unknown): Record<string, string> =>
  Object.fromEntries(
    ((o as { conditions?: { type: string; status: string; reason: string }[] }).conditions ?? []).map((c) => [
      c.type,
      `${c.status} ${c.reason}`,
    ]),
  );

const gateway = (listeners: object[]): KubeObject => obj('Gateway', 'gw', { gatewayClassName: 'own', listeners });
const route = (name: string, spec: object): KubeObject => obj('HTTPRoute', name, { parentRefs: [{ name: 'gw' }], ...spec });

test('the controller provides a proxy and says what became of everything', () => {
  const { client, rejected } = bench(
    gateway([{ name: 'http', port: 80, protocol: 'HTTP' }]),
    route('good', { rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] }),
    route('bad', { hostnames: ['bad.example'], rules: [{ backendRefs: [{ name: 'nothing', port: 80 }] }] }),
  );
  expect(rejected).toEqual([]);
  const status = (resource: string, name: string): Record<string, unknown> => {
    const r = client.get<AnyObject>(resource, 'default', name);
    return r.ok ? ((r.value.status ?? {}) as Record<string, unknown>) : {};
  };
  const listeners = status('gateways.gateway.networking.k8s.io', 'gw').listeners as { attachedRoutes: number }[];
  expect(listeners[0]).toMatchObject({ name: 'http', attachedRoutes: 2 });
  expect(conditions(listeners[0])).toEqual({ Accepted: 'True Accepted', Programmed: 'True Programmed', ResolvedRefs: 'True ResolvedRefs' });
  expect(conditions(status('gateways.gateway.networking.k8s.io', 'gw'))).toEqual({
    Accepted: 'True Accepted',
    Programmed: 'False AddressNotAssigned',
  });
  const parent = (name: string): unknown => (status('httproutes.gateway.networking.k8s.io', name).parents as unknown[])[0];
  expect(conditions(parent('good'))).toEqual({ Accepted: 'True Accepted', ResolvedRefs: 'True ResolvedRefs' });
  expect(conditions(parent('bad'))).toEqual({ Accepted: 'True Accepted', ResolvedRefs: 'False BackendNotFound' });
  expect(client.get('services', 'default', 'gw-own').ok && client.get('deployments.apps', 'default', 'gw-own').ok).toBe(true);
});

describe('TLS', () => {
  test("ended at the gateway with the listener's certificate", () => {
    const { curl, rejected } = bench(
      gateway([{ name: 'https', port: 443, protocol: 'HTTPS', hostname: 'shop.example', tls: { certificateRefs: [{ name: 'cert' }] } }]),
      route('r', { rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] }),
    );
    expect(rejected).toEqual([]);
    expect(curl('-k', '--resolve', 'shop.example:443:10.0.0.1', 'https://shop.example/x')).toContain('"pod": "web-1"');
    expect(curl('-k', '-w', '%{exitcode}', '--resolve', 'other.example:443:10.0.0.1', 'https://other.example/')).toBe('35');
  });

  test('handed through by server name', () => {
    const { curl, rejected } = bench(
      gateway([{ name: 'tls', port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } }]),
      obj('TLSRoute', 'r', {
        parentRefs: [{ name: 'gw' }],
        hostnames: ['shop.example'],
        rules: [{ backendRefs: [{ name: 'tls', port: 443 }] }],
      }),
    );
    expect(rejected).toEqual([]);
    expect(curl('-k', '-v', '--stderr', '-', '--resolve', 'shop.example:443:10.0.0.1', 'https://shop.example/')).toContain(
      'subject: CN=shop.example',
    );
    expect(curl('-k', '-w', '%{http_code}', '--resolve', 'other.example:443:10.0.0.1', 'https://other.example/')).toBe('000');
  });
});
