/** `hopwise lab preview ID`: the site's development server on the lab's page; a saved file reloads it. */

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from '../commands/args.ts';
import { loadLab } from '../labs.ts';

export function previewCommand(argv: string[]): Promise<number> {
  const args = parseArgs(argv, { values: ['port', 'host'], switches: ['no-open'] });
  const [id] = args.operands;
  if (id === undefined) throw new Error('usage: hopwise lab preview ID [--port N] [--host ADDRESS] [--no-open]');
  loadLab(id);
  const astro = join(createRequire(import.meta.url).resolve('astro/package.json'), '../bin/astro.mjs');
  const options = [
    ...(args.switches.has('no-open') ? [] : ['--open', `/labs/${id}/`]),
    ...['port', 'host'].flatMap((name) => (args.values.has(name) ? [`--${name}`, args.values.get(name) as string] : [])),
  ];
  const child = spawn(process.execPath, [astro, 'dev', ...options], { stdio: 'inherit', cwd: join(import.meta.dirname, '../../..') });
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
