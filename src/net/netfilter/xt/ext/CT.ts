/** Targets CT and NOTRACK: how connection tracking treats the packet, decided before it. Models libxt_CT.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { type OptionSpec, Problem, type TargetExt } from '../ext.ts';
import { number } from '../parse.ts';

interface Ct {
  notrack: boolean;
  zone: number | null;
  zoneMark: boolean;
  helper: string | null;
  /** Direction that the zone counts in. */
  zoneDir: 'orig' | 'reply' | null;
  ctevents: string[];
  expevents: string[];
  timeout: string | null;
  /** Written as NOTRACK by whoever made the rule. */
  alias: boolean;
}

const CT_EVENTS = ['new', 'related', 'destroy', 'reply', 'assured', 'protoinfo', 'helper', 'mark', 'natseqinfo', 'secmark'];
const EXP_EVENTS = ['new'];

function events(arg: string, known: readonly string[]): string[] {
  const words = arg.split(',');
  for (const word of words) if (!known.includes(word)) throw new Problem(`Unknown event type "${word}"`);
  return known.filter((e) => words.includes(e));
}

function zoneOption(name: string, dir: Ct['zoneDir']): OptionSpec<Ct> {
  return {
    name,
    set: (o, arg) => {
      o.zoneMark = arg === 'mark';
      const zone = arg === 'mark' ? null : number(arg, 0, 65535);
      if (arg !== 'mark' && zone === null) throw new Problem(`Cannot parse ${arg} as a zone ID`);
      o.zone = zone;
      // Both directions together are no direction.
      o.zoneDir = o.zoneDir !== null && o.zoneDir !== dir ? null : dir;
    },
  };
}

/** Helpers that the kernel has built in, by protocol. */
const HELPERS: Readonly<Record<string, number>> = {
  ftp: 6,
  irc: 6,
  sane: 6,
  'Q.931': 6,
  tftp: 17,
  amanda: 17,
  snmp: 17,
  'netbios-ns': 17,
  RAS: 17,
};

function texts(o: Ct, dashes: string): string {
  const zone = `zone${o.zoneDir === null ? '' : `-${o.zoneDir}`}`;
  return (
    (o.notrack ? ` ${dashes}notrack` : '') +
    (o.helper !== null ? ` ${dashes}helper ${o.helper}` : '') +
    (o.timeout !== null ? ` ${dashes}timeout ${o.timeout}` : '') +
    (o.ctevents.length > 0 ? ` ${dashes}ctevents ${o.ctevents.join(',')}` : '') +
    (o.expevents.length > 0 ? ` ${dashes}expevents ${o.expevents.join(',')}` : '') +
    (o.zoneMark ? ` ${dashes}${zone} mark` : o.zone ? ` ${dashes}${zone} ${o.zone}` : '')
  );
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
    set: (o, arg) => {
      o.ctevents = events(arg, CT_EVENTS);
    },
  },
  {
    name: 'expevents',
    set: (o, arg) => {
      o.expevents = events(arg, EXP_EVENTS);
    },
  },
  {
    name: 'timeout',
    set: (o, arg) => {
      o.timeout = arg;
    },
  },
  zoneOption('zone', null),
  zoneOption('zone-orig', 'orig'),
  zoneOption('zone-reply', 'reply'),
];

function make(name: 'CT' | 'NOTRACK'): TargetExt<Ct> {
  return {
    kind: 'target',
    name,
    tables: ['raw'],
    init: () => ({
      notrack: name === 'NOTRACK',
      zone: null,
      zoneMark: false,
      zoneDir: null,
      helper: null,
      ctevents: [],
      expevents: [],
      timeout: null,
      alias: name === 'NOTRACK',
    }),
    options: name === 'CT' ? options : [],
    checkentry: (o, _ns, proto) => {
      if (o.notrack) return ok();
      if (o.helper !== null && (proto === 0 || HELPERS[o.helper] !== proto)) return fail('ENOENT');
      // No timeout policy was ever made (nfct add timeout).
      if (o.timeout !== null) return fail(proto === 0 ? 'EINVAL' : 'ENOENT');
      return ok();
    },
    save: (o) => (o.alias ? '' : texts(o, '--')),
    list: (o) => (o.alias ? ' NOTRACK' : ` CT${texts(o, '')}`),
    nft: (o) => (o.notrack ? 'notrack' : null),
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
