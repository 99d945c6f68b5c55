/** A request over a fresh connection, plain or over TLS. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { type Stream, tcpStream } from '../../os/stream.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import { isAddress, type Spot } from '../place.ts';
import { resolve } from './names.ts';
import { type Failure, failureOf } from './outcome.ts';
import { type Patience, type Probed, plain, probe } from './run.ts';
import { type Secure, type Shown, securing } from './securing.ts';
import { dial, NAME_PATIENCE, NAME_TRIES, PATIENCE, TRIES } from './tcp.ts';
import type { Watch } from './watch.ts';

/** For the answer, once connected. */
const ANSWER_PATIENCE = 4 * SEC;
const MAX_BODY = 4 << 20;

export interface HttpSpec {
  /** `http://` or `https://`, a name or an address, a port, a path. */
  readonly url: string;
  readonly method?: string;
  /** Host header, in place of what the URL says. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of a body that is sent along. */
  readonly send?: number;
  /** The name that TLS asks for, in place of the URL's. */
  readonly sni?: string;
  /** Whom TLS trusts: the place's own authorities when not given; `cluster`, `insecure`, or a file of the place. */
  readonly ca?: string;
  /** Seconds for all of it. */
  readonly within?: number;
}

export type HttpOutcome =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly certificate: Shown | null;
      /** Virtual seconds from the first packet on. */
      readonly seconds: number;
    }
  /** TLS did not come about. */
  | { readonly kind: 'tls'; readonly text: string; readonly certificate: Shown | null }
  | Failure;

const URL_SHAPE = /^(https?):\/\/(\[[0-9a-fA-F:]+\]|[^/:]+)(?::(\d+))?(\/.*)?$/;

export interface Url {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export function parseUrl(url: string): Url | null {
  const m = URL_SHAPE.exec(url);
  if (!m) return null;
  const secure = m[1] === 'https';
  return { secure, host: (m[2] as string).replace(/^\[|\]$/g, ''), port: Number(m[3] ?? (secure ? 443 : 80)), path: m[4] ?? '/' };
}

const NO_ANSWER: Failure = { kind: 'timeout', text: 'no whole answer came' };

function patience(spec: HttpSpec): Patience {
  const url = parseUrl(spec.url);
  const named = url !== null && !isAddress(url.host);
  const micros = spec.within === undefined ? PATIENCE + ANSWER_PATIENCE + (named ? NAME_PATIENCE : 0) : spec.within * SEC;
  return { micros, tries: named ? NAME_TRIES : TRIES };
}

/** The outcome alone, for many requests in a row. */
export function httpOnly(spot: Spot, spec: HttpSpec): HttpOutcome {
  const authority = spot.world.kube?.authority ?? null;
  return plain<HttpOutcome>(spot, patience(spec).micros, (p) => request(p, spec, null, authority), NO_ANSWER);
}

export function http(spot: Spot, spec: HttpSpec): Probed<HttpOutcome> {
  return probe<HttpOutcome>(
    spot,
    patience(spec),
    (p, watch) => request(p, spec, watch, spot.world.kube?.authority ?? null),
    () => NO_ANSWER,
  );
}

/** `authority`: PEM of whom the cluster trusts. */
export function* request(p: Process, spec: HttpSpec, watch: Watch | null, authority: string | null): Task<HttpOutcome> {
  const begin = p.sim.now;
  const url = parseUrl(spec.url);
  if (!url) return { kind: 'unknown', text: `not a URL: ${spec.url}` };
  const dst = yield* resolve(p, url.host, false);
  if (typeof dst === 'object') return dst;
  const within = spec.within === undefined ? Number.POSITIVE_INFINITY : begin + spec.within * SEC;
  const sock = yield* dial(p, dst, url.port, Math.min(p.sim.now + PATIENCE, within), watch);
  if (sock.kind !== 'tcp') return sock;
  const deadline = Math.min(p.sim.now + ANSWER_PATIENCE, within);
  let stream = tcpStream(sock);
  let secure: Secure | null = null;
  if (url.secure) {
    const secured = securing();
    if (!secured) return { kind: 'tls', text: 'this world has no TLS', certificate: null };
    const made = yield* secured(p, stream, { name: spec.sni ?? url.host, ca: spec.ca, authority, deadline });
    if ('kind' in made) return made;
    secure = made;
    stream = made.stream;
  }
  const ip = parseIp(url.host);
  const name = ip === null ? url.host : typeof ip === 'bigint' ? `[${formatIp(ip)}]` : url.host;
  const standard = url.port === (url.secure ? 443 : 80);
  const method = spec.method ?? 'GET';
  const own: Record<string, string> = { Host: spec.host ?? (standard ? name : `${name}:${url.port}`), ...spec.headers };
  if (spec.send !== undefined) own['Content-Length'] = String(spec.send);
  const head = Object.entries(own).map(([key, value]) => `${key}: ${value}\r\n`);
  const body = new Uint8Array(spec.send ?? 0).fill(0x68);
  const sent = yield* stream.send(concat([utf8(`${method} ${url.path} HTTP/1.1\r\n${head.join('')}\r\n`), body]), deadline);
  if (!sent.ok) return failureOf(sent.errno, watch?.said() ?? null);
  const answer = yield* receive(stream, deadline, method === 'HEAD');
  if ('errno' in answer) {
    if (answer.errno === 'closed') return { kind: 'reset', text: 'the server closed the connection early' };
    return answer.errno === 'EAGAIN'
      ? { kind: 'timeout', text: 'connected, but no whole answer came' }
      : failureOf(answer.errno, watch?.said() ?? null);
  }
  if (secure) yield* secure.close();
  return { kind: 'answer', ...answer, certificate: secure?.certificate ?? null, seconds: (p.sim.now - begin) / SEC };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function* receive(stream: Stream, deadline: number, bare: boolean): Task<Answer | { readonly errno: string }> {
  let data = '';
  for (;;) {
    const end = data.indexOf('\r\n\r\n');
    const done = end >= 0 ? whole(data, end, bare, false) : null;
    if (done) return done;
    if (data.length > MAX_BODY) return { errno: 'EMSGSIZE' };
    const r = yield* stream.recv(65536, deadline);
    if (!r.ok) return { errno: r.errno };
    if (r.value.length === 0) return (end >= 0 ? whole(data, end, bare, true) : null) ?? { errno: 'closed' };
    data += text(r.value);
  }
}

/** The answer when it is complete. `over`: nothing more will come. */
function whole(data: string, end: number, bare: boolean, over: boolean): Answer | null {
  const [first = '', ...lines] = data.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0);
  const rest = data.slice(end + 4);
  const answer = (body: string): Answer => ({ status, headers, body });
  if (bare || status === 204 || status === 304) return answer('');
  if (headers['transfer-encoding']?.toLowerCase() === 'chunked') return chunks(rest, answer);
  const length = headers['content-length'];
  if (length !== undefined) return rest.length >= Number(length) ? answer(rest.slice(0, Number(length))) : null;
  return over ? answer(rest) : null;
}

function chunks(data: string, answer: (body: string) => Answer): Answer | null {
  let body = '';
  for (let at = 0; at < data.length; ) {
    const line = data.indexOf('\r\n', at);
    if (line < 0) return null;
    const size = Number.parseInt(data.slice(at, line), 16);
    if (!(size >= 0) || data.length < line + 2 + size + 2) return null;
    if (size === 0) return answer(body);
    body += data.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
  return null;
}
