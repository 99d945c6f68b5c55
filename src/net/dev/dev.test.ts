import { describe, expect, it } from 'vitest';
import { SEC, Sim } from '../../sim/sim.ts';
import { MAC_BROADCAST, type Mac } from '../../wire/mac.ts';
import { addAddr } from '../ip/ifaddr.ts';
import { Kernel } from '../kernel.ts';
import type { Netns } from '../netns.ts';
import { Skb } from '../skb.ts';
import { ETH_P_ALL } from '../sock/packet.ts';
import { Bridge, type BridgePort } from './bridge.ts';
import { devQueueXmit } from './core.ts';
import { IFF_LOWER_UP, type NetDevice, type OperState } from './device.ts';
import { connect, Ether } from './ether.ts';
import { Macvlan } from './macvlan.ts';
import { Veth } from './veth.ts';
import { Vlan } from './vlan.ts';
import { Vxlan } from './vxlan.ts';

const IPX = 0x8137;

interface Host {
  ns: Netns;
  eth: Veth;
  port: Veth;
  got: string[];
}

/** A switch `br0` and hosts on it, MACs 02::1, 02::2 …, ports 02::a1 …; everything up and settled. */
function lan(count: number): { sim: Sim; kernel: Kernel; br: Bridge; hosts: Host[] } {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'sw');
  const br = new Bridge(kernel.init, 'br0');
  br.mac = 0x0200000000b0;
  br.addrGenMode = 'none';
  br.register();
  br.setUp();
  const hosts: Host[] = [];
  for (let i = 1; i <= count; i++) {
    const ns = kernel.newNetns();
    const port = new Veth(kernel.init, `p${i}`);
    const eth = new Veth(ns, 'eth0');
    port.mac = 0x0200000000a0 + i;
    eth.mac = 0x020000000000 + i;
    port.addrGenMode = eth.addrGenMode = 'none';
    Veth.pair(port, eth);
    port.setMaster(br);
    port.setUp();
    eth.setUp();
    hosts.push({ ns, eth, port, got: listen(eth) });
  }
  sim.runUntil(3 * SEC);
  return { sim, kernel, br, hosts };
}

/** What a device receives from now on: `text type`. */
function listen(dev: NetDevice): string[] {
  const got: string[] = [];
  const receive = (skb: Skb): void => {
    if (skb.type !== 'outgoing' && skb.proto === IPX) got.push(`${new TextDecoder().decode(skb.data)} ${skb.type}`);
  };
  dev.ns.taps.add({ dev, proto: ETH_P_ALL, receive });
  return got;
}

function send(dev: NetDevice, dst: Mac, text: string, src = dev.mac): void {
  const skb = new Skb(dev.sim, IPX, new TextEncoder().encode(text));
  skb.dev = dev;
  skb.ethSrc = src;
  skb.ethDst = dst;
  devQueueXmit(skb);
}

function settle(sim: Sim): void {
  sim.runUntil(sim.now + 1000);
}

const [h1, h2] = [0, 1] as const;

describe('veth', () => {
  it('carries frames in order to the other end, and counts them with their header', () => {
    const { sim, hosts } = lan(1);
    const { eth, port } = hosts[h1] as Host;
    const got = listen(port);
    for (let i = 0; i < 50; i++) send(eth, port.mac, `n${i}`);
    settle(sim);
    expect(got).toEqual(Array.from({ length: 50 }, (_, i) => `n${i} host`));
    expect(eth.stats.txPackets - 0).toBeGreaterThanOrEqual(50);
    expect(eth.stats.txBytes).toBe(port.stats.rxBytes);
  });

  const rows: [same: boolean, a: boolean, b: boolean, oper: OperState, lowerUp: boolean][] = [
    [true, false, false, 'DOWN', false],
    [true, true, false, 'LOWERLAYERDOWN', false],
    [true, true, true, 'UP', true],
    [false, true, true, 'UP', true],
  ];
  it.each(rows)('peer here %s, up %s, peer up %s: %s', (same, a, b, oper, lowerUp) => {
    const kernel = new Kernel(new Sim(1), 'n');
    const one = new Veth(kernel.init, 'a');
    const two = new Veth(same ? kernel.init : kernel.newNetns(), 'b');
    Veth.pair(one, two);
    expect(two.ifindex).toBe(2);
    if (a) one.setUp();
    if (b) two.setUp();
    kernel.sim.runUntil(2 * SEC);
    expect(one.operstate()).toBe(oper);
    expect((one.userFlags() & IFF_LOWER_UP) !== 0).toBe(lowerUp);
  });

  it('deleting one end, or its namespace, ends the other', () => {
    const { kernel, hosts } = lan(2);
    (hosts[h1] as Host).eth.delete();
    (hosts[h2] as Host).ns.destroy();
    expect(kernel.init.device('p1')).toBeUndefined();
    expect(kernel.init.device('p2')).toBeUndefined();
  });

  it('moves with its index when that is free, and refuses a name that is taken', () => {
    const kernel = new Kernel(new Sim(1), 'n');
    const a = new Veth(kernel.init, 'a');
    const b = new Veth(kernel.init, 'b');
    Veth.pair(a, b);
    const ns = kernel.newNetns();
    expect(a.moveTo(ns).ok).toBe(true);
    expect([a.ifindex, a.peerNs(), b.peerNs(), b.iflink()]).toEqual([3, kernel.init, ns, 3]);
    expect(b.moveTo(ns, 'a')).toEqual({ ok: false, errno: 'EEXIST', msg: 'An interface with the same name exists in the target netns' });
  });
});

describe('bridge', () => {
  it('floods what it does not know, then learns', () => {
    const { sim, br, hosts } = lan(3);
    const [a, b, c] = hosts as [Host, Host, Host];
    send(a.eth, b.eth.mac, 'one');
    settle(sim);
    expect([a.got, b.got, c.got]).toEqual([[], ['one host'], ['one otherhost']]);
    expect(br.fdb.find(a.eth.mac)?.port?.dev).toBe(a.port);
    send(b.eth, a.eth.mac, 'two');
    settle(sim);
    expect([a.got, b.got, c.got]).toEqual([['two host'], ['one host'], ['one otherhost']]);
  });

  it('forgets after 300 s, and at once when the port loses carrier', () => {
    const { sim, br, hosts } = lan(2);
    const [a, b] = hosts as [Host, Host];
    send(a.eth, MAC_BROADCAST, 'x');
    send(b.eth, MAC_BROADCAST, 'y');
    settle(sim);
    b.eth.setDown();
    settle(sim);
    expect([br.fdb.find(a.eth.mac) !== undefined, br.fdb.find(b.eth.mac)]).toEqual([true, undefined]);
    sim.runUntil(sim.now + 298 * SEC);
    expect(br.fdb.find(a.eth.mac)).toBeDefined();
    sim.runUntil(sim.now + 3 * SEC);
    expect(br.fdb.list().some((e) => e.mac === a.eth.mac)).toBe(false);
  });

  it('sends back to the same port only with hairpin, and keeps isolated ports apart', () => {
    const { sim, br, hosts } = lan(3);
    const [a, b, c] = hosts as [Host, Host, Host];
    const port = (h: Host): BridgePort => br.port(h.port) as BridgePort;
    send(a.eth, MAC_BROADCAST, 'learn');
    settle(sim);
    send(a.eth, a.eth.mac, 'self', 0x020000000099);
    settle(sim);
    expect(a.got).toEqual([]);
    port(a).hairpin = true;
    send(a.eth, a.eth.mac, 'self', 0x020000000099);
    settle(sim);
    expect(a.got).toEqual(['self host']);
    port(a).isolated = true;
    port(b).isolated = true;
    b.got.length = c.got.length = 0;
    send(a.eth, MAC_BROADCAST, 'all');
    settle(sim);
    expect([b.got, c.got]).toEqual([[], ['all broadcast']]);
  });

  it('takes the lowest port address and MTU unless set by hand', () => {
    const kernel = new Kernel(new Sim(3), 'n');
    const br = new Bridge(kernel.init, 'br0');
    br.register();
    const first = br.mac;
    const ends = [0x02000000000f, 0x020000000003].map((mac, i) => {
      const v = new Veth(kernel.init, `v${i}`);
      v.mac = mac;
      Veth.pair(v, new Veth(kernel.init, `w${i}`));
      return v;
    }) as [Veth, Veth];
    expect(br.mac).toBe(first);
    ends[0].setMaster(br);
    expect(br.mac).toBe(0x02000000000f);
    ends[1].setMaster(br);
    expect(br.mac).toBe(0x020000000003);
    ends[1].setMtu(1400);
    expect(br.mtu).toBe(1400);
    br.setMac(0x020000000077);
    ends[1].setMaster(null);
    expect([br.mac, br.mtu]).toEqual([0x020000000077, 1500]);
  });

  it('is UNKNOWN without ports (DOWN with an address of its own), UP with a live one, DOWN when that has gone', () => {
    const { sim, br, hosts } = lan(1);
    expect(br.operstate()).toBe('UP');
    (hosts[h1] as Host).eth.setDown();
    sim.runUntil(sim.now + 2 * SEC);
    expect(br.operstate()).toBe('DOWN');
    const alone = new Bridge(br.ns, 'br1');
    alone.register();
    alone.setUp();
    expect(alone.operstate()).toBe('UNKNOWN');
    alone.setMac(0x0200000000b1);
    sim.runUntil(sim.now + 2 * SEC);
    expect(alone.operstate()).toBe('DOWN');
  });
});

describe('ether', () => {
  it('has carrier and delivers once the cable is in', () => {
    const sim = new Sim(1);
    const a = new Ether(new Kernel(sim, 'a').init, 'eth0');
    const b = new Ether(new Kernel(sim, 'b').init, 'eth0');
    for (const d of [a, b]) {
      d.register();
      d.setUp();
    }
    expect(a.carrier()).toBe(false);
    connect(a, b, { delay: 100 });
    sim.runUntil(2 * SEC);
    expect([a.operstate(), b.operstate()]).toEqual(['UP', 'UP']);
    const got = listen(b);
    send(a, b.mac, 'hello');
    settle(sim);
    expect(got).toEqual(['hello host']);
  });
});

describe('macvlan', () => {
  it('talks to its siblings in bridge mode and to the wire, not to the lower device', () => {
    const { sim, kernel, hosts } = lan(2);
    const [a, b] = hosts as [Host, Host];
    const pods = [1, 2].map((i) => {
      const m = new Macvlan(a.ns, `mv${i}`, a.eth, 'bridge');
      m.mac = 0x020000000010 + i;
      expect(m.register().ok).toBe(true);
      m.moveTo(kernel.newNetns());
      m.setUp();
      return m;
    }) as [Macvlan, Macvlan];
    sim.runUntil(sim.now + 2 * SEC);
    const got = [listen(pods[0]), listen(pods[1])] as const;
    a.got.length = 0;
    send(pods[0], pods[1].mac, 'sibling');
    send(pods[0], b.eth.mac, 'wire');
    send(pods[0], a.eth.mac, 'lower');
    settle(sim);
    expect(got[1]).toEqual(['sibling host']);
    expect(b.got).toContain('wire host');
    expect(a.got).toEqual(['sibling otherhost']);
    send(b.eth, pods[1].mac, 'back');
    settle(sim);
    expect(got[1]).toContain('back host');
  });
});

describe('vlan', () => {
  it('tags what it sends, takes only its own tag, and follows the device below', () => {
    const { sim, hosts } = lan(2);
    const [a, b] = hosts as [Host, Host];
    const make = (h: Host, vid: number): Vlan => {
      const v = new Vlan(h.ns, `eth0.${vid}`, h.eth, vid);
      v.addrGenMode = 'none';
      expect(v.register().ok).toBe(true);
      v.setUp();
      return v;
    };
    const [v10, w10, w20] = [make(a, 10), make(b, 10), make(b, 20)] as const;
    sim.runUntil(sim.now + 2 * SEC);
    const got = [listen(w10), listen(w20)] as const;
    send(v10, w10.mac, 'ten');
    settle(sim);
    expect(got).toEqual([['ten host'], []]);
    expect(new Vlan(a.ns, 'x', a.eth, 10).register()).toMatchObject({ errno: 'EEXIST' });
    expect(v10.setMtu(1600)).toMatchObject({ errno: 'ERANGE' });
    a.eth.setMtu(1400);
    expect(v10.mtu).toBe(1400);
    a.eth.setDown();
    expect(v10.up).toBe(false);
  });
});

describe('vxlan', () => {
  /** vx0 on both hosts of a LAN, 10.0.0.1 and 10.0.0.2. */
  function tunnel(options: { learning: boolean; toRemote: boolean; vni2?: number }): { sim: Sim; vx: [Vxlan, Vxlan]; got: string[] } {
    const { sim, hosts } = lan(2);
    const vx = hosts.map((h, i) => {
      addAddr(h.eth, { local: 0x0a000001 + i, len: 24 });
      const v = new Vxlan(h.ns, 'vx0', {
        vni: i === 1 ? (options.vni2 ?? 42) : 42,
        dstport: 4789,
        learning: options.learning,
        remote: options.toRemote ? 0x0a000002 - i : null,
        dev: h.eth,
      });
      v.addrGenMode = 'none';
      expect(v.register().ok).toBe(true);
      expect(v.setUp().ok).toBe(true);
      return v;
    }) as [Vxlan, Vxlan];
    sim.runUntil(sim.now + SEC);
    return { sim, vx, got: listen(vx[1]) };
  }

  it('carries frames to its remote, and the other end learns where they came from', () => {
    const { sim, vx, got } = tunnel({ learning: true, toRemote: true });
    send(vx[0], vx[1].mac, 'hello');
    settle(sim);
    expect(got).toEqual(['hello host']);
    expect(vx[1].fdb.peek(vx[0].mac)).toMatchObject({ state: 'reachable', remotes: [{ ip: 0x0a000001 }] });
  });

  it('drops what it has no remote for, until the fdb is told', () => {
    const { sim, vx, got } = tunnel({ learning: false, toRemote: false });
    send(vx[0], vx[1].mac, 'lost');
    settle(sim);
    expect([got, vx[0].stats.txDropped]).toEqual([[], 1]);
    vx[0].fdb.add(vx[1].mac, { ip: 0x0a000002, port: 0, vni: 42, dev: null }, 'permanent', 'append');
    send(vx[0], vx[1].mac, 'found');
    settle(sim);
    expect(got).toEqual(['found host']);
    expect(vx[1].fdb.list()).toEqual([]);
  });

  it('ignores another VNI', () => {
    const { sim, vx, got } = tunnel({ learning: true, toRemote: true, vni2: 43 });
    send(vx[0], vx[1].mac, 'hello');
    settle(sim);
    expect(got).toEqual([]);
  });

  it('takes MTU from the device below, and refuses a second one with its VNI', () => {
    const kernel = new Kernel(new Sim(1), 'n');
    const e = new Veth(kernel.init, 'e');
    Veth.pair(e, new Veth(kernel.init, 'f'));
    const vx = new Vxlan(kernel.init, 'vx0', { vni: 5, dev: e, dstport: 4789 });
    expect(vx.register().ok).toBe(true);
    expect(vx.mtu).toBe(1450);
    expect(vx.setMtu(1500)).toEqual({ ok: false, errno: 'EINVAL' });
    const twin = new Vxlan(kernel.init, 'vx1', { vni: 5, dstport: 4789 }).register();
    expect(twin).toMatchObject({ errno: 'EEXIST', msg: 'A VXLAN device with the specified VNI already exists' });
    e.delete();
    expect(kernel.init.device('vx0')).toBeUndefined();
  });
});
