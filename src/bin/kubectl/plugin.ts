/** kubectl plugin list: executables named kubectl-* on the PATH. Models kubectl/pkg/cmd/plugin/plugin.go */

import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { onlySubcommands } from './create/service.ts';
import { type Failure, failure } from './errors.ts';
import type { Ctx, Verb } from './verb.ts';
import { VERBS_BY_NAME } from './verbnames.ts';

function* listed(ctx: Ctx): Task<number | Failure> {
  const { p } = ctx;
  const dirs = [...new Set((p.env.get('PATH') ?? '').split(':'))].filter((d) => d.trim() !== '');
  const seen = new Map<string, string>();
  const problems: string[] = [];
  const found: { path: string; warnings: string[] }[] = [];
  for (const dir of dirs) {
    const r = p.readdir(dir);
    if (!r.ok) {
      if (r.errno !== 'ENOENT') {
        problems.push(
          `error: unable to read directory ${JSON.stringify(dir)} in your PATH: open ${dir}: ${strerror(r.errno).toLowerCase()}`,
        );
      }
      continue;
    }
    for (const name of [...r.value].sort()) {
      if (!name.startsWith('kubectl-')) continue;
      const path = `${dir}/${name}`;
      const st = p.stat(path);
      if (!st.ok || st.value.kind === 'dir') continue;
      const warnings: string[] = [];
      const words = name
        .split('-')
        .slice(1)
        .map((w) => w.replaceAll('_', '-'));
      if (words.length === 1 && VERBS_BY_NAME.has(words[0] as string))
        warnings.push(`warning: ${name} overwrites existing command: "kubectl ${words[0]}"`);
      if (!p.canRun([path], p.env).ok) warnings.push(`warning: ${path} identified as a kubectl plugin, but it is not executable`);
      const before = seen.get(name);
      if (before !== undefined) warnings.push(`warning: ${path} is overshadowed by a similarly named plugin: ${before}`);
      else seen.set(name, path);
      found.push({ path, warnings });
    }
  }
  for (const text of problems) yield* ctx.err(`${text}\n`);
  if (found.length === 0) return failure('unable to find any kubectl plugins in your PATH');
  yield* ctx.out('The following compatible plugins are available:\n\n');
  let count = 0;
  for (const f of found) {
    yield* ctx.out(`${ctx.bool('name-only') ? (f.path.split('/').at(-1) as string) : f.path}\n`);
    for (const w of f.warnings) {
      yield* ctx.err(`  - ${w}\n`);
      count++;
    }
  }
  if (count === 0) return 0;
  return failure(count === 1 ? 'one plugin warning was found' : `${count} plugin warnings were found`);
}

export const pluginVerb: Verb = {
  name: 'plugin',
  use: 'plugin [flags]',
  short: 'Provides utilities for interacting with plugins',
  long: 'Provides utilities for interacting with plugins.\n\n Plugins provide extended functionality that is not part of the major command-line distribution. Please refer to the documentation and examples for more information about how write your own plugins.',
  flags: [],
  subcommands: [
    {
      name: 'list',
      use: 'list',
      short: "List all visible plugin executables on a user's PATH",
      long: 'List all available plugin files on a user\'s PATH. To see plugins binary names without the full path use --name-only flag.\n\n Available plugin files are those that are: - executable - anywhere on the user\'s PATH - begin with "kubectl-"',
      flags: [
        { name: 'name-only', type: 'bool', usage: 'If true, display only the binary name of each plugin, rather than its full path' },
      ],
      run: (ctx) => listed(ctx),
    },
  ],
  run: onlySubcommands,
};
