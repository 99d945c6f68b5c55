/** What the server warns of in pods and their templates. Models pkg/api/pod/warnings.go. */

import { goQuote } from '../field.ts';
import { warningsForIP } from '../ip.ts';
import { canonicalQuantity, nanosOf } from '../quantity.ts';
import type { V1Affinity, V1Container, V1ContainerPort, V1NodeSelectorTerm, V1PodAffinityTerm, V1PodSpec } from '../types.ts';

const OLD_LABELS: Readonly<Record<string, readonly [string, string]>> = {
  'beta.kubernetes.io/arch': ['v1.14', 'kubernetes.io/arch'],
  'beta.kubernetes.io/os': ['v1.14', 'kubernetes.io/os'],
  'failure-domain.beta.kubernetes.io/region': ['v1.17', 'topology.kubernetes.io/region'],
  'failure-domain.beta.kubernetes.io/zone': ['v1.17', 'topology.kubernetes.io/zone'],
  'beta.kubernetes.io/instance-type': ['v1.17', 'node.kubernetes.io/instance-type'],
};
function oldLabel(key: string): string | undefined {
  const found = OLD_LABELS[key];
  return found && `deprecated since ${found[0]}; use ${goQuote(found[1])} instead`;
}

const OLD_ANNOTATIONS: readonly (readonly [string, string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];

const OLD_VOLUMES: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

const NO_POD = 'a null labelSelector results in matching no pod';
type Placed = readonly [path: string, container: V1Container];

function placed(spec: V1PodSpec, at: string): Placed[] {
  const list = (name: string, containers: readonly V1Container[] | undefined): Placed[] =>
    (containers ?? []).map((c, i) => [`${at}.${name}[${i}]`, c]);
  return [
    ...list('initContainers', spec.initContainers),
    ...list('containers', spec.containers),
    ...list('ephemeralContainers', spec.ephemeralContainers as readonly V1Container[] | undefined),
  ];
}

function nodeTerm(term: V1NodeSelectorTerm, path: string): string[] {
  return (term.matchExpressions ?? []).flatMap((r, i) => {
    const old = oldLabel(r.key);
    return old ? [`${path}.matchExpressions[${i}].key: ${r.key} is ${old}`] : [];
  });
}

function podTerms(affinity: V1Affinity, kind: 'podAffinity' | 'podAntiAffinity', at: string): string[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: must = [], preferredDuringSchedulingIgnoredDuringExecution: may = [] } =
    affinity[kind] ?? {};
  const path = `${at}.affinity.${kind}`;
  const nobody = (t: V1PodAffinityTerm, where: string): string[] => (t.labelSelector ? [] : [`${where}.labelSelector: ${NO_POD}`]);
  return [
    ...must.flatMap((t, i) => nobody(t, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`)),
    ...may.flatMap((t, i) => nobody(t.podAffinityTerm, `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm`)),
  ];
}

function placement(spec: V1PodSpec, at: string): string[] {
  const out: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const old = oldLabel(key);
    if (old) out.push(`${at}.nodeSelector[${key}]: ${old}`);
  }
  const node = spec.affinity?.nodeAffinity;
  const path = `${at}.affinity.nodeAffinity`;
  for (const [i, t] of (node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).entries())
    out.push(...nodeTerm(t, `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`));
  for (const [i, t] of (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries())
    out.push(...nodeTerm(t.preference, `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`));
  for (const [i, t] of (spec.topologySpreadConstraints ?? []).entries()) {
    const old = oldLabel(t.topologyKey);
    if (old) out.push(`${at}.topologySpreadConstraints[${i}].topologyKey: ${t.topologyKey} is ${old}`);
    if (!t.labelSelector) out.push(`${at}.topologySpreadConstraints[${i}].labelSelector: ${NO_POD}`);
  }
  return out;
}

/** Names or addresses that stand in a list twice. */
function twice(values: readonly (string | undefined)[], path: string, field: string): string[] {
  const seen = new Set<string>();
  return values.flatMap((v = '', i) => {
    if (seen.has(v)) return [`${path}[${i}].${field}: duplicate ${field} ${goQuote(v)}`];
    seen.add(v);
    return [];
  });
}

const fractional = (text: string): boolean => nanosOf(text) % 1_000_000_000n !== 0n;

function containerWarnings(c: V1Container, path: string): string[] {
  const out: string[] = [];
  for (const resource of ['memory', 'ephemeral-storage'])
    for (const side of ['limits', 'requests'] as const) {
      const value = c.resources?.[side]?.[resource];
      if (value !== undefined && fractional(value))
        out.push(
          `${path}.resources.${side}[${resource}]: fractional byte value ${goQuote(canonicalQuantity(value))} is invalid, must be an integer`,
        );
    }
  const seen = new Set<string>();
  for (const [i, e] of (c.env ?? []).entries()) {
    if (seen.has(e.name)) {
      const ref = `$(${e.name})`;
      const value = e.value ?? '';
      if (e.valueFrom || value === ref || !value.includes(ref))
        out.push(`${path}.env[${i}]: hides previous definition of ${goQuote(e.name)}, which may be dropped when using apply`);
    }
    seen.add(e.name);
  }
  return out;
}

function portWarnings(containers: readonly Placed[]): string[] {
  const out: string[] = [];
  const known = new Map<string, { readonly field: string; readonly port: V1ContainerPort }[]>();
  const names = new Map<string, string>();
  const ports = containers.flatMap(([path, c]) => (c.ports ?? []).map((port, i) => ({ field: `${path}.ports[${i}]`, port })));
  for (const { field, port } of ports) {
    const { hostIP = '', hostPort = 0, containerPort, protocol = 'TCP', name = '' } = port;
    if (hostIP !== '' && hostPort === 0)
      out.push(
        `${field}: hostIP set without hostPort: {Name:${name} HostPort:0 ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`,
      );
    const key = `${containerPort}/${protocol}`;
    const others = known.get(key) ?? [];
    for (const other of others) {
      const { hostIP: otherIP = '', hostPort: otherPort = 0 } = other.port;
      if (hostIP === otherIP && hostPort === otherPort) out.push(`${field}: duplicate port definition with ${other.field}`);
      else if (hostPort === 0 || otherPort === 0) out.push(`${field}: overlapping port definition with ${other.field}`);
      else if (hostPort === otherPort && (hostIP === '') !== (otherIP === ''))
        out.push(`${field}: dangerously ambiguous port definition with ${other.field}`);
    }
    known.set(key, [...others, { field, port }]);
  }
  for (const { field, port } of ports) {
    if (!port.name) continue;
    const other = names.get(port.name);
    if (other === undefined) names.set(port.name, field);
    else
      out.push(
        `${field}: duplicate port name ${goQuote(port.name)} with ${other}, services and probes that select ports by name will use ${other}`,
      );
  }
  return out;
}

/** `path` is that of the template, '' of a pod itself. */
export function podWarnings(path: string, spec: V1PodSpec, annotations: Readonly<Record<string, string>> | undefined): string[] {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const at = below('spec');
  const out = placement(spec, at);
  for (const [key, text] of OLD_ANNOTATIONS)
    if (annotations?.[key] !== undefined) out.push(`${below('metadata')}.annotations[${key}]: ${text}`);
  for (const [i, v] of (spec.volumes ?? []).entries())
    for (const [source, text] of Object.entries(OLD_VOLUMES))
      if ((v as unknown as Record<string, unknown>)[source]) out.push(`${at}.volumes[${i}].${source}: ${text}`);
  out.push(
    ...twice(
      (spec.hostAliases ?? []).map((h) => h.ip),
      `${at}.hostAliases`,
      'ip',
    ),
  );
  const secrets = (spec.imagePullSecrets ?? []).map((s) => s.name ?? '');
  out.push(...twice(secrets, `${at}.imagePullSecrets`, 'name'));
  for (const [i, name] of secrets.entries()) if (name === '') out.push(`${at}.imagePullSecrets[${i}].name: invalid empty name ""`);
  const containers = placed(spec, at);
  for (const [where, c] of containers) out.push(...containerWarnings(c, where));
  out.push(...portWarnings(containers));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    out.push(`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`);
  if (spec.affinity) out.push(...podTerms(spec.affinity, 'podAffinity', at), ...podTerms(spec.affinity, 'podAntiAffinity', at));
  for (const [i, ns] of (spec.dnsConfig?.nameservers ?? []).entries()) out.push(...warningsForIP(`${at}.dnsConfig.nameservers[${i}]`, ns));
  for (const [i, h] of (spec.hostAliases ?? []).entries()) out.push(...warningsForIP(`${at}.hostAliases[${i}].ip`, h.ip));
  return out;
}
