/** cut: columns or fields of lines. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { eachInput, eachLine, Output, options } from '../text.ts';

const USAGE = {
  specs: specs('b:bytes c:characters d:delimiter f:fields n. s.only-delimited .complement :output-delimiter'),
  help: 'Usage: cut OPTION... [FILE]...\nPrint selected parts of lines from each FILE to standard output.\n',
};

export const cut: Command = {
  name: 'cut',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const list = on.get('fields') ?? on.get('characters') ?? on.get('bytes');
    const hint = "Try 'cut --help' for more information.\n";
    if (list === undefined) {
      yield* p.err(`cut: you must specify a list of bytes, characters, or fields\n${hint}`);
      return 1;
    }
    const byField = on.has('fields');
    const delimiter = on.get('delimiter') ?? '\t';
    if (delimiter.length !== 1) {
      yield* p.err(`cut: the delimiter must be a single character\n${hint}`);
      return 1;
    }
    if (!byField && on.has('delimiter')) {
      yield* p.err(`cut: an input delimiter may be specified only when operating on fields\n${hint}`);
      return 1;
    }
    const ranges: [number, number][] = [];
    for (const part of list.split(',')) {
      const m = /^(\d*)(-?)(\d*)$/.exec(part);
      if (!m || (m[1] === '' && m[3] === '')) {
        yield* p.err(`cut: invalid ${byField ? 'field' : 'byte/character'} range\n${hint}`);
        return 1;
      }
      if (m[1] === '0' || m[3] === '0') {
        yield* p.err(`cut: ${byField ? 'fields are' : 'byte/character positions are'} numbered from 1\n${hint}`);
        return 1;
      }
      const from = m[1] === '' ? 1 : Number(m[1]);
      const to = m[2] === '' ? from : m[3] === '' ? Number.POSITIVE_INFINITY : Number(m[3]);
      if (to < from) {
        yield* p.err(`cut: invalid decreasing range\n${hint}`);
        return 1;
      }
      ranges.push([from, to]);
    }
    const wanted = (i: number): boolean => ranges.some(([a, b]) => i >= a && i <= b) !== on.has('complement');
    const glue = on.get('output-delimiter') ?? (byField ? delimiter : '');
    const out = new Output(p);
    const status = yield* eachInput(p, o.operands, function* (fd) {
      yield* eachLine(p, fd, function* (line) {
        const parts = byField ? line.split(delimiter) : [...line];
        if (byField && parts.length === 1) {
          if (!on.has('only-delimited')) yield* out.put(`${line}\n`);
        } else yield* out.put(`${parts.filter((_, i) => wanted(i + 1)).join(glue)}\n`);
        return undefined;
      });
      return undefined;
    });
    yield* out.flush();
    return status;
  },
};
