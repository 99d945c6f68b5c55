/** telnet: a TCP connection by hand, as network virtual terminal. Models inetutils-telnet 2.4 as far as plain text servers go */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, sendTcp } from '../../os/sockcalls.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { formatIp } from '../../wire/addr.ts';
import { getopt, specs } from '../getopt.ts';

const TRY = "Try 'telnet --help' or 'telnet --usage' for more information.\n";
const HELP = `Usage: telnet [OPTION...] [HOST [PORT]]
Login to remote system HOST (optionally, on service port PORT)
`;
const IAC = 255;
const CR = 13;
const LF = 10;

/** What came in, without telnet commands; CR LF and CR NUL become what they mean. */
function fromNetwork(b: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < b.length; i++) {
    const c = b[i] as number;
    if (c === IAC && b[i + 1] !== IAC) {
      i += (b[i + 1] ?? 0) >= 251 ? 2 : 1;
      continue;
    }
    if (c === IAC) i++;
    if (c === CR && (b[i + 1] === LF || b[i + 1] === 0)) {
      if (b[i + 1] === 0) out.push(CR);
      i += b[i + 1] === 0 ? 1 : 0;
      continue;
    }
    out.push(c);
  }
  return Uint8Array.from(out);
}

function toNetwork(b: Uint8Array): Uint8Array {
  return Uint8Array.from([...b].flatMap((c) => (c === LF ? [CR, LF] : c === IAC ? [IAC, IAC] : [c])));
}

function* session(p: Process, sock: TcpSocket): Task<number> {
  const input = p.file(0);
  let open = input !== undefined;
  for (;;) {
    let idle = true;
    const r = sock.recv(65536);
    if (r.ok) {
      if (r.value.length === 0) break;
      yield* p.out(fromNetwork(r.value));
      idle = false;
    } else if (r.errno !== 'EAGAIN') break;
    if (open && input?.readable()) {
      const typed = yield* p.read(0);
      if (typed.ok && typed.value.length > 0) yield* sendTcp(sock, toNetwork(typed.value));
      else {
        open = false;
        sock.shutdown('write');
      }
      idle = false;
    }
    if (idle) yield { on: open && input ? [sock.wq, input.readers] : [sock.wq] };
  }
  yield* p.err('Connection closed by foreign host.\n');
  return 0;
}

function* main(p: Process): Task<number> {
  const g = getopt(
    p.argv.slice(1),
    specs('4.ipv4 6.ipv6 8. E. K. L. a.login b:bind c. d. e:escape l:user n:trace r. ?.help .usage V.version'),
  );
  if (g.error) {
    yield* p.err(`telnet: ${g.error}\n${TRY}`);
    return 64;
  }
  if (g.options.some(([k]) => k === 'help' || k === 'usage')) {
    yield* p.out(HELP);
    return 0;
  }
  const refused = g.options.find(([k]) => /^([8bdr]|bind|trace)$/.test(k))?.[0];
  if (refused) {
    yield* p.err(`telnet: option ${refused.length > 1 ? '--' : '-'}${refused} is not emulated\n`);
    return 1;
  }
  const [host, service = '23', extra] = g.operands;
  if (extra !== undefined) {
    yield* p.err('telnet: too many arguments\n');
    return 1;
  }
  const family = g.options.some(([k]) => k === 'ipv4') ? 4 : g.options.some(([k]) => k === 'ipv6') ? 6 : undefined;
  return host === undefined ? yield* prompt(p, family) : yield* connect(p, host, service, family);
}

/** The connection from beginning to end; 1 when there was none. */
function* connect(p: Process, host: string, service: string, family: 4 | 6 | undefined): Task<number> {
  const found = yield* getaddrinfo(p, host, { addrConfig: true, ...(family ? { family } : {}) });
  const named = new RegExp(`^${service.replace(/\W/g, '\\$&')}\\s+(\\d+)/tcp`, 'm').exec(p.readText('/etc/services') ?? '');
  const port = /^\d+$/.test(service) ? Number(service) : named ? Number(named[1]) : null;
  if (!found.ok || port === null) {
    yield* p.out(
      `Server lookup failure:  ${host}:${service}, ${found.ok ? 'Servname not supported for ai_socktype' : gaiStrerror(found.error)}\n`,
    );
    return 1;
  }
  let last: Errno = 'ECONNREFUSED';
  // A pipe gets it when the connection stands or has failed.
  let tried = '';
  const take = (): string => {
    const text = tried;
    tried = '';
    return text;
  };
  for (const [i, addr] of found.addrs.entries()) {
    tried += `Trying ${formatIp(addr)}...\n`;
    if (p.isatty(1)) yield* p.out(take());
    const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
    sock.blocking = true;
    const r = yield* connectTcp(sock, addr, port);
    if (r.ok) {
      yield* p.out(`${take()}Connected to ${host}.\nEscape character is '^]'.\n`);
      return yield* session(p, sock);
    }
    last = r.errno;
    closeSocket(p, sock);
    if (i + 1 < found.addrs.length) yield* p.err(`telnet: connect to address ${formatIp(addr)}: ${strerror(last)}\n`);
  }
  yield* p.out(take());
  yield* p.err(`telnet: Unable to connect to remote host: ${strerror(last)}\n`);
  return 1;
}

const COMMANDS: readonly (readonly [string, string])[] = [
  ['close', 'close current connection'],
  ['logout', 'forcibly logout remote user and close the connection'],
  ['display', 'display operating parameters'],
  ['mode', "try to enter line or character mode ('mode ?' for more)"],
  ['open', 'connect to a site'],
  ['quit', 'exit telnet'],
  ['send', "transmit special characters ('send ?' for more)"],
  ['set', "set operating parameters ('set ?' for more)"],
  ['unset', "unset operating parameters ('unset ?' for more)"],
  ['status', 'print status information'],
  ['toggle', "toggle operating parameters ('toggle ?' for more)"],
  ['slc', "change state of special characters ('slc ?' for more)"],
  ['auth', "turn on (off) authentication ('auth ?' for more)"],
  ['encrypt', "turn on (off) encryption ('encrypt ?' for more)"],
  ['z', 'suspend telnet'],
  ['!', 'invoke a subshell'],
  ['environ', "change environment variables ('environ ?' for more)"],
  ['?', 'print help information'],
];

/** `telnet> `, without a connection. */
function* prompt(p: Process, family: 4 | 6 | undefined): Task<number> {
  for (;;) {
    yield* p.out('telnet> ');
    const line = yield* p.readLine(0);
    if (line === null) return 0;
    const [word, ...args] = line.trim().split(/\s+/) as [string, ...string[]];
    if (word === '') return 0;
    const hits = word === 'help' ? ['?'] : COMMANDS.map(([name]) => name).filter((name) => name.startsWith(word));
    const name = hits.find((h) => h === word) ?? (hits.length === 1 ? hits[0] : undefined);
    if (name === undefined) yield* p.out(hits.length > 1 ? '?Ambiguous command\n' : '?Invalid command\n');
    else if (name === 'quit') return 0;
    else if (name === 'status') yield* p.out("No connection.\nEscape character is '^]'.\n");
    else if (name === 'close' || name === 'logout' || name === 'send' || name === 'mode') yield* p.out('?Need to be connected first.\n');
    else if (name === '?') {
      yield* p.out(`Commands may be abbreviated.  Commands are:\n\n${COMMANDS.map(([c, about]) => `${c.padEnd(8)}\t${about}\n`).join('')}`);
    } else if (name === 'open' && args[0] !== undefined) yield* connect(p, args[0], args[1] ?? '23', family);
    else yield* p.out(`telnet: the command ${name} is not emulated\n`);
  }
}

export const telnet: Command = { name: 'telnet', main };
