/** awk's files and pipes: print to standard output, > >> and |, and what getline reads from. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { AwkError } from './lex.ts';

interface Output {
  fd: number;
  /** Waits for the command behind a pipe. */
  wait: (() => Task<void>) | null;
}

/** Standard output is written in pieces of this many characters. */
const PIECE = 4096;

export class Streams {
  private readonly p: Process;
  private readonly outputs = new Map<string, Output>();
  private readonly inputs = new Map<string, number>();
  private buffer = '';

  constructor(p: Process) {
    this.p = p;
  }

  /** To standard output, or to the file or command of a redirection. @throws AwkError */
  *emit(text: string, to: { op: string; name: string } | null): Task<void> {
    if (!to) {
      this.buffer += text;
      if (this.buffer.length > PIECE) yield* this.flush();
      return;
    }
    const stream = this.outputs.get(to.name) ?? (to.op === '|' ? yield* this.pipeTo(to.name) : this.openOutput(to.name, to.op));
    this.outputs.set(to.name, stream);
    yield* this.p.write(stream.fd, text);
  }

  *flush(): Task<void> {
    if (this.buffer === '') return;
    const text = this.buffer;
    this.buffer = '';
    yield* this.p.out(text);
  }

  private openOutput(name: string, op: string): Output {
    if (name === '/dev/stderr') return { fd: 2, wait: null };
    if (name === '/dev/stdout') return { fd: 1, wait: null };
    const opened = this.p.open(name, op === '>>' ? 'a' : 'w');
    if (!opened.ok) throw new AwkError(`cannot open "${name}" for output`);
    return { fd: opened.value, wait: null };
  }

  private *pipeTo(command: string): Task<Output> {
    yield* this.flush();
    const { p } = this;
    const [r, w] = p.pipe();
    const child = this.spawn(command, 0, r);
    p.close(r);
    return {
      fd: w,
      wait: function* () {
        if (child.ok) yield* p.waitPid(child.value);
      },
    };
  }

  private spawn(command: string, fd: 0 | 1, end: number): ReturnType<Process['spawn']> {
    const fds = new Map([...this.p.fds].filter(([n]) => n <= 2));
    const file = this.p.fds.get(end);
    if (file) fds.set(fd, file);
    return this.p.spawn(['sh', '-c', command], { fds });
  }

  /** Descriptor that getline reads the file or the command's output from; null when it cannot be opened. */
  *input(name: string, kind: 'file' | 'command'): Task<number | null> {
    const known = this.inputs.get(name);
    if (known !== undefined) return known;
    let fd: number;
    if (kind === 'file') {
      const opened = this.p.open(name, 'r');
      if (!opened.ok) return null;
      fd = opened.value;
    } else {
      yield* this.flush();
      const [r, w] = this.p.pipe();
      this.spawn(name, 1, w);
      this.p.close(w);
      fd = r;
    }
    this.inputs.set(name, fd);
    return fd;
  }

  /** close(): 0, or -1 when nothing of that name is open. */
  *close(name: string): Task<number> {
    const out = this.outputs.get(name);
    const input = this.inputs.get(name);
    if (out) {
      this.outputs.delete(name);
      if (out.fd > 2) this.p.close(out.fd);
      if (out.wait) yield* out.wait();
    }
    if (input !== undefined) {
      this.inputs.delete(name);
      this.p.close(input);
    }
    return out || input !== undefined ? 0 : -1;
  }

  *closeAll(): Task<void> {
    yield* this.flush();
    for (const name of [...this.outputs.keys()]) yield* this.close(name);
  }
}
