/** Steps of a mutation: what the grader changes in a world before it asks again. */

import { bashAt, tail } from './bash.ts';
import type { Lab, Place } from './lab.ts';
import { operationsOf } from './operate.ts';
import type { Operations } from './operations.ts';
import { locate } from './place.ts';
import { forgetCaches } from './reset.ts';
import type { World } from './world.ts';

export interface AddPod {
  readonly node: string;
  readonly name?: string;
  readonly ip?: string;
  readonly serves?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespace?: string;
}

/** What `kubectl patch` does, straight through the API. */
export interface Patch {
  /** KIND/NAME. */
  readonly object: string;
  readonly namespace?: string;
  /** Strategic when not given. */
  readonly type?: 'strategic' | 'merge' | 'json';
  readonly with: unknown;
}

/** One of these fields, with `on` beside `run`. */
export interface Step {
  readonly on?: Place;
  readonly run?: string;
  readonly 'add-pod'?: AddPod;
  /** NAME or NAMESPACE/NAME. */
  readonly 'delete-pod'?: string;
  readonly 'move-endpoint'?: { readonly pod: string; readonly to: string; readonly ip?: string };
  readonly reboot?: string;
  readonly resync?: 'kube-proxy';
  /** KIND/NAME, with `-n NAMESPACE` behind it. */
  readonly 'rollout-restart'?: string;
  readonly scale?: { readonly deployment: string; readonly replicas: number; readonly namespace?: string };
  readonly apply?: string;
  readonly patch?: Patch;
  readonly forget?: 'caches';
}

/** The name of an added pod that has none. */
export const NEW_POD = 'new-pod';

const NO_CLUSTER = 'there is no Kubernetes in this world';

/** Problem as null or a text; `undo` takes back what is cheap to take back. */
export interface Done {
  readonly problem: string | null;
  readonly log?: readonly string[];
  readonly undo?: () => void;
}

function podName(text: string): { name: string; namespace: string } {
  const slash = text.indexOf('/');
  return { namespace: slash < 0 ? 'default' : text.slice(0, slash), name: text.slice(slash + 1) };
}

/** How a step is called in a report. */
export function stepName(step: Step): string {
  const [field] = Object.keys(step).filter((k) => k !== 'on') as (keyof Step)[];
  const value = field === undefined ? '' : step[field];
  if (step.run !== undefined) return `${step.on}: ${step.run.trim().split('\n')[0]}`;
  if (step.patch) return `patch ${step.patch.object}`;
  return `${field} ${typeof value === 'object' ? Object.values(value).join(' ') : String(value).split('\n')[0]}`;
}

function kubectl(ops: Operations, argv: readonly string[], stdin = ''): Done {
  if (!ops.controlPlane) return { problem: NO_CLUSTER };
  const quoted = argv.map((a) => `'${a.replaceAll("'", "'\\''")}'`).join(' ');
  const script = stdin === '' ? `kubectl ${quoted}` : `kubectl ${quoted} <<'END-OF-MANIFEST'\n${stdin}\nEND-OF-MANIFEST`;
  const { controlPlane: machine } = ops;
  const r = bashAt({ machine, ns: machine.kernel.init }, script);
  return r.exitCode === 0 ? { problem: null } : { problem: `kubectl ${argv.join(' ')} ended with ${r.exitCode}`, log: tail(r) };
}

function patch({ api, resource }: Operations, { object, namespace = 'default', type = 'strategic', with: body }: Patch): Done {
  if (!api) return { problem: NO_CLUSTER };
  const [kind = '', name = ''] = object.split('/');
  const known = resource(kind);
  if (!known) return { problem: `the API has no kind "${kind}"` };
  const r = api.patch(known.name, known.namespaced ? namespace : '', name, type, body);
  return { problem: r.ok ? null : (r.status.message ?? `${object} cannot be patched`) };
}

/** Carries out one step. */
export function perform(world: World, step: Step): Done {
  const ops = operationsOf(world);
  if (step.run !== undefined) {
    const spot = locate(world, step.on ?? '');
    if (typeof spot === 'string') return { problem: spot };
    const r = bashAt(spot, step.run);
    if (r.timedOut) return { problem: `"${stepName(step)}" does not end`, log: tail(r) };
    return r.exitCode === 0 ? { problem: null } : { problem: `"${stepName(step)}" ended with ${r.exitCode}`, log: tail(r) };
  }
  const add = step['add-pod'];
  if (add) {
    const { name = NEW_POD, serves = true, namespace = 'default', ...rest } = add;
    const problem = ops.addPod({ name, serves, namespace, ...rest });
    return problem === null ? { problem, undo: () => void ops.deletePod(name, namespace) } : { problem };
  }
  if (step['delete-pod'] !== undefined) {
    const { name, namespace } = podName(step['delete-pod']);
    return { problem: ops.deletePod(name, namespace) };
  }
  const move = step['move-endpoint'];
  if (move) {
    const { name, namespace } = podName(move.pod);
    return { problem: ops.movePod(name, namespace, move.to, move.ip) };
  }
  if (step.reboot !== undefined) return { problem: ops.reboot(step.reboot) };
  if (step.resync !== undefined) return { problem: ops.resync() };
  if (step['rollout-restart'] !== undefined) {
    const [what = '', , namespace = 'default'] = step['rollout-restart'].split(/ +/);
    const [kind = '', name = ''] = what.split('/');
    return { problem: ops.restart(kind, name, namespace) };
  }
  if (step.scale) {
    const { deployment, replicas, namespace = 'default' } = step.scale;
    return { problem: ops.scale(deployment, namespace, replicas) };
  }
  if (step.apply !== undefined) return kubectl(ops, ['apply', '-f', '-'], step.apply);
  if (step.patch) return patch(ops, step.patch);
  if (step.forget !== undefined) forgetCaches(world);
  return { problem: null };
}

const KUBERNETES = ['reboot', 'resync', 'rollout-restart', 'scale', 'apply'] as const;

/** What is wrong with the steps of `do`, for authors. */
export function stepFaults(steps: readonly Step[], lab: Lab): { field: string; problem: string }[] {
  return steps.flatMap((step, i) => {
    const field = `do.${i}`;
    const actions = Object.keys(step).filter((key) => key !== 'on');
    if (actions.length !== 1) return [{ field, problem: `must do exactly one thing; it has ${actions.join(' and ') || 'none'}` }];
    if ((step.on !== undefined) !== (step.run !== undefined)) return [{ field, problem: 'needs both `on` and `run`, or neither of them' }];
    const alone = lab.world === 'w1' ? KUBERNETES.find((k) => step[k] !== undefined) : undefined;
    return alone === undefined
      ? []
      : [{ field: `${field}.${alone}`, problem: 'needs Kubernetes; take a world with a cluster, as cluster-w1' }];
  });
}
