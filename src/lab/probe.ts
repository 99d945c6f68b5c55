/** Probes: real packets from real sockets, and what came of them, with the place where the last packet ended. */

import { RawSocket } from '../net/sock/raw.ts';
import { TcpSocket } from '../net/sock/tcp/tcp.ts';
import { drive } from '../os/run.ts';
import { SEC } from '../sim/sim.ts';
import type { TraceEvent } from '../sim/trace.ts';
import { formatIp, type IpAddr, isMulticast, parseIp, readIp4 } from '../wire/addr.ts';
import { text, u16, utf8 } from '../wire/bytes.ts';
import { ETH_P_ARP, ETH_P_IP } from '../wire/ethernet.ts';
import { emitIcmp, ICMP_ECHO, parseIcmp } from '../wire/icmp.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, parseIpv4 } from '../wire/ipv4.ts';
import { nameOf, type Spot } from './place.ts';
import type { World } from './world.ts';

/** A probe is given up after this much virtual time. */
const PATIENCE = 4 * SEC;
/** Longer than a neighbour takes to be given up, so that the answer names it. */
const PING_PATIENCE = 3.5 * SEC;
const MAX_EVENTS = 200_000;

export type PingOutcome =
  | { kind: 'reply'; ttl: number }
  | { kind: 'silence' }
  | { kind: 'too-long'; mtu: number | null }
  | { kind: 'error'; text: string };

export type HttpOutcome =
  | { kind: 'answer'; status: number; body: string }
  | { kind: 'refused' | 'timeout' | 'unreachable' | 'reset'; text: string };

export interface Probed<T> {
  readonly outcome: T;
  /** Where the last packet of the probe ended, when it did not arrive. */
  readonly hop: string | undefined;
}

/** IPv4 unicast of the probe's protocol, or ARP: what else passes meanwhile is not the probe's. */
function belongs(frame: Uint8Array, proto: number): boolean {
  const type = u16(frame, 12);
  if (type === ETH_P_ARP) return true;
  return type === ETH_P_IP && frame.length >= 34 && (frame[23] === proto || frame[23] === IPPROTO_UDP) && !isMulticast(readIp4(frame, 30));
}

/** Listens to the trace while `run` runs: the last drop of a packet of the probe, or else the last place where one was seen. */
function watched<T>(world: World, proto: number, run: () => T): Probed<T> {
  const place = (e: { host: string; ns: string; dev: string }): string => `${nameOf(world, e.host, e.ns)} ${e.dev}`;
  const foreign = new Set<number>();
  let drop: string | undefined;
  let last: string | undefined;
  const stop = world.sim.trace.listen((e: TraceEvent) => {
    if (e.kind === 'net.drop') {
      if (!foreign.has(e.skb) && !foreign.has(e.parent)) drop = `${place(e)}: ${e.reason}`;
    } else if (e.kind === 'net.rx' || e.kind === 'net.tx') {
      if (belongs(e.bytes, proto)) last = `${place(e)}: last seen here`;
      else foreign.add(e.skb);
    }
  });
  try {
    return { outcome: run(), hop: drop ?? last };
  } finally {
    stop();
  }
}

const UNREACHABLE: Record<string, string> = {
  ENETUNREACH: 'network is unreachable',
  EHOSTUNREACH: 'no route to host',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'no source address',
  EINVAL: 'invalid argument',
};

/** One echo request with `size` bytes of data; DF as asked. */
export function ping(spot: Spot, to: string, size: number, df: boolean): Probed<PingOutcome> {
  const { sim } = spot.machine;
  return watched(spot.world, IPPROTO_ICMP, () => {
    const dst = parseIp(to) as IpAddr;
    const sock = new RawSocket(spot.ns, 4, 1);
    try {
      sock.opt.mtuDiscover = df ? 'do' : 'dont';
      const id = 0x4000 | sim.rng('probe').below(0x3fff);
      const request = emitIcmp({ type: ICMP_ECHO, code: 0, rest: ((id << 16) | 1) >>> 0, payload: new Uint8Array(size).fill(0x68) });
      const sent = sock.sendTo(request, dst);
      if (!sent.ok) {
        if (sent.errno === 'EMSGSIZE') return { kind: 'too-long', mtu: null };
        return { kind: 'error', text: UNREACHABLE[sent.errno] ?? sent.errno };
      }
      let outcome: PingOutcome | null = null;
      drive(
        sim,
        () => {
          while (outcome === null) {
            const r = sock.recv();
            if (!r.ok) {
              if (r.errno !== 'EAGAIN') outcome = { kind: 'error', text: UNREACHABLE[r.errno] ?? r.errno };
              break;
            }
            const ip = parseIpv4(r.value.data);
            const icmp = ip ? parseIcmp(ip.payload) : null;
            if (!ip || !icmp) continue;
            if (icmp.type === 0 && icmp.rest >>> 16 === id && ip.src === dst) outcome = { kind: 'reply', ttl: ip.ttl };
            else if ((icmp.type === 3 || icmp.type === 11) && quotes(icmp.payload, id)) {
              const what =
                icmp.type === 11
                  ? 'time to live exceeded'
                  : icmp.code === 4
                    ? `fragmentation needed (mtu ${icmp.rest & 0xffff})`
                    : 'destination unreachable';
              outcome = { kind: 'error', text: `${what}, says ${formatIp(ip.src)}` };
            }
          }
          return outcome !== null;
        },
        { micros: PING_PATIENCE, steps: MAX_EVENTS },
      );
      return outcome ?? { kind: 'silence' };
    } finally {
      sock.close();
    }
  });
}

function quotes(payload: Uint8Array, id: number): boolean {
  const inner = parseIpv4(payload, true);
  return inner !== null && inner.payload.length >= 8 && (((inner.payload[4] as number) << 8) | (inner.payload[5] as number)) === id;
}

/** GET over a fresh connection, HTTP/1.1 with Connection: close. */
export function http(spot: Spot, url: string): Probed<HttpOutcome> {
  const { sim } = spot.machine;
  return watched(spot.world, IPPROTO_TCP, () => {
    const m = /^http:\/\/([0-9.]+)(?::(\d+))?(\/.*)$/.exec(url);
    const dst = m ? parseIp(m[1] as string) : null;
    if (!m || dst === null) return { kind: 'unreachable', text: `not a URL with an address: ${url}` };
    const sock = new TcpSocket(spot.ns, 4);
    try {
      const started = sock.connect(dst, Number(m[2] ?? 80));
      if (!started.ok && started.errno !== 'EINPROGRESS') return { kind: 'unreachable', text: UNREACHABLE[started.errno] ?? started.errno };
      drive(sim, () => !sock.connecting, { micros: PATIENCE, steps: MAX_EVENTS });
      if (sock.connecting) return { kind: 'timeout', text: 'no answer to the connection request' };
      const error = sock.takeError();
      if (error === 'ECONNREFUSED') return { kind: 'refused', text: 'connection refused' };
      if (error !== null) return { kind: error === 'ETIMEDOUT' ? 'timeout' : 'unreachable', text: UNREACHABLE[error] ?? error };
      sock.send(utf8(`GET ${m[3]} HTTP/1.1\r\nHost: ${m[1]}\r\n\r\n`));
      let answer = '';
      let ended: HttpOutcome | null = null;
      const whole = (): boolean => {
        const head = answer.indexOf('\r\n\r\n');
        const length = /content-length: *(\d+)/i.exec(answer)?.[1];
        return head >= 0 && length !== undefined && answer.length >= head + 4 + Number(length);
      };
      drive(
        sim,
        () => {
          while (ended === null && !whole()) {
            const r = sock.recv();
            if (!r.ok) {
              if (r.errno !== 'EAGAIN') ended = { kind: r.errno === 'ECONNRESET' ? 'reset' : 'timeout', text: r.errno };
              break;
            }
            if (r.value.length === 0) {
              ended = { kind: 'reset', text: 'the server closed early' };
              break;
            }
            answer += text(r.value);
          }
          return ended !== null || whole();
        },
        { micros: PATIENCE, steps: MAX_EVENTS },
      );
      if (!whole()) return ended ?? { kind: 'timeout', text: 'connected, but no whole answer came' };
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);
      return { kind: 'answer', status, body: answer.slice(answer.indexOf('\r\n\r\n') + 4) };
    } finally {
      sock.close();
    }
  });
}
