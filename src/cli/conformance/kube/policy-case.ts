/** Truth tables of NetworkPolicies: policies into the agents of an emulated cluster, then connections from every pod to every pod. */

import type { AnyObject } from '../../../cluster/api/object.ts';
import { policyAgentCommand } from '../../../cluster/policy/agent.ts';
import type { Machine } from '../../../os/machine.ts';
import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { startCommand } from '../../../os/run.ts';
import { closeSocket, connectTcp, openRaw, openTcp, openUdp, recvUdp, waitFor } from '../../../os/sockcalls.ts';
import { Threads } from '../../../os/threads.ts';
import { type Micros, MS, SEC } from '../../../sim/sim.ts';
import { parseIp } from '../../../wire/addr.ts';
import { put16, u16, utf8 } from '../../../wire/bytes.ts';
import { Fixture } from './fixture.ts';
import { KubeWorld, type Place } from './topology.ts';

export interface PolicyWorldPod {
  readonly Ns: string;
  readonly Name: string;
  readonly IP: string;
  readonly Labels: Readonly<Record<string, string>>;
}

interface Action {
  readonly verb: string;
  readonly object: Readonly<Record<string, unknown>>;
}

interface Step {
  readonly actions: readonly Action[] | null;
  readonly pods: readonly string[];
  /** `TCP/80` … rows from, columns to, `.` passes, `X` does not. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
}

export interface PolicyCase {
  readonly id: number;
  readonly description: string;
  readonly steps: readonly Step[];
}

export interface PolicyVerdict {
  readonly id: number;
  readonly name: string;
  readonly passed: boolean;
  /** Null when the case has no SCTP table. */
  readonly sctp: boolean | null;
  readonly wanted: string;
  readonly got: string;
}

const PORTS = [80, 81];
const PROTOCOLS = ['tcp', 'udp', 'sctp'];
const NODES = [1, 2, 3];
/** A connection that takes longer does not come. */
const PATIENCE: Micros = 1 * SEC;
const IPPROTO_SCTP = 132;
const INIT = 1;
const INIT_ACK = 2;

/** Common header and one chunk without content. */
function sctpPacket(sport: number, dport: number, chunk: number): Uint8Array {
  const b = new Uint8Array(16);
  put16(b, 0, sport);
  put16(b, 2, dport);
  b[12] = chunk;
  b[15] = 4;
  return b;
}

/** Layer 4 of what a raw socket gives: IPv4 packets come with their header. */
const payload = (b: Uint8Array): Uint8Array => b.subarray(((b[0] as number) & 15) * 4);

/** `sctp-answer PORT …`: an INIT-ACK for every INIT to one of the ports. */
const sctpAnswer: Command = {
  name: 'sctp-answer',
  path: '/usr/local/bin/sctp-answer',
  *main(p) {
    const ports = new Set(p.argv.slice(1).map(Number));
    const raw = openRaw(p, 4, IPPROTO_SCTP);
    if (!raw.ok) return 1;
    for (;;) {
      yield* waitFor(raw.value, () => raw.value.readable());
      const r = raw.value.recv();
      if (!r.ok) continue;
      const b = payload(r.value.data);
      if (b[12] === INIT && ports.has(u16(b, 2))) raw.value.sendTo(sctpPacket(u16(b, 2), u16(b, 0), INIT_ACK), r.value.from);
    }
  },
};

/** `try-all PROTOCOL/ADDRESS/PORT …`: all at once; `+` or `-` for each, in their order. */
const tryAll: Command = {
  name: 'try-all',
  path: '/usr/local/bin/try-all',
  *main(p) {
    const targets = p.argv.slice(1).map((t) => t.split('/') as [string, string, string]);
    const came = targets.map(() => false);
    const threads = new Threads(p);
    const deadline = p.sim.now + PATIENCE;
    for (const [i, [protocol, ip, port]] of targets.entries())
      threads.start(
        (function* (): Task<void> {
          came[i] = yield* protocol === 'tcp'
            ? tryTcp(p, ip, Number(port), deadline)
            : protocol === 'udp'
              ? tryUdp(p, ip, Number(port), deadline)
              : trySctp(p, ip, Number(port), 1024 + ((p.pid * 97 + i) % 60000), deadline);
        })(),
      );
    yield* threads.run();
    yield* p.out(came.map((c) => (c ? '+' : '-')).join(''));
    return 0;
  },
};

function* tryTcp(p: Process, ip: string, port: number, deadline: Micros): Task<boolean> {
  const sock = openTcp(p);
  const r = yield* connectTcp(sock, parseIp(ip) ?? 0, port, deadline);
  closeSocket(p, sock);
  return r.ok;
}

function* tryUdp(p: Process, ip: string, port: number, deadline: Micros): Task<boolean> {
  const sock = openUdp(p);
  sock.sendTo(utf8('x'), parseIp(ip) ?? 0, port);
  const r = yield* recvUdp(sock, deadline);
  closeSocket(p, sock);
  return r.ok;
}

function* trySctp(p: Process, ip: string, port: number, sport: number, deadline: Micros): Task<boolean> {
  const raw = openRaw(p, 4, IPPROTO_SCTP);
  if (!raw.ok) return false;
  const to = parseIp(ip) ?? 0;
  raw.value.sendTo(sctpPacket(sport, port, INIT), to);
  let came = false;
  const mine = (): boolean => {
    for (let r = raw.value.recv(); r.ok; r = raw.value.recv()) {
      const b = payload(r.value.data);
      if (r.value.from === to && b[12] === INIT_ACK && u16(b, 0) === port && u16(b, 2) === sport) came = true;
    }
    return came;
  };
  yield* waitFor(raw.value, mine, deadline);
  closeSocket(p, raw.value);
  return came;
}

const META = { uid: '', resourceVersion: '1', creationTimestamp: '' };

class PolicyWorld {
  private readonly world: KubeWorld;
  private readonly fixtures = new Map<Machine, Fixture>();
  private readonly base: readonly PolicyWorldPod[];
  private readonly pods = new Map<string, PolicyWorldPod>();
  private readonly policies = new Set<string>();
  private readonly namespaces = new Set<string>();
  private extra = 0;

  constructor(pods: readonly PolicyWorldPod[], enforcer: string) {
    this.base = pods;
    const agent = policyAgentCommand(
      function* (this: PolicyWorld, p: Process): Task<Fixture | string> {
        yield {};
        return this.fixtures.get(p.machine) ?? 'no API';
      }.bind(this),
    );
    const nodes = NODES.map((n) => ({ name: `node${n}`, ips: [`192.168.56.${10 + n}`], podCIDRs: [`10.244.${n}.0/24`] }));
    this.world = new KubeWorld({ seed: 1, nodes, pods: [], programs: [agent, tryAll, sctpAnswer], toFirstNode: [] });
    for (const { name } of nodes) this.fixtures.set(this.world.node(name), new Fixture(this.world.sim));
    for (const pod of pods) this.createPod(pod);
    this.resetNamespaces();
    for (const { name } of nodes)
      startCommand(this.world.node(name), ['network-policy-agent', `--node-name=${name}`, `--enforcer=${enforcer}`]);
    this.settle();
  }

  private settle(): void {
    this.world.sim.runUntil(this.world.sim.now + 200 * MS);
  }

  private put(resource: string, object: object): void {
    for (const f of this.fixtures.values()) f.put(resource, object as AnyObject);
  }

  private remove(resource: string, key: string): void {
    for (const f of this.fixtures.values()) f.remove(resource, key);
  }

  private namespace(name: string, labels: Readonly<Record<string, string>>): void {
    this.namespaces.add(name);
    this.put('namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { ...META, name, labels: { ...labels, 'kubernetes.io/metadata.name': name } },
    });
  }

  private resetNamespaces(): void {
    const wanted = new Set(this.base.map((p) => p.Ns));
    for (const name of [...this.namespaces]) if (!wanted.has(name)) this.deleteNamespace(name);
    for (const name of wanted) this.namespace(name, { ns: name });
  }

  private deleteNamespace(name: string): void {
    for (const key of [...this.pods.keys()]) if (key.startsWith(`${name}/`)) this.deletePod(key);
    for (const key of [...this.policies]) if (key.startsWith(`${name}/`)) this.deletePolicy(key);
    this.namespaces.delete(name);
    this.remove('namespaces', name);
  }

  private deletePolicy(key: string): void {
    this.policies.delete(key);
    this.remove('networkpolicies.networking.k8s.io', key);
  }

  private deletePod(key: string): void {
    this.pods.delete(key);
    this.remove('pods', key);
    this.world.removePod(key.replace('/', '-'));
  }

  private nodeOf(ip: string): string {
    return `node${ip.split('.')[2]}`;
  }

  private podObject(pod: PolicyWorldPod): void {
    this.pods.set(`${pod.Ns}/${pod.Name}`, pod);
    const ports = PORTS.flatMap((port) =>
      PROTOCOLS.map((protocol) => ({ name: `serve-${port}-${protocol}`, containerPort: port, protocol: protocol.toUpperCase() })),
    );
    this.put('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...META, namespace: pod.Ns, name: pod.Name, labels: pod.Labels },
      spec: { nodeName: this.nodeOf(pod.IP), containers: ports.map((p) => ({ name: p.name, ports: [p] })) },
      status: { phase: 'Running', podIP: pod.IP, podIPs: [{ ip: pod.IP }] },
    });
  }

  private createPod(pod: PolicyWorldPod): void {
    const name = `${pod.Ns}-${pod.Name}`;
    const ports = PORTS.flatMap((port) => [`${port}/tcp`, `${port}/udp`]);
    this.world.addPod({ name, node: this.nodeOf(pod.IP), ips: [pod.IP], hostNetwork: false, ports });
    const { machine, ns } = this.world.places.get(name) as Place;
    startCommand(machine, ['sctp-answer', ...PORTS.map(String)], { ns });
    this.podObject(pod);
  }

  /** Back to the pods, labels and namespaces of the beginning, without policies. */
  reset(): void {
    for (const key of [...this.policies]) this.deletePolicy(key);
    this.resetNamespaces();
    const base = new Map(this.base.map((p) => [`${p.Ns}/${p.Name}`, p]));
    for (const key of [...this.pods.keys()]) if (!base.has(key)) this.deletePod(key);
    for (const [key, pod] of base) {
      if (!this.pods.has(key)) this.createPod(pod);
      else if (this.pods.get(key) !== pod) this.podObject(pod);
    }
    this.settle();
  }

  act({ verb, object }: Action): void {
    const o = object as { Namespace?: string; Pod?: string; Name?: string; Labels?: Record<string, string> };
    const key = `${o.Namespace}/${o.Pod}`;
    switch (verb) {
      case 'createPolicy':
      case 'updatePolicy': {
        const { metadata } = object as { metadata: { namespace: string; name: string } };
        this.policies.add(`${metadata.namespace}/${metadata.name}`);
        this.put('networkpolicies.networking.k8s.io', {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
          ...object,
          metadata: { ...META, ...metadata },
        });
        return;
      }
      case 'deletePolicy':
        this.deletePolicy(`${o.Namespace}/${o.Name}`);
        return;
      case 'createNamespace':
      case 'setNamespaceLabels':
        this.namespace(o.Namespace ?? '', o.Labels ?? {});
        return;
      case 'deleteNamespace':
        this.deleteNamespace(o.Namespace ?? '');
        return;
      case 'createPod': {
        const octet = ('abc'.indexOf(o.Pod ?? 'a') + 3) % 3;
        this.createPod({
          Ns: o.Namespace ?? '',
          Name: o.Pod ?? '',
          IP: `10.244.${octet + 1}.${20 + this.extra++}`,
          Labels: o.Labels ?? {},
        });
        return;
      }
      case 'deletePod':
        this.deletePod(key);
        return;
      case 'setPodLabels': {
        const pod = this.pods.get(key);
        if (pod) this.podObject({ ...pod, Labels: o.Labels ?? {} });
        return;
      }
      default:
        throw new Error(`unknown action ${verb}`);
    }
  }

  /** Tables like those of the step, from connections. */
  probe(step: Step): Record<string, string[]> {
    this.settle();
    const kinds = Object.keys(step.tables);
    const jobs = step.pods.map((from) => {
      const { machine, ns } = this.world.places.get(from.replace('/', '-')) as Place;
      const targets = kinds.flatMap((kind) => {
        const [protocol = '', port] = kind.split('/');
        return step.pods.filter((to) => to !== from).map((to) => `${protocol.toLowerCase()}/${this.pods.get(to)?.IP}/${port}`);
      });
      return startCommand(machine, ['try-all', ...targets], { ns });
    });
    for (const job of jobs) job.wait({ micros: 3 * SEC });
    const out: Record<string, string[]> = {};
    const others = step.pods.length - 1;
    for (const [k, kind] of kinds.entries())
      out[kind] = step.pods.map((_, i) => {
        const row = (jobs[i]?.stdout ?? '').slice(k * others, (k + 1) * others);
        const cells: string[] = [...row].map((c) => (c === '+' ? '.' : 'X'));
        // Nobody asks itself: that cell is taken over.
        cells.splice(i, 0, step.tables[kind]?.[i]?.[i] ?? '.');
        return cells.join('');
      });
    return out;
  }
}

export interface PolicyJob {
  readonly world: readonly PolicyWorldPod[];
  readonly cases: readonly PolicyCase[];
  readonly enforcer: string;
}

export function judgePolicies({ world, cases, enforcer }: PolicyJob): PolicyVerdict[] {
  const cluster = new PolicyWorld(world, enforcer);
  return cases.map((c) => {
    const wanted: string[] = [];
    const got: string[] = [];
    let sctp: boolean | null = null;
    for (const [i, step] of c.steps.entries()) {
      for (const action of step.actions ?? []) cluster.act(action);
      const tables = cluster.probe(step);
      for (const [kind, rows] of Object.entries(step.tables)) {
        const [want, have] = [rows.map((r) => `${i} ${kind} ${r}`), (tables[kind] ?? []).map((r) => `${i} ${kind} ${r}`)];
        if (kind.startsWith('SCTP')) sctp = (sctp ?? true) && want.join() === have.join();
        else {
          wanted.push(...want);
          got.push(...have);
        }
      }
    }
    cluster.reset();
    return {
      id: c.id,
      name: `${c.id} ${c.description}`,
      passed: wanted.join() === got.join(),
      sctp,
      wanted: wanted.join('\n'),
      got: got.join('\n'),
    };
  });
}
