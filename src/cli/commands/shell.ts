/** `hopwise shell`: an emulated host in the user's own terminal, virtual time paced against the wall clock. */

import { readFileSync } from 'node:fs';
import { readClusterFile } from '../../cluster/world/read.ts';
import { buildCluster } from '../../lab/cluster.ts';
import { createPlayground, createSession } from '../../lab/session.ts';
import { loadWorld, WORLDS } from '../../lab/world.ts';
import { loadLab } from '../labs.ts';
import { attach } from '../terminal.ts';
import { integer, parseArgs } from './args.ts';

/** `w1` is the reference world with its cluster; a path names a cluster file. */
const clusterName = (world: string): string => (world === 'w1' ? 'cluster-w1' : world);

async function loadClusterWorld(world: string): Promise<void> {
  if (/\.(ya?ml|json)$/.test(world)) {
    const file = readClusterFile(readFileSync(world, 'utf8'), world);
    WORLDS[world] = (seed) => buildCluster(file, seed);
    return;
  }
  await loadWorld(clusterName(world));
  if (!WORLDS[clusterName(world)]) throw new Error(`there is no world "${world}"; there are: ${Object.keys(WORLDS).join(', ')}`);
}

export async function shellCommand(argv: string[]): Promise<number> {
  const args = parseArgs(argv, { values: ['lab', 'host', 'seed', 'world'] });
  const world = args.values.get('world') ?? '';
  if (world !== '') await loadClusterWorld(world);
  const lab = args.values.get('lab');
  const seed = integer(args, 'seed', 1);
  const source = lab === undefined ? null : loadLab(lab);
  if (source) await loadWorld(source);
  const session =
    source === null ? createPlayground(seed, world === '' ? undefined : clusterName(world)) : createSession({ lab: source, seed });
  const host = args.values.get('host') ?? (session.info.hosts[0]?.id as string);
  if (!session.info.hosts.some((h) => h.id === host))
    throw new Error(`there is no host "${host}"; there are: ${session.info.hosts.map((h) => h.id).join(', ')}`);
  await attach(session, host);
  return 0;
}
