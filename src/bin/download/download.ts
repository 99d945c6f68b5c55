/** download: hands files to the terminal, which saves them where the learner's browser keeps downloads. Speaks iTerm2's file transfer (OSC 1337). */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../os/uapi.ts';
import { toBase64 } from '../../wire/der.ts';

const USAGE = `Usage: download FILE...
Saves files of this host on your own computer. A capture opens in Wireshark.
`;

export const download: Command = {
  name: 'download',
  *main(p) {
    const files = p.argv.slice(1);
    if (files.length === 0 || files[0] === '--help') {
      yield* files.length === 0 ? p.err(USAGE) : p.out(USAGE);
      return files.length === 0 ? 1 : 0;
    }
    if (!p.isatty(1)) {
      yield* p.err('download: standard output is no terminal\n');
      return 1;
    }
    let status = 0;
    for (const path of files) {
      const r = p.readFile(path);
      if (!r.ok) {
        yield* p.err(`download: ${path}: ${strerror(r.errno)}\n`);
        status = 1;
        continue;
      }
      const name = path.slice(path.lastIndexOf('/') + 1);
      const frame = `File=name=${toBase64(new TextEncoder().encode(name))};size=${r.value.length};inline=0`;
      yield* p.out(`\x1b]1337;${frame}:${toBase64(r.value)}\x07`);
      yield* p.out(`${name}: ${r.value.length} bytes\n`);
    }
    return status;
  },
};
