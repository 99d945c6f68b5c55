/** postgres, pg_isready and psql: start-up, passwords and the simplest queries. Models the frontend/backend protocol 3.0 */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, recvTcp, sendTcp } from '../../../os/sockcalls.ts';
import type { TcpSocket } from '../../../os/uapi.ts';
import { strerror } from '../../../sim/errno.ts';
import { parseIp } from '../../../wire/addr.ts';
import { concat, put16, put32, text, u32, utf8 } from '../../../wire/bytes.ts';
import { acceptLoop, listenTcp } from './http.ts';

const VERSION = '18.0';
const PROTOCOL = 196_608;
const SSL_REQUEST = 80_877_103;
const MAX_MESSAGE = 1 << 20;

function message(type: string, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(5);
  head[0] = type.charCodeAt(0);
  put32(head, 1, body.length + 4);
  return concat([type === '' ? head.subarray(1) : head, body]);
}

const cstring = (s: string): Uint8Array => utf8(`${s}\0`);
const int32 = (n: number): Uint8Array => {
  const b = new Uint8Array(4);
  put32(b, 0, n >>> 0);
  return b;
};
const int16 = (n: number): Uint8Array => {
  const b = new Uint8Array(2);
  put16(b, 0, n & 0xffff);
  return b;
};

const failure = (severity: string, code: string, what: string): Uint8Array =>
  message(
    'E',
    concat([...['S', severity, 'V', severity, 'C', code, 'M', what].map((s, i) => (i % 2 ? cstring(s) : utf8(s))), Uint8Array.of(0)]),
  );

const ready = message('Z', utf8('I'));

/** Reads whole messages from a connection. */
class Messages {
  private readonly conn: TcpSocket;
  private buffer: Uint8Array = new Uint8Array(0);

  constructor(conn: TcpSocket) {
    this.conn = conn;
  }

  /** A message of `head` bytes before its length (0 at start-up, else 1); null when the other end went. */
  *next(head: 0 | 1): Task<{ type: string; body: Uint8Array } | null> {
    for (;;) {
      if (this.buffer.length >= head + 4) {
        const length = u32(this.buffer, head);
        if (length < 4 || length > MAX_MESSAGE) return null;
        if (this.buffer.length >= head + length) {
          const type = head === 1 ? String.fromCharCode(this.buffer[0] as number) : '';
          const body = this.buffer.slice(head + 4, head + length);
          this.buffer = this.buffer.slice(head + length);
          return { type, body };
        }
      }
      const r = yield* recvTcp(this.conn);
      if (!r.ok || r.value.length === 0) return null;
      this.buffer = concat([this.buffer, r.value]);
    }
  }
}

/** One column, one row. */
function row(column: string, value: string): Uint8Array {
  const field = concat([cstring(column), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]);
  const bytes = utf8(value);
  return concat([
    message('T', concat([int16(1), field])),
    message('D', concat([int16(1), int32(bytes.length), bytes])),
    message('C', cstring('SELECT 1')),
  ]);
}

function answer(p: Process, sql: string, user: string, database: string): Uint8Array {
  const q = sql.trim().replace(/;\s*$/, '');
  const number = /^select\s+(\d+)(?:\s+as\s+(\w+))?$/i.exec(q);
  if (number) return row(number[2] ?? '?column?', number[1] as string);
  if (/^select\s+version\(\)$/i.test(q))
    return row(
      'version',
      `PostgreSQL ${VERSION} (Debian ${VERSION}-1.pgdg12+3) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14+deb12u1) 12.2.0, 64-bit`,
    );
  if (/^select\s+now\(\)$/i.test(q))
    return row('now', new Date(p.sim.epochMs + p.sim.now / 1000).toISOString().replace('T', ' ').replace('Z', '+00'));
  if (/^select\s+current_user$/i.test(q)) return row('current_user', user);
  if (/^select\s+current_database\(\)$/i.test(q)) return row('current_database', database);
  if (/^select\s+inet_client_addr\(\)$/i.test(q)) return row('inet_client_addr', '');
  if (/^show\s+server_version$/i.test(q)) return row('server_version', VERSION);
  if (q === '') return message('I', new Uint8Array(0));
  return failure('ERROR', '0A000', `this query is not emulated: ${q.slice(0, 60)}`);
}

function* serve(p: Process, conn: TcpSocket): Task<void> {
  const messages = new Messages(conn);
  const send = (b: Uint8Array): Task<unknown> => sendTcp(conn, b);
  try {
    let first = yield* messages.next(0);
    if (first && u32(first.body, 0) === SSL_REQUEST) {
      yield* send(utf8('N'));
      first = yield* messages.next(0);
    }
    if (!first) return;
    if (u32(first.body, 0) !== PROTOCOL) {
      yield* send(
        failure(
          'FATAL',
          '0A000',
          `unsupported frontend protocol ${u32(first.body, 0) >>> 16}.${u32(first.body, 0) & 0xffff}: server supports 3.0 to 3.2`,
        ),
      );
      return;
    }
    const words = text(first.body.subarray(4)).split('\0');
    const parameter = (name: string): string | undefined => {
      const at = words.findIndex((w, i) => i % 2 === 0 && w === name);
      return at < 0 ? undefined : words[at + 1];
    };
    const user = parameter('user') ?? '';
    const database = parameter('database') || user;
    const owner = p.env.get('POSTGRES_USER') ?? 'postgres';
    const known = [p.env.get('POSTGRES_DB') ?? owner, 'postgres', 'template1'];
    const password = p.env.get('POSTGRES_PASSWORD') ?? '';
    if (p.env.get('POSTGRES_HOST_AUTH_METHOD') !== 'trust') {
      yield* send(message('R', int32(3)));
      const reply = yield* messages.next(1);
      if (!reply) return;
      if (user !== owner || text(reply.body).replace(/\0$/, '') !== password) {
        yield* p.err(`FATAL:  password authentication failed for user "${user}"\n`);
        yield* send(failure('FATAL', '28P01', `password authentication failed for user "${user}"`));
        return;
      }
    }
    if (!known.includes(database)) {
      yield* send(failure('FATAL', '3D000', `database "${database}" does not exist`));
      return;
    }
    const status = (k: string, v: string): Uint8Array => message('S', concat([cstring(k), cstring(v)]));
    yield* send(
      concat([
        message('R', int32(0)),
        status('server_version', VERSION),
        status('client_encoding', 'UTF8'),
        message('K', concat([int32(p.pid), int32(1)])),
        ready,
      ]),
    );
    for (;;) {
      const m = yield* messages.next(1);
      if (!m || m.type === 'X') return;
      if (m.type === 'Q') yield* send(concat([answer(p, text(m.body).replace(/\0$/, ''), user, database), ready]));
      else yield* send(concat([failure('ERROR', '0A000', 'the extended query protocol is not emulated'), ready]));
    }
  } finally {
    closeSocket(p, conn);
  }
}

export const postgres: Command = {
  name: 'postgres',
  path: '/usr/lib/postgresql/bin/postgres',
  *main(p) {
    const at = p.argv.indexOf('-p');
    const port = Number(at > 0 ? p.argv[at + 1] : (p.env.get('PGPORT') ?? 5432));
    const sock = listenTcp(p, port);
    if (typeof sock === 'string') {
      yield* p.err(`LOG:  could not bind IPv4 address "0.0.0.0": Address already in use\nFATAL:  could not create any TCP/IP sockets\n`);
      return 1;
    }
    yield* p.err(
      `LOG:  starting PostgreSQL ${VERSION}\nLOG:  listening on IPv4 address "0.0.0.0", port ${port}\nLOG:  listening on IPv6 address "::", port ${port}\nLOG:  database system is ready to accept connections\n`,
    );
    yield* acceptLoop(p, sock, (conn) => serve(p, conn));
    return 0;
  },
};

interface Target {
  host: string;
  port: number;
  user: string;
  database: string | null;
  command: string | null;
}

function target(p: Process): Target | string {
  const t: Target = {
    host: p.env.get('PGHOST') ?? 'localhost',
    port: Number(p.env.get('PGPORT') ?? 5432),
    user: p.env.get('PGUSER') ?? 'postgres',
    database: null,
    command: null,
  };
  for (let i = 1; i < p.argv.length; i++) {
    const a = p.argv[i] as string;
    if (a === '-h') t.host = p.argv[++i] ?? '';
    else if (a === '-p') t.port = Number(p.argv[++i]);
    else if (a === '-U') t.user = p.argv[++i] ?? '';
    else if (a === '-d') t.database = p.argv[++i] ?? '';
    else if (a === '-c') t.command = p.argv[++i] ?? '';
    else if (a === '-t') i++;
    else if (a.startsWith('-')) return `option ${a} is not emulated`;
    else t.database = a;
  }
  return t;
}

function* open(p: Process, t: Target): Task<TcpSocket | string> {
  const literal = parseIp(t.host);
  const found = literal === null ? yield* getaddrinfo(p, t.host) : null;
  if (found && !found.ok) return `could not translate host name "${t.host}" to address: ${gaiStrerror(found.error)}`;
  const addr = literal ?? found?.addrs[0] ?? 0;
  const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
  const c = yield* connectTcp(sock, addr, t.port, p.sim.now + 10e6);
  if (c.ok) return sock;
  closeSocket(p, sock);
  return `connection to server at "${t.host}", port ${t.port} failed: ${strerror(c.errno === 'EAGAIN' ? 'ETIMEDOUT' : c.errno)}\n\tIs the server running on that host and accepting TCP/IP connections?`;
}

export const pgIsready: Command = {
  name: 'pg_isready',
  *main(p) {
    const t = target(p);
    if (typeof t === 'string') {
      yield* p.err(`pg_isready: ${t}\n`);
      return 3;
    }
    const sock = yield* open(p, t);
    yield* p.out(`${t.host}:${t.port} - ${typeof sock === 'string' ? 'no response' : 'accepting connections'}\n`);
    if (typeof sock !== 'string') closeSocket(p, sock);
    return typeof sock === 'string' ? 2 : 0;
  },
};

function* query(p: Process, conn: TcpSocket, t: Target): Task<number> {
  const messages = new Messages(conn);
  const start = concat([
    int32(PROTOCOL),
    cstring('user'),
    cstring(t.user),
    cstring('database'),
    cstring(t.database ?? t.user),
    Uint8Array.of(0),
  ]);
  yield* sendTcp(conn, message('', start));
  let asked = false;
  let column = '';
  let bad = 0;
  for (;;) {
    const m = yield* messages.next(1);
    if (!m) return 2;
    if (m.type === 'R' && u32(m.body, 0) === 3) yield* sendTcp(conn, message('p', cstring(p.env.get('PGPASSWORD') ?? '')));
    else if (m.type === 'T') column = text(m.body.subarray(2)).split('\0')[0] as string;
    else if (m.type === 'D') {
      const value = text(m.body.subarray(6));
      const width = Math.max(column.length, value.length) + 2;
      const centred = `${' '.repeat(Math.floor((width - column.length) / 2))}${column}`;
      const shown = /^\d+$/.test(value) ? value.padStart(width - 1) : ` ${value}`;
      yield* p.out(`${centred.padEnd(width)}\n${'-'.repeat(width)}\n${shown}\n(1 row)\n\n`);
    } else if (m.type === 'E') {
      const fields = text(m.body).split('\0');
      const of = (k: string): string => fields.find((f) => f.startsWith(k))?.slice(1) ?? '';
      const fatal = of('S') === 'FATAL';
      yield* p.err(
        fatal ? `psql: error: connection to server at "${t.host}", port ${t.port} failed: FATAL:  ${of('M')}\n` : `ERROR:  ${of('M')}\n`,
      );
      if (fatal) return 2;
      bad = 1;
    } else if (m.type === 'Z') {
      if (asked) {
        yield* sendTcp(conn, message('X', new Uint8Array(0)));
        return bad;
      }
      asked = true;
      yield* sendTcp(conn, message('Q', cstring(t.command ?? '')));
    }
  }
}

export const psql: Command = {
  name: 'psql',
  *main(p) {
    const t = target(p);
    if (typeof t === 'string' || t.command === null) {
      yield* p.err(`psql: ${typeof t === 'string' ? t : 'without -c COMMAND it is not emulated'}\n`);
      return 1;
    }
    const sock = yield* open(p, t);
    if (typeof sock === 'string') {
      yield* p.err(`psql: error: ${sock}\n`);
      return 2;
    }
    const status = yield* query(p, sock, t);
    closeSocket(p, sock);
    return status;
  },
};
