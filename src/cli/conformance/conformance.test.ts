import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { SUITES } from '../commands/conformance.ts';
import { areaOf, byArea } from './areas.ts';
import { judgeIptablesRule, judgeNftRule } from './rules.ts';
import { rulesSuite } from './rules-suite.ts';
import { FLOORS, raiseFloors } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'hopwise-conformance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['k8s-netpol', [], 'Kubernetes-like topologies'],
  ['ip-route-get', [], 'ip route'],
  ['iptables-save-restore', [], 'iptables save and restore'],
  ['something', ['wget', 'http'], 'wget'],
  ['something', [], 'other'],
])('%s %j belongs to %s', (name, tags, area) => {
  expect(areaOf(name, tags)).toBe(area);
});

test('areas are sums in the order of the table', () => {
  expect(
    byArea([
      { name: 'nc', tags: [], matched: 1, total: 2 },
      { name: 'ip-route-a', tags: [], matched: 3, total: 3 },
      { name: 'ip-route-b', tags: [], matched: 1, total: 4 },
    ]),
  ).toEqual([
    { area: 'ip route', recordings: 2, matched: 4, total: 7 },
    { area: 'nc', recordings: 1, matched: 1, total: 2 },
  ]);
});

test('a floor is raised and never lowered', () => {
  const file = join(folder, 'floors.json');
  raiseFloors(file, [['a', 5]]);
  raiseFloors(file, [
    ['a', 3],
    ['b', 1],
  ]);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ a: 5, b: 1 });
});

describe('a rule is judged by what the tool saves', () => {
  const rule = {
    id: 'x.t:1',
    module: 'x',
    table: 'filter',
    rc: 0,
    stderr: '',
    cmd: 'iptables -t filter -A INPUT -p tcp --dport 80 -j DROP',
  };
  test.each([
    ['-A INPUT -p tcp -m tcp --dport 80 -j DROP', true],
    ['-A INPUT -p tcp --dport 80 -j DROP', false],
  ])('iptables: %s', (save, passed) => {
    expect(judgeIptablesRule({ ...rule, expect: 'ok', save }).passed).toBe(passed);
  });
  test('iptables: a failure must have the same words', () => {
    const stderr = "iptables v1.8.9 (nf_tables): Chain 'NO' does not exist\nTry `iptables -h' or 'iptables --help' for more information.\n";
    const c = { ...rule, cmd: 'iptables -A INPUT -j NO', expect: 'fail', rc: 2, save: null } as const;
    expect(judgeIptablesRule({ ...c, stderr }).passed).toBe(true);
    expect(judgeIptablesRule({ ...c, stderr: '' }).passed).toBe(false);
  });
  test('nft: the listed chain', () => {
    const c = {
      id: 'ip/x.t:1',
      family: 'ip',
      table: 't',
      chain: 'c',
      chainDef: 'type filter hook input priority 5',
      rule: 'tcp dport 80 drop',
      expect: 'ok',
      rc: 0,
    } as const;
    const listed = 'table ip t {\n\tchain c {\n\t\ttype filter hook input priority 5; policy accept;\n\t\ttcp dport 80 drop\n\t}\n}\n';
    expect(judgeNftRule({ ...c, listed }).passed).toBe(true);
    expect(judgeNftRule({ ...c, listed: listed.replace('80', '81') }).passed).toBe(false);
  });
});

test('a suite counts, and says why a file is no suite', async () => {
  const opts = { diff: null, raise: false, scenarios: false, limit: 20 };
  const cmd = 'iptables -A INPUT -j DROP';
  const file = join(folder, 'cases.json');
  const good = { id: 'a:1', module: 'a', table: 'filter', cmd, expect: 'ok', rc: 0, stderr: '', save: '-A INPUT -j DROP' };
  writeFileSync(file, JSON.stringify({ cases: [good, { ...good, id: 'a:2', save: '-A INPUT -j ACCEPT' }] }));
  const r = await rulesSuite('iptables-rules', { ...opts, path: file });
  expect([r.matched, r.total, r.json]).toEqual([
    1,
    2,
    { suite: 'iptables-rules', groups: [{ group: 'a', matched: 1, total: 2 }], failed: ['a:2'] },
  ]);
  writeFileSync(file, '{}');
  await expect(rulesSuite('iptables-rules', { ...opts, path: file })).rejects.toThrow('no list "cases" in it');
});

/** The suites' licences keep them out of this repository; where a checkout of them lies beside it, they are run. */
const suites = process.env.HOPWISE_CONFORMANCE ?? join(import.meta.dirname, '../../../../shared/conformance');
const floors = JSON.parse(readFileSync(FLOORS.rules, 'utf8')) as Record<string, number>;
describe.each(Object.keys(floors))('%s: as many cases pass as ever', (name) => {
  const path = join(suites, `${name}.json`);
  test.skipIf(!existsSync(path))(`${path} ${existsSync(path) ? 'is there' : 'IS NOT THERE: skipped'}`, { timeout: 300_000 }, async () => {
    const suite = SUITES[name];
    if (!suite) throw new Error(`no suite ${name}`);
    const r = await suite({ path, diff: null, raise: false, scenarios: false, limit: 20 });
    expect(r.matched).toBeGreaterThanOrEqual(floors[name] as number);
  });
});
