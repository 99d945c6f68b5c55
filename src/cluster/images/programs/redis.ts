/** redis-server and redis-cli: the protocol and the everyday commands. Models RESP2 and redis' command table in small */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, recvTcp, sendTcp } from '../../../os/sockcalls.ts';
import type { TcpSocket } from '../../../os/uapi.ts';
import { strerror } from '../../../sim/errno.ts';
import { parseIp } from '../../../wire/addr.ts';
import { text, utf8 } from '../../../wire/bytes.ts';
import { acceptLoop, listenTcp } from './http.ts';

type Value = string | number | null | Value[] | { readonly error: string } | { readonly simple: string };

interface Database {
  readonly values: Map<string, { value: string; until: number | null }>;
  readonly password: string | null;
  connections: number;
}

const MAX_KEYS = 100_000;
const MAX_REQUEST = 1 << 20;

function emit(v: Value): string {
  if (v === null) return '$-1\r\n';
  if (typeof v === 'number') return `:${v}\r\n`;
  if (typeof v === 'string') return `$${utf8(v).length}\r\n${v}\r\n`;
  if (Array.isArray(v)) return `*${v.length}\r\n${v.map(emit).join('')}`;
  return 'error' in v ? `-${v.error}\r\n` : `+${v.simple}\r\n`;
}

const OK = { simple: 'OK' } as const;
const wrongCount = (name: string): Value => ({ error: `ERR wrong number of arguments for '${name.toLowerCase()}' command` });

/** One request from the front of `s`; null when it is not whole yet; false when it is none. */
function parseRequest(s: string): { args: string[]; rest: string } | null | false {
  if (!s.startsWith('*')) {
    const end = s.indexOf('\n');
    return end < 0
      ? null
      : {
          args: s
            .slice(0, end)
            .trim()
            .split(/\s+/)
            .filter((w) => w !== ''),
          rest: s.slice(end + 1),
        };
  }
  let at = s.indexOf('\r\n');
  if (at < 0) return null;
  const n = Number(s.slice(1, at));
  if (!(n >= 0 && n < 1024)) return false;
  at += 2;
  const args: string[] = [];
  for (let i = 0; i < n; i++) {
    const end = s.indexOf('\r\n', at);
    if (end < 0) return null;
    if (s[at] !== '$') return false;
    const length = Number(s.slice(at + 1, end));
    if (!(length >= 0 && length < MAX_REQUEST)) return false;
    if (s.length < end + 2 + length + 2) return null;
    args.push(s.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return { args, rest: s.slice(at) };
}

function execute(p: Process, db: Database, args: readonly string[]): Value {
  const [name = '', ...a] = args;
  const now = p.sim.now;
  const live = (key: string): string | null => {
    const e = db.values.get(key);
    if (e && e.until !== null && e.until <= now) db.values.delete(key);
    return db.values.get(key)?.value ?? null;
  };
  const [key = '', value = ''] = a;
  switch (name.toUpperCase()) {
    case 'PING':
      return a.length > 0 ? key : { simple: 'PONG' };
    case 'ECHO':
      return a.length === 1 ? key : wrongCount(name);
    case 'SET': {
      if (a.length < 2) return wrongCount(name);
      if (db.values.size >= MAX_KEYS && !db.values.has(key)) return { error: "OOM command not allowed when used memory > 'maxmemory'." };
      const ex = a[2]?.toUpperCase() === 'EX' ? Number(a[3]) : a[2]?.toUpperCase() === 'PX' ? Number(a[3]) / 1000 : null;
      db.values.set(key, { value, until: ex === null ? null : now + ex * 1e6 });
      return OK;
    }
    case 'GET':
      return a.length === 1 ? live(key) : wrongCount(name);
    case 'DEL':
      return a.filter((k) => live(k) !== null && db.values.delete(k)).length;
    case 'EXISTS':
      return a.filter((k) => live(k) !== null).length;
    case 'INCR':
    case 'DECR': {
      const old = live(key) ?? '0';
      if (!/^-?\d+$/.test(old)) return { error: 'ERR value is not an integer or out of range' };
      const next = Number(old) + (name.toUpperCase() === 'INCR' ? 1 : -1);
      db.values.set(key, { value: String(next), until: db.values.get(key)?.until ?? null });
      return next;
    }
    case 'TTL': {
      if (live(key) === null) return -2;
      const until = db.values.get(key)?.until ?? null;
      return until === null ? -1 : Math.ceil((until - now) / 1e6);
    }
    case 'EXPIRE': {
      const e = live(key) === null ? undefined : db.values.get(key);
      if (!e) return 0;
      e.until = now + Number(value) * 1e6;
      return 1;
    }
    case 'KEYS':
      return [...db.values.keys()].filter((k) => live(k) !== null && (key === '*' || k === key)).sort();
    case 'DBSIZE':
      return db.values.size;
    case 'FLUSHALL':
    case 'FLUSHDB':
      db.values.clear();
      return OK;
    case 'SELECT':
    case 'CLIENT':
      return OK;
    case 'COMMAND':
      return [];
    case 'INFO':
      return `# Server\r\nredis_version:8.2.2\r\nredis_mode:standalone\r\ntcp_port:6379\r\n\r\n# Clients\r\nconnected_clients:${db.connections}\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n`;
    default:
      return { error: `ERR unknown command '${name}', with args beginning with: ${a.map((x) => `'${x}' `).join('')}` };
  }
}

function* serve(p: Process, db: Database, conn: TcpSocket): Task<void> {
  let pending = '';
  let admitted = db.password === null;
  db.connections++;
  try {
    for (;;) {
      const r = yield* recvTcp(conn);
      if (!r.ok || r.value.length === 0) return;
      pending += text(r.value);
      if (pending.length > MAX_REQUEST) return;
      for (;;) {
        const q = parseRequest(pending);
        if (q === null) break;
        if (q === false) {
          yield* sendTcp(conn, utf8('-ERR Protocol error\r\n'));
          return;
        }
        pending = q.rest;
        if (q.args.length === 0) continue;
        const name = (q.args[0] as string).toUpperCase();
        let reply: Value;
        if (name === 'AUTH') {
          admitted = db.password !== null && q.args.at(-1) === db.password;
          reply = admitted
            ? OK
            : {
                error:
                  db.password === null
                    ? 'ERR AUTH <password> called without any password configured for the default user.'
                    : 'WRONGPASS invalid username-password pair or user is disabled.',
              };
        } else reply = name === 'QUIT' ? OK : admitted ? execute(p, db, q.args) : { error: 'NOAUTH Authentication required.' };
        if (!(yield* sendTcp(conn, utf8(emit(reply)))).ok || name === 'QUIT') return;
      }
    }
  } finally {
    db.connections--;
    closeSocket(p, conn);
  }
}

export const redisServer: Command = {
  name: 'redis-server',
  path: '/usr/local/bin/redis-server',
  *main(p) {
    const at = (flag: string): string | undefined => (p.argv.includes(flag) ? p.argv[p.argv.indexOf(flag) + 1] : undefined);
    const port = Number(at('--port') ?? 6379);
    const sock = listenTcp(p, port);
    if (typeof sock === 'string') {
      yield* p.out(`# Warning: Could not create server TCP listening socket *:${port}: bind: Address already in use\n`);
      return 1;
    }
    yield* p.out(`* Running mode=standalone, port=${port}.\n* Ready to accept connections tcp\n`);
    const db: Database = { values: new Map(), password: at('--requirepass') ?? null, connections: 0 };
    yield* acceptLoop(p, sock, (conn) => serve(p, db, conn));
    return 0;
  },
};

/** As redis-cli prints to a pipe: bare values. */
function printed(s: string): { out: string; rest: string } | null {
  const end = s.indexOf('\r\n');
  if (end < 0) return null;
  const line = s.slice(1, end);
  if (s[0] === '+' || s[0] === ':') return { out: `${line}\n`, rest: s.slice(end + 2) };
  if (s[0] === '-') return { out: `${line}\n\n`, rest: s.slice(end + 2) };
  if (s[0] === '$') {
    const n = Number(line);
    if (n < 0) return { out: '\n', rest: s.slice(end + 2) };
    if (s.length < end + 2 + n + 2) return null;
    return { out: `${s.slice(end + 2, end + 2 + n)}\n`, rest: s.slice(end + 4 + n) };
  }
  let rest = s.slice(end + 2);
  let out = '';
  for (let i = 0; i < Number(line); i++) {
    const r = printed(rest);
    if (!r) return null;
    out += r.out;
    rest = r.rest;
  }
  return { out: out === '' ? '\n' : out, rest };
}

export const redisCli: Command = {
  name: 'redis-cli',
  path: '/usr/local/bin/redis-cli',
  *main(p) {
    let host = '127.0.0.1';
    let port = 6379;
    let password: string | null = null;
    let i = 1;
    for (; i < p.argv.length && (p.argv[i] as string).startsWith('-'); i++) {
      const flag = p.argv[i];
      if (flag === '-h') host = p.argv[++i] ?? '';
      else if (flag === '-p') port = Number(p.argv[++i]);
      else if (flag === '-a') password = p.argv[++i] ?? '';
      else if (flag !== '--no-auth-warning') {
        yield* p.err(`Unrecognized option or bad number of args for: '${flag}'\n`);
        return 1;
      }
    }
    const command = p.argv.slice(i);
    if (command.length === 0) {
      yield* p.err('redis-cli: without a command it is not emulated\n');
      return 1;
    }
    const literal = parseIp(host);
    const found = literal === null ? yield* getaddrinfo(p, host) : null;
    if (found && !found.ok) {
      yield* p.err(`Could not connect to Redis at ${host}:${port}: ${gaiStrerror(found.error)}\n`);
      return 1;
    }
    const addr = literal ?? found?.addrs[0] ?? 0;
    const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
    const c = yield* connectTcp(sock, addr, port);
    if (!c.ok) {
      yield* p.err(`Could not connect to Redis at ${host}:${port}: ${strerror(c.errno)}\n`);
      return 1;
    }
    const requests = [...(password === null ? [] : [['AUTH', password]]), command];
    let got = '';
    for (const [n, request] of requests.entries()) {
      yield* sendTcp(sock, utf8(emit(request)));
      for (;;) {
        const r = printed(got);
        if (r) {
          got = r.rest;
          if (n === requests.length - 1) yield* p.out(r.out);
          break;
        }
        const more = yield* recvTcp(sock);
        if (!more.ok || more.value.length === 0) {
          yield* p.err('Error: Server closed the connection\n');
          return 1;
        }
        got += text(more.value);
      }
    }
    closeSocket(p, sock);
    return 0;
  },
};
