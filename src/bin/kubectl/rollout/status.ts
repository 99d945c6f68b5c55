/** How far a rollout is. Models kubectl/pkg/polymorphichelpers/rollout_status.go */

import { type Failure, failure } from '../errors.ts';
import { at, type JsonObject, list, num, str } from '../json.ts';
import type { Mapping } from '../rest.ts';
import { quote } from '../strconv.ts';

export interface Progress {
  readonly text: string;
  readonly done: boolean;
}

const going = (text: string): Progress => ({ text, done: false });
const done = (text: string): Progress => ({ text, done: true });

function deployment(o: JsonObject, revision: number): Progress | Failure {
  const name = quote(str(o, 'metadata', 'name'));
  const s = (k: string): number => num(o, 'status', k);
  if (revision > 0) {
    const have = Number(str(o, 'metadata', 'annotations', 'deployment.kubernetes.io/revision') || '0');
    if (have !== revision) return failure(`desired revision (${revision}) is different from the running revision (${have})`);
  }
  if (num(o, 'metadata', 'generation') > s('observedGeneration')) return going('Waiting for deployment spec update to be observed...\n');
  const progressing = list(o, 'status', 'conditions').find((c) => str(c, 'type') === 'Progressing');
  if (progressing && str(progressing, 'reason') === 'ProgressDeadlineExceeded')
    return failure(`deployment ${name} exceeded its progress deadline`);
  const wanted = at(o, 'spec', 'replicas');
  const waiting = `Waiting for deployment ${name} rollout to finish: `;
  if (typeof wanted === 'number' && s('updatedReplicas') < wanted)
    return going(`${waiting}${s('updatedReplicas')} out of ${wanted} new replicas have been updated...\n`);
  if (s('replicas') > s('updatedReplicas'))
    return going(`${waiting}${s('replicas') - s('updatedReplicas')} old replicas are pending termination...\n`);
  if (s('availableReplicas') < s('updatedReplicas'))
    return going(`${waiting}${s('availableReplicas')} of ${s('updatedReplicas')} updated replicas are available...\n`);
  return done(`deployment ${name} successfully rolled out\n`);
}

const ONLY_ROLLING = 'rollout status is only available for RollingUpdate strategy type';

function daemonSet(o: JsonObject): Progress | Failure {
  const name = quote(str(o, 'metadata', 'name'));
  const s = (k: string): number => num(o, 'status', k);
  if (str(o, 'spec', 'updateStrategy', 'type') !== 'RollingUpdate') return failure(ONLY_ROLLING);
  if (num(o, 'metadata', 'generation') > s('observedGeneration')) return going('Waiting for daemon set spec update to be observed...\n');
  const waiting = `Waiting for daemon set ${name} rollout to finish: `;
  const wanted = s('desiredNumberScheduled');
  if (s('updatedNumberScheduled') < wanted)
    return going(`${waiting}${s('updatedNumberScheduled')} out of ${wanted} new pods have been updated...\n`);
  if (s('numberAvailable') < wanted) return going(`${waiting}${s('numberAvailable')} of ${wanted} updated pods are available...\n`);
  return done(`daemon set ${name} successfully rolled out\n`);
}

function statefulSet(o: JsonObject): Progress | Failure {
  const s = (k: string): number => num(o, 'status', k);
  if (str(o, 'spec', 'updateStrategy', 'type') !== 'RollingUpdate') return failure(ONLY_ROLLING);
  if (s('observedGeneration') === 0 || num(o, 'metadata', 'generation') > s('observedGeneration'))
    return going('Waiting for statefulset spec update to be observed...\n');
  const wanted = at(o, 'spec', 'replicas');
  if (typeof wanted === 'number' && s('readyReplicas') < wanted)
    return going(`Waiting for ${wanted - s('readyReplicas')} pods to be ready...\n`);
  const rolling = at(o, 'spec', 'updateStrategy', 'rollingUpdate');
  if (rolling !== undefined) {
    const partition = at(rolling, 'partition');
    if (typeof wanted === 'number' && typeof partition === 'number' && s('updatedReplicas') < wanted - partition)
      return going(
        `Waiting for partitioned roll out to finish: ${s('updatedReplicas')} out of ${wanted - partition} new pods have been updated...\n`,
      );
    return done(`partitioned roll out complete: ${s('updatedReplicas')} new pods have been updated...\n`);
  }
  const [update, current] = [str(o, 'status', 'updateRevision'), str(o, 'status', 'currentRevision')];
  if (update !== current)
    return going(`waiting for statefulset rolling update to complete ${s('updatedReplicas')} pods at revision ${update}...\n`);
  return done(`statefulset rolling update complete ${s('currentReplicas')} pods at revision ${current}...\n`);
}

/** StatusViewerFor() */
export function progressOf(m: Mapping, o: JsonObject, revision: number): Progress | Failure {
  if (m.group === 'apps' && m.kind === 'Deployment') return deployment(o, revision);
  if (m.group === 'apps' && m.kind === 'DaemonSet') return daemonSet(o);
  if (m.group === 'apps' && m.kind === 'StatefulSet') return statefulSet(o);
  return failure(`no status viewer has been implemented for ${m.kind}${m.group === '' ? '' : `.${m.group}`}`);
}
