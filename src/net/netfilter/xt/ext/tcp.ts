/** -p tcp: ports, flags, options. Models libxt_tcp.c and net/netfilter/xt_tcpudp.c */

import { type MatchExt, Problem } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { number, portRange } from '../parse.ts';
import { neverPorts, nftPorts, type PortMatch, partPorts, portsOf, portTest } from './ports.ts';

interface TcpMatch extends PortMatch {
  flags: { mask: number; comp: number; invert: boolean } | null;
  option: { kind: number; invert: boolean } | null;
}

const FLAGS: readonly (readonly [string, number])[] = [
  ['FIN', 1],
  ['SYN', 2],
  ['RST', 4],
  ['PSH', 8],
  ['ACK', 16],
  ['URG', 32],
];

function parseFlags(text: string): number {
  let bits = 0;
  for (const word of text.split(',')) {
    if (word === '') continue;
    const upper = word.toUpperCase();
    if (upper === 'ALL') bits |= 63;
    else if (upper !== 'NONE') {
      const known = FLAGS.find(([name]) => name === upper);
      if (!known) throw new Problem(`Unknown TCP flag \`${word}'`);
      bits |= known[1];
    }
  }
  return bits;
}

const ONE_FLAGS = "Only one of `--syn' or `--tcp-flags'  allowed";

function flagNames(bits: number): string {
  if (bits === 0) return 'NONE';
  return FLAGS.filter(([, bit]) => bits & bit)
    .map(([name]) => name)
    .join(',');
}

const hex2 = (n: number): string => `0x${n.toString(16).padStart(2, '0').toUpperCase()}`;

export const tcp: MatchExt<TcpMatch> = {
  kind: 'match',
  name: 'tcp',
  protos: [6],
  init: () => ({ sport: null, dport: null, flags: null, option: null }),
  options: [
    {
      name: 'source-port',
      aliases: ['sport'],
      invert: true,
      multi: true,
      set: (o, arg, invert) => {
        if (o.sport) throw new Problem("Only one `--source-port' allowed");
        const [min, max] = portRange(arg, 6);
        o.sport = { min, max, invert };
      },
    },
    {
      name: 'destination-port',
      aliases: ['dport'],
      invert: true,
      multi: true,
      set: (o, arg, invert) => {
        if (o.dport) throw new Problem("Only one `--destination-port' allowed");
        const [min, max] = portRange(arg, 6);
        o.dport = { min, max, invert };
      },
    },
    {
      name: 'syn',
      arg: 'none',
      invert: true,
      multi: true,
      set: (o, _arg, invert) => {
        if (o.flags) throw new Problem(ONE_FLAGS);
        o.flags = { mask: 0x17, comp: 2, invert };
      },
    },
    {
      name: 'tcp-flags',
      invert: true,
      multi: true,
      set: (o, arg, invert, cx) => {
        if (o.flags) throw new Problem(ONE_FLAGS);
        const comp = cx.next();
        if (comp === null || comp === '!') throw new Problem('--tcp-flags requires two args.');
        const mask = parseFlags(arg);
        const bits = parseFlags(comp);
        if (mask !== 0 || bits !== 0) o.flags = { mask, comp: bits, invert };
      },
    },
    {
      name: 'tcp-option',
      invert: true,
      multi: true,
      set: (o, arg, invert) => {
        if (o.option) throw new Problem("Only one `--tcp-option' allowed");
        const kind = number(arg, 1, 255);
        if (kind === null) throw new Problem(`Bad TCP option "${arg}"`);
        o.option = { kind, invert };
      },
    },
  ],
  check: (_o, given, cx) => {
    if (given.size > 0 && (cx.proto !== 6 || cx.protoInvert)) throw new Problem("TCP match requires '-p tcp'");
  },
  hidden: (o) => neverPorts(o) && !o.flags && !o.option,
  save: (o) => {
    let s = portsOf(partPorts(o), 'save');
    if (o.option) s += `${o.option.invert ? ' !' : ''} --tcp-option ${o.option.kind}`;
    if (o.flags) s += `${o.flags.invert ? ' !' : ''} --tcp-flags ${flagNames(o.flags.mask)} ${flagNames(o.flags.comp)}`;
    return s;
  },
  list: (o, cx) => {
    let s = ` tcp${portsOf(cx.legacy ? o : partPorts(o), 'list', (p) => cx.service(p, 6))}`;
    if (o.option) s += ` option=${o.option.invert ? '!' : ''}${o.option.kind}`;
    if (o.flags) {
      const text = cx.numeric ? `${hex2(o.flags.mask)}/${hex2(o.flags.comp)}` : `${flagNames(o.flags.mask)}/${flagNames(o.flags.comp)}`;
      s += ` flags:${o.flags.invert ? '!' : ''}${text}`;
    }
    return s;
  },
  native: true,
  nft: (o) => {
    const text = nftPorts('tcp', o);
    if (o.option) return null;
    if (!o.flags) return text;
    const names = (bits: number): string =>
      FLAGS.filter(([, bit]) => bits & bit)
        .map(([name]) => name.toLowerCase())
        .join(',') || '0x0';
    return [text, `tcp flags ${o.flags.invert ? '!= ' : ''}${names(o.flags.comp)} / ${names(o.flags.mask)}`]
      .filter((t) => t !== '')
      .join(' ');
  },
  run: (o) => {
    const ports = portTest(o);
    const { flags, option } = o;
    return (p) => {
      if (!hasL4(p, 20) || !ports(p)) return false;
      const b = p.skb.data;
      if (flags && (((b[p.l4 + 13] as number) & flags.mask) === flags.comp) === flags.invert) return false;
      if (!option) return true;
      const end = p.l4 + ((b[p.l4 + 12] as number) >> 4) * 4;
      for (let i = p.l4 + 20; i < end; ) {
        if (b[i] === option.kind) return !option.invert;
        i += (b[i] as number) < 2 ? 1 : (b[i + 1] as number) || 1;
      }
      return option.invert;
    };
  },
};
