/** Statements of a rule from text to what the kernel runs. Models nftables/src/parser_bison.y and evaluate.c */

import { xt } from '../../os/uapi.ts';
import { type Cursor, NftError, type Token } from './lexer.ts';

export interface ParsedRule {
  statements: xt.Statement[];
  comment: string | null;
}

type Span = { from: number; to: number; line: number };

/** One value, prefix or range of a type. */
export function parseItem(t: Token, type: xt.DataType): xt.Item {
  const value = (text: string): xt.NftValue => {
    const v = type.parse(text);
    if (v === null) throw new NftError(`datatype mismatch, expected ${type.name}`, t);
    if (typeof v === 'object') throw new NftError(v.error, t);
    return v;
  };
  if (t.quoted || type.name === 'ifname' || type.name === 'iface_index') return { kind: 'value', value: t.text };
  if (type.bits !== undefined && t.text.includes('/')) {
    const [addr, len] = t.text.split('/');
    const bits = Number(len);
    const base = value(addr as string);
    if (!(bits >= 0 && bits <= type.bits) || typeof base === 'string') throw new NftError('invalid prefix length', t);
    return bits === type.bits ? { kind: 'value', value: base } : { kind: 'prefix', value: masked(base, bits, type.bits), len: bits };
  }
  const dash = t.text.indexOf('-');
  if (dash > 0 && (type.name === 'inet_service' || type.name === 'integer' || type.name === 'mark' || type.bits !== undefined)) {
    const low = value(t.text.slice(0, dash));
    const high = value(t.text.slice(dash + 1));
    if (low > high) throw new NftError('Range has zero or negative size', t);
    return { kind: 'range', low, high };
  }
  return { kind: 'value', value: value(t.text) };
}

function masked(v: number | bigint, len: number, bits: number): number | bigint {
  if (typeof v === 'number') return len === 0 ? 0 : (v & (-1 << (bits - len))) >>> 0;
  const host = (1n << BigInt(bits - len)) - 1n;
  return v & ~host;
}

export function parseItems(c: Cursor, type: xt.DataType): xt.Item[] {
  c.expect('{');
  const items: xt.Item[] = [];
  for (;;) {
    while (c.take('\n'));
    if (c.take('}')) return items;
    items.push(parseItem(c.word(null), type));
    while (c.take('\n'));
    if (c.take('}')) return items;
    if (c.is(':')) throw new NftError('maps are not emulated', c.token);
    c.expect(',');
  }
}

function operand(c: Cursor, selector: xt.Selector): xt.Operand {
  const { type } = selector;
  if (c.is('{')) return { kind: 'set', items: parseItems(c, type) };
  if (c.token.text.startsWith('@')) return { kind: 'ref', name: c.next().text.slice(1) };
  const first = c.word(null);
  const item = parseItem(first, type);
  if (!type.flags || item.kind !== 'value') return item;
  let bits = Number(item.value);
  const more = (): number => {
    const v = parseItem(c.word(null), type);
    return v.kind === 'value' ? Number(v.value) : 0;
  };
  while (c.take(',') || c.take('|')) bits |= more();
  if (selector.text === 'tcp flags' && c.take('/')) {
    let mask = more();
    while (c.take(',')) mask |= more();
    return { kind: 'masked', value: bits, mask };
  }
  return { kind: 'value', value: bits };
}

/** `tcp flags & (syn|ack) == syn` */
function maskedFlags(c: Cursor, selector: xt.Selector): xt.Statement {
  const group = (): number => {
    const open = c.take('(');
    let bits = 0;
    do {
      const v = parseItem(c.word(null), selector.type);
      bits |= v.kind === 'value' ? Number(v.value) : 0;
    } while (c.take('|') || c.take(','));
    if (open) c.expect(')');
    return bits;
  };
  const mask = group();
  const op = c.take('!=') ? '!=' : '==';
  c.take('==');
  return xt.match(selector, op, { kind: 'masked', value: group(), mask });
}

interface State {
  readonly c: Cursor;
  readonly family: xt.NftFamily;
  readonly out: xt.Statement[];
  /** A match named the layer 4 protocol: NAT may name ports. */
  l4: boolean;
  comment: string | null;
}

const UNITS = ['second', 'minute', 'hour', 'day', 'week'];

function parseLimit(s: State): void {
  const { c } = s;
  c.expect('rate');
  const over = c.take('over');
  const t = c.word(null);
  const m = /^(\d+)\/([a-z]+)$/.exec(t.text);
  if (!m || !UNITS.includes(m[2] as string)) throw new NftError('limit: only rates in packets are emulated', t);
  let burst = 5;
  if (c.take('burst')) {
    burst = Number(c.word(null).text);
    c.take('packets');
  }
  s.out.push(xt.nftLimit(Number(m[1]), m[2] as string, burst, over));
}

const ICMP_CODES: Readonly<Record<string, readonly [name: string, code: number]>> = {
  'net-unreachable': ['icmp-net-unreachable', 0],
  'host-unreachable': ['icmp-host-unreachable', 1],
  'prot-unreachable': ['icmp-proto-unreachable', 2],
  'port-unreachable': ['icmp-port-unreachable', 3],
  'net-prohibited': ['icmp-net-prohibited', 9],
  'host-prohibited': ['icmp-host-prohibited', 10],
  'admin-prohibited': ['icmp-admin-prohibited', 13],
};
const ICMPX_CODES: Readonly<Record<string, number>> = {
  'no-route': 0,
  'port-unreachable': 3,
  'host-unreachable': 1,
  'admin-prohibited': 13,
};

function target(name: string): xt.TargetExt<never> {
  return xt.findTarget(name, 4) as xt.TargetExt<never>;
}

function parseReject(s: State): void {
  const { c } = s;
  let text = 'reject';
  let opt = { name: 'icmp-port-unreachable', code: 3 };
  if (c.take('with')) {
    const kind = c.word(null);
    if (kind.text === 'tcp') {
      c.expect('reset');
      if (!s.l4)
        s.out.push(
          xt.match((xt.selectorAt(['meta', 'l4proto'], 0) as { selector: xt.Selector }).selector, '==', { kind: 'value', value: 6 }),
        );
      text = 'reject with tcp reset';
      opt = { name: 'tcp-reset', code: -1 };
    } else {
      c.take('type');
      const t = c.word(null);
      const code = kind.text === 'icmpx' ? ICMPX_CODES[t.text] : ICMP_CODES[t.text]?.[1];
      if (code === undefined || (kind.text !== 'icmp' && kind.text !== 'icmpx'))
        throw new NftError(`${kind.text} reject code ${t.text} is not emulated`, t);
      opt = { name: '', code };
      const plain = t.text === 'port-unreachable' && (kind.text === 'icmpx') === (s.family === 'inet');
      text = plain ? 'reject' : `reject with ${kind.text} ${t.text}`;
    }
  }
  s.out.push(xt.viaTarget(text, target('REJECT'), opt as never));
}

/** `to 10.0.0.1-10.0.0.9:80-90` in either family. */
function parseTo(
  s: State,
  span: Span,
): { min: number | bigint | null; max: number | bigint | null; ports: { min: number; max: number } | null; text: string } {
  const t = s.c.word(null);
  const m = t.text.startsWith(':')
    ? /^()():(.*)$/.exec(t.text)
    : (/^\[([^\]]*)\]()(?::(.*))?$/.exec(t.text) ?? /^([^:-]*)(?:-([^:]*))?(?::(.*))?$/.exec(t.text) ?? [t.text, t.text, '', undefined]);
  const [, low, high, portText] = m as (string | undefined)[];
  const address = (text: string): number | bigint => {
    const type = text.includes(':') ? xt.NFT_TYPES.ipv6_addr : xt.NFT_TYPES.ipv4_addr;
    const v = type.parse(text);
    if (v === null || typeof v === 'object') throw new NftError('Could not resolve hostname: Name or service not known', t);
    return v as number | bigint;
  };
  const min = low ? address(low) : null;
  const max = high ? address(high) : min;
  let ports = null;
  if (portText) {
    if (!s.l4)
      throw new NftError(
        'transport protocol mapping is only valid after transport protocol match',
        { ...t, from: t.to - portText.length },
        span,
      );
    const [a, b] = portText.split('-').map(Number);
    ports = { min: a ?? 0, max: b ?? a ?? 0 };
  }
  return { min, max, ports, text: t.text };
}

function natFlags(c: Cursor): { text: string; random: boolean; fullyRandom: boolean; persistent: boolean } {
  const flags: string[] = [];
  while (!c.end && ['random', 'fully-random', 'persistent'].includes(c.token.text)) {
    flags.push(c.next().text);
    c.take(',');
  }
  return {
    text: flags.length > 0 ? ` ${flags.join(',')}` : '',
    random: flags.includes('random'),
    fullyRandom: flags.includes('fully-random'),
    persistent: flags.includes('persistent'),
  };
}

function parseNat(s: State, word: Token): void {
  const { c } = s;
  const name = { dnat: 'DNAT', snat: 'SNAT', masquerade: 'MASQUERADE', redirect: 'REDIRECT' }[word.text] as string;
  let to = { min: null, max: null, ports: null, text: '' } as ReturnType<typeof parseTo>;
  let family = '';
  if ((word.text === 'dnat' || word.text === 'snat') && (c.is('ip') || c.is('ip6'))) family = ` ${c.next().text}`;
  const hasTo = c.take('to');
  if (hasTo) to = parseTo(s, word);
  else if (word.text === 'dnat' || word.text === 'snat') c.unexpected('to');
  const flags = natFlags(c);
  const opt = {
    min: to.min,
    max: to.max,
    ports: to.ports,
    random: flags.random,
    fullyRandom: flags.fullyRandom,
    persistent: flags.persistent,
  };
  const shown = family === '' && s.family === 'inet' && to.min !== null ? ` ${typeof to.min === 'number' ? 'ip' : 'ip6'}` : family;
  s.out.push(xt.viaTarget(`${word.text}${shown}${hasTo ? ` to ${to.text}` : ''}${flags.text}`, target(name), opt as never));
}

function parseLog(s: State): void {
  const { c } = s;
  let prefix = '';
  let level = 4;
  const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
  let text = 'log';
  for (;;) {
    if (c.take('prefix')) {
      prefix = c.word(null).text;
      text += ` prefix "${prefix}"`;
    } else if (c.take('level')) {
      const t = c.word(null);
      level = LEVELS.indexOf(t.text);
      if (level < 0) throw new NftError('invalid log level', t);
      if (level !== 4) text += ` level ${t.text}`;
    } else break;
  }
  const opt = { level, prefix, seq: false, tcpOptions: false, ipOptions: false, uid: false, macdecode: false };
  s.out.push(xt.viaTarget(text, target('LOG'), opt as never));
}

/** `meta mark set …`, `ct mark set …` */
function parseSet(s: State, where: 'meta' | 'ct'): void {
  const { c } = s;
  const ahead = c.ahead(2);
  if (ahead[0] === 'mark' || (ahead[0] === 'meta' && ahead[1] === 'mark')) {
    c.take('meta');
    c.take('mark');
    s.out.push(xt.setMark(where, { from: 'meta' }));
  } else if (ahead[0] === 'ct' && ahead[1] === 'mark') {
    c.take('ct');
    c.take('mark');
    s.out.push(xt.setMark(where, { from: 'ct' }));
  } else {
    const item = parseItem(c.word(null), xt.NFT_TYPES.mark);
    s.out.push(xt.setMark(where, { value: item.kind === 'value' ? Number(item.value) : 0 }));
  }
}

function statement(s: State): void {
  const { c } = s;
  const found = xt.selectorAt(c.ahead(3), 0);
  if (found) {
    const { selector, words } = found;
    const first = c.token;
    c.at += words;
    if ((selector.text === 'meta mark' || selector.text === 'ct mark') && c.take('set')) {
      parseSet(s, selector.text === 'ct mark' ? 'ct' : 'meta');
      return;
    }
    if (c.end) c.unexpected();
    if (c.token.text === '.') throw new NftError('concatenations are not emulated', c.token, first);
    if (c.token.text === 'vmap' || c.token.text === 'map') throw new NftError('maps are not emulated', c.token);
    if (c.take('&')) {
      s.out.push(maskedFlags(c, selector));
    } else {
      const op = c.take('!=') ? '!=' : '==';
      c.take('==');
      s.out.push(xt.match(selector, op, operand(c, selector)));
    }
    if (selector.l4) s.l4 = true;
    return;
  }
  const t = c.word(null);
  switch (t.text) {
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
      s.out.push(xt.verdict(t.text));
      return;
    case 'jump':
    case 'goto':
      s.out.push(xt.jump(c.word().text, t.text === 'goto'));
      return;
    case 'counter': {
      let packets = 0;
      let bytes = 0;
      if (c.take('packets')) packets = Number(c.word(null).text);
      if (c.take('bytes')) bytes = Number(c.word(null).text);
      s.out.push(new xt.Counter(packets, bytes));
      return;
    }
    case 'limit':
      parseLimit(s);
      return;
    case 'reject':
      parseReject(s);
      return;
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      parseNat(s, t);
      return;
    case 'log':
      parseLog(s);
      return;
    case 'notrack':
      s.out.push(xt.notrack());
      return;
    case 'comment':
      s.comment = c.word(null).text;
      return;
    default:
      // A word that names nothing is a symbol to nft's grammar: the mistake is what follows it.
      c.unexpected();
  }
}

export function parseRule(c: Cursor, family: xt.NftFamily): ParsedRule {
  const s: State = { c, family, out: [], l4: false, comment: null };
  if (c.end) c.unexpected();
  while (!c.end) statement(s);
  return { statements: s.out, comment: s.comment };
}
