/** nginx's configuration: blocks and directives to servers and locations. Models src/core/ngx_conf_file.c */

import type { Process } from '../../os/process.ts';
import { errnoNumber, strerror } from '../../sim/errno.ts';
import { parseIp } from '../../wire/addr.ts';

export interface Directive {
  name: string;
  args: string[];
  block: Directive[] | null;
  file: string;
  line: number;
}

/** `[emerg]` text: nginx does not start. */
export class Emerg extends Error {}

export interface Listen {
  addr: number | bigint;
  port: number;
  /** As it stands in messages: `0.0.0.0:80`. */
  text: string;
  defaultServer: boolean;
}

export interface Location {
  modifier: '' | '=' | '^~' | '~' | '~*';
  path: string;
  root: string;
  alias: string | null;
  index: string[];
  tryFiles: string[] | null;
  returns: { status: number; text: string } | null;
  proxy: string | null;
  headers: [string, string, boolean][];
  defaultType: string;
}

export interface Server {
  listens: Listen[];
  names: string[];
  base: Location;
  locations: Location[];
  accessLog: string | null;
}

export interface Config {
  servers: Server[];
  errorLog: string;
  pid: string;
  daemon: boolean;
  types: Map<string, string>;
  files: { path: string; text: string }[];
}

function* tokens(text: string, file: string): Generator<{ text: string; quoted: boolean; line: number }> {
  let line = 1;
  for (let i = 0; i < text.length; ) {
    const c = text[i] as string;
    if (c === '\n') line++;
    if (/\s/.test(c)) {
      i++;
    } else if (c === '#') {
      while (i < text.length && text[i] !== '\n') i++;
    } else if (c === '{' || c === '}' || c === ';') {
      yield { text: c, quoted: false, line };
      i++;
    } else if (c === '"' || c === "'") {
      let word = '';
      const from = line;
      i++;
      for (; i < text.length && text[i] !== c; i++) {
        if (text[i] === '\\' && (text[i + 1] === c || text[i + 1] === '\\')) i++;
        else if (text[i] === '\\' && text[i + 1] === 'n') {
          word += '\n';
          i++;
          continue;
        }
        if (text[i] === '\n') line++;
        word += text[i];
      }
      if (i >= text.length) throw new Emerg(`unexpected end of file, expecting ";" or "}" in ${file}:${from}`);
      i++;
      yield { text: word, quoted: true, line: from };
    } else {
      let word = '';
      while (i < text.length && !/[\s;]/.test(text[i] as string) && !(text[i] === '{' && text[i - 1] !== '$')) word += text[i++];
      yield { text: word, quoted: false, line };
    }
  }
}

function parseBlock(p: Process, text: string, file: string, files: Config['files']): Directive[] {
  const stack: Directive[][] = [[]];
  let words: string[] = [];
  let start = 1;
  let last = 1;
  for (const t of tokens(text, file)) {
    last = t.line;
    const top = stack.at(-1) as Directive[];
    if (!t.quoted && (t.text === ';' || t.text === '{')) {
      const [name, ...args] = words;
      if (name === undefined) throw new Emerg(`unexpected "${t.text}" in ${file}:${t.line}`);
      words = [];
      if (t.text === ';') {
        if (name === 'include') top.push(...include(p, args[0] ?? '', file, start, files));
        else top.push({ name, args, block: null, file, line: start });
      } else {
        const block: Directive[] = [];
        top.push({ name, args, block, file, line: start });
        stack.push(block);
      }
    } else if (!t.quoted && t.text === '}') {
      if (words.length > 0 || stack.length === 1) throw new Emerg(`unexpected "}" in ${file}:${t.line}`);
      stack.pop();
    } else {
      if (words.length === 0) start = t.line;
      words.push(t.text);
    }
  }
  if (stack.length > 1 || words.length > 0)
    throw new Emerg(
      `unexpected end of file, expecting ${stack.length > 1 && words.length === 0 ? '"}"' : '";" or "}"'} in ${file}:${last}`,
    );
  return stack[0] as Directive[];
}

function load(p: Process, path: string, files: Config['files'], from: string | null): Directive[] {
  const r = p.readFile(path);
  if (!r.ok)
    throw new Emerg(`open() "${path}" failed (${errnoNumber(r.errno)}: ${strerror(r.errno)})${from === null ? '' : ` in ${from}`}`);
  const text = new TextDecoder().decode(r.value);
  files.push({ path, text });
  return parseBlock(p, text, path, files);
}

function include(p: Process, pattern: string, file: string, line: number, files: Config['files']): Directive[] {
  const path = pattern.startsWith('/') ? pattern : `/etc/nginx/${pattern}`;
  if (!/[*?[]/.test(path)) return load(p, path, files, `${file}:${line}`);
  const dir = path.slice(0, path.lastIndexOf('/'));
  const glob = new RegExp(
    `^${path
      .slice(dir.length + 1)
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
  );
  const names = p.readdir(dir);
  if (!names.ok) return [];
  return names.value
    .filter((n) => !n.startsWith('.') && glob.test(n))
    .sort()
    .flatMap((n) => load(p, `${dir}/${n}`, files, `${file}:${line}`));
}

/** Directives that only tune performance, TLS or logs: read and without effect on what a client sees over HTTP here. */
const TUNING = new Set(
  (
    'user worker_processes worker_rlimit_nofile worker_connections multi_accept use sendfile tcp_nopush tcp_nodelay keepalive_timeout keepalive_requests types_hash_max_size ' +
    'server_tokens server_names_hash_bucket_size server_name_in_redirect ssl_protocols ssl_prefer_server_ciphers gzip gzip_vary gzip_proxied gzip_comp_level gzip_buffers ' +
    'gzip_http_version gzip_types log_format client_max_body_size client_body_timeout client_header_timeout send_timeout charset expires etag proxy_http_version ' +
    'proxy_set_header proxy_connect_timeout proxy_read_timeout proxy_send_timeout proxy_buffering master_process events access_log error_log pid daemon autoindex'
  ).split(' '),
);

const NOT_EMULATED = new Set(
  'upstream map geo split_clients if rewrite error_page fastcgi_pass uwsgi_pass grpc_pass auth_basic limit_req limit_req_zone limit_conn stream mail ssl_certificate ssl_certificate_key allow deny set'.split(
    ' ',
  ),
);

function unknown(d: Directive): Emerg {
  if (NOT_EMULATED.has(d.name)) return new Emerg(`"${d.name}" directive is not emulated in ${d.file}:${d.line}`);
  return new Emerg(`unknown directive "${d.name}" in ${d.file}:${d.line}`);
}

const newLocation = (parent: Location | null): Location => ({
  modifier: '',
  path: '/',
  root: parent?.root ?? '/usr/share/nginx/html',
  alias: null,
  index: parent?.index ?? ['index.html'],
  tryFiles: null,
  returns: null,
  proxy: null,
  headers: parent?.headers ?? [],
  defaultType: parent?.defaultType ?? 'text/plain',
});

/** True when the directive belongs to what a location may say. */
function locationDirective(l: Location, d: Directive): boolean {
  const first = d.args[0] ?? '';
  switch (d.name) {
    case 'root':
      l.root = first.replace(/\/$/, '');
      return true;
    case 'alias':
      l.alias = first;
      return true;
    case 'index':
      l.index = d.args;
      return true;
    case 'try_files':
      l.tryFiles = d.args;
      return true;
    case 'return':
      if (/^\d+$/.test(first)) l.returns = { status: Number(first), text: d.args[1] ?? '' };
      else l.returns = { status: 302, text: first };
      return true;
    case 'proxy_pass':
      l.proxy = first;
      return true;
    case 'add_header':
      l.headers = [...l.headers, [first, d.args[1] ?? '', d.args[2] === 'always']];
      return true;
    case 'default_type':
      l.defaultType = first;
      return true;
    default:
      return TUNING.has(d.name);
  }
}

function parseListen(d: Directive): Listen {
  const text = d.args[0] ?? '';
  const six = /^\[([^\]]*)\](?::(\d+))?$/.exec(text);
  const four = /^(?:(\d+\.\d+\.\d+\.\d+|\*|localhost))?:?(\d+)?$/.exec(text);
  const host = six ? (six[1] as string) : (four?.[1] ?? '0.0.0.0').replace('*', '0.0.0.0').replace('localhost', '127.0.0.1');
  const port = Number((six ? six[2] : four?.[2]) ?? 80);
  const addr = parseIp(host);
  if ((!six && !four) || addr === null) throw new Emerg(`host not found in "${text}" of the "listen" directive in ${d.file}:${d.line}`);
  if (port < 1 || port > 65535) throw new Emerg(`invalid port in "${text}" of the "listen" directive in ${d.file}:${d.line}`);
  if (d.args.includes('ssl')) throw new Emerg(`"listen ... ssl" is not emulated in ${d.file}:${d.line}`);
  return { addr, port, text: `${six ? `[${host}]` : host}:${port}`, defaultServer: d.args.includes('default_server') };
}

function parseServer(block: readonly Directive[], http: Location, accessLog: string | null): Server {
  const server: Server = { listens: [], names: [''], base: newLocation(http), locations: [], accessLog };
  for (const d of block) {
    if (d.name === 'listen') server.listens.push(parseListen(d));
    else if (d.name === 'server_name') server.names = d.args;
    else if (d.name === 'access_log') server.accessLog = d.args[0] === 'off' ? null : (d.args[0] ?? null);
    else if (d.name !== 'location' && !locationDirective(server.base, d)) throw unknown(d);
  }
  for (const d of block) {
    if (d.name !== 'location') continue;
    const l = newLocation(server.base);
    const [a, b] = d.args;
    if (b === undefined) l.path = a ?? '/';
    else {
      l.modifier = a as Location['modifier'];
      l.path = b;
    }
    for (const x of d.block ?? []) if (!locationDirective(l, x)) throw unknown(x);
    server.locations.push(l);
  }
  if (server.listens.length === 0) server.listens.push({ addr: 0, port: 80, text: '0.0.0.0:80', defaultServer: false });
  return server;
}

/** `extra` is what -g gave: it counts as if it stood before the file. */
export function readConfig(p: Process, path: string, extra: string): Config {
  const c: Config = { servers: [], errorLog: '/var/log/nginx/error.log', pid: '/run/nginx.pid', daemon: true, types: new Map(), files: [] };
  const top = [...parseBlock(p, extra, 'command line', []), ...load(p, path, c.files, null)];
  let events = false;
  for (const d of top) {
    if (d.name === 'daemon') c.daemon = d.args[0] !== 'off';
    else if (d.name === 'error_log') c.errorLog = d.args[0] ?? c.errorLog;
    else if (d.name === 'pid') c.pid = d.args[0] ?? c.pid;
    else if (d.name === 'events') events = true;
    else if (d.name === 'http') parseHttp(c, d.block ?? []);
    else if (!TUNING.has(d.name)) throw unknown(d);
  }
  if (!events) throw new Emerg('no "events" section in configuration');
  return c;
}

function parseHttp(c: Config, block: readonly Directive[]): void {
  const http = newLocation(null);
  let accessLog: string | null = '/var/log/nginx/access.log';
  for (const d of block) {
    if (d.name === 'types') for (const t of d.block ?? []) for (const ext of t.args) c.types.set(ext, t.name);
    else if (d.name === 'access_log') accessLog = d.args[0] === 'off' ? null : (d.args[0] ?? null);
    else if (d.name !== 'server' && !locationDirective(http, d)) throw unknown(d);
  }
  for (const d of block) if (d.name === 'server') c.servers.push(parseServer(d.block ?? [], http, accessLog));
}

/** Which location answers: exact, then the longest prefix with `^~`, then the first regular expression, then the longest prefix. */
export function chooseLocation(s: Server, path: string): Location {
  const exact = s.locations.find((l) => l.modifier === '=' && l.path === path);
  if (exact) return exact;
  const prefixes = s.locations
    .filter((l) => (l.modifier === '' || l.modifier === '^~') && path.startsWith(l.path))
    .sort((a, b) => b.path.length - a.path.length);
  if (prefixes[0]?.modifier === '^~') return prefixes[0];
  const regex = s.locations.find(
    (l) => (l.modifier === '~' || l.modifier === '~*') && new RegExp(l.path, l.modifier === '~*' ? 'i' : '').test(path),
  );
  return regex ?? prefixes[0] ?? s.base;
}
