/** The `kubernetes` Service and its endpoints, which the API server itself keeps. Models pkg/controlplane's kubernetesservice and the lease reconciler. */

import type { Client } from '../api/client.ts';
import { equal } from '../api/equal.ts';
import type { EndpointSlice, Endpoints, KubeObject, Service } from '../api/object.ts';
import type { V1EndpointSlice, V1Endpoints, V1Service } from '../api/types.ts';

export interface KubernetesService {
  /** Address and port of the API server. */
  readonly address: string;
  readonly port: number;
  /** First address of the service range. */
  readonly clusterIP: string;
}

/** Makes or mends Service, Endpoints and EndpointSlice. */
export function reconcileKubernetesService(client: Client, o: KubernetesService): void {
  const ports = [{ name: 'https', port: o.port, protocol: 'TCP' }];
  const service: V1Service & KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP: o.clusterIP,
      clusterIPs: [o.clusterIP],
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: o.port as unknown as string }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
  };
  if (!client.get<Service>('services', 'default', 'kubernetes').ok) client.create(service);
  const subsets = [{ addresses: [{ ip: o.address }], ports }];
  const endpoints: V1Endpoints & KubeObject = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets,
  };
  const haveEndpoints = client.get<Endpoints>('endpoints', 'default', 'kubernetes');
  if (!haveEndpoints.ok) client.create(endpoints);
  else if (!equal(haveEndpoints.value.subsets, subsets)) client.update({ ...haveEndpoints.value, subsets });
  const slice: V1EndpointSlice & KubeObject = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: o.address.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [o.address], conditions: { ready: true } }],
    ports,
  };
  const haveSlice = client.get<EndpointSlice>('endpointslices.discovery.k8s.io', 'default', 'kubernetes');
  if (!haveSlice.ok) client.create(slice);
  else if (!equal(haveSlice.value.endpoints, slice.endpoints) || !equal(haveSlice.value.ports, ports))
    client.update({ ...haveSlice.value, endpoints: slice.endpoints, ports });
}
