/** nginx's configuration as the server needs it: servers, locations, upstreams, scripts. Models src/http/ngx_http_core_module.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { type Config, fresh, type Location, type MapBlock, type Peer, type Server, type Upstream } from './model.ts';
import { parsePair } from './pair.ts';
import { ConfigParser, type Context, type Directive, Emerg } from './syntax.ts';
import { DEFAULT_FORMAT, type LogFormat, unknownVariable } from './variables.ts';

export { Emerg };

const at = (d: Directive): string => ` in ${d.file}:${d.line}`;

/** Seconds: `60`, `60s`, `5m`, `500ms`. */
function seconds(d: Directive, text: string): number {
  const m = /^(\d+)(ms|s|m|h|d)?$/.exec(text);
  if (!m) throw new Emerg(`"${d.name}" directive invalid value${at(d)}`);
  return Number(m[1]) * ({ ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 }[m[2] ?? 's'] as number);
}

function bytes(d: Directive, text: string): number {
  const m = /^(\d+)([kmg])?$/i.exec(text);
  if (!m) throw new Emerg(`"${d.name}" directive invalid value${at(d)}`);
  return Number(m[1]) * 1024 ** '_kmg'.indexOf((m[2] ?? '_').toLowerCase());
}

class Builder {
  readonly p: Process;
  readonly c: Config;
  private readonly formats = new Map<string, LogFormat>([['combined', DEFAULT_FORMAT]]);
  readonly types = new Map<string, string>();
  private readonly sets = new Set<string>();
  /** Texts with variables in them, checked once all are known. */
  private readonly texts: string[] = [];
  private readonly proxies: Location['proxy'][] = [];
  events = false;

  constructor(p: Process, c: Config) {
    this.p = p;
    this.c = c;
  }

  main(): Context {
    return {
      place: 'm',
      simple: (d) => {
        if (d.name === 'daemon') this.c.daemon = d.args[0] !== 'off';
        else if (d.name === 'error_log') this.c.errorLog = d.args[0] as string;
        else if (d.name === 'pid') this.c.pid = d.args[0] as string;
      },
      block: (d) => {
        if (d.name === 'http') return this.http();
        this.events = true;
        return { place: 'e', simple: () => {}, block: () => this.free(() => {}) };
      },
    };
  }

  private free(take: (d: Directive) => void): Context {
    return { place: 'T', simple: take, block: () => this.free(take) };
  }

  private http(): Context {
    const base = fresh(null, this.types);
    const pairs: [string | null, string | null] = [null, null];
    const tls = { protocols: [10, 11, 12, 13] };
    return {
      place: 'h',
      simple: (d) => {
        if (d.name === 'log_format') {
          const parts = d.args.slice(1).filter((a) => !a.startsWith('escape='));
          this.formats.set(d.args[0] as string, { text: parts.join('') });
          this.texts.push(parts.join(''));
        } else if (!this.tls(d, pairs, tls)) this.setting(base, d);
      },
      block: (d) => {
        if (d.name === 'server') return this.server(d, fresh(base, base.types), [...pairs], { ...tls });
        if (d.name === 'upstream') return this.upstream(d);
        if (d.name === 'map') return this.map(d);
        return this.typesBlock(base);
      },
      end: () => this.finish(),
    };
  }

  private tls(d: Directive, pair: [string | null, string | null], tls: { protocols: number[] }): boolean {
    if (d.name === 'ssl_certificate') pair[0] = d.args[0] as string;
    else if (d.name === 'ssl_certificate_key') pair[1] = d.args[0] as string;
    else if (d.name === 'ssl_protocols')
      tls.protocols = d.args.map((a) => ({ SSLv3: 3, TLSv1: 10, 'TLSv1.1': 11, 'TLSv1.2': 12, 'TLSv1.3': 13 })[a] ?? 0);
    else return /^ssl_/.test(d.name) && d.name !== 'ssl_reject_handshake';
    return true;
  }

  private typesBlock(l: Location): Context {
    const own = l.types === this.types && this.types.size === 0 ? this.types : new Map<string, string>();
    l.types = own;
    return this.free((d) => {
      for (const ext of d.args) own.set(ext, d.name);
    });
  }

  private map(d: Directive): Context {
    const m: MapBlock = { source: d.args[0] as string, fallback: '', entries: [] };
    this.c.maps.set((d.args[1] as string).replace(/^\$/, ''), m);
    this.texts.push(m.source);
    return this.free((x) => {
      const value = x.args[0] ?? '';
      if (x.name === 'default') m.fallback = value;
      else if (x.name !== 'hostnames' && x.name !== 'volatile') {
        const regex = /^~(\*?)(.*)$/.exec(x.name);
        m.entries.push({ key: x.name, regex: regex ? new RegExp(regex[2] as string, regex[1] ? 'i' : '') : null, value });
      }
    });
  }

  private upstream(d: Directive): Context {
    const u: Upstream = { name: d.args[0] as string, peers: [], method: 'round' };
    if (this.c.upstreams.has(u.name)) throw new Emerg(`duplicate upstream "${u.name}"${at(d)}`);
    this.c.upstreams.set(u.name, u);
    let servers = 0;
    return {
      place: 'u',
      simple: (x) => {
        if (x.name === 'least_conn') u.method = 'least';
        else if (x.name === 'ip_hash') u.method = 'hash';
        else if (x.name === 'server') {
          const options = new Map(x.args.slice(1).map((a) => a.split('=', 2) as [string, string | undefined]));
          for (const [key] of options)
            if (!['weight', 'max_fails', 'fail_timeout', 'backup', 'down', 'max_conns', 'resolve'].includes(key))
              throw new Emerg(`invalid parameter "${key}"${at(x)}`);
          servers++;
          const rest = {
            weight: Number(options.get('weight') ?? 1),
            maxFails: Number(options.get('max_fails') ?? 1),
            failTimeout: seconds(x, options.get('fail_timeout') ?? '10'),
            backup: options.has('backup'),
            down: options.has('down'),
          };
          const text = x.args[0] as string;
          this.pending.push({ text, d: x, what: text, add: (a) => u.peers.push({ ...a, ...rest }) });
        }
      },
      block: () => this.free(() => {}),
      end: () => {
        if (servers === 0) throw new Emerg(`no servers are inside upstream${at(d)}`);
      },
    };
  }

  /** Names are looked up once all is read. */
  private readonly pending: { text: string; d: Directive; what: string; add: (a: Pick<Peer, 'addr' | 'port' | 'shown'>) => void }[] = [];

  /** Addresses of `host:port` as they are known when nginx starts. */
  *resolveAll(): Task<void> {
    for (const { text, d, what, add } of this.pending) {
      const m = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text);
      const host = m?.[1] ?? m?.[2] ?? text;
      const r = yield* getaddrinfo(this.p, host, { addrConfig: parseIp(host) === null });
      if (!r.ok) throw new Emerg(`host not found in upstream "${what}"${at(d)}`);
      for (const addr of r.addrs)
        add({
          addr,
          port: Number(m?.[3] ?? 80),
          shown: `${typeof addr === 'bigint' ? `[${formatIp(addr)}]` : formatIp(addr)}:${m?.[3] ?? 80}`,
        });
    }
  }

  private server(d: Directive, base: Location, pair: [string | null, string | null], tls: { protocols: number[] }): Context {
    const server: Server = { listens: [], names: [''], base, pairs: [], protocols: [], reject: false, file: d.file, line: d.line };
    const own: [string | null, string | null][] = [];
    return {
      place: 's',
      simple: (x) => {
        if (x.name === 'listen') this.listen(server, x);
        else if (x.name === 'server_name')
          server.names = server.names[0] === '' && server.names.length === 1 ? [...x.args] : [...server.names, ...x.args];
        else if (x.name === 'ssl_certificate') own.push([x.args[0] as string, null]);
        else if (x.name === 'ssl_certificate_key') {
          const open = own.find((o) => o[1] === null) ?? own[own.push([null, null]) - 1];
          (open as [string | null, string | null])[1] = x.args[0] as string;
        } else if (x.name === 'ssl_reject_handshake') server.reject = x.args[0] === 'on';
        else if (!this.tls(x, pair, tls)) this.setting(base, x);
      },
      block: (x) => {
        if (x.name === 'location') return this.location(base, x);
        if (x.name === 'if') return this.ifBlock(base, x);
        return this.typesBlock(base);
      },
      end: () => {
        if (server.listens.length === 0) server.listens.push({ addr: 0, port: 80, text: '0.0.0.0:80', defaultServer: false, ssl: false });
        server.protocols = tls.protocols;
        const pairs = own.length > 0 ? own : [pair];
        if (server.listens.some((l) => l.ssl) && !server.reject) {
          for (const [certificate, key] of pairs) {
            if (certificate === null) throw new Emerg(`no "ssl_certificate" is defined for the "listen ... ssl" directive${at(d)}`);
            if (key === null) throw new Emerg(`no "ssl_certificate_key" is defined for certificate "${certificate}"`);
            const r = parsePair(this.p, certificate, key);
            if (typeof r === 'string') throw new Emerg(r);
            server.pairs.push(r);
          }
        }
        this.c.servers.push(server);
      },
    };
  }

  private listen(server: Server, d: Directive): void {
    const text = d.args[0] as string;
    const six = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
    const four = /^(?:(\d+)|([^:]+)(?::(.*))?)$/.exec(text);
    const host = six ? (six[1] as string) : (four?.[2] ?? '0.0.0.0').replace(/^\*$/, '0.0.0.0').replace(/^localhost$/, '127.0.0.1');
    const portText = six ? six[2] : (four?.[1] ?? four?.[3]);
    const where = ` of the "listen" directive${at(d)}`;
    const port = portText === undefined ? 80 : Number(portText);
    if (!/^\d+$/.test(portText ?? '80') || port < 1 || port > 65535) throw new Emerg(`invalid port in "${text}"${where}`);
    const addr = parseIp(host);
    if (addr === null) throw new Emerg(`host not found in "${text}"${where}`);
    const options = d.args.slice(1);
    for (const o of options)
      if (
        !/^(default_server|default|ssl|http2|reuseport|deferred|bind|proxy_protocol|(backlog|rcvbuf|sndbuf|ipv6only|so_keepalive|setfib|fastopen)=.*)$/.test(
          o,
        )
      )
        throw new Emerg(`invalid parameter "${o}"${at(d)}`);
    if (options.includes('proxy_protocol')) throw new Emerg(`"proxy_protocol" is not emulated${at(d)}`);
    const shown = `${six ? `[${host}]` : host}:${port}`;
    const isDefault = options.includes('default_server') || options.includes('default');
    const others = [...this.c.servers, server].flatMap((s) => s.listens).filter((l) => l.text === shown);
    if (server.listens.some((l) => l.text === shown)) throw new Emerg(`a duplicate listen ${shown}${at(d)}`);
    if (isDefault && others.some((l) => l.defaultServer)) throw new Emerg(`a duplicate default server for ${shown}${at(d)}`);
    server.listens.push({ addr, port, text: shown, defaultServer: isDefault, ssl: options.includes('ssl') });
  }

  private location(parent: Location, d: Directive): Context {
    const l = fresh(parent, parent.types);
    const [first, second] = d.args as [string, string | undefined];
    const joined = second === undefined ? /^(=|\^~|~\*|~|@)(.*)$/.exec(first) : null;
    if (second !== undefined) {
      if (!['=', '^~', '~', '~*'].includes(first)) throw new Emerg(`invalid location modifier "${first}"${at(d)}`);
      l.modifier = first as Location['modifier'];
      l.path = second;
    } else if (joined && joined[1] === '@') {
      l.modifier = '@';
      l.path = first;
    } else if (joined) {
      l.modifier = joined[1] as Location['modifier'];
      l.path = joined[2] as string;
    } else l.path = first;
    if (l.modifier === '~' || l.modifier === '~*') this.regex(l.path, '', d);
    if (
      parent.locations.some(
        (x) => x.path === l.path && (x.modifier === '=') === (l.modifier === '=') && !/~/.test(`${x.modifier}${l.modifier}`),
      )
    )
      throw new Emerg(`duplicate location "${l.path}"${at(d)}`);
    parent.locations.push(l);
    return this.inside(l, 'l');
  }

  private inside(l: Location, place: 'l' | 'i'): Context {
    return {
      place,
      simple: (x) => this.setting(l, x),
      block: (x) => {
        if (x.name === 'location') return this.location(l, x);
        if (x.name === 'if') return this.ifBlock(l, x);
        if (x.name === 'types') return this.typesBlock(l);
        throw new Emerg(`"${x.name}" directive is not emulated${at(x)}`);
      },
    };
  }

  private ifBlock(l: Location, d: Directive): Context {
    const text = d.args.join(' ');
    if (!text.startsWith('(')) throw new Emerg(`invalid condition "${d.args[0]}"${at(d)}`);
    if (!text.endsWith(')')) throw new Emerg(`invalid condition "${d.args.at(-1)}"${at(d)}`);
    const words = [...d.args];
    words[0] = (words[0] as string).slice(1);
    words[words.length - 1] = (words.at(-1) as string).slice(0, -1);
    const test = words.filter((w) => w !== '');
    if (test.length > 3) throw new Emerg(`invalid condition "${test[0]}"${at(d)}`);
    this.texts.push(...test);
    const inside = { ...fresh(l, l.types), modifier: l.modifier, path: l.path, alias: l.alias, proxy: l.proxy };
    l.steps.push({ kind: 'if', test, inside });
    return this.inside(inside, 'i');
  }

  private regex(text: string, flags: string, d: Directive): RegExp {
    try {
      return new RegExp(text, flags);
    } catch {
      throw new Emerg(`pcre2_compile() failed: syntax error in "${text}"${at(d)}`);
    }
  }

  private setting(l: Location, d: Directive): void {
    const [first = '', second = ''] = d.args;
    this.texts.push(...d.args.filter((a) => a.includes('$') && d.name !== 'rewrite'));
    const on = first === 'on';
    switch (d.name) {
      case 'root':
        l.root = first.replace(/\/$/, '');
        return;
      case 'alias':
        l.alias = first;
        return;
      case 'index':
        l.index = d.args;
        return;
      case 'try_files':
        l.tryFiles = d.args;
        return;
      case 'return': {
        const status = /^\d+$/.test(first) ? Number(first) : null;
        if (status === null && !/^https?:\/\/|^\$/.test(first)) throw new Emerg(`invalid return code "${first}"${at(d)}`);
        if (status !== null && status > 999) throw new Emerg(`invalid return code "${first}"${at(d)}`);
        l.steps.push({ kind: 'return', status: status ?? 302, text: status === null ? first : (d.args[1] ?? null) });
        return;
      }
      case 'rewrite': {
        const flag = d.args[2] ?? null;
        if (flag !== null && !['last', 'break', 'redirect', 'permanent'].includes(flag))
          throw new Emerg(`invalid parameter "${flag}"${at(d)}`);
        const outside = /^https?:\/\/|^\$scheme/.test(second) && flag === null ? 'redirect' : flag;
        l.steps.push({ kind: 'rewrite', pattern: this.regex(first, '', d), to: second, flag: outside as 'last' | null });
        return;
      }
      case 'set':
        if (!first.startsWith('$')) throw new Emerg(`invalid variable name "${first}"${at(d)}`);
        this.sets.add(first.slice(1));
        l.steps.push({ kind: 'set', name: first.slice(1), value: second });
        return;
      case 'break':
        l.steps.push({ kind: 'break' });
        return;
      case 'error_page': {
        const to = d.args.at(-1) as string;
        const codes = d.args.slice(0, -1);
        const as = codes.find((c) => c.startsWith('='));
        for (const c of codes) if (!/^(\d{3}|=\d*)$/.test(c)) throw new Emerg(`invalid value "${c}"${at(d)}`);
        const statuses = codes.filter((c) => !c.startsWith('=')).map(Number);
        l.errorPages = [...l.errorPages, { statuses, to, as: as === undefined ? null : Number(as.slice(1)) }];
        return;
      }
      case 'internal':
        l.internal = true;
        return;
      case 'allow':
      case 'deny':
        if (first !== 'all' && parseIp(first.split('/')[0] as string) === null) throw new Emerg(`invalid parameter "${first}"${at(d)}`);
        l.access = [...l.access, { allow: d.name === 'allow', net: first }];
        return;
      case 'autoindex':
        l.autoindex = on;
        return;
      case 'stub_status':
        l.stubStatus = true;
        return;
      case 'default_type':
        l.defaultType = first;
        return;
      case 'add_header':
        l.headers = [...l.headers, [first, second, d.args[2] === 'always']];
        return;
      case 'access_log':
        if (first === 'off') l.accessLog = null;
        else {
          const format = this.formats.get(d.args[1] ?? 'combined');
          if (!format) throw new Emerg(`unknown log format "${d.args[1]}"${at(d)}`);
          l.accessLog = [{ path: first, format }];
        }
        return;
      case 'server_tokens':
        l.tokens = first !== 'off';
        return;
      case 'client_max_body_size':
        l.maxBody = bytes(d, first);
        return;
      case 'proxy_pass':
        if (!/^https?:\/\/|^\$/.test(first)) throw new Emerg(`invalid URL prefix${at(d)}`);
        if (first.startsWith('https://')) throw new Emerg(`"proxy_pass https://" is not emulated${at(d)}`);
        l.proxy = { url: first, at: d };
        if (!first.includes('$')) this.proxies.push(l.proxy);
        return;
      case 'proxy_set_header':
        l.proxyHeaders = [...l.proxyHeaders, [first, second]];
        return;
      case 'proxy_http_version':
        l.proxyVersion = first;
        return;
      case 'proxy_connect_timeout':
        l.proxyTimeouts = { ...l.proxyTimeouts, connect: seconds(d, first) };
        return;
      case 'proxy_read_timeout':
        l.proxyTimeouts = { ...l.proxyTimeouts, read: seconds(d, first) };
        return;
      case 'proxy_intercept_errors':
        l.proxyIntercept = on;
        return;
      case 'proxy_redirect':
        l.proxyRedirect = first !== 'off';
        return;
      case 'proxy_hide_header':
        l.proxyHide = [...l.proxyHide, first.toLowerCase()];
        return;
      default:
    }
  }

  /** What can be checked only once all is read. */
  private finish(): void {
    for (const x of this.proxies) {
      const m = /^http:\/\/([^/?]+)/.exec(x?.url ?? '');
      const host = m?.[1] as string;
      if (x && !this.c.upstreams.has(host)) {
        const u: Upstream = { name: host, method: 'round', peers: [] };
        this.c.upstreams.set(host, u);
        const rest = { weight: 1, maxFails: 1, failTimeout: 10, backup: false, down: false };
        this.pending.push({ text: host, d: x.at, what: host.replace(/:\d+$/, ''), add: (a) => u.peers.push({ ...a, ...rest }) });
      }
    }
    for (const text of this.texts) {
      const name = unknownVariable(text, (n) => this.sets.has(n) || this.c.maps.has(n));
      if (name !== null) throw new Emerg(`unknown "${name}" variable`);
    }
    const seen = new Set<string>();
    for (const s of this.c.servers)
      for (const l of s.listens)
        for (const n of s.names) {
          const key = `${l.text} ${n.toLowerCase()}`;
          if (seen.has(key)) this.c.warnings.push(`conflicting server name "${n}" on ${l.text}, ignored`);
          seen.add(key);
        }
  }
}

/** `extra` is what -g gave: it counts as if it stood before the file. */
export function* readConfig(p: Process, path: string, extra: string): Task<Config> {
  const c: Config = {
    servers: [],
    upstreams: new Map(),
    maps: new Map(),
    errorLog: '/var/log/nginx/error.log',
    pid: '/run/nginx.pid',
    daemon: true,
    events: false,
    warnings: [],
    files: [],
  };
  const b = new Builder(p, c);
  const parser = new ConfigParser(p, path.slice(0, Math.max(1, path.lastIndexOf('/'))));
  parser.parse(extra, 'command line', b.main());
  parser.load(path, b.main(), null);
  c.files = parser.files;
  yield* b.resolveAll();
  c.events = b.events;
  return c;
}

/** Which location answers: exact, then the longest prefix with `^~`, then the first regular expression, then the longest prefix. */
export function chooseLocation(parent: Location, path: string): Location {
  const exact = parent.locations.find((l) => l.modifier === '=' && l.path === path);
  if (exact) return exact;
  const prefixes = parent.locations
    .filter((l) => (l.modifier === '' || l.modifier === '^~') && path.startsWith(l.path))
    .sort((a, b) => b.path.length - a.path.length);
  const best = prefixes[0];
  const nested = best && best.locations.length > 0 ? chooseLocation(best, path) : best;
  if (best?.modifier === '^~' || (nested && nested !== best && nested.modifier === '=')) return nested as Location;
  if (nested && nested !== best && /~/.test(nested.modifier)) return nested;
  const regex = parent.locations.find(
    (l) => (l.modifier === '~' || l.modifier === '~*') && new RegExp(l.path, l.modifier === '~*' ? 'i' : '').test(path),
  );
  return regex ?? nested ?? parent;
}
