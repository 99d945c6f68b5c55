/** dig's command line: names, types, servers, `-` and `+` options, per look-up and for all. Models bind9 bin/dig/dig.c parse_args() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { parseIp } from '../../wire/addr.ts';
import { dnsTypeNumber, reverseName } from '../../wire/dns.ts';
import { defaultServers, type Lookup, newLookup, type Server } from './dighost.ts';
import type { Show } from './render.ts';
import { HELP, USAGE } from './usage.ts';

export const DIG_VERSION = '9.18.49-1~deb12u3-Debian';
const CLASS_NUMBERS: Record<string, number> = { IN: 1, CH: 3, CHAOS: 3, HS: 4, HESIOD: 4, ANY: 255 };

export interface DigQuery {
  lookup: Lookup;
  show: Show;
  /** +qr. */
  showQuery: boolean;
  typeSet: boolean;
  /** +tcp or +notcp was given. */
  transportSet: boolean;
}

/** +option names in full, as dig accepts them shortened. */
const PLUS = [
  'aaflag',
  'aaonly',
  'additional',
  'adflag',
  'all',
  'answer',
  'authority',
  'badcookie',
  'besteffort',
  'bufsize',
  'cdflag',
  'class',
  'cl',
  'cmd',
  'comments',
  'cookie',
  'crypto',
  'defname',
  'dnssec',
  'do',
  'domain',
  'edns',
  'ednsflags',
  'ednsnegotiation',
  'ednsopt',
  'expandaaaa',
  'expire',
  'fail',
  'header-only',
  'https',
  'identify',
  'idnin',
  'idnout',
  'ignore',
  'keepalive',
  'keepopen',
  'mapped',
  'multiline',
  'ndots',
  'nsid',
  'nssearch',
  'onesoa',
  'opcode',
  'padding',
  'qid',
  'qr',
  'question',
  'raflag',
  'rdflag',
  'recurse',
  'retry',
  'rrcomments',
  'search',
  'short',
  'showallmessages',
  'showsearch',
  'split',
  'stats',
  'subnet',
  'tcflag',
  'tcp',
  'time',
  'timeout',
  'tls',
  'trace',
  'tries',
  'ttlid',
  'ttlunits',
  'unexpected',
  'unknownformat',
  'vc',
  'yaml',
  'zflag',
];
const NOT_EMULATED = ['trace', 'nssearch', 'https', 'tls', 'yaml', 'subnet', 'ednsopt', 'opcode', 'header-only', 'unknownformat'];
const IGNORED = [
  'badcookie',
  'besteffort',
  'crypto',
  'ednsflags',
  'ednsnegotiation',
  'expandaaaa',
  'expire',
  'idnin',
  'idnout',
  'keepalive',
  'keepopen',
  'mapped',
  'onesoa',
  'padding',
  'qid',
  'raflag',
  'rrcomments',
  'showallmessages',
  'split',
  'tcflag',
  'unexpected',
  'zflag',
];

/** Thrown away as soon as it is printed: the text and the exit status. */
export interface Stop {
  out?: string;
  err?: string;
  code: number;
}

export class DigParser {
  private readonly p: Process;
  /** Options of every look-up, whatever their place. */
  private readonly all = { short: false, cmd: true };
  private readonly defaults: DigQuery;
  private current: DigQuery;
  private readonly queries: DigQuery[] = [];
  private servers: Server[] | null = null;
  private family: 4 | 6 | null = null;
  private port = 53;
  private first = true;

  constructor(p: Process) {
    this.p = p;
    const lookup = { ...newLookup(p, ''), edns: 0, cookie: true, ad: true };
    this.defaults = {
      lookup,
      typeSet: false,
      transportSet: false,
      showQuery: false,
      show: {
        short: false,
        cmd: true,
        comments: true,
        question: true,
        answer: true,
        authority: true,
        additional: true,
        stats: true,
        ttl: true,
        class: true,
        multiline: false,
        identify: false,
        ttlUnits: false,
      },
    };
    this.current = this.defaults;
  }

  *parse(): Task<DigQuery[] | Stop> {
    const args = this.p.argv.slice(1);
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as string;
      if (arg.startsWith('@')) {
        const stop = yield* this.server(arg.slice(1));
        if (stop) return stop;
      } else if (arg.startsWith('+')) {
        const stop = this.plus(arg.slice(1));
        if (stop) return stop;
      } else if (arg.startsWith('-') && arg.length > 1) {
        const r = yield* this.dash(arg, args[i + 1]);
        if (typeof r === 'object') return r;
        i += r;
      } else this.word(arg);
    }
    if (this.queries.length === 0) {
      const q = this.add('.');
      if (!this.defaults.typeSet) q.lookup.type = 2;
    }
    for (const q of this.queries) {
      const { family } = this;
      const servers = this.servers ?? defaultServers(this.p, family);
      q.lookup.servers = family ? servers.filter((s) => (typeof s.addr === 'number' ? 4 : 6) === family) : servers;
      q.lookup.port = this.port;
      if (q.lookup.type === 255 && !q.transportSet) q.lookup.tcp = true;
      q.show.short = this.all.short;
      q.show.cmd = this.all.cmd;
    }
    return this.queries;
  }

  /** A bare word: a type, a class, or a name to ask for. */
  private word(arg: string): void {
    const type = this.current.typeSet && this.queries.length === 0 ? null : dnsTypeNumber(arg);
    if (type !== null && !/^ixfr$|^axfr$/i.test(arg)) {
      this.current.lookup.type = type;
      this.current.typeSet = true;
      return;
    }
    const cls = CLASS_NUMBERS[arg.toUpperCase()];
    if (cls !== undefined) {
      this.current.lookup.class = cls;
      return;
    }
    this.add(arg);
  }

  private add(name: string): DigQuery {
    const d = this.defaults;
    const q: DigQuery = { ...d, lookup: { ...d.lookup, text: name }, show: { ...d.show } };
    this.queries.push(q);
    this.current = q;
    if (this.first) q.lookup.cmdline = this.greeting();
    this.first = false;
    return q;
  }

  private greeting(): string {
    if (!this.all.cmd) return '';
    const words = this.p.argv
      .slice(1)
      .map((a) => ` ${a}`)
      .join('');
    const found = this.servers ? `; (${this.servers.length} server${this.servers.length === 1 ? '' : 's'} found)\n` : '';
    return `\n; <<>> DiG ${DIG_VERSION} <<>>${words}\n${found};; global options:${this.all.short ? ' +short' : ''} +cmd\n`;
  }

  private *server(name: string): Task<Stop | null> {
    const literal = parseIp(name);
    if (literal !== null) {
      this.servers = [...(this.servers ?? []), { addr: literal, shown: name }];
      return null;
    }
    const r = yield* getaddrinfo(this.p, name, { addrConfig: true, ...(this.family ? { family: this.family } : {}) });
    if (!r.ok) {
      const why = r.error === 'EAI_NONAME' || r.error === 'EAI_NODATA' ? 'not found' : 'failure';
      return { err: `dig: couldn't get address for '${name}': ${why}\n`, code: 1 };
    }
    this.servers = [...(this.servers ?? []), ...r.addrs.map((addr) => ({ addr, shown: name }))];
    return null;
  }

  /** How many further words it used up, or why to stop. */
  private *dash(arg: string, following: string | undefined): Task<number | Stop> {
    const letter = arg[1] as string;
    switch (letter) {
      case '4':
      case '6':
        this.family = letter === '4' ? 4 : 6;
        return 0;
      case 'h':
        return { out: HELP, code: 0 };
      case 'v':
        return { err: `DiG ${DIG_VERSION}\n`, code: 0 };
      case 'm':
      case 'r':
      case 'u':
        return 0;
    }
    if (!'bcfkpqtxy'.includes(letter)) return { err: `Invalid option: ${arg}\n${USAGE}`, code: 1 };
    const value = arg.length > 2 ? arg.slice(2) : following;
    if (value === undefined) return { err: `Invalid option: ${arg}\n${USAGE}`, code: 1 };
    const used = arg.length > 2 ? 0 : 1;
    switch (letter) {
      case 'p': {
        const n = Number(value);
        if (!/^\d+$/.test(value) || n > 65535) {
          const why = /^\d+$/.test(value) ? 'out of range' : 'not a valid number';
          return { out: `invalid port number '${value}': ${why}\n`, err: "dig: Couldn't parse port number\n", code: 1 };
        }
        this.port = n;
        return used;
      }
      case 'q':
        this.add(value);
        return used;
      case 't': {
        const type = dnsTypeNumber(value);
        if (type === null) yield* this.p.err(`;; Warning, ignoring invalid type ${value}\n`);
        else {
          this.current.lookup.type = type;
          this.current.typeSet = true;
        }
        return used;
      }
      case 'c': {
        const cls = CLASS_NUMBERS[value.toUpperCase()];
        if (cls === undefined) yield* this.p.err(`;; Warning, ignoring invalid class ${value}\n`);
        else this.current.lookup.class = cls;
        return used;
      }
      case 'x': {
        const addr = parseIp(value);
        const q = this.add(addr !== null ? reverseName(addr) : `${value.split('.').reverse().join('.')}.in-addr.arpa`);
        q.lookup.type = 12;
        q.typeSet = true;
        return used;
      }
    }
    return { err: `dig: option -${letter} is not emulated\n`, code: 1 };
  }

  private plus(text: string): Stop | null {
    const [word, value] = text.includes('=') ? [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] : [text, undefined];
    const bad = { err: `Invalid option: +${text}\n${USAGE}`, code: 1 };
    const lookUp = (w: string): string | undefined => PLUS.find((n) => n === w) ?? PLUS.find((n) => w !== '' && n.startsWith(w));
    const state = !word.startsWith('no');
    const name = lookUp(state ? word : word.slice(2));
    if (name === undefined) return bad;
    if (NOT_EMULATED.includes(name) && state) return { err: `dig: +${name} is not emulated\n`, code: 1 };
    if (IGNORED.includes(name) || NOT_EMULATED.includes(name)) return null;
    const { lookup: l, show: s } = this.current;
    const number = (): number => (value !== undefined && /^\d+$/.test(value) ? Number(value) : Number.NaN);
    const wrong = (what: string): Stop => ({
      out: `invalid ${what} '${value ?? ''}': not a valid number\n`,
      err: `dig: Couldn't parse ${what}\n`,
      code: 10,
    });
    switch (name) {
      case 'short':
        this.all.short = state;
        if (state) {
          this.all.cmd = false;
          Object.assign(s, { additional: false, answer: true, authority: false, question: false, comments: false, stats: false });
        }
        return null;
      case 'all':
        this.all.cmd = state;
        Object.assign(s, { question: state, authority: state, answer: state, additional: state, comments: state, stats: state });
        return null;
      case 'cmd':
        this.all.cmd = state;
        return null;
      case 'comments':
      case 'question':
      case 'answer':
      case 'authority':
      case 'additional':
      case 'stats':
      case 'multiline':
      case 'identify':
      case 'class':
        s[name] = state;
        return null;
      case 'cl':
        s.class = state;
        return null;
      case 'ttlid':
        s.ttl = state;
        return null;
      case 'ttlunits':
        s.ttlUnits = state;
        if (state) s.ttl = true;
        return null;
      case 'aaflag':
      case 'aaonly':
        l.aa = state;
        return null;
      case 'adflag':
        l.ad = state;
        return null;
      case 'cdflag':
        l.cd = state;
        return null;
      case 'recurse':
      case 'rdflag':
        l.recurse = state;
        return null;
      case 'tcp':
      case 'vc':
        l.tcp = state;
        this.current.transportSet = true;
        return null;
      case 'ignore':
        l.ignoreTruncation = state;
        return null;
      case 'fail':
        l.servfailStops = state;
        return null;
      case 'qr':
        this.current.showQuery = state;
        return null;
      case 'search':
      case 'defname':
        l.search = state;
        return null;
      case 'showsearch':
        l.showSearch = state;
        l.search = state;
        return null;
      case 'cookie':
        l.cookie = state;
        if (state && l.edns === null) l.edns = 0;
        return null;
      case 'dnssec':
      case 'do':
        l.dnssec = state;
        if (state && l.edns === null) l.edns = 0;
        return null;
      case 'nsid':
        l.nsid = state;
        if (state && l.edns === null) l.edns = 0;
        return null;
      case 'edns':
        if (state && value !== undefined && Number.isNaN(number())) return wrong('edns');
        l.edns = state ? (value === undefined ? 0 : number()) : null;
        return null;
      case 'bufsize':
        if (state && value !== undefined && Number.isNaN(number())) return wrong('buffer size');
        l.bufsize = state && value !== undefined ? number() : 1232;
        if (state && l.edns === null) l.edns = 0;
        return null;
      case 'domain':
        if (value === undefined) return bad;
        l.searchList = [value];
        l.search = true;
        return null;
      case 'ndots':
        if (Number.isNaN(number())) return wrong('ndots');
        l.ndots = number();
        return null;
      case 'retry':
        if (Number.isNaN(number())) return wrong('retries');
        l.tries = number() + 1;
        return null;
      case 'tries':
        if (Number.isNaN(number())) return wrong('tries');
        l.tries = Math.max(1, number());
        return null;
      case 'time':
      case 'timeout':
        if (Number.isNaN(number())) return wrong('timeout');
        l.timeout = Math.max(1, number());
        return null;
    }
    return bad;
  }
}
