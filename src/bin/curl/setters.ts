/** What each of curl's options sets. Models curl 7.88.1 src/tool_getparam.c */

import { type CurlOptions, type GlobalOptions, warning } from './options.ts';
import { KNOWN } from './url.ts';

export class Bad extends Error {}
/** An option that this build of libcurl has not. */
export class Unsupported extends Error {}

export type Setter = (o: CurlOptions, value: string, on: boolean, shown: string, g: GlobalOptions) => void;

function whole(value: string, shown: string): number {
  if (!/^\d+$/.test(value)) throw new Bad(`option ${shown}: expected a ${/^-\d/.test(value) ? 'positive' : 'proper'} numerical parameter`);
  return Number(value);
}

function seconds(value: string, shown: string): number {
  if (!/^\d+(\.\d*)?$|^\.\d+$/.test(value))
    throw new Bad(`option ${shown}: expected a ${/^-\d/.test(value) ? 'positive' : 'proper'} numerical parameter`);
  return Number(value);
}

/** A number of bytes with an optional unit. */
function size(value: string, which: string, shown: string): number {
  const m = /^(\d+(?:\.\d*)?)(.?)/.exec(value);
  const bad = (why: string): Bad => Object.assign(new Bad(`option ${shown}: is badly used here`), { before: warning(why) });
  if (!m) throw bad(`invalid number specified for ${which}`);
  const unit = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(m[2] as string).toLowerCase()];
  if (unit === undefined) throw bad(`unsupported ${which} unit. Use G, M, K or B!`);
  return Math.floor(Number(m[1]) * unit);
}

/** --proto: `+` adds, `-` removes, `=` sets. Models proto2num(). */
function protocols(before: string[] | null, value: string, g: GlobalOptions): string[] {
  let set = new Set(before ?? KNOWN);
  for (const word of value.split(',')) {
    const m = /^([-+=]*)(.*)$/.exec(word.trim()) as RegExpExecArray;
    const names = m[2] === 'all' ? KNOWN : KNOWN.filter((k) => k === m[2]?.toLowerCase());
    if (names.length === 0) {
      // A set to an unknown protocol is a set to none.
      if (m[1]?.includes('=')) set = new Set();
      else g.warnings += warning(`unrecognized protocol '${m[2]}'`);
    } else if (m[1]?.includes('=')) set = new Set(names);
    else for (const n of names) (m[1] as string).includes('-') ? set.delete(n) : set.add(n);
  }
  return [...set];
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
export const SETTERS: Record<string, Setter> = {
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
  resolve: list('resolve'),
  'connect-to': list('connectTo'),
  interface: text('interface'),
  proxy: text('proxy'),
  noproxy: text('noproxy'),
  'write-out': text('writeOut'),
  'dump-header': text('dumpHeader'),
  'retry-connrefused': flag('retryConnrefused'),
  'retry-all-errors': flag('retryAllErrors'),
  'url-query': list('urlQuery'),
  'request-target': text('requestTarget'),
  'no-progress-meter': flag('noProgress'),
  'no-buffer': flag('noBuffer'),
  'remote-name-all': flag('remoteNameAll'),
  'remote-header-name': flag('remoteHeaderName'),
  'progress-bar': flag('progressBar'),
  'proxy-user': text('proxyUser'),
  proxytunnel: flag('proxyTunnel'),
  'unix-socket': text('unixSocket'),
  'path-as-is': flag('pathAsIs'),
  'proto-default': text('protoDefault'),
  'cookie-jar': text('cookieJar'),
  cacert: text('cacert'),
  capath: text('capath'),
  cert: text('cert'),
  key: text('key'),
  'remove-on-error': flag('removeOnError'),
  'no-clobber': flag('noClobber'),
  'suppress-connect-headers': flag('suppressConnectHeaders'),
  'no-alpn': (o, _v, on) => {
    o.alpn = !on;
  },
  'abstract-unix-socket': (o, v) => {
    o.unixSocket = v;
    o.abstractSocket = true;
  },
  stderr: (_o, v, _on, _s, g) => {
    g.stderr = v;
  },
  'fail-early': (_o, _v, on, _s, g) => {
    g.failEarly = on;
  },
  parallel: (_o, _v, on, _s, g) => {
    g.parallel = on;
  },
  'styled-output': (_o, _v, on, _s, g) => {
    g.styled = on;
  },
  trace: (_o, v, _on, _s, g) => {
    g.trace = { file: v, kind: 'bin' };
  },
  'trace-ascii': (_o, v, _on, _s, g) => {
    g.trace = { file: v, kind: 'ascii' };
  },
  'trace-time': (_o, _v, on, _s, g) => {
    g.traceTime = on;
  },
  'max-filesize': (o, v, _on, s) => {
    o.maxFilesize = size(v, 'filesize', s);
  },
  'limit-rate': (o, v, _on, s) => {
    o.limitRate = size(v, 'rate', s);
  },
  'speed-limit': (o, v, _on, s) => {
    o.speedLimit = whole(v, s);
    if (o.speedTime === 0) o.speedTime = 30;
  },
  'speed-time': (o, v, _on, s) => {
    o.speedTime = whole(v, s);
    if (o.speedLimit === 0) o.speedLimit = 1;
  },
  'continue-at': (o, v, _on, s) => {
    o.resumeFrom = v === '-' ? 'auto' : whole(v, s);
  },
  range: (o, v, _on, _s, g) => {
    if (/[^\d,-]/.test(v))
      g.warnings += warning(
        "Invalid character is found in given range. A specified range MUST have only digits in 'start'-'stop'. The server's response to this request is uncertain.",
      );
    if (/^\d+$/.test(v)) {
      g.warnings += warning('A specified range MUST include at least one dash (-). Appending one for you!');
      o.range = `${v}-`;
    } else o.range = v;
  },
  'time-cond': (o, v, _on, _s, g) => {
    const at = Date.parse(v.replace(/^[-+=]/, ''));
    if (/^[-+=]?now$/i.test(v) || !Number.isNaN(at)) o.timeCond = v;
    else
      g.warnings += warning(
        'Illegal date format for -z, --time-cond (and not a file name). Disabling time condition. See curl_getdate(3) for valid date syntax.',
      );
  },
  proto: (o, v, _on, _s, g) => {
    o.protocols = protocols(o.protocols, v, g);
  },
  'tls-max': (o, v, _on, s) => {
    const at = { default: 13, '1.0': 10, '1.1': 11, '1.2': 12, '1.3': 13 }[v];
    if (at === undefined) throw new Bad(`option ${s}: is badly used here`);
    o.tlsMax = at;
  },
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
  form: (o, value, _on, s, g) => {
    if (!value.includes('=')) {
      g.warnings += warning('Illegally formatted input field!');
      throw new Bad(`option ${s}: is badly used here`);
    }
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
    else o.cookieFiles.push(v);
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
    o.httpGiven = true;
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
  'tlsv1',
  'disable',
  'happy-eyeballs-timeout-ms',
  'expect100-timeout',
  'no-sessionid',
  'anyauth',
  'junk-session-cookies',
  'ssl-reqd',
  'remote-time',
  'ciphers',
  'tls13-ciphers',
  'curves',
  'cert-type',
  'key-type',
  'pass',
  'no-npn',
  'proxy-basic',
  'http0.9',
  'form-escape',
  'tcp-fastopen',
  'create-file-mode',
  'ssl',
  'ssl-no-revoke',
  'false-start',
  'parallel-max',
  'parallel-immediate',
]) {
  SETTERS[name] = ignore;
}
for (const [name, version] of [
  ['tlsv1.0', 10],
  ['tlsv1.1', 11],
  ['tlsv1.2', 12],
  ['tlsv1.3', 13],
] as const) {
  SETTERS[name] = (o) => {
    o.tlsMin = Math.max(12, version);
  };
}
for (const name of ['dns-servers', 'dns-interface', 'dns-ipv4-addr', 'dns-ipv6-addr', 'http3', 'http3-only']) {
  SETTERS[name] = (_o, _v, _on, s) => {
    throw new Unsupported(`option ${s}: the installed libcurl version doesn't support this`);
  };
}
