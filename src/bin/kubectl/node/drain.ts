/** kubectl cordon, uncordon and drain. Models kubectl/pkg/cmd/drain and pkg/drain */

import type { Task } from '../../../os/program.ts';
import { Builder, type Info } from '../builder.ts';
import { DRY_RUN_FLAG, type DryRun, dryOperation, dryRunOf, SELECTOR_FLAG } from '../common.ts';
import { aggregate, errorText, Failure, failure } from '../errors.ts';
import { patchObject } from '../helper.ts';
import { at, isObject, type Json, type JsonObject, list, str } from '../json.ts';
import { nameLine } from '../printers.ts';
import { requirements } from '../selector.ts';
import { durationString, quote } from '../strconv.ts';
import { timeOf } from '../table.ts';
import { sleep } from '../until.ts';
import type { Ctx, Verb } from '../verb.ts';

const RETRY_SECONDS = 5;
/** Rounds of one second; more than a year. */
const ROUNDS = 40_000_000;

const said = (ctx: Ctx, o: JsonObject, operation: string, dry: DryRun): Task<void> => ctx.out(nameLine(o, dryOperation(operation, dry)));

function* nodesOf(ctx: Ctx): Task<Info[] | Failure> {
  const selector = ctx.str('selector');
  if (ctx.args.length === 0 && !ctx.changed('selector')) return ctx.usageError(`USAGE: ${ctx.verb.use} [flags]`);
  if (ctx.args.length > 0 && selector !== '') return ctx.usageError('error: cannot specify both a node name and a --selector option');
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const b = new Builder(ctx)
    .namespace(ns.name)
    .resourceNames('nodes', ...ctx.args)
    .singleType()
    .flatten();
  if (selector !== '') b.selector().resourceTypes('nodes');
  const { infos, error } = yield* b.infos();
  return error ?? infos;
}

/** RunCordonOrUncordon(): what fails is said, and the next node follows. */
function* cordonAll(ctx: Ctx, nodes: readonly Info[], desired: boolean, dry: DryRun): Task<void> {
  for (const info of nodes) {
    const node = info.object as JsonObject;
    if ((at(node, 'spec', 'unschedulable') === true) === desired) {
      yield* said(ctx, node, desired ? 'already cordoned' : 'already uncordoned', dry);
      continue;
    }
    if (dry !== 'client') {
      const body = { spec: { unschedulable: desired ? true : null } };
      const r = yield* patchObject(ctx, info, 'strategic', body, dry === 'server' ? { dryRun: 'All' } : {});
      if (r instanceof Failure) {
        yield* ctx.err(`error: unable to ${desired ? '' : 'un'}cordon node ${quote(info.name)}: ${errorText(r)}\n`);
        continue;
      }
    }
    yield* said(ctx, node, desired ? 'cordoned' : 'uncordoned', dry);
  }
}

function* cordon(ctx: Ctx, desired: boolean): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const nodes = yield* nodesOf(ctx);
  if (nodes instanceof Failure) return nodes;
  yield* cordonAll(ctx, nodes, desired, dry);
  return 0;
}

interface Verdict {
  readonly remove: boolean;
  readonly reason: 'okay' | 'skip' | 'warning' | 'error';
  readonly message: string;
}

const OKAY: Verdict = { remove: true, reason: 'okay', message: '' };
const SKIP: Verdict = { remove: false, reason: 'skip', message: '' };
const warning = (remove: boolean, message: string): Verdict => ({ remove, reason: 'warning', message });
const error = (message: string): Verdict => ({ remove: false, reason: 'error', message });

const controllerOf = (pod: JsonObject): Json | undefined =>
  list(pod, 'metadata', 'ownerReferences').find((o) => at(o, 'controller') === true);
const finished = (pod: JsonObject): boolean => ['Succeeded', 'Failed'].includes(str(pod, 'status', 'phase'));

class Drainer {
  private readonly ctx: Ctx;
  private readonly dry: DryRun;

  constructor(ctx: Ctx, dry: DryRun) {
    this.ctx = ctx;
    this.dry = dry;
  }

  private tooLate(pod: JsonObject): boolean {
    const limit = this.ctx.int('skip-wait-for-delete-timeout');
    const since = str(pod, 'metadata', 'deletionTimestamp');
    return limit > 0 && since !== '' && this.ctx.now - timeOf(since) > limit;
  }

  /** The first filter that says no, or else what the last one says: warnings of those between are lost, as upstream. */
  private *verdict(pod: JsonObject): Task<Verdict> {
    const { ctx } = this;
    const force = ctx.bool('force');
    if (this.tooLate(pod)) return SKIP;
    const owner = controllerOf(pod);
    if (owner && str(owner, 'kind') === 'DaemonSet' && str(owner, 'apiVersion') === 'apps/v1' && !finished(pod)) {
      const ns = encodeURIComponent(str(pod, 'metadata', 'namespace'));
      const r = yield* ctx.rest.json('GET', `/apis/apps/v1/namespaces/${ns}/daemonsets/${encodeURIComponent(str(owner, 'name'))}`);
      if (r instanceof Failure) {
        if (!r.notFound || !force) return error(r.message);
      } else if (!ctx.bool('ignore-daemonsets')) return error('DaemonSet-managed Pods (use --ignore-daemonsets to ignore)');
      else return warning(false, 'ignoring DaemonSet-managed Pods');
    }
    if (str(pod, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== '') return SKIP;
    if (list(pod, 'spec', 'volumes').some((v) => at(v, 'emptyDir') !== undefined) && !finished(pod)) {
      if (!ctx.bool('delete-emptydir-data')) return error('Pods with local storage (use --delete-emptydir-data to override)');
    }
    if (finished(pod) || owner) return OKAY;
    return force
      ? warning(true, 'deleting Pods that declare no controller')
      : error('Pods that declare no controller (use --force to override)');
  }

  /** GetPodsForDeletion() */
  private *pods(node: string): Task<{ pods: JsonObject[]; warnings: string } | Failure> {
    const { ctx } = this;
    const labelSelector = ctx.str('pod-selector');
    const query = { fieldSelector: `spec.nodeName=${node}`, ...(labelSelector === '' ? {} : { labelSelector }) };
    const r = yield* ctx.rest.list('/api/v1/pods', query, ctx.int('chunk-size'));
    if (r instanceof Failure) return r;
    const pods: JsonObject[] = [];
    const warnings = new Map<string, string[]>();
    const errors = new Map<string, string[]>();
    for (const pod of list(r, 'items').filter(isObject)) {
      const v = yield* this.verdict(pod);
      if (v.remove) pods.push(pod);
      const bag = v.reason === 'warning' ? warnings : v.reason === 'error' ? errors : null;
      const name = `${str(pod, 'metadata', 'namespace')}/${str(pod, 'metadata', 'name')}`;
      bag?.set(v.message, [...(bag.get(v.message) ?? []), name]);
    }
    const wrong = aggregate([...errors].map(([message, names]) => failure(`cannot delete ${message}: ${names.join(', ')}`)));
    return wrong ?? { pods, warnings: [...warnings].map(([m, names]) => `${m}: ${names.join(', ')}`).join('; ') };
  }

  private path(pod: JsonObject, sub = ''): string {
    const name = encodeURIComponent(str(pod, 'metadata', 'name'));
    return `/api/v1/namespaces/${encodeURIComponent(str(pod, 'metadata', 'namespace'))}/pods/${name}${sub}`;
  }

  private options(): Json {
    const grace = this.ctx.int('grace-period');
    return {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      ...(grace >= 0 ? { gracePeriodSeconds: grace } : {}),
      ...(this.dry === 'server' ? { dryRun: ['All'] } : {}),
    };
  }

  private evict(pod: JsonObject): Task<JsonObject | Failure> {
    const [name, namespace] = [str(pod, 'metadata', 'name'), str(pod, 'metadata', 'namespace')];
    return this.ctx.rest.json('POST', this.path(pod, '/eviction'), {
      json: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name, namespace }, deleteOptions: this.options() },
    });
  }

  /** All pods side by side: evicted, tried again while a budget forbids it, waited for. */
  private *evictAll(pods: readonly JsonObject[]): Task<Failure | null> {
    const { ctx, dry } = this;
    const timeout = ctx.flags.duration('timeout');
    const deadline = timeout === 0 ? Number.POSITIVE_INFINITY : ctx.p.sim.now + timeout * 1e6;
    const errors: Failure[] = [];
    let todo = pods.map((pod) => ({ pod, next: ctx.p.sim.now, evicted: false }));
    for (let round = 0; round < ROUNDS && todo.length > 0; round++) {
      const left: typeof todo = [];
      for (const t of todo) {
        const [name, namespace] = [str(t.pod, 'metadata', 'name'), str(t.pod, 'metadata', 'namespace')];
        const late = ctx.p.sim.now >= deadline;
        if (t.evicted) {
          if (late)
            errors.push(
              failure(
                `error when waiting for pod ${quote(name)} in namespace ${quote(namespace)} to terminate: global timeout reached: ${durationString(timeout)}`,
              ),
            );
          else if (!(yield* this.gone(t.pod, 'evicted', errors))) left.push(t);
          continue;
        }
        if (ctx.p.sim.now < t.next) {
          left.push(t);
          continue;
        }
        yield* ctx.out(`evicting pod ${namespace}/${name}${dry === 'server' ? ' (server dry run)' : ''}\n`);
        if (late) {
          errors.push(
            failure(`error when evicting pods/${quote(name)} -n ${quote(namespace)}: global timeout reached: ${durationString(timeout)}`),
          );
          continue;
        }
        const r = yield* this.evict(t.pod);
        if (!(r instanceof Failure)) {
          if (dry !== 'server') left.push({ ...t, evicted: true });
        } else if (r.reason === 'TooManyRequests') {
          yield* ctx.err(
            `error when evicting pods/${quote(name)} -n ${quote(namespace)} (will retry after ${RETRY_SECONDS}s): ${r.message}\n`,
          );
          left.push({ ...t, next: ctx.p.sim.now + RETRY_SECONDS * 1e6 });
        } else if (!r.notFound) errors.push(failure(`error when evicting pods/${quote(name)} -n ${quote(namespace)}: ${errorText(r)}`));
      }
      todo = left;
      if (todo.length > 0) yield* sleep(ctx, 1);
    }
    return aggregate(errors);
  }

  /** Whether the wait for a pod is over. */
  private *gone(pod: JsonObject, verb: string, errors: Failure[]): Task<boolean> {
    const { ctx } = this;
    const [name, namespace] = [str(pod, 'metadata', 'name'), str(pod, 'metadata', 'namespace')];
    const r = yield* ctx.rest.json('GET', this.path(pod));
    const shown = { ...pod, apiVersion: 'v1', kind: 'Pod' };
    if (r instanceof Failure && !r.notFound) {
      yield* said(ctx, shown, verb === 'evicted' ? 'eviction failed' : 'deletion failed', this.dry);
      errors.push(failure(`error when waiting for pod ${quote(name)} in namespace ${quote(namespace)} to terminate: ${errorText(r)}`));
      return true;
    }
    if (r instanceof Failure || str(r, 'metadata', 'uid') !== str(pod, 'metadata', 'uid')) {
      yield* said(ctx, shown, verb, this.dry);
      return true;
    }
    if (!this.tooLate(r)) return false;
    yield* ctx.out(`pod ${quote(name)} has DeletionTimestamp older than ${ctx.int('skip-wait-for-delete-timeout')} seconds, skipping\n`);
    return true;
  }

  private *deleteAll(pods: readonly JsonObject[]): Task<Failure | null> {
    const { ctx } = this;
    for (const pod of pods) {
      const r = yield* ctx.rest.json('DELETE', this.path(pod), { json: this.options() });
      if (r instanceof Failure && !r.notFound) return r;
    }
    if (this.dry === 'server') return null;
    const timeout = ctx.flags.duration('timeout');
    const deadline = timeout === 0 ? Number.POSITIVE_INFINITY : ctx.p.sim.now + timeout * 1e6;
    const errors: Failure[] = [];
    let left = [...pods];
    for (let round = 0; round < ROUNDS && left.length > 0; round++) {
      const still: JsonObject[] = [];
      for (const pod of left) if (!(yield* this.gone(pod, 'deleted', errors))) still.push(pod);
      left = still;
      if (left.length === 0) break;
      if (ctx.p.sim.now >= deadline) return failure('context deadline exceeded');
      yield* sleep(ctx, 1);
    }
    return aggregate(errors);
  }

  /** deleteOrEvictPodsSimple() */
  *drain(info: Info): Task<Failure | null> {
    const { ctx } = this;
    const found = yield* this.pods(info.name);
    if (found instanceof Failure) return found;
    if (found.warnings !== '') yield* ctx.err(`Warning: ${found.warnings}\n`);
    if (this.dry === 'client') {
      for (const pod of found.pods)
        yield* ctx.out(`evicting pod ${str(pod, 'metadata', 'namespace')}/${str(pod, 'metadata', 'name')} (dry run)\n`);
      return null;
    }
    const wrong = ctx.bool('disable-eviction') ? yield* this.deleteAll(found.pods) : yield* this.evictAll(found.pods);
    if (!wrong) return null;
    const pending = yield* this.pods(info.name);
    if (!(pending instanceof Failure) && pending.pods.length > 0)
      yield* ctx.err(
        `There are pending pods in node ${quote(info.name)} when an error occurred: ${errorText(wrong)}\n${pending.pods.map((p) => `pod/${str(p, 'metadata', 'name')}\n`).join('')}`,
      );
    return wrong;
  }
}

function* drain(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  if (ctx.str('pod-selector') !== '' && requirements(ctx.str('pod-selector')) instanceof Failure)
    return failure('--pod-selector=<pod_selector> must be a valid label selector');
  const nodes = yield* nodesOf(ctx);
  if (nodes instanceof Failure) return nodes;
  yield* cordonAll(ctx, nodes, true, dry);
  const drainer = new Drainer(ctx, dry);
  const fatal: Failure[] = [];
  const remaining: string[] = [];
  for (const info of nodes) {
    const wrong = yield* drainer.drain(info);
    if (!wrong) {
      yield* said(ctx, info.object as JsonObject, 'drained', dry);
      continue;
    }
    yield* ctx.err(`error: unable to drain node ${quote(info.name)} due to error: ${errorText(wrong)}, continuing command...\n`);
    fatal.push(wrong);
    remaining.push(info.name);
  }
  if (remaining.length > 0) yield* ctx.err(`There are pending nodes to be drained:\n${remaining.map((n) => ` ${n}\n`).join('')}`);
  return aggregate(fatal) ?? 0;
}

export const cordonVerb: Verb = {
  name: 'cordon',
  use: 'cordon NODE',
  short: 'Mark node as unschedulable',
  long: 'Mark node as unschedulable.',
  example: '  # Mark node "foo" as unschedulable\n  kubectl cordon foo',
  flags: [SELECTOR_FLAG, DRY_RUN_FLAG],
  run: (ctx) => cordon(ctx, true),
};

export const uncordonVerb: Verb = {
  name: 'uncordon',
  use: 'uncordon NODE',
  short: 'Mark node as schedulable',
  long: 'Mark node as schedulable.',
  example: '  # Mark node "foo" as schedulable\n  kubectl uncordon foo',
  flags: [SELECTOR_FLAG, DRY_RUN_FLAG],
  run: (ctx) => cordon(ctx, false),
};

export const drainVerb: Verb = {
  name: 'drain',
  use: 'drain NODE',
  short: 'Drain node in preparation for maintenance',
  long: "Drain node in preparation for maintenance.\n\n The given node will be marked unschedulable to prevent new pods from arriving. 'drain' evicts the pods if the API server supports eviction. Otherwise, it will use normal DELETE to delete the pods.\n\n 'drain' waits for graceful termination. You should not operate on the machine until the command completes.\n\n When you are ready to put the node back into service, use kubectl uncordon, which will make the node schedulable again.",
  example:
    '  # Drain node "foo", even if there are pods not managed by a replication controller, replica set, job, daemon set, or stateful set on it\n  kubectl drain foo --force\n  \n  # As above, but abort if there are pods not managed by a replication controller, replica set, job, daemon set, or stateful set, and use a grace period of 15 minutes\n  kubectl drain foo --grace-period=900',
  flags: [
    { name: 'force', type: 'bool', usage: 'Continue even if there are pods that do not declare a controller.' },
    { name: 'ignore-daemonsets', type: 'bool', usage: 'Ignore DaemonSet-managed pods.' },
    {
      name: 'delete-emptydir-data',
      type: 'bool',
      usage: 'Continue even if there are pods using emptyDir (local data that will be deleted when the node is drained).',
    },
    {
      name: 'grace-period',
      type: 'int',
      def: '-1',
      usage:
        'Period of time in seconds given to each pod to terminate gracefully. If negative, the default value specified in the pod will be used.',
    },
    { name: 'timeout', type: 'duration', usage: 'The length of time to wait before giving up, zero means infinite' },
    { name: 'pod-selector', type: 'string', usage: 'Label selector to filter pods on the node' },
    {
      name: 'disable-eviction',
      type: 'bool',
      usage: 'Force drain to use delete, even if eviction is supported. This will bypass checking PodDisruptionBudgets, use with caution.',
    },
    {
      name: 'skip-wait-for-delete-timeout',
      type: 'int',
      usage: 'If pod DeletionTimestamp older than N seconds, skip waiting for the pod.  Seconds must be greater than 0 to skip.',
    },
    { name: 'chunk-size', type: 'int64', def: '500', usage: 'Return large lists in chunks rather than all at once. Pass 0 to disable.' },
    DRY_RUN_FLAG,
    SELECTOR_FLAG,
  ],
  run: drain,
};
