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
import type { Client } from '../api/client.ts';
import { echoBasic } from '../gateway/echo.ts';
import { selfSigned } from './certificate.ts';
import { type IngressKind, ingressCommand } from './controller.ts';
import { nginxIngress } from './nginx.ts';
import { traefikIngress } from './traefik.ts';

type Obj = Record<string, unknown> & { kind: string; metadata: { name: string } };
const KINDS: Record<string, string> = {
  services: 'Service',
  secrets: 'Secret',
  namespaces: 'Namespace',
  'endpointslices.discovery.k8s.io': 'EndpointSlice',
  'ingresses.networking.k8s.io': 'Ingress',
  'ingressclasses.networking.k8s.io': 'IngressClass',
};
const meta = (name: string, more = {}) => ({
  name,
  namespace: 'default',
  creationTimestamp: '2026-01-01T00:00:00Z',
  uid: name,
  resourceVersion: '1',
  ...more,
});
const backend = (name: string) => ({ service: { name, port: { number: 80 } } });
const ingress = (name: string, rules: unknown[], annotations: Record<string, string> = {}, spec: object = {}, cls = 'x'): Obj => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: meta(name, { annotations }),
  spec: { ingressClassName: cls, rules, ...spec },
});
const rule = (host: string | undefined, ...paths: [string, string, string][]) => ({
  ...(host ? { host } : {}),
  http: { paths: paths.map(([path, pathType, name]) => ({ path, pathType, backend: backend(name) })) },
});

/** Services a, b (one endpoint each, on 10.0.0.1:3001 and :3002) and empty; one controller; curl beside it. */
function bench(kind: IngressKind, ingresses: Obj[], args: string[] = []) {
  const sim = new Sim('ingress');
  const kernel = new Kernel(sim, 'node');
  kernel.init.lo.setUp();
  newAddr(kernel.init.lo, { local: parseIp4('10.0.0.1') as number, len: 32 }, 'add');
  const made = selfSigned(sim, [['2.5.4.3', 'tls.example']]);
  const pem = `-----BEGIN CERTIFICATE-----\n${toBase64(made.chain[0] as Uint8Array)}\n-----END CERTIFICATE-----\n`;
  const objects: Obj[] = [
    { kind: 'IngressClass', metadata: meta('x'), spec: { controller: kind.controller } },
    { kind: 'Secret', metadata: meta('cert'), data: { 'tls.crt': toBase64(utf8(pem)), 'tls.key': toBase64(utf8(emitPrivate(made.key))) } },
    ...['a', 'b', 'empty'].map((name) => ({ kind: 'Service', metadata: meta(name), spec: { ports: [{ port: 80 }] } })),
    ...['a', 'b'].map((name, i) => ({
      kind: 'EndpointSlice',
      metadata: meta(name, { labels: { 'kubernetes.io/service-name': name } }),
      endpoints: [{ addresses: ['10.0.0.1'] }],
      ports: [{ port: 3001 + i }],
    })),
    ...ingresses,
  ];
  const client = {
    watch: (resource: string, _: unknown, on: (e: unknown) => void) => {
      sim.schedule(1000, () => {
        for (const object of objects.filter((o) => o.kind === KINDS[resource])) on({ type: 'ADDED', object });
      });
      return { stop() {} };
    },
    patch: () => ({ ok: true }),
  } as unknown as Client;
  const m = new Machine(kernel, [...commands, echoBasic, ingressCommand(kind, () => client)]);
  for (const [name, port] of [
    ['a', '3001'],
    ['b', '3002'],
  ] as const)
    startCommand(m, ['/echo-basic'], { env: { POD_NAME: name, HTTP_PORT: port } });
  const job = startCommand(m, [kind.path, ...args]);
  sim.runUntil(SEC);
  const curl = (...words: string[]): string => runCommand(m, ['curl', '-s', ...words]).stdout;
  return {
    curl,
    job,
    get: (host: string, path: string): string =>
      answer(curl('-w', ' %{http_code}', '-H', `Host: ${host}`, `http://10.0.0.1:${kind === nginxIngress ? 80 : 8000}${path}`)),
  };
}

/** Who answered and for which path, or the status. */
function answer(text: string): string {
  const m = /"path": "([^"]*)"[\s\S]*"pod": "([^"]*)"/.exec(text);
  return m ? `${m[2]} ${m[1]}` : (text.split(' ').at(-1) as string);
}

describe('hosts and paths', () => {
  const ingresses = [
    ingress('one', [
      rule('shop.example', ['/', 'Prefix', 'a'], ['/api', 'Prefix', 'b'], ['/exact', 'Exact', 'b']),
      rule('*.wild.example', ['/', 'Prefix', 'b']),
    ]),
  ];
  test.each([
    ['shop.example', '/', 'a /', 'a /'],
    ['shop.example', '/api', 'b /api', 'b /api'],
    ['shop.example', '/api/v1', 'b /api/v1', 'b /api/v1'],
    ['shop.example', '/apix', 'a /apix', 'b /apix'],
    ['shop.example', '/exact', 'b /exact', 'a /exact'],
    ['x.wild.example', '/', 'b /', 'b /'],
    ['x.y.wild.example', '/', '404', '404'],
    ['other.example', '/', '404', '404'],
  ])('%s%s: nginx %s, Traefik %s', (host, path, nginx, traefik) => {
    expect([bench(nginxIngress, ingresses).get(host, path), bench(traefikIngress, ingresses).get(host, path)]).toEqual([nginx, traefik]);
  });
});

test.each([
  ['/api', 'b /api'],
  ['/api/', 'b /api/'],
  ['/api/v1', 'b /api/v1'],
  ['/apix', 'a /apix'],
  ['/slash', 'b /slash'],
  ['/slashes', 'a /slashes'],
  // The longer rule goes first: a prefix before the very same path.
  ['/same', 'b /same'],
])('Traefik with strict prefixes: %s %s', (path, answered) => {
  const list = [
    ingress('one', [
      rule(
        'shop.example',
        ['/', 'Prefix', 'a'],
        ['/api', 'Prefix', 'b'],
        ['/slash/', 'Prefix', 'b'],
        ['/same', 'Exact', 'a'],
        ['/same', 'Prefix', 'b'],
      ),
    ]),
  ];
  expect(bench(traefikIngress, list, ['--providers.kubernetesIngress.strictPrefixMatching=true']).get('shop.example', path)).toBe(answered);
});

test('pages of their own: no route, no endpoint', () => {
  const list = [ingress('one', [rule('shop.example', ['/', 'Prefix', 'empty'])])];
  const nginx = bench(nginxIngress, list);
  expect(nginx.curl('-H', 'Host: shop.example', 'http://10.0.0.1/')).toContain(
    '<center><h1>503 Service Temporarily Unavailable</h1></center>',
  );
  expect(nginx.curl('http://10.0.0.1/')).toContain('404 Not Found');
  expect(bench(traefikIngress, list).get('shop.example', '/')).toBe('404');
  const traefik = bench(traefikIngress, list, ['--providers.kubernetesIngress.allowEmptyServices=true']);
  expect(traefik.curl('-H', 'Host: shop.example', 'http://10.0.0.1:8000/')).toBe('no available server\n');
  expect(traefik.curl('http://10.0.0.1:8000/')).toBe('404 page not found\n');
});

test('an Ingress of another class is left alone; Traefik serves those that name none, ingress-nginx when it is told to', () => {
  const list = (cls: string | undefined): Obj[] => [
    ingress('one', [rule('shop.example', ['/', 'Prefix', 'a'])], {}, { ingressClassName: cls }),
  ];
  const get = (kind: IngressKind, cls: string | undefined, args: string[] = []): string =>
    bench(kind, list(cls), args).get('shop.example', '/');
  expect([get(nginxIngress, 'y'), get(traefikIngress, 'y')]).toEqual(['404', '404']);
  expect([get(nginxIngress, undefined), get(traefikIngress, undefined)]).toEqual(['404', 'a /']);
  expect(get(nginxIngress, undefined, ['--watch-ingress-without-class'])).toBe('a /');
});

describe('ingress-nginx', () => {
  const p = 'nginx.ingress.kubernetes.io';
  test('rewrite-target makes all paths of the host expressions', () => {
    const b = bench(nginxIngress, [
      ingress('one', [rule('shop.example', ['/svc(/|$)(.*)', 'ImplementationSpecific', 'a'])], { [`${p}/rewrite-target`]: '/$2' }),
      ingress('two', [rule('shop.example', ['/Plain', 'Exact', 'b'])]),
    ]);
    expect(b.get('shop.example', '/svc/items/7')).toBe('a /items/7');
    expect(b.get('shop.example', '/plain')).toBe('b /plain');
  });

  test('canary by weight, header and cookie', () => {
    const main = ingress('main', [rule('shop.example', ['/', 'Prefix', 'a'])]);
    const canary = (more: object): Obj =>
      ingress('canary', [rule('shop.example', ['/', 'Prefix', 'b'])], { [`${p}/canary`]: 'true', ...more });
    const weighted = bench(nginxIngress, [main, canary({ [`${p}/canary-weight`]: '30' })]);
    const seen = Array.from({ length: 60 }, () => weighted.get('shop.example', '/')).filter((a) => a === 'b /').length;
    expect(seen).toBeGreaterThan(8);
    expect(seen).toBeLessThan(30);
    const header = bench(nginxIngress, [main, canary({ [`${p}/canary-by-header`]: 'X-New' })]);
    const with_ = (value: string): string => answer(header.curl('-H', 'Host: shop.example', '-H', `X-New: ${value}`, 'http://10.0.0.1/'));
    expect([with_('always'), with_('never'), with_('maybe')]).toEqual(['b /', 'a /', 'a /']);
  });

  test('TLS: redirect, certificate by name, the fake one otherwise', () => {
    const b = bench(nginxIngress, [
      ingress('one', [rule('tls.example', ['/', 'Prefix', 'a'])], {}, { tls: [{ hosts: ['tls.example'], secretName: 'cert' }] }),
    ]);
    expect(b.curl('-o', '/dev/null', '-w', '%{http_code} %{redirect_url}', '-H', 'Host: tls.example', 'http://10.0.0.1/x?y=1')).toBe(
      '308 https://tls.example/x?y=1',
    );
    const over = (name: string): string => b.curl('-k', '-v', '--resolve', `${name}:443:10.0.0.1`, '--stderr', '-', `https://${name}/`);
    expect(over('tls.example')).toContain('subject: CN=tls.example');
    expect(answer(over('tls.example'))).toBe('a /');
    expect(over('no.example')).toContain('Kubernetes Ingress Controller Fake Certificate');
  });

  test('what the backend gets, and the log', () => {
    const b = bench(nginxIngress, [ingress('one', [rule('shop.example', ['/', 'Prefix', 'a'])])]);
    const text = b.curl('-H', 'Host: shop.example', 'http://10.0.0.1/');
    for (const h of ['"X-Real-Ip": [\n   "10.0.0.1"', '"X-Forwarded-Host": [\n   "shop.example"', '"X-Forwarded-Proto": [\n   "http"'])
      expect(text).toContain(h);
    expect(b.job.stdout).toMatch(
      /^10\.0\.0\.1 - - \[20\/Nov\/2026:09:00:\d\d \+0000\] "GET \/ HTTP\/1\.1" 200 \d+ "-" "curl\/7\.88\.1" \d+ 0\.\d+ \[default-a-80\] \[\] 10\.0\.0\.1:3001 /m,
    );
  });
});
