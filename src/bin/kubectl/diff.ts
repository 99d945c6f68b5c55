/** kubectl diff: live and merged objects as files, compared by the `diff` program. Models kubectl/pkg/cmd/diff/diff.go */

import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { build } from './apply/patcher.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import { configurationText, requireFilename, SELECTOR_FLAG, unversioned, writeQuery } from './common.ts';
import { exitWith, Failure, failure, sourced } from './errors.ts';
import { createObject, patchObject } from './helper.ts';
import { isObject, type Json, type JsonObject, obj, str, withPath } from './json.ts';
import type { Mapping } from './rest.ts';
import { parseJson } from './rest.ts';
import type { Ctx, Verb } from './verb.ts';
import { toYaml } from './yamlout.ts';

const RETRIES = 4;

/** What becomes of the object when it is applied, as the server would have it. */
function* merged(ctx: Ctx, info: Info, local: JsonObject, live: JsonObject | null, force: boolean): Task<JsonObject | Failure> {
  const serverSide = ctx.bool('server-side');
  const manager = ctx.changed('field-manager') ? ctx.str('field-manager') : serverSide ? 'kubectl' : 'kubectl-client-side-apply';
  const query = writeQuery('server', manager);
  if (serverSide) return yield* patchObject(ctx, info, 'apply', local, { ...query, force: ctx.bool('force-conflicts') });
  const m = info.mapping as Mapping;
  if (live === null) return yield* createObject(ctx, m, info.namespace, unversioned(local), query);
  const modified = parseJson(configurationText(local)) as JsonObject;
  const b = build(m, modified, live, true);
  if (typeof b === 'string') return failure(b);
  if (Object.keys(b.patch).length === 0) return live;
  const body = force ? b.patch : withPath(b.patch, ['metadata', 'resourceVersion'], str(live, 'metadata', 'resourceVersion'));
  const r = yield* patchObject(ctx, info, b.type, body, query);
  return r instanceof Failure ? sourced('patching', info.source, r) : r;
}

const withoutManaged = (o: JsonObject): JsonObject => withPath(o, ['metadata', 'managedFields'], undefined);

/** Values of a Secret do not show: only whether they differ. */
export function masked(from: JsonObject | null, to: JsonObject): [JsonObject | null, JsonObject] {
  const [a, b] = [obj(from, 'data'), obj(to, 'data')];
  const left: Record<string, Json> = {};
  const right: Record<string, Json> = {};
  for (const k of Object.keys(a)) {
    const differs = k in b && a[k] !== b[k];
    left[k] = differs ? '*** (before)' : '***';
    if (k in b) right[k] = differs ? '*** (after)' : '***';
  }
  for (const k of Object.keys(b)) if (!(k in a)) right[k] = '***';
  return [from && isObject(from.data) ? { ...from, data: left } : from, isObject(to.data) ? { ...to, data: right } : to];
}

/** `apps.v1.Deployment.shop.web` */
function fileName(info: Info): string {
  const m = info.mapping as Mapping;
  return `${m.group === '' ? '' : `${m.group}.`}${m.version}.${m.kind}.${info.namespace}.${info.name}`;
}

class Folder {
  private readonly ctx: Ctx;
  readonly path: string;
  private readonly files: string[] = [];

  constructor(ctx: Ctx, prefix: string) {
    this.ctx = ctx;
    this.path = `${ctx.p.env.get('TMPDIR') || '/tmp'}/${prefix}-${ctx.p.sim.rng('kubectl').u32()}`;
  }

  make(): Failure | null {
    const r = this.ctx.p.mkdir(this.path, 0o700);
    return r.ok ? null : failure(`mkdir ${this.path}: ${strerror(r.errno).toLowerCase()}`);
  }

  write(name: string, object: JsonObject | null): void {
    const path = `${this.path}/${name}`;
    this.files.push(path);
    this.ctx.p.writeFile(path, object ? toYaml(object) : '');
  }

  remove(): void {
    for (const f of this.files) this.ctx.p.unlink(f);
    this.ctx.p.rmdir(this.path);
  }
}

/** Runs `diff -u -N`, or what $KUBECTL_EXTERNAL_DIFF names. */
function* compare(ctx: Ctx, from: string, to: string): Task<number | Failure> {
  const external = (ctx.p.env.get('KUBECTL_EXTERNAL_DIFF') ?? '').split(' ').filter((w) => w !== '');
  const [program, ...args] = external.length > 0 ? external : ['diff', '-u', '-N'];
  const usable = external.length > 0 ? args.filter((a) => /^[a-zA-Z0-9-=]+$/.test(a)) : args;
  const argv = external.length > 0 ? [program as string, from, to, ...usable] : [program as string, ...usable, from, to];
  const child = ctx.p.spawn(argv);
  if (!child.ok)
    return own(failure(`failed to run ${JSON.stringify(program)}: exec: ${JSON.stringify(program)}: executable file not found in $PATH`));
  const status = yield* ctx.p.waitPid(child.value);
  if (status === 0) return 0;
  return status === 1 ? exitWith(1) : own(failure(`failed to run ${JSON.stringify(program)}: exit status ${status}`));
}

function* one(ctx: Ctx, info: Info, live: Folder, next: Folder): Task<Failure | null> {
  const local = info.object as JsonObject;
  for (let i = 1; i <= RETRIES; i++) {
    const missing = yield* info.get(ctx.rest);
    if (missing && !missing.notFound) return missing;
    const now = missing ? null : info.object;
    const r = yield* merged(ctx, info, local, now, i === RETRIES);
    if (r instanceof Failure) {
      if (r.reason === 'Conflict' && i < RETRIES && !ctx.bool('server-side')) continue;
      return r;
    }
    let from = now;
    let to = r;
    if (!ctx.bool('show-managed-fields')) {
      from = from && withoutManaged(from);
      to = withoutManaged(to);
    }
    if (!ctx.bool('show-secrets') && str(to, 'apiVersion') === 'v1' && str(to, 'kind') === 'Secret') [from, to] = masked(from, to);
    const name = fileName(info);
    live.write(name, from);
    next.write(name, to);
    if (now && str(now, 'metadata', 'deletionTimestamp') !== '')
      yield* ctx.err(`Warning: Detected changes to resource ${info.name} which is currently being deleted.\n`);
    return null;
  }
  return null;
}

/** Errors of kubectl itself are told apart from a difference: status 2 and above. */
const own = (f: Failure): Failure =>
  new Failure(f.kind, f.message, { ...(f.status ? { status: f.status } : {}), url: f.url, errors: f.errors, code: 2, tag: f.tag });

function* run(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length > 0) return own(ctx.usageError(`Unexpected args: [${ctx.args.join(' ')}]`));
  const missing = requireFilename(ctx);
  if (missing) return own(missing);
  if (ctx.bool('force-conflicts') && !ctx.bool('server-side')) return own(failure('--force-conflicts only works with --server-side'));
  if (ctx.bool('prune')) return own(failure('kubectl diff: option --prune is not emulated'));
  const ns = ctx.namespace();
  if (ns instanceof Failure) return own(ns);
  const live = new Folder(ctx, 'LIVE');
  const next = new Folder(ctx, 'MERGED');
  const bad = live.make() ?? next.make();
  if (bad) return own(bad);
  try {
    const wrong = yield* new Builder(ctx)
      .namespace(ns.name, ns.explicit)
      .filenames()
      .selector()
      .flatten()
      .visit((info) => one(ctx, info, live, next));
    return wrong ? own(wrong) : yield* compare(ctx, live.path, next.path);
  } finally {
    live.remove();
    next.remove();
  }
}

export const diffVerb: Verb = {
  name: 'diff',
  use: 'diff -f FILENAME',
  short: 'Diff the live version against a would-be applied version',
  long: 'Diff configurations specified by file name or stdin between the current online configuration, and the configuration as it would be if applied.\n\n The output is always YAML.\n\n KUBECTL_EXTERNAL_DIFF environment variable can be used to select your own diff command. Users can use external commands with params too, example: KUBECTL_EXTERNAL_DIFF="colordiff -N -u"\n\n By default, the "diff" command available in your path will be run with the "-u" (unified diff) and "-N" (treat absent files as empty) options.\n\n Exit status: 0 No differences were found. 1 Differences were found. >1 Kubectl or diff failed with an error.\n\n Note: KUBECTL_EXTERNAL_DIFF, if used, is expected to follow that convention.',
  example:
    '  # Diff resources included in pod.json\n  kubectl diff -f pod.json\n  \n  # Diff file read from stdin\n  cat service.yaml | kubectl diff -f -',
  flags: [
    ...filenameFlags('contains the configuration to diff'),
    SELECTOR_FLAG,
    { name: 'server-side', type: 'bool', usage: 'If true, apply runs in the server instead of the client.' },
    { name: 'force-conflicts', type: 'bool', usage: 'If true, server-side apply will force the changes against conflicts.' },
    {
      name: 'field-manager',
      type: 'string',
      def: 'kubectl-client-side-apply',
      usage: 'Name of the manager used to track field ownership.',
    },
    {
      name: 'prune',
      type: 'bool',
      usage: 'Include resources that would be deleted by pruning. Can be used with -l and default shows all resources would be pruned',
    },
    { name: 'prune-allowlist', type: 'stringArray', usage: 'Overwrite the default allowlist with <group/version/kind> for --prune' },
    { name: 'show-managed-fields', type: 'bool', usage: 'If true, include managed fields in the diff.' },
    { name: 'show-secrets', type: 'bool', usage: 'If true, values in Secret objects are displayed unmasked.' },
    {
      name: 'concurrency',
      type: 'int',
      def: '1',
      usage:
        'Number of objects to process in parallel when diffing against the live version. Larger number = faster, but more memory, I/O and CPU over that shorter period of time.',
    },
  ],
  run,
};
