/** `hopwise lab new ID`: a small lab that passes `lab test` from the first minute, to be changed step by step. */

import { parseArgs } from '../commands/args.ts';
import { newFolder, writeFolder } from './folder.ts';

const YAML = (title: string): string => `# yaml-language-server: $schema=../lab.schema.json
title: ${JSON.stringify(title)}
level: beginner
minutes: 10
world: w1
story: |
  Since last night pods on **node-1** cannot reach the pods of **{{far.node}}**. Everything else works.

  You have a root shell on node-1. Find out where the packets go, and mend it.
hosts: [node-1, client-pod]

parameters:
  far:
    one-of:
      - { node: node-2, pod: web-c, ip: 10.244.2.7, subnet: 10.244.2.0 }

faults:
  - on: node-1
    run: ip route del {{far.subnet}}/24

tasks:
  - id: reach
    title: client-pod reaches {{far.pod}}
    text: |
      Make \`ping {{far.ip}}\` work from client-pod. {{far.pod}} must see the pod's own address.
    hints:
      - Ask the node, not the pod, where it would send such a packet.
      - '\`ip route get {{far.ip}}\` on node-1, and the same for a subnet that works.'
      - '\`ip route add {{far.subnet}}/24 via ____ dev ____ onlink\`'
    checks:
      - id: ping
        title: client-pod reaches {{far.pod}}
        ping: { from: client-pod, to: '{{far.ip}}' }
      - id: source
        title: '{{far.pod}} sees client-pod''s own address'
        needs: [ping]
        http: { from: client-pod, url: 'http://{{far.ip}}:8080/', source: 10.244.1.9 }

decoys:
  through-the-router: [ping, source]
  masqueraded: [source]

notes: |
  What learners try first is the router: it knows nothing of pods. Ask them why.
`;

const FILES: Readonly<Record<string, string>> = {
  'solution.sh': 'ip route add {{far.subnet}}/24 via {{far.subnet}} dev flannel.1 onlink\nping -c1 {{far.ip}}\n',
  'alternatives/plain-route.sh':
    '# Without a tunnel: node-1 hands the packets to the other node over the LAN.\nip route add {{far.subnet}}/24 via 192.168.56.12 dev eth0\n',
  'decoys/through-the-router.sh': 'ip route add {{far.subnet}}/24 via 192.168.56.1\n',
  'decoys/masqueraded.sh':
    'ip route add {{far.subnet}}/24 via {{far.subnet}} dev flannel.1 onlink\niptables -t nat -I POSTROUTING -o flannel.1 -j MASQUERADE\n',
};

/** The files of a new lab, by path. */
export function newLab(title: string): Map<string, string> {
  return new Map([['lab.yaml', YAML(title)], ...Object.entries(FILES)]);
}

export function newCommand(argv: string[]): number {
  const args = parseArgs(argv, { values: ['title'] });
  const [id] = args.operands;
  if (id === undefined) throw new Error('usage: hopwise lab new ID [--title TEXT]');
  writeFolder(newFolder(id), newLab(args.values.get('title') ?? id.replaceAll('-', ' ')));
  process.stdout.write(`now: npm run -s hopwise -- lab test ${id}\n     npm run -s hopwise -- lab preview ${id}\n`);
  return 0;
}
