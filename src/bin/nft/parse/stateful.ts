/** Statements that keep a count: counter, limit, quota, ct count, by themselves or for each element of a set. Models stateful_stmt of nftables/src/parser_bison.y */

import type { xt } from '../../../os/uapi.ts';
import { type Cursor, NftError } from '../lexer.ts';

const LIMIT_UNITS: readonly string[] = ['second', 'minute', 'hour', 'day', 'week'];
const SIZES: Readonly<Record<string, number>> = { bytes: 1, kbytes: 1024, mbytes: 1024 * 1024 };

function size(c: Cursor, expecting: string): number {
  const t = c.word(null);
  const n = SIZES[t.text];
  if (n === undefined) {
    c.at--;
    c.unexpected(expecting);
  }
  return n;
}

/** `rate over 5 kbytes/second burst 10 kbytes` */
export function limitBody(c: Cursor): xt.LimitStmt {
  if (!c.is('rate')) c.unexpected('name or rate');
  c.next();
  const over = c.take('over');
  if (!over) c.take('until');
  const n = c.number();
  let bytes = false;
  let rate = n;
  let unit: string;
  const size1 = c.token;
  const [sizeWord, unitWord] = size1.text.split('/');
  if (size1.kind === 'string' && unitWord !== undefined && Object.hasOwn(SIZES, sizeWord as string)) {
    // The scanner takes `kbytes/second` for one word.
    c.next();
    bytes = true;
    rate = n * (SIZES[sizeWord as string] as number);
    if (!LIMIT_UNITS.includes(unitWord)) throw new NftError('Wrong unit format', size1);
    unit = unitWord;
  } else {
    if (size1.kind === 'string' && Object.hasOwn(SIZES, size1.text)) {
      bytes = true;
      rate = n * size(c, 'bytes');
    }
    c.expect('/', bytes ? '/' : '/ or string or bytes');
    const t = c.word(null);
    unit = t.text;
    if (!LIMIT_UNITS.includes(unit)) {
      c.at--;
      c.unexpected(null);
    }
  }
  let burst = bytes ? 0 : 5;
  if (c.take('burst')) {
    const at = c.token;
    burst = c.number();
    const kind = c.word(bytes ? null : 'packets');
    if (kind.text === 'packets') {
      if (bytes) {
        c.at--;
        c.unexpected('bytes');
      }
    } else if (Object.hasOwn(SIZES, kind.text)) {
      if (!bytes) {
        c.at--;
        c.unexpected('packets');
      }
      burst *= SIZES[kind.text] as number;
    } else {
      c.at--;
      c.unexpected(null);
    }
    if (!bytes && burst === 0) throw new NftError('packet limit burst must be > 0', at);
  }
  return { s: 'limit', rate, unit: unit as xt.LimitUnit, burst, bytes, over };
}

/** `over 25 mbytes used 3 bytes` */
export function quotaBody(c: Cursor): xt.QuotaStmt {
  const over = c.take('over');
  if (!over) c.take('until');
  const n = c.number();
  if (c.end) c.unexpected('string or bytes');
  const bytes = n * size(c, 'bytes');
  let used = 0;
  if (c.take('used')) used = c.number() * size(c, 'bytes');
  return { s: 'quota', bytes, over, used };
}

/** Statements that sets may carry for each element; null when none stands there. */
export function statefulStatement(c: Cursor): xt.Stmt | null {
  const t = c.token;
  if (t.kind !== 'string') return null;
  if (t.text === 'counter') {
    c.next();
    return counterBody(c);
  }
  if (t.text === 'limit') {
    c.next();
    return limitBody(c);
  }
  if (t.text === 'quota') {
    c.next();
    return quotaBody(c);
  }
  if (t.text === 'ct' && c.peek().text === 'count') {
    c.at += 2;
    return connlimit(c);
  }
  return null;
}

export function counterBody(c: Cursor): xt.CounterStmt {
  let packets = 0;
  let bytes = 0;
  if (c.take('packets')) {
    packets = c.number();
    c.expect('bytes');
    bytes = c.number();
  }
  return { s: 'counter', packets, bytes };
}

export function connlimit(c: Cursor): xt.ConnlimitStmt {
  const over = c.take('over');
  return { s: 'connlimit', count: c.number(), over };
}
