/** Labs on disk: labs/<id>/{lab.yaml, solution.sh, alternatives/*.sh, decoys/*.sh, files/*}. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { LabSource, Script } from '../lab/lab.ts';
import { LabError, readLab } from '../lab/read.ts';

export const LABS = join(import.meta.dirname, '../../labs');

export function labIds(root = LABS): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((e) => e.isDirectory() && existsSync(join(root, e.name, 'lab.yaml')))
    .map((e) => e.name)
    .sort();
}

/** @throws LabError with file, line, field and mend. */
export function loadLab(id: string, root = LABS): LabSource {
  const folder = join(root, id);
  if (!/^[a-z0-9-]+$/.test(id) || !existsSync(join(folder, 'lab.yaml')))
    throw new LabError(`no lab "${id}"; there are: ${labIds(root).join(', ')}`);
  const text = (name: string): string | undefined =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined;
  const scripts = (name: string): Script[] =>
    existsSync(join(folder, name))
      ? readdirSync(join(folder, name))
          .filter((f) => f.endsWith('.sh'))
          .sort()
          .map((f) => ({ name: f.slice(0, -3), script: readFileSync(join(folder, name, f), 'utf8') }))
      : [];
  return readLab(
    {
      id,
      path: relative(process.cwd(), join(folder, 'lab.yaml')),
      yaml: text('lab.yaml') ?? '',
      solution: text('solution.sh'),
      alternatives: scripts('alternatives'),
      decoys: scripts('decoys'),
      files: Object.fromEntries(
        (existsSync(join(folder, 'files')) ? readdirSync(join(folder, 'files')).sort() : []).map((f) => [f, text(`files/${f}`) ?? '']),
      ),
    },
    JSON.parse(readFileSync(join(LABS, 'lab.schema.json'), 'utf8')) as object,
  );
}
