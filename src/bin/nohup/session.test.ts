/** tty, nohup, setsid, unshare, pgrep, killall, nproc: their texts as the real tools write them. */

import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

test.each<[string, string, string, number]>([
  ['tty', 'not a tty\n', '', 1],
  ['stty size', '', "stty: 'standard input': Inappropriate ioctl for device\n", 1],
  ['stty --foo', '', "stty: invalid argument ‘--foo’\nTry 'stty --help' for more information.\n", 1],
  ['nohup', '', "nohup: missing operand\nTry 'nohup --help' for more information.\n", 125],
  ['nohup nosuch', '', "nohup: failed to run command 'nosuch': No such file or directory\n", 127],
  ['setsid nosuch', '', 'setsid: failed to execute nosuch: No such file or directory\n', 127],
  ['setsid echo hi', 'hi\n', '', 0],
  ['nproc --foo', '', "nproc: unrecognized option '--foo'\nTry 'nproc --help' for more information.\n", 1],
  ['unshare -n ip -br link', 'lo               DOWN           00:00:00:00:00:00 <LOOPBACK> \n', '', 0],
  ['unshare --foo', '', "unshare: unrecognized option '--foo'\nTry 'unshare --help' for more information.\n", 1],
  ['sleep 9 & pgrep -l sleep | cut -d" " -f2; killall sleep; wait $!', 'sleep\n', '', 143],
  ['killall nosuch', '', 'nosuch: no process found\n', 1],
  ['dmesg --foo', '', "dmesg: unrecognized option '--foo'\nTry 'dmesg --help' for more information.\n", 1],
])('%s', (script, stdout, stderr, status) => {
  const r = runCommand(new Machine(new Kernel(new Sim(1), 'host'), commands), script);
  expect([r.stdout, r.stderr, r.exitCode]).toEqual([stdout, stderr, status]);
});
