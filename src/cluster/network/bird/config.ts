/** bird.conf: device, kernel and BGP protocols, templates, logs. Models BIRD 2.0.12 conf/ and proto/bgp/config.Y */

import { parseIp4 } from '../../../wire/addr.ts';

export interface DeviceProtocol {
  readonly kind: 'device';
  readonly name: string;
}

export interface KernelProtocol {
  readonly kind: 'kernel';
  readonly name: string;
  exports: boolean;
  /** So many equal routes become one with several next hops; 1: none do. */
  merge: number;
  /** Routes stay when the daemon ends. */
  persist: boolean;
}

export interface BgpProtocol {
  readonly kind: 'bgp';
  readonly name: string;
  description: string;
  as: number | null;
  source: number | null;
  neighbor: number | null;
  peerAs: number | null;
  passive: boolean;
  /** s. */
  hold: number;
  connectDelay: number;
  errorWait: number;
  channel: boolean;
  imports: boolean | null;
  exports: boolean | null;
}

export type Protocol = DeviceProtocol | KernelProtocol | BgpProtocol;

export interface Config {
  routerId: number | null;
  readonly logs: ('stderr' | 'syslog')[];
  readonly protocols: Protocol[];
}

/** Line and column as BIRD counts them, and what is wrong. */
export class ConfigError extends Error {}

interface Token {
  readonly text: string;
  readonly kind: 'word' | 'number' | 'ip' | 'text' | 'punct' | 'end';
  readonly line: number;
  readonly column: number;
}

const SYNTAX = /\s+|#[^\n]*|\/\*[\s\S]*?\*\/|"[^"\n]*"|\d+\.\d+\.\d+\.\d+|\d+|[A-Za-z_][\w]*|./g;

/** Words of BIRD's grammar that mean something here which is not emulated; what is not among them is no word of BIRD's. */
const BIRD_WORDS = new Set(
  `add advertise aggregate allow as authentication babel bfd capability check cluster confederation connect debug default define
  direct disable disabled dynamic eval eth enable enforce error ether export extended filter flush forget function gateway graceful hostname igp import
  include interface interpret ipv4 ipv6 keepalive learn limit link llgr local long lived med metric mpls mrtdump multihop next path
  neighbor ospf paths password perf pipe port preference prefer prefix protocol radv range receive reload require restart rip rpki
  route rr rs secondary setkey show sorted static strict table tables template test timeformat tx ttl version vrf watchdog where`.split(
    /\s+/,
  ),
);

function tokens(text: string): Token[] {
  const out: Token[] = [];
  let line = 1;
  let column = 1;
  for (const [piece] of text.matchAll(SYNTAX)) {
    const at = { line, column };
    if (!/^(\s|#|\/\*)/.test(piece)) {
      const kind = piece.startsWith('"')
        ? 'text'
        : /^\d+\./.test(piece)
          ? 'ip'
          : /^\d/.test(piece)
            ? 'number'
            : /^\w/.test(piece)
              ? 'word'
              : 'punct';
      out.push({ text: piece, kind, ...at });
    }
    const rows = piece.split('\n');
    line += rows.length - 1;
    column = rows.length > 1 ? (rows.at(-1) as string).length + 1 : column + piece.length;
  }
  out.push({ text: '', kind: 'end', line, column });
  return out;
}

const LIMIT_OF_MERGED = 16;

function blankBgp(name: string): BgpProtocol {
  return {
    kind: 'bgp',
    name,
    description: '',
    as: null,
    source: null,
    neighbor: null,
    peerAs: null,
    passive: false,
    hold: 240,
    connectDelay: 5,
    errorWait: 60,
    channel: false,
    imports: null,
    exports: null,
  };
}

class Reader {
  readonly config: Config = { routerId: null, logs: [], protocols: [] };
  private readonly list: readonly Token[];
  private at = 0;
  private readonly templates = new Map<string, BgpProtocol>();
  private readonly counts = new Map<string, number>();

  constructor(text: string) {
    this.list = tokens(text);
  }

  private get next(): Token {
    return this.list[this.at] as Token;
  }

  private fail(what: string, token = this.next): never {
    throw new ConfigError(`${token.line}:${token.column} ${what}`);
  }

  private unexpected(expecting = ''): never {
    const t = this.next;
    const rest = expecting === '' ? '' : `, expecting ${expecting}`;
    if (t.kind === 'word' && BIRD_WORDS.has(t.text) && expecting === '') this.fail(`"${t.text}" is not emulated here`);
    const name =
      t.kind === 'end' ? 'END' : t.kind === 'word' ? 'CF_SYM_UNDEFINED' : t.kind === 'punct' ? `'${t.text}'` : t.kind.toUpperCase();
    return this.fail(`syntax error, unexpected ${name}${rest}`);
  }

  /** Takes the words when they come next. */
  private take(...words: readonly string[]): boolean {
    if (!words.every((w, i) => this.list[this.at + i]?.text === w)) return false;
    this.at += words.length;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) this.unexpected(`'${text}'`);
  }

  private number(least = 0, most = 0xffffffff, what = 'Value'): number {
    if (this.next.kind !== 'number') this.unexpected();
    const n = Number(this.next.text);
    this.at++;
    if (n < least || n > most) this.fail(`${what} must be in range ${least}-${most}`);
    return n;
  }

  private address(): number {
    const ip = this.next.kind === 'ip' ? parseIp4(this.next.text) : null;
    if (ip === null) this.unexpected();
    this.at++;
    return ip as number;
  }

  private truth(): boolean {
    if (this.take('off') || this.take('no')) return false;
    return this.take('on') || this.take('yes') || true;
  }

  read(): Config {
    while (this.next.kind !== 'end') this.statement();
    return this.config;
  }

  private statement(): void {
    if (this.take(';')) return;
    if (this.take('log')) this.log();
    else if (this.take('router', 'id')) {
      this.config.routerId = this.next.kind === 'number' ? this.number() : this.address();
      this.expect(';');
    } else if (this.take('protocol')) this.protocol();
    else if (this.take('template')) this.template();
    else this.unexpected();
  }

  private log(): void {
    const to = this.next.text;
    if (to !== 'stderr' && to !== 'syslog') this.unexpected();
    this.at++;
    if (!this.take('all')) this.fail('classes of messages other than "all" are not emulated');
    this.expect(';');
    this.config.logs.push(to as 'stderr' | 'syslog');
  }

  private template(): void {
    if (!this.take('bgp')) this.fail('templates of protocols other than bgp are not emulated');
    const name = this.word();
    const made = blankBgp(name);
    this.bgp(made);
    this.templates.set(name, made);
  }

  private word(): string {
    if (this.next.kind !== 'word') this.unexpected();
    const { text } = this.next;
    this.at++;
    return text;
  }

  private protocol(): void {
    const { text: kind } = this.next;
    if (kind !== 'device' && kind !== 'kernel' && kind !== 'bgp') {
      if (/^(babel|bfd|direct|mrt|ospf|perf|pipe|radv|rip|rpki|static)$/.test(kind)) this.fail(`protocol ${kind} is not emulated`);
      this.unexpected();
    }
    this.at++;
    let name = '';
    if (this.next.kind === 'word' && this.next.text !== 'from') name = this.word();
    else {
      const n = (this.counts.get(kind) ?? 0) + 1;
      this.counts.set(kind, n);
      name = `${kind}${n}`;
    }
    const { protocols } = this.config;
    if (protocols.some((p) => p.name === name)) this.fail(`Protocol ${name} already defined`);
    if (kind === 'device') {
      this.block(() => this.take('scan', 'time') && this.number() >= 0);
      protocols.push({ kind, name });
    } else if (kind === 'kernel') protocols.push(this.kernel(name));
    else protocols.push(this.neighbor(name));
  }

  /** `{ item; item; }`; `item` says whether it knew what came next. */
  private block(item: () => boolean): void {
    this.expect('{');
    while (!this.take('}')) {
      if (this.take(';')) continue;
      if (!item()) this.unexpected();
      this.expect(';');
    }
    this.take(';');
  }

  /** `ipv4 { import …; export …; }`; `set` is told what each lets through. */
  private channel(set: (direction: 'import' | 'export', all: boolean) => void): boolean {
    if (!this.take('ipv4')) return false;
    if (!this.take('{')) return true;
    while (!this.take('}')) {
      if (this.take(';')) continue;
      const direction = this.next.text;
      if (direction === 'import' || direction === 'export') {
        this.at++;
        if (this.take('all')) set(direction, true);
        else if (this.take('none')) set(direction, false);
        else this.fail(`${direction}: filters are not emulated, only all and none`);
      } else this.unexpected();
      this.expect(';');
    }
    return true;
  }

  private kernel(name: string): KernelProtocol {
    const made: KernelProtocol = { kind: 'kernel', name, exports: false, merge: 1, persist: false };
    this.block(() => {
      if (this.take('scan', 'time')) this.number();
      else if (this.take('persist')) made.persist = this.truth();
      else if (this.take('merge', 'paths')) {
        made.merge = this.truth() ? LIMIT_OF_MERGED : 1;
        if (this.take('limit')) made.merge = this.number(1, 255);
      } else
        return this.channel((direction, all) => {
          if (direction === 'export') made.exports = all;
        });
      return true;
    });
    return made;
  }

  private neighbor(name: string): BgpProtocol {
    let made = blankBgp(name);
    if (this.take('from')) {
      const template = this.templates.get(this.next.text);
      if (!template) this.unexpected('CF_SYM_KNOWN');
      this.at++;
      made = { ...(template as BgpProtocol), name };
    }
    if (this.next.text === '{') this.bgp(made);
    const end = this.list[Math.max(0, this.at - 1)] as Token;
    const whole = (ok: boolean, what: string): void => {
      if (!ok) this.fail(what, end.text === ';' ? (this.list[this.at - 2] as Token) : end);
    };
    whole(made.as !== null, 'Local AS number must be set');
    whole(made.neighbor !== null, 'Neighbor must be configured');
    whole(made.peerAs !== null, 'Remote AS number (or peer type) must be set');
    whole(made.as !== made.peerAs, `protocol ${name}: BGP within one AS is not emulated`);
    whole(!made.channel || made.imports !== null, 'EBGP requires explicit import policy');
    whole(!made.channel || made.exports !== null, 'EBGP requires explicit export policy');
    return made;
  }

  private bgp(made: BgpProtocol): void {
    this.block(() => {
      if (this.take('local')) {
        if (this.next.kind === 'ip') made.source = this.address();
        if (this.take('as')) made.as = this.number(1);
      } else if (this.take('neighbor')) {
        made.neighbor = this.address();
        if (this.take('as')) made.peerAs = this.number(1);
      } else if (this.take('passive')) made.passive = this.truth();
      else if (this.take('direct')) return true;
      else if (this.take('description')) {
        if (this.next.kind !== 'text') this.unexpected();
        made.description = this.next.text.slice(1, -1);
        this.at++;
      } else if (this.take('hold', 'time')) {
        made.hold = this.number();
        if (made.hold > 0 && (made.hold < 3 || made.hold > 65535)) this.fail('Hold time must be in range 3-65535 or zero');
      } else if (this.take('connect', 'delay', 'time')) made.connectDelay = this.number(1, 0xffff, 'Connect delay time');
      else if (this.take('error', 'wait', 'time')) {
        made.errorWait = this.number(1);
        this.expect(',');
        this.number(1);
      } else {
        const there = this.channel((direction, all) => {
          if (direction === 'import') made.imports = all;
          else if (all) this.fail('BGP: export all is not emulated');
          else made.exports = false;
        });
        made.channel ||= there;
        return there;
      }
      return true;
    });
  }
}

/** @throws ConfigError */
export const parseBirdConfig = (text: string): Config => new Reader(text).read();
