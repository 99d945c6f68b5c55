/** Processes, pipes, signals, files, terminals: small programs as table rows. */

import { describe, expect, test } from 'vitest';
import { Kernel } from '../net/kernel.ts';
import { Sim } from '../sim/sim.ts';
import { Machine } from './machine.ts';
import { PIPE_SIZE } from './pipe.ts';
import type { Process, Program } from './process.ts';
import type { Command } from './program.ts';
import { drive, runCommand } from './run.ts';

function machine(programs: Record<string, Program> = {}): Machine {
  const commands: Command[] = Object.entries(programs).map(([name, main]) => ({ name, main }));
  return new Machine(new Kernel(new Sim(7), 'host'), commands);
}

function run(main: Program, others: Record<string, Program> = {}) {
  return runCommand(machine({ main, ...others }), ['main']);
}

describe('pipes', () => {
  test('a writer waits for room, a reader for data, the end comes when the writer closes', () => {
    const r = run(
      function* (p) {
        const [rd, wr] = p.pipe();
        const out = p.file(wr);
        if (!out) return 1;
        const child = p.spawn(['fill'], { fds: new Map([[1, out]]) });
        p.close(wr);
        yield* p.sleep(50_000);
        if (!child.ok || child.value.dead) return 2;
        const all = yield* p.readAll(rd);
        yield* p.out(`${all.ok ? all.value.length : -1}`);
        return yield* p.waitPid(child.value);
      },
      {
        *fill(p) {
          yield* p.out(new Uint8Array(3 * PIPE_SIZE));
          return 5;
        },
      },
    );
    expect([r.stdout, r.exitCode]).toEqual([String(3 * PIPE_SIZE), 5]);
  });

  test('writing without a reader is SIGPIPE', () => {
    const r = run(function* (p) {
      const [rd, wr] = p.pipe();
      p.close(rd);
      yield* p.write(wr, 'x');
      return 0;
    });
    expect(r.exitCode).toBe(141);
  });
});

describe('signals', () => {
  const sleeper: Program = function* (p) {
    yield* p.sleep(10_000_000);
    return 0;
  };

  test.each([
    ['TERM', 143],
    ['INT', 130],
    ['KILL', 137],
  ] as const)('%s ends a sleeper with %i', (signal, status) => {
    const m = machine({ sleeper });
    const started = m.spawn(['sleeper']);
    if (!started.ok) throw new Error(started.errno);
    drive(m.sim, () => false, { micros: 1000 });
    started.value.raise(signal);
    expect([started.value.dead, started.value.status]).toEqual([true, status]);
  });

  test('a handler runs, and the wait ends with it', () => {
    const r = run(function* (p) {
      let seen = '';
      p.onSignal('USR1', () => {
        seen += 'USR1';
      });
      p.kill(p.pid, 'USR1');
      const wake = yield* p.sleep(1_000_000);
      yield* p.out(`${seen} ${wake} ${p.sim.now < 1_000_000}`);
      return 0;
    });
    expect(r.stdout).toBe('USR1 signal true');
  });

  test('finally blocks run when a signal ends the process', () => {
    let cleaned = false;
    const m = machine({
      *main(p) {
        try {
          yield* p.sleep(1_000_000);
        } finally {
          cleaned = true;
        }
        return 0;
      },
    });
    const started = m.spawn(['main']);
    drive(m.sim, () => false, { micros: 1000 });
    if (started.ok) started.value.raise('TERM');
    expect(cleaned).toBe(true);
  });

  test('a stopped process keeps its wake for later', () => {
    const m = machine({
      *main(p) {
        yield* p.sleep(1000);
        return 3;
      },
    });
    const started = m.spawn(['main']);
    if (!started.ok) throw new Error(started.errno);
    const p = started.value;
    drive(m.sim, () => false, { micros: 500 });
    p.raise('STOP');
    drive(m.sim, () => false, { micros: 10_000 });
    expect([p.state, p.dead]).toEqual(['stopped', false]);
    p.raise('CONT');
    drive(m.sim, () => p.dead, { micros: 10_000 });
    expect(p.status).toBe(3);
  });
});

describe('files', () => {
  const results = (f: (p: Process) => unknown): unknown => {
    let out: unknown;
    run(function* (p) {
      yield {};
      out = f(p);
      return 0;
    });
    return out;
  };
  const errno = (r: { ok: boolean; errno?: string }): string => (r.ok ? 'ok' : (r.errno ?? ''));

  test.each<[string, (p: Process) => unknown, unknown]>([
    ['missing', (p) => errno(p.readFile('/nope')), 'ENOENT'],
    ['a file is no directory', (p) => errno(p.readFile('/etc/hosts/x')), 'ENOTDIR'],
    ['a directory cannot be written', (p) => errno(p.writeFile('/etc', '')), 'EISDIR'],
    [
      'append',
      (p) => [errno(p.writeFile('/tmp/a', '1')), errno(p.writeFile('/tmp/a', '2', { append: true })), p.readText('/tmp/a')],
      ['ok', 'ok', '12'],
    ],
    [
      'links are followed',
      (p) => [errno(p.symlink('/etc', '/tmp/l')), p.readText('/tmp/l/hostname'), p.resolve('/tmp/l/../tmp/x')],
      ['ok', 'host\n', { ok: true, value: '/tmp/x' }],
    ],
    [
      'a loop of links',
      (p) => [errno(p.symlink('b', '/tmp/a')), errno(p.symlink('a', '/tmp/b')), errno(p.readFile('/tmp/a'))],
      ['ok', 'ok', 'ELOOP'],
    ],
    [
      'rmdir of what is not empty',
      (p) => [errno(p.mkdir('/tmp/d')), errno(p.mkdir('/tmp/d/e')), errno(p.rmdir('/tmp/d'))],
      ['ok', 'ok', 'ENOTEMPTY'],
    ],
    [
      'rename over',
      (p) => [
        errno(p.writeFile('/tmp/a', 'A')),
        errno(p.writeFile('/tmp/b', 'B')),
        errno(p.rename('/tmp/a', '/tmp/b')),
        p.readText('/tmp/b'),
      ],
      ['ok', 'ok', 'ok', 'A'],
    ],
    ['proc is made when read', (p) => p.readText('/proc/self/cmdline'), 'main\0'],
    [
      'sysctl through /proc/sys',
      (p) => [errno(p.writeFile('/proc/sys/net/ipv4/ip_forward', '1\n')), p.ns.sysctl.get('net.ipv4.ip_forward')],
      ['ok', '1'],
    ],
    ['no file is made in /proc', (p) => errno(p.writeFile('/proc/sys/net/nosuch', '1')), 'ENOENT'],
    ['devices in /sys', (p) => p.readdir('/sys/class/net'), { ok: true, value: ['lo'] }],
  ])('%s', (_name, f, expected) => {
    expect(results(f)).toEqual(expected);
  });

  test('each namespace may have its own host name and /etc', () => {
    const m = machine({
      *main(p) {
        yield* p.out(`${p.hostname} ${p.readText('/etc/hostname')}`);
        return 0;
      },
    });
    const ns = m.kernel.newNetns();
    m.separate(ns, 'pod');
    expect([runCommand(m, ['main'], { ns }).stdout, runCommand(m, ['main']).stdout]).toEqual(['pod pod\n', 'host host\n']);
  });
});

test('a program that is not there is 127, one that may not be run 126', () => {
  const m = machine();
  expect([runCommand(m, ['nope']).exitCode, runCommand(m, ['/etc/passwd']).exitCode]).toEqual([127, 126]);
});

test('canonical input: lines, erase, end of file', () => {
  const m = machine({
    *main(p) {
      for (let line = yield* p.readLine(0); line !== null; line = yield* p.readLine(0)) yield* p.out(`<${line}>\n`);
      return 0;
    },
  });
  const tty = m.newTty();
  m.login(tty, ['main']);
  tty.type('abx\x7fc\r');
  tty.type('\x04');
  drive(m.sim, () => m.processes.size === 1, { micros: 1_000_000 });
  expect(new TextDecoder().decode(tty.take())).toBe('abx\b \bc\r\n<abc>\r\n');
});
