/** The hash table of tuples. Models nf_conntrack_hash */

import type { IpAddr } from '../../../wire/addr.ts';
import type { Connection, Direction } from './connection.ts';
import { sameTuple, type Tuple } from './tuple.ts';

export interface TupleEntry {
  readonly ct: Connection;
  readonly dir: Direction;
  readonly tuple: Tuple;
  /** Next entry of the same hash. */
  next: TupleEntry | null;
}

function mix(h: number, v: number): number {
  const x = Math.imul(h ^ v, 0x85ebca6b);
  return x ^ (x >>> 15);
}

function mixAddr(h: number, a: IpAddr): number {
  if (typeof a === 'number') return mix(h, a | 0);
  return mix(mix(h, Number(BigInt.asUintN(32, a))), Number(BigInt.asUintN(32, a >> 64n)));
}

/** 31 bits, so that engines keep it as a small integer. */
function hashTuple(t: Tuple, zone: number): number {
  let h = mixAddr(mixAddr(zone, t.src), t.dst);
  h = mix(h, (t.sport << 16) | t.dport);
  return mix(h, (t.proto << 16) | (t.icmpType << 8) | t.icmpCode) & 0x3fffffff;
}

export class TupleTable {
  private readonly buckets = new Map<number, TupleEntry>();
  /** In order of confirmation. */
  readonly connections = new Set<Connection>();

  find(tuple: Tuple, zone: number): TupleEntry | null {
    let e: TupleEntry | null = this.buckets.get(hashTuple(tuple, zone)) ?? null;
    while (e !== null && !(e.ct.zone === zone && sameTuple(e.tuple, tuple))) e = e.next;
    return e;
  }

  add(ct: Connection): void {
    this.connections.add(ct);
    this.put(ct, 'original', ct.original);
    this.put(ct, 'reply', ct.reply);
  }

  remove(ct: Connection): void {
    this.connections.delete(ct);
    this.take(ct, ct.original);
    this.take(ct, ct.reply);
  }

  /** The newest of equal tuples is found. */
  private put(ct: Connection, dir: Direction, tuple: Tuple): void {
    const hash = hashTuple(tuple, ct.zone);
    this.buckets.set(hash, { ct, dir, tuple, next: this.buckets.get(hash) ?? null });
  }

  private take(ct: Connection, tuple: Tuple): void {
    const hash = hashTuple(tuple, ct.zone);
    let previous: TupleEntry | null = null;
    for (let e = this.buckets.get(hash) ?? null; e !== null; e = e.next) {
      if (e.ct !== ct || !sameTuple(e.tuple, tuple)) {
        previous = e;
        continue;
      }
      if (previous) previous.next = e.next;
      else if (e.next) this.buckets.set(hash, e.next);
      else this.buckets.delete(hash);
      return;
    }
  }
}
