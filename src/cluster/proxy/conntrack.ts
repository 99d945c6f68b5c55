/** Forgets flows of UDP Services that lead to endpoints which serve no more. Models pkg/proxy/conntrack/cleanup.go */

import type { Process } from '../../os/process.ts';
import { formatIp } from '../../wire/addr.ts';
import { joinHostPort } from './family.ts';
import type { Tracker } from './tracker.ts';

const IPPROTO_UDP = 17;

/**
 * A flow stays with its endpoint as long as that one serves, terminating or not; of a Service without any serving endpoint none is
 * forgotten. Returns how many went.
 */
export function cleanStaleEntries(p: Process, tracker: Tracker): number {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const port of tracker.ports()) {
    if (port.protocol !== 'udp') continue;
    const serving = new Set(
      tracker
        .endpointsFor(port)
        .filter((e) => e.serving)
        .map((e) => e.text),
    );
    if (serving.size === 0) continue;
    for (const ip of [port.clusterIP, ...port.loadBalancerVIPs, ...port.externalIPs]) byAddress.set(joinHostPort(ip, port.port), serving);
    if (port.nodePort !== 0) byNodePort.set(port.nodePort, serving);
  }
  if (byAddress.size === 0) return 0;
  let gone = 0;
  for (const ct of p.ns.ct.list(tracker.family)) {
    const { original, reply } = ct;
    if (original.proto !== IPPROTO_UDP) continue;
    const to = joinHostPort(formatIp(reply.src), reply.sport);
    const wanted = byAddress.get(joinHostPort(formatIp(original.dst), original.dport)) ?? byNodePort.get(original.dport);
    if (!wanted || wanted.has(to)) continue;
    p.ns.ct.destroy(ct, p.pid);
    gone++;
  }
  return gone;
}
