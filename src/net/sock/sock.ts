/** What all sockets share: addresses, options, error state, wait queue, owner. Models include/net/sock.h and net/core/sock.c */

import { type Errno, fail, ok, type Result } from '../../sim/errno.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { type Family, formatIp6, type IpAddr } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';

export type SockKind = 'tcp' | 'udp' | 'raw' | 'packet' | 'unix';
export type SockFamily = Family | 'packet' | 'unix';

export interface Endpoint {
  addr: IpAddr;
  port: number;
}

/** The process that made the socket, for `-m owner` and `ss -p`. Null once its last file descriptor was closed. */
export interface SockOwner {
  pid: number;
  comm: string;
}

/** Path MTU discovery of IP_MTU_DISCOVER: `want` sets DF on what fits, `do` never fragments, `dont` clears DF, `probe` ignores the path MTU. */
export type MtuDiscover = 'dont' | 'want' | 'do' | 'probe';

export class SockOptions {
  reuseAddr = false;
  reusePort = false;
  broadcast = false;
  keepalive = false;
  v6only = false;
  /** SO_BINDTODEVICE: interface name. */
  bindDevice: string | null = null;
  mark = 0;
  priority = 0;
  /** IP_TTL or IPV6_UNICAST_HOPS; null is the namespace's default. */
  ttl: number | null = null;
  tos = 0;
  multicastTtl = 1;
  multicastDevice: string | null = null;
  multicastLoop = true;
  mtuDiscover: MtuDiscover = 'want';
  /** IP_RECVERR: ICMP errors go to the error queue. */
  recvErr = false;
  /** IP_HDRINCL: the caller writes the IPv4 header itself. */
  hdrIncl = false;
  /** IP_OPTIONS: a multiple of four bytes. */
  ipOptions: Uint8Array | null = null;
  /** IPV6_FLOWINFO_SEND with the label of the destination; null leaves it to the stack. */
  flowLabel: number | null = null;
  freebind = false;
  transparent = false;
  /** SO_LINGER in seconds; 0 makes close() send a reset. */
  linger: number | null = null;
  noDelay = false;
  cork = false;
  /** TCP_MAXSEG. */
  maxSeg: number | null = null;
  /** TCP_KEEPIDLE, TCP_KEEPINTVL in seconds, TCP_KEEPCNT, TCP_SYNCNT, TCP_USER_TIMEOUT in ms; null is the namespace's default. */
  keepIdle: number | null = null;
  keepIntvl: number | null = null;
  keepCnt: number | null = null;
  synCnt: number | null = null;
  userTimeout: number | null = null;
  rcvBuf: number | null = null;
  sndBuf: number | null = null;
}

/** One entry of the error queue (MSG_ERRQUEUE). */
export interface SockError {
  errno: Errno;
  origin: 'local' | 'icmp';
  type: number;
  code: number;
  /** Next-hop MTU for EMSGSIZE. */
  info: number;
  /** Who sent the ICMP error; null for local errors. */
  offender: IpAddr | null;
  /** The device it came in by: the scope of a link-local offender. */
  dev?: NetDevice | null;
  /** Where the failed packet was going to. */
  dst: Endpoint;
  /** Payload of the packet that caused it, as far as it was quoted. */
  data: Uint8Array;
  time: number;
  /** TTL of the ICMP packet that told it. */
  ttl: number;
}

export abstract class Sock {
  abstract readonly kind: SockKind;
  readonly ns: Netns;
  readonly family: SockFamily;
  /** IP protocol number, or EtherType of a packet socket. */
  readonly proto: number;
  /** sockfs inode number, as ss -e and /proc/net/tcp show it. */
  readonly inode: number;
  readonly wq = new WaitQueue();
  readonly opt = new SockOptions();
  readonly errors: SockError[] = [];
  /** What stands for this connection where paths are chosen (VXLAN's source port, IPv6 flow labels); 0 when its packets' headers do. */
  txHash = 0;
  local: Endpoint;
  remote: Endpoint | null = null;
  /** Pending error (sk_err): the next call returns and clears it. */
  error: Errno | null = null;
  owner: SockOwner | null = null;
  uid = 0;
  gid = 0;
  closed = false;
  /** True when the port was chosen by connect(): other connections may share it. */
  autobound = false;
  /** The peer has made progress: the next packet sent tells its neighbour entry. Models sk_dst_pending_confirm. */
  confirmPending = false;
  /** Packets of ours that wait in this host for a neighbour's address. */
  inHostQueue = 0;
  private ipid: number | null = null;

  constructor(ns: Netns, family: SockFamily, proto: number) {
    this.ns = ns;
    this.family = family;
    this.proto = proto;
    this.inode = 20_000 + ns.kernel.sim.serial('sockfs');
    this.local = { addr: family === 6 ? 0n : 0, port: 0 };
    if (ns.kernel.socketVrf !== null) this.opt.bindDevice = ns.kernel.socketVrf;
    if (ns.sysctl.int('net.ipv4.ip_no_pmtu_disc') !== 0) this.opt.mtuDiscover = 'dont';
  }

  /** Models sk_set_txhash() */
  newTxHash(): void {
    this.txHash = this.ns.kernel.sim.rng('txhash').u32() || 1;
  }

  get sim(): Netns['kernel']['sim'] {
    return this.ns.kernel.sim;
  }

  get mark(): number {
    return this.opt.mark;
  }

  abstract readable(): boolean;
  abstract writable(): boolean;
  abstract close(): void;
  /** Bytes waiting to be read and to be acknowledged, ss' Recv-Q and Send-Q. */
  abstract queues(): { rx: number; tx: number };

  /** Something went wrong for good: poll() says so, as it does for POLLERR. */
  failed(): boolean {
    return this.error !== null || this.errors.length > 0;
  }

  takeError(): Errno | null {
    const e = this.error;
    this.error = null;
    return e;
  }

  /** Fails with the pending error, when there is one. */
  protected checkError(): Result {
    const e = this.takeError();
    return e === null ? ok() : fail(e);
  }

  setError(errno: Errno): void {
    this.error = errno;
    this.wq.wakeAll();
  }

  queueError(e: SockError): void {
    if (this.errors.length < 64) this.errors.push(e);
    this.wq.wakeAll();
  }

  /** recvmsg(MSG_ERRQUEUE). */
  recvError(): Result<SockError> {
    const e = this.errors.shift();
    return e === undefined ? fail('EAGAIN') : ok(e);
  }

  /** The device that this socket is tied to; undefined when it was named and does not exist. */
  boundDevice(): NetDevice | null | undefined {
    return this.opt.bindDevice === null ? null : this.ns.device(this.opt.bindDevice);
  }

  bindToDevice(name: string): Result {
    if (name === '') {
      this.opt.bindDevice = null;
      return ok();
    }
    const dev = this.ns.device(name);
    if (!dev) return fail('ENODEV');
    this.opt.bindDevice = dev.name;
    return ok();
  }

  /** True when a packet that came in by `dev` may reach this socket. */
  acceptsDevice(dev: NetDevice | null): boolean {
    return this.opt.bindDevice === null || dev === null || dev.name === this.opt.bindDevice || dev.master?.name === this.opt.bindDevice;
  }

  /** The next IPv4 identification of a connected socket: counts up from a random start (inet_id). */
  nextIpId(count = 1): number {
    if (this.ipid === null) this.ipid = this.sim.rng('inet_id').below(65536);
    const id = this.ipid;
    this.ipid = (this.ipid + Math.max(1, count)) & 0xffff;
    return id;
  }
}

/** An IPv4-mapped IPv6 address becomes the IPv4 address that goes on the wire. */
export function unmap(addr: IpAddr): IpAddr {
  return typeof addr === 'bigint' && addr >> 32n === 0xffffn ? Number(addr & 0xffffffffn) : addr;
}

export function isAny(addr: IpAddr): boolean {
  return typeof addr === 'number' ? addr === 0 : addr === 0n;
}

/** The address as the socket's own family writes it: an IPv6 socket shows an IPv4 peer as ::ffff:a.b.c.d. */
export function shownAddr(sk: Sock, addr: IpAddr): IpAddr {
  return sk.family === 6 && typeof addr === 'number' ? (0xffffn << 32n) | BigInt(addr) : addr;
}

/** Text of an IPv6 endpoint with brackets, of an IPv4 one without. */
export function bracketed(addr: IpAddr, text: (a: IpAddr) => string): string {
  return typeof addr === 'bigint' ? `[${formatIp6(addr)}]` : text(addr);
}
