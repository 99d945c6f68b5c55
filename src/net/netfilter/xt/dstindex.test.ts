import { expect, test } from 'vitest';
import { Sim } from '../../../sim/sim.ts';
import { Kernel } from '../../kernel.ts';
import { DstIndex } from './dstindex.ts';
import { emptyRule, Rule, type RuleSpec } from './rule.ts';

/** Random rules over few addresses, most of them for exactly one. */
function rules(sim: Sim, count: number): Rule[] {
  const rng = sim.rng('rules');
  const { init } = new Kernel(sim, 'k');
  return Array.from({ length: count }, (_, i) => {
    const spec: RuleSpec = emptyRule();
    const kind = rng.below(16);
    const len = kind === 0 ? 24 : kind === 1 ? 0 : 32;
    const mask = len === 0 ? 0 : (-1 << (32 - len)) >>> 0;
    if (kind !== 2) spec.dst = { addr: (0xc0a80000 + rng.below(64)) & mask, mask, invert: kind === 3 };
    return new Rule(spec, init, i);
  });
}

/** What the rule's own words say. */
function matches(rule: Rule, dst: number): boolean {
  const m = rule.spec.dst;
  return !m || ((dst & (m.mask as number)) >>> 0 === ((m.addr as number) & (m.mask as number)) >>> 0) !== m.invert;
}

test('a walk by the index meets every rule that matches, in order, from anywhere', () => {
  const sim = new Sim(7);
  for (const count of [48, 100, 333]) {
    const list = rules(sim, count);
    const index = DstIndex.of(list) as DstIndex;
    expect(index).not.toBeNull();
    for (let dst = 0xc0a80000; dst < 0xc0a80050; dst++) {
      for (const start of [0, 1, count >> 1, count]) {
        const met: number[] = [];
        for (let at = index.next(start, dst | 0); at < count; at = index.next(at + 1, dst | 0)) met.push(at);
        const wanted = list.flatMap((rule, i) => (i >= start && matches(rule, dst) ? [i] : []));
        expect(wanted.every((i) => met.includes(i))).toBe(true);
        expect(met).toEqual([...met].sort((a, b) => a - b));
        expect(met.length).toBeLessThan(count);
      }
    }
  }
});

test('short chains and chains of prefixes are walked', () => {
  const sim = new Sim(8);
  expect(DstIndex.of(rules(sim, 47))).toBeNull();
  const prefixes = rules(sim, 100).map(
    (r) => new Rule({ ...r.spec, dst: { addr: 0x0a000000, mask: 0xff000000, invert: false } }, new Kernel(sim, 'k').init, 0),
  );
  expect(DstIndex.of(prefixes)).toBeNull();
});
