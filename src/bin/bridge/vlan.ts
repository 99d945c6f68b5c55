/** bridge vlan: which VLANs ports carry. Models bridge/vlan.c */

import { changeVlans, type NetDevice, type VlanMsg, vlanDevices, vlansOf } from '../../os/uapi.ts';
import type { Ctx } from '../ip/ctx.ts';
import { Args, duparg, Exit, invarg, matches, unsigned } from '../ip/lib/args.ts';
import { VLAN_USAGE } from './usage.ts';

const IFNAMSIZ = 16;
const VLAN_ID_LEN = 9;

/** atoi() into a short. */
function short(text: string): number {
  const n = Number.parseInt(text, 10) || 0;
  return (n << 16) >> 16;
}

interface Range {
  from: number;
  to: number;
}

/** `tunnel_info id N[-M]` */
function tunnelInfo(args: Args): Range {
  if (!'id'.startsWith(args.next())) invarg('tunnel id expected', args.word);
  const [from, to] = args.next().split('-');
  const read = (text: string): number => unsigned(text, 0xffffff) ?? invarg('invalid tun id', text);
  const first = read(from as string);
  return { from: first, to: to === undefined ? first : read(to) };
}

function modify(ctx: Ctx, words: readonly string[], add: boolean): number {
  const args = new Args(words);
  let dev: string | null = null;
  let vid = -1;
  let end = -1;
  let self = false;
  let master = false;
  let pvid = false;
  let untagged = false;
  let tunnel: Range | null = null;
  for (; args.more; args.step()) {
    if (args.is('dev')) dev = args.next();
    else if (args.is('vid')) {
      const [from, to] = args.next().split('-');
      vid = short(from as string);
      if (to !== undefined) end = short(to);
    } else if (args.is('self')) self = true;
    else if (args.is('master')) master = true;
    else if (args.is('pvid')) pvid = true;
    else if (args.is('untagged')) untagged = true;
    else if (args.is('tunnel_info')) tunnel = tunnelInfo(args);
    else if (args.matches('help')) args.next();
  }
  const refuse = (text: string): number => {
    ctx.complain(`${text}\n`);
    return 255;
  };
  if (dev === null || vid === -1) return refuse('Device and VLAN ID are required arguments.');
  const device = ctx.device(dev);
  if (!device) return refuse(`Cannot find bridge device "${dev}"`);
  if (vid >= 4096) return refuse(`Invalid VLAN ID "${vid & 0xffff}"`);
  if (end !== -1) {
    if (end >= 4096 || vid >= end) return refuse(`Invalid VLAN range "${vid & 0xffff}-${end & 0xffff}"`);
    if (pvid) return refuse('pvid cannot be configured for a vlan range');
  }
  const range = { from: vid, to: end === -1 ? vid : end, pvid, untagged, tunnel: tunnel?.from ?? null, self, master };
  return ctx.talk(changeVlans(device, add, range), 255);
}

interface Shown {
  readonly from: VlanMsg;
  readonly to: VlanMsg;
}

/** Consecutive VLANs with equal flags as one, for -c. */
function ranges(list: readonly VlanMsg[]): Shown[] {
  const out: { from: VlanMsg; to: VlanMsg }[] = [];
  for (const v of list) {
    const last = out.at(-1);
    const plain = !v.pvid && last !== undefined && !last.to.pvid;
    if (last && plain && last.to.vid + 1 === v.vid && last.to.untagged === v.untagged) last.to = v;
    else out.push({ from: v, to: v });
  }
  return out;
}

function head(ctx: Ctx, dev: NetDevice, what: 'vlans' | 'tunnels'): void {
  ctx.pr.openObject();
  ctx.pr.any('ifname', dev.name, dev.name.padEnd(IFNAMSIZ), 'ifname');
  ctx.pr.fp('  ');
  ctx.pr.openArray(what);
}

function idRange(ctx: Ctx, name: string, from: number, to: number): number {
  ctx.pr.any(name, from, String(from));
  if (from === to) return String(from).length;
  ctx.pr.any(`${name}End`, to, `-${to}`);
  return `${from}-${to}`.length;
}

function printVlans(ctx: Ctx, dev: NetDevice, list: readonly VlanMsg[]): void {
  const { pr } = ctx;
  const rows: readonly Shown[] = ctx.compressVlans ? ranges(list) : list.map((v) => ({ from: v, to: v }));
  rows.forEach(({ from, to }, i) => {
    if (i === 0) head(ctx, dev, 'vlans');
    else pr.fp(' '.repeat(IFNAMSIZ + 2));
    pr.openObject();
    idRange(ctx, 'vlan', from.vid, to.vid);
    if (from.pvid || from.untagged) {
      pr.openArray('flags');
      if (from.pvid) pr.any(null, 'PVID', ' PVID');
      if (from.untagged) pr.any(null, 'Egress Untagged', ' Egress Untagged');
      pr.closeArray();
    }
    pr.nl();
    pr.closeObject();
  });
  if (rows.length === 0) return;
  pr.closeArray();
  pr.closeObject();
}

function printTunnels(ctx: Ctx, dev: NetDevice, list: readonly VlanMsg[]): void {
  const { pr } = ctx;
  const mapped = list.filter((v) => v.tunnel !== null);
  mapped.forEach((v, i) => {
    if (i === 0) head(ctx, dev, 'tunnels');
    else pr.fp(' '.repeat(IFNAMSIZ + 2));
    pr.openObject();
    const width = idRange(ctx, 'vlan', v.vid, v.vid);
    pr.fp(`${' '.repeat(Math.max(0, VLAN_ID_LEN - width))}  `);
    idRange(ctx, 'tunid', v.tunnel as number, v.tunnel as number);
    pr.closeObject();
    pr.nl();
  });
  if (mapped.length === 0) return;
  pr.closeArray();
  pr.closeObject();
}

function show(ctx: Ctx, words: readonly string[], tunnels: boolean): number {
  const args = new Args(words);
  let only: string | null = null;
  let vid = 0;
  for (; args.more; args.step()) {
    if (args.is('dev')) {
      const word = args.next();
      if (only !== null) duparg('dev', word);
      only = word;
    } else if (args.is('vid')) {
      const word = args.next();
      if (vid !== 0) duparg('vid', word);
      vid = Number.parseInt(word, 10) || 0;
    }
  }
  if (only !== null && !ctx.device(only)) {
    ctx.nodev(only);
    return 255;
  }
  ctx.newJson();
  ctx.pr.fp(`${'port'.padEnd(IFNAMSIZ)}  vlan-id${ctx.stats && !tunnels ? '' : '  '}`);
  if (tunnels) ctx.pr.fp('  tunnel-id');
  ctx.pr.fp('\n');
  for (const dev of vlanDevices(ctx.ns)) {
    if (only !== null && dev !== ctx.device(only)) continue;
    const list = (vlansOf(dev) ?? []).filter((v) => vid === 0 || v.vid === vid);
    if (tunnels) printTunnels(ctx, dev, list);
    else printVlans(ctx, dev, list);
  }
  ctx.deleteJson();
  return 0;
}

export function bridgeVlan(ctx: Ctx, words: readonly string[]): number {
  const verb = words[0];
  if (verb === undefined) return show(ctx, [], false);
  const rest = words.slice(1);
  if (matches(verb, 'add')) return modify(ctx, rest, true);
  if (matches(verb, 'delete')) return modify(ctx, rest, false);
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx, rest, false);
  if (matches(verb, 'tunnelshow')) return show(ctx, rest, true);
  if (matches(verb, 'set') || matches(verb, 'global')) {
    ctx.complain(`bridge vlan ${verb}: not emulated\n`);
    return 255;
  }
  if (matches(verb, 'help')) throw new Exit(255, VLAN_USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "bridge vlan help".\n`);
}
