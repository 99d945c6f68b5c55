/** awk (mawk's manners): pattern scanning and processing. */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { compile, RegexError } from '../grep/regex.ts';
import { Interpreter } from './interp.ts';
import { AwkError } from './lex.ts';
import { type AwkProgram, parseAwk } from './parse.ts';

const USAGE = `Usage: mawk [Options] [Program] [file ...]

Program:
    The -f option value is the name of a file containing program text.
    If no -f option is given, a "--" ends option processing; the following
    parameters are the program text.
`;

function* main(p: Process): Task<number> {
  const args = p.argv.slice(1);
  const assigns: [string, string][] = [];
  const sources: string[] = [];
  while (args.length > 0 && /^-./.test(args[0] as string)) {
    const a = args.shift() as string;
    if (a === '--') break;
    if (a === '--version' || a === '-V' || a === '-Wversion') {
      yield* p.out('mawk 1.3.4 20200120\n');
      return 0;
    }
    const value = (): string => (a.length > 2 ? a.slice(2) : (args.shift() ?? ''));
    if (a.startsWith('-F')) {
      const v = value();
      assigns.push(['FS', v === 't' ? '\t' : v]);
    } else if (a.startsWith('-v')) {
      const v = value();
      if (!/^\w+=/.test(v)) {
        yield* p.err(`mawk: improper assignment: -v ${v}\n`);
        return 2;
      }
      assigns.push([v.slice(0, v.indexOf('=')), v.slice(v.indexOf('=') + 1)]);
    } else if (a.startsWith('-f')) {
      const file = value();
      const text = p.readText(file);
      if (text === null) {
        yield* p.err(`mawk: couldn't open file ${file}: No such file or directory\n`);
        return 2;
      }
      sources.push(text);
    } else {
      yield* p.err(`mawk: not an option: ${a}\n`);
      return 2;
    }
  }
  if (sources.length === 0) {
    const text = args.shift();
    if (text === undefined) {
      yield* p.err(USAGE);
      return 2;
    }
    sources.push(text);
  }
  let program: AwkProgram;
  try {
    program = parseAwk(sources.join('\n'));
  } catch (e) {
    if (!(e instanceof AwkError)) throw e;
    yield* p.err(`mawk: ${e.message}\n`);
    return 2;
  }
  try {
    return yield* new Interpreter(p, program, assigns, args, (source) => compile(source, { flags: '' })).run();
  } catch (e) {
    if (!(e instanceof AwkError) && !(e instanceof RegexError)) throw e;
    yield* p.err(`mawk: run time error: ${e.message}\n`);
    return 2;
  }
}

export const awk: Command = { name: 'awk', main, aliases: ['mawk'] };
