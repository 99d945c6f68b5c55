/** `npm run bench`: medians of one run on this machine. World ready, packets a second, grade of the lab, memory. */

import { loadLab } from '../src/cli/labs.ts';
import { grade } from '../src/lab/grade.ts';
import { scriptLog } from '../src/lab/log.ts';
import { WORLDS, type World } from '../src/lab/world.ts';
import { UdpSocket } from '../src/net/sock/udp.ts';
import { runCommand } from '../src/os/run.ts';
import { parseIp4 } from '../src/wire/addr.ts';

function median(xs: number[]): number {
  const sorted = [...xs].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}

function times(n: number, run: () => void): number {
  const xs: number[] = [];
  for (let i = 0; i < n; i++) {
    const t = performance.now();
    run();
    xs.push(performance.now() - t);
  }
  return median(xs);
}

const build = (): World => (WORLDS.w1 as (seed: number) => World)(1);

/** Datagrams from client-pod to a pod's or Service's address, answered by nobody's program: delivered and dropped at a bound socket. */
function packetsPerSecond(world: World, to: string, port: number, listenPort: number): number {
  const client = world.hosts.get('client-pod');
  const server = world.hosts.get('web-a');
  if (!client || !server) throw new Error('world without client-pod or web-a');
  const sink = new UdpSocket(server.ns, 4);
  sink.bind(0, listenPort);
  const source = new UdpSocket(client.ns, 4);
  const dst = parseIp4(to) as number;
  const payload = new Uint8Array(64);
  let received = 0;
  const burst = (): void => {
    for (let i = 0; i < 50; i++) source.sendTo(payload, dst, port);
    world.sim.runUntil(world.sim.now + 5_000);
    while (sink.recvFrom().ok) received++;
  };
  for (let i = 0; i < 40; i++) burst();
  received = 0;
  const start = performance.now();
  while (performance.now() - start < 1000) burst();
  const seconds = (performance.now() - start) / 1000;
  sink.close();
  source.close();
  if (received === 0) throw new Error(`no datagram arrived at ${to}:${port}`);
  return received / seconds;
}

/** A world whose node-1 has `count` more rules in nat KUBE-SERVICES before the one that matches. */
function worldWithRules(count: number): World {
  const world = build();
  const node = world.hosts.get('node-1');
  if (!node) throw new Error('world without node-1');
  const rules = Array.from({ length: count }, (_, i) => `-A BENCH -d 10.97.${i >> 8}.${i & 255}/32 -p udp -m udp --dport 80 -j RETURN`);
  const input = [
    '*nat',
    ':BENCH - [0:0]',
    '-A PREROUTING -j BENCH',
    ...rules,
    '-A BENCH -d 10.96.99.99/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.5:9000',
    'COMMIT',
    '',
  ].join('\n');
  const r = runCommand(node.machine, ['iptables-restore', '--noflush'], { stdin: input });
  if (r.exitCode !== 0) throw new Error(r.stderr);
  return world;
}

const row = (name: string, value: string): void => console.log(`${name.padEnd(58)} ${value}`);
row('node', process.version);
const worldMs = times(30, build);
row('world W1 ready (3 nodes, 4 pods, Services), median of 30', `${worldMs.toFixed(1)} ms`);
const lab = loadLab('wire-a-pod-by-hand');
const log = scriptLog(lab, 1, lab.solution);
row('lab graded (world, replay, 13 checks), median of 30', `${times(30, () => grade(lab, log)).toFixed(1)} ms`);
row('pod -> bridge -> pod, UDP 64 B', `${Math.round(packetsPerSecond(build(), '10.244.1.5', 9000, 9000)).toLocaleString('en')} packets/s`);
for (const n of [10, 10_000])
  row(
    `pod -> ClusterIP -> pod behind ${n.toLocaleString('en')} nat rules, one flow`,
    `${Math.round(packetsPerSecond(worldWithRules(n), '10.96.99.99', 53, 9000)).toLocaleString('en')} packets/s`,
  );
const before = process.memoryUsage().heapUsed;
const worlds = Array.from({ length: 10 }, build);
row('heap per world, average of 10', `${((process.memoryUsage().heapUsed - before) / 10 / 1e6).toFixed(1)} MB (${worlds.length} worlds)`);
