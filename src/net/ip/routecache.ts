/** Remembers routes of both directions until anything changes, and tells the trace of routing decisions. Linux keeps them with the next hop (rt_cache_route) */

import type { Result } from '../../sim/errno.ts';
import { formatIp, type IpAddr, readIp4, readIp6 } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
import { IPPROTO_TCP, IPPROTO_UDP, ip4HeaderLen } from '../../wire/ipv4.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { type Dst, type Flow, routeInput, routeOutput } from './route.ts';

declare module '../../sim/trace.ts' {
  interface TraceEvents {
    /** Where the packet goes: `local`, or by `dev` and `via` (empty when on link). */
    'net.route': { skb: number; host: string; ns: string; dst: string; table: number; type: string; via: string; dev: string };
  }
}

interface Entry {
  src: number;
  dst: number;
  iif: NetDevice;
  mark: number;
  tos: number;
  result: Result<Dst>;
}

interface OutEntry {
  src: number | null;
  dst: number;
  oif: NetDevice | null;
  mark: number;
  tos: number;
  result: Result<Dst>;
}

const SLOTS = 512;

export class RouteCache {
  private readonly ns: Netns;
  private slots: (Entry | undefined)[] = [];
  private outSlots: (OutEntry | undefined)[] = [];
  private generation = 0;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** routeInput() for a received IPv4 packet. */
  input(skb: Skb, src: number, dst: number, iif: NetDevice): Result<Dst> {
    const tos = (skb.data[1] as number) & 0x1c;
    this.check();
    const slot = (Math.imul(src ^ Math.imul(dst, 0x9e3779b1), 0x85ebca6b) >>> 23) & (SLOTS - 1);
    const e = this.slots[slot];
    if (e && e.dst === dst && e.src === src && e.iif === iif && e.mark === skb.mark && e.tos === tos) return e.result;
    const flow: Flow & { iif: NetDevice; src: number } = { dst, src, iif, mark: skb.mark, tos };
    const plain = this.ns.fib.rules.plain[4];
    ports(flow, skb.data);
    const found = routeInput(this.ns, flow);
    if (found.ok && plain && found.value.route && found.value.route.nexthops.length < 2)
      this.slots[slot] = { src, dst, iif, mark: skb.mark, tos, result: found };
    return found;
  }

  /** routeOutput() of an IPv4 flow. What depends on more than these keys, or on time, is looked up every time. */
  output(
    dst: number,
    src: number | null,
    oif: NetDevice | null,
    mark: number,
    tos: number,
    proto: number,
    sport: number,
    dport: number,
    uid: number,
  ): Result<Dst> {
    this.check();
    const slot = (Math.imul((src ?? 0) ^ Math.imul(dst, 0x9e3779b1), 0x85ebca6b) >>> 23) & (SLOTS - 1);
    const e = this.outSlots[slot];
    if (e && e.dst === dst && e.src === src && e.oif === oif && e.mark === mark && e.tos === tos) return e.result;
    const found = routeOutput(this.ns, { dst, src, oif, mark, tos, proto, sport, dport, uid });
    if (!found.ok || !this.ns.fib.rules.plain[4]) return found;
    const { route, nh } = found.value;
    if (route && route.nexthops.length < 2 && !nh?.exceptions) this.outSlots[slot] = { src, dst, oif, mark, tos, result: found };
    return found;
  }

  private check(): void {
    if (this.generation === this.ns.fib.generation) return;
    if (this.slots.length > 0) this.slots = [];
    if (this.outSlots.length > 0) this.outSlots = [];
    this.generation = this.ns.fib.generation;
  }
}

/** fib4_rules_early_flow_dissect(), and fib_multipath_hash() of what is forwarded */
function ports(flow: Flow, b: Uint8Array): void {
  const proto = b[9] as number;
  flow.proto = proto;
  const at = ip4HeaderLen(b);
  if ((proto !== IPPROTO_TCP && proto !== IPPROTO_UDP) || b.length < at + 4 || u16(b, 6) & 0x1fff) return;
  flow.sport = u16(b, at);
  flow.dport = u16(b, at + 2);
}

export function traceRoute(skb: Skb, dst: Dst): void {
  const { kernel } = dst.ns;
  const to: IpAddr = dst.family === 4 ? readIp4(skb.data, 16) : readIp6(skb.data, 24);
  const event = {
    skb: skb.id,
    host: kernel.hostname,
    ns: kernel.nameOf(dst.ns) ?? '',
    dst: formatIp(to),
    table: dst.table,
    type: dst.type,
    via: dst.gateway === null ? '' : formatIp(dst.gateway),
    dev: dst.kind === 'local' ? (dst.iif?.name ?? 'lo') : dst.dev.name,
  };
  skb.sim.trace.emit('net.route', event, skb, dst);
}
