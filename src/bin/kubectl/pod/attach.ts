/** kubectl attach, and the part of it that run and debug use. Models kubectl/pkg/cmd/attach/attach.go */

import type { Task } from '../../../os/program.ts';
import { Builder } from '../builder.ts';
import { POD_RUNNING_TIMEOUT } from '../common.ts';
import { Failure, failure } from '../errors.ts';
import { type JsonObject, str } from '../json.ts';
import { session } from '../remote/session.ts';
import type { Ctx, Verb } from '../verb.ts';
import { CONTAINER_FLAG, ended, podTimeout, rawTerminal } from './exec.ts';
import { attachablePod, completed, containerOf, findContainer, phaseOf, podPath, wantsTty } from './pods.ts';

export interface AttachOptions {
  readonly pod: JsonObject;
  readonly container: string;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly quiet: boolean;
  readonly detachKeys: string;
}

/** `ctrl-p,ctrl-q` as codes. Models moby/term ToBytes */
export function keyCodes(sequence: string): number[] | Failure {
  const out: number[] = [];
  for (const key of sequence === '' ? [] : sequence.split(',')) {
    const control = /^ctrl-([a-z@[\]\\^_])$/.exec(key)?.[1];
    if (control) out.push(control.charCodeAt(0) & 0x1f);
    else if (key.length === 1) out.push(key.charCodeAt(0));
    else return failure(`invalid detach keys (${sequence}): unknown character: '${key}'`);
  }
  return out;
}

/** Connects this process' streams to a container's. */
export function* attachTo(ctx: Ctx, o: AttachOptions): Task<number | Failure> {
  const c = yield* containerOf(ctx, o.pod, o.container, o.quiet);
  if (c instanceof Failure) return failure(`cannot attach to the container: ${c.message}`);
  const name = str(c, 'name');
  let { tty } = o;
  if (tty && !wantsTty(c)) {
    tty = false;
    if (!o.quiet) yield* ctx.err(`error: Unable to use a TTY - container ${name} did not allocate one\n`);
  } else if (!tty && wantsTty(c)) tty = true;
  const raw = yield* rawTerminal(ctx, o.stdin, tty, o.quiet);
  const keys = keyCodes(o.detachKeys);
  if (keys instanceof Failure) return keys;
  if (!o.quiet)
    yield* ctx.err(
      "All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.\nIf you don't see a command prompt, try pressing enter.\n",
    );
  const end = yield* session(ctx.rest, {
    path: podPath(o.pod, 'attach'),
    query: {
      container: name,
      ...(o.stdin ? { stdin: true } : {}),
      stdout: true,
      ...(raw ? { tty: true } : { stderr: true }),
    },
    stdin: o.stdin,
    tty: raw,
    detachKeys: keys,
  });
  const r = yield* ended(ctx, end);
  if (r instanceof Failure) return r;
  if (!o.quiet && o.stdin && raw) yield* ctx.out(`${again(o.pod, name)}\n`);
  return r;
}

function again(pod: JsonObject, container: string): string {
  const [name, ns] = [str(pod, 'metadata', 'name'), str(pod, 'metadata', 'namespace')];
  if (findContainer(pod, container)?.list === 'ephemeralContainers')
    return `Session ended, the ephemeral container will not be restarted but may be reattached using 'kubectl attach ${name} -c ${container} -n ${ns} -i -t' if it is still running`;
  return `Session ended, resume using 'kubectl attach ${name} -c ${container} -n ${ns} -i -t' command`;
}

function* run(ctx: Ctx): Task<number | Failure> {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  if (ctx.args.length === 0) return failure('at least 1 argument is required for attach');
  if (ctx.args.length > 2)
    return failure(`expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw ${ctx.args.length}: [${ctx.args.join(' ')}]`);
  const timeout = podTimeout(ctx);
  if (timeout instanceof Failure) return timeout;
  const [first, second] = ctx.args as [string, string | undefined];
  const b = new Builder(ctx).namespace(ns.name);
  if (second === undefined) b.resourceNames('pods', first);
  else b.resourceNames(first, second);
  const { infos, error } = yield* b.infos();
  if (error) return error;
  const info = infos[0];
  if (!info) return failure('you must provide one or more resources');
  const pod = yield* attachablePod(ctx, info, timeout);
  if (pod instanceof Failure) return pod;
  if (completed(pod)) return failure(`cannot attach a container in a completed pod; current phase is ${phaseOf(pod)}`);
  return yield* attachTo(ctx, {
    pod,
    container: ctx.str('container'),
    stdin: ctx.bool('stdin'),
    tty: ctx.bool('tty'),
    quiet: ctx.bool('quiet'),
    detachKeys: ctx.str('detach-keys'),
  });
}

export const DETACH_KEYS_FLAG = {
  name: 'detach-keys',
  type: 'string',
  def: 'ctrl-p,ctrl-q',
  usage: 'Override the key sequence for detaching a container.',
} as const;

export const attachVerb: Verb = {
  name: 'attach',
  use: 'attach (POD | TYPE/NAME) -c CONTAINER',
  short: 'Attach to a running container',
  long: 'Attach to a process that is already running inside an existing container.',
  example:
    "  # Get output from running pod mypod; use the 'kubectl.kubernetes.io/default-container' annotation\n  # for selecting the container to be attached or the first container in the pod will be chosen\n  kubectl attach mypod\n  \n  # Get output from ruby-container from pod mypod\n  kubectl attach mypod -c ruby-container\n  \n  # Switch to raw terminal mode; sends stdin to 'bash' in ruby-container from pod mypod\n  # and sends stdout/stderr from 'bash' back to the client\n  kubectl attach mypod -c ruby-container -i -t\n  \n  # Get output from the first pod of a replica set named nginx\n  kubectl attach rs/nginx",
  flags: [
    POD_RUNNING_TIMEOUT('1m0s'),
    CONTAINER_FLAG,
    { name: 'stdin', short: 'i', type: 'bool', usage: 'Pass stdin to the container' },
    { name: 'tty', short: 't', type: 'bool', usage: 'Stdin is a TTY' },
    { name: 'quiet', short: 'q', type: 'bool', usage: 'Only print output from the remote session' },
    DETACH_KEYS_FLAG,
  ],
  run,
};
