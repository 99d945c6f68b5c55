/** Elements of sets as text, both ways. Models ipset's parse.c and print.c */

import { xt } from '../../os/uapi.ts';
import { type Family, formatIp, type IpAddr, inPrefix, lastOf, maxLen, network, parseIp4, parseIp6 } from '../../wire/addr.ts';

export class SyntaxProblem extends Error {}

const PROTOS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  icmp: 1,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
  gre: 47,
  esp: 50,
  ah: 51,
  dccp: 33,
};
const ICMP_NAMES: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  'echo-request': 0x800,
  'destination-unreachable': 0x300,
  'time-exceeded': 0xb00,
  ping: 0x800,
};

function address(text: string, family: Family): IpAddr {
  const a = family === 4 ? parseIp4(text) : parseIp6(text);
  if (a === null) throw new SyntaxProblem(`Syntax error: cannot parse ${text}: resolving to IPv${family} address failed`);
  return a;
}

/** `10.0.0.0/24` with its length checked; no length is a whole address. */
function prefix(text: string, family: Family): { addr: IpAddr; len: number } {
  const slash = text.indexOf('/');
  if (slash < 0) return { addr: address(text, family), len: maxLen(family) };
  const lenText = text.slice(slash + 1);
  const len = Number(lenText);
  if (!/^\d+$/.test(lenText)) throw new SyntaxProblem(`Syntax error: '${lenText}' is invalid as number`);
  if (len > maxLen(family)) throw new SyntaxProblem(`Syntax error: '${lenText}' is out of range 0-${maxLen(family)}`);
  return { addr: address(text.slice(0, slash), family), len };
}

/** Elements that one range may stand for. */
const MAX_RANGE = 1 << 17;

/** The largest networks that fill a range of addresses exactly. Models hash_net's ip_set_range_to_cidr() */
function cover(from: number, to: number): xt.SetPart[] {
  const out: xt.SetPart[] = [];
  let at = Math.min(from, to);
  const end = Math.max(from, to);
  while (at <= end && out.length < 64) {
    let len = 32;
    while (len > 1) {
      const size = 2 ** (32 - (len - 1));
      if (at % size !== 0 || at + size - 1 > end) break;
      len--;
    }
    out.push({ kind: 'net', addr: at, len });
    at += 2 ** (32 - len);
  }
  return out;
}

/** One dimension's text; ranges of addresses and ports give several parts. */
function parseDimension(text: string, dimension: xt.Dimension, set: xt.IpSet): xt.SetPart[] {
  const { family } = set.options;
  if (dimension === 'set') return [{ kind: 'set', name: text }];
  if (dimension === 'iface') {
    const physical = text.startsWith('physdev:');
    return [{ kind: 'iface', name: physical ? text.slice(8) : text, physical, wildcard: false }];
  }
  if (dimension === 'mac') {
    if (!/^([\da-f]{2}:){5}[\da-f]{2}$/i.test(text)) throw new SyntaxProblem(`Syntax error: cannot parse '${text}' as MAC address`);
    return [{ kind: 'mac', mac: text.toLowerCase() }];
  }
  if (dimension === 'net') {
    const dash = family === 4 ? text.indexOf('-') : -1;
    if (dash >= 0) return cover(address(text.slice(0, dash), 4) as number, address(text.slice(dash + 1), 4) as number);
    const { addr, len } = prefix(text, family);
    if (len === 0 && set.type.name !== 'hash:net,iface')
      throw new SyntaxProblem('The value of the CIDR parameter of the IP address is invalid');
    return [{ kind: 'net', addr: network(addr, len), len }];
  }
  if (dimension === 'ip') {
    const dash = family === 4 ? text.indexOf('-') : -1;
    let low: IpAddr;
    let high: IpAddr;
    if (dash >= 0) {
      low = address(text.slice(0, dash), family);
      high = address(text.slice(dash + 1), family);
    } else {
      const { addr, len } = prefix(text, family);
      if (len === 0) throw new SyntaxProblem('The value of the CIDR parameter of the IP address is invalid');
      if (family === 6 && len < 128) throw new SyntaxProblem(`Syntax error: plain IP address must be supplied: ${text}`);
      low = network(addr, len);
      high = lastOf(addr, len);
    }
    if (low > high) [low, high] = [high, low];
    if (set.type.name.startsWith('hash') && (low === 0 || low === 0n))
      throw new SyntaxProblem('Null-valued element, cannot be stored in a hash type of set');
    if (typeof low !== 'number' || typeof high !== 'number') return [{ kind: 'ip', addr: low }];
    const out: xt.SetPart[] = [];
    let last: number | null = null;
    for (let a = low; a <= high && out.length < MAX_RANGE; a++) {
      const part = set.masked({ kind: 'ip', addr: a });
      if (part.kind === 'ip' && part.addr === last) continue;
      last = part.kind === 'ip' ? (part.addr as number) : null;
      out.push(part);
    }
    return out;
  }
  return parsePorts(text, set);
}

function parsePorts(text: string, set: xt.IpSet): xt.SetPart[] {
  const colon = text.indexOf(':');
  const bitmap = set.type.name === 'bitmap:port';
  const protoText = colon < 0 ? 'tcp' : text.slice(0, colon).toLowerCase();
  const proto = PROTOS[protoText] ?? Number(protoText);
  if (!Number.isInteger(proto)) throw new SyntaxProblem(`Syntax error: cannot parse '${protoText}' as a protocol`);
  const rest = text.slice(colon + 1);
  if (![1, 6, 17, 58, 132, 136, 33].includes(proto)) return [{ kind: 'port', proto, port: 0 }];
  if (proto === 1 || proto === 58) {
    const named = ICMP_NAMES[rest];
    const [type, code] = rest.split('/').map(Number);
    return [{ kind: 'port', proto, port: named ?? ((type ?? 0) << 8) + (code ?? 0) }];
  }
  const one = (t: string): number => {
    const n = xt.parseNumber(t, 0, 65535) ?? xt.servicePort(t, proto);
    if (n === null) {
      const why = /^\d+$/.test(t) ? 'is out of range 0-65535' : 'is invalid as number';
      const known = colon < 0 ? '' : `\nSyntax error: '${protoText}' is invalid as number`;
      throw new SyntaxProblem(`Syntax error: '${t}' ${why}${known}\ncannot parse '${t}' as a ${protoText} port`);
    }
    return n;
  };
  const [low, high] = rest.split('-');
  const out: xt.SetPart[] = [];
  const from = one(low as string);
  const to = high === undefined ? from : one(high);
  for (let p = from; p <= to; p++) out.push({ kind: 'port', proto: bitmap ? 0 : proto, port: p });
  return out;
}

const ORDINAL = ['First', 'Second', 'Third'];

/** Every element that the text stands for. */
export function parseElements(text: string, set: xt.IpSet): xt.SetPart[][] {
  const { dimensions } = set.type;
  const words = text.split(',');
  const optional = dimensions[dimensions.length - 1] === 'mac' ? 1 : 0;
  if (words.length < dimensions.length - optional)
    throw new SyntaxProblem(`Syntax error: ${ORDINAL[words.length]} element is missing from ${text}.`);
  if (words.length > dimensions.length)
    throw new SyntaxProblem(`Syntax error: Elem separator in ${text}, but settype ${set.type.name} supports none.`);
  let all: xt.SetPart[][] = [[]];
  for (const [i, dimension] of dimensions.entries()) {
    const word = words[i];
    const parts: xt.SetPart[] = word === undefined ? [{ kind: 'mac', mac: null }] : parseDimension(word, dimension, set);
    all = all.flatMap((head) => parts.map((p) => [...head, p]));
  }
  return all;
}

export function partsText(parts: readonly xt.SetPart[], set: xt.IpSet): string {
  return parts
    .map((p) => {
      if (p.kind === 'ip') return formatIp(p.addr);
      if (p.kind === 'net') return p.len === maxLen(set.options.family) && p.len > 0 ? formatIp(p.addr) : `${formatIp(p.addr)}/${p.len}`;
      if (p.kind === 'mac') return p.mac;
      if (p.kind === 'iface') return `${p.physical ? 'physdev:' : ''}${p.name}`;
      if (p.kind === 'set') return p.name;
      if (p.proto === 0) return String(p.port);
      const name = Object.keys(PROTOS).find((n) => PROTOS[n] === p.proto) ?? String(p.proto);
      if (p.proto === 1 || p.proto === 58)
        return `${name}:${Object.keys(ICMP_NAMES).find((n) => ICMP_NAMES[n] === p.port) ?? `${p.port >> 8}/${p.port & 255}`}`;
      return `${name}:${p.port}`;
    })
    .filter((t) => t !== null)
    .join(',');
}

/** A test asks for addresses inside nets. */
export function covered(set: xt.IpSet, parts: readonly xt.SetPart[]): boolean {
  if (!set.type.dimensions.includes('net')) return set.find(parts) !== null;
  return set.find(parts) !== null || set.list().some((e) => !e.nomatch && e.parts.every((p, i) => samePart(p, parts[i] as xt.SetPart)));
}

function samePart(a: xt.SetPart, b: xt.SetPart): boolean {
  if (a.kind === 'net' && b.kind === 'net') return a.len === b.len && inPrefix(b.addr, a.addr, a.len);
  return (
    JSON.stringify(a, (_k, v) => (typeof v === 'bigint' ? String(v) : v)) ===
    JSON.stringify(b, (_k, v) => (typeof v === 'bigint' ? String(v) : v))
  );
}

/** Each option of an element as its name and value; `''` for options without one. */
export function elementOptions(set: xt.IpSet, e: xt.SetElement): [string, string][] {
  const o = set.options;
  const out: [string, string][] = [];
  const iface = e.parts[1];
  if (e.nomatch && iface?.kind !== 'iface') out.push(['nomatch', '']);
  if (iface?.kind === 'iface' && iface.wildcard) out.push(['wildcard', '']);
  if (e.nomatch && iface?.kind === 'iface') out.push(['nomatch', '']);
  if (o.timeout !== null) out.push(['timeout', String(set.left(e))]);
  if (o.counters) out.push(['packets', String(e.packets)], ['bytes', String(e.bytes)]);
  if (e.comment !== null) out.push(['comment', `"${e.comment}"`]);
  if (e.mark) out.push(['skbmark', `0x${e.mark.value.toString(16)}${e.mark.mask === 0xffffffff ? '' : `/0x${e.mark.mask.toString(16)}`}`]);
  if (e.prio !== null) out.push(['skbprio', e.prio]);
  if (e.queue !== null) out.push(['skbqueue', String(e.queue)]);
  return out;
}

export function elementText(set: xt.IpSet, e: xt.SetElement): string {
  return partsText(e.parts, set) + optionText(elementOptions(set, e));
}

function optionText(options: readonly (readonly [string, string])[]): string {
  return options.map(([name, value]) => (value === '' ? ` ${name}` : ` ${name} ${value}`)).join('');
}

/** The options of a set as `create` takes them and Header shows them. */
export function headerOptions(set: xt.IpSet): [string, string][] {
  const o = set.options;
  const out: [string, string][] = [];
  const mask: [string, string][] = [];
  if (o.netmask !== null) mask.push(['netmask', String(o.netmask)]);
  if (o.bitmask !== null) mask.push(['bitmask', formatIp(o.bitmask)]);
  const late = set.type.name === 'hash:ip,port';
  if (set.type.name === 'list:set') out.push(['size', String(o.size)]);
  else if (o.range) {
    const [low, high] = o.range;
    out.push(['range', set.type.name === 'bitmap:port' ? `${low}-${high}` : `${formatIp(low)}-${formatIp(high)}`], ...mask);
  } else {
    out.push(['family', o.family === 4 ? 'inet' : 'inet6'], ['hashsize', String(o.hashsize)], ['maxelem', String(o.maxelem)]);
    if (!late) out.push(...mask);
  }
  if (o.timeout !== null) out.push(['timeout', String(o.timeout)]);
  for (const name of ['counters', 'comment', 'skbinfo'] as const) if (o[name]) out.push([name, '']);
  if (set.type.name !== 'list:set' && !o.range)
    out.push(['bucketsize', String(o.bucketsize)], ['initval', `0x${set.initval.toString(16).padStart(8, '0')}`], ...(late ? mask : []));
  return out;
}

export function headerText(set: xt.IpSet): string {
  return optionText(headerOptions(set)).trimStart();
}
