/** which, readlink, realpath, clear, base64: tools that print one thing. */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { eachInput, options } from '../text.ts';

export const which: Command = {
  name: 'which',
  *main(p) {
    let status = 0;
    for (const name of p.argv.slice(1).filter((a) => !a.startsWith('-'))) {
      const r = p.which(name);
      if (r.ok) yield* p.out(`${r.value}\n`);
      else status = 1;
    }
    return status;
  },
};

export const readlink: Command = {
  name: 'readlink',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('f.canonicalize n.no-newline q.quiet s. v.verbose z.zero'),
      help: 'Usage: readlink [OPTION]... FILE...\nPrint value of a symbolic link or canonical file name\n',
    });
    if (typeof o === 'number') return o;
    if (o.operands.length === 0) {
      yield* p.err("readlink: missing operand\nTry 'readlink --help' for more information.\n");
      return 1;
    }
    const on = new Set(o.options.map(([k]) => k));
    const canonical = on.has('canonicalize');
    let status = 0;
    for (const path of o.operands) {
      const r = canonical ? p.resolve(path) : p.readlink(path);
      if (r.ok) yield* p.out(`${r.value}${on.has('no-newline') ? '' : on.has('zero') ? '\0' : '\n'}`);
      else {
        if (on.has('verbose')) yield* p.err(`readlink: ${path}: ${strerror(r.errno)}\n`);
        status = 1;
      }
    }
    return status;
  },
};

export const realpath: Command = {
  name: 'realpath',
  *main(p) {
    let status = 0;
    for (const path of p.argv.slice(1).filter((a) => !a.startsWith('-'))) {
      const r = p.resolve(path);
      if (r.ok) yield* p.out(`${r.value}\n`);
      else {
        yield* p.err(`realpath: ${path}: ${strerror(r.errno)}\n`);
        status = 1;
      }
    }
    return status;
  },
};

export const clear: Command = {
  name: 'clear',
  *main(p) {
    yield* p.out('\x1b[H\x1b[2J\x1b[3J');
    return 0;
  },
};

export const base64: Command = {
  name: 'base64',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('d.decode w:wrap'),
      help: 'Usage: base64 [OPTION]... [FILE]\nBase64 encode or decode FILE, or standard input, to standard output.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    return yield* eachInput(p, o.operands, function* (fd) {
      const all = yield* p.readAll(fd);
      if (!all.ok) return undefined;
      if (on.has('decode')) {
        const text = new TextDecoder().decode(all.value).replace(/[\s=]/g, '');
        const out: number[] = [];
        for (let i = 0; i < text.length; i += 4) {
          const n = [0, 1, 2, 3].map((j) => Math.max(0, letters.indexOf(text[i + j] ?? 'A')));
          const v = ((n[0] as number) << 18) | ((n[1] as number) << 12) | ((n[2] as number) << 6) | (n[3] as number);
          out.push((v >> 16) & 255);
          if (i + 2 < text.length) out.push((v >> 8) & 255);
          if (i + 3 < text.length) out.push(v & 255);
        }
        yield* p.out(Uint8Array.from(out));
        return undefined;
      }
      let text = '';
      const b = all.value;
      for (let i = 0; i < b.length; i += 3) {
        const v = ((b[i] as number) << 16) | ((b[i + 1] ?? 0) << 8) | (b[i + 2] ?? 0);
        text +=
          letters.charAt(v >> 18) +
          letters.charAt((v >> 12) & 63) +
          (i + 1 < b.length ? letters.charAt((v >> 6) & 63) : '=') +
          (i + 2 < b.length ? letters.charAt(v & 63) : '=');
      }
      const wrap = Number(on.get('wrap') ?? 76);
      yield* p.out(wrap > 0 ? (text.match(new RegExp(`.{1,${wrap}}`, 'g')) ?? []).map((l) => `${l}\n`).join('') : text);
      return undefined;
    });
  },
};
