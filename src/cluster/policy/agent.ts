/** The node's agent for NetworkPolicies: watches policies, pods and namespaces, and keeps an enforcer up to date. */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type Micros, MS } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { type IpAddr, parseIp } from '../../wire/addr.ts';
import type { Client, WatchEvent } from '../api/client.ts';
import { keyOf, type Namespace, type NetworkPolicy, type Pod, type Service } from '../api/object.ts';
import type { Connect } from '../proxy/kube-proxy.ts';
import { ENFORCERS } from './index.ts';
import { type CompiledPolicy, type PodView, PolicyModel, podView } from './model.ts';

/** Changes that come together are carried out together. */
const SETTLE: Micros = 20 * MS;

/** Runs for ever in a process of the node, the network's own agent or one beside it. */
export function* enforcePolicies(p: Process, client: Client, node: string, enforcer: string): Task<void> {
  const kind = ENFORCERS.find((k) => k.name === enforcer);
  if (!kind) throw new Error(`no enforcer ${enforcer}`);
  const applied = kind.create(p);
  const policies = new Map<string, NetworkPolicy>();
  const namespaces = new Map<string, Namespace>();
  const pods = new Map<string, PodView>();
  const services = new Map<string, readonly IpAddr[]>();
  const wake = new WaitQueue();
  let dirty = true;
  const changed = (): void => {
    dirty = true;
    wake.wakeAll();
  };
  client.watch<NetworkPolicy>('networkpolicies.networking.k8s.io', {}, (e) => {
    keep(policies, e);
    changed();
  });
  client.watch<Namespace>('namespaces', {}, (e) => {
    const before = namespaces.get(keyOf(e.object));
    keep(namespaces, e);
    if (e.type === 'DELETED' || labelsOf(before) !== labelsOf(e.object)) changed();
  });
  client.watch<Pod>('pods', {}, (e) => {
    const key = keyOf(e.object);
    const before = pods.get(key);
    const view = e.type === 'DELETED' ? null : podView(e.object);
    if (view) pods.set(key, view);
    else pods.delete(key);
    if (viewText(before) !== viewText(view ?? undefined)) changed();
  });
  client.watch<Service>('services', {}, (e) => {
    const key = keyOf(e.object);
    const ips = (e.object.spec?.clusterIPs ?? []).map((ip) => parseIp(ip)).filter((ip) => ip !== null);
    const before = services.get(key)?.join() ?? '';
    if (e.type === 'DELETED' || ips.length === 0) services.delete(key);
    else services.set(key, ips);
    if ((services.get(key)?.join() ?? '') !== before) changed();
  });
  for (;;) {
    if (!dirty) {
      yield { on: [wake] };
      continue;
    }
    const until = p.sim.now + SETTLE;
    while (p.sim.now < until) yield { until };
    dirty = false;
    const model = new PolicyModel(pods, namespaces);
    const compiled: CompiledPolicy[] = [...policies.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).map((o) => model.compile(o));
    yield* applied.apply({
      model,
      policies: compiled,
      local: model.all().filter((v) => v.node === node),
      services: new Set([...services.values()].flat()),
    });
  }
}

function keep<T extends { readonly metadata: Pod['metadata'] }>(all: Map<string, T>, e: WatchEvent<T>): void {
  if (e.type === 'DELETED') all.delete(keyOf(e.object));
  else all.set(keyOf(e.object), e.object);
}

const labelsOf = (o: Namespace | undefined): string => JSON.stringify(o?.metadata.labels ?? null);

function viewText(v: PodView | undefined): string {
  return v ? [v.node, v.ips.join(), JSON.stringify(v.labels), JSON.stringify([...v.ports])].join(' ') : '';
}

/** `network-policy-agent --node-name=NODE [--enforcer=iptables|ebpf] [--kubeconfig=FILE]` */
export function policyAgentCommand(connect: Connect): Command {
  return {
    name: 'network-policy-agent',
    path: '/usr/local/bin/network-policy-agent',
    *main(p) {
      const options = new Map<string, string>([['enforcer', 'iptables']]);
      for (const arg of p.argv.slice(1)) {
        const m = /^--(node-name|enforcer|kubeconfig)=(.*)$/.exec(arg);
        if (!m) {
          yield* p.err(`Error: unknown flag: ${arg.split('=')[0]}\n`);
          return 1;
        }
        options.set(m[1] as string, m[2] as string);
      }
      const enforcer = options.get('enforcer') as string;
      if (!ENFORCERS.some((k) => k.name === enforcer)) {
        yield* p.err(`Error: no enforcer ${enforcer}; there are ${ENFORCERS.map((k) => k.name).join(' and ')}\n`);
        return 1;
      }
      const client = yield* connect(p, options.get('kubeconfig') ?? '', '');
      if (typeof client === 'string') {
        yield* p.err(`Error: ${client}\n`);
        return 1;
      }
      yield* enforcePolicies(p, client, options.get('node-name') ?? p.hostname, enforcer);
      return 0;
    },
  };
}
