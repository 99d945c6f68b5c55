import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AnyObject } from '../../../cluster/api/object.ts';
import { policyAgentCommand } from '../../../cluster/policy/agent.ts';
import { ENFORCERS } from '../../../cluster/policy/index.ts';
import type { Machine } from '../../../os/machine.ts';
import { runCommand, startCommand } from '../../../os/run.ts';
import { SEC } from '../../../sim/sim.ts';
import type { Fixture } from './fixture.ts';
import { judgePolicies, type PolicyCase } from './policy-case.ts';
import { commandLine, type Objects, worldOf } from './proxy-case.ts';
import type { Place } from './topology.ts';

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

const cases: readonly PolicyCase[] = [
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

test.each(ENFORCERS.map((e) => e.name))('%s: traffic to a Service is judged by the endpoint that kube-proxy chose', (enforcer) => {
  const folder = join(import.meta.dirname, '../../golden/kubernetes/kube-proxy/21-loadbalancer-sourceranges-allow');
  const objects = JSON.parse(readFileSync(join(folder, 'objects.json'), 'utf8')) as Objects;
  const fixtures = new Map<Machine, Fixture>();
  const agent = policyAgentCommand(function* (p) {
    yield {};
    return fixtures.get(p.machine) ?? 'no API';
  });
  const made = worldOf(objects, 1, false, [agent]);
  for (const [machine, f] of made.fixtures) {
    fixtures.set(machine, f);
    for (const pod of objects.pods) f.put('pods', pod);
    const metadata = { namespace: 'default', name: 'p', uid: '', resourceVersion: '1', creationTimestamp: '' };
    const spec = {
      podSelector: { matchLabels: { app: 'client' } },
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '10.244.2.0/24' } }] }],
    };
    f.put('networkpolicies.networking.k8s.io', { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec } as AnyObject);
    startCommand(machine, commandLine(folder, machine.hostname, 'iptables') ?? []);
    startCommand(machine, ['network-policy-agent', `--node-name=${machine.hostname}`, `--enforcer=${enforcer}`]);
  }
  made.world.sim.runUntil(made.world.sim.now + 3 * SEC);
  const { machine, ns } = made.world.places.get('client') as Place;
  const said = Array.from({ length: 12 }, () => runCommand(machine, ['curl', '-sS', '-m', '1', 'http://10.96.10.10/'], { ns }));
  const pods = new Set(said.map((r) => /pod=(\S+)/.exec(r.stdout)?.[1] ?? `curl ${r.exitCode}`));
  expect([...pods].sort()).toEqual(['curl 28', 'web-2']);
});
