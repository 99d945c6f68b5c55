import { describe, expect, it } from 'vitest';
import { SEC, Sim } from '../../sim/sim.ts';
import { TraceHash } from '../../sim/trace.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { parseArp } from '../../wire/arp.ts';
import { ETH_P_ARP, ETH_P_IP } from '../../wire/ethernet.ts';
import { emitIcmp6 } from '../../wire/icmp6.ts';
import { emitIpv4 } from '../../wire/ipv4.ts';
import { Veth } from '../dev/veth.ts';
import { addAddr } from '../ip/ifaddr.ts';
import { Kernel } from '../kernel.ts';
import { Skb } from '../skb.ts';
import { ETH_P_ALL } from '../sock/packet.ts';
import { nudName } from './nud.ts';

const ip = (text: string): number => parseIp(text) as number;

/** Two hosts on a pair, 10.0.0.1 (a) and 10.0.0.2 (b); `wire` is what b's device sees, with times in s since the start. */
function pair(): { sim: Sim; a: Veth; b: Veth; wire: string[]; start: number } {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'n');
  const a = new Veth(kernel.newNetns(), 'eth0');
  const b = new Veth(kernel.newNetns(), 'eth0');
  a.mac = 0x020000000001;
  b.mac = 0x020000000002;
  Veth.pair(a, b);
  for (const [dev, addr] of [
    [a, '10.0.0.1'],
    [b, '10.0.0.2'],
  ] as const) {
    addAddr(dev, { local: ip(addr), len: 24 });
    dev.setUp();
  }
  sim.runUntil(10 * SEC);
  const wire: string[] = [];
  const start = sim.now;
  const receive = (skb: Skb): void => {
    const at = Math.round((sim.now - start) / SEC);
    if (skb.proto === ETH_P_ARP) {
      const arp = parseArp(skb.data);
      const how = skb.ethDst === 0xffffffffffff ? 'broadcast' : 'unicast';
      if (arp) wire.push(`${at} arp ${arp.op === 1 ? 'who-has' : 'is-at'} ${formatIp(arp.op === 1 ? arp.targetIp : arp.senderIp)} ${how}`);
    } else if (skb.proto === ETH_P_IP) wire.push(`${at} ip`);
  };
  b.ns.taps.add({ dev: b, proto: ETH_P_ALL, receive });
  return { sim, a, b, wire, start };
}

/** An echo reply that nobody waits for: it is not answered. */
function sendTo(dev: Veth, to: string, from: string): void {
  const data = emitIpv4({
    tos: 0,
    id: 1,
    df: true,
    mf: false,
    offset: 0,
    ttl: 64,
    proto: 1,
    src: ip(from),
    dst: ip(to),
    options: new Uint8Array(0),
    payload: Uint8Array.of(0, 0, 0xff, 0xff, 0, 0, 0, 0),
  });
  dev.ns.neigh.output(new Skb(dev.sim, ETH_P_IP, data), dev, ip(to));
}

const state = (dev: Veth, addr: string): string => {
  const n = dev.ns.neigh.lookup(ip(addr), dev);
  return n ? nudName(n.state) : 'none';
};

describe('arp', () => {
  it('asks once, sends what waited, and leaves the answerer with a STALE entry', () => {
    const { sim, a, b, wire } = pair();
    sendTo(a, '10.0.0.2', '10.0.0.1');
    sendTo(a, '10.0.0.2', '10.0.0.1');
    expect(state(a, '10.0.0.2')).toBe('INCOMPLETE');
    sim.runUntil(sim.now + 1000);
    expect(wire.slice(0, 4)).toEqual(['0 arp who-has 10.0.0.2 broadcast', '0 arp is-at 10.0.0.2 unicast', '0 ip', '0 ip']);
    expect([state(a, '10.0.0.2'), state(b, '10.0.0.1')]).toEqual(['REACHABLE', 'STALE']);
  });

  it('probes at 0, 1, 2 s and fails at 3 s', () => {
    const { sim, a, wire, start } = pair();
    sendTo(a, '10.0.0.9', '10.0.0.1');
    sim.runUntil(start + 2.9 * SEC);
    expect(wire).toEqual(['0', '1', '2'].map((t) => `${t} arp who-has 10.0.0.9 broadcast`));
    expect(state(a, '10.0.0.9')).toBe('INCOMPLETE');
    sim.runUntil(start + 3.1 * SEC);
    expect(state(a, '10.0.0.9')).toBe('FAILED');
  });

  it('goes from STALE by use to DELAY, after 5 s asks by unicast, and is REACHABLE again', () => {
    const { sim, a, b, wire, start } = pair();
    sendTo(a, '10.0.0.2', '10.0.0.1');
    sim.runUntil(sim.now + 1000);
    sendTo(b, '10.0.0.1', '10.0.0.2');
    expect(state(b, '10.0.0.1')).toBe('DELAY');
    wire.length = 0;
    sim.runUntil(start + 5.5 * SEC);
    expect(wire.filter((l) => l.includes('10.0.0.1'))).toEqual(['5 arp who-has 10.0.0.1 unicast', '5 arp is-at 10.0.0.1 unicast']);
    expect(state(b, '10.0.0.1')).toBe('REACHABLE');
  });

  it('becomes STALE between 15 and 45 s after it was last confirmed', () => {
    const { sim, a, start } = pair();
    sendTo(a, '10.0.0.2', '10.0.0.1');
    sim.runUntil(start + 14.9 * SEC);
    expect(state(a, '10.0.0.2')).toBe('REACHABLE');
    sim.runUntil(start + 45.1 * SEC);
    expect(state(a, '10.0.0.2')).toBe('STALE');
  });

  it('forgets all when the device goes down or changes its address, all but permanent ones without carrier', () => {
    const { sim, a, b } = pair();
    const add = (): void => {
      a.ns.neigh.add(a, ip('10.0.0.50'), { mac: 0x020000000050, state: 0x80 }, 'replace');
      a.ns.neigh.add(a, ip('10.0.0.51'), { mac: 0x020000000051, state: 0x04 }, 'replace');
    };
    add();
    b.setDown();
    sim.runUntil(sim.now + SEC);
    expect([state(a, '10.0.0.50'), state(a, '10.0.0.51')]).toEqual(['PERMANENT', 'none']);
    b.setUp();
    add();
    a.setMac(0x0200000000aa);
    expect([state(a, '10.0.0.50'), state(a, '10.0.0.51')]).toEqual(['none', 'none']);
    expect(a.ns.neigh.add(a, ip('10.0.0.53'), { state: 0x80 }, 'add')).toEqual({
      ok: false,
      errno: 'EINVAL',
      msg: 'No link layer address given',
    });
    expect(a.ns.neigh.list(4).some((n) => n.ip === ip('10.0.0.53'))).toBe(true);
  });
});

describe('neighbour discovery', () => {
  const six = (text: string): bigint => parseIp(text) as bigint;

  it('solicits the group, learns both ways, and fails after three probes', () => {
    const { sim, a, b } = pair();
    addAddr(a, { local: six('fd00::1'), len: 64 });
    addAddr(b, { local: six('fd00::2'), len: 64 });
    sim.runUntil(sim.now + 5 * SEC);
    const [src, dst] = [six('fd00::1'), six('fd00::2')];
    const payload = emitIcmp6({ type: 128, code: 0, rest: 1, payload: new Uint8Array(8) }, src, dst);
    expect(a.ns.ip6.output({ src, dst, proto: 58, payload }).ok).toBe(true);
    expect(a.ns.ip6.output({ src, dst: six('fd00::9'), proto: 58, payload }).ok).toBe(true);
    sim.runUntil(sim.now + 1000);
    const states = (dev: Veth): string[] =>
      dev.ns.neigh.list(6).flatMap((n) => (n.state === 0x40 ? [] : [`${formatIp(n.ip)} ${nudName(n.state)}`]));
    expect(states(a)).toEqual(['fd00::2 REACHABLE', 'fd00::9 INCOMPLETE']);
    expect(states(b)).toEqual(['fd00::1 DELAY']);
    sim.runUntil(sim.now + 4 * SEC);
    expect(states(a)).toEqual(['fd00::2 REACHABLE', 'fd00::9 FAILED']);
  });
});

it('two runs with one seed leave the same trace', () => {
  const run = (): string => {
    const { sim, a, b } = pair();
    const hash = new TraceHash();
    sim.trace.listen(hash.listener);
    sendTo(a, '10.0.0.2', '10.0.0.1');
    sendTo(b, '10.0.0.9', '10.0.0.2');
    sim.runUntil(sim.now + 60 * SEC);
    expect(hash.count).toBeGreaterThan(10);
    return hash.digest();
  };
  expect(run()).toBe(run());
});
