/** /bin/echo, /usr/bin/printf and /usr/bin/test: the shell's builtins as programs, for xargs, env and find. */

import type { Command, Program } from '../../os/program.ts';

function builtin(name: string): Program {
  return function* main(p) {
    const args = p.argv.slice(1);
    if (name === '[') {
      if (args.at(-1) !== ']') {
        yield* p.err("[: missing ']'\n");
        return 2;
      }
      args.pop();
    }
    // A container of Alpine or BusyBox has no bash.
    const shell = p.canRun(['bash'], p.env).ok ? 'bash' : '/bin/sh';
    return yield* p.exec([shell, '-c', `${name === '[' ? 'test' : name} "$@"`, name, ...args]);
  };
}

export const echo: Command = { name: 'echo', path: '/bin/echo', main: builtin('echo') };
export const printf: Command = { name: 'printf', main: builtin('printf') };
export const test: Command = { name: 'test', main: builtin('test') };
export const bracket: Command = { name: '[', main: builtin('[') };
