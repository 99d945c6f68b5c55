/** What is checked when a whole command line has been read: extensions, addresses, options that do not go together, the target. Models the end of do_parse() of iptables/xshared.c */

import { xt } from '../../os/uapi.ts';
import { parseAddresses } from './address.ts';
import type { Env } from './env.ts';
import { ALLOWED, MAX_CHAIN, ORDER } from './globals.ts';
import { bad, type Loaded, type Parsed, type State } from './state.ts';

const NONE: readonly xt.AddrMatch[] = [];

function finalCheck({ ext, opt, given }: Loaded, cx: xt.ParseCx): void {
  ext.check?.(opt, given, cx);
  for (const spec of ext.options) {
    if (!given.has(spec.name)) {
      if (spec.mandatory) bad(`${ext.name}: option "--${spec.name}" must be specified\n`);
      continue;
    }
    if (spec.requires) {
      for (const other of spec.requires) if (!given.has(other)) bad(`${ext.name}: option "--${spec.name}" also requires "--${other}".\n`);
    }
    if (spec.excludes && given.size > 1) {
      for (const other of spec.excludes)
        if (given.has(other)) bad(`${ext.name}: option "--${spec.name}" cannot be used together with "--${other}".\n`);
    }
  }
}

/** Everything that is checked when the whole line has been read. */
export function finish(env: Env, s: State, invert: boolean, cx: xt.ParseCx): Parsed {
  if (s.table === 'nat' && (s.policy === 'DROP' || s.jump === 'DROP')) {
    bad('\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n');
  }
  for (const one of s.loaded) finalCheck(one, cx);
  if (s.target) finalCheck(s.target, cx);
  if (s.command === null) throw new xt.Problem('no command specified');
  if (invert) bad('nothing appropriate following !');
  const { command } = s;
  const ruleCommand = 'ACDIR'.includes(command);
  const sources = s.src === null ? NONE : parseAddresses(env, s.src, s.srcInvert);
  const destinations = s.dst === null ? NONE : parseAddresses(env, s.dst, s.dstInvert);
  if (
    (sources.length > 1 && s.srcInvert) ||
    (destinations.length > 1 && s.dstInvert) ||
    (sources.length + destinations.length > 2 && (s.srcInvert || s.dstInvert))
  ) {
    bad('! not allowed with multiple source or destination IP addresses');
  }
  if (command === 'R' && (sources.length > 1 || destinations.length > 1)) bad('Replacement rule does not specify a unique address');
  if (s.options.has('W') && !s.options.has('w')) bad('--wait-interval only makes sense with --wait\n');
  const allowed = command === 'D' && s.byNumber ? 'v' : ALLOWED[command];
  let illegal = false;
  for (const key of s.options) if (!allowed.includes(key)) illegal = true;
  if (illegal) {
    for (const key of ORDER) if (s.options.has(key) && !allowed.includes(key)) bad(`Illegal option \`-${key}' with this command`);
  }
  if (s.chain !== null && s.chain.length >= MAX_CHAIN) bad(`chain name \`${s.chain}' too long (must be under ${MAX_CHAIN} chars)`);
  if (ruleCommand && s.chain !== null) {
    if ((s.chain === 'PREROUTING' || s.chain === 'INPUT') && s.rule.out) bad(`Can't use -o with ${s.chain}\n`);
    if ((s.chain === 'POSTROUTING' || s.chain === 'OUTPUT') && s.rule.in) bad(`Can't use -i with ${s.chain}\n`);
  }
  const { rule } = s;
  if (rule.in?.name === '+' && !rule.in.invert) rule.in = null;
  if (rule.out?.name === '+' && !rule.out.invert) rule.out = null;
  s.rule.target = targetOf(env, s);
  if (!xt.isTableName(s.table)) {
    throw new xt.Problem(
      env.legacy
        ? `can't initialize iptables table \`${s.table}': Table does not exist (do you need to insmod?)`
        : `table '${s.table}' does not exist`,
      3,
    );
  }
  return {
    command,
    chain: s.chain,
    rulenum: s.rulenum,
    byNumber: s.byNumber,
    newname: s.newname,
    policy: s.policy,
    table: s.table,
    options: s.options,
    rule: s.rule,
    sources,
    destinations,
  };
}

function targetOf(env: Env, s: State): xt.RuleTarget {
  if (s.jump === '') return { kind: 'none' };
  if (s.goto) return { kind: 'jump', chain: s.jump, goto: true };
  if (s.jump === 'ACCEPT' || s.jump === 'DROP' || s.jump === 'RETURN' || s.jump === 'QUEUE') return { kind: 'verdict', verdict: s.jump };
  if (s.target) return { kind: 'ext', ext: s.target.ext as xt.TargetExt, opt: s.target.opt };
  void env;
  return { kind: 'jump', chain: s.jump, goto: false };
}
