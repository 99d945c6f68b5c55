/** The tree that a filter is read into. Models the semantic values of libpcap's grammar.y */

export class FilterError extends Error {}

export type Dir = 'default' | 'src' | 'dst' | 'or' | 'and';
export type AddrType = 'default' | 'host' | 'net' | 'port' | 'portrange' | 'gateway' | 'proto' | 'protochain' | 'undef';

/** What a primitive was qualified by; `port 53 or 80` hands it on to the 80. */
export interface Quals {
  proto: string;
  dir: Dir | string;
  addr: AddrType;
}

export type Arith =
  | { op: 'num'; value: number }
  | { op: 'len' }
  | { op: 'load'; proto: string; index: Arith; size: number }
  | { op: 'neg'; value: Arith }
  | { op: 'bin'; sign: string; left: Arith; right: Arith };

export type Node =
  | { op: 'and' | 'or'; left: Node; right: Node }
  | { op: 'not'; node: Node }
  | { op: 'name'; text: string; q: Quals }
  | { op: 'number'; value: number; q: Quals }
  | { op: 'dotted'; text: string; mask: string | null; len: number | null; q: Quals }
  | { op: 'ip6'; text: string; len: number | null; q: Quals }
  | { op: 'mac'; text: string; q: Quals }
  | { op: 'proto'; proto: string }
  | { op: 'relation'; sign: string; left: Arith; right: Arith }
  | { op: 'cast'; kind: 'broadcast' | 'multicast'; proto: string }
  | { op: 'length'; kind: 'less' | 'greater'; value: number }
  | { op: 'byte'; index: number; sign: string; value: number }
  | { op: 'direction'; outbound: boolean }
  | { op: 'ifindex'; value: number }
  | { op: 'tag'; kind: 'vlan' | 'mpls' | 'geneve' | 'pppoes'; value: number | null }
  | { op: 'pppoed' }
  | { op: 'llc' }
  /** Known words whose link types do not occur here. */
  | { op: 'refused'; text: string };

/** Every primitive of the tree, left to right. */
export function* primitives(node: Node): Generator<Node> {
  if (node.op === 'and' || node.op === 'or') {
    yield* primitives(node.left);
    yield* primitives(node.right);
  } else if (node.op === 'not') yield* primitives(node.node);
  else yield node;
}
