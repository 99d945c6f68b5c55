import { describe, expect, it } from 'vitest';
import { SEC } from '../../../sim/sim.ts';
import { PacketSocket } from '../packet.ts';
import { flagText, ip, type Lan, lan, must, Peer, tcpOf } from '../testnet.ts';
import { TcpSocket } from './tcp.ts';

const S = Peer.synOptions;

/** A socket of 10.0.0.1 that has connected to the scripted peer. */
function connected(): { net: Lan; sk: TcpSocket; peer: Peer } {
  const net = lan(false);
  const peer = new Peer(net, 80);
  const sk = new TcpSocket(net.a);
  sk.connect(ip('10.0.0.2'), 80);
  expect(peer.recv()).toBe('S 0:0 win 64240 len 0');
  peer.send('S.', 0, 1, { win: 65160, options: { ...S } });
  expect(peer.recv()).toBe('. 1:1 win 63 len 0');
  expect(sk.state).toBe('ESTABLISHED');
  return { net, sk, peer };
}

/** A listener on 10.0.0.1:80 and a connection that the scripted peer made. */
function accepted(backlog = 8): { net: Lan; listener: TcpSocket; sk: TcpSocket; peer: Peer } {
  const net = lan(false);
  const listener = new TcpSocket(net.a);
  must(listener.bind(0, 80));
  must(listener.listen(backlog));
  const peer = new Peer(net, 40_000);
  peer.remotePort = 80;
  peer.send('S', 0, 0, { win: 64240, options: { ...S } });
  expect(peer.recv()).toBe('S. 0:1 win 65160 len 0');
  peer.send('.', 1, 1);
  expect(peer.recv()).toBe('nothing');
  return { net, listener, sk: must(listener.accept()), peer };
}

const bytes = (n: number): Uint8Array => new Uint8Array(n).fill(120);
const run = (net: Lan, ms: number): void => {
  net.sim.runUntil(net.sim.now + ms * 1000);
};

describe('handshake', () => {
  it('refuses: RST to the SYN ends connect() with ECONNREFUSED', () => {
    const net = lan(false);
    const peer = new Peer(net, 80);
    const sk = new TcpSocket(net.a);
    expect(sk.connect(ip('10.0.0.2'), 80)).toMatchObject({ errno: 'EINPROGRESS' });
    peer.recv();
    peer.send('R.', 0, 1, { win: 0 });
    expect(peer.recv()).toBe('nothing');
    expect(sk.connecting).toBe(false);
    expect(sk.takeError()).toBe('ECONNREFUSED');
  });

  it('answers a SYN to a closed port with RST and ignores a reset to one', () => {
    const net = lan(false);
    const peer = new Peer(net, 40_000);
    peer.remotePort = 81;
    peer.send('S', 0, 0, { options: { ...S } });
    expect(peer.recv()).toMatch(/^R\. 0:1 win 0 len 0/);
    peer.send('R', 0, 0);
    expect(peer.recv()).toBe('nothing');
  });

  it('sends the SYN into silence five times a second apart and then backs off, as tcp_syn_linear_timeouts=4 has it', () => {
    const net = lan(false);
    const peer = new Peer(net, 80);
    const sk = new TcpSocket(net.a);
    const start = net.sim.now;
    sk.connect(ip('10.0.0.2'), 80);
    const times: number[] = [];
    while (peer.recv(80 * SEC) !== 'nothing') times.push(Math.floor((net.sim.now - start) / SEC));
    expect(times).toEqual([0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 69]);
    expect(sk.takeError()).toBe('ETIMEDOUT');
  });

  it('backs off exponentially when linear time-outs are off', () => {
    const net = lan(false);
    net.a.sysctl.set('net.ipv4.tcp_syn_linear_timeouts', '0');
    const peer = new Peer(net, 80);
    const sk = new TcpSocket(net.a);
    const start = net.sim.now;
    sk.connect(ip('10.0.0.2'), 80);
    const times: number[] = [];
    while (peer.recv(40 * SEC) !== 'nothing') times.push(Math.floor((net.sim.now - start) / SEC));
    expect(times.slice(0, 5)).toEqual([0, 1, 3, 7, 15]);
    expect(sk.state).toBe('SYN_SENT');
  });

  it('repeats the SYN-ACK until the ACK comes', () => {
    const net = lan(false);
    const listener = new TcpSocket(net.a);
    must(listener.bind(0, 80));
    must(listener.listen(1));
    const peer = new Peer(net, 40_000);
    peer.remotePort = 80;
    peer.send('S', 0, 0, { options: { ...S } });
    expect(peer.recv()).toBe('S. 0:1 win 65160 len 0');
    const again = peer.wait(1500);
    expect(again.got).toBe('S. 0:1 win 65160 len 0');
    expect(again.after).toBeGreaterThanOrEqual(1000);
    peer.send('.', 1, 1);
    run(net, 1);
    expect(must(listener.accept()).state).toBe('ESTABLISHED');
  });

  it('opens simultaneously', () => {
    const net = lan(false);
    const peer = new Peer(net, 80);
    const sk = new TcpSocket(net.a);
    sk.connect(ip('10.0.0.2'), 80);
    expect(peer.recv()).toMatch(/^S 0:0/);
    peer.send('S', 0, 0, { options: { ...S } });
    expect(peer.recv()).toMatch(/^S\. 0:1/);
    peer.send('.', 1, 1);
    run(net, 1);
    expect(sk.state).toBe('ESTABLISHED');
  });

  it('drops further SYNs when the accept queue is full', () => {
    const { net, listener, peer } = accepted(0);
    for (const port of [40_001, 40_002]) {
      const other = new Peer(net, port);
      other.remotePort = 80;
      other.send('S', 0, 0, { options: { ...S } });
      const answer = other.recv();
      if (port === 40_001) {
        expect(answer).toMatch(/^S\./);
        other.send('.', 1, 1);
        run(net, 1);
        expect(listener.readable()).toBe(true);
      } else expect(answer).toBe('nothing');
    }
    void peer;
  });
});

describe('transfer', () => {
  it('acknowledges the first data at once, and delays the ACK once it has answered', () => {
    const { net, sk, peer } = accepted();
    peer.send('P.', 1, 1, { len: 79 });
    expect(peer.recv()).toBe('. 1:80 win 64 len 0');
    expect(must(sk.recv()).length).toBe(79);
    must(sk.send(bytes(67)));
    expect(peer.recv()).toBe('P. 1:80 win 64 len 67');
    peer.send('P.', 80, 68, { len: 10 });
    const late = peer.wait(300);
    expect(late.got).toBe('. 68:90 win 64 len 0');
    expect(late.after).toBeGreaterThanOrEqual(40);
    expect(late.after).toBeLessThan(60);
    void net;
  });

  it('sends ten segments at first, as two super-packets', () => {
    const { sk, peer } = connected();
    must(sk.send(bytes(40_000)));
    expect(peer.recv()).toBe('P. 1:1 win 63 len 7240');
    expect(peer.recv()).toBe('P. 7241:1 win 63 len 7240');
    expect(peer.recv()).toBe('nothing');
    peer.send('.', 1, 14_481, { win: 1000 });
    expect(peer.recv()).toBe('P. 14481:1 win 63 len 14480');
    expect(peer.recv()).toBe('P. 28961:1 win 63 len 11040');
  });

  it('stays below the window of the peer, probes when it is shut, and goes on when it opens', () => {
    const { net, sk, peer } = connected();
    peer.send('.', 1, 1, { win: 8 });
    run(net, 1);
    must(sk.send(bytes(3000)));
    expect(peer.recv()).toBe('nothing');
    const partial = peer.wait(500);
    expect(partial.got).toBe('P. 1:1 win 63 len 1024');
    expect(partial.after).toBeGreaterThanOrEqual(199);
    peer.send('.', 1, 1025, { win: 0 });
    expect(peer.recv()).toBe('nothing');
    expect(peer.wait(500).got).toBe('. 1024:1 win 63 len 0');
    peer.send('.', 1, 1025, { win: 0 });
    expect(peer.wait(1000).got).toBe('. 1024:1 win 63 len 0');
    peer.send('.', 1, 1025, { win: 100 });
    expect(peer.recv()).toBe('P. 1025:1 win 63 len 1976');
  });

  it('sends a tail loss probe, then retransmits after 200 ms, doubling', () => {
    const { sk, peer } = connected();
    must(sk.send(bytes(10)));
    expect(peer.recv()).toBe('P. 1:1 win 63 len 10');
    const waits = [1, 2, 3, 4].map(() => peer.wait(3000));
    expect(waits.map((w) => w.got)).toEqual(Array(4).fill('P. 1:1 win 63 len 10'));
    expect(waits.map((w) => Math.floor(w.after / 200))).toEqual([1, 1, 2, 4]);
    peer.send('.', 1, 11);
    expect(peer.wait(5000).got).toBe('nothing');
  });

  it('resends a hole at once when three segments beyond it were sacked', () => {
    const { sk, peer } = connected();
    must(sk.send(bytes(14_480)));
    peer.recv();
    peer.recv();
    peer.send('.', 1, 1449);
    const irs = peer.irs;
    peer.send('.', 1, 1449, { options: { sack: [[irs + 2897, irs + 7241]] } });
    expect(peer.recv()).toMatch(/^\.? ?P?\.? ?1449:1 win 63 len 1448/);
    expect(peer.recv(1000)).toBe('nothing');
  });

  it('finds a lost tail by a probe two round trips later', () => {
    const { net, sk, peer } = connected();
    must(sk.send(bytes(5000)));
    expect(peer.recv()).toBe('P. 1:1 win 63 len 5000');
    const probe = peer.wait(150);
    expect(probe.got).toBe('P. 4345:1 win 63 len 656');
    expect(probe.after).toBeLessThan(20);
    run(net, 1);
    peer.send('.', 1, 1, { options: { sack: [[peer.irs + 4345, peer.irs + 5001]] } });
    expect(peer.recv()).toBe('. 1:1 win 63 len 1448');
    peer.send('.', 1, 1449, { options: { sack: [[peer.irs + 4345, peer.irs + 5001]] } });
    expect(peer.recv()).toBe('P. 1449:1 win 63 len 2896');
    peer.send('.', 1, 5001);
    expect(peer.wait(1000).got).toBe('nothing');
  });

  it('keeps what comes out of order and says so', () => {
    const { net, sk, peer } = accepted();
    peer.send('.', 101, 1, { len: 100 });
    expect(peer.recv()).toBe('. 1:1 win 64 len 0 sack 101-201');
    peer.send('.', 1, 1, { len: 100 });
    expect(peer.recv()).toBe('. 1:201 win 64 len 0');
    expect(must(sk.recv()).length).toBe(200);
    void net;
  });

  it('holds back a small segment while another is unacknowledged (Nagle), not with TCP_NODELAY', () => {
    const { sk, peer } = connected();
    must(sk.send(bytes(10)));
    expect(peer.recv()).toBe('P. 1:1 win 63 len 10');
    must(sk.send(bytes(20)));
    expect(peer.recv()).toBe('nothing');
    sk.setNoDelay(true);
    expect(peer.recv()).toBe('P. 11:1 win 63 len 20');
  });

  it('shuts its window when nobody reads, and opens it again', () => {
    const { sk, peer } = accepted();
    let seq = 1;
    let edge = 60_000;
    let last = '';
    for (let i = 0; i < 500 && !/win 0/.test(last); i++) {
      const len = Math.min(1448, edge - seq);
      if (len > 0) peer.send('.', seq, 1, { len });
      seq += Math.max(0, len);
      const got = peer.recv(len > 0 ? 100 : 300_000);
      const m = /^\. 1:(\d+) win (\d+)/.exec(got);
      if (m) edge = Number(m[1]) + Number(m[2]) * 1024;
      if (m) last = got;
    }
    expect(last).toMatch(/win 0 len 0/);
    let total = 0;
    for (;;) {
      const r = sk.recv();
      if (!r.ok) break;
      total += r.value.length;
    }
    expect(total).toBeGreaterThan(60_000);
    expect(peer.recv()).toMatch(/win [1-9]\d* len 0/);
  });
});

describe('close', () => {
  it('closes actively: FIN_WAIT1, FIN_WAIT2, TIME_WAIT for a minute', () => {
    const { net, sk, peer } = connected();
    sk.close();
    expect(peer.recv()).toBe('F. 1:1 win 63 len 0');
    expect(sk.state).toBe('FIN_WAIT1');
    peer.send('.', 1, 2);
    run(net, 1);
    expect(sk.state).toBe('FIN_WAIT2');
    peer.send('F.', 1, 2);
    expect(peer.recv()).toBe('. 2:2 win 63 len 0');
    expect(sk.state).toBe('TIME_WAIT');
    run(net, 59_000);
    expect(sk.state).toBe('TIME_WAIT');
    run(net, 4_000);
    expect(net.a.sockets.tcp()).toEqual([]);
  });

  it('closes passively, with data still flowing out', () => {
    const { net, sk, peer } = accepted();
    peer.send('F.', 1, 1);
    run(net, 1);
    expect(sk.state).toBe('CLOSE_WAIT');
    expect(must(sk.recv()).length).toBe(0);
    must(sk.send(bytes(5)));
    expect(peer.recv()).toBe('P. 1:2 win 64 len 5');
    sk.close();
    expect(peer.recv()).toBe('F. 6:2 win 64 len 0');
    expect(sk.state).toBe('LAST_ACK');
    peer.send('.', 2, 7);
    run(net, 1);
    expect(net.a.sockets.tcp().map((s) => s.state)).toEqual(['LISTEN']);
  });

  it('closes on both sides at once: CLOSING', () => {
    const { net, sk, peer } = connected();
    sk.close();
    expect(peer.recv()).toBe('F. 1:1 win 63 len 0');
    peer.send('F.', 1, 1);
    expect(peer.recv()).toBe('. 2:2 win 63 len 0');
    expect(sk.state).toBe('CLOSING');
    peer.send('.', 2, 2);
    run(net, 1);
    expect(sk.state).toBe('TIME_WAIT');
  });

  it('resets when unread data is thrown away, and when data comes after close', () => {
    const one = accepted();
    one.peer.send('P.', 1, 1, { len: 10 });
    expect(one.peer.recv()).toMatch(/^\./);
    one.sk.close();
    expect(one.peer.recv()).toMatch(/^R\. 1:11/);
    const two = connected();
    two.sk.close();
    expect(two.peer.recv()).toMatch(/^F\./);
    two.peer.send('P.', 1, 2, { len: 10 });
    expect(two.peer.recv()).toMatch(/^R 2:0/);
    expect(two.net.a.sockets.tcp()).toEqual([]);
  });

  it('gives ECONNRESET to the reader and EPIPE to the next write', () => {
    const { net, sk, peer } = connected();
    peer.send('R.', 1, 1);
    run(net, 1);
    expect(sk.recv()).toMatchObject({ errno: 'ECONNRESET' });
    expect(sk.send(bytes(1))).toMatchObject({ errno: 'EPIPE' });
  });

  it('challenges a reset that is in the window but not exact (RFC 5961)', () => {
    const { sk, peer } = connected();
    peer.send('R.', 50, 1);
    expect(peer.recv()).toBe('. 1:1 win 63 len 0');
    expect(sk.state).toBe('ESTABLISHED');
  });

  it('answers a repeated FIN in TIME_WAIT, and lets a new SYN take the place', () => {
    const { net, listener, sk, peer } = accepted();
    sk.close();
    expect(peer.recv()).toMatch(/^F\. 1:1/);
    peer.send('F.', 1, 2);
    expect(peer.recv()).toMatch(/^\. 2:2/);
    expect(sk.state).toBe('TIME_WAIT');
    peer.send('F.', 1, 2);
    expect(peer.recv()).toMatch(/^\. 2:2/);
    peer.send('S', 100_000, 0, { options: { ...S } });
    expect(peer.recv()).toMatch(/^S\. \d+:100001 win 65160/);
    void net;
    void listener;
  });

  it('probes an idle connection with keepalive and gives up', () => {
    const { sk, peer } = connected();
    sk.opt.keepIdle = 10;
    sk.opt.keepIntvl = 5;
    sk.opt.keepCnt = 2;
    sk.setKeepalive(true);
    const first = peer.wait(20_000);
    expect(first.got).toBe('. 0:1 win 63 len 0');
    expect(Math.floor(first.after / 1000)).toBe(10);
    expect(peer.wait(20_000).got).toBe('. 0:1 win 63 len 0');
    expect(peer.wait(20_000).got).toMatch(/^R\./);
    expect(sk.takeError()).toBe('ETIMEDOUT');
  });
});

describe('two stacks', () => {
  it('a request on a keep-alive server is exactly the ten recorded packets', () => {
    const net = lan();
    const tap = new PacketSocket(net.b, 3);
    must(tap.bind(net.ethB));
    const listener = new TcpSocket(net.b);
    must(listener.bind(0, 80));
    must(listener.listen(128));
    const client = new TcpSocket(net.a);
    client.connect(ip('10.0.0.2'), 80);
    run(net, 1);
    const server = must(listener.accept());
    must(client.send(bytes(79)));
    run(net, 1);
    must(server.recv());
    must(server.send(bytes(67)));
    run(net, 1);
    must(client.recv());
    client.close();
    net.sim.runUntil(net.sim.now + 100);
    expect(must(server.recv()).length).toBe(0);
    server.close();
    run(net, 100);
    const seen: string[] = [];
    for (;;) {
      const c = tap.recv();
      if (!c.ok) break;
      const t = tcpOf(c.value);
      if (t) seen.push(`${t.dstPort === 80 ? '>' : '<'} ${flagText(t.flags)} win ${t.window} len ${t.payload.length}`);
    }
    expect(seen).toEqual([
      '> S win 64240 len 0',
      '< S. win 65160 len 0',
      '> . win 63 len 0',
      '> P. win 63 len 79',
      '< . win 64 len 0',
      '< P. win 64 len 67',
      '> . win 63 len 0',
      '> F. win 63 len 0',
      '< F. win 64 len 0',
      '> . win 63 len 0',
    ]);
  });

  it('carries megabytes whole, also over a cable that loses packets', () => {
    for (const loss of [0, 0.03]) {
      const net = lan(true, 7);
      const listener = new TcpSocket(net.b);
      must(listener.bind(0, 80));
      must(listener.listen(1));
      const client = new TcpSocket(net.a);
      client.connect(ip('10.0.0.2'), 80);
      run(net, 1);
      const server = must(listener.accept());
      if (loss > 0) {
        const rng = net.sim.rng('test.loss');
        for (const dev of [net.ethA, net.ethB]) {
          const xmit = dev.xmit.bind(dev);
          dev.xmit = (skb) => {
            if (rng.float() >= loss) xmit(skb);
          };
        }
      }
      const data = new Uint8Array(loss > 0 ? 400_000 : 3_000_000);
      for (let i = 0; i < data.length; i++) data[i] = (i * 31 + (i >> 8)) & 255;
      let sent = 0;
      const got: Uint8Array[] = [];
      let size = 0;
      for (let step = 0; step < 200_000 && size < data.length; step++) {
        const r = sent < data.length ? client.send(data.subarray(sent)) : null;
        if (r?.ok) sent += r.value;
        net.sim.runUntil(net.sim.now + 500);
        const d = server.recv(1 << 20);
        if (d.ok) {
          got.push(d.value);
          size += d.value.length;
        }
      }
      expect(size).toBe(data.length);
      expect(Buffer.compare(Buffer.concat(got), data)).toBe(0);
    }
  });
});
