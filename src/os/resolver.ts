/** Name look-up as programs get it from the C library: nsswitch.conf, hosts, resolv.conf, search lists. Models glibc's resolv/ and nss/ */

import { routeOutput } from '../net/ip/route.ts';
import { formatIp, type IpAddr, isLoopback, parseIp, parseIp6, readIp4, readIp6 } from '../wire/addr.ts';
import { concat, put16 } from '../wire/bytes.ts';
import { DNS_RD, DNS_TC, DNS_TYPES, type DnsMessage, dnsRcode, emitDns, encodeName, parseDns, readName, reverseName } from '../wire/dns.ts';
import { isMusl, type MuslLookup, muslSearch } from './musl.ts';
import type { Process } from './process.ts';
import type { Task } from './program.ts';
import { closeSocket, connectTcp, openTcp, openUdp, recvTcp, sendTcp, waitFor } from './sockcalls.ts';

export type GaiError = 'EAI_NONAME' | 'EAI_AGAIN' | 'EAI_NODATA' | 'EAI_ADDRFAMILY' | 'EAI_FAIL' | 'EAI_FAMILY';

const GAI_TEXT: Record<GaiError, string> = {
  EAI_NONAME: 'Name or service not known',
  EAI_AGAIN: 'Temporary failure in name resolution',
  EAI_NODATA: 'No address associated with hostname',
  EAI_ADDRFAMILY: 'Address family for hostname not supported',
  EAI_FAIL: 'Non-recoverable failure in name resolution',
  EAI_FAMILY: 'ai_family not supported',
};

export function gaiStrerror(e: GaiError): string {
  return GAI_TEXT[e];
}

export interface ResolvConf {
  servers: IpAddr[];
  search: string[];
  ndots: number;
  /** Seconds before the first retry. */
  timeout: number;
  attempts: number;
  /** What the file itself says of timeout and attempts, for resolvers with defaults of their own. */
  given: { timeout?: number; attempts?: number };
  rotate: boolean;
  useVc: boolean;
  singleRequest: boolean;
}

/** resolv.conf(5). Without a nameserver line glibc asks 127.0.0.1; `servers` is then empty, so that other resolvers can choose. */
export function readResolvConf(p: Process): ResolvConf {
  const conf: ResolvConf = {
    servers: [],
    search: [],
    ndots: 1,
    timeout: 5,
    attempts: 2,
    given: {},
    rotate: false,
    useVc: false,
    singleRequest: false,
  };
  for (const line of (p.readText('/etc/resolv.conf') ?? '').split('\n')) {
    if (/^[#;]/.test(line)) continue;
    const [key, ...rest] = line.trim().split(/\s+/);
    if (key === 'nameserver' && rest[0] && conf.servers.length < 3) {
      const addr = parseIp(rest[0].split('%')[0] as string);
      if (addr !== null) conf.servers.push(addr);
    } else if (key === 'search') conf.search = rest;
    else if (key === 'domain' && rest[0]) conf.search = [rest[0]];
    else if (key === 'options') for (const option of rest) setOption(conf, option);
  }
  return conf;
}

/** The same as glibc takes it, whom the environment may tell otherwise. Models __res_vinit() */
function resolverState(p: Process): ResolvConf {
  const conf = readResolvConf(p);
  const local = p.env.get('LOCALDOMAIN');
  if (local !== undefined) conf.search = local.split(/\s+/).filter((d) => d !== '');
  for (const option of p.env.get('RES_OPTIONS')?.split(/\s+/) ?? []) setOption(conf, option);
  return conf;
}

function setOption(conf: ResolvConf, option: string): void {
  const [name, value] = option.split(':') as [string, string | undefined];
  if (name === 'ndots') conf.ndots = Math.min(15, Number(value) || 0);
  if (name === 'timeout') conf.given.timeout = conf.timeout = Math.min(30, Number(value) || 0);
  if (name === 'attempts') conf.given.attempts = conf.attempts = Math.min(5, Number(value) || 0);
  if (name === 'rotate') conf.rotate = true;
  if (name === 'use-vc') conf.useVc = true;
  if (name === 'single-request') conf.singleRequest = true;
}

export interface HostEntry {
  addr: IpAddr;
  names: string[];
}

export function readHosts(p: Process): HostEntry[] {
  const entries: HostEntry[] = [];
  for (const line of (p.readText('/etc/hosts') ?? '').split('\n')) {
    const [text, ...names] = (line.split('#')[0] as string).trim().split(/\s+/);
    const addr = text ? parseIp(text) : null;
    if (addr !== null && names.length > 0) entries.push({ addr, names });
  }
  return entries;
}

/** `files`, `dns` … in the order of nsswitch.conf's hosts line. */
export function hostSources(p: Process): string[] {
  const m = /^hosts:(.*)$/m.exec(p.readText('/etc/nsswitch.conf') ?? '');
  return (m ? (m[1] as string) : 'files dns')
    .replace(/\[[^\]]*\]/g, ' ')
    .split(/\s+/)
    .filter((s) => s !== '');
}

/** inet_aton(3): one to four parts, decimal, octal or hexadecimal; the last part fills what is left. */
export function inetAton(text: string): number | null {
  const parts = text.split('.');
  if (parts.length > 4) return null;
  const numbers: number[] = [];
  for (const part of parts) {
    if (/^0[xX][0-9a-fA-F]+$/.test(part)) numbers.push(Number.parseInt(part, 16));
    else if (/^0[0-7]*$/.test(part)) numbers.push(Number.parseInt(part, 8));
    else if (/^[1-9]\d*$/.test(part)) numbers.push(Number(part));
    else return null;
  }
  const last = numbers.pop() as number;
  if (numbers.some((n) => n > 255) || last >= 256 ** (4 - numbers.length)) return null;
  return numbers.reduce((a, n, i) => a + n * 256 ** (3 - i), last) >>> 0;
}

/** Outcome of one name at the DNS: what h_errno says. */
type HErrno = 'HOST_NOT_FOUND' | 'TRY_AGAIN' | 'NO_DATA' | 'NO_RECOVERY';

interface Lookup {
  /** One per asked type, in order; null where no usable reply came. */
  replies: (DnsMessage | null)[];
  herrno: HErrno | null;
  refused: boolean;
}

/** Sends the questions together to one server after the other, over one socket, and waits for all replies. Models __res_nsend(). */
export function* resSend(p: Process, conf: ResolvConf, name: string, types: readonly number[]): Task<Lookup> {
  const servers = conf.servers.length > 0 ? conf.servers : [0x7f000001];
  const queries = types.map((type) => {
    const id = p.sim.rng('resolv').below(65536);
    return {
      id,
      type,
      bytes: emitDns({ id, flags: DNS_RD, questions: [{ name, type, class: 1 }], answers: [], authority: [], additional: [] }),
    };
  });
  let refused = false;
  const sockets = new Map<number, ReturnType<typeof openUdp>>();
  try {
    for (let attempt = 0; attempt < conf.attempts; attempt++) {
      for (const [index, server] of servers.entries()) {
        refused = false;
        let sock = sockets.get(index);
        if (!sock) {
          sock = openUdp(p, typeof server === 'number' ? 4 : 6);
          sockets.set(index, sock);
          const c = sock.connect(server, 53);
          if (!c.ok) {
            sockets.delete(index);
            closeSocket(p, sock);
            refused = c.errno === 'ECONNREFUSED';
            continue;
          }
        }
        const seconds = attempt === 0 ? conf.timeout : Math.max(1, Math.floor((conf.timeout << attempt) / servers.length));
        const replies: (DnsMessage | null)[] = queries.map(() => null);
        let bad = false;
        let failed = false;
        for (const q of queries) {
          if (conf.useVc) break;
          const sent = sock.send(q.bytes);
          if (!sent.ok) {
            failed = true;
            refused = sent.errno === 'ECONNREFUSED';
            break;
          }
        }
        const deadline = p.sim.now + seconds * 1e6;
        while (!failed && !conf.useVc && replies.includes(null)) {
          const s = sock;
          const w = yield* waitFor(s, () => s.readable(), deadline);
          if (!w.ok) {
            if (w.errno === 'EINTR') continue;
            failed = true;
            break;
          }
          const r = s.recv();
          if (!r.ok) {
            failed = true;
            refused = r.errno === 'ECONNREFUSED';
            break;
          }
          const m = parseDns(r.value);
          const i = m ? queries.findIndex((q) => q.id === m.id && m.questions[0]?.type === q.type) : -1;
          if (!m || i < 0 || replies[i]) continue;
          replies[i] = m;
          if ([2, 4, 5].includes(dnsRcode(m.flags))) bad = true;
        }
        if (failed) {
          sockets.delete(index);
          closeSocket(p, sock);
          continue;
        }
        for (const [i, q] of queries.entries()) {
          const m = replies[i] as DnsMessage | null;
          if (conf.useVc || (m && (m.flags & DNS_TC) !== 0)) replies[i] = yield* overTcp(p, server, q.bytes, deadline);
        }
        const good = replies.map((m) => (m && [2, 4, 5].includes(dnsRcode(m.flags)) ? null : m));
        if (bad && good.every((m) => m === null)) continue;
        return { replies: good, herrno: verdict(good), refused: false };
      }
    }
  } finally {
    for (const s of sockets.values()) closeSocket(p, s);
  }
  return { replies: types.map(() => null), herrno: 'TRY_AGAIN', refused };
}

/** The same question over a connection. */
export function* overTcp(p: Process, server: IpAddr, query: Uint8Array, deadline: number): Task<DnsMessage | null> {
  const sock = openTcp(p, typeof server === 'number' ? 4 : 6);
  try {
    if (!(yield* connectTcp(sock, server, 53, deadline)).ok) return null;
    const head = new Uint8Array(2);
    put16(head, 0, query.length);
    if (!(yield* sendTcp(sock, concat([head, query]), deadline)).ok) return null;
    let buf: Uint8Array = new Uint8Array(0);
    while (buf.length < 2 || buf.length < 2 + (((buf[0] as number) << 8) | (buf[1] as number))) {
      const r = yield* recvTcp(sock, 65536, deadline);
      if (!r.ok || r.value.length === 0) return null;
      buf = concat([buf, r.value]);
    }
    return parseDns(buf.subarray(2));
  } finally {
    closeSocket(p, sock);
  }
}

function verdict(replies: readonly (DnsMessage | null)[]): HErrno | null {
  let worst: HErrno | null = null;
  for (const m of replies) {
    if (!m) {
      worst ??= 'TRY_AGAIN';
      continue;
    }
    const rcode = dnsRcode(m.flags);
    if (rcode === 0 && m.answers.length > 0) return null;
    worst = rcode === 3 ? 'HOST_NOT_FOUND' : rcode === 0 ? 'NO_DATA' : 'NO_RECOVERY';
  }
  return worst;
}

/** Walks the search list. Models __res_context_search(). */
export function* resSearch(p: Process, conf: ResolvConf, name: string, types: readonly number[]): Task<Lookup> {
  const dots = name.split('.').length - 1;
  const trailing = name.endsWith('.');
  let saved: Lookup | null = null;
  let nodata: Lookup | null = null;
  let servfail = false;
  const plain = trailing ? name.slice(0, -1) : name;
  let last: Lookup = { replies: types.map(() => null), herrno: 'HOST_NOT_FOUND', refused: false };
  if (dots >= conf.ndots || trailing) {
    last = yield* resSend(p, conf, plain, types);
    if (last.herrno === null || trailing) return last;
    saved = last;
  }
  let searched = false;
  if (!trailing) {
    for (const domain of conf.search) {
      searched = true;
      const suffix = domain.replace(/^\./, '').replace(/\.$/, '');
      last = yield* resSend(p, conf, suffix === '' ? plain : `${plain}.${suffix}`, types);
      if (last.herrno === null) return last;
      if (last.refused) return { ...last, herrno: 'TRY_AGAIN' };
      if (last.herrno === 'NO_DATA') nodata ??= last;
      else if (last.herrno === 'TRY_AGAIN') {
        servfail = true;
        break;
      } else if (last.herrno !== 'HOST_NOT_FOUND') break;
    }
  }
  if (!saved && (dots > 0 || searched || conf.search.length === 0)) {
    last = yield* resSend(p, conf, plain, types);
    if (last.herrno === null) return last;
  }
  if (saved) return saved;
  if (nodata) return nodata;
  return servfail ? { ...last, herrno: 'TRY_AGAIN' } : last;
}

/** Addresses in a reply, following CNAMEs, and the name at the end of the chain. */
export function addressesOf(m: DnsMessage, type: number): { addrs: IpAddr[]; canonical: string } {
  let canonical = m.questions[0]?.name ?? '';
  for (let n = 0; n < 16; n++) {
    const alias = m.answers.find((r) => r.type === DNS_TYPES.CNAME && r.name.toLowerCase() === canonical.toLowerCase());
    if (!alias) break;
    canonical = readName(alias.data, 0)?.name ?? canonical;
  }
  const addrs = m.answers
    .filter((r) => r.type === type && r.name.toLowerCase() === canonical.toLowerCase())
    .map((r) => (type === DNS_TYPES.A ? readIp4(r.data, 0) : readIp6(r.data, 0)));
  return { addrs, canonical };
}

export interface AddrInfo {
  addrs: IpAddr[];
  canonical: string;
}
export type GaiResult = ({ ok: true } & AddrInfo) | { ok: false; error: GaiError };

export interface GaiHints {
  family?: 4 | 6;
  /** AI_ADDRCONFIG: families without an address of this host's own are not asked for. */
  addrConfig?: boolean;
  /** AI_CANONNAME. */
  canonName?: boolean;
}

function hasOwn(p: Process, family: 4 | 6): boolean {
  for (const dev of p.ns.devices.values()) {
    const addrs: readonly { local: IpAddr }[] = family === 4 ? dev.addrs4 : dev.addrs6;
    if (addrs.some((a) => !isLoopback(a.local))) return true;
  }
  return false;
}

/** getaddrinfo(3) for stream sockets: addresses in the order of RFC 6724. */
export function* getaddrinfo(p: Process, name: string, hints: GaiHints = {}): Task<GaiResult> {
  let { family } = hints;
  if (hints.addrConfig) {
    const own = ([4, 6] as const).filter((f) => hasOwn(p, f));
    if (family !== undefined && !own.includes(family)) return { ok: false, error: 'EAI_NONAME' };
    if (own.length === 1) family ??= own[0];
  }
  const v4 = inetAton(name);
  const v6 = v4 === null ? parseIp6(name.split('%')[0] as string) : null;
  const literal: IpAddr | null = v4 ?? v6;
  if (literal !== null) {
    if (family !== undefined && family !== (typeof literal === 'number' ? 4 : 6)) return { ok: false, error: 'EAI_ADDRFAMILY' };
    return { ok: true, addrs: [literal], canonical: name };
  }
  // __libc_res_hnok(): what no host name may have is not looked up.
  if (!/^[A-Za-z0-9_.][-A-Za-z0-9_.]*$/.test(name)) return { ok: false, error: 'EAI_NONAME' };
  const families: (4 | 6)[] = family ? [family] : [4, 6];
  let error: GaiError = 'EAI_NONAME';
  let otherFamily = false;
  for (const source of hostSources(p)) {
    if (source === 'files') {
      const named = readHosts(p).filter((e) => e.names.some((n) => n.toLowerCase() === name.toLowerCase()));
      const hits = named.filter((e) => families.includes(typeof e.addr === 'number' ? 4 : 6));
      otherFamily = named.length > hits.length;
      if (hits.length > 0)
        return {
          ok: true,
          addrs: sortAddresses(
            p,
            hits.map((e) => e.addr),
          ),
          canonical: (hits[0] as HostEntry).names[0] as string,
        };
    } else if (source === 'dns') {
      if (encodeName(name) === null) continue;
      const types = families.map((f) => (f === 4 ? DNS_TYPES.A : DNS_TYPES.AAAA));
      const r = isMusl(p)
        ? asGlibc(yield* muslSearch(p, readResolvConf(p), name, types))
        : yield* resSearch(p, resolverState(p), name, types);
      const found = r.replies.flatMap((m, i) => (m ? [addressesOf(m, types[i] as number)] : []));
      const addrs = found.flatMap((f) => f.addrs);
      if (addrs.length > 0)
        return {
          ok: true,
          addrs: sortAddresses(p, addrs),
          canonical: (found.find((f) => f.addrs.length > 0) as { canonical: string }).canonical,
        };
      error =
        r.herrno === 'TRY_AGAIN'
          ? 'EAI_AGAIN'
          : r.herrno === 'NO_DATA'
            ? 'EAI_NODATA'
            : r.herrno === 'NO_RECOVERY'
              ? 'EAI_FAIL'
              : 'EAI_NONAME';
    }
  }
  return { ok: false, error: otherFamily && hints.canonName ? 'EAI_ADDRFAMILY' : error };
}

function asGlibc(r: MuslLookup): Lookup {
  const herrno = r.found
    ? null
    : r.error === 'EAI_AGAIN'
      ? 'TRY_AGAIN'
      : r.error === 'EAI_NODATA'
        ? 'NO_DATA'
        : r.error
          ? 'NO_RECOVERY'
          : 'HOST_NOT_FOUND';
  return { replies: [...r.replies], herrno, refused: false };
}

/** Label and precedence of glibc's own policy table, which is RFC 3484's: unique local addresses go before IPv4. */
function policy(a: IpAddr): { label: number; precedence: number } {
  if (typeof a === 'number') return { label: 4, precedence: 10 };
  if (a === 1n) return { label: 0, precedence: 50 };
  if (a >> 112n === 0x2002n) return { label: 2, precedence: 30 };
  if (a >> 32n === 0n) return { label: 3, precedence: 20 };
  return { label: a >> 121n === 0x7en ? 6 : a >> 118n === 0x3fbn ? 5 : a >> 96n === 0x20010000n ? 7 : 1, precedence: 40 };
}

/** Rules 1, 5 and 6 of RFC 3484: what can be reached first, then what fits its source, then by precedence. */
function sortAddresses(p: Process, addrs: readonly IpAddr[]): IpAddr[] {
  const rank = (a: IpAddr): [number, number, number] => {
    const r = routeOutput(p.ns, { dst: a, src: null, oif: null, mark: 0, tos: 0, proto: 17, sport: 0, dport: 0, uid: p.uid });
    const { label, precedence } = policy(a);
    const src = r.ok ? r.value.src : null;
    return [r.ok ? 0 : 1, src !== null && policy(src).label === label ? 0 : 1, -precedence];
  };
  const unique = [...new Set(addrs)];
  return unique
    .map((addr) => ({ addr, rank: rank(addr) }))
    .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2])
    .map((x) => x.addr);
}

export interface HostResult {
  name: string;
  aliases: string[];
  addrs: IpAddr[];
}

/** gethostbyname2(3). */
export function* gethostbyname2(p: Process, name: string, family: 4 | 6): Task<HostResult | null> {
  const literal = inetAton(name) ?? parseIp6(name);
  if (literal !== null) return (typeof literal === 'number' ? 4 : 6) === family ? { name, aliases: [], addrs: [literal] } : null;
  for (const source of hostSources(p)) {
    if (source === 'files') {
      const e = readHosts(p).find(
        (h) => (typeof h.addr === 'number' ? 4 : 6) === family && h.names.some((n) => n.toLowerCase() === name.toLowerCase()),
      );
      if (e) return { name: e.names[0] as string, aliases: e.names.slice(1), addrs: [e.addr] };
    } else if (source === 'dns') {
      const type = family === 4 ? DNS_TYPES.A : DNS_TYPES.AAAA;
      const r = yield* resSearch(p, resolverState(p), name, [type]);
      const m = r.replies[0];
      if (!m) continue;
      const { addrs, canonical } = addressesOf(m, type);
      const aliases = m.answers.filter((a) => a.type === DNS_TYPES.CNAME).map((a) => a.name);
      if (addrs.length > 0) return { name: canonical, aliases, addrs };
    }
  }
  return null;
}

/** gethostbyaddr(3); `TRY_AGAIN` when a server gave no answer to use. */
export function* gethostbyaddr(p: Process, addr: IpAddr): Task<HostResult | null> {
  const r = yield* reverseLookup(p, addr);
  return r === 'TRY_AGAIN' ? null : r;
}

function* reverseLookup(p: Process, addr: IpAddr): Task<HostResult | null | 'TRY_AGAIN'> {
  let again = false;
  for (const source of hostSources(p)) {
    if (source === 'files') {
      const e = readHosts(p).find((h) => h.addr === addr);
      if (e) return { name: e.names[0] as string, aliases: e.names.slice(1), addrs: [addr] };
    } else if (source === 'dns') {
      const r = yield* resSend(p, resolverState(p), reverseName(addr), [DNS_TYPES.PTR]);
      const ptr = r.replies[0]?.answers.find((a) => a.type === DNS_TYPES.PTR);
      const name = ptr && readName(ptr.data, 0)?.name;
      if (name) return { name, aliases: [], addrs: [addr] };
      again = r.herrno === 'TRY_AGAIN';
    }
  }
  return again ? 'TRY_AGAIN' : null;
}

/** getnameinfo(3) as ping asks: null when it fails, which it does not for a host without a name. */
export function* nameInfo(p: Process, addr: IpAddr): Task<string | null> {
  const r = yield* reverseLookup(p, addr);
  return r === 'TRY_AGAIN' ? null : (r?.name ?? formatIp(addr));
}

/** getnameinfo(3): the host's name, or its address as text when it has none. */
export function* nameOrAddress(p: Process, addr: IpAddr): Task<string> {
  return (yield* gethostbyaddr(p, addr))?.name ?? formatIp(addr);
}
