import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Kernel } from '../net/kernel.ts';
import { Machine } from '../os/machine.ts';
import { runCommand } from '../os/run.ts';
import { Sim } from '../sim/sim.ts';
import { commands } from './index.ts';

/** What Debian 12's coreutils, grep, sed, mawk, findutils and bsdextrautils print. */
const rows = JSON.parse(readFileSync(join(import.meta.dirname, 'everyday.golden.json'), 'utf8')) as {
  command: string;
  stdout: string;
  stderr?: string;
}[];

test.each(rows)('$command', ({ command, stdout, stderr }) => {
  const machine = new Machine(new Kernel(new Sim(1), 'host'), commands);
  const r = runCommand(machine, command);
  expect(r.stdout).toBe(stdout);
  expect(r.stderr).toBe(stderr ?? '');
});

test.each([
  ['.a.b', '{"a":{"b":1}}', '1\n'],
  ['.[] | select(.n>1) | .name', '[{"n":1,"name":"x"},{"n":2,"name":"y"}]', '"y"\n'],
  ['-r .[].ifname', '[{"ifname":"lo"},{"ifname":"eth0"}]', 'lo\neth0\n'],
  ['-c map({(.k): .v}) | add', '[{"k":"a","v":1},{"k":"b","v":2}]', '{"a":1,"b":2}\n'],
  ['-c to_entries | map("\\(.key)=\\(.value)")', '{"a":1,"b":2}', '["a=1","b=2"]\n'],
  ['-c [.[] | .x // "none"]', '[{"x":1},{}]', '[1,"none"]\n'],
  ['-c group_by(.a) | map(length)', '[{"a":1},{"a":2},{"a":1}]', '[2,1]\n'],
  ['-c .a |= . + 1', '{"a":1}', '{"a":2}\n'],
  ['-c del(.a)', '{"a":1,"b":2}', '{"b":2}\n'],
  ['reduce .[] as $x (0; . + $x)', '[1,2,3]', '6\n'],
  ['-r @tsv', '["a","b"]', 'a\tb\n'],
  ['-a .', '"ä😀"', '"\\u00e4\\ud83d\\ude00"\n'],
  ['.', '{"a":[1,{"b":null}]}', '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ]\n}\n'],
])('jq %s', (filter, input, expected) => {
  const machine = new Machine(new Kernel(new Sim(1), 'host'), commands);
  const options = /^(-\w+ )?/.exec(filter)?.[0].trim();
  const program = options ? filter.slice(options.length + 1) : filter;
  const r = runCommand(machine, ['jq', ...(options ? [options] : []), program], { stdin: input });
  expect(r.stdout + r.stderr).toBe(expected);
});

test('what never ends is ended: a reader that leaves, a limit on memory', () => {
  const machine = new Machine(new Kernel(new Sim(1), 'host'), commands);
  expect(runCommand(machine, 'yes | head -2').stdout).toBe('y\ny\n');
  expect(runCommand(machine, 'head -c 5 /dev/zero | wc -c').stdout).toBe('5\n');
  const sorted = runCommand(machine, 'sort /dev/zero');
  expect(sorted.stderr).toContain('memory exhausted');
});
