/** Container logs: lines with time, stream and tag in a file under /var/log/pods. Models containerd's CRI log format and kubelet's rotation */

import { OpenFile } from '../../../os/file.ts';
import { type Directory, RegularFile, Symlink } from '../../../os/inode.ts';
import type { Machine } from '../../../os/machine.ts';
import type { Process } from '../../../os/process.ts';
import { ok, type Result } from '../../../os/uapi.ts';
import type { Sim } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { utf8 } from '../../../wire/bytes.ts';

/** Longest line of the log; longer ones are cut into parts tagged P. */
const LINE_BYTES = 16 << 10;
/** containerLogMaxSize and containerLogMaxFiles. */
const ROTATE_BYTES = 10 << 20;
const ROTATE_FILES = 5;

let shownSecond = -1;
let shownText = '';

/** `2026-11-20T09:00:01.123456000Z`, nine digits as Go's RFC 3339 with nanoseconds has them here. */
export function logTime(sim: Sim, at = sim.now): string {
  const ms = sim.epochMs + Math.floor(at / 1000);
  const second = Math.floor(ms / 1000);
  if (second !== shownSecond) {
    shownSecond = second;
    shownText = new Date(second * 1000).toISOString().slice(0, 19);
  }
  return `${shownText}.${String(at % 1_000_000).padStart(6, '0')}000Z`;
}

export class ContainerLog {
  readonly path: string;
  private readonly machine: Machine;
  private readonly folder: Directory;
  private readonly name: string;
  private file: RegularFile | null = null;
  private rotations = 0;
  private readonly rest: [string, string] = ['', ''];
  private readonly decoders = [new TextDecoder(), new TextDecoder()] as const;
  /** Woken with every line. */
  readonly grew = new WaitQueue();
  /** Hears raw output: `kubectl attach`. */
  readonly listeners = new Set<(stream: 1 | 2, data: Uint8Array) => void>();

  /** The file is made when the first line is written or somebody looks; `path` is absolute. */
  constructor(machine: Machine, path: string) {
    this.machine = machine;
    this.path = path;
    const slash = path.lastIndexOf('/');
    this.folder = machine.directory(path.slice(0, slash));
    this.name = path.slice(slash + 1);
    this.file = new RegularFile(undefined, 0o640);
    this.folder.link(this.name, this.file);
  }

  /** A link in /var/log/containers, as log collectors expect it. */
  linkAs(name: string): void {
    this.machine.directory('/var/log/containers').link(name, new Symlink(this.path));
  }

  stream(n: 1 | 2): OpenFile {
    return new LogStream(this, n);
  }

  write(stream: 1 | 2, data: Uint8Array): void {
    for (const hear of this.listeners) hear(stream, data);
    const text = this.rest[stream - 1] + (this.decoders[stream - 1] as InstanceType<typeof TextDecoder>).decode(data, { stream: true });
    const lines = text.split('\n');
    let rest = lines.pop() as string;
    let out = '';
    const head = `${logTime(this.machine.sim)} ${stream === 1 ? 'stdout' : 'stderr'} `;
    for (const line of lines)
      out += `${cut(head, line)}${head}F ${line.slice(line.length - (line.length % LINE_BYTES || Math.min(line.length, LINE_BYTES)))}\n`;
    while (rest.length >= LINE_BYTES) {
      out += `${head}P ${rest.slice(0, LINE_BYTES)}\n`;
      rest = rest.slice(LINE_BYTES);
    }
    this.rest[stream - 1] = rest;
    this.append(out);
  }

  /** What had no newline at the end of the process. */
  flush(): void {
    for (const stream of [1, 2] as const) {
      const rest = this.rest[stream - 1];
      if (rest === '') continue;
      this.rest[stream - 1] = '';
      this.append(`${logTime(this.machine.sim)} ${stream === 1 ? 'stdout' : 'stderr'} F ${rest}\n`);
    }
    this.grew.wakeAll();
  }

  private append(text: string): void {
    if (text === '') return;
    const { init } = this.machine;
    const found = this.folder.lookup(this.name, init);
    let file = found instanceof RegularFile ? found : null;
    if (file && file.size() > ROTATE_BYTES) {
      this.rotations++;
      this.folder.unlink(this.name);
      this.folder.link(`${this.name}.${this.rotations}`, file);
      if (this.rotations >= ROTATE_FILES) this.folder.unlink(`${this.name}.${this.rotations - ROTATE_FILES + 1}`);
      file = null;
    }
    if (!file) {
      file = new RegularFile(undefined, 0o640);
      this.folder.link(this.name, file);
    }
    file.writeAt(file.size(), utf8(text), init);
    this.grew.wakeAll();
  }

  /** All lines that are in the file. */
  read(): string {
    return this.machine.init.readText(this.path) ?? '';
  }
}

function cut(head: string, line: string): string {
  let out = '';
  for (let at = 0; line.length - at > LINE_BYTES; at += LINE_BYTES) out += `${head}P ${line.slice(at, at + LINE_BYTES)}\n`;
  return out;
}

class LogStream extends OpenFile {
  readonly kind = 'pipe';
  readonly name: string;
  private readonly log: ContainerLog;
  private readonly stream: 1 | 2;

  constructor(log: ContainerLog, stream: 1 | 2) {
    super();
    this.log = log;
    this.stream = stream;
    this.name = `pipe:[${stream}]`;
  }

  override write(data: Uint8Array, _p: Process): Result<number> {
    this.log.write(this.stream, data);
    return ok(data.length);
  }

  override readable(): boolean {
    return false;
  }
}
