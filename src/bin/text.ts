/** What the text filters share: option errors in coreutils' words, inputs one after the other, lines as they come. */

import { MAX_HEAP, type Process, type Task } from '../os/process.ts';
import { type Errno, type Result, strerror } from '../sim/errno.ts';
import { getopt, type OptionSpec, type Parsed } from './getopt.ts';

export interface Usage {
  readonly specs: readonly OptionSpec[];
  /** Text of --help. */
  readonly help: string;
  /** Exit status of a usage error. */
  readonly status?: number;
  readonly posix?: boolean;
}

/** The tools' own --help texts, once the table of programs has brought them. */
let texts: Readonly<Record<string, string>> = {};

export function provideHelp(help: Readonly<Record<string, string>>): void {
  texts = help;
}

/** `unrecognized option '--x'` and `invalid option -- 'x'` for an option that the real tool has: that is said instead. */
function notEmulated(p: Process, error: string): string | null {
  const m = /^unrecognized option '(--[\w-]+)|^invalid option -- '(.)'$/.exec(error);
  const option = m?.[1] ?? (m?.[2] ? `-${m[2]}` : null);
  const text = texts[p.name];
  if (!option || !text) return null;
  const known = new RegExp(`^\\s+(?:-\\S, )?(?:\\S+, )*${option.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?=[\\s,=[]|$)`, 'm');
  return known.test(text) ? `${p.name}: option ${option} is not emulated\n` : null;
}

/** Parses the process' arguments; prints the tool's own error or help and returns the exit status instead when there is nothing to do. */
export function* options(p: Process, usage: Usage): Task<Parsed | number> {
  const all = [...usage.specs, { long: 'help' }, { long: 'version' }];
  const parsed = getopt(p.argv.slice(1), all, usage.posix);
  if (parsed.options.some(([k]) => k === 'help')) {
    yield* p.out(texts[p.name] ?? usage.help);
    return 0;
  }
  if (parsed.options.some(([k]) => k === 'version')) {
    yield* p.out(`${p.name} (GNU coreutils) 9.1\n`);
    return 0;
  }
  if (parsed.error !== null) {
    yield* p.err(notEmulated(p, parsed.error) ?? `${p.name}: ${parsed.error}\nTry '${p.name} --help' for more information.\n`);
    return usage.status ?? 1;
  }
  return parsed;
}

export function* complain(p: Process, what: string, errno: Errno): Task<void> {
  yield* p.err(`${p.name}: ${what}: ${strerror(errno)}\n`);
}

/** All of a file, a pipe as `<(…)` names one, or standard input for `-`. */
export function* wholeInput(p: Process, path: string): Task<Result<Uint8Array>> {
  if (path === '-') return yield* p.readAll(0);
  const fd = p.open(path, 'r');
  if (!fd.ok) return fd;
  const data = yield* p.readAll(fd.value);
  p.close(fd.value);
  return data;
}

/** Descriptors of the named files (`-` is standard input), in order; tells of those that cannot be read. Returns 1 when any failed. */
export function* eachInput(
  p: Process,
  names: readonly string[],
  use: (fd: number, name: string) => Task<boolean | undefined>,
): Task<number> {
  let status = 0;
  for (const name of names.length > 0 ? names : ['-']) {
    let fd = 0;
    if (name !== '-') {
      const opened = p.stat(name);
      if (opened.ok && opened.value.kind === 'dir') {
        yield* complain(p, name, 'EISDIR');
        status = 1;
        continue;
      }
      const r = p.open(name, 'r');
      if (!r.ok) {
        yield* complain(p, name, r.errno);
        status = 1;
        continue;
      }
      fd = r.value;
    }
    const stop = yield* use(fd, name);
    if (fd !== 0) p.close(fd);
    if (stop === true) break;
  }
  return status;
}

/** Every line of a descriptor without its newline, as text. `use` returns true to stop early. */
export function* eachLine(p: Process, fd: number, use: (line: string, last: boolean) => Task<boolean | undefined>): Task<void> {
  const decoder = new TextDecoder();
  /** The unfinished line, in pieces, and its length. */
  let rest: string[] = [];
  let size = 0;
  for (;;) {
    const r = yield* p.read(fd);
    if (!r.ok && r.errno === 'EINTR') continue;
    if (!r.ok || r.value.length === 0) break;
    const parts = decoder.decode(r.value, { stream: true }).split('\n');
    const tail = parts.pop() as string;
    for (const [i, part] of parts.entries()) {
      const line = i === 0 ? rest.join('') + part : part;
      if ((yield* use(line, false)) === true) return;
    }
    if (parts.length > 0) {
      rest = [];
      size = 0;
    }
    rest.push(tail);
    size += tail.length;
    if (size > MAX_HEAP) {
      yield* p.err(`${p.name}: memory exhausted\n`);
      return;
    }
  }
  if (size > 0) yield* use(rest.join(''), true);
}

/** All lines of all inputs at once, for tools that need the whole. */
export function* allLines(p: Process, names: readonly string[]): Task<{ lines: string[]; status: number }> {
  const lines: string[] = [];
  let size = 0;
  const status = yield* eachInput(p, names, function* (fd) {
    // biome-ignore lint/correctness/useYield: a task that waits for nothing
    yield* eachLine(p, fd, function* (line) {
      lines.push(line);
      size += line.length + 16;
      return size > MAX_HEAP ? true : undefined;
    });
    return undefined;
  });
  if (size > MAX_HEAP) {
    yield* p.err(`${p.name}: memory exhausted\n`);
    return { lines: [], status: 2 };
  }
  return { lines, status };
}

/** Writes output in pieces of a few KiB, so that long output neither waits for its end nor costs a system call a line. */
export class Output {
  private buffer = '';
  private readonly p: Process;

  constructor(p: Process) {
    this.p = p;
  }

  *put(text: string): Task<void> {
    this.buffer += text;
    if (this.buffer.length >= 4096) yield* this.flush();
  }

  /** Call before waiting for more input and at the end. */
  *flush(): Task<void> {
    if (this.buffer === '') return;
    const text = this.buffer;
    this.buffer = '';
    yield* this.p.out(text);
  }
}
