/** kubectl create -f, and its subcommands. Models kubectl/pkg/cmd/create/create.go */

import type { Task } from '../../../os/program.ts';
import { strerror } from '../../../sim/errno.ts';
import { text } from '../../../wire/bytes.ts';
import { Builder, filenameFlags } from '../builder.ts';
import {
  DRY_RUN_FLAG,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  nameFromArgs,
  RECORD_FLAG,
  recorded,
  requireFilename,
  SAVE_CONFIG_FLAG,
  SELECTOR_FLAG,
  saveConfig,
  schemaOf,
  unversioned,
  VALIDATE_FLAG,
  validationOf,
  writeQuery,
} from '../common.ts';
import { editBeforeCreate } from '../edit/edit.ts';
import { errorText, Failure, failure, sourced } from '../errors.ts';
import { type JsonObject, str } from '../json.ts';
import { PRINT_FLAGS, printerFor } from '../printers.ts';
import { type Mapping, pathOf } from '../rest.ts';
import type { Ctx, Verb } from '../verb.ts';
import { createConfigMapVerb, createSecretVerb } from './data.ts';
import { createIngressVerb } from './ingress.ts';
import { createPdbVerb, createPriorityClassVerb, createQuotaVerb } from './policy.ts';
import { createClusterRoleBindingVerb, createClusterRoleVerb, createRoleBindingVerb, createRoleVerb } from './rbac.ts';
import { createServiceVerb } from './service.ts';
import {
  createCronJobVerb,
  createDeploymentVerb,
  createJobVerb,
  createNamespaceVerb,
  createServiceAccountVerb,
  tokenRequest,
} from './workloads.ts';

/** What --raw cannot be combined with. */
export function rawConflict(ctx: Ctx): Failure | null {
  const files = ctx.list('filename');
  if (ctx.flags.flag('edit') && ctx.bool('edit')) return failure('--raw and --edit are mutually exclusive');
  if (files.length !== 1) return failure('--raw can only use a single local file or stdin');
  if (/^https?:\/\//.test(files[0] as string)) return failure('--raw cannot read from a url');
  if (ctx.bool('recursive')) return failure('--raw and --recursive are mutually exclusive');
  if (ctx.flags.flag('selector') && ctx.str('selector') !== '') return failure('--raw and --selector (-l) are mutually exclusive');
  if (ctx.str('output') !== '') return failure('--raw and --output are mutually exclusive');
  if (!ctx.str('raw').startsWith('/'))
    return failure(`--raw must be a valid URL path: parse ${JSON.stringify(ctx.str('raw'))}: invalid URI for request`);
  return null;
}

/** Sends a file as it is to a path, and prints the answer as it is. */
export function* raw(ctx: Ctx, method: string, file: string | undefined): Task<number | Failure> {
  const { p } = ctx;
  const data = file === undefined ? null : file === '-' ? yield* p.readAll(0) : p.readFile(file);
  if (data && !data.ok) return failure(`open ${file}: ${strerror(data.errno).toLowerCase()}`);
  const r = yield* ctx.rest.request(method, ctx.str('raw'), data ? { body: data.value } : {});
  if (r instanceof Failure) return r;
  if (r.status >= 200 && r.status < 300) {
    yield* ctx.out(text(r.body));
    return 0;
  }
  const again = yield* ctx.rest.json(method, ctx.str('raw'), data ? { body: data.value } : {});
  return again instanceof Failure ? again : 0;
}

function* create(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length > 0) return ctx.usageError(`Unexpected args: [${ctx.args.join(' ')}]`);
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const validation = validationOf(ctx);
  if (validation instanceof Failure) return validation;
  const printer = printerFor(ctx, { operation: dryOperation('created', dry) });
  if (printer instanceof Failure) return printer;
  const missing = requireFilename(ctx);
  if (missing) return missing;
  if (ctx.str('raw') !== '') return rawConflict(ctx) ?? (yield* raw(ctx, 'POST', ctx.list('filename')[0]));
  if (ctx.bool('edit')) return yield* editBeforeCreate(ctx, dry);
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  let count = 0;
  const wrong = yield* new Builder(ctx)
    .continueOnError()
    .validate(schemaOf(validation))
    .namespace(ns.name, ns.explicit)
    .filenames()
    .selector()
    .flatten()
    .visit(function* (info) {
      let object: JsonObject = recorded(ctx, saveConfig(info.object as JsonObject, ctx.bool('save-config')));
      if (dry !== 'client') {
        const made = yield* ctx.rest.json('POST', pathOf(info.mapping as Mapping, info.namespace), {
          json: unversioned(object),
          query: writeQuery(dry, ctx.str('field-manager'), validation),
        });
        if (made instanceof Failure) return sourced('creating', info.source, made);
        object = made;
      }
      count++;
      return yield* emit(ctx, printer, object);
    });
  if (wrong) return wrong;
  return count === 0 ? failure('no objects passed to create') : 0;
}

function* token(ctx: Ctx): Task<number | Failure> {
  const name = nameFromArgs(ctx);
  if (name instanceof Failure) return name;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const printer = printerFor(ctx, {});
  if (printer instanceof Failure) return printer;
  if (name === '') return failure('service account name is required');
  const request = tokenRequest(ctx);
  if (request instanceof Failure) return request;
  const path = `/api/v1/namespaces/${encodeURIComponent(ns.name)}/serviceaccounts/${encodeURIComponent(name)}/token`;
  const r = yield* ctx.rest.json('POST', path, { json: request });
  if (r instanceof Failure) return failure(`failed to create token: ${errorText(r)}`);
  const value = str(r, 'status', 'token');
  if (value === '') return failure('failed to create token: no token in server response');
  if (ctx.changed('output')) return (yield* emit(ctx, printer, r)) ?? 0;
  yield* ctx.out(ctx.p.isatty(1) ? `${value}\n` : value);
  return 0;
}

const createTokenVerb: Verb = {
  name: 'token',
  use: 'token SERVICE_ACCOUNT_NAME',
  short: 'Request a service account token',
  long: 'Request a service account token.',
  example:
    '  # Request a token to authenticate to the kube-apiserver as the service account "myapp" in the current namespace\n  kubectl create token myapp\n  \n  # Request a token for a service account in a custom namespace\n  kubectl create token myapp --namespace myns\n  \n  # Request a token with a custom expiration\n  kubectl create token myapp --duration 10m\n  \n  # Request a token with a custom audience\n  kubectl create token myapp --audience https://example.com\n  \n  # Request a token bound to an instance of a Secret object\n  kubectl create token myapp --bound-object-kind Secret --bound-object-name mysecret\n  \n  # Request a token bound to an instance of a Secret object with a specific UID\n  kubectl create token myapp --bound-object-kind Secret --bound-object-name mysecret --bound-object-uid 0d4691ed-659b-4935-a832-355f77ee47cc',
  flags: [
    ...PRINT_FLAGS,
    {
      name: 'audience',
      type: 'stringArray',
      usage:
        'Audience of the requested token. If unset, defaults to requesting a token for use with the Kubernetes API server. May be repeated to request a token valid for multiple audiences.',
    },
    {
      name: 'duration',
      type: 'duration',
      usage:
        'Requested lifetime of the issued token. If not set or if set to 0, the lifetime will be determined by the server automatically. The server may return a token with a longer or shorter lifetime.',
    },
    {
      name: 'bound-object-kind',
      type: 'string',
      usage: 'Kind of an object to bind the token to. Supported kinds are Node, Pod, Secret. If set, --bound-object-name must be provided.',
    },
    {
      name: 'bound-object-name',
      type: 'string',
      usage: 'Name of an object to bind the token to. The token will expire when the object is deleted. Requires --bound-object-kind.',
    },
    {
      name: 'bound-object-uid',
      type: 'string',
      usage:
        'UID of an object to bind the token to. Requires --bound-object-kind and --bound-object-name. If unset, the UID of the existing object is used.',
    },
  ],
  run: token,
};

export const createVerb: Verb = {
  name: 'create',
  use: 'create -f FILENAME',
  short: 'Create a resource from a file or from stdin',
  long: 'Create a resource from a file or from stdin.\n\n JSON and YAML formats are accepted.',
  example:
    '  # Create a pod using the data in pod.json\n  kubectl create -f ./pod.json\n  \n  # Create a pod based on the JSON passed into stdin\n  cat pod.json | kubectl create -f -\n  \n  # Edit the data in registry.yaml in JSON then create the resource using the edited data\n  kubectl create -f registry.yaml --edit -o json',
  flags: [
    ...filenameFlags('to use to create the resource'),
    ...PRINT_FLAGS,
    RECORD_FLAG,
    VALIDATE_FLAG,
    SAVE_CONFIG_FLAG,
    DRY_RUN_FLAG,
    SELECTOR_FLAG,
    fieldManagerFlag('kubectl-create'),
    { name: 'edit', type: 'bool', usage: 'Edit the API resource before creating' },
    {
      name: 'windows-line-endings',
      type: 'bool',
      usage: 'Only relevant if --edit=true. Defaults to the line ending native to your platform.',
    },
    { name: 'raw', type: 'string', usage: 'Raw URI to POST to the server.  Uses the transport specified by the kubeconfig file.' },
  ],
  subcommands: [
    createClusterRoleVerb,
    createClusterRoleBindingVerb,
    createConfigMapVerb,
    createCronJobVerb,
    createDeploymentVerb,
    createIngressVerb,
    createJobVerb,
    createNamespaceVerb,
    createPdbVerb,
    createPriorityClassVerb,
    createQuotaVerb,
    createRoleVerb,
    createRoleBindingVerb,
    createSecretVerb,
    createServiceVerb,
    createServiceAccountVerb,
    createTokenVerb,
  ],
  run: create,
};
