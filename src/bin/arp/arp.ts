/** arp: the old view of the IPv4 neighbour table. Models arp.c of net-tools 2.10 and SIOCSARP, SIOCDARP */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gethostbyaddr } from '../../os/resolver.ts';
import { type NetDevice, NUD_PERMANENT, routeOutput, strerror } from '../../os/uapi.ts';
import { formatIp, parseIp4 } from '../../wire/addr.ts';
import { type Mac, parseMac } from '../../wire/mac.ts';
import { getopt, specs } from '../getopt.ts';
import { resolveInet } from '../nettools/resolve.ts';
import { HW_TYPES, USAGE, VERSION } from './usage.ts';

const ATF_COM = 0x02;
const ATF_PERM = 0x04;
const ATF_PUBL = 0x08;
const ATF_NETMASK = 0x20;

const FAILED = 255;
const OPTION_ERROR = 3;

const SPECS = specs(
  'A:protocol H:hw-type t: i:device a.all d.delete f.file s.set n.numeric e. v.verbose D.use-device N.symbolic h.help V.version',
);

/** Hardware types that arp knows, by their numbers in /proc/net/arp. */
const HARDWARE: Readonly<Record<string, number>> = {
  ether: 1,
  ax25: 3,
  arcnet: 7,
  dlci: 15,
  fddi: 774,
  hippi: 780,
  irda: 783,
  x25: 271,
  eui64: 27,
  netrom: 0,
  rose: 805,
  ash: 64,
  loop: 772,
};

interface Options {
  bsd: boolean;
  numeric: boolean;
  verbose: boolean;
  device: string;
  hw: number | null;
  useDevice: boolean;
  action: 'show' | 'set' | 'delete' | 'file';
  words: readonly string[];
}

class Usage extends Error {}

function* complainUsage(p: Process): Task<number> {
  yield* p.err(USAGE + HW_TYPES);
  return OPTION_ERROR;
}

/** The options, or an exit status. */
function* readOptions(p: Process): Task<Options | number> {
  const parsed = getopt(p.argv.slice(1), SPECS);
  if (parsed.error !== null) {
    yield* p.err(`arp: ${parsed.error}\n`);
    return yield* complainUsage(p);
  }
  const o: Options = {
    bsd: false,
    numeric: false,
    verbose: false,
    device: '',
    hw: null,
    useDevice: false,
    action: 'show',
    words: parsed.operands,
  };
  let linux = false;
  let all = false;
  for (const [name, value] of parsed.options) {
    switch (name) {
      case 'all':
        all = true;
        o.action = 'show';
        break;
      case 'e':
        linux = true;
        break;
      case 'numeric':
        o.numeric = true;
        break;
      case 'verbose':
        o.verbose = true;
        break;
      case 'use-device':
        o.useDevice = true;
        break;
      case 'symbolic':
        yield* p.err('arp: -N not yet supported.\n');
        break;
      case 'set':
        o.action = 'set';
        break;
      case 'delete':
        o.action = 'delete';
        break;
      case 'file':
        o.action = 'file';
        break;
      case 'device':
        o.device = value;
        break;
      case 'protocol':
        if (value !== 'inet') {
          const known = ['unix', 'inet6', 'ax25', 'netrom', 'rose', 'ipx', 'ddp', 'x25', 'unspec'].includes(value);
          yield* p.err(known ? `arp: ${value}: kernel only supports 'inet'.\n` : `arp: ${value}: unknown address family.\n`);
          return FAILED;
        }
        break;
      case 'hw-type':
      case 't':
        if (HARDWARE[value] === undefined) {
          yield* p.err(`arp: ${value}: unknown hardware type.\n`);
          return FAILED;
        }
        o.hw = HARDWARE[value] as number;
        break;
      case 'help':
        yield* p.out(USAGE);
        yield* p.err(HW_TYPES);
        return 0;
      case 'version':
        yield* p.out(VERSION);
        return 0;
      default:
    }
  }
  o.bsd = all && !linux;
  return o;
}

interface Row {
  ip: string;
  type: number;
  flags: number;
  mac: string;
  dev: string;
}

/** /proc/net/arp */
function rows(p: Process): Row[] {
  const lines = (p.readText('/proc/net/arp') ?? '').split('\n').slice(1);
  return lines.flatMap((line) => {
    const [ip, type, flags, mac, , dev] = line.split(/\s+/) as [string, string, string, string, string, string];
    return dev === undefined ? [] : [{ ip, type: Number(type), flags: Number(flags), mac, dev }];
  });
}

function hardware(type: number): string {
  return Object.entries(HARDWARE).find(([, n]) => n === type)?.[0] ?? 'ether';
}

function bsdLine(r: Row, name: string): string {
  const known = r.flags & ATF_COM ? `${r.mac} [${hardware(r.type)}] ` : r.flags & ATF_PUBL ? '<from_interface> ' : '<incomplete> ';
  return `${name} (${r.ip}) at ${known}${r.flags & ATF_PERM ? 'PERM ' : ''}${r.flags & ATF_PUBL ? 'PUB ' : ''}on ${r.dev}\n`;
}

function linuxLine(r: Row, name: string): string {
  const [kind, hw] = r.flags & ATF_COM ? [hardware(r.type), r.mac] : r.flags & ATF_PUBL ? ['*', '<from_interface>'] : ['', '(incomplete)'];
  const letters = (r.flags & ATF_COM ? 'C' : '') + (r.flags & ATF_PERM ? 'M' : '') + (r.flags & ATF_PUBL ? 'P' : '');
  return `${name.slice(0, 23).padEnd(23)}  ${kind.slice(0, 8).padEnd(8)}${hw.padEnd(20)}${letters.padEnd(6)}${''.padEnd(15)} ${r.dev}\n`;
}

function* show(p: Process, o: Options): Task<number> {
  const name = o.words[0];
  let host: string | null = null;
  if (name !== undefined) {
    const ip = yield* resolveInet(p, name);
    if (typeof ip === 'string') {
      yield* p.err(ip);
      return FAILED;
    }
    host = formatIp(ip);
  }
  const all = rows(p);
  const list = all.filter(
    (r) => (host === null || r.ip === host) && (o.device === '' || r.dev === o.device) && (o.hw === null || r.type === o.hw),
  );
  if (list.length > 0 && !o.bsd) yield* p.out('Address                  HWtype  HWaddress           Flags Mask            Iface\n');
  for (const r of list) {
    const found = o.numeric ? null : yield* gethostbyaddr(p, parseIp4(r.ip) ?? 0);
    yield* p.out(o.bsd ? bsdLine(r, found?.name ?? '?') : linuxLine(r, found?.name ?? r.ip));
  }
  if (o.verbose) yield* p.out(`Entries: ${all.length}\tSkipped: ${all.length - list.length}\tFound: ${list.length}\n`);
  if (list.length > 0) return 0;
  if (host !== null && !o.bsd) yield* p.out(`${name} (${host}) -- no entry\n`);
  else if (o.hw !== null || host !== null || o.device !== '') yield* p.out(`arp: in ${all.length} entries no match found.\n`);
  return 0;
}

interface Modifiers {
  flags: number;
  publicOnly: boolean;
  privateOnly: boolean;
  device: string;
  netmask: number | null;
}

/** What follows the address: `temp`, `pub`, `dev NAME`, `netmask MASK` … A string is a complaint. */
function* modifiers(p: Process, o: Options, words: readonly string[]): Task<Modifiers | string> {
  const m: Modifiers = { flags: ATF_PERM, publicOnly: false, privateOnly: false, device: o.device, netmask: null };
  for (let i = 0; i < words.length; i++) {
    switch (words[i]) {
      case 'temp':
        m.flags &= ~ATF_PERM;
        break;
      case 'pub':
        m.flags |= ATF_PUBL;
        m.publicOnly = true;
        break;
      case 'priv':
        m.flags &= ~ATF_PUBL;
        m.privateOnly = true;
        break;
      case 'trail':
      case 'dontpub':
      case 'auto':
        break;
      case 'dev': {
        const name = words[++i];
        if (name === undefined) throw new Usage();
        m.device = name;
        break;
      }
      case 'netmask': {
        const text = words[++i];
        if (text === undefined) throw new Usage();
        if (text === '255.255.255.255') break;
        const mask = yield* resolveInet(p, text);
        if (typeof mask === 'string') return mask;
        m.netmask = mask;
        m.flags |= ATF_NETMASK;
        break;
      }
      default:
        throw new Usage();
    }
  }
  return m;
}

/** The device that a host is reached by: SIOCSARP looks at the routes. A string is the errno's text. */
function deviceFor(p: Process, name: string, ip: number): NetDevice | string {
  if (name !== '') return p.ns.device(name) ?? strerror('ENODEV');
  const r = routeOutput(p.ns, { dst: ip });
  return r.ok ? r.value.dev : strerror(r.errno);
}

/** arp_req_set_public(): without a device it is the one that has the hardware address. */
function publish(p: Process, m: Modifiers, ip: number, mac: Mac): string | null {
  if (m.netmask !== null) return strerror('EINVAL');
  const named = m.device === '' ? null : p.ns.device(m.device);
  if (named === undefined) return strerror('ENODEV');
  const dev = named ?? [...p.ns.devices.values()].find((d) => d.kind !== 'loopback' && d.mac === mac);
  if (!dev) return strerror('ENODEV');
  const r = p.ns.neigh.addProxy(dev, ip);
  return r.ok ? null : strerror(r.errno);
}

/** What went wrong as text for stderr, null when nothing. */
function* set(p: Process, o: Options, words: readonly string[]): Task<string | null> {
  const [host, hw] = words;
  if (host === undefined) return 'arp: need host name\n';
  const ip = yield* resolveInet(p, host);
  if (typeof ip === 'string') return ip;
  if (hw === undefined) return 'arp: need hardware address\n';
  let mac: Mac | null;
  if (o.useDevice) {
    const dev = p.ns.device(hw);
    if (!dev) return `arp: cant get HW-Address for \`${hw}': No such device.\n`;
    mac = dev.mac;
  } else mac = parseMac(hw);
  if (mac === null) return 'arp: invalid hardware address\n';
  const m = yield* modifiers(p, o, words.slice(2));
  if (typeof m === 'string') return m;
  if (o.verbose) yield* p.err('arp: SIOCSARP()\n');
  if (m.flags & ATF_PUBL) {
    const why = publish(p, m, ip, mac);
    return why === null ? null : `SIOCSARP: ${why}\n`;
  }
  const dev = deviceFor(p, m.device, ip);
  if (typeof dev === 'string') return `SIOCSARP: ${dev}\n`;
  const r = p.ns.neigh.add(dev, ip, { mac, state: m.flags & ATF_PERM ? NUD_PERMANENT : 0x04 }, 'replace');
  return r.ok ? null : `SIOCSARP: ${strerror(r.errno)}\n`;
}

/** True when something went. */
function removed(p: Process, m: Modifiers, ip: number, published: boolean): boolean {
  if (published) return p.ns.neigh.delProxy(m.device === '' ? null : (p.ns.device(m.device) ?? null), ip).ok;
  const dev = deviceFor(p, m.device, ip);
  return typeof dev !== 'string' && p.ns.neigh.lookup(ip, dev) !== undefined && p.ns.neigh.del(dev, ip).ok;
}

function* del(p: Process, o: Options): Task<number> {
  const host = o.words[0];
  if (host === undefined) {
    yield* p.err('arp: need host name\n');
    return FAILED;
  }
  const ip = yield* resolveInet(p, host);
  const m = typeof ip === 'string' ? ip : yield* modifiers(p, o, o.words.slice(1));
  if (typeof m === 'string') {
    yield* p.err(m);
    return FAILED;
  }
  const both = m.publicOnly === m.privateOnly;
  if ((both || m.privateOnly) && removed(p, m, ip as number, false)) return 0;
  if ((both || m.publicOnly) && removed(p, m, ip as number, true)) return 0;
  yield* p.out(`No ARP entry for ${host}\n`);
  return FAILED;
}

/** Lines of `HOST HWADDR [MODIFIERS]`, or of /etc/ethers' `HWADDR HOST`. */
function* etherFile(p: Process, o: Options): Task<number> {
  const path = o.words[0] ?? '/etc/ethers';
  const text = p.readText(path);
  if (text === null) {
    yield* p.err(`arp: cannot open etherfile ${path} !\n`);
    return FAILED;
  }
  const lines = text.split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  for (const [i, line] of lines.entries()) {
    if (o.verbose) yield* p.err(`>> ${line}\n`);
    if (line === '' || line.startsWith('#')) continue;
    const words = line.split(/\s+/).filter(Boolean);
    if (words.length < 2) {
      yield* p.err(`arp: format error on line ${i + 1} of etherfile ${path} !\n`);
      continue;
    }
    if (words[0]?.includes(':')) words.splice(0, 2, words[1] as string, words[0]);
    const wrong = yield* set(p, o, words);
    if (wrong !== null) yield* p.err(`${wrong}arp: cannot set entry on line ${i + 1} of etherfile ${path} !\n`);
  }
  return 0;
}

function* act(p: Process, o: Options): Task<number> {
  if (o.action === 'show') return yield* show(p, o);
  if (o.action === 'file') return yield* etherFile(p, o);
  if (o.action === 'delete') return yield* del(p, o);
  const wrong = yield* set(p, o, o.words);
  if (wrong === null) return 0;
  yield* p.err(wrong);
  return FAILED;
}

function* main(p: Process): Task<number> {
  const o = yield* readOptions(p);
  if (typeof o === 'number') return o;
  try {
    return yield* act(p, o);
  } catch (e) {
    if (!(e instanceof Usage)) throw e;
    return yield* complainUsage(p);
  }
}

export const arp: Command = { name: 'arp', main, path: '/usr/sbin/arp' };
