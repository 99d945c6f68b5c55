/** Rules, routes and neighbours as Linux's own tools print them, of any namespace of a world. */

import { Ctx } from '../../bin/ip/ctx.ts';
import { printRoute } from '../../bin/ip/routeprint.ts';
import { printRule } from '../../bin/ip/rule.ts';
import { specText } from '../../bin/iptables/print.ts';
import { namesOf } from '../../bin/nft/names.ts';
import type { Format } from '../../bin/nft/print/expr.ts';
import { ruleText as nftRuleText } from '../../bin/nft/print/rule.ts';
import type { FibRoute } from '../../net/ip/fib.ts';
import type { Dst } from '../../net/ip/route.ts';
import type { FibRule } from '../../net/ip/rule.ts';
import type { Kernel } from '../../net/kernel.ts';
import type { NftRule } from '../../net/netfilter/nft/table.ts';
import { Rule } from '../../net/netfilter/xt/rule.ts';
import type { Netns } from '../../net/netns.ts';
import { routeMsg } from '../../net/rtnl/route.ts';
import type { Machine } from '../../os/machine.ts';
import type { Process } from '../../os/process.ts';
import { callerOf } from '../probe/caller.ts';
import type { World } from '../world.ts';

/** Tables that have a name everywhere. */
const TABLES: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' };

/** As `nft list ruleset -s` has it: without counts, which are shown apart. */
const AS_LISTED = {
  handles: false,
  stateless: true,
  terse: false,
  numeric: false,
  numericProto: false,
  numericPriority: false,
  numericTime: false,
  services: false,
  guid: false,
};

export const tableName = (id: number): string => TABLES[id] ?? String(id);

export class Texts {
  private readonly world: World;
  private readonly kernels: () => readonly Kernel[];
  private readonly callers = new WeakMap<Netns, Process>();

  constructor(world: World, kernels: () => readonly Kernel[]) {
    this.world = world;
    this.kernels = kernels;
  }

  /** The namespace of a space as ids name it; null when it is gone. */
  ns(space: string): Netns | null {
    const slash = space.indexOf('/');
    const host = slash < 0 ? space : space.slice(0, slash);
    const kernel = this.kernels().find((k) => k.hostname === host);
    if (!kernel) return null;
    return slash < 0 ? kernel.init : (kernel.named.get(space.slice(slash + 1)) ?? null);
  }

  /** A process that looks from within a namespace; the printers ask it for names. */
  caller(ns: Netns): Process {
    const known = this.callers.get(ns);
    if (known) return known;
    const hosts = [...this.world.hosts.values()];
    const machine = (hosts.find((h) => h.machine.kernel === ns.kernel) ?? hosts[0])?.machine as Machine;
    const made = callerOf({ machine, ns, world: this.world, place: '', title: '' });
    this.callers.set(ns, made);
    return made;
  }

  /** `-A FORWARD -d 10.0.0.0/8 -j DROP` of iptables, the statement list of nft. */
  rule(rule: Rule | NftRule, chain: string, v6: boolean, ns: Netns | null, tableFamily: 'ip' | 'ip6' | 'inet' = 'inet'): string {
    if (rule instanceof Rule) return `-A ${chain}${specText(rule.spec, v6 ? 6 : 4)}`;
    return nftRuleText(rule.stmts, rule.comment, tableFamily, this.format(ns));
  }

  private format(ns: Netns | null): Format {
    const any = ns ?? ([...this.world.hosts.values()][0]?.ns as Netns);
    return { ...AS_LISTED, names: namesOf(this.caller(any)) };
  }

  /** As `ip route` prints it; the table is named when it is not main. */
  route(route: FibRoute, ns: Netns): string {
    const ctx = new Ctx(this.caller(ns));
    printRoute(ctx, routeMsg(route, ns.kernel.sim.now), { table: route.table === 254 });
    return ctx.pr.out.trimEnd().replace(/ +/g, ' ');
  }

  /** The route that decided, with its table. */
  dst(dst: Dst): string {
    return dst.route ? this.route(dst.route, dst.ns) : '';
  }

  /** As `ip rule` prints it. */
  fibRule(rule: FibRule, ns: Netns): string {
    const ctx = new Ctx(this.caller(ns));
    printRule(ctx, rule);
    return ctx.pr.out.trimEnd().replace(/\t/g, ' ');
  }
}
