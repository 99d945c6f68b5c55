/** -m owner: whose socket sent the packet; only where packets are made here. Models libxt_owner.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { number } from '../parse.ts';

interface Span {
  min: number;
  max: number;
  invert: boolean;
}

interface Owner {
  uid: Span | null;
  gid: Span | null;
  socket: boolean | null;
  suppl: boolean;
}

function parseSpan(arg: string, what: 'uid' | 'gid', lookup: (name: string) => number | null): Omit<Span, 'invert'> {
  const named = lookup(arg);
  if (named !== null) return { min: named, max: named };
  const parts = arg.split('-');
  const min = number(parts[0] as string, 0, 0xfffffffe);
  const max = parts[1] === undefined ? min : number(parts[1], 0, 0xfffffffe);
  if (min === null || max === null || parts.length > 2) throw new Problem(`owner: Bad value for "--${what}-owner" option: "${arg}"`);
  return { min, max };
}

function spanText(s: Span): string {
  return s.min === s.max ? String(s.min) : `${s.min}-${s.max}`;
}

export const owner: MatchExt<Owner> = {
  kind: 'match',
  name: 'owner',
  hooks: ['OUTPUT', 'POSTROUTING'],
  checkentry: (o) => ([o.uid, o.gid].some((s) => s && s.min > s.max) ? fail('EINVAL') : ok()),
  init: () => ({ uid: null, gid: null, socket: null, suppl: false }),
  options: [
    {
      name: 'uid-owner',
      invert: true,
      set: (o, arg, invert, cx) => {
        o.uid = { ...parseSpan(arg, 'uid', (name) => cx.user(name)), invert };
      },
    },
    {
      name: 'gid-owner',
      invert: true,
      set: (o, arg, invert, cx) => {
        o.gid = { ...parseSpan(arg, 'gid', (name) => cx.group(name)), invert };
      },
    },
    {
      name: 'socket-exists',
      arg: 'none',
      invert: true,
      set: (o, _arg, invert) => {
        o.socket = !invert;
      },
    },
    {
      name: 'suppl-groups',
      arg: 'none',
      set: (o) => {
        if (!o.gid) throw new Problem('owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"');
        o.suppl = true;
      },
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('owner: At least one of --uid-owner, --gid-owner or --socket-exists is required');
  },
  save: (o) =>
    (o.socket === null ? '' : `${o.socket ? '' : ' !'} --socket-exists`) +
    (o.uid ? `${o.uid.invert ? ' !' : ''} --uid-owner ${spanText(o.uid)}` : '') +
    (o.gid ? `${o.gid.invert ? ' !' : ''} --gid-owner ${spanText(o.gid)}` : '') +
    (o.suppl ? ' --suppl-groups' : ''),
  list: (o, cx) => {
    const one = (s: Span, what: string, name: (id: number) => string | null): string =>
      ` ${s.invert ? '! ' : ''}owner ${what} match ${s.min === s.max && !cx.numeric ? (name(s.min) ?? s.min) : spanText(s)}`;
    return (
      (o.socket === null ? '' : ` ${o.socket ? '' : '! '}owner socket exists`) +
      (o.uid ? one(o.uid, 'UID', cx.userName) : '') +
      (o.gid ? one(o.gid, 'GID', cx.groupName) : '') +
      (o.suppl ? ' incl. suppl. groups' : '')
    );
  },
  run: (o) => (p) => {
    const { sk } = p.skb;
    if (!sk) return !((o.uid && !o.uid.invert) || (o.gid && !o.gid.invert) || o.socket === true);
    if (o.socket === false) return false;
    if (o.uid && (sk.uid >= o.uid.min && sk.uid <= o.uid.max) === o.uid.invert) return false;
    if (o.gid && (sk.gid >= o.gid.min && sk.gid <= o.gid.max) === o.gid.invert) return false;
    return true;
  },
};
