import { expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import { NUD_PERMANENT } from '../neigh/nud.ts';
import { Skb } from '../skb.ts';
import { type RouteType, RT_TABLE_MAIN, RTPROT_STATIC } from './fib.ts';
import { addAddr, delAddr } from './ifaddr.ts';
import { acceptRedirect } from './pmtu.ts';
import { type Dst, routeInput, routeOutput } from './route.ts';

/** What a decision says, without the objects that carry it. */
function words(r: { ok: true; value: Dst } | { ok: false; errno: string }): string {
  if (!r.ok) return r.errno;
  const { kind, type, dev, gateway, src, table, routeMtu, redirect, generation, route } = r.value;
  return [kind, type, dev.name, gateway, src, table, routeMtu, redirect, generation, route?.metric].join(' ');
}

test('remembered routes are those of a fresh look-up, whatever is changed in between', () => {
  const sim = new Sim(11);
  const rng = sim.rng('changes');
  const ns = new Kernel(sim, 'h').newNetns();
  ns.lo.setUp();
  const pairs = [0, 1].map((i) => {
    const dev = new Veth(ns, `eth${i}`);
    const peer = new Veth(ns.kernel.init, `p${i}`);
    Veth.pair(dev, peer);
    peer.setUp();
    dev.setUp();
    return { dev, peer };
  });
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)] as T;
  const addrs = [0x0a000001, 0x0a000101, 0x0a000201, 0xc0a80001];
  const targets = [0x0a000002, 0x0a000102, 0x0a000201, 0x08080808, 0xc0a80005, 0x7f000001];
  const types: RouteType[] = ['unicast', 'unicast', 'unicast', 'blackhole', 'unreachable', 'prohibit'];
  const route = () => {
    const type = pick(types);
    const gateway = pick([null, 0x0a000003, 0x0a000103]);
    return {
      family: 4 as const,
      dst: pick([
        { addr: 0, len: 0 },
        { addr: 0x08080000, len: 16 },
        { addr: 0x0a000100, len: 24 },
      ]),
      type,
      table: RT_TABLE_MAIN,
      proto: RTPROT_STATIC,
      metric: pick([0, 10]),
      nexthops: type === 'unicast' ? [{ dev: pick(pairs).dev, gateway }] : [],
    };
  };
  const changes: (() => unknown)[] = [
    () => addAddr(pick(pairs).dev, { local: pick(addrs), len: pick([24, 32]) }),
    () => delAddr(pick(pairs).dev, { local: pick(addrs) }),
    () => ns.fib.add(route(), pick(['add', 'append', 'replace'] as const)),
    () => ns.fib.add(route(), 'replace'),
    () => ns.fib.del({ family: 4, dst: route().dst }),
    () => pick(pairs).dev.setDown(),
    () => pick(pairs).dev.setUp(),
    () => pick(pairs).peer.setDown(),
    () => pick(pairs).peer.setUp(),
    () => pick(pairs).dev.setMtu(pick([1280, 1500])),
    () => ns.sysctl.set('net.ipv4.ip_forward', pick(['0', '1'])),
    () => ns.sysctl.set('net.ipv4.conf.all.rp_filter', pick(['0', '1', '2'])),
    () => ns.sysctl.set('net.ipv4.conf.all.route_localnet', pick(['0', '1'])),
    () => acceptRedirect(ns, pick(pairs).dev, 0x0a000003, 0x08080808, 0x0a000004),
    () => sim.runUntil(sim.now + pick([1_000, 1_000_000, 400_000_000])),
  ];
  let decided = 0;
  for (let round = 0; round < 1500; round++) {
    pick(changes)();
    // A rule of one's own turns the memory off for good: late in the run.
    if (round === 1200) ns.fib.rules.add({ family: 4, fwmark: 5, table: RT_TABLE_MAIN });
    for (let i = 0; i < 8; i++) {
      const dst = pick(targets);
      const src = pick([null, ...addrs]);
      const oif = pick([null, null, ...pairs.map((p) => p.dev)]);
      const [mark, tos] = [pick([0, 5]), pick([0, 0x10])];
      const remembered = ns.ip4.routes.output(dst, src, oif, mark, tos, 17, 1, 2, 0);
      expect(words(remembered)).toBe(words(routeOutput(ns, { dst, src, oif, mark, tos, proto: 17, sport: 1, dport: 2, uid: 0 })));
      const iif = pick(pairs).dev;
      const from = pick(targets);
      const skb = new Skb(
        sim,
        0x0800,
        Uint8Array.of(0x45, tos, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0, 0),
      );
      skb.mark = mark;
      const received = ns.ip4.routes.input(skb, from, dst, iif);
      expect(words(received)).toBe(words(routeInput(ns, { dst, src: from, iif, mark, tos, proto: 17, sport: 1, dport: 2 })));
      if (remembered.ok) decided++;
    }
  }
  expect(decided).toBeGreaterThan(1000);
});

test('a redirect counts for 300 s and then no longer, without any other change', () => {
  const sim = new Sim(12);
  const ns = new Kernel(sim, 'h').newNetns();
  const dev = new Veth(ns, 'eth0');
  const peer = new Veth(ns.kernel.init, 'p0');
  Veth.pair(dev, peer);
  peer.setUp();
  dev.setUp();
  addAddr(dev, { local: 0x0a000001, len: 24 });
  const [router, better, far] = [0x0a000003, 0x0a000004, 0x08080808];
  ns.fib.add({ family: 4, dst: { addr: 0, len: 0 }, nexthops: [{ dev, gateway: router }] });
  ns.neigh.add(dev, better, { mac: 0x020000000004, state: NUD_PERMANENT }, 'add');
  const gateway = (): unknown => {
    const r = ns.ip4.routes.output(far, null, null, 0, 0, 17, 1, 2, 0);
    return r.ok ? r.value.gateway : r.errno;
  };
  expect(gateway()).toBe(router);
  acceptRedirect(ns, dev, router, far, better);
  expect(gateway()).toBe(better);
  sim.runUntil(sim.now + 299_000_000);
  expect(gateway()).toBe(better);
  const { generation } = ns.fib;
  sim.runUntil(sim.now + 2_000_000);
  expect(ns.fib.generation).toBe(generation);
  expect(gateway()).toBe(router);
});
