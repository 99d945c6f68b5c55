/** kubectl debug: ephemeral containers, copies of pods, pods on a node. Models kubectl/pkg/cmd/debug/debug.go */

import type { Task } from '../../../os/program.ts';
import { strerror } from '../../../sim/errno.ts';
import { text } from '../../../wire/bytes.ts';
import { Builder, type Info } from '../builder.ts';
import { builtin } from '../create/spec.ts';
import { Failure, failure } from '../errors.ts';
import { createObject, patchObject } from '../helper.ts';
import { at, isObject, type JsonObject, list, obj, str } from '../json.ts';
import { applyStrategic } from '../patch/apply.ts';
import { patchMetaOf } from '../patch/meta.ts';
import { PatchError, twoWay } from '../patch/strategic.ts';
import type { Mapping } from '../rest.ts';
import { attachWhenReady, IMAGE } from '../run.ts';
import { quote } from '../strconv.ts';
import type { Ctx, Verb } from '../verb.ts';
import { yamlToJson } from '../yaml.ts';
import { findContainer } from './pods.ts';
import { applyProfile, type Keep, type Profile, profileOf, type Style } from './profiles.ts';

const PODS = builtin('', 'v1', 'Pod', 'pods');
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const POLICIES: readonly string[] = ['', 'Always', 'IfNotPresent', 'Never'];
const WEEK = 168 * 3600;

interface Options {
  readonly targets: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly JsonObject[];
  readonly images: Readonly<Record<string, string>>;
  readonly attach: boolean;
  readonly profile: Profile;
  readonly custom: JsonObject | null;
  readonly keep: Keep;
  readonly namespace: string;
}

/** pflag's StringToString: `a=b,c=d` */
function pairs(ctx: Ctx, flag: string): Record<string, string> | Failure {
  const out: Record<string, string> = {};
  for (const one of ctx.list(flag)) {
    const eq = one.indexOf('=');
    if (eq < 0) return failure(`invalid argument ${quote(one)} for "--${flag}" flag: ${one} must be formatted as key=value`);
    out[one.slice(0, eq)] = one.slice(eq + 1);
  }
  return out;
}

function suffix(ctx: Ctx): string {
  const rng = ctx.p.sim.rng('kubectl');
  return Array.from({ length: 5 }, () => LETTERS[rng.below(LETTERS.length)]).join('');
}

function customOf(ctx: Ctx): JsonObject | null | Failure {
  const file = ctx.str('custom');
  if (file === '') return null;
  const r = ctx.p.readFile(file);
  if (!r.ok) return failure(`must pass a container spec json file for custom profile: open ${file}: ${strerror(r.errno).toLowerCase()}`);
  const v = yamlToJson(text(r.value));
  return v instanceof Failure || !isObject(v)
    ? failure(`${file} does not contain a valid container spec: ${v instanceof Failure ? v.message : 'not an object'}`)
    : v;
}

function conflict(ctx: Ctx, o: Options): Failure | null {
  const [image, copyTo, name] = [ctx.str('image'), ctx.str('copy-to'), ctx.str('container')];
  const changes = Object.keys(o.images).length > 0;
  if (o.attach && ctx.changed('attach') && image === '' && name === '')
    return failure('you must specify --container or create a new container using --image in order to attach.');
  if (copyTo !== '') {
    if (image === '' && !changes && o.args.length === 0) return failure('you must specify --image, --set-image or command arguments.');
    if (o.args.length > 0 && name === '' && image === '')
      return failure('you must specify an existing container or a new image when specifying args.');
  } else {
    for (const f of ['replace', 'same-node']) if (ctx.bool(f)) return failure(`--${f} may only be used with --copy-to.`);
    if (changes) return failure('--set-image may only be used with --copy-to.');
    if (image === '') return failure('you must specify --image when not using --copy-to.');
  }
  if (image !== '' && !IMAGE.test(image)) return failure(`invalid image name ${quote(image)}: invalid reference format`);
  if (o.targets.length === 0 && ctx.list('filename').length === 0) return failure('NAME or filename is required for debug');
  if (!POLICIES.includes(ctx.str('image-pull-policy'))) return failure(`invalid image pull policy: ${ctx.str('image-pull-policy')}`);
  for (const [container, value] of Object.entries(o.images))
    if (!IMAGE.test(value))
      return failure(`invalid image name ${quote(value)} for container ${quote(container)}: invalid reference format`);
  if (ctx.str('target') !== '' && copyTo !== '') return failure('--target is incompatible with --copy-to. Use --share-processes instead.');
  if (ctx.bool('tty') && !ctx.bool('stdin')) return failure('-i/--stdin is required for containers with -t/--tty=true');
  return null;
}

class Debugger {
  private readonly ctx: Ctx;
  private readonly o: Options;

  constructor(ctx: Ctx, o: Options) {
    this.ctx = ctx;
    this.o = o;
  }

  private *say(line: string): Task<void> {
    if (!this.ctx.bool('quiet')) yield* this.ctx.out(`${line}\n`);
  }

  /** Fields of the new container that flags decide. */
  private settings(): JsonObject {
    const { ctx, o } = this;
    const pull = ctx.str('image-pull-policy');
    return {
      ...(o.args.length > 0 ? { [ctx.bool('arguments-only') ? 'args' : 'command']: o.args } : {}),
      ...(o.env.length > 0 ? { env: o.env } : {}),
      ...(ctx.str('image') === '' ? {} : { image: ctx.str('image') }),
      ...(pull === '' ? {} : { imagePullPolicy: pull }),
      ...(ctx.bool('stdin') ? { stdin: true } : {}),
      ...(ctx.bool('tty') ? { tty: true } : {}),
    };
  }

  private *containerName(pod: JsonObject): Task<string> {
    const given = this.ctx.str('container');
    if (given !== '') return given;
    let name = `debugger-${suffix(this.ctx)}`;
    while (findContainer(pod, name)) name = `debugger-${suffix(this.ctx)}`;
    yield* this.say(`Defaulting debug container name to ${name}.`);
    return name;
  }

  private profiled(pod: JsonObject, name: string, style: Style): JsonObject {
    const changed = applyProfile(this.o.profile, pod, name, style, this.o.keep);
    const { custom } = this.o;
    if (!custom) return changed;
    const group = style === 'ephemeral' ? 'ephemeralContainers' : 'containers';
    const meta = patchMetaOf('', 'Pod')?.spec?.of?.[group]?.of ?? {};
    const all = list(changed, 'spec', group)
      .filter(isObject)
      .map((c) => (c.name === name ? applyStrategic(c, custom, meta) : c));
    return { ...changed, spec: { ...obj(changed, 'spec'), [group]: all } };
  }

  *ephemeral(info: Info): Task<{ pod: JsonObject; container: string } | Failure> {
    const { ctx } = this;
    const pod = info.object as JsonObject;
    const name = yield* this.containerName(pod);
    const target = ctx.str('target');
    const container = {
      name,
      ...this.settings(),
      terminationMessagePolicy: 'File',
      ...(target === '' ? {} : { targetContainerName: target }),
    };
    const spec = { ...obj(pod, 'spec'), ephemeralContainers: [...list(pod, 'spec', 'ephemeralContainers'), container] };
    const changed = this.profiled({ ...pod, spec }, name, 'ephemeral');
    const patch = twoWay(pod, changed, patchMetaOf('', 'Pod') ?? {});
    if (patch instanceof PatchError) return failure(`error creating patch to add debug container: ${patch.message}`);
    const r = yield* patchObject(ctx, info, 'strategic', patch, {}, 'ephemeralcontainers');
    if (!(r instanceof Failure)) return { pod: r, container: name };
    if (r.notFound && (r.status?.details?.name ?? '') === '')
      return failure(`ephemeral containers are disabled for this cluster (error from server: ${quote(r.message)})`);
    return r;
  }

  *copy(info: Info): Task<{ pod: JsonObject; container: string } | Failure> {
    const { ctx, o } = this;
    const pod = info.object as JsonObject;
    const { ephemeralContainers: _, nodeName, ...rest } = obj(pod, 'spec');
    const meta = obj(pod, 'metadata');
    let spec: JsonObject = { ...rest, ...(ctx.bool('same-node') ? { nodeName } : {}) };
    if (ctx.changed('share-processes')) spec = { ...spec, shareProcessNamespace: ctx.bool('share-processes') };
    const containers = list(spec, 'containers')
      .filter(isObject)
      .map((c) => {
        const image = o.images[str(c, 'name')] ?? o.images['*'];
        return image === undefined ? c : { ...c, image };
      });
    const copied: JsonObject = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: ctx.str('copy-to'), namespace: info.namespace, annotations: meta.annotations, labels: meta.labels },
      spec: { ...spec, containers },
    };
    let name = ctx.str('container');
    const known = containers.some((c) => c.name === name);
    let next: JsonObject[] = containers;
    if (!known) {
      if (ctx.str('image') === '')
        return Object.keys(o.images).length > 0
          ? yield* this.made(info, copied, '')
          : failure('you must specify image when creating new container');
      if (name === '') name = yield* this.containerName(copied);
      next = [...containers, { name, terminationMessagePolicy: 'File' }];
    }
    next = next.map((c) => {
      if (c.name !== name) return c;
      const { stdin: __, tty: ___, ...kept } = c;
      const { args, ...plain } = kept;
      const base = o.args.length > 0 && !ctx.bool('arguments-only') ? plain : { ...plain, ...(args === undefined ? {} : { args }) };
      return { ...base, ...this.settings() };
    });
    return yield* this.made(info, this.profiled({ ...copied, spec: { ...spec, containers: next } }, name, 'copy'), name);
  }

  private *made(info: Info, pod: JsonObject, container: string): Task<{ pod: JsonObject; container: string } | Failure> {
    const { ctx } = this;
    const r = yield* createObject(ctx, PODS, info.namespace, pod, {});
    if (r instanceof Failure) return r;
    if (ctx.bool('replace')) {
      const gone = yield* ctx.rest.json('DELETE', info.path(), {
        json: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 },
      });
      if (gone instanceof Failure) return gone;
    }
    return { pod: r, container };
  }

  *node(info: Info): Task<{ pod: JsonObject; container: string } | Failure> {
    const { ctx, o } = this;
    const container = ctx.str('container') || 'debugger';
    const name = `node-debugger-${info.name}-${suffix(ctx)}`;
    yield* this.say(`Creating debugging pod ${name} with container ${container} on node ${info.name}.`);
    const pod: JsonObject = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name, labels: { 'app.kubernetes.io/managed-by': 'kubectl-debug' } },
      spec: {
        containers: [{ name: container, ...this.settings(), terminationMessagePolicy: 'File' }],
        nodeName: info.name,
        restartPolicy: 'Never',
        tolerations: [{ operator: 'Exists' }],
      },
    };
    const r = yield* createObject(ctx, PODS, o.namespace, this.profiled(pod, container, 'node'), {});
    return r instanceof Failure ? r : { pod: r, container };
  }

  *attach(pod: JsonObject, container: string): Task<Failure | null> {
    const { ctx } = this;
    const started = (p: JsonObject): boolean =>
      ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'].some((g) =>
        list(p, 'status', g).some(
          (s) => str(s, 'name') === container && (at(s, 'state', 'running') !== undefined || at(s, 'state', 'terminated') !== undefined),
        ),
      );
    const r = yield* attachWhenReady(ctx, pod, {
      timeout: WEEK,
      container,
      stdin: ctx.bool('stdin'),
      tty: ctx.bool('tty'),
      quiet: ctx.bool('quiet'),
      detachKeys: '',
      ready: started,
    });
    return r instanceof Failure ? r : null;
  }
}

function options(ctx: Ctx): Options | Failure {
  const { dash } = ctx.flags;
  const split = dash >= 0 && ctx.args.length > dash;
  const env = pairs(ctx, 'env');
  if (env instanceof Failure) return env;
  const images = pairs(ctx, 'set-image');
  if (images instanceof Failure) return images;
  const profile = profileOf(ctx.str('profile'));
  if (profile instanceof Failure) return profile;
  const custom = customOf(ctx);
  if (custom instanceof Failure) return custom;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const keep = (f: string): boolean => ctx.bool(`keep-${f}`);
  return {
    targets: split ? ctx.args.slice(0, dash) : ctx.args,
    args: split ? ctx.args.slice(dash) : [],
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    images,
    attach: !ctx.changed('attach') && ctx.bool('stdin') ? true : ctx.bool('attach'),
    profile,
    custom,
    keep: {
      labels: keep('labels'),
      annotations: keep('annotations'),
      liveness: keep('liveness'),
      readiness: keep('readiness'),
      startup: keep('startup'),
      initContainers: keep('init-containers'),
    },
    namespace: ns.name,
  };
}

function* run(ctx: Ctx): Task<number | Failure> {
  const o = options(ctx);
  if (o instanceof Failure) return o;
  const wrong = conflict(ctx, o);
  if (wrong) return wrong;
  const { custom } = o;
  if (ctx.str('target') !== '' && !ctx.bool('quiet'))
    yield* ctx.out(
      `Targeting container ${quote(ctx.str('target'))}. If you don't see processes from this container it may be because the container runtime doesn't support this feature.\n`,
    );
  if (custom && ['name', 'command', 'image', 'lifecycle', 'volumeDevices'].some((k) => custom[k] !== undefined))
    return failure('name, command, image, lifecycle and volume devices are not modifiable via custom profile');
  if (o.profile === 'legacy')
    yield* ctx.err(
      '--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other profile, for example "--profile=general".\n',
    );
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const d = new Debugger(ctx, o);
  const bad = yield* new Builder(ctx)
    .namespace(ns.name, ns.explicit)
    .filenames(ctx.list('filename'), false, '')
    .resourceNames('pods', ...o.targets)
    .visit(function* (info) {
      const m = info.mapping as Mapping;
      const core = m.group === '';
      if (!core || (m.kind !== 'Node' && m.kind !== 'Pod'))
        return failure(`"${m.group}/${m.version}, Kind=${m.kind}" not supported by debug`);
      const made = m.kind === 'Node' ? yield* d.node(info) : ctx.str('copy-to') !== '' ? yield* d.copy(info) : yield* d.ephemeral(info);
      if (made instanceof Failure) return made;
      return o.attach && made.container !== '' ? yield* d.attach(made.pod, made.container) : null;
    });
  return bad ?? 0;
}

const keepFlag = (name: string, what: string, def = false): { name: string; type: 'bool'; def?: string; usage: string } => ({
  name: `keep-${name}`,
  type: 'bool',
  ...(def ? { def: 'true' } : {}),
  usage: `${what}(This flag only works when used with '--copy-to')`,
});

export const debugVerb: Verb = {
  name: 'debug',
  use: 'debug (POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ]',
  short: 'Create debugging sessions for troubleshooting workloads and nodes',
  long: "Debug cluster resources using interactive debugging containers.\n\n 'debug' provides automation for common debugging tasks for cluster objects identified by resource and name. Pods will be used by default if no resource is specified.\n\n The action taken by 'debug' varies depending on what resource is specified. Supported actions include:\n\n  *  Workload: Create a copy of an existing pod with certain attributes changed, for example changing the image tag to a new version.\n  *  Workload: Add an ephemeral container to an already running pod, for example to add debugging utilities without restarting the pod.\n  *  Node: Create a new pod that runs in the node's host namespaces and can access the node's filesystem.",
  example:
    "  # Create an interactive debugging session in pod mypod and immediately attach to it.\n  kubectl debug mypod -it --image=busybox\n  \n  # Create a debug container named debugger using a custom automated debugging image.\n  kubectl debug --image=myproj/debug-tools -c debugger mypod\n  \n  # Create a copy of mypod adding a debug container and attach to it\n  kubectl debug mypod -it --image=busybox --copy-to=my-debugger\n  \n  # Create a copy of mypod changing the command of mycontainer\n  kubectl debug mypod -it --copy-to=my-debugger --container=mycontainer -- sh\n  \n  # Create a copy of mypod changing all container images to busybox\n  kubectl debug mypod --copy-to=my-debugger --set-image=*=busybox\n  \n  # Create an interactive debugging session on a node and immediately attach to it.\n  # The container will run in the host namespaces and the host's filesystem will be mounted at /host\n  kubectl debug node/mynode -it --image=busybox",
  flags: [
    { name: 'filename', short: 'f', type: 'stringSlice', usage: 'identifying the resource to debug' },
    {
      name: 'arguments-only',
      type: 'bool',
      usage: 'If specified, everything after -- will be passed to the new container as Args instead of Command.',
    },
    {
      name: 'attach',
      type: 'bool',
      usage:
        "If true, wait for the container to start running, and then attach as if 'kubectl attach ...' were called.  Default false, unless '-i/--stdin' is set, in which case the default is true.",
    },
    { name: 'container', short: 'c', type: 'string', usage: 'Container name to use for debug container.' },
    { name: 'copy-to', type: 'string', usage: 'Create a copy of the target Pod with this name.' },
    { name: 'replace', type: 'bool', usage: "When used with '--copy-to', delete the original Pod." },
    { name: 'env', type: 'stringSlice', usage: 'Environment variables to set in the container.' },
    { name: 'image', type: 'string', usage: 'Container image to use for debug container.' },
    keepFlag('labels', 'If true, keep the original pod labels.'),
    keepFlag('annotations', 'If true, keep the original pod annotations.'),
    keepFlag('liveness', 'If true, keep the original pod liveness probes.'),
    keepFlag('readiness', 'If true, keep the original pod readiness probes.'),
    keepFlag('startup', 'If true, keep the original startup probes.'),
    keepFlag('init-containers', 'Run the init containers for the pod. Defaults to true.', true),
    {
      name: 'set-image',
      type: 'stringSlice',
      usage:
        "When used with '--copy-to', a list of name=image pairs for changing container images, similar to how 'kubectl set image' works.",
    },
    {
      name: 'image-pull-policy',
      type: 'string',
      usage:
        'The image pull policy for the container. If left empty, this value will not be specified by the client and defaulted by the server.',
    },
    { name: 'stdin', short: 'i', type: 'bool', usage: 'Keep stdin open on the container(s) in the pod, even if nothing is attached.' },
    { name: 'quiet', short: 'q', type: 'bool', usage: 'If true, suppress informational messages.' },
    { name: 'same-node', type: 'bool', usage: "When used with '--copy-to', schedule the copy of target Pod on the same node." },
    {
      name: 'share-processes',
      type: 'bool',
      def: 'true',
      usage: "When used with '--copy-to', enable process namespace sharing in the copy.",
    },
    { name: 'target', type: 'string', usage: 'When using an ephemeral container, target processes in this container name.' },
    { name: 'tty', short: 't', type: 'bool', usage: 'Allocate a TTY for the debugging container.' },
    {
      name: 'profile',
      type: 'string',
      def: 'general',
      usage: 'Options are "general", "baseline", "restricted", "netadmin" or "sysadmin". Defaults to "general"',
    },
    {
      name: 'custom',
      type: 'string',
      usage: 'Path to a JSON or YAML file containing a partial container spec to customize built-in debug profiles.',
    },
  ],
  run,
};
