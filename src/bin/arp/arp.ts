/** arp: the old view of the IPv4 neighbour table. Models arp of net-tools 2.10 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type Neighbour, type NetDevice, NUD_NOARP, NUD_PERMANENT, routeOutput, strerror } from '../../os/uapi.ts';
import { formatIp, parseIp4 } from '../../wire/addr.ts';
import { formatMac, parseMac } from '../../wire/mac.ts';

const USAGE = `Usage:
  arp [-vn]  [<HW>] [-i <if>] [-a] [<hostname>]             <-Display ARP cache
  arp [-v]          [-i <if>] -d  <host> [pub]               <-Delete ARP entry
  arp [-vnD] [<HW>] [-i <if>] -f  [<filename>]            <-Add entry from file
  arp [-v]   [<HW>] [-i <if>] -s  <host> <hwaddr> [temp]            <-Add entry
  arp [-v]   [<HW>] [-i <if>] -Ds <host> <if> [netmask <nm>] pub          <-''-

        -a                       display (all) hosts in alternative (BSD) style
        -e                       display (all) hosts in default (Linux) style
        -s, --set                set a new ARP entry
        -d, --delete             delete a specified entry
        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -i, --device             specify network interface (e.g. eth0)
        -D, --use-device         read <hwaddr> from given device
        -A, -p, --protocol       specify protocol family
        -f, --file               read new entries from file or from /etc/ethers

  <HW>=Use '-H <hw>' to specify hardware address type. Default: ether
  List of possible hardware types (which support ARP):
    ash (Ash) ether (Ethernet) ax25 (AMPR AX.25) 
    netrom (AMPR NET/ROM) rose (AMPR ROSE) arcnet (ARCnet) 
    dlci (Frame Relay DLCI) fddi (Fiber Distributed Data Interface) hippi (HIPPI) 
    irda (IrLAP) x25 (generic X.25) eui64 (Generic EUI-64) 
`;

/** Resolved: everything but incomplete, failed and none. */
const COMPLETE = 0x02 | 0x04 | 0x08 | 0x10 | NUD_PERMANENT;

interface Options {
  bsd: boolean;
  numeric: boolean;
  verbose: boolean;
  dev: string | null;
  action: 'show' | 'set' | 'delete' | 'file';
  words: string[];
}

/** The options, or getopt's complaint. */
function parse(argv: readonly string[]): Options | string {
  const o: Options = { bsd: false, numeric: false, verbose: false, dev: null, action: 'show', words: [] };
  const long: Record<string, string> = {
    '--verbose': 'v',
    '--numeric': 'n',
    '--device': 'i',
    '--delete': 'd',
    '--set': 's',
    '--file': 'f',
    '--protocol': 'A',
  };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    const letters = word.startsWith('--') ? long[word] : word.startsWith('-') && word.length > 1 ? word.slice(1) : null;
    if (letters === undefined) return `arp: unrecognized option '${word}'\n`;
    if (letters === null) {
      o.words.push(word);
      continue;
    }
    for (let k = 0; k < letters.length; k++) {
      const c = letters[k];
      if (c === 'a') o.bsd = true;
      else if (c === 'e') o.bsd = false;
      else if (c === 'n') o.numeric = true;
      else if (c === 'v') o.verbose = true;
      else if (c === 's') o.action = 'set';
      else if (c === 'd') o.action = 'delete';
      else if (c === 'f') o.action = 'file';
      else if (c === 'i' || c === 'A' || c === 'p' || c === 'H' || c === 't') {
        const value = letters.slice(k + 1) || argv[++i];
        if (value === undefined) return `arp: option requires an argument -- '${c}'\n`;
        if (c === 'i') o.dev = value;
        break;
      } else if (c !== 'D') return `arp: invalid option -- '${c}'\n`;
    }
  }
  return o;
}

function entries(p: Process, o: Options): Neighbour[] {
  return p.ns.neigh.list(4).filter((n) => n.state !== NUD_NOARP && n.state !== 0 && (o.dev === null || n.dev.name === o.dev));
}

function bsdLine(n: Neighbour): string {
  const ip = formatIp(n.ip);
  const known =
    n.state & COMPLETE && n.mac !== null ? `${formatMac(n.mac)} [ether]${n.state & NUD_PERMANENT ? ' PERM' : ''}` : '<incomplete>';
  return `? (${ip}) at ${known} on ${n.dev.name}\n`;
}

function linuxLine(n: Neighbour): string {
  const name = `${formatIp(n.ip).slice(0, 23).padEnd(23)}  `;
  const done = n.state & COMPLETE && n.mac !== null;
  const hw = done ? `${'ether'.padEnd(8)}${formatMac(n.mac as number).padEnd(20)}` : `${''.padEnd(8)}${'(incomplete)'.padEnd(20)}`;
  const flags = done ? `C${n.state & NUD_PERMANENT ? 'M' : ''}` : '';
  return `${name}${hw}${flags.padEnd(6)}${''.padEnd(15)} ${n.dev.name}\n`;
}

function show(p: Process, o: Options): { out: string; status: number } {
  const host = o.words[0];
  const list = entries(p, o).filter((n) => host === undefined || formatIp(n.ip) === host);
  let out = '';
  if (!o.bsd && list.length > 0) out += 'Address                  HWtype  HWaddress           Flags Mask            Iface\n';
  for (const n of list) out += o.bsd ? bsdLine(n) : linuxLine(n);
  if (o.verbose) out += `Entries: ${entries(p, o).length}\tSkipped: ${entries(p, o).length - list.length}\tFound: ${list.length}\n`;
  if (list.length === 0 && host !== undefined)
    out += o.bsd ? `arp: in ${entries(p, o).length} entries no match found.\n` : `${host} (${host}) -- no entry\n`;
  return { out, status: 0 };
}

/** The device that a host is reached by: SIOCSARP looks at the routes. */
function deviceFor(p: Process, o: Options, ip: number): NetDevice | null {
  if (o.dev !== null) return p.ns.device(o.dev) ?? null;
  const r = routeOutput(p.ns, { dst: ip });
  return r.ok ? r.value.dev : null;
}

function* main(p: Process): Task<number> {
  const o = parse(p.argv.slice(1));
  if (typeof o === 'string') {
    yield* p.err(o + USAGE);
    return 3;
  }
  if (o.action === 'show') {
    const r = show(p, o);
    if (r.out !== '') yield* p.out(r.out);
    return r.status;
  }
  if (o.action === 'file') {
    yield* p.err('arp: -f is not emulated\n');
    return 1;
  }
  const [host, hw] = o.words;
  if (host === undefined) {
    yield* p.err('arp: need host name\n');
    return 255;
  }
  const ip = parseIp4(host);
  if (ip === null) {
    yield* p.err(`${host}: Unknown host\n`);
    return 255;
  }
  const dev = deviceFor(p, o, ip);
  if (o.action === 'delete') {
    const known = dev ? p.ns.neigh.lookup(ip, dev) : undefined;
    if (!dev || !known) {
      yield* p.out(`No ARP entry for ${host}\n`);
      return 255;
    }
    p.ns.neigh.del(dev, ip);
    return 0;
  }
  if (hw === undefined) {
    yield* p.err('arp: need hardware address\n');
    return 255;
  }
  const mac = parseMac(hw);
  if (mac === null) {
    yield* p.err('arp: invalid hardware address\n');
    return 255;
  }
  if (!dev) {
    yield* p.err('SIOCSARP: Network is unreachable\n');
    return 255;
  }
  const temp = o.words.includes('temp');
  const r = p.ns.neigh.add(dev, ip, { mac, state: temp ? 0x04 : NUD_PERMANENT }, 'replace');
  if (r.ok) return 0;
  yield* p.err(`SIOCSARP: ${strerror(r.errno)}\n`);
  return 255;
}

export const arp: Command = { name: 'arp', main, path: '/usr/sbin/arp' };
