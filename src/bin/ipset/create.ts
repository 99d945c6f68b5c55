/** ipset create: the options of each type of set. Models ipset's lib/ipset_*.c */

import { xt } from '../../os/uapi.ts';
import { type Family, parseIp4, parseIp6 } from '../../wire/addr.ts';
import { SyntaxProblem } from './elements.ts';

/** What ends a command: exit status, and whether the hint about help follows. */
export class Failure extends Error {
  readonly hint: boolean;
  readonly status: number;

  constructor(message: string, hint = false) {
    super(message);
    this.hint = hint;
    this.status = hint ? 2 : 1;
  }
}

/** Names from before version 5. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  iphash: 'hash:ip',
  iptree: 'hash:ip',
  iptreemap: 'hash:ip',
  nethash: 'hash:net',
  ipporthash: 'hash:ip,port',
  ipportiphash: 'hash:ip,port,ip',
  ipportnethash: 'hash:ip,port,net',
  portmap: 'bitmap:port',
  ipmap: 'bitmap:ip',
  macipmap: 'bitmap:ip,mac',
  setlist: 'list:set',
};

/** Types that the tool knows and this kernel lacks. */
const UNSUPPORTED = ['hash:mac', 'hash:ip,mac', 'hash:net,port,net', 'hash:net,net', 'hash:ip,mark'];

const COMMON = ['timeout', 'counters', 'comment', 'skbinfo'];
const HASH = [...COMMON, 'family', '-4', '-6', 'hashsize', 'maxelem', 'forceadd', 'bucketsize', 'initval'];

function allowed(type: string): readonly string[] {
  if (type === 'list:set') return [...COMMON, 'size'];
  if (type === 'bitmap:port') return [...COMMON, 'range', 'from', 'to'];
  if (type.startsWith('bitmap')) return [...COMMON, 'range', 'from', 'to', 'network', ...(type === 'bitmap:ip' ? ['netmask'] : [])];
  return type === 'hash:ip' || type === 'hash:ip,port' ? [...HASH, 'netmask', 'bitmask'] : HASH;
}

export function number(word: string, min = 0, max = 0xffffffff): number {
  const n = xt.parseNumber(word, min, max);
  if (n !== null) return n;
  const plain = xt.parseNumber(word, 0, Number.MAX_SAFE_INTEGER) !== null;
  throw new SyntaxProblem(plain ? `Syntax error: '${word}' is out of range ${min}-${max}` : `Syntax error: '${word}' is invalid as number`);
}

function familyOf(word: string): Family {
  if (word === 'inet' || word === 'ipv4' || word === '-4') return 4;
  if (word === 'inet6' || word === 'ipv6' || word === '-6') return 6;
  throw new SyntaxProblem(`Syntax error: unknown inet family ${word}`);
}

function netmask(word: string, family: Family): number | null {
  const max = family === 4 ? 32 : 128;
  try {
    const n = number(word, 1, max);
    return n === max ? null : n;
  } catch (e) {
    if (!(e instanceof SyntaxProblem)) throw e;
    throw new SyntaxProblem(`${e.message}\nSyntax error: netmask is out of the inclusive range of 1-${max}`);
  }
}

/** IPSET_BITMAP_MAX_RANGE */
const MAX_RANGE = 0x10000;

function range(word: string, type: string): [number, number] {
  if (type === 'bitmap:port') {
    const [low, high] = word.split('-');
    if (high === undefined) throw new Failure("Mandatory option `to' is missing", true);
    return [number(low as string, 0, 65535), number(high, 0, 65535)];
  }
  const one = (text: string): number => {
    const addr = parseIp4(text);
    if (addr === null) throw new SyntaxProblem(`Syntax error: cannot parse ${text}: resolving to IPv4 address failed`);
    return addr;
  };
  const slash = word.indexOf('/');
  if (slash >= 0) {
    const size = 2 ** (32 - number(word.slice(slash + 1), 1, 32));
    const base = Math.floor(one(word.slice(0, slash)) / size) * size;
    return [base, base + size - 1];
  }
  const [low, high] = word.split('-');
  if (high === undefined) throw new SyntaxProblem(`Syntax error: IP/cidr or IP-IP range must be specified: ${word}`);
  return [one(low as string), one(high)];
}

function defaults(): xt.SetOptions {
  return {
    family: 4,
    hashsize: 1024,
    maxelem: 65536,
    timeout: null,
    counters: false,
    comment: false,
    forceadd: false,
    skbinfo: false,
    netmask: null,
    bitmask: null,
    bucketsize: 12,
    initval: null,
    range: null,
    size: 8,
  };
}

/** The kernel rounds to powers of two of at least 64 buckets. */
function buckets(n: number): number {
  return n <= 64 ? 64 : 2 ** Math.ceil(Math.log2(n));
}

export function create(sets: xt.IpSets, words: readonly string[], exist: boolean): void {
  const [name, typeName, ...rest] = words;
  if (name === undefined) throw new Failure('Missing mandatory argument to command create', true);
  if (typeName === undefined) throw new Failure('Missing second mandatory argument to command create', true);
  if (name.length > 31) throw new SyntaxProblem(`Syntax error: setname '${name}' is longer than 31 characters`);
  const known = OLD_NAMES[typeName] ?? typeName;
  const type = xt.SET_TYPES.find((t) => t.name === known);
  if (!type && UNSUPPORTED.includes(known)) throw new Failure('Kernel error received: set type not supported');
  if (!type) throw new SyntaxProblem(`Syntax error: typename '${typeName}' is unknown`);
  const o = defaults();
  const legal = allowed(type.name);
  let from: string | null = null;
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string;
    if (!legal.includes(word)) throw new Failure(`Unknown argument: \`${word}'`, true);
    const value = (): string => {
      const v = rest[++i];
      if (v === undefined) throw new Failure(`Missing mandatory argument of option \`${word}'`, true);
      return v;
    };
    if (word === 'family') o.family = familyOf(value());
    else if (word === '-4' || word === '-6') o.family = familyOf(word);
    else if (word === 'hashsize') o.hashsize = buckets(number(value()));
    else if (word === 'maxelem') o.maxelem = number(value());
    else if (word === 'timeout') o.timeout = number(value(), 0, 2147483);
    else if (word === 'counters') o.counters = true;
    else if (word === 'comment') o.comment = true;
    else if (word === 'forceadd') o.forceadd = true;
    else if (word === 'skbinfo') o.skbinfo = true;
    else if (word === 'netmask') o.netmask = netmask(value(), o.family);
    else if (word === 'bitmask') o.bitmask = (o.family === 4 ? parseIp4 : parseIp6)(value());
    else if (word === 'bucketsize') o.bucketsize = Math.min(12, Math.max(2, number(value(), 1, 255) & ~1));
    else if (word === 'initval') o.initval = number(value());
    else if (word === 'size') o.size = Math.max(4, number(value()));
    else if (word === 'from') from = value();
    else o.range = range(word === 'to' ? `${from ?? ''}-${value()}` : value(), type.name);
  }
  if (type.name.startsWith('bitmap') && !o.range) throw new Failure("Mandatory option `range' is missing", true);
  if (o.range) {
    const [low, high] = o.range;
    o.range = [Math.min(low, high), Math.max(low, high)];
    const slots = (o.range[1] - o.range[0] + 1) / (o.netmask === null ? 1 : 2 ** (32 - o.netmask));
    if (slots > MAX_RANGE) throw new Failure('The range you specified exceeds the size limit of the set type');
  }
  const old = sets.get(name);
  if (!old) {
    sets.create(name, type, o);
    return;
  }
  const shape = (s: xt.SetOptions): string => JSON.stringify([s.family, s.maxelem, s.timeout, s.netmask, s.counters, s.comment, s.range]);
  if (!exist || old.type !== type || shape(old.options) !== shape(o))
    throw new Failure('Set cannot be created: set with the same name already exists');
}
