/** nft's input as tokens that remember where they stood, and errors that point there. Models nftables/src/scanner.l */

import type { xt } from '../../os/uapi.ts';

export type Loc = xt.Loc;

/** `string` names and addresses, `number`, `quoted`, `punct`, `newline`, `end`. */
export type TokenKind = 'string' | 'number' | 'quoted' | 'punct' | 'newline' | 'end';

export interface Token extends Loc {
  readonly kind: TokenKind;
  readonly text: string;
  readonly source: Source;
}

/** A file or the command line; locations are lines and columns in it. */
export interface Source {
  /** Null: the command line. */
  readonly name: string | null;
  readonly lines: readonly string[];
  /** Place of the include statement. */
  readonly included: { readonly source: Source; readonly loc: Loc } | null;
}

export interface Place extends Loc {
  readonly source?: Source;
}

export class NftError extends Error {
  readonly at: Place;
  /** Operands that the message is about, underlined with `~`. */
  readonly about: readonly Loc[];

  constructor(message: string, at: Place, about: readonly (Loc | null | undefined)[] = []) {
    super(message);
    this.at = at;
    this.about = about.filter((l): l is Loc => l !== null && l !== undefined);
  }
}

const MAC = /(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}(?![0-9a-fA-F:])/y;
const IP6 = /(?:[0-9a-fA-F]{0,4}:){2,8}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{1,4})?(?![0-9a-zA-Z_:])/y;
const IP4 = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![0-9A-Za-z.])/y;
const CLASSID = /[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}(?=[\s:\-},]|$)/y;
const SPECIAL = /8021(?:q|ad)(?![0-9A-Za-z])/y;
const TIME = /(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?(?![0-9A-Za-z])/y;
const NUMBER = /0x[0-9a-fA-F]+|\d+/y;
const STRING = /\\\*|(?:[A-Za-z]|[_.](?=[A-Za-z0-9_/.-]))(?:[A-Za-z0-9/\-_.]|\\\*)*\*?/y;
const PUNCT = /==|!=|<=|>=|<<|>>|[{}[\]();,:=<>&|^!@$+*./-]/y;
const WORDS: Readonly<Record<string, string>> = {
  eq: '==',
  ne: '!=',
  lt: '<',
  gt: '>',
  le: '<=',
  ge: '>=',
  and: '&',
  or: '|',
  xor: '^',
  not: '!',
  lshift: '<<',
  rshift: '>>',
};

export function sourceOf(text: string, name: string | null, included: Source['included'] = null): Source {
  return { name, lines: text.split('\n'), included };
}

function scan(line: string, at: number): { kind: TokenKind; text: string; length: number } | null {
  const tries: readonly (readonly [RegExp, TokenKind])[] = [
    [MAC, 'string'],
    [IP6, 'string'],
    [IP4, 'string'],
    [CLASSID, 'string'],
    [SPECIAL, 'string'],
    [TIME, 'string'],
    [NUMBER, 'number'],
    [STRING, 'string'],
    [PUNCT, 'punct'],
  ];
  for (const [re, kind] of tries) {
    re.lastIndex = at;
    const m = re.exec(line);
    if (!m || m[0] === '') continue;
    if (re === IP6 && !m[0].includes('::') && m[0].split(':').length !== 8 && !m[0].includes('.')) continue;
    const word = WORDS[m[0]];
    if (kind === 'string' && word) return { kind: 'punct', text: word, length: m[0].length };
    return { kind, text: m[0], length: m[0].length };
  }
  return null;
}

interface Run {
  readonly hits: readonly { readonly kind: TokenKind; readonly text: string; readonly at: number; readonly length: number }[];
  readonly length: number;
}

/** Runs of letters between blanks come again and again: their tokens are remembered. */
const runs = new Map<string, Run>();
const MAX_RUNS = 50_000;
const MAX_RUN = 200;
const RUN = /[^\s"#\\]+/y;

/** Tokens up to the next blank; null when there is more to it than tokens. */
function run(line: string, at: number): Run | null {
  RUN.lastIndex = at;
  const word = RUN.exec(line)?.[0];
  if (word === undefined || word.length > MAX_RUN || /["#\\]/.test(line[at + word.length] ?? '')) return null;
  const before = runs.get(word);
  if (before) return before;
  const hits: Run['hits'][number][] = [];
  for (let i = 0; i < word.length; ) {
    const hit = scan(word, i);
    if (!hit) return null;
    hits.push({ kind: hit.kind, text: hit.text, at: i, length: hit.length });
    i += hit.length;
  }
  if (runs.size >= MAX_RUNS) runs.clear();
  const made = { hits, length: word.length };
  runs.set(word, made);
  return made;
}

export function tokens(source: Source): Token[] {
  const out: Token[] = [];
  let joined = false;
  for (const [line, text] of source.lines.entries()) {
    let at = 0;
    joined = false;
    while (at < text.length) {
      const c = text[at] as string;
      if (c === ' ' || c === '\t' || c === '\r') {
        at++;
        continue;
      }
      if (c === '#') break;
      if (c === '\\' && at === text.trimEnd().length - 1) {
        joined = true;
        break;
      }
      if (c === '"') {
        const end = text.indexOf('"', at + 1);
        if (end < 0) throw new NftError('syntax error, unexpected junk', { line, from: at, to: at + 1, source });
        out.push({ kind: 'quoted', text: text.slice(at + 1, end), line, from: at, to: end + 1, source });
        at = end + 1;
        continue;
      }
      const known = run(text, at);
      if (known !== null) {
        for (const hit of known.hits)
          out.push({ kind: hit.kind, text: hit.text, line, from: at + hit.at, to: at + hit.at + hit.length, source });
        at += known.length;
        continue;
      }
      const hit = scan(text, at);
      if (!hit) throw new NftError('syntax error, unexpected junk', { line, from: at, to: at + 1, source });
      out.push({ kind: hit.kind, text: hit.text, line, from: at, to: at + hit.length, source });
      at += hit.length;
    }
    if (!joined) out.push({ kind: 'newline', text: '\n', line, from: text.length, to: text.length + 1, source });
  }
  // The end of a command line is told at its begin.
  const line = source.name === null ? 0 : Math.max(0, source.lines.length - 1);
  out.push({ kind: 'end', text: '', line, from: 0, to: 1, source });
  return out;
}

/** `Error: …`, the line, and carets under the place. */
export function errorText(e: NftError, fallback: Source): string {
  const source = e.at.source ?? fallback;
  // The end of a file is shown with the line before it.
  const line = source.lines[e.at.line] || (e.at.line > 0 && e.at.from === 0 ? source.lines[e.at.line - 1] : '') || '';
  let place = '';
  if (source.included) {
    for (let s: Source = source; s.included; s = s.included.source) {
      const { loc } = s.included;
      place = `In file included from ${s.included.source.name ?? 'internal'}:${loc.line + 1}:${loc.from + 1}-${loc.to}:\n${place}`;
    }
  }
  const to = Math.max(e.at.from + 1, e.at.to);
  if (source.name !== null) place += `${source.name}:${e.at.line + 1}:${e.at.from + 1}-${to}: `;
  const marks: string[] = [];
  for (const l of e.about) if (l.line === e.at.line) for (let i = l.from; i < l.to; i++) marks[i] = '~';
  for (let i = e.at.from; i < to; i++) marks[i] = '^';
  let carets = '';
  for (let i = 0; i < marks.length; i++) carets += marks[i] ?? (line[i] === '\t' ? '\t' : ' ');
  return `${place}Error: ${e.message}\n${line}\n${carets}\n`;
}

/** Words that the scanner knows: an unexpected one is named, any other is a `string`. */
const KEYWORDS = new Set(
  'accept drop continue return jump goto queue table tables chain chains rule set sets element map maps flowtable flowtables handle ruleset trace inet netdev add replace update create insert delete get list reset flush rename import export monitor describe destroy all to position comment constant interval dynamic auto-merge timeout gc-interval elements expires policy memory performance size flow offload meter meters counter counters quota quotas limit limits rate burst over until used second minute hour day week bytes packets name log prefix level flags group snaplen queue-threshold reject with reset snat dnat masquerade redirect random fully-random persistent tproxy dup fwd notrack synproxy mss wscale timestamp sack-perm ether saddr daddr type vlan id cfi dei pcp arp htype ptype hlen plen operation ip version hdrlength dscp ecn length frag-off ttl protocol checksum icmp code sequence gateway mtu igmp mrt ip6 priority flowlabel nexthdr hoplimit icmpv6 parameter-problem max-delay ah reserved spi esp comp flags cpi udp sport dport csumcov udplite sctp chunk vtag tcp ackseq doff window urgptr option dccp th hbh rt rt0 rt2 srh seg-left addr last-entry tag sid dst mh frag reserved2 more-fragments exthdr meta mark iif iifname iiftype oif oifname oiftype skuid skgid nftrace rtclassid ibriport obriport ibridgename obridgename pkttype cpu iifgroup oifgroup cgroup time classid nexthop ct l3proto proto-src proto-dst zone direction event expectation expiration helper label state status original reply both avgpkt numgen inc mod offset jhash symhash seed last never fib osf socket transparent wildcard cgroupv2 ipsec reqid spnum in out hook device devices include define redefine undef variable exists missing bypass fanout typeof map vmap ll nh ih secmark'.split(
    ' ',
  ),
);

/** Words that can never be names. */
const RESERVED = new Set(
  'table tables chain chains rule set sets element map maps flowtable flowtables handle ruleset add replace update create insert delete get list reset flush rename monitor describe accept drop continue return jump goto comment counter counters quota quotas limit limits log reject snat dnat masquerade redirect queue fwd dup tproxy synproxy notrack iif oif iifname oifname skuid skgid pkttype cpu hour day hook device devices policy priority type typeof vmap define include rt hbh frag mh exthdr fib numgen jhash symhash socket osf saddr daddr sport dport protocol length flags timeout elements size memory reset with name ip ip6 inet arp netdev tcp udp udplite sctp dccp icmp icmpv6 ether vlan esp ah comp meta ct mark'.split(
    ' ',
  ),
);

const PUNCT_NAMES: Readonly<Record<string, string>> = {
  ',': 'comma',
  ':': 'colon',
  ';': 'semicolon',
  '\n': 'newline',
  '{': "'{'",
  '}': "'}'",
  '[': "'['",
  ']': "']'",
  '(': "'('",
  ')': "')'",
  $: "'$'",
  '=': "'='",
};

/** Reads tokens in order. */
export class Cursor {
  readonly list: Token[];
  at = 0;

  constructor(list: Token[]) {
    this.list = list;
  }

  /** True at the end of a line; a newline is a separator, but not inside braces. */
  get newline(): boolean {
    return this.token.kind === 'newline';
  }

  get token(): Token {
    return (this.list[this.at] ?? this.list[this.list.length - 1]) as Token;
  }

  get previous(): Token {
    return (this.list[Math.max(0, this.at - 1)] ?? this.token) as Token;
  }

  get done(): boolean {
    return this.token.kind === 'end';
  }

  /** True at the end of a command or statement list. */
  get end(): boolean {
    const t = this.token;
    return t.kind === 'end' || t.kind === 'newline' || (t.kind === 'punct' && (t.text === ';' || t.text === '}'));
  }

  peek(n = 1): Token {
    return (this.list[this.at + n] ?? this.list[this.list.length - 1]) as Token;
  }

  next(): Token {
    const t = this.token;
    if (t.kind !== 'end') this.at++;
    return t;
  }

  is(text: string): boolean {
    const t = this.token;
    return t.kind !== 'quoted' && t.kind !== 'end' && t.text === text;
  }

  isAny(texts: readonly string[]): boolean {
    return this.token.kind !== 'quoted' && this.token.kind !== 'end' && texts.includes(this.token.text);
  }

  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  /** The texts in order, or nothing. */
  takeAll(...texts: string[]): boolean {
    for (const [i, t] of texts.entries()) {
      const token = this.peek(i);
      if (token.kind === 'quoted' || token.text !== t) return false;
    }
    this.at += texts.length;
    return true;
  }

  expect(text: string, expecting: string | null = PUNCT_NAMES[text] ?? text): Token {
    if (!this.is(text)) this.unexpected(expecting);
    return this.next();
  }

  /** A name: anything but punctuation. */
  word(expecting: string | null = 'string'): Token {
    const { kind } = this.token;
    if (kind !== 'string' && kind !== 'number' && kind !== 'quoted') this.unexpected(expecting);
    return this.next();
  }

  /** A name of a table, chain, set …: words of the language are none. */
  name(expecting: string | null = 'string'): Token {
    if (this.token.kind !== 'string' || RESERVED.has(this.token.text)) this.unexpected(expecting);
    return this.next();
  }

  number(expecting: string | null = 'number'): number {
    const t = this.token;
    if (t.kind !== 'number') this.unexpected(expecting);
    this.at++;
    return Number(t.text.length > 1 && /^0[0-7]+$/.test(t.text) ? `0o${t.text}` : t.text);
  }

  string(expecting: string | null = 'string'): string {
    return this.word(expecting).text;
  }

  /** Newlines and stray semicolons. */
  skipNewlines(): void {
    while (this.token.kind === 'newline' || this.is(';')) this.at++;
  }

  span(from: Loc): Loc {
    const last = this.previous;
    return last.line === from.line ? { line: from.line, from: from.from, to: Math.max(last.to, from.to) } : { ...from };
  }

  unexpected(expecting: string | null = null): never {
    const t = this.token;
    let what = 'string';
    if (t.kind === 'end') what = 'end of file';
    else if (t.kind === 'newline') what = 'newline';
    else if (t.kind === 'number') what = 'number';
    else if (t.kind === 'quoted') what = 'quoted string';
    else if (t.kind === 'punct') what = PUNCT_NAMES[t.text] ?? t.text;
    else if (KEYWORDS.has(t.text)) what = t.text;
    throw new NftError(`syntax error, unexpected ${what}${expecting === null ? '' : `, expecting ${expecting}`}`, t);
  }
}

/** A word of the language wherever it stands. */
export const isKeyword = (text: string): boolean => KEYWORDS.has(text);

export function locOf(t: Token): Loc {
  return { line: t.line, from: t.from, to: t.to };
}

export function join(a: Loc, b: Loc): Loc {
  return a.line === b.line ? { line: a.line, from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) } : a;
}

/** From a token to the last one that was read. */
export function span(c: Cursor, from: Token): Loc {
  return join(locOf(from), locOf(c.previous));
}
