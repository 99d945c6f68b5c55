/** Upstream rule suites: one rule line into a fresh table, what the tool then says and lists. */

import { commands } from '../../bin/index.ts';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';

export interface IptablesCase {
  readonly id: string;
  readonly module: string;
  readonly table: string;
  readonly cmd: string;
  readonly expect: 'ok' | 'fail';
  readonly rc: number;
  readonly stderr: string;
  /** The line of `iptables-save -t table` that the rule must become. */
  readonly save: string | null;
}

export interface NftCase {
  readonly id: string;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly chainDef: string;
  readonly rule: string;
  readonly expect: 'ok' | 'fail';
  readonly rc: number;
  /** What `nft -nnn -s list chain` prints afterwards. */
  readonly listed?: string | null;
}

export interface Verdict {
  readonly id: string;
  readonly group: string;
  readonly passed: boolean;
  /** For a reader: what was typed, what was wanted, what came. */
  readonly typed: string;
  readonly wanted: string;
  readonly got: string;
}

const fresh = (): Machine => new Machine(new Kernel(new Sim(1), 'host'), commands);

export function judgeIptablesRule(c: IptablesCase): Verdict {
  const machine = fresh();
  const run = runCommand(machine, c.cmd);
  const about = { id: c.id, group: c.module, typed: c.cmd };
  if (c.expect === 'fail')
    return {
      ...about,
      passed: run.exitCode === c.rc && run.stderr === c.stderr,
      wanted: `${c.rc} ${c.stderr}`,
      got: `${run.exitCode} ${run.stderr}`,
    };
  const saved = runCommand(machine, ['iptables-save', '-t', c.table]).stdout.split('\n');
  return {
    ...about,
    passed: run.exitCode === 0 && c.save !== null && saved.includes(c.save),
    wanted: c.save ?? '',
    got: [...saved.filter((l) => l.startsWith('-A')), run.stderr].join('\n'),
  };
}

export function judgeNftRule(c: NftCase): Verdict {
  const machine = fresh();
  const nft = (...args: string[]): ReturnType<typeof runCommand> => runCommand(machine, ['nft', ...args]);
  nft(`add table ${c.family} ${c.table}`);
  nft(`add chain ${c.family} ${c.table} ${c.chain} { ${c.chainDef}; }`);
  const run = nft(`add rule ${c.family} ${c.table} ${c.chain} ${c.rule}`);
  const about = { id: c.id, group: c.id.replace(/\.t:.*/, ''), typed: `${c.family} ${c.rule}` };
  if (c.expect === 'fail')
    return { ...about, passed: run.exitCode === c.rc, wanted: `${c.rc}`, got: `${run.exitCode} ${nft('list ruleset').stdout}` };
  const listed = nft('-nnn', '-s', `list chain ${c.family} ${c.table} ${c.chain}`);
  return {
    ...about,
    passed: run.exitCode === 0 && listed.exitCode === 0 && listed.stdout === c.listed,
    wanted: ruleLines(c.listed ?? ''),
    got: ruleLines(listed.stdout) + run.stderr,
  };
}

/** The lines of a listed chain that are rules. */
function ruleLines(text: string): string {
  return text
    .split('\n')
    .filter((l) => l.startsWith('\t\t') && !/^\t\ttype .* hook /.test(l))
    .map((l) => `${l.trim()}\n`)
    .join('');
}
