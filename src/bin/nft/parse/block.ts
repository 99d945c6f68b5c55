/** Bodies of tables, chains, sets, maps and objects. Models the block rules of nftables/src/parser_bison.y */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { type Cursor, join, type Loc, locOf, NftError, type Token } from '../lexer.ts';
import { duration, lhs, setExpr } from './expr.ts';
import { limitBody, quotaBody, statefulStatement } from './stateful.ts';
import { type ParsedRule, parseRule } from './stmt.ts';

export interface BaseBody {
  readonly type: string;
  readonly hook: string;
  readonly priority: number;
  readonly typeToken: Token;
  readonly devices: readonly string[];
  readonly loc: Loc;
}

export interface ChainBody {
  base: BaseBody | null;
  policy: 'accept' | 'drop' | null;
  policyLoc: Loc | null;
  comment: string | null;
  readonly rules: ParsedRule[];
}

export interface SetBody {
  type: readonly xt.DataType[] | null;
  typeofKey: xt.Expr | null;
  data: readonly xt.DataType[] | null;
  typeofData: xt.Expr | null;
  objType: xt.ObjKind | null;
  verdict: boolean;
  dataInterval: boolean;
  flags: string[];
  timeout: number | null;
  gcInterval: number | null;
  size: number | null;
  policy: 'memory' | 'performance' | null;
  autoMerge: boolean;
  comment: string | null;
  readonly stmts: xt.Stmt[];
  elements: xt.SetExpr | null;
  /** From the brace to the last word. */
  loc: Loc;
}

export interface Reporter {
  /** Notes an error; parsing goes on behind the next separator. */
  report(e: NftError): void;
}

/** Reads items until `}`; an error skips to the next separator. */
function block(c: Cursor, errors: Reporter, item: () => string | null): void {
  for (let i = 0; i < 1_000_000; i++) {
    c.skipNewlines();
    if (c.is('}') && c.token.kind === 'punct') return;
    if (c.done) c.unexpected(null);
    try {
      // What else might stand before the separator; null: none is needed.
      const also = item();
      if (c.newline || c.is(';')) continue;
      if (also === null && c.is('}')) continue;
      c.unexpected(`newline or semicolon${also ?? ''}`);
    } catch (e) {
      if (!(e instanceof NftError)) throw e;
      errors.report(e);
      while (!c.done && !c.newline && !c.is(';')) c.next();
    }
  }
}

const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
  out: 100,
};

/** `filter - 10`, `-150`, a name by itself. */
export function priority(c: Cursor, family: xt.NftFamily, hook: string): number {
  const keyword = c.previous;
  const t = c.token;
  let sign = 1;
  if (c.take('-')) sign = -1;
  if (c.token.kind === 'number') return sign * c.number();
  const name = c.word(null);
  let base = family === 'bridge' ? BRIDGE_PRIORITIES[name.text] : PRIORITIES[name.text];
  if (base === undefined || !priorityAllowed(name.text, family, hook))
    throw new NftError('invalid priority expression value in this context.', { ...t, from: keyword.from, to: c.previous.to });
  if (c.isAny(['+', '-']) && c.token.kind === 'punct') {
    const minus = c.next().text === '-';
    base += (minus ? -1 : 1) * c.number();
  }
  return base;
}

const BRIDGE_PRIORITIES: Readonly<Record<string, number>> = { dstnat: -300, filter: -200, out: 100, srcnat: 300 };

function priorityAllowed(name: string, family: xt.NftFamily, hook: string): boolean {
  if (family === 'bridge') {
    if (name === 'dstnat') return hook === 'prerouting';
    if (name === 'srcnat') return hook === 'postrouting';
    return name === 'out' ? hook === 'output' : name === 'filter';
  }
  if (family === 'arp' || family === 'netdev') return name === 'filter';
  if (name === 'dstnat') return hook === 'prerouting';
  if (name === 'srcnat') return hook === 'postrouting';
  return name !== 'out';
}

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'];

function baseBody(c: Cursor, family: xt.NftFamily): BaseBody {
  const from = c.previous;
  const type = c.word();
  if (!['filter', 'nat', 'route'].includes(type.text)) throw new NftError('unknown chain type', type);
  c.expect('hook');
  const hook = c.word();
  if (!HOOKS.includes(hook.text)) throw new NftError('unknown chain hook', hook);
  const devices: string[] = [];
  let devicesFrom = c.token;
  if (c.take('device')) devices.push(c.string());
  else if (c.take('devices')) {
    c.expect('=');
    devicesFrom = c.token;
    devices.push(...deviceList(c));
  }
  const devicesLoc = join(locOf(devicesFrom), locOf(c.previous));
  c.expect('priority');
  const base: BaseBody = {
    type: type.text,
    typeToken: type,
    hook: hook.text,
    priority: priority(c, family, hook.text),
    devices,
    loc: join(locOf(from), locOf(c.previous)),
  };
  if (!hookAllowed(family, hook.text)) throw new NftError(`The ${family} family does not support this hook`, hook);
  if (family === 'netdev' || (family === 'inet' && hook.text === 'ingress')) {
    if (devices.length === 0) throw new NftError("Missing `device' in this chain definition", { ...hook, ...base.loc });
  } else if (devices.length > 0) throw new NftError('This chain type cannot be bound to device', { ...hook, ...devicesLoc });
  return base;
}

function hookAllowed(family: xt.NftFamily, hook: string): boolean {
  if (family === 'netdev') return hook === 'ingress' || hook === 'egress';
  if (family === 'arp') return hook === 'input' || hook === 'output' || hook === 'forward';
  if (hook === 'egress') return false;
  return hook !== 'ingress' || family === 'inet';
}

export function deviceList(c: Cursor): string[] {
  c.expect('{');
  const out: string[] = [];
  for (let i = 0; i < 256; i++) {
    while (c.newline) c.next();
    if (c.is('}') && out.length > 0) break;
    if (c.is('}')) c.unexpected("string or quoted string or '$'");
    out.push(c.string());
    while (c.newline) c.next();
    if (!c.take(',')) break;
  }
  while (c.newline) c.next();
  c.expect('}');
  return out;
}

export function chainBody(c: Cursor, family: xt.NftFamily, errors: Reporter, withRules: boolean): ChainBody {
  const body: ChainBody = { base: null, policy: null, policyLoc: null, comment: null, rules: [] };
  c.expect('{');
  block(c, errors, () => {
    const second = c.peek();
    if (c.is('type') && ['hook'].includes(c.peek(2).text)) {
      c.next();
      body.base = baseBody(c, family);
    } else if (c.is('policy')) {
      const from = c.next();
      const t = c.word("accept or drop or '$'");
      if (t.text !== 'accept' && t.text !== 'drop') {
        c.at--;
        c.unexpected("accept or drop or '$'");
      }
      body.policy = t.text;
      body.policyLoc = join(locOf(from), locOf(t));
    } else if (c.is('comment') && second.kind !== 'punct') {
      c.next();
      body.comment = c.string();
    } else if (c.is('flags')) {
      c.next();
      c.word();
    } else if (c.is('devices')) {
      c.next();
      c.expect('=');
      deviceList(c);
    } else if (withRules) body.rules.push(parseRule(c));
    else c.unexpected(null);
    return '';
  });
  c.expect('}');
  return body;
}

/** `type ipv4_addr . inet_service` */
function typeList(c: Cursor): xt.DataType[] {
  const out: xt.DataType[] = [];
  do {
    const t = c.word();
    const type = nft.typeByName(t.text);
    if (!type || type.base === 'none') throw new NftError(`unknown datatype ${t.text}`, t);
    out.push(type);
  } while (c.take('.'));
  return out;
}

const OBJECT_TYPES: readonly xt.ObjKind[] = ['counter', 'quota', 'limit', 'synproxy', 'secmark'];

function typeofExpr(c: Cursor): xt.Expr {
  const e = lhs(c);
  if (!e) c.unexpected(null);
  return e;
}

function mapData(c: Cursor, body: SetBody): void {
  if (c.take('interval')) body.dataInterval = true;
  if (c.token.kind === 'string' && OBJECT_TYPES.includes(c.token.text as xt.ObjKind)) body.objType = c.next().text as xt.ObjKind;
  else if (c.is('ct') && ['helper', 'timeout', 'expectation'].includes(c.peek().text)) {
    c.next();
    body.objType = `ct ${c.next().text}` as xt.ObjKind;
  } else if (c.take('verdict')) body.verdict = true;
  else body.data = typeList(c);
}

const SET_FLAGS = ['constant', 'interval', 'timeout', 'dynamic'];

export function setBody(c: Cursor, errors: Reporter, map: boolean): SetBody {
  const body: SetBody = {
    type: null,
    typeofKey: null,
    data: null,
    typeofData: null,
    objType: null,
    verdict: false,
    dataInterval: false,
    flags: [],
    timeout: null,
    gcInterval: null,
    size: null,
    policy: null,
    autoMerge: false,
    comment: null,
    stmts: [],
    elements: null,
    loc: locOf(c.token),
  };
  const open = c.expect('{');
  block(c, errors, () => {
    let also: string | null = '';
    if (c.take('type')) {
      const type = typeList(c);
      if (map) {
        c.expect(':', 'colon or .');
        mapData(c, body);
      }
      body.type = type;
      also = ' or .';
    } else if (c.take('typeof')) {
      body.typeofKey = typeofExpr(c);
      if (map) {
        c.expect(':', 'colon');
        if (c.take('interval')) body.dataInterval = true;
        if (c.take('verdict')) body.verdict = true;
        else if (c.token.kind === 'string' && OBJECT_TYPES.includes(c.token.text as xt.ObjKind)) body.objType = c.next().text as xt.ObjKind;
        else body.typeofData = typeofExpr(c);
      }
    } else if (c.take('flags')) {
      do {
        if (!c.isAny(SET_FLAGS)) c.unexpected('constant or interval or dynamic or timeout');
        body.flags.push(c.next().text);
      } while (c.take(','));
    } else if (c.take('timeout')) body.timeout = duration(c);
    else if (c.take('gc-interval')) body.gcInterval = duration(c);
    else if (c.take('size')) body.size = c.number();
    else if (c.take('policy')) {
      if (!c.isAny(['memory', 'performance'])) c.unexpected('performance or memory');
      body.policy = c.next().text as 'memory' | 'performance';
    } else if (c.take('auto-merge')) {
      body.autoMerge = true;
      also = null;
    } else if (c.take('comment')) body.comment = c.string();
    else if (c.take('elements')) {
      c.expect('=');
      body.elements = setExpr(c, false);
      also = null;
    } else {
      const s = statefulStatement(c);
      if (!s) c.unexpected(null);
      body.stmts.push(s);
    }
    return also;
  });
  body.loc = join(locOf(open), locOf(c.previous));
  c.expect('}');
  return body;
}

export interface ObjBody {
  readonly stmt: xt.Stmt | null;
  readonly lines: readonly string[];
  readonly comment: string | null;
}

/** `counter c { packets 0 bytes 0 }`, `quota q { over 5 mbytes }` */
export function objectBody(c: Cursor, kind: xt.ObjKind, errors: Reporter): ObjBody {
  let stmt: xt.Stmt | null = kind === 'counter' ? { s: 'counter', packets: 0, bytes: 0 } : null;
  let comment: string | null = null;
  const words = new Map<string, string>();
  const read = (): void => {
    if (c.take('comment')) {
      comment = c.string();
      return;
    }
    switch (kind) {
      case 'counter':
        c.expect('packets', null);
        stmt = { s: 'counter', packets: c.number(), bytes: 0 };
        c.expect('bytes');
        stmt.bytes = c.number();
        return;
      case 'quota':
        stmt = quotaBody(c);
        return;
      case 'limit':
        stmt = limitBody(c);
        return;
      case 'synproxy':
        stmt = synproxyLine(c, stmt);
        return;
      case 'ct helper':
        if (c.take('type')) {
          const name = c.word(null).text;
          c.expect('protocol');
          words.set('type', `type "${name}" protocol ${c.string()}`);
        } else if (c.take('l3proto')) words.set('l3proto', `l3proto ${c.string()}`);
        else c.unexpected(null);
        return;
      case 'ct timeout':
        if (c.take('protocol')) words.set('protocol', `protocol ${c.string()}`);
        else if (c.take('l3proto')) words.set('l3proto', `l3proto ${c.string()}`);
        else if (c.take('policy')) {
          c.expect('=');
          words.set('policy', `policy = { ${timeoutPolicy(c)} }`);
        } else c.unexpected(null);
        return;
      case 'ct expectation':
        if (c.take('protocol')) words.set('protocol', `protocol ${c.string()}`);
        else if (c.take('dport')) words.set('dport', `dport ${c.number()}`);
        else if (c.take('timeout')) words.set('timeout', `timeout ${nft.formatDuration(duration(c))}`);
        else if (c.take('size')) words.set('size', `size ${c.number()}`);
        else if (c.take('l3proto')) words.set('l3proto', `l3proto ${c.string()}`);
        else c.unexpected(null);
        return;
      default:
        words.set('context', `"${c.string()}"`);
    }
  };
  if (c.is('{')) {
    c.next();
    objectBlock(c, errors, read);
    c.expect('}');
  } else if (!c.end || kind === 'quota' || kind === 'limit') read();
  const order = ['type', 'protocol', 'dport', 'timeout', 'size', 'l3proto', 'policy', 'context'];
  const lines = order.flatMap((k) => words.get(k) ?? []);
  if (kind === 'ct helper' && !words.has('l3proto')) lines.push('l3proto inet');
  return { stmt, lines, comment };
}

/** Unlike other blocks its items need no separator before the brace. */
function objectBlock(c: Cursor, errors: Reporter, item: () => void): void {
  for (let i = 0; i < 64; i++) {
    c.skipNewlines();
    if (c.is('}') || c.done) return;
    try {
      item();
    } catch (e) {
      if (!(e instanceof NftError)) throw e;
      errors.report(e);
      while (!c.done && !c.newline && !c.is(';') && !c.is('}')) c.next();
    }
  }
}

function synproxyLine(c: Cursor, old: xt.Stmt | null): xt.Stmt {
  const s = { s: 'synproxy' as const, mss: null as number | null, wscale: null as number | null, timestamp: false, sackPerm: false };
  if (old?.s === 'synproxy') Object.assign(s, old);
  for (let i = 0; i < 8 && !c.end; i++) {
    if (c.take('mss')) s.mss = c.number();
    else if (c.take('wscale')) s.wscale = c.number();
    else if (c.take('timestamp')) s.timestamp = true;
    else if (c.take('sack-perm')) s.sackPerm = true;
    else c.unexpected(null);
  }
  return s;
}

function timeoutPolicy(c: Cursor): string {
  c.expect('{');
  const out: string[] = [];
  for (let i = 0; i < 32; i++) {
    while (c.newline) c.next();
    if (c.is('}')) break;
    const name = c.string();
    c.expect(':');
    out.push(`${name} : ${Math.floor(duration(c) / 1000)}`);
    if (!c.take(',')) break;
  }
  while (c.newline) c.next();
  c.expect('}');
  return out.join(', ');
}

export interface FlowtableBody {
  priority: number;
  devices: string[];
  counter: boolean;
  offload: boolean;
}

export function flowtableBody(c: Cursor, family: xt.NftFamily, errors: Reporter): FlowtableBody {
  const body: FlowtableBody = { priority: 0, devices: [], counter: false, offload: false };
  c.expect('{');
  block(c, errors, () => {
    if (c.take('hook')) {
      c.word();
      c.expect('priority');
      body.priority = priority(c, family === 'netdev' ? 'netdev' : 'ip', 'ingress');
    } else if (c.take('devices')) {
      c.expect('=');
      body.devices = deviceList(c);
    } else if (c.take('counter')) body.counter = true;
    else if (c.take('flags')) {
      c.word();
      body.offload = true;
    } else c.unexpected(null);
    return null;
  });
  c.expect('}');
  return body;
}

export type { Token };
export { block };
