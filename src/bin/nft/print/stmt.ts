/** Statements in nft's language. Models the print functions of nftables/src/statement.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { LOG_FLAGS, LOG_LEVELS } from '../parse/log.ts';
import { elemsText, exprText, type Format, maskList, operandText, usesStatements, verdictText } from './expr.ts';

function matchText(s: xt.MatchStmt, f: Format): string {
  const { left, right, op } = s;
  const mask = right.type.base === 'bitmask';
  if (left.k === 'binop' && left.op === '&' && mask && right.k === 'value' && (op === '==' || op === '!=')) {
    const flags = left.right;
    const same = flags.k === 'value' && flags.v === right.v;
    const single = flags.k === 'value' && nft.bitsOf(flags.v).length <= 1;
    const full = flags.k === 'value' && BigInt(flags.v) === (1n << BigInt(left.bits)) - 1n;
    if (right.v === 0) return `${exprText(left.left, f)} ${op === '==' ? '! ' : ''}${maskList(flags, f)}`;
    if (full) return `${exprText(left.left, f)} ${op} ${nft.printNumber(right.type, right.v)}`;
    if (!(single && same)) return `${exprText(left.left, f)} ${op === '!=' ? '!= ' : ''}${maskList(right, f)} / ${maskList(flags, f)}`;
  }
  if (op === 'implicit') return `${exprText(left, f)} ${maskList(right, f)}`;
  if (op === '!') return `${exprText(left, f)} ! ${maskList(right, f)}`;
  // Several bits of a payload field stay one number, those of ct are taken apart.
  const oneNumber = mask && right.k === 'value' && left.k === 'payload';
  const several = mask && right.k === 'value' && nft.bitsOf(right.v).length > 1 && !oneNumber;
  const equal = op === '==';
  const printOp = !equal || (mask && right.k === 'value' && !several) || left.k === 'binop';
  const rhs = oneNumber && right.k === 'value' ? nft.printValue(right.type, right.v, f) : exprText(right, f);
  return `${exprText(left, f)} ${printOp ? `${op} ` : ''}${rhs}`;
}

const KB = 1024;

/** The largest unit that divides. */
function rateText(n: number): string {
  if (n !== 0 && n % (KB * KB) === 0) return `${n / KB / KB} mbytes`;
  if (n !== 0 && n % KB === 0) return `${n / KB} kbytes`;
  return `${n} bytes`;
}

export function limitText(s: xt.LimitStmt): string {
  const over = s.over ? 'over ' : '';
  if (!s.bytes) return `limit rate ${over}${s.rate}/${s.unit}${s.burst !== 5 && s.burst !== 0 ? ` burst ${s.burst} packets` : ''}`;
  return `limit rate ${over}${rateText(s.rate)}/${s.unit}${s.burst > 0 ? ` burst ${rateText(s.burst)}` : ''}`;
}

export function quotaText(s: xt.QuotaStmt, f: Format): string {
  return `quota ${s.over ? 'over ' : ''}${rateText(s.bytes)}${!f.stateless && s.used > 0 ? ` used ${rateText(s.used)}` : ''}`;
}

function logText(s: xt.LogStmt): string {
  let t = 'log';
  if (s.prefix !== null) t += ` prefix "${s.prefix}"`;
  if (s.group !== null) t += ` group ${s.group}`;
  if (s.snaplen !== null) t += ` snaplen ${s.snaplen}`;
  if (s.threshold !== null) t += ` queue-threshold ${s.threshold}`;
  if (s.level !== null && s.level !== 4) t += ` level ${LOG_LEVELS[s.level]}`;
  if (s.flags === LOG_FLAGS.all) return `${t} flags all`;
  const tcp = [s.flags & 1 ? 'sequence' : '', s.flags & 2 ? 'options' : ''].filter((x) => x);
  if (tcp.length > 0) t += ` flags tcp ${tcp.join(',')}`;
  if (s.flags & 4) t += ' flags ip options';
  if (s.flags & 8) t += ' flags skuid';
  if (s.flags & 32) t += ' flags ether';
  return t;
}

/** `plain`: the default may be left out. */
function rejectText(s: xt.RejectStmt, f: Format, plain: boolean): string {
  if (s.kind === 'tcp') return 'reject with tcp reset';
  const defaults = { icmp: 3, icmpv6: 4, icmpx: 1 };
  const kind = s.kind ?? 'icmpx';
  if (s.code === defaults[kind] && plain) return 'reject';
  const type = kind === 'icmp' ? nft.TYPES.icmp_code : kind === 'icmpv6' ? nft.TYPES.icmpv6_code : nft.TYPES.icmpx_code;
  return `reject with ${kind} ${nft.printValue(type, s.code, f)}`;
}

/** Maps to more than an address: their family is said. */
export function wideNat(s: xt.NatStmt): boolean {
  if (s.addr?.k !== 'map') return false;
  if (s.concat || s.form !== null) return true;
  const { table } = s.addr;
  if (table.k !== 'set') return table.set.spec.dataInterval;
  return table.elems.some((el) => el.data?.k === 'range' || el.data?.k === 'prefix');
}

function natText(s: xt.NatStmt, f: Format, table: xt.NftFamily): string {
  let t: string = s.what;
  const wide = wideNat(s);
  if (s.addr || s.port) {
    if (s.addr && s.family && (s.family !== table || wide)) t += ` ${s.family}`;
    if (s.form === 'prefix') t += ' prefix';
    t += ' to';
    if (s.addr) t += ` ${bracketed(natAddr(s.addr, f), s.family, s.port !== null)}`;
    if (s.port) t += `${s.addr ? '' : ' '}:${exprText(s.port, f)}`;
  }
  if (s.flags.length > 0) t += ` ${s.flags.join(',')}`;
  return t;
}

function bracketed(text: string, family: 'ip' | 'ip6' | null, port: boolean): string {
  if (family !== 'ip6' || !port || !/^[0-9a-f:.]+(-[0-9a-f:.]+)?$/i.test(text)) return text;
  return text
    .split('-')
    .map((p) => `[${p}]`)
    .join('-');
}

/** A range of addresses that is a prefix is written so. */
function natAddr(e: xt.Expr, f: Format): string {
  if (e.k !== 'range') return exprText(e, f);
  const [s] = nft.spansOf(e) as [xt.Span];
  const low = BigInt(s.low as number);
  const size = BigInt(s.high as number) - low + 1n;
  if ((size & (size - 1n)) === 0n && low % size === 0n) {
    let len = e.bits;
    for (let n = size; n > 1n; n >>= 1n) len--;
    return `${exprText(e.left, f)}/${len}`;
  }
  return exprText(e, f);
}

function queueText(s: xt.QueueStmt, f: Format): string {
  return `queue${s.flags.length > 0 ? ` flags ${s.flags.join(',')}` : ''}${s.num ? ` to ${exprText(s.num, f)}` : ' to 0'}`;
}

function setopText(s: xt.SetStmt, f: Format): string {
  const name = s.set.k === 'setref' ? s.set.name : '';
  // What the rule says is where elements begin: it counts nothing itself.
  const stmts = s.stmts.map((st) => ` ${stmtText(st, { ...f, stateless: true })}`).join('');
  if (s.meter) {
    const size = s.set.k === 'setref' && s.set.set.spec.size !== null ? ` size ${s.set.set.spec.size}` : '';
    return `meter ${name}${size} { ${exprText(s.key, f)}${stmts} }`;
  }
  const timeout = s.timeout !== null ? ` timeout ${nft.formatDuration(s.timeout)}` : '';
  const data = s.data ? ` : ${exprText(s.data, f)}` : '';
  return `${s.op} @${name} { ${exprText(s.key, f)}${timeout}${s.comment !== null ? ` comment "${s.comment}"` : ''}${stmts}${data} }`;
}

function objrefText(s: xt.ObjrefStmt, f: Format): string {
  const name = exprText(s.expr, f);
  switch (s.kind) {
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
      return `${s.kind} set ${name}`;
    case 'secmark':
      return `meta secmark set ${name}`;
    default:
      return `${s.kind} name ${name}`;
  }
}

function synproxyText(s: xt.SynproxyStmt): string {
  return `synproxy${s.mss !== null ? ` mss ${s.mss}` : ''}${s.wscale !== null ? ` wscale ${s.wscale}` : ''}${s.timestamp ? ' timestamp' : ''}${s.sackPerm ? ' sack-perm' : ''}`;
}

function lastText(s: xt.LastStmt, f: Format): string {
  if (f.stateless) return 'last';
  if (s.at === null) return 'last used never';
  return `last used ${nft.formatDuration(Math.max(0, Math.floor((f.names.now - s.at) / 1000)))}`;
}

/** What the rule's table and context change about the text. */
export interface StmtCx {
  readonly table: xt.NftFamily;
  /** The reject code is the family's own default and may be left out. */
  readonly plainReject: boolean;
}

const PLAIN: StmtCx = { table: 'ip', plainReject: true };

export function stmtText(s: xt.Stmt, f: Format, cx: StmtCx = PLAIN): string {
  switch (s.s) {
    case 'match':
      return matchText(s, f);
    case 'verdict':
      return s.expr.k === 'verdict' ? verdictText(s.expr) : exprText(s.expr, f);
    case 'counter':
      return f.stateless ? 'counter' : `counter packets ${s.packets} bytes ${s.bytes}`;
    case 'limit':
      return limitText(s);
    case 'quota':
      return quotaText(s, f);
    case 'last':
      return lastText(s, f);
    case 'connlimit':
      return `ct count ${s.over ? 'over ' : ''}${s.count}`;
    case 'log':
      return logText(s);
    case 'reject':
      return rejectText(s, f, cx.plainReject);
    case 'nat':
      return natText(s, f, cx.table);
    case 'tproxy': {
      const family = s.family && s.family !== cx.table ? ` ${s.family}` : '';
      const port = s.port && s.port.k === 'value' ? `:${exprText(s.port, f)}` : '';
      return `tproxy${family} to ${s.addr ? bracketed(exprText(s.addr, f), s.family, s.port !== null || s.family === 'ip6') : ''}${port}`;
    }
    case 'queue':
      return queueText(s, f);
    case 'dup':
      if (!s.addr && s.dev) return `dup to ${exprText(s.dev, f)}`;
      return `dup to ${s.addr ? exprText(s.addr, f) : ''}${s.dev ? ` device ${exprText(s.dev, f)}` : ''}`;
    case 'fwd':
      return s.addr ? `fwd ${s.family} to ${exprText(s.addr, f)} device ${exprText(s.dev, f)}` : `fwd to ${exprText(s.dev, f)}`;
    case 'notrack':
      return 'notrack';
    case 'assign':
      return `${exprText(s.target, f)} set ${s.value.k === 'value' && s.value.type.base === 'bitmask' ? maskList(s.value, f) : exprText(s.value, f)}`;
    case 'resetopt':
      return `reset ${exprText(s.target, f)}`;
    case 'setop':
      return setopText(s, f);
    case 'objref':
      return objrefText(s, f);
    case 'synproxy':
      return synproxyText(s);
    case 'flow':
      return `flow add @${s.name}`;
    case 'xt':
      return `xt ${s.kind} "${s.name}"`;
    case 'text':
      return s.text;
    default:
      return '';
  }
}

usesStatements((s, f) => stmtText(s, f));

export { elemsText, operandText };
