/** nginx: command line, listening sockets, signals. Models src/core/nginx.c of nginx 1.22.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp } from '../../os/sockcalls.ts';
import { Threads } from '../../os/threads.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { errnoNumber, strerror } from '../../sim/errno.ts';
import { strftime } from '../sh/strftime.ts';
import { type Config, Emerg, readConfig } from './config.ts';
import { NGINX_FILES } from './files.ts';
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
  -e filename   : set error log file (default: /var/log/nginx/error.log)
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
  p.writeFile(errorLog, `${strftime('%Y/%m/%d %H:%M:%S', seconds)} [emerg] ${p.pid}#${p.pid}: ${text}\n`, { append: true });
}

function parseOptions(args: readonly string[]): Options | string | 'help' | 'version' {
  const o: Options = { config: '/etc/nginx/nginx.conf', directives: '', test: false, dump: false, quiet: false, signal: null };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith('-')) return `invalid option: "${arg}"`;
    for (let j = 1; j < arg.length; j++) {
      const c = arg[j] as string;
      if (c === '?' || c === 'h') return 'help';
      if (c === 'v' || c === 'V') return 'version';
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
function* bindAll(p: Process, config: Config): Task<TcpSocket[] | null> {
  const wanted = new Map(config.servers.flatMap((s) => s.listens).map((l) => [l.text, l]));
  const socks: TcpSocket[] = [];
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
        socks.push(sock);
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

function* run(p: Process, config: Config, o: Options, socks: readonly TcpSocket[]): Task<number> {
  p.writeFile(config.pid, `${p.pid}\n`);
  const http = new Http(p, config);
  for (const signal of ['TERM', 'INT', 'QUIT'] as const) {
    p.onSignal(signal, () => {
      http.stopping = true;
    });
  }
  p.onSignal('HUP', () => {
    try {
      http.config = readConfig(p, o.config, o.directives);
    } catch (e) {
      if (!(e instanceof Emerg)) throw e;
    }
  });
  p.onSignal('USR1', 'ignore');
  const threads = new Threads(p);
  for (const sock of socks) threads.start(listenOn(p, http, sock, threads));
  yield* threads.run();
  p.unlink(config.pid);
  return 0;
}

function* main(p: Process): Task<number> {
  const o = parseOptions(p.argv.slice(1));
  if (o === 'help' || o === 'version') {
    yield* p.err(o === 'help' ? HELP : `nginx version: ${SERVER}\n`);
    return 0;
  }
  if (typeof o === 'string') {
    yield* p.err(`nginx: ${o}\n`);
    return 1;
  }
  let config: Config;
  try {
    config = readConfig(p, o.config, o.directives);
  } catch (e) {
    if (!(e instanceof Emerg)) throw e;
    yield* p.err(`nginx: [emerg] ${e.message}\n`);
    if (o.test) yield* p.err(`nginx: configuration file ${o.config} test failed\n`);
    return 1;
  }
  if (o.test) {
    if (!o.quiet)
      yield* p.err(`nginx: the configuration file ${o.config} syntax is ok\nnginx: configuration file ${o.config} test is successful\n`);
    if (o.dump) for (const f of config.files) yield* p.out(`# configuration file ${f.path}:\n${f.text}\n`);
    return 0;
  }
  if (o.signal !== null) {
    const pid = Number((p.readText(config.pid) ?? '').trim());
    if (!pid) {
      yield* p.err(`nginx: [error] open() "${config.pid}" failed (2: No such file or directory)\n`);
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
