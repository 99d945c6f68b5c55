/** What Envoy answers and adds by itself: pages, headers, access log. Models envoy's local replies and default access log format */

import { SEC } from '../../sim/sim.ts';
import { type Header, headerOf, plainResponse, withoutHeader } from '../l7/http1.ts';
import type { Access, Flavor } from '../l7/server.ts';

const PAGES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'RBAC: access denied',
  502: 'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
  503: 'no healthy upstream',
  504: 'upstream request timeout',
};

export const CONNECT_FAILED = 'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure';

/** `now` in ms since 1970 for the log. */
export function envoyFlavor(now: () => number): Flavor {
  return {
    page(status) {
      const text = PAGES[status];
      return plainResponse(status, text ?? '', text === undefined ? [] : [['content-type', 'text/plain']]);
    },
    forwarded(headers, about) {
      const before = headerOf(headers, 'x-forwarded-for');
      const out: Header[] = withoutHeader(headers, 'x-forwarded-for', 'x-forwarded-proto', 'x-request-id', 'x-envoy-external-address');
      out.push(
        ['x-forwarded-for', before === undefined ? about.client : `${before},${about.client}`],
        ['x-forwarded-proto', about.scheme],
        ['x-envoy-external-address', about.client],
        ['x-request-id', about.id],
      );
      return out;
    },
    response(headers, about) {
      const out: Header[] = withoutHeader(headers, 'server');
      if (!about.own) out.push(['x-envoy-upstream-service-time', String(Math.round(about.micros / 1000))]);
      else if (headerOf(out, 'date') === undefined) out.push(['date', httpDate(now())]);
      out.push(['server', 'envoy']);
      return out;
    },
    access: (a) => accessLog(a, now()),
    strictServerName: true,
    retries: 0,
    connectTimeout: 10 * SEC,
    fallback: () => null,
  };
}

export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

function accessLog(a: Access, now: number): string {
  const header = (name: string): string => headerOf(a.request.headers, name) ?? '-';
  const start = new Date(now - a.took / 1000).toISOString();
  const upstream = a.upstream ? `${a.upstream.ip}:${a.upstream.port}` : '-';
  const length = header('content-length') === '-' ? '0' : header('content-length');
  return `[${start}] "${a.request.method} ${a.request.target} HTTP/${a.request.version}" ${a.status} ${a.flag} ${length} ${a.bytes} ${Math.round(a.took / 1000)} - "${header('x-forwarded-for')}" "${header('user-agent')}" "-" "${a.host}" "${upstream}"`;
}
