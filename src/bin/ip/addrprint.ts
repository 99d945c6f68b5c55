/** One address as text or JSON. Models print_addrinfo() of ip/ipaddress.c */

import { IFA_F_PERMANENT, IFA_F_SECONDARY, type IfAddr, INFINITY_LIFE } from '../../os/uapi.ts';
import { formatIp } from '../../wire/addr.ts';
import type { Ctx } from './ctx.ts';
import { familyColor } from './lib/print.ts';

/** Names in the order in which they are printed; `permanent` is shown as its opposite. */
export const ADDR_FLAGS: readonly (readonly [number, string])[] = [
  [IFA_F_SECONDARY, 'secondary'],
  [0x02, 'nodad'],
  [0x04, 'optimistic'],
  [0x08, 'dadfailed'],
  [0x10, 'home'],
  [0x20, 'deprecated'],
  [0x40, 'tentative'],
  [IFA_F_PERMANENT, 'permanent'],
  [0x100, 'mngtmpaddr'],
  [0x200, 'noprefixroute'],
  [0x400, 'autojoin'],
  [0x800, 'stable-privacy'],
];

function printFlags(ctx: Ctx, a: IfAddr): void {
  const { pr } = ctx;
  for (const [mask, name] of ADDR_FLAGS) {
    if (mask === IFA_F_PERMANENT) {
      if (!(a.flags & mask)) pr.any('dynamic', true, 'dynamic ');
    } else if (a.flags & mask) {
      const shown = mask === IFA_F_SECONDARY && a.family === 6 ? 'temporary' : name;
      pr.any(shown, true, `${shown} `);
    }
  }
}

/** A permanent IPv4 address has no lifetimes to show, whatever preferred_lft was given. */
function left(ctx: Ctx, a: IfAddr, lft: number): number {
  if (a.family === 4 && a.flags & IFA_F_PERMANENT) return INFINITY_LIFE;
  return lft === INFINITY_LIFE ? lft : Math.max(0, lft - Math.floor((ctx.p.sim.now - a.since) / 1e6));
}

/** `named`: with index and device before it, as -o and monitor do. */
export function printAddr(ctx: Ctx, a: IfAddr, how: { named: boolean; deleted?: boolean }): void {
  const { pr } = ctx;
  if (how.deleted) pr.any('deleted', true, 'Deleted ');
  const peer = a.peer !== a.local;
  if (!ctx.brief) {
    if (how.named) {
      pr.any('index', a.dev.ifindex, `${a.dev.ifindex}: `);
      pr.any('dev', ctx.nameOf(a.dev));
    }
    pr.any('family', a.family === 4 ? 'inet' : 'inet6', `    ${a.family === 4 ? 'inet' : 'inet6'} `);
  }
  pr.any('local', formatIp(a.local), undefined, familyColor(a.local));
  if (peer) pr.any('address', formatIp(a.peer), formatIp(a.peer), familyColor(a.local), ' peer ');
  pr.any('prefixlen', a.len, `/${a.len} `);
  if (a.metric) pr.any('metric', a.metric, `metric ${a.metric} `);
  if (ctx.brief) return;
  if (a.broadcast !== null) pr.any('broadcast', formatIp(a.broadcast), `${formatIp(a.broadcast)} `, familyColor(a.local), 'brd ');
  pr.any('scope', ctx.names.scope(a.scope), `scope ${ctx.names.scope(a.scope)} `);
  printFlags(ctx, a);
  if (a.label !== '' && a.family === 4) pr.any('label', a.label);
  pr.nl();
  const valid = left(ctx, a, a.validLft);
  const pref = left(ctx, a, a.prefLft);
  pr.any('valid_life_time', valid, `       valid_lft ${valid === INFINITY_LIFE ? 'forever' : `${valid}sec`}`);
  pr.any('preferred_life_time', pref, ` preferred_lft ${pref === INFINITY_LIFE ? 'forever' : `${pref}sec`}`);
  pr.fp('\n');
}
