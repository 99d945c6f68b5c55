import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { grade } from '../../lab/grade.ts';
import { scriptLog } from '../../lab/log.ts';
import { instantiate } from '../../lab/parameters.ts';
import { readLab } from '../../lab/read.ts';
import { LABS } from '../labs.ts';
import { draftFiles, ImportError, missingPrograms, slug } from './import/draft.ts';
import { importIximiuz } from './import/iximiuz.ts';
import { importKillercoda } from './import/killercoda.ts';
import { newLab } from './new.ts';
import { blankLab, draftOf } from './record.ts';

const schema = JSON.parse(readFileSync(join(LABS, 'lab.schema.json'), 'utf8')) as object;

function read(id: string, files: ReadonlyMap<string, string>) {
  const scripts = (folder: string) =>
    [...files]
      .filter(([name]) => name.startsWith(`${folder}/`))
      .map(([name, script]) => ({ name: name.slice(folder.length + 1, -3), script }));
  return readLab(
    {
      id,
      path: 'lab.yaml',
      yaml: files.get('lab.yaml') ?? '',
      solution: files.get('solution.sh'),
      alternatives: scripts('alternatives'),
      decoys: scripts('decoys'),
      files: Object.fromEntries([...files].filter(([n]) => n.startsWith('files/')).map(([n, text]) => [n.slice(6), text])),
    },
    schema,
  );
}

test('a new lab can be read, fails at its start, is solved by its solution and fooled by no decoy', () => {
  const source = read('my-lab', newLab('My lab'));
  const lab = instantiate(source, 1);
  const run = (script: string) => grade(source, scriptLog(lab, script));
  expect(run('').score).toBe(0);
  expect(run(lab.solution).score).toBe(1);
  for (const a of lab.alternatives) expect(run(a.script).score).toBe(1);
  for (const d of lab.decoys)
    expect(run(d.script).tasks.flatMap((t) => t.checks.filter((c) => c.status !== 'passed').map((c) => c.name))).toEqual(d.fails);
});

describe('killercoda', () => {
  const folder = new Map([
    [
      'index.json',
      JSON.stringify({
        title: 'Greetings',
        description: 'Say hello.',
        details: {
          intro: { text: 'intro.md', background: 'setup.sh' },
          steps: [
            { title: 'Look around', text: 'one.md' },
            { title: 'Make the file!', text: 'two.md', verify: 'two.sh', background: 'later.sh' },
          ],
          finish: { text: 'end.md' },
          assets: { host01: [{ file: 'seed.txt', target: '/root', chmod: '+x' }] },
        },
        backend: { imageid: 'ubuntu' },
      }),
    ],
    ['intro.md', 'You have a machine. Open it [here]({{TRAFFIC_HOST1_8080}}).'],
    ['setup.sh', 'mkdir -p /srv\nfrobnicate --now\n'],
    ['one.md', 'Try `ls /srv`{{exec}} first.'],
    [
      'two.md',
      'Write `hello` to a file.\n\n### Solution\nUse a redirection.\n\n```bash\necho hello > /srv/greeting\n```{{exec}}\n\n<details><summary>Tip</summary>\necho writes text\n</details>',
    ],
    ['two.sh', '#!/bin/bash\ngrep -q hello /srv/greeting'],
    ['later.sh', 'true'],
    ['end.md', 'Well done.'],
    ['assets/seed.txt', 'a {{value}} in braces'],
  ]);

  test('texts, set-up, files, verify scripts and clickable commands become a lab', () => {
    const draft = importKillercoda('greetings', folder);
    expect(draft.solution).toBe('ls /srv\necho hello > /srv/greeting\n');
    const source = read('greetings', draftFiles({ ...draft, setup: [{ on: 'node-1', run: 'mkdir -p /srv' }] }));
    expect(source.tasks).toMatchObject([
      { id: 'make-the-file', needs: [], hints: [{ text: 'echo writes text' }, { text: expect.stringMatching(/^Use a redirection/) }] },
    ]);
    expect(source.tasks[0]?.text).toContain('Write `hello` to a file.');
    expect(source.place).toEqual([{ from: 'seed.txt', on: 'node-1', to: '/root/seed.txt' }]);
    expect(source.notes).toBe('Well done.');
  });

  test('what could not be carried over is told with its place', () => {
    const all = importKillercoda('greetings', folder).losses.join('\n');
    for (const part of [
      /intro\.text: \{\{TRAFFIC_HOST1_8080\}\}/,
      /steps\.0: nothing verifies it/,
      /steps\.1\.background: "later\.sh"/,
      /"seed\.txt" is not made executable/,
      /setup 1: not emulated: frobnicate/,
      /task make-the-file: has 2 of three hints/,
    ])
      expect(all).toMatch(part);
  });

  test.each([
    ['no index', new Map(), /no index\.json/],
    ['a course', new Map([['structure.json', '{}']]), /import their folders one by one/],
    ['broken JSON', new Map([['index.json', '{']]), /^index\.json: /],
  ])('%s is an error', (_, files, message) => {
    expect(() => importKillercoda('x', files)).toThrow(ImportError);
    expect(() => importKillercoda('x', files)).toThrow(message);
  });
});

describe('iximiuz', () => {
  const index = `---
kind: challenge
title: A route
difficulty: medium
playground: { name: k3s }
tasks:
  init_world:
    init: true
    machine: node-01
    run: ip route add blackhole 10.9.0.0/16
  verify_route:
    machine: cplane-01
    env: [WANT=10.9.0.0/16]
    hintcheck: echo look again
    failcheck: exit 1
    run: ip route | grep -q "$WANT"
  verify_answer:
    needs: [verify_route]
    user: laborant
    run: test -s /tmp/answer
---
Routes are everywhere.

Add one.

::simple-task
---
:tasks: tasks
:name: verify_route
---
#active
Waiting
::

::hint-box
---
:summary: Hint 1
---
A route has a prefix.
::

Now say which.

::user-input-task
---
:tasks: tasks
:name: verify_answer
:destination: /tmp/answer
---
::
`;

  test('init tasks set up, other tasks verify, boxes become texts and hints, the solution is read', () => {
    const draft = importIximiuz(
      'a-route',
      new Map([
        ['index.md', index],
        ['solution.md', 'Do:\n```sh\nip route add 10.9.0.0/16 dev eth0\n```\n'],
      ]),
    );
    const source = read('a-route', draftFiles(draft));
    expect(source).toMatchObject({ world: 'cluster-w1', level: 'intermediate', setup: [{ on: 'node-1' }] });
    expect(source.tasks).toMatchObject([
      { id: 'verify-route', hints: [{ text: 'A route has a prefix.' }] },
      { id: 'verify-answer', needs: ['verify-route'], text: 'Now say which.' },
    ]);
    expect(source.tasks[0]?.checks).toMatchObject([
      { kind: 'script', on: 'cp-1', run: expect.stringContaining('export WANT="10.9.0.0/16"') },
    ]);
    expect(source.solution).toBe('ip route add 10.9.0.0/16 dev eth0\n');
    const all = draft.losses.join('\n');
    for (const part of [
      /verify_route\.failcheck/,
      /verify_route\.hintcheck/,
      /verify_answer\.user: "laborant"/,
      /types an answer into a field \(\/tmp\/answer\)/,
    ])
      expect(all).toMatch(part);
  });

  test('a text without front matter is an error', () => {
    expect(() => importIximiuz('x', new Map([['index.md', '# hello']]))).toThrow(/index\.md: begins without front matter/);
  });
});

test('programs that are missing are found in the syntax, not in the words', () => {
  expect(missingPrograms('f() { helm install x; }\nf | grep "docker run" && if foo; then cd /; exit; fi')).toEqual(['foo', 'helm']);
  expect(slug('Über den Wolken!', new Set(['ber-den-wolken']))).toBe('ber-den-wolken-2');
});

test('a recording becomes a lab: what was typed solves it, what changed is checked', () => {
  const blank = blankLab('cut', 'w1', ['node-1', 'client-pod', 'web-a']);
  const lines = ['ip route', 'ip route del 10.244.2.0/24', 'exit'];
  const log = scriptLog(instantiate(blank, 1), lines.join('\n'));
  const { files, todo } = draftOf(blank, log, [{ host: 'node-1', lines }]);
  expect(files.get('solution.sh')).toBe('ip route del 10.244.2.0/24\n');
  const source = read('cut', files);
  expect(grade(source, scriptLog(instantiate(source, 1), '')).tasks[0]?.passed).toBe(false);
  const solved = grade(source, scriptLog(instantiate(source, 1), source.solution));
  expect(solved.score).toBe(1);
  expect(source.tasks[0]?.checks.some((c) => c.title === 'client-pod no longer reaches web-c')).toBe(true);
  expect(todo).toHaveLength(1);
});

test("the guide's worked example is a lab that holds what the guide says", () => {
  const guide = readFileSync(join(LABS, '../content/authors/write-a-lab.mdx'), 'utf8');
  const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => m[1] as string);
  const block = (start: string) => blocks.find((b) => b.trimStart().startsWith(start)) as string;
  const indented = (text: string) => text.replace(/^(?=.)/gm, '    ');
  const yaml = [
    'title: x',
    'level: beginner',
    'minutes: 5',
    'world: w1',
    'story: x',
    'hosts: [node-2, node-1]',
    block('faults:'),
    block('parameters:'),
    'tasks:',
    '  - id: back',
    '    title: x',
    '    text: for {{victim.node}}',
    '    hints: []',
    indented(block('checks:')),
    indented(block('- id: new-pod')),
    block('decoys:'),
  ].join('\n');
  const masquerade =
    '#@ host node-1\niptables -t nat -A POSTROUTING -d 10.244.2.0/24 -j MASQUERADE\n#@ host node-2\nip route add 10.244.1.0/32 dev flannel.1\n';
  const source = read(
    'x',
    new Map([
      ['lab.yaml', yaml],
      ['solution.sh', ''],
      ['decoys/masquerade.sh', masquerade],
    ]),
  );
  const run = (script: string) => grade(source, scriptLog(instantiate(source, 1), script));
  const failed = (script: string) => run(script).tasks.flatMap((t) => t.checks.filter((c) => c.status === 'failed').map((c) => c.name));
  expect(failed('')).toEqual(['there-and-back', 'new-pod']);
  expect(failed('ip route add 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink')).toEqual([]);
  expect(failed(masquerade)).toEqual(['own-address']);
});
