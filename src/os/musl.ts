/** Name look-up as musl's C library does it, which Alpine images have: all servers at once, no search for names with enough dots. Models musl's network/{lookup_name,res_msend}.c */

import type { IpAddr } from '../wire/addr.ts';
import { DNS_RD, DNS_TC, type DnsMessage, dnsRcode, emitDns, encodeName, parseDns } from '../wire/dns.ts';
import type { Process } from './process.ts';
import type { Task } from './program.ts';
import { overTcp, type ResolvConf } from './resolver.ts';
import { closeSocket, openUdp, waitFor } from './sockcalls.ts';

/** What the file system of a program tells of its C library. */
export function isMusl(p: Process): boolean {
  return p.stat('/lib/ld-musl-x86_64.so.1').ok;
}

export type MuslLookup = {
  readonly replies: readonly (DnsMessage | null)[];
  readonly error: 'EAI_AGAIN' | 'EAI_NODATA' | 'EAI_FAIL' | null;
  readonly found: boolean;
};

/**
 * Every query goes to every server, again each timeout / attempts seconds; the first usable reply counts. A server's failure is asked
 * again at once, twice for each query; refusals are not heard at all.
 */
function* sendAll(p: Process, conf: ResolvConf, name: string, types: readonly number[]): Task<readonly (DnsMessage | null)[]> {
  const servers: readonly IpAddr[] = conf.servers.length > 0 ? conf.servers : [0x7f000001];
  const family = servers.some((s) => typeof s !== 'number') ? 6 : 4;
  const queries = types.map((type) => {
    const id = p.sim.rng('resolv').below(65536);
    const m: DnsMessage = { id, flags: DNS_RD, questions: [{ name, type, class: 1 }], answers: [], authority: [], additional: [] };
    return { id, type, bytes: emitDns(m), reply: null as DnsMessage | null };
  });
  const sock = openUdp(p, family);
  const send = (bytes: Uint8Array, to: IpAddr): void => {
    sock.sendTo(bytes, family === 6 && typeof to === 'number' ? (0xffffn << 32n) | BigInt(to) : to, 53);
  };
  const end = p.sim.now + conf.timeout * 1e6;
  const interval = Math.floor((conf.timeout * 1e6) / Math.max(1, conf.attempts));
  let again = p.sim.now;
  let retries = 0;
  try {
    while (p.sim.now < end && queries.some((q) => q.reply === null)) {
      if (p.sim.now >= again) {
        for (const q of queries) if (q.reply === null) for (const s of servers) send(q.bytes, s);
        again = p.sim.now + interval;
        retries = 2 * queries.length;
      }
      const w = yield* waitFor(sock, () => sock.readable(), Math.min(again, end));
      if (!w.ok) continue;
      const r = sock.recvFrom();
      if (!r.ok) continue;
      const m = parseDns(r.value.data);
      const q = m && queries.find((x) => x.id === m.id && x.reply === null);
      if (!m || !q) continue;
      const rcode = dnsRcode(m.flags);
      if (rcode === 2 && retries > 0) {
        retries--;
        send(q.bytes, r.value.from.addr);
      } else if (rcode === 0 || rcode === 3) {
        q.reply = (m.flags & DNS_TC) === 0 ? m : ((yield* overTcp(p, r.value.from.addr, q.bytes, end)) ?? m);
      }
    }
  } finally {
    closeSocket(p, sock);
  }
  return queries.map((q) => q.reply);
}

function* oneName(p: Process, conf: ResolvConf, name: string, types: readonly number[]): Task<MuslLookup> {
  if (encodeName(name) === null) return { replies: [], error: null, found: false };
  const replies = yield* sendAll(p, conf, name, types);
  if (replies.some((m) => m !== null && m.answers.length > 0)) return { replies, error: null, found: true };
  const first = replies[0];
  const error = !first ? 'EAI_AGAIN' : dnsRcode(first.flags) === 0 ? 'EAI_NODATA' : dnsRcode(first.flags) === 3 ? null : 'EAI_FAIL';
  return { replies, error, found: false };
}

/** The search list first when the name has fewer dots than ndots, and only then; any answer but "no such name" ends it. */
export function* muslSearch(p: Process, conf: ResolvConf, name: string, types: readonly number[]): Task<MuslLookup> {
  const dots = name.split('.').length - 1;
  const search = dots >= conf.ndots || name.endsWith('.') ? [] : conf.search;
  const plain = name.replace(/\.$/, '');
  for (const domain of search) {
    const r = yield* oneName(p, conf, `${plain}.${domain.replace(/^\.|\.$/g, '')}`, types);
    if (r.found || r.error !== null) return r;
  }
  return yield* oneName(p, conf, plain, types);
}
