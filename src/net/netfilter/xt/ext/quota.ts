/** -m quota: matches until so many bytes have passed. Models libxt_quota.c */

import { type MatchExt, Problem } from '../ext.ts';

const MAX = (1n << 64n) - 1n;

export const quota: MatchExt<{ bytes: bigint; invert: boolean }> = {
  kind: 'match',
  name: 'quota',
  init: () => ({ bytes: 0n, invert: false }),
  options: [
    {
      name: 'quota',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        const n = /^(\d+|0x[\da-f]+)$/i.test(arg) ? BigInt(arg) : -1n;
        if (n < 0n || n > MAX) throw new Problem(`quota: bad value for option "--quota", or out of range (0-${MAX}).\n`);
        o.bytes = n;
        o.invert = invert;
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --quota ${o.bytes}`,
  list: (o) => ` quota: ${o.bytes} bytes`,
  run: (o) => {
    let left = o.bytes;
    return (p) => {
      const size = BigInt(p.len);
      if (left >= size) {
        left -= size;
        return !o.invert;
      }
      left = 0n;
      return o.invert;
    };
  },
};
