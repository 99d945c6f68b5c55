import { describe, expect, test } from 'vitest';
import type { Namespace, NetworkPolicy, Pod } from '../api/object.ts';
import { nodeRules } from './iptables.ts';
import { inBlock, PolicyModel, parseCidr, podView } from './model.ts';
import { packetOf, reversed } from './packet.ts';

const META = { uid: '', resourceVersion: '1', creationTimestamp: '' };

function pod(namespace: string, name: string, ip: string, labels: Record<string, string> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...META, namespace, name, labels },
    spec: { nodeName: 'n', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { podIP: ip, podIPs: [{ ip }] },
  };
}

const namespace = (name: string, labels: Record<string, string>): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { ...META, name, labels },
});

function policy(spec: NonNullable<NetworkPolicy['spec']>): NetworkPolicy {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { ...META, namespace: 'x', name: 'p' }, spec };
}

const views = [pod('x', 'a', '10.0.0.1', { app: 'a' }), pod('x', 'b', '10.0.0.2', { app: 'b' }), pod('y', 'a', '10.0.0.3', { app: 'a' })]
  .map((p) => podView(p))
  .filter((v) => v !== null);
const model = new PolicyModel(
  new Map(views.map((v) => [v.key, v])),
  new Map([
    ['x', namespace('x', { ns: 'x' })],
    ['y', namespace('y', { ns: 'y' })],
  ]),
);

describe('what a policy means', () => {
  test.each([
    ['no types and no egress: ingress only', { podSelector: {} }, [], null],
    ['no types but egress: both', { podSelector: {}, egress: [{}] }, [], [null]],
    ['an empty rule: everybody', { podSelector: {}, ingress: [{}], policyTypes: ['Ingress'] }, [null], null],
    [
      'pods of the own namespace',
      { podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'a' } } }] }] },
      [['x/a']],
      null,
    ],
    [
      'all pods of a namespace',
      { podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }] }] },
      [['y/a']],
      null,
    ],
    [
      'both selectors: pods of those namespaces',
      { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'a' } } }] }] },
      [['x/a', 'y/a']],
      null,
    ],
  ] as const)('%s', (_name, spec, ingress, egress) => {
    const c = model.compile(policy(spec as unknown as NonNullable<NetworkPolicy['spec']>));
    const pods = (rules: typeof c.ingress): unknown => rules?.map((r) => r.peers?.pods ?? null) ?? null;
    expect([pods(c.ingress), pods(c.egress)]).toEqual([ingress, egress]);
    expect([...c.pods]).toEqual(['x/a', 'x/b']);
  });
});

test('a block has its exceptions', () => {
  const cidr = (text: string) => parseCidr(text) as NonNullable<ReturnType<typeof parseCidr>>;
  const block = { cidr: cidr('10.0.0.0/8'), except: [cidr('10.1.0.0/16')] };
  expect([0x0a000001, 0x0a010001, 0x0b000001].map((ip) => inBlock(block, ip))).toEqual([true, false, false]);
});

test('rules of a node: a named port is a set of addresses and numbers, no policy means no chain', () => {
  const spec = {
    podSelector: { matchLabels: { app: 'a' } },
    ingress: [{ ports: [{ port: 'http' }, { port: 80, endPort: 90, protocol: 'UDP' }] }],
  };
  const { sets, chains } = nodeRules(model, [model.compile(policy(spec))], views, 4);
  expect([...sets.values()].join('')).toContain('add NWPLCY-');
  expect([...sets.values()].join('')).toContain('10.0.0.1,tcp:8080');
  const text = [...chains.values()].flat().join('\n');
  expect(text).toContain('-p udp -m udp --dport 80:90 -j MARK --set-xmark 0x20000/0x20000');
  expect(text).toContain('-d 10.0.0.1/32 -m comment --comment "to x/a"');
  expect(text).not.toContain('10.0.0.2');
  expect(text).not.toContain('10.0.0.3');
});

test('a packet and its answer', () => {
  const b = new Uint8Array(28);
  b.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0x30, 0x39]);
  const p = packetOf(b, 0x0800);
  expect(p).toMatchObject({ src: 0x0a000001, dst: 0x0a000002, proto: 17, sport: 53, dport: 12345, related: false });
  b.set([10, 0, 0, 2, 10, 0, 0, 1, 0x30, 0x39, 0, 53], 12);
  expect(packetOf(b, 0x0800)?.key).toBe(p && reversed(p));
  expect(packetOf(b, 0x0806)).toBeNull();
});
