/** bridge mdb: multicast groups and their ports. Models bridge/mdb.c */

import { addMdb, delMdb, dumpMdb, type MdbMsg, type MdbRequest, routerPorts } from '../../os/uapi.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { formatMac, parseMac } from '../../wire/mac.ts';
import type { Ctx } from '../ip/ctx.ts';
import { Args, duparg, Exit, matches } from '../ip/lib/args.ts';
import { familyColor } from '../ip/lib/print.ts';
import { MDB_USAGE } from './usage.ts';

/** ` 259.98` */
function timerText(seconds: number): string {
  return (Math.floor(seconds * 100) / 100).toFixed(2).padStart(7);
}

export function printMdb(ctx: Ctx, m: MdbMsg, deleted = false): void {
  const { pr } = ctx;
  if (deleted) pr.fp('Deleted ');
  pr.openObject();
  pr.jsonOnly('index', m.bridge.ifindex);
  pr.any('dev', m.bridge.name, `dev ${m.bridge.name}`);
  pr.any('port', m.port.name, ` port ${m.port.name}`);
  const group = m.ip === null ? formatMac(m.mac) : formatIp(m.ip);
  pr.any('grp', group, ` grp ${group}`, m.ip === null ? 'none' : familyColor(m.ip));
  if (m.src !== null) pr.any('src', formatIp(m.src), ` src ${formatIp(m.src)}`);
  const state = m.permanent ? 'permanent' : 'temp';
  pr.any('state', state, ` ${state}`);
  const proto = m.learned ? 'kernel' : 'static';
  if (ctx.details > 0 && m.port !== m.bridge) pr.any('protocol', proto, ` proto ${proto} `);
  pr.openArray('flags');
  if (m.fastLeave) pr.any(null, 'fast_leave', ' fast_leave');
  pr.closeArray();
  if (m.vid) pr.any('vid', m.vid, ` vid ${m.vid}`);
  if (ctx.stats > 0) pr.any('timer', timerText(m.timer), ` ${timerText(m.timer)}`);
  pr.nl();
  pr.closeObject();
}

function show(ctx: Ctx, words: readonly string[]): number {
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
  const dev = only === null ? null : ctx.device(only);
  if (dev === undefined) {
    ctx.nodev(only as string);
    return 255;
  }
  const { pr } = ctx;
  ctx.newJson();
  pr.openObject();
  pr.openArray('mdb');
  for (const m of dumpMdb(ctx.ns)) if ((!dev || m.bridge === dev) && (vid === 0 || m.vid === vid)) printMdb(ctx, m);
  pr.closeArray();
  pr.openObject('router');
  if (ctx.details > 0) for (const r of routerPorts(ctx.ns)) if (!dev || r.bridge === dev) printRouters(ctx, r.bridge.name, r.ports);
  pr.closeObject();
  pr.closeObject();
  ctx.deleteJson();
  return 0;
}

function printRouters(ctx: Ctx, bridge: string, ports: readonly { readonly name: string }[]): void {
  const { pr } = ctx;
  pr.openArray(bridge);
  if (ctx.stats === 0) pr.fp(`router ports on ${bridge}: `);
  for (const { name } of ports) {
    if (ctx.stats > 0) pr.fp(`router ports on ${bridge}: `);
    pr.openObject();
    pr.any('port', name, ctx.stats > 0 ? name : `${name} `);
    if (ctx.stats > 0) {
      pr.any('timer', timerText(0), ` ${timerText(0)}`);
      pr.any('type', 'permanent', ' permanent');
      pr.fp('\n');
    }
    pr.closeObject();
  }
  if (ctx.stats === 0) pr.nl();
  pr.closeArray();
}

function readGroup(text: string): { ip: IpAddr | null; mac: number } | null {
  const ip = parseIp(text);
  if (ip !== null) return { ip, mac: 0 };
  const mac = parseMac(text);
  return mac === null ? null : { ip: null, mac };
}

function modify(ctx: Ctx, words: readonly string[], add: boolean): number {
  const args = new Args(words);
  let dev: string | null = null;
  let port: string | null = null;
  let grp: string | null = null;
  let src: string | null = null;
  let permanent = false;
  let vid = 0;
  for (; args.more; args.step()) {
    if (args.is('dev')) dev = args.next();
    else if (args.is('grp')) grp = args.next();
    else if (args.is('port')) port = args.next();
    else if (args.is('permanent')) permanent = add;
    else if (args.is('temp')) continue;
    else if (args.is('vid')) vid = Number.parseInt(args.next(), 10) || 0;
    else if (args.is('src')) src = args.next();
    else if (args.matches('help')) throw new Exit(255, MDB_USAGE);
  }
  if (dev === null || grp === null || port === null) {
    ctx.complain('Device, group address and port name are required arguments.\n');
    return 255;
  }
  const [bridge, member] = [ctx.device(dev), ctx.device(port)];
  if (!bridge || !member) {
    ctx.nodev(bridge ? port : dev);
    return 255;
  }
  const group = readGroup(grp);
  if (!group) {
    if (!/^\d+(\.\d+)*$/.test(grp) && grp.includes(':')) ctx.complain(`"${grp}" is invalid lladdr.\n`);
    ctx.complain(`Invalid address "${grp}"\n`);
    return 255;
  }
  const source = src === null ? null : parseIp(src);
  if (src !== null && source === null) {
    ctx.complain(`Invalid source address "${src}"\n`);
    return 255;
  }
  const request: MdbRequest = { ...group, src: source, vid: vid & 0xffff, permanent };
  return ctx.talk(add ? addMdb(bridge, member, request) : delMdb(bridge, member, request), 255);
}

export function bridgeMdb(ctx: Ctx, words: readonly string[]): number {
  const verb = words[0];
  if (verb === undefined) return show(ctx, []);
  const rest = words.slice(1);
  if (matches(verb, 'add')) return modify(ctx, rest, true);
  if (matches(verb, 'delete')) return modify(ctx, rest, false);
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx, rest);
  if (matches(verb, 'help')) throw new Exit(255, MDB_USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "bridge mdb help".\n`);
}
