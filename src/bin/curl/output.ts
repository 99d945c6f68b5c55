/** Where a response goes: standard output or a file, made when the first byte comes. Models src/tool_cb_wrt.c, tool_cb_hdr.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { bytesOf } from './http.ts';
import { type CurlOptions, warning } from './options.ts';
import type { Stdout } from './stdout.ts';
import { joinUrl, type Url } from './url.ts';

export class Output {
  private readonly p: Process;
  private readonly o: CurlOptions;
  private readonly stdout: Stdout;
  private readonly say: (text: string) => Task<void>;
  private readonly styled: boolean;
  file: string | null;
  fd = -1;
  /** Bytes of the body that were written. */
  written = 0;
  private wrote = false;
  private headerBytes = 0;

  constructor(p: Process, o: CurlOptions, stdout: Stdout, say: (text: string) => Task<void>, file: string | null, styled: boolean) {
    this.p = p;
    this.o = o;
    this.stdout = stdout;
    this.say = say;
    this.file = file;
    this.styled = styled;
  }

  get tty(): boolean {
    return this.file === null && this.p.isatty(1);
  }

  /** -i, -I and -D; -J takes the file's name from it. On a terminal names are bold and a Location is a link. */
  *header(line: string, url: Url): Task<void> {
    const { o, p } = this;
    if (o.dumpHeader !== null) {
      if (o.dumpHeader === '-') yield* this.stdout.write(bytesOf(line));
      else p.writeFile(o.dumpHeader, line, { append: this.headerBytes > 0 });
      this.headerBytes += line.length;
    }
    const named = o.remoteHeaderName && this.fd < 0 ? /^content-disposition:.*?filename="?([^";\r\n]+)/i.exec(line)?.[1] : undefined;
    if (named !== undefined) this.file = named.slice(named.lastIndexOf('/') + 1);
    if (!o.include && !o.head) return;
    const colon = line.indexOf(':');
    if (!this.tty || !this.styled || colon < 0 || /^HTTP\//.test(line)) {
      yield* this.write(bytesOf(line), false);
      return;
    }
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1);
    let text = `\x1b[1m${name}\x1b[0m:${value}`;
    if (name.toLowerCase() === 'location') text = `\x1b[1m${name}\x1b[0m:\x1b]8;;${joinUrl(url, value.trim())}\x1b\\${value}\x1b]8;;\x1b\\`;
    yield* this.write(bytesOf(text), false);
  }

  /** False when the output cannot be written. */
  *write(part: Uint8Array, body = true): Task<boolean> {
    const { p, o } = this;
    if (this.file !== null && this.fd < 0) {
      if (o.createDirs) makeParents(p, this.file);
      if (o.noClobber) this.file = freeName(p, this.file);
      const r = p.open(this.file, o.resumeFrom ? 'a' : 'w');
      if (!r.ok) {
        if (!o.silent) yield* this.say(warning(`Failed to open the file ${this.file}: ${strerror(r.errno)}`));
        return false;
      }
      this.fd = r.value;
    }
    if (this.tty && !this.wrote && part.includes(0)) {
      yield* this.say(
        warning(
          'Binary output can mess up your terminal. Use "--output -" to tell curl to output it to your terminal anyway, or consider "--output <FILE>" to save to a file.',
        ),
      );
      return false;
    }
    this.wrote = true;
    if (part.length === 0) return true;
    if (body) this.written += part.length;
    if (this.file === null) return yield* this.stdout.write(part);
    return (yield* p.write(this.fd, part)).ok;
  }

  get empty(): boolean {
    return !this.wrote;
  }

  close(): void {
    if (this.fd >= 0) this.p.close(this.fd);
    this.fd = -1;
  }
}

/** --no-clobber: the first of name, name.1, name.2 … that is free. */
function freeName(p: Process, name: string): string {
  for (let n = 0; n < 100; n++) {
    const tried = n === 0 ? name : `${name}.${n}`;
    if (!p.stat(tried).ok) return tried;
  }
  return name;
}

function makeParents(p: Process, file: string): void {
  const parts = file.split('/').slice(0, -1);
  for (let i = 1; i <= parts.length; i++) {
    const dir = parts.slice(0, i).join('/');
    if (dir !== '') p.mkdir(dir);
  }
}
