/** /dev/tcp/HOST/PORT and /dev/udp/HOST/PORT in redirections. Models lib/sh/netopen.c of bash */

import type { OpenFile } from '../../os/file.ts';
import { SocketFile } from '../../os/net.ts';
import type { Task } from '../../os/process.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import { connectTcp } from '../../os/sockcalls.ts';
import { TcpSocket, UdpSocket } from '../../os/uapi.ts';
import { fail, ok, type Result, strerror } from '../../sim/errno.ts';
import type { IpAddr } from '../../wire/addr.ts';
import type { Shell } from './state.ts';

export function* openNetworkPath(sh: Shell, path: string): Task<Result<OpenFile>> {
  const [, , proto, host = '', service = ''] = path.split('/');
  const found = yield* getaddrinfo(sh.p, host, { addrConfig: true });
  if (!found.ok) {
    yield* sh.warn(`${host}: ${gaiStrerror(found.error)}`);
    return fail('EINVAL');
  }
  const address = found.addrs[0] as IpAddr;
  const port = /^\d+$/.test(service) ? Number(service) & 0xffff : servicePort(sh, service, proto ?? 'tcp');
  if (port === null) {
    yield* sh.warn(`${service}: Servname not supported for ai_socktype`);
    return fail('EINVAL');
  }
  const family = typeof address === 'bigint' ? 6 : 4;
  const sock = proto === 'udp' ? new UdpSocket(sh.p.ns, family) : new TcpSocket(sh.p.ns, family);
  if (sock instanceof TcpSocket) sock.blocking = true;
  sock.owner = { pid: sh.p.pid, comm: sh.p.name };
  const r = sock instanceof TcpSocket ? yield* connectTcp(sock, address, port) : sock.connect(address, port);
  if (!r.ok) {
    sock.close();
    yield* sh.warn(`connect: ${strerror(r.errno)}`);
    return r;
  }
  return ok(new SocketFile(sock, sock.inode));
}

function servicePort(sh: Shell, name: string, proto: string): number | null {
  const m = new RegExp(`^${name}\\s+(\\d+)/${proto}`, 'm').exec(sh.p.readText('/etc/services') ?? '');
  return m ? Number(m[1]) : null;
}
