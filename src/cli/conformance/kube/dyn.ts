/** Endpoints that come and go: the recorded course of events, with the recording's clients, step by step. */

import type { AnyObject } from '../../../cluster/api/object.ts';
import type { Machine } from '../../../os/machine.ts';
import { type Job, runCommand, startCommand } from '../../../os/run.ts';
import { SEC } from '../../../sim/sim.ts';
import { type Call, canonicalInput, parseCalls, recordingTools } from './calls.ts';
import { type Check, commandLine, dumpSave, type Objects, podPlans, read, worldOf } from './proxy-case.ts';
import { canonicalSave, conntrackShapes } from './save.ts';

const SLICES = 'endpointslices.discovery.k8s.io';
/** Which endpoint the UDP client gets is chance: runs with other seeds are tried until it gets the recorded one. */
const SEEDS = 40;

/** Objects of a watch, one after the other, in a file without separators. */
function stream(text: string): AnyObject[] {
  const out: AnyObject[] = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{' && depth++ === 0) start = i;
    else if (c === '}' && --depth === 0) {
      const o = JSON.parse(text.slice(start, i + 1)) as { object?: AnyObject } & AnyObject;
      out.push(o.object ?? o);
    }
  }
  return out;
}

interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly terminating?: boolean };
}

/** `10.244.1.3 10.244.2.2t`: addresses, `t` where they terminate. */
function shapeOf(slice: AnyObject): string {
  return ((slice.endpoints ?? []) as Endpoint[])
    .map((e) => `${e.addresses[0]}${e.conditions?.terminating ? 't' : ''}`)
    .sort()
    .join(' ');
}

function node(name: string, ip: string, zone: string, podCIDR: string): AnyObject {
  const metadata = { name, uid: name, resourceVersion: '1', creationTimestamp: '', labels: { 'topology.kubernetes.io/zone': zone } };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata,
    spec: { podCIDR, podCIDRs: [podCIDR] },
    status: { addresses: [{ type: 'InternalIP', address: ip }] },
  } as unknown as AnyObject;
}

function service(name: string, clusterIP: string, ports: readonly object[]): AnyObject {
  const metadata = { name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' };
  const spec = {
    type: 'ClusterIP',
    clusterIP,
    clusterIPs: [clusterIP],
    ipFamilies: ['IPv4'],
    internalTrafficPolicy: 'Cluster',
    sessionAffinity: 'None',
    ports,
  };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec, status: { loadBalancer: {} } } as unknown as AnyObject;
}

interface Course {
  readonly saves: Map<string, string>;
  readonly conntrack: Map<string, string[]>;
  readonly udp: string[];
  readonly calls: readonly Call[];
  readonly cleanup: string;
}

/** Times in seconds as the recording's log has them. */
function run(folder: string, seed: number): Course {
  const slices = stream(read(folder, 'watch-endpointslices.json') ?? '');
  const pods = stream(read(folder, 'watch-pods.json') ?? '');
  const web = slices.filter((s) => s.metadata.name !== 'kubernetes');
  const state = (shape: string): AnyObject => {
    const found = web.find((s) => shapeOf(s) === shape);
    if (!found) throw new Error(`no slice "${shape}" was recorded`);
    return found;
  };
  const podAt = (ip: string): AnyObject => {
    const found = pods.find((p) => (p.status as { podIP?: string }).podIP === ip && p.metadata.deletionTimestamp === undefined);
    if (!found) throw new Error(`no pod with ${ip} was recorded`);
    return found;
  };
  const kubernetes = slices.find((s) => s.metadata.name === 'kubernetes') as AnyObject;
  const objects: Objects = {
    nodes: [node('node1', '192.168.56.11', 'zone-a', '10.244.1.0/24'), node('node2', '192.168.56.12', 'zone-b', '10.244.2.0/24')],
    services: [service('kubernetes', '10.96.0.1', [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }])],
    endpointslices: [kubernetes],
    pods: [podAt('10.244.1.2')],
  };
  const calls = new Map<Machine, Call[]>();
  const { world, feed } = worldOf(objects, seed, false, recordingTools(calls));
  const node1 = world.node('node1');
  const proxies: Job[] = [];
  for (const name of ['node1', 'node2']) {
    const argv = commandLine(folder, name, 'iptables');
    if (argv) proxies.push(startCommand(world.node(name), argv));
  }
  world.sim.runUntil(world.sim.now + 3 * SEC);
  const begin = world.sim.now - 5 * SEC;
  const until = (seconds: number): void => {
    world.sim.runUntil(Math.max(world.sim.now, begin + Math.round(seconds * SEC)));
  };
  const put = (shape: string): void => {
    for (const f of feed) f.put(SLICES, state(shape));
  };
  const start = (ip: string): void => {
    for (const plan of podPlans([podAt(ip)])) world.addPod(plan);
  };
  const stop = (ip: string): void => world.removePod(podAt(ip).metadata.name);

  const saves = new Map<string, string>();
  const conntrack = new Map<string, string[]>();
  const save = (step: string): void => void saves.set(step, dumpSave(node1));
  const flows = (step: string): void => {
    const all = runCommand(node1, ['conntrack', '-L']).stdout.split('\n');
    conntrack.set(step, conntrackShapes(all.filter((l) => l.includes('dport=53')).join('\n')));
  };

  until(5.8);
  for (const f of feed)
    f.put(
      'services',
      service('web', '10.96.10.10', [
        { name: 'http', port: 80, protocol: 'TCP', targetPort: 80 },
        { name: 'u', port: 53, protocol: 'UDP', targetPort: 53 },
      ]),
    );
  put('');
  until(6.6);
  start('10.244.2.2');
  put('10.244.2.2');
  start('10.244.1.3');
  put('10.244.1.3 10.244.2.2');
  until(9.2);
  const client = world.places.get('client');
  const udp = startCommand(node1, 'while true; do ask 10.96.10.10 53 40000 0.4; sleep 0.5; done', {
    ...(client ? { ns: client.ns } : {}),
    limits: { micros: 600 * SEC },
  });
  until(9.4);
  save('1-two');
  flows('1-udp-steady');
  until(10.74);
  put('10.244.1.3 10.244.2.2t');
  until(11.6);
  start('10.244.2.3');
  put('10.244.1.3 10.244.2.2t 10.244.2.3');
  until(12.99);
  save('2-terminating');
  flows('2-terminating');
  until(14.8);
  stop('10.244.2.2');
  until(15.8);
  put('10.244.1.3 10.244.2.3');
  until(20.21);
  save('3-replaced');
  flows('3-replaced');
  put('10.244.1.3t 10.244.2.3');
  until(20.3);
  put('10.244.1.3t 10.244.2.3t');
  until(22.43);
  save('4-all-terminating');
  until(24.4);
  stop('10.244.1.3');
  put('10.244.2.3t');
  until(24.6);
  stop('10.244.2.3');
  until(25.8);
  put('');
  until(27.49);
  save('5-zero');
  flows('5-zero');
  until(27.9);
  start('10.244.2.4');
  put('10.244.2.4');
  until(30.69);
  save('6-one');
  flows('6-one');
  for (const f of feed) f.remove('services', 'default/web');
  until(31.5);
  for (const f of feed) for (const s of web) f.remove(SLICES, `default/${s.metadata.name}`);
  until(33.38);
  save('7-svc-deleted');
  flows('7-svc-deleted');
  udp.stop('KILL');
  runCommand(node1, 'iptables -t nat -F; iptables -t nat -X; iptables -t mangle -X');
  save('8-flushed');
  until(68.93);
  save('9-restored');
  const own = [...(calls.get(node1) ?? [])];
  for (const p of proxies) p.stop('TERM');
  save('10-kubeproxy-stopped');
  const cleaned = runCommand(node1, ['kube-proxy', '--cleanup']);
  save('11-after-cleanup');
  return {
    saves,
    conntrack,
    udp: udp.stdout.split('\n').filter((l) => l !== ''),
    calls: own,
    cleanup: `rc=${cleaned.exitCode}${cleaned.stdout}${cleaned.stderr}`,
  };
}

/** Who answered, in turn, and where nobody did. */
function answers(lines: readonly string[]): string[] {
  const said = lines.map((l) => /pod=(\S+) peer=\S+/.exec(l)?.[0] ?? 'timeout');
  return said.filter((s, i) => s !== said[i - 1]);
}

const UDP_STEPS = ['1-udp-steady', '3-replaced', '5-zero'];

export function judgeDyn({ folder }: { folder: string; name: string }): Check[] {
  const wantedFlows = (step: string): string[] =>
    conntrackShapes(
      (read(folder, `conntrack.${step}.txt`) ?? '')
        .split('\n')
        .filter((l) => l.includes('dport=53'))
        .join('\n'),
    );
  let course = run(folder, 1);
  for (let seed = 2; seed <= SEEDS; seed++) {
    const now = course;
    if (UDP_STEPS.every((step) => wantedFlows(step).join() === now.conntrack.get(step)?.join())) break;
    course = run(folder, seed);
  }
  const checks: Check[] = [];
  const check = (name: string, wanted: readonly string[], got: readonly string[]): void => {
    checks.push({
      group: 'dyn',
      name: `dyn ${name}`,
      passed: wanted.join('\n') === got.join('\n'),
      wanted: wanted.join('\n'),
      got: got.join('\n'),
    });
  };
  for (const [step, dump] of course.saves) {
    const text = read(folder, `node1.iptables-save.${step}.txt`);
    if (text !== null) check(`iptables-save ${step}`, canonicalSave(text), canonicalSave(dump));
  }
  for (const [step, shapes] of course.conntrack)
    if (read(folder, `conntrack.${step}.txt`) !== null) check(`conntrack ${step}`, wantedFlows(step), shapes);
  const recorded = (read(folder, 'udp-client.txt') ?? '').split('\n').filter((l) => l !== '');
  check('udp client', answers(recorded), answers(course.udp));
  check('cleanup', [(read(folder, 'cleanup.out.txt') ?? '').trim()], [course.cleanup.trim()]);
  const calls = parseCalls(read(folder, 'iptables-calls.txt') ?? '');
  check('iptables calls', turns(calls), turns(course.calls));
  check('inputs of iptables-restore', inputs(calls), inputs(course.calls));
  return checks;
}

/** Calls in turn; looks at the canary, and syncs, are counted as one however many there were. */
function turns(calls: readonly Call[]): string[] {
  const named = calls.map((c) =>
    c.argv.includes('-S KUBE-PROXY-CANARY') ? 'look at the canaries' : /save|restore/.test(c.argv) ? 'sync' : c.argv,
  );
  return named.filter((n, i) => n !== named[i - 1]);
}

/** What was written, each once: when two changes come close together, one sync writes both or two write one each. */
function inputs(calls: readonly Call[]): string[] {
  const all = calls.filter((c) => c.stdin !== '').map((c) => canonicalInput(c.stdin).join('\n'));
  return all.filter((a, i) => a !== all[i - 1]);
}
