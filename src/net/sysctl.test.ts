import { describe, expect, it } from 'vitest';
import { Sim } from '../sim/sim.ts';
import { Veth } from './dev/veth.ts';
import { Kernel } from './kernel.ts';

function sysctl() {
  const ns = new Kernel(new Sim(1), 'host').newNetns();
  return ns.sysctl;
}

describe('what a key takes', () => {
  it.each([
    ['net.ipv4.ip_default_ttl', '0', 'EINVAL', '64'],
    ['net.ipv4.ip_default_ttl', '0x10', null, '16'],
    ['net.ipv4.ip_default_ttl', '010', null, '8'],
    ['net.ipv4.ip_default_ttl', '7x', 'EINVAL', '64'],
    ['net.ipv4.ip_default_ttl', '7 8', null, '7'],
    ['net.ipv4.tcp_syn_retries', '128', 'EINVAL', '6'],
    ['net.ipv4.icmp_ratelimit', '-1', 'EINVAL', '1000'],
    ['net.ipv4.icmp_ratelimit', '1001', null, '1004'],
    ['net.ipv4.neigh.lo.locktime', '5', null, '4'],
    ['net.ipv4.neigh.lo.base_reachable_time', '20', null, '20'],
    ['net.ipv4.neigh.lo.unres_qlen', '5', null, '5'],
    ['net.bridge.bridge-nf-call-iptables', '5', null, '1'],
    ['net.ipv4.ping_group_range', '5 1', null, '1\t0'],
    ['net.ipv4.ip_local_port_range', '50000 40000', 'EINVAL', '32768\t60999'],
    ['net.ipv4.ip_local_port_range', '40000', null, '40000\t60999'],
    ['net.ipv4.ip_local_reserved_ports', '9,5-7,8', null, '5-9'],
    ['net.ipv4.ip_local_reserved_ports', '9-5', 'EINVAL', ''],
    ['net.core.rps_default_mask', 'abc', 'EOVERFLOW', '0'],
    ['net.ipv4.conf.all.mc_forwarding', '1', 'EACCES', '0'],
    ['net.ipv4.nosuch', '1', 'ENOENT', undefined],
  ])('%s = %s', (key, value, errno, after) => {
    const s = sysctl();
    const r = s.set(key, value);
    expect(r.ok ? null : r.errno).toBe(errno);
    expect(s.get(key)).toBe(after);
  });

  it('forwarding turns off what redirects are believed', () => {
    const s = sysctl();
    s.set('net.ipv4.ip_forward', '1');
    expect([s.get('net.ipv4.conf.all.accept_redirects'), s.get('net.ipv4.conf.lo.forwarding')]).toEqual(['0', '1']);
  });

  it('a device follows default until it, or default before it came, was written', () => {
    const ns = new Kernel(new Sim(1), 'host').newNetns();
    const s = ns.sysctl;
    const value = (dev: string) => s.get(`net.ipv4.conf.${dev}.arp_ignore`);
    s.set('net.ipv4.conf.default.arp_ignore', '1');
    expect(value('lo')).toBe('1');
    s.set('net.ipv4.conf.lo.arp_ignore', '3');
    s.set('net.ipv4.conf.default.arp_ignore', '2');
    expect(value('lo')).toBe('3');
    Veth.pair(new Veth(ns, 'eth0'), new Veth(ns, 'eth1'));
    s.set('net.ipv4.conf.default.arp_ignore', '5');
    expect([value('eth0'), value('default')]).toEqual(['2', '5']);
  });

  it('lists every directory once', () => {
    const s = sysctl();
    expect(s.entries('')).toContain('net');
    expect(s.entries('net/ipv4/conf/')).toEqual(['all', 'default', 'lo']);
    expect(s.entries('net/ipv4/nosuch/')).toEqual([]);
    expect(new Set(s.entries('net/ipv4/')).size).toBe(s.entries('net/ipv4/').length);
  });
});
