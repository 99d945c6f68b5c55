/** nginx: command line, listening sockets, signals. Models src/core/nginx.c of nginx 1.22.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp } from '../../os/sockcalls.ts';
import { Threads } from '../../os/threads.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { errnoNumber, strerror } from '../../sim/errno.ts';
import { strftime } from '../strftime.ts';
import { Emerg, readConfig } from './config.ts';
import { NGINX_FILES } from './files.ts';
import type { Config } from './model.ts';
import { Http, SERVER } from './serve.ts';

const HELP = `nginx version: ${SERVER}
Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: /usr/share/nginx/)
  -e filename   : set error log file (default: stderr)
  -c filename   : set configuration file (default: /etc/nginx/nginx.conf)
  -g directives : set global directives out of configuration file

`;
const BACKLOG = 511;
const BIND_TRIES = 5;
const BIND_PAUSE = 500_000;
const SIGNALS = { stop: 'TERM', quit: 'QUIT', reopen: 'USR1', reload: 'HUP' } as const;

interface Options {
  config: string;
  directives: string;
  test: boolean;
  dump: boolean;
  quiet: boolean;
  signal: keyof typeof SIGNALS | null;
}

/** An [emerg] line on stderr and in the error log. */
function* complain(p: Process, text: string, errorLog: string): Task<void> {
  yield* p.err(`nginx: [emerg] ${text}\n`);
  const seconds = Math.floor((p.sim.epochMs * 1000 + p.sim.now) / 1e6);
  p.writeFile(errorLog, `${strftime('%Y/%m/%d %H:%M:%S', seconds)} [emerg] ${p.getpid()}#${p.getpid()}: ${text}\n`, { append: true });
}

/** Before its log is open nginx writes to standard error with the time, as this build's default log is standard error. */
function* early(p: Process, level: string, text: string): Task<void> {
  const seconds = Math.floor((p.sim.epochMs * 1000 + p.sim.now) / 1e6);
  yield* p.err(`${strftime('%Y/%m/%d %H:%M:%S', seconds)} [${level}] ${p.getpid()}#${p.getpid()}: ${text}\n`);
}

const BUILD = `built with OpenSSL 3.0.20 7 Apr 2026 (running with OpenSSL 3.0.19 27 Jan 2026)
TLS SNI support enabled
`;

function parseOptions(args: readonly string[]): Options | string | 'help' | 'version' | 'build' {
  const o: Options = { config: '/etc/nginx/nginx.conf', directives: '', test: false, dump: false, quiet: false, signal: null };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith('-')) return `invalid option: "${arg}"`;
    for (let j = 1; j < arg.length; j++) {
      const c = arg[j] as string;
      if (c === '?' || c === 'h') return 'help';
      if (c === 'v' || c === 'V') return c === 'v' ? 'version' : 'build';
      if (c === 't') o.test = true;
      else if (c === 'T') {
        o.test = true;
        o.dump = true;
      } else if (c === 'q') o.quiet = true;
      else if ('scgpe'.includes(c)) {
        const value = arg.length > j + 1 ? arg.slice(j + 1) : args[++i];
        if (value === undefined)
          return c === 's' ? 'option "-s" requires parameter' : `option "-${c}" requires ${c === 'g' ? 'parameter' : 'file name'}`;
        if (c === 's') {
          if (!(value in SIGNALS)) return `invalid option: "-s ${value}"`;
          o.signal = value as keyof typeof SIGNALS;
        } else if (c === 'c') o.config = value;
        else if (c === 'g') o.directives = /[;}]\s*$/.test(value) || value.trim() === '' ? value : `${value};`;
        break;
      } else return `invalid option: "${c}"`;
    }
  }
  return o;
}

/** Binds every listen address; null when one stays taken. */
function* bindAll(p: Process, config: Config, had: ReadonlySet<string> = new Set()): Task<Map<string, TcpSocket> | null> {
  const wanted = new Map(config.servers.flatMap((s) => s.listens).flatMap((l) => (had.has(l.text) ? [] : [[l.text, l] as const])));
  const socks = new Map<string, TcpSocket>();
  for (let attempt = 0; attempt < BIND_TRIES; attempt++) {
    let taken = false;
    for (const [text, l] of [...wanted]) {
      const sock = openTcp(p, typeof l.addr === 'number' ? 4 : 6);
      sock.opt.reuseAddr = true;
      sock.opt.v6only = true;
      const bound = sock.bind(l.addr, l.port);
      const listening = bound.ok ? sock.listen(BACKLOG) : bound;
      if (listening.ok) {
        wanted.delete(text);
        socks.set(text, sock);
        continue;
      }
      closeSocket(p, sock);
      yield* complain(
        p,
        `${bound.ok ? 'listen() to' : 'bind() to'} ${text}${bound.ok ? ', backlog 511' : ''} failed (${errnoNumber(listening.errno)}: ${strerror(listening.errno)})`,
        config.errorLog,
      );
      if (listening.errno !== 'EADDRINUSE') return null;
      taken = true;
    }
    if (!taken) return socks;
    yield* p.sleep(BIND_PAUSE);
  }
  yield* complain(p, 'still could not bind()', config.errorLog);
  return null;
}

function* listenOn(p: Process, http: Http, sock: TcpSocket, threads: Threads): Task<void> {
  while (!http.stopping) {
    const r = yield* acceptTcp(p, sock);
    if (r.ok) threads.start(http.connection(r.value));
    else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return;
  }
}

/** HUP: the new configuration when it is sound, its new addresses, without those that are gone. */
function* reload(p: Process, http: Http, o: Options, listening: Map<string, TcpSocket>, threads: Threads): Task<void> {
  try {
    const config = yield* readConfig(p, o.config, o.directives);
    const wanted = new Set(config.servers.flatMap((s) => s.listens).map((l) => l.text));
    const added = yield* bindAll(p, config, new Set(listening.keys()));
    if (!added) return;
    http.config = config;
    for (const [text, sock] of added) {
      listening.set(text, sock);
      threads.start(listenOn(p, http, sock, threads));
    }
    for (const [text, sock] of [...listening]) {
      if (wanted.has(text)) continue;
      listening.delete(text);
      closeSocket(p, sock);
    }
  } catch (e) {
    if (!(e instanceof Emerg)) throw e;
    yield* complain(p, e.message, http.config.errorLog);
  }
}

function* run(p: Process, config: Config, o: Options, socks: ReadonlyMap<string, TcpSocket>): Task<number> {
  p.writeFile(config.pid, `${p.getpid()}\n`);
  const http = new Http(p, config);
  for (const signal of ['TERM', 'INT', 'QUIT'] as const) {
    p.onSignal(signal, () => {
      http.stopping = true;
    });
  }
  p.onSignal('USR1', 'ignore');
  const threads = new Threads(p);
  const listening = new Map(socks);
  for (const sock of socks.values()) threads.start(listenOn(p, http, sock, threads));
  p.onSignal('HUP', () => threads.start(reload(p, http, o, listening, threads)));
  yield* threads.run();
  p.unlink(config.pid);
  return 0;
}

function* main(p: Process): Task<number> {
  const o = parseOptions(p.argv.slice(1));
  if (o === 'help' || o === 'version' || o === 'build') {
    yield* p.err(o === 'help' ? HELP : `nginx version: ${SERVER}\n${o === 'build' ? BUILD : ''}`);
    return 0;
  }
  if (typeof o === 'string') {
    yield* p.err(`nginx: ${o}\n`);
    return 1;
  }
  let config: Config;
  try {
    config = yield* readConfig(p, o.config, o.directives);
    for (const w of config.warnings) yield* early(p, 'warn', w);
    const ok = `nginx: the configuration file ${o.config} syntax is ok\n`;
    if (o.test && !o.quiet) yield* p.err(ok);
    if (!config.events) throw new Emerg('no "events" section in configuration');
  } catch (e) {
    if (!(e instanceof Emerg)) throw e;
    yield* early(p, 'emerg', e.message);
    if (o.test) yield* p.err(`nginx: configuration file ${o.config} test failed\n`);
    return 1;
  }
  if (o.test) {
    if (!o.quiet) yield* p.err(`nginx: configuration file ${o.config} test is successful\n`);
    if (o.dump) for (const f of config.files) yield* p.out(`# configuration file ${f.path}:\n${f.text}\n`);
    return 0;
  }
  if (o.signal !== null) {
    yield* early(p, 'notice', 'signal process started');
    const pid = Number((p.readText(config.pid) ?? '').trim());
    if (!pid) {
      yield* early(p, 'error', `open() "${config.pid}" failed (2: No such file or directory)`);
      return 1;
    }
    const sent = p.kill(pid, SIGNALS[o.signal]);
    if (sent.ok) return 0;
    yield* p.err(`nginx: [alert] kill(${pid}, ${SIGNALS[o.signal]}) failed (${errnoNumber(sent.errno)}: ${strerror(sent.errno)})\n`);
    return 1;
  }
  const socks = yield* bindAll(p, config);
  if (!socks) return 1;
  if (!config.daemon) return yield* run(p, config, o, socks);
  const child = p.fork((c) => run(c, config, o, socks), { newSession: true });
  return child.ok ? 0 : 1;
}

export const nginx: Command = { name: 'nginx', main, path: '/usr/sbin/nginx', files: NGINX_FILES };
