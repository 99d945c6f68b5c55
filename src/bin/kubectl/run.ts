/** kubectl run. Models kubectl/pkg/cmd/run/run.go */

import type { Task } from '../../os/program.ts';
import { Builder } from './builder.ts';
import {
  DRY_RUN_FLAG,
  type DryRun,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  OVERRIDE_FLAGS,
  POD_RUNNING_TIMEOUT,
  parsePairs,
  RECORD_FLAG,
  recorded,
  requiredFlags,
  SAVE_CONFIG_FLAG,
  saveConfig,
  writeQuery,
} from './common.ts';
import { builtin, placed } from './create/spec.ts';
import { type Cascade, cascadeOf, deleteAll, deleteFlags } from './delete.ts';
import { aggregate, exitWith, Failure, failure } from './errors.ts';
import { parseLabels } from './expose.ts';
import { createObject } from './helper.ts';
import { at, type JsonObject, list, str } from './json.ts';
import { overridden } from './override.ts';
import { attachTo, DETACH_KEYS_FLAG } from './pod/attach.ts';
import { podTimeout } from './pod/exec.ts';
import { completed, containerOf, phaseOf, podPath } from './pod/pods.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import type { Mapping } from './rest.ts';
import { quote } from './strconv.ts';
import { until } from './until.ts';
import { envVarName } from './validation.ts';
import type { Ctx, Verb } from './verb.ts';

const PODS = builtin('', 'v1', 'Pod', 'pods');
const SERVICES = builtin('', 'v1', 'Service', 'services');

/** github.com/distribution/reference */
export const IMAGE =
  /^(?:(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/;

interface Options {
  readonly name: string;
  readonly args: readonly string[];
  readonly labels: Record<string, string> | null;
  readonly annotations: Record<string, string>;
  readonly env: readonly JsonObject[];
  readonly restart: string;
  readonly pull: string;
  readonly attach: boolean;
  readonly dry: DryRun;
  readonly timeout: number;
  readonly ns: { name: string; explicit: boolean };
}

function envOf(specs: readonly string[]): JsonObject[] | Failure {
  const out: JsonObject[] = [];
  for (const e of specs) {
    const eq = e.indexOf('=');
    const name = e.slice(0, Math.max(eq, 0));
    if (eq < 0 || name === '' || envVarName(name).length > 0) return failure(`invalid env: ${e}`);
    out.push({ name, value: e.slice(eq + 1) });
  }
  return out;
}

function* options(ctx: Ctx): Task<Options | Failure> {
  const missing = requiredFlags(ctx, ['image']);
  if (missing) return missing;
  const annotations = parsePairs(ctx.list('annotations'), 'annotations', false);
  if (annotations instanceof Failure) return annotations;
  const labels = ctx.str('labels') === '' ? null : parseLabels(ctx.str('labels'));
  if (labels instanceof Failure) return labels;
  const env = envOf(ctx.list('env'));
  if (env instanceof Failure) return env;
  const stdin = ctx.bool('stdin');
  const given = ctx.str('restart');
  const restart = given === '' ? (stdin ? 'OnFailure' : 'Always') : given;
  if (!['Always', 'OnFailure', 'Never'].includes(restart))
    return failure(`invalid restart policy: ${given}, valid values are: Always, OnFailure, Never`);
  const pull = ctx.str('image-pull-policy');
  if (!['', 'Always', 'IfNotPresent', 'Never'].includes(pull))
    return failure(`invalid image pull policy: ${pull}, valid values are: Always, IfNotPresent, Never`);
  const timeout = podTimeout(ctx);
  if (timeout instanceof Failure) return timeout;
  const attach = !ctx.changed('attach') && stdin ? true : ctx.bool('attach');
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const image = ctx.str('image');
  if (ctx.args.length === 0 || ctx.flags.dash === 0) return failure('NAME is required for run');
  if (image === '') return failure('--image is required');
  if (!IMAGE.test(image)) return failure(`invalid image name ${quote(image)}: invalid reference format`);
  if (ctx.bool('tty') && !stdin) return failure('-i/--stdin is required for containers with -t/--tty=true');
  const port = ctx.str('port');
  if (ctx.bool('expose') && port === '') return failure('--port must be set when exposing a service');
  if (port !== '' && !/^[-+]?\d+$/.test(port)) return failure('--port must be a number');
  if (!attach && ctx.bool('rm')) return failure('--rm should only be used for attached containers');
  if (attach && dry !== 'none')
    return failure("--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)");
  return {
    name: ctx.args[0] as string,
    args: ctx.args.slice(1),
    labels,
    annotations: annotations.set,
    env,
    restart,
    pull,
    attach,
    dry,
    timeout,
    ns,
  };
}

function podOf(ctx: Ctx, o: Options): JsonObject {
  const stdin = ctx.bool('stdin');
  const port = ctx.str('port');
  const container = {
    name: o.name,
    image: ctx.str('image'),
    ...(o.args.length > 0 ? (ctx.bool('command') ? { command: o.args } : { args: o.args }) : {}),
    ...(port === '' ? {} : { ports: [{ containerPort: Number(port) }] }),
    ...(o.env.length > 0 ? { env: o.env } : {}),
    resources: {},
    ...(o.pull === '' ? {} : { imagePullPolicy: o.pull }),
    ...(ctx.bool('privileged') ? { securityContext: { privileged: true } } : {}),
    ...(stdin ? { stdin: true } : {}),
    ...(stdin && !ctx.bool('leave-stdin-open') ? { stdinOnce: true } : {}),
    ...(ctx.bool('tty') ? { tty: true } : {}),
  };
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: o.name,
      labels: o.labels ?? { run: o.name },
      ...(Object.keys(o.annotations).length > 0 ? { annotations: o.annotations } : {}),
    },
    spec: { containers: [container], restartPolicy: o.restart, dnsPolicy: 'ClusterFirst' },
    status: {},
  };
}

function serviceOf(ctx: Ctx, o: Options): JsonObject {
  const port = Number(ctx.str('port'));
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: o.name, ...(o.labels ? { labels: o.labels } : {}) },
    spec: { ports: [{ protocol: 'TCP', port, targetPort: port }], selector: o.labels ?? { run: o.name } },
    status: { loadBalancer: {} },
  };
}

function* make(ctx: Ctx, o: Options, m: Mapping, generated: JsonObject, overrides: boolean): Task<JsonObject | Failure> {
  const changed = overrides ? overridden(ctx, generated, m.kind) : generated;
  if (changed instanceof Failure) return changed;
  const object = recorded(ctx, changed);
  if (o.dry === 'client') return placed(object, m, o.ns);
  return yield* createObject(
    ctx,
    m,
    o.ns.name,
    saveConfig(object, ctx.bool('save-config'), false),
    writeQuery(o.dry, ctx.str('field-manager')),
  );
}

const isReady = (pod: JsonObject): boolean =>
  list(pod, 'status', 'conditions').some((c) => str(c, 'type') === 'Ready' && str(c, 'status') === 'True');

/** Waits for a pod; its last state. */
export function* waitForPod(ctx: Ctx, pod: JsonObject, seconds: number, done: (pod: JsonObject) => boolean): Task<JsonObject | Failure> {
  let last = pod;
  const deadline = ctx.p.sim.now + seconds * 1e6;
  const r = yield* until(ctx, PODS, str(pod, 'metadata', 'namespace'), str(pod, 'metadata', 'name'), deadline, (o) => {
    if (o === null) return failure('pods "" not found');
    last = o;
    return done(o);
  });
  return r === true ? last : r === 'timeout' ? failure('timed out waiting for the condition') : r;
}

function* printLog(ctx: Ctx, pod: JsonObject, container: string): Task<Failure | null> {
  const s = yield* ctx.rest.open('GET', podPath(pod, 'log'), { query: { container } });
  if (s instanceof Failure) return s;
  for (;;) {
    const part = yield* s.read();
    if (part instanceof Failure) return part;
    if (part === null) return null;
    yield* ctx.p.out(part);
  }
}

/** handleAttachPod(): when the pod runs its streams, when it is over already its log. */
export function* attachWhenReady(
  ctx: Ctx,
  started: JsonObject,
  o: {
    timeout: number;
    container: string;
    stdin: boolean;
    tty: boolean;
    quiet: boolean;
    detachKeys: string;
    ready?: (pod: JsonObject) => boolean;
  },
): Task<number | Failure> {
  const pod = yield* waitForPod(
    ctx,
    started,
    o.timeout,
    (p) => completed(p) || (o.ready ? o.ready(p) : phaseOf(p) === 'Running' && isReady(p)),
  );
  if (pod instanceof Failure) return pod;
  const c = yield* containerOf(ctx, pod, o.container, o.quiet);
  if (c instanceof Failure) return c;
  const name = str(c, 'name');
  if (completed(pod)) return (yield* printLog(ctx, pod, name)) ?? 0;
  const early = yield* printLog(ctx, pod, name);
  if (early) yield* ctx.err(`warning: couldn't fetch pre-attach logs: ${early.message}\n`);
  const r = yield* attachTo(ctx, { pod, container: name, stdin: o.stdin, tty: o.tty, quiet: o.quiet, detachKeys: o.detachKeys });
  if (!(r instanceof Failure) || r.kind === 'exit') return r instanceof Failure ? 0 : r;
  yield* ctx.err(`warning: couldn't attach to pod/${str(pod, 'metadata', 'name')}, falling back to streaming logs: ${r.message}\n`);
  return (yield* printLog(ctx, pod, name)) ?? 0;
}

interface Ended {
  readonly code: number;
  /** What is said of it, when the created objects are gone. */
  readonly text: string;
}

/** The command's exit status, from the pod's last state. */
function* ending(ctx: Ctx, o: Options, pod: JsonObject): Task<Ended | Failure> {
  const fine: Ended = { code: 0, text: '' };
  if (ctx.bool('leave-stdin-open') || o.restart === 'Always') return fine;
  const last = yield* waitForPod(ctx, pod, o.timeout, (p) => (o.restart === 'OnFailure' ? phaseOf(p) === 'Succeeded' : completed(p)));
  if (last instanceof Failure) return last;
  const where = `pod ${str(last, 'metadata', 'namespace')}/${str(last, 'metadata', 'name')}`;
  if (phaseOf(last) === 'Succeeded') return fine;
  if (phaseOf(last) !== 'Failed') return failure(`${where} left in phase ${phaseOf(last)}`);
  const terminated = at(list(last, 'status', 'containerStatuses')[0] ?? null, 'state', 'terminated');
  const code = Number(str(terminated ?? null, 'exitCode') || '0');
  if (terminated === undefined || code === 0) return failure(`${where} failed with unknown exit code`);
  const message = str(terminated, 'message');
  return {
    code,
    text: `${where} terminated (${str(terminated, 'reason')})\n${message}${message === '' || message.endsWith('\n') ? '' : '\n'}`,
  };
}

function* remove(ctx: Ctx, o: Options, made: readonly { m: Mapping; object: JsonObject }[], cascade: Cascade): Task<void> {
  for (const { m, object } of made)
    yield* deleteAll(
      ctx,
      new Builder(ctx)
        .continueOnError()
        .namespace(str(object, 'metadata', 'namespace') || o.ns.name)
        .resourceNames(`${m.resource}.${m.group}`.replace(/\.$/, ''), str(object, 'metadata', 'name'))
        .flatten(),
      {
        cascade,
        gracePeriod: -1,
        ignoreNotFound: true,
        wait: false,
        timeout: 0,
        dry: 'none',
        quiet: ctx.bool('quiet'),
        output: '',
        warnClusterScope: false,
      },
    );
}

function* run(ctx: Ctx): Task<number | Failure> {
  const o = yield* options(ctx);
  if (o instanceof Failure) return o;
  const printer = printerFor(ctx, { operation: dryOperation('created', o.dry), struct: true });
  if (printer instanceof Failure) return printer;
  const cascade = yield* cascadeOf(ctx);
  if (cascade instanceof Failure) return cascade;
  const pod = yield* make(ctx, o, PODS, podOf(ctx, o), true);
  if (pod instanceof Failure) return pod;
  const made = [{ m: PODS, object: pod }];
  const errors: Failure[] = [];
  if (ctx.bool('expose')) {
    const service = yield* make(ctx, o, SERVICES, serviceOf(ctx, o), false);
    if (service instanceof Failure) errors.push(service);
    else made.push({ m: SERVICES, object: service });
  }
  if (o.attach) {
    const attached = yield* attachWhenReady(ctx, pod, {
      timeout: o.timeout,
      container: '',
      stdin: ctx.bool('stdin'),
      tty: ctx.bool('tty'),
      quiet: ctx.bool('quiet'),
      detachKeys: ctx.str('detach-keys'),
    });
    const end = attached instanceof Failure ? attached : yield* ending(ctx, o, pod);
    if (ctx.bool('rm')) yield* remove(ctx, o, made, cascade);
    if (end instanceof Failure) return end;
    yield* ctx.err(end.text);
    return end.code === 0 ? 0 : exitWith(end.code);
  }
  for (const { object } of made) {
    const bad = yield* emit(ctx, printer, object);
    if (bad) errors.push(bad);
  }
  return aggregate(errors) ?? 0;
}

export const runVerb: Verb = {
  name: 'run',
  use: 'run NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] [--command] -- [COMMAND] [args...]',
  short: 'Run a particular image on the cluster',
  long: 'Create and run a particular image in a pod.',
  example:
    '  # Start a nginx pod\n  kubectl run nginx --image=nginx\n  \n  # Start a hazelcast pod and let the container expose port 5701\n  kubectl run hazelcast --image=hazelcast/hazelcast --port=5701\n  \n  # Start a hazelcast pod and set environment variables "DNS_DOMAIN=cluster" and "POD_NAMESPACE=default" in the container\n  kubectl run hazelcast --image=hazelcast/hazelcast --env="DNS_DOMAIN=cluster" --env="POD_NAMESPACE=default"\n  \n  # Start a hazelcast pod and set labels "app=hazelcast" and "env=prod" in the container\n  kubectl run hazelcast --image=hazelcast/hazelcast --labels="app=hazelcast,env=prod"\n  \n  # Dry run; print the corresponding API objects without creating them\n  kubectl run nginx --image=nginx --dry-run=client\n  \n  # Start a nginx pod, but overload the spec with a partial set of values parsed from JSON\n  kubectl run nginx --image=nginx --overrides=\'{ "apiVersion": "v1", "spec": { ... } }\'\n  \n  # Start a busybox pod and keep it in the foreground, don\'t restart it if it exits\n  kubectl run -i -t busybox --image=busybox --restart=Never\n  \n  # Start the nginx pod using the default command, but use custom arguments (arg1 .. argN) for that command\n  kubectl run nginx --image=nginx -- <arg1> <arg2> ... <argN>\n  \n  # Start the nginx pod using a different command and custom arguments\n  kubectl run nginx --image=nginx --command -- <cmd> <arg1> ... <argN>',
  flags: [
    ...deleteFlags('to use to replace the resource.', false).map((f) =>
      f.name === 'filename'
        ? { ...f, deprecated: 'it is ignored by kubectl run and will be removed in a future release', hidden: true }
        : f,
    ),
    ...PRINT_FLAGS,
    RECORD_FLAG,
    DRY_RUN_FLAG,
    { name: 'annotations', type: 'stringArray', usage: 'Annotations to apply to the pod.' },
    { name: 'image', type: 'string', usage: 'The image for the container to run.' },
    {
      name: 'image-pull-policy',
      type: 'string',
      usage:
        'The image pull policy for the container.  If left empty, this value will not be specified by the client and defaulted by the server.',
    },
    {
      name: 'rm',
      type: 'bool',
      usage:
        "If true, delete the pod after it exits.  Only valid when attaching to the container, e.g. with '--attach' or with '-i/--stdin'.",
    },
    { name: 'env', type: 'stringArray', usage: 'Environment variables to set in the container.' },
    { name: 'port', type: 'string', usage: 'The port that this container exposes.' },
    { name: 'labels', short: 'l', type: 'string', usage: 'Comma separated labels to apply to the pod. Will override previous values.' },
    { name: 'stdin', short: 'i', type: 'bool', usage: 'Keep stdin open on the container in the pod, even if nothing is attached.' },
    { name: 'tty', short: 't', type: 'bool', usage: 'Allocate a TTY for the container in the pod.' },
    {
      name: 'attach',
      type: 'bool',
      usage:
        "If true, wait for the Pod to start running, and then attach to the Pod as if 'kubectl attach ...' were called.  Default false, unless '-i/--stdin' is set, in which case the default is true. With '--restart=Never' the exit code of the container process is returned.",
    },
    {
      name: 'leave-stdin-open',
      type: 'bool',
      usage:
        'If the pod is started in interactive mode or with stdin, leave stdin open after the first attach completes. By default, stdin will be closed after the first attach completes.',
    },
    { name: 'restart', type: 'string', def: 'Always', usage: 'The restart policy for this Pod.  Legal values [Always, OnFailure, Never].' },
    {
      name: 'command',
      type: 'bool',
      usage:
        "If true and extra arguments are present, use them as the 'command' field in the container, rather than the 'args' field which is the default.",
    },
    { name: 'expose', type: 'bool', usage: 'If true, create a ClusterIP service associated with the pod.  Requires `--port`.' },
    { name: 'quiet', short: 'q', type: 'bool', usage: 'If true, suppress prompt messages.' },
    { name: 'privileged', type: 'bool', usage: 'If true, run the container in privileged mode.' },
    DETACH_KEYS_FLAG,
    fieldManagerFlag('kubectl-run'),
    ...OVERRIDE_FLAGS,
    SAVE_CONFIG_FLAG,
    POD_RUNNING_TIMEOUT('1m0s'),
  ],
  run,
};
