/** hostname, domainname, dnsdomainname: show or set the names of the host. Models hostname 3.23 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo, gethostbyaddr, gethostbyname2 } from '../../os/resolver.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { getopt, specs } from '../getopt.ts';
import { USAGE } from './usage.ts';

const SPECS = specs(
  'a.alias A.all-fqdns b.boot d.domain f.fqdn .long F:file i.ip-address I.all-ip-addresses s.short y.yp .nis h.help V.version',
);

/** NIS domain names by UTS namespace; `(none)` until one is set. */
const domains = new WeakMap<Process['uts'], string>();

function validName(name: string): boolean {
  return name.length > 0 && name.length <= 64 && /^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(name) && !name.includes('..');
}

/** Addresses of interfaces that are up: not loopback, not link-local IPv6. */
function ownAddresses(p: Process): IpAddr[] {
  const out: IpAddr[] = [];
  for (const dev of p.ns.devices.values()) {
    if (dev === p.ns.lo || !dev.up) continue;
    for (const a of [...dev.addrs4, ...dev.addrs6]) if (a.family === 4 || a.scope !== 253) out.push(a.local);
  }
  return out;
}

function* setName(p: Process, me: string, name: string): Task<number> {
  if (!validName(name)) {
    yield* p.err(`${me}: the specified hostname is invalid\n`);
    return 1;
  }
  if (p.uid !== 0) {
    yield* p.err(`${me}: you must be root to change the host name\n`);
    return 1;
  }
  p.uts.hostname = name;
  return 0;
}

function* domainName(p: Process, me: string, name: string | undefined): Task<number> {
  if (name !== undefined) {
    if (p.uid !== 0) {
      yield* p.err(`${me}: you must be root to change the domain name\n`);
      return 1;
    }
    domains.set(p.uts, name);
    return 0;
  }
  const known = domains.get(p.uts);
  if (known !== undefined || me === 'domainname') {
    yield* p.out(`${known ?? '(none)'}\n`);
    return 0;
  }
  yield* p.out(`${me}: Local domain name not set\n`);
  return 1;
}

/** -a, -d, -f, -i: what the resolver knows of the host's own name. */
function* resolved(p: Process, me: string, what: string): Task<number> {
  const info = yield* getaddrinfo(p, p.hostname, { canonName: true });
  if (!info.ok) {
    yield* p.err(`${me}: ${gaiStrerror(info.error)}\n`);
    return 1;
  }
  const fqdn = info.canonical;
  const dot = fqdn.indexOf('.');
  if (what === 'fqdn') yield* p.out(`${fqdn}\n`);
  else if (what === 'domain') {
    if (dot >= 0) yield* p.out(`${fqdn.slice(dot + 1)}\n`);
  } else if (what === 'alias') {
    const host = yield* gethostbyname2(p, p.hostname, 4);
    yield* p.out(`${host?.aliases.join(' ') ?? ''}\n`);
  } else yield* p.out(`${[...new Set(info.addrs.map(formatIp))].join(' ')}\n`);
  return 0;
}

function* run(p: Process, me: string, mode: string | null): Task<number> {
  const o = getopt(p.argv.slice(1), SPECS);
  if (o.error !== null) {
    yield* p.err(`${me}: ${o.error}\n`);
    yield* p.out(USAGE);
    return 255;
  }
  const on = new Map(o.options);
  if (on.has('help')) {
    yield* p.out(USAGE);
    return 0;
  }
  if (on.has('version')) {
    yield* p.out('hostname 3.23\n');
    return 0;
  }
  const file = on.get('file');
  let name = o.operands[0];
  if (file !== undefined) {
    const text = p.readText(file);
    if (text === null) {
      yield* p.err(`${me}: No such file or directory\n`);
      return 1;
    }
    name = text
      .split('\n')
      .find((l) => l !== '' && !l.startsWith('#'))
      ?.trimEnd();
  }
  const nis = mode === 'yp' || on.has('yp') || on.has('nis');
  if (nis) return yield* domainName(p, me, name);
  if (name !== undefined) return yield* setName(p, me, name);
  if (on.has('all-ip-addresses')) {
    yield* p.out(
      `${ownAddresses(p)
        .map((a) => `${formatIp(a)} `)
        .join('')}\n`,
    );
    return 0;
  }
  if (on.has('all-fqdns')) {
    let text = '';
    for (const addr of ownAddresses(p)) {
      const host = yield* gethostbyaddr(p, addr);
      if (host) text += `${host.name} `;
    }
    yield* p.out(`${text}\n`);
    return 0;
  }
  for (const what of ['alias', 'domain', 'fqdn', 'long', 'ip-address'])
    if (on.has(what) || (what === 'domain' && mode === 'domain')) return yield* resolved(p, me, what === 'long' ? 'fqdn' : what);
  yield* p.out(`${on.has('short') ? p.hostname.split('.')[0] : p.hostname}\n`);
  return 0;
}

function command(name: string, mode: string | null): Command {
  return { name, path: `/bin/${name}`, main: (p) => run(p, name, mode) };
}

export const hostname = command('hostname', null);
export const domainNames: readonly Command[] = [
  command('dnsdomainname', 'domain'),
  command('domainname', 'yp'),
  command('nisdomainname', 'yp'),
  command('ypdomainname', 'yp'),
];
