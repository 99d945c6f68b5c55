/** kubectl v1.36. Models kubectl/pkg/cmd/cmd.go, spf13/cobra command.go
 *
 * A command is a `Verb` (verb.ts): one file each, exported as `NAMEVerb`, listed in verbs.ts. `run(ctx)` is a Task of an exit status
 * or of a Failure, which is printed as cmdutil.CheckErr prints it. What a verb has at hand:
 * - ctx (verb.ts): p, args, str/bool/int/list/changed of flags, namespace(), out, err, report(failure), usageError(text), now
 * - ctx.rest (rest.ts): json(method, path, {query, json, headers}) -> JsonObject | Failure, list, open (watch, logs, upgrades); pathOf(mapping, ns, name, sub)
 * - ctx.mapper (discovery.ts): find('po') / kind('apps/v1', 'Deployment') -> ApiResource | Failure
 * - builder.ts: `new Builder(ctx).namespace(ns, explicit).filenames(list, recursive).args(...).selector(l, f)`, then `yield* b.infos()` -> { infos, error, single }:
 *   an Info has mapping, namespace, name, source and object (for -f the object read); FILENAME_FLAGS are its flags
 * - printers.ts: PRINT_FLAGS, `printerFor(ctx, {operation, formats})` -> Printer | Failure; printer.print(object, mapping) -> text
 * - json.ts: at/str/num/list/obj of paths, goJson, goJsonIndent; yaml.ts: yamlToJson, yamlDocuments; yamlout.ts: toYaml
 * - errors.ts: failure(text), statusFailure, aggregate, sourced('creating', file, f), exitWith(code)
 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { complete } from './complete.ts';
import { BASH_SCRIPT } from './completion.ts';
import { checkErr, Failure, failure } from './errors.ts';
import { FlagSet } from './flags.ts';
import { GLOBALS } from './globals.ts';
import { helpText, rootHelp } from './help.ts';
import { Ctx, type Verb } from './verb.ts';
import { VERBS } from './verbs.ts';

const byName = (verbs: readonly Verb[], name: string): Verb | undefined => verbs.find((v) => v.name === name || v.aliases?.includes(name));

/** Levenshtein distance, letters of either case the same. Models ld() of cobra.go */
function distance(a: string, b: string): number {
  const s = a.toLowerCase();
  const t = b.toLowerCase();
  let row = Array.from({ length: t.length + 1 }, (_, j) => j);
  for (let i = 1; i <= s.length; i++) {
    const next = [i];
    for (let j = 1; j <= t.length; j++)
      next[j] =
        s[i - 1] === t[j - 1] ? (row[j - 1] as number) : Math.min(row[j] as number, next[j - 1] as number, row[j - 1] as number) + 1;
    row = next;
  }
  return row[t.length] as number;
}

/** SuggestionsFor(): close names, and those that begin with what was typed. */
function suggestions(verbs: readonly Verb[], typed: string): string {
  const names = verbs
    .filter((v) => !v.hidden)
    .map((v) => v.name)
    .sort()
    .filter((name) => distance(typed, name) <= 2 || name.toLowerCase().startsWith(typed.toLowerCase()));
  return names.length === 0 ? '' : `\n\nDid you mean this?\n${names.map((n) => `\t${n}\n`).join('')}`;
}

/** stripFlags() of cobra: where the command's name stands among flags that may take the next word. */
function firstOperand(args: readonly string[], known: FlagSet): number {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--') return -1;
    if (!arg.startsWith('-') || arg === '-') return i;
    const long = arg.startsWith('--');
    if (arg.includes('=')) continue;
    const flag = long ? known.flag(arg.slice(2)) : GLOBALS.find((g) => g.short === arg.slice(-1));
    if (flag && flag.type !== 'bool' && (long || arg.length === 2)) i++;
  }
  return -1;
}

interface Found {
  readonly verb: Verb;
  readonly path: string;
  readonly rest: readonly string[];
}

function find(args: readonly string[]): Found | Failure | null {
  const known = new FlagSet(GLOBALS);
  const i = firstOperand(args, known);
  if (i < 0) return null;
  let verb = byName(VERBS, args[i] as string);
  if (!verb) return failure(`unknown command ${JSON.stringify(args[i])} for "kubectl"${suggestions(VERBS, args[i] as string)}`);
  let path = `kubectl ${verb.name}`;
  let rest = [...args.slice(0, i), ...args.slice(i + 1)];
  while (verb.subcommands) {
    const j: number = firstOperand(rest, new FlagSet([...verb.flags, ...GLOBALS]));
    const sub: Verb | undefined = j < 0 ? undefined : byName(verb.subcommands, rest[j] as string);
    if (!sub) break;
    verb = sub;
    path += ` ${sub.name}`;
    rest = [...rest.slice(0, j), ...rest.slice(j + 1)];
  }
  return { verb, path, rest };
}

function* fail(p: Process, f: Failure): Task<number> {
  yield* p.err(checkErr(f));
  return f.code;
}

function* main(p: Process): Task<number> {
  const args = p.argv.slice(1);
  if (args[0] === '__complete' || args[0] === '__completeNoDesc') return yield* complete(p, VERBS, args.slice(1), args[0] === '__complete');
  if (args[0] === 'help') {
    const found = find(args.slice(1));
    if (found === null) yield* p.out(rootHelp());
    else if (found instanceof Failure) yield* p.err(`Unknown help topic ${JSON.stringify(args.slice(1))}\n`);
    else yield* p.out(helpText(found.verb, found.path, p.winsize(1)?.cols ?? null));
    return 0;
  }
  const found = find(args);
  if (found instanceof Failure) return yield* fail(p, found);
  if (found === null) {
    const flags = new FlagSet([...GLOBALS, HELP]);
    const wrong = flags.parse(args);
    if (wrong !== null && wrong !== '') return yield* fail(p, failure(`${wrong}\nSee 'kubectl --help' for usage.`));
    yield* p.out(rootHelp());
    return 0;
  }
  const { verb, path, rest } = found;
  const flags = new FlagSet([...verb.flags, ...GLOBALS, HELP]);
  const wrong = flags.parse(rest);
  if (wrong !== null) return yield* fail(p, failure(`${wrong}\nSee '${path} --help' for usage.`));
  if (flags.bool('help')) {
    yield* p.out(helpText(verb, path, p.winsize(1)?.cols ?? null));
    return 0;
  }
  for (const notice of flags.notices) yield* p.err(`${notice}\n`);
  const ctx = new Ctx(p, verb, path, flags);
  if (!verb.run) {
    if (ctx.args.length > 0) return yield* fail(p, ctx.usageError(`unknown command ${JSON.stringify(ctx.args.join(' '))}`));
    yield* p.out(helpText(verb, path, p.winsize(1)?.cols ?? null));
    return 0;
  }
  const r = yield* verb.run(ctx);
  yield* ctx.finish();
  if (r instanceof Failure) return yield* fail(p, r);
  if (r === 0 && flags.bool('warnings-as-errors') && ctx.warnings > 0)
    return yield* fail(p, failure(`${ctx.warnings} warning${ctx.warnings === 1 ? '' : 's'} received`));
  return r;
}

const HELP = { name: 'help', short: 'h', type: 'bool', usage: 'help', hidden: true } as const;

export const kubectl: Command = {
  name: 'kubectl',
  main,
  files: { '/usr/share/bash-completion/completions/kubectl': BASH_SCRIPT },
};
