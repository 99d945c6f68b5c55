/** md5sum, sha1sum, sha256sum, sha512sum: digests of files, and checking lists of them. Models coreutils 9.1 */

import type { Command } from '../../os/program.ts';
import { utf8 } from '../../wire/bytes.ts';
import { specs } from '../getopt.ts';
import { allLines, complain, eachInput, options } from '../text.ts';
import { md5, sha1, sha256, sha512 } from './digest.ts';

const SPECS = specs('b.binary c.check t.text .tag .quiet .status .ignore-missing .strict');

function sum(name: string, label: string, digest: (data: Uint8Array) => string): Command {
  return {
    name,
    *main(p) {
      const o = yield* options(p, {
        specs: SPECS,
        help: `Usage: ${name} [OPTION]... [FILE]...\nPrint or check ${label} checksums.\n`,
      });
      if (typeof o === 'number') return o;
      const on = new Set(o.options.map(([k]) => k));
      if (!on.has('check'))
        return yield* eachInput(p, o.operands, function* (fd, file) {
          const all = yield* p.readAll(fd);
          if (!all.ok) return undefined;
          const value = digest(all.value);
          yield* p.out(on.has('tag') ? `${label} (${file}) = ${value}\n` : `${value} ${on.has('binary') ? '*' : ' '}${file}\n`);
          return undefined;
        });
      const { lines, status } = yield* allLines(p, o.operands);
      let [mismatched, unreadable, malformed, good] = [0, 0, 0, 0];
      for (const line of lines) {
        const m = /^([0-9a-f]+) [ *](.+)$/i.exec(line) ?? swapped(new RegExp(`^${label} \\((.+)\\) = ([0-9a-f]+)$`, 'i').exec(line));
        if (!m || m[1]?.length !== digest(utf8('')).length) {
          malformed++;
          continue;
        }
        const file = m[2] as string;
        const read = p.readFile(file);
        if (!read.ok) {
          if (on.has('ignore-missing') && read.errno === 'ENOENT') continue;
          unreadable++;
          yield* complain(p, file, read.errno);
          if (!on.has('status')) yield* p.out(`${file}: FAILED open or read\n`);
          continue;
        }
        const same = digest(read.value) === (m[1] as string).toLowerCase();
        if (same) good++;
        else mismatched++;
        if (!on.has('status') && !(same && on.has('quiet'))) yield* p.out(`${file}: ${same ? 'OK' : 'FAILED'}\n`);
      }
      if (good + mismatched + unreadable === 0) {
        yield* p.err(`${name}: ${o.operands[0] ?? "'standard input'"}: no properly formatted checksum lines found\n`);
        return 1;
      }
      if (!on.has('status')) {
        const plural = (n: number, one: string, many: string): string => `${name}: WARNING: ${n} ${n === 1 ? one : many}\n`;
        if (malformed) yield* p.err(plural(malformed, 'line is improperly formatted', 'lines are improperly formatted'));
        if (unreadable) yield* p.err(plural(unreadable, 'listed file could not be read', 'listed files could not be read'));
        if (mismatched) yield* p.err(plural(mismatched, 'computed checksum did NOT match', 'computed checksums did NOT match'));
      }
      return mismatched + unreadable > 0 || (on.has('strict') && malformed > 0) ? 1 : status;
    },
  };
}

function swapped(m: RegExpExecArray | null): [string, string, string] | null {
  return m ? [m[0], m[2] as string, m[1] as string] : null;
}

export const md5sum = sum('md5sum', 'MD5', md5);
export const sha1sum = sum('sha1sum', 'SHA1', sha1);
export const sha256sum = sum('sha256sum', 'SHA256', sha256);
export const sha512sum = sum('sha512sum', 'SHA512', sha512);
