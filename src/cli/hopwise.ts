/** hopwise on the command line: emulate, shell, lab, conformance. */

import { conformanceCommand } from './commands/conformance.ts';
import { emulateCommand } from './commands/emulate.ts';
import { labCommand } from './commands/lab.ts';
import { shellCommand } from './commands/shell.ts';

const USAGE = `Usage: hopwise COMMAND …

  emulate FILE.scn… --out DIR [--json]     run scenario files in the emulator, write recordings
  conformance linux [PATH] [--diff NAME]   score the emulator against recordings of a real kernel
  conformance iptables-rules|nft-rules FILE
                                           score it against upstream rule suites
  conformance reference-cluster            run the reference cluster's scripts, compare their outcomes
  shell [--lab ID | --world NAME|FILE] [--host NAME]
                                           an emulated host in this terminal; a reference world (w1, w2, …) or a cluster file
  lab test [ID…] [--seeds N] [--mutants]   prove each lab: start fails, solutions pass, decoys fail where they should
  lab mutate [ID…] [--seeds N]             break each solution in many ways; tell what the checks let through
  lab grade ID --script FILE [--seed N] [--json]
                                           replay a script into a fresh world and grade it
  lab grade FILE|FOLDER… [--out DIR] [--format csv,json,junit,gradescope,exercism,classroom50,check50,text]
            [--secret-file F] [--jobs N]   grade submissions on all cores; what is graded already is kept
  lab regrade DIR                          grade them again after a check was mended; tell whose score changed and why
  lab ticket --secret-file F --lab ID (--learner NAME | --learners FILE)
                                           a learner's own seed and link, or a whole class's as CSV
`;

const COMMANDS: Record<string, (args: string[]) => number | Promise<number>> = {
  emulate: emulateCommand,
  conformance: conformanceCommand,
  shell: shellCommand,
  lab: labCommand,
};

const [, , name, ...args] = process.argv;
const command = name === undefined ? undefined : COMMANDS[name];
if (!command) {
  const asked = name === 'help' || name === '--help' || name === '-h';
  (asked ? process.stdout : process.stderr).write(`${asked || name === undefined ? '' : `hopwise: unknown command "${name}"\n`}${USAGE}`);
  process.exitCode = asked ? 0 : 2;
} else {
  try {
    process.exitCode = await command(args);
  } catch (e) {
    if (!(e instanceof Error)) throw e;
    process.stderr.write(`hopwise ${name}: ${e.name === 'Error' || e.name === 'LabError' ? e.message : e.stack}\n`);
    process.exitCode = 2;
  }
}
