/** tracepath: hops and path MTU without privileges. Models iputils 20221126 tracepath.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo, gethostbyaddr } from '../../os/resolver.ts';
import { openUdp } from '../../os/sockcalls.ts';
import type { SockError, UdpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { getoptShort } from '../getopt.ts';

const USAGE = `
Usage
  tracepath [options] <destination>

Options:
  -4             use IPv4
  -6             use IPv6
  -b             print both name and ip
  -l <length>    use packet <length>
  -m <hops>      use maximum <hops>
  -n             no dns name resolution
  -p <port>      use destination <port>
  -V             print version and exit
  <destination>  dns name or ip address

For more details see tracepath(8).
`;
const HOST_COLUMN = 52;
const SLOTS = 64;
const REPLY_WAIT = 1_000_000;

interface Options {
  numeric: boolean;
  both: boolean;
  max: number;
  port: number;
  length: number | null;
}

class Tracepath {
  private readonly p: Process;
  private readonly o: Options;
  private readonly dst: IpAddr;
  private readonly sock: UdpSocket;
  private readonly overhead: number;
  private readonly history: ({ hops: number; time: number } | null)[] = Array<null>(SLOTS).fill(null);
  private slot = 0;
  private mtu: number;
  private hopsTo = -1;
  private hopsFrom = -1;

  constructor(p: Process, o: Options, dst: IpAddr) {
    this.p = p;
    this.o = o;
    this.dst = dst;
    this.overhead = typeof dst === 'number' ? 28 : 48;
    this.mtu = o.length ?? (typeof dst === 'number' ? 65535 : 128000);
    this.sock = openUdp(p, typeof dst === 'number' ? 4 : 6);
    this.sock.opt.recvErr = true;
    this.sock.opt.mtuDiscover = 'do';
  }

  *run(): Task<number> {
    const { p, o } = this;
    for (let ttl = 1; ttl <= o.max; ttl++) {
      this.sock.opt.ttl = ttl;
      let outcome = -1;
      for (let i = 0; i < 3; i++) {
        const old = this.mtu;
        outcome = yield* this.probe(ttl);
        if (this.mtu !== old) {
          i = -1;
          continue;
        }
        if (outcome >= 0) break;
      }
      if (outcome === 0) return yield* this.resume();
      if (outcome < 0) yield* p.out(`${String(ttl).padStart(2)}:  no reply\n`);
    }
    yield* p.out(`     Too many hops: pmtu ${this.mtu}\n`);
    return yield* this.resume();
  }

  private *resume(): Task<number> {
    let text = `     Resume: pmtu ${this.mtu} `;
    if (this.hopsTo >= 0) text += `hops ${this.hopsTo} `;
    if (this.hopsFrom >= 0) text += `back ${backHops(this.hopsFrom)} `;
    yield* this.p.out(`${text}\n`);
    return 0;
  }

  /** 0: the end; above 0: progress; below 0: silence. */
  private *probe(ttl: number): Task<number> {
    const { p } = this;
    for (let attempt = 0; attempt < 10; attempt++) {
      const slot = this.slot;
      this.history[slot] = { hops: ttl, time: p.sim.now };
      this.slot = (this.slot + 1) % SLOTS;
      const sent = this.sock.sendTo(new Uint8Array(Math.max(0, this.mtu - this.overhead)), this.dst, this.o.port + slot);
      if (sent.ok) {
        const until = p.sim.now + REPLY_WAIT;
        while (!this.sock.readable() && p.sim.now < until) yield { on: [this.sock.wq], until };
        if (this.sock.recvFrom().ok) {
          yield* p.out(`${String(ttl).padStart(2)}?: reply received 8)\n`);
          return 0;
        }
        return yield* this.errors(ttl);
      }
      const r = yield* this.errors(ttl);
      this.history[slot] = null;
      if (r === 0) return 0;
      if (r > 0) attempt = -1;
    }
    yield* p.out(`${String(ttl).padStart(2)}:  send failed\n`);
    return 0;
  }

  private *errors(ttl: number): Task<number> {
    let progress = -1;
    for (;;) {
      const e = this.sock.recvError();
      if (!e.ok) {
        this.sock.takeError();
        return progress;
      }
      progress = this.mtu;
      if (yield* this.report(e.value, ttl)) return 0;
    }
  }

  /** True when this error ends the path. */
  private *report(e: SockError, ttl: number): Task<boolean> {
    const { p, o } = this;
    const slot = e.dst.port - o.port;
    const sent = this.history[slot] ?? null;
    if (sent) this.history[slot] = null;
    let text: string;
    if (e.origin === 'local') text = `${String(ttl).padStart(2)}?: ${'[LOCALHOST]'.padEnd(32)} `;
    else {
      text = sent ? `${String(sent.hops).padStart(2)}:  ` : `${String(ttl).padStart(2)}?: `;
      const address = formatIp(e.offender ?? this.dst);
      const name = o.numeric ? null : (yield* gethostbyaddr(p, e.offender ?? this.dst))?.name;
      let host = o.numeric ? address : (name ?? '???');
      if (o.both && o.numeric) host = `${address} (???)`;
      else if (o.both) host = `${host} (${address})`;
      text += host.padEnd(HOST_COLUMN - 1).padEnd(HOST_COLUMN);
    }
    if (sent) {
      const us = e.time - sent.time;
      text += `${String(Math.floor(us / 1000)).padStart(3)}.${String(us % 1000).padStart(3, '0')}ms `;
    }
    const say = function* (what: string): Task<void> {
      yield* p.out(`${text}${what}\n`);
    };
    const exceeded = typeof this.dst === 'number' ? e.type === 11 : e.type === 3;
    switch (e.errno) {
      case 'EMSGSIZE':
        yield* say(`pmtu ${e.info}`);
        this.mtu = e.info;
        return false;
      case 'ECONNREFUSED':
        yield* say('reached');
        this.hopsTo = sent ? sent.hops : ttl;
        this.hopsFrom = e.ttl;
        return true;
      case 'EPROTO':
        yield* say('!P');
        return true;
      case 'EHOSTUNREACH':
        if (e.origin === 'icmp' && exceeded) {
          const back = e.ttl > 0 ? backHops(e.ttl) : -1;
          yield* say(back >= 0 && back !== (sent ? sent.hops : ttl) ? `asymm ${String(back).padStart(2)} ` : '');
          return false;
        }
        yield* say('!H');
        return true;
      case 'ENETUNREACH':
        yield* say('!N');
        return true;
      case 'EACCES':
        yield* say('!A');
        return true;
      default:
        yield* say('');
        yield* p.err(`NET ERROR: ${strerror(e.errno)}\n`);
        return true;
    }
  }
}

/** Hops back, guessed from the TTL that is left. */
function backHops(ttl: number): number {
  return (ttl <= 64 ? 65 : ttl <= 128 ? 129 : 256) - ttl;
}

function* main(p: Process): Task<number> {
  const g = getoptShort(p.argv.slice(1), '46nbh?l:m:p:V');
  const o: Options = { numeric: false, both: false, max: 30, port: 44444, length: null };
  let family: 4 | 6 | undefined;
  for (const [key, value] of g.options) {
    const integer = (): number | null => (/^\d+$/.test(value) ? Number(value) : null);
    if (key === '4' || key === '6') family = Number(key) as 4 | 6;
    else if (key === 'n') o.numeric = true;
    else if (key === 'b') o.both = true;
    else if (key === 'V') {
      yield* p.out('tracepath from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n');
      return 0;
    } else if (key === 'l' || key === 'm' || key === 'p') {
      const n = integer();
      if (n === null) {
        yield* p.err(`${p.name}: invalid argument: '${value}'\n`);
        return 1;
      }
      const range = (low: number, high: number): string | null =>
        n < low || n > high ? `invalid argument: '${value}': out of range: ${low} <= value <= ${high}` : null;
      const bad = key === 'm' ? range(0, 255) : key === 'p' ? range(0, 65_535) : null;
      if (bad) {
        yield* p.err(`${p.name}: ${bad}\n`);
        return 1;
      }
      if (key === 'l') o.length = n;
      else if (key === 'm') o.max = n;
      else o.port = n;
    }
  }
  if (g.error || g.operands.length !== 1) {
    yield* p.err(`${g.error ? `${p.name}: ${g.error}\n` : ''}${USAGE}`);
    return 255;
  }
  const given = g.operands[0] as string;
  // host/port
  const slash = given.indexOf('/');
  const target = slash < 0 ? given : given.slice(0, slash);
  if (slash >= 0) o.port = Number(given.slice(slash + 1)) || o.port;
  const r = yield* getaddrinfo(p, target, family ? { family } : {});
  if (!r.ok) {
    yield* p.err(`${p.name}: ${target}: ${gaiStrerror(r.error)}\n`);
    return 1;
  }
  const addr = r.addrs[0] as IpAddr;
  const overhead = typeof addr === 'number' ? 28 : 48;
  if (o.length !== null && o.length <= overhead) {
    yield* p.err(`${p.name}: pktlen must be within: ${overhead} < value <= 2147483647\n`);
    return 1;
  }
  return yield* new Tracepath(p, o, addr).run();
}

export const tracepath: Command = { name: 'tracepath', main };
