/** A DNS question: to a server, or as a program in the place asks by way of its resolv.conf; and how many questions went out on the wire. */

import { isMusl, muslSearch } from '../../os/musl.ts';
import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { readResolvConf, resSearch } from '../../os/resolver.ts';
import { openUdp, waitFor } from '../../os/sockcalls.ts';
import { SEC } from '../../sim/sim.ts';
import { parseIp } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
import { DNS_QR, DNS_RCODES, DNS_RD, type DnsMessage, describeRdata, dnsRcode, dnsTypeNumber, emitDns, parseDns } from '../../wire/dns.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { IPPROTO_UDP } from '../../wire/ipv4.ts';
import type { Spot } from '../place.ts';
import { type Failure, failureOf } from './outcome.ts';
import { type Probed, probe } from './run.ts';
import type { Watch } from './watch.ts';

export interface DnsSpec {
  readonly name: string;
  /** A, AAAA, SRV …; `A+AAAA` asks both, as programs do. */
  readonly type: string;
  /** Asked directly when given; else the place's own resolver with its search list. */
  readonly server?: string;
}

export type DnsOutcome =
  | { readonly kind: 'answer'; readonly rcode: string; readonly answers: readonly string[]; readonly text: string }
  | Failure;

const PATIENCE = 6 * SEC;
const TIMEOUT: Failure = { kind: 'timeout', text: 'no answer from the DNS server' };

export interface DnsProbed extends Probed<DnsOutcome> {
  /** Questions that left by the place's devices. */
  readonly queries: number;
}

function rcodeName(m: DnsMessage): string {
  return DNS_RCODES[dnsRcode(m.flags)] ?? `RCODE${dnsRcode(m.flags)}`;
}

function outcomeOf(m: DnsMessage, more: readonly DnsMessage[]): DnsOutcome {
  const answers = [m, ...more].flatMap((x) => x.answers.map((r) => describeRdata(r.type, r.data)));
  const rcode = rcodeName(m);
  return { kind: 'answer', rcode, answers, text: `${rcode}${answers.length > 0 ? `: ${answers.join(', ')}` : ', no answers'}` };
}

function* direct(p: Process, spec: DnsSpec, types: readonly number[], watch: Watch): Task<DnsOutcome> {
  const server = parseIp(spec.server as string);
  if (server === null) return { kind: 'unknown', text: `not an address: ${spec.server}` };
  const sock = openUdp(p, typeof server === 'number' ? 4 : 6);
  const connected = sock.connect(server, 53);
  if (!connected.ok) return failureOf(connected.errno, null);
  const replies: DnsMessage[] = [];
  for (const type of types) {
    const id = p.sim.rng('probe').below(65536);
    const name = spec.name.replace(/\.$/, '');
    const query = emitDns({ id, flags: DNS_RD, questions: [{ name, type, class: 1 }], answers: [], authority: [], additional: [] });
    const sent = sock.send(query);
    if (!sent.ok) return failureOf(sent.errno, watch.said());
    for (;;) {
      const w = yield* waitFor(sock, () => sock.readable(), p.sim.now + PATIENCE);
      if (!w.ok) return TIMEOUT;
      const r = sock.recv();
      if (!r.ok) return failureOf(r.errno, watch.said());
      const m = parseDns(r.value);
      if (!m || m.id !== id) continue;
      replies.push(m);
      break;
    }
  }
  const [first, ...more] = replies;
  return first ? outcomeOf(first, more) : TIMEOUT;
}

function* byResolver(p: Process, spec: DnsSpec, types: readonly number[], watch: Watch): Task<DnsOutcome> {
  const conf = readResolvConf(p);
  const found = isMusl(p) ? yield* muslSearch(p, conf, spec.name, types) : yield* resSearch(p, conf, spec.name, types);
  const replies = found.replies.flatMap((m) => (m ? [m] : []));
  const best = replies.find((m) => m.answers.length > 0) ?? replies[0];
  if (best)
    return outcomeOf(
      best,
      replies.filter((m) => m !== best),
    );
  if ('refused' in found && found.refused) return { kind: 'refused', text: 'the DNS server refuses: nobody listens on port 53' };
  const heard = lastReply(watch, p);
  return heard ? outcomeOf(heard, []) : TIMEOUT;
}

/** Messages of DNS over UDP in frames of the place's own devices: questions that went out, or answers that came in. */
function messages(watch: Watch, p: Process, way: 'tx' | 'rx'): { skb: number; message: Uint8Array }[] {
  const { kernel } = p;
  const name = kernel.nameOf(p.ns) ?? '';
  const out: { skb: number; message: Uint8Array }[] = [];
  for (const e of watch.events) {
    if (e.kind !== `net.${way}` || !('bytes' in e) || e.host !== kernel.hostname || e.ns !== name || !watch.isOwn(e.skb)) continue;
    const b = e.bytes;
    const v6 = u16(b, 12) === ETH_P_IPV6;
    if ((!v6 && u16(b, 12) !== ETH_P_IP) || b[v6 ? 20 : 23] !== IPPROTO_UDP) continue;
    const at = v6 ? 54 : 14 + ((b[14] as number) & 15) * 4;
    if (b.length < at + 20 || u16(b, at + (way === 'tx' ? 2 : 0)) !== 53) continue;
    if ((u16(b, at + 10) & DNS_QR) !== (way === 'tx' ? 0 : DNS_QR)) continue;
    out.push({ skb: watch.root(e.skb), message: b.subarray(at + 8) });
  }
  return out;
}

function lastReply(watch: Watch, p: Process): DnsMessage | null {
  const last = messages(watch, p, 'rx').at(-1);
  return last ? parseDns(last.message) : null;
}

export function dns(spot: Spot, spec: DnsSpec): DnsProbed {
  let queries = 0;
  const types = spec.type.split('+').map((t) => dnsTypeNumber(t) ?? 0);
  const probed = probe<DnsOutcome>(
    spot,
    // A resolver asks its servers several times for each name of its search list.
    { micros: spec.server === undefined ? 8 * PATIENCE : PATIENCE, tries: spec.server === undefined ? 4 : 1 },
    function* (p, watch) {
      const outcome = spec.server === undefined ? yield* byResolver(p, spec, types, watch) : yield* direct(p, spec, types, watch);
      queries = new Set(messages(watch, p, 'tx').map((m) => m.skb)).size;
      return outcome;
    },
    () => TIMEOUT,
  );
  return { ...probed, queries };
}
