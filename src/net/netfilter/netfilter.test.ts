import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { emitIpv4 } from '../../wire/ipv4.ts';
import { Kernel } from '../kernel.ts';
import { Skb } from '../skb.ts';
import { HOOKS, PRIORITY } from './netfilter.ts';
import { matches, targets } from './xt/ext/index.ts';
import { TABLES, type TableName } from './xt/tables.ts';

const packet = (): Uint8Array =>
  emitIpv4({
    tos: 0,
    id: 1,
    df: false,
    mf: false,
    offset: 0,
    ttl: 64,
    proto: 17,
    src: 1,
    dst: 2,
    options: new Uint8Array(0),
    payload: new Uint8Array(8),
  });

test('entries run by priority, then by age; a drop ends it', () => {
  const ns = new Kernel(new Sim(1), 'h').init;
  const seen: string[] = [];
  const add = (name: string, priority: number, verdict: 'accept' | 'drop' = 'accept'): (() => void) =>
    ns.nf.register({
      family: 4,
      hook: 'FORWARD',
      priority,
      run: () => {
        seen.push(name);
        return verdict;
      },
    });
  add('filter', PRIORITY.filter);
  add('mangle', PRIORITY.mangle);
  const off = add('filter 2', PRIORITY.filter, 'drop');
  add('security', PRIORITY.security);
  const skb = new Skb(ns.kernel.sim, 0x800, packet());
  expect(ns.nf.hook(4, 'FORWARD', skb, ns.lo, ns.lo)).toBe('drop');
  expect(seen).toEqual(['mangle', 'filter', 'filter 2']);
  off();
  seen.length = 0;
  expect(ns.nf.hook(4, 'FORWARD', skb, ns.lo, ns.lo)).toBe('accept');
  expect(seen).toEqual(['mangle', 'filter', 'security']);
  expect(ns.nf.active(6, 'FORWARD')).toBe(false);
});

test('the order of the tables at each hook', () => {
  const at = (hook: string): string[] =>
    (Object.keys(TABLES) as TableName[])
      .flatMap((name) => TABLES[name].filter(([h]) => h === hook).map(([, priority]) => ({ name, priority })))
      .sort((a, b) => a.priority - b.priority)
      .map((t) => t.name);
  expect(Object.fromEntries(HOOKS.map((h) => [h, at(h)]))).toEqual({
    PREROUTING: ['raw', 'mangle', 'nat'],
    INPUT: ['mangle', 'filter', 'security', 'nat'],
    FORWARD: ['mangle', 'filter', 'security'],
    OUTPUT: ['raw', 'mangle', 'nat', 'filter', 'security'],
    POSTROUTING: ['mangle', 'nat'],
  });
});

test('every extension file is in the table', () => {
  const files = readdirSync(new URL('./xt/ext/', import.meta.url)).filter(
    (f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && !['index.ts', 'ports.ts', 'registry.ts'].includes(f),
  );
  const names = new Set([...matches, ...targets].map((e) => e.name));
  expect(files.filter((f) => ![...names, 'NAT', 'NPT', 'exthdr6', 'spi', 'missing'].includes(f.slice(0, -3)))).toEqual([]);
  expect(matches.map((m) => m.name)).toEqual([...matches.map((m) => m.name)].sort());
  expect(targets.map((m) => m.name)).toEqual([...targets.map((m) => m.name)].sort());
});
