import { expect, test } from 'vitest';
import { Sim } from '../../../sim/sim.ts';
import { FlowTable, type FourTuple } from '../../sock/flows.ts';
import type { TcpSocket } from '../../sock/tcp/tcp.ts';
import { Connection } from './connection.ts';
import { TupleTable } from './table.ts';
import { invertTuple, type Tuple, tupleKey } from './tuple.ts';

test('the hash of tuples agrees with a map of their texts, both families, with zones', () => {
  const rng = new Sim(5).rng('t');
  const tuple = (): Tuple => {
    const proto = [6, 17, 1][rng.below(3)] as number;
    const v6 = proto !== 1 && rng.below(3) === 0;
    const addr = (): number | bigint => (v6 ? (0xfd00n << 112n) | BigInt(rng.below(3)) : 0x0a000000 + rng.below(3));
    const id = rng.below(4);
    const src = addr();
    if (proto === 1) return { src, dst: addr(), proto, sport: id, dport: id, icmpType: 8, icmpCode: 0 };
    return { src, dst: addr(), proto, sport: id, dport: rng.below(4), icmpType: 0, icmpCode: 0 };
  };
  const table = new TupleTable();
  const map = new Map<string, Connection>();
  for (let i = 0; i < 5000; i++) {
    const t = tuple();
    const reply = invertTuple(t) as Tuple;
    const zone = rng.below(2);
    const known = map.get(tupleKey(t, zone));
    const entry = table.find(t, zone);
    expect(entry?.ct).toBe(known);
    if (entry) expect(tupleKey(entry.ct.tuple(entry.dir), zone)).toBe(tupleKey(t, zone));
    if (known) {
      if (rng.below(2) === 0) continue;
      table.remove(known);
      for (const x of [known.original, known.reply]) map.delete(tupleKey(x, zone));
    } else if (!map.has(tupleKey(reply, zone))) {
      const ct = new Connection(i, t, reply, 0, zone);
      table.add(ct);
      for (const x of [t, reply]) map.set(tupleKey(x, zone), ct);
    }
    expect(table.connections.size).toBe(new Set(map.values()).size);
  }
});

test('the hash of four-tuples agrees with a map of their texts', () => {
  const rng = new Sim(6).rng('t');
  const table = new FlowTable();
  const map = new Map<string, TcpSocket>();
  for (let i = 0; i < 5000; i++) {
    const v6 = rng.below(3) === 0;
    const addr = (): number | bigint => (v6 ? BigInt(rng.below(3)) : rng.below(3));
    const t: FourTuple = { laddr: addr(), lport: rng.below(4), raddr: addr(), rport: rng.below(4) };
    const key = `${typeof t.laddr} ${Object.values(t).join(' ')}`;
    expect(table.get(t)).toBe(map.get(key));
    const sk = { id: i } as unknown as TcpSocket;
    if (rng.below(3) > 0) {
      table.set(t, sk);
      map.set(key, sk);
    } else {
      table.delete(t);
      map.delete(key);
    }
    expect(table.get(t)).toBe(map.get(key));
  }
});
