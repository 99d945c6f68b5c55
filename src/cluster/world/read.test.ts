import { expect, test } from 'vitest';
import { readClusterFile } from './read.ts';

const GOOD = `name: small
title: one node
networks:
  - name: lan
machines:
  - name: node-1
    kind: node
    role: control-plane
    interfaces:
      - name: eth0
        network: lan
        addresses: [192.168.56.11/24]
terminals: [node-1]
`;

test('a file, and one that builds on a reference world', () => {
  expect(readClusterFile(GOOD, 'c.yaml').machines[0]?.name).toBe('node-1');
  const more = readClusterFile(
    'base: w1\nname: broken\ntitle: broken\nfaults:\n  - on: node-1\n    run: ip link set cni0 down\n',
    'c.yaml',
  );
  expect(more.machines.length).toBe(6);
  expect(more.faults).toEqual([{ on: 'node-1', run: 'ip link set cni0 down' }]);
});

test.each([
  [
    'an unknown field',
    GOOD.replace('title: one node', 'titel: one node'),
    'c.yaml:1: the file has no field "titel"; correct the name or remove it',
  ],
  [
    'a network that is none',
    GOOD.replace('network: lan', 'network: wan'),
    'c.yaml:11: machines.0.interfaces.0.network names "wan", which is no network; there are: lan',
  ],
  ['a kind that is none', GOOD.replace('kind: node', 'kind: knot'), 'c.yaml:7: machines.0.kind must be one of node, router, host'],
  ['a base that is none', 'base: w9\nname: a\ntitle: a\n', 'c.yaml:1: base names "w9", which is no reference world; there are: w1,'],
  [
    'a terminal that is none',
    GOOD.replace('terminals: [node-1]', 'terminals: [node-2]'),
    'c.yaml:13: terminals.0 names "node-2", which is no machine',
  ],
])('%s is told with file, line, place and mend', (_, text, message) => {
  expect(() => readClusterFile(text, 'c.yaml')).toThrow(message);
});
