/** `hopwise shell`: an emulated host in the user's own terminal, virtual time paced against the wall clock. */

import { readFileSync } from 'node:fs';
import { readClusterFile } from '../../cluster/world/read.ts';
import { buildCluster } from '../../lab/cluster.ts';
import { createPlayground, createSession } from '../../lab/session.ts';
import { loadWorld, WORLDS } from '../../lab/world.ts';
import { loadLab } from '../labs.ts';
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

/** Wall ms that the emulation may take before input is looked at again. */
const SLICE = 8;

export async function shellCommand(argv: string[]): Promise<number> {
  const args = parseArgs(argv, { values: ['lab', 'host', 'seed', 'world'] });
  const world = args.values.get('world') ?? '';
  if (world !== '') await loadClusterWorld(world);
  const lab = args.values.get('lab');
  const seed = integer(args, 'seed', 1);
  const source = lab === undefined ? null : loadLab(lab);
  if (source) await loadWorld(source.world);
  const session =
    source === null ? createPlayground(seed, world === '' ? undefined : clusterName(world)) : createSession({ lab: source, seed });
  const host = args.values.get('host') ?? (session.info.hosts[0]?.id as string);
  if (!session.info.hosts.some((h) => h.id === host))
    throw new Error(`there is no host "${host}"; there are: ${session.info.hosts.map((h) => h.id).join(', ')}`);
  const { stdin, stdout } = process;
  return new Promise((resolve) => {
    let over = false;
    const size = (): { cols: number; rows: number } => ({ cols: stdout.columns ?? 80, rows: stdout.rows ?? 24 });
    const terminal = session.openTerminal(host, {
      ...size(),
      onData: (text) => stdout.write(stdin.isTTY ? text : text.replaceAll('\r\n', '\n')),
      onExit: () => {
        over = true;
      },
    });
    const wall = performance.now() - session.now / 1000;
    let timer: NodeJS.Timeout | null = null;
    let ended = false;
    const finish = (): void => {
      if (timer) clearTimeout(timer);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      resolve(0);
    };
    const turn = (): void => {
      const start = performance.now();
      // Piped input ends: let what it started run to its end without waiting for the wall clock.
      const until = ended ? (session.nextTime() ?? session.now) : Math.max(session.now, (start - wall) * 1000);
      const done = session.run(until, () => performance.now() - start < SLICE);
      if (over) {
        finish();
        return;
      }
      const next = session.nextTime();
      const wait = !done || ended ? 0 : next === null ? 1000 : Math.max(1, next / 1000 - (performance.now() - wall));
      timer = setTimeout(turn, Math.min(wait, 1000));
    };
    const soon = (): void => {
      if (timer) clearTimeout(timer);
      timer = setTimeout(turn, 0);
    };
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', (data) => {
      terminal.write(data.toString('utf8'));
      soon();
    });
    stdin.on('end', () => {
      terminal.write('\x04');
      ended = true;
      soon();
    });
    stdout.on('resize', () => {
      const { cols, rows } = size();
      terminal.resize(cols, rows);
      soon();
    });
    turn();
  });
}
