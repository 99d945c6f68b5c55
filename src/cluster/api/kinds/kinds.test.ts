import { expect, test } from 'vitest';
import { parse } from 'yaml';
import './index.ts';
import type { AnyObject } from '../object.ts';
import { Harness } from './harness.ts';

function world(): Harness {
  const h = new Harness();
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
  h.objects.set('serviceaccounts/default/default', account as AnyObject);
  return h;
}

/** What the server of the recordings (v1.36) answered, from 05-errors-apply. */
const RECORDED: readonly (readonly [string, readonly string[]])[] = [
  [
    `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80, name: toolongportname1},{containerPort: 80},{containerPort: 0},{containerPort: 80, hostPort: 70000}]},{name: c, image: nginx}]}}`,
    [
      'spec.containers[0].ports[0].name: Invalid value: "toolongportname1": must be no more than 15 characters',
      'spec.containers[0].ports[2].containerPort: Required value',
      'spec.containers[0].ports[3].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.containers[1].name: Duplicate value: "c"',
    ],
  ],
  [`{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}`, ['spec.containers: Required value']],
  [
    `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, addressType: IPv4, endpoints: [{addresses: ["fd00::1"]},{addresses: ["127.0.0.1"]},{addresses: []},{addresses: ["010.1.1.1"]}], ports: [{name: UP, port: 0, protocol: X},{name: a, port: 1},{name: a, port: 2}]}`,
    [
      `ports[0].name: Invalid value: "UP": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
      'ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
      'ports[2].name: Duplicate value: "a"',
      'endpoints[0].addresses: Invalid value: "fd00::1": must be an IPv4 address',
      'endpoints[1].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'endpoints[2].addresses: Required value: must contain at least 1 address',
      'endpoints[3].addresses[0]: Invalid value: "010.1.1.1": must not have leading 0s',
    ],
  ],
  [
    `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: {podSelector: {}, policyTypes: [ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [192.168.0.0/16]}, podSelector: {}},{},{ipBlock: {cidr: 10.0.0.1}}], ports: [{port: 80, endPort: 70},{port: http, endPort: 90},{protocol: TCPP, port: 0}]}]}}`,
    [
      'spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`',
      'spec.ingress[0].ports[1].endPort: Invalid value: 90: may not be specified when `port` is non-numeric',
      'spec.ingress[0].ports[2].protocol: Unsupported value: "TCPP": supported values: "TCP", "UDP", "SCTP"',
      'spec.ingress[0].ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "192.168.0.0/16": must be a strict subset of `cidr`',
      'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
      'spec.ingress[0].from[1]: Required value: must specify a peer',
      'spec.ingress[0].from[2].ipBlock.cidr: Invalid value: "10.0.0.1": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      'spec.policyTypes[0]: Unsupported value: "ingress": supported values: "Ingress", "Egress"',
    ],
  ],
  [
    `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [{host: x.y, http: {paths: [{path: foo, pathType: Prefix, backend: {service: {name: a, port: {number: 80, name: x}}}},{path: /, backend: {service: {name: a}}}]}}]}}`,
    [
      'spec.rules[0].http.paths[0].path: Invalid value: "foo": must be an absolute path',
      'spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both port name & port number',
      'spec.rules[0].http.paths[1].pathType: Required value: pathType must be specified',
    ],
  ],
  [
    `{apiVersion: apps/v1, kind: Deployment, metadata: {name: b}, spec: {selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: b}}, spec: {containers: [{name: c, image: x}]}}}}`,
    ['spec.template.metadata.labels: Invalid value: {"app":"b"}: `selector` does not match template `labels`'],
  ],
];

test('a Deployment without a selector', () => {
  const template = '{metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: x}]}}';
  expect(
    world().apply(parse(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: ${template}}}`)).errors,
  ).toEqual([
    'spec.selector: Required value',
    'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
  ]);
});

test('what the recorded server says of bad manifests', () => {
  for (const [manifest, want] of RECORDED) expect(world().apply(parse(manifest)).errors, manifest).toEqual(want);
});

test('a Pod as kubectl get -o yaml shows it', () => {
  const { object, errors, error } = world().apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '0.5' }, limits: { memory: '1024Mi' } } }] },
  });
  expect([error, errors]).toEqual([undefined, []]);
  const token = (object as unknown as { spec: { volumes: { name: string }[] } }).spec.volumes[0]?.name ?? '';
  expect(token).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
  expect(object['spec']).toEqual({
    containers: [
      {
        name: 'c',
        image: 'nginx',
        imagePullPolicy: 'Always',
        resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '1Gi' } },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        volumeMounts: [{ name: token, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
      },
    ],
    dnsPolicy: 'ClusterFirst',
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
    priority: 0,
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    serviceAccount: 'default',
    serviceAccountName: 'default',
    terminationGracePeriodSeconds: 30,
    tolerations: [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ],
    volumes: [
      {
        name: token,
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
          ],
        },
      },
    ],
  });
  expect(object['status']).toEqual({ phase: 'Pending', qosClass: 'Burstable' });
});

test('a refused update of a Pod shows the difference of the specs', () => {
  const pod = (port: number) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'nginx:1', ports: [{ containerPort: port }] }] },
  });
  const h = world();
  h.apply(pod(80));
  const { serviceAccountName, ...rest } = pod(81).spec as Record<string, unknown>;
  const { errors } = h.apply({ ...pod(81), spec: { ...rest, serviceAccountName: 'default' } });
  expect(errors).toHaveLength(1);
  expect(errors[0]).toBe(
    'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n' +
      '@@ -12,7 +12,7 @@\n     {\n      "Name": "",\n      "HostPort": 0,\n-     "ContainerPort": 80,\n+     "ContainerPort": 81,\n      "Protocol": "TCP",\n      "HostIP": ""\n     }\n',
  );
  expect(
    h.apply({ ...pod(80), spec: { ...pod(80).spec, containers: [{ name: 'c', image: 'nginx:2', ports: [{ containerPort: 80 }] }] } })
      .errors,
  ).toEqual([expect.stringContaining('pod updates may not change fields')]);
});

test('warnings', () => {
  const ports = [{ containerPort: 80 }];
  const pod = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
      containers: [
        { name: 'a', image: 'a', ports },
        { name: 'b', image: 'b', ports },
      ],
    },
  });
  expect(world().apply(pod('a')).warnings).toEqual([
    'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    'spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]',
  ]);
  expect(world().apply(pod('a.b')).warnings[0]).toBe(
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
  );
  const policy = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8}}]}]}}`;
  expect(world().apply(parse(policy)).warnings).toEqual([
    'spec.ingress[0].from[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
  ]);
});
