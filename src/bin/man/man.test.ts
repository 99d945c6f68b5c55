import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';
import { SUPPORT, supportOf } from './support.ts';

const run = (command: string) => runCommand(new Machine(new Kernel(new Sim(1), 'host'), commands), command);

test('every program says what of it is emulated, and nothing else does', () => {
  const names = commands.map((c) => c.name);
  expect(names.filter((n) => !supportOf(n))).toEqual([]);
  expect(Object.keys(SUPPORT).filter((n) => !names.includes(n))).toEqual([]);
});

test.each(Object.entries(SUPPORT).filter(([, s]) => s.help !== null))('%s prints a usage for its page', (name, s) => {
  const r = run([name, ...(s.help ?? [])].map((w) => `'${w}'`).join(' '));
  expect(r.stdout + r.stderr).not.toBe('');
  expect(r.timedOut).toBe(false);
});

test('a page holds the name, the options and the limits', () => {
  const { stdout } = run('man top');
  expect(stdout).toMatch(/^TOP\(1\) +User Commands +TOP\(1\)\n\nNAME\n {7}top - shows processes\n/);
  expect(stdout).toContain('-n max');
  expect(stdout).toContain('Not emulated:\n         - the full-screen mode');
});

test.each([
  ['man ip-route | grep -c "ip route"', /^[1-9]/, 0],
  ['man 8 ping | head -1', /^PING\(8\)/, 0],
  ['man -k VLAN', /^bridge \(8\)/, 0],
  ['whatis curl', /^curl \(1\) {12} - transfers a URL\n$/, 0],
])('%s', (command, stdout, exitCode) => {
  const r = run(command);
  expect(r.stdout).toMatch(stdout);
  expect(r.exitCode).toBe(exitCode);
});

test('a page that is not there', () => {
  expect(run('man nosuch')).toMatchObject({ stderr: 'No manual entry for nosuch\n', exitCode: 16 });
});
