/** The grammar of the filter language: tokens to syntax tree. Models libpcap's grammar.y (pcap-filter(7)) */

import { scan, type Token } from './scan.ts';
import { type AddrType, type Arith, FilterError, type Node, type Quals } from './tree.ts';

/** The text is no filter; `at` is the token that does not fit. */
class SyntaxFailure extends Error {
  readonly at: number;
  constructor(at: number) {
    super('syntax error');
    this.at = at;
  }
}

interface Blk {
  node: Node;
  q: Quals;
}

const NO_QUALS: Quals = { proto: 'undef', dir: 'default', addr: 'undef' };
/** Behind a primitive that has none to hand on. */
const PF: Readonly<Record<string, string>> = {
  ifname: 'ifname supported only on PF linktype',
  ruleset: 'ruleset supported only on PF linktype',
  rnr: 'rnr supported only on PF linktype',
  srnr: 'srnr supported only on PF linktype',
  reason: 'reason supported only on PF linktype',
  action: 'action supported only on PF linktype',
};
/** Primitives for link types that do not occur here. */
const NOT_EMULATED =
  'lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect fisu lssu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls l1 l2 iih lsp snp csnp psnp'.split(
    ' ',
  );
const ATM = 'lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect'.split(' ');
const BINARY: Readonly<Record<string, number>> = { '|': 1, '&': 2, '<<': 3, '>>': 3, '+': 4, '-': 4, '*': 5, '/': 5 };
/** Signs without a precedence of their own: yacc shifts them, and whatever comes behind. */
const LOOSE = ['%', '^'];
const RELATIONS = ['>', '>=', '=', '<=', '<', '!='];
const MAX_DEPTH = 200;

class Parser {
  private at = 0;
  private depth = 0;
  private readonly tokens: readonly Token[];
  /** Primitives in the order in which they were complete, each with the token behind it. */
  readonly complete: { node: Node; end: number }[] = [];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get token(): Token {
    return this.tokens[this.at] as Token;
  }

  fail(): never {
    throw new SyntaxFailure(this.at);
  }

  private is(text: string): boolean {
    const t = this.token;
    return (t.kind === 'key' || t.kind === 'sign') && t.text === text;
  }

  private take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  private need(text: string): void {
    if (!this.take(text)) this.fail();
  }

  private done(node: Node, q: Quals): Blk {
    this.complete.push({ node, end: this.at });
    return { node, q };
  }

  program(): Node | null {
    if (this.token.kind === 'end') return null;
    const { node } = this.expr(NO_QUALS);
    if ((this.tokens[this.at] as Token).kind !== 'end') this.fail();
    return node;
  }

  /** `and` and `or` have the same precedence and bind to the left. `q` is what stood before. */
  private expr(q: Quals): Blk {
    if (++this.depth > MAX_DEPTH) this.fail();
    let left = this.term(q);
    while (this.is('and') || this.is('or')) {
      const op = this.token.text as 'and' | 'or';
      this.at++;
      const right = this.termOrId(left.q);
      left = { node: { op, left: left.node, right: right.node }, q: right.q };
    }
    this.depth--;
    return left;
  }

  private negated(inner: Blk): Blk {
    return { node: { op: 'not', node: inner.node }, q: inner.q };
  }

  /** Tries ways to read on, and keeps the first that fits. */
  private choose(...ways: (() => Blk)[]): Blk {
    const from = this.at;
    const known = this.complete.length;
    let furthest: SyntaxFailure | null = null;
    for (const way of ways) {
      this.at = from;
      this.complete.length = known;
      const { depth } = this;
      try {
        return way();
      } catch (e) {
        if (!(e instanceof SyntaxFailure)) throw e;
        this.depth = depth;
        if (!furthest || e.at > furthest.at) furthest = e;
      }
    }
    throw furthest;
  }

  private term(q: Quals): Blk {
    if (this.take('!')) return this.negated(this.term(q));
    return this.rterm(q);
  }

  /** Behind `and` and `or`: a whole term, or an address that takes the qualifiers from before. */
  private termOrId(q: Quals): Blk {
    if (this.take('!')) return this.negated(this.termOrId(q));
    const { kind } = this.token;
    if (kind === 'id' || kind === 'hid' || kind === 'hid6' || kind === 'eid') return this.id(q);
    if (kind === 'num' || this.is('(')) {
      return this.choose(
        () => this.relation(),
        () => this.id(q),
        () => this.rterm(q),
      );
    }
    return this.rterm(q);
  }

  private rterm(q: Quals): Blk {
    const t = this.token;
    if (t.kind === 'num' || this.is('-') || this.is('len')) return this.relation();
    if (this.is('(')) {
      return this.choose(
        () => this.relation(),
        () => {
          this.at++;
          const inner = this.expr(q);
          this.need(')');
          return { node: inner.node, q };
        },
      );
    }
    if (t.kind === 'proto') {
      const after = this.tokens[this.at + 1] as Token;
      if (after.kind === 'sign' && after.text === '[') return this.relation();
      this.at++;
      return this.qualified(t.text, true);
    }
    return this.qualified('default', false);
  }

  private qualified(proto: string, named: boolean): Blk {
    const t = this.token;
    if (t.kind === 'key') {
      if (t.text === 'broadcast' || t.text === 'multicast') {
        this.at++;
        return this.done({ op: 'cast', kind: t.text, proto }, NO_QUALS);
      }
      if (['type', 'subtype', 'dir'].includes(t.text)) return this.refuse('802.11 link-layer types supported only on 802.11');
      const dir = this.direction();
      const addr = this.addressType(dir !== null);
      if (dir !== null || addr !== null) return this.id({ proto, dir: dir ?? 'default', addr: addr ?? 'default' });
    }
    if (named) return this.done({ op: 'proto', proto }, NO_QUALS);
    return this.other();
  }

  private refuse(text: string): Blk {
    this.at++;
    return this.done({ op: 'refused', text }, NO_QUALS);
  }

  private direction(): string | null {
    const t = this.token;
    if (['addr1', 'addr2', 'addr3', 'addr4', 'ra', 'ta'].includes(t.text) && t.kind === 'key') {
      this.at++;
      return t.text;
    }
    if (!this.is('src') && !this.is('dst')) return null;
    this.at++;
    if (!this.is('or') && !this.is('and')) return t.text;
    const joint = this.token.text;
    this.at++;
    this.need(t.text === 'src' ? 'dst' : 'src');
    return joint;
  }

  private addressType(directed: boolean): AddrType | null {
    const t = this.token;
    if (t.kind !== 'key') return null;
    const always = ['host', 'net', 'port', 'portrange'];
    if (!always.includes(t.text) && (directed || !['proto', 'protochain', 'gateway'].includes(t.text))) return null;
    this.at++;
    return t.text as AddrType;
  }

  private other(): Blk {
    const t = this.token;
    if (t.kind !== 'key') this.fail();
    switch (t.text) {
      case 'less':
      case 'greater':
        this.at++;
        return this.done({ op: 'length', kind: t.text, value: this.number() }, NO_QUALS);
      case 'byte': {
        this.at++;
        const index = this.number();
        const sign = this.token;
        if (sign.kind !== 'sign' || !['&', '|', '<', '>', '='].includes(sign.text)) this.fail();
        this.at++;
        return this.done({ op: 'byte', index, sign: sign.text, value: this.number() }, NO_QUALS);
      }
      case 'inbound':
      case 'outbound':
        this.at++;
        return this.done({ op: 'direction', outbound: t.text === 'outbound' }, NO_QUALS);
      case 'ifindex':
        this.at++;
        return this.done({ op: 'ifindex', value: this.number() }, NO_QUALS);
      case 'vlan':
      case 'mpls':
      case 'geneve':
      case 'pppoes':
        this.at++;
        return this.done({ op: 'tag', kind: t.text, value: this.optionalNumber() }, NO_QUALS);
      case 'pppoed':
        this.at++;
        return this.done({ op: 'pppoed' }, NO_QUALS);
      case 'llc':
        this.at++;
        if (this.token.kind === 'id') return this.refuse(`'llc ${this.token.text}' is not emulated`);
        return this.done({ op: 'llc' }, NO_QUALS);
      default: {
        const pf = PF[t.text];
        if (pf === undefined) {
          if (!NOT_EMULATED.includes(t.text)) this.fail();
          return this.refuse(ATM.includes(t.text) ? `'${t.text}' supported only on raw ATM` : `'${t.text}' is not emulated`);
        }
        this.at++;
        if (this.token.kind !== 'id' && this.token.kind !== 'num') this.fail();
        return this.refuse(pf);
      }
    }
  }

  private number(): number {
    const t = this.token;
    if (t.kind !== 'num') this.fail();
    this.at++;
    return t.value;
  }

  /** pnum: a number, in parentheses or not. */
  private optionalNumber(): number | null {
    if (this.token.kind === 'num') return this.number();
    let open = 0;
    while ((this.tokens[this.at + open] as Token).text === '(') open++;
    if (open === 0 || (this.tokens[this.at + open] as Token).kind !== 'num') return null;
    for (let i = 1; i <= open; i++) if ((this.tokens[this.at + open + i] as Token | undefined)?.text !== ')') return null;
    const { value } = this.tokens[this.at + open] as Token;
    this.at += 2 * open + 1;
    return value;
  }

  private id(q: Quals): Blk {
    if (++this.depth > MAX_DEPTH) this.fail();
    const r = this.anId(q);
    this.depth--;
    return r;
  }

  private anId(q: Quals): Blk {
    const t = this.token;
    if (this.take('!')) return this.negated(this.id(q));
    const number = t.kind === 'num' || this.is('(') ? this.optionalNumber() : null;
    if (number !== null) return this.done({ op: 'number', value: number, q }, q);
    switch (t.kind) {
      case 'id':
        this.at++;
        return this.done({ op: 'name', text: t.text, q }, q);
      case 'hid':
        return this.dotted(t, q);
      case 'hid6': {
        this.at++;
        const len = this.take('/') ? this.number() : null;
        return this.done({ op: 'ip6', text: t.text, len, q }, q);
      }
      case 'eid':
        this.at++;
        return this.done({ op: 'mac', text: t.text, q }, q);
      default:
        if (!this.take('(')) this.fail();
        return this.list(q);
    }
  }

  private dotted(t: Token, q: Quals): Blk {
    this.at++;
    let mask: string | null = null;
    let len: number | null = null;
    if (this.take('/')) len = this.number();
    else if (this.take('mask')) {
      if (this.token.kind !== 'hid') this.fail();
      mask = this.token.text;
      this.at++;
    } else if (['port', 'portrange', 'proto', 'protochain'].includes(q.addr)) this.fail();
    return this.done({ op: 'dotted', text: t.text, mask, len, q }, q);
  }

  /** `(80 or 443)` behind its qualifiers. */
  private list(q: Quals): Blk {
    let left = this.id(q);
    while (this.is('and') || this.is('or')) {
      const op = this.token.text as 'and' | 'or';
      this.at++;
      const right = this.id(left.q);
      left = { node: { op, left: left.node, right: right.node }, q: right.q };
    }
    this.need(')');
    return left;
  }

  private relation(): Blk {
    const left = this.arith(0);
    const t = this.token;
    if (t.kind !== 'sign' || !RELATIONS.includes(t.text)) this.fail();
    this.at++;
    const right = this.arith(0);
    return this.done({ op: 'relation', sign: t.text, left, right }, NO_QUALS);
  }

  private arith(least: number): Arith {
    if (++this.depth > MAX_DEPTH) this.fail();
    let left = this.operand();
    for (;;) {
      const t = this.token;
      if (t.kind !== 'sign') break;
      const loose = LOOSE.includes(t.text);
      const precedence = BINARY[t.text];
      if (!loose && (precedence === undefined || precedence < least)) break;
      this.at++;
      left = { op: 'bin', sign: t.text, left, right: this.arith(loose ? 0 : (precedence as number) + 1) };
    }
    this.depth--;
    return left;
  }

  private operand(): Arith {
    const t = this.token;
    if (t.kind === 'num') {
      this.at++;
      return { op: 'num', value: t.value };
    }
    if (this.take('-')) return { op: 'neg', value: this.arith(6) };
    if (this.take('len')) return { op: 'len' };
    if (this.take('(')) {
      const inner = this.arith(0);
      this.need(')');
      return inner;
    }
    if (t.kind !== 'proto') this.fail();
    this.at++;
    this.need('[');
    const index = this.arith(0);
    const size = this.take(':') ? this.number() : 1;
    this.need(']');
    return { op: 'load', proto: t.text, index, size };
  }
}

/**
 * Null for an empty filter, which takes everything. `check` is run on the primitives that were complete before what is wrong
 * with the text came to light: what is wrong with them comes first.
 */
export function parseFilter(text: string, check: (node: Node) => void = () => {}): Node | null {
  const tokens = scan(text);
  const parser = new Parser(tokens);
  const bogus = tokens.findIndex((t) => t.error !== undefined);
  let node: Node | null = null;
  let at = bogus < 0 ? Number.POSITIVE_INFINITY : bogus;
  try {
    node = parser.program();
  } catch (e) {
    if (!(e instanceof SyntaxFailure)) throw e;
    at = Math.min(at, e.at);
  }
  if (at === Number.POSITIVE_INFINITY) return node;
  for (const done of parser.complete) if (done.end <= at) check(done.node);
  throw new FilterError(tokens[at]?.error ?? "can't parse filter expression: syntax error");
}
