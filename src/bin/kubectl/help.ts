/** `kubectl --help`, `kubectl VERB --help`, `kubectl options`. Models kubectl/pkg/util/templates */

import { defaultOf, type Flag } from './flags.ts';
import { GLOBALS } from './globals.ts';
import type { Verb } from './verb.ts';
import { GROUPS, OTHERS } from './verbs.ts';

const FLAG_OFFSET = 10;

/** As mitchellh/go-wordwrap breaks lines. */
export function wordWrap(text: string, limit: number): string {
  return text
    .split('\n')
    .map((line) => {
      let out = '';
      let current = 0;
      let word = '';
      let space = '';
      for (const c of `${line}\n`) {
        if (c === '\n' || c === ' ') {
          if (word !== '' && (out !== '' || space !== '') && current + space.length + word.length > limit) {
            out += '\n';
            current = 0;
            space = '';
          }
          if (word !== '') {
            out += space + word;
            current += space.length + word.length;
            space = '';
            word = '';
          }
          if (c === ' ') space += c;
          else if (space !== '' && current + space.length <= limit) out += space;
        } else word += c;
      }
      return out;
    })
    .join('\n');
}

/** Where help is broken: at 80, 100 or 120 columns of a terminal, nowhere else. */
const limitOf = (cols: number | null): number | null => (cols === null || cols < 80 ? null : cols >= 120 ? 120 : cols >= 100 ? 100 : 80);

function flagText(f: Flag, limit: number | null): string {
  const value = f.type === 'string' || f.type === 'tristate' ? `'${defaultOf(f)}'` : defaultOf(f);
  const head = `    ${f.short ? `-${f.short}, ` : ''}--${f.name}=${value}:`;
  const usage = `${f.usage.split('\n').join(' ')}${f.deprecated ? ` (DEPRECATED: ${f.deprecated})` : ''}`;
  const wrapped = limit === null ? usage : wordWrap(usage, limit - FLAG_OFFSET);
  return `${`${head}\n${wrapped}`.replaceAll('\n', '\n\t')}\n\n`;
}

function flagsText(flags: readonly Flag[], limit: number | null): string {
  return [...flags]
    .filter((f) => !f.hidden && !(f.deprecated && f.hidden))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((f) => flagText(f, limit))
    .join('');
}

const commandLines = (verbs: readonly Verb[], all: readonly Verb[]): string => {
  const width = Math.max(11, ...all.map((v) => v.name.length));
  return verbs
    .filter((v) => !v.hidden)
    .map((v) => `  ${v.name.padEnd(width)}   ${v.short}\n`)
    .join('');
};

export function rootHelp(): string {
  const all = [...GROUPS.flatMap((g) => g.verbs), ...OTHERS];
  const groups = [
    ...GROUPS,
    { title: 'Subcommands provided by plugins:', verbs: [] },
    { title: 'Other Commands:', verbs: OTHERS.filter((v) => v.name !== 'options') },
  ];
  return [
    'kubectl controls the Kubernetes cluster manager.\n\n Find more information at: https://kubernetes.io/docs/reference/kubectl/\n',
    ...groups.map((g) => `${g.title}\n${commandLines(g.verbs, all)}`),
    'Usage:\n  kubectl [flags] [options]\n',
    'Use "kubectl <command> --help" for more information about a given command.\nUse "kubectl options" for a list of global command-line options (applies to all commands).\n',
  ].join('\n');
}

export function helpText(verb: Verb, path: string, cols: number | null): string {
  const limit = limitOf(cols);
  const parents = path.split(' ').slice(0, -1).join(' ');
  const own = verb.flags.filter((f) => !GLOBALS.includes(f));
  const parts: string[] = [`${(verb.long ?? verb.short).trim()}\n`];
  if (verb.aliases && verb.aliases.length > 0) parts.push(`Aliases:\n${[verb.name, ...verb.aliases].join(', ')}\n`);
  if (verb.example)
    parts.push(
      `Examples:\n${verb.example
        .trimEnd()
        .split('\n')
        .map((l) => (l.trim() === '' ? '' : `  ${l.trimEnd()}`))
        .join('\n')}\n`,
    );
  if (verb.subcommands)
    parts.push(
      `Available Commands:\n${commandLines(
        [...verb.subcommands].sort((a, b) => (a.name < b.name ? -1 : 1)),
        verb.subcommands,
      )}`,
    );
  const flags = flagsText(own, limit).trimEnd();
  if (flags !== '') parts.push(`Options:\n${flags}\n`);
  const use = `${parents} ${verb.use}`;
  parts.push(`Usage:\n  ${use}${use.includes('[options]') ? '' : ' [options]'}\n`);
  const tips = verb.subcommands ? `Use "${path} <command> --help" for more information about a given command.\n` : '';
  parts.push(`${tips}Use "kubectl options" for a list of global command-line options (applies to all commands).\n`);
  const out = parts.join('\n');
  return limit === null ? out : wordWrap(out, limit);
}

/** `kubectl options` */
export const optionsText = (cols: number | null): string =>
  `The following options can be passed to any command:\n\n${flagsText(GLOBALS, limitOf(cols))}`;
