/** nginx as a reverse proxy: choice of the server, the request that goes there, its answer. Models ngx_http_upstream.c, ngx_http_proxy_module.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { closeSocket, connectTcp, openTcp, sendTcp } from '../../os/sockcalls.ts';
import { tcpStream } from '../../os/stream.ts';
import { type Errno, errnoNumber, strerror } from '../../sim/errno.ts';
import { concat } from '../../wire/bytes.ts';
import { bodyPlan, bytesOf, Reader, readBody, readHead } from '../curl/http.ts';
import type { Config, Location, Peer, Upstream } from './model.ts';
import type { Reply } from './reply.ts';
import type { Request } from './request.ts';

interface Health {
  fails: number;
  until: number;
  current: number;
  active: number;
}

/** What an attempt came to: an answer, or the status that stands for its failure. */
type Attempt = { reply: Reply } | { status: 502 | 504; said: string };

export class Upstreams {
  private readonly p: Process;
  private readonly log: (level: string, text: string, r: Request, upstream: string | null) => void;
  private readonly health = new Map<string, Health>();

  constructor(p: Process, log: (level: string, text: string, r: Request, upstream: string | null) => void) {
    this.p = p;
    this.log = log;
  }

  private of(u: Upstream, peer: Peer): Health {
    const key = `${u.name} ${peer.shown}`;
    let h = this.health.get(key);
    if (!h) {
      h = { fails: 0, until: 0, current: 0, active: 0 };
      this.health.set(key, h);
    }
    return h;
  }

  /** Smooth weighted round robin; least connections or the client's address where asked for. */
  private choose(u: Upstream, r: Request, tried: ReadonlySet<Peer>): Peer | null {
    const now = this.p.sim.now;
    const usable = (x: Peer): boolean => !x.down && !tried.has(x) && (u.peers.length === 1 || this.of(u, x).until <= now);
    const first = u.peers.filter((x) => !x.backup && usable(x));
    const pool = first.length > 0 ? first : u.peers.filter((x) => x.backup && usable(x));
    if (pool.length === 0) return null;
    if (u.method === 'hash') {
      let hash = 89;
      for (const octet of r.peer.addr.split('.').slice(0, 3)) hash = (hash * 113 + Number(octet)) % 6271;
      return pool[hash % pool.length] as Peer;
    }
    if (u.method === 'least') {
      const load = (x: Peer): number => this.of(u, x).active / x.weight;
      const least = Math.min(...pool.map(load));
      const same = pool.filter((x) => load(x) === least);
      if (same.length === 1) return same[0] as Peer;
    }
    let total = 0;
    let best: Peer | null = null;
    for (const x of pool) {
      const h = this.of(u, x);
      h.current += x.weight;
      total += x.weight;
      if (!best || h.current > this.of(u, best).current) best = x;
    }
    if (best) this.of(u, best).current -= total;
    return best;
  }

  private failed(u: Upstream, peer: Peer): void {
    const h = this.of(u, peer);
    h.fails++;
    if (peer.maxFails > 0 && h.fails >= peer.maxFails) {
      h.until = this.p.sim.now + peer.failTimeout * 1e6;
      h.fails = 0;
    }
  }

  *pass(c: Config, l: Location, r: Request, url: string, expand: (text: string) => string): Task<Reply | number> {
    const m = /^http:\/\/([^/?]+)(.*)$/.exec(expand(url));
    const u = m ? c.upstreams.get(m[1] as string) : undefined;
    if (!m || !u) {
      this.log('error', `no resolver defined to resolve ${m?.[1] ?? ''}`, r, null);
      return 502;
    }
    const given = m[2] as string;
    // A URI in proxy_pass takes the place of what the location matched.
    const rest = r.path.slice(l.modifier === '' || l.modifier === '^~' || l.modifier === '=' ? l.path.length : 0);
    const target = given === '' ? r.uri : url.includes('$') ? given : `${given}${encodeURI(rest)}${r.args ? `?${r.args}` : ''}`;
    const began = this.p.sim.now;
    const note = (name: string, value: string): void => {
      const before = r.variables.get(name);
      r.variables.set(name, before === undefined ? value : `${before}, ${value}`);
    };
    const tried = new Set<Peer>();
    let status: number = 502;
    for (;;) {
      const peer = this.choose(u, r, tried);
      if (!peer) {
        if (tried.size === 0) this.log('error', 'no live upstreams while connecting to upstream', r, `http://${u.name}${target}`);
        if (tried.size === 0) note('upstream_addr', u.name);
        return status;
      }
      tried.add(peer);
      note('upstream_addr', peer.shown);
      const h = this.of(u, peer);
      h.active++;
      const a = yield* this.attempt(peer, l, r, m[1] as string, target, expand);
      h.active--;
      note('upstream_response_time', ((this.p.sim.now - began) / 1e6).toFixed(3));
      if ('reply' in a) {
        note('upstream_status', String(a.reply.status));
        return a.reply;
      }
      note('upstream_status', String(a.status));
      this.failed(u, peer);
      this.log('error', a.said, r, `http://${peer.shown}${target}`);
      status = a.status;
    }
  }

  private *attempt(peer: Peer, l: Location, r: Request, name: string, target: string, expand: (text: string) => string): Task<Attempt> {
    const { p } = this;
    const words = (e: Errno): string => `(${errnoNumber(e)}: ${strerror(e)})`;
    const sock = openTcp(p, typeof peer.addr === 'number' ? 4 : 6);
    try {
      const c = yield* connectTcp(sock, peer.addr, peer.port, p.sim.now + l.proxyTimeouts.connect * 1e6);
      if (!c.ok) {
        if (c.errno === 'EAGAIN') return { status: 504, said: `upstream timed out ${words('ETIMEDOUT')} while connecting to upstream` };
        return { status: 502, said: `connect() failed ${words(c.errno)} while connecting to upstream` };
      }
      const set = new Map(l.proxyHeaders.map(([k, v]) => [k.toLowerCase(), [k, expand(v)] as const]));
      const fields: (readonly [string, string])[] = [];
      const own: (readonly [string, string])[] = [
        ['Host', name],
        ['Connection', 'close'],
      ];
      for (const [k, v] of own) if (!set.has(k.toLowerCase())) fields.push([k, v]);
      const added = [...set.values()].filter(([, v]) => v !== '');
      const length: [string, string][] =
        r.body.length > 0 || r.headers.has('content-length') ? [['Content-Length', String(r.body.length)]] : [];
      const skip = new Set([
        ...set.keys(),
        'host',
        'connection',
        'keep-alive',
        'upgrade',
        'te',
        'expect',
        'transfer-encoding',
        'content-length',
      ]);
      const kept = [...r.headers].filter(([k]) => !skip.has(k)).map(([k, v]) => [capital(k), v] as const);
      const lines = [...added, ...fields, ...length, ...kept].map(([k, v]) => `${k}: ${v}\r\n`).join('');
      yield* sendTcp(sock, concat([bytesOf(`${r.method} ${target} HTTP/${l.proxyVersion}\r\n${lines}\r\n`), r.body]));
      const reader = new Reader(tcpStream(sock));
      reader.deadline = p.sim.now + l.proxyTimeouts.read * 1e6;
      const head = yield* readHead(reader);
      if (!head.ok) {
        if (head.error === 'timeout')
          return { status: 504, said: `upstream timed out ${words('ETIMEDOUT')} while reading response header from upstream` };
        if (head.error === 'closed')
          return { status: 502, said: 'upstream prematurely closed connection while reading response header from upstream' };
        if (head.error === 'weird')
          return { status: 502, said: 'upstream sent no valid HTTP/1.0 header while reading response header from upstream' };
        const errno = head.error === 'interrupted' || head.error === 'slow' ? 'EINTR' : head.error;
        return { status: 502, said: `recv() failed ${words(errno)} while reading response header from upstream` };
      }
      const parts: Uint8Array[] = [];
      yield* readBody(reader, bodyPlan(head.value, r.method), (part) => parts.push(part) > 0);
      const drop = [
        'connection',
        'content-length',
        'content-type',
        'server',
        'date',
        'transfer-encoding',
        'keep-alive',
        'x-accel-redirect',
        ...l.proxyHide,
      ];
      const headers = head.value.headers.filter(([k]) => !drop.includes(k.toLowerCase()));
      return {
        reply: {
          status: head.value.status,
          reason: head.value.reason,
          type: head.value.headers.find(([k]) => k.toLowerCase() === 'content-type')?.[1] ?? '',
          body: concat(parts),
          close: false,
          length: Number(head.value.headers.find(([k]) => k.toLowerCase() === 'content-length')?.[1] ?? Number.NaN),
          chunked: !head.value.headers.some(([k]) => k.toLowerCase() === 'content-length') && r.method !== 'HEAD',
          headers: l.proxyRedirect ? headers.map(([k, v]) => [k, /^location$/i.test(k) ? this.redirected(v, l, name) : v]) : headers,
        },
      };
    } finally {
      closeSocket(p, sock);
    }
  }

  /** proxy_redirect default: the upstream's own URL becomes the location's. */
  private redirected(value: string, l: Location, name: string): string {
    const m = /^http:\/\/[^/]+(.*)$/.exec(l.proxy?.url ?? '');
    const from = `http://${name}${m?.[1] || '/'}`;
    return value.startsWith(from) ? l.path.replace(/\/?$/, '/') + value.slice(from.length) : value;
  }
}

/** nginx passes names on as they came; here they are kept in lower case, so the usual spelling is put back. */
function capital(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_, a: string, b: string) => a + b.toUpperCase());
}
