import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cniSuite } from './cni-suite.ts';
import { FLOORS } from './suite.ts';

const OPTIONS = { diff: null, raise: false, scenarios: false, limit: 20 };
const shared = join(import.meta.dirname, '../../../../shared/kubernetes/cni');

test('recorded cases: all but one counter of an IGMP report', { timeout: 120_000 }, async () => {
  const { json } = await cniSuite({ ...OPTIONS, path: null });
  const cases = (json as { cases: readonly { name: string; wrong: readonly string[] }[] }).cases;
  expect(cases.filter((c) => c.wrong.length > 0).map((c) => [c.name, c.wrong])).toEqual([['chain-portmap', ['09-del.host']]]);
});

test.skipIf(!existsSync(shared))(
  `as many cases pass as ever: ${existsSync(shared) ? '' : 'SKIPPED, '}${shared}`,
  { timeout: 120_000 },
  async () => {
    const floors = JSON.parse(readFileSync(FLOORS.rules, 'utf8')) as Record<string, number>;
    const { matched } = await cniSuite({ ...OPTIONS, path: shared });
    expect(matched).toBeGreaterThanOrEqual(floors['cni'] as number);
  },
);
