/** What the API fills into pods and pod templates. Models pkg/apis/core/v1/defaults.go. */

import type { Pod } from '../object.ts';
import { canonicalQuantity, parseQuantity, quantityText, roundedToMilli } from '../quantity.ts';
import type {
  V1Container,
  V1ContainerPort,
  V1EnvVar,
  V1HTTPGetAction,
  V1Lifecycle,
  V1LifecycleHandler,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Probe,
  V1ResourceRequirements,
  V1Volume,
  V1VolumeProjection,
} from '../types.ts';
import { mapSame, withMembers } from './common.ts';

type Quantities = Readonly<Record<string, string>>;

function mapValues(list: Quantities | undefined, f: (value: string) => string): Quantities | undefined {
  if (!list) return list;
  let out: Record<string, string> | undefined;
  for (const [k, v] of Object.entries(list)) {
    const made = f(v);
    if (made === v) continue;
    out ??= { ...list };
    out[k] = made;
  }
  return out ?? list;
}

/** Rounded up to thousandths and in canonical form. */
export function resourceList(list: Quantities | undefined): Quantities | undefined {
  return mapValues(list, (text) => {
    const q = parseQuantity(text);
    return typeof q === 'string' ? text : quantityText(roundedToMilli(q));
  });
}

/** Without a tag an image is the latest one, which is pulled each time. */
export function pullPolicy(image: string): string {
  const at = image.indexOf('@');
  const name = at < 0 ? image : image.slice(0, at);
  const tag = /:([^/:]+)$/.exec(name)?.[1] ?? (at < 0 ? 'latest' : '');
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

const httpGet = (a: V1HTTPGetAction | undefined): V1HTTPGetAction | undefined =>
  a && withMembers(a, { path: a.path || '/', scheme: a.scheme || 'HTTP' });

function probe(p: V1Probe | undefined): V1Probe | undefined {
  if (!p) return p;
  const grpc = p.grpc;
  return withMembers(p, {
    timeoutSeconds: p.timeoutSeconds || 1,
    periodSeconds: p.periodSeconds || 10,
    successThreshold: p.successThreshold || 1,
    failureThreshold: p.failureThreshold || 3,
    httpGet: httpGet(p.httpGet),
    grpc: grpc && withMembers(grpc, { service: grpc.service ?? '' }),
  });
}

const hook = (h: V1LifecycleHandler | undefined): V1LifecycleHandler | undefined => h && withMembers(h, { httpGet: httpGet(h.httpGet) });
const lifecycle = (l: V1Lifecycle | undefined): V1Lifecycle | undefined =>
  l && withMembers(l, { postStart: hook(l.postStart), preStop: hook(l.preStop) });

function env(e: V1EnvVar): V1EnvVar {
  const from = e.valueFrom;
  const ref = from?.fieldRef;
  const file = from?.fileKeyRef;
  if (!from || (!ref && !file)) return e;
  const made = withMembers(from, {
    fieldRef: ref && withMembers(ref, { apiVersion: ref.apiVersion || 'v1' }),
    fileKeyRef: file && withMembers(file, { optional: file.optional ?? false }),
  });
  return made === from ? e : { ...e, valueFrom: made };
}

const port = (p: V1ContainerPort): V1ContainerPort => withMembers(p, { protocol: p.protocol || 'TCP' });

function container<T extends V1Container>(c: T): T {
  const r: V1ResourceRequirements = c.resources ?? {};
  return withMembers(c, {
    imagePullPolicy: c.imagePullPolicy || pullPolicy(c.image ?? ''),
    terminationMessagePath: c.terminationMessagePath || '/dev/termination-log',
    terminationMessagePolicy: c.terminationMessagePolicy || 'File',
    ports: mapSame(c.ports, port),
    env: mapSame(c.env, env),
    resources: withMembers(r, { limits: resourceList(r.limits), requests: resourceList(r.requests) }),
    livenessProbe: probe(c.livenessProbe),
    readinessProbe: probe(c.readinessProbe),
    startupProbe: probe(c.startupProbe),
    lifecycle: lifecycle(c.lifecycle),
  });
}

function projection(s: V1VolumeProjection): V1VolumeProjection {
  const token = s.serviceAccountToken;
  const down = s.downwardAPI;
  return withMembers(s, {
    serviceAccountToken: token && withMembers(token, { expirationSeconds: token.expirationSeconds ?? 3600 }),
    downwardAPI:
      down &&
      withMembers(down, {
        items: mapSame(down.items, (f) =>
          withMembers(f, { fieldRef: f.fieldRef && withMembers(f.fieldRef, { apiVersion: f.fieldRef.apiVersion || 'v1' }) }),
        ),
      }),
  });
}

function volume(v: V1Volume): V1Volume {
  if (Object.keys(v).length <= 1) return { ...v, emptyDir: {} };
  const moded = <T extends { readonly defaultMode?: number }>(s: T | undefined): T | undefined =>
    s && withMembers(s, { defaultMode: s.defaultMode ?? 0o644 });
  const projected = moded(v.projected);
  const down = moded(v.downwardAPI);
  return withMembers(v, {
    secret: moded(v.secret),
    configMap: moded(v.configMap),
    downwardAPI:
      down &&
      withMembers(down, {
        items: mapSame(down.items, (f) =>
          withMembers(f, { fieldRef: f.fieldRef && withMembers(f.fieldRef, { apiVersion: f.fieldRef.apiVersion || 'v1' }) }),
        ),
      }),
    projected: projected && withMembers(projected, { sources: mapSame(projected.sources, projection) }),
    hostPath: v.hostPath && withMembers(v.hostPath, { type: v.hostPath.type ?? '' }),
    image: v.image && withMembers(v.image, { pullPolicy: v.image.pullPolicy || pullPolicy(v.image.reference ?? '') }),
    emptyDir:
      v.emptyDir?.sizeLimit === undefined ? v.emptyDir : withMembers(v.emptyDir, { sizeLimit: canonicalQuantity(v.emptyDir.sizeLimit) }),
  });
}

export function podSpecDefaults(spec: V1PodSpec): V1PodSpec {
  const account = spec.serviceAccountName || spec.serviceAccount;
  return withMembers(spec, {
    dnsPolicy: spec.dnsPolicy || 'ClusterFirst',
    restartPolicy: spec.restartPolicy || 'Always',
    securityContext: spec.securityContext ?? {},
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    schedulerName: spec.schedulerName || 'default-scheduler',
    serviceAccountName: account,
    serviceAccount: account,
    containers: mapSame(spec.containers, container),
    initContainers: mapSame(spec.initContainers, container),
    ephemeralContainers: mapSame(spec.ephemeralContainers, container),
    volumes: mapSame(spec.volumes, volume),
    overhead: resourceList(spec.overhead),
  });
}

export function templateDefaults(template: V1PodTemplateSpec): V1PodTemplateSpec {
  return withMembers(template, { metadata: template.metadata ?? {}, spec: podSpecDefaults(template.spec ?? { containers: [] }) });
}

/** A limit without a request is the request too; only pods, not templates. */
function requestsOfLimits(c: V1Container): V1Container {
  const limits = c.resources?.limits;
  if (!limits || Object.keys(limits).every((k) => c.resources?.requests?.[k] !== undefined)) return c;
  return { ...c, resources: { ...c.resources, requests: { ...limits, ...c.resources?.requests } } };
}

const hostPort = (c: V1Container): V1Container =>
  withMembers(c, { ports: mapSame(c.ports, (p) => (p.hostPort ? p : { ...p, hostPort: p.containerPort })) });

export function podDefaults(pod: Pod): Pod {
  const base = podSpecDefaults(pod.spec ?? { containers: [] });
  const onHost = (c: V1Container): V1Container => (base.hostNetwork ? hostPort(c) : c);
  const spec = withMembers(base, {
    enableServiceLinks: base.enableServiceLinks ?? true,
    containers: mapSame(base.containers, (c) => onHost(requestsOfLimits(c))),
    initContainers: mapSame(base.initContainers, (c) => onHost(requestsOfLimits(c))),
  });
  return spec === pod.spec ? pod : { ...pod, spec };
}
