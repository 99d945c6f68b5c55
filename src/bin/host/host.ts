/** host: addresses and mail servers of a name, in sentences. Models bind9 9.18 bin/dig/host.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { DNS_TYPES, type DnsRecord, describeRdata, dnsRcode, dnsTypeName, dnsTypeNumber, reverseName } from '../../wire/dns.ts';
import { defaultServers, type Face, type Lookup, newLookup, type Reply, runLookup, type Server } from '../dig/dighost.ts';
import { headerLines, messageText, rcodeName, transferText } from '../dig/render.ts';
import { getoptShort } from '../getopt.ts';
import { chase } from '../nslookup/nslookup.ts';
import { USAGE } from './usage.ts';

const VERSION = 'host 9.18.49-1~deb12u3-Debian\n';
const CLASSES: Record<string, number> = { IN: 1, CH: 3, CHAOS: 3, HS: 4, HESIOD: 4, ANY: 255 };
const SENTENCES: Record<number, string> = {
  1: 'has address',
  2: 'name server',
  5: 'is an alias for',
  11: 'has well known services',
  12: 'domain name pointer',
  13: 'has host information',
  15: 'mail is handled by',
  16: 'descriptive text',
  28: 'has IPv6 address',
};
const DETAIL = {
  short: false,
  cmd: false,
  comments: true,
  question: true,
  answer: true,
  authority: true,
  additional: true,
  stats: false,
  ttl: true,
  class: true,
  multiline: false,
  identify: false,
  ttlUnits: false,
  unknownFormat: false,
  expandAaaa: false,
  micros: false,
};

function sentence(r: DnsRecord): string {
  return `${r.name === '' ? '.' : r.name} ${SENTENCES[r.type] ?? `has ${dnsTypeName(r.type)} record`} ${describeRdata(r.type, r.data)}\n`;
}

class Host {
  private readonly p: Process;
  private readonly verbose: boolean;
  private readonly defaultLookups: boolean;
  /** Said once, when the user named a server. */
  private announce: boolean;
  private readonly queue: Lookup[];
  private failed = 0;
  /** -C: the SOA records of all name servers. */
  private readonly soa: boolean;

  constructor(p: Process, first: Lookup, o: { verbose: boolean; defaultLookups: boolean; serverGiven: boolean; soa: boolean }) {
    this.p = p;
    this.verbose = o.verbose;
    this.defaultLookups = o.defaultLookups;
    this.announce = o.serverGiven;
    this.soa = o.soa;
    this.queue = [first];
  }

  *run(): Task<number> {
    const { p } = this;
    const say = function* (text: string): Task<void> {
      yield* p.out(`;; ${text}\n`);
    };
    const { verbose } = this;
    const face: Face = {
      message: (r) => this.message(r),
      warning: say,
      comment: (_l, text) => say(text),
      *sent(_l, q) {
        if (verbose) yield* p.out(`Trying "${q.questions[0]?.name}"\n`);
      },
    };
    for (let l = this.queue.shift(); l; l = this.queue.shift()) {
      if ((yield* runLookup(p, face, l)) !== 0) this.failed = 1;
    }
    return this.failed;
  }

  private *message(r: Reply): Task<void> {
    const { lookup, msg } = r;
    let out = '';
    if (this.announce) {
      this.announce = false;
      out += `Using domain server:\nName: ${r.server.shown}\nAddress: ${formatIp(r.server.addr)}#${lookup.port}\nAliases: \n\n`;
    }
    const rcode = dnsRcode(msg.flags);
    if (lookup.type === DNS_TYPES.AXFR) {
      yield* this.p.out(`${out}${transferText(r, { ...DETAIL, answer: false })}`);
      return;
    }
    if (this.soa) {
      const servers = msg.answers.filter((a) => a.type === DNS_TYPES.NS);
      this.failed = 1;
      if (servers.length > 0) yield* this.p.err('host: option -C is not emulated beyond the list of name servers\n');
      return;
    }
    if (rcode !== 0) {
      this.failed = 1;
      out += `Host ${rcode === 3 ? lookup.text : r.name} not found: ${rcode}(${rcodeName(rcode)})\n`;
    } else {
      if (this.defaultLookups && lookup.type === DNS_TYPES.A) {
        const text = chase(r);
        for (const type of [DNS_TYPES.AAAA, DNS_TYPES.MX]) this.queue.push({ ...lookup, text, type, newSearch: false });
      }
      if (!this.verbose) {
        out += msg.answers.map(sentence).join('');
        if (!this.defaultLookups && msg.answers.length === 0) out += `${r.name} has no ${dnsTypeName(lookup.type)} record\n`;
      }
    }
    if (this.verbose) {
      out += `${headerLines(msg)}\n${messageText(msg, DETAIL, null)}`;
      out += `Received ${r.size} bytes from ${formatIp(r.server.addr)}#${lookup.port} in ${Math.floor(r.elapsed / 1000)} ms\n`;
    }
    yield* this.p.out(out);
  }
}

function* main(p: Process): Task<number> {
  const g = getoptShort(p.argv.slice(1), '46aAc:dilnm:p:rst:vVwCDN:R:TUW:', true);
  if (g.error !== null) {
    const illegal = g.error.replace('invalid option', 'illegal option').replace(/'(.)'$/, '$1');
    yield* p.err(`host: ${illegal}\n${USAGE}`);
    return 1;
  }
  const o = { type: null as number | null, verbose: false, soa: false };
  const given: Partial<Lookup> = {};
  let family: 4 | 6 | null = null;
  for (const [key, value] of g.options) {
    if (key === 't') {
      o.type = dnsTypeNumber(value);
      if (o.type === null) {
        yield* p.err(`host: invalid type: ${value}\n\n`);
        return 2;
      }
    } else if (key === 'c') {
      const c = CLASSES[value.toUpperCase()];
      if (c === undefined) {
        yield* p.err(`host: invalid class: ${value}\n\n`);
        return 2;
      }
      given.class = c;
    } else if (key === 'a' || key === 'A') {
      o.type = DNS_TYPES.ANY;
      o.verbose = true;
    } else if (key === 'v' || key === 'd') o.verbose = true;
    else if (key === '4' || key === '6') family = key === '4' ? 4 : 6;
    else if (key === 'r') given.recurse = false;
    else if (key === 's') given.servfailStops = true;
    else if (key === 'T') given.tcp = true;
    else if (key === 'U') given.tcp = false;
    else if (key === 'p') given.port = Number(value) || 53;
    else if (key === 'R') given.tries = Math.max(2, (Number(value) || 0) + 1);
    else if (key === 'W') given.timeout = Math.max(1, Number(value) || 1);
    else if (key === 'w') given.timeout = 0x7fff;
    else if (key === 'N') given.ndots = Number(value) || 0;
    else if (key === 'V') {
      yield* p.err(VERSION);
      return 0;
    } else if (key === 'C') {
      o.type = DNS_TYPES.NS;
      o.soa = true;
    } else if (key === 'l') o.type = DNS_TYPES.AXFR;
  }
  const [name, server] = g.operands;
  if (name === undefined) {
    yield* p.err(USAGE);
    return 1;
  }
  const addr = parseIp(name);
  const base = newLookup(p, addr === null ? name : `${reverseName(addr)}.`);
  let { servers } = base;
  if (server !== undefined) {
    const found = yield* findServer(p, server);
    if (!found) return 1;
    servers = found;
  }
  if (family !== null) {
    servers = servers.filter((s) => (typeof s.addr === 'number' ? 4 : 6) === family);
    if (servers.length === 0) servers = defaultServers(p, family);
  }
  const type = o.type ?? (addr === null ? DNS_TYPES.A : DNS_TYPES.PTR);
  const transfer = type === DNS_TYPES.AXFR;
  const tcp = type === DNS_TYPES.ANY || transfer;
  const first: Lookup = {
    ...base,
    tries: 2,
    servfailStops: false,
    search: true,
    tcp,
    ...given,
    type,
    servers,
    ...(transfer ? { showSearch: true } : {}),
  };
  return yield* new Host(p, first, {
    verbose: o.verbose,
    defaultLookups: o.type === null && addr === null,
    serverGiven: server !== undefined,
    soa: o.soa,
  }).run();
}

function* findServer(p: Process, name: string): Task<Server[] | null> {
  const literal = parseIp(name);
  if (literal !== null) return [{ addr: literal, shown: name }];
  const r = yield* getaddrinfo(p, name, { addrConfig: true });
  if (r.ok) return r.addrs.map((addr) => ({ addr, shown: name }));
  const why = r.error === 'EAI_NONAME' || r.error === 'EAI_NODATA' ? 'not found' : 'failure';
  yield* p.err(`host: couldn't get address for '${name}': ${why}\n`);
  return null;
}

export const host: Command = { name: 'host', main };
