/** Editors without a page, and with one that answers as the page does. What they say of files is recorded from vim 9.0 and nano 7.2. */

import { beforeEach, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import type { Process } from '../../os/process.ts';
import { runCommand } from '../../os/run.ts';
import type { Tty } from '../../os/tty.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { abandon, acknowledge, type EditRequest, readTold, type Told, tellText } from '../../wire/editing.ts';
import { commands } from '../index.ts';

let sim: Sim;
let m: Machine;
let tty: Tty;
let screen: string;
let told: Told[];

/** A page: hears what editors say, and answers what the test tells it to. */
beforeEach(() => {
  sim = new Sim(1);
  m = new Machine(new Kernel(sim, 'node-1'), commands);
  tty = m.newTty();
  screen = '';
  told = [];
  tty.onOutput = () => {
    for (let data = tty.take(); data.length > 0; data = tty.take()) screen += new TextDecoder().decode(data);
    screen = screen.replace(/\x1b\]1337;([^\x07]*)\x07/g, (_, words: string) => {
      const t = readTold(words);
      if (t) told.push(t);
      if (t?.kind === 'edit' && there) tty.type(acknowledge(t.request.id));
      return '';
    });
  };
  there = true;
});
let there = true;

function start(line: string): Process {
  const file = tty.endpoint();
  const r = m.spawn(['bash', '-c', line], {
    newSession: true,
    tty,
    fds: new Map([0, 1, 2].map((fd) => [fd, file])),
  });
  if (!r.ok) throw new Error(r.errno);
  tty.session = r.value.pid;
  tty.setForeground(r.value.pgid);
  pass();
  return r.value;
}
const pass = (s = 1) => sim.runUntil(sim.now + s * SEC);
const asked = (): EditRequest => {
  const last = told.findLast((t) => t.kind === 'edit');
  if (last?.kind !== 'edit') throw new Error(`nothing asked, but: ${screen}`);
  return last.request;
};
function answer(verb: 'save' | 'close', text: string, before = asked().text): void {
  tty.type(tellText(asked().id, verb, before, text) ?? '');
  pass();
}
const messages = () => told.flatMap((t) => (t.kind === 'done' ? [t.done.message] : []));

test('a new file: asked, saved twice, closed', () => {
  const p = start('vi +3 /tmp/x; echo status $?');
  expect(asked()).toMatchObject({
    program: 'vi',
    path: '/tmp/x',
    host: 'node-1',
    note: '"/tmp/x" [New]',
    line: 3,
    readonly: false,
    text: '',
  });
  answer('save', 'hello');
  expect(messages()).toEqual(['"/tmp/x" [New] 1L, 6B written']);
  answer('close', 'héllo 😀\nworld', 'hello');
  expect(p.dead).toBe(true);
  expect(m.init.readText('/tmp/x')).toBe('héllo 😀\nworld\n');
  expect(told.at(-1)).toEqual({ kind: 'end', id: asked().id });
  expect(screen).toContain('status 0');
  expect(tty.termios.icanon).toBe(true);
});

test('mode and owner stay, what has changed is little', () => {
  m.init.writeFile('/tmp/s', `${'# a line\n'.repeat(1000)}`);
  m.init.chmod('/tmp/s', 0o750);
  m.init.chown('/tmp/s', 7, 8);
  start('nano +2,1 /tmp/s');
  expect(asked()).toMatchObject({ program: 'nano', line: 2, note: 'Read 1000 lines' });
  const next = asked().text.replace('# a line\n# a', '# b line\n# a');
  expect(tellText(1, 'close', asked().text, next)?.length).toBeLessThan(60);
  answer('close', next);
  const s = m.init.stat('/tmp/s');
  expect(s.ok && [s.value.mode & 0o777, s.value.uid, s.value.gid]).toEqual([0o750, 7, 8]);
  expect(m.init.readText('/tmp/s')?.startsWith('# b line\n# a')).toBe(true);
});

test.each([
  ['vi /tmp/no/x', '"/tmp/no/x" [New DIRECTORY]', '"/tmp/no/x" E212: Can\'t open file for writing'],
  ['view /etc/hostname', '"/etc/hostname" [readonly] 1L, 7B', "E45: 'readonly' option is set"],
  ['vi', '', 'E32: No file name'],
  ['nano /tmp/no/x', "Directory '/tmp/no' does not exist", 'Error writing /tmp/no/x: No such file or directory'],
])('%s: refused, and still open', (line, note, message) => {
  const p = start(line);
  expect(asked().note).toBe(note);
  answer('close', 'abc');
  expect(messages()).toEqual([message]);
  expect(p.dead).toBe(false);
  tty.type(abandon(asked().id));
  pass();
  expect([p.dead, p.status]).toEqual([true, 0]);
});

test('several files in turn; one is left as it was', () => {
  const p = start('vi /tmp/a /tmp/b');
  tty.type(abandon(asked().id));
  pass();
  expect(asked().path).toBe('/tmp/b');
  answer('close', 'b');
  expect([p.status, m.init.stat('/tmp/a').ok, m.init.readText('/tmp/b')]).toEqual([0, false, 'b\n']);
});

test('Ctrl-C ends it, keys and wrong answers do not', () => {
  const p = start('vi /tmp/x');
  tty.type(`:wq\r${'\x1b]1337;Edited=99;close;0;0;\x07'}\x1b]1337;Edited=${asked().id};close;9;9;\x07`);
  pass();
  expect(p.dead).toBe(false);
  tty.type('\x03');
  pass();
  expect(p.dead).toBe(true);
  expect(told.at(-1)?.kind).toBe('end');
});

test('a page that is not there is not waited for', () => {
  there = false;
  const p = start('vi /tmp/x');
  pass(6);
  expect([p.dead, p.status]).toEqual([true, 1]);
  expect(screen).toContain('vi: not emulated without the editor of a page');
});

test.each([
  [
    'vi /tmp/x',
    'Vim: Warning: Output is not to a terminal\nVim: Warning: Input is not from a terminal\nvi: not emulated without a terminal\n',
  ],
  ['vim --badopt', /^VIM - Vi IMproved 9\.0 .*\nUnknown option argument: "--badopt"\nMore info with: "vim -h"\n$/],
  ['vi -c q x', 'vi: -c is not emulated\n'],
  ['nano x', 'Standard input is not a terminal\n'],
])('without a terminal: %s', (line, said) => {
  const r = runCommand(m, line);
  if (typeof said === 'string') expect(r.stderr).toBe(said);
  else expect(r.stderr).toMatch(said);
  expect([r.exitCode, r.stdout]).toEqual([1, '']);
});
