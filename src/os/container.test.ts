import { expect, test } from 'vitest';
import { Kernel } from '../net/kernel.ts';
import { Sim } from '../sim/sim.ts';
import { Directory, RegularFile } from './inode.ts';
import { LayeredMap } from './layered.ts';
import { Machine } from './machine.ts';
import { PidNamespace } from './pidns.ts';
import type { Process, Task } from './process.ts';
import { startThread } from './thread.ts';
import { MountTable } from './vfs.ts';

const machine = (): Machine => new Machine(new Kernel(new Sim(1), 'host'), []);

function* sleeper(p: Process): Task<number> {
  yield { until: p.sim.now + 1e9 };
  return 0;
}

test('a PID namespace counts from 1, sees only itself and ends with its first process', () => {
  const m = machine();
  const pidns = new PidNamespace(m);
  const first = m.init.fork(sleeper, { pidns });
  const outside = m.init.fork(sleeper);
  if (!first.ok || !outside.ok) throw new Error('fork');
  const second = first.value.fork(sleeper);
  if (!second.ok) throw new Error('fork');
  expect([first.value.getpid(), second.value.getpid()]).toEqual([1, 2]);
  expect(second.value.visible()).toEqual([first.value, second.value]);
  expect(second.value.pidOf(outside.value)).toBe(0);
  expect(m.init.visible()).toContain(second.value);
  expect(second.value.readText('/proc/self/status')).toContain('\nPid:\t2\nPPid:\t1\n');
  // Signals from within and without handlers do nothing to the first one.
  expect(second.value.kill(1, 'TERM').ok).toBe(true);
  m.sim.runUntil(1000);
  expect(first.value.dead).toBe(false);
  expect(second.value.kill(outside.value.pid, 'TERM')).toEqual({ ok: false, errno: 'ESRCH' });
  expect(m.init.kill(first.value.pid, 'KILL').ok).toBe(true);
  m.sim.runUntil(2000);
  expect([first.value.dead, second.value.dead, outside.value.dead]).toEqual([true, true, false]);
});

test('threads run beside the program, wake by themselves and end with the process', () => {
  const m = machine();
  const p = m.init.fork(sleeper);
  if (!p.ok) throw new Error('fork');
  const seen: number[] = [];
  let cleaned = false;
  startThread(
    p.value,
    (function* (): Task<void> {
      try {
        for (;;) {
          seen.push(m.sim.now);
          yield { until: m.sim.now + 1000 };
        }
      } finally {
        cleaned = true;
      }
    })(),
  );
  m.sim.runUntil(2500);
  expect(seen).toEqual([0, 1000, 2000]);
  p.value.raise('KILL');
  m.sim.runUntil(9000);
  expect(seen.length).toBe(3);
  expect(cleaned).toBe(true);
});

test('a root of its own, with a read-only mount in it', () => {
  const m = machine();
  const root = new Directory();
  const data = new Directory();
  data.link('f', new RegularFile('x'));
  const point = new Directory();
  root.link('data', point);
  const mnt = new MountTable();
  mnt.over.set(m.fs.root, root);
  mnt.over.set(point, data);
  mnt.readonly.add(data);
  const p = m.init.fork(sleeper, { mnt, cwd: '/' });
  if (!p.ok) throw new Error('fork');
  const q = p.value;
  expect(q.readdir('/../..')).toEqual({ ok: true, value: ['data'] });
  expect(q.readText('/data/f')).toBe('x');
  expect(q.writeFile('/data/f', 'y')).toEqual({ ok: false, errno: 'EROFS' });
  expect(q.mkdir('/data/d')).toEqual({ ok: false, errno: 'EROFS' });
  expect(q.unlink('/data/f')).toEqual({ ok: false, errno: 'EROFS' });
  expect(q.writeFile('/own', 'y').ok).toBe(true);
});

test('a layered environment reads like a map and changes nothing below', () => {
  const base = new Map([
    ['A', '1'],
    ['B', '2'],
  ]);
  const env = new LayeredMap(base, [['B', 'own']]);
  const copy = env.copy();
  env.set('C', '3');
  env.delete('A');
  expect([...env].sort()).toEqual([
    ['B', 'own'],
    ['C', '3'],
  ]);
  expect([env.size, env.has('A'), env.get('B')]).toEqual([2, false, 'own']);
  expect([copy.size, copy.get('A'), copy.has('C')]).toEqual([2, '1', false]);
  expect(base.size).toBe(2);
});
