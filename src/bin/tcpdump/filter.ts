/** The capture filter language: text to syntax tree. Models libpcap's scanner.l and grammar.y (pcap-filter(7)). */

export type Dir = 'src' | 'dst' | 'src or dst' | 'src and dst';

/** Protocol qualifiers that stand before host, net, port, proto or alone. */
export const PROTOS = [
  'ether',
  'link',
  'ip',
  'ip6',
  'arp',
  'rarp',
  'tcp',
  'udp',
  'icmp',
  'icmp6',
  'sctp',
  'igmp',
  'vlan',
  'ah',
  'esp',
  'stp',
] as const;
export type Proto = (typeof PROTOS)[number];

export type Node =
  | { op: 'and' | 'or'; left: Node; right: Node }
  | { op: 'not'; node: Node }
  | { op: 'proto'; proto: Proto }
  | { op: 'host'; proto: Proto | null; dir: Dir; text: string; addrs: (number | bigint)[]; mac: number | null }
  | { op: 'net'; proto: Proto | null; dir: Dir; addr: number | bigint; len: number }
  | { op: 'port'; proto: Proto | null; dir: Dir; low: number; high: number }
  | { op: 'protocol'; proto: Proto | null; number: number }
  | { op: 'cast'; proto: Proto | null; kind: 'broadcast' | 'multicast' }
  | { op: 'length'; cmp: '<=' | '>='; value: number }
  | { op: 'vlan'; id: number | null }
  | { op: 'direction'; dir: 'in' | 'out' }
  | { op: 'compare'; cmp: string; left: Arith; right: Arith };

export type Arith =
  | { op: 'number'; value: number }
  | { op: 'len' }
  | { op: 'load'; proto: Proto; index: Arith; size: number }
  | { op: 'binary'; sign: string; left: Arith; right: Arith }
  | { op: 'negate'; value: Arith };

import { parseIp6 } from '../../wire/addr.ts';
import { parseMac } from '../../wire/mac.ts';
import { NAMED, PROTOCOL_NUMBERS, SERVICE_PORTS } from './names.ts';

export class FilterError extends Error {}

const KEYWORDS = new Set<string>([
  ...PROTOS,
  'and',
  'or',
  'not',
  'src',
  'dst',
  'host',
  'net',
  'mask',
  'port',
  'portrange',
  'proto',
  'protochain',
  'gateway',
  'less',
  'greater',
  'len',
  'broadcast',
  'multicast',
  'inbound',
  'outbound',
  'ifname',
  'on',
]);

interface Token {
  kind: 'word' | 'key' | 'number' | 'sign';
  text: string;
}

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  let rest = text.trimStart();
  for (; rest !== ''; rest = rest.trimStart()) {
    const sign = /^(&&|\|\||<<|>>|<=|>=|==|!=|[!()[\]<>=&|+\-*/%^:])/.exec(rest);
    const word = /^(\\?[A-Za-z0-9](?:[-A-Za-z0-9_.:]*[-A-Za-z0-9_:.])?(?:\/\d+)?|::[0-9A-Fa-f:.]*(?:\/\d+)?)/.exec(rest);
    if (word) {
      let t = word[0];
      // A colon is part of an address only; within brackets `tcp[2:2]` it separates offset and size.
      if (t.includes(':') && parseMac(t) === null && parseIp6(t.split('/')[0] as string) === null) t = t.slice(0, t.indexOf(':'));
      if (t.includes('/') && !/^[\d.]+\/|:/.test(t)) t = t.slice(0, t.indexOf('/'));
      const escaped = t.startsWith('\\');
      const name = escaped ? t.slice(1) : t;
      rest = rest.slice(t.length);
      if (!escaped && KEYWORDS.has(t)) tokens.push({ kind: 'key', text: t });
      else if (!escaped && /^(0[xX][0-9a-fA-F]+|\d+)$/.test(t)) tokens.push({ kind: 'number', text: t });
      else tokens.push({ kind: 'word', text: name });
    } else if (sign) {
      rest = rest.slice(sign[0].length);
      const text = sign[0] === '&&' ? 'and' : sign[0] === '||' ? 'or' : sign[0] === '!' ? 'not' : sign[0];
      tokens.push({ kind: text.length > 1 && /^[a-z]/.test(text) ? 'key' : 'sign', text });
    } else throw new FilterError('syntax error');
  }
  return tokens;
}

interface Quals {
  proto: Proto | null;
  dir: Dir;
  type: 'host' | 'net' | 'port' | 'portrange' | 'proto' | null;
}

class Parser {
  private at = 0;
  /** Qualifiers of the last primitive: `port 53 or 80` gives them to the 80. Nothing to inherit at the start. */
  private quals: Quals | null = null;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  parse(): Node {
    const node = this.expr();
    if (this.at < this.tokens.length) throw new FilterError('syntax error');
    return node;
  }

  private peek(ahead = 0): string | null {
    const t = this.tokens[this.at + ahead];
    return t && t.kind !== 'word' ? t.text : null;
  }

  private take(text: string): boolean {
    if (this.peek() !== text) return false;
    this.at++;
    return true;
  }

  private need(text: string): void {
    if (!this.take(text)) throw new FilterError('syntax error');
  }

  /** `and` and `or` have the same precedence and bind to the left. */
  private expr(): Node {
    let left = this.term();
    for (;;) {
      const op = this.peek();
      if (op !== 'and' && op !== 'or') return left;
      this.at++;
      left = { op, left, right: this.term() };
    }
  }

  private term(): Node {
    if (this.take('not')) return { op: 'not', node: this.term() };
    if (this.arithAhead()) {
      // `((ip[2:2] - 4) > 0)`: whether a parenthesis opens a value or a condition shows only behind it.
      const from = this.at;
      try {
        return this.comparison();
      } catch (e) {
        if (!(e instanceof FilterError) || this.tokens[from]?.text !== '(') throw e;
        this.at = from;
      }
    }
    if (this.take('(')) {
      const node = this.expr();
      this.need(')');
      return node;
    }
    return this.primitive();
  }

  /** True when a comparison of values starts here. */
  private arithAhead(): boolean {
    let i = this.at;
    while (this.tokens[i]?.text === '(') i++;
    const t = this.tokens[i];
    const after = this.tokens[i + 1]?.text;
    if (!t) return false;
    if (t.text === 'len' && t.kind === 'key') return true;
    if (t.kind === 'key' && (PROTOS as readonly string[]).includes(t.text)) return after === '[';
    if (t.kind === 'sign') return t.text === '-';
    const operator = after !== undefined && /^([-<>=+*/%&|^]|<<|>>|<=|>=|==|!=)$/.test(after);
    return (t.kind === 'number' || (t.kind === 'word' && t.text in NAMED)) && operator;
  }

  private comparison(): Node {
    const left = this.sum();
    const cmp = this.peek();
    if (cmp === null || !['<', '>', '<=', '>=', '=', '==', '!='].includes(cmp)) throw new FilterError('syntax error');
    this.at++;
    return { op: 'compare', cmp: cmp === '==' ? '=' : cmp, left, right: this.sum() };
  }

  private binary(signs: readonly string[], next: () => Arith): Arith {
    let left = next();
    for (;;) {
      const sign = this.peek();
      if (sign === null || !signs.includes(sign)) return left;
      this.at++;
      left = { op: 'binary', sign, left, right: next() };
    }
  }

  private sum(): Arith {
    return this.binary(['|'], () =>
      this.binary(['^'], () =>
        this.binary(['&'], () =>
          this.binary(['<<', '>>'], () => this.binary(['+', '-'], () => this.binary(['*', '/', '%'], () => this.atom()))),
        ),
      ),
    );
  }

  private atom(): Arith {
    const t = this.tokens[this.at++];
    if (!t) throw new FilterError('syntax error');
    if (t.text === '-' && t.kind === 'sign') return { op: 'negate', value: this.atom() };
    if (t.text === '(' && t.kind === 'sign') {
      const value = this.sum();
      this.need(')');
      return value;
    }
    if (t.kind === 'number') return { op: 'number', value: Number(t.text) };
    if (t.kind === 'word' && t.text in NAMED) return { op: 'number', value: NAMED[t.text] as number };
    if (t.kind === 'key' && t.text === 'len') return { op: 'len' };
    if (t.kind === 'key' && (PROTOS as readonly string[]).includes(t.text) && this.take('[')) {
      const index = this.sum();
      let size = 1;
      if (this.take(':')) {
        const s = this.tokens[this.at++];
        size = Number(s?.text);
        if (![1, 2, 4].includes(size)) throw new FilterError('data size must be 1, 2, or 4');
      }
      this.need(']');
      return { op: 'load', proto: t.text as Proto, index, size };
    }
    throw new FilterError('syntax error');
  }

  private primitive(): Node {
    const word = this.peek();
    if (word === 'less' || word === 'greater') {
      this.at++;
      return { op: 'length', cmp: word === 'less' ? '<=' : '>=', value: this.number() };
    }
    if (word === 'inbound' || word === 'outbound') {
      this.at++;
      return { op: 'direction', dir: word === 'inbound' ? 'in' : 'out' };
    }
    if (word === 'vlan') {
      this.at++;
      return { op: 'vlan', id: this.tokens[this.at]?.kind === 'number' ? this.number() : null };
    }
    const quals: Quals = { proto: null, dir: 'src or dst', type: null };
    let any = false;
    const proto = this.peek();
    if (proto !== null && (PROTOS as readonly string[]).includes(proto)) {
      this.at++;
      quals.proto = proto as Proto;
    }
    const dir = this.direction();
    if (dir) {
      quals.dir = dir;
      any = true;
    }
    const type = this.peek();
    if (type === 'broadcast' || type === 'multicast') {
      this.at++;
      return { op: 'cast', proto: quals.proto, kind: type };
    }
    if (type === 'host' || type === 'net' || type === 'port' || type === 'portrange' || type === 'proto') {
      this.at++;
      quals.type = type;
      any = true;
    }
    const t = this.tokens[this.at];
    const isId = t !== undefined && (t.kind === 'word' || t.kind === 'number');
    if (quals.proto && !any) {
      this.quals = quals;
      return { op: 'proto', proto: quals.proto };
    }
    if (any) this.quals = quals;
    if (!isId || !this.quals) throw new FilterError('syntax error');
    return this.id(this.quals);
  }

  private direction(): Dir | null {
    const first = this.peek();
    if (first !== 'src' && first !== 'dst') return null;
    this.at++;
    const joint = this.peek();
    const second = this.peek(1);
    if ((joint === 'or' || joint === 'and') && (second === 'src' || second === 'dst') && second !== first) {
      // `src 10.0.0.1 or dst …` does not come here: an address stands between.
      this.at += 2;
      return joint === 'or' ? 'src or dst' : 'src and dst';
    }
    return first;
  }

  private number(): number {
    const t = this.tokens[this.at++];
    if (t?.kind !== 'number') throw new FilterError('syntax error');
    return Number(t.text);
  }

  private id(q: Quals): Node {
    const t = this.tokens[this.at++] as Token;
    const { proto, dir } = q;
    switch (q.type) {
      case 'port':
      case 'portrange': {
        const range = q.type === 'portrange' && /^(\w+)-(\w+)$/.exec(t.text);
        const [low, high] = range
          ? [portNumber(range[1] as string), portNumber(range[2] as string)]
          : [portNumber(t.text), portNumber(t.text)];
        if (low === null || high === null) throw new FilterError(`unknown ${q.type === 'port' ? 'port' : 'port in range'} '${t.text}'`);
        for (const n of [low, high]) if (n > 65535) throw new FilterError(`illegal port number ${n} > 65535`);
        return { op: 'port', proto, dir, low, high };
      }
      case 'proto': {
        const known = /^\d|^0x/.test(t.text)
          ? Number(t.text)
          : PROTOCOL_NUMBERS[proto === 'ether' || proto === 'link' ? `ether ${t.text}` : t.text];
        if (known === undefined)
          throw new FilterError(`unknown ${proto === 'ether' ? 'ether' : proto === 'ip6' ? 'ip6' : 'ip'} proto '${t.text}'`);
        return { op: 'protocol', proto, number: known };
      }
      case 'net':
        return this.net(t.text, proto, dir);
      default: {
        const mac = parseMac(t.text);
        if (mac !== null) {
          if (proto !== null && proto !== 'ether' && proto !== 'link')
            throw new FilterError('ethernet address used in non-ether expression');
          return { op: 'host', proto: 'ether', dir, text: t.text, addrs: [], mac };
        }
        if (t.text.includes('/')) {
          if (q.type === 'host') throw new FilterError('Mask syntax for networks only');
          return this.net(t.text, proto, dir);
        }
        const v6 = parseIp6(t.text);
        checkModifier(proto, v6 !== null ? 6 : /^\d+(\.\d+){0,3}$/.test(t.text) ? 4 : 0);
        if (v6 !== null) return { op: 'host', proto, dir, text: t.text, addrs: [v6], mac: null };
        if (/^\d+(\.\d+){0,3}$/.test(t.text)) {
          const { addr, len } = dottedNet(t.text);
          return len === 32 ? { op: 'host', proto, dir, text: t.text, addrs: [addr], mac: null } : { op: 'net', proto, dir, addr, len };
        }
        return { op: 'host', proto, dir, text: t.text, addrs: [], mac: null };
      }
    }
  }

  private net(text: string, proto: Proto | null, dir: Dir): Node {
    const [base, lenText] = text.split('/') as [string, string | undefined];
    if (base.includes(':')) {
      const addr = parseIp6(base);
      const len = lenText === undefined ? 128 : Number(lenText);
      if (addr === null || len > 128) throw new FilterError(`invalid ip6 address ${base}`);
      if (len < 128 && addr & ((1n << BigInt(128 - len)) - 1n)) throw new FilterError(`non-network bits set in "${base}/${len}"`);
      return { op: 'net', proto, dir, addr, len };
    }
    if (!/^\d+(\.\d+){0,3}$/.test(base)) throw new FilterError(`unknown network '${base}'`);
    const n = dottedNet(base);
    let len = n.len;
    if (lenText !== undefined) {
      len = Number(lenText);
      if (len > 32) throw new FilterError('mask length must be <= 32');
    } else if (this.take('mask')) {
      const m = dottedNet(this.tokens[this.at++]?.text ?? '').addr;
      len = Math.clz32(~m >>> 0);
    }
    const mask = len === 0 ? 0 : (-1 << (32 - len)) >>> 0;
    if ((n.addr & ~mask) >>> 0 !== 0) throw new FilterError(`non-network bits set in "${base}/${len}"`);
    return { op: 'net', proto, dir, addr: n.addr, len };
  }
}

/** `10.1` is the network 10.1.0.0/16. */
function dottedNet(text: string): { addr: number; len: number } {
  const parts = text.split('.').map(Number);
  if (parts.some((p) => !(p <= 255))) throw new FilterError(`invalid IPv4 address '${text}'`);
  const len = parts.length * 8;
  while (parts.length < 4) parts.push(0);
  return { addr: parts.reduce((a, p) => a * 256 + p, 0), len };
}

function portNumber(text: string): number | null {
  return /^\d+$/.test(text) ? Number(text) : (SERVICE_PORTS[text] ?? null);
}

/** The protocols that may stand before a host or net of a family. */
function checkModifier(proto: Proto | null, family: 4 | 6 | 0): void {
  if (proto === null) return;
  if (!['ip', 'ip6', 'arp', 'rarp', 'ether', 'link'].includes(proto)) throw new FilterError(`'${proto}' modifier applied to host`);
  if (family === 4 && proto === 'ip6') throw new FilterError("'ip6' modifier applied to ip host");
  if (family === 6 && proto !== 'ip6') throw new FilterError(`'${proto}' modifier applied to ip6 host`);
  if (family !== 0 && (proto === 'ether' || proto === 'link')) throw new FilterError('illegal link layer address');
}

/** Null for an empty filter, which takes everything. Throws FilterError with libpcap's text. */
export function parseFilter(text: string): Node | null {
  const tokens = scan(text);
  return tokens.length === 0 ? null : new Parser(tokens).parse();
}

/** All host nodes whose names must be looked up before the filter can run. */
export function unresolvedHosts(node: Node | null): Extract<Node, { op: 'host' }>[] {
  if (!node) return [];
  if (node.op === 'and' || node.op === 'or') return [...unresolvedHosts(node.left), ...unresolvedHosts(node.right)];
  if (node.op === 'not') return unresolvedHosts(node.node);
  return node.op === 'host' && node.mac === null && node.addrs.length === 0 ? [node] : [];
}
