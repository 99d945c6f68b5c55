/** What each command does to a table. Models do_commandx() of iptables/xtables.c and nft.c; errors as nft_strerror() words them */

import { type Errno, strerror, xt } from '../../os/uapi.ts';
import { type Env, Refused } from './env.ts';
import { chainHeader, type ListFormat, orderedChains, policyText, ruleLine, specText, verboseLine } from './print.ts';
import type { Parsed } from './state.ts';

const NO_CHAIN = 'No chain/target/match by that name';
const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?)';

/** An operation that the kernel may refuse at commit, by the name it has in nft's error text. */
export interface Pending {
  readonly type: string;
  /** `rule in chain INPUT`, `chain WEB` */
  readonly what: string;
  readonly line: number | null;
}

/** One transaction: edits of tables, and what was asked, in order. */
export class Batch {
  private readonly env: Env;
  /** iptables-restore looks for the chains of -j only when it commits. */
  private readonly defer: boolean;
  private readonly jumps: { edit: xt.TableEdit; target: string }[] = [];
  private readonly edits = new Map<string, xt.TableEdit>();
  /** What was asked last: a refused commit names it. */
  private last: Pending = { type: 'RULE_APPEND', what: '', line: null };
  line: number | null = null;
  out = '';
  /** A command that brings no table into being. */
  private idle = false;

  constructor(env: Env, defer = false) {
    this.env = env;
    this.defer = defer;
  }

  edit(table: xt.TableName): xt.TableEdit {
    let edit = this.edits.get(table);
    if (!edit) {
      edit = this.env.tables.edit(this.env.family, table);
      if (this.env.legacy) edit.addBuiltin();
      this.edits.set(table, edit);
    }
    return edit;
  }

  drop(table: xt.TableName): void {
    this.edits.delete(table);
  }

  commit(): void {
    for (const { edit, target } of this.jumps) if (!edit.chain(target)) throw new xt.Problem(`Chain '${target}' does not exist`);
    this.jumps.length = 0;
    for (const edit of this.edits.values()) {
      if (this.idle && edit.all().length === 0 && !this.env.tables.get(this.env.family, edit.name)) continue;
      const r = edit.commit();
      if (!r.ok) this.refuse(r.errno, this.last);
    }
    this.edits.clear();
  }

  refuse(errno: Errno, op: Pending): never {
    if (this.env.legacy) throw new Refused(errno === 'EINVAL' ? 'Invalid argument' : legacyText(errno), errno);
    const head = op.line !== null ? `\nline ${op.line}: ${op.type} failed` : ` ${op.type} failed`;
    throw new xt.Problem(`${head} (${errno === 'EMLINK' ? 'Too many links' : strerror(errno)}): ${op.what}`, 4);
  }

  run(p: Parsed): void {
    const table = p.table as xt.TableName;
    // Looking at a legacy table loads it.
    if (this.env.legacy) this.edit(table);
    if (p.command === 'L') this.list(table, p);
    else if (p.command === 'S') this.listRules(table, p);
    else this.change(this.edit(table), p);
  }

  /** What -F and -X of a whole table do, as iptables-restore -v clears it. */
  flushAll(table: xt.TableName): void {
    const e = this.edit(table);
    for (const c of this.someChains(e, null)) {
      this.out += `Flushing chain \`${c}'\n`;
      if (e.chain(c)) e.flush(c);
    }
    this.deleteChains(e, null, true);
  }

  private op(type: string, what: string): Pending {
    this.last = { type, what, line: this.line };
    return this.last;
  }

  private change(e: xt.TableEdit, p: Parsed): void {
    const { env } = this;
    const verbose = p.options.has('v');
    const name = p.chain ?? '';
    this.idle = !this.defer && !env.legacy && ('ZX'.includes(p.command) || (p.command === 'F' && p.chain === null));
    if ('ACDIR'.includes(p.command)) {
      if (p.rule.target.kind === 'jump') this.checkJump(e, p);
    }
    switch (p.command) {
      case 'A':
      case 'I': {
        const chain = this.needChain(e, name);
        let at = p.command === 'A' ? chain.rules.length : p.rulenum - 1;
        for (const rule of rules(p)) {
          if (at > chain.rules.length) throw new Refused('Index of insertion too big');
          if (verbose) this.out += verboseLine(env, rule);
          const op = this.op(p.command === 'A' ? 'RULE_APPEND' : 'RULE_INSERT', `rule in chain ${name}`);
          const r = e.insertInto(chain, at, rule);
          if (!r.ok) this.refuse(r.errno, op);
          if (p.command === 'A') at++;
        }
        break;
      }
      case 'R': {
        const fresh = !env.legacy && !e.chain(name);
        this.needChain(e, name);
        if (fresh) throw new Refused(NO_CHAIN);
        if (p.rulenum > (e.chain(name) as xt.Chain).rules.length) throw new Refused('Index of replacement too big');
        const op = this.op('RULE_REPLACE', `rule in chain ${name}`);
        const rule = rules(p)[0] as xt.RuleSpec;
        if (verbose) this.out += verboseLine(env, rule);
        const r = e.insert(name, p.rulenum - 1, rule);
        if (!r.ok) this.refuse(r.errno, op);
        e.remove(name, p.rulenum);
        break;
      }
      case 'D':
        if (!e.chain(name)) throw new Refused(this.builtin(e, name) ? (p.byNumber ? NO_CHAIN : BAD_RULE) : NO_CHAIN);
        if (p.byNumber) {
          if (p.rulenum > (e.chain(name) as xt.Chain).rules.length) throw new Refused('Index of deletion too big');
          this.op('RULE_DELETE', `rule in chain ${name}`);
          e.remove(name, p.rulenum - 1);
          break;
        }
        for (const rule of rules(p)) {
          const at = findRule(e.chain(name) as xt.Chain, rule, env.family);
          if (at < 0) throw new Refused(BAD_RULE);
          if (verbose) this.out += verboseLine(env, rule);
          this.op('RULE_DELETE', `rule in chain ${name}`);
          e.remove(name, at);
        }
        break;
      case 'C':
        if (!e.chain(name)) throw new Refused(env.legacy && !this.builtin(e, name) ? NO_CHAIN : BAD_RULE);
        for (const rule of rules(p)) {
          if (findRule(e.chain(name) as xt.Chain, rule, env.family) < 0) throw new Refused(BAD_RULE);
          if (verbose) this.out += verboseLine(env, rule);
        }
        break;
      case 'F':
        for (const c of this.someChains(e, p.chain)) {
          if (verbose) this.out += `Flushing chain \`${c}'\n`;
          this.op('RULE_FLUSH', `chain ${c}`);
          if (e.chain(c)) e.flush(c);
        }
        break;
      case 'Z':
        if (p.byNumber) {
          if (!e.chain(name) && !this.builtin(e, name)) throw new Refused(NO_CHAIN);
          const chain = e.chain(name);
          if (!chain) throw new Refused(BAD_RULE);
          if (env.legacy && p.rulenum > chain.rules.length) throw new Refused('Index of counter too big');
          if (chain && p.rulenum <= chain.rules.length) e.zero(name, p.rulenum - 1);
          break;
        }
        for (const c of this.someChains(e, p.chain)) {
          if (verbose) this.out += `Zeroing chain \`${c}'\n`;
          const chain = e.chain(c);
          if (!chain) continue;
          e.zero(c);
          // The chain is sent again as it was found, with the policy of then.
          if (this.defer && chain.hook) e.writable(c).policy = this.policyOf(e, chain) as xt.Chain['policy'];
        }
        break;
      case 'N': {
        if (this.builtin(e, name) || e.chain(name)) throw new Refused('Chain already exists');
        this.op('CHAIN_ADD', `chain ${name}`);
        e.newChain(name);
        break;
      }
      case 'X':
        this.deleteChains(e, p.chain, verbose);
        break;
      case 'E':
        if (!env.legacy && !e.chain(name)) throw new Refused(NO_CHAIN);
        if (e.chain(p.newname) || this.builtin(e, p.newname)) throw new Refused('File exists');
        if (env.legacy && (!e.chain(name) || this.builtin(e, name))) throw new Refused(NO_CHAIN);
        this.op('CHAIN_RENAME', `chain ${name}`);
        e.rename(name, p.newname);
        break;
      case 'P':
        this.setPolicy(e, name, p.policy, null);
        break;
      default:
    }
  }

  setPolicy(e: xt.TableEdit, name: string, policy: string, counters: { packets: number; bytes: number } | null): void {
    if (!e.isBuiltin(name)) throw new Refused('Bad built-in chain name', 'ENOENT');
    if (policy !== 'ACCEPT' && policy !== 'DROP') throw new Refused('Bad policy name', 'EINVAL');
    e.addBuiltin(this.env.legacy ? undefined : name);
    this.op('CHAIN_UPDATE', `chain ${name}`);
    const chain = e.writable(name);
    chain.policy = policy;
    if (!chain.counting || counters) {
      chain.packets = counters?.packets ?? 0;
      chain.bytes = counters?.bytes ?? 0;
    } else if (!this.env.legacy) {
      chain.packets = 0;
      chain.bytes = 0;
    }
    chain.counting = true;
  }

  private builtin(e: xt.TableEdit, name: string): boolean {
    return e.isBuiltin(name);
  }

  /** -A to a built-in chain brings it into being; others must exist. */
  private needChain(e: xt.TableEdit, name: string): xt.Chain {
    const there = e.changed(name);
    if (there) return there;
    if (e.isBuiltin(name)) e.addBuiltin(this.env.legacy ? undefined : name);
    if (!e.chain(name)) throw new Refused(NO_CHAIN);
    return e.writable(name);
  }

  private checkJump(e: xt.TableEdit, p: Parsed): void {
    const target = p.rule.target.kind === 'jump' ? p.rule.target.chain : '';
    if (e.chain(target) && !e.isBuiltin(target)) return;
    if (!this.env.legacy && e.isBuiltin(target) && 'AIR'.includes(p.command)) {
      const op = this.op(
        p.command === 'A' ? 'RULE_APPEND' : p.command === 'I' ? 'RULE_INSERT' : 'RULE_REPLACE',
        `rule in chain ${p.chain}`,
      );
      this.refuse(e.chain(target) || target === p.chain ? 'EOPNOTSUPP' : 'ENOENT', op);
    }
    if (this.defer && !e.isBuiltin(target)) {
      this.jumps.push({ edit: e, target });
      return;
    }
    if (this.env.legacy && e.isBuiltin(target)) throw new Refused('Invalid argument', 'EINVAL');
    if (this.env.legacy && p.rule.target.kind === 'jump' && p.rule.target.goto) throw new xt.Problem(`goto '${target}' is not a chain`);
    if (this.env.legacy) throw new xt.Problem(`Couldn't load target \`${target}':No such file or directory\n`);
    throw new xt.Problem(`Chain '${target}' does not exist`);
  }

  /** One chain, or all of the table. */
  private someChains(e: xt.TableEdit, name: string | null): string[] {
    if (name !== null) {
      if (!e.chain(name) && !e.isBuiltin(name)) throw new Refused(NO_CHAIN);
      return [name];
    }
    const builtin = xt.TABLES[e.name].map(([hook]) => hook as string);
    return [
      ...builtin,
      ...e
        .all()
        .map((c) => c.name)
        .filter((n) => !builtin.includes(n))
        .sort(),
    ];
  }

  private deleteChains(e: xt.TableEdit, name: string | null, verbose: boolean): void {
    if (name !== null) {
      const chain = e.chain(name);
      if (!chain) throw new Refused(NO_CHAIN);
      if (this.env.legacy) {
        if (chain.hook) throw new Refused('Invalid argument', 'EINVAL');
        if (e.references(name) > 0) throw new Refused('Too many links');
        if (chain.rules.length > 0) throw new Refused('Directory not empty');
      }
      if (chain.hook && this.policyOf(e, chain) === 'DROP') throw new Refused('Directory not empty');
      if (verbose && !chain.hook) this.out += `Deleting chain \`${name}'\n`;
      const op = this.op('CHAIN_DEL', `chain ${name}`);
      if (chain.rules.length > 0) this.refuse('EBUSY', op);
      const r = e.deleteChain(name);
      if (!r.ok) this.refuse(r.errno, op);
      return;
    }
    const users = e.all().filter((c) => c.hook === null);
    users.sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = new Set(users.map((c) => c.name));
    for (const chain of users) {
      const op = { type: 'CHAIN_DEL', what: `chain ${chain.name}`, line: this.line };
      const busy =
        chain.rules.length > 0 ||
        e.all().some((c) => !names.has(c.name) && c.rules.some((r) => r.spec.target.kind === 'jump' && r.spec.target.chain === chain.name));
      if (!busy) continue;
      if (this.env.legacy) throw new Refused(chain.rules.length > 0 ? 'Directory not empty' : 'Too many links');
      this.refuse('EBUSY', op);
    }
    for (const chain of users) {
      if (verbose) this.out += `Deleting chain \`${chain.name}'\n`;
      e.deleteChain(chain.name);
    }
    if (this.env.legacy) return;
    // iptables-nft takes away the built-in chains that say nothing.
    for (const chain of e.all())
      if (chain.hook && chain.rules.length === 0 && this.policyOf(e, chain) === 'ACCEPT') e.deleteChain(chain.name);
  }

  /** As the kernel has it: iptables-restore asks before its own changes are there. */
  private policyOf(e: xt.TableEdit, chain: xt.Chain): string {
    if (!this.defer) return chain.policy;
    return this.env.tables.get(this.env.family, e.name)?.chains.get(chain.name)?.policy ?? 'ACCEPT';
  }

  private list(table: xt.TableName, p: Parsed): void {
    const f: ListFormat = {
      numeric: p.options.has('n'),
      verbose: p.options.has('v'),
      exact: p.options.has('x'),
      lineNumbers: p.options.has('0'),
    };
    const found = this.chosen(table, p);
    const refs = this.references(table);
    let first = true;
    for (const { name, hook, chain } of found) {
      if (p.rulenum === 0) {
        if (!first) this.out += '\n';
        this.out += chainHeader(name, hook, chain, refs.get(name) ?? 0, f);
      }
      first = false;
      for (const [i, rule] of (chain?.rules ?? []).entries()) {
        if (p.rulenum !== 0 && p.rulenum !== i + 1) continue;
        this.out += ruleLine(this.env, rule.spec, i + 1, rule.packets, rule.bytes, f);
      }
    }
    this.zeroListed(table, p);
  }

  /** -L -Z, -S -Z: iptables-nft cannot zero what is not there at all. */
  private zeroListed(table: xt.TableName, p: Parsed): void {
    if (!p.options.has('zero')) return;
    const { env } = this;
    const missing = !env.legacy && !env.tables.get(env.family, table);
    const e = this.edit(table);
    for (const c of this.someChains(e, p.chain)) {
      if (p.options.has('v')) this.out += `Zeroing chain \`${c}'\n`;
      if (missing) this.refuse('ENOENT', this.op('CHAIN_ZERO', `chain ${c}`));
      if (e.chain(c)) e.zero(c);
    }
  }

  private references(table: xt.TableName): Map<string, number> {
    const refs = new Map<string, number>();
    for (const c of this.env.tables.get(this.env.family, table)?.chains.values() ?? []) {
      for (const r of c.rules) if (r.spec.target.kind === 'jump') refs.set(r.spec.target.chain, (refs.get(r.spec.target.chain) ?? 0) + 1);
    }
    return refs;
  }

  private chosen(table: xt.TableName, p: Parsed): ReturnType<typeof orderedChains> {
    const all = orderedChains(this.env, table);
    if (p.chain === null) {
      if (this.env.tables.get(this.env.family, table)?.incompatible) {
        this.out += `# Table \`${table}' contains incompatible base-chains, use 'nft' tool to list them.\n`;
      }
      return all;
    }
    const found = all.filter((c) => c.name === p.chain);
    if (found.length === 0) {
      if (this.env.legacy) throw new Refused(NO_CHAIN);
      throw new xt.Problem(`chain \`${p.chain}' in table \`${table}' is incompatible, use 'nft' tool.`, 1);
    }
    return found;
  }

  private listRules(table: xt.TableName, p: Parsed): void {
    const verbose = p.options.has('v');
    const found = this.chosen(table, p);
    if (p.rulenum === 0) {
      for (const { name, hook, chain } of found) this.out += hook ? policyText(name, chain, verbose) : `-N ${name}\n`;
    }
    for (const { name, chain } of found) {
      for (const [i, rule] of (chain?.rules ?? []).entries()) {
        if (p.rulenum !== 0 && p.rulenum !== i + 1) continue;
        this.out += `-A ${name}${specText(rule.spec, this.env.family, verbose ? rule : null, this.env.legacy)}\n`;
      }
    }
    this.zeroListed(table, p);
  }
}

/** One rule for each pair of source and destination address. */
function rules(p: Parsed): xt.RuleSpec[] {
  if (p.sources.length <= 1 && p.destinations.length <= 1) {
    p.rule.src = plain(p.sources[0] ?? null);
    p.rule.dst = plain(p.destinations[0] ?? null);
    return [p.rule];
  }
  const sources = p.sources.length > 0 ? p.sources : [null];
  const destinations = p.destinations.length > 0 ? p.destinations : [null];
  const out: xt.RuleSpec[] = [];
  for (const src of sources) for (const dst of destinations) out.push({ ...p.rule, src: plain(src), dst: plain(dst) });
  return out;
}

/** 0.0.0.0/0 is no condition. */
function plain(m: xt.AddrMatch | null): xt.AddrMatch | null {
  if (!m || m.invert) return m;
  return (typeof m.mask === 'number' ? m.mask === 0 : m.mask === 0n) ? null : m;
}

function findRule(chain: xt.Chain, rule: xt.RuleSpec, family: 4 | 6): number {
  const want = specText(rule, family);
  return chain.rules.findIndex((r) => specText(r.spec, family) === want);
}

function legacyText(errno: Errno): string {
  if (errno === 'EMLINK' || errno === 'ELOOP') return 'Too many levels of symbolic links';
  if (errno === 'ENOENT') return NO_CHAIN;
  return strerror(errno);
}
