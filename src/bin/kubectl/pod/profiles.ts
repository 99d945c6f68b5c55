/** What a debugging profile does to a pod and its debug container. Models kubectl/pkg/cmd/debug/profiles.go */

import { type Failure, failure } from '../errors.ts';
import { isObject, type Json, type JsonObject, list, obj, withPath } from '../json.ts';

export type Style = 'node' | 'copy' | 'ephemeral';

/** --keep-* */
export interface Keep {
  readonly labels: boolean;
  readonly annotations: boolean;
  readonly liveness: boolean;
  readonly readiness: boolean;
  readonly startup: boolean;
  readonly initContainers: boolean;
}

const PROFILES = ['general', 'baseline', 'restricted', 'netadmin', 'sysadmin', 'legacy'] as const;
export type Profile = (typeof PROFILES)[number];

export function profileOf(name: string): Profile | Failure {
  const p = PROFILES.find((x) => x === name);
  return p ?? failure(`unknown profile: ${name}`);
}

type Change = (pod: JsonObject) => JsonObject;

/** Changes the container of that name, wherever it stands. */
function container(name: string, change: (c: JsonObject) => JsonObject): Change {
  return (pod) => {
    let out = pod;
    for (const g of ['initContainers', 'containers', 'ephemeralContainers']) {
      const all = list(out, 'spec', g).filter(isObject);
      if (all.some((c) => c.name === name))
        out = withPath(
          out,
          ['spec', g],
          all.map((c) => (c.name === name ? change(c) : c)),
        );
    }
    return out;
  };
}

const security =
  (path: readonly string[], value: Json | undefined): ((c: JsonObject) => JsonObject) =>
  (c) =>
    withPath(c, ['securityContext', ...path], value);

function capability(...names: readonly string[]): (c: JsonObject) => JsonObject {
  return (c) => withPath(c, ['securityContext', 'capabilities', 'add'], [...list(c, 'securityContext', 'capabilities', 'add'), ...names]);
}

const cleared = (c: JsonObject): JsonObject => withPath(c, ['securityContext'], undefined);
const hostNamespaces: Change = (pod) => ({ ...pod, spec: { ...obj(pod, 'spec'), hostNetwork: true, hostPID: true, hostIPC: true } });
const shared: Change = (pod) =>
  obj(pod, 'spec').shareProcessNamespace === undefined ? withPath(pod, ['spec', 'shareProcessNamespace'], true) : pod;

function hostRoot(name: string): Change {
  return (pod) => {
    const mounted = container(name, (c) => ({
      ...c,
      volumeMounts: [...list(c, 'volumeMounts'), { mountPath: '/host', name: 'host-root' }],
    }))(pod);
    return withPath(mounted, ['spec', 'volumes'], [...list(mounted, 'spec', 'volumes'), { name: 'host-root', hostPath: { path: '/' } }]);
  };
}

function removed(keep: Keep): Change {
  return (pod) => {
    let out = pod;
    if (!keep.labels) out = withPath(out, ['metadata', 'labels'], undefined);
    if (!keep.annotations) out = withPath(out, ['metadata', 'annotations'], undefined);
    const probes = (
      [
        ['livenessProbe', keep.liveness],
        ['readinessProbe', keep.readiness],
        ['startupProbe', keep.startup],
      ] as const
    )
      .filter(([, kept]) => !kept)
      .map(([k]) => k as string);
    const strip = (c: JsonObject): JsonObject => Object.fromEntries(Object.entries(c).filter(([k]) => !probes.includes(k)));
    out = withPath(out, ['spec', 'containers'], list(out, 'spec', 'containers').filter(isObject).map(strip));
    return keep.initContainers ? out : withPath(out, ['spec', 'initContainers'], undefined);
  };
}

export function applyProfile(profile: Profile, pod: JsonObject, name: string, style: Style, keep: Keep): JsonObject {
  const one = (change: (c: JsonObject) => JsonObject): Change => container(name, change);
  const copy = [removed(keep), shared];
  const steps: Record<Profile, () => readonly Change[]> = {
    legacy: () =>
      style === 'node'
        ? [hostRoot(name), hostNamespaces]
        : style === 'copy'
          ? [removed({ ...keep, labels: false, annotations: true, liveness: true, readiness: true, startup: true, initContainers: true })]
          : [],
    general: () =>
      style === 'node'
        ? [hostRoot(name), one(cleared), hostNamespaces]
        : style === 'copy'
          ? [removed(keep), one(capability('SYS_PTRACE')), shared]
          : [one(capability('SYS_PTRACE'))],
    baseline: () => [one(cleared), ...(style === 'copy' ? copy : [])],
    restricted: () => [
      one(cleared),
      one(security(['runAsNonRoot'], true)),
      one(security(['capabilities'], { drop: ['ALL'] })),
      one(security(['allowPrivilegeEscalation'], false)),
      one(security(['seccompProfile'], { type: 'RuntimeDefault' })),
      ...(style === 'copy' ? copy : []),
    ],
    netadmin: () => [one(capability('NET_ADMIN', 'NET_RAW')), ...(style === 'node' ? [hostNamespaces] : style === 'copy' ? copy : [])],
    sysadmin: () => [
      one(security(['privileged'], true)),
      ...(style === 'node' ? [hostNamespaces, hostRoot(name)] : style === 'copy' ? copy : []),
    ],
  };
  return steps[profile]().reduce((p, step) => step(p), pod);
}
