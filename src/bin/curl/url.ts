/** URLs as libcurl's lib/urlapi.c reads them, and curl's {a,b} and [1-3] ranges. */

import { formatIp6, parseIp6 } from '../../wire/addr.ts';

export interface Url {
  scheme: string;
  user: string | null;
  /** Without brackets. */
  host: string;
  v6: boolean;
  port: number;
  portGiven: boolean;
  /** Begins with a slash; without the query. */
  path: string;
  query: string | null;
  /** `user:password@` as it was written, and `#…`: they stay in the URL that is shown. */
  userText: string;
  fragment: string;
}

export const PORTS: Record<string, number> = {
  http: 80,
  https: 443,
  ftp: 21,
  ftps: 990,
  telnet: 23,
  gopher: 70,
  gophers: 70,
  dict: 2628,
  ldap: 389,
  ldaps: 636,
  smtp: 25,
  smtps: 465,
  imap: 143,
  imaps: 993,
  pop3: 110,
  pop3s: 995,
  mqtt: 1883,
  rtsp: 554,
  rtmp: 1935,
  scp: 22,
  sftp: 22,
  smb: 445,
  smbs: 445,
  tftp: 69,
};

/** Protocols that this build knows. */
export const KNOWN: readonly string[] = [
  'dict',
  'file',
  'ftp',
  'ftps',
  'gopher',
  'gophers',
  'http',
  'https',
  'imap',
  'imaps',
  'ldap',
  'ldaps',
  'mqtt',
  'pop3',
  'pop3s',
  'rtmp',
  'rtsp',
  'scp',
  'sftp',
  'smb',
  'smbs',
  'smtp',
  'smtps',
  'telnet',
  'tftp',
];

export type UrlResult = { ok: true; url: Url } | { ok: false; code: number; message: string };

const MALFORMED = { ok: false, code: 3, message: 'URL using bad/illegal format or missing URL' } as const;

export interface UrlHints {
  /** The scheme of a URL without one. */
  scheme?: string | null;
  /** --path-as-is. */
  asIs?: boolean;
}

export function parseUrl(text: string, hints: UrlHints = {}): UrlResult {
  if (text === '' || /[\s\x00-\x1f\x7f]/.test(text)) return MALFORMED;
  const m = /^([A-Za-z][A-Za-z0-9+.-]*):\/{1,3}(?!\/)(.*)$/.exec(text);
  let scheme = m ? (m[1] as string).toLowerCase() : (hints.scheme ?? 'http');
  const whole = m ? (m[2] as string) : text;
  const rest = whole.replace(/#.*$/, '');
  if (m && !KNOWN.includes(scheme)) return { ok: false, code: 1, message: `Protocol "${m[1]}" not supported or disabled in libcurl` };
  if (scheme === 'file' && m) return fileUrl(text, rest);
  const cut = rest.search(/[/?]/);
  let authority = cut < 0 ? rest : rest.slice(0, cut);
  const tail = cut < 0 ? '' : rest.slice(cut);
  let user: string | null = null;
  let userText = '';
  const at = authority.lastIndexOf('@');
  if (at >= 0) {
    user = decode(authority.slice(0, at));
    userText = authority.slice(0, at + 1);
    authority = authority.slice(at + 1);
  }
  let host: string;
  let portText: string | undefined;
  const six = /^\[([^\]]*)\](?::(.*))?$/.exec(authority);
  if (six) {
    const a = parseIp6((six[1] as string).replace(/%.*$/, ''));
    if (a === null) return MALFORMED;
    host = formatIp6(a);
    portText = six[2];
  } else {
    const colon = authority.indexOf(':');
    host = colon < 0 ? authority : authority.slice(0, colon);
    portText = colon < 0 ? undefined : authority.slice(colon + 1);
    if (host === '' || /[[\]<>^`{|}"\\]/.test(host)) return MALFORMED;
  }
  if (!m && host.toLowerCase().startsWith('ftp.')) scheme = 'ftp';
  if (portText !== undefined && portText !== '' && (!/^\d+$/.test(portText) || Number(portText) > 65535)) return MALFORMED;
  const q = tail.indexOf('?');
  const path = q < 0 ? tail : tail.slice(0, q);
  return {
    ok: true,
    url: {
      scheme,
      user,
      host,
      v6: six !== null,
      port: portText ? Number(portText) : (PORTS[scheme] ?? 80),
      portGiven: !!portText,
      path: hints.asIs ? path || '/' : removeDots(path === '' ? '/' : path),
      query: q < 0 ? null : tail.slice(q + 1),
      userText,
      fragment: whole.slice(rest.length),
    },
  };
}

/** file:///path; a host may be named only when it is this one. */
function fileUrl(text: string, rest: string): UrlResult {
  const path = decode(/^file:\/\/\//i.test(text) ? `/${rest}` : rest.replace(/^(localhost|127\.0\.0\.1)?(?=\/)/, ''));
  if (!path.startsWith('/')) return MALFORMED;
  return {
    ok: true,
    url: { scheme: 'file', user: null, host: '', v6: false, port: 0, portGiven: false, path, query: null, userText: '', fragment: '' },
  };
}

function decode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, h: string) => String.fromCharCode(Number.parseInt(h, 16)));
}

/** RFC 3986 5.2.4. */
function removeDots(path: string): string {
  const out: string[] = [];
  const parts = path.split('/').slice(1);
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    if (part === '..') {
      out.pop();
      if (last) out.push('');
    } else if (part === '.') {
      if (last) out.push('');
    } else out.push(part);
  }
  return `/${out.join('/')}`;
}

export function hostText(u: Url): string {
  return u.v6 ? `[${u.host}]` : u.host;
}

/** As the Host header has it: the port only when it is not the scheme's own. */
export function hostHeader(u: Url): string {
  return u.port === PORTS[u.scheme] ? hostText(u) : `${hostText(u)}:${u.port}`;
}

export function urlText(u: Url): string {
  return `${u.scheme}://${u.userText}${hostText(u)}${u.portGiven ? `:${u.port}` : ''}${u.path}${u.query === null ? '' : `?${u.query}`}${u.fragment}`;
}

/** A Location header's value against the URL it came from. */
export function joinUrl(base: Url, location: string): string {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(location)) return location;
  const root = `${base.scheme}://${hostText(base)}${base.portGiven ? `:${base.port}` : ''}`;
  if (location.startsWith('//')) return `${base.scheme}:${location}`;
  if (location.startsWith('/')) return root + location;
  if (location.startsWith('?')) return root + base.path + location;
  return `${root}${base.path.slice(0, base.path.lastIndexOf('/') + 1)}${location}`;
}
