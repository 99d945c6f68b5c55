/** HTTPRoute and GRPCRoute rules as the proxy's. Models gateway.networking.k8s.io/v1 HTTPRouteRule */

import type { Cors, Filter, HeaderChange, PathChange, PathMatch, RouteMatch, Rule, ValueMatch } from '../l7/route.ts';
import { backendOf, type Cluster } from './backends.ts';
import type { HeaderFilter, HttpRouteMatch, NamedValue, PathModifier, RouteFilter, RouteRule } from './objects.ts';

/** GEP-2257 durations: `10s`, `1h30m`, `500ms`; µs. */
export function gatewayDuration(text: string | undefined): number {
  const units: Record<string, number> = { h: 3600e6, m: 60e6, s: 1e6, ms: 1000 };
  let total = 0;
  for (const m of (text ?? '').matchAll(/(\d+)(ms|h|m|s)/g)) total += Number(m[1]) * (units[m[2] as string] as number);
  return total;
}

/** RE2 where it is ECMAScript too; what is not matches nothing. */
export function whole(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern.replaceAll('(?P<', '(?<')})$`);
  } catch {
    return /^\b$/;
  }
}

function valueMatch(v: NamedValue): ValueMatch {
  return { name: v.name, value: v.value, pattern: v.type === 'RegularExpression' ? whole(v.value) : null };
}

/** The first of several with the same name counts; header names have no case. */
function firstOf(values: readonly NamedValue[] | undefined, fold: boolean): ValueMatch[] {
  const seen = new Set<string>();
  return (values ?? [])
    .filter((v) => {
      const key = fold ? v.name.toLowerCase() : v.name;
      return !seen.has(key) && seen.add(key) !== undefined;
    })
    .map(valueMatch);
}

export function httpMatch(m: HttpRouteMatch): RouteMatch {
  const type = m.path?.type ?? 'PathPrefix';
  const value = m.path?.value ?? '/';
  const path: PathMatch =
    type === 'RegularExpression' ? { type, value, pattern: whole(value) } : { type: type === 'Exact' ? 'Exact' : 'PathPrefix', value };
  return {
    path,
    headers: firstOf(m.headers, true),
    query: firstOf(m.queryParams, false),
    method: typeof m.method === 'string' ? m.method : null,
  };
}

/** A call's path is /SERVICE/METHOD. */
export function grpcMatch(m: HttpRouteMatch): RouteMatch {
  const call = typeof m.method === 'object' ? m.method : {};
  const headers = firstOf(m.headers, true);
  const base = { headers, query: [], method: 'POST' };
  if (call.service === undefined && call.method === undefined) return { ...base, path: { type: 'PathPrefix', value: '/' } };
  if (call.type === 'RegularExpression') {
    const value = `/${call.service ?? '[^/]+'}/${call.method ?? '[^/]+'}`;
    return { ...base, path: { type: 'RegularExpression', value, pattern: whole(value) } };
  }
  if (call.service === undefined) {
    const value = `/[^/]+/${call.method}`;
    return { ...base, path: { type: 'RegularExpression', value, pattern: whole(value) } };
  }
  if (call.method === undefined) return { ...base, path: { type: 'PathPrefix', value: `/${call.service}` } };
  return { ...base, path: { type: 'Exact', value: `/${call.service}/${call.method}` } };
}

function headerChange(f: HeaderFilter | undefined): HeaderChange {
  const pairs = (list: readonly NamedValue[] | undefined): [string, string][] => (list ?? []).map((v) => [v.name, v.value]);
  return { set: pairs(f?.set), add: pairs(f?.add), remove: f?.remove ?? [] };
}

function pathChange(p: PathModifier | undefined): PathChange {
  if (!p) return null;
  if (p.type === 'ReplaceFullPath') return { type: 'ReplaceFullPath', value: p.replaceFullPath ?? '/' };
  return { type: 'ReplacePrefixMatch', value: p.replacePrefixMatch ?? '/' };
}

/** Null for a kind of filter that is not supported: the rule then answers 500. */
function filterOf(c: Cluster, from: { kind: string; namespace: string }, f: RouteFilter): Filter | null {
  switch (f.type) {
    case 'RequestHeaderModifier':
      return { type: f.type, change: headerChange(f.requestHeaderModifier) };
    case 'ResponseHeaderModifier':
      return { type: f.type, change: headerChange(f.responseHeaderModifier) };
    case 'RequestRedirect': {
      const r = f.requestRedirect ?? {};
      return {
        type: f.type,
        scheme: r.scheme ?? null,
        hostname: r.hostname ?? null,
        port: r.port ?? null,
        path: pathChange(r.path),
        status: r.statusCode ?? 302,
      };
    }
    case 'URLRewrite':
      return { type: f.type, hostname: f.urlRewrite?.hostname ?? null, path: pathChange(f.urlRewrite?.path), template: null };
    case 'RequestMirror': {
      const m = f.requestMirror;
      if (!m) return null;
      const share = m.fraction ? m.fraction.numerator / (m.fraction.denominator ?? 100) : (m.percent ?? 100) / 100;
      return { type: f.type, backend: backendOf(c, from, m.backendRef, []), share };
    }
    case 'CORS': {
      const o = f.cors ?? {};
      const cors: Cors = {
        origins: o.allowOrigins ?? [],
        methods: o.allowMethods ?? [],
        headers: o.allowHeaders ?? [],
        expose: o.exposeHeaders ?? [],
        credentials: o.allowCredentials ?? false,
        maxAge: o.maxAge ?? 5,
      };
      return { type: f.type, cors };
    }
    default:
      return null;
  }
}

const INVALID = { name: 'invalid', endpoints: [], weight: 1, filters: [], invalid: true, tls: false } as const;

export function ruleOf(c: Cluster, from: { kind: string; namespace: string }, rule: RouteRule): Rule {
  const matches = rule.matches?.length ? rule.matches : [{}];
  const filters = (rule.filters ?? []).map((f) => filterOf(c, from, f));
  const usable = filters.filter((f): f is Filter => f !== null);
  const backends = (rule.backendRefs ?? []).map((ref) => {
    const own = (ref.filters ?? []).map((f) => filterOf(c, from, f));
    const b = backendOf(
      c,
      from,
      ref,
      own.filter((f): f is Filter => f !== null),
    );
    return own.includes(null) ? { ...b, invalid: true } : b;
  });
  return {
    matches: matches.map(from.kind === 'GRPCRoute' ? grpcMatch : httpMatch),
    filters: usable,
    backends: filters.includes(null) ? [INVALID] : backends,
    timeout: gatewayDuration(rule.timeouts?.request),
    backendTimeout: gatewayDuration(rule.timeouts?.backendRequest),
  };
}
