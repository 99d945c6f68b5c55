/** kubectl create deployment | job | cronjob | namespace | serviceaccount. Models kubectl/pkg/cmd/create/create_{deployment,job,cronjob,namespace,serviceaccount}.go */

import type { Task } from '../../../os/program.ts';
import { Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { type JsonObject, obj, str } from '../json.ts';
import { pathOf } from '../rest.ts';
import type { Ctx } from '../verb.ts';
import { builtin, createVerb, head } from './spec.ts';

const IMAGE: Flag = { name: 'image', type: 'string', usage: 'Image name to run.' };
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** A container's name from its image's. Models sanitizeAndUniquify */
function containerName(ctx: Ctx, image: string): string {
  let name = image.split('/').at(-1) as string;
  name = (name.split(':')[0] as string).split('@')[0] as string;
  if (!/[_.]/.test(name)) return name;
  const rng = ctx.p.sim.rng('kubectl');
  const suffix = Array.from({ length: 5 }, () => LETTERS[rng.below(LETTERS.length)]).join('');
  return `${name.replace(/[_.]/g, '-')}-${suffix}`;
}

export const createDeploymentVerb = createVerb({
  name: 'deployment',
  aliases: ['deploy'],
  use: 'deployment NAME --image=image -- [COMMAND] [args...]',
  short: 'Create a deployment with the specified name',
  long: 'Create a deployment with the specified name.',
  example:
    '  # Create a deployment named my-dep that runs the busybox image\n  kubectl create deployment my-dep --image=busybox\n  \n  # Create a deployment with a command\n  kubectl create deployment my-dep --image=busybox -- date\n  \n  # Create a deployment named my-dep that runs the nginx image with 3 replicas\n  kubectl create deployment my-dep --image=nginx --replicas=3\n  \n  # Create a deployment named my-dep that runs the busybox image and expose port 5701\n  kubectl create deployment my-dep --image=busybox --port=5701\n  \n  # Create a deployment named my-dep that runs multiple containers\n  kubectl create deployment my-dep --image=busybox:latest --image=ubuntu:latest --image=nginx',
  flags: [
    { name: 'image', type: 'stringSlice', usage: 'Image names to run. A deployment can have multiple images set for multi-container pod.' },
    { name: 'port', type: 'int32', def: '-1', usage: 'The containerPort that this deployment exposes.' },
    { name: 'replicas', short: 'r', type: 'int32', def: '1', usage: 'Number of replicas to create. Default is 1.' },
  ],
  required: ['image'],
  mapping: builtin('apps', 'v1', 'Deployment', 'deployments'),
  failed: 'failed to create deployment: ',
  generate(ctx, name, command) {
    const images = ctx.list('image');
    if (images.length > 1 && command.length > 0) return failure('cannot specify multiple --image options and command');
    const port = ctx.int('port');
    const containers = images.map((image, i) => ({
      name: containerName(ctx, image),
      image,
      ...(command.length > 0 ? { command } : {}),
      ...(i === 0 && port >= 0 ? { ports: [{ containerPort: port }] } : {}),
      resources: {},
    }));
    const labels = { app: name };
    return {
      ...head('apps/v1', 'Deployment', { name, labels }),
      spec: {
        replicas: ctx.int('replicas'),
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
        strategy: {},
      },
      status: {},
    };
  },
});

const jobTemplate = (name: string, image: string, command: readonly string[], restartPolicy: string): JsonObject => ({
  template: {
    metadata: {},
    spec: { containers: [{ name, image, ...(command.length > 0 ? { command } : {}), resources: {} }], restartPolicy },
  },
});

const CRONJOBS = builtin('batch', 'v1', 'CronJob', 'cronjobs');

/** A Job as the CronJob would make it. */
function* fromCronJob(ctx: Ctx, name: string, from: string): Task<JsonObject | Failure> {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const [kind, source] = from.split('/');
  if (source === undefined)
    return failure('there is no need to specify a resource type as a separate argument when passing arguments in resource/name form');
  const mapping = yield* ctx.mapper.find(kind as string);
  if (mapping instanceof Failure) return mapping;
  const cron = yield* ctx.rest.get(pathOf(mapping, ns.name, source));
  if (cron instanceof Failure) return cron;
  if (mapping.kind !== CRONJOBS.kind) return failure(`unknown object type *v1.${mapping.kind}`);
  const template = obj(cron, 'spec', 'jobTemplate');
  const labels = obj(template, 'metadata', 'labels');
  return {
    ...head('batch/v1', 'Job', {
      name,
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual', ...obj(template, 'metadata', 'annotations') },
      ownerReferences: [
        {
          apiVersion: 'batch/v1',
          kind: 'CronJob',
          name: str(cron, 'metadata', 'name'),
          uid: str(cron, 'metadata', 'uid'),
          controller: true,
        },
      ],
    }),
    spec: template.spec,
    status: {},
  };
}

export const createJobVerb = createVerb({
  name: 'job',
  use: 'job NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]',
  short: 'Create a job with the specified name',
  long: 'Create a job with the specified name.',
  example:
    '  # Create a job\n  kubectl create job my-job --image=busybox\n  \n  # Create a job with a command\n  kubectl create job my-job --image=busybox -- date\n  \n  # Create a job from a cron job named "a-cronjob"\n  kubectl create job test-job --from=cronjob/a-cronjob',
  flags: [IMAGE, { name: 'from', type: 'string', usage: 'The name of the resource to create a Job from (only CronJob is supported).' }],
  mapping: builtin('batch', 'v1', 'Job', 'jobs'),
  failed: 'failed to create job: ',
  *generate(ctx, name, command) {
    const [image, from] = [ctx.str('image'), ctx.str('from')];
    if ((image === '') === (from === '')) return failure('either --image or --from must be specified');
    if (command.length > 0 && from !== '') return failure('cannot specify --from and command');
    if (from !== '') return yield* fromCronJob(ctx, name, from);
    return { ...head('batch/v1', 'Job', { name }), spec: jobTemplate(name, image, command, 'Never'), status: {} };
  },
});

export const createCronJobVerb = createVerb({
  name: 'cronjob',
  aliases: ['cj'],
  use: "cronjob NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [flags]",
  short: 'Create a cron job with the specified name',
  long: 'Create a cron job with the specified name.',
  example:
    '  # Create a cron job\n  kubectl create cronjob my-job --image=busybox --schedule="*/1 * * * *"\n  \n  # Create a cron job with a command\n  kubectl create cronjob my-job --image=busybox --schedule="*/1 * * * *" -- date',
  flags: [
    IMAGE,
    { name: 'schedule', type: 'string', usage: 'A schedule in the Cron format the job should be run with.' },
    { name: 'restart', type: 'string', usage: "job's restart policy. supported values: OnFailure, Never" },
  ],
  required: ['image', 'schedule'],
  mapping: CRONJOBS,
  failed: 'failed to create cronjob: ',
  generate(ctx, name, command) {
    return {
      ...head('batch/v1', 'CronJob', { name }),
      spec: {
        schedule: ctx.str('schedule'),
        jobTemplate: { metadata: { name }, spec: jobTemplate(name, ctx.str('image'), command, ctx.str('restart') || 'OnFailure') },
      },
      status: {},
    };
  },
});

export const createNamespaceVerb = createVerb({
  name: 'namespace',
  aliases: ['ns'],
  use: 'namespace NAME [--dry-run=server|client|none]',
  short: 'Create a namespace with the specified name',
  long: 'Create a namespace with the specified name.',
  example: '  # Create a new namespace named my-namespace\n  kubectl create namespace my-namespace',
  flags: [],
  mapping: builtin('', 'v1', 'Namespace', 'namespaces', false),
  generate(_ctx, name) {
    if (name === '') return failure('name must be specified');
    return { ...head('v1', 'Namespace', { name }), spec: {}, status: {} };
  },
});

export const createServiceAccountVerb = createVerb({
  name: 'serviceaccount',
  aliases: ['sa'],
  use: 'serviceaccount NAME [--dry-run=server|client|none]',
  short: 'Create a service account with the specified name',
  long: 'Create a service account with the specified name.',
  example: '  # Create a new service account named my-service-account\n  kubectl create serviceaccount my-service-account',
  flags: [],
  mapping: builtin('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  failed: 'failed to create serviceaccount: ',
  generate(_ctx, name) {
    return head('v1', 'ServiceAccount', { name });
  },
});

const BOUND_KINDS: Readonly<Record<string, string>> = { Node: 'v1', Pod: 'v1', Secret: 'v1' };

/** What `kubectl create token` asks for. */
export function tokenRequest(ctx: Ctx): JsonObject | Failure {
  const seconds = ctx.flags.duration('duration');
  const [kind, name, uid] = [ctx.str('bound-object-kind'), ctx.str('bound-object-name'), ctx.str('bound-object-uid')];
  if (seconds < 0) return failure('--duration must be greater than or equal to 0');
  if (seconds % 1 !== 0) return failure('--duration cannot be expressed in units less than seconds');
  if (ctx.list('audience').includes('')) return failure('--audience must not be an empty string');
  if (kind === '') {
    if (name !== '') return failure('--bound-object-name can only be set if --bound-object-kind is provided');
    if (uid !== '') return failure('--bound-object-uid can only be set if --bound-object-kind is provided');
  } else {
    if (!(kind in BOUND_KINDS)) return failure(`supported --bound-object-kind values are ${Object.keys(BOUND_KINDS).join(', ')}`);
    if (name === '') return failure('--bound-object-name is required if --bound-object-kind is provided');
  }
  const audiences = ctx.list('audience');
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {},
    spec: {
      audiences: audiences.length > 0 ? audiences : null,
      ...(seconds > 0 ? { expirationSeconds: seconds } : { expirationSeconds: null }),
      boundObjectRef: kind === '' ? null : { kind, apiVersion: BOUND_KINDS[kind], name, ...(uid === '' ? {} : { uid }) },
    },
    status: { token: '', expirationTimestamp: null },
  };
}
