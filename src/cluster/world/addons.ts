/** What kubeadm and an administrator bring into a cluster: static pods of the control plane, kube-proxy, CoreDNS. */

import type { KubeObject } from '../api/object.ts';
import { COREDNS_IMAGE, KUBERNETES_VERSION } from '../images/addons.ts';
import type { KubernetesSpec } from './file.ts';
import type { NodePlace } from './network.ts';

function staticPod(name: string, image: string, command: readonly string[], probe: string): string {
  return `apiVersion: v1
kind: Pod
metadata:
  labels:
    component: ${name}
    tier: control-plane
  name: ${name}
  namespace: kube-system
spec:
  containers:
  - command:
${command.map((c) => `    - ${c}\n`).join('')}    image: ${image}
    imagePullPolicy: IfNotPresent
    name: ${name}
    resources:
      requests:
        cpu: 100m
${probe}  hostNetwork: true
  priority: 2000001000
  priorityClassName: system-node-critical
  securityContext:
    seccompProfile:
      type: RuntimeDefault
`;
}

/** Manifests for /etc/kubernetes/manifests. */
export function controlPlane(place: NodePlace, k: KubernetesSpec): { readonly name: string; readonly text: string }[] {
  const image = (name: string): string => `registry.k8s.io/${name}:${KUBERNETES_VERSION}`;
  const pods: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'etcd',
      'registry.k8s.io/etcd:3.6.6-0',
      [
        'etcd',
        `--advertise-client-urls=https://${place.ip}:2379`,
        '--data-dir=/var/lib/etcd',
        `--listen-client-urls=https://127.0.0.1:2379,https://${place.ip}:2379`,
        `--name=${place.machine.name}`,
      ],
    ],
    [
      'kube-apiserver',
      image('kube-apiserver'),
      [
        'kube-apiserver',
        `--advertise-address=${place.ip}`,
        '--allow-privileged=true',
        '--authorization-mode=Node,RBAC',
        '--secure-port=6443',
        `--service-cluster-ip-range=${k.serviceCIDRs.join(',')}`,
      ],
    ],
    [
      'kube-controller-manager',
      image('kube-controller-manager'),
      [
        'kube-controller-manager',
        '--allocate-node-cidrs=true',
        `--cluster-cidr=${k.clusterCIDRs.join(',')}`,
        '--cluster-name=kubernetes',
        '--kubeconfig=/etc/kubernetes/controller-manager.conf',
        `--service-cluster-ip-range=${k.serviceCIDRs.join(',')}`,
      ],
    ],
    ['kube-scheduler', image('kube-scheduler'), ['kube-scheduler', '--kubeconfig=/etc/kubernetes/scheduler.conf', '--leader-elect=true']],
  ];
  return pods.map(([name, img, command]) => ({ name: `${name}.yaml`, text: staticPod(name, img, command, '') }));
}

const COREFILE = (domain: string): string => `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ${domain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${domain}
       disable denial ${domain}
    }
    loop
    reload
    loadbalance
}
`;

const ANYWHERE = [{ operator: 'Exists' }];

function kubeProxy(k: KubernetesSpec): KubeObject[] {
  const config = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
clusterCIDR: ${k.clusterCIDRs.join(',')}
conntrack:
  maxPerCore: 0
  tcpEstablishedTimeout: 0s
  tcpCloseWaitTimeout: 0s
kind: KubeProxyConfiguration
mode: ${k.proxyMode}
`;
  const labels = { 'k8s-app': 'kube-proxy' };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'kube-proxy', namespace: 'kube-system' } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-proxy', namespace: 'kube-system', labels: { app: 'kube-proxy' } },
      data: { 'config.conf': config },
    } as KubeObject,
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'kube-proxy', namespace: 'kube-system', labels },
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate' },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'kube-proxy',
                image: `registry.k8s.io/kube-proxy:${KUBERNETES_VERSION}`,
                command: ['/usr/local/bin/kube-proxy', '--config=/var/lib/kube-proxy/config.conf', '--hostname-override=$(NODE_NAME)'],
                env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
                securityContext: { privileged: true },
                volumeMounts: [{ name: 'kube-proxy', mountPath: '/var/lib/kube-proxy' }],
              },
            ],
            dnsPolicy: 'ClusterFirst',
            hostNetwork: true,
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            priorityClassName: 'system-node-critical',
            serviceAccountName: 'kube-proxy',
            tolerations: ANYWHERE,
            volumes: [{ name: 'kube-proxy', configMap: { name: 'kube-proxy' } }],
          },
        },
      },
    } as KubeObject,
  ];
}

function nodesOf(names: readonly string[]): object {
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: names }];
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } };
}

function coreDns(k: KubernetesSpec, replicas: number): KubeObject[] {
  const labels = { 'k8s-app': 'kube-dns' };
  const domain = k.clusterDomain ?? 'cluster.local';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'coredns', namespace: 'kube-system' } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace: 'kube-system' },
      data: { Corefile: COREFILE(domain) },
    } as KubeObject,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: { ...labels, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
        annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
      },
      spec: {
        clusterIP: k.clusterDNS,
        selector: labels,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
          { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
          { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
        ],
      },
    } as KubeObject,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'coredns', namespace: 'kube-system', labels },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        template: {
          metadata: { labels },
          spec: {
            affinity: {
              ...(k.dnsNodes ? { nodeAffinity: nodesOf(k.dnsNodes) } : {}),
              podAntiAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  {
                    weight: 100,
                    podAffinityTerm: {
                      labelSelector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }] },
                      topologyKey: 'kubernetes.io/hostname',
                    },
                  },
                ],
              },
            },
            containers: [
              {
                name: 'coredns',
                image: COREDNS_IMAGE,
                args: ['-conf', '/etc/coredns/Corefile'],
                ports: [
                  { name: 'dns', containerPort: 53, protocol: 'UDP' },
                  { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
                  { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
                ],
                resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
                livenessProbe: {
                  httpGet: { path: '/health', port: 8080, scheme: 'HTTP' },
                  initialDelaySeconds: 60,
                  timeoutSeconds: 5,
                  successThreshold: 1,
                  failureThreshold: 5,
                },
                readinessProbe: { httpGet: { path: '/ready', port: 8181, scheme: 'HTTP' } },
                volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
              },
            ],
            dnsPolicy: 'Default',
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            priorityClassName: 'system-cluster-critical',
            serviceAccountName: 'coredns',
            tolerations: [
              { key: 'CriticalAddonsOnly', operator: 'Exists' },
              { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
            ],
            volumes: [{ name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } }],
          },
        },
      },
    } as KubeObject,
  ];
}

export const proxyManifests = (k: KubernetesSpec): KubeObject[] => (k.proxyMode === 'none' ? [] : kubeProxy(k));

export const dnsManifests = (k: KubernetesSpec): KubeObject[] => ((k.dnsReplicas ?? 2) > 0 ? coreDns(k, k.dnsReplicas ?? 2) : []);
