/** Containers: ports, environment, probes, hooks, mounts. Models validateContainerCommon and what it calls (pkg/apis/core/validation). */

import { duplicate, forbidden, invalid, notFound, notSupported, required, tooLong } from '../field.ts';
import { configMapKey, dns1123Label, envVarName, nameIsSubdomain, portName, portNumber } from '../names.ts';
import type {
  V1Container,
  V1ContainerPort,
  V1EnvFromSource,
  V1EnvVar,
  V1EphemeralContainer,
  V1PodSpec,
  V1Volume,
  V1VolumeMount,
} from '../types.ts';
import { bad, type Errors } from './common.ts';
import { ENV_FIELDS, objectField, resourceField } from './downward.ts';
import { probesAndHooks } from './probes.ts';
import { containerResources } from './resources.ts';
import { containerSecurity } from './security.ts';
import { localDescendingPath, noBacksteps } from './volumes.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

function ports(field: string, list: readonly V1ContainerPort[] | undefined): Errors {
  const names = new Set<string>();
  return (list ?? []).flatMap((port, i) => {
    const at = `${field}[${i}]`;
    const out: Errors = [];
    if (port.name) {
      const messages = portName(port.name);
      out.push(...bad(`${at}.name`, port.name, messages));
      if (messages.length === 0 && names.has(port.name)) out.push(duplicate(`${at}.name`, port.name));
      if (messages.length === 0) names.add(port.name);
    }
    if (!port.containerPort) out.push(required(`${at}.containerPort`));
    else out.push(...bad(`${at}.containerPort`, port.containerPort, portNumber(port.containerPort)));
    if (port.hostPort) out.push(...bad(`${at}.hostPort`, port.hostPort, portNumber(port.hostPort)));
    if (!port.protocol) out.push(required(`${at}.protocol`));
    else if (!PROTOCOLS.includes(port.protocol)) out.push(notSupported(`${at}.protocol`, port.protocol, PROTOCOLS));
    return out;
  });
}

function keyRef(field: string, ref: { readonly name?: string; readonly key: string }): Errors {
  const name = ref.name ?? '';
  return [
    ...bad(`${field}.name`, name, nameIsSubdomain(name)),
    ...(ref.key ? bad(`${field}.key`, ref.key, configMapKey(ref.key)) : [required(`${field}.key`)]),
  ];
}

function envValueFrom(field: string, env: V1EnvVar): Errors {
  const from = env.valueFrom;
  if (!from) return [];
  const out: Errors = [];
  let sources = 0;
  if (from.fieldRef && ++sources) out.push(...objectField(`${field}.fieldRef`, from.fieldRef, ENV_FIELDS));
  if (from.resourceFieldRef && ++sources) out.push(...resourceField(`${field}.resourceFieldRef`, from.resourceFieldRef, false));
  if (from.configMapKeyRef && ++sources) out.push(...keyRef(`${field}.configMapKeyRef`, from.configMapKeyRef));
  if (from.secretKeyRef && ++sources) out.push(...keyRef(`${field}.secretKeyRef`, from.secretKeyRef));
  const file = from.fileKeyRef;
  if (file && ++sources) {
    const at = `${field}.fileKeyRef`;
    out.push(...(file.key ? bad(`${at}.key`, file.key, envVarName(file.key)) : [required(`${at}.key`)]));
    out.push(
      ...(file.volumeName ? bad(`${at}.volumeName`, file.volumeName, dns1123Label(file.volumeName)) : [required(`${at}.volumeName`)]),
    );
    out.push(...(file.path ? noBacksteps(`${at}.path`, file.path) : [required(`${at}.path`)]));
  }
  if (sources === 0)
    out.push(invalid(field, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'));
  else if (env.value) out.push(invalid(field, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) out.push(invalid(field, '', 'may not have more than one field specified at a time'));
  return out;
}

function environment(field: string, list: readonly V1EnvVar[] | undefined): Errors {
  return (list ?? []).flatMap((env, i) => [
    ...(env.name ? bad(`${field}[${i}].name`, env.name, envVarName(env.name)) : [required(`${field}[${i}].name`)]),
    ...envValueFrom(`${field}[${i}].valueFrom`, env),
  ]);
}

function environmentFrom(field: string, list: readonly V1EnvFromSource[] | undefined): Errors {
  const source = (at: string, name: string | undefined): Errors =>
    name ? bad(`${at}.name`, name, nameIsSubdomain(name, true)) : [required(`${at}.name`)];
  return (list ?? []).flatMap((from, i) => {
    const at = `${field}[${i}]`;
    const out: Errors = from.prefix ? bad(`${at}.prefix`, from.prefix, envVarName(from.prefix)) : [];
    if (from.configMapRef) out.push(...source(`${at}.configMapRef`, from.configMapRef.name));
    if (from.secretRef) out.push(...source(`${at}.secretRef`, from.secretRef.name));
    if (!from.configMapRef && !from.secretRef) out.push(invalid(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (from.configMapRef && from.secretRef) out.push(invalid(field, '', 'may not have more than one field specified at a time'));
    return out;
  });
}

export type Volumes = ReadonlyMap<string, V1Volume>;

function mountOptions(field: string, mount: V1VolumeMount, container: V1Container): Errors {
  const out: Errors = [];
  const spread = mount.mountPropagation;
  if (spread !== undefined) {
    const known = ['Bidirectional', 'HostToContainer', 'None'];
    if (!known.includes(spread)) out.push(notSupported(`${field}.mountPropagation`, spread, known));
    if (spread === 'Bidirectional' && container.securityContext?.privileged !== true)
      out.push(forbidden(`${field}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers'));
  }
  const recursive = mount.recursiveReadOnly;
  if (recursive === undefined || recursive === 'Disabled') return out;
  const at = `${field}.recursiveReadOnly`;
  if (recursive !== 'Enabled' && recursive !== 'IfPossible')
    return [...out, notSupported(at, recursive, ['Disabled', 'Enabled', 'IfPossible'])];
  if (!mount.readOnly) out.push(forbidden(at, 'may only be specified when readOnly is true'));
  if (spread !== undefined && spread !== 'None')
    out.push(forbidden(at, 'may only be specified when mountPropagation is None or not specified'));
  return out;
}

function mounts(field: string, container: V1Container, volumes: Volumes): Errors {
  const points = new Set<string>();
  const devices = container.volumeDevices ?? [];
  return (container.volumeMounts ?? []).flatMap((mount, i) => {
    const at = `${field}[${i}]`;
    const out: Errors = [];
    if (!mount.name) out.push(required(`${at}.name`));
    if (!volumes.has(mount.name)) out.push(notFound(`${at}.name`, mount.name));
    if (!mount.mountPath) out.push(required(`${at}.mountPath`));
    if (points.has(mount.mountPath)) out.push(invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    points.add(mount.mountPath);
    if (devices.some((d) => d.name === mount.name)) out.push(invalid(`${at}.name`, mount.name, 'must not already exist in volumeDevices'));
    if (devices.some((d) => d.devicePath === mount.mountPath))
      out.push(invalid(`${at}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'));
    if (mount.subPath) out.push(...localDescendingPath(`${field}.subPath`, mount.subPath));
    if (mount.subPathExpr) {
      if (mount.subPath) out.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      out.push(...localDescendingPath(`${field}.subPathExpr`, mount.subPathExpr));
    }
    return [...out, ...mountOptions(field, mount, container)];
  });
}

function devices(field: string, container: V1Container, volumes: Volumes): Errors {
  const names = new Set<string>();
  const paths = new Set<string>();
  const mounted = container.volumeMounts ?? [];
  return (container.volumeDevices ?? []).flatMap((device, i) => {
    const at = `${field}[${i}]`;
    const out: Errors = [];
    const volume = volumes.get(device.name);
    const path = device.devicePath;
    if (!device.name) out.push(required(`${at}.name`));
    if (names.has(device.name)) out.push(invalid(`${at}.name`, device.name, 'must be unique'));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral)
      out.push(invalid(`${at}.name`, device.name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'));
    if (!volume) out.push(notFound(`${at}.name`, device.name));
    if (!path) out.push(required(`${at}.devicePath`));
    if (paths.has(path)) out.push(invalid(`${at}.devicePath`, path, 'must be unique'));
    if (path && noBacksteps('', path).length > 0) out.push(invalid(`${at}.devicePath`, path, "can not contain backsteps ('..')"));
    else paths.add(path);
    if (mounted.some((m) => m.name === device.name)) out.push(invalid(`${at}.name`, device.name, 'must not already exist in volumeMounts'));
    if (mounted.some((m) => m.mountPath === path))
      out.push(invalid(`${at}.devicePath`, path, 'must not already exist as a path in volumeMounts'));
    if (device.name) names.add(device.name);
    return out;
  });
}

const PULL = ['Always', 'IfNotPresent', 'Never'];

/** What all containers of a pod are checked against. */
export interface PodFacts {
  readonly volumes: Volumes;
  readonly claims: readonly string[];
  readonly grace: number | undefined;
  readonly os: string | undefined;
  readonly restartPolicy: string | undefined;
  readonly hostUsers: boolean;
}

function common(field: string, c: V1Container, pod: PodFacts): Errors {
  const out: Errors = c.name ? bad(`${field}.name`, c.name, dns1123Label(c.name)) : [required(`${field}.name`)];
  if (!c.image) out.push(required(`${field}.image`));
  const message = c.terminationMessagePolicy ?? '';
  const policies = ['File', 'FallbackToLogsOnError'];
  if (message === '') out.push(required(`${field}.terminationMessagePolicy`));
  else if (!policies.includes(message)) out.push(notSupported(`${field}.terminationMessagePolicy`, message, policies));
  out.push(...ports(`${field}.ports`, c.ports), ...environment(`${field}.env`, c.env), ...environmentFrom(`${field}.envFrom`, c.envFrom));
  out.push(...mounts(`${field}.volumeMounts`, c, pod.volumes), ...devices(`${field}.volumeDevices`, c, pod.volumes));
  const pull = c.imagePullPolicy ?? '';
  if (pull === '') out.push(required(`${field}.imagePullPolicy`));
  else if (!PULL.includes(pull)) out.push(notSupported(`${field}.imagePullPolicy`, pull, PULL));
  out.push(...containerResources(`${field}.resources`, c.resources ?? {}, pod.claims), ...resizePolicy(`${field}.resizePolicy`, c, pod));
  return [...out, ...containerSecurity(`${field}.securityContext`, c.securityContext, pod.hostUsers)];
}

function resizePolicy(field: string, c: V1Container, pod: PodFacts): Errors {
  const seen = new Set<string>();
  return (c.resizePolicy ?? []).flatMap((p, i) => {
    const out: Errors = [];
    if (seen.has(p.resourceName)) out.push(duplicate(`${field}[${i}]`, p.resourceName));
    seen.add(p.resourceName);
    if (!p.resourceName) out.push(required(field));
    else if (p.resourceName !== 'cpu' && p.resourceName !== 'memory') out.push(notSupported(field, p.resourceName, ['cpu', 'memory']));
    if (!p.restartPolicy) out.push(required(field));
    else if (p.restartPolicy !== 'NotRequired' && p.restartPolicy !== 'RestartContainer')
      out.push(notSupported(field, p.restartPolicy, ['NotRequired', 'RestartContainer']));
    if (pod.restartPolicy === 'Never' && p.restartPolicy !== 'NotRequired')
      out.push(invalid(field, p.restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    return out;
  });
}

function restartRules(field: string, c: V1Container): Errors {
  const rules = c.restartPolicyRules ?? [];
  const out: Errors = [];
  const policies = ['Always', 'Never', 'OnFailure'];
  if (c.restartPolicy === undefined) {
    if (rules.length === 0) return [];
    out.push(required(`${field}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  } else if (!policies.includes(c.restartPolicy)) out.push(notSupported(`${field}.restartPolicy`, c.restartPolicy, policies));
  if (rules.length > 20) out.push(tooLong(`${field}.restartPolicyRules`, 20));
  rules.forEach((rule, i) => {
    const at = `${field}.restartPolicyRules[${i}]`;
    if (rule.action !== 'Restart') out.push(notSupported(`${at}.action`, rule.action, ['Restart']));
    const codes = rule.exitCodes;
    if (!codes) out.push(required(`${at}.exitCodes`, 'must be specified'));
    else {
      if (codes.operator !== 'In' && codes.operator !== 'NotIn')
        out.push(notSupported(`${at}.exitCodes.operator`, codes.operator, ['In', 'NotIn']));
      if ((codes.values?.length ?? 0) > 255) out.push(tooLong(`${at}.exitCodes.values`, 255));
    }
  });
  return out;
}

function hostPortConflicts(field: string, list: readonly V1Container[]): Errors {
  const seen = new Set<string>();
  return list.flatMap((c, i) =>
    (c.ports ?? []).flatMap((p, j) => {
      if (!p.hostPort) return [];
      const text = `${p.protocol}/${p.hostIP ?? ''}/${p.hostPort}`;
      if (seen.has(text)) return [duplicate(`${field}[${i}].ports[${j}].hostPort`, text)];
      seen.add(text);
      return [];
    }),
  );
}

export function containers(field: string, list: readonly V1Container[], pod: PodFacts): Errors {
  if (list.length === 0) return [required(field)];
  const names = new Set<string>();
  const out = list.flatMap((c, i) => {
    const at = `${field}[${i}]`;
    const own = common(at, c, pod);
    if (names.has(c.name)) own.push(duplicate(`${at}.name`, c.name));
    names.add(c.name);
    return [...own, ...probesAndHooks(at, c, pod.grace, pod.os), ...restartRules(at, c)];
  });
  return [...out, ...hostPortConflicts(field, list)];
}

export function initContainers(field: string, spec: V1PodSpec, pod: PodFacts): Errors {
  const names = new Set((spec.containers ?? []).map((c) => c.name));
  return (spec.initContainers ?? []).flatMap((c, i) => {
    const at = `${field}[${i}]`;
    const out = common(at, c, pod);
    const sidecar = c.restartPolicy === 'Always';
    if (sidecar && c.restartPolicyRules?.length)
      out.push(forbidden(`${at}.restartPolicyRules`, 'restartPolicyRules are not allowed for init containers with restart policy Always'));
    else if (c.restartPolicy !== undefined && !sidecar) out.push(...restartRules(at, c));
    if (names.has(c.name)) out.push(duplicate(`${at}.name`, c.name));
    else if (c.name) names.add(c.name);
    out.push(...hostPortConflicts(field, [c]));
    if (sidecar) return [...out, ...probesAndHooks(at, c, pod.grace, pod.os)];
    for (const kind of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
      if (c[kind]) out.push(forbidden(`${at}.${kind}`, 'may not be set for init containers without restartPolicy=Always'));
    return out;
  });
}

const NOT_EPHEMERAL = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function ephemeralContainers(field: string, spec: V1PodSpec, pod: PodFacts): Errors {
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name));
  const names = new Set(others);
  return (spec.ephemeralContainers ?? []).flatMap((c: V1EphemeralContainer, i) => {
    const at = `${field}[${i}]`;
    const out = [...common(at, c, pod), ...imageWhitespace(at, c)];
    if (names.has(c.name)) out.push(duplicate(`${at}.name`, c.name));
    names.add(c.name);
    if (c.targetContainerName && !others.has(c.targetContainerName)) out.push(notFound(`${at}.targetContainerName`, c.targetContainerName));
    for (const key of NOT_EPHEMERAL) {
      const value = c[key];
      if (value !== undefined && (key !== 'resources' || Object.keys(value).length > 0))
        out.push(forbidden(`${at}.${key}`, 'cannot be set for an Ephemeral Container'));
    }
    (c.volumeMounts ?? []).forEach((m, j) => {
      for (const key of ['subPath', 'subPathExpr'] as const)
        if (m[key]) out.push(forbidden(`${at}.volumeMounts[${j}].${key}`, 'cannot be set for an Ephemeral Container'));
    });
    return out;
  });
}

/** Pods only, not templates. */
export function imageWhitespace(field: string, c: { readonly image?: string }): Errors {
  const image = c.image ?? '';
  return image.trim() === image ? [] : [invalid(`${field}.image`, image, 'must not have leading or trailing whitespace')];
}
