/** Warnings that come along with accepted objects. Models the WarningsOnCreate and WarningsOnUpdate of the registry's strategies. */

import { equal } from '../equal.ts';
import { warningsForCIDR, warningsForIP } from '../ip.ts';
import { registerKind } from '../kind.ts';
import { dns1123Label } from '../names.ts';
import type { AnyObject, EndpointSlice, NetworkPolicy, Pod } from '../object.ts';
import type { V1PodSpec, V1PodTemplateSpec } from '../types.ts';
import { podWarnings } from './pod-warnings.ts';

const SURPRISING = 'which can result in surprising behavior; a DNS label is recommended';

registerKind<Pod>('Pod', {
  // Updates are many and made by programs: upstream does not look at them.
  warnings(pod, old) {
    if (old) return [];
    const found = dns1123Label(pod.metadata.name);
    const named = found.length > 0 ? [`metadata.name: this is used in the Pod's hostname, ${SURPRISING}: [${found.join(' ')}]`] : [];
    return [...named, ...podWarnings('', pod.spec as V1PodSpec, pod.metadata.annotations)];
  },
});

type Json = Readonly<Record<string, unknown>>;
const of = (v: unknown): Json => (typeof v === 'object' && v !== null ? (v as Json) : {});

function templated(type: string, path: string, names: boolean): void {
  const templateOf = (o: AnyObject): V1PodTemplateSpec => {
    let at: unknown = o;
    for (const key of path.split('.')) at = of(at)[key];
    return of(at) as V1PodTemplateSpec;
  };
  registerKind<AnyObject>(type, {
    warnings(o, old) {
      if (old && equal(o['spec'], old['spec'])) return [];
      const found = names && !old ? dns1123Label(o.metadata.name) : [];
      const named = found.length > 0 ? [`metadata.name: this is used in Pod names and hostnames, ${SURPRISING}: [${found.join(' ')}]`] : [];
      const template = templateOf(o);
      return [...named, ...podWarnings(path, (template.spec ?? {}) as V1PodSpec, template.metadata?.annotations)];
    },
  });
}

templated('Deployment.apps', 'spec.template', true);
templated('ReplicaSet.apps', 'spec.template', true);
templated('StatefulSet.apps', 'spec.template', true);
templated('DaemonSet.apps', 'spec.template', false);
templated('ReplicationController', 'spec.template', true);
templated('Job.batch', 'spec.template', true);
templated('CronJob.batch', 'spec.jobTemplate.spec.template', true);

registerKind<NetworkPolicy>('NetworkPolicy.networking.k8s.io', {
  warnings(o) {
    const rules = [
      ...(o.spec?.ingress ?? []).map((r, i) => [`spec.ingress[${i}].from`, r.from ?? []] as const),
      ...(o.spec?.egress ?? []).map((r, i) => [`spec.egress[${i}].to`, r.to ?? []] as const),
    ];
    return rules.flatMap(([path, peers]) =>
      peers.flatMap(({ ipBlock }, i) =>
        ipBlock
          ? [
              ...warningsForCIDR(`${path}[${i}].ipBlock.cidr`, ipBlock.cidr),
              ...(ipBlock.except ?? []).flatMap((e, k) => warningsForCIDR(`${path}[${i}].ipBlock.except[${k}]`, e)),
            ]
          : [],
      ),
    );
  },
});

registerKind<EndpointSlice>('EndpointSlice.discovery.k8s.io', {
  warnings(s, old) {
    if (s.addressType === 'FQDN' || (old && equal(s.endpoints, old.endpoints))) return [];
    return (s.endpoints ?? []).flatMap((e, i) =>
      (e.addresses ?? []).flatMap((ip, k) => warningsForIP(`endpoints[${i}].addresses[${k}]`, ip)),
    );
  },
});
