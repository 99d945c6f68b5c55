/** wc: lines, words, bytes. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { eachInput, options } from '../text.ts';

const USAGE = {
  specs: specs('c.bytes m.chars l.lines L.max-line-length w.words'),
  help: 'Usage: wc [OPTION]... [FILE]...\nPrint newline, word, and byte counts for each FILE.\n',
};

export const wc: Command = {
  name: 'wc',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const asked = ['lines', 'words', 'chars', 'bytes', 'max-line-length'].filter((k) => o.options.some(([x]) => x === k));
    const columns = asked.length > 0 ? asked : ['lines', 'words', 'bytes'];
    const rows: { name: string; counts: Record<string, number> }[] = [];
    const total: Record<string, number> = {};
    const status = yield* eachInput(p, o.operands, function* (fd, name) {
      const all = yield* p.readAll(fd);
      const bytes = all.ok ? all.value : new Uint8Array();
      const text = new TextDecoder().decode(bytes);
      const lines = text.split('\n');
      const counts: Record<string, number> = {
        lines: lines.length - 1,
        words: text.split(/\s+/).filter((w) => w !== '').length,
        chars: [...text].length,
        bytes: bytes.length,
        'max-line-length': lines.reduce((n, l) => Math.max(n, l.length), 0),
      };
      for (const [k, v] of Object.entries(counts)) total[k] = k === 'max-line-length' ? Math.max(total[k] ?? 0, v) : (total[k] ?? 0) + v;
      rows.push({ name, counts });
      return undefined;
    });
    if (o.operands.length > 1) rows.push({ name: 'total', counts: total });
    const fromPipe = o.operands.length === 0 || o.operands.includes('-');
    const width =
      columns.length === 1 && rows.length === 1 ? 1 : fromPipe ? 7 : Math.max(...rows.map((r) => String(r.counts.bytes ?? 0).length));
    for (const { name, counts } of rows) {
      const numbers = columns.map((c) => String(counts[c] ?? 0).padStart(width)).join(' ');
      yield* p.out(`${numbers}${o.operands.length > 0 ? ` ${name}` : ''}\n`);
    }
    return status;
  },
};
