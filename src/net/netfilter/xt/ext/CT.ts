/** Targets CT and NOTRACK: how connection tracking treats the packet, decided before it. Models libxt_CT.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { Problem, type TargetExt } from '../ext.ts';
import { number } from '../parse.ts';

interface Ct {
  notrack: boolean;
  zone: number | null;
  zoneMark: boolean;
  helper: string | null;
  /** Written as NOTRACK by whoever made the rule. */
  alias: boolean;
}

const options: TargetExt<Ct>['options'] = [
  {
    name: 'notrack',
    arg: 'none',
    set: (o) => {
      o.notrack = true;
    },
  },
  {
    name: 'helper',
    set: (o, arg) => {
      o.helper = arg;
    },
  },
  {
    name: 'ctevents',
    set: () => {
      throw new Problem('CT: --ctevents is not emulated');
    },
  },
  {
    name: 'expevents',
    set: () => {
      throw new Problem('CT: --expevents is not emulated');
    },
  },
  {
    name: 'timeout',
    set: () => {
      throw new Problem('CT: --timeout is not emulated');
    },
  },
  {
    name: 'zone',
    set: (o, arg) => {
      if (arg === 'mark') {
        o.zoneMark = true;
        return;
      }
      const zone = number(arg, 0, 65535);
      if (zone === null) throw new Problem(`Cannot parse ${arg} as a zone ID`);
      o.zone = zone;
    },
  },
];

function make(name: 'CT' | 'NOTRACK'): TargetExt<Ct> {
  return {
    kind: 'target',
    name,
    tables: ['raw'],
    init: () => ({ notrack: name === 'NOTRACK', zone: null, zoneMark: false, helper: null, alias: name === 'NOTRACK' }),
    options: name === 'CT' ? options : [],
    /** Helpers are modules; none is loaded here. */
    checkentry: (o) => (o.helper !== null ? fail('ENOENT') : ok()),
    save: (o) =>
      o.alias ? '' : (o.notrack ? ' --notrack' : '') + (o.zone !== null ? ` --zone ${o.zone}` : '') + (o.zoneMark ? ' --zone mark' : ''),
    list: (o) =>
      o.alias
        ? ' NOTRACK'
        : ` CT${o.notrack ? ' notrack' : ''}${o.zone !== null ? ` zone ${o.zone}` : ''}${o.zoneMark ? ' zone mark' : ''}`,
    run: (o, ns) => (p) => {
      if (p.skb.ct) return 'continue';
      if (o.notrack) p.skb.untracked = true;
      else if (o.zoneMark) ns.ct.setZone(p.skb, p.skb.mark & 0xffff);
      else if (o.zone !== null) ns.ct.setZone(p.skb, o.zone);
      return 'continue';
    },
  };
}

export const CT = make('CT');
export const NOTRACK = make('NOTRACK');
