/** -m osf: operating systems by their SYN. The kernel knows no fingerprints until nfnl_osf loads them, so nothing matches. Models xt_osf.c */

import type { MatchExt } from '../ext.ts';
import { uint } from '../parse.ts';

interface Osf {
  genre: string;
  invert: boolean;
  ttl: number | null;
  log: number | null;
}

export const osf: MatchExt<Osf> = {
  kind: 'match',
  name: 'osf',
  families: [4],
  protos: [6],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  init: () => ({ genre: '', invert: false, ttl: null, log: null }),
  options: [
    {
      name: 'genre',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => Object.assign(o, { genre: arg.slice(0, 31), invert }),
    },
    {
      name: 'ttl',
      set: (o, arg) => {
        o.ttl = uint('osf', 'ttl', arg, 0, 2);
      },
    },
    {
      name: 'log',
      set: (o, arg) => {
        o.log = uint('osf', 'log', arg, 0, 2);
      },
    },
  ],
  save: (o) =>
    `${o.invert ? ' !' : ''} --genre ${o.genre}${o.ttl !== null ? ` --ttl ${o.ttl}` : ''}${o.log !== null ? ` --log ${o.log}` : ''}`,
  list: (o) => ` OS fingerprint match ${o.invert ? '! ' : ''}${o.genre}`,
  run: () => () => false,
};
