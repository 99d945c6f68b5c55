/** Elements of sets as text, both ways. Models ipset's parse.c and print.c */

import { xt } from '../../os/uapi.ts';
import { type Family, formatIp, type IpAddr, inPrefix, lastOf, maxLen, network, parseIp4, parseIp6 } from '../../wire/addr.ts';

export class SyntaxProblem extends Error {}

const PROTOS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132, udplite: 136 };
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

/** One dimension's text; ranges of addresses and ports give several parts. */
function parseDimension(text: string, dimension: xt.Dimension, set: xt.IpSet): xt.SetPart[] {
  const { family } = set.options;
  if (dimension === 'set') return [{ kind: 'set', name: text }];
  if (dimension === 'iface') return [{ kind: 'iface', name: text }];
  if (dimension === 'net') {
    const { addr, len } = prefix(text, family);
    if (len === 0) throw new SyntaxProblem('The value of the CIDR parameter of the IP address is invalid');
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
      low = network(addr, len);
      high = lastOf(addr, len);
    }
    if (typeof low !== 'number' || typeof high !== 'number') return [{ kind: 'ip', addr: low }];
    const out: xt.SetPart[] = [];
    for (let a = low; a <= high; a++) out.push(set.masked({ kind: 'ip', addr: a }));
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
  if (proto === 1 || proto === 58) {
    const named = ICMP_NAMES[rest];
    const [type, code] = rest.split('/').map(Number);
    return [{ kind: 'port', proto, port: named ?? ((type ?? 0) << 8) + (code ?? 0) }];
  }
  const one = (t: string): number => {
    const n = xt.parseNumber(t, 0, 65535) ?? xt.servicePort(t, proto);
    if (n === null) throw new SyntaxProblem(`Syntax error: '${t}' is invalid as number\ncannot parse '${t}' as a ${protoText} port`);
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
  if (words.length < dimensions.length) throw new SyntaxProblem(`Syntax error: ${ORDINAL[words.length]} element is missing from ${text}.`);
  if (words.length > dimensions.length)
    throw new SyntaxProblem(`Syntax error: Elem separator in ${text}, but settype ${set.type.name} supports none.`);
  let all: xt.SetPart[][] = [[]];
  for (const [i, dimension] of dimensions.entries()) {
    const parts = parseDimension(words[i] as string, dimension, set);
    all = all.flatMap((head) => parts.map((p) => [...head, p]));
  }
  return all;
}

export function partsText(parts: readonly xt.SetPart[], set: xt.IpSet): string {
  return parts
    .map((p) => {
      if (p.kind === 'ip') return formatIp(p.addr);
      if (p.kind === 'net') return p.len === maxLen(set.options.family) ? formatIp(p.addr) : `${formatIp(p.addr)}/${p.len}`;
      if (p.kind !== 'port') return p.name;
      if (p.proto === 0) return String(p.port);
      const name = Object.keys(PROTOS).find((n) => PROTOS[n] === p.proto) ?? String(p.proto);
      if (p.proto === 1 || p.proto === 58)
        return `${name}:${Object.keys(ICMP_NAMES).find((n) => ICMP_NAMES[n] === p.port) ?? `${p.port >> 8}/${p.port & 255}`}`;
      return `${name}:${p.port}`;
    })
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

export function elementText(set: xt.IpSet, e: xt.SetElement): string {
  const o = set.options;
  return (
    partsText(e.parts, set) +
    (o.timeout !== null ? ` timeout ${set.left(e)}` : '') +
    (e.nomatch ? ' nomatch' : '') +
    (o.counters ? ` packets ${e.packets} bytes ${e.bytes}` : '') +
    (e.comment !== null ? ` comment "${e.comment}"` : '')
  );
}

/** The options of a set as `create` takes them and Header shows them. */
export function headerText(set: xt.IpSet): string {
  const o = set.options;
  const flags = (o.timeout !== null ? ` timeout ${o.timeout}` : '') + (o.counters ? ' counters' : '') + (o.comment ? ' comment' : '');
  if (set.type.name === 'list:set') return `size ${o.size}${flags}`;
  if (o.range) {
    const [low, high] = o.range;
    const text = set.type.name === 'bitmap:ip' ? `${formatIp(low)}-${formatIp(high)}` : `${low}-${high}`;
    return `range ${text}${o.netmask !== null ? ` netmask ${o.netmask}` : ''}${flags}`;
  }
  return (
    `family ${o.family === 4 ? 'inet' : 'inet6'} hashsize ${o.hashsize} maxelem ${o.maxelem}` +
    (o.netmask !== null ? ` netmask ${o.netmask}` : '') +
    `${flags}${o.forceadd ? ' forceadd' : ''} bucketsize 12 initval 0x${set.initval.toString(16).padStart(8, '0')}`
  );
}
