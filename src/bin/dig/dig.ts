/** dig: asks name servers and shows the whole reply. Models bind9 9.18 bin/dig/dig.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import type { DnsMessage } from '../../wire/dns.ts';
import { type Face, type Lookup, runLookup } from './dighost.ts';
import { DigParser, type DigQuery } from './options.ts';
import { headerLines, leakWarning, messageText, printReply } from './render.ts';

function faceOf(p: Process, q: DigQuery): Face {
  return {
    *message(r) {
      yield* printReply(p, r, q.show);
    },
    *warning(text) {
      yield* p.out(`;; ${text}\n`);
    },
    *comment(_l, text) {
      if (q.show.comments) yield* p.out(`;; ${text}\n`);
    },
    *sent(l: Lookup, m: DnsMessage, size: number): Task<void> {
      if (!q.showQuery) return;
      if (l.cmdline !== '' && q.show.cmd) yield* p.out(l.cmdline);
      l.cmdline = '';
      const head = q.show.comments ? `;; Sending:\n${leakWarning(m)}${headerLines(m)}\n` : '';
      yield* p.out(`${head}${messageText(m, q.show, null)};; QUERY SIZE: ${size}\n\n`);
    },
  };
}

function* main(p: Process): Task<number> {
  const parsed = yield* new DigParser(p).parse();
  if (!Array.isArray(parsed)) {
    if (parsed.out) yield* p.out(parsed.out);
    if (parsed.err) yield* p.err(parsed.err);
    return parsed.code;
  }
  let code = 0;
  for (const q of parsed) {
    const r = yield* runLookup(p, faceOf(p, q), q.lookup);
    code = Math.max(code, r);
    if (r === 10) break;
  }
  return code;
}

export const dig: Command = { name: 'dig', main };
