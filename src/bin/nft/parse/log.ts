/** The log statement from text. Models log_stmt of nftables/src/parser_bison.y */

import type { xt } from '../../../os/uapi.ts';
import { type Cursor, NftError } from '../lexer.ts';

/** What stands where text is awaited, as the grammar's error lists it. */
export const STRINGS = 'string or quoted string or string with a trailing asterisk';
export const LOG_LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug', 'audit'];
/** NF_LOG_TCPSEQ, TCPOPT, IPOPT, UID, MACDECODE */
export const LOG_FLAGS = { 'tcp sequence': 1, 'tcp options': 2, 'ip options': 4, skuid: 8, ether: 32, all: 47 } as const;

export function log(c: Cursor): xt.LogStmt {
  const o = { prefix: null as string | null, level: null as number | null, flags: 0, group: null as number | null };
  let snaplen: number | null = null;
  let threshold: number | null = null;
  const from = c.previous;
  for (let i = 0; i < 32; i++) {
    if (c.take('prefix')) {
      const t = c.word(STRINGS);
      if (t.text.length > 127) throw new NftError('log prefix is too long', t);
      o.prefix = t.text;
    } else if (c.take('group')) o.group = c.number();
    else if (c.take('snaplen')) snaplen = c.number();
    else if (c.take('queue-threshold')) threshold = c.number();
    else if (c.take('level')) {
      const t = c.word(null);
      const level = LOG_LEVELS.indexOf(t.text);
      if (level < 0) throw new NftError('invalid log level', t);
      o.level = level;
    } else if (c.take('flags')) logFlags(c, o);
    else break;
  }
  const grouped = o.group !== null || snaplen !== null || threshold !== null;
  if (grouped && (o.level !== null || o.flags !== 0)) throw new NftError('level and group are mutually exclusive', from);
  if (o.level === 8 && (o.prefix !== null || o.flags !== 0))
    throw new NftError("log level audit doesn't support any further options", from);
  return { s: 'log', ...o, snaplen, threshold };
}

function logFlags(c: Cursor, o: { flags: number }): void {
  if (c.take('tcp')) {
    do {
      if (c.take('sequence')) o.flags |= LOG_FLAGS['tcp sequence'];
      else if (c.take('options')) o.flags |= LOG_FLAGS['tcp options'];
      else c.unexpected(null);
    } while (c.take(','));
  } else if (c.take('ip')) {
    c.expect('options');
    o.flags |= LOG_FLAGS['ip options'];
  } else if (c.take('skuid')) o.flags |= LOG_FLAGS.skuid;
  else if (c.take('ether')) o.flags |= LOG_FLAGS.ether;
  else if (c.take('all')) o.flags |= LOG_FLAGS.all;
  else c.unexpected(null);
}
