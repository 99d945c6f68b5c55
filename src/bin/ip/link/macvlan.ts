/** `type macvlan mode …`, `type macvtap mode …`. Models ip/iplink_macvlan.c */

import type { MacvlanData } from '../../../os/uapi.ts';
import { formatMac, type Mac, parseMac } from '../../../wire/mac.ts';
import type { Ctx } from '../ctx.ts';
import { type Args, oneOf, unsigned } from '../lib/args.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

const MODES = ['private', 'vepa', 'bridge', 'passthru', 'source'] as const;
const FLAGS = ['nopromisc', 'nodst', 'null'] as const;
const MAC_MODES = ['add', 'del', 'set', 'flush'] as const;

export const macvlan: LinkType = type('macvlan');
export const macvtap: LinkType = type('macvtap');

function lladdr(ctx: Ctx, text: string): Mac | null {
  const mac = parseMac(text);
  if (mac === null) ctx.complain(`"${text}" is invalid lladdr.\n`);
  return mac;
}

/** `macaddr { add | del } MAC`, `macaddr set MAC …`, `macaddr flush`; false: a message was given. */
function macaddr(ctx: Ctx, args: Args, data: MacvlanData, usage: string): boolean {
  const word = args.next();
  const mode = MAC_MODES.find((m) => m === word);
  if (!mode) {
    ctx.complain(usage);
    return false;
  }
  data.macMode = mode;
  if (mode === 'flush') return true;
  const macs: Mac[] = [];
  data.macs = macs;
  if (mode !== 'set') {
    const mac = lladdr(ctx, args.next());
    if (mac !== null) macs.push(mac);
    return mac !== null;
  }
  for (; args.peek !== undefined; args.step()) {
    const mac = lladdr(ctx, args.peek);
    if (mac === null) break;
    macs.push(mac);
  }
  return true;
}

function type(name: MacvlanData['kind']): LinkType {
  const usage = TYPE_USAGE[name] as string;
  return {
    name,
    parse(ctx, args, req) {
      const data: MacvlanData = { kind: name };
      let flags = false;
      const flag = (word: string): boolean => {
        flags = true;
        if (word === 'nopromisc') data.noPromisc = true;
        else if (word === 'nodst') data.noDst = true;
        else return word === 'null';
        return true;
      };
      for (; args.more; args.step()) {
        if (args.matches('mode')) {
          const word = args.next();
          const mode = MODES.find((m) => m === word);
          if (!mode) {
            ctx.complain(oneOf('mode', word, MODES));
            return 1;
          }
          data.mode = mode;
        } else if (args.matches('flag')) {
          const word = args.next();
          if (!flag(word)) {
            ctx.complain(oneOf('flag', word, FLAGS));
            return 1;
          }
        } else if (args.matches('macaddr')) {
          if (!macaddr(ctx, args, data, usage)) return 1;
        } else if (args.matches('nopromisc')) flag('nopromisc');
        else if (args.matches('nodst')) flag('nodst');
        else if (args.matches('bcqueuelen')) {
          const length = unsigned(args.next());
          if (length === null) {
            ctx.complain(`Error: argument of "bcqueuelen" must be a positive integer [0-4294967295], not "${args.word}"\n`);
            return 1;
          }
          data.bcQueueLen = length;
        } else if (args.matches('help')) {
          ctx.complain(usage);
          return 1;
        } else {
          ctx.complain(`${name}: unknown option "${args.word}"?\n${usage}`);
          return 1;
        }
      }
      if (flags) {
        if (data.noPromisc && data.mode !== 'passthru') {
          ctx.complain(`${name}: nopromisc flag only valid in passthru mode\n${usage}`);
          return 1;
        }
        data.noPromisc ??= false;
        data.noDst ??= false;
      }
      req.data = data;
      return 0;
    },
    print(ctx, m) {
      if (m.data?.kind !== name) return;
      const { pr } = ctx;
      const d = m.data;
      pr.any('mode', d.mode ?? 'vepa', `mode ${d.mode ?? 'vepa'} `);
      if (d.noPromisc) pr.any('nopromisc', true, 'nopromisc ');
      if (d.noDst) pr.any('nodst', true, 'nodst ');
      pr.any('bcqueuelen', d.bcQueueLen ?? 0, `bcqueuelen ${d.bcQueueLen ?? 0} `);
      pr.any('usedbcqueuelen', d.usedBcQueueLen ?? 0, `usedbcqueuelen ${d.usedBcQueueLen ?? 0} `);
      if (!d.macs) return;
      const macs = d.macs.map(formatMac);
      pr.any('macaddr_count', macs.length, `remotes (${macs.length}) `);
      pr.openArray('macaddr_data');
      for (const mac of macs) pr.any(null, mac, `${mac} `);
      pr.closeArray();
    },
  };
}
