/** getent: entries of the name service databases. Models glibc's nss/getent.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { getaddrinfo, gethostbyaddr, gethostbyname2, type HostResult, inetAton, readHosts } from '../../os/resolver.ts';
import { formatIp, type IpAddr, parseIp6 } from '../../wire/addr.ts';
import { getopt, specs } from '../getopt.ts';
import { SERVICES } from './services.ts';

const DATABASES = [
  'ahosts',
  'ahostsv4',
  'ahostsv6',
  'aliases',
  'ethers',
  'group',
  'gshadow',
  'hosts',
  'initgroups',
  'netgroup',
  'networks',
  'passwd',
  'protocols',
  'rpc',
  'services',
  'shadow',
];
const TRY = "Try `getent --help' or `getent --usage' for more information.\n";
const HELP = `Usage: getent [OPTION...] database [key ...]
Get entries from administrative database.

  -A, --no-addrconfig        do not filter out unsupported IPv4/IPv6 addresses
                             (with ahosts*)
  -i, --no-idn               disable IDN encoding
  -s, --service=CONFIG       Service configuration to be used
  -?, --help                 Give this help list
      --usage                Give a short usage message
  -V, --version              Print program version

Mandatory or optional arguments to long options are also mandatory or optional
for any corresponding short options.

Supported databases:
ahosts ahostsv4 ahostsv6 aliases ethers group gshadow hosts initgroups
netgroup networks passwd protocols rpc services shadow

For bug reporting instructions, please see:
<http://www.debian.org/Bugs/>.
`;

const NOT_FOUND = 2;
const NO_ENUMERATION = 3;

function hostLine(addr: IpAddr, names: readonly string[]): string {
  return `${formatIp(addr).padEnd(15)} ${names.join(' ')}\n`;
}

function* hosts(p: Process, keys: readonly string[]): Task<number> {
  if (keys.length === 0) {
    for (const e of readHosts(p)) yield* p.out(hostLine(e.addr, e.names));
    return 0;
  }
  let status = 0;
  for (const key of keys) {
    const literal = inetAton(key) ?? parseIp6(key);
    let h: HostResult | null;
    if (literal !== null) h = yield* gethostbyaddr(p, literal);
    else h = (yield* gethostbyname2(p, key, 6)) ?? (yield* gethostbyname2(p, key, 4));
    if (!h) status = NOT_FOUND;
    else for (const addr of h.addrs) yield* p.out(hostLine(addr, [h.name, ...h.aliases]));
  }
  return status;
}

function* ahosts(p: Process, keys: readonly string[], family: 4 | 6 | undefined, addrConfig: boolean): Task<number> {
  if (keys.length === 0) return yield* hosts(p, []);
  let status = 0;
  for (const key of keys) {
    const r = yield* getaddrinfo(p, key, { addrConfig, ...(family ? { family } : {}) });
    if (!r.ok) {
      status = NOT_FOUND;
      continue;
    }
    for (const [i, addr] of r.addrs.entries()) {
      for (const kind of ['STREAM', 'DGRAM', 'RAW'])
        yield* p.out(`${formatIp(addr).padEnd(15)} ${kind.padEnd(6)} ${i === 0 && kind === 'STREAM' ? r.canonical : ''}\n`);
    }
  }
  return status;
}

/** The databases that are plain files: how a line is found by its key, and how it is printed. */
function* fileDatabase(
  p: Process,
  file: string,
  keys: readonly string[],
  match: (fields: string[], key: string) => boolean,
  colon: boolean,
  print: (line: string) => string,
): Task<number> {
  const lines = (p.readText(file) ?? '')
    .split('\n')
    .map((l) => l.split('#')[0]?.trimEnd() ?? '')
    .filter((l) => l.trim() !== '');
  const fields = (line: string): string[] => (colon ? line.split(':') : line.trim().split(/\s+/));
  if (keys.length === 0) {
    for (const line of lines) yield* p.out(print(line));
    return 0;
  }
  let status = 0;
  for (const key of keys) {
    const line = lines.find((l) => match(fields(l), key));
    if (line === undefined) status = NOT_FOUND;
    else yield* p.out(print(line));
  }
  return status;
}

const account = (f: string[], key: string): boolean => (/^\d+$/.test(key) ? f[2] === key : f[0] === key);
const named = (f: string[], key: string): boolean => f[1] === key || f[0] === key || f.slice(2).includes(key);
const asIs = (line: string): string => `${line}\n`;

function table(line: string): string {
  const [name, number, ...aliases] = line.trim().split(/\s+/) as [string, string, ...string[]];
  return `${name.padEnd(21)} ${[number, ...aliases].join(' ')}\n`;
}

function service(f: string[], key: string): boolean {
  const [name, proto] = key.split('/') as [string, string | undefined];
  const [port, kind] = (f[1] ?? '').split('/');
  return (f[0] === name || port === name || f.slice(2).includes(name)) && (proto === undefined || kind === proto);
}

function* main(p: Process): Task<number> {
  const g = getopt(p.argv.slice(1), specs('A.no-addrconfig i.no-idn s:service ?.help .usage V.version'));
  if (g.error) {
    yield* p.err(`getent: ${g.error}\n${TRY}`);
    return 64;
  }
  if (g.options.some(([k]) => k === 'help')) {
    yield* p.out(HELP);
    return 0;
  }
  if (g.options.some(([k]) => k === 'version')) {
    yield* p.out('getent (Debian GLIBC 2.36-9+deb12u14) 2.36\n');
    return 0;
  }
  const [database, ...keys] = g.operands;
  if (database === undefined) {
    yield* p.err('getent: wrong number of arguments\n');
    yield* p.out(TRY);
    return 1;
  }
  if (!DATABASES.includes(database)) {
    yield* p.err(`Unknown database: ${database}\n`);
    yield* p.out(TRY);
    return 1;
  }
  const addrConfig = !g.options.some(([k]) => k === 'no-addrconfig');
  switch (database) {
    case 'hosts':
      return yield* hosts(p, keys);
    case 'ahosts':
      return yield* ahosts(p, keys, undefined, addrConfig);
    case 'ahostsv4':
      return yield* ahosts(p, keys, 4, addrConfig);
    case 'ahostsv6':
      return yield* ahosts(p, keys, 6, addrConfig);
    case 'passwd':
      return yield* fileDatabase(p, '/etc/passwd', keys, account, true, asIs);
    case 'group':
      return yield* fileDatabase(p, '/etc/group', keys, account, true, asIs);
    case 'shadow':
    case 'gshadow':
      return yield* fileDatabase(p, `/etc/${database}`, keys, (f, key) => f[0] === key, true, asIs);
    case 'services':
      return yield* fileDatabase(p, '/etc/services', keys, service, false, table);
    case 'protocols':
    case 'rpc':
    case 'networks':
      return yield* fileDatabase(p, `/etc/${database}`, keys, named, false, table);
    case 'initgroups': {
      const users = (p.readText('/etc/passwd') ?? '').split('\n').map((l) => l.split(':')[0]);
      for (const key of keys) yield* p.out(`${key.padEnd(21)}\n`);
      return keys.every((k) => users.includes(k)) ? 0 : NOT_FOUND;
    }
    case 'aliases':
      return keys.length > 0 ? NOT_FOUND : 0;
    default:
      if (keys.length > 0) return NOT_FOUND;
      yield* p.err(`Enumeration not supported on ${database}\n`);
      return NO_ENUMERATION;
  }
}

export const getent: Command = { name: 'getent', main, files: { '/etc/services': SERVICES } };
