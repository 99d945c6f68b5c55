/** nc -x: a connection through an HTTP or SOCKS proxy. Models socks.c of OpenBSD netcat */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { recvTcp, sendTcp } from '../../os/sockcalls.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { type IpAddr, parseIp, parseIp6 } from '../../wire/addr.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import { base64 } from '../curl/request.ts';
import { remoteConnect } from './connect.ts';
import type { NcOptions } from './options.ts';

const DEFAULT_PORT = { 4: 1080, 5: 1080, connect: 3128 } as const;
const MAX_LINE = 1024;

function* exactly(sock: TcpSocket, n: number): Task<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  for (let left = n; left > 0; ) {
    const r = yield* recvTcp(sock, left);
    if (!r.ok || r.value.length === 0) return null;
    parts.push(r.value);
    left -= r.value.length;
  }
  return concat(parts);
}

function* line(sock: TcpSocket): Task<string | null> {
  let out = '';
  for (let n = 0; n < MAX_LINE; n++) {
    const b = yield* exactly(sock, 1);
    if (b === null) return null;
    if (b[0] === 10) return out.replace(/\r$/, '');
    out += String.fromCharCode(b[0] as number);
  }
  return out;
}

function* http(sock: TcpSocket, o: NcOptions, host: string, port: number): Task<string | null> {
  const place = parseIp6(host) === null ? `${host}:${port}` : `[${host}]:${port}`;
  const auth = o.proxyUser === null ? '' : `Proxy-Authorization: Basic ${base64(`${o.proxyUser}:`)}\r\n`;
  yield* sendTcp(sock, utf8(`CONNECT ${place} HTTP/1.0\r\n${auth}\r\n`));
  const status = yield* line(sock);
  if (status === null) return 'read failed (0/1): Broken pipe';
  if (!/^HTTP\/1\.[01] 200 /.test(status)) return `Proxy error: "${status}"`;
  for (let n = 0; n < 100; n++) if (!(yield* line(sock))) break;
  return null;
}

function* socks5(sock: TcpSocket, host: string, port: number): Task<string | null> {
  yield* sendTcp(sock, new Uint8Array([5, 1, 0]));
  const method = yield* exactly(sock, 2);
  if (method === null) return 'read failed (0/2): Broken pipe';
  if (method[1] === 0xff) return 'authentication method negotiation failed';
  const addr = parseIp(host);
  const where =
    typeof addr === 'number'
      ? new Uint8Array([1, addr >>> 24, addr >>> 16, addr >>> 8, addr])
      : addr !== null
        ? Uint8Array.from([4, ...Array.from({ length: 16 }, (_, i) => Number((addr >> BigInt(120 - 8 * i)) & 0xffn))])
        : concat([new Uint8Array([3, host.length]), utf8(host)]);
  yield* sendTcp(sock, concat([new Uint8Array([5, 1, 0]), where, new Uint8Array([port >> 8, port])]));
  const reply = yield* exactly(sock, 4);
  if (reply === null) return 'read failed (0/4): Broken pipe';
  if (reply[1] !== 0) return `connection failed, SOCKSv5 error: ${reply[1]}`;
  yield* exactly(sock, reply[3] === 4 ? 18 : 6);
  return null;
}

function* socks4(sock: TcpSocket, host: string, port: number): Task<string | null> {
  const addr = parseIp(host);
  if (typeof addr !== 'number') return `host "${text(utf8(host))}" not found`;
  yield* sendTcp(sock, new Uint8Array([4, 1, port >> 8, port, addr >>> 24, addr >>> 16, addr >>> 8, addr, 0]));
  const reply = yield* exactly(sock, 8);
  if (reply === null) return 'read failed (0/8): Broken pipe';
  return reply[1] === 90 ? null : `connection failed, SOCKSv4 error: ${reply[1]}`;
}

/** As remoteConnect(), by way of the proxy. */
export function* throughProxy(
  p: Process,
  o: NcOptions,
  host: string,
  port: number,
): Task<{ sock: TcpSocket; addr: IpAddr } | null | number> {
  const m = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(o.proxy as string);
  const opened = yield* remoteConnect(p, o, m?.[1] ?? m?.[2] ?? (o.proxy as string), Number(m?.[3] ?? DEFAULT_PORT[o.proxyVersion]));
  if (opened === null || typeof opened === 'number') return opened ?? 1;
  const sock = opened.sock as TcpSocket;
  const bad =
    o.proxyVersion === 'connect'
      ? yield* http(sock, o, host, port)
      : o.proxyVersion === 5
        ? yield* socks5(sock, host, port)
        : yield* socks4(sock, host, port);
  if (bad === null) return { sock, addr: opened.addr };
  yield* p.err(`nc: ${bad}\n`);
  return 1;
}
