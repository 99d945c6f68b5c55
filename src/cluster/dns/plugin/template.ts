/** The template plugin: answers made from the question by a pattern. Models plugin/template, with the fields of its templates but no functions */

import type { Task } from '../../../os/program.ts';
import { parseIp } from '../../../wire/addr.ts';
import { DNS_RCODES, DNS_TYPES, type DnsRecord, dnsTypeName, dnsTypeNumber } from '../../../wire/dns.ts';
import { type CorefileError, type Directive, directiveError } from '../corefile.ts';
import {
  addressRecord,
  answer,
  failure,
  type Handler,
  isSubdomain,
  matchZone,
  NOERROR,
  nameRecord,
  type Plugin,
  type Query,
  type Reply,
  SERVFAIL,
  srvRecord,
  txtRecord,
  zoneArgument,
} from '../query.ts';
import { goRegExp } from './rewrite.ts';

const T = DNS_TYPES;

interface Template {
  readonly zones: readonly string[];
  /** Null: any. */
  readonly type: number | null;
  readonly patterns: readonly RegExp[];
  readonly answer: readonly string[];
  readonly additional: readonly string[];
  readonly authority: readonly string[];
  readonly rcode: number;
  readonly fallthrough: readonly string[] | null;
}

/** @throws CorefileError */
export function templateOf(d: Directive, serverZones: readonly string[]): Template {
  const fault = (what: string): CorefileError => directiveError(d, `plugin/template: ${what}`);
  const [cls, type, ...zones] = d.args;
  if (cls !== 'IN' && cls !== 'ANY') throw fault(`invalid query class ${cls ?? ''}`);
  const number = dnsTypeNumber(type ?? '');
  if (number === null) throw fault(`invalid RR class ${type ?? ''}`);
  const t = { patterns: [] as RegExp[], answer: [] as string[], additional: [] as string[], authority: [] as string[] };
  let rcode = NOERROR;
  let fallthrough: readonly string[] | null = null;
  for (const l of d.block) {
    if (l.name === 'match') {
      for (const text of l.args) {
        const pattern = goRegExp(text);
        if (!pattern) throw fault(`could not parse regex: ${text}`);
        t.patterns.push(pattern);
      }
    } else if (l.name === 'answer' || l.name === 'additional' || l.name === 'authority') t[l.name].push(...l.args);
    else if (l.name === 'rcode') {
      rcode = (DNS_RCODES as readonly string[]).indexOf((l.args[0] ?? '').toUpperCase());
      if (rcode < 0) throw fault(`unknown rcode ${l.args[0] ?? ''}`);
    } else if (l.name === 'fallthrough') fallthrough = l.args.length > 0 ? l.args.map(zoneArgument) : [''];
    else if (l.name !== 'upstream') throw directiveError(l, `plugin/template: unknown property '${l.name}'`);
  }
  return {
    zones: zones.length > 0 ? zones.map(zoneArgument) : serverZones,
    type: number === T.ANY ? null : number,
    ...t,
    rcode,
    fallthrough,
  };
}

/** A record in zone file notation; null for types other than A, AAAA, CNAME, PTR, NS, TXT, SRV. */
export function recordOf(text: string): DnsRecord | null {
  const m = /^(\S+)\s+(\d+)\s+(?:IN\s+)?(\w+)\s+(.+)$/i.exec(text.trim());
  if (!m) return null;
  const name = (m[1] as string).replace(/\.$/, '');
  const ttl = Number(m[2]);
  const data = m[4] as string;
  const type = dnsTypeNumber(m[3] as string);
  if (type === T.A || type === T.AAAA) {
    const addr = parseIp(data);
    return addr === null ? null : addressRecord(name, ttl, addr);
  }
  if (type === T.CNAME || type === T.PTR || type === T.NS) return nameRecord(name, type, ttl, data);
  if (type === T.TXT) return txtRecord(name, ttl, data.replace(/^"|"$/g, ''));
  if (type === T.SRV) {
    const [, weight, port, target] = data.split(/\s+/);
    return srvRecord(name, ttl, Number(weight), Number(port), target ?? '');
  }
  return null;
}

export class TemplatePlugin implements Plugin {
  readonly name = 'template';
  private readonly templates: readonly Template[];

  constructor(templates: readonly Template[]) {
    this.templates = templates;
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    for (const t of this.templates) {
      const zone = matchZone(t.zones, q.name);
      if (zone === null || (t.type !== null && t.type !== q.type)) continue;
      const m = t.patterns.length === 0 ? [`${q.name}.`] : t.patterns.map((p) => p.exec(`${q.name}.`)).find((x) => x !== null);
      if (!m) {
        if (!t.fallthrough || t.fallthrough.some((z) => isSubdomain(z, q.name))) continue;
        return failure(SERVFAIL);
      }
      const fill = (text: string): string | null => substitute(text, q, zone, m as RegExpExecArray);
      const sections: Record<'answer' | 'additional' | 'authority', DnsRecord[]> = { answer: [], additional: [], authority: [] };
      for (const kind of ['answer', 'additional', 'authority'] as const)
        for (const text of t[kind]) {
          const line = fill(text);
          const record = line === null ? null : recordOf(line);
          if (!record)
            return failure(SERVFAIL, `plugin/template: ${line === null ? `template ${text} is not emulated` : `not a record: ${line}`}`);
          sections[kind].push(record);
        }
      return answer(q, t.rcode, { answers: sections.answer, additional: sections.additional, authority: sections.authority });
    }
    return yield* next(q);
  }
}

/** `{{ .Name }}`, `{{ .Group.x }}`, `{{ index .Match 1 }}`; null for anything else in braces. */
function substitute(text: string, q: Query, zone: string, m: RegExpExecArray): string | null {
  let known = true;
  const out = text.replace(/\{\{-?\s*(.*?)\s*-?\}\}/g, (_, expr: string) => {
    const group = /^\.Group\.(\w+)$/.exec(expr) ?? /^index \.Group "(\w+)"$/.exec(expr);
    if (group) return m.groups?.[group[1] as string] ?? m[Number(group[1])] ?? '';
    const match = /^index \.Match (\d+)$/.exec(expr);
    if (match) return m[Number(match[1])] ?? '';
    const fields: Record<string, string> = {
      '.Name': `${q.name}.`,
      '.Zone': zone === '' ? '.' : `${zone}.`,
      '.Class': 'IN',
      '.Type': dnsTypeName(q.type),
      '.Question.Name': `${q.qname}.`,
    };
    const value = fields[expr];
    if (value === undefined) known = false;
    return value ?? '';
  });
  return known ? out : null;
}
