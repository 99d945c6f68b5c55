/** Neighbouring payload fields are compared at one go: their matches move together. Models stmt_reduce() and payload_try_merge() of nftables/src/rule.c */

import type { xt } from '../../../os/uapi.ts';

interface Load {
  readonly base: xt.PayloadBase;
  off: number;
  len: number;
}

/** Where the field lies from the begin of its layer: a VLAN header follows 14 bytes of Ethernet. */
function loadOf(s: xt.Stmt): Load | null {
  if (s.s !== 'match' || s.left.k !== 'payload' || s.right.k !== 'value') return null;
  if (s.op !== '==' && !(s.op === 'implicit' && s.left.type.base !== 'bitmask')) return null;
  const off = s.left.off + (s.left.desc?.name === 'vlan' ? 112 : 0);
  if (off % 8 !== 0 || s.left.len % 8 !== 0) return null;
  return { base: s.left.base, off, len: s.left.len };
}

function join(a: Load, b: Load): Load | null {
  if (a.base !== b.base) return null;
  const [first, second] = a.off < b.off ? [a, b] : [b, a];
  if (first.off + first.len !== second.off) return null;
  const len = a.len + b.len;
  if (len > 128 || (len > 32 && a.base !== 'll')) return null;
  return { base: a.base, off: first.off, len };
}

interface Group {
  load: Load;
  /** Statements of the group, by offset. */
  readonly members: xt.Stmt[];
  /** The statement whose place the group takes: the first by offset, or one that names the next protocol. */
  anchor: xt.Stmt;
}

const BASES = ['ll', 'nh', 'th', 'ih'];
const namesProtocol = (s: xt.Stmt): boolean =>
  s.s === 'match' && s.left.k === 'payload' && s.left.field !== null && s.left.field.name === s.left.desc?.key;

/** The statements in the order in which the kernel's expressions give them back. */
export function mergePayloads(stmts: readonly xt.Stmt[]): xt.Stmt[] {
  const loads = stmts.flatMap((s) => {
    const load = loadOf(s);
    return load ? [{ s, load }] : [];
  });
  if (loads.length < 2) return [...stmts];
  loads.sort((a, b) => BASES.indexOf(a.load.base) - BASES.indexOf(b.load.base) || a.load.off - b.load.off);
  const moved = new Map<xt.Stmt, Group>();
  let last: Group | null = null;
  for (const { s, load } of loads) {
    const joined: Load | null = last ? join(last.load, load) : null;
    if (last && joined) {
      last.load = joined;
      last.members.push(s);
      if (namesProtocol(s)) last.anchor = s;
    } else last = { load, members: [s], anchor: s };
    moved.set(s, last);
  }
  return stmts.flatMap((s) => {
    const g = moved.get(s);
    if (!g || g.members.length === 1) return [s];
    return g.anchor === s ? g.members : [];
  });
}
