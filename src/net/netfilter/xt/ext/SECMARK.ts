/** Targets SECMARK and CONNSECMARK: labels of a security module; none runs here. Models libxt_SECMARK.c, libxt_CONNSECMARK.c */

import { fail } from '../../../../sim/errno.ts';
import { Problem, type TargetExt } from '../ext.ts';

export const SECMARK: TargetExt<{ context: string }> = {
  kind: 'target',
  name: 'SECMARK',
  tables: ['mangle', 'security'],
  init: () => ({ context: '' }),
  options: [
    {
      name: 'selctx',
      mandatory: true,
      set: (o, arg) => {
        o.context = arg;
      },
    },
  ],
  /** No security module knows the context. */
  checkentry: () => fail('ENOENT'),
  save: (o) => ` --selctx ${o.context}`,
  list: (o) => ` SECMARK selctx ${o.context}`,
  run: () => () => 'continue',
};

export const CONNSECMARK: TargetExt<{ mode: 'save' | 'restore' | null }> = {
  kind: 'target',
  name: 'CONNSECMARK',
  tables: ['mangle', 'security'],
  conntrack: true,
  init: () => ({ mode: null }),
  options: (['save', 'restore'] as const).map((mode) => ({
    name: mode,
    arg: 'none' as const,
    excludes: [mode === 'save' ? 'restore' : 'save'],
    set: (o: { mode: 'save' | 'restore' | null }) => {
      o.mode = mode;
    },
  })),
  check: (o) => {
    if (!o.mode) throw new Problem('CONNSECMARK target: parameter required');
  },
  save: (o) => ` --${o.mode}`,
  list: (o) => ` CONNSECMARK ${o.mode}`,
  run: () => () => 'continue',
};
