/** Plugins of a few lines: loadbalance, loop, whoami, autopath. Models the folders of these names under plugin/ */

import type { Task } from '../../../os/program.ts';
import { formatIp } from '../../../wire/addr.ts';
import { DNS_TYPES, type DnsRecord } from '../../../wire/dns.ts';
import {
  addressRecord,
  answer,
  type Handler,
  isSubdomain,
  labelsOf,
  matchZone,
  NOERROR,
  NXDOMAIN,
  nameRecord,
  type Plugin,
  type Query,
  questionOf,
  type Reply,
  srvRecord,
} from '../query.ts';

const T = DNS_TYPES;

/** Shuffles address and mail records; aliases go first. */
export class LoadbalancePlugin implements Plugin {
  readonly name = 'loadbalance';

  *serve(q: Query, next: Handler): Task<Reply> {
    const r = yield* next(q);
    if (!r.message || r.message.answers.length < 2) return r;
    const shuffled = (records: readonly DnsRecord[]): DnsRecord[] => {
      const free = records.filter((x) => x.type === T.A || x.type === T.AAAA || x.type === T.MX);
      for (let i = free.length - 1; i > 0; i--) {
        const j = q.p.sim.rng('coredns/loadbalance').below(i + 1);
        [free[i], free[j]] = [free[j] as DnsRecord, free[i] as DnsRecord];
      }
      const alias = records.filter((x) => x.type === T.CNAME);
      return [...alias, ...records.filter((x) => x.type !== T.CNAME && !free.includes(x)), ...free];
    };
    return { ...r, message: { ...r.message, answers: shuffled(r.message.answers) } };
  }
}

/** Sends itself one HINFO question with a name of its own; seen more than twice, the server forwards to itself. */
export class LoopPlugin implements Plugin {
  readonly name = 'loop';
  readonly zone: string;
  readonly question: string;
  private seen = 0;
  private disabled = false;
  private readonly fatal: (text: string) => void;

  constructor(zone: string, question: string, fatal: (text: string) => void) {
    this.zone = zone;
    this.question = question;
    this.fatal = fatal;
  }

  /** After the first answer there is nothing to look for. */
  disable(): void {
    this.disabled = true;
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    if (q.type === T.HINFO && !this.disabled && isSubdomain(this.zone, q.name)) {
      if (q.name === this.question && ++this.seen > 2) {
        const zone = this.zone === '' ? '.' : `${this.zone}.`;
        const from = `${formatIp(q.client.addr)}:${q.client.port}`;
        this.fatal(
          `plugin/loop: Loop (${from} -> :53) detected for zone "${zone}", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${this.question}."`,
        );
      }
    }
    return yield* next(q);
  }
}

/** Tells the client its own address. */
export class WhoamiPlugin implements Plugin {
  readonly name = 'whoami';

  *serve(q: Query): Task<Reply> {
    const label = labelsOf(q.qname);
    const name = ['', `_${q.proto}`, ...label].filter((l) => l !== '').join('.');
    return answer(q, NOERROR, { additional: [addressRecord(q.qname, 0, q.client.addr), srvRecord(name, 0, 0, q.client.port, '')] });
  }
}

/** Walks the client's search path on the server, so that the client needs one question. */
export class AutopathPlugin implements Plugin {
  readonly name = 'autopath';
  private readonly zones: readonly string[];
  private readonly path: (q: Query) => readonly string[] | null;

  constructor(zones: readonly string[], path: (q: Query) => readonly string[] | null) {
    this.zones = zones;
    this.path = path;
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    const path = matchZone(this.zones, q.name) === null ? null : this.path(q);
    const first = path?.[0];
    if (!path || first === undefined || !isSubdomain(first, q.name)) return yield* next(q);
    const labels = labelsOf(q.qname);
    const base = labels.slice(0, labels.length - labelsOf(first).length).join('.');
    let firstReply: Reply | null = null;
    for (const suffix of path) {
      const name = [base, suffix].filter((s) => s !== '').join('.');
      const r = yield* next(questionOf(q, name, q.type));
      firstReply ??= r;
      if (r.error !== undefined) return r;
      if (!r.message || (r.message.flags & 15) === NXDOMAIN) continue;
      const questions = [...q.request.questions];
      if (name.toLowerCase() === q.name) return { ...r, message: { ...r.message, questions } };
      const own = r.message.answers.find((x) => x.name.toLowerCase() === name.toLowerCase());
      const alias = own ? [nameRecord(q.qname, T.CNAME, own.ttl, name)] : [];
      return { ...r, message: { ...r.message, questions, answers: [...alias, ...r.message.answers] } };
    }
    if (firstReply?.message) return { ...firstReply, message: { ...firstReply.message, questions: [...q.request.questions] } };
    return firstReply ?? (yield* next(q));
  }
}
