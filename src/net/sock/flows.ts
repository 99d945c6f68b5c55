/** Connections by their four-tuple. Models the established hash of inet_hashtables.c */

import type { IpAddr } from '../../wire/addr.ts';
import type { TcpSocket } from './tcp/tcp.ts';

/** Local and remote end as the receiving host sees them. */
export interface FourTuple {
  laddr: IpAddr;
  lport: number;
  raddr: IpAddr;
  rport: number;
}

interface Node {
  readonly sk: TcpSocket;
  readonly tuple: FourTuple;
  next: Node | null;
}

function mix(h: number, v: number): number {
  const x = Math.imul(h ^ v, 0x9e3779b1);
  return x ^ (x >>> 15);
}

function bits(a: IpAddr): number {
  return typeof a === 'number' ? a | 0 : Number(BigInt.asIntN(32, a ^ (a >> 64n)));
}

/** 30 bits, so that engines keep it as a small integer. */
function hash(t: FourTuple): number {
  return mix(mix(mix(0, bits(t.raddr)), bits(t.laddr)), (t.rport << 16) | t.lport) & 0x3fffffff;
}

function same(a: FourTuple, b: FourTuple): boolean {
  return a.lport === b.lport && a.rport === b.rport && a.laddr === b.laddr && a.raddr === b.raddr;
}

export class FlowTable {
  private readonly buckets = new Map<number, Node>();

  get(t: FourTuple): TcpSocket | undefined {
    let n: Node | null = this.buckets.get(hash(t)) ?? null;
    while (n !== null && !same(n.tuple, t)) n = n.next;
    return n?.sk;
  }

  set(tuple: FourTuple, sk: TcpSocket): void {
    this.delete(tuple);
    const h = hash(tuple);
    this.buckets.set(h, { sk, tuple, next: this.buckets.get(h) ?? null });
  }

  delete(t: FourTuple): void {
    const h = hash(t);
    let previous: Node | null = null;
    for (let n = this.buckets.get(h) ?? null; n !== null; previous = n, n = n.next) {
      if (!same(n.tuple, t)) continue;
      if (previous) previous.next = n.next;
      else if (n.next) this.buckets.set(h, n.next);
      else this.buckets.delete(h);
      return;
    }
  }
}
