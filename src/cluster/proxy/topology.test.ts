import { describe, expect, test } from 'vitest';
import type { Service } from '../api/object.ts';
import type { Endpoint } from './endpoints.ts';
import { servicePorts } from './serviceport.ts';
import { categorize } from './topology.ts';

// Two nodes: `here` in zone-a, `there` in zone-b.
const PLACE = { node: 'here', zone: 'zone-a' };
const META = { namespace: 'ns', name: 'svc', uid: '', resourceVersion: '1', creationTimestamp: '' };

function endpoint(ip: string, nodeName: string, more: Partial<Endpoint> = {}): Endpoint {
  const flags = { ready: true, serving: true, terminating: false, zoneHints: [], nodeHints: [] };
  return { ip, port: 80, text: `${ip}:80`, nodeName, ...flags, ...more };
}

function port(spec: object): ReturnType<typeof servicePorts>[number] {
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: META,
    spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  };
  return servicePorts(service, 4)[0] as ReturnType<typeof servicePorts>[number];
}

const names = (list: readonly Endpoint[]): string => list.map((e) => e.ip).join(' ');
const going = { ready: false, terminating: true };
const dead = { ready: false, serving: false, terminating: true };

describe('which endpoints a node uses', () => {
  const cluster = port({});
  const local = port({ type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30000 }] });
  test.each([
    ['all ready ones', cluster, [endpoint('a', 'here'), endpoint('b', 'there')], 'a b', '', true],
    ['no terminating one beside a ready one', cluster, [endpoint('a', 'here', going), endpoint('b', 'there')], 'b', '', true],
    ['terminating ones when nothing else serves', cluster, [endpoint('a', 'here', going), endpoint('b', 'there', dead)], 'a', '', true],
    ['none', cluster, [endpoint('a', 'here', dead)], '', '', false],
    [
      'a hint for this zone',
      cluster,
      [endpoint('a', 'here', { zoneHints: ['zone-a'] }), endpoint('b', 'there', { zoneHints: ['zone-b'] })],
      'a',
      '',
      true,
    ],
    ['hints of which one is missing', cluster, [endpoint('a', 'here', { zoneHints: ['zone-a'] }), endpoint('b', 'there')], 'a b', '', true],
    ['hints for other zones only', cluster, [endpoint('a', 'here', { zoneHints: ['zone-b'] })], 'a', '', true],
    [
      'a hint for this node before one for the zone',
      cluster,
      [
        endpoint('a', 'here', { nodeHints: ['here'], zoneHints: ['zone-a'] }),
        endpoint('b', 'x', { nodeHints: ['x'], zoneHints: ['zone-a'] }),
      ],
      'a',
      '',
      true,
    ],
    ['Local: those of the node beside all', local, [endpoint('a', 'here'), endpoint('b', 'there')], 'a b', 'a', true],
    ['Local decides by itself about terminating ones', local, [endpoint('a', 'here', going), endpoint('b', 'there')], 'b', 'a', true],
    ['Local without one on the node', local, [endpoint('b', 'there')], 'b', '', true],
  ] as const)('%s', (_name, service, endpoints, wanted, wantedLocal, any) => {
    const c = categorize(endpoints, service, PLACE);
    expect([names(c.cluster), names(c.local), c.any]).toEqual([wanted, wantedLocal, any]);
    expect(names(c.reachable)).toBe(
      [...new Set([...c.cluster, ...c.local])]
        .map((e) => e.ip)
        .sort()
        .join(' '),
    );
  });
});
