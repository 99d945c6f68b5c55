/** seq: numbers from first to last. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { Output, options } from '../text.ts';

const USAGE = {
  specs: specs('f:format s:separator w.equal-width'),
  help: 'Usage: seq [OPTION]... LAST\n  or:  seq [OPTION]... FIRST LAST\n  or:  seq [OPTION]... FIRST INCREMENT LAST\nPrint numbers from FIRST to LAST, in steps of INCREMENT.\n',
};

export const seq: Command = {
  name: 'seq',
  *main(p) {
    p.argv = p.argv.flatMap((a, i) => (i > 0 && /^-[\d.]/.test(a) && !p.argv.slice(1, i).includes('--') ? ['--', a] : [a]));
    const o = yield* options(p, { ...USAGE, posix: true });
    if (typeof o === 'number') return o;
    const operands = o.operands.filter((a) => a !== '--');
    const hint = "Try 'seq --help' for more information.\n";
    if (operands.length === 0 || operands.length > 3) {
      yield* p.err(operands.length === 0 ? `seq: missing operand\n${hint}` : `seq: extra operand ‘${operands[3]}’\n${hint}`);
      return 1;
    }
    for (const a of operands)
      if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(a)) {
        yield* p.err(`seq: invalid floating point argument: ‘${a}’\n${hint}`);
        return 1;
      }
    const on = new Map(o.options);
    const first = operands.length > 1 ? Number(operands[0]) : 1;
    const step = operands.length === 3 ? Number(operands[1]) : 1;
    const last = Number(operands.at(-1));
    if (step === 0) {
      yield* p.err(`seq: invalid Zero increment value: ‘${operands[1]}’\n${hint}`);
      return 1;
    }
    const decimals = Math.max(...operands.slice(0, operands.length === 1 ? 0 : -1).map((a) => a.split('.')[1]?.length ?? 0), 0);
    const count = Math.floor((last - first) / step + 1e-9) + 1;
    const width = on.has('equal-width') ? Math.max(first.toFixed(decimals).length, last.toFixed(decimals).length) : 0;
    const out = new Output(p);
    const glue = on.get('separator') ?? '\n';
    for (let i = 0; i < count; i++) {
      const n = (first + i * step).toFixed(decimals);
      const format = on.get('format');
      const text = format
        ? format.replace(/%(0?)(\d*)(?:\.(\d+))?[gfe]/, (_, z: string, w: string, d?: string) =>
            (d ? Number(n).toFixed(Number(d)) : n).padStart(Number(w || 0), z ? '0' : ' '),
          )
        : n.padStart(width, '0');
      yield* out.put(`${i > 0 ? glue : ''}${text}`);
    }
    if (count > 0) yield* out.put('\n');
    yield* out.flush();
    return 0;
  },
};
