/** Extensions that the tool has and this kernel does not: ipvs, nfacct, LED, CLUSTERIP, ULOG. Their options are read and checked, the kernel refuses. */

import { fail } from '../../../../sim/errno.ts';
import { type MatchExt, type OptionSpec, Problem, type TargetExt } from '../ext.ts';
import { protocolNumber } from '../names.ts';
import { number } from '../parse.ts';

type None = Record<string, never>;

const value = (name: string, check?: (arg: string) => void, invert = false): OptionSpec<None> => ({
  name,
  invert,
  set: (_o, arg) => check?.(arg),
});
const flag = (name: string, invert = false): OptionSpec<None> => ({ name, arg: 'none', invert });

function oneOf(ext: string, option: string, words: readonly string[]): (arg: string) => void {
  return (arg) => {
    if (!words.includes(arg.toUpperCase())) throw new Problem(`${ext}: Bad value for "--${option}" option: "${arg}"`);
  };
}

const nothing = { init: (): None => ({}), save: () => '', list: () => '' };

export const ipvs: MatchExt<None> = {
  ...nothing,
  kind: 'match',
  name: 'ipvs',
  missing: true,
  options: [
    flag('ipvs', true),
    value(
      'vproto',
      (arg) => {
        if (number(arg, 0, 255) === null && protocolNumber(arg) === null) throw new Problem(`unknown protocol "${arg}" specified`);
      },
      true,
    ),
    value('vaddr', undefined, true),
    value('vport', undefined, true),
    value('vdir', oneOf('ipvs', 'vdir', ['ORIGINAL', 'REPLY'])),
    value('vmethod', oneOf('ipvs', 'vmethod', ['GATE', 'IPIP', 'MASQ']), true),
    value('vportctl', undefined, true),
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('IPVS: At least one option is required');
  },
  run: () => () => false,
};

/** The kernel has it, but no accounting object (they are made with nfacct). */
export const nfacct: MatchExt<None> = {
  ...nothing,
  kind: 'match',
  name: 'nfacct',
  options: [{ ...value('nfacct-name'), mandatory: true }],
  checkentry: () => fail('ENOENT'),
  run: () => () => false,
};

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
