/** A namespace's sockets: who may bind what, ephemeral ports, which socket gets a packet. Models inet_hashtables.c, inet_connection_sock.c, udp.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { hash32 } from '../../sim/rng.ts';
import { type IpAddr, isMulticast } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { addrType } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import { FlowTable, type FourTuple } from './flows.ts';
import type { RawSocket } from './raw.ts';
import { isAny, type Sock, unmap } from './sock.ts';
import type { TcpSocket } from './tcp/tcp.ts';
import type { UdpSocket } from './udp.ts';
import type { UnixSocket } from './unix.ts';

export type { FourTuple } from './flows.ts';

export class SocketTable {
  readonly ns: Netns;
  /** All sockets of the namespace in order of creation, for ss and /proc/net. */
  readonly all = new Set<Sock>();
  readonly raw = new Set<RawSocket>();
  /** Abstract unix addresses are per namespace; paths belong to the file system and are looked up in the same table. */
  readonly unix = new Map<string, UnixSocket>();
  private readonly established = new FlowTable();
  private readonly listeners = new Map<number, TcpSocket[]>();
  private readonly tcpPorts = new Map<number, Set<Sock>>();
  private readonly udpPorts = new Map<number, Set<Sock>>();

  constructor(ns: Netns) {
    this.ns = ns;
  }

  tcp(): TcpSocket[] {
    return [...this.all].filter((s): s is TcpSocket => s.kind === 'tcp');
  }

  udp(): UdpSocket[] {
    return [...this.all].filter((s): s is UdpSocket => s.kind === 'udp');
  }

  private ports(sk: Sock): Map<number, Set<Sock>> {
    return sk.kind === 'tcp' ? this.tcpPorts : this.udpPorts;
  }

  /** EADDRNOTAVAIL unless the address is one of ours, the wildcard, multicast or broadcast. */
  addressOk(sk: Sock, addr: IpAddr): boolean {
    if (isAny(addr) || isMulticast(addr) || sk.opt.freebind || sk.opt.transparent) return true;
    if (this.ns.sysctl.int(`net.ipv${typeof addr === 'number' ? 4 : 6}.ip_nonlocal_bind`) !== 0) return true;
    const type = addrType(this.ns, addr);
    return type === 'local' || type === 'broadcast';
  }

  /** bind(2): port 0 takes a free ephemeral port. Returns the port. */
  bind(sk: Sock, address: IpAddr, port: number): Result<number> {
    const addr = unmap(address);
    if (sk.local.port !== 0) return fail('EINVAL');
    if (typeof addr === 'bigint' && sk.family === 4) return fail('EAFNOSUPPORT');
    if (sk.opt.v6only && sk.family === 6 && typeof addr === 'number') return fail('EINVAL');
    if (!this.addressOk(sk, addr)) return fail('EADDRNOTAVAIL');
    if (port !== 0 && port < this.ns.sysctl.int('net.ipv4.ip_unprivileged_port_start') && sk.uid !== 0) return fail('EACCES');
    const before = sk.local;
    sk.local = { addr, port };
    const chosen = port === 0 ? this.freePort(sk) : this.conflict(sk, port) ? null : port;
    if (chosen === null) {
      sk.local = before;
      return fail('EADDRINUSE');
    }
    this.take(sk, chosen);
    return ok(chosen);
  }

  take(sk: Sock, port: number): void {
    sk.local = { addr: sk.local.addr, port };
    const ports = this.ports(sk);
    let set = ports.get(port);
    if (!set) {
      set = new Set();
      ports.set(port, set);
    }
    set.add(sk);
  }

  /** True when `sk` (its local address set) may not have `port` because of another socket. Models inet_csk_bind_conflict(). */
  private conflict(sk: Sock, port: number): boolean {
    for (const other of this.ports(sk).get(port) ?? []) {
      if (other === sk) continue;
      if (sk.opt.bindDevice !== null && other.opt.bindDevice !== null && sk.opt.bindDevice !== other.opt.bindDevice) continue;
      if (sk.opt.reusePort && other.opt.reusePort && sk.uid === other.uid) continue;
      const listening = other.kind === 'tcp' && (other as TcpSocket).state === 'LISTEN';
      if (sk.opt.reuseAddr && other.opt.reuseAddr && !listening) continue;
      if (overlap(sk, other)) return true;
    }
    return false;
  }

  /** LISTEN on a port that another socket, bound with SO_REUSEADDR too, listens on already fails. */
  listenConflict(sk: TcpSocket): boolean {
    return (this.listeners.get(sk.local.port) ?? []).some((o) => o !== sk && overlap(sk, o) && !(sk.opt.reusePort && o.opt.reusePort));
  }

  private range(): readonly [number, number] {
    return this.ns.sysctl.portRange;
  }

  /** ip_local_reserved_ports: only who names such a port gets it. */
  private reserved(): [number, number][] {
    const text = this.ns.sysctl.get('net.ipv4.ip_local_reserved_ports') ?? '';
    return text === '' ? [] : text.split(',').map((r) => [Number.parseInt(r, 10), Number.parseInt(r.split('-').at(-1) as string, 10)]);
  }

  /** bind() takes odd ports first and connect() even ones, so that both find free ones soon. */
  private freePort(sk: Sock): number | null {
    const [lo, hi] = this.range();
    const odd = sk.kind === 'tcp' ? 1 : 0;
    return this.search(lo, hi, odd, sk.kind === 'tcp' ? 2 : 1, (port) => !(this.ports(sk).get(port)?.size ?? 0));
  }

  private search(lo: number, hi: number, parity: number, step: number, unused: (port: number) => boolean): number | null {
    const count = hi - lo + 1;
    const reserved = this.reserved();
    const free =
      reserved.length === 0 ? unused : (port: number): boolean => !reserved.some(([a, b]) => a <= port && port <= b) && unused(port);
    const start = Math.floor(this.ns.kernel.sim.rng('net.port').below(count) / step) * step;
    for (const offset of step === 2 ? [parity, 1 - parity] : [0]) {
      for (let i = 0; i < count; i += step) {
        const port = lo + ((start + i + offset) % count);
        if (free(port)) return port;
      }
    }
    return null;
  }

  /** connect(2) without a port of one's own: any port whose four-tuple is free. EADDRNOTAVAIL when all are in use. */
  connectPort(sk: Sock, remote: { addr: IpAddr; port: number }): Result<number> {
    const [lo, hi] = this.range();
    const laddr = sk.local.addr;
    const port = this.search(lo, hi, 0, sk.kind === 'tcp' ? 2 : 1, (p) => {
      const users = this.ports(sk).get(p);
      if (!users || users.size === 0) return true;
      if (sk.kind !== 'tcp') return false;
      for (const user of users) if (!user.autobound) return false;
      return !this.established.get({ laddr, lport: p, raddr: remote.addr, rport: remote.port });
    });
    if (port === null) return fail('EADDRNOTAVAIL');
    sk.autobound = true;
    this.take(sk, port);
    return ok(port);
  }

  /** Gives the port back. */
  unbind(sk: Sock): void {
    const ports = this.ports(sk);
    const set = ports.get(sk.local.port);
    if (!set) return;
    set.delete(sk);
    if (set.size === 0) ports.delete(sk.local.port);
  }

  hashTcp(sk: TcpSocket): Result {
    const t = sk.tuple();
    const other = this.established.get(t);
    if (other && other !== sk) {
      if (other.state !== 'TIME_WAIT') return fail('EADDRNOTAVAIL');
      other.destroy();
    }
    this.established.set(t, sk);
    return ok();
  }

  unhashTcp(sk: TcpSocket): void {
    if (!sk.remote) return;
    const t = sk.tuple();
    if (this.established.get(t) === sk) this.established.delete(t);
  }

  addListener(sk: TcpSocket): void {
    const list = this.listeners.get(sk.local.port);
    if (list) list.push(sk);
    else this.listeners.set(sk.local.port, [sk]);
  }

  removeListener(sk: TcpSocket): void {
    const left = (this.listeners.get(sk.local.port) ?? []).filter((s) => s !== sk);
    if (left.length > 0) this.listeners.set(sk.local.port, left);
    else this.listeners.delete(sk.local.port);
  }

  findTcp(t: FourTuple): TcpSocket | undefined {
    return this.established.get(t);
  }

  findListener(t: FourTuple, dev: NetDevice | null): TcpSocket | undefined {
    const list = this.listeners.get(t.lport);
    if (!list) return undefined;
    const [only] = list;
    if (list.length === 1 && only) return score(only, t, dev) < 0 ? undefined : only;
    const best = bestOf(list, (sk) => score(sk, t, dev));
    return pickReuseport(best, t);
  }

  findUdp(t: FourTuple, dev: NetDevice | null): UdpSocket | undefined {
    const users = this.udpPorts.get(t.lport);
    if (!users) return undefined;
    if (users.size === 1) for (const sk of users) return score(sk, t, dev) < 0 ? undefined : (sk as UdpSocket);
    const best = bestOf([...(this.udpPorts.get(t.lport) ?? [])] as UdpSocket[], (sk) => score(sk, t, dev));
    return pickReuseport(best, t);
  }

  /** The socket of a tunnel that has this UDP port for itself. */
  tunnel(port: number): UdpSocket | null {
    const users = this.udpPorts.get(port);
    if (users?.size !== 1) return null;
    for (const sk of users as Set<UdpSocket>)
      return sk.encapReceive && sk.family === 4 && sk.local.addr === 0 && sk.opt.bindDevice === null ? sk : null;
    return null;
  }

  /** Every UDP socket that may have a multicast or broadcast datagram. */
  allUdp(t: FourTuple, dev: NetDevice | null): UdpSocket[] {
    return ([...(this.udpPorts.get(t.lport) ?? [])] as UdpSocket[]).filter((sk) => score(sk, t, dev) >= 0);
  }

  /** Removes a socket for good. */
  drop(sk: Sock): void {
    this.all.delete(sk);
    this.unbind(sk);
  }

  /** The namespace ends: everything is closed without a word on the wire. */
  destroy(): void {
    for (const sk of [...this.all]) {
      if (sk.kind === 'tcp') (sk as TcpSocket).destroy();
      else sk.close();
    }
  }
}

function key(t: FourTuple): string {
  return `${t.laddr} ${t.lport} ${t.raddr} ${t.rport}`;
}

/** Whether two bound addresses meet: equal, or a wildcard of a family that both may serve. Models inet_rcv_saddr_equal(). */
function overlap(a: Sock, b: Sock): boolean {
  const x = a.local.addr;
  const y = b.local.addr;
  const v6 = (s: Sock): boolean => s.family === 6 && typeof s.local.addr === 'bigint';
  if (v6(a) !== v6(b)) {
    const [six, four] = v6(a) ? [a, b] : [b, a];
    return isAny(six.local.addr) && !six.opt.v6only && typeof four.local.addr === 'number';
  }
  return x === y || isAny(x) || isAny(y);
}

/** -1: not for this socket; else the higher the closer it fits. Models compute_score() of TCP and UDP. */
function score(sk: Sock, t: FourTuple, dev: NetDevice | null): number {
  if (!sk.acceptsDevice(dev)) return -1;
  const local = sk.local.addr;
  const v4 = typeof t.laddr === 'number';
  let n = 0;
  if (isAny(local)) {
    if (v4 && typeof local === 'bigint' && sk.opt.v6only) return -1;
    if (!v4 && sk.family === 4) return -1;
    if (!v4 && typeof local === 'number') return -1;
  } else {
    if (local !== t.laddr) return -1;
    n += 16;
  }
  if (sk.remote && sk.kind === 'udp') {
    if (sk.remote.port !== t.rport || sk.remote.addr !== t.raddr) return -1;
    n += 8;
  }
  if (sk.opt.bindDevice !== null) n += 4;
  if (v4 === (sk.family === 4)) n += 1;
  return n;
}

function bestOf<T>(list: readonly T[], rank: (x: T) => number): T[] {
  let top = -1;
  let best: T[] = [];
  for (const x of list) {
    const n = rank(x);
    if (n < 0 || n < top) continue;
    if (n > top) best = [];
    top = n;
    best.push(x);
  }
  return best;
}

/** Among equals the first takes all, unless they share the port by SO_REUSEPORT: then the flow's hash chooses. */
function pickReuseport<T extends Sock>(best: readonly T[], t: FourTuple): T | undefined {
  if (best.length < 2) return best[0];
  const group = best.filter((s) => s.opt.reusePort);
  if (group.length < 2) return best[best.length - 1];
  return group[hash32(key(t)) % group.length];
}
