/** Virtual services, real servers and connections of IPVS, and what names each. Models struct ip_vs_service, ip_vs_dest, ip_vs_conn of include/net/ip_vs.h */

import type { Ip4 } from '../../wire/addr.ts';
import type { Scheduler } from './sched.ts';
import type { TcpState } from './state.ts';

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

export const noStats = (): IpvsStats => ({ conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 });

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

export function keyOf(k: ServiceKey): string {
  return k.fwmark ? `fwmark/${k.fwmark}` : `${k.proto}/${k.addr}/${k.port}`;
}

export function same(a: Pick<ServerConfig, 'addr' | 'port'>, b: Pick<ServerConfig, 'addr' | 'port'>): boolean {
  return a.addr === b.addr && a.port === b.port;
}

export function clientKey(c: Pick<IpvsConn, 'proto' | 'caddr' | 'cport' | 'vaddr' | 'vport'>): string {
  return `${c.proto}/${c.caddr}:${c.cport}/${c.vaddr}:${c.vport}`;
}

export function serverKey(c: Pick<IpvsConn, 'proto' | 'caddr' | 'cport' | 'daddr' | 'dport'>): string {
  return `${c.proto}/${c.caddr}:${c.cport}/${c.daddr}:${c.dport}`;
}
