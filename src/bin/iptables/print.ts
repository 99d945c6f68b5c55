/** Rules as text: -S and iptables-save on one side, -L on the other. Models libxtables/xtables.c, iptables/xshared.c, nft-shared.c */

import { xt } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { type Env, hostName, listCx } from './env.ts';

/** `-d … -i … -j …` of one rule. With `counters` ` -c N M` stands before the target, as -S -v has it. */
export function specText(
  spec: xt.RuleSpec,
  family: 4 | 6,
  counters: { packets: number; bytes: number } | null = null,
  legacy = false,
): string {
  let s = '';
  const not = (invert: boolean): string => (invert ? ' !' : '');
  if (spec.src) s += address(spec.src, '-s');
  if (spec.dst) s += address(spec.dst, '-d');
  if (spec.in) s += `${not(spec.in.invert)} -i ${spec.in.name}`;
  if (spec.out) s += `${not(spec.out.invert)} -o ${spec.out.name}`;
  if (spec.proto !== 0) s += `${not(spec.protoInvert)} -p ${xt.protocolName(spec.proto) ?? spec.proto}`;
  if (spec.frag) s += `${not(spec.frag.invert)} -f`;
  for (const m of spec.matches) if (legacy || !m.ext.hidden?.(m.opt)) s += ` -m ${m.ext.name}${m.ext.save(m.opt, family)}`;
  if (counters) s += ` -c ${counters.packets} ${counters.bytes}`;
  const t = spec.target;
  if (t.kind === 'verdict') s += ` -j ${t.verdict}`;
  else if (t.kind === 'jump') s += ` -${t.goto ? 'g' : 'j'} ${t.chain}`;
  else if (t.kind === 'ext') s += ` -j ${t.ext.name}${t.ext.save(t.opt, family)}`;
  return s;
}

function address(m: xt.AddrMatch, flag: string): string {
  const any = typeof m.mask === 'number' ? m.mask === 0 : m.mask === 0n;
  if (any && !m.invert) return '';
  return `${m.invert ? ' !' : ''} ${flag} ${xt.addressMask(m.addr, m.mask, true)}`;
}

/** Built-in chains in the order of the hooks, then user chains by name. Missing built-in ones are shown as if they were there. */
export function orderedChains(env: Env, table: xt.TableName): { name: string; hook: boolean; chain: xt.Chain | null }[] {
  const t = env.tables.get(env.family, table);
  const builtin = xt.TABLES[table].map(([hook]) => ({ name: hook as string, hook: true, chain: t?.chains.get(hook) ?? null }));
  const names = [...(t?.chains.values() ?? [])].filter((c) => c.hook === null).map((c) => c.name);
  names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return [...builtin, ...names.map((name) => ({ name, hook: false, chain: t?.chains.get(name) ?? null }))];
}

export function policyText(name: string, chain: xt.Chain | null, verbose: boolean): string {
  const counters = verbose ? ` -c ${chain?.packets ?? 0} ${chain?.bytes ?? 0}` : '';
  return `-P ${name} ${chain?.policy ?? 'ACCEPT'}${counters}\n`;
}

export interface ListFormat {
  numeric: boolean;
  verbose: boolean;
  exact: boolean;
  lineNumbers: boolean;
}

function count(n: number, exact: boolean): string {
  if (exact) return `${String(n).padStart(8)} `;
  if (n <= 99999) return `${String(n).padStart(5)} `;
  let v = n;
  for (const unit of ['K', 'M', 'G']) {
    v = Math.floor((v + 500) / 1000);
    if (v <= 9999) return `${String(v).padStart(4)}${unit} `;
  }
  return `${String(Math.floor((v + 500) / 1000)).padStart(4)}T `;
}

export function chainHeader(name: string, hook: boolean, chain: xt.Chain | null, references: number, f: ListFormat): string {
  let s = `Chain ${name}`;
  if (hook) {
    s += ` (policy ${chain?.policy ?? 'ACCEPT'}`;
    if (f.verbose) s += ` ${count(chain?.packets ?? 0, f.exact).trimStart()}packets, ${count(chain?.bytes ?? 0, f.exact).trimStart()}bytes`;
    s += ')\n';
  } else s += ` (${references} references)\n`;
  if (f.lineNumbers) s += 'num  ';
  if (f.verbose) s += f.exact ? '    pkts      bytes ' : ' pkts bytes ';
  s += 'target     prot opt';
  if (f.verbose) s += ' in     out    ';
  return `${s} source               destination         \n`;
}

function addressList(env: Env, m: xt.AddrMatch | null, numeric: boolean): string {
  const any = !m || (typeof m.mask === 'number' ? m.mask === 0 : m.mask === 0n);
  if (any) return numeric ? (env.family === 4 ? '0.0.0.0/0' : '::/0') : 'anywhere';
  const text = xt.addressMask(m.addr, m.mask, false);
  if (numeric) return text;
  // Nobody's address, whatever its mask.
  if (m.addr === 0n) return 'anywhere';
  const name = hostName(env, m.addr as IpAddr);
  return name === null ? text : text.replace(formatIp(m.addr), name);
}

/** One line of -L. `numbered` is the rule's position, `packets` and `bytes` its counters. */
export function ruleLine(env: Env, spec: xt.RuleSpec, number: number, packets: number, bytes: number, f: ListFormat): string {
  let s = '';
  if (f.lineNumbers) s += `${String(number).padEnd(4)} `;
  if (f.verbose) s += count(packets, f.exact) + count(bytes, f.exact);
  const t = spec.target;
  const target = t.kind === 'verdict' ? t.verdict : t.kind === 'jump' ? t.chain : t.kind === 'ext' ? listName(t.ext.name) : '';
  s += `${target.padEnd(9)} `;
  const proto = f.numeric ? String(spec.proto) : (xt.protocolName(spec.proto) ?? String(spec.proto));
  s += `${spec.protoInvert ? '!' : ' '}${proto.padEnd(4)} `;
  s += `${spec.frag?.invert ? '!' : '-'}${spec.frag ? 'f' : '-'} `;
  if (f.verbose) {
    const iface = (i: xt.IfaceMatch | null): string => (i ? `${i.invert ? '!' : ''}${i.name}` : f.numeric ? '*' : 'any');
    s += ` ${iface(spec.in).padEnd(6)} ${iface(spec.out).padEnd(6)} `;
  }
  s += `${spec.src?.invert ? '!' : ' '}${addressList(env, spec.src, f.numeric).padEnd(19)} `;
  s += `${spec.dst?.invert ? '!' : ' '}${addressList(env, spec.dst, f.numeric).padEnd(19)} `;
  if (t.kind === 'jump' && t.goto) s += '[goto] ';
  return `${s}${extText(env, spec, f.numeric)}\n`;
}

/** NOTRACK is an alias that CT prints under its own name in -L. */
function listName(name: string): string {
  return name === 'NOTRACK' ? 'CT' : name;
}

function extText(env: Env, spec: xt.RuleSpec, numeric: boolean): string {
  const cx = listCx(env, numeric);
  let s = '';
  for (const m of spec.matches) if (env.legacy || !m.ext.hidden?.(m.opt)) s += m.ext.list(m.opt, cx);
  if (spec.target.kind === 'ext') s += spec.target.ext.list(spec.target.opt, cx);
  return s;
}

/** What -v prints about a rule that is added: the compact form without columns. */
export function verboseLine(env: Env, spec: xt.RuleSpec): string {
  const t = spec.target;
  const target = t.kind === 'verdict' ? t.verdict : t.kind === 'jump' ? t.chain : t.kind === 'ext' ? listName(t.ext.name) : '';
  const iface = (i: xt.IfaceMatch | null): string => (i ? `${i.invert ? '!' : ''}${i.name}` : '*');
  const opt = `${spec.frag?.invert ? '!' : '-'}${spec.frag ? 'f' : '-'}`;
  return (
    `${target} ${spec.protoInvert ? '!' : ' '}${xt.protocolName(spec.proto) ?? spec.proto} opt ${opt} in ${iface(spec.in)} out ${iface(spec.out)} ` +
    `${spec.src?.invert ? '!' : ' '}${addressList(env, spec.src, true)} ${spec.dst?.invert ? '!' : ' '}-> ${addressList(env, spec.dst, true)}  ` +
    `${extText(env, spec, true)}\n`
  );
}
