import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Kernel } from '../net/kernel.ts';
import { Sim } from '../sim/sim.ts';
import { formatIp, network } from '../wire/addr.ts';
import { fibTrie, fibTrieStat } from './fibtrie.ts';

test('every route stands once under its own key, in order, and nodes count their empty children', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ addr: fc.nat(0xffffffff), len: fc.nat(32) }), { minLength: 1, maxLength: 60 }), (prefixes) => {
      const ns = new Kernel(new Sim(1), 'h').newNetns();
      const wanted = new Set<string>();
      for (const { addr, len } of prefixes) {
        const dst = { addr: network(addr, len) as number, len };
        if (ns.fib.add({ family: 4, dst, type: 'blackhole' }).ok) wanted.add(`${formatIp(dst.addr)}/${len}`);
      }
      const text = fibTrie(ns).split('Local:')[0] as string;
      const found: string[] = [];
      const keys: number[] = [];
      let key = '';
      for (const line of text.split('\n')) {
        const leaf = /\|-- (\S+)/.exec(line)?.[1];
        if (leaf) {
          key = leaf;
          keys.push(leaf.split('.').reduce((n, b) => n * 256 + Number(b), 0));
        }
        const len = /^ +\/(\d+) /.exec(line)?.[1];
        if (len) found.push(`${key}/${len}`);
      }
      expect(new Set(found)).toEqual(wanted);
      expect(found).toHaveLength(wanted.size);
      expect(keys).toEqual([...keys].sort((a, b) => a - b));
      const stat = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(fibTrieStat(ns))?.[1]);
      expect(stat('Prefixes')).toBe(wanted.size);
      // Each node but the root hangs in one pointer; the others are empty.
      expect(stat('Pointers') - stat('Null ptrs')).toBe(Math.max(0, stat('Leaves') + stat('Internal nodes') - 1));
    }),
    { numRuns: 40 },
  );
});
