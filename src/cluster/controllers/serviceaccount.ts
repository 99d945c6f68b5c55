/** The default ServiceAccount and the CA's ConfigMap of each namespace. Models pkg/controller/serviceaccount and certificates/rootcacertpublisher. */

import { WorkQueue } from '../api/informer.ts';
import { type ConfigMap, type KubeObject, keyOf, type Namespace, type ServiceAccount } from '../api/object.ts';
import type { V1ConfigMap } from '../api/types.ts';
import type { Controller, ControllerContext, Running } from './context.ts';

const ROOT_CA = 'kube-root-ca.crt';
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Makes and keeps one object in each namespace that is not going. */
function perNamespace(ctx: ControllerContext, resource: string, name: string, ensure: (namespace: string) => boolean): Running {
  const queue = new WorkQueue(ctx.sim, (namespace) => {
    const ns = ctx.informers.of<Namespace>('namespaces').get(namespace);
    if (!ns || ns.metadata.deletionTimestamp !== undefined) return 'done';
    return ensure(namespace) ? 'done' : 'again';
  });
  ctx.informers.of<Namespace>('namespaces').on({ add: (ns) => queue.add(keyOf(ns)), update: (_, ns) => queue.add(keyOf(ns)) });
  const changed = (o: KubeObject): void => {
    if (o.metadata.name === name) queue.add(o.metadata.namespace ?? '');
  };
  ctx.informers.of<KubeObject>(resource).on({ update: (_, o) => changed(o), delete: changed });
  return { stop: () => queue.stop() };
}

const accepted = (r: {
  readonly ok: boolean;
  readonly status?: { readonly code?: number; readonly details?: { readonly causes?: readonly { readonly reason?: string }[] } };
}): boolean =>
  r.ok ||
  r.status?.code === 404 ||
  r.status?.code === 409 ||
  r.status?.details?.causes?.some((c) => c.reason === 'NamespaceTerminating') === true;

export const serviceAccount: Controller = {
  name: 'serviceaccount-controller',
  start: (ctx) =>
    perNamespace(ctx, 'serviceaccounts', 'default', (namespace) => {
      if (ctx.informers.of<ServiceAccount>('serviceaccounts').get(`${namespace}/default`)) return true;
      return accepted(ctx.client.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } }));
    }),
};

export const rootCA: Controller = {
  name: 'root-ca-certificate-publisher-controller',
  start: (ctx) =>
    perNamespace(ctx, 'configmaps', ROOT_CA, (namespace) => {
      const data = { 'ca.crt': ctx.options.rootCA ?? '' };
      const have = ctx.informers.of<ConfigMap>('configmaps').get(`${namespace}/${ROOT_CA}`);
      const annotations = { ...have?.metadata.annotations, 'kubernetes.io/description': DESCRIPTION };
      if (have) {
        if (have.data?.['ca.crt'] === data['ca.crt'] && have.metadata.annotations?.['kubernetes.io/description'] === DESCRIPTION)
          return true;
        return accepted(ctx.client.update({ ...have, metadata: { ...have.metadata, annotations }, data }));
      }
      const made: V1ConfigMap & KubeObject = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: ROOT_CA, namespace, annotations },
        data,
      };
      return accepted(ctx.client.create(made));
    }),
};
