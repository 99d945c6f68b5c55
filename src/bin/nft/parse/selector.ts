/** What a rule looks at: payload fields, extension headers, meta, ct, rt, socket, fib … from text to expressions. Models the primary_expr rules of nftables/src/parser_bison.y */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { type Cursor, join, type Loc, locOf, NftError, type Token } from '../lexer.ts';
import { hashOperand } from './expr.ts';

const span = (c: Cursor, from: Token): Loc => join(locOf(from), locOf(c.previous));

function payload(c: Cursor, from: Token, protoName: string, fieldName: string): xt.PayloadExpr {
  const desc = nft.protoByName(protoName) as xt.Proto;
  const field = nft.fieldOf(desc, fieldName);
  if (!field) {
    c.at--;
    c.unexpected(null);
  }
  return {
    k: 'payload',
    base: desc.base,
    off: field.off,
    len: field.len,
    desc,
    field,
    type: field.type,
    bits: field.len,
    loc: span(c, from),
  };
}

function extension(c: Cursor, from: Token, kind: xt.ExtKind, header: xt.ExtHeader, fieldName: string | null): xt.ExtExpr {
  if (fieldName === null) return { k: 'ext', kind, header, field: null, type: nft.TYPES.boolean, bits: 1, loc: span(c, from) };
  const field = header.fields.find((f) => f.name === fieldName);
  if (!field) {
    c.at--;
    c.unexpected(null);
  }
  return { k: 'ext', kind, header, field, type: field.type, bits: field.len, loc: span(c, from) };
}

/** `hbh nexthdr`, `rt0 addr[1]`, `srh sid[2]` */
function exthdr(c: Cursor, from: Token): xt.ExtExpr {
  const header = nft.EXT_KINDS.exthdr.find((h) => h.name === from.text) as xt.ExtHeader;
  const word = c.word(null);
  let name = word.text;
  if (c.is('[')) {
    c.next();
    name = `${name}[${c.number()}]`;
    c.expect(']');
  }
  return extension(c, from, 'exthdr', header, name);
}

function tcpOption(c: Cursor, from: Token): xt.ExtExpr {
  if (c.is('@')) {
    c.next();
    const kind = c.number();
    c.expect(',');
    const off = c.number();
    c.expect(',');
    const len = c.number();
    const header: xt.ExtHeader = { name: String(kind), kind, fields: [] };
    return {
      k: 'ext',
      kind: 'tcpopt',
      header,
      field: null,
      raw: { off, len },
      type: nft.sized(nft.TYPES.integer, len),
      bits: len,
      loc: span(c, from),
    };
  }
  const header = tcpOptionKind(c);
  if (c.is('exists') || c.is('missing') || c.end || c.token.kind === 'punct' || c.token.kind === 'number')
    return extension(c, from, 'tcpopt', header, null);
  const name = c.word(null).text;
  if (TCPOPT_FIELDS.includes(name) && !header.fields.some((f) => f.name === name)) {
    const field = { name, type: nft.TYPES.invalid, off: 0, len: 8 };
    return { k: 'ext', kind: 'tcpopt', header, field, type: field.type, bits: 8, loc: span(c, from) };
  }
  return extension(c, from, 'tcpopt', header, name);
}

const TCPOPT_FIELDS: readonly string[] = ['length', 'size', 'count', 'left', 'right', 'tsval', 'tsecr'];

/** A TCP option by name or number. */
export function tcpOptionKind(c: Cursor): xt.ExtHeader {
  const t = c.token;
  if (t.kind === 'number') {
    const kind = c.number();
    return nft.EXT_KINDS.tcpopt.find((o) => o.kind === kind) ?? { name: String(kind), kind, fields: [] };
  }
  const name = nft.TCPOPT_ALIAS[t.text] ?? t.text;
  const header = nft.EXT_KINDS.tcpopt.find((o) => o.name === name);
  if (!header || t.kind !== 'string') c.unexpected(null);
  c.next();
  return header;
}

function ctExpr(c: Cursor, from: Token): xt.CtExpr {
  let dir: 'original' | 'reply' | null = null;
  if (c.isAny(['original', 'reply'])) dir = c.next().text as 'original' | 'reply';
  let key = c.word(null).text;
  if ((key === 'ip' || key === 'ip6') && dir) key = `${key} ${c.word(null).text}`;
  const def = nft.keyOf(nft.CT_KEYS, key);
  const bad = !def || (dir !== null && def.dir === 'no') || (dir === null && def.dir === 'needs');
  if (!def || bad) {
    c.at--;
    if (def || !/^[a-z]/.test(key)) c.unexpected(null);
    c.unexpected(null);
  }
  return { k: 'ct', key, dir, type: def.type, bits: def.bits, loc: span(c, from) };
}

const META_ALL = (): string => nft.META_KEYS.map((k) => k.name).join(', ');

function metaExpr(c: Cursor, from: Token, qualified: boolean): xt.MetaExpr {
  const t = qualified ? c.word(null) : from;
  const key = nft.META_ALIAS[t.text] ?? t.text;
  const def = nft.keyOf(nft.META_KEYS, key);
  if (!def) throw new NftError(`syntax error, unexpected ${t.text}, known keys are ${META_ALL()}`, span(c, from));
  return { k: 'meta', key, type: def.type, bits: def.bits, loc: span(c, from) };
}

const FIB_FLAGS = ['saddr', 'daddr', 'mark', 'iif', 'oif'];

function fib(c: Cursor, from: Token): xt.FibExpr {
  const flags: string[] = [];
  do {
    if (!c.isAny(FIB_FLAGS)) c.unexpected(null);
    flags.push(c.next().text);
  } while (c.take('.'));
  const loc = (): Loc => span(c, from);
  const bad = (): never => {
    throw new NftError('fib: invalid argument', loc());
  };
  if ((flags.includes('saddr') ? 1 : 0) + (flags.includes('daddr') ? 1 : 0) !== 1 || (flags.includes('iif') && flags.includes('oif'))) {
    c.next();
    bad();
  }
  const result = c.word('type or oif or oifname').text;
  const def = nft.keyOf(nft.FIB_RESULTS, result);
  if (!def) {
    c.at--;
    c.unexpected(null);
  }
  const order = FIB_FLAGS.filter((f) => flags.includes(f));
  return { k: 'fib', flags: order, result, type: def.type, bits: def.bits, loc: loc() };
}

function numgen(c: Cursor, from: Token): xt.NumgenExpr {
  const mode = c.isAny(['inc', 'random']) ? (c.next().text as 'inc' | 'random') : c.unexpected(null);
  c.expect('mod');
  const mod = c.number();
  const offset = c.take('offset') ? c.number() : 0;
  return { k: 'numgen', mode, mod, offset, type: nft.sized(nft.TYPES.integer, 32), bits: 32, loc: span(c, from) };
}

function hash(c: Cursor, from: Token): xt.HashExpr {
  const what = from.text as 'jhash' | 'symhash';
  const expr = what === 'jhash' ? hashOperand(c) : null;
  c.expect('mod');
  const mod = c.number();
  const seed = what === 'jhash' && c.take('seed') ? c.number() : null;
  const offset = c.take('offset') ? c.number() : 0;
  return { k: 'hash', what, expr, mod, seed, offset, type: nft.sized(nft.TYPES.integer, 32), bits: 32, loc: span(c, from) };
}

function ipsec(c: Cursor, from: Token): xt.XfrmExpr {
  if (!c.isAny(['in', 'out'])) c.unexpected('in or out');
  const dir = c.next().text as 'in' | 'out';
  const spnum = c.take('spnum') ? c.number() : 0;
  let key = c.word(null).text;
  if (key === 'ip' || key === 'ip6') key = `${key} ${c.word(null).text}`;
  const def = nft.keyOf(nft.XFRM_KEYS, key);
  if (!def) {
    c.at--;
    c.unexpected(null);
  }
  if (spnum > 255) throw new NftError('value too large', span(c, from));
  return { k: 'xfrm', dir, spnum, key, type: def.type, bits: def.bits, loc: span(c, from) };
}

function osf(c: Cursor, from: Token): xt.OsfExpr {
  let ttl: string | null = null;
  if (c.take('ttl')) {
    if (!c.isAny(['loose', 'skip'])) throw new NftError('invalid ttl option', c.token);
    ttl = c.next().text;
  }
  if (!c.isAny(['name', 'version'])) c.unexpected(null);
  const version = c.next().text === 'version';
  return { k: 'osf', ttl, version, type: nft.sized(nft.TYPES.string, 128), bits: 128, loc: span(c, from) };
}

function raw(c: Cursor, from: Token): xt.PayloadExpr {
  if (!c.isAny(['ll', 'nh', 'th', 'ih'])) c.unexpected(null);
  const base = c.next().text as xt.PayloadBase;
  c.expect(',');
  const off = c.number();
  c.expect(',');
  const len = c.number();
  const type = { ...nft.sized(nft.TYPES.integer, len), hex: 1, order: 'big' as const };
  return { k: 'payload', base, off, len, desc: null, field: null, type, bits: len, loc: span(c, from) };
}

/** The selector at the cursor, or null when none stands there. */
export function selector(c: Cursor): xt.Expr | null {
  const t = c.token;
  if (
    t.kind === 'punct' &&
    t.text === '@' &&
    c.peek().kind === 'string' &&
    ['ll', 'nh', 'th', 'ih'].includes(c.peek().text) &&
    c.peek(2).text === ','
  ) {
    c.next();
    return raw(c, t);
  }
  if (t.kind !== 'string') return null;
  const second = c.peek();
  switch (t.text) {
    case 'meta':
      c.next();
      return metaExpr(c, t, true);
    case 'ct':
      c.next();
      return ctExpr(c, t);
    case 'rt':
      c.next();
      return rt(c, t);
    case 'fib':
      c.next();
      return fib(c, t);
    case 'numgen':
      c.next();
      return numgen(c, t);
    case 'jhash':
    case 'symhash':
      c.next();
      return hash(c, t);
    case 'socket':
      c.next();
      return socket(c, t);
    case 'osf':
      c.next();
      return osf(c, t);
    case 'ipsec':
      if (
        second.text !== 'in' &&
        second.text !== 'out' &&
        (second.kind === 'number' || second.text === 'exists' || second.text === 'missing')
      ) {
        c.next();
        return metaExpr(c, t, false);
      }
      c.next();
      return ipsec(c, t);
    case 'exthdr': {
      c.next();
      const header = nft.EXT_KINDS.exthdr.find((h) => h.name === c.token.text);
      if (!header) c.unexpected(null);
      c.next();
      return extension(c, t, 'exthdr', header, null);
    }
    case 'tcp':
      if (second.text === 'option') {
        c.at += 2;
        return tcpOption(c, t);
      }
      break;
    case 'ip':
      if (second.text === 'option') {
        c.at += 2;
        const header = nft.EXT_KINDS.ipopt.find((h) => h.name === c.token.text);
        if (!header) c.unexpected(null);
        c.next();
        if (c.isAny(['exists', 'missing']) || c.end) return extension(c, t, 'ipopt', header, null);
        return extension(c, t, 'ipopt', header, c.word(null).text);
      }
      break;
    case 'sctp':
      if (second.text === 'chunk') {
        c.at += 2;
        const header = nft.EXT_KINDS.sctp.find((h) => h.name === c.token.text);
        if (!header) c.unexpected(null);
        c.next();
        if (c.isAny(['exists', 'missing']) || c.end || c.token.kind === 'number') return extension(c, t, 'sctp', header, null);
        return extension(c, t, 'sctp', header, c.word(null).text);
      }
      break;
    default:
  }
  if (nft.EXT_KINDS.exthdr.some((h) => h.name === t.text)) {
    c.next();
    return exthdr(c, t);
  }
  if (nft.META_UNQUALIFIED.includes(t.text) && second.text !== 'ip') {
    c.next();
    return metaExpr(c, t, false);
  }
  const desc = nft.protoByName(t.text);
  if (!desc) return null;
  c.next();
  const field = c.word(null);
  if (desc.name === 'arp' && (field.text === 'saddr' || field.text === 'daddr'))
    return payload(c, t, 'arp', `${field.text} ${c.word(null).text}`);
  if (desc.name === 'vlan' && field.text === 'cfi') return payload(c, t, 'vlan', 'dei');
  if (desc.name === 'icmpv6' && field.text === 'param-problem') return payload(c, t, 'icmpv6', 'parameter-problem');
  if (desc.name === 'icmpv6' && field.text === 'parameter-problem') {
    c.at--;
    c.unexpected(null);
  }
  return payload(c, t, desc.name, field.text);
}

/** `rt classid` of a route, or `rt type` of the IPv6 routing header. */
function rt(c: Cursor, from: Token): xt.Expr {
  const word = c.token;
  if (['nexthdr', 'hdrlength', 'type', 'seg-left'].includes(word.text)) return exthdr(c, from);
  let key = c.word(null).text;
  if (key === 'ip' || key === 'ip6') key = `${key} ${c.word(null).text}`;
  const def = nft.keyOf(nft.RT_KEYS, key);
  if (!def) {
    c.at--;
    c.unexpected(null);
  }
  return { k: 'rt', key, type: def.type, bits: def.bits, loc: span(c, from) };
}

function socket(c: Cursor, from: Token): xt.SocketExpr {
  const key = c.word(null).text;
  const def = nft.keyOf(nft.SOCKET_KEYS, key);
  if (!def) {
    c.at--;
    c.unexpected(null);
  }
  let level = 0;
  if (key === 'cgroupv2') {
    c.expect('level');
    level = c.number();
  }
  return { k: 'socket', key, level, type: def.type, bits: def.bits, loc: span(c, from) };
}
