/** -m socket: packets that a socket of this host waits for. Models libxt_socket.c and xt_socket.c */

import type { Netns } from '../../../netns.ts';
import { isAny, type Sock } from '../../../sock/sock.ts';
import type { MatchExt, OptionSpec } from '../ext.ts';
import { dportOf, hasL4, sportOf, type XtPacket } from '../packet.ts';

interface SocketMatch {
  transparent: boolean;
  nowildcard: boolean;
  'restore-skmark': boolean;
}

const flag = (name: keyof SocketMatch): OptionSpec<SocketMatch> => ({
  name,
  arg: 'none',
  set: (o) => {
    o[name] = true;
  },
});

const FLAGS = ['transparent', 'nowildcard', 'restore-skmark'] as const;
const text = (o: SocketMatch): string => FLAGS.map((name) => (o[name] ? ` --${name}` : '')).join('');

/** nf_sk_lookup_slow_v4() */
function socketFor(ns: Netns, p: XtPacket): Sock | null {
  if (p.skb.sk) return p.skb.sk;
  if ((p.proto !== 6 && p.proto !== 17) || !hasL4(p, 4)) return null;
  const four = { laddr: p.dst, lport: dportOf(p), raddr: p.src, rport: sportOf(p) };
  if (p.proto === 17) return ns.sockets.findUdp(four, p.in) ?? null;
  return ns.sockets.findTcp(four) ?? ns.sockets.findListener(four, p.in) ?? null;
}

export const socket: MatchExt<SocketMatch> = {
  kind: 'match',
  name: 'socket',
  hooks: ['PREROUTING', 'INPUT'],
  init: () => ({ transparent: false, nowildcard: false, 'restore-skmark': false }),
  options: [flag('transparent'), flag('nowildcard'), flag('restore-skmark')],
  save: text,
  list: (o) => ` socket${text(o)}`,
  run: (o, ns) => (p) => {
    const sk = socketFor(ns, p);
    if (!sk) return false;
    // Listeners on the wildcard address match everything, so they do not count unless asked for.
    if (!o.nowildcard && isAny(sk.local.addr)) return false;
    if (o.transparent && !sk.opt.transparent) return false;
    if (o['restore-skmark']) p.skb.mark = sk.opt.mark;
    return true;
  },
};
