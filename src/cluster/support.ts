/** What of Kubernetes is emulated, as a table that the site prints beside the kernel's. */

type Level = 'emulated' | 'partly' | 'absent';

interface Feature {
  readonly area: string;
  readonly feature: string;
  readonly level: Level;
  /** What is missing, and why. */
  readonly note?: string;
}

const rows =
  (area: string) =>
  (...list: readonly (readonly [feature: string, level: Level, note?: string])[]): Feature[] =>
    list.map(([feature, level, note]) => ({ area, feature, level, ...(note === undefined ? {} : { note }) }));

export const CLUSTER_FEATURES: readonly Feature[] = [
  ...rows('Kubernetes API')(
    ['objects of v1.36: defaults, validation, updates, patches of all types, server-side apply, deletion, watches', 'emulated'],
    ['custom resources with schema, columns and subresources; Gateway API built in', 'emulated'],
    ['authorization by roles, tokens and certificates', 'emulated'],
    ['aggregation', 'partly', 'proxied requests, availability, discovery; certificates of the servers are not looked at'],
    ['admission webhooks, policies in CEL, API priority, audit', 'absent'],
    ['quotas and limit ranges', 'partly', 'stored and shown, not enforced'],
  ),
  ...rows('Controllers and scheduler')(
    ['deployments, replica sets, daemon sets, stateful sets, jobs, cron jobs', 'emulated'],
    ['endpoints and endpoint slices with hints, services, namespaces, garbage collection, nodes', 'emulated'],
    [
      'load balancers as MetalLB: pools, ARP, BGP to routers with BIRD',
      'emulated',
      'the IPv4 fields of IPAddressPool, L2Advertisement, BGPAdvertisement and BGPPeer; no BFD, passwords, communities',
    ],
    ['scheduling by resources, selectors, taints, affinity, spread, priority', 'emulated'],
    ['volumes that are claimed', 'partly', 'claims are stored; nothing is provisioned'],
  ),
  ...rows('Nodes')(
    ['sandboxes, containers, images as sets of programs, probes, restarts, hooks, logs, exec, port-forward', 'emulated'],
    ['CPU and memory', 'partly', 'requests are scheduled; use is a model that metrics-server reads, nothing is killed for memory'],
    ['System V IPC and /dev/shm that a pod shares', 'partly', 'objects are made, listed and removed; no program attaches to them'],
    ['images that are not in the table', 'absent', 'a pull says that the registry does not have them'],
  ),
  ...rows('Networks')(
    ['CNI 1.1 plugins, chains, IPAM; Flannel with VXLAN and host-gw; Calico with IPIP and BGP', 'emulated'],
    ['kube-proxy: iptables and nftables modes', 'emulated', 'equal to recordings of v1.36.3, rule by rule and packet by packet'],
    ['kube-proxy: ipvs and userspace modes', 'absent'],
    ['NetworkPolicy, enforced by iptables or by programs at devices', 'emulated'],
    ['AdminNetworkPolicy, Cilium, Multus, service meshes', 'absent'],
    ['ip-masq-agent', 'emulated'],
  ),
  ...rows('DNS')(
    [
      'CoreDNS: kubernetes, forward, cache, hosts, rewrite, template, log, errors, health, ready, loop, reload, autopath, loadbalance',
      'emulated',
    ],
    ['CoreDNS: other plugins', 'absent', 'a Corefile with one of them is refused by name'],
    ['node-local cache', 'emulated'],
    ['look-up as glibc and as musl do it', 'emulated'],
  ),
  ...rows('Into the cluster')(
    [
      'Ingress as ingress-nginx and as Traefik serve it: hosts, paths, TLS, canaries, rewriting',
      'emulated',
      'of the annotations the well-known ones; Traefik without its own resources',
    ],
    ['Gateway API: Gateway, HTTPRoute, TLSRoute, ReferenceGrant, filters, weights, mirrors', 'emulated'],
    ['GRPCRoute', 'partly', 'routed by path over HTTP/1.1: HTTP/2 is not spoken'],
    ['client certificates at a Gateway', 'absent'],
  ),
];
