import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

const m = new Machine(new Kernel(new Sim(1), 'h'), commands);

/** As coreutils 9.1 answers. */
test.each([
  ['printf hello | base64', 'aGVsbG8=\n'],
  ['printf "" | base64', ''],
  ['printf hello | base64 -w0', 'aGVsbG8='],
  ['printf hello | base64 -w 3', 'aGV\nsbG\n8=\n'],
  ['printf aGVsbG8= | base64 -d', 'hello'],
  ['printf aGVsbG8 | base64 -d', 'hellobase64: invalid input\n'],
  ['printf "aGVs\\nbG8=\\n" | base64 -d', 'hello'],
  ['printf "aG!Vs" | base64 -d', 'hbase64: invalid input\n'],
  ['printf "aG!VsbG8=" | base64 -di', 'hello'],
  ['printf "aGVsbG8=aGVsbG8=" | base64 -d', 'hellohello'],
  ['printf "aGVsbG8=x" | base64 -d', 'hellobase64: invalid input\n'],
  ['printf a | base64 -d', 'base64: invalid input\n'],
  ['printf ab | base64 -d', 'ibase64: invalid input\n'],
  ['printf ab= | base64 -d', 'ibase64: invalid input\n'],
  ['printf ab== | base64 -d', 'i'],
  ['printf a= | base64 -d', 'base64: invalid input\n'],
  ['base64 nosuch', 'base64: nosuch: No such file or directory\n'],
  ['base64 a b', "base64: extra operand ‘b’\nTry 'base64 --help' for more information.\n"],
  ['base64 -w x', 'base64: invalid wrap size: ‘x’\n'],
  ['base64 /tmp', 'base64: read error: Is a directory\n'],
  ['printf hello | base32', 'NBSWY3DP\n'],
  ['printf NBSWY3DP | base32 -d', 'hello'],
  ['printf NBSWY3 | base32 -d', 'base32: invalid input\n'],
  ['printf nbswy3dp | base32 -d', 'base32: invalid input\n'],
  ['printf MFR===== | base32 -d', 'abase32: invalid input\n'],
  ['printf MFRA==== | base32 -d', 'ab'],
  [
    'seq 30 | base32',
    'GEFDECRTBI2AUNIKGYFDOCRYBI4QUMJQBIYTCCRRGIFDCMYKGE2AUMJVBIYTMCRRG4FDCOAKGE4Q\nUMRQBIZDCCRSGIFDEMYKGI2AUMRVBIZDMCRSG4FDEOAKGI4QUMZQBI======\n',
  ],
])('%s', (line, out) => {
  const r = runCommand(m, `exec 2>&1; ${line}`);
  expect(r.stdout).toBe(out);
  expect(r.exitCode).toBe(/base\d\d: /.test(out) ? 1 : 0);
});

test('how kube-proxy names the chain of a Service port', () => {
  const line = "printf 'default/web:httptcp' | openssl dgst -sha256 -binary | base32 | cut -c1-16";
  expect(runCommand(m, line).stdout).toBe('CDGGSHYLG3RE2FKL\n');
});
