/** dig: asks name servers and shows the whole reply. Models bind9 9.18 bin/dig/dig.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import { DNS_TYPES, type DnsMessage, describeRdata, readName } from '../../wire/dns.ts';
import { type Face, type Lookup, type Reply, runLookup, type Server } from './dighost.ts';
import { DigParser, type DigQuery, type Stop } from './options.ts';
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
      const foot = q.show.stats || q.show.comments ? `;; QUERY SIZE: ${size}\n\n` : '';
      yield* p.out(`${head}${messageText(m, q.show, null)}${foot}`);
    },
  };
}

function* main(p: Process): Task<number> {
  const parser = new DigParser(p);
  const parsed = yield* parser.parse();
  if (!('batch' in parsed)) return yield* perform(p, parsed);
  const file = parsed.batch;
  const bytes = file === '-' ? yield* p.readAll(0) : p.readFile(file);
  if (!bytes.ok) {
    yield* p.err(`${file}: ${strerror(bytes.errno)}\ndig: couldn't open specified batch file\n`);
    return 8;
  }
  let code = 0;
  for (const line of text(bytes.value).split('\n')) code = Math.max(code, yield* perform(p, yield* parser.line(line)));
  return code;
}

function* perform(p: Process, parsed: DigQuery[] | Stop): Task<number> {
  if (!Array.isArray(parsed)) {
    if (parsed.out) yield* p.out(parsed.out);
    if (parsed.err) yield* p.err(parsed.err);
    return parsed.code;
  }
  let code = 0;
  for (const q of parsed) {
    const r =
      q.mode === 'trace' ? yield* trace(p, q) : q.mode === 'nssearch' ? yield* nsSearch(p, q) : yield* runLookup(p, faceOf(p, q), q.lookup);
    code = Math.max(code, r);
    if (r === 10) break;
  }
  return code;
}

/** The most delegations that +trace follows. */
const MAX_TRACE = 16;

/** +trace: from the root's servers down, one delegation after the other. */
function* trace(p: Process, q: DigQuery): Task<number> {
  const show = { ...q.show, comments: false, question: false, additional: false, stats: false };
  let servers = q.lookup.servers;
  let next: Lookup = { ...q.lookup, text: '.', type: DNS_TYPES.NS, dnssec: true, search: false };
  for (let n = 0; n < MAX_TRACE; n++) {
    let got: Reply | null = null;
    const face: Face = {
      ...faceOf(p, q),
      *message(r) {
        got = r;
        if (r.lookup.cmdline !== '' && show.cmd) yield* p.out(r.lookup.cmdline);
        r.lookup.cmdline = '';
        const where = `${formatIp(r.server.addr)}#${r.lookup.port}(${r.server.shown})`;
        yield* p.out(
          `${messageText(r.msg, show, null)};; Received ${r.size} bytes from ${where} in ${Math.floor(r.elapsed / 1000)} ms\n\n`,
        );
      },
    };
    const code = yield* runLookup(p, face, { ...next, servers });
    const reply = got as Reply | null;
    if (code !== 0 || !reply) return code;
    const names = [...reply.msg.answers, ...reply.msg.authority]
      .filter((r) => r.type === DNS_TYPES.NS)
      .map((r) => readName(r.data, 0)?.name ?? '');
    const answered = n > 0 && reply.msg.answers.some((r) => r.type === q.lookup.type);
    if (answered || names.length === 0) return 0;
    const found: Server[] = [];
    for (const name of names.slice(0, 13)) {
      const r = yield* getaddrinfo(p, name);
      if (r.ok) found.push(...r.addrs.map((addr) => ({ addr, shown: name })));
    }
    if (found.length === 0) return 9;
    servers = found;
    next = { ...q.lookup, cmdline: '', recurse: false, dnssec: true, search: false };
  }
  return 0;
}

/** +nssearch: the SOA of every server of the zone. */
function* nsSearch(p: Process, q: DigQuery): Task<number> {
  const names: string[] = [];
  const quiet: Face = {
    *message(r) {
      names.push(...r.msg.answers.filter((a) => a.type === DNS_TYPES.NS).map((a) => readName(a.data, 0)?.name ?? ''));
    },
    *warning(said) {
      yield* p.out(`;; ${said}\n`);
    },
    *comment() {},
  };
  const code = yield* runLookup(p, quiet, { ...q.lookup, type: DNS_TYPES.NS, cmdline: '' });
  for (const name of names.slice(0, 13)) {
    const r = yield* getaddrinfo(p, name);
    for (const addr of r.ok ? r.addrs : []) {
      const each: Face = {
        ...quiet,
        *message(m) {
          const soa = m.msg.answers.find((a) => a.type === DNS_TYPES.SOA);
          if (soa)
            yield* p.out(`SOA ${describeRdata(soa.type, soa.data)} from server ${formatIp(addr)} in ${Math.floor(m.elapsed / 1000)} ms.\n`);
        },
      };
      const servers = [{ addr, shown: name }];
      yield* runLookup(p, each, { ...q.lookup, type: DNS_TYPES.SOA, servers, recurse: false, cmdline: '' });
    }
  }
  return code;
}

export const dig: Command = { name: 'dig', main };
