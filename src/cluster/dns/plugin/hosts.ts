/** The hosts plugin: addresses from a file like /etc/hosts and from the Corefile. Models plugin/hosts */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import { formatIp, type IpAddr, parseIp } from '../../../wire/addr.ts';
import { DNS_TYPES, type DnsRecord } from '../../../wire/dns.ts';
import {
  addressRecord,
  answer,
  type Handler,
  isSubdomain,
  matchZone,
  NOERROR,
  NXDOMAIN,
  nameRecord,
  type Plugin,
  type Query,
  type Reply,
} from '../query.ts';
import { reverseAddress } from './kubernetes.ts';

const T = DNS_TYPES;

export interface HostsOptions {
  readonly file: string;
  readonly inline: readonly string[];
  readonly zones: readonly string[];
  readonly ttl: number;
  readonly reverse: boolean;
  readonly fallthrough: readonly string[] | null;
}

interface Entry {
  readonly addr: IpAddr;
  readonly names: readonly string[];
}

function parse(lines: readonly string[]): Entry[] {
  const out: Entry[] = [];
  for (const line of lines) {
    const [text, ...names] = (line.split('#')[0] as string).trim().split(/\s+/);
    const addr = text ? parseIp(text) : null;
    if (addr !== null && names.length > 0) out.push({ addr, names: names.map((n) => n.toLowerCase().replace(/\.$/, '')) });
  }
  return out;
}

export class HostsPlugin implements Plugin {
  readonly name = 'hosts';
  private readonly o: HostsOptions;
  private readonly inline: readonly Entry[];
  private read: { text: string; entries: readonly Entry[] } = { text: '', entries: [] };

  constructor(options: HostsOptions) {
    this.o = options;
    this.inline = parse(options.inline);
  }

  private entries(p: Process): readonly Entry[] {
    const text = p.readText(this.o.file) ?? '';
    if (text !== this.read.text) this.read = { text, entries: parse(text.split('\n')) };
    return [...this.inline, ...this.read.entries];
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    const addr = q.type === T.PTR && this.o.reverse ? reverseAddress(q.name) : null;
    const inZone = matchZone(this.o.zones, q.name) !== null;
    if (!inZone && addr === null) return yield* next(q);
    const entries = this.entries(q.p);
    let answers: DnsRecord[] = [];
    if (addr !== null) {
      const names = entries.filter((e) => formatIp(e.addr) === formatIp(addr)).flatMap((e) => e.names);
      if (names.length === 0) return yield* next(q);
      answers = names.map((n) => nameRecord(q.qname, T.PTR, this.o.ttl, n));
    } else if (q.type === T.A || q.type === T.AAAA)
      answers = entries
        .filter((e) => e.names.includes(q.name) && (typeof e.addr === 'number') === (q.type === T.A))
        .map((e) => addressRecord(q.qname, this.o.ttl, e.addr));
    if (answers.length > 0) return answer(q, NOERROR, { answers });
    const exists = entries.some((e) => e.names.includes(q.name));
    if (!exists) {
      if (this.o.fallthrough?.some((z) => isSubdomain(z, q.name))) return yield* next(q);
      if (inZone) return answer(q, NXDOMAIN, {});
      return yield* next(q);
    }
    return answer(q, NOERROR, {});
  }
}
