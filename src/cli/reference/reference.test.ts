import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { referenceScenarios } from '../conformance/reference-suite.ts';
import { FLOORS } from '../conformance/suite.ts';
import { scoreReference } from './score.ts';
import { blocks, verdict } from './transcript.ts';

const floors = JSON.parse(readFileSync(FLOORS.reference, 'utf8')) as Record<string, number>;

test.each(referenceScenarios())('%s: the cluster comes up and as many outcomes are the real ones as ever', (name) => {
  const score = scoreReference(name);
  expect(score.total).toBeGreaterThan(0);
  expect(score.matched).toBeGreaterThanOrEqual(floors[name] ?? score.total);
});

test('verdicts tell a timeout from a refusal, and a loss from a reply', () => {
  const [a, b] = blocks(
    'root@a:~# curl x\ncurl: (28) Connection timed out after 3001 milliseconds\n[rc=28]\n\n### heading\nroot@a:~# ping y\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n',
  );
  expect(verdict(a?.output ?? '')).not.toEqual(verdict('curl: (7) Failed to connect\n[rc=7]\n'));
  expect(verdict(a?.output ?? '')).toEqual(verdict('curl: (28) Connection timed out after 3004 milliseconds\n[rc=28]\n'));
  expect(verdict(b?.output ?? '')).toEqual(['1 received', '0% packet loss']);
});
