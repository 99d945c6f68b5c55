/** uniq: runs of equal lines. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { eachInput, eachLine, Output, options } from '../text.ts';

const USAGE = {
  specs: specs('c.count d.repeated f:skip-fields i.ignore-case s:skip-chars u.unique w:check-chars'),
  help: 'Usage: uniq [OPTION]... [INPUT [OUTPUT]]\nFilter adjacent matching lines from INPUT (or standard input), writing to OUTPUT (or standard output).\n',
};

export const uniq: Command = {
  name: 'uniq',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const skip = Number(on.get('skip-fields') ?? 0);
    const key = (line: string): string => {
      let k = line;
      for (let i = 0; i < skip; i++) k = k.replace(/^\s*\S+/, '');
      k = k.slice(Number(on.get('skip-chars') ?? 0));
      if (on.has('check-chars')) k = k.slice(0, Number(on.get('check-chars')));
      return on.has('ignore-case') ? k.toLowerCase() : k;
    };
    const out = new Output(p);
    let current: string | null = null;
    let n = 0;
    const emit = function* () {
      if (current === null) return;
      if (on.has('repeated') && n < 2) return;
      if (on.has('unique') && n > 1) return;
      yield* out.put(`${on.has('count') ? `${String(n).padStart(7)} ` : ''}${current}\n`);
    };
    const status = yield* eachInput(p, o.operands.slice(0, 1), function* (fd) {
      yield* eachLine(p, fd, function* (line) {
        if (current !== null && key(line) === key(current)) n++;
        else {
          yield* emit();
          current = line;
          n = 1;
        }
        return undefined;
      });
      return undefined;
    });
    yield* emit();
    yield* out.flush();
    return status;
  },
};
