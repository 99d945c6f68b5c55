/** kubectl rollout history | pause | restart | resume | status | undo. Models kubectl/pkg/cmd/rollout */

import type { Task } from '../../../os/program.ts';
import { strftime } from '../../strftime.ts';
import { Builder, filenameFlags, type Info } from '../builder.ts';
import { DRY_RUN_FLAG, dryOperation, dryRunOf, emit, fieldManagerFlag, LAST_APPLIED, SELECTOR_FLAG, writeQuery } from '../common.ts';
import { onlySubcommands } from '../create/service.ts';
import { aggregate, errorText, Failure, failure } from '../errors.ts';
import { patchObject } from '../helper.ts';
import { at, type Json, type JsonObject, str } from '../json.ts';
import { PRINT_FLAGS, printerFor } from '../printers.ts';
import { groupResource, type Mapping } from '../rest.ts';
import { quote } from '../strconv.ts';
import { deadlineOf, until } from '../until.ts';
import type { Ctx, Verb } from '../verb.ts';
import { historyText, revisions, rollback } from './history.ts';
import { progressOf } from './status.ts';

const noFiles = (ctx: Ctx): boolean => ctx.list('filename').length === 0 && ctx.str('kustomize') === '';

function builder(ctx: Ctx): { b: Builder; ns: string } | Failure {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const b = new Builder(ctx)
    .continueOnError()
    .namespace(ns.name, ns.explicit)
    .filenames()
    .selector()
    .args(ctx.args, true)
    .latest()
    .flatten();
  return { b, ns: ns.name };
}

function* history(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length === 0 && noFiles(ctx)) return failure('required resource not specified');
  const revision = ctx.int('revision');
  if (revision < 0) return failure(`revision must be a positive integer: ${revision}`);
  const start = builder(ctx);
  if (start instanceof Failure) return start;
  const wrong = yield* start.b.visit(function* (info) {
    const all = yield* revisions(ctx, info, 'history viewer');
    if (all instanceof Failure) return all;
    if (ctx.changed('output')) {
      const printer = printerFor(ctx, {});
      if (printer instanceof Failure) return printer;
      const chosen = revision > 0 ? all.filter((r) => r.number === revision) : all;
      if (revision > 0 && chosen.length === 0) return failure('unable to find the specified revision');
      for (const r of chosen) {
        const bad = yield* emit(ctx, printer, r.object);
        if (bad) return bad;
      }
      return null;
    }
    const text = historyText(all, revision);
    if (text instanceof Failure) return text;
    const printer = printerFor(ctx, { operation: `${revision > 0 ? `with revision #${revision}` : ''}\n${text}` });
    return printer instanceof Failure ? printer : yield* emit(ctx, printer, info.object as JsonObject);
  });
  return wrong ?? 0;
}

function* undo(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length === 0 && noFiles(ctx)) return failure('required resource not specified');
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const start = builder(ctx);
  if (start instanceof Failure) return start;
  const wrong = yield* start.b.visit(function* (info) {
    if (str(info.object, 'metadata', 'annotations', LAST_APPLIED) !== '')
      yield* ctx.err(
        `Warning: resource ${info.objectName} was previously managed with 'kubectl apply'. Rolling back will not update the ${LAST_APPLIED} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.\n`,
      );
    const said = yield* rollback(ctx, info, ctx.int('to-revision'), dry);
    if (said instanceof Failure) return said;
    const printer = printerFor(ctx, { operation: dryOperation(said, dry) });
    return printer instanceof Failure ? printer : yield* emit(ctx, printer, info.object as JsonObject);
  });
  return wrong ?? 0;
}

function* status(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length === 0 && noFiles(ctx)) return failure('required resource not specified');
  const revision = ctx.int('revision');
  if (revision < 0) return failure(`revision must be a positive integer: ${revision}`);
  const start = builder(ctx);
  if (start instanceof Failure) return start;
  let found = false;
  const wrong = yield* start.b.visit(function* (info) {
    found = true;
    const m = info.mapping as Mapping;
    const deadline = deadlineOf(ctx, ctx.flags.duration('timeout'));
    const r = yield* until(ctx, m, info.namespace, info.name, deadline, function* (object) {
      if (object === null) return failure('object has been deleted');
      const p = progressOf(m, object, revision);
      if (p instanceof Failure) return p;
      yield* ctx.out(p.text);
      return p.done || !ctx.bool('watch');
    });
    if (r === 'timeout') return failure('timed out waiting for the condition');
    return r === true ? null : r;
  });
  if (wrong) return wrong;
  if (!found) yield* ctx.err(`No resources found in ${start.ns} namespace.\n`);
  return 0;
}

type Change = (info: Info, ctx: Ctx) => Json | Failure;

const isPaused = (o: JsonObject | null): boolean => at(o ?? null, 'spec', 'paused') === true;
const isDeployment = (info: Info): boolean => info.mapping?.group === 'apps' && info.mapping.kind === 'Deployment';

const restarted: Change = (info, ctx) => {
  const kind = info.mapping?.group === 'apps' ? info.mapping.kind : '';
  if (!['Deployment', 'DaemonSet', 'StatefulSet'].includes(kind)) return failure('restarting is not supported');
  if (isDeployment(info) && isPaused(info.object)) return failure("can't restart paused deployment (run rollout resume first)");
  const now = strftime('%Y-%m-%dT%H:%M:%SZ', Math.floor(ctx.now));
  if (str(info.object, 'spec', 'template', 'metadata', 'annotations', 'kubectl.kubernetes.io/restartedAt') === now) return {};
  return { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': now } } } } };
};

const paused: Change = (info) => {
  if (!isDeployment(info)) return failure('pausing is not supported');
  return isPaused(info.object) ? failure('is already paused') : { spec: { paused: true } };
};

const resumed: Change = (info) => {
  if (!isDeployment(info)) return failure('resuming is not supported');
  return isPaused(info.object) ? { spec: { paused: null } } : failure('is not paused');
};

function* change(ctx: Ctx, how: Change, operation: string): Task<number | Failure> {
  if (ctx.args.length === 0 && noFiles(ctx)) return failure('required resource not specified');
  const start = builder(ctx);
  if (start instanceof Failure) return start;
  const { infos, error } = yield* start.b.infos();
  const errors: Failure[] = error ? [error] : [];
  if (infos.length === 0 && errors.length === 0) {
    yield* ctx.err(`No resources found in ${start.ns} namespace.\n`);
    return 0;
  }
  const printer = printerFor(ctx, { operation });
  if (printer instanceof Failure) return printer;
  for (const info of infos) {
    const body = how(info, ctx);
    if (body instanceof Failure) {
      errors.push(failure(`error: ${groupResource(info.mapping as Mapping)} ${quote(info.name)} ${body.message}`));
      continue;
    }
    if (JSON.stringify(body) === '{}') {
      errors.push(
        failure(
          `failed to create patch for ${info.name}: if restart has already been triggered within the past second, please wait before attempting to trigger another`,
        ),
      );
      continue;
    }
    const r = yield* patchObject(ctx, info, 'strategic', body, writeQuery('none', ctx.str('field-manager')));
    const wrong = r instanceof Failure ? failure(`failed to patch: ${errorText(r)}`) : yield* emit(ctx, printer, r);
    if (wrong) errors.push(wrong);
  }
  return aggregate(errors) ?? 0;
}

const FILES = filenameFlags('identifying the resource to get from a server.');
const manager = fieldManagerFlag('kubectl-rollout');

const rolloutChange = (name: string, short: string, long: string, how: Change, operation: string, example: string): Verb => ({
  name,
  use: `${name} RESOURCE`,
  short,
  long,
  example,
  flags: [...PRINT_FLAGS, ...FILES, manager, SELECTOR_FLAG],
  run: (ctx) => change(ctx, how, operation),
});

export const rolloutVerb: Verb = {
  name: 'rollout',
  use: 'rollout SUBCOMMAND',
  short: 'Manage the rollout of a resource',
  long: 'Manage the rollout of one or many resources.\n\n Valid resource types include:\n\n  *  deployments\n  *  daemonsets\n  *  statefulsets',
  example:
    "  # Rollback to the previous deployment\n  kubectl rollout undo deployment/abc\n  \n  # Check the rollout status of a daemonset\n  kubectl rollout status daemonset/foo\n  \n  # Restart a deployment\n  kubectl rollout restart deployment/abc\n  \n  # Restart deployments with the 'app=nginx' label\n  kubectl rollout restart deployment --selector=app=nginx",
  flags: [],
  subcommands: [
    {
      name: 'history',
      use: 'history (TYPE NAME | TYPE/NAME) [flags]',
      short: 'View rollout history',
      long: 'View previous rollout revisions and configurations.',
      example:
        '  # View the rollout history of a deployment\n  kubectl rollout history deployment/abc\n  \n  # View the details of daemonset revision 3\n  kubectl rollout history daemonset/abc --revision=3',
      flags: [
        { name: 'revision', type: 'int64', usage: 'See the details, including podTemplate of the revision specified' },
        SELECTOR_FLAG,
        ...FILES,
        ...PRINT_FLAGS,
      ],
      run: history,
    },
    rolloutChange(
      'pause',
      'Mark the provided resource as paused',
      'Mark the provided resource as paused.\n\n Paused resources will not be reconciled by a controller. Use "kubectl rollout resume" to resume a paused resource. Currently only deployments support being paused.',
      paused,
      'paused',
      '  # Mark the nginx deployment as paused\n  # Any current state of the deployment will continue its function; new updates\n  # to the deployment will not have an effect as long as the deployment is paused\n  kubectl rollout pause deployment/nginx',
    ),
    rolloutChange(
      'restart',
      'Restart a resource',
      'Restart a resource.\n\n        Resource rollout will be restarted.',
      restarted,
      'restarted',
      '  # Restart all deployments in the test-namespace namespace\n  kubectl rollout restart deployment -n test-namespace\n  \n  # Restart a deployment\n  kubectl rollout restart deployment/nginx\n  \n  # Restart a daemon set\n  kubectl rollout restart daemonset/abc\n  \n  # Restart deployments with the app=nginx label\n  kubectl rollout restart deployment --selector=app=nginx',
    ),
    rolloutChange(
      'resume',
      'Resume a paused resource',
      'Resume a paused resource.\n\n Paused resources will not be reconciled by a controller. By resuming a resource, we allow it to be reconciled again. Currently only deployments support being resumed.',
      resumed,
      'resumed',
      '  # Resume an already paused deployment\n  kubectl rollout resume deployment/nginx',
    ),
    {
      name: 'status',
      use: 'status (TYPE NAME | TYPE/NAME) [flags]',
      short: 'Show the status of the rollout',
      long: "Show the status of the rollout.\n\n By default 'rollout status' will watch the status of the latest rollout until it's done. If you don't want to wait for the rollout to finish then you can use --watch=false. Note that if a new rollout starts in-between, then 'rollout status' will continue watching the latest revision. If you want to pin to a specific revision and abort if it is rolled over by another revision, use --revision=N where N is the revision you need to watch for.",
      example: '  # Watch the rollout status of a deployment\n  kubectl rollout status deployment/nginx',
      flags: [
        ...FILES,
        SELECTOR_FLAG,
        { name: 'watch', short: 'w', type: 'bool', def: 'true', usage: "Watch the status of the rollout until it's done." },
        {
          name: 'revision',
          type: 'int64',
          usage: 'Pin to a specific revision for showing its status. Defaults to 0 (last revision).',
        },
        {
          name: 'timeout',
          type: 'duration',
          usage:
            'The length of time to wait before ending watch, zero means never. Any other values should contain a corresponding time unit (e.g. 1s, 2m, 3h).',
        },
      ],
      run: status,
    },
    {
      name: 'undo',
      use: 'undo (TYPE NAME | TYPE/NAME) [flags]',
      short: 'Undo a previous rollout',
      long: 'Roll back to a previous rollout.',
      example:
        '  # Roll back to the previous deployment\n  kubectl rollout undo deployment/abc\n  \n  # Roll back to daemonset revision 3\n  kubectl rollout undo daemonset/abc --to-revision=3\n  \n  # Roll back to the previous deployment with dry-run\n  kubectl rollout undo --dry-run=server deployment/abc',
      flags: [
        { name: 'to-revision', type: 'int64', usage: 'The revision to rollback to. Default to 0 (last revision).' },
        SELECTOR_FLAG,
        ...FILES,
        DRY_RUN_FLAG,
        ...PRINT_FLAGS,
      ],
      run: undo,
    },
  ],
  run: onlySubcommands,
};
