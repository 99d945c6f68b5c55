/** describe of pods and of pod templates: containers, volumes, tolerations. Models describePod, DescribePodTemplate */

import { compareStrings, isObject, type Json, type JsonObject, list, num, obj, sortedKeys, str } from '../json.ts';
import { quote } from '../strconv.ts';
import { age } from '../table.ts';
import {
  controllerOf,
  type Describer,
  describeEvents,
  labelsAndAnnotations,
  meta,
  nameAndNamespace,
  rfc1123,
  selectorText,
  type Writer,
} from './writer.ts';

const title = (b: boolean): string => (b ? 'True' : 'False');
const optional = (o: Json | undefined): string => String(isObject(o) && o.optional === true);

function ports(all: readonly Json[], key: 'containerPort' | 'hostPort'): string {
  return all.map((p) => `${num(p, key)}/${str(p, 'protocol')}${str(p, 'name') === '' ? '' : ` (${str(p, 'name')})`}`).join(', ');
}

/** DescribeProbe() */
function probeText(p: JsonObject): string {
  const attrs = `delay=${num(p, 'initialDelaySeconds')}s timeout=${num(p, 'timeoutSeconds')}s period=${num(p, 'periodSeconds')}s #success=${num(p, 'successThreshold')} #failure=${num(p, 'failureThreshold')}`;
  if (isObject(p.exec)) return `exec [${list(p, 'exec', 'command').map(String).join(' ')}] ${attrs}`;
  if (isObject(p.httpGet)) {
    const host = str(p, 'httpGet', 'host');
    const path = str(p, 'httpGet', 'path');
    return `http-get ${str(p, 'httpGet', 'scheme').toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${str(p, 'httpGet', 'port')}${path === '' || path.startsWith('/') ? path : `/${path}`} ${attrs}`;
  }
  if (isObject(p.tcpSocket)) return `tcp-socket ${str(p, 'tcpSocket', 'host')}:${str(p, 'tcpSocket', 'port')} ${attrs}`;
  if (isObject(p.grpc)) return `grpc <pod>:${num(p, 'grpc', 'port')} ${str(p, 'grpc', 'service')} ${attrs}`;
  return `unknown ${attrs}`;
}

function status(w: Writer, name: string, state: JsonObject): void {
  if (isObject(state.running)) {
    w.write(2, `${name}:\tRunning\n`);
    w.write(3, `Started:\t${rfc1123(str(state, 'running', 'startedAt'))}\n`);
  } else if (isObject(state.terminated)) {
    const t = state.terminated;
    w.write(2, `${name}:\tTerminated\n`);
    if (str(t, 'reason') !== '') w.write(3, `Reason:\t${str(t, 'reason')}\n`);
    if (str(t, 'message') !== '') w.write(3, `Message:\t${str(t, 'message')}\n`);
    w.write(3, `Exit Code:\t${num(t, 'exitCode')}\n`);
    if (num(t, 'signal') > 0) w.write(3, `Signal:\t${num(t, 'signal')}\n`);
    w.write(3, `Started:\t${rfc1123(str(t, 'startedAt'))}\n`);
    w.write(3, `Finished:\t${rfc1123(str(t, 'finishedAt'))}\n`);
  } else {
    w.write(2, `${name}:\tWaiting\n`);
    if (str(state, 'waiting', 'reason') !== '') w.write(3, `Reason:\t${str(state, 'waiting', 'reason')}\n`);
  }
}

export function resources(w: Writer, r: JsonObject, level: number): void {
  for (const [label, key] of [
    ['Limits', 'limits'],
    ['Requests', 'requests'],
  ] as const) {
    const all = obj(r, key);
    const names = sortedKeys(all);
    if (names.length > 0) w.write(level, `${label}:\n`);
    for (const n of names) w.write(level + 1, `${n}:\t${str(all, n)}\n`);
  }
}

/** A field of the pod that the environment refers to. */
function fieldValue(pod: JsonObject, path: string): string {
  const sub = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (sub) return str(pod, 'metadata', sub[1] as string, sub[2] as string);
  if (path === 'spec.host') return str(pod, 'spec', 'nodeName');
  if (path === 'metadata.labels' || path === 'metadata.annotations') {
    const all = obj(pod, ...path.split('.'));
    return sortedKeys(all)
      .map((k) => `${k}=${quote(str(all, k))}`)
      .join('\n');
  }
  if (path === 'status.podIPs' || path === 'status.hostIPs')
    return list(pod, ...path.split('.'))
      .map((x) => str(x, 'ip'))
      .join(',');
  return str(pod, ...path.split('.'));
}

function environment(w: Writer, c: JsonObject, pod: JsonObject | null): void {
  const all = list(c, 'env');
  w.write(2, `Environment:${all.length === 0 ? '\t<none>' : ''}\n`);
  for (const e of all) {
    const name = str(e, 'name');
    const from = obj(e, 'valueFrom');
    if (isObject(from.fieldRef))
      w.write(
        3,
        `${name}:\t${pod ? fieldValue(pod, str(from, 'fieldRef', 'fieldPath')) : ''} (${str(from, 'fieldRef', 'apiVersion')}:${str(from, 'fieldRef', 'fieldPath')})\n`,
      );
    else if (isObject(from.resourceFieldRef)) {
      const resource = str(from, 'resourceFieldRef', 'resource');
      const value = str(c, 'resources', ...resource.split('.')) || '0';
      w.write(3, `${name}:\t${value === '0' && resource.startsWith('limits.') ? 'node allocatable' : value} (${resource})\n`);
    } else if (isObject(from.secretKeyRef))
      w.write(
        3,
        `${name}:\t<set to the key '${str(from, 'secretKeyRef', 'key')}' in secret '${str(from, 'secretKeyRef', 'name')}'>\tOptional: ${optional(from.secretKeyRef)}\n`,
      );
    else if (isObject(from.configMapKeyRef))
      w.write(
        3,
        `${name}:\t<set to the key '${str(from, 'configMapKeyRef', 'key')}' of config map '${str(from, 'configMapKeyRef', 'name')}'>\tOptional: ${optional(from.configMapKeyRef)}\n`,
      );
    else
      str(e, 'value')
        .split('\n')
        .forEach((line, i) => {
          w.write(3, i === 0 ? `${name}:\t${line}\n` : `\t${line}\n`);
        });
  }
}

export function containers(
  w: Writer,
  label: string,
  all: readonly Json[],
  statuses: readonly Json[],
  pod: JsonObject | null,
  space: string,
): void {
  w.write(0, `${space}${label}:${all.length === 0 ? ' <none>' : ''}\n`);
  for (const c of all) {
    if (!isObject(c)) continue;
    const st = statuses.find((s) => str(s, 'name') === str(c, 'name'));
    w.write(1, `${space === '' ? '' : ' '}${str(c, 'name')}:\n`);
    if (st) w.write(2, `Container ID:\t${str(st, 'containerID')}\n`);
    w.write(2, `Image:\t${str(c, 'image')}\n`);
    if (st) w.write(2, `Image ID:\t${str(st, 'imageID')}\n`);
    for (const [one, key] of [
      ['Port', 'containerPort'],
      ['Host Port', 'hostPort'],
    ] as const) {
      const text = ports(list(c, 'ports'), key);
      w.write(2, text.includes(',') ? `${one}s:\t${text}\n` : `${one}:\t${text || '<none>'}\n`);
    }
    const seccomp = obj(c, 'securityContext', 'seccompProfile');
    if (seccomp.type !== undefined) {
      w.write(2, `SeccompProfile:\t${str(seccomp, 'type')}\n`);
      if (seccomp.type === 'Localhost') w.write(3, `LocalhostProfile:\t${str(seccomp, 'localhostProfile')}\n`);
    }
    for (const [label2, key] of [
      ['Command', 'command'],
      ['Args', 'args'],
    ] as const) {
      const words = list(c, key).map(String);
      if (words.length > 0) w.write(2, `${label2}:\n`);
      for (const line of words.flatMap((x) => x.split('\n'))) w.write(3, `${line}\n`);
    }
    if (isObject(st)) {
      status(w, 'State', obj(st, 'state'));
      if (isObject(obj(st, 'lastState').terminated)) status(w, 'Last State', obj(st, 'lastState'));
      w.write(2, `Ready:\t${title(st.ready === true)}\n`);
      w.write(2, `Restart Count:\t${num(st, 'restartCount')}\n`);
    }
    resources(w, obj(c, 'resources'), 2);
    for (const [label3, key] of [
      ['Liveness', 'livenessProbe'],
      ['Readiness', 'readinessProbe'],
      ['Startup', 'startupProbe'],
    ] as const)
      if (isObject(c[key])) w.write(2, `${label3}:\t${probeText(obj(c, key))}\n`);
    const from = list(c, 'envFrom');
    if (from.length > 0) w.write(2, 'Environment Variables from:\n');
    for (const e of from) {
      const kind = isObject(obj(e).configMapRef) ? 'configMapRef' : 'secretRef';
      const prefix = str(e, 'prefix');
      w.write(
        3,
        `${str(e, kind, 'name')}\t${kind === 'configMapRef' ? 'ConfigMap' : 'Secret'}${prefix === '' ? '' : ` with prefix '${prefix}'`}\tOptional: ${optional(obj(e, kind))}\n`,
      );
    }
    environment(w, c, pod);
    const mounts = [...list(c, 'volumeMounts')].sort((a, b) => compareStrings(str(a, 'mountPath'), str(b, 'mountPath')));
    w.write(2, `Mounts:${mounts.length === 0 ? '\t<none>' : ''}\n`);
    for (const m of mounts)
      w.write(
        3,
        `${str(m, 'mountPath')} from ${str(m, 'name')} (${isObject(m) && m.readOnly === true ? 'ro' : 'rw'}${str(m, 'subPath') === '' ? '' : `,path=${quote(str(m, 'subPath'))}`})\n`,
      );
    const devices = list(c, 'volumeDevices');
    if (devices.length > 0) w.write(2, `Devices:${mounts.length === 0 ? '\t<none>' : ''}\n`);
    for (const v of [...devices].sort((a, b) => compareStrings(str(a, 'devicePath'), str(b, 'devicePath'))))
      w.write(3, `${str(v, 'devicePath')} from ${str(v, 'name')}\n`);
  }
}

/** Kind of source -> what it is, and its lines as [label, field, what stands for nothing]. */
const SOURCES: Readonly<
  Record<string, readonly [type: string, lines: readonly (readonly [label: string, field: string, none: string])[]]>
> = {
  hostPath: [
    'HostPath (bare host directory volume)',
    [
      ['Path', 'path', ''],
      ['HostPathType', 'type', '<none>'],
    ],
  ],
  emptyDir: [
    "EmptyDir (a temporary directory that shares a pod's lifetime)",
    [
      ['Medium', 'medium', ''],
      ['SizeLimit', 'sizeLimit', '<unset>'],
    ],
  ],
  secret: [
    'Secret (a volume populated by a Secret)',
    [
      ['SecretName', 'secretName', ''],
      ['Optional', 'optional', 'false'],
    ],
  ],
  configMap: [
    'ConfigMap (a volume populated by a ConfigMap)',
    [
      ['Name', 'name', ''],
      ['Optional', 'optional', 'false'],
    ],
  ],
  nfs: [
    'NFS (an NFS mount that lasts the lifetime of a pod)',
    [
      ['Server', 'server', ''],
      ['Path', 'path', ''],
      ['ReadOnly', 'readOnly', 'false'],
    ],
  ],
  persistentVolumeClaim: [
    'PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)',
    [
      ['ClaimName', 'claimName', ''],
      ['ReadOnly', 'readOnly', 'false'],
    ],
  ],
  csi: [
    'CSI (a Container Storage Interface (CSI) volume source)',
    [
      ['Driver', 'driver', ''],
      ['FSType', 'fsType', ''],
      ['ReadOnly', 'readOnly', 'false'],
    ],
  ],
  image: [
    'Image (a container image or OCI artifact)',
    [
      ['Reference', 'reference', ''],
      ['PullPolicy', 'pullPolicy', ''],
    ],
  ],
};

function volumes(w: Writer, all: readonly Json[], space: string): void {
  w.write(0, `${space}Volumes:${all.length === 0 ? '\t<none>' : ''}\n`);
  for (const v of all) {
    if (!isObject(v)) continue;
    w.write(1, `${space === '' ? '' : ' '}${str(v, 'name')}:\n`);
    const kind = Object.keys(v).find((k) => k !== 'name') ?? '';
    const source = obj(v, kind);
    if (kind === 'projected') {
      w.write(2, 'Type:\tProjected (a volume that contains injected data from multiple sources)\n');
      for (const s of list(source, 'sources')) {
        const o = obj(s);
        if (isObject(o.secret)) w.write(2, `SecretName:\t${str(o, 'secret', 'name')}\n    Optional:\t${optional(o.secret)}\n`);
        else if (isObject(o.downwardAPI)) w.write(2, 'DownwardAPI:\ttrue\n');
        else if (isObject(o.configMap))
          w.write(2, `ConfigMapName:\t${str(o, 'configMap', 'name')}\n    Optional:\t${optional(o.configMap)}\n`);
        else if (isObject(o.serviceAccountToken))
          w.write(2, `TokenExpirationSeconds:\t${num(o, 'serviceAccountToken', 'expirationSeconds')}\n`);
      }
      continue;
    }
    if (kind === 'downwardAPI') {
      w.write(2, 'Type:\tDownwardAPI (a volume populated by information about the pod)\n    Items:\n');
      for (const i of list(source, 'items')) {
        const o = obj(i);
        if (isObject(o.fieldRef)) w.write(3, `${str(o, 'fieldRef', 'fieldPath')} -> ${str(o, 'path')}\n`);
        if (isObject(o.resourceFieldRef)) w.write(3, `${str(o, 'resourceFieldRef', 'resource')} -> ${str(o, 'path')}\n`);
      }
      continue;
    }
    const known = SOURCES[kind];
    if (!known) {
      w.write(1, '<unknown>\n');
      continue;
    }
    w.write(2, `Type:\t${known[0]}\n${known[1].map(([label, field, none]) => `    ${label}:\t${str(source, field) || none}\n`).join('')}`);
    if (kind === 'csi') w.labels('VolumeAttributes', obj(source, 'volumeAttributes'), '    ');
  }
}

function spread(w: Writer, all: readonly Json[], space: string): void {
  [...all]
    .sort((a, b) => compareStrings(str(a, 'topologyKey'), str(b, 'topologyKey')))
    .forEach((t, i) => {
      const selector = isObject(obj(t).labelSelector) ? ` for selector ${selectorText(obj(t, 'labelSelector'))}` : '';
      w.write(
        0,
        `${space}${i === 0 ? 'Topology Spread Constraints:' : ''}\t${str(t, 'topologyKey')}:${str(t, 'whenUnsatisfiable')} when max skew ${num(t, 'maxSkew')} is exceeded${selector}\n`,
      );
    });
}

export function podTemplate(w: Writer, template: JsonObject): void {
  const spec = obj(template, 'spec');
  w.write(0, 'Pod Template:\n');
  w.labels('  Labels', obj(template, 'metadata', 'labels'));
  if (sortedKeys(obj(template, 'metadata', 'annotations')).length > 0)
    w.annotations('  Annotations', obj(template, 'metadata', 'annotations'));
  if (str(spec, 'serviceAccountName') !== '') w.write(1, `Service Account:\t${str(spec, 'serviceAccountName')}\n`);
  if (list(spec, 'initContainers').length > 0) containers(w, 'Init Containers', list(spec, 'initContainers'), [], null, '  ');
  containers(w, 'Containers', list(spec, 'containers'), [], null, '  ');
  volumes(w, list(spec, 'volumes'), '  ');
  spread(w, list(spec, 'topologySpreadConstraints'), '  ');
  if (str(spec, 'priorityClassName') !== '') w.write(1, `Priority Class Name:\t${str(spec, 'priorityClassName')}\n`);
  w.labels('  Node-Selectors', obj(spec, 'nodeSelector'));
  w.tolerations('  Tolerations', list(spec, 'tolerations'));
}

export const describePod: Describer = function* (d) {
  const { w, object: pod } = d;
  const spec = obj(pod, 'spec');
  const st = obj(pod, 'status');
  nameAndNamespace(d);
  if (spec.priority !== undefined) w.write(0, `Priority:\t${num(spec, 'priority')}\n`);
  for (const [label, key] of [
    ['Priority Class Name', 'priorityClassName'],
    ['Runtime Class Name', 'runtimeClassName'],
    ['Service Account', 'serviceAccountName'],
  ] as const)
    if (str(spec, key) !== '') w.write(0, `${label}:\t${str(spec, key)}\n`);
  w.write(0, `Node:\t${str(spec, 'nodeName') === '' ? '<none>' : `${str(spec, 'nodeName')}/${str(st, 'hostIP')}`}\n`);
  if (str(st, 'startTime') !== '') w.write(0, `Start Time:\t${rfc1123(str(st, 'startTime'))}\n`);
  labelsAndAnnotations(d);
  const phase = str(st, 'phase');
  if (meta(d, 'deletionTimestamp') !== '' && phase !== 'Failed' && phase !== 'Succeeded') {
    w.write(0, `Status:\tTerminating (lasts ${age(meta(d, 'deletionTimestamp'), d.ctx.now)})\n`);
    w.write(0, `Termination Grace Period:\t${num(pod, 'metadata', 'deletionGracePeriodSeconds')}s\n`);
  } else w.write(0, `Status:\t${phase}\n`);
  if (str(st, 'reason') !== '') w.write(0, `Reason:\t${str(st, 'reason')}\n`);
  if (str(st, 'message') !== '') w.write(0, `Message:\t${str(st, 'message')}\n`);
  const seccomp = obj(spec, 'securityContext', 'seccompProfile');
  if (seccomp.type !== undefined) {
    w.write(0, `SeccompProfile:\t${str(seccomp, 'type')}\n`);
    if (seccomp.type === 'Localhost') w.write(0, `LocalhostProfile:\t${str(seccomp, 'localhostProfile')}\n`);
  }
  w.write(0, `IP:\t${str(st, 'podIP')}\n`);
  const ips = list(st, 'podIPs');
  w.write(0, `IPs:${ips.length === 0 ? '\t<none>' : ''}\n`);
  for (const i of ips) w.write(1, `IP:\t${str(i, 'ip')}\n`);
  const owner = controllerOf(pod);
  if (owner !== '') w.write(0, `Controlled By:\t${owner}\n`);
  if (str(st, 'nominatedNodeName') !== '') w.write(0, `NominatedNodeName:\t${str(st, 'nominatedNodeName')}\n`);
  if (isObject(spec.resources)) {
    w.write(0, 'Resources:\n');
    resources(w, spec.resources, 1);
  }
  if (list(spec, 'initContainers').length > 0)
    containers(w, 'Init Containers', list(spec, 'initContainers'), list(st, 'initContainerStatuses'), pod, '');
  containers(w, 'Containers', list(spec, 'containers'), list(st, 'containerStatuses'), pod, '');
  if (list(spec, 'ephemeralContainers').length > 0)
    containers(w, 'Ephemeral Containers', list(spec, 'ephemeralContainers'), list(st, 'ephemeralContainerStatuses'), pod, '');
  const conditions = list(st, 'conditions');
  const gates = list(spec, 'readinessGates');
  if (gates.length > 0) w.write(0, 'Readiness Gates:\n  Type\tStatus\n');
  for (const g of gates) {
    const c = conditions.find((x) => str(x, 'type') === str(g, 'conditionType'));
    w.write(1, `${str(g, 'conditionType')} \t${c ? str(c, 'status') : '<none>'} \n`);
  }
  if (conditions.length > 0) w.write(0, 'Conditions:\n  Type\tStatus\n');
  for (const c of conditions) w.write(1, `${str(c, 'type')} \t${str(c, 'status')} \n`);
  volumes(w, list(spec, 'volumes'), '');
  w.write(0, `QoS Class:\t${str(st, 'qosClass') || 'BestEffort'}\n`);
  w.labels('Node-Selectors', obj(spec, 'nodeSelector'));
  w.tolerations('Tolerations', list(spec, 'tolerations'));
  spread(w, list(spec, 'topologySpreadConstraints'), '');
  const mirror = str(pod, 'metadata', 'annotations', 'kubernetes.io/config.mirror');
  yield* describeEvents(d, { kind: '', ...(mirror === '' ? {} : { uid: mirror }) });
  return null;
};
