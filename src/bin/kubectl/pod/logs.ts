/** kubectl logs. Models kubectl/pkg/cmd/logs/logs.go and polymorphichelpers/logsforobject.go */

import type { Task } from '../../../os/program.ts';
import type { WaitQueue } from '../../../sim/wait.ts';
import { concat, utf8 } from '../../../wire/bytes.ts';
import { Builder } from '../builder.ts';
import { POD_RUNNING_TIMEOUT, SELECTOR_FLAG } from '../common.ts';
import { errorText, Failure, failure } from '../errors.ts';
import type { Streaming } from '../http.ts';
import { isObject, type JsonObject, list, str } from '../json.ts';
import type { Mapping, Query } from '../rest.ts';
import { quote } from '../strconv.ts';
import { sleep } from '../until.ts';
import type { Ctx, Verb } from '../verb.ts';
import { podTimeout } from './exec.ts';
import { allContainerNames, byLogging, findContainer, firstPod, podPath, selectorOf } from './pods.ts';

const USAGE = 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]';
const USAGE_ERROR = `expected '${USAGE}'.\nPOD or TYPE/NAME is a required argument for the logs command`;
const ROUNDS = 1_000_000;

interface Source {
  readonly pod: JsonObject;
  readonly container: string;
}

/** Which containers of a pod are read. */
function* sourcesOf(ctx: Ctx, pod: JsonObject, wanted: string, all: boolean, quiet: boolean): Task<Source[] | Failure> {
  if (all) {
    const names = ['initContainers', 'containers', 'ephemeralContainers'].flatMap((g) => list(pod, 'spec', g).map((c) => str(c, 'name')));
    return names.map((container) => ({ pod, container }));
  }
  let container = wanted;
  if (container === '') {
    const named = str(pod, 'metadata', 'annotations', 'kubectl.kubernetes.io/default-container');
    if (named !== '' && findContainer(pod, named)) container = named;
    else if (named !== '') yield* ctx.err(`Default container name ${quote(named)} not found in pod ${str(pod, 'metadata', 'name')}\n`);
  }
  if (container === '') {
    const containers = list(pod, 'spec', 'containers');
    container = str(containers[0] ?? null, 'name');
    const more =
      containers.length > 1 || list(pod, 'spec', 'initContainers').length > 0 || list(pod, 'spec', 'ephemeralContainers').length > 0;
    if (more && !quiet) yield* ctx.err(`Defaulted container ${quote(container)} out of: ${allContainerNames(pod)}\n`);
  }
  if (!findContainer(pod, container))
    return failure(`container ${container} is not valid for pod ${str(pod, 'metadata', 'name')} out of: ${allContainerNames(pod)}`);
  return [{ pod, container }];
}

/** Parts of a log's request, and what is wrong with them. */
function query(ctx: Ctx, container: string): Query | Failure {
  const since = ctx.flags.duration('since');
  const sinceTime = ctx.str('since-time');
  const tail = ctx.int('tail');
  const limit = ctx.int('limit-bytes');
  if (sinceTime !== '' && since !== 0) return failure('at most one of `sinceTime` or `sinceSeconds` may be specified');
  if (ctx.bool('all-containers') && container !== '')
    return failure(`--all-containers=true should not be specified with container name ${container}`);
  if (ctx.changed('container') && ctx.args.length === 2) return failure('only one of -c or an inline [CONTAINER] arg is allowed');
  if (limit < 0) return failure('--limit-bytes must be greater than 0');
  if (since < 0) return failure('--since must be greater than 0');
  if (tail < -1) return failure('--tail must be greater than or equal to -1');
  const selected = ctx.str('selector') !== '' && tail === -1 && !ctx.changed('tail');
  return {
    ...(ctx.bool('follow') ? { follow: true } : {}),
    ...(ctx.bool('previous') ? { previous: true } : {}),
    ...(ctx.bool('timestamps') ? { timestamps: true } : {}),
    ...(ctx.bool('insecure-skip-tls-verify-backend') ? { insecureSkipTLSVerifyBackend: true } : {}),
    ...(limit !== 0 ? { limitBytes: limit } : {}),
    ...(since !== 0 ? { sinceSeconds: Math.round(since) } : {}),
    ...(sinceTime !== '' ? { sinceTime } : {}),
    ...(selected ? { tailLines: 10 } : tail !== -1 ? { tailLines: tail } : {}),
  };
}

/** Prints a stream line by line, each with its prefix. */
class Lines {
  private rest: Uint8Array = new Uint8Array(0);
  private readonly ctx: Ctx;
  private readonly prefix: Uint8Array;

  constructor(ctx: Ctx, prefix: string) {
    this.ctx = ctx;
    this.prefix = utf8(prefix);
  }

  *push(data: Uint8Array): Task<void> {
    if (this.prefix.length === 0) {
      yield* this.ctx.p.out(data);
      return;
    }
    this.rest = this.rest.length === 0 ? data : concat([this.rest, data]);
    for (let nl = this.rest.indexOf(10); nl >= 0; nl = this.rest.indexOf(10)) {
      yield* this.ctx.p.out(concat([this.prefix, this.rest.subarray(0, nl + 1)]));
      this.rest = this.rest.subarray(nl + 1);
    }
  }

  *end(): Task<void> {
    if (this.rest.length > 0) yield* this.ctx.p.out(concat([this.prefix, this.rest]));
  }
}

const prefixOf = (ctx: Ctx, s: Source): string =>
  ctx.bool('prefix') || ctx.bool('all-pods') ? `[pod/${str(s.pod, 'metadata', 'name')}/${s.container}] ` : '';

const open = (ctx: Ctx, s: Source, q: Query): Task<Streaming | Failure> =>
  ctx.rest.open('GET', podPath(s.pod, 'log'), { query: { ...q, container: s.container } });

/** One log to its end. */
function* consume(ctx: Ctx, s: Source, q: Query): Task<Failure | null> {
  const stream = yield* open(ctx, s, q);
  if (stream instanceof Failure) return stream;
  const lines = new Lines(ctx, prefixOf(ctx, s));
  for (;;) {
    const part = yield* stream.read();
    if (part instanceof Failure) return part;
    if (part === null) break;
    yield* lines.push(part);
  }
  yield* lines.end();
  return null;
}

function* oneAfterTheOther(ctx: Ctx, sources: readonly Source[], q: Query, timeout: number): Task<Failure | null> {
  const ignore = ctx.bool('ignore-errors');
  for (const s of sources) {
    const deadline = ctx.p.sim.now + timeout * 1e6;
    for (let round = 0; round < ROUNDS; round++) {
      const wrong = yield* consume(ctx, s, q);
      if (!wrong) break;
      if (ignore) {
        yield* ctx.out(`error: ${errorText(wrong)}\n`);
        break;
      }
      if (!ctx.bool('follow')) return wrong;
      yield* ctx.err(`${errorText(wrong)}\n`);
      if (!wrong.status) return wrong;
      if (ctx.p.sim.now >= deadline) return failure('context deadline exceeded');
      yield* sleep(ctx, 1);
    }
  }
  return null;
}

/** Several logs that are followed at once, as their lines come. */
function* sideBySide(ctx: Ctx, sources: readonly Source[], q: Query): Task<Failure | null> {
  let live: { stream: Streaming; lines: Lines }[] = [];
  for (const s of sources) {
    const stream = yield* open(ctx, s, q);
    if (!(stream instanceof Failure)) live.push({ stream, lines: new Lines(ctx, prefixOf(ctx, s)) });
    else if (ctx.bool('ignore-errors')) yield* ctx.out(`error: ${errorText(stream)}\n`);
    else return stream;
  }
  while (live.length > 0) {
    let moved = false;
    for (const one of live) {
      if (!one.stream.readable()) continue;
      moved = true;
      const part = yield* one.stream.read();
      if (part instanceof Uint8Array) {
        yield* one.lines.push(part);
        continue;
      }
      yield* one.lines.end();
      live = live.filter((x) => x !== one);
    }
    if (!moved) yield { on: live.map((x): WaitQueue => x.stream.queue) };
  }
  return null;
}

function* podsOf(ctx: Ctx, ns: string, timeout: number): Task<JsonObject[] | Failure> {
  const selector = ctx.str('selector');
  const b = new Builder(ctx).namespace(ns).singleType();
  if (ctx.args[0] !== undefined) b.resourceNames('pods', ctx.args[0]);
  if (selector !== '') b.resourceTypes('pods').selector();
  const { infos, error } = yield* b.infos();
  if (error) {
    if (!error.notFound) return error;
    return failure(`error from server (NotFound): ${error.message} in namespace ${quote(ns)}`);
  }
  const info = infos[0];
  if (!info || (selector === '' && infos.length !== 1)) return failure('expected a resource');
  const object = info.object as JsonObject;
  if (selector !== '') {
    const pods = list(object, 'items').filter(isObject);
    if (pods.length === 0) yield* ctx.err(`No resources found in ${ns} namespace.\n`);
    return pods;
  }
  const m = info.mapping as Mapping;
  if (m.group === '' && m.kind === 'Pod') return [object];
  const s = selectorOf(m, object);
  if (s instanceof Failure) return failure(`cannot get the logs from *${m.version}.${m.kind}: ${s.message}`);
  const found = yield* firstPod(ctx, s.namespace, s.selector, timeout, byLogging);
  if (found instanceof Failure) return found;
  if (ctx.bool('all-pods')) return found.pods;
  const first = found.pods[0] as JsonObject;
  if (found.pods.length > 1) yield* ctx.err(`Found ${found.pods.length} pods, using pod/${str(first, 'metadata', 'name')}\n`);
  return [first];
}

function* run(ctx: Ctx): Task<number | Failure> {
  const selector = ctx.str('selector');
  if (ctx.args.length > 2 || (ctx.args.length === 0 && selector === '')) return ctx.usageError(USAGE_ERROR);
  if (ctx.args.length === 1 && selector !== '') return ctx.usageError('only a selector (-l) or a POD name is allowed');
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const timeout = podTimeout(ctx);
  if (timeout instanceof Failure) return timeout;
  const container = ctx.args[1] ?? ctx.str('container');
  const pods = yield* podsOf(ctx, ns.name, timeout);
  if (pods instanceof Failure) return pods;
  const q = query(ctx, container);
  if (q instanceof Failure) return q;
  const sources: Source[] = [];
  for (const pod of pods) {
    const found = yield* sourcesOf(ctx, pod, container, ctx.bool('all-containers'), ctx.bool('all-pods'));
    if (found instanceof Failure) return found;
    sources.push(...found);
  }
  const most = ctx.int('max-log-requests');
  if (ctx.bool('follow') && sources.length > 1) {
    if (sources.length > most)
      return failure(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${most}, use --max-log-requests to increase the limit`,
      );
    return (yield* sideBySide(ctx, sources, q)) ?? 0;
  }
  return (yield* oneAfterTheOther(ctx, sources, q, timeout)) ?? 0;
}

export const logsVerb: Verb = {
  name: 'logs',
  use: USAGE,
  short: 'Print the logs for a container in a pod',
  long: 'Print the logs for a container in a pod or specified resource. If the pod has only one container, the container name is optional.',
  example:
    '  # Return snapshot logs from pod nginx with only one container\n  kubectl logs nginx\n  \n  # Return snapshot logs from pod nginx, prefixing each line with the source pod and container name\n  kubectl logs nginx --prefix\n  \n  # Return snapshot logs from pod nginx with multi containers\n  kubectl logs nginx --all-containers=true\n  \n  # Return snapshot logs from all pods in the deployment nginx\n  kubectl logs deployment/nginx --all-pods=true\n  \n  # Return snapshot logs from all containers in pods defined by label app=nginx\n  kubectl logs -l app=nginx --all-containers=true\n  \n  # Return snapshot of previous terminated ruby container logs from pod web-1\n  kubectl logs -p -c ruby web-1\n  \n  # Begin streaming the logs of the ruby container in pod web-1\n  kubectl logs -f -c ruby web-1\n  \n  # Display only the most recent 20 lines of output in pod nginx\n  kubectl logs --tail=20 nginx\n  \n  # Show all logs from pod nginx written in the last hour\n  kubectl logs --since=1h nginx',
  flags: [
    { name: 'all-pods', type: 'bool', usage: 'Get logs from all pod(s). Sets prefix to true.' },
    { name: 'all-containers', type: 'bool', usage: "Get all containers' logs in the pod(s)." },
    { name: 'follow', short: 'f', type: 'bool', usage: 'Specify if the logs should be streamed.' },
    { name: 'timestamps', type: 'bool', usage: 'Include timestamps on each line in the log output' },
    { name: 'limit-bytes', type: 'int64', usage: 'Maximum bytes of logs to return. Defaults to no limit.' },
    {
      name: 'previous',
      short: 'p',
      type: 'bool',
      usage: 'If true, print the logs for the previous instance of the container in a pod if it exists.',
    },
    {
      name: 'tail',
      type: 'int64',
      def: '-1',
      usage:
        'Lines of recent log file to display. Defaults to -1 with no selector, showing all log lines otherwise 10, if a selector is provided.',
    },
    { name: 'ignore-errors', type: 'bool', usage: 'If watching / following pod logs, allow for any errors that occur to be non-fatal' },
    {
      name: 'since-time',
      type: 'string',
      usage: 'Only return logs after a specific date (RFC3339). Defaults to all logs. Only one of since-time / since may be used.',
    },
    {
      name: 'since',
      type: 'duration',
      usage:
        'Only return logs newer than a relative duration like 5s, 2m, or 3h. Defaults to all logs. Only one of since-time / since may be used.',
    },
    { name: 'container', short: 'c', type: 'string', usage: 'Print the logs of this container' },
    {
      name: 'insecure-skip-tls-verify-backend',
      type: 'bool',
      usage:
        'Skip verifying the identity of the kubelet that logs are requested from.  In theory, an attacker could provide invalid log content back. You might want to use this if your kubelet serving certificates have expired.',
    },
    POD_RUNNING_TIMEOUT('20s'),
    SELECTOR_FLAG,
    {
      name: 'max-log-requests',
      type: 'int',
      def: '5',
      usage: 'Specify maximum number of concurrent logs to follow when using by a selector. Defaults to 5.',
    },
    { name: 'prefix', type: 'bool', usage: 'Prefix each log line with the log source (pod name and container name)' },
  ],
  run,
};
