/** Requests to the API: paths, Accept headers, Status answers, warnings. Models client-go/rest and cli-runtime's resource.Helper */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { text } from '../../wire/bytes.ts';
import { Failure, failure, statusFailure } from './errors.ts';
import type { FlagSet } from './flags.ts';
import { HttpClient, type RequestOptions, type Response, type Streaming } from './http.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import type { ClientConfig } from './kubeconfig.ts';
import { parseDuration, quote } from './strconv.ts';

/** A resource that the server has, with what is needed to ask for it. Models meta.RESTMapping */
export interface Mapping {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural. */
  readonly resource: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface JsonOptions extends RequestOptions {
  readonly query?: Query;
  /** Is sent as application/json when no content type is given. */
  readonly json?: Json;
  /** Accept header; application/json when not given. */
  readonly accept?: string;
}

/** What the server prints itself as a table. */
export const TABLE_ACCEPT = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export const apiVersionOf = (m: { group: string; version: string }): string => (m.group === '' ? m.version : `${m.group}/${m.version}`);
/** `services`, `deployments.apps`. */
export const groupResource = (m: Mapping): string => (m.group === '' ? m.resource : `${m.resource}.${m.group}`);

/** /api/v1/namespaces/NS/pods/NAME/SUB */
export function pathOf(m: Mapping, namespace: string, name = '', sub = ''): string {
  const base = m.group === '' ? `/api/${m.version}` : `/apis/${m.group}/${m.version}`;
  const ns = m.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${base}${ns}/${m.resource}${name === '' ? '' : `/${encodeURIComponent(name)}`}${sub === '' ? '' : `/${sub}`}`;
}

/** Sorted by name, as url.Values.Encode(). */
export function encodeQuery(q: Query): string {
  const go = (s: string): string =>
    encodeURIComponent(s)
      .replaceAll('%20', '+')
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const parts = Object.keys(q)
    .sort()
    .flatMap((k) => {
      const v = q[k];
      if (v === undefined) return [];
      return (Array.isArray(v) ? v : [v]).map((x) => `${go(k)}=${go(String(x))}`);
    });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

export class Rest {
  readonly p: Process;
  private readonly config: ClientConfig;
  private readonly flags: FlagSet;
  private http: HttpClient | null = null;
  private readonly warned = new Set<string>();

  constructor(p: Process, config: ClientConfig, flags: FlagSet) {
    this.p = p;
    this.config = config;
    this.flags = flags;
  }

  get warnings(): number {
    return this.warned.size;
  }

  client(): HttpClient | Failure {
    if (this.http) return this.http;
    const c = this.config.connection();
    if (c instanceof Failure) return c;
    this.http = new HttpClient(this.p, c);
    return this.http;
  }

  /** --request-timeout in seconds; 0 for none. */
  timeout(): number | Failure {
    const given = this.flags.str('request-timeout');
    if (given === '' || given === '0') return 0;
    if (/^-?\d+$/.test(given)) return Number(given);
    const d = parseDuration(given);
    return typeof d === 'number'
      ? d
      : failure(
          'Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)',
        );
  }

  private options(o: JsonOptions): (RequestOptions & { query: string }) | Failure {
    const timeout = this.timeout();
    if (timeout instanceof Failure) return timeout;
    const headers: Record<string, string> = { Accept: o.accept ?? 'application/json', ...o.headers };
    const body = o.json !== undefined ? JSON.stringify(o.json) : o.body;
    if (body !== undefined && !('Content-Type' in headers)) headers['Content-Type'] = 'application/json';
    const deadline = o.deadline ?? (timeout > 0 ? this.p.sim.now + timeout * 1e6 : undefined);
    const query = encodeQuery({ ...o.query, ...(timeout > 0 ? { timeout: this.flags.str('request-timeout') } : {}) });
    return { query, headers, deadline, ...(body === undefined ? {} : { body }) };
  }

  /** The answer as it is, refusals too. */
  *request(method: string, path: string, o: JsonOptions = {}): Task<Response | Failure> {
    const http = this.client();
    if (http instanceof Failure) return http;
    const options = this.options(o);
    if (options instanceof Failure) return options;
    if (options.deadline !== undefined && options.deadline - this.p.sim.now < 1) return failure('context deadline exceeded');
    const r = yield* http.request(method, path + options.query, options);
    if (!(r instanceof Failure)) yield* this.warn(r.headers.get('warning') ?? []);
    return r;
  }

  /** Warning headers go to standard error, each text once. */
  private *warn(headers: readonly string[]): Task<void> {
    for (const h of headers) {
      const m = /^299 \S+ "((?:[^"\\]|\\.)*)"/.exec(h);
      if (!m) continue;
      const line = (m[1] as string).replace(/\\(.)/g, '$1');
      if (this.warned.has(line)) continue;
      this.warned.add(line);
      yield* this.p.err(`Warning: ${line}\n`);
    }
  }

  /** Parsed JSON; a refusal is a Failure with its Status. */
  *json(method: string, path: string, o: JsonOptions = {}): Task<JsonObject | Failure> {
    const r = yield* this.request(method, path, o);
    if (r instanceof Failure) return r;
    const body = text(r.body);
    const value = parseJson(body);
    if (r.status < 200 || r.status > 299) return refusal(r, value, body, method, path);
    return isObject(value) ? value : failure(`couldn't get version/kind; json parse error: unexpected answer from the server`);
  }

  get(path: string, query: Query = {}): Task<JsonObject | Failure> {
    return this.json('GET', path, { query });
  }

  /** A watch, a log that is followed, an upgraded connection. A refusal is a Failure. */
  *open(method: string, path: string, o: JsonOptions = {}): Task<Streaming | Failure> {
    const http = this.client();
    if (http instanceof Failure) return http;
    const options = this.options(o);
    if (options instanceof Failure) return options;
    const s = yield* http.stream(method, path + options.query, options);
    if (s instanceof Failure) return s;
    yield* this.warn(s.head.headers.get('warning') ?? []);
    if (s.head.status === 101 || (s.head.status >= 200 && s.head.status <= 299)) return s;
    let body = '';
    for (;;) {
      const part = yield* s.read(options.deadline);
      if (part instanceof Failure || part === null) break;
      body += text(part);
    }
    return refusal(s.head, parseJson(body), body, method, path);
  }

  /** A list in pieces of --chunk-size, put together: the first piece with all items (or rows). */
  *list(path: string, query: Query, chunk: number, accept?: string): Task<JsonObject | Failure> {
    let whole: JsonObject | null = null;
    let next: string | undefined;
    do {
      const r: JsonObject | Failure = yield* this.json('GET', path, {
        query: { ...query, ...(chunk > 0 ? { limit: chunk } : {}), ...(next ? { continue: next } : {}) },
        ...(accept ? { accept } : {}),
      });
      if (r instanceof Failure) return r;
      const meta: JsonObject = isObject(r.metadata) ? r.metadata : {};
      next = typeof meta.continue === 'string' && meta.continue !== '' ? meta.continue : undefined;
      const key = Array.isArray(r.rows) ? 'rows' : 'items';
      const { continue: _, remainingItemCount: __, ...rest } = meta;
      if (whole === null) whole = { ...r, metadata: rest };
      else
        whole = {
          ...(whole as JsonObject),
          metadata: rest,
          [key]: [...((whole[key] as readonly Json[] | undefined) ?? []), ...((r[key] as readonly Json[] | undefined) ?? [])],
        };
    } while (next !== undefined);
    return whole;
  }
}

export function parseJson(body: string): Json | undefined {
  try {
    return JSON.parse(body) as Json;
  } catch {
    return undefined;
  }
}

/** What a status code alone says. Models apierrors.NewGenericServerResponse */
const GENERIC: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', ''],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  406: ['NotAcceptable', 'the server was unable to respond with a content type that the client supports'],
  409: ['Conflict', 'the server reported a conflict'],
  410: ['Gone', 'the server could not find the requested resource'],
  415: ['UnsupportedMediaType', 'the server responded with an unsupported media type'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  500: ['InternalError', ''],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'the server was unable to return a response in the time allotted, but may still be processing the request'],
};

function refusal(r: { status: number }, value: Json | undefined, body: string, method: string, path: string): Failure {
  if (isObject(value) && value.kind === 'Status' && typeof value.message === 'string') return statusFailure(value as JsonObject);
  const [reason, words] = GENERIC[r.status] ?? [
    '',
    `the server responded with the status code ${r.status} but did not return more information`,
  ];
  let message = words;
  if (r.status === 403) message = body || 'the server could not determine why the request was refused';
  if (r.status === 500) message = `an error on the server (${quote(body.trim())}) has prevented the request from succeeding`;
  else if (r.status === 401) message = 'the server has asked for the client to provide credentials';
  const resource = /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+(?=\/[^/]))?\/([^/?]+)(?:\/([^/?]+))?/.exec(path);
  if (resource && r.status !== 404)
    message += ` (${method.toLowerCase()} ${[resource[1], resource[2]].filter((x) => x !== undefined).join(' ')})`;
  return statusFailure({ status: 'Failure', message, reason, code: r.status });
}
