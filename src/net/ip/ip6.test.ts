import { expect, test } from 'vitest';
import { SEC, Sim } from '../../sim/sim.ts';
import { formatIp, parseIp6 } from '../../wire/addr.ts';
import { emitIcmp6 } from '../../wire/icmp6.ts';
import { parseMac } from '../../wire/mac.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import type { Netns } from '../netns.ts';
import { RawSocket } from '../sock/raw.ts';
import { addAddr, IFA_F_DADFAILED, IFA_F_TENTATIVE } from './ifaddr.ts';

const ip = (t: string): bigint => parseIp6(t) as bigint;

/** a fd00:1::2 ── fd00:1::1 r fd00:2::1 ── fd00:2::2 b */
function world() {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'h');
  const [a, r, b] = [kernel.newNetns(), kernel.newNetns(), kernel.newNetns()];
  let mac = parseMac('02:00:00:00:00:0a') as number;
  const wire = (x: Netns, nx: string, y: Netns, ny: string): [Veth, Veth] => {
    const pair: [Veth, Veth] = [new Veth(x, nx), new Veth(y, ny)];
    Veth.pair(...pair);
    for (const d of pair) {
      d.setMac(mac++);
      d.setUp();
    }
    return pair;
  };
  for (const ns of [a, r, b]) ns.lo.setUp();
  const [a0, r0] = wire(a, 'eth0', r, 'eth0');
  const [r1, b0] = wire(r, 'eth1', b, 'eth0');
  sim.runUntil(sim.now + SEC / 10);
  return { sim, a, r, b, a0, r0, r1, b0 };
}

const flags = (d: Veth): string[] =>
  d.addrs6.map(
    (x) => `${formatIp(x.local)}/${x.len}${x.flags & IFA_F_TENTATIVE ? ' tentative' : ''}${x.flags & IFA_F_DADFAILED ? ' dadfailed' : ''}`,
  );

test('link-local address: EUI-64, tentative until nobody answers', () => {
  const { sim, a0, a } = world();
  sim.runUntil(sim.now + SEC);
  expect(flags(a0)[0]).toContain('fe80::ff:fe00:a/64');
  sim.runUntil(sim.now + 4 * SEC);
  expect(flags(a0)).toEqual(['fe80::ff:fe00:a/64']);
  expect(a.fib.list(6).map((r) => `${r.type} ${formatIp(r.dst.addr)}/${r.dst.len} ${r.metric}`)).toEqual([
    'unicast fe80::/64 256',
    'local ::1/128 0',
    'local fe80::ff:fe00:a/128 0',
    'multicast ff00::/8 256',
  ]);
  a0.setDown();
  expect(flags(a0)).toEqual([]);
});

test('a duplicate address stays tentative', () => {
  const { sim, a0, r0 } = world();
  sim.runUntil(sim.now + 5 * SEC);
  addAddr(r0, { local: ip('fd00:1::9'), len: 64 });
  sim.runUntil(sim.now + 5 * SEC);
  addAddr(a0, { local: ip('fd00:1::9'), len: 64 });
  sim.runUntil(sim.now + 5 * SEC);
  expect(flags(a0)).toEqual(['fd00:1::9/64 tentative dadfailed', 'fe80::ff:fe00:a/64']);
});

test.each([
  ['answers', 'fd00:2::2', 64, 56, ['fd00:2::2 129']],
  ['in fragments', 'fd00:2::2', 64, 4000, ['fd00:2::2 129']],
  ['hop limit', 'fd00:2::2', 1, 56, ['fd00:1::1 3']],
  ['nobody there', 'fd00:2::9', 64, 56, ['fd00:1::1 1']],
  ['no route', 'fd00:9::9', 64, 56, ['fd00:1::1 1']],
])('ping through a router: %s', (_name, to, hopLimit, size, expected) => {
  const { sim, a, r, a0, r0, r1, b0, b } = world();
  for (const [d, t] of [
    [a0, 'fd00:1::2'],
    [r0, 'fd00:1::1'],
    [r1, 'fd00:2::1'],
    [b0, 'fd00:2::2'],
  ] as const) {
    addAddr(d, { local: ip(t), len: 64 });
  }
  r.sysctl.set('net.ipv6.conf.all.forwarding', '1');
  sim.runUntil(sim.now + 5 * SEC);
  for (const [ns, gw] of [
    [a, 'fd00:1::1'],
    [b, 'fd00:2::1'],
  ] as const) {
    expect(ns.fib.add({ family: 6, dst: { addr: 0n, len: 0 }, nexthops: [{ gateway: ip(gw) }] }).ok).toBe(true);
  }
  const sock = new RawSocket(a, 6, 58);
  const src = ip('fd00:1::2');
  const payload = emitIcmp6({ type: 128, code: 0, rest: 1, payload: new Uint8Array(size) }, src, ip(to));
  expect(a.ip6.output({ src, dst: ip(to), proto: 58, payload, hopLimit })).toMatchObject({ ok: true });
  sim.runUntil(sim.now + 5 * SEC);
  const got: string[] = [];
  for (let m = sock.recv(); m.ok; m = sock.recv())
    if ((m.value.data[0] as number) < 130) got.push(`${formatIp(m.value.from)} ${m.value.data[0]}`);
  expect(got).toEqual(expected);
});
