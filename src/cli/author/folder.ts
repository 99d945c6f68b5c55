/** Writing a lab's folder: never over one that is there. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { LABS } from '../labs.ts';

/** @throws Error when the id is no name for a folder or the folder is taken. */
export function newFolder(id: string, root = LABS): string {
  if (!/^[a-z][a-z0-9-]{1,60}$/.test(id))
    throw new Error(`"${id}" is no id for a lab: lower-case letters, digits and -, beginning with a letter`);
  const folder = join(root, id);
  if (existsSync(folder)) throw new Error(`${relative(process.cwd(), folder)} is there already; choose another id or remove it`);
  return folder;
}

export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    process.stdout.write(`wrote ${relative(process.cwd(), path)}\n`);
  }
}
