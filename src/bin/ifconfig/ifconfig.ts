/** ifconfig: shows and sets interfaces the old way. Models ifconfig of net-tools 2.10 and the SIOCSIF ioctls of devinet.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type AddrSpec, addAddr, delAddr, type IfAddr, type NetDevice, type Result, setLink, strerror } from '../../os/uapi.ts';
import { lastOf, mask4, parseIp6 } from '../../wire/addr.ts';
import { parseMac } from '../../wire/mac.ts';
import { resolveInet } from '../nettools/resolve.ts';
import { interfaces, printInterface, printTable } from './print.ts';
import { HELP, USAGE } from './usage.ts';

const IFF_UP = 0x1;
const IFF_BROADCAST = 0x2;
const BAD_USAGE = 3;

/** Hardware types that ifconfig can set an address of, and those that it only knows. */
const SETTABLE = ['ether', 'ax25', 'arcnet', 'fddi', 'hippi', 'irda', 'rose', 'netrom', 'eui64', 'tr', 'infiniband'];
const KNOWN = [
  'loop',
  'slip',
  'cslip',
  'slip6',
  'cslip6',
  'adaptive',
  'ash',
  'tunnel',
  'ppp',
  'hdlc',
  'lapb',
  'dlci',
  'frad',
  'sit',
  'ec',
  'x25',
];

const FAMILIES = ['unix', 'inet', 'inet6', 'ax25', 'netrom', 'rose', 'ipx', 'ddp', 'ec', 'ash', 'x25'];

class Usage extends Error {}

/** Ends at once with status 1. */
class Abort extends Error {}

class Run {
  readonly p: Process;
  /** As given: an alias keeps its suffix. */
  label: string;
  /** null: there is no such device, and every request says so. */
  dev: NetDevice | null;
  err = '';
  /** What the flag requests return (-1) and the others (1), or-ed. */
  status = 0;
  /** The word after the next one, for `hw`. */
  pending: string | undefined = undefined;
  /** Of `ADDRESS/LEN`: set when all words are read. */
  mask: number | null = null;

  constructor(p: Process, label: string, dev: NetDevice | null) {
    this.p = p;
    this.label = label;
    this.dev = dev;
  }

  fail(text: string): void {
    this.err += `${text}\n`;
    this.status |= 1;
  }

  check(what: string, r: Result<unknown>): void {
    if (!r.ok) this.fail(`${what}: ${strerror(r.errno)}`);
  }

  /** The device for an ioctl, or its complaint. */
  need(what: string): NetDevice | null {
    if (!this.dev) this.fail(`${what}: No such device`);
    return this.dev;
  }

  get addr(): IfAddr | undefined {
    return this.dev?.addrs4.find((a) => a.label === this.label);
  }

  /** set_flag(), clr_flag() */
  flags(attrs: { set?: number; clear?: number }): void {
    if (!this.dev) {
      this.err += `${this.label}: ERROR while getting interface flags: No such device\n`;
      this.status = -1;
      return;
    }
    const r = setLink(this.dev, attrs);
    if (r.ok) return;
    this.err += `SIOCSIFFLAGS: ${strerror(r.errno)}\n`;
    this.status = -1;
  }

  up(): void {
    this.flags({ set: IFF_UP });
  }
}

function classLen(a: number): number {
  const first = a >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 32;
}

/** SIOCSIFADDR: takes the place of the address with this label; mask and broadcast by class. 0 takes it away. */
function setAddress(r: Run, a: number): void {
  const dev = r.need('SIOCSIFADDR');
  if (!dev) return;
  const old = r.addr;
  if (old?.local === a && a !== 0) return;
  if (old) delAddr(dev, { local: old.local, len: old.len });
  if (a === 0) return;
  const len = classLen(a);
  place(r, dev, { local: a, len, label: r.label, scope: a >>> 24 === 127 ? 254 : 0 }, len);
}

function place(r: Run, dev: NetDevice, spec: AddrSpec, len: number): void {
  if (dev.flags & IFF_BROADCAST && len < 31 && typeof spec.local === 'number') spec.broadcast ??= lastOf(spec.local, len);
  r.check('SIOCSIFADDR', addAddr(dev, spec));
}

function maskLenOf(m: number): number | null {
  const host = ~m >>> 0;
  return (host & (host + 1)) >>> 0 === 0 ? 32 - Math.round(Math.log2(host + 1)) : null;
}

/** SIOCSIFNETMASK: the broadcast address follows when it was that of the old mask. */
function setMask(r: Run, mask: number): void {
  const dev = r.need('SIOCSIFNETMASK');
  if (!dev) return;
  const len = maskLenOf(mask);
  const old = r.addr;
  if (!old || typeof old.local !== 'number') {
    r.fail('SIOCSIFNETMASK: Cannot assign requested address');
    return;
  }
  if (len === null) {
    r.fail('SIOCSIFNETMASK: Invalid argument');
    return;
  }
  if (old.len === len) return;
  const follows = old.broadcast === lastOf(old.local, old.len);
  delAddr(dev, { local: old.local, len: old.len });
  const spec: AddrSpec = { local: old.local, len, label: old.label, scope: old.scope };
  if (!follows) spec.broadcast = old.broadcast;
  place(r, dev, spec, len);
}

/** SIOCSIFBRDADDR, SIOCSIFDSTADDR: the address comes again with another end. */
function renew(r: Run, what: string, change: { broadcast?: number; peer?: number }): void {
  const dev = r.need(what);
  const old = r.addr;
  if (!dev) return;
  if (!old) {
    r.fail(`${what}: Cannot assign requested address`);
    return;
  }
  delAddr(dev, { local: old.local, len: old.len });
  const spec: AddrSpec = { local: old.local, len: old.len, label: old.label, scope: old.scope, broadcast: old.broadcast };
  if (old.peer !== old.local) spec.peer = old.peer;
  r.check(what, addAddr(dev, { ...spec, ...change }));
}

/** `add`, `del` of an IPv6 address with its length, or of an IPv4 alias. */
function* addSecondary(r: Run, text: string, del: boolean): Task<void> {
  if (text.includes(':')) {
    const [ip, bits] = text.split('/') as [string, string?];
    const len = bits === undefined ? 128 : Number.parseInt(bits, 10) || 0;
    if (len > 128) throw new Usage();
    const a6 = parseIp6(ip);
    if (a6 === null) {
      r.fail(`${ip}: Unknown host`);
      return;
    }
    const dev = r.need('SIOGIFINDEX');
    if (!dev) return;
    if (del) r.check('SIOCDIFADDR', delAddr(dev, { local: a6, len }));
    else r.check('SIOCSIFADDR', addAddr(dev, { local: a6, len, flags: 0x80 }));
    return;
  }
  const a4 = yield* resolveInet(r.p, text);
  if (typeof a4 === 'string') {
    r.fail(a4.trimEnd());
    return;
  }
  const { dev } = r;
  if (!dev) {
    r.fail(`Interface ${r.label} not initialized`);
    return;
  }
  const alias = dev.addrs4.find((a) => a.local === a4 && a.label.startsWith(`${r.label}:`));
  if (del) {
    if (alias) delAddr(dev, { local: a4, len: alias.len });
    return;
  }
  if (alias) return;
  // The new alias takes the lowest free number, and mask and broadcast address of the interface's own.
  const own = r.addr;
  let n = 0;
  while (dev.addrs4.some((a) => a.label === `${r.label}:${n}`)) n++;
  const spec: AddrSpec = { local: a4, len: own?.len ?? classLen(a4), label: `${r.label}:${n}` };
  if (own?.broadcast != null) spec.broadcast = own.broadcast;
  r.check('SIOCSIFADDR', addAddr(dev, spec));
}

const SWITCHES: Readonly<Record<string, number>> = {
  arp: 0x80,
  promisc: 0x100,
  allmulti: 0x200,
  multicast: 0x1000,
  trailers: 0x20,
  dynamic: 0x8000,
};

function setSwitch(r: Run, word: string): boolean {
  const off = word.startsWith('-');
  const bit = SWITCHES[off ? word.slice(1) : word];
  if (bit === undefined) return false;
  // IFF_NOARP and IFF_NOTRAILERS mean the opposite of their words.
  const set = bit === 0x80 || bit === 0x20 ? off : !off;
  r.flags(set ? { set: bit } : { clear: bit });
  return true;
}

/** One word and what belongs to it; the number of words that it took. */
function* configureWord(r: Run, word: string, value: string | undefined): Task<number> {
  const need = (): string => {
    if (value === undefined) throw new Usage();
    return value;
  };
  const n = (): number => Number.parseInt(need(), 10) || 0;
  if (setSwitch(r, word)) return 1;
  switch (word) {
    case 'up':
      r.up();
      return 1;
    case 'down':
      if (r.dev && r.label !== r.dev.name) {
        if (r.addr) delAddr(r.dev, { local: r.addr.local, len: r.addr.len });
        else {
          r.err += 'SIOCSIFFLAGS: Cannot assign requested address\n';
          r.status = -1;
        }
      } else r.flags({ clear: IFF_UP });
      return 1;
    case 'media':
    case 'port':
      // `auto` sets the flag and is then read once more, as an address.
      if (need().toLowerCase() === 'auto') r.flags({ set: 0x4000 });
      else if (r.need('port: SIOCGIFMAP')) r.fail('port: SIOCSIFMAP: Operation not supported');
      return value?.toLowerCase() === 'auto' ? 1 : 2;
    case 'auto':
      break;
    case 'mtu': {
      const mtu = n();
      const dev = r.need('SIOCSIFMTU');
      if (dev) r.check('SIOCSIFMTU', setLink(dev, { mtu }));
      return 2;
    }
    case 'txqueuelen': {
      const txqlen = n();
      const dev = r.need('SIOCSIFTXQLEN');
      if (dev) r.check('SIOCSIFTXQLEN', setLink(dev, { txqlen }));
      return 2;
    }
    case 'keepalive':
    case 'outfill':
      need();
      r.fail(`${word === 'keepalive' ? 'SIOCSKEEPALIVE' : 'SIOCSOUTFILL'}: ${r.dev ? 'Operation not supported' : 'No such device'}`);
      return 2;
    case 'mem_start':
    case 'io_addr':
    case 'irq':
      need();
      if (r.need(`${word}: SIOCGIFMAP`)) r.fail(`${word}: SIOCSIFMAP: Operation not supported`);
      return 2;
    case 'hw':
      return setHardware(r, need());
    case 'name': {
      const name = need();
      const dev = r.need('SIOCSIFNAME');
      if (dev) r.check('SIOCSIFNAME', setLink(dev, { name }));
      return 2;
    }
    case 'add':
    case 'del':
      yield* addSecondary(r, need(), word === 'del');
      return 2;
    case 'tunnel':
      if (parseIp6(need()) === null) r.fail(`${value}: Unknown host`);
      else if (r.need('SIOGIFINDEX')) r.fail('SIOCSIFDSTADDR: Invalid argument');
      return 2;
    case '-broadcast':
      if (r.dev && r.dev.flags & IFF_BROADCAST) r.err += `Warning: Interface ${r.label} still in BROADCAST mode.\n`;
      else if (!r.dev) r.flags({});
      return 1;
    case '-pointopoint':
    case '-pointtopoint':
      r.flags({});
      return 1;
    case 'broadcast':
      if (value !== undefined) yield* withAddress(r, value, (a) => renew(r, 'SIOCSIFBRDADDR', { broadcast: a }));
      return 2;
    case 'dstaddr':
      yield* withAddress(r, need(), (a) => renew(r, 'SIOCSIFDSTADDR', { peer: a }));
      return 2;
    case 'pointopoint':
    case 'pointtopoint':
      if (value !== undefined) yield* withAddress(r, value, (a) => renew(r, 'SIOCSIFDSTADDR', { peer: a }));
      r.flags({});
      return 2;
    case 'netmask':
      yield* withAddress(r, need(), (a) => setMask(r, a));
      return 2;
    default:
  }
  yield* address(r, word);
  return 1;
}

/** `hw CLASS ADDRESS`: the address is the word after the value. */
function setHardware(r: Run, type: string): number {
  if (!SETTABLE.includes(type)) {
    if (!KNOWN.includes(type)) throw new Usage();
    r.fail(`hw address type \`${type}' has no handler to set address. failed.`);
    return 3;
  }
  const text = r.pending;
  if (text === undefined) throw new Usage();
  const mac = parseMac(text);
  if (mac === null) r.fail(`${text}: invalid ${type} address.`);
  else {
    const dev = r.need('SIOCSIFHWADDR');
    if (dev) r.check('SIOCSIFHWADDR', setLink(dev, { address: mac }));
  }
  return 3;
}

function* withAddress(r: Run, name: string, use: (a: number) => void): Task<void> {
  const a = yield* resolveInet(r.p, name);
  if (typeof a === 'string') r.fail(a.trimEnd());
  else use(a);
}

function* configure(r: Run, words: readonly string[]): Task<void> {
  let i = FAMILIES.includes(words[0] ?? '') ? 1 : 0;
  while (i < words.length) {
    r.pending = words[i + 2];
    i += yield* configureWord(r, words[i] as string, words[i + 1]);
  }
  if (r.mask !== null) setMask(r, r.mask);
}

function* address(r: Run, word: string): Task<void> {
  const [host, bits] = word.split('/') as [string, string?];
  if (bits !== undefined) {
    if (!/^\d+$/.test(bits) || Number(bits) > 32) throw new Usage();
    r.mask = mask4(Number(bits));
  }
  const a = yield* resolveInet(r.p, host);
  if (typeof a === 'string') {
    r.err += `${a}ifconfig: \`--help' gives usage information.\n`;
    throw new Abort();
  }
  setAddress(r, a);
  if (!r.label.includes(':') || (a !== 0 && !r.label.endsWith('-'))) r.up();
}

function* main(p: Process): Task<number> {
  const words = p.argv.slice(1);
  let all = false;
  let table = false;
  while (words[0]?.startsWith('-')) {
    const opt = words.shift() as string;
    if (opt === '-a') all = true;
    else if (opt === '-s') table = true;
    else if (opt === '-v') continue;
    else if (opt === '-V' || opt === '--version') {
      yield* p.out('net-tools 2.10\n');
      return 0;
    } else {
      if (opt === '-h' || opt === '--help' || opt === '-?') {
        yield* p.out(HELP.out);
        yield* p.err(HELP.err);
        return 0;
      }
      yield* p.err(`ifconfig: option \`${opt}' not recognised.\nifconfig: \`--help' gives usage information.\n`);
      return 1;
    }
  }
  const name = words.shift();
  if (name === undefined) {
    const list = interfaces(p.ns.devices.values()).filter((s) => all || s.dev.up);
    yield* p.out(table ? printTable(list, 'ifconfig') : list.map(printInterface).join(''));
    return 0;
  }
  const dev = p.ns.device(name.split(':')[0] as string);
  if (words.length === 0) {
    const known = dev && (interfaces([dev]).find((s) => s.name === name) ?? { name, dev, addr: null, alias: true });
    if (!known) {
      yield* p.err(`${name}: error fetching interface information: Device not found\n`);
      return 1;
    }
    yield* p.out(table ? printTable([known], 'ifconfig') : printInterface(known));
    return 0;
  }
  const r = new Run(p, name, dev ?? null);
  let status = -1;
  try {
    yield* configure(r, words);
    status = r.status & 255;
  } catch (e) {
    if (e instanceof Usage) r.err += USAGE;
    else if (!(e instanceof Abort)) throw e;
    status = e instanceof Usage ? BAD_USAGE : 1;
  }
  if (r.err !== '') yield* p.err(r.err);
  return status;
}

export const ifconfig: Command = { name: 'ifconfig', main, path: '/usr/sbin/ifconfig' };
