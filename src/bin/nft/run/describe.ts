/** nft describe: what an expression or a data type is. Models expr_describe() of nftables/src/expression.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import type { Cursor } from '../lexer.ts';
import { lhs } from '../parse/expr.ts';
import type { Command } from './executor.ts';

const KINDS: Readonly<Record<string, string>> = {
  payload: 'payload expression',
  meta: 'meta expression',
  ct: 'ct expression',
  ext: 'exthdr expression',
  rt: 'rt expression',
  fib: 'fib expression',
  socket: 'socket expression',
  osf: 'osf expression',
  numgen: 'numgen expression',
  hash: 'hash expression',
  xfrm: 'xfrm expression',
  concat: 'concatenation expression',
  binop: 'binop expression',
};

function baseWords(t: xt.DataType): string {
  if (t.base === 'bitmask') return ' (basetype bitmask, integer)';
  if (t.base === 'string') return t.name === 'string' ? '' : ' (basetype string)';
  if (t.name === 'integer' || t.base === 'verdict') return '';
  return ' (basetype integer)';
}

function lengthWords(t: xt.DataType, bits: number, expression: boolean): string {
  if (t.base === 'string' && expression) return `, ${bits / 8} characters`;
  return `, ${bits} bits`;
}

function symbols(t: xt.DataType, bits: number, expression: boolean): string {
  if (!t.symbols) return '';
  const hex = t.base === 'bitmask' || t.hex !== undefined || ['iface_type', 'arp_op', 'dccp_pkttype'].includes(t.name);
  let s = `\npre-defined symbolic constants (in ${hex ? 'hexadecimal' : 'decimal'}):\n`;
  for (const [name, v] of t.symbols) {
    const digits = Math.max(2, Math.ceil(bits / 8) * 2);
    // Without an expression the value is shown as the machine keeps it.
    const shown = !expression && t.order === 'big' && digits > 2 ? swapped(v, digits / 2) : v;
    s += `\t${name.padEnd(30)}\t${hex ? `0x${shown.toString(16).padStart(digits, '0')}` : String(v).padStart(20)}\n`;
  }
  return s;
}

function swapped(v: number, bytes: number): number {
  let out = 0;
  let rest = v;
  for (let i = 0; i < bytes; i++) {
    out = out * 256 + (rest % 256);
    rest = Math.floor(rest / 256);
  }
  return out;
}

export function describeCommand(c: Cursor): Command {
  const t = c.token;
  const at = c.at;
  const e = lhs(c);
  if (e) {
    return (ex) => {
      const type = e.k === 'concat' ? nft.concatType(e.items.map((i) => i.type)) : e.type;
      if (type.bits === 0 && e.bits === 0) {
        ex.out += `${KINDS[e.k] ?? e.k}, datatype invalid (invalid)`;
        return;
      }
      ex.out += `${KINDS[e.k] ?? `${e.k} expression`}, datatype ${type.name} (${type.desc})${baseWords(type)}${lengthWords(type, e.bits, true)}\n${symbols(type, e.bits, true)}`;
    };
  }
  c.at = at;
  c.word(null);
  return (ex) => {
    const type = nft.typeByName(t.text);
    if (!type) {
      ex.out += 'symbol expression, datatype invalid (invalid)';
      return;
    }
    ex.out += `datatype ${type.name} (${type.desc})${baseWords(type)}${lengthWords(type, type.bits, false)}\n${symbols(type, type.bits, false)}`;
  };
}
