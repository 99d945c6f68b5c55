/** MetalLB's configuration: pools, how they are announced, routers. Models metallb v0.15 api/ and internal/config */

import { parseAddress } from '../api/ip.ts';
import type { KubeObject, Stored } from '../api/object.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1LabelSelector } from '../api/types.ts';
import { parseRange } from './range.ts';
import type { Labels } from './selector.ts';

export const NAMESPACE = 'metallb-system';
export const SPEAKER_IMAGE = 'quay.io/metallb/speaker:v0.15.2';
const GROUP = 'metallb.io';
export const POOLS = `ipaddresspools.${GROUP}`;
export const L2_ADVERTISEMENTS = `l2advertisements.${GROUP}`;
export const BGP_ADVERTISEMENTS = `bgpadvertisements.${GROUP}`;
export const BGP_PEERS = `bgppeers.${GROUP}`;

export type AddressPool = Stored<KubeObject & { readonly spec: { readonly addresses: readonly string[]; readonly autoAssign?: boolean } }>;

interface AdvertisementSpec {
  readonly ipAddressPools?: readonly string[];
  readonly ipAddressPoolSelectors?: readonly V1LabelSelector[];
  readonly nodeSelectors?: readonly V1LabelSelector[];
}

export type L2Advertisement = KubeObject & { readonly spec?: AdvertisementSpec };

export type BgpAdvertisement = KubeObject & {
  readonly spec?: AdvertisementSpec & {
    readonly aggregationLength?: number;
    readonly localPref?: number;
    readonly peers?: readonly string[];
  };
};

export type BgpPeer = Stored<KubeObject> & {
  readonly spec: {
    readonly myASN: number;
    readonly peerASN: number;
    readonly peerAddress: string;
    readonly peerPort?: number;
    readonly holdTime?: string;
    readonly routerID?: string;
    readonly sourceAddress?: string;
    readonly nodeSelectors?: readonly V1LabelSelector[];
  };
};

const any = (selectors: readonly V1LabelSelector[] | undefined, labels: Labels | undefined): boolean =>
  (selectors ?? []).length === 0 || (selectors ?? []).some((s) => matchesSelector(s, labels));

export const selectsNode = (
  spec: { readonly nodeSelectors?: readonly V1LabelSelector[] } | undefined,
  labels: Labels | undefined,
): boolean => any(spec?.nodeSelectors, labels);

/** Without names and selectors an advertisement is for all pools. */
export function selectsPool(spec: AdvertisementSpec | undefined, pool: AddressPool): boolean {
  const names = spec?.ipAddressPools ?? [];
  const selectors = spec?.ipAddressPoolSelectors ?? [];
  if (names.length === 0 && selectors.length === 0) return true;
  return names.includes(pool.metadata.name) || (selectors.length > 0 && any(selectors, pool.metadata.labels));
}

/** The pool that an address comes from. */
export function poolOf(pools: Iterable<AddressPool>, ip: string): AddressPool | undefined {
  const a = parseAddress(ip);
  if (!a) return undefined;
  for (const pool of pools)
    for (const text of pool.spec.addresses) {
      const r = parseRange(text);
      if (r && r.family === a.family && a.value >= r.first && a.value <= r.last) return pool;
    }
  return undefined;
}

// ---- what is applied

const text = { type: 'string' };
const truth = { type: 'boolean' };
const texts = { type: 'array', items: text };
const whole = (minimum = 0, maximum = 4294967295): object => ({ type: 'integer', minimum, maximum });
const selectors = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      matchExpressions: {
        type: 'array',
        items: { type: 'object', required: ['key', 'operator'], properties: { key: text, operator: text, values: texts } },
      },
      matchLabels: { type: 'object', additionalProperties: text },
    },
  },
};

const ADVERTISEMENT = { ipAddressPools: texts, ipAddressPoolSelectors: selectors, nodeSelectors: selectors };

interface Definition {
  readonly kind: string;
  readonly version: string;
  readonly spec: object;
  readonly required?: readonly string[];
  readonly columns: readonly (readonly [name: string, jsonPath: string, type: string, priority?: number])[];
}

const POOL_COLUMNS = [
  ['IPAddressPools', '.spec.ipAddressPools', 'string'],
  ['IPAddressPool Selectors', '.spec.ipAddressPoolSelectors', 'string'],
] as const;
const NODE_COLUMN = ['Node Selectors', '.spec.nodeSelectors', 'string', 10] as const;

/** The fields that are emulated; what is not among them is refused as unknown. */
const DEFINITIONS: readonly Definition[] = [
  {
    kind: 'IPAddressPool',
    version: 'v1beta1',
    spec: { addresses: texts, autoAssign: { ...truth, default: true }, avoidBuggyIPs: { ...truth, default: false, enum: [false] } },
    required: ['addresses'],
    columns: [
      ['Auto Assign', '.spec.autoAssign', 'boolean'],
      ['Avoid Buggy IPs', '.spec.avoidBuggyIPs', 'boolean'],
      ['Addresses', '.spec.addresses', 'string'],
    ],
  },
  {
    kind: 'L2Advertisement',
    version: 'v1beta1',
    spec: ADVERTISEMENT,
    columns: [...POOL_COLUMNS, ['Interfaces', '.spec.interfaces', 'string'], NODE_COLUMN],
  },
  {
    kind: 'BGPAdvertisement',
    version: 'v1beta1',
    spec: { ...ADVERTISEMENT, aggregationLength: { ...whole(1, 32), default: 32 }, localPref: whole(), peers: texts },
    columns: [...POOL_COLUMNS, ['Peers', '.spec.peers', 'string'], NODE_COLUMN],
  },
  {
    kind: 'BGPPeer',
    version: 'v1beta2',
    spec: {
      myASN: whole(),
      peerASN: whole(),
      peerAddress: text,
      peerPort: { ...whole(1, 16384), default: 179 },
      holdTime: text,
      routerID: text,
      sourceAddress: text,
      nodeSelectors: selectors,
    },
    required: ['myASN', 'peerASN', 'peerAddress'],
    columns: [
      ['Address', '.spec.peerAddress', 'string'],
      ['ASN', '.spec.peerASN', 'string'],
      ['BFD Profile', '.spec.bfdProfile', 'string'],
      ['Multi Hops', '.spec.ebgpMultiHop', 'string'],
    ],
  },
];

function definition(d: Definition): KubeObject {
  const singular = d.kind.toLowerCase();
  const plural = `${singular}s`;
  const spec = { type: 'object', properties: d.spec, ...(d.required ? { required: d.required } : {}) };
  const properties = { apiVersion: text, kind: text, metadata: { type: 'object' }, spec, status: { type: 'object' } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind: d.kind, listKind: `${d.kind}List`, plural, singular },
      scope: 'Namespaced',
      versions: [
        {
          name: d.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: d.columns.map(([name, jsonPath, type, priority]) => ({
            name,
            jsonPath,
            type,
            ...(priority === undefined ? {} : { priority }),
          })),
          schema: { openAPIV3Schema: { type: 'object', properties } },
        },
      ],
    },
  } as unknown as KubeObject;
}

export const metallbDefinitions = (): KubeObject[] => DEFINITIONS.map(definition);

/** A cluster file's pool, announced by ARP unless its objects say how. */
export function poolManifests(addresses: readonly string[], manifests: readonly KubeObject[]): KubeObject[] {
  const pool = {
    apiVersion: `${GROUP}/v1beta1`,
    kind: 'IPAddressPool',
    metadata: { name: 'pool', namespace: NAMESPACE },
    spec: { addresses },
  };
  const l2 = { apiVersion: `${GROUP}/v1beta1`, kind: 'L2Advertisement', metadata: { name: 'pool', namespace: NAMESPACE } };
  const told = manifests.some((o) => o.kind === 'L2Advertisement' || o.kind === 'BGPAdvertisement');
  return [pool, ...(told ? [] : [l2])] as KubeObject[];
}
