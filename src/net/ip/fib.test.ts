import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { formatIp, type IpAddr, inPrefix, network, parseIp4 } from '../../wire/addr.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import type { Netns } from '../netns.ts';
import { type FibRoute, RT_TABLE_LOCAL, RT_TABLE_MAIN } from './fib.ts';
import { FibTable } from './fib-table.ts';
import { addAddr, delAddr, IFA_F_SECONDARY } from './ifaddr.ts';
import { routeOutput } from './route.ts';

const route = (addr: number | bigint, len: number): FibRoute =>
  ({ family: typeof addr === 'number' ? 4 : 6, dst: { addr: network(addr, len), len } }) as unknown as FibRoute;

const v4: fc.Arbitrary<{ addr: IpAddr; len: number }> = fc.record({ addr: fc.nat(0xffffffff), len: fc.nat(32) });
const v6: fc.Arbitrary<{ addr: IpAddr; len: number }> = fc.record({ addr: fc.bigInt(0n, (1n << 128n) - 1n), len: fc.nat(128) });

describe('longest prefix match', () => {
  test.each([
    ['IPv4', v4, 4 as const],
    ['IPv6', v6, 6 as const],
  ])('%s agrees with brute force, also after removals', (_name, prefix, family) => {
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 40 }),
        fc.array(fc.nat(39)),
        fc.array(prefix, { maxLength: 10 }),
        (prefixes, removed, targets) => {
          const table = new FibTable(254, family);
          let routes = prefixes.map((p) => route(p.addr, p.len));
          for (const r of routes) table.insert(r, table.at(r.dst.addr, r.dst.len).length);
          for (const i of removed) if (routes[i] && table.remove(routes[i])) routes = routes.filter((r) => r !== routes[i]);
          for (const target of [...targets.map((t) => t.addr), ...routes.map((r) => r.dst.addr)]) {
            const best = routes.filter((r) => inPrefix(target, r.dst.addr, r.dst.len)).sort((a, b) => b.dst.len - a.dst.len)[0];
            const found = table.lookup(target);
            expect(found?.dst ?? null).toEqual(best?.dst ?? null);
          }
          expect(table.size).toBe(routes.length);
          expect(table.list()).toHaveLength(routes.length);
        },
      ),
    );
  });
});

const ip = (t: string): number => parseIp4(t) as number;

function host(): { ns: Netns; eth0: Veth; peer: Veth; sim: Sim; show(table?: number): string[] } {
  const sim = new Sim(1);
  const ns = new Kernel(sim, 'h').newNetns();
  const eth0 = new Veth(ns, 'eth0');
  const peer = new Veth(ns, 'peer0');
  Veth.pair(eth0, peer);
  const show = (table = RT_TABLE_MAIN): string[] =>
    ns.fib.list(4, table).map((r) => {
      const nh = r.nexthops[0];
      const words = [
        r.type === 'unicast' ? '' : r.type,
        `${formatIp(r.dst.addr)}/${r.dst.len}`,
        nh?.gateway != null ? `via ${formatIp(nh.gateway)}` : '',
        nh?.dev?.name ?? '',
      ];
      if (r.prefsrc !== null) words.push(`src ${formatIp(r.prefsrc)}`);
      if (nh?.linkdown) words.push('linkdown');
      return words.filter((w) => w !== '').join(' ');
    });
  return { ns, eth0, peer, sim, show };
}

function settle(h: { sim: Sim }): void {
  h.sim.runUntil(h.sim.now + 2_000_000);
}

test('routes of an address over its life', () => {
  const h = host();
  const { eth0, peer, ns } = h;
  addAddr(eth0, { local: ip('10.0.0.2'), len: 24 });
  expect(h.show(RT_TABLE_LOCAL)).toEqual(['local 10.0.0.2/32 eth0 src 10.0.0.2']);
  expect(h.show()).toEqual([]);
  expect(ns.fib.add({ family: 4, dst: { addr: 0, len: 0 }, nexthops: [{ gateway: ip('10.0.0.1') }] })).toMatchObject({
    ok: false,
    msg: 'Nexthop has invalid gateway',
  });
  eth0.setUp();
  settle(h);
  expect(h.show()).toEqual(['10.0.0.0/24 eth0 src 10.0.0.2 linkdown']);
  peer.setUp();
  settle(h);
  expect(h.show()).toEqual(['10.0.0.0/24 eth0 src 10.0.0.2']);
  expect(h.show(RT_TABLE_LOCAL)).toEqual(['local 10.0.0.2/32 eth0 src 10.0.0.2', 'broadcast 10.0.0.255/32 eth0 src 10.0.0.2']);
  const byDefault = { family: 4 as const, dst: { addr: 0, len: 0 }, nexthops: [{ gateway: ip('10.0.0.1') }] };
  expect(ns.fib.add(byDefault).ok).toBe(true);
  expect(ns.fib.add(byDefault)).toMatchObject({ errno: 'EEXIST' });
  peer.setDown();
  settle(h);
  expect(h.show()).toEqual(['0.0.0.0/0 via 10.0.0.1 eth0 linkdown', '10.0.0.0/24 eth0 src 10.0.0.2 linkdown']);
  expect(routeOutput(ns, { dst: ip('10.9.0.1') })).toMatchObject({ ok: true, value: { gateway: ip('10.0.0.1'), src: ip('10.0.0.2') } });
  peer.setUp();
  settle(h);
  eth0.setDown();
  expect(h.show()).toEqual([]);
  expect(h.show(RT_TABLE_LOCAL)).toEqual(['local 10.0.0.2/32 eth0 src 10.0.0.2']);
  expect(routeOutput(ns, { dst: ip('10.9.0.1') })).toMatchObject({ ok: false, errno: 'ENETUNREACH' });
  eth0.setUp();
  expect(h.show()[0]).toMatch(/^10\.0\.0\.0\/24 eth0/);
  delAddr(eth0, { local: ip('10.0.0.2'), len: 24 });
  expect(h.show()).toEqual([]);
  expect(h.show(RT_TABLE_LOCAL)).toEqual([]);
});

test.each([
  [0, ['172.16.0.1']],
  [1, ['172.16.0.1', '192.168.10.11', '192.168.10.12 secondary']],
])('secondaries when the primary goes, promote_secondaries=%i', (promote, left) => {
  const h = host();
  const { eth0, ns } = h;
  eth0.setUp();
  for (const a of ['192.168.10.10', '192.168.10.11', '192.168.10.12']) addAddr(eth0, { local: ip(a), len: 24 });
  addAddr(eth0, { local: ip('172.16.0.1'), len: 30, scope: 253 });
  const names = (): string[] => eth0.addrs4.map((a) => formatIp(a.local) + (a.flags & IFA_F_SECONDARY ? ' secondary' : ''));
  expect(names()).toEqual(['172.16.0.1', '192.168.10.10', '192.168.10.11 secondary', '192.168.10.12 secondary']);
  ns.sysctl.set('net.ipv4.conf.eth0.promote_secondaries', String(promote));
  expect(delAddr(eth0, { local: ip('192.168.10.10'), len: 24 }).ok).toBe(true);
  expect(names()).toEqual(left);
  if (promote) expect(h.show().map((l) => l.replace(' linkdown', ''))).toContain('192.168.10.0/24 eth0 src 192.168.10.11');
});

test.each([
  ['ip_forward switches every device', 'net.ipv4.ip_forward', '1', 'net.ipv4.conf.eth0.forwarding', '1'],
  ['conf.all.forwarding is ip_forward', 'net.ipv4.conf.all.forwarding', '1', 'net/ipv4/ip_forward', '1'],
  ['default reaches untouched devices', 'net.ipv4.conf.default.arp_ignore', '2', 'net.ipv4.conf.eth0.arp_ignore', '2'],
  ['vectors', 'net.ipv4.ip_local_port_range', '40000 40100', 'net.ipv4.ip_local_port_range', '40000\t40100'],
])('sysctl: %s', (_name, key, value, read, expected) => {
  const { ns } = host();
  expect(ns.sysctl.set(key, value).ok).toBe(true);
  expect(ns.sysctl.get(read)).toBe(expected);
});

test.each([
  ['net.ipv4.conf.eth0.rp_filter', 'abc', 'EINVAL'],
  ['net.ipv4.conf.nosuch.rp_filter', '1', 'ENOENT'],
  ['net.ipv4.nosuch', '1', 'ENOENT'],
  ['net.ipv4.ip_default_ttl', '0', 'EINVAL'],
  ['net.netfilter.nf_conntrack_max', '1000', 'EACCES'],
])('sysctl %s=%s is %s', (key, value, errno) => {
  expect(host().ns.sysctl.set(key, value)).toMatchObject({ ok: false, errno });
});
