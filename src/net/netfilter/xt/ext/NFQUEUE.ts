/** -j NFQUEUE: hands packets to user space; nobody listens there, so they are lost unless --queue-bypass. Models libxt_NFQUEUE.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { Problem, type TargetExt } from '../ext.ts';
import { uint, uintRange } from '../parse.ts';

interface Nfqueue {
  num: number;
  total: number;
  bypass: boolean;
  fanout: boolean;
}

function text(o: Nfqueue, dashes: string): string {
  const queue = o.total > 1 ? `balance ${o.num}:${o.num + o.total - 1}` : `num ${o.num}`;
  const head = dashes === '' ? ` NFQUEUE ${queue}` : ` --queue-${queue}`;
  return `${head}${o.bypass ? (dashes === '' ? ' bypass' : ' --queue-bypass') : ''}${o.fanout ? (dashes === '' ? ' cpu-fanout' : ' --queue-cpu-fanout') : ''}`;
}

export const NFQUEUE: TargetExt<Nfqueue> = {
  kind: 'target',
  name: 'NFQUEUE',
  init: () => ({ num: 0, total: 1, bypass: false, fanout: false }),
  options: [
    {
      name: 'queue-num',
      excludes: ['queue-balance'],
      set: (o, arg) => {
        o.num = uint('NFQUEUE', 'queue-num', arg, 0, 65535);
      },
    },
    {
      name: 'queue-balance',
      excludes: ['queue-num'],
      set: (o, arg) => {
        const [a, b] = arg === '' ? [0, 0] : uintRange('NFQUEUE', 'queue-balance', arg, 65535);
        if (!arg.includes(':')) throw new Problem(`Bad range "${arg}"`);
        if (a >= b) throw new Problem(`${a} should be less than ${b}`);
        o.num = a;
        o.total = b - a + 1;
      },
    },
    { name: 'queue-bypass', arg: 'none', set: (o) => Object.assign(o, { bypass: true }) },
    { name: 'queue-cpu-fanout', arg: 'none', requires: ['queue-balance'], set: (o) => Object.assign(o, { fanout: true }) },
  ],
  checkentry: (o) => (o.total > 65535 ? fail('EINVAL') : ok()),
  save: (o) => text(o, '--'),
  list: (o) => text(o, ''),
  run: (o) => () => (o.bypass ? 'accept' : 'drop'),
};
