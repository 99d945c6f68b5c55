/** The log plugin: one line a query, as `kubectl logs` shows them. Models plugin/log and plugin/pkg/replacer */

import type { Task } from '../../os/program.ts';
import { formatIp } from '../../wire/addr.ts';
import { DNS_AA, DNS_AD, DNS_CD, DNS_QR, DNS_RA, DNS_RCODES, DNS_RD, DNS_TC, dnsTypeName, emitDns } from '../../wire/dns.ts';
import { argumentError, type Directive } from './corefile.ts';
import { type Handler, matchZone, NOERROR, NXDOMAIN, type Plugin, type Query, type Reply, zoneArgument } from './query.ts';

const COMMON = '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';

type Class = 'all' | 'success' | 'denial' | 'error';

interface Rule {
  readonly zones: readonly string[];
  readonly format: string;
  readonly classes: readonly Class[];
}

const FLAGS: readonly (readonly [number, string])[] = [
  [DNS_QR, 'qr'],
  [DNS_AA, 'aa'],
  [DNS_TC, 'tc'],
  [DNS_RD, 'rd'],
  [DNS_RA, 'ra'],
  [DNS_AD, 'ad'],
  [DNS_CD, 'cd'],
];

export class LogPlugin implements Plugin {
  readonly name = 'log';
  private readonly rules: readonly Rule[];
  /** Set by the server. */
  print: (line: string) => void = () => {};

  private constructor(rules: readonly Rule[]) {
    this.rules = rules;
  }

  /** @throws CorefileError */
  static setup(ds: readonly Directive[], serverZones: readonly string[]): LogPlugin {
    return new LogPlugin(
      ds.map((d) => {
        const args = [...d.args];
        const last = args.at(-1);
        const format = last?.includes('{') ? (args.pop() as string) : '{common}';
        const classes: Class[] = [];
        for (const l of d.block) {
          if (l.name !== 'class' || l.args.length === 0) throw argumentError(l);
          for (const a of l.args) {
            if (a !== 'all' && a !== 'success' && a !== 'denial' && a !== 'error') throw argumentError(l);
            classes.push(a);
          }
        }
        return {
          zones: args.length > 0 ? args.map(zoneArgument) : serverZones,
          format: format.replace('{common}', COMMON).replace('{combined}', `${COMMON} "{>opcode}"`),
          classes: classes.length > 0 ? classes : ['all'],
        };
      }),
    );
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    const rule = this.rules.find((r) => matchZone(r.zones, q.name) !== null);
    if (!rule) return yield* next(q);
    const begin = q.p.sim.now;
    const r = yield* next(q);
    const cls = classOf(r);
    if (!rule.classes.includes('all') && !rule.classes.includes(cls)) return r;
    // A real server takes some tens of microseconds where virtual time stands still.
    const nanoseconds = (q.p.sim.now - begin) * 1000 + 40_000 + q.p.sim.rng('coredns/log').below(120_000);
    const m = r.message;
    const values: Record<string, string> = {
      remote: formatIp(q.client.addr),
      port: String(q.client.port),
      '>id': String(q.request.id),
      type: dnsTypeName(q.type),
      class: 'IN',
      name: `${q.qname}.`,
      proto: q.proto,
      size: String(emitDns(q.request).length),
      '>do': String(q.dnssecOk),
      '>bufsize': String(q.size),
      rcode: DNS_RCODES[m ? m.flags & 15 : r.rcode] ?? '',
      '>rflags': m
        ? FLAGS.filter(([bit]) => (m.flags & bit) !== 0)
            .map(([, text]) => text)
            .join(',') || '-'
        : '-',
      rsize: m ? String(emitDns(m).length) : '0',
      duration: `${String(nanoseconds / 1e9)}s`,
      '>opcode': String((q.request.flags >> 11) & 15),
    };
    this.print(
      rule.format.replace(/\{([^}]+)\}/g, (all, key: string) => values[key] ?? (key.startsWith('>') || key.startsWith('/') ? '-' : all)),
    );
    return r;
  }
}

function classOf(r: Reply): Class {
  const rcode = r.message ? r.message.flags & 15 : r.rcode;
  if (rcode === NXDOMAIN) return 'denial';
  if (rcode !== NOERROR) return 'error';
  return r.message && r.message.answers.length === 0 && r.message.authority.length > 0 ? 'denial' : 'success';
}
