/** Tables of iptables-nft changed by nft: plain rules become rules of iptables. Models what the kernel shares between the two tools */

import * as nft from '../../../os/nft.ts';
import { xt } from '../../../os/uapi.ts';
import { makeEnv } from '../../iptables/common.ts';
import { runIptables } from '../../iptables/iptables.ts';
import { evaluateRule } from '../evaluate/stmt.ts';
import { type Loc, NftError, type Place, type Token } from '../lexer.ts';
import type { ParsedRule } from '../parse/stmt.ts';
import { printForeign } from '../print/foreign.ts';
import type { Executor } from './executor.ts';

export interface Foreign {
  readonly family: 4 | 6;
  readonly name: xt.TableName;
  readonly table: xt.Table;
}

/** The table of iptables-nft of that name, when there is one. */
export function foreignTable(ex: Executor, family: xt.NftFamily, name: string): Foreign | null {
  const f = family === 'ip' ? 4 : family === 'ip6' ? 6 : null;
  if (f === null || !xt.isTableName(name)) return null;
  const table = ex.p.ns.nf.xt.get(f, name);
  return table && { family: f, name, table };
}

/** Runs iptables on the table; what it did is taken back with the transaction. */
function iptables(ex: Executor, t: Foreign, argv: readonly string[], at: Place): void {
  const { xt: tables } = ex.p.ns.nf;
  const { chains, incompatible, handles } = t.table;
  ex.nft.onRollback(() => tables.install(t.family, t.name, chains, incompatible, handles));
  const env = makeEnv(ex.p, t.family === 4 ? 'iptables' : 'ip6tables', t.family, false);
  const r = runIptables(env, ['-t', t.name, ...argv]);
  if (r.status !== 0) ex.refuse('EINVAL', at);
}

function foreignChain(ex: Executor, t: Foreign, name: Token): xt.Chain {
  const chain = t.table.chains.get(name.text);
  if (!chain) ex.refuse('ENOENT', name);
  return chain as xt.Chain;
}

function notEmulated(at: Place): never {
  throw new NftError('this rule in a table of iptables-nft is not emulated', at);
}

function constant(e: xt.Expr): string | null {
  const one = (x: xt.Expr): string | null => {
    if (x.k !== 'value') return null;
    return x.type.name === 'ifname' ? String(x.v).replace(/\*$/, '+') : x.type.print ? x.type.print(x.v, PLAIN) : String(x.v);
  };
  if (e.k === 'prefix') return `${one(e.base)}/${e.len}`;
  if (e.k === 'range') return `${one(e.left)}:${one(e.right)}`;
  return one(e);
}

const PLAIN = {
  numeric: true,
  numericProto: true,
  numericTime: true,
  services: false,
  guid: false,
  names: { ifindex: () => null, ifname: () => null, uid: () => null, gid: () => null, userName: () => null, groupName: () => null, now: 0 },
} satisfies xt.NftStyle;

/** Words of iptables for a match, or null. */
function matchWords(s: xt.MatchStmt): string[] | null {
  const { left, right, op } = s;
  if (op !== '==' && op !== '!=') return null;
  const value = constant(right)?.replace(/^"(.*)"$/, '$1');
  if (value === undefined || value === null) return null;
  const not = op === '!=' ? ['!'] : [];
  if (left.k === 'meta') {
    const option = { iifname: '-i', oifname: '-o', l4proto: '-p' }[left.key];
    return option ? [...not, option, value] : null;
  }
  if (left.k !== 'payload' || !left.desc || !left.field) return null;
  const key = `${left.desc.name} ${left.field.name}`;
  const option = { 'ip saddr': '-s', 'ip daddr': '-d', 'ip6 saddr': '-s', 'ip6 daddr': '-d', 'ip protocol': '-p' }[key];
  if (option) return [...not, option, value];
  const proto = left.desc.name;
  if ((proto === 'tcp' || proto === 'udp') && (left.field.name === 'sport' || left.field.name === 'dport')) {
    return ['-m', proto, ...not, `--${left.field.name}`, value];
  }
  return null;
}

/** The whole rule in words of iptables. */
function words(stmts: readonly xt.Stmt[], at: Place): { args: string[]; counted: boolean } {
  const args: string[] = [];
  let counted = false;
  for (const s of stmts) {
    const m = s.s === 'match' ? matchWords(s) : null;
    if (m) args.push(...m);
    else if (s.s === 'counter') counted = true;
    else if (s.s === 'verdict' && s.expr.k === 'verdict') {
      const { verdict, chain } = s.expr;
      if (verdict === 'jump' || verdict === 'goto') args.push(verdict === 'goto' ? '-g' : '-j', chain ?? '');
      else if (verdict === 'accept' || verdict === 'drop' || verdict === 'return') args.push('-j', verdict.toUpperCase());
      else notEmulated(at);
    } else notEmulated(at);
  }
  return { args, counted };
}

export function addForeignRule(
  ex: Executor,
  t: Foreign,
  chainName: Token,
  rule: ParsedRule,
  at: number | undefined,
  whole: Loc & Place,
): void {
  const family = t.family === 4 ? 'ip' : 'ip6';
  const done = evaluateRule(rule, { names: ex.format.names, family, findSet: () => null, hintSet: () => '' });
  const chain = foreignChain(ex, t, chainName);
  const { args, counted } = words(done.stmts, whole);
  const index = at ?? chain.rules.length;
  iptables(ex, t, index >= chain.rules.length ? ['-A', chain.name, ...args] : ['-I', chain.name, String(index + 1), ...args], whole);
  const added = t.table.chains.get(chain.name)?.rules[index];
  if (added && !counted) printForeign.uncounted.add(added);
}

export function deleteForeignRule(ex: Executor, t: Foreign, chainName: Token, handle: number, at: Token): void {
  const chain = foreignChain(ex, t, chainName);
  const index = chain.rules.findIndex((r) => r.handle === handle);
  if (index < 0) ex.refuseNear(at, t.family === 4 ? 'ip' : 'ip6', t.name, chainName.text);
  iptables(ex, t, ['-D', chain.name, String(index + 1)], at);
}

export function flushForeignChain(ex: Executor, t: Foreign, name: Token): void {
  iptables(ex, t, ['-F', foreignChain(ex, t, name).name], name);
}

export function addForeignChain(ex: Executor, t: Foreign, name: Token): void {
  if (!t.table.chains.has(name.text)) iptables(ex, t, ['-N', name.text], name);
}

export function deleteForeignChain(ex: Executor, t: Foreign, name: Token): void {
  const chain = foreignChain(ex, t, name);
  for (const c of t.table.chains.values()) {
    for (const r of c.rules) if (r.spec.target.kind === 'jump' && r.spec.target.chain === chain.name) ex.refuse('EBUSY', name);
  }
  if (chain.hook) throw new NftError('deleting base chains of iptables-nft is not emulated', name);
  flushForeignChain(ex, t, name);
  iptables(ex, t, ['-X', chain.name], name);
}

export { nft };
