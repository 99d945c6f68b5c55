/** bash: a table of scripts with what the real bash 5.2 wrote (cases.json: script, stdout, stderr, status), and the interactive shell. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { drive, runCommand, startCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

const cases = JSON.parse(readFileSync(new URL('./cases.json', import.meta.url), 'utf8')) as [string, string, string, number][];

function machine(): Machine {
  return new Machine(new Kernel(new Sim(1), 'host'), commands);
}

describe('as bash 5.2 does', () => {
  test.each(cases)('%s', (script, stdout, stderr, status) => {
    const r = runCommand(machine(), script, { limits: { micros: 30_000_000, steps: 2_000_000 } });
    expect([r.stdout, r.stderr, r.exitCode]).toEqual([stdout, stderr, status]);
  });
});

describe('bounds', () => {
  test('a loop without end is ended by SIGINT', () => {
    const m = machine();
    const job = startCommand(m, 'while :; do :; done');
    drive(m.sim, () => false, { micros: 200_000 });
    expect(job.done).toBe(false);
    expect(job.stop('INT').exitCode).toBe(130);
  });

  test('a fork bomb meets the limit of processes', () => {
    const m = machine();
    const job = startCommand(m, ':(){ :|:& };:');
    drive(m.sim, () => false, { micros: 1_000_000 });
    expect(m.processes.size).toBeLessThanOrEqual(512);
    expect(job.stderr).toContain('bash: fork: retry: Resource temporarily unavailable\n');
  });

  test('yes ends by SIGPIPE', () => {
    expect(runCommand(machine(), 'yes | head -n 2; echo "$PIPESTATUS"').stdout).toBe('y\ny\n141\n');
  });

  test.each([
    ['x=x; while :; do x=$x$x; done; echo no', 'bash: line 1: xrealloc: cannot allocate 33554432 bytes\n'],
    ['x=$(yes); echo no', /^bash: line 1: xrealloc: cannot allocate \d+ bytes\n$/],
  ])('%s ends for want of memory', (script, message) => {
    const r = runCommand(machine(), script);
    expect([r.stdout, r.exitCode]).toEqual(['', 2]);
    expect(r.stderr).toMatch(message);
  });

  test('output beyond the limit is cut', () => {
    const r = runCommand(machine(), 'for ((i=0;i<1000;i++)); do echo 0123456789; done', { limits: { bytes: 100 } });
    expect([r.stdout.length, r.truncated, r.exitCode]).toEqual([100, true, 0]);
  });
});

/** Types at a shell on a terminal; what the screen got, without the bracketed-paste switches. */
function session(keys: readonly (string | number)[]): string {
  const m = machine();
  const tty = m.newTty(80, 24);
  m.login(tty);
  const decoder = new TextDecoder();
  let out = '';
  const pump = (us: number): void => {
    tty.onOutput = () => {
      out += decoder.decode(tty.take(), { stream: true });
    };
    drive(m.sim, () => false, { micros: us });
  };
  pump(100_000);
  for (const k of keys) {
    if (typeof k === 'string') tty.type(k);
    pump(typeof k === 'number' ? k : 100_000);
  }
  return out.replace(/\x1b\[\?2004[hl]\r?/g, '').replace(/\r\n/g, '\n');
}

describe('interactive', () => {
  test.each<[string, (string | number)[], string]>([
    ['echo and prompt', ['echo hi\r'], 'root@host:~# echo hi\nhi\nroot@host:~# '],
    ['Ctrl-C ends a program', ['sleep 5\r', '\x03', 'echo $?\r'], 'root@host:~# sleep 5\n^C\nroot@host:~# echo $?\n130\nroot@host:~# '],
    ['Ctrl-C ends a loop', ['while :; do :; done\r', 300_000, '\x03'], 'root@host:~# while :; do :; done\n^C\nroot@host:~# '],
    ['Ctrl-C drops a line', ['abc\x03', 'echo $?\r'], 'root@host:~# abc^C\nroot@host:~# echo $?\n130\nroot@host:~# '],
    [
      'continuation lines',
      ['for i in 1 2; do\r', 'echo $i\r', 'done\r'],
      'root@host:~# for i in 1 2; do\n> echo $i\n> done\n1\n2\nroot@host:~# ',
    ],
    [
      'job control',
      ['sleep 100\r', '\x1a', 'bg\r', 'jobs\r', 'kill %1\r', '\r'],
      'root@host:~# sleep 100\n^Z\n[1]+  Stopped                 sleep 100\nroot@host:~# bg\n[1]+ sleep 100 &\nroot@host:~# jobs\n[1]+  Running                 sleep 100 &\nroot@host:~# kill %1\nroot@host:~# \n[1]+  Terminated              sleep 100\nroot@host:~# ',
    ],
    ['history', ['echo 1\r', '\x1b[A\r'], 'root@host:~# echo 1\n1\nroot@host:~# echo 1\n1\nroot@host:~# '],
    [
      'a here-document is no history',
      ["cat <<'EOF'\r", '#!/bin/bash\r', 'EOF\r'],
      "root@host:~# cat <<'EOF'\n> #!/bin/bash\n> EOF\n#!/bin/bash\nroot@host:~# ",
    ],
    ['single quotes are no history', ["echo 'a\r", "!zz'\r"], "root@host:~# echo 'a\n> !zz'\na\n!zz\nroot@host:~# "],
    [
      'an event that is not found is asked for again',
      ['echo "a\r', '!zz"\r', 'b"\r'],
      'root@host:~# echo "a\n> !zz"\nbash: !zz: event not found\n> b"\na\nb\nroot@host:~# ',
    ],
    ['cat reads lines until Ctrl-D', ['cat\r', 'ab\x7fc\r', '\x04'], 'root@host:~# cat\nab\b \bc\nac\nroot@host:~# '],
    ['end of file', ['\x04'], 'root@host:~# \nexit\n'],
  ])('%s', (_name, keys, screen) => {
    const bare = session(keys).replace(/\r\x1b\[J[^\n]*# /g, '');
    expect(bare).toBe(screen);
  });

  test('what was typed stays in HISTFILE when the terminal closes, behind what another shell left there', () => {
    const m = machine();
    const ttys = [m.newTty(80, 24), m.newTty(80, 24)];
    const pump = (): boolean => drive(m.sim, () => false, { micros: 200_000 });
    for (const tty of ttys) m.login(tty);
    pump();
    ttys.forEach((tty, i) => {
      tty.type(`echo ${i}\r`);
      pump();
    });
    ttys[1]?.hangUp();
    pump();
    ttys[0]?.type('exit\r');
    pump();
    expect(m.init.readText('/root/.bash_history')).toBe('echo 1\necho 0\nexit\n');
  });

  test('completion of commands and files', () => {
    expect(session(['ech', '\t', ' /etc/host\t\t'])).toContain('hostname');
  });
});
