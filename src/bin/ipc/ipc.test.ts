import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

test('ipcmk makes objects in the namespace of its own; /proc/sysvipc lists them', () => {
  const m = new Machine(new Kernel(new Sim(1), 'host'), commands);
  m.spawn([
    'bash',
    '-c',
    '(ipcmk -M 1.5K; ipcmk -Q -S 3 -p 600; unshare -i sh -c "ipcmk -M 0; ipcmk -M abc; cat /proc/sysvipc/shm") > /tmp/out 2>&1',
  ]);
  m.sim.runUntil(5_000_000);
  const heading =
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n';
  expect(m.init.readText('/tmp/out')).toBe(
    `Shared memory id: 0\nMessage queue id: 0\nSemaphore id: 0\nipcmk: create share memory failed: Invalid argument\nipcmk: failed to parse size: 'abc': Invalid argument\n${heading}`,
  );
  expect(m.init.readText('/proc/sysvipc/shm')).toMatch(/^.*\n +-?\d+ {10}0 {3}644 {18}1536 /);
  expect(m.init.readText('/proc/sysvipc/sem')).toMatch(/ 600 {10}3 {5}0 /);
});

/** What differs from run to run: random keys, times and process numbers. */
const noise = (text: string): string =>
  text
    .replace(/\b0x[0-9a-f]{8}\b/g, 'KEY')
    .replace(/(?:\w{3} )?\w{3} [ \d]\d \d\d:\d\d:\d\d(?: {5}| \d{4})/g, 'TIME')
    .replace(/cpid=\d+/g, 'cpid=N')
    .replace(/^(\d+ +root {7})\d+ +0 +$/gm, '$1PID');

test('ipcs and ipcrm print what util-linux printed', () => {
  const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');
  const m = new Machine(new Kernel(new Sim(1), 'host'), commands);
  expect(noise(runCommand(m, ['bash', '-c', read('recorded.sh')]).stdout)).toBe(noise(read('recorded.txt')));
});
