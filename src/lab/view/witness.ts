/** Opens the door of os/witness.ts: what became of a command's packets, told by a recording of the world that it runs in. */

import type { Process } from '../../os/process.ts';
import { provideWitness, type Witness } from '../../os/witness.ts';
import { nameOf } from '../place.ts';
import { worldOf } from '../worlds.ts';
import { Account, type Roadless } from './account.ts';
import { BOUNDS, Recorder } from './recorder.ts';

const MAX_ROADLESS = 5;
/** How long nothing has to happen to a packet before it counts as at rest, µs. */
const QUIET = 200_000;

provideWitness((p, concerns): Witness | null => {
  const world = worldOf(p.sim);
  if (!world) return null;
  const { machine } = p;
  const { hostname } = machine.kernel;
  const mine = (host: string): Process | null => {
    const q = host === hostname ? machine.current : null;
    return q && concerns(q) ? q : null;
  };
  const roadless: Roadless[] = [];
  const recorder = new Recorder(
    p.sim,
    (host) => {
      const q = mine(host);
      return q ? { pid: q.pid, login: 1 } : null;
    },
    { ...BOUNDS, keep: 'first' },
  );
  const silence = p.sim.trace.listen((e) => {
    if (e.kind !== 'net.noroute' || roadless.length >= MAX_ROADLESS || !mine(e.host)) return;
    if (roadless.some((r) => r.dst === e.dst && r.errno === e.errno)) return;
    roadless.push({ place: nameOf(world, e.host, e.ns), dst: e.dst, errno: e.errno });
  });
  return {
    get pending(): boolean {
      return recorder.waiting(QUIET);
    },
    report(): string {
      silence();
      recorder.stop();
      return new Account(world, recorder).text(roadless);
    },
  };
});
