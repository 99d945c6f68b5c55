import { expect, test } from 'vitest';
import './rules-service.ts';
import { Harness } from './harness.ts';

const service = (spec: unknown, name = 'a') => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
const create = (spec: unknown) => {
  const { error, errors } = new Harness().apply(service(spec));
  return error ?? errors.join('\n');
};
const port = [{ port: 80 }];

test('what the recorded server says of a bad Service', () => {
  const rows: readonly (readonly [unknown, string])[] = [
    [
      { ports: [{ port: 70000 }] },
      'spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive\nspec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      { ports: [{ port: 80, protocol: 'ICMP' }] },
      'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      { type: 'NodePorts', ports: port },
      'spec.type: Unsupported value: "NodePorts": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      { externalTrafficPolicy: 'Local', ports: port },
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      { type: 'NodePort', clusterIP: 'None', ports: port },
      `spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`,
    ],
    [{ type: 'ExternalName' }, 'spec.externalName: Required value'],
    [
      { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.77.7' },
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    ],
    [{ ports: [{ port: 80, nodePort: 30180 }] }, "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    [{ ports: [{ port: 80 }, { port: 81 }] }, 'spec.ports[0].name: Required value\nspec.ports[1].name: Required value'],
    [
      {
        ports: [
          { name: 'p1', port: 80 },
          { name: 'p2', port: 80 },
        ],
      },
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
    [
      { loadBalancerSourceRanges: ['10.0.0.0/8'], ports: port },
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { externalIPs: ['127.0.0.1', 'abc'], ports: port },
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)\nspec.externalIPs[1]: Invalid value: "abc": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } }, ports: port },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400',
    ],
    [
      { clusterIP: '192.168.1.1', ports: port },
      'Service "a" is invalid: spec.clusterIPs: Invalid value: ["192.168.1.1"]: failed to allocate IP 192.168.1.1: the provided network does not match the current range',
    ],
    [
      { clusterIP: '1.2.3.400', ports: port },
      'Service "a" is invalid: spec.clusterIPs[0]: Invalid value: "1.2.3.400": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] },
      'Service "a" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ],
  ];
  for (const [spec, text] of rows) expect(create(spec)).toBe(text);
});

test('addresses and ports are taken once, kept over updates and given back', () => {
  const h = new Harness();
  expect(h.apply(service({ clusterIP: '10.96.20.1', ports: port })).errors).toEqual([]);
  expect(h.objects.get('ipaddresses.networking.k8s.io//10.96.20.1')).toMatchObject({
    spec: { parentRef: { resource: 'services', name: 'a', namespace: 'default' } },
  });
  expect(h.apply(service({ clusterIP: '10.96.20.1', ports: port }, 'b')).error).toContain(
    'failed to allocate IP 10.96.20.1: provided IP is already allocated',
  );
  expect(h.apply(service({ clusterIP: '10.96.20.99', clusterIPs: ['10.96.20.1'], ports: port })).errors).toEqual([
    'spec.clusterIPs[0]: Invalid value: ["10.96.20.99"]: may not change once set',
  ]);
  const nodePort = h.apply(service({ type: 'NodePort', ports: port })).object as {
    spec?: { clusterIP: string; ports: { nodePort: number }[] };
  };
  expect(nodePort.spec?.clusterIP).toBe('10.96.20.1');
  expect(nodePort.spec?.ports[0]?.nodePort).toBeGreaterThanOrEqual(30086);
  const external = h.apply({ ...nodePort, spec: { ...nodePort.spec, type: 'ExternalName', externalName: 'a.b' } }).object as {
    spec?: unknown;
  };
  expect(external.spec).toEqual({
    type: 'ExternalName',
    externalName: 'a.b',
    ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    sessionAffinity: 'None',
  });
  expect(h.objects.has('ipaddresses.networking.k8s.io//10.96.20.1')).toBe(false);
  expect(h.apply(service({ clusterIP: '10.96.20.1', ports: port }, 'b')).errors).toEqual([]);
});

test('a dry run takes nothing', () => {
  const h = new Harness();
  h.apply(service({ clusterIP: '10.96.20.1', ports: port }));
  expect(h.apply(service({ clusterIP: '10.96.20.1', ports: port }, 'b'), true).error).toBeUndefined();
  expect(h.apply(service({ clusterIP: '192.168.1.1', ports: port }, 'b'), true).error).toContain(
    'the provided IP (192.168.1.1) is not in the valid range. The range of valid IPs is 10.96.0.0/12',
  );
  expect(h.apply(service({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }, 'b'), true).errors).toEqual([]);
});
