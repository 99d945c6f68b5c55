/** bridge link: ports and their settings. Models bridge/link.c */

import { changePort, linkMsg, type NetDevice, PORT_STATES, type PortChange, type PortData } from '../../os/uapi.ts';
import type { Ctx } from '../ip/ctx.ts';
import { Args, duparg, Exit, matches, mustBeOneOf } from '../ip/lib/args.ts';
import type { PortSwitch } from '../ip/link/bridge_slave.ts';
import { printLinkFlags, printName } from '../ip/link/print.ts';
import { LINK_USAGE } from './usage.ts';

const SWITCHES: readonly (readonly [string, PortSwitch])[] = [
  ['guard', 'guard'],
  ['hairpin', 'hairpin'],
  ['fastleave', 'fastLeave'],
  ['root_block', 'rootBlock'],
  ['learning', 'learning'],
  ['flood', 'flood'],
  ['mcast_flood', 'mcastFlood'],
  ['bcast_flood', 'bcastFlood'],
  ['mcast_to_unicast', 'mcastToUnicast'],
  ['neigh_suppress', 'neighSuppress'],
  ['vlan_tunnel', 'vlanTunnel'],
  ['isolated', 'isolated'],
  ['locked', 'locked'],
];

/** What -d adds, in the order in which it is printed. */
const DETAILS: readonly (readonly [string, PortSwitch | 'mcastRouter' | 'backup'])[] = [
  ['hairpin', 'hairpin'],
  ['guard', 'guard'],
  ['root_block', 'rootBlock'],
  ['fastleave', 'fastLeave'],
  ['learning', 'learning'],
  ['flood', 'flood'],
  ['mcast_flood', 'mcastFlood'],
  ['bcast_flood', 'bcastFlood'],
  ['mcast_router', 'mcastRouter'],
  ['mcast_to_unicast', 'mcastToUnicast'],
  ['neigh_suppress', 'neighSuppress'],
  ['vlan_tunnel', 'vlanTunnel'],
  ['backup_port', 'backup'],
  ['isolated', 'isolated'],
  ['locked', 'locked'],
];

/** atoi(): the digits in front, 0 when there are none. */
function atoi(text: string): number {
  return Number.parseInt(text, 10) || 0;
}

function printPort(ctx: Ctx, p: PortData): void {
  const { pr } = ctx;
  pr.any('state', p.state, `state ${p.state} `);
  pr.any('priority', p.priority, `priority ${p.priority} `);
  pr.any('cost', p.cost, `cost ${p.cost} `);
  if (ctx.details === 0) return;
  pr.fp(`${pr.sl}    `);
  for (const [name, field] of DETAILS) {
    if (field === 'backup') {
      if (p.backup) pr.any(name, p.backup.name, `${name} ${p.backup.name} `);
      continue;
    }
    const v = p[field];
    if (typeof v === 'number') pr.any(name, v, `${name} ${v} `);
    else pr.any(name, v, `${name} ${v ? 'on' : 'off'} `);
  }
}

/**
 * The kernel gives the index of the device below or at the other end, and bridge looks it up in its own namespace: `veth1@cni0`
 * when the peer in another namespace happens to have the bridge's index.
 */
export function printBridgeLink(ctx: Ctx, dev: NetDevice, how: { deleted?: boolean; known?: Map<number, boolean> } = {}): void {
  const { pr } = ctx;
  const m = linkMsg(dev);
  if (!m.port || !m.master) return;
  const iflink = dev.iflink();
  const below = iflink === m.ifindex ? null : ctx.ns.deviceByIndex(iflink);
  pr.openObject();
  if (how.deleted) pr.any('deleted', true, 'Deleted ');
  pr.any('ifindex', m.ifindex, `${m.ifindex}: `);
  const link = below === null ? null : iflink === 0 ? 'NONE' : (below?.name ?? `if${iflink}`);
  if (link !== null) pr.jsonOnly('link', iflink === 0 ? null : link);
  pr.any('ifname', m.name, `${m.name}${link === null ? '' : `@${link}`}: `, 'ifname');
  const { known } = how;
  if (known && below && !known.has(below.ifindex)) known.set(below.ifindex, below.up);
  printLinkFlags(pr, m.flags, below ? !(known?.get(below.ifindex) ?? below.up) : false);
  pr.any('mtu', m.mtu, `mtu ${m.mtu} `);
  pr.any('master', m.master.name, `master ${m.master.name} `);
  if (!how.deleted) printPort(ctx, m.port);
  pr.fp('\n');
  pr.closeObject();
}

/** What `bridge monitor` shows of the ordinary link messages: of every device, without port settings. */
export function printPlainLink(ctx: Ctx, dev: NetDevice, deleted: boolean): void {
  const { pr } = ctx;
  const m = linkMsg(dev);
  pr.openObject();
  if (deleted) pr.any('deleted', true, 'Deleted ');
  pr.any('ifindex', m.ifindex, `${m.ifindex}: `);
  const down = printName(ctx, m, '', 0, ': ');
  printLinkFlags(pr, m.flags, down);
  pr.any('mtu', m.mtu, `mtu ${m.mtu} `);
  if (m.master && !deleted) pr.any('master', m.master.name, `master ${m.master.name} `);
  pr.fp('\n');
  pr.closeObject();
}

function show(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let only: string | null = null;
  for (; args.more; args.step()) {
    if (args.is('dev')) {
      const word = args.next();
      if (only !== null) duparg('dev', word);
      only = word;
    }
  }
  if (only !== null && !ctx.device(only)) {
    ctx.nodev(only);
    return 255;
  }
  ctx.newJson();
  for (const dev of ctx.ns.devices.values()) if (only === null || dev === ctx.device(only)) printBridgeLink(ctx, dev);
  ctx.deleteJson();
  return 0;
}

function set(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  const change: PortChange = {};
  let dev: string | null = null;
  let self = false;
  let master = false;
  for (; args.more; args.step()) {
    const known = SWITCHES.find(([name]) => args.is(name));
    if (args.is('dev')) dev = args.next();
    else if (known) {
      const word = args.next();
      if (word !== 'on' && word !== 'off') {
        ctx.complain(mustBeOneOf(known[0], word, ['off', 'on']));
        return 234;
      }
      change[known[1]] = word === 'on';
    } else if (args.is('learning_sync')) {
      if (args.next() !== 'on' && args.word !== 'off') {
        ctx.complain(mustBeOneOf('learning_sync', args.word, ['off', 'on']));
        return 234;
      }
    } else if (args.is('mcast_router')) change.mcastRouter = atoi(args.next());
    else if (args.is('cost')) {
      const cost = atoi(args.next());
      if (cost > 0) change.cost = cost;
    } else if (args.is('priority')) change.priority = atoi(args.next());
    else if (args.is('state')) {
      const word = args.next();
      const named = PORT_STATES.map(String).indexOf(word);
      if (!/^[-+]?\d+$/.test(word) && named < 0) {
        ctx.complain('Error: invalid STP port state\n');
        return 255;
      }
      change.state = named >= 0 ? named : Number(word);
    } else if (args.is('hwmode')) {
      self = true;
      if (args.next() !== 'vepa' && args.word !== 'veb') {
        ctx.complain('Mode argument must be "vepa" or "veb".\n');
        return 255;
      }
    } else if (args.is('backup_port')) {
      change.backup = ctx.device(args.next()) ?? null;
      if (!change.backup) {
        ctx.complain(`Error: device ${args.word} does not exist\n`);
        return 255;
      }
    } else if (args.is('nobackup_port')) change.backup = null;
    else if (args.is('self')) self = true;
    else if (args.is('master')) master = true;
    else throw new Exit(255, LINK_USAGE);
  }
  if (dev === null) {
    ctx.complain('Device is a required argument.\n');
    return 255;
  }
  const device = ctx.device(dev);
  if (!device) {
    ctx.complain(`Cannot find bridge device "${dev}"\n`);
    return 255;
  }
  // No device here bridges by itself.
  if (self && !master) return ctx.talk({ ok: false, errno: 'EOPNOTSUPP' }, 255);
  return ctx.talk(changePort(device, change), 255);
}

export function bridgeLink(ctx: Ctx, words: readonly string[]): number {
  const verb = words[0];
  if (verb === undefined) return show(ctx, []);
  if (matches(verb, 'set') || matches(verb, 'change')) return set(ctx, words.slice(1));
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx, words.slice(1));
  if (matches(verb, 'help')) throw new Exit(255, LINK_USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "bridge link help".\n`);
}
