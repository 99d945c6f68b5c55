/** For tests of checks: a world without a lab, a script that somebody ran in it, and one check. */

import { Activity } from '../activity.ts';
import type { Check, Lab } from '../lab.ts';
import { apply, start } from '../log.ts';
import { instantiate } from '../parameters.ts';
import { kindOf } from './index.ts';
import type { Finding, Scene } from './kind.ts';

const EMPTY: Omit<Lab, 'seed' | 'values'> = {
  id: 'test',
  title: 'test',
  level: 'beginner',
  minutes: 1,
  world: 'w1',
  story: '',
  hosts: [],
  setup: [],
  faults: [],
  place: [],
  files: {},
  tasks: [],
  solution: '',
  alternatives: [],
  decoys: [],
  contentHash: 'test',
};

export interface Bench extends Scene {
  /** The learner runs bash on a host. */
  does(host: string, script: string): Bench;
  answers(question: string, value: string): Bench;
  /** What a check says, given as in lab.yaml. */
  says(kind: string, own: object): Finding;
  /** From now on the check listens, as it does from the beginning of a replay; `heard` is what it says then. */
  hears(kind: string, own: object): Bench;
  heard(): Finding;
  /** What a mutation says: steps, then checks. */
  after(steps: readonly object[], checks: readonly object[], own?: object): Finding;
}

/** A check as readCheck makes it of `{[kind]: own}`. */
function checkOf(kind: string, own: object): Check {
  const k = kindOf({ kind } as Check);
  const fields = { ...k.defaults, ...own } as Record<string, unknown>;
  for (const field of k.nested ?? [])
    fields[field] = ((fields[field] ?? []) as Record<string, object>[]).map((inner) => {
      const [name, body] = Object.entries(inner)[0] as [string, object];
      return checkOf(name, body);
    });
  return { ...fields, kind, id: 'check', title: '', weight: 1, needs: [], informational: false };
}

export function bench(lab: Partial<Lab> = {}): Bench {
  const started = start({ ...instantiate({ ...EMPTY, parameters: {} }, 1), ...lab });
  const { world, recording } = started;
  recording.activity = new Activity(world);
  const enter = (entry: object): void => {
    const { steps, now } = world.sim;
    apply(started, { steps, time: now, ...entry } as Parameters<typeof apply>[1]);
  };
  let listening: Check | null = null;
  const scene: Bench = {
    world,
    lab: started.lab,
    recording,
    baseline: new Map(),
    look: (check) => kindOf(check).run(scene, check),
    does(host, script) {
      enter({ op: 'script', host, script });
      return scene;
    },
    answers(question, value) {
      enter({ op: 'answer', question, value });
      return scene;
    },
    hears(kind, own) {
      listening = checkOf(kind, own);
      const watch = kindOf(listening).watch?.(world, listening);
      if (watch) recording.watches.set(listening.id, watch);
      return scene;
    },
    heard() {
      for (const watch of recording.watches.values()) watch.stop();
      return scene.look(listening as Check);
    },
    says(kind, own) {
      recording.activity?.stop();
      return scene.look(checkOf(kind, own));
    },
    after: (steps, checks, own = {}) => scene.says('mutation', { ...own, do: steps, ...Object.fromEntries([['then', checks]]) }),
  };
  return scene;
}
