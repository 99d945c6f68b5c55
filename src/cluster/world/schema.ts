/** JSON Schema of the cluster file. */

const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const map = { type: 'object', additionalProperties: text } as const;
const object = (required: readonly string[], properties: object): object => ({
  type: 'object',
  required,
  properties,
  additionalProperties: false,
});
const list = (items: object): object => ({ type: 'array', items });

const command = { type: 'array', items: text, minItems: 1 } as const;
const address = { type: 'string', pattern: '^[0-9a-fA-F.:]+/[0-9]+$' } as const;
const name = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' } as const;

const network = object(['name'], { name, delay: { type: 'integer', minimum: 0 }, cable: { type: 'boolean' } });

const card = object(['name', 'network'], {
  name: { type: 'string', maxLength: 15, minLength: 1 },
  network: text,
  addresses: list(address),
  mac: { type: 'string', pattern: '^([0-9a-f]{2}:){5}[0-9a-f]{2}$' },
  mtu: { type: 'integer', minimum: 68, maximum: 9000 },
});

const machine = object(['name', 'kind', 'interfaces'], {
  name,
  title: text,
  kind: { enum: ['node', 'router', 'host'] },
  role: { enum: ['control-plane', 'worker'] },
  interfaces: list(card),
  routes: list(object(['to', 'via'], { to: text, via: text })),
  sysctls: map,
  files: map,
  run: list(command),
  setup: list(command),
  podCIDRs: list(address),
  labels: map,
  taints: list(object(['key', 'effect'], { key: text, value: text, effect: { enum: ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] } })),
});

const kubernetes = object(['cni', 'proxyMode', 'clusterCIDRs', 'serviceCIDRs', 'clusterDNS'], {
  cni: { enum: ['bridge', 'flannel-vxlan', 'flannel-host-gw', 'calico-ipip', 'calico-bgp', 'none'] },
  proxyMode: { enum: ['iptables', 'nftables', 'none'] },
  clusterCIDRs: { type: 'array', items: address, minItems: 1, maxItems: 2 },
  serviceCIDRs: { type: 'array', items: address, minItems: 1, maxItems: 2 },
  clusterDNS: text,
  clusterDomain: text,
  dnsReplicas: { type: 'integer', minimum: 0, maximum: 10 },
  dnsNodes: texts,
  images: texts,
  loadBalancerPool: texts,
});

const manifest = {
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata'],
  properties: { apiVersion: text, kind: text, metadata: { type: 'object', required: ['name'] } },
} as const;

/** `base` names a reference world: what the file says besides takes the place of, or comes to, what that world has. */
export const CLUSTER_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Cluster file',
  type: 'object',
  required: ['name', 'title'],
  if: { required: ['base'] },
  // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
  then: {},
  else: { required: ['networks', 'machines', 'terminals'] },
  additionalProperties: false,
  properties: {
    base: text,
    name,
    title: text,
    networks: list(network),
    machines: list(machine),
    kubernetes: { ...kubernetes },
    manifests: list(manifest),
    later: list(manifest),
    pins: map,
    faults: list(object(['on', 'run'], { on: text, run: text })),
    terminals: texts,
  },
};
