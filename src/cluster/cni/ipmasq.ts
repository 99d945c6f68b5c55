/** Masquerading of what leaves a container's network. Models plugins pkg/ip/ipmasq_linux.go */

import type { Process, Task } from '../../os/process.ts';
import { formatIp } from '../../wire/addr.ts';
import { isV4 } from './addr.ts';
import { type IpNet, netText } from './gojson.ts';
import { Iptables, isNotExist, toOutcome } from './iptables.ts';
import { bad, good, type Outcome } from './types.ts';

export function* setupIpMasq(p: Process, net: IpNet, chain: string, comment: string): Task<Outcome<null>> {
  const v4 = isV4(net.addr);
  const opened = Iptables.open(p, !v4);
  if (!opened.ok) return bad(`failed to locate iptables: ${opened.error.msg}`);
  const ipt = opened.value;
  const there = yield* ipt.chainExists('nat', chain);
  if (!there.ok) return bad(`failed to list chains: ${there.error.text}`);
  if (!there.value) {
    const made = yield* ipt.newChain('nat', chain);
    if (!made.ok) return toOutcome(made);
  }
  const said = ['-m', 'comment', '--comment', comment];
  const rules: readonly (readonly [string, readonly string[]])[] = [
    [chain, ['-d', netText(net), '-j', 'ACCEPT', ...said]],
    [chain, ['!', '-d', v4 ? '224.0.0.0/4' : 'ff00::/8', '-j', 'MASQUERADE', ...said]],
    ['POSTROUTING', ['-s', formatIp(net.addr), '-j', chain, ...said]],
  ];
  for (const [where, rule] of rules) {
    const r = yield* ipt.appendUnique('nat', where, rule);
    if (!r.ok) return toOutcome(r);
  }
  return good(null);
}

export function* teardownIpMasq(p: Process, net: IpNet, chain: string, comment: string): Task<Outcome<null>> {
  const opened = Iptables.open(p, !isV4(net.addr));
  if (!opened.ok) return bad(`failed to locate iptables: ${opened.error.msg}`);
  const ipt = opened.value;
  // Earlier releases wrote the network where the address stands now.
  for (const source of [formatIp(net.addr), netText(net)]) {
    const r = yield* ipt.delete('nat', 'POSTROUTING', ['-s', source, '-j', chain, '-m', 'comment', '--comment', comment]);
    if (!r.ok && !isNotExist(r.error)) return toOutcome(r);
  }
  const cleared = yield* ipt.clearChain('nat', chain);
  if (!cleared.ok && !isNotExist(cleared.error)) return toOutcome(cleared);
  const gone = yield* ipt.deleteChain('nat', chain);
  if (!gone.ok && !isNotExist(gone.error)) return toOutcome(gone);
  return good(null);
}
