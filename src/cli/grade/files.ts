/** The submissions of a bulk run: files and folders to a list with a name for each. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join, relative, resolve } from 'node:path';
import type { Item } from './one.ts';

/** Folder of the results within a run's own. */
export const RESULTS = 'results';
/** A sealed file, or a text with a link. */
const ENDINGS = ['.json', '.txt', '.hopwise'];

function walk(folder: string, skip: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || resolve(path) === skip) return [];
    if (entry.isDirectory()) return walk(path, skip);
    return entry.isFile() && ENDINGS.includes(extname(entry.name).toLowerCase()) ? [path] : [];
  });
}

/** In the order of their names; a name that comes twice gets a number. @throws Error for a path that is not there. */
export function itemsOf(operands: readonly string[], out: string): Item[] {
  const found: { name: string; path: string }[] = [];
  for (const operand of operands) {
    if (!existsSync(operand)) throw new Error(`${operand}: no such file or folder`);
    const bare = (path: string): string => path.slice(0, path.length - extname(path).length).replaceAll('\\', '/');
    if (statSync(operand).isDirectory())
      for (const path of walk(operand, resolve(out))) found.push({ name: bare(relative(operand, path)), path });
    else found.push({ name: bare(basename(operand)), path: operand });
  }
  found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.path < b.path ? -1 : 1));
  const taken = new Set<string>();
  return found.map(({ name, path }) => {
    let own = name;
    for (let n = 2; taken.has(own); n++) own = `${name}~${n}`;
    taken.add(own);
    return { name: own, path: resolve(path), out: join(out, RESULTS, `${own}.json`) };
  });
}
