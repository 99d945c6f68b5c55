import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { inPrefix, network } from '../../wire/addr.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import type { FibRoute, RouteType } from './fib.ts';
import { fibLookup } from './route.ts';
import { type FibRule, ruleMatches } from './rule.ts';

/** Everything lives in 10.0.0.0/28, so that prefixes, rules and flows meet often. */
const BASE = 0x0a000000;
const address = fc.nat(15).map((n) => BASE + n);
const prefix = fc
  .record({ addr: address, len: fc.integer({ min: 26, max: 32 }) })
  .map((p) => ({ addr: network(p.addr, p.len), len: p.len }));
const TABLES = [100, 200, 254];

const routeSpec = fc.record({
  dst: prefix,
  table: fc.constantFrom(...TABLES),
  type: fc.constantFrom<RouteType>('unicast', 'unicast', 'unicast', 'blackhole', 'unreachable', 'prohibit', 'throw'),
  metric: fc.nat(3),
  tos: fc.constantFrom(0, 0, 0, 0x10),
});
const ruleSpec = fc.record({
  src: fc.option(prefix),
  dst: fc.option(prefix),
  not: fc.boolean(),
  fwmark: fc.nat(2),
  tos: fc.constantFrom(0, 0, 0x10),
  suppressPrefixlen: fc.constantFrom(-1, -1, -1, 27, 30),
  action: fc.constantFrom<FibRule['action']>('lookup', 'lookup', 'lookup', 'unreachable', 'prohibit', 'blackhole', 'nop'),
  table: fc.constantFrom(...TABLES),
});
const flowSpec = fc.record({ dst: address, src: address, mark: fc.nat(2), tos: fc.constantFrom(0, 0x10) });

/** Rule by rule, route by route, without any index. */
function reference(
  rules: readonly FibRule[],
  routes: readonly FibRoute[],
  flow: { dst: number; src: number; mark: number; tos: number },
  iif: Veth,
): FibRoute | string {
  for (const rule of rules) {
    if (!ruleMatches(rule, flow, iif, null)) continue;
    if (rule.action === 'unreachable') return 'ENETUNREACH';
    if (rule.action === 'prohibit') return 'EACCES';
    if (rule.action === 'blackhole') return 'EINVAL';
    if (rule.action !== 'lookup') continue;
    const candidates = routes
      .filter((r) => r.table === rule.table && inPrefix(flow.dst, r.dst.addr, r.dst.len) && (r.tos === 0 || r.tos === flow.tos))
      .sort((a, b) => b.dst.len - a.dst.len || b.tos - a.tos || a.metric - b.metric);
    const found = candidates[0];
    if (!found || found.type === 'throw') continue;
    if (found.type === 'blackhole') return 'EINVAL';
    if (found.type === 'unreachable') return 'EHOSTUNREACH';
    if (found.type === 'prohibit') return 'EACCES';
    if (rule.suppressPrefixlen >= 0 && found.dst.len <= rule.suppressPrefixlen) continue;
    return found;
  }
  return 'ENETUNREACH';
}

test('rules, tables, metrics, TOS, errors and suppression agree with a walk over everything', () => {
  fc.assert(
    fc.property(
      fc.array(routeSpec, { maxLength: 14 }),
      fc.array(ruleSpec, { maxLength: 5 }),
      fc.array(flowSpec, { minLength: 6, maxLength: 6 }),
      (routes, rules, flows) => {
        const ns = new Kernel(new Sim(1), 'h').newNetns();
        const [eth0, peer] = [new Veth(ns, 'eth0'), new Veth(ns, 'peer0')];
        Veth.pair(eth0, peer);
        eth0.setUp();
        peer.setUp();
        for (const { type, ...r } of routes)
          ns.fib.add({ family: 4, type, ...r, ...(type === 'unicast' ? { nexthops: [{ dev: eth0 }] } : {}) }, 'add');
        rules.forEach((r, i) => {
          ns.fib.rules.add({ family: 4, ...r, fwmask: r.fwmark === 0 ? 0 : 0xffffffff, priority: 1000 + i });
        });
        const all = TABLES.flatMap((t) => ns.fib.list(4, t));
        for (const flow of flows) {
          const found = fibLookup(ns, { ...flow, iif: eth0 });
          const want = reference(ns.fib.rules.list(4), all, flow, eth0);
          if (typeof want === 'string') expect(found.ok ? 'a route' : found.errno).toBe(want);
          else expect(found.ok ? found.value.route : found.errno).toBe(want);
        }
      },
    ),
    { numRuns: 300 },
  );
});
