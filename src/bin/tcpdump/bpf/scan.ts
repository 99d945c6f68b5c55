/** The words of the filter language: text to tokens. Models libpcap's scanner.l */

import { parseIp6 } from '../../../wire/addr.ts';
import { parseMac } from '../../../wire/mac.ts';
import { NAMED } from '../names.ts';

/** Protocol qualifiers, by the words that name them. */
const PROTOS: Readonly<Record<string, string>> = Object.fromEntries([
  ...'link ether ppp slip fddi tr wlan'.split(' ').map((w) => [w, 'link']),
  ...'arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp ip6 icmp6 ah esp atalk aarp decnet lat sca moprc mopdl iso esis isis clnp stp ipx netbeui radio'
    .split(' ')
    .map((w) => [w, w]),
  ['es-is', 'esis'],
  ['is-is', 'isis'],
] as [string, string][]);
const KEYWORDS = new Set(
  'dst src host net mask port portrange proto protochain gateway type subtype direction dir address1 addr1 address2 addr2 address3 addr3 address4 addr4 ra ta less greater byte broadcast multicast and or not len length inbound outbound ifindex vlan mpls pppoed pppoes geneve lane llc metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect on ifname rset ruleset rnr rulenum srnr subrulenum reason action fisu lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls l1 l2 iih lsp snp csnp psnp'.split(
    ' ',
  ),
);
const ALIASES: Readonly<Record<string, string>> = {
  length: 'len',
  on: 'ifname',
  direction: 'dir',
  address1: 'addr1',
  address2: 'addr2',
  address3: 'addr3',
  address4: 'addr4',
  rset: 'ruleset',
  rulenum: 'rnr',
  subrulenum: 'srnr',
  lsu: 'lssu',
};

type Kind = 'key' | 'proto' | 'num' | 'id' | 'hid' | 'hid6' | 'eid' | 'sign' | 'bad' | 'end';

export interface Token {
  kind: Kind;
  text: string;
  value: number;
  /** Set when the scanner already knows what is wrong. */
  error?: string;
}

const HEX = '[0-9A-Fa-f]';
const MAC_TEXT = new RegExp(
  `^(?:${HEX}{1,2}(?::${HEX}{1,2}){5}|${HEX}{1,2}(?:-${HEX}{1,2}){5}|${HEX}{1,2}(?:\\.${HEX}{1,2}){5}|${HEX}{4}\\.${HEX}{4}\\.${HEX}{4}|${HEX}{12})`,
);
/** Fewer or more bytes than an address has: known to be wrong at once. */
const BOGUS_MAC = new RegExp(`^${HEX}{1,2}:+(?:${HEX}{1,2}:+)+`);
const NUMBER = '(?:0[xX][0-9A-Fa-f]+|[0-9]+)';
const DOTTED = new RegExp(`^${NUMBER}(?:\\.${NUMBER}){1,3}`);
const NUMBER_TEXT = new RegExp(`^${NUMBER}`);
const WORD = /^[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/;
const V6_TEXT = /^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*/;

/** flex takes the longest match, and of equals the first rule. */
function next(rest: string): { token: Token; size: number } {
  const make = (kind: Kind, text: string, more: Partial<Token> = {}): { token: Token; size: number } => ({
    token: { kind, text, value: 0, ...more },
    size: text.length,
  });
  const sign = /^(?:&&|\|\||>=|<=|!=|==|<<|>>|[-+*/%:[\]!<>()&|^=])/.exec(rest)?.[0] ?? '';
  const word = WORD.exec(rest)?.[0] ?? '';
  const mac = MAC_TEXT.exec(rest)?.[0] ?? '';
  const v6 = longestV6(rest);
  const bogus = BOGUS_MAC.exec(rest)?.[0] ?? '';
  const dotted = DOTTED.exec(rest)?.[0] ?? '';
  const number = NUMBER_TEXT.exec(rest)?.[0] ?? '';
  const longest = Math.max(word.length, mac.length, v6.length, bogus.length, dotted.length, number.length);
  if (longest > 0) {
    if (KEYWORDS.has(word) && word.length === longest) {
      const name = ALIASES[word] ?? word;
      return name === 'not'
        ? { ...make('sign', word), token: { kind: 'sign', text: '!', value: 0 } }
        : { ...make('key', word), token: { kind: 'key', text: name, value: 0 } };
    }
    const proto = PROTOS[word];
    if (proto && word.length === longest) return { token: { kind: 'proto', text: proto, value: 0 }, size: longest };
    if (mac.length === longest && mac !== '') return make('eid', mac);
    if (number.length === longest && number !== '') {
      const value = /^0[xX]/.test(number) ? Number(number) : /^0\d/.test(number) ? octal(number) : Number(number);
      if (value > 0xffffffff) return make('bad', number, { error: `number ${number} overflows 32 bits` });
      return make('num', number, { value });
    }
    if (dotted.length === longest && dotted !== '') return make('hid', dotted);
    if (v6.length === longest && v6 !== '')
      return parseIp6(v6) === null ? make('hid6', v6, { error: `bogus IPv6 address ${v6}` }) : make('hid6', v6);
    if (bogus.length === longest && bogus !== '') return make('eid', bogus, { error: `bogus ethernet address ${bogus}` });
    const named = NAMED[word];
    if (named !== undefined) return make('num', word, { value: named });
    return make('id', word);
  }
  if (sign === '&&' || sign === '||') return { token: { kind: 'key', text: sign === '&&' ? 'and' : 'or', value: 0 }, size: 2 };
  if (sign !== '') return { token: { kind: 'sign', text: sign === '==' ? '=' : sign, value: 0 }, size: sign.length };
  const escaped = /^\\[^ !()\n\t]+/.exec(rest)?.[0];
  if (escaped) return { token: { kind: 'id', text: escaped.slice(1), value: 0 }, size: escaped.length };
  return make('bad', rest.slice(0, 1));
}

/** Numbers with a leading 0 are octal; 8 and 9 in them are wrong. */
function octal(text: string): number {
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** {V6}: at least two colons, complete or with `::`. */
function longestV6(rest: string): string {
  const all = V6_TEXT.exec(rest)?.[0] ?? '';
  for (let n = all.length; n > 1; n--) {
    const text = all.slice(0, n);
    if (parseIp6(text) !== null && /[0-9A-Fa-f]/.test(rest.charAt(n)) === false) return text;
  }
  return '';
}

export function scan(text: string): Token[] {
  const tokens: Token[] = [];
  for (let rest = text; ; ) {
    rest = rest.replace(/^[ \r\n\t]+/, '');
    if (rest === '') break;
    const { token, size } = next(rest);
    if (token.kind === 'num' && Number.isNaN(token.value)) {
      token.kind = 'bad';
      token.error = `number ${token.text} contains non-octal digit`;
    }
    tokens.push(token);
    rest = rest.slice(size);
  }
  tokens.push({ kind: 'end', text: '', value: 0 });
  return tokens;
}

/** Words of Ethernet addresses in any spelling to six bytes. */
export function macBytes(text: string): Uint8Array | null {
  const digits =
    text.includes(':') || text.includes('-') || /^(?:[0-9A-Fa-f]{1,2}\.){5}/.test(text)
      ? text.split(/[-:.]/)
      : text.replaceAll('.', '').match(/../g);
  const plain = digits?.map((d) => d.padStart(2, '0')).join(':') ?? '';
  const mac = parseMac(plain);
  return mac === null ? null : Uint8Array.from(plain.split(':').map((d) => Number.parseInt(d, 16)));
}
