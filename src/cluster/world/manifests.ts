/** Manifests that lie ready on a control plane, as a cluster's administrator would have downloaded them: the projects' install files, shortened. */

import { stringify } from 'yaml';
import { Directory, RegularFile } from '../../os/inode.ts';
import { gatewayDefinitions } from '../api/kinds/gateway/index.ts';

const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const account = (name: string, ns: string): object => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: ns } });

/** Rights for a controller's account in the whole cluster. */
const rights = (name: string, ns: string, rules: readonly object[]): object[] => [
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: ns }],
  },
];

const READ = ['get', 'list', 'watch'];

function controller(name: string, ns: string, container: object, labels: Record<string, string>): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: ns, labels },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { serviceAccountName: name, containers: [container] } },
    },
  };
}

const frontDoor = (name: string, ns: string, labels: Record<string, string>, ports: readonly object[]): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: ns, labels },
  spec: { type: 'LoadBalancer', selector: labels, ports },
});

function ingressNginx(): object[] {
  const ns = 'ingress-nginx';
  const labels = { 'app.kubernetes.io/name': 'ingress-nginx', 'app.kubernetes.io/component': 'controller' };
  const name = 'ingress-nginx-controller';
  return [
    namespace(ns),
    account(name, ns),
    ...rights(name, ns, [
      { apiGroups: [''], resources: ['services', 'secrets', 'namespaces'], verbs: READ },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: READ },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['update', 'patch'] },
    ]),
    { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } },
    controller(
      name,
      ns,
      {
        name: 'controller',
        image: 'registry.k8s.io/ingress-nginx/controller:v1.14.0',
        args: ['/nginx-ingress-controller', `--publish-service=${ns}/${name}`],
        ports: [
          { name: 'http', containerPort: 80 },
          { name: 'https', containerPort: 443 },
        ],
      },
      labels,
    ),
    frontDoor(name, ns, labels, [
      { name: 'http', port: 80, targetPort: 'http', nodePort: 30801 },
      { name: 'https', port: 443, targetPort: 'https', nodePort: 30844 },
    ]),
  ];
}

function traefik(): object[] {
  const ns = 'traefik';
  const labels = { 'app.kubernetes.io/name': 'traefik' };
  return [
    namespace(ns),
    account('traefik', ns),
    ...rights('traefik', ns, [
      { apiGroups: [''], resources: ['services', 'secrets', 'namespaces'], verbs: READ },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: READ },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['update', 'patch'] },
    ]),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'traefik' },
      spec: { controller: 'traefik.io/ingress-controller' },
    },
    controller(
      'traefik',
      ns,
      {
        name: 'traefik',
        image: 'traefik:v3.6',
        args: [
          '--providers.kubernetesingress',
          `--providers.kubernetesingress.ingressendpoint.publishedservice=${ns}/traefik`,
          '--providers.kubernetesingress.strictprefixmatching=true',
          '--providers.kubernetesingress.allowemptyservices=true',
          '--accesslog=true',
        ],
        ports: [
          { name: 'web', containerPort: 8000 },
          { name: 'websecure', containerPort: 8443 },
        ],
      },
      labels,
    ),
    frontDoor('traefik', ns, labels, [
      { name: 'web', port: 80, targetPort: 'web', nodePort: 30800 },
      { name: 'websecure', port: 443, targetPort: 'websecure', nodePort: 30843 },
    ]),
  ];
}

function gateway(): object[] {
  const ns = 'gateway-system';
  const name = 'gateway-controller';
  return [
    namespace(ns),
    account(name, ns),
    ...rights(name, ns, [
      { apiGroups: [''], resources: ['services', 'secrets', 'namespaces'], verbs: [...READ, 'create', 'patch'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: [...READ, 'create'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
      { apiGroups: ['gateway.networking.k8s.io'], resources: ['*'], verbs: [...READ, 'update', 'patch'] },
    ]),
    controller(name, ns, { name: 'controller', image: 'hopwise/gateway-controller:v1.4.0' }, { app: name }),
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'hopwise' },
      spec: { controllerName: 'hopwise.dev/gateway-controller' },
    },
  ];
}

function ipMasqAgent(): object[] {
  const labels = { 'k8s-app': 'ip-masq-agent' };
  const config = 'nonMasqueradeCIDRs:\n- 10.244.0.0/16\n- 10.96.0.0/12\n- 192.168.56.0/24\nmasqLinkLocal: false\nresyncInterval: 60s\n';
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ip-masq-agent', namespace: 'kube-system' }, data: { config } },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'ip-masq-agent', namespace: 'kube-system' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            hostNetwork: true,
            tolerations: [{ operator: 'Exists' }],
            containers: [
              {
                name: 'ip-masq-agent',
                image: 'registry.k8s.io/networking/ip-masq-agent:v2.12.5',
                securityContext: { privileged: true },
                volumeMounts: [{ name: 'config', mountPath: '/etc/config' }],
              },
            ],
            volumes: [{ name: 'config', configMap: { name: 'ip-masq-agent', items: [{ key: 'config', path: 'ip-masq-agent' }] } }],
          },
        },
      },
    },
  ];
}

function metricsServer(): object[] {
  const ns = 'kube-system';
  const name = 'metrics-server';
  const labels = { 'k8s-app': name };
  const probe = (path: string): object => ({ failureThreshold: 3, httpGet: { path, port: 'https', scheme: 'HTTPS' }, periodSeconds: 10 });
  return [
    account(name, ns),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: {
        name: 'system:aggregated-metrics-reader',
        labels: {
          'rbac.authorization.k8s.io/aggregate-to-admin': 'true',
          'rbac.authorization.k8s.io/aggregate-to-edit': 'true',
          'rbac.authorization.k8s.io/aggregate-to-view': 'true',
        },
      },
      rules: [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: READ }],
    },
    ...rights(name, ns, [
      { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods', 'nodes'], verbs: READ },
    ]),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: ns, labels },
      spec: { selector: labels, ports: [{ appProtocol: 'https', name: 'https', port: 443, protocol: 'TCP', targetPort: 'https' }] },
    },
    controller(
      name,
      ns,
      {
        name,
        image: 'registry.k8s.io/metrics-server/metrics-server:v0.8.0',
        args: [
          '--cert-dir=/tmp',
          '--secure-port=10250',
          '--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname',
          '--kubelet-use-node-status-port',
          '--kubelet-insecure-tls',
          '--metric-resolution=15s',
        ],
        ports: [{ containerPort: 10250, name: 'https', protocol: 'TCP' }],
        livenessProbe: probe('/livez'),
        readinessProbe: { ...probe('/readyz'), initialDelaySeconds: 20 },
        resources: { requests: { cpu: '100m', memory: '200Mi' } },
      },
      labels,
    ),
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.metrics.k8s.io', labels },
      spec: {
        group: 'metrics.k8s.io',
        groupPriorityMinimum: 100,
        insecureSkipTLSVerify: true,
        service: { name, namespace: ns },
        version: 'v1beta1',
        versionPriority: 100,
      },
    },
  ];
}

const FILES: Readonly<Record<string, () => readonly object[]>> = {
  'gateway-api-crds.yaml': gatewayDefinitions,
  'gateway-controller.yaml': gateway,
  'ingress-nginx.yaml': ingressNginx,
  'traefik.yaml': traefik,
  'ip-masq-agent.yaml': ipMasqAgent,
  'metrics-server.yaml': metricsServer,
};

/** Written out when somebody looks into it. */
export function manifestDirectory(): Directory {
  return new Directory((d) => {
    for (const [name, objects] of Object.entries(FILES)) {
      const documents = objects().map((o) => stringify(JSON.parse(JSON.stringify(o)), { lineWidth: 0, aliasDuplicateObjects: false }));
      d.link(name, new RegularFile(documents.join('---\n'), 0o644));
    }
  });
}
