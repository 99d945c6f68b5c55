/** What filters do to requests and responses: headers, redirects, rewrites, cross-origin requests. Models Gateway API, HTTPRouteFilter */

import { type Header, headerOf, plainResponse, type ResponseHead, withoutHeader } from './http1.ts';
import type { Cors, Filter, HeaderChange, HttpRequest, PathChange, RouteMatch } from './route.ts';

export function changeHeaders(headers: readonly Header[], c: HeaderChange): Header[] {
  const removed = c.remove.map((n) => n.toLowerCase());
  let out = withoutHeader(headers, ...removed);
  for (const [name, value] of c.set) {
    out = withoutHeader(out, name.toLowerCase());
    out.push([name, value]);
  }
  for (const [name, value] of c.add) {
    const old = headerOf(out, name);
    if (old === undefined) out.push([name, value]);
    else {
      const shown = (out.find(([n]) => n.toLowerCase() === name.toLowerCase()) as Header)[0];
      out = withoutHeader(out, name.toLowerCase());
      out.push([shown, `${old},${value}`]);
    }
  }
  return out;
}

export function changePath(path: string, change: PathChange, match: RouteMatch): string {
  if (!change) return path;
  if (change.type === 'ReplaceFullPath') return change.value;
  const prefix = match.path.value.replace(/\/+$/, '');
  const rest = match.path.type === 'PathPrefix' ? path.slice(prefix.length) : '';
  const base = change.value.replace(/\/+$/, '');
  if (rest === '' || rest === '/') return rest === '/' && base !== '' ? `${base}/` : base === '' ? '/' : base;
  return base + (rest.startsWith('/') ? rest : `/${rest}`);
}

const WELL_KNOWN: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** The Location of a redirect: parts that the filter leaves out come from the request and the listener. */
export function redirectTo(
  f: Extract<Filter, { type: 'RequestRedirect' }>,
  r: HttpRequest,
  match: RouteMatch,
  listener: { readonly scheme: string; readonly port: number },
): string {
  const scheme = f.scheme ?? listener.scheme;
  const port = f.port ?? (f.scheme === null ? listener.port : (WELL_KNOWN[scheme] ?? listener.port));
  const host = f.hostname ?? r.host;
  const shown = WELL_KNOWN[scheme] === port ? host : `${host}:${port}`;
  const query = r.query === '' ? '' : `?${r.query}`;
  return `${scheme}://${shown}${changePath(r.path, f.path, match)}${query}`;
}

export function originAllowed(cors: Cors, origin: string): boolean {
  return cors.origins.some((o) => {
    if (o === '*' || o.toLowerCase() === origin.toLowerCase()) return true;
    if (!o.includes('*')) return false;
    const pattern = o
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.+');
    return new RegExp(`^${pattern}$`, 'i').test(origin);
  });
}

/** Headers of an answer to a request from another origin; empty when it is not allowed. */
export function corsHeaders(cors: Cors, origin: string): Header[] {
  if (!originAllowed(cors, origin)) return [];
  const out: Header[] = [['access-control-allow-origin', origin]];
  if (cors.credentials) out.push(['access-control-allow-credentials', 'true']);
  if (cors.expose.length > 0) out.push(['access-control-expose-headers', cors.expose.join(', ')]);
  return out;
}

/** The answer to a preflight request (Fetch standard, CORS protocol). */
export function preflight(cors: Cors, r: HttpRequest): { head: ResponseHead; body: Uint8Array } {
  const origin = headerOf(r.headers, 'origin') ?? '';
  const allowed = corsHeaders(cors, origin);
  if (allowed.length === 0) return plainResponse(200, '');
  const method = headerOf(r.headers, 'access-control-request-method') ?? '';
  const asked = headerOf(r.headers, 'access-control-request-headers');
  const methods = cors.methods.includes('*') ? (cors.credentials ? [method] : ['*']) : cors.methods;
  const headers = cors.headers.includes('*')
    ? cors.credentials && asked !== undefined
      ? [asked]
      : asked === undefined
        ? []
        : ['*']
    : cors.headers;
  const more: Header[] = [];
  if (methods.length > 0) more.push(['access-control-allow-methods', methods.join(', ')]);
  if (headers.length > 0) more.push(['access-control-allow-headers', headers.join(', ')]);
  more.push(['access-control-max-age', String(cors.maxAge)]);
  return plainResponse(200, '', [...allowed, ...more]);
}

export function isPreflight(r: HttpRequest): boolean {
  return (
    r.method === 'OPTIONS' &&
    headerOf(r.headers, 'origin') !== undefined &&
    headerOf(r.headers, 'access-control-request-method') !== undefined
  );
}
