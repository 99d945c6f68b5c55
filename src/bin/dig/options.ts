/** dig's command line: names, types, servers, `-` and `+` options, per look-up and for all. Models bind9 bin/dig/dig.c parse_args() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { parseIp } from '../../wire/addr.ts';
import { DNS_RA, DNS_TC, DNS_TYPES, reverseName } from '../../wire/dns.ts';
import { defaultServers, type Lookup, newLookup, OPCODES, type Server } from './dighost.ts';
import { IGNORED, NOT_EMULATED, PLUS, subnetOption, typeNumber, withOption } from './plus.ts';
import type { Show } from './render.ts';
import { HELP, USAGE } from './usage.ts';

const DIG_VERSION = '9.18.49-1~deb12u3-Debian';
const CLASS_NUMBERS: Record<string, number> = { IN: 1, CH: 3, CHAOS: 3, HS: 4, HESIOD: 4, ANY: 255 };

export interface DigQuery {
  lookup: Lookup;
  show: Show;
  /** +qr. */
  showQuery: boolean;
  typeSet: boolean;
  /** +trace, +nssearch: what else than one question is meant. */
  mode: 'trace' | 'nssearch' | null;
  /** +tcp or +notcp was given. */
  transportSet: boolean;
}

/** Thrown away as soon as it is printed: the text and the exit status. */
export interface Stop {
  out?: string;
  err?: string;
  code: number;
}

const EXTRA_TYPE = ';; Warning, extra type option\n';
const Z_BIT = 0x40;

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
  private source: Lookup['source'] = null;
  private first = true;
  private batch: string | null = null;

  constructor(p: Process) {
    this.p = p;
    const lookup = { ...newLookup(p, ''), edns: 0, cookie: true, ad: true };
    this.defaults = {
      lookup,
      typeSet: false,
      transportSet: false,
      showQuery: false,
      mode: null,
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
        unknownFormat: false,
        expandAaaa: false,
        micros: false,
      },
    };
    this.current = this.defaults;
  }

  /** Words of a line of ~/.digrc or of a batch file. */
  private static words(line: string): string[] {
    return /^\s*[#;]/.test(line)
      ? []
      : line
          .trim()
          .split(/\s+/)
          .filter((w) => w !== '');
  }

  /** The command line: the look-ups, or the file with further command lines. */
  *parse(): Task<DigQuery[] | Stop | { batch: string }> {
    const given = this.p.argv.slice(1);
    const rc = given[0] === '-r' ? null : this.p.readText(`${this.p.env.get('HOME') ?? '/root'}/.digrc`);
    if (rc) {
      const quiet = yield* this.take(rc.split('\n').flatMap((l) => DigParser.words(l)));
      if (quiet) return quiet;
    }
    const stop = yield* this.take(given);
    if (stop) return stop;
    if (this.batch !== null) return { batch: this.batch };
    return this.finish();
  }

  /** One line of a batch file. */
  *line(text: string): Task<DigQuery[] | Stop> {
    const words = DigParser.words(text);
    if (words.length === 0) return [];
    this.queries.length = 0;
    this.current = this.defaults;
    const stop = yield* this.take(words);
    return stop ?? this.finish();
  }

  private *take(args: readonly string[]): Task<Stop | null> {
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
      } else yield* this.word(arg);
    }
    return null;
  }

  private finish(): DigQuery[] {
    if (this.queries.length === 0) {
      const q = this.add('.');
      if (!this.defaults.typeSet) q.lookup.type = 2;
    }
    for (const q of this.queries) {
      const { family } = this;
      const servers = this.servers ?? defaultServers(this.p, family);
      q.lookup.servers = family ? servers.filter((s) => (typeof s.addr === 'number' ? 4 : 6) === family) : servers;
      q.lookup.port = this.port;
      q.lookup.source = this.source;
      if (q.lookup.type === 255 && !q.transportSet) q.lookup.tcp = true;
      if (q.lookup.type === DNS_TYPES.AXFR || q.lookup.type === DNS_TYPES.IXFR) q.lookup.tcp = true;
      q.show.short = this.all.short;
      q.show.cmd = this.all.cmd;
    }
    return this.queries;
  }

  /** A bare word: a type, a class, or a name to ask for. */
  private *word(arg: string): Task<void> {
    const type = this.current.typeSet && this.queries.length === 0 ? null : typeNumber(arg);
    if (type !== null) {
      if (this.current.typeSet) yield* this.p.err(EXTRA_TYPE);
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
      case 'i':
        return 0;
      case 'u':
        this.current.show.micros = true;
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
        const type = typeNumber(value);
        if (type !== null && this.current.typeSet) yield* this.p.err(EXTRA_TYPE);
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
    return yield* this.rare(letter, value, used);
  }

  private *rare(letter: string, value: string, used: number): Task<number | Stop> {
    if (letter === 'b') {
      const [text, port] = value.split('#') as [string, string | undefined];
      const addr = parseIp(text);
      if (addr === null) return { err: `dig: invalid address ${text}\n`, code: 1 };
      this.source = { addr, port: Number(port ?? 0) };
      return used;
    }
    if (letter === 'f') {
      this.batch = value;
      return used;
    }
    if (letter === 'k') {
      if (this.p.stat(value).ok) return { err: 'dig: keys (-k) are not emulated\n', code: 1 };
      yield* this.p.err(`Couldn't read key from ${value}: file not found\n`);
      return used;
    }
    const parts = value.split(':');
    if (parts.length < 2) return { err: USAGE, code: 1 };
    const algorithm = parts.length > 2 ? (parts[0] as string) : 'hmac-md5';
    if (/^hmac-(md5|sha1|sha224|sha256|sha384|sha512)/i.test(algorithm)) return { err: 'dig: keys (-y) are not emulated\n', code: 1 };
    yield* this.p.err(`;; Warning, ignoring invalid TSIG algorithm ${algorithm}\n`);
    yield* this.p.out(`;; Couldn't create key ${parts[1]}: algorithm is unsupported\n`);
    return used;
  }

  private plus(text: string): Stop | null {
    const [word, value] = text.includes('=') ? [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] : [text, undefined];
    const bad = { err: `Invalid option: +${text}\n${USAGE}`, code: 1 };
    const lookUp = (w: string): string | undefined => PLUS.find((n) => n === w) ?? PLUS.find((n) => w !== '' && n.startsWith(w));
    const state = !word.startsWith('no');
    const bare = state ? word : word.slice(2);
    const name = lookUp(bare);
    // A single letter says enough for these alone.
    if (name === undefined || (bare.length === 1 && !'fpvyz'.includes(bare))) return bad;
    if (NOT_EMULATED.includes(name) && state) return { err: `dig: +${name} is not emulated\n`, code: 1 };
    if (IGNORED.includes(name) || NOT_EMULATED.includes(name)) return null;
    const { lookup: l, show: s } = this.current;
    const number = (): number => (value !== undefined && /^\d+$/.test(value) ? Number(value) : Number.NaN);
    const wrong = (what: string): Stop => ({
      out: `invalid ${what} '${value ?? ''}': ${Number.isNaN(number()) ? 'not a valid number' : 'out of range'}\n`,
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
        if (state && value !== undefined) {
          if (!/^([0-9a-f]{2})+$/i.test(value)) return { err: 'dig: isc_hex_decodestring: bad hex encoding\n', code: 1 };
          l.cookieHex = value.toLowerCase();
        }
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
        if (state && value !== undefined && !(number() <= 255)) return wrong('edns');
        l.edns = state ? (value === undefined ? 0 : number()) : null;
        return null;
      case 'bufsize':
        if (state && value !== undefined && !(number() <= 65_535)) return wrong('buffer size');
        l.bufsize = state && value !== undefined ? number() : 1232;
        if (state && l.edns === null) l.edns = 0;
        return null;
      case 'domain':
        if (value === undefined) return bad;
        l.searchList = [value];
        l.search = true;
        return null;
      case 'trace':
      case 'nssearch':
        this.current.mode = state ? name : null;
        return null;
      case 'tcflag':
        l.extraFlags = state ? l.extraFlags | DNS_TC : l.extraFlags & ~DNS_TC;
        return null;
      case 'raflag':
        l.extraFlags = state ? l.extraFlags | DNS_RA : l.extraFlags & ~DNS_RA;
        return null;
      case 'zflag':
        l.extraFlags = state ? l.extraFlags | Z_BIT : l.extraFlags & ~Z_BIT;
        return null;
      case 'ednsflags':
        l.ednsFlags = state && value !== undefined ? Number(value) & 0xffff : 0;
        return null;
      case 'unknownformat':
        s.unknownFormat = state;
        return null;
      case 'expandaaaa':
        s.expandAaaa = state;
        return null;
      case 'opcode': {
        const at = value === undefined ? -1 : OPCODES.indexOf(value.toUpperCase());
        if (state && value === undefined) return bad;
        if (state && at < 0 && !(number() <= 15)) return wrong('opcode');
        l.opcode = state ? (at >= 0 ? at : number()) : 0;
        return null;
      }
      case 'padding':
        if (state && !(number() <= 512)) return value === undefined ? bad : wrong('padding');
        l.padding = state ? number() : 0;
        return null;
      case 'expire':
      case 'keepalive':
        l.options = withOption(l.options, name === 'expire' ? 9 : 11, state ? new Uint8Array(0) : null);
        return null;
      case 'ednsopt': {
        if (!state) {
          l.options = l.options.filter((x) => x.code < 16);
          return null;
        }
        const [code, hex = ''] = (value ?? '').split(':') as [string, string | undefined];
        if (!/^\d+$/.test(code)) return { err: 'dig: ednsopt no code point specified\n', code: 1 };
        if (!/^([0-9a-f]{2})*$/i.test(hex)) return { err: 'dig: isc_hex_decodestring: bad hex encoding\n', code: 1 };
        const data = Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
        l.options = [...l.options, { code: Number(code), data }];
        return null;
      }
      case 'subnet': {
        const data = state && value !== undefined ? subnetOption(value) : null;
        if (state && !data) return value === undefined ? bad : { err: `dig: invalid address '${value}'\n`, code: 1 };
        l.options = withOption(l.options, 8, data);
        if (state && l.edns === null) l.edns = 0;
        return null;
      }
      case 'ndots':
        if (value === undefined) return bad;
        if (Number.isNaN(number())) return wrong('ndots');
        l.ndots = number();
        return null;
      case 'retry':
        if (value === undefined) return bad;
        if (Number.isNaN(number())) return wrong('retries');
        l.tries = number() + 1;
        return null;
      case 'tries':
        if (value === undefined) return bad;
        if (Number.isNaN(number())) return wrong('tries');
        l.tries = Math.max(1, number());
        return null;
      case 'time':
      case 'timeout':
        if (value === undefined) return bad;
        if (Number.isNaN(number())) return wrong('timeout');
        l.timeout = Math.max(1, number());
        return null;
    }
    return bad;
  }
}
