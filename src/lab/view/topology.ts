/** The picture of a world as it is: every namespace with its devices and cables, and the Services. Looking changes nothing. */

import type { EndpointSlice, Service } from '../../cluster/api/object.ts';
import { Bridge } from '../../net/dev/bridge.ts';
import type { NetDevice } from '../../net/dev/device.ts';
import { Ether } from '../../net/dev/ether.ts';
import { Geneve } from '../../net/dev/geneve.ts';
import { Ip6Tunnel } from '../../net/dev/ip6tunnel.ts';
import { IpTunnel } from '../../net/dev/iptunnel.ts';
import { Veth } from '../../net/dev/veth.ts';
import { Vlan } from '../../net/dev/vlan.ts';
import { Vxlan } from '../../net/dev/vxlan.ts';
import type { Kernel } from '../../net/kernel.ts';
import type { Netns } from '../../net/netns.ts';
import { formatIp, formatIp4, type IpAddr, isLinkLocal } from '../../wire/addr.ts';
import type { World } from '../world.ts';
import type { DeviceView, End, ServiceView, SpaceView, Topology } from './types.ts';

/** All kernels of a world: those of its hosts, and what their cables lead to. */
export function kernelsOf(world: World): readonly Kernel[] {
  const found = new Set<Kernel>();
  for (const host of world.hosts.values()) found.add(host.machine.kernel);
  // A set that grows is gone through to its end.
  for (const kernel of found)
    for (const dev of kernel.init.devices.values()) if (dev instanceof Ether && dev.far) found.add(dev.far.ns.kernel);
  return [...found];
}

/** Id of a namespace in the picture; those without a name count as their machine's own. */
export function spaceId(ns: Netns): string {
  const name = ns === ns.kernel.init ? undefined : ns.kernel.nameOf(ns);
  return name === undefined ? ns.kernel.hostname : `${ns.kernel.hostname}/${name}`;
}

const endOf = (dev: NetDevice): End => ({ space: spaceId(dev.ns), dev: dev.name });

function peerOf(dev: NetDevice): End | null {
  const other = dev instanceof Veth ? dev.peer : dev instanceof Ether ? dev.far : null;
  return other ? endOf(other) : null;
}

function detailOf(dev: NetDevice): string {
  if (dev instanceof Vxlan) return `VXLAN ${dev.vni}, UDP ${dev.dstport}`;
  if (dev instanceof Geneve) return `Geneve ${dev.options.vni ?? ''}, UDP ${dev.options.dstport}`;
  if (dev instanceof Vlan) return `VLAN ${dev.vid}`;
  if (dev instanceof IpTunnel) {
    const to = dev.parms.remote === 0 ? '' : ` to ${formatIp4(dev.parms.remote)}`;
    return `${dev.kind === 'ipip' ? 'IP in IP' : dev.kind}${to}`;
  }
  if (dev instanceof Ip6Tunnel) return dev.kind;
  return '';
}

/** Where a tunnel's outer packets may go: a set remote, the forwarding database, gateways of routes by it. */
function remotesOf(dev: NetDevice): readonly IpAddr[] {
  const out = new Set<IpAddr>();
  if (dev instanceof Vxlan) {
    if (dev.options.remote !== null) out.add(dev.options.remote);
    for (const e of dev.fdb.entries()) for (const r of e.remotes) out.add(r.ip);
  } else if (dev instanceof Geneve) {
    if (dev.options.remote !== null) out.add(dev.options.remote);
  } else if (dev instanceof IpTunnel || dev instanceof Ip6Tunnel) {
    if (dev.parms.remote) out.add(dev.parms.remote);
    else for (const r of dev.ns.fib.all()) for (const n of r.nexthops) if (n.dev === dev && n.gateway) out.add(n.gateway);
  }
  return [...out];
}

const isTunnel = (dev: NetDevice): boolean =>
  dev instanceof Vxlan || dev instanceof Geneve || dev instanceof IpTunnel || dev instanceof Ip6Tunnel;

const lowerOf = (dev: NetDevice): string | null => {
  const { lower } = dev as NetDevice & { readonly lower?: NetDevice | null };
  return lower && lower.ns === dev.ns ? lower.name : null;
};

interface Found {
  readonly ns: Netns;
  readonly space: Omit<SpaceView, 'devices'>;
}

/** Drops what the kernel makes by itself and nobody uses: fallback tunnels that are down. */
const shown = (dev: NetDevice): boolean => dev !== dev.ns.lo && !(isTunnel(dev) && !dev.up && dev.addrs4.length === 0);

function kindOf(world: World, kernel: Kernel): SpaceView['kind'] {
  const spec = world.kube?.cluster.file.machines.find((m) => m.name === kernel.hostname);
  if (spec) return spec.kind === 'host' ? 'outside' : spec.kind;
  const { init } = kernel;
  const host = [...world.hosts.values()].find((h) => h.ns === init);
  if (host && host.kind !== 'outside') return host.kind;
  const devices = [...init.devices.values()].filter((d) => d !== init.lo);
  if (!host && devices.some((d) => d instanceof Bridge) && devices.every((d) => d.addrs4.length === 0)) return 'switch';
  return init.sysctl.int('net.ipv4.ip_forward') > 0 && devices.length > 1 ? 'router' : 'outside';
}

/** `hosts` are those that the learner may open; none: all. */
function spacesOf(world: World, hosts: readonly string[]): Found[] {
  const open = (id: string): boolean => hosts.length === 0 || hosts.includes(id);
  const known = new Map([...world.hosts.values()].map((h) => [h.ns, h]));
  const pods = new Map(world.kube?.networks().map((p) => [p.ns, p]));
  const anyNode = [...world.hosts.values()].some((h) => h.kind === 'node' && open(h.id));
  const out: Found[] = [];
  for (const kernel of kernelsOf(world)) {
    const { hostname: host } = kernel;
    const self = known.get(kernel.init);
    const inside = self !== undefined && open(self.id);
    out.push({
      ns: kernel.init,
      space: {
        id: host,
        host,
        title: self?.title ?? host,
        kind: kindOf(world, kernel),
        place: inside ? self.id : null,
        namespace: null,
      },
    });
    for (const [name, ns] of kernel.named) {
      if (ns === kernel.init || !ns.alive) continue;
      const id = `${host}/${name}`;
      const pod = pods.get(ns);
      const h = known.get(ns);
      if (pod) {
        const named = h && open(h.id) ? h.id : null;
        const place = named ?? (anyNode ? `pod ${pod.namespace}/${pod.name}` : null);
        out.push({ ns, space: { id, host, title: `pod ${pod.name}`, kind: 'pod', place, namespace: pod.namespace } });
      } else if (h) {
        const place = open(h.id) ? h.id : inside ? `pod default/${h.id}` : null;
        out.push({ ns, space: { id, host, title: h.title, kind: h.kind, place, namespace: 'default' } });
      } else {
        out.push({ ns, space: { id, host, title: name, kind: 'netns', place: inside ? id : null, namespace: null } });
      }
    }
  }
  return out;
}

function deviceOf(dev: NetDevice, ends: readonly End[]): DeviceView {
  return {
    name: dev.name,
    kind: dev.kind,
    up: dev.up,
    carrier: dev.carrier(),
    mac: dev.llAddress ?? '',
    mtu: dev.mtu,
    addrs: [...dev.addrs4, ...dev.addrs6.filter((a) => !isLinkLocal(a.local))].map((a) => `${formatIp(a.local)}/${a.len}`),
    master: dev.master?.name ?? null,
    peer: peerOf(dev),
    lower: lowerOf(dev),
    ends,
    detail: detailOf(dev),
  };
}

/** Spaces by the addresses that they have. */
function owners(found: readonly Found[]): Map<string, Found> {
  const out = new Map<string, Found>();
  for (const f of found)
    for (const dev of f.ns.devices.values()) {
      if (dev === f.ns.lo) continue;
      for (const a of [...dev.addrs4, ...dev.addrs6]) {
        const text = formatIp(a.local);
        if (!out.has(text)) out.set(text, f);
      }
    }
  return out;
}

function endsOf(dev: NetDevice, by: ReadonlyMap<string, Found>): End[] {
  return remotesOf(dev).flatMap((ip) => {
    const there = by.get(formatIp(ip));
    if (!there || there.ns === dev.ns) return [];
    const other = [...there.ns.devices.values()].find(
      (d) => d.kind === dev.kind && shown(d) && (!(dev instanceof Vxlan) || (d as Vxlan).vni === dev.vni),
    );
    return other ? [endOf(other)] : [];
  });
}

const PORT = /^(.*):(\d+)$/;

function servicesOf(world: World, by: ReadonlyMap<string, Found>): ServiceView[] {
  const spacesOfIps = (ips: readonly string[]): string[] => [...new Set(ips.flatMap((ip) => by.get(ip)?.space.id ?? []))];
  if (!world.kube) {
    return (world.services ?? []).map((s) => ({
      id: s.name.replace(/:.*/, ''),
      type: s.nodePort === undefined ? 'ClusterIP' : 'NodePort',
      addresses: [s.clusterIP],
      ports: [`${s.port}${s.nodePort === undefined ? '' : `:${s.nodePort}`}/${s.protocol.toUpperCase()}`],
      endpoints: spacesOfIps(s.endpoints.map((e) => PORT.exec(e)?.[1] ?? e)),
    }));
  }
  const { admin } = world.kube.cluster;
  const services = admin.list<Service>('services');
  const slices = admin.list<EndpointSlice>('endpointslices.discovery.k8s.io');
  if (!services.ok) return [];
  return services.value.items.map(({ metadata, spec, status }) => {
    const own = (slices.ok ? slices.value.items : []).filter(
      (s) => s.metadata.namespace === metadata.namespace && s.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
    );
    const ready = own.flatMap((s) => (s.endpoints ?? []).filter((e) => e.conditions?.ready !== false).flatMap((e) => e.addresses ?? []));
    const outer = status?.loadBalancer?.ingress?.flatMap((i) => i.ip ?? []) ?? [];
    return {
      id: `${metadata.namespace}/${metadata.name}`,
      type: spec?.type ?? 'ClusterIP',
      addresses: [...(spec?.clusterIPs ?? []), ...(spec?.externalIPs ?? []), ...outer],
      ports: (spec?.ports ?? []).map((p) => `${p.port}${p.nodePort ? `:${p.nodePort}` : ''}/${p.protocol ?? 'TCP'}`),
      endpoints: spacesOfIps(ready),
    };
  });
}

/** `hosts`: ids of those that the learner may open, none for all. */
export function topologyOf(world: World, hosts: readonly string[] = []): Topology {
  const found = spacesOf(world, hosts);
  const by = owners(found);
  return {
    spaces: found.map(({ ns, space }) => ({
      ...space,
      devices: [...ns.devices.values()].filter(shown).map((dev) => deviceOf(dev, isTunnel(dev) ? endsOf(dev, by) : [])),
    })),
    services: servicesOf(world, by),
  };
}
