import '../../os/whole.ts';
import { describe, expect, test } from 'vitest';
import { Veth } from '../../net/dev/veth.ts';
import { addAddr } from '../../net/ip/ifaddr.ts';
import { Kernel } from '../../net/kernel.ts';
import { connectionText } from '../../net/netfilter/conntrack/text.ts';
import type { Netns } from '../../net/netns.ts';
import { TcpSocket } from '../../net/sock/tcp/tcp.ts';
import { UdpSocket } from '../../net/sock/udp.ts';
import { Sim } from '../../sim/sim.ts';
import { formatIp, parseIp4 } from '../../wire/addr.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { runIptables } from './iptables.ts';
import { splitLine } from './restore.ts';

/** a 10.0.1.2 ── 10.0.1.1 r 10.0.2.1 ── 10.0.2.2 b: b answers TCP 8080 with the address that it sees, and echoes UDP 53. */
const ip = (t: string): number => parseIp4(t) as number;

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

function world() {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'host');
  const [a, r, b] = [kernel.newNetns(), kernel.newNetns(), kernel.newNetns()];
  for (const ns of [a, r, b]) ns.lo.setUp();
  wire(a, 'eth0', '10.0.1.2', r, 'eth0', '10.0.1.1');
  wire(r, 'eth1', '10.0.2.1', b, 'eth0', '10.0.2.2');
  sim.runUntil(2_000_000);
  for (const [ns, gw] of [
    [a, '10.0.1.1'],
    [b, '10.0.2.1'],
  ] as const) {
    expect(ns.fib.add({ family: 4, dst: { addr: 0, len: 0 }, nexthops: [{ gateway: ip(gw) }] })).toMatchObject({ ok: true });
  }
  r.sysctl.set('net.ipv4.ip_forward', '1');
  for (const ns of [a, r, b]) ns.sysctl.set('net.ipv4.icmp_ratelimit', '0');
  const server = new TcpSocket(b);
  server.bind(0, 8080);
  server.listen(8);
  const serve = (): void => {
    server.wq.add(serve);
    for (;;) {
      const c = server.accept();
      if (!c.ok) return;
      const peer = c.value.remote;
      c.value.send(utf8(`sees ${peer ? formatIp(peer.addr) : '?'}`));
      c.value.close();
    }
  };
  serve();
  const udp = new UdpSocket(b);
  udp.bind(0, 53);
  const echo = (): void => {
    udp.wq.add(echo);
    for (;;) {
      const d = udp.recvFrom();
      if (!d.ok) return;
      udp.sendTo(utf8(`sees ${formatIp(d.value.from.addr)}`), d.value.from.addr, d.value.from.port);
    }
  };
  echo();
  const env = (ns: Netns) => ({
    prog: 'iptables',
    family: 4 as const,
    legacy: false,
    tables: ns.nf.xt,
    ns,
    readText: () => null,
    date: '',
  });
  const iptables = (ns: Netns, line: string): string => {
    const o = runIptables(env(ns), splitLine(line));
    return o.out + o.err;
  };
  /** What a client reads from there, or its error. */
  const fetch = (from: Netns, to: string, port: number): string => {
    const s = new TcpSocket(from);
    s.connect(ip(to), port);
    sim.runUntil(sim.now + 1_900_000);
    const got = s.recv();
    const error = s.error;
    s.close();
    sim.runUntil(sim.now + 500_000);
    if (got.ok) return text(got.value);
    return error ?? got.errno;
  };
  const ask = (from: Netns, to: string, port: number): string => {
    const s = new UdpSocket(from);
    s.connect(ip(to), port);
    s.send(utf8('q'));
    sim.runUntil(sim.now + 1_000_000);
    const got = s.recv();
    s.close();
    return got.ok ? text(got.value) : got.errno;
  };
  const flows = (ns: Netns): string[] =>
    ns.ct.list().map((ct) =>
      connectionText(ct, {
        now: sim.now,
        layer3: false,
        timeout: false,
        state: true,
        counters: false,
        mark: false,
        zone: 'given',
        use: null,
      }).replace(/(sport|dport)=[3-6]\d{4}/g, '$1=EPH'),
    );
  return { sim, a, r, b, iptables, fetch, ask, flows };
}

describe('a router with rules', () => {
  test('nothing is tracked before a rule asks for it', () => {
    const w = world();
    expect(w.fetch(w.a, '10.0.2.2', 8080)).toBe('sees 10.0.1.2');
    expect(w.flows(w.r)).toEqual([]);
    w.iptables(w.r, '-A FORWARD -m conntrack --ctstate NEW -j ACCEPT');
    expect(w.fetch(w.a, '10.0.2.2', 8080)).toBe('sees 10.0.1.2');
    expect(w.flows(w.r)).toEqual([
      'tcp      6 TIME_WAIT src=10.0.1.2 dst=10.0.2.2 sport=EPH dport=8080 src=10.0.2.2 dst=10.0.1.2 sport=8080 dport=EPH [ASSURED]',
    ]);
  });

  test('DNAT to another port, one count a connection', () => {
    const w = world();
    w.iptables(w.r, '-t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.2.2:8080');
    expect(w.fetch(w.a, '10.0.1.1', 80)).toBe('sees 10.0.1.2');
    expect(w.flows(w.r)).toEqual([
      'tcp      6 TIME_WAIT src=10.0.1.2 dst=10.0.1.1 sport=EPH dport=80 src=10.0.2.2 dst=10.0.1.2 sport=8080 dport=EPH [ASSURED]',
    ]);
    expect(w.iptables(w.r, '-t nat -S PREROUTING -v')).toContain('-c 1 60 -j DNAT');
  });

  test('MASQUERADE hides the client, TCP and UDP', () => {
    const w = world();
    w.iptables(w.r, '-t nat -A POSTROUTING -o eth1 -j MASQUERADE');
    expect(w.fetch(w.a, '10.0.2.2', 8080)).toBe('sees 10.0.2.1');
    expect(w.ask(w.a, '10.0.2.2', 53)).toBe('sees 10.0.2.1');
  });

  test('an ICMP error crosses the NAT back to the socket', () => {
    const w = world();
    w.iptables(w.r, '-t nat -A POSTROUTING -o eth1 -j MASQUERADE');
    expect(w.ask(w.a, '10.0.2.2', 54)).toBe('ECONNREFUSED');
    w.iptables(w.r, '-t nat -A PREROUTING -p udp -d 10.0.1.1 --dport 55 -j DNAT --to-destination 10.0.2.2:56');
    expect(w.ask(w.a, '10.0.1.1', 55)).toBe('ECONNREFUSED');
  });

  test('REJECT, DROP, reset: what the client sees', () => {
    const w = world();
    w.iptables(w.r, '-A FORWARD -p tcp --dport 8080 -j REJECT');
    expect(w.fetch(w.a, '10.0.2.2', 8080)).toBe('ECONNREFUSED');
    w.iptables(w.r, '-R FORWARD 1 -p tcp --dport 8080 -j REJECT --reject-with tcp-reset');
    expect(w.fetch(w.a, '10.0.2.2', 8080)).toBe('ECONNREFUSED');
    w.iptables(w.r, '-R FORWARD 1 -p tcp --dport 8080 -j DROP');
    expect(w.fetch(w.a, '10.0.2.2', 8080)).toBe('EAGAIN');
    expect(w.iptables(w.r, '-S FORWARD -v')).toBe('-P FORWARD ACCEPT -c 0 0\n-A FORWARD -p tcp -m tcp --dport 8080 -c 2 120 -j DROP\n');
  });

  test('a service made of OUTPUT DNAT and hairpin masquerade', () => {
    const w = world();
    w.iptables(w.a, '-t nat -A OUTPUT -d 10.96.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.2:8080');
    expect(w.fetch(w.a, '10.96.0.1', 80)).toBe('sees 10.0.1.2');
    w.iptables(w.b, '-t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080');
    expect(w.fetch(w.a, '10.0.2.2', 80)).toBe('sees 10.0.1.2');
    w.iptables(w.b, '-t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 8080');
    expect(w.fetch(w.b, '10.0.2.2', 80)).toBe('sees 10.0.2.2');
  });

  test('policy counters start with -P', () => {
    const w = world();
    w.iptables(w.b, '-A INPUT -p icmp -j DROP');
    w.fetch(w.a, '10.0.2.2', 8080);
    expect(w.iptables(w.b, '-L INPUT -nv')).toContain('policy ACCEPT 0 packets');
    w.iptables(w.b, '-P INPUT ACCEPT');
    w.ask(w.a, '10.0.2.2', 53);
    expect(w.iptables(w.b, '-L INPUT -nv')).toContain('policy ACCEPT 1 packets, 29 bytes');
  });
});
