/** Recordings of the real kube-proxy against the emulated one. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { lineDifferences } from './differences.ts';
import { isolated } from './isolate.ts';
import type { Check } from './kube/proxy-case.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** Seconds that one case may take before it counts as hung. */
const CASE_LIMIT = 600;

export async function kubeProxySuite({ path, diff, raise }: SuiteOptions): Promise<SuiteResult> {
  if (path === null) throw new Error('usage: hopwise conformance kube-proxy PATH [--diff NAME] [--json]');
  const outcomes = statSync(path).isFile() ? await traceChecks(path) : await caseChecks(path);
  const matched = outcomes.filter((c) => c.passed).length;
  // Folders of recordings are goldens: their floor is everything.
  if (raise && statSync(path).isFile()) raiseFloors(FLOORS.rules, [[basename(path, '.json'), matched]]);
  const groups = new Map<string, [matched: number, total: number]>();
  for (const c of outcomes) {
    const [good, all] = groups.get(c.group) ?? [0, 0];
    groups.set(c.group, [good + (c.passed ? 1 : 0), all + 1]);
  }
  let table = '';
  for (const [group, [good, all]] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) table += scoreLine(group, good, all);
  if (diff !== null)
    for (const c of outcomes)
      if (!c.passed && c.name.includes(diff)) table += `\n${c.group}: ${c.name}\n${lineDifferences(c.wanted, c.got)}`;
  const json = {
    suite: 'kube-proxy',
    groups: [...groups].map(([group, [good, all]]) => ({ group, matched: good, total: all })),
    failed: outcomes.filter((c) => !c.passed).map((c) => `${c.group}: ${c.name}`),
  };
  return { table, json, matched, total: outcomes.length };
}

const isCase = (folder: string): boolean => existsSync(join(folder, 'objects.json'));
const isDyn = (folder: string): boolean => existsSync(join(folder, 'watch-endpointslices.json'));

async function caseChecks(path: string): Promise<Check[]> {
  if (isDyn(path)) return run('kube-dyn', [path]);
  const folders = isCase(path)
    ? [path]
    : readdirSync(path)
        .sort()
        .flatMap((n) =>
          n === 'kube-proxy' && !isCase(join(path, n))
            ? readdirSync(join(path, n))
                .sort()
                .map((m) => join(path, n, m))
            : [join(path, n)],
        )
        .filter((f) => isCase(f) || isDyn(f));
  if (folders.length === 0) throw new Error(`${path}: no folder with objects.json in it`);
  return [...(await run('kube-proxy', folders.filter(isCase))), ...(await run('kube-dyn', folders.filter(isDyn)))];
}

async function run(task: 'kube-proxy' | 'kube-dyn', folders: readonly string[]): Promise<Check[]> {
  const items = folders.map((folder) => ({ folder, name: basename(resolve(folder)) }));
  const outcomes = await isolated(task, items, { seconds: CASE_LIMIT });
  return outcomes.flatMap((o, i) =>
    o.ok ? o.value : [{ group: 'crashed', name: items[i]?.name ?? '', passed: false, wanted: '', got: o.why }],
  );
}

async function traceChecks(path: string): Promise<Check[]> {
  const data = JSON.parse(readFileSync(path, 'utf8')) as { rules?: unknown; cases?: unknown[] };
  if (data.rules === undefined || !Array.isArray(data.cases)) throw new Error(`${path}: neither "rules" nor "cases" in it`);
  const [outcome] = await isolated('kube-proxy-trace', [data as never], { seconds: CASE_LIMIT });
  if (!outcome?.ok) return [{ group: 'crashed', name: path, passed: false, wanted: '', got: outcome?.why ?? '' }];
  return outcome.value;
}
