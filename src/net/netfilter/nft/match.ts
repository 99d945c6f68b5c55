/** Comparisons and look-ups, each compiled for its kind of operand. Models net/netfilter/nft_{cmp,range,bitwise,lookup}.c */

import type { Value } from './datatype.ts';
import type { Expr, Op } from './expr.ts';
import { type CompileCx, compileFind, compileLoad, type Load } from './load.ts';
import { type Run, runElem } from './run.ts';
import { NftSet, spansOf } from './set.ts';
import type { MatchStmt } from './stmt.ts';

/** True when the value is in. */
type Test = (v: Value) => boolean;

const big = (v: Value): bigint => (typeof v === 'string' ? 0n : BigInt(v));

function maskTest(want: Value, none: boolean): Test {
  if (typeof want === 'number' && want <= 0xffffffff) {
    const bits = want;
    return (v) => (typeof v === 'number' ? ((v & bits) >>> 0 !== 0) !== none : none);
  }
  const bits = big(want);
  return (v) => ((big(v) & bits) !== 0n) !== none;
}

function orderTest(op: Op, want: Value): Test {
  switch (op) {
    case '<':
      return (v) => v < want;
    case '>':
      return (v) => v > want;
    case '<=':
      return (v) => v <= want;
    default:
      return (v) => v >= want;
  }
}

function valueTest(op: Op, want: Value): Test {
  if (op === 'implicit') return maskTest(want, false);
  if (op === '!') return maskTest(want, true);
  if (op === '<' || op === '>' || op === '<=' || op === '>=') return orderTest(op, want);
  const not = op === '!=';
  if (typeof want === 'string') {
    if (want.endsWith('*') && !want.endsWith('\\*')) {
      const start = want.slice(0, -1);
      return (v) => (typeof v === 'string' && v.startsWith(start)) !== not;
    }
    const name = want.replace('\\*', '*');
    return not ? (v) => v !== name : (v) => v === name;
  }
  return not ? (v) => v !== want : (v) => v === want;
}

/** A prefix of an IPv4 address is a mask away. */
function spanTest(right: Expr, not: boolean): Test {
  const [s] = spansOf(right);
  if (!s) return () => not;
  const { low, high } = s;
  return (v) => (v >= low && v <= high) !== not;
}

export function compileMatch(s: MatchStmt, cx: CompileCx): Run {
  const { left, right, op } = s;
  const not = op === '!=';
  if (right.k === 'set' || right.k === 'setref') {
    const set = cx.setOf(right);
    const find = compileFind(left, set, cx);
    return (p) => {
      const hit = find(p);
      if ((hit !== null) === not) return 'break';
      return hit && hit.stmts.length > 0 && !runElem(hit, p, cx) ? 'break' : 'next';
    };
  }
  if (left.k === 'concat') {
    const spec = { low: spansOf(right) };
    const loads = left.items.map((i) => compileLoad(i, cx));
    return (p) => {
      let all = true;
      for (const [i, load] of loads.entries()) {
        const v = load(p);
        if (v === null) return 'break';
        const span = spec.low[i];
        if (!span || v < span.low || v > span.high) all = false;
      }
      return all !== not ? 'next' : 'break';
    };
  }
  const load: Load = compileLoad(left, cx);
  const test = right.k === 'value' ? valueTest(op, right.v) : spanTest(right, not);
  if (right.k === 'value' && op === '==' && typeof right.v === 'number') {
    const want = right.v;
    return (p) => (load(p) === want ? 'next' : 'break');
  }
  return (p) => {
    const v = load(p);
    return v !== null && test(v) ? 'next' : 'break';
  };
}

export { NftSet };
