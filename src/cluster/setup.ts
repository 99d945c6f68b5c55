/**
 * Set-up lists of a world, carried out by netlink requests as a container runtime or a network daemon makes them. The lists are
 * written in iproute2's words, so that the same list builds the same network on a real host.
 */

import {
  addFdb,
  delLink,
  type Errno,
  IFF_UP,
  type LinkAttrs,
  type NetDevice,
  type Netns,
  type NewLink,
  newAddr,
  newLink,
  type Result,
  setLink,
} from '../os/uapi.ts';
import { type IpAddr, parseIp, parseIp4 } from '../wire/addr.ts';
import { parseMac } from '../wire/mac.ts';

/** Namespaces by name, for `netns NAME`. */
export type NetnsByName = (name: string) => Netns | undefined;

const NUD_PERMANENT = 0x80;

/** Reads words one by one; every complaint names the line. */
class Words {
  private at = 0;
  private readonly line: string;
  private readonly words: readonly string[];
  readonly ns: Netns;

  constructor(line: string, ns: Netns) {
    this.line = line;
    this.words = line.split(' ');
    this.ns = ns;
  }

  get more(): boolean {
    return this.at < this.words.length;
  }

  next(): string {
    const word = this.words[this.at++];
    if (word === undefined) throw this.wrong('ends too early');
    return word;
  }

  wrong(why: string): Error {
    return new Error(`set-up line "${this.line}": ${why}`);
  }

  check(r: Result<unknown> | { ok: false; errno: Errno; msg?: string }): void {
    if (!r.ok) throw this.wrong(r.msg ?? r.errno);
  }

  device(name = this.next()): NetDevice {
    const dev = this.ns.device(name);
    if (!dev) throw this.wrong(`no device ${name}`);
    return dev;
  }

  ip(text = this.next()): number {
    const ip = parseIp4(text);
    if (ip === null) throw this.wrong(`${text} is no IPv4 address`);
    return ip;
  }

  mac(): number {
    const text = this.next();
    const mac = parseMac(text);
    if (mac === null) throw this.wrong(`${text} is no MAC address`);
    return mac;
  }

  prefix(): { addr: IpAddr; len: number } {
    const text = this.next();
    if (text === 'default') return { addr: 0, len: 0 };
    const [addr = '', len] = text.split('/');
    if (!addr.includes(':')) return { addr: this.ip(addr), len: Number(len ?? 32) };
    return { addr: this.ip6(addr), len: Number(len ?? 128) };
  }

  private ip6(text: string): IpAddr {
    const ip = parseIp(text);
    if (ip === null) throw this.wrong(`${text} is no IPv6 address`);
    return ip;
  }

  /** An address of either family. */
  address(): IpAddr {
    const text = this.next();
    return text.includes(':') ? this.ip6(text) : this.ip(text);
  }
}

/** Carries out lines such as `link set eth0 up` in a namespace. @throws Error naming the line: a bug of the world. */
export function setUp(ns: Netns, lines: readonly string[], named: NetnsByName): void {
  for (const line of lines) {
    const w = new Words(line, ns);
    const verb = `${w.next()} ${w.next()}`;
    if (verb === 'link add') linkAdd(w, named);
    else if (verb === 'link set') linkSet(w);
    else if (verb === 'link del') w.check(delLink(w.device()));
    else if (verb === 'addr add') addrAdd(w);
    else if (verb === 'route add') routeAdd(w);
    else if (verb === 'neigh replace') neighReplace(w);
    else if (verb === 'fdb append') fdbAppend(w);
    else throw w.wrong(`${verb} is unknown`);
  }
}

function linkAttrs(w: Words, word: string, a: LinkAttrs, named: NetnsByName): boolean {
  if (word === 'address') a.address = w.mac();
  else if (word === 'mtu') a.mtu = Number(w.next());
  else if (word === 'netns') {
    const name = w.next();
    const target = named(name);
    if (!target) throw w.wrong(`no namespace ${name}`);
    a.netns = target;
  } else return false;
  return true;
}

function linkAdd(w: Words, named: NetnsByName): void {
  const req: NewLink = { name: w.next(), kind: '' };
  while (w.more) {
    const word = w.next();
    if (linkAttrs(w, word, req, named)) continue;
    if (word !== 'type') throw w.wrong(`${word} is unknown`);
    req.kind = w.next();
    if (req.kind === 'veth') {
      if (`${w.next()} ${w.next()}` !== 'peer name') throw w.wrong('a veth needs its peer');
      const peer: LinkAttrs = { name: w.next() };
      while (w.more) {
        const more = w.next();
        if (!linkAttrs(w, more, peer, named)) throw w.wrong(`${more} is unknown`);
      }
      req.peer = peer;
    } else if (req.kind === 'vxlan') vxlan(w, req);
  }
  w.check(newLink(w.ns, req));
}

function vxlan(w: Words, req: NewLink): void {
  const options: { dstport?: number; learning?: boolean } = {};
  const data: { kind: 'vxlan'; id?: number; local?: number; link?: number; options: typeof options } = { kind: 'vxlan', options };
  while (w.more) {
    const word = w.next();
    if (word === 'id') data.id = Number(w.next());
    else if (word === 'dev') data.link = w.device().ifindex;
    else if (word === 'local') data.local = w.ip();
    else if (word === 'dstport') options.dstport = Number(w.next());
    else if (word === 'nolearning') options.learning = false;
    else throw w.wrong(`${word} is unknown`);
  }
  req.data = data;
}

function linkSet(w: Words): void {
  const dev = w.device();
  const attrs: LinkAttrs = {};
  const port: { hairpin?: boolean } = {};
  while (w.more) {
    const word = w.next();
    if (word === 'up') {
      attrs.set = IFF_UP;
    } else if (word === 'address') attrs.address = w.mac();
    else if (word === 'master') attrs.master = w.device();
    else if (word === 'hairpin') port.hairpin = w.next() === 'on';
    else throw w.wrong(`${word} is unknown`);
  }
  w.check(port.hairpin === undefined ? setLink(dev, attrs) : setLink(dev, attrs, 'bridge_slave', undefined, port));
}

function addrAdd(w: Words): void {
  const { addr, len } = w.prefix();
  let broadcast: number | null = null;
  let dev: NetDevice | null = null;
  while (w.more) {
    const word = w.next();
    if (word === 'brd' && w.next() === '+') broadcast = typeof addr === 'number' && len < 31 ? (addr | (0xffffffff >>> len)) >>> 0 : null;
    else if (word === 'dev') dev = w.device();
    else throw w.wrong(`${word} is unknown`);
  }
  if (!dev) throw w.wrong('names no device');
  w.check(newAddr(dev, { local: addr, len, ...(broadcast === null ? {} : { broadcast }) }, 'add'));
}

function routeAdd(w: Words): void {
  const dst = w.prefix();
  const hop: { gateway?: IpAddr; dev?: NetDevice; onlink?: boolean } = {};
  let prefsrc: number | undefined;
  while (w.more) {
    const word = w.next();
    if (word === 'via') hop.gateway = w.address();
    else if (word === 'dev') hop.dev = w.device();
    else if (word === 'onlink') hop.onlink = true;
    else if (word === 'src') prefsrc = w.ip();
    else throw w.wrong(`${word} is unknown`);
  }
  const family = typeof hop.gateway === 'bigint' || typeof dst.addr === 'bigint' ? 6 : 4;
  const to = family === 6 && dst.addr === 0 ? { addr: 0n, len: 0 } : dst;
  w.check(w.ns.fib.add({ family, dst: to, nexthops: [hop], ...(prefsrc === undefined ? {} : { prefsrc }) }));
}

function neighReplace(w: Words): void {
  const ip = w.ip();
  let mac: number | null = null;
  let dev: NetDevice | null = null;
  while (w.more) {
    const word = w.next();
    if (word === 'lladdr') mac = w.mac();
    else if (word === 'dev') dev = w.device();
    else if (word !== 'nud' || w.next() !== 'permanent') throw w.wrong(`${word} is unknown`);
  }
  if (!dev || mac === null) throw w.wrong('names no device or no MAC address');
  w.check(w.ns.neigh.add(dev, ip, { state: NUD_PERMANENT, mac }, 'replace'));
}

function fdbAppend(w: Words): void {
  const mac = w.mac();
  let dev: NetDevice | null = null;
  let dst: number | null = null;
  while (w.more) {
    const word = w.next();
    if (word === 'dev') dev = w.device();
    else if (word === 'dst') dst = w.ip();
    else throw w.wrong(`${word} is unknown`);
  }
  if (!dev || dst === null) throw w.wrong('names no device or no destination');
  w.check(addFdb({ mac, dev, dst, self: true, master: false, state: 'permanent' }, 'append'));
}
