/** What `kubectl apply -f calico.yaml` brings: definitions, configuration, the daemon. Models projectcalico/calico manifests/calico.yaml */

import type { KubeObject } from '../../api/object.ts';
import type { NetworkSettings } from '../network.ts';

export const CALICO_NODE_IMAGE = 'quay.io/calico/node:v3.31.0';
export const CALICO_CNI_IMAGE = 'quay.io/calico/cni:v3.31.0';

const CONFLIST = `{
  "name": "k8s-pod-network",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "calico",
      "log_level": "info",
      "log_file_path": "/var/log/calico/cni/cni.log",
      "datastore_type": "kubernetes",
      "nodename": "__KUBERNETES_NODE_NAME__",
      "mtu": __CNI_MTU__,
      "ipam": {
          "type": "calico-ipam"
      },
      "policy": {
          "type": "k8s"
      },
      "kubernetes": {
          "kubeconfig": "__KUBECONFIG_FILEPATH__"
      }
    },
    {
      "type": "portmap",
      "snat": true,
      "capabilities": {"portMappings": true}
    },
    {
      "type": "bandwidth",
      "capabilities": {"bandwidth": true}
    }
  ]
}`;

const DEFINITIONS: readonly (readonly [kind: string, plural: string])[] = [
  ['BlockAffinity', 'blockaffinities'],
  ['IPAMBlock', 'ipamblocks'],
  ['IPAMHandle', 'ipamhandles'],
  ['IPPool', 'ippools'],
];

function definition(kind: string, plural: string): KubeObject {
  const group = 'crd.projectcalico.org';
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: 'Cluster',
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  } as unknown as KubeObject;
}

const LABELS = { 'k8s-app': 'calico-node' };

/** `ipip`: packets to other nodes are wrapped; else BGP's routes carry them as they are. */
export function calicoManifests(ipip: boolean, { clusterCIDR }: NetworkSettings): KubeObject[] {
  const kubeSystem = (name: string): object => ({ name, namespace: 'kube-system' });
  const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const config = (name: string, key: string): object => ({ name, valueFrom: { configMapKeyRef: { name: 'calico-config', key } } });
  const value = (name: string, text: string): object => ({ name, value: text });
  const anywhere = [
    { effect: 'NoSchedule', operator: 'Exists' },
    { key: 'CriticalAddonsOnly', operator: 'Exists' },
    { effect: 'NoExecute', operator: 'Exists' },
  ];
  const spec = {
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    hostNetwork: true,
    tolerations: anywhere,
    serviceAccountName: 'calico-node',
    terminationGracePeriodSeconds: 0,
    priorityClassName: 'system-node-critical',
    initContainers: [
      {
        name: 'install-cni',
        image: CALICO_CNI_IMAGE,
        command: ['/opt/cni/bin/install'],
        env: [
          field('KUBERNETES_NODE_NAME', 'spec.nodeName'),
          value('CNI_CONF_NAME', '10-calico.conflist'),
          config('CNI_NETWORK_CONFIG', 'cni_network_config'),
          config('CNI_MTU', 'veth_mtu'),
          value('SLEEP', 'false'),
        ],
        volumeMounts: [{ name: 'cni-net-dir', mountPath: '/host/etc/cni/net.d' }],
        securityContext: { privileged: true },
      },
    ],
    containers: [
      {
        name: 'calico-node',
        image: CALICO_NODE_IMAGE,
        env: [
          value('DATASTORE_TYPE', 'kubernetes'),
          value('WAIT_FOR_DATASTORE', 'true'),
          field('NODENAME', 'spec.nodeName'),
          value('CALICO_NETWORKING_BACKEND', 'bird'),
          value('CLUSTER_TYPE', 'k8s,bgp'),
          value('IP', 'autodetect'),
          value('CALICO_IPV4POOL_CIDR', clusterCIDR),
          value('CALICO_IPV4POOL_IPIP', ipip ? 'Always' : 'Never'),
          value('CALICO_IPV4POOL_VXLAN', 'Never'),
          value('FELIX_DEFAULTENDPOINTTOHOSTACTION', 'ACCEPT'),
          value('FELIX_IPV6SUPPORT', 'false'),
          value('FELIX_HEALTHENABLED', 'true'),
        ],
        securityContext: { privileged: true },
        resources: { requests: { cpu: '250m' } },
        volumeMounts: [{ name: 'var-lib-calico', mountPath: '/var/lib/calico' }],
      },
    ],
    volumes: [
      { name: 'var-lib-calico', hostPath: { path: '/var/lib/calico', type: 'DirectoryOrCreate' } },
      { name: 'cni-net-dir', hostPath: { path: '/etc/cni/net.d' } },
    ],
  };
  const rules = [
    { apiGroups: [''], resources: ['pods', 'nodes', 'namespaces'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch', 'update'] },
    {
      apiGroups: ['crd.projectcalico.org'],
      resources: DEFINITIONS.map(([, plural]) => plural),
      verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'],
    },
  ];
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'calico-node' } };
  return [
    ...DEFINITIONS.map(([kind, plural]) => definition(kind, plural)),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: kubeSystem('calico-node') },
    { ...role, kind: 'ClusterRole', rules },
    {
      ...role,
      kind: 'ClusterRoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'calico-node' },
      subjects: [{ kind: 'ServiceAccount', name: 'calico-node', namespace: 'kube-system' }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: kubeSystem('calico-config'),
      data: { typha_service_name: 'none', calico_backend: 'bird', veth_mtu: ipip ? '1480' : '1500', cni_network_config: CONFLIST },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { ...kubeSystem('calico-node'), labels: LABELS },
      spec: {
        selector: { matchLabels: LABELS },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        template: { metadata: { labels: LABELS }, spec },
      },
    },
  ] as unknown as KubeObject[];
}
