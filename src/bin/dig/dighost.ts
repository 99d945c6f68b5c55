/** The look-up engine that dig, host and nslookup share: servers, retries, search list, EDNS, TCP. Models bind9 9.18 bin/dig/dighost.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { readResolvConf } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, openUdp, recvTcp, sendTcp, waitFor } from '../../os/sockcalls.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, isLinkLocal } from '../../wire/addr.ts';
import { concat, put16, u16 } from '../../wire/bytes.ts';
import {
  DNS_AA,
  DNS_AD,
  DNS_CD,
  DNS_RA,
  DNS_RD,
  DNS_TC,
  DNS_TYPES,
  type DnsMessage,
  type DnsRecord,
  dnsRcode,
  emitDns,
  encodeName,
  parseDns,
} from '../../wire/dns.ts';

export const OPCODES = ['QUERY', 'IQUERY', 'STATUS', 'RESERVED3', 'NOTIFY', 'UPDATE'];

export interface Server {
  addr: IpAddr;
  /** As the user wrote it. */
  shown: string;
}

export interface Lookup {
  text: string;
  type: number;
  class: number;
  servers: readonly Server[];
  port: number;
  tcp: boolean;
  /** EDNS version, or null for none. */
  edns: number | null;
  bufsize: number;
  dnssec: boolean;
  cookie: boolean;
  nsid: boolean;
  /** Further EDNS options in wire order around the cookie: +subnet before it, the rest behind. */
  options: readonly EdnsOption[];
  /** +cookie=HEX. */
  cookieHex: string | null;
  /** +padding: the block size that the query is filled up to. */
  padding: number;
  /** Header and EDNS flags of one's own: +tcflag, +zflag, +raflag, +ednsflags. */
  extraFlags: number;
  ednsFlags: number;
  opcode: number;
  /** -b. */
  source: { addr: IpAddr; port: number } | null;
  recurse: boolean;
  aa: boolean;
  ad: boolean;
  cd: boolean;
  tries: number;
  /** Seconds; null is the default of the transport. */
  timeout: number | null;
  ignoreTruncation: boolean;
  servfailStops: boolean;
  /** Complains when the server offers no recursion. */
  checkRa: boolean;
  search: boolean;
  /** Starts at the head of the search list when the name has few dots. */
  newSearch: boolean;
  searchList: readonly string[];
  ndots: number;
  showSearch: boolean;
  /** Greeting that comes before the first message. */
  cmdline: string;
}

export interface EdnsOption {
  code: number;
  data: Uint8Array;
}

export interface Reply {
  lookup: Lookup;
  /** Full name asked, without the final dot. */
  name: string;
  server: Server;
  tcp: boolean;
  msg: DnsMessage;
  size: number;
  /** Microseconds between query and reply. */
  elapsed: number;
  clientCookie: string;
}

/** What the three tools print on their own. */
export interface Face {
  message(r: Reply): Task<void>;
  warning(text: string): Task<void>;
  comment(l: Lookup, text: string): Task<void>;
  sent?(l: Lookup, q: DnsMessage, size: number, server: Server): Task<void>;
}

export function newLookup(p: Process, text: string): Lookup {
  const conf = readResolvConf(p);
  return {
    text,
    type: DNS_TYPES.A,
    class: 1,
    servers: defaultServers(p),
    port: 53,
    tcp: false,
    edns: null,
    bufsize: 1232,
    dnssec: false,
    cookie: false,
    nsid: false,
    options: [],
    cookieHex: null,
    padding: 0,
    extraFlags: 0,
    ednsFlags: 0,
    opcode: 0,
    source: null,
    recurse: true,
    aa: false,
    ad: false,
    cd: false,
    tries: conf.given.attempts || 3,
    timeout: conf.given.timeout || null,
    ignoreTruncation: false,
    servfailStops: true,
    checkRa: false,
    search: false,
    newSearch: true,
    searchList: conf.search,
    ndots: conf.ndots,
    showSearch: false,
    cmdline: '',
  };
}

/** Those of resolv.conf, or this host when there are none. */
export function defaultServers(p: Process, family: 4 | 6 | null = null): Server[] {
  const fits = (a: IpAddr): boolean => family === null || (typeof a === 'number' ? 4 : 6) === family;
  const servers = readResolvConf(p).servers.filter(fits);
  const list: IpAddr[] = servers.length > 0 ? servers : [1n, 0x7f000001].filter(fits);
  return list.map((addr) => ({ addr, shown: formatIp(addr) }));
}

const TEXTS: Partial<Record<Errno, string>> = {
  ECONNREFUSED: 'connection refused',
  ENETUNREACH: 'network unreachable',
  EHOSTUNREACH: 'host unreachable',
  EADDRNOTAVAIL: 'address not available',
  ETIMEDOUT: 'timed out',
  EAGAIN: 'timed out',
  ECONNRESET: 'connection reset',
  EPERM: 'permission denied',
  EACCES: 'permission denied',
  EADDRINUSE: 'address in use',
  ENETDOWN: 'network down',
  EHOSTDOWN: 'host down',
  ENOBUFS: 'not enough free resources',
  EPIPE: 'end of file',
};

function resultText(e: Errno): string {
  return TEXTS[e] ?? strerror(e).toLowerCase();
}

interface Position {
  origin: number | null;
  doneAsIs: boolean;
}

/** `name` and its parts for the wire; null when it is no legal name. */
function fullName(l: Lookup, at: Position): string | null {
  const origin = at.origin === null ? '' : (l.searchList[at.origin] as string);
  const plain = l.text.replace(/\.$/, '');
  const name =
    l.text.endsWith('.') || at.origin === null || origin === '' || origin === '.' ? plain : plain === '' ? origin : `${plain}.${origin}`;
  const full = name.replace(/\.$/, '');
  return full !== '' && encodeName(full) === null ? null : full;
}

function firstPosition(l: Lookup): Position {
  if (!l.newSearch) return { origin: null, doneAsIs: true };
  const dots = l.text.split('.').length - 1;
  if (dots >= l.ndots || !l.search) return { origin: null, doneAsIs: true };
  return l.searchList.length > 0 ? { origin: 0, doneAsIs: false } : { origin: null, doneAsIs: true };
}

function nextPosition(l: Lookup, at: Position): Position | null {
  if (!l.search || l.text.endsWith('.')) return null;
  const next = at.origin !== null && at.origin + 1 < l.searchList.length ? at.origin + 1 : null;
  if (next !== null) return { origin: next, doneAsIs: at.doneAsIs };
  return at.doneAsIs ? null : { origin: null, doneAsIs: true };
}

/** Exit status: 0, 9 when no server answered, 10 for a name that cannot be sent. */
export function* runLookup(p: Process, face: Face, l: Lookup): Task<number> {
  let at: Position | null = firstPosition(l);
  while (at !== null) {
    const name = fullName(l, at);
    if (name === null) {
      const shown = at.origin === null ? l.text : `${l.text}.${l.searchList[at.origin]}`;
      const labels = shown.replace(/\.$/, '').split('.');
      const why = labels.includes('') ? 'empty label' : labels.some((x) => x.length > 63) ? 'label too long' : 'ran out of space';
      const labelled = l.text.replace(/\.$/, '').split('.');
      const bad = at.origin !== null && (labelled.includes('') || labelled.some((x) => x.length > 63));
      yield* p.err(`${p.name}: '${bad ? l.text : shown}' is not ${bad ? 'in legal name syntax' : 'a legal name'} (${why})\n`);
      return 10;
    }
    const here: Position = at;
    const next: { at: Position | null; code: number } = yield* askAll(p, face, l, name, here);
    if (next.at === null) return next.code;
    at = next.at;
  }
  return 0;
}

/** One name at one server after the other. */
function* askAll(p: Process, face: Face, l: Lookup, name: string, at: Position): Task<{ at: Position | null; code: number }> {
  let tries = l.tries;
  let index = 0;
  let tcp = l.tcp;
  for (;;) {
    const server = l.servers[index];
    if (!server) return { at: null, code: 9 };
    const more = index + 1 < l.servers.length;
    const r = yield* exchange(p, face, l, name, server, tcp);
    if ('setup' in r) {
      const sock = `${formatIp(server.addr)}#${l.port}`;
      const what = tcp ? 'Connection to' : 'UDP setup with';
      yield* face.warning(`${what} ${sock}(${formatIp(server.addr)}) for ${l.text} failed: ${resultText(r.setup)}.`);
      if (tries > 1) {
        tries--;
        index = 0;
        yield* face.warning('no servers could be reached');
      } else if (more) index++;
      else {
        yield* face.warning('no servers could be reached');
        return { at: null, code: 9 };
      }
      continue;
    }
    if ('failed' in r) {
      yield* face.warning(`communications error to ${formatIp(server.addr)}#${l.port}: ${r.failed}`);
      if (tries > 1) {
        tries--;
        continue;
      }
      if (more) {
        index++;
        continue;
      }
      if (l.cmdline !== '') yield* p.out(l.cmdline);
      l.cmdline = '';
      yield* face.warning('no servers could be reached');
      return { at: null, code: 9 };
    }
    const rcode = dnsRcode(r.msg.flags);
    if ((r.msg.flags & DNS_TC) !== 0 && !l.ignoreTruncation && !tcp) {
      yield* face.comment(l, 'Truncated, retrying in TCP mode.');
      tcp = true;
      continue;
    }
    if (l.checkRa && l.recurse && (r.msg.flags & DNS_RA) === 0) {
      yield* face.comment(l, `Got recursion not available from ${server.shown}${more ? ', trying next server' : ''}`);
      if (more) {
        index++;
        continue;
      }
    } else if (rcode === 2 && !l.servfailStops) {
      yield* face.comment(l, `Got SERVFAIL reply from ${server.shown}${more ? ', trying next server' : ''}`);
      if (more) {
        index++;
        continue;
      }
    }
    const alien = [...r.msg.answers, ...r.msg.authority].some((x) => x.class !== l.class && l.class !== 255);
    if (alien) yield* face.warning('Warning: Message parser reports malformed message packet.');
    if (rcode !== 0 && at.origin !== null) {
      const next = nextPosition(l, at);
      if (next !== null) {
        if (l.showSearch) yield* face.message(r);
        return { at: next, code: 0 };
      }
    }
    yield* face.message(r);
    return { at: null, code: 0 };
  }
}

const OPT_NSID = 3;
const OPT_SUBNET = 8;
const OPT_COOKIE = 10;
const OPT_PADDING = 12;

function optRecord(l: Lookup, cookie: Uint8Array, questionLen: number): DnsRecord {
  const parts: Uint8Array[] = [];
  const option = (code: number, data: Uint8Array): void => {
    const head = new Uint8Array(4);
    put16(head, 0, code);
    put16(head, 2, data.length);
    parts.push(head, data);
  };
  if (l.nsid) option(OPT_NSID, new Uint8Array(0));
  for (const o of l.options) if (o.code === OPT_SUBNET) option(o.code, o.data);
  if (l.cookie) option(OPT_COOKIE, cookie);
  for (const o of l.options) if (o.code !== OPT_SUBNET) option(o.code, o.data);
  if (l.padding > 0) {
    // RFC 8467: the whole message becomes a multiple of the block.
    const used = 12 + questionLen + 11 + concat(parts).length + 4;
    option(OPT_PADDING, new Uint8Array((l.padding - (used % l.padding)) % l.padding));
  }
  const ttl = (((l.edns ?? 0) << 16) | (l.dnssec ? 0x8000 : 0) | l.ednsFlags) >>> 0;
  return { name: '', type: DNS_TYPES.OPT, class: l.bufsize, ttl, data: concat(parts) };
}

type Outcome = Reply | { setup: Errno } | { failed: string };

const ids = new WeakMap<Lookup, Map<string, number>>();

/** A query that is asked again, of the same server or the next one, keeps its id. */
function messageId(l: Lookup, question: string, rng: { below(n: number): number }): number {
  const known = ids.get(l) ?? new Map<string, number>();
  ids.set(l, known);
  const id = known.get(question) ?? rng.below(65536);
  known.set(question, id);
  return id;
}

function* exchange(p: Process, face: Face, l: Lookup, name: string, server: Server, tcp: boolean): Task<Outcome> {
  const rng = p.sim.rng('dig');
  const random = Uint8Array.from({ length: 8 }, () => rng.below(256));
  const cookie = l.cookieHex === null ? random : Uint8Array.from(l.cookieHex.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
  const flags =
    (l.recurse ? DNS_RD : 0) | (l.aa ? DNS_AA : 0) | (l.ad ? DNS_AD : 0) | (l.cd ? DNS_CD : 0) | l.extraFlags | (l.opcode << 11);
  const question = { name, type: l.type, class: l.class };
  const query: DnsMessage = {
    id: messageId(l, `${name} ${tcp}`, rng),
    flags,
    questions: [question],
    answers: [],
    authority: [],
    additional: l.edns === null ? [] : [optRecord(l, cookie, (encodeName(name)?.length ?? 1) + 4)],
  };
  const bytes = emitDns(query);
  const clientCookie = [...cookie].map((b) => b.toString(16).padStart(2, '0')).join('');
  const seconds = l.timeout ?? (tcp ? 10 : 5);
  const begun = p.sim.now;
  const matches = (b: Uint8Array): DnsMessage | null => {
    const m = b.length >= 12 && u16(b, 0) === query.id ? parseDns(b) : null;
    const q = m?.questions[0];
    if (!m || (m.flags & 0x8000) === 0) return null;
    return !q || (q.type === l.type && q.name.toLowerCase() === name.toLowerCase()) ? m : null;
  };
  const reply = (msg: DnsMessage, size: number): Reply => ({
    lookup: l,
    name,
    server,
    tcp,
    msg,
    size,
    elapsed: p.sim.now - begun,
    clientCookie,
  });
  const deadline = begun + seconds * 1e6;
  return tcp ? yield* overTcp() : yield* overUdp();

  function* overUdp(): Task<Outcome> {
    const sock = openUdp(p, typeof server.addr === 'number' ? 4 : 6);
    // BIND lets routers fragment (IP_PMTUDISC_OMIT).
    sock.opt.mtuDiscover = 'dont';
    try {
      if (typeof server.addr === 'bigint' && isLinkLocal(server.addr)) return { setup: 'EINVAL' };
      if (l.source) {
        const b = sock.bind(l.source.addr, l.source.port);
        if (!b.ok) return { setup: b.errno };
      }
      if (l.port === 0) return { failed: resultText('ECONNREFUSED') };
      const c = sock.connect(server.addr, l.port);
      if (!c.ok) return { setup: c.errno };
      sock.send(bytes);
      yield* face.sent?.(l, query, bytes.length, server) ?? none();
      for (;;) {
        const w = yield* waitFor(sock, () => sock.readable(), deadline);
        if (!w.ok) {
          if (w.errno === 'EINTR') continue;
          return { failed: 'timed out' };
        }
        const r = sock.recv();
        if (!r.ok) return { failed: resultText(r.errno) };
        const m = matches(r.value);
        const opcode = m ? (m.flags >> 11) & 15 : l.opcode;
        if (opcode !== l.opcode) {
          yield* face.warning(
            `Warning: Opcode mismatch: expected ${OPCODES[l.opcode] ?? 'RESERVED'}, got ${OPCODES[opcode] ?? 'RESERVED'}`,
          );
          continue;
        }
        if (m) return reply(m, r.value.length);
        if (r.value.length >= 2 && u16(r.value, 0) !== query.id)
          yield* face.warning(`Warning: ID mismatch: expected ID ${query.id}, got ${u16(r.value, 0)}`);
      }
    } finally {
      closeSocket(p, sock);
    }
  }

  function* overTcp(): Task<Outcome> {
    const sock = openTcp(p, typeof server.addr === 'number' ? 4 : 6);
    try {
      const b = l.source ? sock.bind(l.source.addr, l.source.port) : null;
      if (b && !b.ok) return { setup: b.errno };
      const c = yield* connectTcp(sock, server.addr, l.port, deadline);
      if (!c.ok) return { setup: c.errno };
      const head = new Uint8Array(2);
      put16(head, 0, bytes.length);
      yield* sendTcp(sock, concat([head, bytes]), deadline);
      yield* face.sent?.(l, query, bytes.length, server) ?? none();
      let buf: Uint8Array = new Uint8Array(0);
      while (buf.length < 2 || buf.length < 2 + u16(buf, 0)) {
        const r = yield* recvTcp(sock, 65536, deadline);
        if (!r.ok) return { failed: resultText(r.errno) };
        if (r.value.length === 0) return { failed: 'end of file' };
        buf = concat([buf, r.value]);
      }
      const message = buf.subarray(2, 2 + u16(buf, 0));
      const m = matches(message);
      return m ? reply(m, message.length) : { failed: 'unexpected end of input' };
    } finally {
      closeSocket(p, sock);
    }
  }
}

function* none(): Task<void> {}
