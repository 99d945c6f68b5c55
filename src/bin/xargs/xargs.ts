/** xargs: builds command lines from standard input. */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

const USAGE = {
  specs: specs('0.null a:arg-file d:delimiter I:replace i?replace-i L:max-lines n:max-args P:max-procs r.no-run-if-empty t.verbose x.exit'),
  help: 'Usage: xargs [OPTION]... COMMAND [INITIAL-ARGS]...\nRun COMMAND with arguments INITIAL-ARGS and more arguments read from input.\n',
  posix: true,
};

/** Words of the input with xargs' own quoting; null when a quote stays open. */
export function splitWords(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '"' || c === "'") {
      const end = text.indexOf(c, i + 1);
      if (end < 0 || text.slice(i, end).includes('\n')) return null;
      word = (word ?? '') + text.slice(i + 1, end);
      i = end;
    } else if (c === '\\' && i + 1 < text.length) word = (word ?? '') + (text[++i] as string);
    else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + c;
  }
  if (word !== null) words.push(word);
  return words;
}

export const xargs: Command = {
  name: 'xargs',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const command = o.operands.length > 0 ? [...o.operands] : ['echo'];
    const r = on.has('arg-file') ? p.readFile(on.get('arg-file') as string) : yield* p.readAll(0);
    if (!r.ok) {
      yield* p.err(`xargs: Cannot open input file ‘${on.get('arg-file')}’: ${strerror(r.errno)}\n`);
      return 1;
    }
    const text = new TextDecoder().decode(r.value);
    const replace = on.get('replace') ?? (on.has('replace-i') ? on.get('replace-i') || '{}' : undefined);
    const separator = on.has('null')
      ? '\0'
      : on.has('delimiter')
        ? (on.get('delimiter') as string).replace('\\n', '\n').replace('\\t', '\t').replace('\\0', '\0')
        : null;
    let items: string[] | null;
    if (separator !== null) {
      items = text.split(separator);
      if (items.at(-1) === '') items.pop();
    } else if (replace !== undefined)
      items = text
        .split('\n')
        .map((l) => l.trimStart())
        .filter((l) => l !== '');
    else items = splitWords(text);
    if (items === null) {
      yield* p.err('xargs: unmatched single quote; by default quotes are special to xargs unless you use the -0 option\n');
      return 1;
    }
    const batches: string[][] = [];
    const asked = on.get('max-args') ?? on.get('max-lines') ?? '5000';
    const size = Number(asked);
    if (!(size >= 1)) {
      yield* p.err(
        `xargs: value ${asked} for -${on.has('max-args') ? 'n' : 'L'} option should be >= 1\nTry 'xargs --help' for more information.\n`,
      );
      return 1;
    }
    if (replace !== undefined) for (const item of items) batches.push(command.map((w) => w.replaceAll(replace, item)));
    else if (on.has('max-lines') && separator === null) {
      const lines = text.split('\n').filter((l) => l.trim() !== '');
      for (let i = 0; i < lines.length; i += size)
        batches.push([...command, ...lines.slice(i, i + size).flatMap((line) => splitWords(line) ?? [line])]);
    } else for (let i = 0; i < items.length; i += size) batches.push([...command, ...items.slice(i, i + size)]);
    if (batches.length === 0 && replace === undefined && !on.has('no-run-if-empty')) batches.push(command);
    let status = 0;
    for (const argv of batches) {
      if (on.has('verbose')) yield* p.err(`${argv.join(' ')}\n`);
      const child = p.spawn(argv);
      if (!child.ok) {
        yield* p.err(`xargs: ${argv[0]}: ${strerror(child.errno)}\n`);
        return child.errno === 'ENOENT' ? 127 : 126;
      }
      const s = yield* p.waitPid(child.value);
      if (s === 255) {
        yield* p.err(`xargs: ${argv[0]}: exited with status 255; aborting\n`);
        return 124;
      }
      if (s > 128) return 125;
      if (s !== 0) status = 123;
    }
    return status;
  },
};
