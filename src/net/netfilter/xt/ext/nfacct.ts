/** -m nfacct: counts packets on an accounting object that user space has made. Models libxt_nfacct.c, xt_nfacct.c, nfnetlink_acct.c */

import { fail, ok, type Result } from '../../../../sim/errno.ts';
import type { Netns } from '../../../netns.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { quote } from '../parse.ts';

export interface NfAcct {
  packets: number;
  bytes: number;
}

/** NFACCT_NAME_MAX */
const NAME_MAX = 32;

/** The accounting objects of a namespace, as `nfacct list` shows them. */
export class NfAccounts {
  private static readonly of = new WeakMap<Netns, NfAccounts>();
  readonly objects = new Map<string, NfAcct>();

  static get(ns: Netns): NfAccounts {
    let all = NfAccounts.of.get(ns);
    if (!all) {
      all = new NfAccounts();
      NfAccounts.of.set(ns, all);
    }
    return all;
  }

  /** NFNL_MSG_ACCT_NEW: EEXIST when there is one of that name. */
  add(name: string): Result {
    if (name === '' || name.length >= NAME_MAX) return fail('EINVAL');
    if (this.objects.has(name)) return fail('EEXIST');
    this.objects.set(name, { packets: 0, bytes: 0 });
    return ok();
  }
}

interface Options {
  name: string;
}

export const nfacct: MatchExt<Options> = {
  kind: 'match',
  name: 'nfacct',
  init: () => ({ name: '' }),
  options: [
    {
      name: 'nfacct-name',
      mandatory: true,
      set: (o, arg) => {
        if (arg.length < 1 || arg.length >= NAME_MAX)
          throw new Problem(`Argument must have a minimum length of 1 and a maximum length of ${NAME_MAX - 1} characters`);
        o.name = arg;
      },
    },
  ],
  checkentry: (o, ns) => (NfAccounts.get(ns).objects.has(o.name) ? ok() : fail('ENOENT')),
  // The tool prints the blank of the option and that of the string.
  save: (o) => ` --nfacct-name  ${quote(o.name)}`,
  list: (o) => ` nfacct-name  ${quote(o.name)}`,
  run: (o, ns) => {
    const object = NfAccounts.get(ns).objects.get(o.name);
    return (p) => {
      if (object) {
        object.packets++;
        object.bytes += p.len;
      }
      return true;
    };
  },
};
