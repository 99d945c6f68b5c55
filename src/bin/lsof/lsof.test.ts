import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

function run(command: string): { stdout: string; stderr: string; exitCode: number } {
  const kernel = new Kernel(new Sim(1), 'host');
  kernel.init.lo.setUp();
  return runCommand(new Machine(kernel, commands), command);
}

const SERVERS = 'nc -l -p 8080 & nc -u -l -p 53 & sleep 0.2;';

test('lsof: sockets with their processes, as lsof 4.95 lines them up', () => {
  const r = run(`${SERVERS} lsof -i -P -n | sed -E "s/ +[0-9]+ root/ PID root/; s/IPv4 +[0-9]+/IPv4 INODE/"`);
  expect(r.stdout).toBe(
    [
      'COMMAND   PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME',
      'nc PID root    3u  IPv4 INODE      0t0  TCP *:8080 (LISTEN)',
      'nc PID root    3u  IPv4 INODE      0t0  UDP *:53 ',
      '',
    ].join('\n'),
  );
});

test.each([
  ['lsof -t -iTCP -sTCP:LISTEN | wc -l', '1\n', 0],
  ['lsof -t -i udp:53 | wc -l', '1\n', 0],
  ['lsof -t -i -a -c nosuch; echo $?', '1\n', 0],
  ['lsof -i :8080-8090 | tail -n +2 | cut -c1-2', 'nc\n', 0],
  ['lsof -i :http-alt -t | wc -l', '1\n', 0],
])('%s', (command, stdout, exitCode) => {
  expect(run(`${SERVERS} ${command}`)).toMatchObject({ stdout, exitCode });
});

test('ps chooses, formats and sorts', () => {
  expect(run('sleep 9 & sleep 8 & ps -C sleep -o args= --sort=args; kill %1 %2').stdout).toBe('sleep 8\nsleep 9\n');
  expect(run('ps -p 1 -o pid,ppid,comm').stdout).toBe('    PID    PPID COMMAND\n      1       0 init\n');
  expect(run('ps -o nosuch').stderr).toContain('error: unknown user-defined format specifier "nosuch"');
});
