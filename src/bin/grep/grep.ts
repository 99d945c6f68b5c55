/** grep: lines that match (and egrep, fgrep). */

import type { Command, Program } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { complain, eachLine, Output, options } from '../text.ts';
import { compile, RegexError } from './regex.ts';

const USAGE = {
  specs: specs(
    'A:after-context B:before-context C:context E.extended-regexp F.fixed-strings G.basic-regexp H.with-filename I. L.files-without-match P.perl-regexp a.text c.count ?color ?colour e:regexp f:file h.no-filename i.ignore-case l.files-with-matches m:max-count n.line-number o.only-matching q.quiet .silent r.recursive R.dereference-recursive s.no-messages v.invert-match w.word-regexp x.line-regexp y. .line-buffered V.version',
  ),
  help: "Usage: grep [OPTION]... PATTERNS [FILE]...\nSearch for PATTERNS in each FILE.\nExample: grep -i 'hello world' menu.h main.c\n",
  status: 2,
};

function program(mode: 'basic' | 'extended' | 'fixed'): Program {
  return function* main(p) {
    p.argv = p.argv.flatMap((a, i) => (i > 0 && /^-\d+$/.test(a) ? ['-C', a.slice(1)] : [a]));
    const usage = "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n";
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const operands = [...o.operands];
    const patterns = o.options.filter(([k]) => k === 'regexp').flatMap(([, v]) => v.split('\n'));
    for (const [k, v] of o.options) {
      if (k !== 'file') continue;
      const text = p.readText(v);
      if (text === null) {
        yield* complain(p, v, 'ENOENT');
        return 2;
      }
      patterns.push(...text.replace(/\n$/, '').split('\n'));
    }
    if (!on.has('regexp') && !on.has('file')) {
      const first = operands.shift();
      if (first === undefined) {
        yield* p.err(usage);
        return 2;
      }
      patterns.push(...first.split('\n'));
    }
    const fixed = on.has('fixed-strings') || (mode === 'fixed' && !on.has('extended-regexp') && !on.has('perl-regexp'));
    const perl = on.has('perl-regexp');
    const basic = mode === 'basic' && !on.has('extended-regexp');
    let regexps: RegExp[];
    try {
      regexps = patterns.map((text) => {
        const r = compile(text, { basic, fixed, perl, ignoreCase: on.has('ignore-case') || on.has('y') });
        const body = on.has('line-regexp') ? `^(?:${r.source})$` : on.has('word-regexp') ? `(?<!\\w)(?:${r.source})(?!\\w)` : r.source;
        return new RegExp(body, r.flags);
      });
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      yield* p.err(`${p.name}: ${e.message}\n`);
      return 2;
    }
    const matchesOf = (line: string): { index: number; text: string }[] => {
      const found = regexps.flatMap((r) => [...line.matchAll(r)].map((m) => ({ index: m.index, text: m[0] })));
      return found.sort((a, b) => a.index - b.index || b.text.length - a.text.length);
    };
    const invert = on.has('invert-match');
    const limit = on.has('max-count') ? Number(on.get('max-count')) : Number.POSITIVE_INFINITY;
    const before = Number(on.get('before-context') ?? on.get('context') ?? 0);
    const after = Number(on.get('after-context') ?? on.get('context') ?? 0);
    const color = (on.get('color') ?? on.get('colour')) === 'always' || (['', 'auto'].includes(on.get('color') ?? 'never') && p.isatty(1));
    const recursive = on.has('recursive') || on.has('dereference-recursive');
    const files: string[] = [];
    const gather = (path: string, depth: number): void => {
      const s = p.stat(path);
      if (s.ok && s.value.kind === 'dir' && depth < 64) {
        const names = p.readdir(path);
        if (names.ok) for (const n of names.value) gather(path === '' ? n : `${path.replace(/\/$/, '')}/${n}`, depth + 1);
      } else files.push(path);
    };
    if (recursive) for (const f of operands.length > 0 ? operands : ['.']) gather(f, 0);
    else files.push(...(operands.length > 0 ? operands : ['-']));
    const names = on.has('with-filename') || ((files.length > 1 || recursive) && !on.has('no-filename'));
    const out = new Output(p);
    let any = false;
    let failed = false;
    for (const file of files) {
      const label = file === '-' ? '(standard input)' : file;
      let fd = 0;
      if (file !== '-') {
        const s = p.stat(file);
        if (s.ok && s.value.kind === 'dir') {
          yield* out.flush();
          if (!on.has('no-messages')) yield* p.err(`grep: ${file}: Is a directory\n`);
          failed = true;
          continue;
        }
        const r = p.open(file, 'r');
        if (!r.ok) {
          yield* out.flush();
          if (!on.has('no-messages')) yield* complain(p, file, r.errno);
          failed = true;
          continue;
        }
        fd = r.value;
      }
      let count = 0;
      let n = 0;
      let lastPrinted = 0;
      let trailing = 0;
      const held: [number, string][] = [];
      const prefix = (num: number, sep: string): string => `${names ? `${label}${sep}` : ''}${on.has('line-number') ? `${num}${sep}` : ''}`;
      yield* eachLine(p, fd, function* (line) {
        n++;
        const found = matchesOf(line);
        if (found.length > 0 === invert) {
          if (trailing > 0) {
            trailing--;
            lastPrinted = n;
            yield* out.put(`${prefix(n, '-')}${line}\n`);
          } else if (before > 0) {
            held.push([n, line]);
            if (held.length > before) held.shift();
          }
          return undefined;
        }
        count++;
        any = true;
        if (on.has('quiet') || on.has('silent')) return true;
        if (on.has('files-with-matches') || on.has('files-without-match')) return true;
        if (!on.has('count')) {
          if ((before > 0 || after > 0) && lastPrinted > 0 && n - held.length > lastPrinted + 1) yield* out.put('--\n');
          for (const [num, text] of held) yield* out.put(`${prefix(num, '-')}${text}\n`);
          held.length = 0;
          if (on.has('only-matching')) {
            let end = 0;
            for (const m of found) {
              if (m.text === '' || m.index < end) continue;
              end = m.index + m.text.length;
              yield* out.put(`${prefix(n, ':')}${m.text}\n`);
            }
          } else {
            let text = line;
            if (color && !invert) {
              text = '';
              let end = 0;
              for (const m of found) {
                if (m.text === '' || m.index < end) continue;
                text += `${line.slice(end, m.index)}\x1b[01;31m\x1b[K${m.text}\x1b[m\x1b[K`;
                end = m.index + m.text.length;
              }
              text += line.slice(end);
            }
            yield* out.put(`${prefix(n, ':')}${text}\n`);
          }
          lastPrinted = n;
          trailing = after;
          if (on.has('line-buffered') || p.isatty(1)) yield* out.flush();
        }
        return count >= limit && after === 0 ? true : undefined;
      });
      if (fd !== 0) p.close(fd);
      if (on.has('quiet') || on.has('silent')) {
        if (any) return 0;
        continue;
      }
      if (on.has('count')) yield* out.put(`${names ? `${label}:` : ''}${count}\n`);
      else if (on.has('files-with-matches') && count > 0) yield* out.put(`${label}\n`);
      else if (on.has('files-without-match') && count === 0) yield* out.put(`${label}\n`);
    }
    yield* out.flush();
    return failed ? 2 : any ? 0 : 1;
  };
}

export const grep: Command = { name: 'grep', path: '/bin/grep', main: program('basic') };
export const egrep: Command = { name: 'egrep', path: '/bin/egrep', main: program('extended') };
export const fgrep: Command = { name: 'fgrep', path: '/bin/fgrep', main: program('fixed') };
