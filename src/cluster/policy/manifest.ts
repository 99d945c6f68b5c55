/** What an administrator applies so that a network without policies of its own gets them enforced: one agent on each node. */

import type { KubeObject } from '../api/object.ts';
import type { Image } from '../images/image.ts';

const NAME = 'network-policy-agent';
const TAG = '1.0';

export const POLICY_IMAGE: Image = {
  repository: `docker.io/hopwise/${NAME}`,
  tags: [TAG],
  base: 'debian',
  cmd: [`/usr/local/bin/${NAME}`],
  programs: [
    `${NAME}=/usr/local/bin/${NAME}`,
    ...'iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore ipset'.split(' '),
  ],
  size: 18_204_160,
};

export function policyManifests(enforcer: string): KubeObject[] {
  const labels = { 'k8s-app': NAME };
  const metadata = { name: NAME, namespace: 'kube-system', labels };
  const rules = [
    { apiGroups: [''], resources: ['pods', 'namespaces', 'services'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['get', 'list', 'watch'] },
  ];
  const objects = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: NAME }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: NAME },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: NAME },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: 'kube-system' }],
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: NAME,
                image: `hopwise/${NAME}:${TAG}`,
                command: [`/usr/local/bin/${NAME}`, '--node-name=$(NODE_NAME)', `--enforcer=${enforcer}`],
                env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
                securityContext: { privileged: true },
              },
            ],
            hostNetwork: true,
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            priorityClassName: 'system-node-critical',
            serviceAccountName: NAME,
            tolerations: [{ operator: 'Exists' }],
          },
        },
      },
    },
  ];
  return objects as unknown as KubeObject[];
}
