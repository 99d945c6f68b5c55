/** A lab's files as Vite bundles them: one chunk a lab, loaded when a page opens it. */
/// <reference types="vite/client" />

import type { LabSource } from '../lab/session.ts';

const definitions = import.meta.glob<string>('../../labs/*/lab.yaml', { query: '?raw', import: 'default' });
const files = import.meta.glob<string>(['../../labs/*/solution.sh', '../../labs/*/files/**'], {
  query: '?raw',
  import: 'default',
});

export async function labSource(id: string): Promise<LabSource> {
  const folder = `../../labs/${id}/`;
  const load = definitions[`${folder}lab.yaml`];
  if (!load) throw new Error(`no lab is called ${id}`);
  const own = Object.entries(files).filter(([path]) => path.startsWith(folder));
  const contents = await Promise.all(own.map(async ([path, read]) => [path.slice(folder.length), await read()] as const));
  return { id, yaml: await load(), files: Object.fromEntries(contents) };
}
