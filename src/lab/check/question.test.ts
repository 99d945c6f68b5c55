/** question: answers in any spelling, the one that counts, predictions before the command that shows it. */

import { expect, test } from 'vitest';
import { bench } from './harness.ts';
import { numberIn } from './question.ts';

const one = [
  { text: 'cni0', feedback: 'it carries the inner packet' },
  { text: 'flannel.1', right: true },
];
const many = [{ text: 'a', right: true }, { text: 'b' }, { text: 'c', right: true }];
const b = bench();

test.each([
  [{ one }, '2', true],
  [{ one }, '1', false],
  [{ one }, '1,2', false],
  [{ many }, '3, 1', true],
  [{ many }, '1', false],
  [{ many }, '1,3,9', false],
  [{ number: 1450 }, ' 1 450 bytes', true],
  [{ number: 62 }, 'ttl=62', true],
  [{ number: 62 }, '62 or 63', false],
  [{ number: 62 }, '', false],
  [{ number: 0.333, within: 0.01 }, '0.33', true],
  [{ address: '192.168.56.12' }, ' 192.168.56.12 ', true],
  [{ address: '192.168.56.12' }, '192.168.56.1', false],
  [{ address: 'fd00::1' }, 'FD00:0:0::0001', true],
  [{ address: 'fd00::1' }, 'fd00::2', false],
  [{ text: '(the )?kernel' }, 'The Kernel', true],
  [{ text: 'kernel' }, 'the kernel', false],
  // A pattern that would take for ever on a long answer.
  [{ text: '(a+)+b' }, 'a'.repeat(300), false],
])('%o answered %j', (own, value, right) => {
  expect(b.answers('check', value).says('question', { ask: '?', ...own }).passed).toBe(right);
});

test('numbers with units and groups', () => {
  expect(['0x2a', '1,450', '12 ms', 'none', '1 2'].map(numberIn)).toEqual([42, 1450, 12, Number.NaN, Number.NaN]);
});

test('the last answer counts; who chose wrongly is told why', () => {
  const q = bench().answers('check', '2').answers('check', '1');
  expect(q.says('question', { ask: '?', one })).toMatchObject({ passed: false, help: 'it carries the inner packet' });
  expect(bench().says('question', { ask: '?', one })).toMatchObject({ passed: false, actual: 'not answered yet' });
});

test('an answer after the command that shows it comes too late', () => {
  const own = { ask: '?', number: 62, before: '^ping' };
  const ping = 'ping -c1 10.244.2.7';
  expect(bench().answers('check', '62').does('web-a', ping).answers('check', '1').says('question', own).passed).toBe(true);
  expect(bench().answers('check', '64').does('web-a', ping).answers('check', '62').says('question', own).passed).toBe(false);
  expect(bench().does('web-a', ping).answers('check', '62').says('question', own)).toMatchObject({
    passed: false,
    actual: `answered only after \`${ping}\` had shown it`,
  });
  const prediction = { ...own, prediction: true };
  expect(bench().answers('check', '64').does('web-a', ping).says('question', prediction)).toMatchObject({
    passed: true,
    actual: 'answered: 64, which was not so',
  });
});
