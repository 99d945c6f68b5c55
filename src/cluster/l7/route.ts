/** Routes of an HTTP proxy, whichever API they were written in, and which of them a request takes. Precedence: Gateway API, HTTPRouteRule */

import { type Header, headerOf } from './http1.ts';

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

export type PathMatch =
  | { readonly type: 'Exact' | 'PathPrefix' | 'RawPrefix'; readonly value: string }
  | { readonly type: 'RegularExpression'; readonly value: string; readonly pattern: RegExp };

export interface ValueMatch {
  readonly name: string;
  readonly value: string;
  /** Null: equal. */
  readonly pattern: RegExp | null;
}

export interface RouteMatch {
  readonly path: PathMatch;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  readonly method: string | null;
}

export interface HeaderChange {
  readonly set: readonly Header[];
  readonly add: readonly Header[];
  readonly remove: readonly string[];
}

export type PathChange = { readonly type: 'ReplaceFullPath' | 'ReplacePrefixMatch'; readonly value: string } | null;

export interface Cors {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly expose: readonly string[];
  readonly credentials: boolean;
  readonly maxAge: number;
}

export type Filter =
  | { readonly type: 'RequestHeaderModifier' | 'ResponseHeaderModifier'; readonly change: HeaderChange }
  | {
      readonly type: 'RequestRedirect';
      readonly scheme: string | null;
      readonly hostname: string | null;
      readonly port: number | null;
      readonly path: PathChange;
      readonly status: number;
    }
  | { readonly type: 'URLRewrite'; readonly hostname: string | null; readonly path: PathChange; readonly template: string | null }
  | { readonly type: 'RequestMirror'; readonly backend: Backend; readonly share: number }
  | { readonly type: 'CORS'; readonly cors: Cors };

export interface Backend {
  /** `namespace/service:port`, for logs and cookies. */
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly weight: number;
  readonly filters: readonly Filter[];
  /** A reference that cannot be used: requests for it get 500. */
  readonly invalid: boolean;
  /** Spoken to with TLS. */
  readonly tls: boolean;
}

export interface Rule {
  readonly matches: readonly RouteMatch[];
  readonly filters: readonly Filter[];
  readonly backends: readonly Backend[];
  /** µs; 0: none. */
  readonly timeout: number;
  readonly backendTimeout: number;
  /** Where a proxy ranks rules by a number first: the higher goes before. */
  readonly priority?: number;
  /** The Ingress that it was made from, for controllers that read its annotations as they serve. */
  readonly source?: object;
}

export interface Route {
  /** `namespace/name`. */
  readonly key: string;
  /** Creation time, for ties. */
  readonly created: string;
  /** Empty: any host. */
  readonly hostnames: readonly string[];
  readonly rules: readonly Rule[];
}

export interface HttpRequest {
  readonly method: string;
  /** Without port, lower case. */
  readonly host: string;
  /** Without query. */
  readonly path: string;
  readonly query: string;
  readonly headers: readonly Header[];
}

/** `*.example.com` matches `a.example.com` and `a.b.example.com`, `?.example.com` only the first; an empty pattern matches all. */
export function hostMatches(pattern: string, host: string): boolean {
  if (pattern === '') return true;
  if (pattern.startsWith('?.'))
    return host.endsWith(pattern.slice(1)) && !host.slice(0, 1 - pattern.length).includes('.') && host.length >= pattern.length;
  if (pattern.startsWith('*.')) return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
  return pattern === host;
}

/** More is more specific: exact names before wildcards, longer before shorter. */
export function hostRank(pattern: string): number {
  if (pattern === '') return 0;
  return (/^[*?]\./.test(pattern) ? 1000 : 2000) + pattern.length;
}

/** What both patterns allow; null when nothing. */
export function intersectHosts(a: string, b: string): string | null {
  if (a === '') return b;
  if (b === '' || a === b) return a;
  if (a.startsWith('*.') && hostMatches(a, b.startsWith('*.') ? `x${b.slice(1)}` : b)) return b;
  if (b.startsWith('*.') && hostMatches(b, a.startsWith('*.') ? `x${a.slice(1)}` : a)) return a;
  return null;
}

export function pathMatches(m: PathMatch, path: string): boolean {
  if (m.type === 'Exact') return path === m.value;
  if (m.type === 'RawPrefix') return path.startsWith(m.value);
  if (m.type === 'RegularExpression') return m.pattern.test(path);
  const prefix = m.value.replace(/\/+$/, '');
  return path === prefix || path.startsWith(`${prefix}/`);
}

export function queryValues(query: string): [string, string][] {
  const decode = (s: string): string => {
    try {
      return decodeURIComponent(s.replaceAll('+', ' '));
    } catch {
      return s;
    }
  };
  return query
    .split('&')
    .filter((p) => p !== '')
    .map((p) => {
      const [name, ...value] = p.split('=');
      return [decode(name as string), decode(value.join('='))];
    });
}

function valueMatches(m: ValueMatch, value: string | undefined): boolean {
  return value !== undefined && (m.pattern ? m.pattern.test(value) : value === m.value);
}

export function requestMatches(m: RouteMatch, r: HttpRequest): boolean {
  if (m.method !== null && m.method !== r.method) return false;
  if (!pathMatches(m.path, r.path)) return false;
  if (!m.headers.every((h) => valueMatches(h, headerOf(r.headers, h.name)))) return false;
  if (m.query.length === 0) return true;
  const query = queryValues(r.query);
  return m.query.every((q) => valueMatches(q, query.find(([name]) => name === q.name)?.[1]));
}

const PATH_RANK = { Exact: 3, RegularExpression: 2, PathPrefix: 1, RawPrefix: 1 } as const;

/** Negative: `a` goes before `b`. */
function compareMatches(a: RouteMatch, b: RouteMatch): number {
  return (
    PATH_RANK[b.path.type] - PATH_RANK[a.path.type] ||
    b.path.value.length - a.path.value.length ||
    (b.method === null ? 0 : 1) - (a.method === null ? 0 : 1) ||
    b.headers.length - a.headers.length ||
    b.query.length - a.query.length
  );
}

export interface Chosen {
  readonly route: Route;
  readonly rule: Rule;
  readonly match: RouteMatch;
}

export function chooseRule(routes: readonly Route[], r: HttpRequest): Chosen | null {
  let best: (Chosen & { host: number }) | null = null;
  for (const route of routes) {
    const hosts = route.hostnames.length === 0 ? [''] : route.hostnames;
    const host = Math.max(-1, ...hosts.filter((h) => hostMatches(h, r.host)).map(hostRank));
    if (host < 0) continue;
    for (const rule of route.rules)
      for (const match of rule.matches) {
        if (!requestMatches(match, r)) continue;
        const rank = (rule.priority ?? 0) - (best?.rule.priority ?? 0) || host - (best?.host ?? 0);
        const better =
          best === null ||
          rank > 0 ||
          (rank === 0 &&
            (compareMatches(match, best.match) ||
              (route.created < best.route.created ? -1 : route.created > best.route.created ? 1 : 0) ||
              (route.key < best.route.key ? -1 : route.key > best.route.key ? 1 : 0)) < 0);
        if (better) best = { route, rule, match, host };
      }
  }
  return best;
}

/** By weight; `draw` is a whole number below the sum of weights. Null when there is none with weight. */
export function chooseBackend(backends: readonly Backend[], draw: (below: number) => number): Backend | null {
  const total = backends.reduce((n, b) => n + b.weight, 0);
  if (total <= 0) return null;
  let at = draw(total);
  for (const b of backends) {
    if (at < b.weight) return b;
    at -= b.weight;
  }
  return null;
}
