/** Files, index, ranges, conditional requests, listings. Models ngx_http_static_module.c, ngx_http_autoindex_module.c, ngx_http_range_filter_module.c */

import type { Process } from '../../os/process.ts';
import { utf8 } from '../../wire/bytes.ts';
import { strftime } from '../strftime.ts';
import type { Location } from './model.ts';
import type { Reply } from './reply.ts';
import type { Request } from './request.ts';

export type FileResult = { reply: Reply } | { status: number; headers?: [string, string][]; error?: string } | { redirect: string };

/** The last few dates: nginx formats the time once a second, too. */
const dates = new Map<number, string>();

export function httpDate(seconds: number): string {
  let text = dates.get(seconds);
  if (text === undefined) {
    if (dates.size > 32) dates.clear();
    text = strftime('%a, %d %b %Y %H:%M:%S GMT', seconds);
    dates.set(seconds, text);
  }
  return text;
}

export function pathOf(l: Location, path: string): string {
  return l.alias === null ? l.root + path : l.alias + path.slice(l.path.length);
}

export function kindOf(p: Process, path: string): string | null {
  const s = p.stat(path.replace(/(.)\/$/, '$1'));
  return s.ok ? s.value.kind : null;
}

export function serveFile(p: Process, l: Location, r: Request, expand: (text: string) => string): FileResult {
  const at = (path: string): string => pathOf(l, path);
  if (!/^(GET|HEAD)$/.test(r.method)) return { status: 405 };
  if (r.path.endsWith('/')) {
    for (const n of l.index) {
      const name = expand(n);
      if (name.startsWith('/')) return { redirect: name };
      if (kindOf(p, at(r.path + name)) === 'file') return { redirect: r.path + name };
    }
    if (kindOf(p, at(r.path)) !== 'dir') return { status: 404, error: missing('', at(r.path)) };
    if (l.autoindex) return { reply: listing(p, at(r.path), r.path) };
    return { status: 403, error: `directory index of "${at(r.path)}" is forbidden` };
  }
  const path = at(r.path);
  if (kindOf(p, path) === 'dir') return { status: 301, headers: [['Location', `${r.path}/${r.args ? `?${r.args}` : ''}`]] };
  const stat = p.stat(path);
  const content = p.readFile(path);
  if (!stat.ok) return { status: 404, error: missing('open() ', path) };
  if (!content.ok) return { status: 403, error: `open() "${path}" failed (13: Permission denied)` };
  const modified = Math.floor((p.sim.epochMs * 1000 + stat.value.mtime) / 1e6);
  const etag = `"${modified.toString(16)}-${content.value.length.toString(16)}"`;
  const extension = /\.([^./]*)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const reply: Reply = {
    status: 200,
    reason: null,
    type: l.types.get(extension) ?? l.defaultType,
    body: content.value,
    close: false,
    length: Number.NaN,
    headers: [
      ['Last-Modified', httpDate(modified)],
      ['ETag', etag],
    ],
  };
  const none = r.headers.get('if-none-match');
  const since = r.headers.get('if-modified-since');
  if (none !== undefined ? none.split(/\s*,\s*/).some((t) => t === etag || t === `W/${etag}` || t === '*') : since === httpDate(modified))
    return { reply: { ...reply, status: 304, type: '', body: new Uint8Array(0) } };
  return ranged(reply, r);
}

function missing(call: string, path: string): string {
  return `${call}"${path}" failed (2: No such file or directory)`;
}

/** One range of bytes; several at once are answered with the whole. */
function ranged(reply: Reply, r: Request): FileResult {
  const size = reply.body.length;
  const m = /^bytes=(\d*)-(\d*)$/.exec(r.headers.get('range') ?? '');
  if (!m || (m[1] === '' && m[2] === '')) {
    reply.headers.push(['Accept-Ranges', 'bytes']);
    return { reply };
  }
  const start = m[1] === '' ? Math.max(0, size - Number(m[2])) : Number(m[1]);
  const end = m[1] === '' || m[2] === '' ? size : Math.min(size, Number(m[2]) + 1);
  if (start >= size || start >= end) return { status: 416, headers: [['Content-Range', `bytes */${size}`]] };
  reply.headers.push(['Content-Range', `bytes ${start}-${end - 1}/${size}`]);
  return { reply: { ...reply, status: 206, body: reply.body.subarray(start, end) } };
}

const NAME_WIDTH = 50;

function listing(p: Process, dir: string, path: string): Reply {
  const names = p.readdir(dir.replace(/(.)\/$/, '$1'));
  const rows = (names.ok ? [...names.value] : [])
    .filter((n) => !n.startsWith('.'))
    .map((name) => {
      const s = p.stat(`${dir.replace(/\/$/, '')}/${name}`);
      const folder = s.ok && s.value.kind === 'dir';
      return { name: folder ? `${name}/` : name, folder, size: s.ok ? s.value.size : 0, mtime: s.ok ? s.value.mtime : 0 };
    })
    .sort((a, b) => Number(b.folder) - Number(a.folder) || (a.name < b.name ? -1 : 1));
  const lines = rows.map((f) => {
    const shown = f.name.length > NAME_WIDTH ? `${f.name.slice(0, NAME_WIDTH - 3)}..&gt;` : f.name;
    const pad = ' '.repeat(Math.max(0, NAME_WIDTH - f.name.length));
    const when = strftime('%d-%b-%Y %H:%M', Math.floor((p.sim.epochMs * 1000 + f.mtime) / 1e6));
    return `<a href="${encodeURI(f.name)}">${shown}</a>${pad} ${when} ${(f.folder ? '-' : String(f.size)).padStart(19)}\r\n`;
  });
  const title = `Index of ${path}`;
  const html = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<h1>${title}</h1><hr><pre><a href="../">../</a>\r\n${lines.join('')}</pre><hr></body>\r\n</html>\r\n`;
  return { status: 200, reason: null, type: 'text/html', body: utf8(html), headers: [], close: false, length: Number.NaN, chunked: true };
}
