/** kube-proxy: programs the node's rules for Services from what the API says. Models cmd/kube-proxy/app/server.go, server_linux.go */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { Threads } from '../../os/threads.ts';
import { strerror, xt } from '../../os/uapi.ts';
import { type Micros, SEC } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { formatIp, isLinkLocal } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import type { Client, WatchEvent } from '../api/client.ts';
import { type EndpointSlice, keyOf, type Node, type Service } from '../api/object.ts';
import { FAMILIES, FAMILY_NAME, type Family, familyOfText } from './family.ts';
import { FamilyProxy } from './familyproxy.ts';
import { invocation, type ProxyConfig, VERSION } from './flags.ts';
import { ProxyHealth } from './health.ts';
import { listen, splitHostPort } from './http.ts';
import { PROXY_MODES } from './index.ts';
import { klog } from './klog.ts';
import { Metrics } from './metrics.ts';
import type { Place } from './topology.ts';

/** Finds the API as the kubeconfig or the pod's environment names it: a client, or why there is none. */
export type Connect = (p: Process, kubeconfig: string, master: string) => Task<Client | string>;

const RETRY: Micros = 1 * SEC;
/** Without its Node object kube-proxy goes on after so many tries. */
const NODE_TRIES = 6;
const CORES = 2;

const UNSET =
  'nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. Consider using `--nodeport-addresses primary`';
const CONTROLLERS = ['service config', 'endpoint slice config', 'serviceCIDR config', 'node config'];

/** Services with this label are another proxy's; headless ones are nobody's. */
const SELECTOR = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';

export function kubeProxyCommand(connect: Connect): Command {
  return { name: 'kube-proxy', path: '/usr/local/bin/kube-proxy', main: (p) => main(p, connect) };
}

function* main(p: Process, connect: Connect): Task<number> {
  const asked = invocation(p.argv.slice(1), p.hostname, (path) => {
    const r = p.readFile(path);
    return r.ok ? text(r.value) : null;
  });
  if (asked.kind === 'say') {
    if (asked.out !== '') yield* p.out(asked.out);
    if (asked.err !== '') yield* p.err(asked.err);
    return asked.status;
  }
  if (asked.kind === 'cleanup') {
    let good = true;
    for (const mode of PROXY_MODES) if (mode.cleanup && !(yield* mode.cleanup(p))) good = false;
    if (!good) yield* p.err('Error: encountered an error while tearing down rules\n');
    return good ? 0 : 1;
  }
  const { config } = asked;
  const mode = PROXY_MODES.find((m) => m.name === config.mode);
  if (!mode?.create) {
    if (mode?.refused) yield* p.err(`${mode.refused}\n`);
    else {
      const why = 'must be iptables,ipvs,nftables or blank (blank means the best-available proxy [currently iptables])';
      const err = `failed validate: KubeProxyConfiguration.Mode: Invalid value: "${config.mode}": ${why}`;
      yield* klog(p, 'E', 'run.go:72', 'command failed', { err });
    }
    return 1;
  }
  yield* klog(p, 'I', 'server_linux.go:63', `Using ${config.mode} proxy`);
  for (const other of PROXY_MODES) if (other !== mode && other.cleanup) yield* other.cleanup(p);
  conntrackLimits(p, config);
  if (asked.kind === 'init-only') return 0;
  const client = yield* connect(p, config.kubeconfig, config.master);
  if (typeof client === 'string') {
    yield* klog(p, 'E', 'run.go:72', 'command failed', { err: client });
    return 1;
  }
  const proxy = new KubeProxy(p, config, client);
  running.set(p, proxy);
  return yield* proxy.run();
}

const running = new WeakMap<Process, KubeProxy>();

/** The proxy that a process runs. */
export const kubeProxyOf = (p: Process): KubeProxy | undefined => running.get(p);

function conntrackLimits(p: Process, c: ProxyConfig): void {
  const set = (key: string, value: number): void => {
    const name = `net.netfilter.${key}`;
    if (value > 0 && p.ns.sysctl.get(name) !== String(value)) p.ns.sysctl.set(name, String(value));
  };
  if (c.conntrackMaxPerCore > 0) set('nf_conntrack_max', Math.max(c.conntrackMin, c.conntrackMaxPerCore * CORES));
  set('nf_conntrack_tcp_timeout_established', Math.floor(c.conntrackTcpEstablished / SEC));
  set('nf_conntrack_tcp_timeout_close_wait', Math.floor(c.conntrackTcpCloseWait / SEC));
  set('nf_conntrack_udp_timeout', Math.floor(c.conntrackUdpTimeout / SEC));
  set('nf_conntrack_udp_timeout_stream', Math.floor(c.conntrackUdpStreamTimeout / SEC));
  if (c.conntrackTcpBeLiberal) set('nf_conntrack_tcp_be_liberal', 1);
}

/** Counters that rules keep in the kernel. */
function accounts(p: Process): [string, number][] {
  const { objects } = xt.NfAccounts.get(p.ns);
  return [
    ['iptables_ct_state_invalid_dropped_packets_total', objects.get('ct_state_invalid_dropped_pkts')],
    ['iptables_localhost_nodeports_accepted_packets_total', objects.get('localhost_nps_accepted_pkts')],
  ].flatMap(([name, o]) => (typeof o === 'object' && typeof name === 'string' ? [[name, o.packets] as [string, number]] : []));
}

/** Addresses of the node's interfaces, without link-local ones. */
function ownIPs(p: Process): string[] {
  const out: string[] = [];
  for (const dev of p.ns.devices.values())
    for (const a of [...dev.addrs4, ...dev.addrs6]) if (typeof a.local === 'number' || !isLinkLocal(a.local)) out.push(formatIp(a.local));
  return out;
}

/** InternalIPs before ExternalIPs, the first of each family. */
function nodeIPs(node: Node | null, bindAddress: string): Record<Family, string> {
  const out: Record<Family, string> = { 4: '', 6: '' };
  const bound = bindAddress !== '0.0.0.0' && bindAddress !== '::' && bindAddress !== '';
  if (bound) out[familyOfText(bindAddress)] = bindAddress;
  for (const type of ['InternalIP', 'ExternalIP'])
    for (const a of node?.status?.addresses ?? []) {
      if (a.type !== type) continue;
      const family = familyOfText(a.address);
      if (out[family] === '') out[family] = a.address;
    }
  return out;
}

export class KubeProxy {
  private readonly p: Process;
  private readonly config: ProxyConfig;
  private readonly client: Client;
  private readonly threads: Threads;
  private readonly health: ProxyHealth;
  private readonly metrics: Metrics;
  private readonly wake = new WaitQueue();
  private families: FamilyProxy[] = [];
  private place: Place;
  private readonly known = new Map<string, object>();
  private readonly cidrs = new Map<string, readonly string[]>();

  constructor(p: Process, config: ProxyConfig, client: Client) {
    this.p = p;
    this.config = config;
    this.client = client;
    this.threads = new Threads(p);
    this.metrics = new Metrics(p.sim);
    this.health = new ProxyHealth(p, config.syncPeriod, this.metrics);
    this.place = { node: config.hostname, zone: '' };
  }

  *run(): Task<number> {
    const { p, config } = this;
    const node = yield* this.findNode();
    const ips = nodeIPs(node, config.bindAddress);
    const podCIDRs = node?.spec?.podCIDRs ?? (node?.spec?.podCIDR ? [node.spec.podCIDR] : []);
    const primary = FAMILIES.filter((f) => ips[f] !== '').map((f) => `${ips[f]}/${f === 4 ? 32 : 128}`);
    const nodePorts =
      config.nodePortAddresses.length === 1 && config.nodePortAddresses[0] === 'primary' ? primary : config.nodePortAddresses;
    if (node) this.nodeSeen(node);
    yield* klog(p, 'I', 'server.go:219', 'Successfully retrieved NodeIPs', {
      NodeIPs: FAMILIES.map((f) => ips[f]).filter((ip) => ip !== ''),
    });
    if (config.nodePortAddresses.length === 0)
      yield* klog(p, 'E', 'server.go:256', 'Kube-proxy configuration may be incomplete or incorrect', { err: UNSET });
    for (const [what, at, handler] of [
      ['healthz', config.healthzBindAddress, this.health.handler],
      ['metrics', config.metricsBindAddress, this.metrics.handler(config.mode, () => accounts(p))],
    ] as const) {
      const to = at === '' ? null : splitHostPort(at);
      // Go's wildcard listens in both families.
      const r = to ? listen(p, this.threads, to.addr === 0 ? 0n : to.addr, to.port, handler) : null;
      if (r && !r.ok) yield* p.err(`failed to start ${what} server on ${at}: listen tcp ${at}: bind: ${strerror(r.errno).toLowerCase()}\n`);
    }
    for (const family of FAMILIES) {
      const made = new FamilyProxy({
        p,
        threads: this.threads,
        config,
        family,
        nodeIP: ips[family],
        podCIDRs,
        nodePorts,
        place: () => this.place,
        serviceCIDRs: () => [...this.cidrs.values()].flat(),
        ownIPs: () => ownIPs(p),
        health: this.health,
        metrics: this.metrics,
        wake: this.wake,
      });
      if (yield* made.present()) this.families.push(made);
    }
    if (this.families.length === 0) {
      yield* klog(p, 'E', 'run.go:72', 'command failed', { err: 'no support for primary IP family "IPv4"' });
      return 1;
    }
    const primaryFamily = FAMILY_NAME[this.families[0]?.tracker.family ?? 4];
    const stack = this.families.length > 1 ? 'dual' : 'single';
    yield* klog(p, 'I', 'server.go:265', `kube-proxy running in ${stack}-stack mode`, { 'primary ipFamily': primaryFamily });
    yield* klog(p, 'I', 'server_linux.go:145', `Using ${config.mode} Proxier`);
    for (const f of this.families) yield* f.start();
    yield* klog(p, 'I', 'server.go:527', 'Version info', { version: VERSION });
    for (const controller of CONTROLLERS) yield* klog(p, 'I', 'shared_informer.go:350', 'Waiting for caches to sync', { controller });
    yield* this.listAll();
    for (const controller of CONTROLLERS) yield* klog(p, 'I', 'shared_informer.go:357', 'Caches are synced', { controller });
    for (const f of this.families) yield* f.first();
    this.watchAll();
    for (const f of this.families) this.threads.start(f.loop());
    yield* this.threads.run();
    return 0;
  }

  /** All rules are written anew; with `touched` only where somebody else has changed them. */
  resync(touched = false): void {
    for (const f of this.families) if (!touched || !f.untouched) f.queueFull();
  }

  get settled(): boolean {
    return this.families.every((f) => f.settled);
  }

  private *findNode(): Task<Node | null> {
    for (let i = 0; i < NODE_TRIES; i++) {
      const r = this.client.get<Node>('nodes', '', this.config.hostname);
      if (r.ok && (this.config.detectLocalMode !== 'NodeCIDR' || r.value.spec?.podCIDR)) return r.value;
      yield* this.p.sleep(RETRY * 2 ** i);
    }
    return null;
  }

  /** Nothing is written before all of it is known. */
  private *listAll(): Task<void> {
    const list = function* <T>(self: KubeProxy, resource: string, labelSelector: string, on: (o: T) => void): Task<void> {
      for (;;) {
        const r = self.client.list<T>(resource, labelSelector === '' ? {} : { labelSelector });
        if (r.ok) {
          for (const o of r.value.items) on(o);
          return;
        }
        if (r.status.code === 404) return;
        yield* self.p.sleep(RETRY);
      }
    };
    yield* list<ServiceCIDR>(this, 'servicecidrs.networking.k8s.io', '', (o) => this.cidrSeen(o, false));
    yield* list<Service>(this, 'services', SELECTOR, (o) => this.serviceSeen(o, false));
    yield* list<EndpointSlice>(this, 'endpointslices.discovery.k8s.io', SELECTOR, (o) => this.sliceSeen(o, false));
  }

  private watchAll(): void {
    const gone = (e: WatchEvent<unknown>): boolean => e.type === 'DELETED';
    const labelSelector = SELECTOR;
    this.client.watch<Service>('services', { labelSelector }, (e) => this.serviceSeen(e.object, gone(e)));
    this.client.watch<EndpointSlice>('endpointslices.discovery.k8s.io', { labelSelector }, (e) => this.sliceSeen(e.object, gone(e)));
    this.client.watch<ServiceCIDR>('servicecidrs.networking.k8s.io', {}, (e) => this.cidrSeen(e.object, gone(e)));
    const fieldSelector = `metadata.name=${this.config.hostname}`;
    this.client.watch<Node>('nodes', { fieldSelector }, (e) => this.nodeSeen(e.object));
  }

  /** False for what the list has said already. */
  private news(key: string, object: object, deleted: boolean): boolean {
    if (deleted) return this.known.delete(key);
    if (this.known.get(key) === object) return false;
    this.known.set(key, object);
    return true;
  }

  private serviceSeen(service: Service, deleted: boolean): void {
    if (!this.news(`service ${keyOf(service)}`, service, deleted)) return;
    this.metrics.count('sync_proxy_rules_service_changes_total', this.families.length);
    for (const f of this.families) if (f.tracker.service(service, deleted)) f.queue();
  }

  private sliceSeen(slice: EndpointSlice, deleted: boolean): void {
    if (!this.news(`slice ${keyOf(slice)}`, slice, deleted)) return;
    for (const f of this.families) {
      if (slice.addressType !== FAMILY_NAME[f.tracker.family]) continue;
      this.metrics.count('sync_proxy_rules_endpoint_changes_total');
      if (f.tracker.slice(slice, deleted)) f.queue();
    }
  }

  private cidrSeen(o: ServiceCIDR, deleted: boolean): void {
    const name = o.metadata.name ?? '';
    const cidrs = o.spec?.cidrs ?? [];
    if (deleted ? !this.cidrs.delete(name) : this.cidrs.get(name)?.join() === cidrs.join()) return;
    if (!deleted) this.cidrs.set(name, cidrs);
    for (const f of this.families) f.queueFull();
  }

  private nodeSeen(node: Node): void {
    this.health.node(node);
    const zone = node.metadata.labels?.['topology.kubernetes.io/zone'] ?? '';
    if (zone === this.place.zone) return;
    this.place = { node: this.config.hostname, zone };
    for (const f of this.families) f.queueFull();
  }
}

interface ServiceCIDR {
  readonly metadata: { readonly name?: string };
  readonly spec?: { readonly cidrs?: readonly string[] };
}
