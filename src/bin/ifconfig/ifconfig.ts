/** ifconfig: shows and sets interfaces the old way. Models ifconfig of net-tools 2.10 and the SIOCSIF ioctls of devinet.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type AddrSpec, addAddr, delAddr, type IfAddr, type NetDevice, type Result, setLink, strerror } from '../../os/uapi.ts';
import { formatIp, lastOf, parseIp4, parseIp6 } from '../../wire/addr.ts';
import { parseMac } from '../../wire/mac.ts';
import { maskLen } from '../ip/lib/inet.ts';
import { interfaces, printInterface, printTable } from './print.ts';
import { USAGE } from './usage.ts';

const IFF_UP = 0x1;
const IFF_BROADCAST = 0x2;
const BAD_USAGE = 3;

class Run {
  readonly p: Process;
  readonly label: string;
  readonly dev: NetDevice;
  err = '';
  status = 0;

  constructor(p: Process, label: string, dev: NetDevice) {
    this.p = p;
    this.label = label;
    this.dev = dev;
  }

  fail(text: string): void {
    this.err += `${text}\n`;
    this.status = 1;
  }

  check(what: string, r: Result<unknown>): void {
    if (!r.ok) this.fail(`${what}: ${strerror(r.errno)}`);
  }

  get addr(): IfAddr | undefined {
    return this.dev.addrs4.find((a) => a.label === this.label);
  }

  up(): void {
    this.check('SIOCSIFFLAGS', setLink(this.dev, { set: IFF_UP }));
  }
}

function classLen(a: number): number {
  const first = a >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 32;
}

/** SIOCSIFADDR: takes the place of the address with this label; mask and broadcast by class. */
function setAddress(r: Run, a: number): void {
  const old = r.addr;
  if (old?.local === a) return;
  if (old) delAddr(r.dev, { local: old.local, len: old.len });
  const len = classLen(a);
  place(r, { local: a, len, label: r.label, scope: a >>> 24 === 127 ? 254 : 0 }, len);
}

function place(r: Run, spec: AddrSpec, len: number): void {
  if (r.dev.flags & IFF_BROADCAST && len < 31 && typeof spec.local === 'number') spec.broadcast ??= lastOf(spec.local, len);
  r.check('SIOCSIFADDR', addAddr(r.dev, spec));
}

/** SIOCSIFNETMASK: the broadcast address follows when it was that of the old mask. */
function setMask(r: Run, text: string): void {
  const len = maskLen(text);
  const old = r.addr;
  if (len === null) {
    r.fail(`${text}: Unknown host`);
    return;
  }
  if (!old || typeof old.local !== 'number') {
    r.fail('SIOCSIFNETMASK: Cannot assign requested address');
    return;
  }
  if (old.len === len) return;
  const follows = old.broadcast === lastOf(old.local, old.len);
  delAddr(r.dev, { local: old.local, len: old.len });
  const spec: AddrSpec = { local: old.local, len, label: old.label, scope: old.scope };
  if (!follows) spec.broadcast = old.broadcast;
  place(r, spec, len);
}

function setBroadcast(r: Run, text: string): void {
  const brd = parseIp4(text);
  const old = r.addr;
  if (brd === null) r.fail(`${text}: Unknown host`);
  else if (!old) r.fail('SIOCSIFBRDADDR: Cannot assign requested address');
  else {
    delAddr(r.dev, { local: old.local, len: old.len });
    r.check('SIOCSIFBRDADDR', addAddr(r.dev, { local: old.local, len: old.len, label: old.label, scope: old.scope, broadcast: brd }));
  }
}

function addSecondary(r: Run, text: string, del: boolean): void {
  const [ip, bits] = text.split('/') as [string, string?];
  const a6 = parseIp6(ip);
  const a4 = parseIp4(ip);
  if (a6 !== null) {
    const len = bits === undefined ? 128 : Number(bits);
    if (del) r.check('SIOCDIFADDR', delAddr(r.dev, { local: a6, len }));
    else r.check('SIOCSIFADDR', addAddr(r.dev, { local: a6, len, flags: 0x80 }));
  } else if (a4 !== null) {
    if (del) r.check('SIOCSIFADDR', delAddr(r.dev, { local: a4 }));
    else {
      // The new alias takes mask and broadcast address of the interface's own.
      const own = r.addr;
      const spec: AddrSpec = {
        local: a4,
        len: bits === undefined ? (own?.len ?? classLen(a4)) : Number(bits),
        label: `${r.dev.name}:${r.dev.addrs4.length - 1}`,
      };
      if (own?.broadcast != null) spec.broadcast = own.broadcast;
      r.check('SIOCSIFADDR', addAddr(r.dev, spec));
    }
  } else r.fail(`${text}: Unknown host`);
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
  r.check('SIOCSIFFLAGS', setLink(r.dev, set ? { set: bit } : { clear: bit }));
  return true;
}

/** False: misused. */
function configure(r: Run, words: readonly string[]): boolean {
  let i = 0;
  const value = (): string | undefined => words[++i];
  for (; i < words.length; i++) {
    const word = words[i] as string;
    if (word === 'up') r.up();
    else if (word === 'down') {
      if (r.label !== r.dev.name) {
        if (r.addr) delAddr(r.dev, { local: r.addr.local, len: r.addr.len });
      } else r.check('SIOCSIFFLAGS', setLink(r.dev, { clear: IFF_UP }));
    } else if (setSwitch(r, word)) continue;
    else if (word === 'mtu' || word === 'txqueuelen' || word === 'metric') {
      const v = value();
      if (v === undefined) return false;
      const n = Number.parseInt(v, 10) || 0;
      if (word === 'mtu') r.check('SIOCSIFMTU', setLink(r.dev, { mtu: n }));
      else if (word === 'txqueuelen') r.check('SIOCSIFTXQLEN', setLink(r.dev, { txqlen: n }));
    } else if (word === 'hw') {
      const type = value();
      const text = value();
      if (type === undefined || text === undefined) return false;
      const mac = parseMac(text);
      if (mac === null) r.fail(`${text}: invalid ${type} address.`);
      else r.check('SIOCSIFHWADDR', setLink(r.dev, { address: mac }));
    } else if (
      word === 'netmask' ||
      word === 'broadcast' ||
      word === 'add' ||
      word === 'del' ||
      word === 'name' ||
      word === 'pointopoint' ||
      word === 'dstaddr'
    ) {
      const v = value();
      if (v === undefined) return false;
      if (word === 'netmask') setMask(r, v);
      else if (word === 'broadcast') setBroadcast(r, v);
      else if (word === 'name') r.check('SIOCSIFNAME', setLink(r.dev, { name: v }));
      else if (word === 'add' || word === 'del') addSecondary(r, v, word === 'del');
      else r.fail(`ifconfig: ${word} is not emulated`);
    } else if (word === 'inet' || word === 'inet6' || word === 'ether') continue;
    else if (!address(r, word)) return true;
  }
  return true;
}

function address(r: Run, word: string): boolean {
  const [ip, bits] = word.split('/') as [string, string?];
  const a = parseIp4(ip);
  if (a === null) {
    r.fail(`${word}: Host name lookup failure\nifconfig: \`--help' gives usage information.`);
    r.status = 1;
    return false;
  }
  if (a === 0) {
    if (r.addr) delAddr(r.dev, { local: r.addr.local, len: r.addr.len });
    return true;
  }
  setAddress(r, a);
  if (bits !== undefined && r.addr) setMask(r, formatIp(((-1 << (32 - Number(bits))) >>> 0) as number));
  r.up();
  return true;
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
      const asked = opt === '-h' || opt === '--help' || opt === '-?';
      yield* p.err(asked ? USAGE : `ifconfig: option \`${opt}' not recognised.\nifconfig: \`--help' gives usage information.\n`);
      return asked ? 0 : 1;
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
    const shown = dev && interfaces([dev]).find((s) => s.name === name);
    if (!shown) {
      yield* p.err(`${name}: error fetching interface information: Device not found\n`);
      return 1;
    }
    yield* p.out(table ? printTable([shown], 'ifconfig') : printInterface(shown));
    return 0;
  }
  if (!dev) {
    const first = words[0] as string;
    yield* p.err(
      parseIp4(first) !== null
        ? `SIOCSIFADDR: No such device\n${name}: ERROR while getting interface flags: No such device\n`
        : `${name}: ERROR while getting interface flags: No such device\n`,
    );
    return 255;
  }
  const r = new Run(p, name, dev);
  const used = configure(r, words);
  if (!used) r.err += USAGE;
  if (r.err !== '') yield* p.err(r.err);
  return used ? r.status : BAD_USAGE;
}

export const ifconfig: Command = { name: 'ifconfig', main, path: '/usr/sbin/ifconfig' };
