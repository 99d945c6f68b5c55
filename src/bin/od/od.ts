/** od, hexdump, xxd: bytes as numbers. Models coreutils 9.1, bsdextrautils 2.38 and xxd 2022 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { eachInput, options } from '../text.ts';

function* input(p: Process, files: readonly string[]): Task<{ data: Uint8Array; status: number }> {
  const parts: number[] = [];
  const status = yield* eachInput(p, files, function* (fd) {
    const r = yield* p.readAll(fd);
    if (r.ok) for (const b of r.value) parts.push(b);
    return undefined;
  });
  return { data: Uint8Array.from(parts), status };
}

const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');
const printable = (b: number): string => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.');

/** A number of bytes with suffixes of od: `0x10`, `020`, `1k`. */
function amount(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const m = /^(0x[0-9a-fA-F]+|\d+)([bkKM]?)$/.exec(text);
  if (!m) return Number.NaN;
  const n = Number((m[1] as string).replace(/^0(?=\d)/, '0o'));
  return n * ({ '': 1, b: 512, k: 1024, K: 1024, M: 1 << 20 }[m[2] as ''] ?? 1);
}

const NAMES = 'nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs rs us sp'.split(
  ' ',
);
const ESCAPES: Record<number, string> = { 0: '\\0', 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r' };

interface Type {
  readonly letter: string;
  readonly size: number;
  readonly ascii: boolean;
}

function types(text: string): Type[] | null {
  const out: Type[] = [];
  let rest = text;
  while (rest !== '') {
    const m = /^([acdoux])(\d+|[CSIL])?(z?)/.exec(rest);
    if (!m) return null;
    const letter = m[1] as string;
    const size = letter === 'a' || letter === 'c' ? 1 : ({ C: 1, S: 2, I: 4, L: 8 }[m[2] as 'C'] ?? Number(m[2] ?? 4));
    if (![1, 2, 4, 8].includes(size)) return null;
    out.push({ letter, size, ascii: m[3] === 'z' });
    rest = rest.slice(m[0].length);
  }
  return out;
}

function cell(t: Type, data: Uint8Array, at: number): string {
  const width = {
    a: 3,
    c: 3,
    o: [0, 3, 6, 0, 11, 0, 0, 0, 22][t.size],
    x: t.size * 2,
    d: [0, 4, 6, 0, 11, 0, 0, 0, 20][t.size],
    u: [0, 3, 5, 0, 10, 0, 0, 0, 20][t.size],
  }[t.letter as 'a'] as number;
  let v = 0n;
  for (let i = t.size - 1; i >= 0; i--) v = (v << 8n) | BigInt(data[at + i] ?? 0);
  const byte = data[at] as number;
  let text: string;
  if (t.letter === 'a') text = byte % 128 === 127 ? 'del' : (NAMES[byte % 128] ?? String.fromCharCode(byte % 128));
  else if (t.letter === 'c')
    text = ESCAPES[byte] ?? (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : byte.toString(8).padStart(3, '0'));
  else if (t.letter === 'd') text = BigInt.asIntN(t.size * 8, v).toString();
  else if (t.letter === 'u') text = v.toString();
  else return ` ${v.toString(t.letter === 'x' ? 16 : 8).padStart(width, '0')}`;
  return ` ${text.padStart(width)}`;
}

export const od: Command = {
  name: 'od',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('A:address-radix j:skip-bytes N:read-bytes t:format v.output-duplicates w?width a. b. c. d. o. s. x. i. l.'),
      help: 'Usage: od [OPTION]... [FILE]...\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const short: Record<string, string> = { a: 'a', b: 'o1', c: 'c', d: 'u2', o: 'o2', s: 'd2', x: 'x2', i: 'd4', l: 'd8' };
    const chosen = o.options.flatMap(([k, v]) => (k === 'format' ? [v] : short[k] ? [short[k]] : []));
    const list: Type[] = [];
    for (const text of chosen.length > 0 ? chosen : ['o2']) {
      const t = types(text);
      if (!t) {
        yield* p.err(`od: invalid type string ‘${text}’\n`);
        return 1;
      }
      list.push(...t);
    }
    const radix = on.get('address-radix') ?? 'o';
    const [skip, count, width] = [
      amount(on.get('skip-bytes'), 0),
      amount(on.get('read-bytes'), Number.POSITIVE_INFINITY),
      amount(on.get('width') || undefined, on.has('width') ? 32 : 16),
    ];
    if ([skip, count, width].some(Number.isNaN) || !/^[doxn]$/.test(radix) || width < 1) {
      yield* p.err(
        /^[doxn]$/.test(radix)
          ? 'od: invalid number\n'
          : `od: invalid output address radix '${radix}'; it must be one character from [doxn]\n`,
      );
      return 1;
    }
    const { data: all, status } = yield* input(p, o.operands);
    const data = all.subarray(skip, Math.min(all.length, skip + count));
    const address = (n: number): string =>
      radix === 'n' ? '' : radix === 'x' ? hex(n, 6) : n.toString(radix === 'd' ? 10 : 8).padStart(7, '0');
    const cells = Math.max(...list.map((t) => (cell(t, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0), 0).length * width) / t.size));
    let out = '';
    let last = '';
    let starred = false;
    for (let at = 0; at < data.length; at += width) {
      const row = data.subarray(at, Math.min(data.length, at + width));
      const same = row.length === width && String(row) === last && !on.has('output-duplicates');
      last = String(row);
      if (same) {
        if (!starred) out += '*\n';
        starred = true;
        continue;
      }
      starred = false;
      list.forEach((t, i) => {
        let line = '';
        for (let j = 0; j < row.length; j += t.size) {
          const text = cell(t, row, j);
          line += text.padStart(Math.floor((cells * t.size) / width));
        }
        if (t.ascii) line = `${line.padEnd(cells)}  >${[...row].map(printable).join('')}<`;
        out += `${i === 0 ? address(skip + at) : ' '.repeat(address(0).length)}${line}\n`;
      });
    }
    if (radix !== 'n') out += `${address(skip + data.length)}\n`;
    yield* p.out(out);
    return status;
  },
};

function canonical(data: Uint8Array, base: number, squeeze: boolean): string {
  let out = '';
  let last = '';
  let starred = false;
  for (let at = 0; at < data.length; at += 16) {
    const row = [...data.subarray(at, at + 16)];
    if (squeeze && row.length === 16 && String(row) === last) {
      if (!starred) out += '*\n';
      starred = true;
      continue;
    }
    starred = false;
    last = String(row);
    const half = (from: number): string =>
      Array.from({ length: 8 }, (_, i) => (row[from + i] === undefined ? '   ' : ` ${hex(row[from + i] as number, 2)}`)).join('');
    out += `${hex(base + at, 8)} ${half(0)} ${half(8)}  |${row.map(printable).join('')}|\n`;
  }
  return data.length > 0 ? `${out}${hex(base + data.length, 8)}\n` : out;
}

export const hexdump: Command = {
  name: 'hexdump',
  aliases: ['hd'],
  *main(p) {
    const o = yield* options(p, {
      specs: specs(
        'C.canonical n:length s:skip v.no-squeezing x.two-bytes-hex b.one-byte-octal c.one-byte-char d.two-bytes-decimal o.two-bytes-octal e:format f:format-file',
      ),
      help: '\nUsage:\n hexdump [options] <file>...\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    for (const name of ['one-byte-octal', 'one-byte-char', 'two-bytes-decimal', 'two-bytes-octal', 'format', 'format-file'])
      if (on.has(name)) {
        yield* p.err(`hexdump: option --${name} is not emulated\n`);
        return 1;
      }
    const [skip, count] = [amount(on.get('skip'), 0), amount(on.get('length'), Number.POSITIVE_INFINITY)];
    const { data: all, status } = yield* input(p, o.operands);
    const data = all.subarray(skip, Math.min(all.length, skip + count));
    if (on.has('canonical') || p.name === 'hd') yield* p.out(canonical(data, skip, !on.has('no-squeezing')));
    else {
      let out = '';
      for (let at = 0; at < data.length; at += 16) {
        let line = hex(skip + at, 7);
        for (let i = at; i < Math.min(at + 16, data.length); i += 2)
          line += `${on.has('two-bytes-hex') ? '   ' : ''} ${hex((data[i] as number) | ((data[i + 1] ?? 0) << 8), 4)}`;
        out += `${line.padEnd(on.has('two-bytes-hex') ? 71 : 47)}\n`;
      }
      yield* p.out(data.length > 0 ? `${out}${hex(skip + data.length, 7)}\n` : '');
    }
    return status;
  },
};

export const xxd: Command = {
  name: 'xxd',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('a. b. c: g: i. l: o: p. r. s: u. E. e.'),
      help: 'Usage:\n       xxd [options] [infile [outfile]]\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    for (const name of ['a', 'b', 'i', 'E', 'e', 'o'])
      if (on.has(name)) {
        yield* p.err(`xxd: option -${name} is not emulated\n`);
        return 1;
      }
    const plain = on.has('p');
    const width = Number(on.get('c') ?? (plain ? 30 : 16)) || 1e9;
    const group = Number(on.get('g') ?? 2) || width;
    const { data: all, status } = yield* input(p, o.operands.slice(0, 1));
    if (on.has('r')) {
      const text = new TextDecoder().decode(all);
      const digits = plain
        ? text.replace(/\s/g, '')
        : text
            .split('\n')
            .map((l) => (/^[0-9a-f]+: (.*?)(?: {2}|$)/i.exec(l)?.[1] ?? '').replace(/\s/g, ''))
            .join('');
      yield* p.out(Uint8Array.from(digits.match(/[0-9a-fA-F]{2}/g) ?? [], (h) => Number.parseInt(h, 16)));
      return status;
    }
    const skip = Number(on.get('s') ?? 0);
    const data = all.subarray(skip, Math.min(all.length, skip + Number(on.get('l') ?? Number.POSITIVE_INFINITY)));
    const digits = (b: number): string => (on.has('u') ? hex(b, 2).toUpperCase() : hex(b, 2));
    let out = '';
    for (let at = 0; at < data.length; at += width) {
      const row = [...data.subarray(at, at + width)];
      if (plain) {
        out += `${row.map(digits).join('')}\n`;
        continue;
      }
      let cells = '';
      row.forEach((b, i) => {
        cells += digits(b) + ((i + 1) % group === 0 ? ' ' : '');
      });
      const full = width * 2 + Math.ceil(width / group);
      out += `${hex(skip + at, 8)}: ${cells.padEnd(full)} ${row.map(printable).join('')}\n`;
    }
    yield* p.out(out);
    return status;
  },
};
