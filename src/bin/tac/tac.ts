/** tac, rev, nl, paste, column: small rearrangers of lines. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { allLines, options } from '../text.ts';

export const tac: Command = {
  name: 'tac',
  *main(p) {
    const o = yield* options(p, {
      specs: [],
      help: 'Usage: tac [OPTION]... [FILE]...\nWrite each FILE to standard output, last line first.\n',
    });
    if (typeof o === 'number') return o;
    const { lines, status } = yield* allLines(p, o.operands);
    yield* p.out(
      lines
        .reverse()
        .map((l) => `${l}\n`)
        .join(''),
    );
    return status;
  },
};

export const rev: Command = {
  name: 'rev',
  *main(p) {
    const { lines, status } = yield* allLines(p, p.argv.slice(1));
    yield* p.out(lines.map((l) => `${[...l].reverse().join('')}\n`).join(''));
    return status;
  },
};

export const nl: Command = {
  name: 'nl',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('b:body-numbering s:number-separator w:number-width v:starting-line-number'),
      help: 'Usage: nl [OPTION]... [FILE]...\nWrite each FILE to standard output, with line numbers added.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const width = Number(on.get('number-width') ?? 6);
    let n = Number(on.get('starting-line-number') ?? 1);
    const { lines, status } = yield* allLines(p, o.operands);
    for (const l of lines)
      yield* p.out(
        l === '' && on.get('body-numbering') !== 'a'
          ? `${' '.repeat(width + 1)}\n`
          : `${String(n++).padStart(width)}${on.get('number-separator') ?? '\t'}${l}\n`,
      );
    return status;
  },
};

export const paste: Command = {
  name: 'paste',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('d:delimiters s.serial'),
      help: 'Usage: paste [OPTION]... [FILE]...\nWrite lines consisting of the sequentially corresponding lines from each FILE.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const delimiters = (on.get('delimiters') ?? '\t').replace(/\\t/g, '\t').replace(/\\n/g, '\n');
    const glue = (parts: string[]): string =>
      parts.map((x, i) => (i === 0 ? x : `${delimiters === '' ? '' : delimiters[(i - 1) % delimiters.length]}${x}`)).join('');
    const files: string[][] = [];
    let status = 0;
    for (const name of o.operands.length > 0 ? o.operands : ['-']) {
      const r = yield* allLines(p, [name]);
      files.push(r.lines);
      status ||= r.status;
    }
    if (on.has('serial')) for (const lines of files) yield* p.out(`${glue(lines)}\n`);
    else if (o.operands.filter((x) => x === '-').length > 1) {
      const n = o.operands.length;
      const lines = files[0] ?? [];
      for (let i = 0; i < lines.length; i += n) yield* p.out(`${glue(Array.from({ length: n }, (_, j) => lines[i + j] ?? ''))}\n`);
    } else for (let i = 0; i < Math.max(0, ...files.map((f) => f.length)); i++) yield* p.out(`${glue(files.map((f) => f[i] ?? ''))}\n`);
    return status;
  },
};

export const column: Command = {
  name: 'column',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('t.table s:separator o:output-separator'),
      help: '\nUsage:\n column [options] [<file>...]\n\nColumnate lists.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const { lines, status } = yield* allLines(p, o.operands);
    if (!on.has('table')) {
      yield* p.out(lines.map((l) => `${l}\n`).join(''));
      return status;
    }
    const sep = on.get('separator');
    const rows = lines
      .filter((l) => l.trim() !== '')
      .map((l) => (sep ? l.split(new RegExp(`[${sep.replace(/[\\\]^-]/g, '\\$&')}]`)) : l.trim().split(/\s+/)));
    const widths: number[] = [];
    for (const r of rows)
      r.forEach((c, i) => {
        widths[i] = Math.max(widths[i] ?? 0, c.length);
      });
    const glue = on.get('output-separator') ?? '  ';
    for (const r of rows) yield* p.out(`${r.map((c, i) => (i === r.length - 1 ? c : c.padEnd(widths[i] as number))).join(glue)}\n`);
    return status;
  },
};
