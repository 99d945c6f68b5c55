/** A small network for the gateway suite: a pod per replica behind each Service, a proxy per Gateway, a client; objects that never meet an API server. */

import { parseAllDocuments } from 'yaml';
import type { Client } from '../../cluster/api/client.ts';
import type { AnyObject, KubeObject } from '../../cluster/api/object.ts';
import { matchesSelector } from '../../cluster/api/selectors.ts';
import { echoBasic } from '../../cluster/gateway/echo.ts';
import { gatewayProxyCommand } from '../../cluster/gateway/proxy.ts';
import { setUp } from '../../cluster/setup.ts';
import { Kernel } from '../../net/kernel.ts';
import type { Netns } from '../../net/netns.ts';
import { addNetns } from '../../net/rtnl/netns.ts';
import { Machine } from '../../os/machine.ts';
import { type Job, startCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';

/** Files in the form of the suite: `---` between documents, a placeholder for the class. */
export function parseManifests(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml.replaceAll('{GATEWAY_CLASS_NAME}', 'hopwise'))
    .map((d) => d.toJS() as KubeObject | null)
    .filter((o): o is KubeObject => o?.kind !== undefined)
    .map((o) => ({ ...o, metadata: { creationTimestamp: '2026-01-01T00:00:00Z', ...o.metadata, uid: 'x', resourceVersion: '1' } }));
}

const RESOURCES: Readonly<Record<string, string>> = {
  services: 'Service',
  secrets: 'Secret',
  namespaces: 'Namespace',
  'endpointslices.discovery.k8s.io': 'EndpointSlice',
  'gatewayclasses.gateway.networking.k8s.io': 'GatewayClass',
  'gateways.gateway.networking.k8s.io': 'Gateway',
  'httproutes.gateway.networking.k8s.io': 'HTTPRoute',
  'grpcroutes.gateway.networking.k8s.io': 'GRPCRoute',
  'tlsroutes.gateway.networking.k8s.io': 'TLSRoute',
  'referencegrants.gateway.networking.k8s.io': 'ReferenceGrant',
};

/** Objects that only change by delete(). */
class Objects {
  private readonly sim: Sim;
  private readonly list: KubeObject[];
  private readonly watchers: { kind: string | undefined; on: (e: { type: 'ADDED' | 'DELETED'; object: AnyObject }) => void }[] = [];

  constructor(sim: Sim, list: KubeObject[]) {
    this.sim = sim;
    this.list = list;
  }

  delete(kind: string): void {
    for (const object of this.list.filter((o) => o.kind === kind))
      for (const w of this.watchers) if (w.kind === kind) w.on({ type: 'DELETED', object: object as AnyObject });
  }

  get client(): Client {
    const refuse = (): never => {
      throw new Error('the proxy only reads');
    };
    return {
      user: { name: 'system:serviceaccount:gateway-system:gateway', groups: [] },
      create: refuse,
      get: refuse,
      list: refuse,
      update: refuse,
      patch: refuse,
      delete: refuse,
      watch: <T>(resource: string, _: unknown, on: (e: { type: 'ADDED' | 'DELETED'; object: T }) => void) => {
        const kind = RESOURCES[resource];
        this.watchers.push({ kind, on: on as never });
        this.sim.schedule(1000, () => {
          for (const object of this.list) if (object.kind === kind) on({ type: 'ADDED', object: object as T });
        });
        return { stop() {} };
      },
    };
  }
}

interface Workload {
  spec?: {
    replicas?: number;
    selector?: { matchLabels?: Record<string, string> };
    template?: { metadata?: { labels?: Record<string, string> }; spec?: { containers?: { image?: string }[] } };
    ports?: { name?: string; port: number; targetPort?: number; protocol?: string }[];
  };
}

export interface GatewayWorld {
  readonly sim: Sim;
  readonly machine: Machine;
  readonly client: Netns;
  /** Address of a Gateway's proxy, by NAMESPACE/NAME. */
  readonly gateways: ReadonlyMap<string, string>;
  /** Jobs of the pods by name. */
  readonly pods: ReadonlyMap<string, Job>;
  delete(kind: string): void;
}

export function buildGatewayWorld(objects: readonly KubeObject[]): GatewayWorld {
  const sim = new Sim('gateway');
  const kernel = new Kernel(sim, 'gateway');
  kernel.init.lo.setUp();
  const all = [...objects];
  const store = new Objects(sim, all);
  const machine = new Machine(kernel, [echoBasic, gatewayProxyCommand(() => store.client)]);
  const named = (name: string): Netns | undefined => kernel.named.get(name);
  setUp(kernel.init, ['link add br0 type bridge', 'link set br0 up'], named);
  let count = 0;
  const host = (name: string): { ns: Netns; ip: string } => {
    const made = addNetns(kernel, name);
    if (!made.ok) throw new Error(made.errno);
    const n = ++count;
    const ip = `10.60.${n >> 8}.${n & 255}`;
    setUp(kernel.init, [`link add v${n} type veth peer name eth0 netns ${name}`, `link set v${n} master br0`, `link set v${n} up`], named);
    setUp(made.value, ['link set lo up', 'link set eth0 up', `addr add ${ip}/16 brd + dev eth0`], named);
    return { ns: made.value, ip };
  };
  const pods = new Map<string, Job>();
  const addresses = new Map<KubeObject, string[]>();
  for (const o of objects.filter((x) => x.kind === 'Deployment')) {
    const { spec } = o as Workload;
    if (!spec?.template?.spec?.containers?.[0]?.image?.includes('echo-basic')) continue;
    const ips: string[] = [];
    for (let i = 0; i < (spec.replicas ?? 1); i++) {
      const pod = `${o.metadata.name}-${i}`;
      const { ns, ip } = host(`${o.metadata.namespace}.${pod}`);
      ips.push(ip);
      const env = { POD_NAME: pod, NAMESPACE: o.metadata.namespace ?? '' };
      pods.set(`${o.metadata.namespace}/${pod}`, startCommand(machine, ['/echo-basic'], { ns, env }));
    }
    addresses.set(o, ips);
  }
  for (const s of objects.filter((x) => x.kind === 'Service')) {
    const { spec } = s as { spec?: { selector?: Record<string, string> } } & Workload;
    const selector = (spec as { selector?: Record<string, string> } | undefined)?.selector;
    const ips = [...addresses]
      .filter(
        ([d]) =>
          d.metadata.namespace === s.metadata.namespace &&
          selector &&
          matchesSelector({ matchLabels: selector }, (d as Workload).spec?.template?.metadata?.labels),
      )
      .flatMap(([, list]) => list);
    if (ips.length === 0) continue;
    all.push({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${s.metadata.name}-x`,
        namespace: s.metadata.namespace,
        labels: { 'kubernetes.io/service-name': s.metadata.name ?? '' },
      },
      addressType: 'IPv4',
      endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
      ports: (spec?.ports ?? []).map((p) => ({ name: p.name ?? '', port: p.targetPort ?? p.port, protocol: p.protocol ?? 'TCP' })),
    } as KubeObject);
  }
  const gateways = new Map<string, string>();
  for (const g of objects.filter((x) => x.kind === 'Gateway')) {
    const key = `${g.metadata.namespace}/${g.metadata.name}`;
    const { ns, ip } = host(`gw.${g.metadata.namespace}.${g.metadata.name}`);
    gateways.set(key, ip);
    startCommand(machine, ['/usr/local/bin/gateway-proxy', `--gateway=${key}`], { ns });
  }
  const { ns: client } = host('client');
  sim.runUntil(sim.now + 3 * SEC);
  return { sim, machine, client, gateways, pods, delete: (kind) => store.delete(kind) };
}
