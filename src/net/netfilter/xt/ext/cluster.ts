/** -m cluster: this node's share of the connections, by a hash of the source. Models libxt_cluster.c and xt_cluster.c */

import type { IpAddr } from '../../../../wire/addr.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { jhash2, jhashWords, scale, swap32 } from '../jhash.ts';
import { hex, number } from '../parse.ts';

interface Cluster {
  total: number;
  mask: number;
  seed: number;
  invert: boolean;
}

function nodes(option: string, arg: string): number {
  const n = number(arg, 1, 32);
  if (n === null) throw new Problem(`cluster: bad value for option "--${option}", or out of range (1-32).\n`);
  return n;
}

const hex8 = (n: number): string => `0x${(n >>> 0).toString(16).padStart(8, '0')}`;

function hash(addr: IpAddr, seed: number): number {
  if (typeof addr === 'number') return jhashWords([swap32(addr)], seed);
  return jhash2(
    [96n, 64n, 32n, 0n].map((shift) => swap32(Number((addr >> shift) & 0xffffffffn))),
    seed,
  );
}

export const cluster: MatchExt<Cluster> = {
  kind: 'match',
  name: 'cluster',
  conntrack: true,
  init: () => ({ total: 0, mask: 0, seed: 0, invert: false }),
  options: [
    {
      name: 'cluster-total-nodes',
      mandatory: true,
      set: (o, arg) => {
        o.total = nodes('cluster-total-nodes', arg);
      },
    },
    {
      name: 'cluster-local-node',
      invert: true,
      excludes: ['cluster-local-nodemask'],
      set: (o, arg, invert) => {
        o.mask = (1 << (nodes('cluster-local-node', arg) - 1)) >>> 0;
        o.invert = invert;
      },
    },
    {
      name: 'cluster-local-nodemask',
      invert: true,
      excludes: ['cluster-local-node'],
      set: (o, arg, invert) => {
        o.mask = nodes('cluster-local-nodemask', arg);
        o.invert = invert;
      },
    },
    {
      name: 'cluster-hash-seed',
      mandatory: true,
      set: (o, arg) => {
        const seed = number(arg);
        if (seed === null) throw new Problem('cluster: bad value for option "--cluster-hash-seed", or out of range (0-4294967295).\n');
        o.seed = seed;
      },
    },
  ],
  check: (o, given) => {
    const local = given.has('cluster-local-node');
    const mask = given.has('cluster-local-nodemask');
    if (!local && !mask) throw new Problem("cluster match: `--cluster-local-node' or`--cluster-local-nodemask' is missing");
    if (!local || !mask) {
      const limit = 2 ** o.total;
      if (given.has('cluster-total-nodes') && o.mask >= limit) {
        if (local) throw new Problem("cluster match: `--cluster-local-node' must be <= `--cluster-total-nodes'");
        throw new Problem("cluster match: `--cluster-local-nodemask' too big for `--cluster-total-nodes'");
      }
    }
  },
  save: (o) =>
    `${o.invert ? ' !' : ''} --cluster-local-nodemask ${hex8(o.mask)} --cluster-total-nodes ${o.total} --cluster-hash-seed ${hex8(o.seed)}`,
  list: (o) => ` cluster ${o.invert ? '!' : ''}node_mask=${hex8(o.mask)} total_nodes=${o.total} hash_seed=${hex8(o.seed)}`,
  nft: (o) =>
    (o.mask & (o.mask - 1)) === 0
      ? `jhash ct original saddr mod ${o.total} seed ${hex8(o.seed)} eq ${32 - Math.clz32(o.mask)} meta pkttype set host`
      : `jhash ct original saddr mod ${o.total} seed ${hex8(o.seed)} vmap { ${hex(o.mask)} }`,
  run: (o) => (p) => {
    const { ct, ctInfo } = p.skb;
    if (p.skb.type === 'multicast') p.skb.type = 'host';
    if (!ct || !ctInfo || ctInfo.state === 'INVALID') return false;
    const node = scale(hash((ct.master ?? ct).original.src, o.seed), o.total);
    return (((o.mask >>> node) & 1) === 1) !== o.invert;
  },
};
