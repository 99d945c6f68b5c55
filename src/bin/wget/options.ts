/** wget's command line. Models src/main.c and src/init.c of GNU Wget */

import { getopt, type OptionSpec, specs } from '../getopt.ts';

/** Dots of a progress: bytes a dot, dots a group, dots a line. */
export interface DotStyle {
  bytes: number;
  cluster: number;
  line: number;
}

const DOT_STYLES: Readonly<Record<string, DotStyle>> = {
  default: { bytes: 1024, cluster: 10, line: 50 },
  binary: { bytes: 8192, cluster: 16, line: 48 },
  mega: { bytes: 65_536, cluster: 8, line: 48 },
  giga: { bytes: 1_048_576, cluster: 8, line: 32 },
};

export interface WgetOptions {
  urls: string[];
  /** A file with further URLs, and what they are relative to. */
  inputFile: string | null;
  base: string | null;
  quiet: boolean;
  noVerbose: boolean;
  debug: boolean;
  serverResponse: boolean;
  saveHeaders: boolean;
  spider: boolean;
  output: string | null;
  log: { path: string; append: boolean } | null;
  prefix: string | null;
  /** -x, and -nH that leaves the host's name out; --cut-dirs. */
  directories: boolean;
  hostDirectories: boolean;
  cutDirs: number;
  noClobber: boolean;
  continue: boolean;
  startPos: number | null;
  timestamping: boolean;
  tries: number;
  /** Seconds; 0 is none. */
  connectTimeout: number;
  readTimeout: number;
  dnsTimeout: number;
  wait: number;
  waitRetry: number;
  retryRefused: boolean;
  maxRedirect: number;
  headers: string[];
  method: string | null;
  body: string | null;
  bodyFile: string | null;
  agent: string;
  user: string | null;
  password: string;
  /** Credentials go with the first request. */
  noChallenge: boolean;
  keepAlive: boolean;
  ignoreLength: boolean;
  contentOnError: boolean;
  family: 4 | 6 | null;
  bind: string | null;
  /** Bytes a second; 0 is no limit. */
  limitRate: number;
  /** Rates are in bits a second. */
  bits: boolean;
  dots: DotStyle;
  proxy: boolean;
  httpProxy: string | null;
  checkCertificate: boolean;
  caCertificate: string | null;
  /** The lowest version offered, 10 to 13; null leaves it to GnuTLS. */
  tlsMin: number | null;
}

const PROTOCOLS: Readonly<Record<string, number | null>> = { auto: null, tlsv1: 10, tlsv1_1: 11, tlsv1_2: 12, tlsv1_3: 13 };

const SPECS = specs(
  '.accept-regex :dns-servers .adjust-extension a:append-output .ask-password .auth-no-challenge b.background .backup-converted .backups B:base :bind-address :body-data ' +
    ':body-file :ca-certificate :ca-directory .cache :certificate :certificate-type .check-certificate :ciphers .clobber :compression :config :connect-timeout c.continue ' +
    'k.convert-links .convert-file-only .content-disposition .content-on-error .cookies :crl-file :cut-dirs d.debug :default-page .delete-after .directories P:directory-prefix ' +
    '.dns-cache :dns-timeout D:domains :domains :egd-file e:execute :exclude-domains .follow-ftp .force-directories F.force-html .ftp-stmlf h.help .host-directories .hsts ' +
    ':hsts-file .htmlify .http-keep-alive :http-passwd :http-password .https-only :http-user .ignore-case .ignore-length :ignore-tags .input-metalink i:input-file .iri ' +
    '.keep-badhash .keep-session-cookies l:level :limit-rate :load-cookies :local-encoding :rejected-log :max-redirect :method m.mirror .no-config .no-parent O:output-document ' +
    'o:output-file p.page-requisites :password :post-data :post-file :prefer-family :preferred-location :private-key :private-key-type :progress .show-progress .protocol-directories ' +
    '.proxy :proxy-password :proxy-user q.quiet Q:quota .random-wait :random-file :read-timeout r.recursive :referer :reject-regex .relative :remote-encoding :report-speed ' +
    '.retry-connrefused :retry-on-http-error .retry-on-host-error .save-cookies .save-headers :secure-protocol S.server-response .span-hosts .spider :start-pos .strict-comments ' +
    'T:timeout N.timestamping .use-server-timestamps t:tries .unlink .trust-server-names U:user-agent :user V.version v.verbose w:wait :waitretry .warc-cdx .xattr :header ' +
    '4.inet4-only 6.inet6-only x.force-directories E.adjust-extension K.backup-converted H.span-hosts L.relative A:accept R:reject I:include-directories X:exclude-directories',
);

/** What may be negated as --no-X. */
const NEGATIVE = (
  'cache check-certificate clobber cookies directories dns-cache host-directories http-keep-alive hsts iri parent proxy verbose config use-server-timestamps ' +
  'protocol-directories netrc glob passive-ftp remove-listing warc-compression warc-digests warc-keep-log if-modified-since auth-no-challenge'
).split(' ');

/** Each name once, with its letter where it has one. */
const ALL: readonly OptionSpec[] = [...SPECS, ...NEGATIVE.map((n): OptionSpec => ({ long: `no-${n}`, arg: 'none' }))].filter(
  (s, i, all) => all.findIndex((t) => t.long === s.long && (t.short !== undefined || !all.some((u) => u.long === s.long && u.short))) === i,
);

/** The two-letter options that begin with n. */
const NO: Readonly<Record<string, string>> = {
  v: 'no-verbose',
  c: 'no-clobber',
  d: 'no-directories',
  H: 'no-host-directories',
  p: 'no-parent',
};

/** Commands of wgetrc whose names differ from the options'. */
const RC_NAMES: Readonly<Record<string, string>> = {
  dirprefix: 'directoryprefix',
  input: 'inputfile',
  logfile: 'outputfile',
  numtries: 'tries',
  reclevel: 'level',
  httppasswd: 'httppassword',
  htmlextension: 'adjustextension',
};
/** Commands without an option. Models commands[] of init.c */
const RC_ONLY = new Set(
  (
    'addhostdir alwaysrest certificatetype chooseconfig dirstruct dotbytes dotsinline dotspacing dotstyle excludedomains followtags ftppasswd ftppassword ' +
    'ftpproxy ftpuser glob httpsproxy includedirectories login metalinkindex metalinkoverhttp netrc noproxy passiveftp passwd pinnedpubkey ' +
    'preservepermissions proxypasswd regextype relativeonly removelisting restrictfilenames retrsymlinks robots showalldnsentries simplehostcheck ' +
    'sslcertfile sslcertkey timestamping trustservernames useaskpass'
  ).split(' '),
);

export type ParsedWget =
  | { ok: true; options: WgetOptions }
  | { ok: false; kind: 'usage'; text: string }
  | { ok: false; kind: 'help' | 'version' }
  | { ok: false; kind: 'error'; text: string; code: number };

const seconds = (text: string): number | null => {
  const m = /^(\d*\.?\d+)([smhd]?)$/.exec(text);
  if (!m) return null;
  return Number(m[1]) * ({ s: 1, m: 60, h: 3600, d: 86400 }[m[2] || 's'] as number);
};

const bytes = (text: string): number | null => {
  const m = /^(\d*\.?\d+)([kmgt]?)$/i.exec(text);
  if (!m) return null;
  return Math.floor(Number(m[1]) * 1024 ** '_kmgt'.indexOf((m[2] || '_').toLowerCase()));
};

const initial = (): WgetOptions => ({
  urls: [],
  inputFile: null,
  base: null,
  quiet: false,
  noVerbose: false,
  debug: false,
  serverResponse: false,
  saveHeaders: false,
  spider: false,
  output: null,
  log: null,
  prefix: null,
  directories: false,
  hostDirectories: true,
  cutDirs: 0,
  noClobber: false,
  continue: false,
  startPos: null,
  timestamping: false,
  tries: 20,
  connectTimeout: 0,
  readTimeout: 900,
  dnsTimeout: 0,
  wait: 0,
  waitRetry: 10,
  retryRefused: false,
  maxRedirect: 20,
  headers: [],
  method: null,
  body: null,
  bodyFile: null,
  agent: 'Wget/1.21.3',
  user: null,
  password: '',
  noChallenge: false,
  keepAlive: true,
  ignoreLength: false,
  contentOnError: false,
  family: null,
  bind: null,
  limitRate: 0,
  bits: false,
  dots: DOT_STYLES.default as DotStyle,
  proxy: true,
  httpProxy: null,
  checkCertificate: true,
  caCertificate: null,
  tlsMin: null,
});

class Bad extends Error {
  readonly code: number;
  constructor(text: string, code = 2) {
    super(text);
    this.code = code;
  }
}

type Setter = (o: WgetOptions, value: string, key: string) => void;

const flag =
  (key: { [K in keyof WgetOptions]: WgetOptions[K] extends boolean ? K : never }[keyof WgetOptions], on = true): Setter =>
  (o) => {
    o[key] = on;
  };
const text =
  (key: { [K in keyof WgetOptions]: WgetOptions[K] extends string | null ? K : never }[keyof WgetOptions]): Setter =>
  (o, v) => {
    (o as unknown as Record<string, string>)[key] = v;
  };
const time =
  (...keys: ('connectTimeout' | 'readTimeout' | 'dnsTimeout' | 'wait' | 'waitRetry')[]): Setter =>
  (o, v, name) => {
    const n = seconds(v);
    if (n === null) throw new Bad(`wget: --${name}: Invalid time period ‘${v}’\n`);
    for (const k of keys) o[k] = n;
  };
/** atoi(): what is no number counts as 0. */
const number = (v: string): number => Number(/^\d+/.exec(v)?.[0] ?? 0);
const post = (o: WgetOptions): void => {
  o.method = 'POST';
};

const SETTERS: Readonly<Record<string, Setter>> = {
  quiet: flag('quiet'),
  'no-verbose': flag('noVerbose'),
  debug: flag('debug'),
  'server-response': flag('serverResponse'),
  'save-headers': flag('saveHeaders'),
  spider: flag('spider'),
  'output-document': text('output'),
  'output-file': (o, path) => {
    o.log = { path, append: false };
  },
  'append-output': (o, path) => {
    o.log = { path, append: true };
  },
  'directory-prefix': text('prefix'),
  'force-directories': flag('directories'),
  'no-directories': flag('directories', false),
  'no-host-directories': flag('hostDirectories', false),
  'cut-dirs': (o, v) => {
    o.cutDirs = number(v);
  },
  'no-clobber': flag('noClobber'),
  continue: flag('continue'),
  'start-pos': (o, v, key) => {
    o.startPos = bytes(v);
    if (o.startPos === null) throw new Bad(`wget: --${key}: Invalid byte value ‘${v}’\n`);
  },
  timestamping: flag('timestamping'),
  tries: (o, v) => {
    const n = v === 'inf' ? 0 : number(v);
    o.tries = n === 0 ? Number.POSITIVE_INFINITY : n;
  },
  timeout: time('connectTimeout', 'readTimeout', 'dnsTimeout'),
  'connect-timeout': time('connectTimeout'),
  'read-timeout': time('readTimeout'),
  'dns-timeout': time('dnsTimeout'),
  wait: time('wait'),
  waitretry: time('waitRetry'),
  'max-redirect': (o, v) => {
    o.maxRedirect = number(v);
  },
  header: (o, v, key) => {
    if (v === '') o.headers = [];
    else if (!/^[^:\s]+:/.test(v)) throw new Bad(`wget: --${key}: Invalid header ‘${v}’.\n`);
    else o.headers.push(v);
  },
  'post-data': (o, v) => {
    o.body = v;
    post(o);
  },
  'post-file': (o, v) => {
    o.bodyFile = v;
    post(o);
  },
  'body-data': text('body'),
  'body-file': text('bodyFile'),
  method: (o, v) => {
    o.method = v.toUpperCase();
  },
  'user-agent': text('agent'),
  user: text('user'),
  'http-user': text('user'),
  password: text('password'),
  'http-password': text('password'),
  'http-passwd': text('password'),
  'auth-no-challenge': flag('noChallenge'),
  referer: (o, v) => {
    o.headers.push(`Referer: ${v}`);
  },
  'no-http-keep-alive': flag('keepAlive', false),
  'ignore-length': flag('ignoreLength'),
  'content-on-error': flag('contentOnError'),
  'retry-connrefused': flag('retryRefused'),
  'bind-address': text('bind'),
  'inet4-only': (o) => {
    o.family = 4;
  },
  'inet6-only': (o) => {
    o.family = 6;
  },
  'input-file': text('inputFile'),
  base: text('base'),
  'limit-rate': (o, v, key) => {
    const n = bytes(v);
    if (n === null) throw new Bad(`wget: --${key}: Invalid byte value ‘${v}’\n`);
    o.limitRate = n;
  },
  'report-speed': (o, v, key) => {
    if (v !== 'bits') throw new Bad(`wget: --${key}: Invalid value ‘${v}’.\n`);
    o.bits = true;
  },
  progress: (o, v, key) => {
    const [kind, style] = v.split(':') as [string, string | undefined];
    if (kind !== 'dot' && kind !== 'bar') throw new Bad(`wget: --${key}: Invalid progress type ‘${v}’.\n`);
    if (kind === 'dot') o.dots = DOT_STYLES[style ?? 'default'] ?? (DOT_STYLES.default as DotStyle);
  },
  'no-proxy': flag('proxy', false),
  'no-check-certificate': flag('checkCertificate', false),
  'ca-certificate': text('caCertificate'),
  'secure-protocol': (o, v, key) => {
    const min = PROTOCOLS[v.toLowerCase()];
    if (min === undefined)
      throw new Bad(/^(sslv[23]|pfs)$/i.test(v) ? `wget: --${key}=${v} is not emulated\n` : `wget: --${key}: Invalid value ‘${v}’.\n`);
    o.tlsMin = min;
  },
  execute: (o, v) => {
    const m = /^\s*([\w-]+)\s*=\s*(.*)$/.exec(v);
    const name = m?.[1]?.replace(/[-_]/g, '').toLowerCase();
    const value = m?.[2] ?? '';
    if (name === 'httpproxy') o.httpProxy = value;
    else if (name === 'useproxy') o.proxy = /^(on|yes|1)$/i.test(value);
    else {
      const plain = RC_NAMES[name ?? ''] ?? name;
      const same = (k: string | undefined): boolean => k?.replace(/-/g, '') === plain;
      const key = Object.keys(SETTERS).find(same);
      const spec = ALL.find((s) => same(s.long));
      if ((!key && !spec && !RC_ONLY.has(plain ?? '')) || name === 'execute') throw new Bad(`wget: Invalid --execute command ‘${v}’\n`);
      const on = /^(on|yes|1)$/i.test(value);
      const negated = spec && SETTERS[`no-${spec.long}`];
      if (key && (spec?.arg === 'required' || on)) (SETTERS[key] as Setter)(o, value, key);
      else if (negated && !on) negated(o, '', `no-${spec.long}`);
    }
  },
};

const NOT_EMULATED = new Set(
  (
    'recursive level convert-links mirror page-requisites background adjust-extension load-cookies save-cookies accept reject ' +
    'span-hosts delete-after warc-cdx input-metalink compression content-disposition ask-password backups ca-directory ciphers ' +
    'crl-file private-key force-html rejected-log xattr retry-on-host-error trust-server-names retry-on-http-error random-wait proxy-user ' +
    'proxy-password'
  ).split(' '),
);

export function parseWget(args: readonly string[]): ParsedWget {
  // -nv, -nc and friends are one option of two letters.
  const words = args.flatMap((a) => {
    const m = /^-n([vcdHp]+)$/.exec(a);
    return m ? [...(m[1] as string)].map((c) => `--${NO[c]}`) : [a];
  });
  const g = getopt(words, ALL);
  if (g.error) return { ok: false, kind: 'usage', text: `wget: ${g.error}\n` };
  const o = initial();
  o.urls = [...g.operands];
  try {
    for (const [key, value] of g.options) {
      if (key === 'help' || key === 'version') return { ok: false, kind: key };
      if (NOT_EMULATED.has(key)) throw new Bad(`wget: --${key} is not emulated\n`);
      SETTERS[key]?.(o, value, key);
    }
    const posted = g.options.some(([k]) => k === 'post-data' || k === 'post-file');
    const methods = g.options.some(([k]) => k === 'method');
    if (posted && methods)
      throw new Bad(
        'You cannot use --post-data or --post-file along with --method. --method expects data through --body-data and --body-file options\n',
        1,
      );
    if ((o.body !== null || o.bodyFile !== null) && o.method === null)
      throw new Bad('You must specify a method through --method=HTTPMethod to use with --body-data or --body-file.\n', 1);
  } catch (e) {
    if (e instanceof Bad) return { ok: false, kind: 'error', text: e.message, code: e.code };
    throw e;
  }
  return { ok: true, options: o };
}
