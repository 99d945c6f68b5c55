/** -p icmp: type and code. Models libipt_icmp.c */

import { ICMP_TYPE, ICMPV6_TYPE } from '../../nft/symbols.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { number } from '../parse.ts';

export interface IcmpMatch {
  type: number;
  min: number;
  max: number;
  invert: boolean;
}

type Names = readonly (readonly [name: string, type: number, min: number, max: number])[];

const ICMP_NAMES: Names = [
  ['any', 0xff, 0, 0xff],
  ['echo-reply', 0, 0, 0xff],
  ['pong', 0, 0, 0xff],
  ['destination-unreachable', 3, 0, 0xff],
  ['network-unreachable', 3, 0, 0],
  ['host-unreachable', 3, 1, 1],
  ['protocol-unreachable', 3, 2, 2],
  ['port-unreachable', 3, 3, 3],
  ['fragmentation-needed', 3, 4, 4],
  ['source-route-failed', 3, 5, 5],
  ['network-unknown', 3, 6, 6],
  ['host-unknown', 3, 7, 7],
  ['network-prohibited', 3, 9, 9],
  ['host-prohibited', 3, 10, 10],
  ['TOS-network-unreachable', 3, 11, 11],
  ['TOS-host-unreachable', 3, 12, 12],
  ['communication-prohibited', 3, 13, 13],
  ['host-precedence-violation', 3, 14, 14],
  ['precedence-cutoff', 3, 15, 15],
  ['source-quench', 4, 0, 0xff],
  ['redirect', 5, 0, 0xff],
  ['network-redirect', 5, 0, 0],
  ['host-redirect', 5, 1, 1],
  ['TOS-network-redirect', 5, 2, 2],
  ['TOS-host-redirect', 5, 3, 3],
  ['echo-request', 8, 0, 0xff],
  ['ping', 8, 0, 0xff],
  ['router-advertisement', 9, 0, 0xff],
  ['router-solicitation', 10, 0, 0xff],
  ['time-exceeded', 11, 0, 0xff],
  ['ttl-exceeded', 11, 0, 0xff],
  ['ttl-zero-during-transit', 11, 0, 0],
  ['ttl-zero-during-reassembly', 11, 1, 1],
  ['parameter-problem', 12, 0, 0xff],
  ['ip-header-bad', 12, 0, 0],
  ['required-option-missing', 12, 1, 1],
  ['timestamp-request', 13, 0, 0xff],
  ['timestamp-reply', 14, 0, 0xff],
  ['address-mask-request', 17, 0, 0xff],
  ['address-mask-reply', 18, 0, 0xff],
];

const ICMP6_NAMES: Names = [
  ['destination-unreachable', 1, 0, 0xff],
  ['no-route', 1, 0, 0],
  ['communication-prohibited', 1, 1, 1],
  ['beyond-scope', 1, 2, 2],
  ['address-unreachable', 1, 3, 3],
  ['port-unreachable', 1, 4, 4],
  ['failed-policy', 1, 5, 5],
  ['reject-route', 1, 6, 6],
  ['packet-too-big', 2, 0, 0xff],
  ['time-exceeded', 3, 0, 0xff],
  ['ttl-exceeded', 3, 0, 0xff],
  ['ttl-zero-during-transit', 3, 0, 0],
  ['ttl-zero-during-reassembly', 3, 1, 1],
  ['parameter-problem', 4, 0, 0xff],
  ['bad-header', 4, 0, 0],
  ['unknown-header-type', 4, 1, 1],
  ['unknown-option', 4, 2, 2],
  ['echo-request', 128, 0, 0xff],
  ['ping', 128, 0, 0xff],
  ['echo-reply', 129, 0, 0xff],
  ['pong', 129, 0, 0xff],
  ['router-solicitation', 133, 0, 0xff],
  ['router-advertisement', 134, 0, 0xff],
  ['neighbour-solicitation', 135, 0, 0xff],
  ['neighbor-solicitation', 135, 0, 0xff],
  ['neighbour-advertisement', 136, 0, 0xff],
  ['neighbor-advertisement', 136, 0, 0xff],
  ['redirect', 137, 0, 0xff],
];

function parseType(names: Names, text: string, kind: 'ICMP' | 'ICMPv6'): { type: number; min: number; max: number } {
  const lower = text.toLowerCase();
  const hits = names.filter(([name]) => name.toLowerCase().startsWith(lower));
  const exact = hits.find(([name]) => name.toLowerCase() === lower);
  const hit = exact ?? hits[0];
  if (hit) {
    const second = exact ? undefined : hits[1];
    if (second) throw new Problem(`Ambiguous ${kind} type \`${text}': \`${hit[0]}' or \`${second[0]}'?`);
    return { type: hit[1], min: hit[2], max: hit[3] };
  }
  const [typeText, codeText] = text.split('/');
  const type = number(typeText as string, 0, 255);
  if (type === null) throw new Problem(`Unknown ${kind} type \`${text}'`);
  if (codeText === undefined) return { type, min: 0, max: 0xff };
  const [low, high, more] = codeText.split(':') as [string, string?, string?];
  const min = number(low, 0, 255);
  const max = high === undefined ? min : number(high, 0, 255);
  if (min === null || max === null) throw new Problem(`Unknown ${kind} code \`${text}'`);
  if (more !== undefined) throw new Problem('unknown character :');
  return { type, min, max };
}

function make(name: 'icmp' | 'icmp6', names: Names): MatchExt<IcmpMatch> {
  const v6 = name === 'icmp6';
  const option = v6 ? 'icmpv6-type' : 'icmp-type';
  const word = v6 ? 'ipv6-icmp' : 'icmp';
  const anyType = v6 ? -1 : 0xff;
  return {
    kind: 'match',
    name,
    families: [v6 ? 6 : 4],
    protos: [v6 ? 58 : 1],
    init: () => ({ type: v6 ? -1 : 0xff, min: 0, max: 0xff, invert: false }),
    options: [
      {
        name: option,
        mandatory: true,
        invert: true,
        set: (o, arg, invert) => {
          Object.assign(o, parseType(names, arg, v6 ? 'ICMPv6' : 'ICMP'), { invert });
        },
      },
    ],
    save: (o) => {
      const type = o.type === 0xff && !v6 ? 'any' : String(o.type);
      const code = (o.min === 0 && o.max === 0xff) || type === 'any' ? '' : `/${o.min}`;
      return `${o.invert ? ' !' : ''} --${option} ${type}${code}`;
    },
    list: (o, cx) => {
      if (!cx.numeric) {
        const named = names.find(([, t, min, max]) => t === o.type && min === o.min && max === o.max);
        if (named) return ` ${word} ${o.invert ? '!' : ''}${named[0]}`;
      }
      const code = o.min === 0 && o.max === 0xff ? '' : o.min === o.max ? ` code ${o.min}` : ` codes ${o.min}-${o.max}`;
      return ` ${word}${o.invert ? ' !' : ''}type ${o.type}${code}`;
    },
    nft: (o) => {
      if (o.type === anyType) return null;
      const name = (v6 ? ICMPV6_TYPE : ICMP_TYPE).find(([, n]) => n === o.type)?.[0] ?? String(o.type);
      const code = o.min === 0 && o.max === 0xff ? '' : ` ${v6 ? 'icmpv6' : 'icmp'} code ${o.min === o.max ? o.min : `${o.min}-${o.max}`}`;
      return `${v6 ? 'icmpv6' : 'icmp'} type ${o.invert ? '!= ' : ''}${name}${code}`;
    },
    run: (o) => (p) => {
      if (!hasL4(p, 4)) return false;
      const type = p.skb.data[p.l4] as number;
      const code = p.skb.data[p.l4 + 1] as number;
      return (o.type === anyType || (type === o.type && code >= o.min && code <= o.max)) !== o.invert;
    },
  };
}

export const icmp = make('icmp', ICMP_NAMES);
export const icmp6 = make('icmp6', ICMP6_NAMES);
