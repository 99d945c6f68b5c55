/** -m multiport: up to 15 ports and ranges. Models libxt_multiport.c */

import { type MatchExt, type ParseCx, Problem } from '../ext.ts';
import { protocolName } from '../names.ts';
import { dportOf, hasL4, sportOf } from '../packet.ts';
import { port } from '../parse.ts';

interface Multiport {
  side: 'sports' | 'dports' | 'ports';
  list: (readonly [number, number])[];
  invert: boolean;
  /** Name of the protocol, for nft. */
  proto: string;
  number: number;
}

const NEEDS = "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'";
const ONLY = 'multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP';
const SIDES = ['source-ports', 'destination-ports', 'ports'];

const PROTOS: readonly number[] = [6, 17, 136, 132, 33];

function parsePorts(arg: string, cx: ParseCx): [number, number][] {
  if (cx.protoInvert) throw new Problem(ONLY);
  if (!PROTOS.includes(cx.proto)) throw new Problem(cx.proto === 0 ? NEEDS : ONLY);
  const out: [number, number][] = [];
  let slots = 0;
  for (const item of arg.split(',')) {
    const [low, high] = item.split(':');
    slots += high === undefined ? 1 : 2;
    if (slots > 15) throw new Problem('too many ports specified');
    const min = port(low as string, cx.proto);
    const max = high === undefined ? min : port(high, cx.proto);
    if (high !== undefined && min >= max) throw new Problem('invalid portrange specified');
    out.push([min, max]);
  }
  return out;
}

const side = (name: string, aliases: string[], key: Multiport['side']) => ({
  name,
  aliases,
  invert: true,
  excludes: SIDES.filter((s) => s !== name),
  set: (o: Multiport, arg: string, invert: boolean, cx: ParseCx): void => {
    Object.assign(o, { side: key, list: parsePorts(arg, cx), invert, proto: protocolName(cx.proto) ?? 'th', number: cx.proto });
  },
});

export const multiport: MatchExt<Multiport> = {
  kind: 'match',
  name: 'multiport',
  protos: PROTOS,
  init: () => ({ side: 'ports', list: [], invert: false, proto: 'tcp', number: 6 }),
  options: [side('source-ports', ['sports'], 'sports'), side('destination-ports', ['dports'], 'dports'), side('ports', [], 'ports')],
  check: (o) => {
    if (o.list.length === 0) throw new Problem('multiport expection an option');
  },
  save: (o) => `${o.invert ? ' !' : ''} --${o.side} ${o.list.map(([a, b]) => (a === b ? a : `${a}:${b}`)).join(',')}`,
  list: (o, cx) => {
    const text = o.list
      .map(([a, b]) => (a === b ? cx.service(a, o.number) : `${cx.service(a, o.number)}:${cx.service(b, o.number)}`))
      .join(',');
    return ` multiport ${o.side} ${o.invert ? ' !' : ''}${text}`;
  },
  nft: (o) => {
    if (o.side === 'ports') return null;
    const list = o.list.map(([a, b]) => (a === b ? String(a) : `${a}-${b}`));
    const key = o.side === 'dports' ? 'dport' : 'sport';
    return `${o.proto} ${key} ${o.invert ? '!= ' : ''}${list.length === 1 && !o.invert ? list[0] : `{ ${list.join(', ')} }`}`;
  },
  run: (o) => {
    const hit = (n: number): boolean => o.list.some(([a, b]) => n >= a && n <= b);
    return (p) => {
      if (!hasL4(p, 4)) return false;
      const yes = (o.side !== 'dports' && hit(sportOf(p))) || (o.side !== 'sports' && hit(dportOf(p)));
      return yes !== o.invert;
    };
  },
};
