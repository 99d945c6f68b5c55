import { describe, expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { formatIp4, parseIp4 } from '../../wire/addr.ts';
import { emitIcmp, parseIcmp } from '../../wire/icmp.ts';
import { parseIpv4 } from '../../wire/ipv4.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import type { Netns } from '../netns.ts';
import { RawSocket } from '../sock/raw.ts';
import { addAddr } from './ifaddr.ts';
import { dstMtu, routeOutput } from './route.ts';

/**
 *   a 10.0.1.2/24 ── 10.0.1.1 r 10.0.2.1 ── 10.0.2.2/24 b
 */
const ip = (text: string): number => parseIp4(text) as number;

function wire(x: Netns, nx: string, ax: string, y: Netns, ny: string, ay: string): void {
  const dx = new Veth(x, nx);
  const dy = new Veth(y, ny);
  Veth.pair(dx, dy);
  for (const [d, a] of [
    [dx, ax],
    [dy, ay],
  ] as const) {
    addAddr(d, { local: ip(a), len: 24 });
    d.setUp();
  }
}

function gateway(ns: Netns, gw: string): void {
  const r = ns.fib.add({ family: 4, dst: { addr: 0, len: 0 }, nexthops: [{ gateway: ip(gw) }] });
  expect(r).toMatchObject({ ok: true });
}

function world() {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'host');
  const [a, r, b] = [kernel.newNetns(), kernel.newNetns(), kernel.newNetns()];
  for (const ns of [a, r, b]) ns.lo.setUp();
  wire(a, 'eth0', '10.0.1.2', r, 'eth0', '10.0.1.1');
  wire(r, 'eth1', '10.0.2.1', b, 'eth0', '10.0.2.2');
  sim.runUntil(2_000_000);
  gateway(a, '10.0.1.1');
  gateway(b, '10.0.2.1');
  r.sysctl.set('net.ipv4.ip_forward', '1');
  const sock = new RawSocket(a, 4, 1);
  const ping = (to: string, o: { ttl?: number; size?: number; df?: boolean } = {}): string[] => {
    while (sock.recv().ok);
    const payload = emitIcmp({ type: 8, code: 0, rest: 0x10001, payload: new Uint8Array(o.size ?? 56) });
    const sent = a.ip4.output({
      src: null,
      dst: ip(to),
      proto: 1,
      payload,
      ...(o.ttl ? { ttl: o.ttl } : {}),
      ...(o.df === undefined ? {} : { df: o.df }),
    });
    if (!sent.ok) return [sent.errno];
    sim.runUntil(sim.now + 4_000_000);
    const out: string[] = [];
    for (;;) {
      const got = sock.recv();
      if (!got.ok) return out;
      const p = parseIpv4(got.value.data);
      const m = p && parseIcmp(p.payload);
      if (p && m) out.push(`${formatIp4(p.src)} ${m.type}/${m.code} ttl ${p.ttl}${m.type === 3 && m.code === 4 ? ` mtu ${m.rest}` : ''}`);
    }
  };
  return { sim, a, r, b, ping };
}

type World = ReturnType<typeof world>;

function narrow(w: World): void {
  w.r.device('eth1')?.setMtu(1400);
  w.b.device('eth0')?.setMtu(1400);
}

describe('forwarding through a router', () => {
  test.each<[string, string, Parameters<World['ping']>[1], (w: World) => void, string[]]>([
    ['answers', '10.0.2.2', {}, () => {}, ['10.0.2.2 0/0 ttl 63']],
    ['the router itself', '10.0.2.1', {}, () => {}, ['10.0.2.1 0/0 ttl 64']],
    ['ttl 1', '10.0.2.2', { ttl: 1 }, () => {}, ['10.0.1.1 11/0 ttl 64']],
    ['no neighbour', '10.0.2.9', {}, () => {}, ['10.0.1.1 3/1 ttl 64']],
    ['no route', '10.9.9.9', {}, () => {}, ['10.0.1.1 3/0 ttl 64']],
    ['not forwarding', '10.0.2.2', {}, (w) => w.r.sysctl.set('net.ipv4.ip_forward', '0'), []],
    ['too big with DF', '10.0.2.2', { size: 1472, df: true }, narrow, ['10.0.1.1 3/4 ttl 64 mtu 1400']],
    ['too big without DF', '10.0.2.2', { size: 1472, df: false }, narrow, ['10.0.2.2 0/0 ttl 63']],
    ['own neighbour missing', '10.0.1.77', {}, () => {}, ['10.0.1.2 3/1 ttl 64']],
    ['larger than the link', '10.0.2.2', { size: 1473, df: true }, () => {}, ['EMSGSIZE']],
    ['fragments', '10.0.2.2', { size: 4000 }, () => {}, ['10.0.2.2 0/0 ttl 63']],
    [
      'prohibited',
      '10.7.7.7',
      {},
      (w) => w.r.fib.add({ family: 4, dst: { addr: ip('10.7.0.0'), len: 16 }, type: 'prohibit' }),
      ['10.0.1.1 3/13 ttl 64'],
    ],
    ['black hole', '10.7.7.7', {}, (w) => w.r.fib.add({ family: 4, dst: { addr: ip('10.7.0.0'), len: 16 }, type: 'blackhole' }), []],
    [
      'strict rp_filter',
      '10.0.2.2',
      {},
      (w) => {
        expect(w.ping('10.0.2.2')).toHaveLength(1);
        w.r.sysctl.set('net.ipv4.conf.all.rp_filter', '1');
        w.r.fib.add({ family: 4, dst: { addr: ip('10.0.1.2'), len: 32 }, nexthops: [{ dev: w.r.device('eth1') ?? null }] });
      },
      [],
    ],
    ['itself', '10.0.1.2', {}, () => {}, ['10.0.1.2 8/0 ttl 64', '10.0.1.2 0/0 ttl 64']],
  ])('%s', (_name, to, o, prepare, expected) => {
    const w = world();
    prepare(w);
    expect(w.ping(to, o)).toEqual(expected);
  });

  test('learns the path MTU', () => {
    const w = world();
    narrow(w);
    w.ping('10.0.2.2', { size: 1472, df: true });
    const dst = routeOutput(w.a, { dst: ip('10.0.2.2') });
    expect(dst.ok && dstMtu(dst.value, ip('10.0.2.2'))).toBe(1400);
    expect(w.ping('10.0.2.2', { size: 1472, df: true })).toEqual(['EMSGSIZE']);
    expect(w.ping('10.0.2.2', { size: 1472 })).toEqual(['10.0.2.2 0/0 ttl 63']);
  });

  test('six errors at once, then one a second', () => {
    const w = world();
    const answered = Array.from({ length: 8 }, () => w.ping('10.0.2.2', { ttl: 1 }).length);
    expect(answered).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    const { sim, a } = w;
    const sock = new RawSocket(a, 4, 1);
    sim.runUntil(sim.now + 10_000_000);
    for (let i = 0; i < 8; i++) {
      a.ip4.output({
        src: null,
        dst: ip('10.0.2.2'),
        proto: 1,
        ttl: 1,
        payload: emitIcmp({ type: 8, code: 0, rest: i, payload: new Uint8Array(8) }),
      });
      sim.runUntil(sim.now + 100_000);
    }
    let n = 0;
    while (sock.recv().ok) n++;
    expect(n).toBe(6);
  });
});
