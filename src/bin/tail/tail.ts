/** tail: the last lines or bytes, or what is appended (-f). */

import type { Command } from '../../os/program.ts';
import { SEC } from '../../sim/sim.ts';
import { specs } from '../getopt.ts';
import { eachInput, options } from '../text.ts';

const USAGE = {
  specs: specs('c:bytes f?follow F. n:lines q.quiet s:sleep-interval v.verbose'),
  help: 'Usage: tail [OPTION]... [FILE]...\nPrint the last 10 lines of each FILE to standard output.\n',
};

export const tail: Command = {
  name: 'tail',
  *main(p) {
    p.argv = p.argv.flatMap((a, i) =>
      i === 1 && /^-\d+f?$/.test(a)
        ? [`-n${Number.parseInt(a.slice(1), 10)}`, ...(a.endsWith('f') ? ['-f'] : [])]
        : a === '-f'
          ? ['--follow']
          : [a],
    );
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    let count = 10;
    let from = false;
    let bytes = false;
    let follow = false;
    let headers = o.operands.length > 1;
    for (const [k, v] of o.options) {
      if (k === 'lines' || k === 'bytes') {
        if (!/^[-+]?\d+$/.test(v)) {
          yield* p.err(`tail: invalid number of ${k}: ‘${v}’\n`);
          return 1;
        }
        bytes = k === 'bytes';
        from = v.startsWith('+');
        count = Math.abs(Number(v));
      } else if (k === 'follow' || k === 'F') follow = true;
      else if (k === 'quiet' || k === 'verbose') headers = k === 'verbose';
    }
    let first = true;
    const sizes = new Map<string, number>();
    const status = yield* eachInput(p, o.operands, function* (fd, name) {
      if (headers) yield* p.out(`${first ? '' : '\n'}==> ${name === '-' ? 'standard input' : name} <==\n`);
      first = false;
      const all = yield* p.readAll(fd);
      if (!all.ok) return undefined;
      sizes.set(name, all.value.length);
      if (bytes) {
        yield* p.out(from ? all.value.slice(Math.max(0, count - 1)) : all.value.slice(Math.max(0, all.value.length - count)));
        return undefined;
      }
      const lines = new TextDecoder().decode(all.value).split(/(?<=\n)/);
      if (lines.at(-1) === '') lines.pop();
      yield* p.out((from ? lines.slice(Math.max(0, count - 1)) : count === 0 ? [] : lines.slice(-count)).join(''));
      return undefined;
    });
    while (follow && sizes.size > 0) {
      yield* p.sleep(SEC);
      for (const [name, size] of sizes) {
        if (name === '-') continue;
        const r = p.readFile(name);
        if (!r.ok || r.value.length === size) continue;
        sizes.set(name, r.value.length);
        yield* p.out(r.value.slice(r.value.length < size ? 0 : size));
      }
    }
    return status;
  },
};
