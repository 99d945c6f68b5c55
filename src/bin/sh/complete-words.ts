/** What builtins take: variables, jobs, signals, options, directories. Models bash-completion's table of builtins */

import { SIGNALS } from '../../os/signal.ts';
import { builtins } from './builtins/index.ts';
import { SYNOPSES } from './builtins/synopses.ts';
import { type Completer, commandNames } from './complete.ts';
import { SET_OPTIONS, type Shell } from './state.ts';

const variables: Completer = ({ sh, current }) => {
  if (current.startsWith('-')) return null;
  return current.includes('=') ? { files: 'all' } : sh.vars.names();
};
const jobs: Completer = ({ sh, current }) => (current.startsWith('%') || current === '' ? sh.jobs.list.map((j) => `%${j.id}`) : null);
const commands: Completer = ({ sh, current }) => commandNames(sh, current);

function processes(sh: Shell): string[] {
  return [...sh.p.machine.processes.keys()].map(String);
}

const signals = (dash: string): string[] => SIGNALS.map((s) => dash + s);

/** A command begins at the first word that is no option. */
const afterOptions: Completer = ({ words }) => {
  let i = 1;
  while (i < words.length - 1 && (words[i] as string).startsWith('-')) i++;
  return (words[i] as string).startsWith('-') ? [] : { command: i };
};

export const ownWords: ReadonlyMap<string, Completer> = new Map<string, Completer>([
  ['alias', ({ sh, current }) => (current.includes('=') ? { files: 'all' } : [...sh.aliases.keys()])],
  ['unalias', ({ sh }) => [...sh.aliases.keys()]],
  ['bg', jobs],
  ['fg', jobs],
  ['disown', jobs],
  ['jobs', jobs],
  ['wait', jobs],
  ['builtin', ({ words }) => (words.length === 2 ? builtins.keys() : { command: 1 })],
  ['cd', ({ current }) => (current.startsWith('-') ? ['-L', '-P', '-e', '-@'] : { files: 'dir' })],
  ['pushd', () => ({ files: 'dir' })],
  ['rmdir', ({ current }) => (current.startsWith('-') ? null : { files: 'dir' })],
  ['command', afterOptions],
  ['exec', afterOptions],
  ['type', commands],
  ['which', ({ sh, current }) => (current.startsWith('-') ? null : commandNames(sh, current))],
  ['hash', commands],
  ['export', variables],
  ['readonly', variables],
  ['declare', variables],
  ['typeset', variables],
  ['local', variables],
  ['unset', ({ sh }) => [...sh.vars.names(), ...sh.functions.keys()]],
  ['help', () => SYNOPSES.map(([n]) => n)],
  ['set', ({ previous }) => (/^[-+]o$/.test(previous) ? SET_OPTIONS.map(([n]) => n) : null)],
  ['shopt', ({ sh, current }) => (current.startsWith('-') ? ['-o', '-p', '-q', '-s', '-u'] : [...sh.shopt.keys()])],
  [
    'trap',
    ({ words, current }) =>
      words.length > 2 ? [...signals('SIG'), 'DEBUG', 'ERR', 'EXIT', 'RETURN'] : current === '-' ? ['-l', '-p'] : null,
  ],
  [
    'kill',
    ({ sh, previous, current }) =>
      previous === '-s'
        ? signals('')
        : current.startsWith('-')
          ? [...signals('-'), '-l', '-s', '-n']
          : [...processes(sh), ...sh.jobs.list.map((j) => `%${j.id}`)],
  ],
]);
