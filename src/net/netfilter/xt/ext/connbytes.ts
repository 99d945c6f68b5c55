/** -m connbytes: how much a connection has carried. Models libxt_connbytes.c */

import { type MatchExt, Problem } from '../ext.ts';

const MAX = (1n << 64n) - 1n;
type Dir = 'original' | 'reply' | 'both';
type Mode = 'packets' | 'bytes' | 'avgpkt';

interface Connbytes {
  from: bigint;
  to: bigint;
  invert: boolean;
  dir: Dir;
  mode: Mode;
}

const spanText = (o: Connbytes): string => (o.to === MAX ? String(o.from) : `${o.from}:${o.to}`);

export const connbytes: MatchExt<Connbytes> = {
  kind: 'match',
  name: 'connbytes',
  conntrack: true,
  init: () => ({ from: 0n, to: MAX, invert: false, dir: 'both', mode: 'bytes' }),
  options: [
    {
      name: 'connbytes',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        const [low, high, more] = arg.split(':') as [string, string?, string?];
        if (more !== undefined) throw new Problem('connbytes: Too many components for option "--connbytes" (max: 2)\n');
        const one = (t: string, near: string): bigint => {
          const digits = /^0[0-7]+$/.test(t) ? `0o${t.slice(1)}` : t;
          const n = /^(0x[0-9a-f]+|0o[0-7]+|0|[1-9]\d*)$/i.test(digits) ? BigInt(digits) : -1n;
          if (n < 0n || n > MAX)
            throw new Problem(`connbytes: bad value for option "--connbytes" near "${near}", or out of range (0-${MAX}).\n`);
          return n;
        };
        o.from = low === '' ? 0n : one(low, arg);
        o.to = high === undefined || high === '' ? MAX : one(high, high);
        if (o.to < o.from) throw new Problem(`${o.from} should be less than ${o.to}`);
        o.invert = invert;
      },
    },
    {
      name: 'connbytes-dir',
      mandatory: true,
      set: (o, arg) => {
        if (arg !== 'original' && arg !== 'reply' && arg !== 'both') throw new Problem(`Unknown --connbytes-dir \`${arg}'`);
        o.dir = arg;
      },
    },
    {
      name: 'connbytes-mode',
      mandatory: true,
      set: (o, arg) => {
        if (arg !== 'packets' && arg !== 'bytes' && arg !== 'avgpkt') throw new Problem(`Unknown --connbytes-mode \`${arg}'`);
        o.mode = arg;
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --connbytes ${spanText(o)} --connbytes-mode ${o.mode} --connbytes-dir ${o.dir}`,
  list: (o) => `${o.invert ? ' !' : ''} connbytes ${spanText(o)} connbytes mode ${o.mode} connbytes direction ${o.dir}`,
  run: (o, ns) => (p) => {
    const { ct } = p.skb;
    if (!ct || ns.sysctl.int('net.netfilter.nf_conntrack_acct') === 0) return false;
    const sum = (c: { original: number; reply: number }): number => (o.dir === 'both' ? c.original + c.reply : c[o.dir]);
    const packets = sum(ct.packets);
    const value =
      o.mode === 'packets' ? packets : o.mode === 'bytes' ? sum(ct.bytes) : packets === 0 ? 0 : Math.floor(sum(ct.bytes) / packets);
    return (BigInt(value) >= o.from && BigInt(value) <= o.to) !== o.invert;
  },
};
