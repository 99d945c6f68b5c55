/** Probes and lifecycle hooks. Models validateHandler, validateProbe, validateLifecycle (pkg/apis/core/validation). */

import { forbidden, invalid, notSupported, required } from '../field.ts';
import { httpHeaderName } from '../names.ts';
import type { V1Container, V1Lifecycle, V1LifecycleHandler, V1Probe } from '../types.ts';
import { bad, type Errors, nonNegative } from './common.ts';
import { portNumberOrName } from './service.ts';

/** What a probe or a hook does; `sleep` of hooks only, `grpc` of probes only. */
interface Action extends V1LifecycleHandler {
  readonly grpc?: { readonly port: number };
}

function handler(field: string, action: Action, grace: number | undefined): Errors {
  const out: Errors = [];
  let seen = false;
  const first = (name: string, check: (at: string) => Errors): void => {
    const at = `${field}.${name}`;
    if (seen) out.push(forbidden(at, 'may not specify more than 1 handler type'));
    else out.push(...check(at));
    seen = true;
  };
  const { exec, httpGet, tcpSocket, grpc, sleep } = action;
  if (exec) first('exec', (at) => (exec.command?.length ? [] : [required(`${at}.command`)]));
  if (httpGet)
    first('httpGet', (at) => [
      ...(httpGet.path ? [] : [required(`${at}.path`)]),
      ...portNumberOrName(`${at}.port`, httpGet.port),
      ...(httpGet.scheme === 'HTTP' || httpGet.scheme === 'HTTPS'
        ? []
        : [notSupported(`${at}.scheme`, httpGet.scheme ?? '', ['HTTP', 'HTTPS'])]),
      ...(httpGet.httpHeaders ?? []).flatMap((h) => bad(`${at}.httpHeaders`, h.name, httpHeaderName(h.name))),
    ]);
  if (tcpSocket) first('tcpSocket', (at) => portNumberOrName(`${at}.port`, tcpSocket.port));
  if (grpc) first('grpc', (at) => portNumberOrName(`${at}.port`, grpc.port));
  if (sleep)
    first('sleep', (at) =>
      grace !== undefined && (sleep.seconds < 0 || sleep.seconds > grace)
        ? [invalid(at, sleep.seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)]
        : [],
    );
  return seen ? out : [required(field, 'must specify a handler type')];
}

type ProbeKind = 'livenessProbe' | 'readinessProbe' | 'startupProbe';

function probe(field: string, kind: ProbeKind, p: V1Probe | undefined, grace: number | undefined): Errors {
  if (!p) return [];
  const out = handler(field, p, grace);
  for (const name of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const)
    out.push(...nonNegative(`${field}.${name}`, p[name]));
  const own = p.terminationGracePeriodSeconds;
  if (own !== undefined && own <= 0) out.push(invalid(`${field}.terminationGracePeriodSeconds`, own, 'must be greater than 0'));
  if (kind === 'readinessProbe') {
    if (own !== undefined) out.push(invalid(`${field}.terminationGracePeriodSeconds`, own, 'must not be set for readinessProbes'));
  } else if (p.successThreshold !== 1) out.push(invalid(`${field}.successThreshold`, p.successThreshold ?? 0, 'must be 1'));
  return out;
}

function lifecycle(field: string, l: V1Lifecycle, grace: number | undefined, os: string | undefined): Errors {
  const out: Errors = [];
  if (l.postStart) out.push(...handler(`${field}.postStart`, l.postStart, grace));
  if (l.preStop) out.push(...handler(`${field}.preStop`, l.preStop, grace));
  if (l.stopSignal === undefined) return out;
  const at = `${field}.stopSignal`;
  if (os === undefined) out.push(forbidden(at, 'may not be set for containers with empty `spec.os.name`'));
  else if (os === 'windows' && !['SIGKILL', 'SIGTERM'].includes(l.stopSignal))
    out.push(notSupported(at, l.stopSignal, ['SIGKILL', 'SIGTERM']));
  else if (os === 'linux' && !SIGNALS.includes(l.stopSignal)) out.push(notSupported(at, l.stopSignal, SIGNALS));
  return out;
}

const RT = Array.from({ length: 15 }, (_, i) => i + 1);
const SIGNALS = [
  ...'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT RTMAX RTMIN SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ'
    .split(' ')
    .map((s) => `SIG${s}`),
  ...RT.map((n) => `SIGRTMIN+${n}`),
  ...RT.slice(0, 14).map((n) => `SIGRTMAX-${n}`),
].sort();

export function probesAndHooks(field: string, c: V1Container, grace: number | undefined, os: string | undefined): Errors {
  return [
    ...(c.lifecycle ? lifecycle(`${field}.lifecycle`, c.lifecycle, grace, os) : []),
    ...(['livenessProbe', 'readinessProbe', 'startupProbe'] as const).flatMap((kind) => probe(`${field}.${kind}`, kind, c[kind], grace)),
  ];
}
