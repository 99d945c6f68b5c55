/** Calico's address management: blocks of 64 addresses with an affinity to a node, kept in the API. Models libcalico-go lib/ipam */

import { hash32 } from '../../../sim/rng.ts';
import { formatIp4, parseIp4 } from '../../../wire/addr.ts';
import type { Client } from '../../api/client.ts';
import type { KubeObject } from '../../api/object.ts';

const GROUP = 'crd.projectcalico.org';
export const BLOCKS = `ipamblocks.${GROUP}`;
export const AFFINITIES = `blockaffinities.${GROUP}`;
export const POOLS = `ippools.${GROUP}`;
const HANDLES = `ipamhandles.${GROUP}`;
const API_VERSION = `${GROUP}/v1`;

const ATTEMPTS = 10;

export interface Pool extends KubeObject {
  readonly spec: {
    readonly cidr: string;
    readonly blockSize?: number;
    readonly natOutgoing?: boolean;
    readonly ipipMode?: 'Always' | 'CrossSubnet' | 'Never';
    readonly vxlanMode?: 'Always' | 'CrossSubnet' | 'Never';
    readonly nodeSelector?: string;
    readonly disabled?: boolean;
  };
}

interface Attribute {
  readonly handle_id: string;
  readonly secondary: Readonly<Record<string, string>>;
}

export interface Block extends KubeObject {
  readonly spec: {
    readonly cidr: string;
    /** `host:NODE`. */
    readonly affinity: string | null;
    /** Index of the attribute of each address, null when it is free. */
    readonly allocations: readonly (number | null)[];
    readonly attributes: readonly Attribute[];
    /** Free ordinals in the order in which they will be given away. */
    readonly unallocated: readonly number[];
    readonly strictAffinity: boolean;
    readonly deleted: boolean;
  };
}

export interface Net4 {
  readonly addr: number;
  readonly len: number;
}

export function net4(cidr: string): Net4 {
  const [addr = '', len = '32'] = cidr.split('/');
  return { addr: parseIp4(addr) ?? 0, len: Number(len) };
}

const cidrText = ({ addr, len }: Net4): string => `${formatIp4(addr)}/${len}`;
const nameOf = (cidr: string): string => cidr.replace(/[./]/g, '-');
const size = (len: number): number => 2 ** (32 - len);

export function pools(client: Client): Pool[] {
  const r = client.list<Pool>(POOLS);
  return r.ok ? [...r.value.items] : [];
}

export function blocks(client: Client): Block[] {
  const r = client.list<Block>(BLOCKS);
  return r.ok ? [...r.value.items] : [];
}

const blockSize = (pool: Pool): number => pool.spec.blockSize ?? 26;

/** Claims a block for a node: the one of that address, or one that nobody has, looked for from a place of the node's own. */
function claim(client: Client, node: string, wanted: number | null): Block | null {
  const taken = new Set(blocks(client).map((b) => b.spec.cidr));
  for (const pool of pools(client)) {
    if (pool.spec.disabled) continue;
    const { addr, len } = net4(pool.spec.cidr);
    const bits = blockSize(pool);
    const count = 2 ** (bits - len);
    const start = wanted === null ? hash32(node) % count : Math.floor((wanted - addr) / size(bits));
    if (start < 0 || start >= count) continue;
    for (let i = 0; i < (wanted === null ? count : 1); i++) {
      const cidr = cidrText({ addr: addr + ((start + i) % count) * size(bits), len: bits });
      if (taken.has(cidr)) continue;
      const made = create(client, node, cidr, bits);
      if (made) return made;
    }
  }
  return null;
}

function create(client: Client, node: string, cidr: string, bits: number): Block | null {
  const affinity = { node, cidr, state: 'confirmed', deleted: 'false', type: 'host' };
  client.create({
    apiVersion: API_VERSION,
    kind: 'BlockAffinity',
    metadata: { name: `${node}-${nameOf(cidr)}` },
    spec: affinity,
  } as unknown as KubeObject);
  const n = size(bits);
  const block: Block = {
    apiVersion: API_VERSION,
    kind: 'IPAMBlock',
    metadata: { name: nameOf(cidr) },
    spec: {
      cidr,
      affinity: `host:${node}`,
      allocations: Array.from({ length: n }, () => null),
      attributes: [],
      unallocated: Array.from({ length: n }, (_, i) => i),
      strictAffinity: false,
      deleted: false,
    },
  };
  const r = client.create(block);
  return r.ok ? (r.value as Block) : null;
}

/** A free address of the node's blocks, or the one asked for; a reason when there is none. */
export function assign(
  client: Client,
  node: string,
  handle: string,
  attrs: Readonly<Record<string, string>>,
  wanted: number | null,
): string | number {
  for (let i = 0; i < ATTEMPTS; i++) {
    const all = blocks(client);
    const own = all.filter((b) => b.spec.affinity === `host:${node}`);
    const has = (b: Block): boolean => {
      const { addr, len } = net4(b.spec.cidr);
      return wanted !== null && wanted >= addr && wanted < addr + size(len);
    };
    const block = (wanted === null ? own.find((b) => b.spec.unallocated.length > 0) : all.find(has)) ?? claim(client, node, wanted);
    if (!block)
      return wanted === null
        ? 'failed to request IPv4 addresses: No IPs available in the pools'
        : `The provided IP address is not in a configured pool\n`;
    const { addr } = net4(block.spec.cidr);
    const ordinal = wanted === null ? (block.spec.unallocated[0] as number) : wanted - addr;
    if (block.spec.allocations[ordinal] !== null) return `Address already assigned in block`;
    const attributes = [...block.spec.attributes, { handle_id: handle, secondary: attrs }];
    const spec = {
      ...block.spec,
      attributes,
      allocations: block.spec.allocations.map((a, k) => (k === ordinal ? attributes.length - 1 : a)),
      unallocated: block.spec.unallocated.filter((k) => k !== ordinal),
    };
    if (!client.update({ ...block, spec } as Block).ok) continue;
    const body = { handleID: handle, block: { [block.spec.cidr]: 1 }, deleted: false };
    client.create({
      apiVersion: API_VERSION,
      kind: 'IPAMHandle',
      metadata: { name: handle.toLowerCase() },
      spec: body,
    } as unknown as KubeObject);
    return addr + ordinal;
  }
  return 'Max retries hit - excessive concurrent IPAM requests';
}

/** Frees everything of a handle; the addresses go to the end of the line. */
export function release(client: Client, handle: string): void {
  for (const found of blocks(client)) {
    if (!found.spec.attributes.some((a) => a.handle_id === handle)) continue;
    for (let i = 0; i < ATTEMPTS; i++) {
      const now = client.get<Block>(BLOCKS, '', found.metadata.name ?? '');
      if (!now.ok || client.update(without(now.value, handle)).ok) break;
    }
  }
  client.delete(HANDLES, '', handle.toLowerCase());
}

function without(block: Block, handle: string): Block {
  const kept: Attribute[] = [];
  const index = block.spec.attributes.map((a) => (a.handle_id === handle ? -1 : kept.push(a) - 1));
  const freed: number[] = [];
  const allocations = block.spec.allocations.map((a, k) => {
    if (a === null) return null;
    const to = index[a] ?? -1;
    if (to >= 0) return to;
    freed.push(k);
    return null;
  });
  return { ...block, spec: { ...block.spec, attributes: kept, allocations, unallocated: [...block.spec.unallocated, ...freed] } };
}
