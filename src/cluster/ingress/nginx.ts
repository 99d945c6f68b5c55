/** ingress-nginx: Ingresses as nginx servers and locations, its annotations, pages and log. Models internal/ingress/controller and rootfs/etc/nginx/template */

import type { Process } from '../../os/process.ts';
import { SEC } from '../../sim/sim.ts';
import { parseIp4 } from '../../wire/addr.ts';
import type { Ingress } from '../api/object.ts';
import type { ClusterCache } from '../gateway/inputs.ts';
import { type Header, headerOf, plainResponse, withoutHeader } from '../l7/http1.ts';
import type { Backend, Chosen, Filter, HttpRequest, PathMatch, Route, Rule } from '../l7/route.ts';
import type { Access, Answer, Flavor, L7Config, L7Listener } from '../l7/server.ts';
import { selfSigned } from './certificate.ts';
import type { IngressKind } from './controller.ts';
import { annotation, identityOf, ingressBackend } from './objects.ts';

const PREFIX = 'nginx.ingress.kubernetes.io';
const TITLES: Readonly<Record<number, string>> = {
  308: '308 Permanent Redirect',
  301: '301 Moved Permanently',
  400: '400 Bad Request',
  403: '403 Forbidden',
  404: '404 Not Found',
  421: '421 Misdirected Request',
  500: '500 Internal Server Error',
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Time-out',
};

function page(status: number, more: readonly Header[] = []): Answer {
  const title = TITLES[status] ?? String(status);
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
  const a = plainResponse(status, body, [['Content-Type', 'text/html'], ...more]);
  return { ...a, head: { ...a.head, reason: title.slice(4) } };
}

/** What a location remembers of its Ingress. */
interface Location {
  readonly ingress: Ingress;
  /** The host is in a TLS section of the Ingress. */
  readonly tls: boolean;
  readonly canaries: readonly { readonly ingress: Ingress; readonly backend: Backend }[];
}

const yes = (i: Ingress, name: string): boolean => annotation(i, PREFIX, name) === 'true';

function before(r: HttpRequest, chosen: Chosen, about: { scheme: string; client: string }): Answer | null {
  const l = chosen.rule.source as Location | undefined;
  if (!l) return null;
  const { ingress } = l;
  const allow = annotation(ingress, PREFIX, 'whitelist-source-range') ?? annotation(ingress, PREFIX, 'allowlist-source-range');
  if (allow !== undefined && !allow.split(',').some((net) => inNet(net.trim(), about.client))) return page(403);
  const uri = r.query === '' ? r.path : `${r.path}?${r.query}`;
  const redirect = annotation(ingress, PREFIX, 'ssl-redirect') !== 'false' && l.tls;
  if (about.scheme === 'http' && (redirect || yes(ingress, 'force-ssl-redirect')))
    return page(308, [['Location', `https://${r.host}${uri}`]]);
  const permanent = annotation(ingress, PREFIX, 'permanent-redirect');
  if (permanent !== undefined)
    return page(Number(annotation(ingress, PREFIX, 'permanent-redirect-code') ?? 301), [['Location', permanent]]);
  const temporal = annotation(ingress, PREFIX, 'temporal-redirect');
  if (temporal !== undefined) return page(302, [['Location', temporal]]);
  const root = annotation(ingress, PREFIX, 'app-root');
  if (root !== undefined && r.path === '/') return page(302, [['Location', `${about.scheme}://${r.host}${root}`]]);
  return null;
}

function inNet(net: string, client: string): boolean {
  const [base = '', len = '32'] = net.split('/');
  const a = parseIp4(base);
  const c = parseIp4(client);
  if (a === null || c === null) return false;
  const bits = Number(len);
  return bits === 0 || a >>> (32 - bits) === c >>> (32 - bits);
}

/** Header and cookie go before weight. */
function prefer(p: Process, r: HttpRequest, chosen: Chosen): Backend | null {
  const l = chosen.rule.source as Location | undefined;
  for (const { ingress, backend } of l?.canaries ?? []) {
    const name = annotation(ingress, PREFIX, 'canary-by-header');
    if (name !== undefined) {
      const value = headerOf(r.headers, name);
      const wanted = annotation(ingress, PREFIX, 'canary-by-header-value');
      const pattern = annotation(ingress, PREFIX, 'canary-by-header-pattern');
      if (value !== undefined) {
        if (wanted !== undefined ? value === wanted : pattern !== undefined ? matches(pattern, value) : value === 'always') return backend;
        if (wanted === undefined && pattern === undefined && value === 'never') continue;
      }
    }
    const cookie = annotation(ingress, PREFIX, 'canary-by-cookie');
    if (cookie !== undefined) {
      const value = new RegExp(`(?:^|;\\s*)${cookie.replace(/[^\w-]/g, '')}=([^;]*)`).exec(headerOf(r.headers, 'cookie') ?? '')?.[1];
      if (value === 'always') return backend;
      if (value === 'never') continue;
    }
    const weight = Number(annotation(ingress, PREFIX, 'canary-weight') ?? 0);
    const total = Number(annotation(ingress, PREFIX, 'canary-weight-total') ?? 100);
    if (weight > 0 && p.sim.rng('nginx.canary').below(total) < weight) return backend;
  }
  return null;
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern).test(value);
  } catch {
    return false;
  }
}

function flavor(p: Process): Flavor {
  const now = (): number => p.sim.epochMs + p.sim.now / 1000;
  const fake = (): ReturnType<typeof selfSigned> => {
    made ??= selfSigned(p.sim, [
      ['2.5.4.10', 'Acme Co'],
      ['2.5.4.3', 'Kubernetes Ingress Controller Fake Certificate'],
    ]);
    return made;
  };
  let made: ReturnType<typeof selfSigned> | null = null;
  return {
    page: (status) => page(status),
    before,
    prefer: (r, chosen) => prefer(p, r, chosen),
    forwarded(headers, about) {
      const out: Header[] = withoutHeader(
        headers,
        'x-request-id',
        'x-real-ip',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-port',
        'x-forwarded-proto',
        'x-forwarded-scheme',
        'x-scheme',
      );
      const host = out.find(([n]) => n.toLowerCase() === 'host') as Header;
      return [
        host,
        ['X-Request-ID', about.id.replaceAll('-', '')],
        ['X-Real-IP', about.client],
        ['X-Forwarded-For', about.client],
        ['X-Forwarded-Host', about.host],
        ['X-Forwarded-Port', String(about.port)],
        ['X-Forwarded-Proto', about.scheme],
        ['X-Forwarded-Scheme', about.scheme],
        ['X-Scheme', about.scheme],
        ...out.filter((h) => h !== host),
      ];
    },
    response(headers) {
      const out = withoutHeader(headers, 'server', 'date');
      return [['Date', new Date(now()).toUTCString()], ...out, ['Connection', 'keep-alive']];
    },
    access: (a) => accessLine(a, now()),
    strictServerName: false,
    retries: 2,
    connectTimeout: 5 * SEC,
    fallback: fake,
  };
}

function accessLine(a: Access, now: number): string {
  const d = new Date(now);
  const two = (n: number): string => String(n).padStart(2, '0');
  const month = d.toUTCString().slice(8, 11);
  const time = `${two(d.getUTCDate())}/${month}/${d.getUTCFullYear()}:${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} +0000`;
  const h = (name: string): string => headerOf(a.request.headers, name) ?? '-';
  const length = a.request.headers.reduce(
    (n, [k, v]) => n + k.length + v.length + 4,
    a.request.method.length + a.request.target.length + 13,
  );
  const upstream = a.upstream ? `${a.upstream.ip}:${a.upstream.port}` : '-';
  const took = (a.took / 1e6).toFixed(3);
  const rest = a.upstream ? `${upstream} ${a.bytes} ${took} ${a.status}` : '- - - -';
  return `${a.client} - - [${time}] "${a.request.method} ${a.request.target} HTTP/${a.request.version}" ${a.status} ${a.bytes} "${h('referer')}" "${h('user-agent')}" ${length} ${took} [${a.backend?.name ?? ''}] [] ${rest} -`;
}

interface Entry {
  readonly host: string;
  readonly path: string;
  readonly type: string;
  readonly ingress: Ingress;
  readonly backend: Backend;
}

/** `*.a.b` stands for one label. */
const serverName = (host: string | undefined): string => (host ?? '').toLowerCase().replace(/^\*\./, '?.');

function config(_p: Process, ingresses: readonly Ingress[], cache: ClusterCache): L7Config {
  const entries: Entry[] = [];
  const canaries: Entry[] = [];
  const oldest = [...ingresses].sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
  for (const ingress of oldest) {
    const namespace = ingress.metadata.namespace ?? '';
    const list = yes(ingress, 'canary') ? canaries : entries;
    const fallback = ingressBackend(cache, namespace, ingress.spec?.defaultBackend);
    if (fallback && list === entries) list.push({ host: '', path: '/', type: 'ImplementationSpecific', ingress, backend: fallback });
    for (const rule of ingress.spec?.rules ?? []) {
      const host = serverName(rule.host);
      for (const p of rule.http?.paths ?? []) {
        const backend = ingressBackend(cache, namespace, p.backend);
        if (backend) list.push({ host, path: p.path || '/', type: p.pathType, ingress, backend });
      }
      if (!rule.http && fallback && list === entries)
        list.push({ host, path: '/', type: 'ImplementationSpecific', ingress, backend: fallback });
    }
  }
  const regexHosts = new Set(
    entries.filter((e) => yes(e.ingress, 'use-regex') || annotation(e.ingress, PREFIX, 'rewrite-target') !== undefined).map((e) => e.host),
  );
  const tlsHosts = new Map<string, Ingress>();
  for (const i of oldest) for (const t of i.spec?.tls ?? []) for (const h of t.hosts ?? []) tlsHosts.set(serverName(h), i);
  const routes = new Map<string, Rule[]>();
  const taken = new Set<string>();
  for (const e of entries) {
    const key = `${e.host} ${e.path} ${e.type}`;
    if (taken.has(key)) continue;
    taken.add(key);
    const rules = routes.get(e.host) ?? [];
    routes.set(e.host, rules);
    const location: Location = {
      ingress: e.ingress,
      tls: tlsHosts.has(e.host),
      canaries: canaries.filter((c) => c.host === e.host && c.path === e.path).map((c) => ({ ingress: c.ingress, backend: c.backend })),
    };
    const target = annotation(e.ingress, PREFIX, 'rewrite-target');
    const filters: Filter[] = target === undefined ? [] : [{ type: 'URLRewrite', hostname: null, path: null, template: target }];
    rules.push({
      matches: [{ path: pathMatch(e, regexHosts.has(e.host)), headers: [], query: [], method: null }],
      filters,
      backends: [e.backend],
      timeout: 0,
      backendTimeout: 0,
      source: location,
    });
  }
  const all: Route[] = [...routes].map(([host, rules]) => ({ key: host, created: '', hostnames: host === '' ? [] : [host], rules }));
  // A server without a matching location does not fall back to the catch-all server.
  for (const host of routes.keys()) if (host !== '') all.push({ key: `${host}/404`, created: '', hostnames: [host], rules: [nothing()] });
  const listener = (
    name: string,
    port: number,
    protocol: 'HTTP' | 'HTTPS',
    hostname: string,
    identity: L7Listener['identity'],
  ): L7Listener => ({
    name,
    port,
    protocol,
    hostname,
    identity,
    routes: all.map((r) => r),
    passthrough: [],
  });
  const secure: L7Listener[] = [listener('https', 443, 'HTTPS', '', null)];
  for (const [host, i] of tlsHosts) {
    const secret = i.spec?.tls?.find((t) => t.hosts?.some((h) => serverName(h) === host))?.secretName;
    const identity = secret ? identityOf(cache.secret(i.metadata.namespace ?? '', secret)) : null;
    if (identity) secure.push(listener(`https-${host}`, 443, 'HTTPS', host, identity));
  }
  return { listeners: [listener('http', 80, 'HTTP', '', null), ...secure] };
}

/** What a server answers for a path that it has no location for: weaker than any location, and without backend. */
function nothing(): Rule {
  return {
    matches: [{ path: { type: 'RawPrefix', value: '' }, headers: [], query: [], method: null }],
    filters: [],
    backends: [],
    timeout: 0,
    backendTimeout: 0,
  };
}

function pathMatch(e: Entry, regex: boolean): PathMatch {
  if (regex) {
    try {
      return { type: 'RegularExpression', value: e.path, pattern: new RegExp(`^${e.path}${e.type === 'Exact' ? '$' : ''}`, 'i') };
    } catch {
      return { type: 'Exact', value: e.path };
    }
  }
  if (e.type === 'Exact') return { type: 'Exact', value: e.path };
  return { type: e.type === 'Prefix' ? 'PathPrefix' : 'RawPrefix', value: e.path };
}

const RULE = '-------------------------------------------------------------------------------\n';

export const nginxIngress: IngressKind = {
  command: 'nginx-ingress-controller',
  path: '/nginx-ingress-controller',
  controller: 'k8s.io/ingress-nginx',
  className: 'nginx',
  unclassed: (args) => args.get('watch-ingress-without-class') === 'true',
  flavor,
  config,
  banner: () =>
    `${RULE}NGINX Ingress controller\n  Release:       v1.14.0\n  Repository:    https://github.com/kubernetes/ingress-nginx\n  nginx version: nginx/1.27.1\n\n${RULE}\n`,
  flags: [
    'publish-service',
    'election-id',
    'controller-class',
    'ingress-class',
    'configmap',
    'validating-webhook',
    'validating-webhook-certificate',
    'validating-webhook-key',
    'watch-ingress-without-class',
    'enable-metrics',
    'v',
  ],
};
