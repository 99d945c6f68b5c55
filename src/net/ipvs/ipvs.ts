/**
 * IPVS: virtual services shared out among real servers, per namespace. Models net/netfilter/ipvs/ip_vs_core.c, ip_vs_ctl.c, ip_vs_conn.c
 *
 *   client ─► INPUT or OUTPUT: a server is chosen, the destination rewritten ─► OUTPUT ─► POSTROUTING ─► server
 *   server ─► FORWARD, INPUT or OUTPUT: the source becomes the virtual one again ─► client
 */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import type { Ip4 } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH } from '../../wire/icmp.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipv4.ts';
import { icmpSend } from '../ip/icmp.ts';
import { addrType } from '../ip/route.ts';
import type { Hook, HookVerdict } from '../netfilter/netfilter.ts';
import { PRIORITY } from '../netfilter/priority.ts';
import type { XtPacket } from '../netfilter/xt/packet.ts';
import type { Netns } from '../netns.ts';
import { SCHEDULERS } from './sched.ts';
import {
  clientKey,
  type IpvsConn,
  keyOf,
  noStats,
  RealServer,
  type ServerConfig,
  type ServiceConfig,
  type ServiceKey,
  same,
  serverKey,
  VirtualService,
} from './service.ts';
import { isActive, nextTcpState, TCP_TIMEOUTS, type TcpState } from './state.ts';
import { rewrite, touched, track, transmit } from './xmit.ts';

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
    return transmit(p, conn);
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
    rewrite(p, conn, 'src');
    touched.set(skb, conn);
    track(skb, conn, false);
    return 'accept';
  }
}
