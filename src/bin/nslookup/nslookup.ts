/** nslookup: addresses of a name, at the command line or interactively. Models bind9 9.18 bin/dig/nslookup.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { u32 } from '../../wire/bytes.ts';
import {
  DNS_AA,
  DNS_TYPES,
  type DnsRecord,
  describeRdata,
  dnsRcode,
  dnsTypeName,
  dnsTypeNumber,
  readName,
  reverseName,
} from '../../wire/dns.ts';
import { defaultServers, type Face, type Lookup, newLookup, type Reply, runLookup, type Server } from '../dig/dighost.ts';
import { className, rcodeName } from '../dig/render.ts';

const VERSION = 'nslookup 9.18.49-1~deb12u3-Debian\n';
const CLASSES: Record<string, number> = { IN: 1, CH: 3, CHAOS: 3, HS: 4, HESIOD: 4, ANY: 255 };
const LABELS: Record<number, string> = {
  1: 'internet address = ',
  2: 'nameserver = ',
  5: 'canonical name = ',
  6: 'origin = ',
  12: 'name = ',
  13: 'hinfo = ',
  15: 'mail exchanger = ',
  16: 'text = ',
  28: 'has AAAA address ',
  33: 'service = ',
};

class Nslookup {
  private readonly p: Process;
  private servers: Server[];
  private type: number = DNS_TYPES.A;
  private class = 1;
  private defaultLookups = true;
  private checkRa = true;
  private search = true;
  private searchList: readonly string[] | null = null;
  private recurse = true;
  private tcp = false;
  private port = 53;
  private timeout: number | null = null;
  private tries: number | null = null;
  private ndots: number | null = null;
  private debug = false;
  private answerless = false;
  private queue: Lookup[] = [];
  /** The program has ended with an error. */
  fatal = false;
  /** Exit status. */
  failed = 0;
  /** A server has answered at all. */
  reached = false;

  constructor(p: Process) {
    this.p = p;
    this.servers = defaultServers(p);
  }

  /** The text of `-key=value` or `set key=value`. */
  *option(text: string): Task<void> {
    const [key, value] = text.includes('=') ? [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] : [text, ''];
    const has = (...names: string[]): boolean => names.some((n) => n === key);
    const number = Number(value);
    if (text.includes('=') && /^(ty(pe?)?|q(u(e(r(y(type)?)?)?)?)?)$/.test(key)) {
      const type = dnsTypeNumber(value);
      if (type === null) yield* this.p.out(`unknown query type: ${value}\n`);
      else {
        this.type = type;
        this.defaultLookups = false;
      }
    } else if (has('class', 'cl')) {
      const c = CLASSES[value.toUpperCase()];
      if (c === undefined) yield* this.p.out(`unknown query class: ${value}\n`);
      else this.class = c;
    } else if (has('domain', 'do', 'search', 'se') && value !== '') {
      this.searchList = [value];
      this.search = true;
    } else if (has('search', 'se')) this.search = true;
    else if (has('nosearch', 'nose')) this.search = false;
    else if (has('recurse', 'rec')) this.recurse = true;
    else if (has('norecurse', 'norec')) this.recurse = false;
    else if (has('vc')) this.tcp = true;
    else if (has('novc')) this.tcp = false;
    else if (has('debug', 'deb', 'd2')) this.debug = true;
    else if (has('nodebug', 'nodeb', 'nod2')) this.debug = false;
    else if (has('port', 'po') && number > 0 && number < 65536) this.port = number;
    else if (has('timeout', 't') && number >= 0) this.timeout = Math.max(1, number);
    else if (has('retry', 'ret') && number >= 0) this.tries = Math.max(1, number);
    else if (has('ndots', 'nd') && number >= 0) this.ndots = number;
    else if (has('all')) {
      yield* this.showServers();
      yield* this.p.out(this.settings());
    } else if (!has('fail', 'nofail', 'sil', 'defname', 'nodefname', 'ignoretc', 'noignoretc', 'aaonly', 'noaaonly'))
      yield* this.p.out(`*** Invalid option: ${text}\n`);
  }

  *useServer(name: string): Task<boolean> {
    const literal = parseIp(name);
    if (literal !== null) this.servers = [{ addr: literal, shown: name }];
    else {
      const r = yield* getaddrinfo(this.p, name, { addrConfig: true });
      if (!r.ok) {
        const why = r.error === 'EAI_NONAME' || r.error === 'EAI_NODATA' ? 'not found' : 'failure';
        yield* this.p.err(`nslookup: couldn't get address for '${name}': ${why}\n`);
        return false;
      }
      this.servers = r.addrs.map((addr) => ({ addr, shown: name }));
    }
    this.checkRa = false;
    return true;
  }

  private lookup(text: string, type: number): Lookup {
    const l = newLookup(this.p, text);
    return {
      ...l,
      type,
      class: this.class,
      servers: this.servers,
      port: this.port,
      tcp: this.tcp,
      recurse: this.recurse,
      tries: this.tries ?? l.tries,
      timeout: this.timeout ?? l.timeout,
      checkRa: this.checkRa,
      servfailStops: false,
      search: this.search,
      showSearch: this.debug,
      searchList: this.searchList ?? l.searchList,
      ndots: this.ndots ?? l.ndots,
    };
  }

  /** False for a name that cannot be asked for. */
  *ask(name: string): Task<boolean> {
    const addr = parseIp(name);
    this.answerless = false;
    this.queue = [addr === null ? this.lookup(name, this.type) : this.lookup(`${reverseName(addr)}.`, DNS_TYPES.PTR)];
    for (let l = this.queue.shift(); l; l = this.queue.shift()) {
      const r = yield* runLookup(this.p, this.face, l);
      if (r !== 0) this.failed = 1;
      if (r === 10) return false;
    }
    return true;
  }

  private readonly face: Face = {
    message: (r) => this.message(r),
    warning: (text) => this.say(text),
    comment: (_l, text) => this.say(text),
  };

  private *say(text: string): Task<void> {
    yield* this.p.out(`;; ${text}\n`);
  }

  private *message(r: Reply): Task<void> {
    const { msg, lookup } = r;
    this.reached = true;
    let out = '';
    const first = !this.defaultLookups || lookup.type === DNS_TYPES.A;
    if (first) out += `Server:\t\t${r.server.shown}\nAddress:\t${formatIp(r.server.addr)}#${lookup.port}\n\n`;
    if (this.debug) out += detailText(r);
    const rcode = dnsRcode(msg.flags);
    if (rcode !== 0) {
      this.failed = 1;
      yield* this.p.out(`${out}** server can't find ${r.name}: ${rcodeName(rcode)}\n`);
      return;
    }
    if (this.defaultLookups && lookup.type === DNS_TYPES.A) {
      this.queue.push({ ...lookup, text: chase(r), type: DNS_TYPES.AAAA, newSearch: false });
    }
    const authoritative = (msg.flags & DNS_AA) !== 0;
    if (!authoritative && first) out += 'Non-authoritative answer:\n';
    if (msg.answers.length > 0) out += msg.answers.map((a) => recordText(a, true)).join('');
    else if (this.defaultLookups && lookup.type === DNS_TYPES.A) this.answerless = true;
    else if (!this.defaultLookups || (lookup.type === DNS_TYPES.AAAA && this.answerless))
      out += `*** Can't find ${lookup.text}: No answer\n`;
    if (!authoritative && lookup.type !== DNS_TYPES.A && lookup.type !== DNS_TYPES.AAAA) {
      out += '\nAuthoritative answers can be found from:\n';
      out += [...msg.authority, ...msg.additional.filter((a) => a.type !== DNS_TYPES.OPT)].map((a) => recordText(a, false)).join('');
    }
    yield* this.p.out(out);
  }

  /** Commands from standard input. */
  *interactive(): Task<void> {
    const { p } = this;
    const prompting = p.isatty(0);
    for (;;) {
      if (prompting) yield* p.out('> ');
      const line = yield* p.readLine(0);
      if (line === null) break;
      const words = line
        .trim()
        .split(/\s+/)
        .filter((w) => w !== '');
      const [command, argument] = words;
      if (command === undefined) continue;
      if (command === 'exit') return;
      if (command === 'set') {
        for (const w of words.slice(1)) yield* this.option(w);
      } else if ((command === 'server' || command === 'lserver') && argument !== undefined) {
        if (!(yield* this.useServer(argument))) {
          this.fatal = true;
          return;
        }
        yield* this.showServers();
      } else if (command === 'server') yield* this.showServers();
      else {
        if (argument !== undefined && !(yield* this.useServer(argument))) {
          this.fatal = true;
          return;
        }
        yield* this.ask(command);
      }
    }
  }

  /** What `set all` shows below the servers. */
  private settings(): string {
    const l = this.lookup('', this.type);
    const flag = (on: boolean, name: string): string => `${on ? '' : 'no'}${name}`;
    const retry = this.tries ?? 3;
    const cls = className(this.class);
    return (
      '\nSet options:\n' +
      `  ${flag(this.tcp, 'vc').padEnd(4)}\t\t\t${flag(this.debug, 'debug')}\t\tnod2\n` +
      `  ${flag(this.search, 'search')}\t\t${flag(this.recurse, 'recurse')}\n` +
      `  timeout = ${this.timeout ?? 0}\t\tretry = ${retry}\tport = ${this.port}\tndots = ${l.ndots}\n` +
      `  querytype = ${dnsTypeName(this.type).padEnd(8)}\tclass = ${cls}\n` +
      `  srchlist = ${l.searchList.join('/')}\n`
    );
  }

  private *showServers(): Task<void> {
    for (const s of this.servers) yield* this.p.out(`Default server: ${s.shown}\nAddress: ${formatIp(s.addr)}#${this.port}\n`);
  }
}

/** The whole message, as `set debug` shows it. */
function detailText({ msg }: Reply): string {
  const sections: [string, DnsRecord[]][] = [
    ['ANSWERS', msg.answers],
    ['AUTHORITY RECORDS', msg.authority],
    ['ADDITIONAL RECORDS', msg.additional],
  ];
  let out = '------------\n    QUESTIONS:\n';
  for (const q of msg.questions) out += `\t${q.name === '' ? '.' : q.name}, type = ${dnsTypeName(q.type)}, class = ${className(q.class)}\n`;
  for (const [title, records] of sections) {
    out += `    ${title}:\n`;
    for (const r of records.filter((x) => x.type !== DNS_TYPES.OPT)) {
      const data = soaLines(r) ?? `\t${LABELS[r.type] ?? `rdata_${r.type} = `}${describeRdata(r.type, r.data)}\n`;
      out += `    ->  ${r.name === '' ? '.' : r.name}\n${data}\tttl = ${r.ttl}\n`;
    }
  }
  return `${out}------------\n`;
}

function soaLines(r: DnsRecord): string | null {
  const m = r.type === DNS_TYPES.SOA ? readName(r.data, 0) : null;
  const b = m && readName(r.data, m.next);
  if (!m || !b) return null;
  const numbers = ['serial', 'refresh', 'retry', 'expire', 'minimum'].map((k, i) => `\t${k} = ${u32(r.data, b.next + 4 * i)}\n`);
  return `\torigin = ${m.name}\n\tmail addr = ${b.name}\n${numbers.join('')}`;
}

/** The name at the end of the CNAME chain. */
export function chase(r: Reply): string {
  let name = r.name;
  for (let n = 0; n < 16; n++) {
    const alias = r.msg.answers.find((a) => a.type === DNS_TYPES.CNAME && a.name.toLowerCase() === name.toLowerCase());
    if (!alias) break;
    name = readName(alias.data, 0)?.name ?? name;
  }
  return name;
}

function recordText(r: DnsRecord, answer: boolean): string {
  const name = r.name === '' ? '.' : r.name;
  const data = describeRdata(r.type, r.data);
  if (answer && (r.type === DNS_TYPES.A || r.type === DNS_TYPES.AAAA)) return `Name:\t${name}\nAddress: ${data}\n`;
  const soa = soaLines(r);
  if (soa !== null) return `${name}\n${soa}`;
  return `${name}\t${LABELS[r.type] ?? `rdata_${r.type} = `}${data}\n`;
}

function* main(p: Process): Task<number> {
  const n = new Nslookup(p);
  let name: string | null = null;
  let interactive = true;
  for (const arg of p.argv.slice(1)) {
    if (/^-version$|^-V$/.test(arg)) {
      yield* p.err(VERSION);
      return 0;
    }
    if (arg.startsWith('-') && arg.length > 1) {
      yield* n.option(arg.slice(1));
      continue;
    }
    if (name === null) {
      name = arg;
      interactive = arg === '-';
    } else if (!(yield* n.useServer(arg))) return 1;
  }
  if (interactive || name === null) {
    yield* n.interactive();
    if (n.fatal) return 1;
  } else if (!(yield* n.ask(name))) return 1;
  yield* p.out('\n');
  return n.reached ? n.failed : 1;
}

export const nslookup: Command = { name: 'nslookup', main };
