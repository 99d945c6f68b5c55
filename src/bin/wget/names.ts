/** wget's URLs, file names and sizes. Models GNU Wget 1.21.3 url.c */

import { header, type ResponseHead } from '../curl/http.ts';
import type { Url } from '../curl/url.ts';
import type { WgetOptions } from './options.ts';

/** reencode_escapes(): what a URL may not hold as it is. */
export function escaped(given: string): string {
  const m = /^([a-z]+):(?!\/\/)(.*)$/i.exec(given);
  // Without slashes after it, `http:` is a host's name before an FTP path.
  const full = m && !/^\d+(\/|$)/.test(m[2] as string) ? `ftp://${m[1]}/${m[2]}` : given;
  return full.replace(/[ "<>\\^`{|}]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function whyBad(given: string): string {
  if (/:\/\/\[[^\]]*$/.test(given)) return 'Unterminated IPv6 numeric address';
  if (/:\/\/\[/.test(given)) return 'Invalid IPv6 numeric address';
  return /:\/\/[^/]*:[^/]/.test(given) ? 'Bad port number' : 'Invalid host name';
}

/** The file that a URL is saved in. */
export function fileName(o: WgetOptions, url: Url): string {
  const name = url.path.slice(url.path.lastIndexOf('/') + 1) || 'index.html';
  let whole = url.query === null ? name : `${name}?${url.query}`;
  if (o.directories) {
    const dirs = url.path.split('/').slice(1, -1).slice(o.cutDirs);
    whole = [...(o.hostDirectories ? [url.portGiven && url.port !== 80 ? `${url.host}:${url.port}` : url.host] : []), ...dirs, whole].join(
      '/',
    );
  }
  return o.prefix === null ? whole : `${o.prefix}/${whole}`;
}

export function grouped(n: number): string {
  const units = ['K', 'M', 'G'];
  let value = n;
  for (const unit of units) {
    value /= 1024;
    if (value < 1000 || unit === 'G') return value < 10 ? `${value.toFixed(1)}${unit}` : `${Math.round(value)}${unit}`;
  }
  return String(n);
}

/** `Length: 12 [text/plain]`. */
export function lengthLine(o: WgetOptions, h: ResponseHead): string {
  const n = o.ignoreLength ? null : header(h, 'Content-Length');
  const type = header(h, 'Content-Type')?.split(';')[0];
  const shown = (x: number): string => `${x}${x >= 1024 ? ` (${grouped(x)})` : ''}`;
  const whole = /^bytes \d+-\d+\/(\d+)$/.exec(header(h, 'Content-Range') ?? '')?.[1];
  const size =
    n === null
      ? o.ignoreLength
        ? 'ignored'
        : 'unspecified'
      : whole && h.status === 206
        ? `${shown(Number(whole))}, ${shown(Number(n))} remaining`
        : shown(Number(n));
  return `Length: ${size}${type ? ` [${type}]` : ''}\n`;
}
