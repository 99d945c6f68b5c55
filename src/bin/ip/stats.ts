/** ip stats: counters by group. Models ip/ipstats.c */

import { linkMsg, type NetDevice, portData } from '../../os/uapi.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, Exit, invarg } from './lib/args.ts';
import { printStats } from './link/stats.ts';
import { STATS_USAGE } from './usagemore.ts';

/** Group, subgroup, suite, in the order of a listing of everything. */
const LEAVES: readonly (readonly [group: string, subgroup: string | null, suite: string | null])[] = [
  ['afstats', 'mpls', null],
  ['link', null, null],
  ['offload', 'l3_stats', null],
  ['offload', 'hw_stats_info', null],
  ['offload', 'cpu_hit', null],
  ['xstats_slave', 'bond', '802.3ad'],
  ['xstats', 'bond', '802.3ad'],
  ['xstats_slave', 'bridge', 'mcast'],
  ['xstats_slave', 'bridge', 'stp'],
  ['xstats', 'bridge', 'mcast'],
  ['xstats', 'bridge', 'stp'],
];

interface Selection {
  group: string | null;
  subgroup: string | null;
  suite: string | null;
}

function show(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: NetDevice | null = null;
  const wanted: Selection = { group: null, subgroup: null, suite: null };
  for (; args.more; args.step()) {
    if (args.is('dev')) {
      const name = args.next();
      dev = ctx.device(name) ?? null;
      if (!dev) throw new Exit(1, `Cannot find device "${name}"\n`);
    } else if (args.is('group', 'subgroup', 'suite')) {
      const level = args.word as keyof Selection;
      wanted[level] = args.next();
      if (!leaves(wanted).length) {
        ctx.complain(`Error: no ${level} named ${args.word} found\n`);
        return 1;
      }
    } else if (args.matches('help')) return usage(ctx);
    else invarg('unknown', args.word);
  }
  const chosen = leaves(wanted);
  const devices = dev ? [dev] : [...ctx.ns.devices.values()];
  if (ctx.json && chosen.some(([group]) => group !== 'link')) {
    ctx.complain('ip stats: -json of other groups than link is not emulated\n');
    return 1;
  }
  ctx.newJson();
  for (const d of devices) {
    for (const leaf of chosen) printLeaf(ctx, d, leaf);
    if (wanted.group === 'offload' || (wanted.group === null && !dev)) ctx.pr.fp('\n');
  }
  ctx.deleteJson();
  return 0;
}

function leaves(w: Selection): typeof LEAVES {
  return LEAVES.filter(
    ([group, sub, suite]) =>
      (w.group === null || w.group === group) && (w.subgroup === null || w.subgroup === sub) && (w.suite === null || w.suite === suite),
  );
}

function printLeaf(ctx: Ctx, dev: NetDevice, [group, sub, suite]: (typeof LEAVES)[number]): void {
  const { pr } = ctx;
  pr.openObject();
  pr.any('ifindex', dev.ifindex, `${dev.ifindex}: `);
  pr.any('ifname', dev.name, `${dev.name}: `);
  pr.any('group', group, `group ${group}`);
  if (sub) pr.fp(` subgroup ${sub}`);
  if (suite) pr.fp(` suite ${suite}`);
  if (group === 'link') {
    pr.fp('\n');
    printStats(ctx, linkMsg(dev), ctx.stats > 0, false);
  } else if (sub === 'l3_stats') pr.fp(' off used off');
  else if (sub === 'hw_stats_info') pr.fp('\n    l3_stats off used off');
  else if (sub === 'cpu_hit') pr.fp('\n');
  else if (group === 'xstats_slave' && sub === 'bridge') printPort(ctx, dev, suite);
  pr.fp('\n');
  pr.closeObject();
}

const PAD = ' '.repeat(20);

/** A bridge port's counters. Those of groups stay at zero: mcast_stats_enabled counts nothing here. */
function printPort(ctx: Ctx, dev: NetDevice, suite: string | null): void {
  const port = portData(dev);
  if (!port) return;
  const versions = (list: readonly string[]): string =>
    ['RX', 'TX'].map((way) => `${PAD}  ${way}: ${list.map((v) => `${v} 0`).join(' ')}\n`).join('');
  if (suite === 'mcast') {
    let out = '\n';
    for (const [name, list] of [
      ['IGMP', ['v1', 'v2', 'v3']],
      ['MLD', ['v1', 'v2']],
    ] as const) {
      out += `${PAD}${name} queries:\n${versions(list)}${PAD}${name} reports:\n${versions(list)}`;
      out += `${PAD}${name} leaves: RX: 0 TX: 0\n${PAD}${name} parse errors: 0\n`;
    }
    ctx.pr.fp(out);
  } else {
    const s = port.stpStats;
    ctx.pr.fp(
      `\n${PAD}STP BPDU:  RX: ${s.rxBpdu} TX: ${s.txBpdu}\n${PAD}STP TCN:   RX: ${s.rxTcn} TX: ${s.txTcn}\n${PAD}STP Transitions: Blocked: ${s.blocked} Forwarding: ${s.forwarding}\n`,
    );
  }
}

function usage(ctx: Ctx): number {
  ctx.complain(STATS_USAGE);
  return 0;
}

export const statsObject: Verb = {
  name: 'stats',
  run(ctx, words) {
    const verb = words[0];
    if (verb === undefined) return show(ctx, []);
    if (verb === 'help') return usage(ctx);
    if (verb === 'show') return show(ctx, words.slice(1));
    if (verb === 'set') {
      ctx.complain('ip stats set: not emulated\n');
      return 1;
    }
    ctx.complain(`Command "${verb}" is unknown, try "ip stats help".\n`);
    return 1;
  },
};
