/** wget's command line. Models src/main.c of GNU Wget */

import { getopt, specs } from '../getopt.ts';

export interface WgetOptions {
  urls: string[];
  /** A file with further URLs. */
  inputFile: string | null;
  quiet: boolean;
  noVerbose: boolean;
  serverResponse: boolean;
  spider: boolean;
  output: string | null;
  log: { path: string; append: boolean } | null;
  prefix: string | null;
  noClobber: boolean;
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
  contentOnError: boolean;
  family: 4 | 6 | null;
  bind: string | null;
}

const SPECS = specs(
  'q.quiet v.verbose S.server-response .spider O:output-document o:output-file a:append-output P:directory-prefix t:tries T:timeout :connect-timeout ' +
    ':read-timeout :dns-timeout w:wait :waitretry :header :post-data :post-file :method :body-data :body-file U:user-agent :max-redirect .no-check-certificate ' +
    '.content-on-error 4.inet4-only 6.inet6-only V.version h.help .no-verbose .no-clobber :user :password :http-user :http-password .retry-connrefused n:nX ' +
    '.no-proxy .no-cache .no-dns-cache c.continue :progress .show-progress :bind-address .no-cookies :referer .random-wait .no-hsts .no-http-keep-alive :prefer-family ' +
    'r.recursive l:level k.convert-links m.mirror p.page-requisites N.timestamping i:input-file b.background d.debug x.force-directories E.adjust-extension K.backup-converted',
);

export type ParsedWget =
  | { ok: true; options: WgetOptions }
  | { ok: false; kind: 'usage'; text: string }
  | { ok: false; kind: 'help' | 'version' }
  | { ok: false; kind: 'error'; text: string };

const seconds = (text: string): number | null => {
  const m = /^(\d*\.?\d+)([smhd]?)$/.exec(text);
  if (!m) return null;
  return Number(m[1]) * ({ s: 1, m: 60, h: 3600, d: 86400 }[m[2] || 's'] as number);
};

export function parseWget(args: readonly string[]): ParsedWget {
  // -nv, -nc and friends are one option of two letters.
  const words = args.map((a) => (a === '-nv' ? '--no-verbose' : a === '-nc' ? '--no-clobber' : a));
  const g = getopt(words, SPECS);
  if (g.error) return { ok: false, kind: 'usage', text: `wget: ${g.error}\n` };
  const o: WgetOptions = {
    urls: [...g.operands],
    inputFile: null,
    quiet: false,
    noVerbose: false,
    serverResponse: false,
    spider: false,
    output: null,
    log: null,
    prefix: null,
    noClobber: false,
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
    contentOnError: false,
    family: null,
    bind: null,
  };
  for (const [key, value] of g.options) {
    const time = (apply: (n: number) => void): string | null => {
      const n = seconds(value);
      if (n === null) return `wget: --${key}: Invalid time period ‘${value}’\n`;
      apply(n);
      return null;
    };
    const count = (apply: (n: number) => void): string | null => {
      if (value === 'inf') apply(0);
      else if (!/^\d+$/.test(value)) return `wget: --${key}: Invalid number ‘${value}’.\n`;
      else apply(Number(value));
      return null;
    };
    let bad: string | null = null;
    switch (key) {
      case 'help':
      case 'version':
        return { ok: false, kind: key };
      case 'quiet':
        o.quiet = true;
        break;
      case 'no-verbose':
        o.noVerbose = true;
        break;
      case 'server-response':
        o.serverResponse = true;
        break;
      case 'spider':
        o.spider = true;
        break;
      case 'output-document':
        o.output = value;
        break;
      case 'output-file':
      case 'append-output':
        o.log = { path: value, append: key === 'append-output' };
        break;
      case 'directory-prefix':
        o.prefix = value;
        break;
      case 'no-clobber':
        o.noClobber = true;
        break;
      case 'tries':
        bad = count((n) => {
          o.tries = n === 0 ? Number.POSITIVE_INFINITY : n;
        });
        break;
      case 'timeout':
        bad = time((n) => {
          o.connectTimeout = n;
          o.readTimeout = n;
          o.dnsTimeout = n;
        });
        break;
      case 'connect-timeout':
        bad = time((n) => {
          o.connectTimeout = n;
        });
        break;
      case 'read-timeout':
        bad = time((n) => {
          o.readTimeout = n;
        });
        break;
      case 'dns-timeout':
        bad = time((n) => {
          o.dnsTimeout = n;
        });
        break;
      case 'wait':
        bad = time((n) => {
          o.wait = n;
        });
        break;
      case 'waitretry':
        bad = time((n) => {
          o.waitRetry = n;
        });
        break;
      case 'max-redirect':
        bad = count((n) => {
          o.maxRedirect = n;
        });
        break;
      case 'header':
        if (!/^[^:\s]+:/.test(value)) bad = `wget: --header: Invalid header ‘${value}’.\n`;
        o.headers.push(value);
        break;
      case 'post-data':
      case 'body-data':
        o.body = value;
        if (key === 'post-data') o.method = 'POST';
        break;
      case 'post-file':
      case 'body-file':
        o.bodyFile = value;
        if (key === 'post-file') o.method = 'POST';
        break;
      case 'method':
        o.method = value.toUpperCase();
        break;
      case 'user-agent':
        o.agent = value;
        break;
      case 'user':
      case 'http-user':
        o.user = value;
        break;
      case 'password':
      case 'http-password':
        o.password = value;
        break;
      case 'referer':
        o.headers.push(`Referer: ${value}`);
        break;
      case 'content-on-error':
        o.contentOnError = true;
        break;
      case 'retry-connrefused':
        o.retryRefused = true;
        break;
      case 'bind-address':
        o.bind = value;
        break;
      case 'inet4-only':
      case 'inet6-only':
        o.family = key === 'inet4-only' ? 4 : 6;
        break;
      case 'input-file':
        o.inputFile = value;
        break;
      case 'recursive':
      case 'level':
      case 'convert-links':
      case 'mirror':
      case 'page-requisites':
      case 'timestamping':
      case 'background':
      case 'continue':
      case 'nX':
        bad = `wget: --${key} is not emulated\n`;
        break;
      default:
        break;
    }
    if (bad) return { ok: false, kind: 'error', text: bad };
  }
  return { ok: true, options: o };
}
