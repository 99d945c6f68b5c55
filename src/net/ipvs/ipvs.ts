/**
 * IPVS: virtual services shared out among real servers, per namespace. Models net/netfilter/ipvs/ip_vs_core.c, ip_vs_ctl.c, ip_vs_conn.c, ip_vs_xmit.c
 *
 *   client ─► INPUT or OUTPUT: a server is chosen, the destination rewritten ─► OUTPUT ─► POSTROUTING ─► server
 *   server ─► FORWARD, INPUT or OUTPUT: the source becomes the virtual one again ─► client
 */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { type Ip4, writeIp4 } from '../../wire/addr.ts';
import { alloc, put16, u16 } from '../../wire/bytes.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PORT_UNREACH, ICMP_TIME_EXCEEDED } from '../../wire/icmp.ts';
import { IPPROTO_TCP, IPPROTO_UDP, refreshIp4Checksum } from '../../wire/ipv4.ts';
import { icmpSend } from '../ip/icmp.ts';
import { addrType, routeOutput } from '../ip/route.ts';
import { manipPacket } from '../netfilter/conntrack/manip.ts';
import type { Hook, HookVerdict } from '../netfilter/netfilter.ts';
import { PRIORITY } from '../netfilter/priority.ts';
import type { XtPacket } from '../netfilter/xt/packet.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { SCHEDULERS, type Scheduler } from './sched.ts';
import { isActive, nextTcpState, TCP_TIMEOUTS, type TcpState } from './state.ts';

export type Forwarding = 'masq' | 'tunnel' | 'route' | 'local';

/** What names a virtual service: protocol, address and port, or a mark. */
export interface ServiceKey {
  readonly proto: number;
  readonly addr: Ip4;
  readonly port: number;
  /** 0: by address. */
  readonly fwmark: number;
}

export interface ServiceConfig extends ServiceKey {
  readonly scheduler: string;
  /** Seconds that a client stays with its server, 0 for none. */
  readonly persistent: number;
  readonly netmask: Ip4;
  readonly onePacket: boolean;
}

export interface ServerConfig {
  readonly addr: Ip4;
  readonly port: number;
  readonly forward: Forwarding;
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
}

export interface IpvsStats {
  conns: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
}

const noStats = (): IpvsStats => ({ conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 });

export class RealServer {
  config: ServerConfig;
  readonly stats = noStats();
  active = 0;
  inactive = 0;
  persistent = 0;
  overloaded = false;
  /** False once deleted: what is left of its connections goes nowhere. */
  available = true;

  constructor(config: ServerConfig) {
    this.config = config;
  }

  get weight(): number {
    return this.config.weight;
  }

  /** Between the thresholds it stays what it was. */
  count(): void {
    const { upper, lower } = this.config;
    const total = this.active + this.inactive;
    if (upper > 0 && total >= upper) this.overloaded = true;
    else if (lower > 0 ? total < lower : upper === 0 || total * 4 < upper * 3) this.overloaded = false;
  }
}

export class VirtualService {
  config: ServiceConfig;
  readonly stats = noStats();
  /** The newest first. */
  servers: RealServer[] = [];
  schedule: Scheduler;

  constructor(config: ServiceConfig, schedule: Scheduler) {
    this.config = config;
    this.schedule = schedule;
  }
}

export interface IpvsConn {
  readonly proto: number;
  readonly caddr: Ip4;
  readonly cport: number;
  readonly vaddr: Ip4;
  readonly vport: number;
  readonly daddr: Ip4;
  readonly dport: number;
  readonly service: VirtualService;
  readonly server: RealServer;
  readonly forward: Forwarding;
  /** Follows connection tracking (net.ipv4.vs.conntrack when it began). */
  readonly nfct: boolean;
  /** Keeps a client with its server; no connection itself. */
  readonly template: boolean;
  state: TcpState | 'UDP';
  /** Nothing of the way back was seen so far. */
  oneWay: boolean;
  inactive: boolean;
  /** Seconds; virtual time in µs. */
  timeout: number;
  expires: number;
}

const SYSCTLS: Readonly<Record<string, string>> = {
  am_droprate: '10',
  amemthresh: '1024',
  backup_only: '0',
  cache_bypass: '0',
  conn_reuse_mode: '1',
  conntrack: '0',
  drop_entry: '0',
  drop_packet: '0',
  expire_nodest_conn: '0',
  expire_quiescent_template: '0',
  ignore_tunneled: '0',
  nat_icmp_send: '0',
  pmtu_disc: '1',
  schedule_icmp: '0',
  secure_tcp: '0',
  sloppy_sctp: '0',
  sloppy_tcp: '0',
  snat_reroute: '1',
  sync_persist_mode: '0',
  sync_ports: '1',
  sync_qlen_max: '30000',
  sync_refresh_period: '0',
  sync_retries: '0',
  sync_sock_size: '0',
  sync_threshold: '3\t50',
  sync_version: '1',
  run_estimation: '1',
};

const tables = new WeakMap<Netns, Ipvs>();

/** Packets that IPVS has been at (skb->ipvs_property), with their connection. */
const touched = new WeakMap<Skb, IpvsConn>();

/** The connection that a packet belongs to once IPVS has been at it. */
export function ipvsConnOf(skb: Skb): IpvsConn | undefined {
  return touched.get(skb);
}

/** True once ip_vs is loaded. */
export function hasIpvs(ns: Netns): boolean {
  return tables.has(ns);
}

/** The namespace's IPVS; the first call loads the module. */
export function ipvsOf(ns: Netns): Ipvs {
  let t = tables.get(ns);
  if (!t) {
    t = new Ipvs(ns);
    tables.set(ns, t);
    ns.sysctl.load('net/ipv4/vs', SYSCTLS);
  }
  return t;
}

function keyOf(k: ServiceKey): string {
  return k.fwmark ? `fwmark/${k.fwmark}` : `${k.proto}/${k.addr}/${k.port}`;
}

export class Ipvs {
  readonly ns: Netns;
  readonly services = new Map<string, VirtualService>();
  readonly timeouts = { tcp: TCP_TIMEOUTS.ESTABLISHED, fin: TCP_TIMEOUTS.FIN_WAIT, udp: 300 };
  private readonly byClient = new Map<string, IpvsConn>();
  private readonly byServer = new Map<string, IpvsConn>();
  /** Deleted servers whose connections are not over: one that comes back is the same. */
  private trash: RealServer[] = [];
  private unhook: (() => void)[] = [];

  constructor(ns: Netns) {
    this.ns = ns;
  }

  // ---- control ----

  addService(c: ServiceConfig): Result {
    if (this.services.has(keyOf(c))) return fail('EEXIST');
    const scheduler = SCHEDULERS[c.scheduler];
    if (!scheduler) return fail('ENOENT');
    this.services.set(keyOf(c), new VirtualService(c, scheduler()));
    this.hook();
    return ok();
  }

  editService(c: ServiceConfig): Result {
    const svc = this.services.get(keyOf(c));
    if (!svc) return fail('ESRCH');
    const scheduler = SCHEDULERS[c.scheduler];
    if (!scheduler) return fail('ENOENT');
    if (svc.config.scheduler !== c.scheduler) svc.schedule = scheduler();
    svc.config = c;
    return ok();
  }

  deleteService(k: ServiceKey): Result {
    const svc = this.services.get(keyOf(k));
    if (!svc) return fail('ESRCH');
    for (const s of svc.servers) this.discard(s);
    this.services.delete(keyOf(k));
    if (this.services.size === 0) this.unhookAll();
    return ok();
  }

  flush(): void {
    for (const svc of [...this.services.values()]) this.deleteService(svc.config);
  }

  zero(k: ServiceKey | null): Result {
    const svc = k ? this.services.get(keyOf(k)) : null;
    if (k && !svc) return fail('ESRCH');
    for (const s of svc ? [svc] : this.services.values()) for (const { stats } of [s, ...s.servers]) Object.assign(stats, noStats());
    return ok();
  }

  addServer(k: ServiceKey, c: ServerConfig): Result {
    const svc = this.services.get(keyOf(k));
    if (!svc) return fail('ESRCH');
    if (c.upper < c.lower && c.upper > 0) return fail('ERANGE');
    if (svc.servers.some((s) => same(s.config, c))) return fail('EEXIST');
    const back = this.trash.find((s) => same(s.config, c) && this.list().some((conn) => conn.server === s && conn.service === svc));
    const server = back ?? new RealServer(c);
    this.trash = this.trash.filter((s) => s !== back);
    server.config = this.placed(c);
    server.available = true;
    server.count();
    svc.servers.unshift(server);
    return ok();
  }

  editServer(k: ServiceKey, c: ServerConfig): Result {
    const server = this.server(k, c);
    if (!server.ok) return server;
    server.value.config = this.placed(c);
    server.value.count();
    return ok();
  }

  deleteServer(k: ServiceKey, c: Pick<ServerConfig, 'addr' | 'port'>): Result {
    const server = this.server(k, c);
    if (!server.ok) return server;
    const svc = this.services.get(keyOf(k)) as VirtualService;
    svc.servers = svc.servers.filter((s) => s !== server.value);
    this.discard(server.value);
    return ok();
  }

  private server(k: ServiceKey, c: Pick<ServerConfig, 'addr' | 'port'>): Result<RealServer> {
    const svc = this.services.get(keyOf(k));
    if (!svc) return fail('ESRCH');
    const server = svc.servers.find((s) => same(s.config, c));
    return server ? ok(server) : fail('ENOENT');
  }

  /** A server at one of the host's own addresses is no other host, whatever was asked for. */
  private placed(c: ServerConfig): ServerConfig {
    return addrType(this.ns, c.addr) === 'local' ? { ...c, forward: 'local' } : c;
  }

  private discard(s: RealServer): void {
    s.available = false;
    if (s.active + s.inactive + s.persistent > 0) this.trash.push(s);
  }

  /** Connections and templates that have not expired, the newest last. */
  list(): IpvsConn[] {
    this.expire();
    return [...this.byClient.values()];
  }

  // ---- connections ----

  private expire(): void {
    const now = this.ns.kernel.sim.now;
    for (const conn of this.byClient.values()) if (conn.expires <= now) this.drop(conn);
  }

  private drop(conn: IpvsConn): void {
    this.byClient.delete(clientKey(conn));
    if (!conn.template && this.byServer.get(serverKey(conn)) === conn) this.byServer.delete(serverKey(conn));
    const { server } = conn;
    if (conn.template) server.persistent--;
    else if (conn.inactive) server.inactive--;
    else server.active--;
    server.count();
    if (server.active + server.inactive + server.persistent === 0) this.trash = this.trash.filter((s) => s !== server);
  }

  private alive(conn: IpvsConn | undefined): IpvsConn | null {
    if (!conn) return null;
    if (conn.expires > this.ns.kernel.sim.now) return conn;
    this.drop(conn);
    return null;
  }

  private begin(conn: IpvsConn): IpvsConn {
    this.byClient.set(clientKey(conn), conn);
    const { server, service } = conn;
    if (conn.template) {
      server.persistent++;
      return conn;
    }
    this.byServer.set(serverKey(conn), conn);
    server.active++;
    server.count();
    for (const { stats } of [server, service]) stats.conns++;
    return conn;
  }

  private touch(conn: IpvsConn): void {
    conn.expires = this.ns.kernel.sim.now + conn.timeout * SEC;
  }

  private timeoutOf(state: TcpState | 'UDP'): number {
    if (state === 'UDP') return this.timeouts.udp;
    if (state === 'ESTABLISHED') return this.timeouts.tcp;
    return state === 'FIN_WAIT' ? this.timeouts.fin : TCP_TIMEOUTS[state];
  }

  /** set_tcp_state() */
  private advance(conn: IpvsConn, way: 'in' | 'out', p: XtPacket): void {
    if (conn.state !== 'UDP') {
      if (way === 'out') conn.oneWay = false;
      const flags = p.skb.data[p.l4 + 13] as number;
      const next = nextTcpState(conn.state, way === 'in' && conn.oneWay ? 'only' : way, flags);
      if (isActive(next) === conn.inactive) {
        conn.inactive = !conn.inactive;
        conn.server.active += conn.inactive ? -1 : 1;
        conn.server.inactive += conn.inactive ? 1 : -1;
      }
      conn.state = next;
    }
    conn.timeout = this.timeoutOf(conn.state);
    this.touch(conn);
  }

  // ---- packets ----

  private hook(): void {
    if (this.unhook.length > 0) return;
    const at = (hook: Hook, priority: number, run: (p: XtPacket) => HookVerdict): void => {
      this.unhook.push(this.ns.nf.register({ family: 4, hook, priority, run }));
    };
    at('INPUT', PRIORITY.snat - 2, (p) => this.outgoing(p));
    at('INPUT', PRIORITY.snat - 1, (p) => this.incoming(p));
    at('OUTPUT', PRIORITY.dnat + 1, (p) => this.outgoing(p));
    at('OUTPUT', PRIORITY.dnat + 2, (p) => this.incoming(p));
    at('FORWARD', PRIORITY.snat, (p) => this.outgoing(p));
  }

  private unhookAll(): void {
    for (const off of this.unhook) off();
    this.unhook = [];
  }

  private concerns(p: XtPacket): boolean {
    if (p.frag > 0 || touched.has(p.skb)) return false;
    return (p.proto === IPPROTO_TCP && p.l4 + 20 <= p.skb.data.length) || (p.proto === IPPROTO_UDP && p.l4 + 8 <= p.skb.data.length);
  }

  /** ip_vs_in_hook(): from a client to a virtual service. */
  private incoming(p: XtPacket): HookVerdict {
    const { skb } = p;
    if (!this.concerns(p) || (p.hook === 'INPUT' && skb.type !== 'host')) return 'accept';
    const b = skb.data;
    const cport = u16(b, p.l4);
    const vport = u16(b, p.l4 + 2);
    const key = { proto: p.proto, caddr: p.src as Ip4, cport, vaddr: p.dst as Ip4, vport };
    let conn = this.alive(this.byClient.get(clientKey(key)));
    const flags = p.proto === IPPROTO_TCP ? (b[p.l4 + 13] as number) : 0;
    const isNew = p.proto !== IPPROTO_TCP || (flags & 0x12) === 2;
    // A client that takes its port again begins a new connection (conn_reuse_mode).
    if (conn && isNew && p.proto === IPPROTO_TCP && (conn.state === 'TIME_WAIT' || conn.state === 'CLOSE')) {
      this.drop(conn);
      conn = null;
    }
    if (!conn) {
      const svc = this.serviceFor(skb.mark, key.proto, key.vaddr, vport);
      if (!svc || !isNew) return 'accept';
      conn = this.schedule(svc, key);
      if (!conn) {
        icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH);
        return this.ns.nf.dropped('IPVS_NO_SERVER');
      }
    }
    if (!conn.server.available) {
      if (this.ns.sysctl.int('net.ipv4.vs.expire_nodest_conn') > 0) this.drop(conn);
      return this.ns.nf.dropped('IPVS_SERVER_GONE');
    }
    for (const { stats } of [conn.server, conn.service]) {
      stats.inPackets++;
      stats.inBytes += b.length;
    }
    this.advance(conn, 'in', p);
    return this.transmit(p, conn);
  }

  private serviceFor(mark: number, proto: number, addr: Ip4, port: number): VirtualService | null {
    const marked = mark ? this.services.get(`fwmark/${mark}`) : undefined;
    const found = marked ?? this.services.get(`${proto}/${addr}/${port}`) ?? this.services.get(`${proto}/${addr}/0`);
    return found ?? null;
  }

  private schedule(svc: VirtualService, key: Pick<IpvsConn, 'proto' | 'caddr' | 'cport' | 'vaddr' | 'vport'>): IpvsConn | null {
    this.expire();
    const { persistent, netmask, port } = svc.config;
    const flow = { src: key.caddr, dst: key.vaddr };
    let template: IpvsConn | null = null;
    if (persistent > 0) {
      const tkey = { ...key, caddr: (key.caddr & netmask) >>> 0, cport: 0, vport: svc.config.fwmark || port === 0 ? 0 : key.vport };
      template = this.alive(this.byClient.get(clientKey(tkey)));
      if (!template?.server.available || template.server.weight === 0) {
        if (template) this.drop(template);
        const server = svc.schedule(svc.servers, flow);
        template = server && this.begin(this.connection(svc, server, tkey, true));
      }
      if (!template) return null;
      template.timeout = persistent;
      this.touch(template);
    }
    const server = template?.server ?? svc.schedule(svc.servers, flow);
    return server && this.begin(this.connection(svc, server, key, false));
  }

  private connection(
    svc: VirtualService,
    server: RealServer,
    key: Pick<IpvsConn, 'proto' | 'caddr' | 'cport' | 'vaddr' | 'vport'>,
    template: boolean,
  ): IpvsConn {
    const { config } = server;
    const now = this.ns.kernel.sim.now;
    const udp = key.proto === IPPROTO_UDP;
    const state = udp && !template ? 'UDP' : 'NONE';
    return {
      ...key,
      daddr: config.addr,
      dport: config.port || key.vport,
      service: svc,
      server,
      forward: config.forward,
      nfct: this.ns.sysctl.int('net.ipv4.vs.conntrack') > 0,
      template,
      state,
      oneWay: config.forward !== 'masq',
      inactive: false,
      timeout: this.timeoutOf(state),
      expires: now + this.timeoutOf(state) * SEC,
    };
  }

  /** The connection's way of forwarding. Models ip_vs_nat_xmit(), ip_vs_dr_xmit(), ip_vs_tunnel_xmit() */
  private transmit(p: XtPacket, conn: IpvsConn): HookVerdict {
    const { skb, ns } = p;
    if (conn.forward === 'local' || addrType(ns, conn.daddr) === 'local') {
      if (conn.forward !== 'route' && conn.daddr !== conn.vaddr) this.rewrite(p, conn, 'dst');
      else if (conn.dport !== conn.vport) this.rewrite(p, conn, 'dst');
      touched.set(skb, conn);
      if (p.hook === 'OUTPUT') skb.dst = null;
      return 'accept';
    }
    const route = routeOutput(ns, { dst: conn.daddr, tos: skb.data[1] as number, mark: skb.mark });
    if (!route.ok) return ns.nf.dropped('NO_ROUTE');
    const overhead = conn.forward === 'tunnel' ? 20 : 0;
    const mtu = route.value.dev.mtu - overhead;
    if (skb.gsoSize === 0 && skb.data.length > mtu && u16(skb.data, 6) & 0x4000) {
      icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
      return ns.nf.dropped('PKT_TOO_BIG');
    }
    if ((skb.data[8] as number) <= 1) {
      icmpSend(skb, ICMP_TIME_EXCEEDED, 0);
      return ns.nf.dropped('TTL_EXCEEDED');
    }
    skb.data[8] = (skb.data[8] as number) - 1;
    refreshIp4Checksum(skb.data);
    touched.set(skb, conn);
    this.track(skb, conn, conn.forward === 'masq');
    if (conn.forward === 'masq') this.rewrite(p, conn, 'dst');
    else if (conn.forward === 'tunnel') encapsulate(skb, route.value.src as Ip4, conn.daddr);
    skb.dst = null;
    ns.ip4.sendVia(skb, conn.daddr, null);
    return 'stolen';
  }

  private rewrite(p: XtPacket, conn: IpvsConn, side: 'src' | 'dst'): void {
    const to = side === 'dst' ? { addr: conn.daddr, port: conn.dport } : { addr: conn.vaddr, port: conn.vport };
    manipPacket(p.skb.data, 4, 0, p.l4, p.proto, side, to, undefined, p.skb.csumBytes > 0);
    if (side === 'dst') {
      p.dst = to.addr;
      p.dst32 = to.addr | 0;
    } else {
      p.src = to.addr;
      p.src32 = to.addr | 0;
    }
  }

  /** Tells connection tracking where answers come from, or keeps the packet from it. Models ip_vs_update_conntrack(), ip_vs_notrack() */
  private track(skb: Skb, conn: IpvsConn, alters: boolean): void {
    if (!conn.nfct) {
      skb.ct = null;
      skb.ctInfo = null;
      skb.untracked = true;
    } else if (alters && skb.ct && !skb.ct.confirmed && skb.ctInfo?.dir === 'original') {
      skb.ct.reply = { ...skb.ct.reply, src: conn.daddr, sport: conn.dport };
    }
  }

  /** ip_vs_out_hook(): from a real server back to the client. */
  private outgoing(p: XtPacket): HookVerdict {
    if (!this.concerns(p)) return 'accept';
    const { skb } = p;
    const b = skb.data;
    const key = { proto: p.proto, caddr: p.dst as Ip4, cport: u16(b, p.l4 + 2), daddr: p.src as Ip4, dport: u16(b, p.l4) };
    const conn = this.alive(this.byServer.get(serverKey(key)));
    if (!conn || (conn.forward !== 'masq' && conn.forward !== 'local')) return 'accept';
    for (const { stats } of [conn.server, conn.service]) {
      stats.outPackets++;
      stats.outBytes += b.length;
    }
    this.advance(conn, 'out', p);
    this.rewrite(p, conn, 'src');
    touched.set(skb, conn);
    this.track(skb, conn, false);
    return 'accept';
  }
}

function same(a: Pick<ServerConfig, 'addr' | 'port'>, b: Pick<ServerConfig, 'addr' | 'port'>): boolean {
  return a.addr === b.addr && a.port === b.port;
}

function clientKey(c: Pick<IpvsConn, 'proto' | 'caddr' | 'cport' | 'vaddr' | 'vport'>): string {
  return `${c.proto}/${c.caddr}:${c.cport}/${c.vaddr}:${c.vport}`;
}

function serverKey(c: Pick<IpvsConn, 'proto' | 'caddr' | 'cport' | 'daddr' | 'dport'>): string {
  return `${c.proto}/${c.caddr}:${c.cport}/${c.daddr}:${c.dport}`;
}

/** The packet inside another one to the server (IPIP). */
function encapsulate(skb: Skb, src: Ip4, dst: Ip4): void {
  skb.checksumHelp();
  const inner = skb.data;
  const b = alloc(inner.length + 20);
  b[0] = 0x45;
  b[1] = inner[1] as number;
  put16(b, 2, b.length);
  put16(b, 4, 1 + skb.sim.rng('ipid').below(65535));
  put16(b, 6, u16(inner, 6) & 0x4000);
  b[8] = inner[8] as number;
  b[9] = 4;
  writeIp4(b, 12, src);
  writeIp4(b, 16, dst);
  b.set(inner, 20);
  refreshIp4Checksum(b);
  skb.data = b;
}
