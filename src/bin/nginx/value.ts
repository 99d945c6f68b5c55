/** Values of nginx's variables while a request is answered. Models src/http/ngx_http_variables.c */

import type { Process } from '../../os/process.ts';
import { strftime } from '../strftime.ts';
import type { Config, Location } from './model.ts';
import { VERSION } from './pages.ts';
import { chunk, inChunks, type Reply } from './reply.ts';
import type { Request } from './request.ts';
import { pathOf } from './static.ts';
import { expand } from './variables.ts';

interface Scene {
  p: Process;
  config: Config;
  /** Connections so far. */
  accepted: number;
}

export function variableOf(x: Scene, name: string, r: Request, l: Location, reply: Reply | null): string {
  const { p, config } = x;
  const own = r.variables.get(name);
  if (own !== undefined) return own;
  const map = config.maps.get(name);
  if (map) {
    const v = expand(map.source, (n) => variableOf(x, n, r, l, reply));
    const hit = map.entries.find((e) => (e.regex ? e.regex.test(v) : e.key.toLowerCase() === v.toLowerCase()));
    return expand(hit?.value ?? map.fallback, (n) => variableOf(x, n, r, l, reply));
  }
  if (name.startsWith('http_')) return r.headers.get(name.slice(5).replace(/_/g, '-')) ?? '';
  if (name.startsWith('arg_')) return new RegExp(`(?:^|&)${name.slice(4)}=([^&]*)`, 'i').exec(r.args)?.[1] ?? '';
  if (name.startsWith('cookie_')) return new RegExp(`(?:^|;\\s*)${name.slice(7)}=([^;]*)`).exec(r.headers.get('cookie') ?? '')?.[1] ?? '';
  if (name.startsWith('sent_http_')) return reply?.headers.find(([k]) => k.toLowerCase() === name.slice(10).replace(/_/g, '-'))?.[1] ?? '';
  const now = p.sim.epochMs * 1000 + p.sim.now;
  const seconds = Math.floor(now / 1e6);
  const forwarded = r.headers.get('x-forwarded-for');
  const table: Readonly<Record<string, () => string | number>> = {
    uri: () => r.path,
    document_uri: () => r.path,
    request_uri: () => r.uri,
    args: () => r.args,
    query_string: () => r.args,
    is_args: () => (r.args ? '?' : ''),
    host: () => (r.headers.get('host') ?? r.variables.get('server_name') ?? '').replace(/:\d+$/, '').toLowerCase(),
    hostname: () => p.hostname,
    remote_addr: () => r.peer.addr,
    remote_port: () => r.peer.port,
    server_addr: () => r.local.addr,
    server_port: () => r.local.port,
    request_method: () => r.method,
    request: () => r.line,
    scheme: () => r.scheme,
    https: () => (r.scheme === 'https' ? 'on' : ''),
    server_protocol: () => `HTTP/${r.version}`,
    status: () => String(reply?.status ?? 0).padStart(3, '0'),
    body_bytes_sent: () => (r.method === 'HEAD' || !reply ? 0 : inChunks(reply, r) ? chunk(reply.body).length : reply.body.length),
    bytes_sent: () => reply?.body.length ?? 0,
    time_local: () => strftime('%d/%b/%Y:%H:%M:%S +0000', seconds),
    time_iso8601: () => strftime('%Y-%m-%dT%H:%M:%S+00:00', seconds),
    msec: () => (now / 1e6).toFixed(3),
    request_time: () => ((p.sim.now - r.began) / 1e6).toFixed(3),
    request_length: () => r.length + r.body.length,
    request_body: () => String.fromCharCode(...r.body.subarray(0, 4096)),
    request_filename: () => pathOf(l, r.path),
    document_root: () => l.root,
    content_type: () => r.headers.get('content-type') ?? '',
    content_length: () => r.headers.get('content-length') ?? '',
    connection: () => x.accepted,
    proxy_add_x_forwarded_for: () => (forwarded ? `${forwarded}, ${r.peer.addr}` : r.peer.addr),
    proxy_host: () => /^http:\/\/([^/]+)/.exec(l.proxy?.url ?? '')?.[1] ?? '',
    proxy_port: () => /:(\d+)/.exec(l.proxy?.url.slice(5) ?? '')?.[1] ?? '80',
    nginx_version: () => VERSION,
    pid: () => p.getpid(),
    ssl_protocol: () => r.tls?.protocol ?? '',
    ssl_cipher: () => r.tls?.cipher ?? '',
    ssl_server_name: () => r.tls?.name ?? '',
  };
  return String(table[name]?.() ?? '');
}
