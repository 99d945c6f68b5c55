/** Traefik's provider for Ingress: routers ranked by the length of their rule, its pages and headers. Models pkg/provider/kubernetes/ingress */

import type { Process } from '../../os/process.ts';
import { SEC } from '../../sim/sim.ts';
import type { Ingress } from '../api/object.ts';
import type { ClusterCache } from '../gateway/inputs.ts';
import { type Header, headerOf, plainResponse, withoutHeader } from '../l7/http1.ts';
import type { PathMatch, Route, Rule } from '../l7/route.ts';
import type { Access, Answer, Flavor, L7Config, L7Listener } from '../l7/server.ts';
import { selfSigned } from './certificate.ts';
import type { IngressKind } from './controller.ts';
import { annotation, identityOf, ingressBackend } from './objects.ts';

const PREFIX = 'traefik.ingress.kubernetes.io';
const WEB = 8000;
const WEBSECURE = 8443;

function page(status: number): Answer {
  if (status === 404)
    return plainResponse(404, '404 page not found\n', [
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['X-Content-Type-Options', 'nosniff'],
    ]);
  const texts: Record<number, string> = {
    500: 'Internal Server Error',
    502: 'Bad Gateway',
    503: 'no available server\n',
    504: 'Gateway Timeout',
    421: 'Misdirected Request',
  };
  return plainResponse(status, texts[status] ?? 'Bad Request', [['Content-Type', 'text/plain; charset=utf-8']]);
}

function flavor(p: Process, args: ReadonlyMap<string, string>): Flavor {
  const now = (): number => p.sim.epochMs + p.sim.now / 1000;
  let made: ReturnType<typeof selfSigned> | null = null;
  let requests = 0;
  return {
    page,
    forwarded(headers, about) {
      const before = headerOf(headers, 'x-forwarded-for');
      const out: Header[] = withoutHeader(
        headers,
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-port',
        'x-forwarded-proto',
        'x-forwarded-server',
        'x-real-ip',
      );
      return [
        ...out,
        ['X-Forwarded-For', before === undefined ? about.client : `${before}, ${about.client}`],
        ['X-Forwarded-Host', about.host],
        ['X-Forwarded-Port', about.scheme === 'https' ? '443' : '80'],
        ['X-Forwarded-Proto', about.scheme],
        ['X-Forwarded-Server', p.uts.hostname],
        ['X-Real-Ip', about.client],
      ];
    },
    response: (headers, about) => (about.own ? [...headers, ['Date', new Date(now()).toUTCString()]] : [...headers]),
    access: (a) => (args.get('accesslog') === 'true' ? accessLine(a, now(), ++requests) : null),
    strictServerName: false,
    retries: 0,
    connectTimeout: 30 * SEC,
    fallback() {
      made ??= selfSigned(p.sim, [['2.5.4.3', 'TRAEFIK DEFAULT CERT']]);
      return made;
    },
  };
}

function accessLine(a: Access, now: number, count: number): string {
  const d = new Date(now).toUTCString();
  const time = `${d.slice(5, 7)}/${d.slice(8, 11)}/${d.slice(12, 16)}:${d.slice(17, 25)} +0000`;
  const h = (name: string): string => headerOf(a.request.headers, name) ?? '-';
  const service = a.backend ? `"${a.backend.name}@kubernetes"` : '"-"';
  const server = a.upstream ? `"http://${a.upstream.ip}:${a.upstream.port}"` : '"-"';
  return `${a.client} - - [${time}] "${a.request.method} ${a.request.target} HTTP/${a.request.version}" ${a.status} ${a.bytes} "${h('referer')}" "${h('user-agent')}" ${count} ${service} ${server} ${Math.round(a.took / 1000)}ms`;
}

const serverName = (host: string | undefined): string => (host ?? '').toLowerCase().replace(/^\*\./, '?.');

/**
 * The rule as Traefik writes it. Its length is the router's priority, so that PathPrefix(`/`) goes before Path(`/x`), and with `strict` a
 * prefix before the very same path.
 */
function ruleText(host: string | undefined, path: string | undefined, type: string, strict: boolean): string {
  const parts: string[] = [];
  if (host)
    parts.push(host.startsWith('*.') ? `HostRegexp(\`^[a-zA-Z0-9-]+${host.slice(1).replaceAll('.', '\\.')}$\`)` : `Host(\`${host}\`)`);
  const plain = path?.replace(/\/$/, '');
  if (path && type !== 'Exact' && strict && path !== '/') parts.push(`(Path(\`${plain}\`) || PathPrefix(\`${plain}/\`))`);
  else if (path) parts.push(`${type === 'Exact' ? 'Path' : 'PathPrefix'}(\`${path}\`)`);
  return parts.join(' && ');
}

function config(_p: Process, ingresses: readonly Ingress[], cache: ClusterCache, args: ReadonlyMap<string, string>): L7Config {
  const strict = args.get('providers.kubernetesingress.strictprefixmatching') === 'true';
  const empty = args.get('providers.kubernetesingress.allowemptyservices') === 'true';
  const routes: Route[] = [];
  const identities = new Map<string, NonNullable<ReturnType<typeof identityOf>>>();
  for (const ingress of ingresses) {
    const namespace = ingress.metadata.namespace ?? '';
    for (const t of ingress.spec?.tls ?? []) {
      const identity = t.secretName ? identityOf(cache.secret(namespace, t.secretName)) : null;
      if (identity) for (const h of t.hosts ?? []) identities.set(serverName(h), identity);
    }
    const entrypoints = annotation(ingress, PREFIX, 'router.entrypoints')?.split(',');
    const priority = annotation(ingress, PREFIX, 'router.priority');
    const fallback = ingressBackend(cache, namespace, ingress.spec?.defaultBackend);
    const add = (host: string | undefined, path: PathMatch, text: string, rule: Pick<Rule, 'backends'>, rank?: number): void => {
      routes.push({
        key: `${namespace}/${ingress.metadata.name} ${text} ${entrypoints?.join(',') ?? ''}`,
        created: '',
        hostnames: host ? [serverName(host)] : [],
        rules: [
          {
            ...rule,
            matches: [{ path, headers: [], query: [], method: null }],
            filters: [],
            timeout: 0,
            backendTimeout: 0,
            priority: rank ?? (priority ? Number(priority) : text.length),
            source: { entrypoints },
          },
        ],
      });
    };
    if (fallback) add(undefined, { type: 'RawPrefix', value: '/' }, 'PathPrefix(`/`)', { backends: [fallback] }, -1);
    for (const rule of ingress.spec?.rules ?? [])
      for (const p of rule.http?.paths ?? []) {
        const backend = ingressBackend(cache, namespace, p.backend);
        if (!backend || (backend.endpoints.length === 0 && !empty) || !cache.service(namespace, p.backend?.service?.name ?? '')) continue;
        const path = p.path || '/';
        // PathPrefix is a prefix of the text: /foo takes /foobar too, unless it is to be strict.
        const type = p.pathType === 'Exact' ? 'Exact' : strict ? 'PathPrefix' : 'RawPrefix';
        add(rule.host, { type, value: path }, ruleText(rule.host, p.path, p.pathType, strict), { backends: [backend] });
      }
  }
  const on = (entrypoint: string): Route[] =>
    routes.filter((r) => {
      const only = (r.rules[0]?.source as { entrypoints?: string[] } | undefined)?.entrypoints;
      return only === undefined || only.includes(entrypoint);
    });
  const listener = (hostname: string, identity: L7Listener['identity']): L7Listener => ({
    name: `websecure-${hostname}`,
    port: WEBSECURE,
    protocol: 'HTTPS',
    hostname,
    identity,
    routes: on('websecure'),
    passthrough: [],
  });
  return {
    listeners: [
      { name: 'web', port: WEB, protocol: 'HTTP', hostname: '', identity: null, routes: on('web'), passthrough: [] },
      listener('', null),
      ...[...identities].map(([host, identity]) => listener(host, identity)),
    ],
  };
}

export const traefikIngress: IngressKind = {
  command: 'traefik',
  path: '/usr/local/bin/traefik',
  controller: 'traefik.io/ingress-controller',
  className: 'traefik',
  unclassed: () => true,
  flavor,
  config,
  banner: (p) =>
    `${new Date(p.sim.epochMs + p.sim.now / 1000).toISOString().replace(/\.\d+/, '')} INF Traefik version 3.6.0 built on 2025-11-07T13:22:54Z version=3.6.0\n`,
  flags: [
    'accesslog',
    'entrypoints.web.address',
    'entrypoints.websecure.address',
    'entrypoints.websecure.http.tls',
    'entrypoints.metrics.address',
    'entrypoints.traefik.address',
    'providers.kubernetesingress',
    'providers.kubernetesingress.allowemptyservices',
    'providers.kubernetesingress.ingressendpoint.publishedservice',
    'providers.kubernetesingress.strictprefixmatching',
    'providers.kubernetescrd',
    'api.dashboard',
    'ping',
    'global.checknewversion',
    'global.sendanonymoususage',
    'log.level',
  ],
};
