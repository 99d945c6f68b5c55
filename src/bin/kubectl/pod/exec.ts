/** kubectl exec. Models kubectl/pkg/cmd/exec/exec.go */

import type { Task } from '../../../os/program.ts';
import { Builder } from '../builder.ts';
import { POD_RUNNING_TIMEOUT } from '../common.ts';
import { exitWith, Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { type JsonObject, str } from '../json.ts';
import { type SessionEnd, session } from '../remote/session.ts';
import type { Ctx, Verb } from '../verb.ts';
import { allContainerNames, attachablePod, completed, containerOf, findContainer, phaseOf, podPath } from './pods.ts';

export const CONTAINER_FLAG: Flag = {
  name: 'container',
  short: 'c',
  type: 'string',
  usage:
    'Container name. If omitted, use the kubectl.kubernetes.io/default-container annotation for selecting the container to be attached or the first container in the pod will be chosen',
};

/** --pod-running-timeout in seconds; it must be positive. */
export function podTimeout(ctx: Ctx): number | Failure {
  const t = ctx.flags.duration('pod-running-timeout');
  return t > 0 ? t : failure('--pod-running-timeout must be higher than zero');
}

/** SetupTTY(): whether the terminal is put into raw mode. */
export function* rawTerminal(ctx: Ctx, stdin: boolean, tty: boolean, quiet: boolean): Task<boolean> {
  if (!stdin || !tty) return false;
  if (ctx.p.isatty(0)) return true;
  if (!quiet) yield* ctx.err('Unable to use a TTY - input is not a terminal or the right kind of file\n');
  return false;
}

/** What a session's end means for kubectl. */
export function* ended(ctx: Ctx, end: SessionEnd): Task<number | Failure> {
  if (end instanceof Failure) return end;
  if (end === 'detached' || end.code === 0) return 0;
  yield* ctx.err(`command terminated with exit code ${end.code}\n`);
  return exitWith(end.code);
}

export interface ExecOptions {
  readonly pod: JsonObject;
  readonly container: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly raw: boolean;
}

/** Runs a command in a container on this process' streams. */
export function remoteExec(ctx: Ctx, o: ExecOptions): Task<SessionEnd> {
  return session(ctx.rest, {
    path: podPath(o.pod, 'exec'),
    query: {
      command: o.command,
      container: o.container,
      ...(o.stdin ? { stdin: true } : {}),
      stdout: true,
      ...(o.raw ? { tty: true } : { stderr: true }),
    },
    stdin: o.stdin,
    tty: o.raw,
  });
}

function* run(ctx: Ctx): Task<number | Failure> {
  const { dash } = ctx.flags;
  const files = ctx.list('filename');
  const resource = ctx.args.length > 0 && dash !== 0 ? (ctx.args[0] as string) : '';
  let command: readonly string[] = [];
  if (dash === 0 || dash === 1) command = ctx.args.slice(dash);
  else if (ctx.args.length > 1 || (ctx.args.length > 0 && files.length > 0))
    return ctx.usageError('exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead');
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const timeout = podTimeout(ctx);
  if (timeout instanceof Failure) return ctx.usageError(timeout.message);
  if (resource === '' && files.length === 0) return failure('pod, type/name or --filename must be specified');
  if (command.length === 0) return failure('you must specify at least one command for the container');
  const b = new Builder(ctx).namespace(ns.name, ns.explicit).filenames(files, false, '');
  if (resource !== '') b.resourceNames('pods', resource);
  const { infos, error } = yield* b.infos();
  if (error) return error;
  const info = infos[0];
  if (!info || infos.length > 1) return failure('cannot exec into multiple objects at a time');
  if (files.length > 0 && info.mapping?.kind !== 'Pod') {
    const wrong = yield* info.get(ctx.rest);
    if (wrong) return wrong;
  }
  const pod = yield* attachablePod(ctx, info, timeout);
  if (pod instanceof Failure) return pod;
  if (completed(pod)) return failure(`cannot exec into a container in a completed pod; current phase is ${phaseOf(pod)}`);
  const wanted = ctx.str('container');
  const quiet = ctx.bool('quiet');
  let name = wanted;
  if (wanted === '') {
    const c = yield* containerOf(ctx, pod, '', quiet);
    if (c instanceof Failure) return c;
    name = str(c, 'name');
  } else if (!findContainer(pod, wanted))
    return failure(`container ${wanted} is not valid for pod ${str(pod, 'metadata', 'name')} out of: ${allContainerNames(pod)}`);
  const stdin = ctx.bool('stdin');
  const raw = yield* rawTerminal(ctx, stdin, ctx.bool('tty'), quiet);
  return yield* ended(ctx, yield* remoteExec(ctx, { pod, container: name, command, stdin, raw }));
}

export const execVerb: Verb = {
  name: 'exec',
  use: 'exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]',
  short: 'Execute a command in a container',
  long: 'Execute a command in a container.',
  example:
    "  # Get output from running the 'date' command from pod mypod, using the first container by default\n  kubectl exec mypod -- date\n  \n  # Get output from running the 'date' command in ruby-container from pod mypod\n  kubectl exec mypod -c ruby-container -- date\n  \n  # Switch to raw terminal mode; sends stdin to 'bash' in ruby-container from pod mypod\n  # and sends stdout/stderr from 'bash' back to the client\n  kubectl exec mypod -c ruby-container -i -t -- bash -il\n  \n  # List contents of /usr from the first container of pod mypod and sort by modification time\n  # If the command you want to execute in the pod has any flags in common (e.g. -i),\n  # you must use two dashes (--) to separate your command's flags/arguments\n  # Also note, do not surround your command and its flags/arguments with quotes\n  # unless that is how you would execute it normally (i.e., do ls -t /usr, not \"ls -t /usr\")\n  kubectl exec mypod -i -t -- ls -t /usr\n  \n  # Get output from running 'date' command from the first pod of the deployment mydeployment, using the first container by default\n  kubectl exec deploy/mydeployment -- date\n  \n  # Get output from running 'date' command from the first pod of the service myservice, using the first container by default\n  kubectl exec svc/myservice -- date",
  flags: [
    POD_RUNNING_TIMEOUT('1m0s'),
    { name: 'filename', short: 'f', type: 'stringSlice', usage: 'to use to exec into the resource' },
    CONTAINER_FLAG,
    { name: 'stdin', short: 'i', type: 'bool', usage: 'Pass stdin to the container' },
    { name: 'tty', short: 't', type: 'bool', usage: 'Stdin is a TTY' },
    { name: 'quiet', short: 'q', type: 'bool', usage: 'Only print output from the remote session' },
  ],
  run,
};
