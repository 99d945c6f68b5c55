import { expect, test } from 'vitest';
import { askToEdit, tellDone, tellEnd } from '../wire/editing.ts';
import { silenced } from './scrollback.ts';

const asked = (id: number) => askToEdit({ id, program: 'vi', host: 'a', path: 'x', note: '', line: 1, readonly: false, text: 'text' });
const done = (id: number) => tellDone({ id, saved: true, message: 'written' });

test.each([
  ['before\x1b]1337;File=name=eA==;size=1:eA==\x07after', 'beforeafter'],
  [`$ vi x\n${asked(1)}${tellEnd(1)}$ `, '$ vi x\n$ '],
  [`${asked(1)}${tellEnd(1)}${asked(2)}${done(2)}`, asked(2)],
  [`${asked(2)}waits`, `${asked(2)}waits`],
  [`${asked(2)}${tellEnd(1)}${done(2)}`, asked(2)],
])('what a page is told once more: %#', (shown, again) => {
  expect(silenced(shown)).toBe(again);
});
