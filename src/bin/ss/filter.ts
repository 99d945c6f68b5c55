/** ss' filter language: states, and expressions over addresses and ports. Models misc/ssfilter.y and parse_hostcond() */

import { type IpAddr, inPrefix, parseIp } from '../../wire/addr.ts';

/** What a filter is asked about. */
export interface Ends {
  local: { addr: IpAddr | null; port: number };
  remote: { addr: IpAddr | null; port: number };
  device: string | null;
  mark: number;
  autobound: boolean;
}

export type Test = (e: Ends) => boolean;

/** `text` goes to stderr as it is; `usage` adds the help text. */
export class FilterError extends Error {
  readonly usage: boolean;
  readonly status: number;

  constructor(message: string, usage: boolean, status: number) {
    super(message);
    this.usage = usage;
    this.status = status;
  }
}

export const STATES = [
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'closed',
  'close-wait',
  'last-ack',
  'listening',
  'closing',
] as const;
export type StateName = (typeof STATES)[number];

const except = (...out: StateName[]): StateName[] => STATES.filter((s) => !out.includes(s));

const ALIASES: Record<string, readonly StateName[]> = {
  all: STATES,
  connected: except('closed', 'listening'),
  synchronized: except('closed', 'listening', 'syn-sent'),
  bucket: ['syn-recv', 'time-wait'],
  big: except('syn-recv', 'time-wait'),
  close: ['closed'],
  unconnected: ['closed'],
  listen: ['listening'],
  syn_sent: ['syn-sent'],
};

/** States for the word behind `state`; null when there is no such one. */
export function scanState(word: string): readonly StateName[] | null {
  return ALIASES[word] ?? ((STATES as readonly string[]).includes(word) ? [word as StateName] : null);
}

const OPS: Record<string, (a: number, b: number) => boolean> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  eq: (a, b) => a === b,
  '!=': (a, b) => a !== b,
  ne: (a, b) => a !== b,
  neq: (a, b) => a !== b,
  '<': (a, b) => a < b,
  lt: (a, b) => a < b,
  '>': (a, b) => a > b,
  gt: (a, b) => a > b,
  '<=': (a, b) => a <= b,
  le: (a, b) => a <= b,
  leq: (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  ge: (a, b) => a >= b,
  geq: (a, b) => a >= b,
};

const bellows = (): never => {
  throw new FilterError('ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n', true, 255);
};

interface HostCond {
  addr: IpAddr | null;
  len: number;
  port: number | null;
}

/** `service` finds the number of a name in /etc/services. */
function hostCond(text: string, isPort: boolean, service: (name: string) => number | null): HostCond {
  let host = text.replace(/^(inet6?|\*):(?=.)/, (m) => (m.startsWith('*') ? m : ''));
  let port: string | null = null;
  if (host.startsWith('[')) {
    const end = host.indexOf(']');
    port = host.slice(end + 1).startsWith(':') ? host.slice(end + 2) : null;
    host = host.slice(1, end < 0 ? undefined : end);
  } else if (host.startsWith(':') && !host.startsWith('::')) {
    port = host.slice(1);
    host = '';
  } else if (isPort && !host.includes(':')) {
    port = host;
    host = '';
  } else if (host.includes(':') && !host.includes('/')) {
    const last = host.lastIndexOf(':');
    [host, port] = [host.slice(0, last), host.slice(last + 1)];
  }
  const out: HostCond = { addr: null, len: 0, port: null };
  if (port !== null && port !== '' && port !== '*') {
    const n = /^(0x[0-9a-f]+|\d+)$/i.test(port) ? Number(port) : service(port);
    if (n === null) throw new FilterError(`Error: "${port}" does not look like a port.\nCannot parse dst/src address.\n`, false, 1);
    out.port = n;
  }
  if (host !== '' && host !== '*') {
    const [text1, lenText] = host.split('/') as [string, string | undefined];
    const addr = parseIp(text1);
    const most = typeof addr === 'bigint' ? 128 : 32;
    const len = lenText === undefined ? most : Number(lenText);
    if (addr === null || !(len >= 0 && len <= most)) {
      throw new FilterError(`Error: an inet prefix is expected rather than "${host}".\nCannot parse dst/src address.\n`, false, 1);
    }
    out.addr = addr;
    out.len = len;
  }
  return out;
}

const KEYWORDS = new Set([
  'dst',
  'src',
  'dport',
  'sport',
  'dev',
  'fwmark',
  'autobound',
  'and',
  'or',
  'not',
  '(',
  ')',
  '!',
  '&',
  '&&',
  '|',
  '||',
  ',',
]);

/** The test that the words stand for; throws FilterError. No words: everything passes. */
export function parseFilter(words: readonly string[], service: (name: string) => number | null): Test {
  const tokens = words.flatMap((w) => w.match(/[()]|[^\s()]+/g) ?? []);
  let at = 0;
  const peek = (): string | undefined => tokens[at];
  const next = (): string => tokens[at++] ?? bellows();

  const side = (remote: boolean): Test => {
    if (peek() === '=' || peek() === '==' || peek() === 'eq') at++;
    const negate = peek() === '!=' || peek() === 'ne' || peek() === 'neq';
    if (negate) at++;
    const c = hostCond(next(), false, service);
    return (e) => {
      const end = remote ? e.remote : e.local;
      const hit = (c.addr === null || (end.addr !== null && inPrefix(end.addr, c.addr, c.len))) && (c.port === null || end.port === c.port);
      return hit !== negate;
    };
  };
  const port = (remote: boolean): Test => {
    const op = OPS[next()] ?? bellows();
    const c = hostCond(next(), true, service);
    return (e) => op((remote ? e.remote : e.local).port, c.port ?? 0);
  };
  const primary = (): Test => {
    const t = next();
    switch (t) {
      case '(': {
        const inner = either();
        if (next() !== ')') bellows();
        return inner;
      }
      case '!':
      case 'not': {
        const inner = primary();
        return (e) => !inner(e);
      }
      case 'dst':
        return side(true);
      case 'src':
        return side(false);
      case 'dport':
        return port(true);
      case 'sport':
        return port(false);
      case 'dev': {
        if (OPS[peek() ?? ''] !== undefined) at++;
        const name = next();
        return (e) => e.device === name;
      }
      case 'fwmark': {
        if (OPS[peek() ?? ''] !== undefined) at++;
        const [value, mask] = next().split('/') as [string, string | undefined];
        const m = mask === undefined ? 0xffffffff : Number(mask);
        return (e) => (e.mark & m) >>> 0 === Number(value);
      }
      case 'cgroup': {
        if (OPS[peek() ?? ''] !== undefined) at++;
        const path = next();
        return () => path === '/';
      }
      case 'autobound':
        return (e) => e.autobound;
      default:
        if (!KEYWORDS.has(t)) hostCond(t, false, service);
        return bellows();
    }
  };
  const both = (): Test => {
    let left = primary();
    for (;;) {
      const t = peek();
      if (t === undefined || t === ')' || t === 'or' || t === '|' || t === '||' || t === ',') return left;
      if (t === 'and' || t === '&' || t === '&&') at++;
      const a = left;
      const b = primary();
      left = (e) => a(e) && b(e);
    }
  };
  const either = (): Test => {
    let left = both();
    while (peek() === 'or' || peek() === '|' || peek() === '||' || peek() === ',') {
      at++;
      const a = left;
      const b = both();
      left = (e) => a(e) || b(e);
    }
    return left;
  };
  if (tokens.length === 0) return () => true;
  const test = either();
  if (at < tokens.length) bellows();
  return test;
}
