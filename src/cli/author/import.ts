/** `hopwise lab import killercoda|iximiuz FOLDER [ID]`: a draft of a lab, and a list of what could not be carried over. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from '../commands/args.ts';
import { newFolder, writeFolder } from './folder.ts';
import { type Draft, draftFiles, type Folder, slug } from './import/draft.ts';
import { importIximiuz } from './import/iximiuz.ts';
import { importKillercoda } from './import/killercoda.ts';

const IMPORTERS: Readonly<Record<string, (id: string, folder: Folder) => Draft>> = {
  killercoda: importKillercoda,
  iximiuz: importIximiuz,
};

const MAX_FILES = 2000;
const MAX_BYTES = 1 << 20;

/** @throws Error when there are too many files to be one scenario. */
function readFolder(root: string): Folder {
  const out = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.name === '.git' || entry.name === 'node_modules' || entry.name === '__static__') continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && statSync(path).size <= MAX_BYTES)
        out.set(relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8'));
      if (out.size > MAX_FILES) throw new Error(`${root}: more than ${MAX_FILES} files; give the folder of one scenario`);
    }
  };
  walk(root);
  return out;
}

export function importCommand(argv: string[]): number {
  const args = parseArgs(argv, {});
  const [kind = '', folder, name] = args.operands;
  const importer = IMPORTERS[kind];
  if (!importer || folder === undefined) throw new Error(`usage: hopwise lab import ${Object.keys(IMPORTERS).join('|')} FOLDER [ID]`);
  const id = name ?? slug(basename(resolve(folder)));
  const target = newFolder(id);
  const draft = importer(id, readFolder(folder));
  writeFolder(target, draftFiles(draft));
  process.stdout.write(
    draft.losses.length === 0
      ? 'everything was carried over\n'
      : `not carried over, or to be looked at (${draft.losses.length}):\n${draft.losses.map((l) => `  - ${l}\n`).join('')}`,
  );
  return 0;
}
