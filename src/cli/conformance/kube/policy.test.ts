import { expect, test } from 'vitest';
import { ENFORCERS } from '../../../cluster/policy/index.ts';
import { judgePolicies } from './policy-case.ts';

const world = [
  { Ns: 'x', Name: 'a', IP: '10.244.1.10', Labels: { pod: 'a' } },
  { Ns: 'x', Name: 'b', IP: '10.244.1.11', Labels: { pod: 'b' } },
  { Ns: 'y', Name: 'c', IP: '10.244.2.10', Labels: { pod: 'c' } },
];
const pods = ['x/a', 'x/b', 'y/c'];
const policy = (name: string, spec: object) => ({ verb: 'createPolicy', object: { metadata: { namespace: 'x', name }, spec } });

const onlyFromB = policy('only-b', {
  podSelector: { matchLabels: { pod: 'a' } },
  ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'b' } } }], ports: [{ port: 'serve-80-tcp' }] }],
});
const denyEgress = policy('deny-egress', { podSelector: { matchLabels: { pod: 'b' } }, policyTypes: ['Egress'] });

const cases = [
  {
    id: 1,
    description: 'policies come, labels change, policies go',
    steps: [
      {
        actions: [onlyFromB],
        pods,
        tables: { 'TCP/80': ['...', '...', 'X..'], 'TCP/81': ['...', 'X..', 'X..'], 'UDP/80': ['...', 'X..', 'X..'] },
      },
      {
        actions: [{ verb: 'setPodLabels', object: { Namespace: 'x', Pod: 'b', Labels: {} } }],
        pods,
        tables: { 'TCP/80': ['...', 'X..', 'X..'] },
      },
      {
        actions: [{ verb: 'deletePolicy', object: { Namespace: 'x', Name: 'only-b' } }],
        pods,
        tables: { 'TCP/80': ['...', '...', '...'] },
      },
    ],
  },
  // The cases share a world: this one begins with the labels of the beginning, and no policy.
  {
    id: 2,
    description: 'egress',
    steps: [{ actions: [denyEgress], pods, tables: { 'TCP/80': ['...', 'X.X', '...'], 'SCTP/81': ['...', 'X.X', '...'] } }],
  },
];

test.each(ENFORCERS.map((e) => e.name))('%s: who reaches whom', (enforcer) => {
  const verdicts = judgePolicies({ world, cases, enforcer });
  expect(verdicts.map((v) => [v.passed, v.sctp, v.wanted === v.got || v.got])).toEqual([
    [true, null, true],
    [true, true, true],
  ]);
});
