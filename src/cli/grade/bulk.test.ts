import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { type LogEntry, scriptLog } from '../../lab/log.ts';
import { instantiate } from '../../lab/parameters.ts';
import type { Result } from '../../lab/result/result.ts';
import { seal, submissionText } from '../../lab/submission.ts';
import { linkOf } from '../../lab/submission-link.ts';
import { seedOf } from '../../lab/ticket.ts';
import { LABS, loadLab } from '../labs.ts';
import { itemsOf } from './files.ts';
import { type Brief, type GradeSettings, gradeFile, readResult } from './one.ts';
import { writeOutputs } from './outputs.ts';
import { Progress } from './progress.ts';
import { changeText, compare } from './regrade.ts';
import { type BulkSettings, bulk, summary } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'hopwise-bulk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ID = 'wire-a-pod-by-hand';
const labs = join(folder, 'labs');
cpSync(join(LABS, ID), join(labs, ID), { recursive: true });
const source = loadLab(ID, labs);
const secret = 'the secret of this course';
const settings: BulkSettings = { labs, secret, resume: true, jobs: 2, seconds: 30, heap: 512 };

const submissions = join(folder, 'in');
mkdirSync(join(submissions, 'group'), { recursive: true });
const hand = (learner: string, script: (lab: Lab) => string): ReturnType<typeof seal> => {
  const lab = instantiate(source, seedOf(secret, { learner, lab: ID, attempt: 1 }));
  return seal(scriptLog(lab, script(lab)), { learner, attempt: 1 });
};
const ada = hand('ada', (lab) => lab.solution);
writeFileSync(join(submissions, 'ada.json'), submissionText(ada));
writeFileSync(join(submissions, 'group', 'bob.json'), submissionText(hand('bob', () => 'true')));
writeFileSync(join(submissions, 'copy.json'), submissionText(ada).replace('"ada"', '"eve"'));
writeFileSync(join(submissions, 'link.txt'), `My answer: https://example.org/labs/x${await linkOf(ada)}\n`);
writeFileSync(join(submissions, 'junk.json'), '{"format":');

/** As a worker does it, without one. */
const inline = (from: string, out: string, change: Partial<GradeSettings>): Promise<Brief[]> =>
  Promise.all(itemsOf([from], out).map((item) => gradeFile(item, { ...settings, ...change })));
const read = (out: string, name: string): Result => readResult(join(out, 'results', `${name}.json`)) as Result;

test('a folder is graded in the order of its names, and again only what has changed', async () => {
  const out = join(folder, 'out');
  const items = itemsOf([submissions], out);
  expect(items.map((i) => i.name)).toEqual(['ada', 'copy', 'group/bob', 'junk', 'link']);
  const first = await bulk(items, settings);
  expect(first.map((b) => [b.status, b.passed, b.kept])).toEqual([
    ['graded', true, false],
    ['refused', false, false],
    ['graded', false, false],
    ['refused', false, false],
    ['graded', true, false],
  ]);
  expect(read(out, 'copy').problem).toMatch(/is not this learner's/);
  expect(read(out, 'junk').problem).toMatch(/is no JSON/);
  expect(summary(first, 1, 2)).toMatch(
    /^5 submissions: 3 graded, 2 passed, mean \d+\.\d %, 0 not intact, 2 refused, 0 failed; 1\.0 s with 2 workers$/,
  );
  const before = statSync(items[0]?.out as string).mtimeMs;
  const again = await inline(submissions, out, {});
  expect(again.map((b) => b.kept)).toEqual([true, true, true, false, true]);
  expect(statSync(items[0]?.out as string).mtimeMs).toBe(before);
  expect((await inline(submissions, out, { secret: undefined }))[1]).toMatchObject({ status: 'graded', intact: false });

  writeOutputs(out, items, ['csv', 'json', 'junit', 'gradescope', 'exercism', 'classroom50', 'check50', 'text'], {
    visibility: 'visible',
    classroom: { classroom: 'net-1' },
  });
  expect(
    readFileSync(join(out, 'results.csv'), 'utf8')
      .split('\r\n')
      .map((l) => l.split(',')[0]),
  ).toEqual(['file', ...items.map((i) => i.name), '']);
  expect((JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as { file: string }[]).map((r) => r.file)).toEqual(
    items.map((i) => i.name),
  );
  expect(readFileSync(join(out, 'junit.xml'), 'utf8').match(/<testsuite /g)).toHaveLength(5);
  expect(JSON.parse(readFileSync(join(out, 'classroom50/group/bob.json'), 'utf8'))).toMatchObject({ classroom: 'net-1', owner: 'bob' });
  for (const each of ['gradescope', 'exercism', 'check50']) expect(existsSync(join(out, each, 'link.json'))).toBe(true);
});

test('a submission that never ends, and one that eats the memory, cost only themselves', async () => {
  const hostile = join(folder, 'hostile');
  mkdirSync(hostile);
  const lab = instantiate(source, 1);
  const [end] = scriptLog(lab, '').entries as [LogEntry];
  const evil = (name: string, script: string): void => {
    const entries: LogEntry[] = [
      { op: 'script', host: 'node-1', script, steps: end.steps, time: end.time },
      { op: 'end', steps: end.steps + 4_000_000, time: end.time + 1e9 },
    ];
    writeFileSync(
      join(hostile, `${name}.json`),
      submissionText(seal({ version: 2, lab: ID, contentHash: source.contentHash, seed: 1, entries }, { learner: name })),
    );
  };
  evil('forever', 'while :; do :; done');
  evil('memory', 'for ((i=0;;i++)); do ip netns add n$i; done');
  writeFileSync(join(hostile, 'z.json'), submissionText(ada));
  const out = join(folder, 'hostile-out');
  const briefs = await bulk(itemsOf([hostile], out), { ...settings, secret: undefined, seconds: 2, heap: 128, jobs: 1 });
  expect(briefs.map((b) => b.status)).toEqual(['failed', 'failed', 'graded']);
  expect(read(out, 'forever')).toMatchObject({ problem: 'no end after 2 s', learner: 'forever', lab: ID, score: 0 });
  expect(read(out, 'memory').problem).toMatch(/memory limit|no end after/);
  expect(briefs[2]).toMatchObject({ score: 1, passed: true });
  const cut = await inline(join(hostile, 'z.json'), join(folder, 'cut'), { secret: undefined, maxSteps: 1 });
  expect(cut[0]).toMatchObject({ status: 'graded', score: 0 });
  expect(read(join(folder, 'cut'), 'z').remarks[0]).toMatch(/cut here, after 1 events/);
}, 60_000);

test('after a check was mended, regrading tells whose score changed and why', async () => {
  const changed = (name: string, change: (yaml: string) => string): string => {
    const root = join(folder, name);
    cpSync(labs, root, { recursive: true });
    const yaml = join(root, ID, 'lab.yaml');
    const text = change(readFileSync(yaml, 'utf8'));
    expect(text).not.toBe(readFileSync(join(labs, ID, 'lab.yaml'), 'utf8'));
    writeFileSync(yaml, text);
    return root;
  };
  const [old, now, other] = [join(folder, 'old'), join(folder, 'now'), join(folder, 'other')];
  const mended = changed('mended', (yaml) => yaml.replace(/^( +)- id: loopback$/m, '$1- id: loopback\n$1  weight: 3'));
  await inline(submissions, old, {});
  await inline(submissions, now, { labs: mended });
  expect(read(now, 'ada')).toMatchObject({
    status: 'refused',
    problem: expect.stringMatching(/only checks differ: grade it with --content-changed/),
  });
  await inline(submissions, now, { labs: mended, contentChanged: true });
  const changes = compare(old, now);
  expect(changes.map((c) => c.name)).toEqual(['ada', 'group/bob', 'link']);
  expect(changeText(changes[0] as (typeof changes)[0])).toBe('ada (ada): 100 % -> 100 %\n    loopback: its weight was 1, is 3\n');
  await inline(submissions, other, {
    labs: changed('moved', (yaml) => yaml.replace(/^hosts: .*$/m, 'hosts: [node-1]')),
    contentChanged: true,
  });
  expect(read(other, 'ada')).toMatchObject({
    status: 'refused',
    problem: expect.stringMatching(/made for other content .* than this lab's \("[^"]+"\)$/),
  });
}, 60_000);

test('progress: a bar on a terminal, a line now and then elsewhere', () => {
  const shown = (isTTY: boolean): string => {
    const said: unknown[] = [];
    let now = 0;
    const stream = { isTTY, write: (text: unknown) => said.push(text) > 0 };
    const progress = new Progress(4, stream, () => now);
    for (let i = 0; i < 4; i++) {
      now += 6000;
      progress.step();
    }
    progress.end();
    return said.join('');
  };
  expect(shown(true)).toContain('[###############---------------] 2 of 4, 0.2 a second, 12 s left');
  expect(shown(false)).toBe('2 of 4, 0.2 a second, 12 s left\n4 of 4, 0.2 a second, 0 s left\n');
});
