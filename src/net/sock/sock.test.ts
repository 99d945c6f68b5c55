import { describe, expect, it } from 'vitest';
import { PacketSocket } from './packet.ts';
import { RawSocket } from './raw.ts';
import type { Sock } from './sock.ts';
import { TcpSocket } from './tcp/tcp.ts';
import { ip, lan, must } from './testnet.ts';
import { UdpSocket } from './udp.ts';
import { UnixSocket } from './unix.ts';

const ANY = 0;
const ANY6 = 0n;

interface Want {
  addr: number | bigint;
  reuseAddr?: boolean;
  reusePort?: boolean;
  listen?: boolean;
  v6only?: boolean;
  uid?: number;
}

describe('bind', () => {
  const A = ip('10.0.0.1');
  const L = ip('127.0.0.1');
  const rows: [string, 'tcp' | 'udp', Want, Want, string][] = [
    ['the same address', 'tcp', { addr: A }, { addr: A }, 'EADDRINUSE'],
    ['wildcard after an address', 'tcp', { addr: A }, { addr: ANY }, 'EADDRINUSE'],
    ['two addresses', 'tcp', { addr: A }, { addr: L }, 'ok'],
    ['SO_REUSEADDR on both', 'tcp', { addr: A, reuseAddr: true }, { addr: A, reuseAddr: true }, 'ok'],
    [
      'SO_REUSEADDR on both, but one listens',
      'tcp',
      { addr: A, reuseAddr: true, listen: true },
      { addr: A, reuseAddr: true },
      'EADDRINUSE',
    ],
    ['SO_REUSEADDR on one', 'tcp', { addr: A, reuseAddr: true }, { addr: A }, 'EADDRINUSE'],
    ['SO_REUSEPORT on both', 'tcp', { addr: A, reusePort: true, listen: true }, { addr: A, reusePort: true }, 'ok'],
    ['SO_REUSEPORT of another user', 'tcp', { addr: A, reusePort: true }, { addr: A, reusePort: true, uid: 1000 }, 'EADDRINUSE'],
    ['IPv6 wildcard after IPv4', 'tcp', { addr: ANY }, { addr: ANY6 }, 'EADDRINUSE'],
    ['IPv6 only beside IPv4', 'tcp', { addr: ANY }, { addr: ANY6, v6only: true }, 'ok'],
    ['UDP with SO_REUSEADDR', 'udp', { addr: A, reuseAddr: true }, { addr: A, reuseAddr: true }, 'ok'],
    ['UDP without', 'udp', { addr: ANY }, { addr: L }, 'EADDRINUSE'],
    ['an address of nobody', 'tcp', { addr: A }, { addr: ip('10.9.9.9') }, 'EADDRNOTAVAIL'],
  ];
  it.each(rows)('%s (%s)', (_name, kind, first, second, want) => {
    const net = lan();
    const make = (w: Want): { sk: Sock; result: string } => {
      const family = typeof w.addr === 'bigint' ? 6 : 4;
      const sk = kind === 'tcp' ? new TcpSocket(net.a, family) : new UdpSocket(net.a, family);
      sk.uid = w.uid ?? 0;
      sk.opt.reuseAddr = w.reuseAddr ?? false;
      sk.opt.reusePort = w.reusePort ?? false;
      sk.opt.v6only = w.v6only ?? false;
      const r = sk.bind(w.addr, 8080);
      if (r.ok && w.listen && sk instanceof TcpSocket) must(sk.listen(1));
      return { sk, result: r.ok ? 'ok' : r.errno };
    };
    expect(make(first).result).toBe('ok');
    expect(make(second).result).toBe(want);
  });

  it('takes even ephemeral ports for connect() and odd ones for bind()', () => {
    const net = lan();
    for (let i = 0; i < 20; i++) {
      const c = new TcpSocket(net.a);
      c.connect(ip('10.0.0.2'), 80);
      expect(c.local.port % 2).toBe(0);
      expect(c.local.port).toBeGreaterThanOrEqual(32768);
      expect(c.local.port).toBeLessThanOrEqual(60999);
      const b = new TcpSocket(net.a);
      must(b.bind(ANY, 0));
      expect(b.local.port % 2).toBe(1);
    }
  });

  it('EADDRNOTAVAIL when all ephemeral ports towards a peer are taken', () => {
    const net = lan();
    net.a.sysctl.set('net.ipv4.ip_local_port_range', '40000\t40003');
    for (let i = 0; i < 4; i++) expect(new TcpSocket(net.a).connect(ip('10.0.0.2'), 80)).toMatchObject({ errno: 'EINPROGRESS' });
    expect(new TcpSocket(net.a).connect(ip('10.0.0.2'), 80)).toMatchObject({ errno: 'EADDRNOTAVAIL' });
    expect(new TcpSocket(net.a).connect(ip('10.0.0.2'), 81)).toMatchObject({ errno: 'EINPROGRESS' });
  });
});

describe('udp', () => {
  it('carries a datagram and its answer; a closed port is ECONNREFUSED for the connected sender', () => {
    const net = lan();
    const server = new UdpSocket(net.b);
    must(server.bind(ANY, 53));
    const client = new UdpSocket(net.a);
    must(client.connect(ip('10.0.0.2'), 53));
    must(client.send(new Uint8Array([1, 2, 3])));
    net.sim.runUntil(net.sim.now + 1000);
    const got = must(server.recvFrom());
    expect([...got.data]).toEqual([1, 2, 3]);
    expect(got.from).toEqual({ addr: ip('10.0.0.1'), port: client.local.port });
    must(server.sendTo(new Uint8Array([9]), got.from.addr, got.from.port));
    net.sim.runUntil(net.sim.now + 1000);
    expect([...must(client.recv())]).toEqual([9]);
    server.close();
    must(client.send(new Uint8Array(4)));
    net.sim.runUntil(net.sim.now + 1000);
    expect(client.readable()).toBe(true);
    expect(client.recvFrom()).toMatchObject({ errno: 'ECONNREFUSED' });
  });

  it('prefers the connected socket, then the address, then the wildcard', () => {
    const net = lan();
    const open = (addr: number, port: number): UdpSocket => {
      const s = new UdpSocket(net.b);
      s.opt.reuseAddr = true;
      must(s.bind(addr, port));
      return s;
    };
    const any = open(ANY, 5000);
    const exact = open(ip('10.0.0.2'), 5000);
    const joined = open(ip('10.0.0.2'), 5000);
    const one = new UdpSocket(net.a);
    const two = new UdpSocket(net.a);
    must(one.bind(ANY, 1111));
    must(two.bind(ANY, 2222));
    must(joined.connect(ip('10.0.0.1'), 1111));
    must(one.sendTo(new Uint8Array(1), ip('10.0.0.2'), 5000));
    must(two.sendTo(new Uint8Array(2), ip('10.0.0.2'), 5000));
    net.sim.runUntil(net.sim.now + 1000);
    expect([any, exact, joined].map((s) => s.queues().rx)).toEqual([0, 2, 1]);
  });

  it('EMSGSIZE above the datagram limit, EACCES for broadcast without the option', () => {
    const net = lan();
    const s = new UdpSocket(net.a);
    expect(s.sendTo(new Uint8Array(65_508), ip('10.0.0.2'), 9)).toMatchObject({ errno: 'EMSGSIZE' });
    expect(s.sendTo(new Uint8Array(1), ip('10.0.0.255'), 9)).toMatchObject({ errno: 'EACCES' });
    expect(s.sendTo(new Uint8Array(1), ip('192.0.2.1'), 9)).toMatchObject({ errno: 'ENETUNREACH' });
  });

  it('reaches an IPv6 socket of both families from IPv4', () => {
    const net = lan();
    const server = new UdpSocket(net.b, 6);
    must(server.bind(ANY6, 53));
    const client = new UdpSocket(net.a);
    must(client.sendTo(new Uint8Array(1), ip('10.0.0.2'), 53));
    net.sim.runUntil(net.sim.now + 1000);
    expect(must(server.recvFrom()).from.addr).toBe(ip('10.0.0.1'));
  });
});

describe('raw and packet', () => {
  it('a raw ICMP socket gets the echo reply with its IP header', () => {
    const net = lan();
    const raw = new RawSocket(net.a, 4, 1);
    must(raw.sendTo(new Uint8Array([8, 0, 0xf7, 0xfe, 0, 1, 0, 0]), ip('10.0.0.2')));
    net.sim.runUntil(net.sim.now + 1000);
    const p = must(raw.recv());
    expect(p.from).toBe(ip('10.0.0.2'));
    expect(p.data[20]).toBe(0);
    expect(p.ttl).toBe(64);
  });

  it('a tap sees both directions, only what its filter lets through', () => {
    const net = lan();
    const tap = new PacketSocket(net.a);
    tap.filter = (frame) => frame[12] === 8 && frame[13] === 0;
    const client = new UdpSocket(net.a);
    must(client.sendTo(new Uint8Array(1), ip('10.0.0.2'), 9));
    net.sim.runUntil(net.sim.now + 1000);
    const seen = [];
    for (;;) {
      const c = tap.recv();
      if (!c.ok) break;
      seen.push(`${c.value.dev.name} ${c.value.direction} ${c.value.length}`);
    }
    expect(seen).toEqual(['eth0 outgoing 43', 'eth0 host 71']);
  });
});

describe('unix', () => {
  it('streams both ways, ends with EOF, refuses nobody and a taken name', () => {
    const net = lan();
    const l = new UnixSocket(net.a, 'stream');
    must(l.bind('@x'));
    must(l.listen(1));
    expect(new UnixSocket(net.a, 'stream').bind('@x')).toMatchObject({ errno: 'EADDRINUSE' });
    const c = new UnixSocket(net.a, 'stream');
    expect(c.connect('@y')).toMatchObject({ errno: 'ECONNREFUSED' });
    must(c.connect('@x'));
    const s = must(l.accept());
    must(c.send(new Uint8Array([1, 2])));
    expect([...must(s.recv())]).toEqual([1, 2]);
    must(s.send(new Uint8Array([3])));
    s.close();
    expect([...must(c.recv())]).toEqual([3]);
    expect(must(c.recv()).length).toBe(0);
    expect(c.send(new Uint8Array(1))).toMatchObject({ errno: 'EPIPE' });
  });
});
