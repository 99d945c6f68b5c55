import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LABS, labIds, loadLab } from '../cli/labs.ts';
import { grade } from './grade.ts';
import { scriptLog } from './log.ts';
import { instantiate } from './parameters.ts';
import { proveLab } from './prove.ts';
import { readLab } from './read.ts';
import { createSession } from './session.ts';
import { loadWorld } from './world.ts';

test.each(labIds())('%s: start fails, solution and alternatives pass, decoys fail where they aim', async (id) => {
  const lab = loadLab(id);
  await loadWorld(lab.world);
  expect(proveLab(lab).filter((p) => !p.passed)).toEqual([]);
});

test('a hundred runs of the same seed and log have one trace hash; another seed has another', () => {
  const lab = loadLab('wire-a-pod-by-hand');
  const log = scriptLog(instantiate(lab, 7), lab.solution);
  const hashes = new Set(Array.from({ length: 100 }, () => grade(lab, log, { hash: true }).traceHash));
  expect(hashes.size).toBe(1);
  expect(grade(lab, scriptLog(instantiate(lab, 8), lab.solution), { hash: true }).traceHash).not.toBe([...hashes][0]);
}, 120_000);

test('typing the solution into a terminal is graded from the replayed keys, and again after a reload', () => {
  const lab = loadLab('wire-a-pod-by-hand');
  const session = createSession({ lab, seed: 3 });
  let screen = '';
  const terminal = session.openTerminal('node-1', {
    cols: 100,
    rows: 30,
    onData: (text) => {
      screen += text;
    },
  });
  const settle = (): void => {
    session.run(session.now + 5_000_000, () => true);
  };
  settle();
  expect(grade(lab, session.exportLog()).score).toBe(0);
  for (const line of instantiate(lab, 3).solution.trim().split('\n')) {
    terminal.write(`${line}\r`);
    settle();
  }
  expect(screen).toContain('64 bytes from 10.244.2.7: icmp_seq=1 ttl=62');
  const report = grade(lab, session.exportLog());
  expect(report.score).toBe(1);
  const again = createSession({ lab, seed: 3, log: session.exportLog() });
  expect(grade(lab, again.exportLog()).score).toBe(1);
});

test('a log for other content, out of order or for another run is refused with the place', () => {
  const lab = loadLab('wire-a-pod-by-hand');
  const log = scriptLog(instantiate(lab, 1), lab.solution);
  expect(() => grade(lab, { ...log, contentHash: 'x' })).toThrow(/made for other content/);
  const entry = log.entries[0] as (typeof log.entries)[number];
  expect(() => grade(lab, { ...log, entries: [entry, { ...entry, steps: 0 }] })).toThrow(/log entry 2 \(script\) is out of order/);
  expect(() => grade(lab, { ...log, entries: [{ ...entry, op: 'open', host: 'nowhere', term: 1, cols: 80, rows: 24 }] })).toThrow(
    /no host "nowhere"/,
  );
});

const schema = JSON.parse(readFileSync(join(LABS, 'lab.schema.json'), 'utf8')) as object;
const yaml = readFileSync(join(LABS, 'wire-a-pod-by-hand/lab.yaml'), 'utf8');

test.each([
  [
    'an unknown field',
    yaml.replace('minutes: 25', 'minuts: 25'),
    /lab\.yaml:\d+: the lab has no field "minuts"; correct the name or remove it/,
  ],
  [
    'a wrong value',
    yaml.replace('level: intermediate', 'level: easy'),
    /lab\.yaml:3: level must be one of beginner, intermediate, advanced, expert/,
  ],
  [
    'four hints',
    yaml.replace(/( {6}- A new network namespace.*\n)/, '$1$1'),
    /lab\.yaml:\d+: tasks\.0\.hints must NOT have more than 3 items/,
  ],
  [
    'a need that comes later',
    yaml.replace('needs: [largest]', 'needs: [others]'),
    /lab\.yaml:\d+: tasks\.3\.checks\.1\.needs names "others", which is no earlier check/,
  ],
  ['a decoy without a file', `${yaml}  nosuch: [others]\n`, /decoys\.nosuch has no file decoys\/nosuch\.sh/],
  ['YAML that is none', `${yaml}\n  - ]`, /lab\.yaml:\d+: /],
])('%s is told with file, line, field and mend', (_, text, message) => {
  const decoys = loadLab('wire-a-pod-by-hand').decoys.map(({ name, script }) => ({ name, script }));
  expect(() => readLab({ id: 'x', path: 'lab.yaml', yaml: text, solution: '', alternatives: [], decoys, files: {} }, schema)).toThrow(
    message,
  );
});
