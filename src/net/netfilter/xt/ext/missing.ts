/** Extensions that the tool has and this kernel does not: LED, CLUSTERIP, ULOG. Their options are read and checked, the kernel refuses. */

import { type OptionSpec, Problem, type TargetExt } from '../ext.ts';

type None = Record<string, never>;

const value = (name: string, check?: (arg: string) => void, invert = false): OptionSpec<None> => ({
  name,
  invert,
  set: (_o, arg) => check?.(arg),
});
const flag = (name: string, invert = false): OptionSpec<None> => ({ name, arg: 'none', invert });

const nothing = { init: (): None => ({}), save: () => '', list: () => '' };

export const LED: TargetExt<None> = {
  ...nothing,
  kind: 'target',
  name: 'LED',
  missing: true,
  options: [{ ...value('led-trigger-id'), mandatory: true }, value('led-delay'), flag('led-always-blink')],
  run: () => () => 'continue',
};

export const CLUSTERIP: TargetExt<None> = {
  ...nothing,
  kind: 'target',
  name: 'CLUSTERIP',
  families: [4],
  missing: true,
  options: [flag('new'), value('hashmode'), value('clustermac'), value('total-nodes'), value('local-node'), value('hash-init')],
  check: (_o, given) => {
    const all = ['hashmode', 'clustermac', 'total-nodes', 'local-node'].every((name) => given.has(name));
    if (given.size > 0 && !(given.has('new') && all)) throw new Problem('CLUSTERIP target: Invalid parameter combination');
  },
  run: () => () => 'continue',
};

export const ULOG: TargetExt<None> = {
  ...nothing,
  kind: 'target',
  name: 'ULOG',
  families: [4],
  missing: true,
  options: [value('ulog-nlgroup'), value('ulog-cprange'), value('ulog-qthreshold'), value('ulog-prefix')],
  run: () => () => 'continue',
};
