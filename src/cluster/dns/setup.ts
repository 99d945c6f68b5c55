/** From a server block's directives to its chain of plugins, in CoreDNS' fixed order. Models plugin.cfg and the setup.go files */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { readResolvConf } from '../../os/resolver.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import type { Client } from '../api/client.ts';
import { argumentError, type Directive, directiveError, duration, type ServerBlock } from './corefile.ts';
import { LogPlugin } from './log.ts';
import { CachePlugin } from './plugin/cache.ts';
import { ForwardPlugin, type Upstream } from './plugin/forward.ts';
import { HostsPlugin } from './plugin/hosts.ts';
import { KubernetesPlugin } from './plugin/kubernetes.ts';
import { RewritePlugin, rewriteRule } from './plugin/rewrite.ts';
import { AutopathPlugin, LoadbalancePlugin, LoopPlugin, WhoamiPlugin } from './plugin/small.ts';
import { TemplatePlugin, templateOf } from './plugin/template.ts';
import { type Plugin, type Query, type Reply, zoneArgument } from './query.ts';
import { ClusterView } from './view.ts';

/** What the server offers to its plugins while they are set up. */
export interface Setup {
  readonly p: Process;
  readonly client: () => Client | null;
  readonly local: () => readonly IpAddr[];
  readonly lookup: (q: Query, name: string, type: number) => Task<Reply>;
  readonly start: (task: Task<void>) => void;
  readonly log: (text: string) => void;
  readonly fatal: (text: string) => void;
}

export interface ServerChain {
  readonly zones: readonly string[];
  readonly port: number;
  readonly plugins: readonly Plugin[];
  /** Addresses to listen on; empty: all. */
  readonly bind: readonly IpAddr[];
  readonly logsErrors: boolean;
  /** `:8080` and the like of health, ready, prometheus. */
  readonly http: { readonly health?: number; readonly ready?: number; readonly metrics?: number };
  /** µs that a stopping server still answers. */
  readonly lameduck: number;
  /** µs between looks at the Corefile; 0: never. */
  readonly reload: number;
}

type Maker = (ds: readonly Directive[], zones: readonly string[], s: Setup) => Plugin;

/** Plugins that answer or change queries, in the order in which a query meets them. */
const CHAIN: readonly (readonly [string, Maker])[] = [
  ['log', (ds, zones) => LogPlugin.setup(ds, zones)],
  ['loadbalance', (ds) => loadbalance(ds[0] as Directive)],
  ['cache', (ds, zones) => cache(ds[0] as Directive, zones)],
  ['rewrite', (ds) => new RewritePlugin(ds.map(rewriteRule))],
  ['autopath', (ds, zones, s) => autopath(ds[0] as Directive, zones, s)],
  ['template', (ds, zones) => new TemplatePlugin(ds.map((d) => templateOf(d, zones)))],
  ['hosts', (ds, zones) => hosts(ds[0] as Directive, zones)],
  ['kubernetes', (ds, zones, s) => kubernetes(ds, zones, s)],
  ['loop', (_ds, zones, s) => loop(zones, s)],
  ['forward', (ds, _zones, s) => forward(ds[0] as Directive, s)],
  ['whoami', () => new WhoamiPlugin()],
];

/** Directives that set the server up. */
const SETTINGS = ['errors', 'health', 'ready', 'prometheus', 'reload', 'bind', 'bufsize', 'debug', 'cancel'];

/** Real directives that are not emulated. */
const NOT_EMULATED =
  'root metadata geoip tls quic timeouts multisocket nsid trace pprof dnstap local dns64 acl any chaos tsig header dnssec minimal transfer route53 azure clouddns k8s_external file auto secondary etcd grpc erratic on sign view nomad'.split(
    ' ',
  );

export const DIRECTIVES: ReadonlySet<string> = new Set([...CHAIN.map(([n]) => n), ...SETTINGS, ...NOT_EMULATED]);

/** @throws CorefileError */
export function setUpServer(block: ServerBlock, s: Setup): ServerChain[] {
  for (const d of block.directives) if (NOT_EMULATED.includes(d.name)) throw directiveError(d, `plugin/${d.name}: not emulated`);
  const named = (name: string): readonly Directive[] => block.directives.filter((d) => d.name === name);
  const zones = [...new Set(block.keys.map((k) => k.zone))];
  const once = new Set(['cache', 'kubernetes', 'autopath', 'hosts', 'loop', 'loadbalance']);
  const plugins: Plugin[] = [];
  for (const [name, make] of CHAIN) {
    const ds = named(name);
    if (ds.length === 0) continue;
    if (ds.length > 1 && once.has(name))
      throw directiveError(ds[1] as Directive, `plugin/${name}: this plugin can only be used once per Server Block`);
    if (name === 'forward') for (const d of ds) plugins.push(make([d], zones, s));
    else plugins.push(make(ds, zones, s));
  }
  const kube = plugins.find((p): p is KubernetesPlugin => p instanceof KubernetesPlugin);
  for (const p of plugins) if (p instanceof AutopathPlugin) autopathFinders.get(p)?.(kube);
  const port = (name: string, fallback: number): number | undefined => {
    const d = named(name)[0];
    if (!d) return undefined;
    const m = /:(\d+)$/.exec(d.args[0] ?? '');
    return m ? Number(m[1]) : fallback;
  };
  const health = port('health', 8080);
  const ready = port('ready', 8181);
  const metrics = port('prometheus', 9153);
  const lameduck = named('health')[0]?.block.find((l) => l.name === 'lameduck')?.args[0];
  const bind = named('bind').flatMap((d) =>
    d.args.map((a) => {
      const addr = parseIp(a);
      const dev = s.p.ns.device(a);
      const of = addr ?? dev?.addrs4[0]?.local;
      if (of === undefined) throw directiveError(d, `plugin/bind: not a valid IP address or interface name: "${a}"`);
      return of;
    }),
  );
  const reload = named('reload')[0];
  const ports = [...new Set(block.keys.map((k) => k.port))];
  return ports.map((number) => ({
    zones: block.keys.filter((k) => k.port === number).map((k) => k.zone),
    port: number,
    plugins,
    bind,
    logsErrors: named('errors').length > 0,
    http: { ...(health ? { health } : {}), ...(ready ? { ready } : {}), ...(metrics ? { metrics } : {}) },
    lameduck: lameduck === undefined ? 0 : (duration(lameduck) ?? 0),
    reload: reload ? (duration(reload.args[0] ?? '30s') ?? 30e6) : 0,
  }));
}

function loadbalance(d: Directive): Plugin {
  if (d.args.length > 0 && d.args[0] !== 'round_robin') throw directiveError(d, `plugin/loadbalance: policy ${d.args[0]} is not emulated`);
  return new LoadbalancePlugin();
}

function cache(d: Directive, zones: readonly string[]): Plugin {
  const args = [...d.args];
  const ttl = /^\d+$/.test(args[0] ?? '') ? Number(args.shift()) : null;
  const success = { capacity: 9984, max: ttl ?? 3600, min: 5 };
  const denial = { capacity: 9984, max: ttl ?? 1800, min: 5 };
  let servfail = 5;
  let stale = 0;
  let keepTtl = false;
  const none: { success: string[]; denial: string[] } = { success: [], denial: [] };
  for (const l of d.block) {
    if (l.name === 'success' || l.name === 'denial') {
      const t = l.name === 'success' ? success : denial;
      const [capacity, max, min] = l.args.map(Number);
      if (capacity === undefined || l.args.some((a) => !/^\d+$/.test(a))) throw argumentError(l);
      t.capacity = capacity;
      if (max !== undefined) t.max = max;
      if (min !== undefined) t.min = min;
    } else if (l.name === 'servfail') servfail = Math.floor((duration(l.args[0] ?? '') ?? 5e6) / 1e6);
    else if (l.name === 'serve_stale') stale = Math.floor((duration(l.args[0] ?? '1h') ?? 3600e6) / 1e6);
    else if (l.name === 'keepttl') keepTtl = true;
    else if (l.name === 'disable') {
      const [kind, ...of] = l.args;
      if (kind !== 'success' && kind !== 'denial')
        throw directiveError(l, `plugin/cache: cache type for disable must be "success" or "denial"`);
      none[kind].push(...(of.length > 0 ? of.map(zoneArgument) : zones));
    } else if (l.name !== 'prefetch') throw directiveError(l, `plugin/cache: unknown property '${l.name}'`);
  }
  return new CachePlugin({
    zones: args.length > 0 ? args.map(zoneArgument) : zones,
    success,
    denial,
    servfail,
    stale,
    keepTtl,
    noSuccess: none.success,
    noDenial: none.denial,
  });
}

function fallthroughOf(l: Directive): readonly string[] {
  return l.args.length > 0 ? l.args.map(zoneArgument) : [''];
}

function hosts(d: Directive, serverZones: readonly string[]): Plugin {
  const [file, ...zones] = d.args;
  let ttl = 3600;
  let reverse = true;
  let fallthrough: readonly string[] | null = null;
  const inline: string[] = [];
  for (const l of d.block) {
    if (l.name === 'fallthrough') fallthrough = fallthroughOf(l);
    else if (l.name === 'ttl') ttl = Number(l.args[0] ?? 3600);
    else if (l.name === 'no_reverse') reverse = false;
    else if (parseIp(l.name) !== null) inline.push([l.name, ...l.args].join(' '));
    else if (l.name !== 'reload') throw directiveError(l, `plugin/hosts: unknown property '${l.name}'`);
  }
  return new HostsPlugin({
    file: file ?? '/etc/hosts',
    inline,
    zones: zones.length > 0 ? zones.map(zoneArgument) : serverZones,
    ttl,
    reverse,
    fallthrough,
  });
}

function kubernetes(ds: readonly Directive[], serverZones: readonly string[], s: Setup): Plugin {
  const d = ds[0] as Directive;
  const zones = d.args.length > 0 ? d.args.map(zoneArgument) : [...serverZones];
  const fault = (l: Directive, what: string): Error => directiveError(l, `plugin/kubernetes: ${what}`);
  if (zones.every((z) => /(^|\.)(in-addr|ip6)\.arpa$/.test(z))) throw fault(d, 'non-reverse zone name must be used');
  const o = {
    zones,
    pods: 'disabled' as 'disabled' | 'insecure' | 'verified',
    ttl: 5,
    namespaces: [] as string[],
    endpointPodNames: false,
    ignoreEmptyService: false,
    zonal: false,
    multicluster: [] as string[],
  };
  let fallthrough: readonly string[] | null = null;
  let endpoints = true;
  const labels: { of?: string; namespaces?: string } = {};
  for (const l of d.block) {
    const [first] = l.args;
    if (l.name === 'pods') {
      if (l.args.length !== 1) throw argumentError(l);
      if (first !== 'disabled' && first !== 'insecure' && first !== 'verified')
        throw fault(l, `wrong value for pods: ${first},  must be one of: disabled, verified, insecure`);
      o.pods = first;
    } else if (l.name === 'ttl') {
      if (first === undefined) throw argumentError(l);
      if (!/^-?\d+$/.test(first)) throw fault(l, `strconv.Atoi: parsing "${first}": invalid syntax`);
      o.ttl = Number(first);
      if (o.ttl < 0 || o.ttl > 3600) throw fault(l, `ttl must be in range [0, 3600]: ${first}`);
    } else if (l.name === 'namespaces') {
      if (first === undefined) throw argumentError(l);
      o.namespaces.push(...l.args);
    } else if (l.name === 'endpoint_pod_names') o.endpointPodNames = true;
    else if (l.name === 'fallthrough') fallthrough = fallthroughOf(l);
    else if (l.name === 'ignore') {
      if (first !== undefined && first !== 'empty_service') throw fault(l, `unable to parse ignore value: '${first}'`);
      o.ignoreEmptyService = first !== undefined;
    } else if (l.name === 'noendpoints') endpoints = false;
    else if (l.name === 'zonal') o.zonal = true;
    else if (l.name === 'multicluster') o.multicluster = l.args.map(zoneArgument);
    else if (l.name === 'labels') labels.of = l.args.join(' ');
    else if (l.name === 'namespace_labels') labels.namespaces = l.args.join(' ');
    else if (
      ![
        'endpoint',
        'tls',
        'kubeconfig',
        'startup_timeout',
        'apiserver_qps',
        'apiserver_burst',
        'apiserver_max_inflight',
        'upstream',
      ].includes(l.name)
    )
      throw directiveError(l, `unknown property '${l.name}'`);
  }
  if (o.namespaces.length > 0 && labels.namespaces !== undefined) throw fault(d, 'namespaces and namespace_labels cannot both be set');
  if (o.zonal && !endpoints) throw fault(d, 'zonal requires the endpoint cache; remove noendpoints');
  const client = s.client();
  if (!client)
    throw new Error(
      'plugin/kubernetes: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    );
  const view = new ClusterView(s.p.sim, client, {
    labels: labels.of,
    namespaceLabels: labels.namespaces,
    pods: o.pods === 'verified',
    endpoints,
    multicluster: o.multicluster.length > 0,
  });
  return new KubernetesPlugin(o, { view, local: s.local, fallthrough, lookup: s.lookup });
}

const autopathFinders = new WeakMap<AutopathPlugin, (kube: KubernetesPlugin | undefined) => void>();

function autopath(d: Directive, serverZones: readonly string[], s: Setup): Plugin {
  const args = [...d.args];
  const source = args.pop();
  if (source === undefined) throw argumentError(d);
  const search = readResolvConf(s.p).search;
  let kube: KubernetesPlugin | undefined;
  const path = (q: Query): readonly string[] | null =>
    source === '@kubernetes' ? (kube?.searchPath(q, search, formatIp(q.client.addr)) ?? null) : [...search, ''];
  const plugin = new AutopathPlugin(args.length > 0 ? args.map(zoneArgument) : serverZones, path);
  autopathFinders.set(plugin, (found) => {
    if (source.startsWith('@') && !found) throw directiveError(d, `plugin/autopath: failed to find plugin "${source.slice(1)}"`);
    kube = found;
  });
  return plugin;
}

function loop(zones: readonly string[], s: Setup): Plugin {
  const rng = s.p.sim.rng('coredns/loop');
  const number = (): string => `${rng.below(0x7fffffff)}${String(rng.below(1_000_000_000)).padStart(9, '0')}`;
  const zone = zones[0] ?? '';
  return new LoopPlugin(zone, [number(), number(), zone].filter((l) => l !== '').join('.'), s.fatal);
}

function forward(d: Directive, s: Setup): Plugin {
  const [from, ...to] = d.args;
  if (from === undefined || to.length === 0) throw argumentError(d);
  const upstreams: Upstream[] = [];
  for (const t of to) {
    if (t.startsWith('/')) for (const addr of readResolvConf(s.p).servers) upstreams.push({ addr, port: 53 });
    else {
      if (/^(tls|https|grpc|quic):\/\//.test(t)) throw directiveError(d, `plugin/forward: ${t}: not emulated`);
      const m = /^(?:dns:\/\/)?(?:\[([^\]]+)\]|([^:]+|[0-9a-fA-F:]+))(?::(\d+))?$/.exec(t);
      const addr = m ? parseIp((m[1] ?? m[2]) as string) : null;
      if (!m || addr === null) throw directiveError(d, `plugin/forward: not an IP address or file: "${t}"`);
      upstreams.push({ addr, port: m[3] ? Number(m[3]) : 53 });
    }
  }
  if (upstreams.length === 0) throw directiveError(d, 'plugin/forward: no valid upstream addresses found');
  const o = {
    forceTcp: false,
    preferUdp: false,
    maxFails: 2,
    policy: 'random' as 'random' | 'round_robin' | 'sequential',
    maxConcurrent: 0,
  };
  const except: string[] = [];
  for (const l of d.block) {
    const [first] = l.args;
    if (l.name === 'except') except.push(...l.args.map(zoneArgument));
    else if (l.name === 'force_tcp') o.forceTcp = true;
    else if (l.name === 'prefer_udp') o.preferUdp = true;
    else if (l.name === 'max_fails') o.maxFails = Number(first);
    else if (l.name === 'max_concurrent') o.maxConcurrent = Number(first);
    else if (l.name === 'policy') {
      if (first !== 'random' && first !== 'round_robin' && first !== 'sequential')
        throw directiveError(l, `plugin/forward: unknown policy '${first}'`);
      o.policy = first;
    } else if (
      ![
        'expire',
        'health_check',
        'tls',
        'tls_servername',
        'read_timeout',
        'failfast_all_unhealthy_upstreams',
        'max_connect_attempts',
      ].includes(l.name)
    )
      throw directiveError(l, `plugin/forward: unknown property '${l.name}'`);
  }
  return new ForwardPlugin({ from: zoneArgument(from), to: upstreams, except, ...o }, s.start);
}
