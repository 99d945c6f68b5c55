/** What curl sends: the request's body and header lines. Models lib/http.c Curl_http() */

import type { Process } from '../../os/process.ts';
import { concat, utf8 } from '../../wire/bytes.ts';
import { bytesOf } from './http.ts';
import type { CurlOptions } from './options.ts';
import { hostHeader, type Url, urlText } from './url.ts';

export const USER_AGENT = 'curl/7.88.1';

export interface Body {
  bytes: Uint8Array;
  type: string | null;
  warnings: string;
  upload: boolean;
  /** Multipart: curl says when it has all been sent. */
  form?: boolean;
  /** Of unknown length: it goes in chunks. */
  chunked?: boolean;
}

function percentEncode(b: Uint8Array): string {
  return [...b]
    .map((c) =>
      /[A-Za-z0-9\-._~]/.test(String.fromCharCode(c))
        ? String.fromCharCode(c)
        : c === 32
          ? '+'
          : `%${c.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

/** All -d in order, joined with `&`; null when there is no body. */
export function makeBody(p: Process, o: CurlOptions): Body | null | string {
  let warnings = '';
  const load = (name: string): Uint8Array => {
    const r = name === '-' ? p.readFile('/dev/stdin') : p.readFile(name);
    if (r.ok) return r.value;
    warnings += `Warning: Couldn't read data from file "${name}", this makes an empty POST.\n`;
    return new Uint8Array(0);
  };
  if (o.upload !== null) {
    const r = p.readFile(o.upload === '-' || o.upload === '.' ? '/dev/stdin' : o.upload);
    return r.ok
      ? { bytes: r.value, type: null, warnings, upload: true, chunked: o.upload === '-' || o.upload === '.' }
      : `Can't open '${o.upload}'!`;
  }
  if (o.forms.length > 0) return formBody(p, o);
  if (o.data.length === 0) return null;
  const parts: Uint8Array[] = [];
  for (const [i, d] of o.data.entries()) {
    if (i > 0 && d.kind !== 'json') parts.push(utf8('&'));
    let bytes: Uint8Array;
    if (d.kind === 'urlencode') {
      const eq = d.value.search(/[=@]/);
      const name = eq > 0 ? d.value.slice(0, eq) : '';
      const rest = eq < 0 ? d.value : d.value.slice(eq + 1);
      const value = eq >= 0 && d.value[eq] === '@' ? load(rest) : utf8(rest);
      bytes = utf8(`${name ? `${name}=` : ''}${percentEncode(value)}`);
    } else if (d.kind !== 'raw' && d.value.startsWith('@')) {
      bytes = load(d.value.slice(1));
      if (d.kind === 'data') bytes = bytes.filter((c) => c !== 10 && c !== 13 && c !== 0);
    } else bytes = utf8(d.value);
    parts.push(bytes);
  }
  const json = o.data.some((d) => d.kind === 'json');
  return { bytes: concat(parts), type: json ? 'application/json' : 'application/x-www-form-urlencoded', warnings, upload: false };
}

export function methodOf(o: CurlOptions, body: Body | null): string {
  if (o.method !== null) return o.method;
  if (o.head) return 'HEAD';
  if (body?.upload) return 'PUT';
  return body ? 'POST' : 'GET';
}

export interface RequestText {
  head: string;
  /** Ask with `Expect: 100-continue` and wait for the answer before the body goes. */
  expect: boolean;
}

const EXPECT_THRESHOLD = 1024 * 1024;

export function requestHead(
  o: CurlOptions,
  url: Url,
  method: string,
  body: Body | null,
  auth: { server: string | null; proxy: string | null },
  viaProxy: boolean,
  cookies: readonly string[],
): RequestText {
  const custom = new Map<string, { name: string; value: string | null }>();
  const extra: string[] = [];
  const json = o.data.some((d) => d.kind === 'json');
  const given = json
    ? [
        ...o.headers,
        ...['Content-Type: application/json', 'Accept: application/json'].filter(
          (h) => !o.headers.some((x) => x.toLowerCase().startsWith(`${h.split(':')[0]?.toLowerCase()}:`)),
        ),
      ]
    : o.headers;
  for (const h of given) {
    const m = /^([^:;]+)([:;])(.*)$/.exec(h);
    if (!m) continue;
    const [, name, mark, rest] = m as unknown as [string, string, string, string];
    const key = name.toLowerCase();
    if (mark === ';') {
      if (rest.trim() === '') extra.push(`${name}:`);
    } else if (rest.trim() === '') custom.set(key, { name, value: null });
    else {
      custom.set(key, { name, value: rest.trim() });
      if (key !== 'host') extra.push(`${name}:${rest}`);
    }
  }
  const has = (key: string): boolean => custom.has(key);
  const version = o.http === '1.0' ? '1.0' : '1.1';
  const target =
    o.requestTarget ??
    (viaProxy ? urlText({ ...url, userText: '', fragment: '' }) : `${url.path}${url.query === null ? '' : `?${url.query}`}`);
  const lines = [`${method} ${target} HTTP/${version}`];
  const host = custom.get('host');
  if (host?.value) lines.push(`Host: ${host.value}`);
  else if (!host) lines.push(`Host: ${hostHeader(url)}`);
  if (auth.proxy !== null && !has('proxy-authorization')) lines.push(`Proxy-Authorization: ${auth.proxy}`);
  if (auth.server !== null && !has('authorization')) lines.push(`Authorization: ${auth.server}`);
  if (o.range !== null && !has('range')) lines.push(`Range: bytes=${o.range}`);
  if (!has('user-agent') && o.agent !== '') lines.push(`User-Agent: ${o.agent ?? USER_AGENT}`);
  if (!has('accept')) lines.push('Accept: */*');
  if (o.compressed && !has('accept-encoding')) lines.push('Accept-Encoding: deflate, gzip, br, zstd');
  if (o.referer !== null && !has('referer')) lines.push(`Referer: ${o.referer}`);
  if (viaProxy && !has('proxy-connection')) lines.push('Proxy-Connection: Keep-Alive');
  if (cookies.length > 0 && !has('cookie')) lines.push(`Cookie: ${cookies.join('; ')}`);
  if (o.http === '2') lines.push('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA');
  lines.push(...extra);
  let expect = false;
  if (body) {
    if (body.chunked && version === '1.1') lines.push('Transfer-Encoding: chunked');
    else if (!has('content-length')) lines.push(`Content-Length: ${body.bytes.length}`);
    if (body.type && !has('content-type')) lines.push(`Content-Type: ${body.type}`);
    const asked = custom.get('expect');
    expect =
      version === '1.1' &&
      (asked
        ? asked.value?.toLowerCase() === '100-continue'
        : body.bytes.length > 0 && (body.upload || body.bytes.length > EXPECT_THRESHOLD));
    if (expect && !asked) lines.push('Expect: 100-continue');
  }
  return { head: `${lines.join('\r\n')}\r\n\r\n`, expect };
}

export function base64(text: string): string {
  const abc = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const b = bytesOf(text);
  let out = '';
  for (let i = 0; i < b.length; i += 3) {
    const n = ((b[i] as number) << 16) | ((b[i + 1] ?? 0) << 8) | (b[i + 2] ?? 0);
    out += [18, 12, 6, 0].map((s, k) => (i + k - 1 < b.length || k < 2 ? abc[(n >> s) & 63] : '=')).join('');
  }
  return out;
}

const FILE_TYPES: Record<string, string> = {
  gif: 'image/gif',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain',
  htm: 'text/html',
  html: 'text/html',
  pdf: 'application/pdf',
  xml: 'application/xml',
};

/** multipart/form-data (RFC 7578). The text of the error when a file cannot be read. */
function formBody(p: Process, o: CurlOptions): Body | string {
  const rng = p.sim.rng('curl');
  const boundary = `------------------------${rng.u32().toString(16).padStart(8, '0')}${rng.u32().toString(16).padStart(8, '0')}`;
  const parts: Uint8Array[] = [];
  for (const { value, literal } of o.forms) {
    const eq = value.indexOf('=');
    const name = value.slice(0, Math.max(eq, 0));
    let content = value.slice(eq + 1);
    let head = `Content-Disposition: form-data; name="${name}"`;
    let bytes = utf8(content);
    if (!literal) {
      const [body, ...extras] = content.split(';') as [string, ...string[]];
      const extra = (key: string): string | undefined =>
        extras
          .find((x) => x.trim().startsWith(`${key}=`))
          ?.trim()
          .slice(key.length + 1);
      const type = extra('type');
      content = type !== undefined || extra('filename') !== undefined ? body : content;
      bytes = utf8(content);
      if (body.startsWith('@') || body.startsWith('<')) {
        const path = body.slice(1);
        const r = p.readFile(path === '-' ? '/dev/stdin' : path);
        if (!r.ok) return 'Failed to open/read local data from file/application';
        bytes = r.value;
        const shown = extra('filename') ?? path.slice(path.lastIndexOf('/') + 1);
        if (body.startsWith('@')) {
          head += `; filename="${shown}"\r\nContent-Type: ${type ?? FILE_TYPES[shown.slice(shown.lastIndexOf('.') + 1)] ?? 'application/octet-stream'}`;
        } else if (type) head += `\r\nContent-Type: ${type}`;
      } else if (type) head += `\r\nContent-Type: ${type}`;
    }
    parts.push(utf8(`--${boundary}\r\n${head}\r\n\r\n`), bytes, utf8('\r\n'));
  }
  parts.push(utf8(`--${boundary}--\r\n`));
  return { bytes: concat(parts), type: `multipart/form-data; boundary=${boundary}`, warnings: '', upload: false, form: true };
}
