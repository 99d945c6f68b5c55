/** Environment of a container: service links, envFrom, valueFrom, expansion of $(NAME). Models pkg/kubelet/kubelet_pods.go makeEnvironmentVariables and pkg/kubelet/envvars */

import { text } from '../../../wire/bytes.ts';
import { fromBase64 } from '../../../wire/der.ts';
import type { ConfigMap, Pod, Secret, Service } from '../../api/object.ts';
import { parseQuantity } from '../../api/quantity.ts';
import type { V1Container, V1EnvVar, V1ResourceFieldSelector } from '../../api/types.ts';

/** What a value may come from. */
export interface EnvSources {
  configMap(namespace: string, name: string): ConfigMap | null;
  secret(namespace: string, name: string): Secret | null;
  /** The variables of all Services that a pod of the namespace sees; `own` without those of the API alone. */
  links(namespace: string, own: boolean): ReadonlyMap<string, string>;
  /** What the node can give: the default of limits. */
  readonly allocatable: Readonly<Record<string, string>>;
}

export interface PodFacts {
  readonly hostIP: string;
  readonly podIPs: readonly string[];
  readonly nodeName: string;
}

/** Either the variables in order or the text of CreateContainerConfigError. */
export type EnvResult =
  | { readonly ok: true; readonly env: [string, string][]; readonly links: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly text: string };

const base64Text = (data: string): string => text(fromBase64(data));

export const secretText = (secret: Secret, key: string): string | undefined => {
  const value = secret.data?.[key];
  return value === undefined ? undefined : base64Text(value);
};

/** `$(NAME)` of names that are known; `$$` is a dollar. Models third_party/forked/golang/expansion */
export function expand(value: string, known: { get(name: string): string | undefined }): string {
  return value.replace(/\$(?:\$|\(([^)]*)\))/g, (all, name: string | undefined) => (name === undefined ? '$' : (known.get(name) ?? all)));
}

/** The variables that Docker's links once had, for each Service of the namespace and the API's own. */
export function serviceVariables(services: Iterable<Service>, namespace: string, links: boolean): [string, string][] {
  const out: [string, string][] = [];
  const chosen: Service[] = [];
  for (const s of services) {
    const ip = s.spec?.clusterIP;
    if (!ip || ip === 'None') continue;
    const master = s.metadata.namespace === 'default' && s.metadata.name === 'kubernetes';
    if (master || (links && s.metadata.namespace === namespace)) chosen.push(s);
  }
  chosen.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const seen = new Set<string>();
  for (const s of chosen) {
    if (seen.has(s.metadata.name)) continue;
    seen.add(s.metadata.name);
    const name = s.metadata.name.replaceAll('-', '_').toUpperCase();
    const ip = s.spec?.clusterIP as string;
    const host = ip.includes(':') ? `[${ip}]` : ip;
    const ports = s.spec?.ports ?? [];
    out.push([`${name}_SERVICE_HOST`, ip]);
    if (ports[0]) out.push([`${name}_SERVICE_PORT`, String(ports[0].port)]);
    for (const p of ports) if (p.name) out.push([`${name}_SERVICE_PORT_${p.name.replaceAll('-', '_').toUpperCase()}`, String(p.port)]);
    ports.forEach((p, i) => {
      const protocol = p.protocol ?? 'TCP';
      const url = `${protocol.toLowerCase()}://${host}:${p.port}`;
      const prefix = `${name}_PORT_${p.port}_${protocol}`;
      if (i === 0) out.push([`${name}_PORT`, url]);
      out.push([prefix, url], [`${prefix}_PROTO`, protocol.toLowerCase()], [`${prefix}_PORT`, String(p.port)], [`${prefix}_ADDR`, ip]);
    });
  }
  return out;
}

/** `metadata.labels['a']` and the like. Null: there is no such field. */
export function fieldValue(pod: Pod, path: string, facts: PodFacts): string | null {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript) return pod.metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2] as string] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'metadata.labels':
    case 'metadata.annotations':
      return Object.entries(pod.metadata[path === 'metadata.labels' ? 'labels' : 'annotations'] ?? {})
        .sort()
        .map(([k, v]) => `${k}=${JSON.stringify(v)}`)
        .join('\n');
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP;
    case 'status.podIP':
      return facts.podIPs[0] ?? '';
    case 'status.podIPs':
      return facts.podIPs.join(',');
  }
  return null;
}

/** A quantity as a number. */
export function quantityNumber(quantity: string): number {
  const q = parseQuantity(quantity);
  return typeof q === 'string' ? 0 : Number(q.nanos) / 1e9;
}

/** A request or limit of a container in units of the divisor, rounded up; a limit that is not set is what the node has. */
export function resourceValue(ref: V1ResourceFieldSelector, container: V1Container, allocatable: Readonly<Record<string, string>>): string {
  const [kind = '', name = ''] = ref.resource.split(/\.(.*)/s);
  const set = kind === 'limits' ? container.resources?.limits?.[name] : container.resources?.requests?.[name];
  const value = quantityNumber(set ?? (kind === 'limits' ? (allocatable[name] ?? '0') : '0'));
  const divisor = quantityNumber(ref.divisor && ref.divisor !== '0' ? ref.divisor : '1');
  return String(Math.ceil(value / divisor - 1e-9));
}

function valueFrom(pod: Pod, c: V1Container, v: V1EnvVar, sources: EnvSources, facts: PodFacts): { value: string | null; error?: string } {
  const from = v.valueFrom;
  const namespace = pod.metadata.namespace ?? '';
  if (from?.fieldRef) return { value: fieldValue(pod, from.fieldRef.fieldPath, facts) ?? '' };
  if (from?.resourceFieldRef) {
    const of = from.resourceFieldRef.containerName
      ? ([...pod.spec!.containers, ...(pod.spec?.initContainers ?? [])].find((x) => x.name === from.resourceFieldRef?.containerName) ?? c)
      : c;
    return { value: resourceValue(from.resourceFieldRef, of, sources.allocatable) };
  }
  for (const kind of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = from?.[kind];
    if (!ref) continue;
    const what = kind === 'configMapKeyRef' ? 'configmap' : 'secret';
    const name = ref.name ?? '';
    const map = kind === 'configMapKeyRef' ? sources.configMap(namespace, name) : null;
    const secret = kind === 'secretKeyRef' ? sources.secret(namespace, name) : null;
    if (!map && !secret) {
      if (ref.optional) return { value: null };
      return { value: null, error: `${what} ${JSON.stringify(name)} not found` };
    }
    const value = map ? map.data?.[ref.key] : secretText(secret as Secret, ref.key);
    if (value === undefined) {
      if (ref.optional) return { value: null };
      return {
        value: null,
        error: `couldn't find key ${ref.key} in ${map ? 'ConfigMap' : 'Secret'} ${namespace}/${name}`,
      };
    }
    return { value };
  }
  return { value: '' };
}

/** All variables in the order in which the container gets them. */
export function environment(pod: Pod, c: V1Container, sources: EnvSources, facts: PodFacts): EnvResult {
  const out = new Map<string, string>();
  const namespace = pod.metadata.namespace ?? '';
  const links = sources.links(namespace, pod.spec?.enableServiceLinks !== false);
  const known = { get: (name: string) => out.get(name) ?? links.get(name) };
  for (const from of c.envFrom ?? []) {
    const ref = from.configMapRef ?? from.secretRef;
    if (!ref) continue;
    const name = ref.name ?? '';
    const map = from.configMapRef ? sources.configMap(namespace, name) : null;
    const secret = from.secretRef ? sources.secret(namespace, name) : null;
    if (!map && !secret) {
      if (ref.optional) continue;
      return { ok: false, text: `${from.configMapRef ? 'configmap' : 'secret'} ${JSON.stringify(name)} not found` };
    }
    const entries = map
      ? Object.entries(map.data ?? {})
      : Object.keys(secret?.data ?? {}).map((k) => [k, secretText(secret as Secret, k) ?? ''] as const);
    for (const [k, v] of [...entries].sort((a, b) => (a[0] < b[0] ? -1 : 1))) out.set(`${from.prefix ?? ''}${k}`, v);
  }
  for (const v of c.env ?? []) {
    if (v.valueFrom) {
      const got = valueFrom(pod, c, v, sources, facts);
      if (got.error !== undefined) return { ok: false, text: got.error };
      if (got.value !== null) out.set(v.name, got.value);
    } else {
      out.set(v.name, v.value?.includes('$') ? expand(v.value, known) : (v.value ?? ''));
    }
  }
  return { ok: true, env: [...out], links };
}
