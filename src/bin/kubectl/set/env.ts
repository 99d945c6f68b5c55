/** kubectl set env. Models kubectl/pkg/cmd/set/set_env.go and env/env_parse.go */

import type { Task } from '../../../os/program.ts';
import { text } from '../../../wire/bytes.ts';
import { Builder } from '../builder.ts';
import { dryRunOf } from '../common.ts';
import { Failure, failure } from '../errors.ts';
import { isObject, type JsonObject, list, obj, sortedKeys, str } from '../json.ts';
import { quote } from '../strconv.ts';
import { envVarName } from '../validation.ts';
import type { Ctx, Verb } from '../verb.ts';
import { changePodSpec, LOCAL_WITH_SERVER, selects, setAll, setFlags, targets } from './podspec.ts';

interface Changes {
  env: JsonObject[];
  remove: string[];
}

function* parse(ctx: Ctx, specs: readonly string[]): Task<Changes | Failure> {
  const env: JsonObject[] = [];
  const remove: string[] = [];
  const named = new Set<string>();
  for (const spec of specs) {
    if (spec === '-') {
      const r = yield* ctx.p.readAll(0);
      const lines = r.ok ? text(r.value).split('\n') : [];
      for (const raw of lines) {
        const line = raw.split('#')[0] as string;
        const eq = line.indexOf('=');
        if (eq >= 0) env.push({ name: line.slice(0, eq), value: line.slice(eq + 1) });
      }
    } else if (spec.includes('=')) {
      const eq = spec.indexOf('=');
      const name = spec.slice(0, eq);
      const wrong = envVarName(name);
      if (wrong.length > 0) return failure(`${quote(name)} is not a valid key name: ${wrong.join(';')}`);
      named.add(name);
      env.push({ name, value: spec.slice(eq + 1) });
    } else if (spec.endsWith('-')) remove.push(spec.slice(0, -1));
    else return failure(`unknown environment variable: ${spec}`);
  }
  if (remove.some((r) => named.has(r))) return failure('can not both modify and remove the same environment variable in the same command');
  return { env, remove };
}

/** Variables for the keys of a ConfigMap or Secret. */
function* from(ctx: Ctx, source: string): Task<JsonObject[] | Failure> {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const { infos, error } = yield* new Builder(ctx)
    .continueOnError()
    .namespace(ns.name, ns.explicit)
    .args([source])
    .latest()
    .flatten()
    .infos();
  if (error) return error;
  const keys = ctx.list('keys');
  const out: JsonObject[] = [];
  for (const info of infos) {
    const kind = str(info.object, 'kind');
    if (kind !== 'Secret' && kind !== 'ConfigMap') return failure('unsupported resource specified in --from');
    for (const key of sortedKeys(obj(info.object, 'data'))) {
      if (keys.length > 0 && !keys.includes(key)) continue;
      const name = key.replace(/[^a-zA-Z0-9_]/g, '_').toUpperCase();
      if (name !== key) yield* ctx.err(`Warning: key ${key} transferred to ${name}\n`);
      out.push({ name, valueFrom: { [kind === 'Secret' ? 'secretKeyRef' : 'configMapKeyRef']: { name: info.name, key } } });
    }
  }
  return out;
}

/** updateEnv() */
function updated(have: readonly JsonObject[], c: Changes): JsonObject[] {
  const covered = new Set(c.remove);
  const out: JsonObject[] = [];
  for (const e of have) {
    const name = str(e, 'name');
    if (covered.has(name)) continue;
    const newer = c.env.find((x) => str(x, 'name') === name);
    if (newer) covered.add(name);
    out.push(newer ?? e);
  }
  for (const e of c.env) {
    if (covered.has(str(e, 'name'))) continue;
    covered.add(str(e, 'name'));
    out.push(e);
  }
  return out;
}

/** GetEnvVarRefString() */
function refText(from: JsonObject): string {
  if (isObject(from.configMapKeyRef)) return `configmap ${str(from.configMapKeyRef, 'name')}, key ${str(from.configMapKeyRef, 'key')}`;
  if (isObject(from.secretKeyRef)) return `secret ${str(from.secretKeyRef, 'name')}, key ${str(from.secretKeyRef, 'key')}`;
  if (isObject(from.fieldRef)) return `field path ${str(from.fieldRef, 'fieldPath')}`;
  if (isObject(from.resourceFieldRef)) {
    const container = str(from.resourceFieldRef, 'containerName');
    return `${container === '' ? '' : `${container}/`}${str(from.resourceFieldRef, 'resource')}`;
  }
  return 'invalid valueFrom';
}

function listed(o: JsonObject, container: JsonObject, env: readonly JsonObject[]): string {
  const lines = env.map((e) =>
    isObject(e.valueFrom) ? `# ${str(e, 'name')} from ${refText(e.valueFrom)}\n` : `${str(e, 'name')}=${str(e, 'value')}\n`,
  );
  return `# ${str(o, 'kind')} ${str(o, 'metadata', 'name')}, container ${str(container, 'name')}\n${lines.join('')}`;
}

function* run(ctx: Ctx): Task<number | Failure> {
  if (ctx.bool('all') && ctx.str('selector') !== '') return failure('cannot set --all and --selector at the same time');
  const resources: string[] = [];
  const specs: string[] = [];
  for (const s of ctx.args) {
    if (/^.+=.*$/s.test(s) || s.endsWith('-')) specs.push(s);
    else if (specs.length > 0) return failure(`all resources must be specified before environment changes: ${ctx.args.join(' ')}`);
    else resources.push(s);
  }
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const local = ctx.bool('local');
  if (local && dry === 'server') return failure(LOCAL_WITH_SERVER);
  if (ctx.list('filename').length === 0 && resources.length < 1)
    return failure('one or more resources must be specified as <resource> <name> or <resource>/<name>');
  if (ctx.bool('list') && ctx.str('output') !== '') return failure('--list and --output may not be specified together');
  if (ctx.list('keys').length > 0 && ctx.str('from') === '')
    return failure('when specifying --keys, a configmap or secret must be provided with --from');
  if (ctx.bool('resolve')) return failure('kubectl set env: option --resolve is not emulated');
  const changes = yield* parse(ctx, [...ctx.list('env'), ...specs]);
  if (changes instanceof Failure) return changes;
  if (ctx.str('from') !== '') {
    const more = yield* from(ctx, ctx.str('from'));
    if (more instanceof Failure) return more;
    changes.env.push(...more);
  }
  const prefix = ctx.str('prefix');
  if (prefix !== '') changes.env = changes.env.map((e) => ({ ...e, name: prefix + str(e, 'name') }));
  const infos = yield* targets(ctx, resources);
  if (infos instanceof Failure) return infos;
  const pattern = ctx.str('containers');
  let shown = '';
  let warnings = '';
  const change = (o: JsonObject): JsonObject | Failure =>
    changePodSpec(o, (spec) => {
      let wrong: Failure | null = null;
      let found = 0;
      const each = (c: JsonObject): JsonObject => {
        if (!selects(pattern, str(c, 'name'))) return c;
        found++;
        const have = list(c, 'env').filter(isObject);
        if (!ctx.bool('overwrite'))
          for (const e of changes.env) {
            const old = have.find((h) => str(h, 'name') === str(e, 'name'));
            if (old && str(old, 'value') !== str(e, 'value'))
              wrong ??= failure(`'${str(old, 'name')}' already has a value (${str(old, 'value')}), and --overwrite is false`);
          }
        const env = updated(have, changes);
        if (ctx.bool('list')) shown += listed(o, c, env);
        const { env: _, ...rest } = c;
        return env.length > 0 ? { ...c, env } : rest;
      };
      const next = { ...spec, containers: list(spec, 'containers').filter(isObject).map(each) };
      const init = list(spec, 'initContainers').filter(isObject);
      const out = init.length > 0 ? { ...next, initContainers: init.map(each) } : next;
      if (found === 0)
        warnings += `Warning: ${str(o, 'kind')}/${str(o, 'metadata', 'name')} does not have any containers matching ${quote(pattern)}\n`;
      return wrong ?? out;
    });
  if (ctx.bool('list')) {
    for (const info of infos) change(info.object as JsonObject);
    yield* ctx.err(warnings);
    yield* ctx.out(shown);
    return 0;
  }
  const r = yield* setAll(
    ctx,
    infos,
    { dry, local, operation: 'env updated', failed: 'failed to patch env update to pod template: ' },
    change,
  );
  yield* ctx.err(warnings);
  return r;
}

export const setEnvVerb: Verb = {
  name: 'env',
  use: 'env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N',
  short: 'Update environment variables on a pod template',
  long: 'Update environment variables on a pod template.\n\n List environment variable definitions in one or more pods, pod templates. Add, update, or remove container environment variable definitions in one or more pod templates (within replication controllers or deployment configurations). View or modify the environment variable definitions on all containers in the specified pods or pod templates, or just those that match a wildcard.\n\n If "--env -" is passed, environment variables can be read from STDIN using the standard env syntax.',
  example:
    "  # Update deployment 'registry' with a new environment variable\n  kubectl set env deployment/registry STORAGE_DIR=/local\n  \n  # List the environment variables defined on a deployments 'sample-build'\n  kubectl set env deployment/sample-build --list\n  \n  # Import environment from a secret\n  kubectl set env --from=secret/mysecret deployment/myapp\n  \n  # Import environment from a config map with a prefix\n  kubectl set env --from=configmap/myconfigmap --prefix=MYSQL_ deployment/myapp\n  \n  # Remove the environment variable ENV from container 'c1' in all deployment configs\n  kubectl set env deployments --all --containers=\"c1\" ENV-",
  flags: [
    ...setFlags('the resource to update the env', 'env').filter((f) => f.name !== 'record'),
    {
      name: 'containers',
      short: 'c',
      type: 'string',
      def: '*',
      usage: 'The names of containers in the selected pod templates to change - may use wildcards',
    },
    { name: 'from', type: 'string', usage: 'The name of a resource from which to inject environment variables' },
    { name: 'prefix', type: 'string', usage: 'Prefix to append to variable names' },
    {
      name: 'env',
      short: 'e',
      type: 'stringArray',
      usage: 'Specify a key-value pair for an environment variable to set into each container.',
    },
    { name: 'keys', type: 'stringSlice', usage: 'Comma-separated list of keys to import from specified resource' },
    {
      name: 'list',
      type: 'bool',
      usage:
        'If true, display the environment and any changes in the standard format. this flag will removed when we have kubectl view env.',
    },
    { name: 'resolve', type: 'bool', usage: 'If true, show secret or configmap references when listing variables' },
    {
      name: 'overwrite',
      type: 'bool',
      def: 'true',
      usage: 'If true, allow environment to be overwritten, otherwise reject updates that overwrite existing environment.',
    },
  ],
  run,
};
