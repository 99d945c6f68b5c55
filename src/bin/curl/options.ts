/** curl's command line: what each option sets. Models src/tool_getparam.c */

import type { OptionSpec } from '../getopt.ts';
import { CURL_OPTIONS } from './optiontable.ts';

export interface CurlOptions {
  urls: string[];
  /** One entry per -o or -O in order: a file name, or null for the remote's name. */
  outputs: (string | null)[];
  outputDir: string | null;
  createDirs: boolean;
  silent: boolean;
  showError: boolean;
  verbose: boolean;
  include: boolean;
  head: boolean;
  get: boolean;
  fail: boolean;
  failWithBody: boolean;
  location: boolean;
  maxRedirs: number;
  /** --post301, --post302, --post303. */
  post: [boolean, boolean, boolean];
  insecure: boolean;
  noProgress: boolean;
  globOff: boolean;
  noBuffer: boolean;
  compressed: boolean;
  method: string | null;
  headers: string[];
  data: { kind: 'data' | 'raw' | 'binary' | 'urlencode' | 'json'; value: string }[];
  /** -F and --form-string, in order. */
  forms: { value: string; literal: boolean }[];
  upload: string | null;
  user: string | null;
  bearer: string | null;
  agent: string | null;
  referer: string | null;
  cookies: string[];
  range: string | null;
  /** Seconds; 0 is no limit. */
  maxTime: number;
  connectTimeout: number;
  resolve: string[];
  connectTo: string[];
  interface: string | null;
  localPort: [number, number] | null;
  family: 4 | 6 | null;
  http: '1.0' | '1.1' | '2';
  proxy: string | null;
  noproxy: string | null;
  writeOut: string | null;
  dumpHeader: string | null;
  retry: number;
  retryDelay: number;
  retryMaxTime: number;
  retryConnrefused: boolean;
  retryAllErrors: boolean;
  failEarly: boolean;
  stderr: string | null;
  urlQuery: string[];
  requestTarget: string | null;
}

export function defaults(): CurlOptions {
  return {
    urls: [],
    outputs: [],
    outputDir: null,
    createDirs: false,
    silent: false,
    showError: false,
    verbose: false,
    include: false,
    head: false,
    get: false,
    fail: false,
    failWithBody: false,
    location: false,
    maxRedirs: 50,
    post: [false, false, false],
    insecure: false,
    noProgress: false,
    globOff: false,
    noBuffer: false,
    compressed: false,
    method: null,
    headers: [],
    data: [],
    forms: [],
    upload: null,
    user: null,
    bearer: null,
    agent: null,
    referer: null,
    cookies: [],
    range: null,
    maxTime: 0,
    connectTimeout: 0,
    resolve: [],
    connectTo: [],
    interface: null,
    localPort: null,
    family: null,
    http: '1.1',
    proxy: null,
    noproxy: null,
    writeOut: null,
    dumpHeader: null,
    retry: 0,
    retryDelay: 0,
    retryMaxTime: 0,
    retryConnrefused: false,
    retryAllErrors: false,
    failEarly: false,
    stderr: null,
    urlQuery: [],
    requestTarget: null,
  };
}

export type ParsedCurl =
  | { ok: true; options: CurlOptions[] }
  | { ok: false; kind: 'error'; text: string }
  | { ok: false; kind: 'not-emulated'; option: string }
  | { ok: false; kind: 'help'; category: string | null }
  | { ok: false; kind: 'version' };

class Bad extends Error {}

type Setter = (o: CurlOptions, value: string, on: boolean, shown: string) => void;

function whole(value: string, shown: string): number {
  if (!/^\d+$/.test(value)) throw new Bad(`option ${shown}: expected a ${/^-\d/.test(value) ? 'positive' : 'proper'} numerical parameter`);
  return Number(value);
}

function seconds(value: string, shown: string): number {
  if (!/^\d+(\.\d*)?$|^\.\d+$/.test(value))
    throw new Bad(`option ${shown}: expected a ${/^-\d/.test(value) ? 'positive' : 'proper'} numerical parameter`);
  return Number(value);
}

const flag =
  (key: { [K in keyof CurlOptions]: CurlOptions[K] extends boolean ? K : never }[keyof CurlOptions]): Setter =>
  (o, _v, on) => {
    o[key] = on;
  };
const text =
  (key: { [K in keyof CurlOptions]: CurlOptions[K] extends string | null ? K : never }[keyof CurlOptions]): Setter =>
  (o, v) => {
    (o as unknown as Record<string, string>)[key] = v;
  };
const list =
  (key: { [K in keyof CurlOptions]: CurlOptions[K] extends string[] ? K : never }[keyof CurlOptions]): Setter =>
  (o, v) => {
    o[key].push(v);
  };
const data =
  (kind: CurlOptions['data'][number]['kind']): Setter =>
  (o, value) => {
    o.data.push({ kind, value });
  };
const ignore: Setter = () => {};

/** Long name to what it does. An option of curl's that is not here is refused as not emulated. */
const SETTERS: Record<string, Setter> = {
  url: list('urls'),
  'output-dir': text('outputDir'),
  'create-dirs': flag('createDirs'),
  silent: flag('silent'),
  'show-error': flag('showError'),
  verbose: flag('verbose'),
  include: flag('include'),
  head: flag('head'),
  get: flag('get'),
  fail: flag('fail'),
  'fail-with-body': flag('failWithBody'),
  location: flag('location'),
  'location-trusted': flag('location'),
  insecure: flag('insecure'),
  globoff: flag('globOff'),
  compressed: flag('compressed'),
  request: text('method'),
  header: list('headers'),
  data: data('data'),
  'data-ascii': data('data'),
  'data-raw': data('raw'),
  'data-binary': data('binary'),
  'data-urlencode': data('urlencode'),
  'upload-file': text('upload'),
  user: text('user'),
  'oauth2-bearer': text('bearer'),
  'user-agent': text('agent'),
  referer: text('referer'),
  range: text('range'),
  resolve: list('resolve'),
  'connect-to': list('connectTo'),
  interface: text('interface'),
  proxy: text('proxy'),
  noproxy: text('noproxy'),
  'write-out': text('writeOut'),
  'dump-header': text('dumpHeader'),
  stderr: text('stderr'),
  'retry-connrefused': flag('retryConnrefused'),
  'retry-all-errors': flag('retryAllErrors'),
  'fail-early': flag('failEarly'),
  'url-query': list('urlQuery'),
  'request-target': text('requestTarget'),
  'no-progress-meter': flag('noProgress'),
  'no-buffer': flag('noBuffer'),
  output: (o, v) => o.outputs.push(v),
  'remote-name': (o) => o.outputs.push(null),
  'max-time': (o, v, _on, s) => {
    o.maxTime = seconds(v, s);
  },
  'connect-timeout': (o, v, _on, s) => {
    o.connectTimeout = seconds(v, s);
  },
  'max-redirs': (o, v, _on, s) => {
    o.maxRedirs = v === '-1' ? Number.POSITIVE_INFINITY : whole(v, s);
  },
  retry: (o, v, _on, s) => {
    o.retry = whole(v, s);
  },
  'retry-delay': (o, v, _on, s) => {
    o.retryDelay = whole(v, s);
  },
  'retry-max-time': (o, v, _on, s) => {
    o.retryMaxTime = whole(v, s);
  },
  'local-port': (o, v, _on, s) => {
    const m = /^(\d+)(?:\s*-\s*(\d+))?$/.exec(v);
    if (!m || Number(m[1]) > 65535 || Number(m[2] ?? 0) > 65535) throw new Bad(`option ${s}: is badly used here`);
    o.localPort = [Number(m[1]), Number(m[2] ?? m[1])];
  },
  form: (o, value) => {
    o.forms.push({ value, literal: false });
  },
  'form-string': (o, value) => {
    o.forms.push({ value, literal: true });
  },
  json: (o, value) => {
    o.data.push({ kind: 'json', value });
  },
  cookie: (o, v) => {
    if (v.includes('=')) o.cookies.push(v);
  },
  ipv4: (o) => {
    o.family = 4;
  },
  ipv6: (o) => {
    o.family = 6;
  },
  'http1.0': (o) => {
    o.http = '1.0';
  },
  'http1.1': (o) => {
    o.http = '1.1';
  },
  http2: (o) => {
    o.http = '2';
  },
  post301: (o) => {
    o.post[0] = true;
  },
  post302: (o) => {
    o.post[1] = true;
  },
  post303: (o) => {
    o.post[2] = true;
  },
};
for (const name of [
  'no-keepalive',
  'keepalive-time',
  'tcp-nodelay',
  'basic',
  'cacert',
  'capath',
  'cert',
  'key',
  'tlsv1',
  'tlsv1.0',
  'tlsv1.1',
  'tlsv1.2',
  'tlsv1.3',
  'tls-max',
  'styled-output',
  'disable',
  'happy-eyeballs-timeout-ms',
  'expect100-timeout',
  'path-as-is',
  'no-sessionid',
  'no-alpn',
  'anyauth',
  'speed-limit',
  'speed-time',
  'remote-name-all',
  'no-clobber',
  'junk-session-cookies',
  'proto',
  'ssl-reqd',
  'cookie-jar',
]) {
  SETTERS[name] = ignore;
}

const LONG = new Map<string, OptionSpec>(CURL_OPTIONS.map((s) => [s.long as string, s]));
/** Boolean options whose own name begins with `no-`, by the name that --no-X would negate. */
const NEGATED: Record<string, string> = {
  buffer: 'no-buffer',
  keepalive: 'no-keepalive',
  'progress-meter': 'no-progress-meter',
  sessionid: 'no-sessionid',
  alpn: 'no-alpn',
  npn: 'no-npn',
  clobber: 'no-clobber',
};

function findLong(word: string): { spec: OptionSpec; on: boolean } | 'unknown' | 'ambiguous' {
  const exact = LONG.get(word);
  if (exact) return { spec: exact, on: true };
  if (NEGATED[word]) return { spec: LONG.get(NEGATED[word] as string) as OptionSpec, on: false };
  if (word.startsWith('no-')) {
    const base = LONG.get(word.slice(3));
    if (base && base.arg === 'none') return { spec: base, on: false };
  }
  const hits = [...LONG.values()].filter((s) => s.long?.startsWith(word));
  if (hits.length === 1) return { spec: hits[0] as OptionSpec, on: true };
  return hits.length === 0 ? 'unknown' : 'ambiguous';
}

export function parseCurl(args: readonly string[]): ParsedCurl {
  let o = defaults();
  const sets = [o];
  const error = (message: string): ParsedCurl => ({
    ok: false,
    kind: 'error',
    text: `curl: ${message}\ncurl: try 'curl --help' or 'curl --manual' for more information\n`,
  });
  let special: ParsedCurl | null = null;
  const apply = (spec: OptionSpec, value: string, on: boolean, shown: string): void => {
    if (spec.long === 'next') {
      o = { ...defaults(), silent: o.silent, showError: o.showError, verbose: o.verbose };
      sets.push(o);
      return;
    }
    const setter = SETTERS[spec.long as string];
    if (!setter) {
      special = { ok: false, kind: 'not-emulated', option: `--${spec.long}` };
      return;
    }
    setter(o, value, on, shown);
  };
  try {
    let plain = false;
    for (let i = 0; i < args.length && !special; i++) {
      const arg = args[i] as string;
      if (plain || !arg.startsWith('-') || arg === '-') {
        o.urls.push(arg);
        continue;
      }
      if (arg === '--') {
        plain = true;
        continue;
      }
      if (arg.startsWith('--')) {
        const found = findLong(arg.slice(2));
        if (typeof found === 'string') return error(`option ${arg}: is ${found}`);
        if (found.spec.long === 'help') return { ok: false, kind: 'help', category: args[i + 1] ?? null };
        if (found.spec.long === 'version') return { ok: false, kind: 'version' };
        if (found.spec.arg === 'required') {
          const value = args[++i];
          if (value === undefined) return error(`option ${arg}: requires parameter`);
          apply(found.spec, value, true, arg);
        } else apply(found.spec, '', found.on, arg);
        continue;
      }
      for (let j = 1; j < arg.length; j++) {
        const letter = arg[j] as string;
        const spec = CURL_OPTIONS.find((s) => s.short === letter);
        if (!spec) return error(`option ${arg}: is unknown`);
        if (letter === 'h') return { ok: false, kind: 'help', category: args[i + 1] ?? null };
        if (letter === 'V') return { ok: false, kind: 'version' };
        if (spec.arg !== 'required') {
          apply(spec, '', true, arg);
          continue;
        }
        const value = arg.length > j + 1 ? arg.slice(j + 1) : args[++i];
        if (value === undefined) return error(`option ${arg}: requires parameter`);
        apply(spec, value, true, arg);
        break;
      }
    }
  } catch (e) {
    if (e instanceof Bad) return error(e.message);
    throw e;
  }
  if (special) return special;
  if (sets.every((s) => s.urls.length === 0))
    return { ok: false, kind: 'error', text: "curl: try 'curl --help' or 'curl --manual' for more information\n" };
  return { ok: true, options: sets };
}
