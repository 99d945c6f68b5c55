/** From outside through a router with BIRD to a load balancer's address on two nodes. */

import { expect, test } from 'vitest';
import { buildCluster, type ClusterWorld } from '../../lab/cluster.ts';
import type { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { SEC } from '../../sim/sim.ts';
import { W1_BGP } from '../world/worlds.ts';

const VIP = '192.168.70.240';

function on(world: ClusterWorld, id: string): (line: string) => string {
  const { machine } = world.hosts.get(id) as { machine: Machine };
  return (line) => {
    const r = runCommand(machine, ['bash', '-c', line]);
    return r.stdout + r.stderr;
  };
}

test('a router shares an address among the nodes that have endpoints, and forgets a node that has none', () => {
  const world = buildCluster(W1_BGP, 1);
  const [rtr, outside, admin] = [on(world, 'rtr'), on(world, 'internet'), on(world, 'cp-1')];
  const wait = (s: number): number => world.sim.runUntil(world.sim.now + s * SEC);
  expect(admin('kubectl get svc front')).toMatch(VIP);
  expect(rtr(`ip route show ${VIP}`)).toBe(
    `${VIP} proto bird metric 32 \n\tnexthop via 192.168.56.11 dev eth0 weight 1 \n\tnexthop via 192.168.56.12 dev eth0 weight 1 \n`,
  );
  expect(rtr('birdc show protocols')).toMatch(/cp_1 .*Established[\s\S]*node_1 .*Established[\s\S]*node_2 .*Established/);
  expect(rtr(`birdc show route for ${VIP}`)).toMatch(`${VIP}/32    unicast [node_1`);
  const answers = (): string[] =>
    [
      ...new Set(
        Array.from({ length: 24 }, () => outside(`curl -s -m 3 http://${VIP}/`).trim())
          .join('\n')
          .match(/web-[abc]/g),
      ),
    ].sort();
  expect(answers()).toEqual(['web-a', 'web-b', 'web-c']);

  // The only endpoint of node-2 goes: the route by node-2 goes, the address stays.
  admin('kubectl label pod web-c app=none --overwrite');
  wait(2);
  expect(rtr(`ip route show ${VIP}`)).toBe(`${VIP} via 192.168.56.11 dev eth0 proto bird metric 32 \n`);
  expect(answers()).toEqual(['web-a', 'web-b']);

  // With the policy Cluster every node announces it.
  admin(`kubectl patch svc front -p '{"spec":{"externalTrafficPolicy":"Cluster"}}'`);
  wait(2);
  expect(rtr(`ip route show ${VIP}`).match(/nexthop via 192\.168\.56\.1[012]/g)).toHaveLength(3);

  // Without an advertisement nobody does.
  admin('kubectl delete bgpadvertisement -n metallb-system pool');
  wait(2);
  expect(rtr(`ip route show ${VIP}`)).toBe('');
  expect(outside(`curl -s -m 3 http://${VIP}/; echo $?`)).toMatch(/^(7|28)$/m);
});
