/** snat, dnat, masquerade, redirect and tproxy from text. Models nat_stmt, masq_stmt, redir_stmt and tproxy_stmt of nftables/src/parser_bison.y */

import type { xt } from '../../../os/uapi.ts';
import { type Cursor, span, type Token } from '../lexer.ts';
import { stmtExpr } from './expr.ts';

const NAT_FLAGS: readonly string[] = ['random', 'fully-random', 'persistent'];

function natFlags(c: Cursor): xt.NatStmt['flags'] {
  const given: string[] = [];
  if (!c.isAny(NAT_FLAGS)) return [];
  do {
    if (!c.isAny(NAT_FLAGS)) c.unexpected(null);
    given.push(c.next().text);
  } while (c.take(','));
  return NAT_FLAGS.filter((f) => given.includes(f)) as xt.NatStmt['flags'];
}

/** `1.2.3.4-1.2.3.9:80-90`, `:80`, `[::1]:80`, a map */
function natTarget(c: Cursor): { addr: xt.Expr | null; port: xt.Expr | null } {
  if (c.take(':')) return { addr: null, port: stmtExpr(c) };
  const addr = stmtExpr(c);
  if (c.take(':')) return { addr, port: stmtExpr(c) };
  return { addr, port: null };
}

export function nat(c: Cursor, from: Token): xt.NatStmt {
  const what = from.text as xt.NatKind;
  let family: 'ip' | 'ip6' | null = null;
  let form: 'prefix' | 'interval' | null = null;
  let addr: xt.Expr | null = null;
  let port: xt.Expr | null = null;
  const plain = what === 'masquerade' || what === 'redirect';
  if (!plain && c.isAny(['ip', 'ip6'])) family = c.next().text as 'ip' | 'ip6';
  let concat = false;
  if (!plain && c.take('prefix')) form = 'prefix';
  else if (!plain && c.take('interval')) form = 'interval';
  else if (!plain && family && c.takeAll('addr', '.', 'port')) concat = true;
  if (c.take('to')) {
    const t = natTarget(c);
    addr = t.addr;
    port = t.port;
    // `redirect to 80` is a port without its colon.
    if (plain && addr) {
      port = addr;
      addr = null;
    }
  } else if (!plain) {
    // An address straight after the word is as good.
    const t = natTarget(c);
    addr = t.addr;
    port = t.port;
  }
  const flags = natFlags(c);
  return { s: 'nat', what, family, addr, port, flags, form, concat, loc: span(c, from) };
}

export function tproxy(c: Cursor, from: Token): xt.TproxyStmt {
  const family = c.isAny(['ip', 'ip6']) ? (c.next().text as 'ip' | 'ip6') : null;
  c.expect('to', null);
  const t = natTarget(c);
  return { s: 'tproxy', family, ...t, loc: span(c, from) };
}
