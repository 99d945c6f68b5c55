/** What admission adds to a pod: account and token, priority, tolerations, topology labels, limits. Models plugin/pkg/admission/*. */

import type { Admitted, RequestContext } from '../kind.ts';
import type { AnyObject, Node, Pod, ServiceAccount } from '../object.ts';
import { forbidden } from '../status.ts';
import type { V1Container, V1PodSpec, V1Toleration, V1Volume } from '../types.ts';
import { mapSame, withMembers } from './common.ts';
import { limitRanger } from './limits.ts';

export const POD = { group: '', plural: 'pods' } as const;
const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const MIRROR = 'kubernetes.io/config.mirror';

function tokenVolume(name: string): V1Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
        { downwardAPI: { items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }] } },
      ],
    },
  };
}

function serviceAccount(pod: Pod, context: RequestContext): Admitted<Pod> {
  const given = pod.spec as V1PodSpec;
  if (pod.metadata.annotations?.[MIRROR] !== undefined) return { ok: true, value: pod };
  const { name, namespace = '' } = pod.metadata;
  const account = given.serviceAccountName || 'default';
  // The real server waits up to two seconds for a new namespace's account `default`, which its controller is about to make.
  const found: Pick<ServiceAccount, 'imagePullSecrets' | 'automountServiceAccountToken'> | undefined =
    context.get<ServiceAccount>('serviceaccounts', namespace, account) ?? (account === 'default' ? {} : undefined);
  if (!found)
    return forbidden(POD, name, `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`);
  let spec = withMembers(given, { serviceAccountName: account, serviceAccount: account });
  if (!spec.imagePullSecrets?.length && found.imagePullSecrets?.length) spec = { ...spec, imagePullSecrets: found.imagePullSecrets };
  if ((spec.automountServiceAccountToken ?? found.automountServiceAccountToken ?? true) === false)
    return { ok: true, value: { ...pod, spec } };
  const present = (spec.volumes ?? []).find((v) => v.name.startsWith('kube-api-access-'));
  let suffix = '';
  for (let i = 0; i < 5 && !present; i++) suffix += LETTERS[context.random('service-account-token', LETTERS.length)];
  const volume = present ?? tokenVolume(`kube-api-access-${suffix}`);
  let used = present !== undefined;
  const mount = (c: V1Container): V1Container => {
    if (c.volumeMounts?.some((m) => m.mountPath === TOKEN_PATH)) return c;
    used = true;
    return { ...c, volumeMounts: [...(c.volumeMounts ?? []), { mountPath: TOKEN_PATH, name: volume.name, readOnly: true }] };
  };
  spec = withMembers(spec, { initContainers: mapSame(spec.initContainers, mount), containers: mapSame(spec.containers, mount) });
  if (used && !present) spec = { ...spec, volumes: [...(spec.volumes ?? []), volume] };
  return { ok: true, value: { ...pod, spec } };
}

interface PriorityClass extends AnyObject {
  readonly value?: number;
  readonly globalDefault?: boolean;
  readonly preemptionPolicy?: string;
}

function priority(pod: Pod, context: RequestContext): Admitted<Pod> {
  const spec = pod.spec as V1PodSpec;
  const resource = 'priorityclasses.scheduling.k8s.io';
  let chosen: PriorityClass | undefined;
  if (spec.priorityClassName) {
    chosen = context.get<PriorityClass>(resource, '', spec.priorityClassName);
    if (!chosen) return forbidden(POD, pod.metadata.name, `no PriorityClass with name ${spec.priorityClassName} was found`);
  } else chosen = context.list<PriorityClass>(resource).find((c) => c.globalDefault);
  const value = chosen?.value ?? 0;
  const given = spec.priority;
  if (given !== undefined && given !== value)
    return forbidden(
      POD,
      pod.metadata.name,
      `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  const policy = chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    return forbidden(
      POD,
      pod.metadata.name,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  const made = withMembers(spec, {
    priority: value,
    preemptionPolicy: policy,
    priorityClassName: spec.priorityClassName || chosen?.metadata.name,
  });
  return { ok: true, value: made === spec ? pod : { ...pod, spec: made } };
}

const WAITS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Pods leave a node that is gone for five minutes. */
function waitFiveMinutes(pod: Pod): Pod {
  const spec = pod.spec as V1PodSpec;
  const have = spec.tolerations ?? [];
  const covered = (key: string): boolean => have.some((t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect));
  const more = WAITS.filter((key) => !covered(key)).map(
    (key): V1Toleration => ({ effect: 'NoExecute', key, operator: 'Exists', tolerationSeconds: 300 }),
  );
  return more.length === 0 ? pod : { ...pod, spec: { ...spec, tolerations: [...have, ...more] } };
}

const TOPOLOGY = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Zone and region of the node that a pod is bound to become labels of the pod. */
export function topologyLabels(pod: Pod, node: Node | undefined): Pod {
  const found = TOPOLOGY.flatMap((key) => {
    const value = node?.metadata.labels?.[key];
    return value === undefined || pod.metadata.labels?.[key] === value ? [] : [[key, value] as const];
  });
  if (found.length === 0) return pod;
  return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...Object.fromEntries(found) } } };
}

export function admitPod(given: Pod, old: Pod | undefined, context: RequestContext): Admitted<Pod> {
  if (context.subresource !== '') return { ok: true, value: given };
  if (old) {
    const before = old.spec as V1PodSpec;
    const spec = given.spec as V1PodSpec;
    const kept = withMembers(spec, {
      priority: spec.priority ?? before.priority,
      preemptionPolicy: spec.preemptionPolicy ?? before.preemptionPolicy,
    });
    return { ok: true, value: waitFiveMinutes(kept === spec ? given : { ...given, spec: kept }) };
  }
  const limited = limitRanger(given, context);
  if (!limited.ok) return limited;
  const account = serviceAccount(limited.value, context);
  if (!account.ok) return account;
  const ranked = priority(account.value, context);
  if (!ranked.ok) return ranked;
  const patient = waitFiveMinutes(ranked.value);
  const node = patient.spec?.nodeName ? context.get<Node>('nodes', '', patient.spec.nodeName) : undefined;
  return { ok: true, value: topologyLabels(patient, node) };
}
