/** kubectl wait: for creation, deletion, a condition or the value at a JSONPath. Models kubectl/pkg/cmd/wait */

import type { Task } from '../../os/program.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import { aggregate, Failure, failure } from './errors.ts';
import { goValue } from './gofmt.ts';
import { isArray, isObject, type JsonObject, list, obj, str } from './json.ts';
import { JsonPath, relaxed } from './jsonpath.ts';
import { PRINT_FLAGS, type Printer, printerFor } from './printers.ts';
import { pathOf } from './rest.ts';
import { quote } from './strconv.ts';
import type { Ctx, Verb } from './verb.ts';
import { STOP, watchEvents } from './watch.ts';

const TIMED_OUT = 'timed out waiting for the condition';
const WEEK = 168 * 3600;
const POLL = 500_000;

type Condition =
  | { readonly type: 'create' }
  | { readonly type: 'delete' }
  /** Whether an object is as wanted. */
  | { readonly type: 'state'; readonly met: (o: JsonObject) => boolean | Failure };

const fold = (s: string): string => s.toLowerCase();

function conditionMet(name: string, status: string): (o: JsonObject) => boolean {
  return (o) => {
    const c = list(o, 'status', 'conditions').find((x) => fold(str(x, 'type')) === fold(name) && isObject(x) && x.status !== undefined);
    if (!c) return false;
    const generation = obj(o, 'metadata').generation;
    const observed = obj(c).observedGeneration ?? obj(o, 'status').observedGeneration;
    if (typeof generation === 'number' && typeof observed === 'number' && observed < generation) return false;
    return fold(str(c, 'status')) === fold(status);
  };
}

function jsonPathMet(input: string): ((o: JsonObject) => boolean | Failure) | Failure {
  const parts = input.split(/(?<!=)=(?!=)/);
  if (parts.length > 2)
    return failure("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'");
  const path = relaxed(parts[0] as string);
  if (path instanceof Failure) return path;
  const wanted = parts[1]?.replace(/^['"]+|['"]+$/g, '') ?? null;
  if (wanted === '') return failure("jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3");
  if (path === '') return failure('jsonpath expression cannot be empty');
  const parsed = JsonPath.parse(path);
  if (parsed instanceof Failure) return parsed;
  return (o) => {
    const found = parsed.find(o);
    if (found instanceof Failure) return found;
    if (found.length === 0 || found[0]?.length === 0) return false;
    if (found.length > 1) return failure('given jsonpath expression matches more than one list');
    if ((found[0]?.length ?? 0) > 1) return failure('given jsonpath expression matches more than one value');
    if (wanted === null) return true;
    const v = found[0]?.[0] ?? null;
    if (isArray(v) || isObject(v)) return failure('jsonpath leads to a nested object or list which is not supported');
    return goValue(v).trim() === wanted.trim();
  };
}

function conditionsOf(all: readonly string[]): readonly Condition[] | Failure {
  const out: Condition[] = [];
  for (const c of all) {
    const low = fold(c);
    if (low === 'delete' || low === 'create') out.push({ type: low });
    else if (c.startsWith('condition=')) {
      const [name = '', ...value] = c.slice(10).split('=');
      out.push({ type: 'state', met: conditionMet(name, value.length > 0 ? value.join('=') : 'true') });
    } else if (c.startsWith('jsonpath=')) {
      const met = jsonPathMet(c.slice(9));
      if (met instanceof Failure) return met;
      out.push({ type: 'state', met });
    } else return failure(`unrecognized condition: ${quote(c)}`);
  }
  return out.length > 0 ? out : failure('unrecognized condition: []');
}

interface Waiting {
  readonly ctx: Ctx;
  /** Seconds. */
  readonly timeout: number;
  /** Virtual time. */
  readonly deadline: number;
}

/** The object when the condition holds. */
function* waitFor(w: Waiting, info: Info, c: Condition): Task<JsonObject | Failure> {
  const { ctx, timeout, deadline } = w;
  if (info.name === '' || !info.mapping) return failure('resource name must be provided');
  const late = failure(`${TIMED_OUT} on ${info.mapping.resource}/${info.name}`);
  if (c.type === 'create') return info.object ?? {};
  const found = yield* ctx.rest.json('GET', info.path(''));
  if (found instanceof Failure) return c.type === 'delete' && found.notFound ? (info.object ?? {}) : found;
  const check = (o: JsonObject): boolean | Failure => (c.type === 'state' ? c.met(o) : false);
  const now = check(found);
  if (now instanceof Failure) return now;
  if (now) return found;
  if (timeout === 0) return failure(`condition not met for ${info.objectName}`);
  let last = found;
  let wrong: Failure | null = null;
  while (ctx.p.sim.now < deadline) {
    const query = { fieldSelector: `metadata.name=${info.name}`, resourceVersion: str(last, 'metadata', 'resourceVersion'), watch: 'true' };
    let done = false;
    const end = yield* watchEvents(
      ctx.rest,
      pathOf(info.mapping, info.namespace),
      query,
      undefined,
      function* (e) {
        yield { cost: 0 };
        if (e.type === 'DELETED') {
          done = c.type === 'delete';
          return done ? STOP : null;
        }
        last = e.object;
        const r = check(e.object);
        if (r instanceof Failure) wrong = r;
        else done = r;
        return r === false ? null : STOP;
      },
      deadline,
    );
    if (wrong) return wrong;
    if (done) return last;
    if (end && end.tag !== 'stop' && end.tag !== 'timeout' && end.kind !== 'url') return end;
  }
  return late;
}

function builder(ctx: Ctx, ns: { name: string; explicit: boolean }): Builder {
  const all = ctx.bool('all-namespaces');
  return new Builder(ctx)
    .namespace(ns.name, ns.explicit && ctx.list('filename').length > 0)
    .allNamespaces(all)
    .filenames()
    .args(ctx.args, ctx.bool('all'))
    .selector()
    .fieldSelector()
    .latest()
    .continueOnError()
    .flatten();
}

function* created(w: Waiting, ns: { name: string; explicit: boolean }): Task<Failure | null> {
  const late = failure(TIMED_OUT);
  for (;;) {
    const { infos, error } = yield* builder(w.ctx, ns).infos();
    if (error && !error.notFound) return error;
    if (!error && infos.length > 0) return null;
    if (w.ctx.p.sim.now >= w.deadline) return late;
    yield { until: Math.min(w.ctx.p.sim.now + POLL, w.deadline) };
  }
}

function* print(ctx: Ctx, printer: Printer, o: JsonObject): Task<void> {
  const { out } = printer.print(o);
  yield* ctx.out(out);
}

export const waitVerb: Verb = {
  name: 'wait',
  use: "wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
  short: 'Wait for a specific condition on one or many resources',
  long: `Experimental: Wait for a specific condition on one or many resources.

 The command takes multiple resources and waits until the specified condition is seen in the Status field of every given resource.

 Alternatively, the command can wait for the given set of resources to be created or deleted by providing the "create" or "delete" keyword as the value to the --for flag.

 A successful message will be printed to stdout indicating when the specified condition has been met. You can use -o option to change to output destination.`,
  example: `# Wait for the pod "busybox1" to contain the status condition of type "Ready"
kubectl wait --for=condition=Ready pod/busybox1

# The default value of status condition is true; you can wait for other targets after an equal delimiter (compared after Unicode simple case folding, which is a more general form of case-insensitivity)
kubectl wait --for=condition=Ready=false pod/busybox1

# Wait for the pod "busybox1" to contain the status phase to be "Running"
kubectl wait --for=jsonpath='{.status.phase}'=Running pod/busybox1

# Wait for pod "busybox1" to be Ready
kubectl wait --for='jsonpath={.status.conditions[?(@.type=="Ready")].status}=True' pod/busybox1

# Wait for the service "loadbalancer" to have ingress
kubectl wait --for=jsonpath='{.status.loadBalancer.ingress}' service/loadbalancer

# Wait for the secret "busybox1" to be created, with a timeout of 30s
kubectl create secret generic busybox1
kubectl wait --for=create secret/busybox1 --timeout=30s

# Wait for the pod "busybox1" to be deleted, with a timeout of 60s, after having issued the "delete" command
kubectl delete pod/busybox1
kubectl wait --for=delete pod/busybox1 --timeout=60s`,
  flags: [
    ...PRINT_FLAGS,
    { name: 'all', type: 'bool', usage: 'Select all resources in the namespace of the specified resource types' },
    {
      name: 'all-namespaces',
      short: 'A',
      type: 'bool',
      usage:
        'If present, list the requested object(s) across all namespaces. Namespace in current context is ignored even if specified with --namespace.',
    },
    {
      name: 'field-selector',
      type: 'string',
      usage:
        "Selector (field query) to filter on, supports '=', '==', and '!='.(e.g. --field-selector key1=value1,key2=value2). The server only supports a limited number of field queries per type.",
    },
    ...filenameFlags('identifying the resource.'),
    {
      name: 'for',
      type: 'stringArray',
      usage:
        "The condition to wait on: [create|delete|condition=condition-name[=condition-value]|jsonpath='{JSONPath expression}'=[JSONPath value]]. The default condition-value is true. Condition values are compared after Unicode simple case folding, which is a more general form of case-insensitivity. Multiple conditions are supported and AND'ed to each other in a sequential order. If --for=create is passed, it is always waited first.",
    },
    {
      name: 'selector',
      short: 'l',
      type: 'string',
      usage: "Selector (label query) to filter on, supports '=', '==', and '!='.(e.g. -l key1=value1,key2=value2)",
    },
    {
      name: 'timeout',
      type: 'duration',
      def: '30s',
      usage: "The length of time to wait before giving up. Zero means check once and don't wait, negative means wait for a week.",
    },
  ],
  *run(ctx) {
    const printer = printerFor(ctx, { operation: 'condition met' });
    if (printer instanceof Failure) return printer;
    const ns = ctx.namespace();
    if (ns instanceof Failure) return ns;
    const conditions = conditionsOf(ctx.list('for'));
    if (conditions instanceof Failure) return conditions;
    const given = ctx.flags.duration('timeout');
    const timeout = given < 0 ? WEEK : given;
    const w = { ctx, timeout, deadline: ctx.p.sim.now + timeout * 1e6 };
    if (conditions.some((c) => c.type === 'create')) {
      const wrong = yield* created(w, ns);
      if (wrong) return wrong;
    }
    let count = 0;
    const b = builder(ctx, ns);
    const error = yield* b.visit(function* (info) {
      count++;
      for (const c of conditions) {
        const r = yield* waitFor(w, info, c);
        if (r instanceof Failure) return r;
        yield* print(ctx, printer, r);
      }
      return null;
    });
    const forDelete = conditions.some((c) => c.type === 'delete');
    const drop = (f: Failure | null): Failure | null =>
      f === null ? null : f.kind === 'aggregate' ? aggregate(f.errors.flatMap((e) => drop(e) ?? [])) : f.notFound ? null : f;
    const left = forDelete && !b.early ? drop(error) : error;
    if (left) return left;
    return count === 0 && !forDelete ? failure('no matching resources found') : 0;
  },
};
