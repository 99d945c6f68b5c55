/** The rewrite plugin: changes name, type, class or TTL of a query and undoes it in the answer. Models plugin/rewrite */

import type { Task } from '../../../os/program.ts';
import { DNS_TYPES, type DnsRecord, dnsTypeNumber, readName } from '../../../wire/dns.ts';
import { type CorefileError, type Directive, directiveError } from '../corefile.ts';
import { type Handler, nameRecord, type Plugin, type Query, questionOf, type Reply } from '../query.ts';

const T = DNS_TYPES;

/** What a rule makes of a name; null when it does not match. */
type Rename = (name: string) => string | null;

interface Rule {
  readonly stop: boolean;
  readonly rename?: Rename;
  readonly type?: { readonly from: number; readonly to: number };
  readonly ttl?: { readonly matches: (name: string) => boolean; readonly low: number; readonly high: number };
  /** Names in the answer: turned back by themselves, or by patterns of their own. */
  readonly answers: 'auto' | readonly { readonly what: 'name' | 'value'; readonly pattern: RegExp; readonly by: string }[] | null;
}

/** Go's RE2 syntax where it differs from ECMAScript's: named groups. Null when it is no expression. */
export function goRegExp(text: string): RegExp | null {
  try {
    return new RegExp(text.replaceAll('(?P<', '(?<'));
  } catch {
    return null;
  }
}

const plain = (s: string): string => s.toLowerCase().replace(/\.$/, '');

/** `{1}` in a replacement stands for a group. */
function fill(template: string, groups: RegExpMatchArray | RegExpExecArray): string {
  return template.replace(/\{(\d+)\}/g, (_, n: string) => groups[Number(n)] ?? '');
}

function renamer(kind: string, from: string, to: string, d: Directive): Rename {
  const a = plain(from);
  const b = plain(to);
  if (kind === 'exact') return (n) => (n === a ? b : null);
  if (kind === 'prefix') return (n) => (n.startsWith(a) ? b + n.slice(a.length) : null);
  if (kind === 'suffix') return (n) => (n.endsWith(a) ? n.slice(0, n.length - a.length) + b : null);
  if (kind === 'substring') return (n) => (n.includes(a) ? n.replaceAll(a, b) : null);
  const pattern = goRegExp(from);
  if (!pattern) throw directiveError(d, `plugin/rewrite: invalid regex pattern in a name rule: ${from}`);
  return (n) => {
    // Upstream matches with the final dot.
    const m = pattern.exec(`${n}.`);
    return m ? plain(fill(to, m)) : null;
  };
}

const KINDS = ['exact', 'prefix', 'suffix', 'substring', 'regex'];

/** @throws CorefileError */
export function rewriteRule(d: Directive): Rule {
  const fault = (what: string): CorefileError => directiveError(d, `plugin/rewrite: ${what}`);
  const lines = d.hasBlock ? d.block : [];
  let args = [...d.args];
  let stop = true;
  if (args[0] === 'continue' || args[0] === 'stop') stop = args.shift() === 'stop';
  let answers: Rule['answers'] = null;
  if (lines.length > 0 && args.length === 0) {
    args = [lines[0]?.name as string, ...(lines[0]?.args ?? [])];
  }
  const patterns: { what: 'name' | 'value'; pattern: RegExp; by: string }[] = [];
  const answer = (words: readonly string[]): void => {
    if (words[0] === 'auto') answers = 'auto';
    else {
      const [what, from, to] = words;
      const pattern = goRegExp(from ?? '');
      if ((what !== 'name' && what !== 'value') || !pattern || to === undefined)
        throw fault(`invalid answer rule: answer ${words.join(' ')}`);
      patterns.push({ what, pattern, by: to });
      answers = patterns;
    }
  };
  for (const l of lines.slice(d.args.length > (stop ? 0 : 1) ? 0 : 1)) if (l.name === 'answer') answer(l.args);
  const at = args.indexOf('answer');
  if (at >= 0) {
    answer(args.slice(at + 1));
    args = args.slice(0, at);
  }
  const field = args.shift();
  if (field === 'name') {
    const kind = KINDS.includes(args[0] ?? '') && args.length > 2 ? (args.shift() as string) : 'exact';
    const [from, to] = args;
    if (from === undefined || to === undefined) throw fault('too few arguments for a name rule');
    return {
      stop,
      rename: renamer(kind, from, to, d),
      answers: kind === 'exact' || kind === 'prefix' || kind === 'suffix' ? (answers ?? 'auto') : answers,
    };
  }
  if (field === 'type') {
    const from = dnsTypeNumber(args[0] ?? '');
    const to = dnsTypeNumber(args[1] ?? '');
    if (from === null || to === null) throw fault(`invalid type rule: ${args.join(' ')}`);
    return { stop, type: { from, to }, answers: null };
  }
  if (field === 'ttl') {
    const kind = KINDS.includes(args[0] ?? '') && args.length > 2 ? (args.shift() as string) : 'exact';
    const range = /^(\d*)(-(\d*))?$/.exec(args[1] ?? '');
    if (!range || args[1] === '') throw fault(`invalid ttl rule: ${args.join(' ')}`);
    const low = range[1] ? Number(range[1]) : 0;
    const high = range[2] === undefined ? low : range[3] ? Number(range[3]) : 2147483647;
    const match = renamer(kind, args[0] as string, '', d);
    return { stop, ttl: { matches: (n) => match(n) !== null, low, high }, answers: null };
  }
  throw fault(`invalid rule type "${field ?? ''}"`);
}

export class RewritePlugin implements Plugin {
  readonly name = 'rewrite';
  private readonly rules: readonly Rule[];

  constructor(rules: readonly Rule[]) {
    this.rules = rules;
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    let { name, type } = q;
    const undo: ((m: DnsRecord) => DnsRecord)[] = [];
    for (const rule of this.rules) {
      let matched = false;
      if (rule.rename) {
        const to = rule.rename(name);
        if (to !== null && to !== name) {
          matched = true;
          if (rule.answers === 'auto') undo.push(renameBack(to, name === q.name ? q.qname : name));
          else if (rule.answers) for (const a of rule.answers) undo.push(rewriteRecord(a));
          name = to;
        }
      } else if (rule.type && type === rule.type.from) {
        matched = true;
        type = rule.type.to;
      } else if (rule.ttl?.matches(name)) {
        matched = true;
        const { low, high } = rule.ttl;
        undo.push((r) => ({ ...r, ttl: Math.min(Math.max(r.ttl, low), high) }));
      }
      if (matched && rule.stop) break;
    }
    if (name === q.name && type === q.type && undo.length === 0) return yield* next(q);
    const r = yield* next(name === q.name && type === q.type ? q : questionOf(q, name, type));
    if (!r.message) return r;
    const back = (records: readonly DnsRecord[]): DnsRecord[] => records.map((x) => undo.reduceRight((acc, f) => f(acc), x));
    const m = r.message;
    return {
      ...r,
      message: {
        ...m,
        questions: [...q.request.questions],
        answers: back(m.answers),
        authority: back(m.authority),
        additional: back(m.additional),
      },
    };
  }
}

function renameBack(from: string, to: string): (r: DnsRecord) => DnsRecord {
  return (r) => (r.name.toLowerCase() === from ? { ...r, name: to } : r);
}

function rewriteRecord(a: { what: 'name' | 'value'; pattern: RegExp; by: string }): (r: DnsRecord) => DnsRecord {
  return (r) => {
    if (a.what === 'name') {
      const m = a.pattern.exec(`${r.name}.`);
      return m ? { ...r, name: fill(a.by, m).replace(/\.$/, '') } : r;
    }
    if (r.type !== T.CNAME && r.type !== T.PTR && r.type !== T.NS) return r;
    const target = readName(r.data, 0)?.name ?? '';
    const m = a.pattern.exec(`${target}.`);
    return m ? nameRecord(r.name, r.type, r.ttl, fill(a.by, m)) : r;
  };
}
