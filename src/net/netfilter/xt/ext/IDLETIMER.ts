/** -j IDLETIMER: tells user space through sysfs that a rule was idle; nobody reads it here. Models libxt_IDLETIMER.c */

import { fail, ok } from '../../../../sim/errno.ts';
import type { TargetExt } from '../ext.ts';
import { uint } from '../parse.ts';

interface IdleTimer {
  timeout: number;
  label: string;
  alarm: boolean;
}

export const IDLETIMER: TargetExt<IdleTimer> = {
  kind: 'target',
  name: 'IDLETIMER',
  init: () => ({ timeout: 0, label: '', alarm: false }),
  options: [
    {
      name: 'timeout',
      mandatory: true,
      set: (o, arg) => {
        o.timeout = uint('IDLETIMER', 'timeout', arg, 0, 0xffffffff);
      },
    },
    {
      name: 'label',
      mandatory: true,
      set: (o, arg) => {
        o.label = arg.slice(0, 27);
      },
    },
    {
      name: 'alarm',
      arg: 'none',
      set: (o) => {
        o.alarm = true;
      },
    },
  ],
  checkentry: (o) => (o.timeout === 0 || o.timeout >= 0x7fffffff / 1000 || o.label === '' ? fail('EINVAL') : ok()),
  save: (o) => ` --timeout ${o.timeout} --label ${o.label}${o.alarm ? ' --alarm' : ''}`,
  list: (o) => ` timeout:${o.timeout} label:${o.label}${o.alarm ? ' alarm' : ''}`,
  run: () => () => 'continue',
};
