/** What `kubectl apply -f kube-flannel.yml` brings. Models flannel-io/flannel Documentation/kube-flannel.yml */

import type { KubeObject } from '../../api/object.ts';
import type { NetworkSettings } from '../network.ts';

export const FLANNEL_IMAGE = 'ghcr.io/flannel-io/flannel:v0.27.4';
export const FLANNEL_PLUGIN_IMAGE = 'ghcr.io/flannel-io/flannel-cni-plugin:v1.8.0-flannel1';

const NAMESPACE = 'kube-flannel';
const LABELS = { app: 'flannel', tier: 'node', 'k8s-app': 'flannel' };

const CNI_CONF = `{
  "name": "cbr0",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "flannel",
      "delegate": {
        "hairpinMode": true,
        "isDefaultGateway": true
      }
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      }
    }
  ]
}
`;

function netConf(network: string, backend: string): string {
  return `{
  "Network": "${network}",
  "EnableNFTables": false,
  "Backend": {
    "Type": "${backend}"
  }
}
`;
}

const copies = (name: string, image: string, from: string, to: string, mounts: readonly object[]): object => ({
  name,
  image,
  command: ['cp'],
  args: ['-f', from, to],
  volumeMounts: mounts,
});

export function flannelManifests(backend: 'vxlan' | 'host-gw', { clusterCIDR }: NetworkSettings): KubeObject[] {
  const meta = (name: string): object => ({ name, namespace: NAMESPACE, labels: LABELS });
  const cfg = { name: 'flannel-cfg', mountPath: '/etc/kube-flannel/' };
  const cni = { name: 'cni', mountPath: '/etc/cni/net.d' };
  const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const rules = [
    { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
  ];
  const spec = {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['linux'] }] }],
        },
      },
    },
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    serviceAccountName: 'flannel',
    tolerations: [{ effect: 'NoSchedule', operator: 'Exists' }],
    initContainers: [
      copies('install-cni', FLANNEL_IMAGE, '/etc/kube-flannel/cni-conf.json', '/etc/cni/net.d/10-flannel.conflist', [cni, cfg]),
    ],
    containers: [
      {
        name: 'kube-flannel',
        image: FLANNEL_IMAGE,
        command: ['/opt/bin/flanneld'],
        args: ['--ip-masq', '--kube-subnet-mgr'],
        env: [
          field('POD_NAME', 'metadata.name'),
          field('POD_NAMESPACE', 'metadata.namespace'),
          { name: 'EVENT_QUEUE_DEPTH', value: '5000' },
        ],
        resources: { requests: { cpu: '100m', memory: '50Mi' } },
        securityContext: { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
        volumeMounts: [{ name: 'run', mountPath: '/run/flannel' }, cfg, { name: 'xtables-lock', mountPath: '/run/xtables.lock' }],
      },
    ],
    volumes: [
      { name: 'run', hostPath: { path: '/run/flannel', type: 'DirectoryOrCreate' } },
      { name: 'cni', hostPath: { path: '/etc/cni/net.d', type: 'DirectoryOrCreate' } },
      { name: 'flannel-cfg', configMap: { name: 'kube-flannel-cfg' } },
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
    ],
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: NAMESPACE, labels: { 'k8s-app': 'flannel', 'pod-security.kubernetes.io/enforce': 'privileged' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'flannel', namespace: NAMESPACE, labels: { 'k8s-app': 'flannel' } } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'flannel', labels: { 'k8s-app': 'flannel' } },
      rules,
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'flannel', labels: { 'k8s-app': 'flannel' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'flannel' },
      subjects: [{ kind: 'ServiceAccount', name: 'flannel', namespace: NAMESPACE }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: meta('kube-flannel-cfg'),
      data: { 'cni-conf.json': CNI_CONF, 'net-conf.json': netConf(clusterCIDR, backend) },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: meta('kube-flannel-ds'),
      spec: { selector: { matchLabels: { app: 'flannel', 'k8s-app': 'flannel' } }, template: { metadata: { labels: LABELS }, spec } },
    },
  ] as unknown as KubeObject[];
}
