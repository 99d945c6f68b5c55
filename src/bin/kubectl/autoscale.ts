/** kubectl autoscale. Models kubectl/pkg/cmd/autoscale/autoscale.go */

import type { Task } from '../../os/program.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import {
  DRY_RUN_FLAG,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  RECORD_FLAG,
  recorded,
  requiredFlags,
  SAVE_CONFIG_FLAG,
  saveConfig,
  writeQuery,
} from './common.ts';
import { builtin, placed } from './create/spec.ts';
import type { ApiResource } from './discovery.ts';
import { Failure, failure } from './errors.ts';
import { createObject } from './helper.ts';
import type { JsonObject } from './json.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import { canonicalQuantity } from './quantity.ts';
import { apiVersionOf } from './rest.ts';
import type { Ctx, Verb } from './verb.ts';

const HPAS = builtin('autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers');

/** parseResourceInput() as a metric's target. */
export function target(input: string, resource: 'cpu' | 'memory'): JsonObject | Failure {
  const s = input.trim();
  if (s === '') return failure('empty input');
  if (s.endsWith('%')) {
    const n = s.slice(0, -1);
    return /^\+?\d+$/.test(n) ? { type: 'Utilization', averageUtilization: Number(n) } : failure(`invalid percentage value: ${n}`);
  }
  const text = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(s) ? `${Number(s)}${resource === 'cpu' ? 'm' : 'Mi'}` : s;
  const q = canonicalQuantity(text);
  return q instanceof Failure ? failure(`invalid resource ${resource} value: ${input.trim()}`) : { type: 'AverageValue', averageValue: q };
}

function metrics(ctx: Ctx): JsonObject[] | Failure {
  const out: JsonObject[] = [];
  const percent = ctx.int('cpu-percent');
  const metric = (name: string, t: JsonObject): JsonObject => ({ type: 'Resource', resource: { name, target: t } });
  if (percent > 0) out.push(metric('cpu', { type: 'Utilization', averageUtilization: percent }));
  for (const name of ['cpu', 'memory'] as const) {
    if (ctx.str(name) === '') continue;
    const t = target(ctx.str(name), name);
    if (t instanceof Failure) return t;
    out.push(metric(name, t));
  }
  return out;
}

function autoscaler(ctx: Ctx, info: Info, list: readonly JsonObject[]): JsonObject {
  const m = info.mapping as ApiResource;
  const min = ctx.int('min');
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata: { name: ctx.str('name') || info.name },
    spec: {
      scaleTargetRef: { kind: m.kind, name: info.name, apiVersion: apiVersionOf(m) },
      ...(min > 0 ? { minReplicas: min } : {}),
      maxReplicas: ctx.int('max'),
      ...(list.length > 0 ? { metrics: list } : {}),
    },
    status: { desiredReplicas: 0, currentMetrics: null },
  };
}

function* run(ctx: Ctx): Task<number | Failure> {
  const missing = requiredFlags(ctx, ['max']);
  if (missing) return missing;
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const [min, max] = [ctx.int('min'), ctx.int('max')];
  if (max < 1) return failure(`--max=MAXPODS is required and must be at least 1, max: ${max}`);
  if (max < min) return failure(`--max=MAXPODS must be larger or equal to --min=MINPODS, max: ${max}, min: ${min}`);
  if (ctx.int('cpu-percent') > 0 && ctx.str('cpu') !== '') return failure('--cpu-percent and --cpu are mutually exclusive');
  const list = metrics(ctx);
  if (list instanceof Failure) return list;
  const printer = printerFor(ctx, { operation: dryOperation(dry === 'client' ? 'created' : 'autoscaled', dry), struct: true });
  if (printer instanceof Failure) return printer;
  let count = 0;
  const wrong = yield* new Builder(ctx)
    .continueOnError()
    .namespace(ns.name, ns.explicit)
    .filenames()
    .args(ctx.args)
    .flatten()
    .visit(function* (info) {
      const m = info.mapping as ApiResource;
      if (!(m.subresources ?? []).includes('scale'))
        return failure(
          `cannot autoscale a ${m.kind}: could not find scale subresource for ${apiVersionOf(m)}, Resource=${m.resource} in discovery information`,
        );
      const object = recorded(ctx, placed(autoscaler(ctx, info, list), HPAS, ns));
      count++;
      if (dry === 'client') return yield* emit(ctx, printer, object);
      const r = yield* createObject(
        ctx,
        HPAS,
        ns.name,
        saveConfig(object, ctx.bool('save-config'), false),
        writeQuery(dry, ctx.str('field-manager')),
      );
      return r instanceof Failure ? r : yield* emit(ctx, printer, r);
    });
  if (wrong) return wrong;
  return count === 0 ? failure('no objects passed to autoscale') : 0;
}

export const autoscaleVerb: Verb = {
  name: 'autoscale',
  use: 'autoscale (-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] [--memory=MEMORY]',
  short: 'Auto-scale a deployment, replica set, stateful set, or replication controller',
  long: 'Creates an autoscaler that automatically chooses and sets the number of pods that run in a Kubernetes cluster. The command will attempt to use the autoscaling/v2 API first, in case of an error, it will fall back to autoscaling/v1 API.\n\n Looks up a deployment, replica set, stateful set, or replication controller by name and creates an autoscaler that uses the given resource as a reference. An autoscaler can automatically increase or decrease number of pods deployed within the system as needed.',
  example:
    '  # Auto scale a deployment "foo", with the number of pods between 2 and 10, no target CPU utilization specified so a default autoscaling policy will be used\n  kubectl autoscale deployment foo --min=2 --max=10\n  \n  # Auto scale a replication controller "foo", with the number of pods between 1 and 5, target CPU utilization at 80%\n  kubectl autoscale rc foo --max=5 --cpu=80%\n  \n  # Auto scale a deployment "bar", with the number of pods between 3 and 6, target average CPU of 500m and memory of 200Mi\n  kubectl autoscale deployment bar --min=3 --max=6 --cpu=500m --memory=200Mi',
  flags: [
    RECORD_FLAG,
    ...PRINT_FLAGS,
    {
      name: 'min',
      type: 'int32',
      def: '-1',
      usage:
        "The lower limit for the number of pods that can be set by the autoscaler. If it's not specified or negative, the server will apply a default value.",
    },
    {
      name: 'max',
      type: 'int32',
      def: '-1',
      usage: 'The upper limit for the number of pods that can be set by the autoscaler. Required.',
    },
    {
      name: 'cpu-percent',
      type: 'int32',
      def: '-1',
      deprecated: "Use --cpu with percentage or resource quantity format (e.g., '70%' for utilization or '500m' for milliCPU).",
      hidden: true,
      usage:
        "The target average CPU utilization (represented as a percent of requested CPU) over all the pods. If it's not specified or negative, a default autoscaling policy will be used.",
    },
    {
      name: 'cpu',
      type: 'string',
      usage:
        'Target CPU utilization over all the pods. When specified as a percentage (e.g."70%" for 70% of requested CPU) it will target average utilization. When specified as quantity (e.g."500m" for 500 milliCPU) it will target average value. Value without units is treated as a quantity with miliCPU being the unit (e.g."500" is "500m").',
    },
    {
      name: 'memory',
      type: 'string',
      usage:
        'Target memory utilization over all the pods. When specified  as a percentage (e.g."60%" for 60% of requested memory) it will target average utilization. When specified as quantity (e.g."200Mi" for 200 MiB, "1Gi" for 1 GiB) it will target average value. Value without units is treated as a quantity with mebibytes being the unit (e.g."200" is "200Mi").',
    },
    {
      name: 'name',
      type: 'string',
      usage: 'The name for the newly created object. If not specified, the name of the input resource will be used.',
    },
    DRY_RUN_FLAG,
    ...filenameFlags('identifying the resource to autoscale.'),
    SAVE_CONFIG_FLAG,
    fieldManagerFlag('kubectl-autoscale'),
  ],
  run,
};
