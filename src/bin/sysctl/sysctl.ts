/** sysctl: reads and writes /proc/sys. Models procps-ng 4.0.2 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type Errno, ok, strerror } from '../../os/uapi.ts';
import { USAGE } from './usage.ts';

const ROOT = '/proc/sys/';
const utf8 = new TextDecoder();

interface Options {
  all: boolean;
  dryRun: boolean;
  binary: boolean;
  ignore: boolean;
  names: boolean;
  values: boolean;
  quiet: boolean;
  write: boolean;
  load: boolean;
  system: boolean;
  pattern: RegExp | null;
  /** List also what newer names have replaced. */
  deprecated: boolean;
}

const LONG: Readonly<Record<string, string>> = {
  all: 'a',
  deprecated: 'D',
  'dry-run': 'y',
  binary: 'b',
  ignore: 'e',
  names: 'N',
  values: 'n',
  load: 'p',
  system: 's',
  pattern: 'r',
  quiet: 'q',
  write: 'w',
  help: 'h',
  version: 'V',
};

const DEPRECATED: ReadonlySet<string> = new Set(['base_reachable_time', 'retrans_time']);

/** The first separator decides: `net.ipv4.conf.eth0/5.rp_filter` and `net/ipv4/conf/eth0.5/rp_filter` are the same file. */
function toPath(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  return first === '.' ? swap(key) : key;
}

function swap(text: string): string {
  return text.replace(/[./]/g, (c) => (c === '.' ? '/' : '.'));
}

class Sysctl {
  readonly p: Process;
  readonly o: Options;
  out = '';
  err = '';
  private readonly pending: { path: string; value: string; ignore: boolean }[] = [];

  constructor(p: Process, o: Options) {
    this.p = p;
    this.o = o;
  }

  warn(text: string): void {
    this.err += `sysctl: ${text}\n`;
  }

  /** True unless it failed. */
  read(path: string, asked = true): boolean {
    const st = this.p.stat(ROOT + path);
    if (!st.ok) {
      if (this.o.ignore) return true;
      this.warn(`cannot stat ${ROOT}${path}: ${strerror(st.errno)}`);
      return false;
    }
    if (st.value.kind === 'dir') return this.walk(path.replace(/\/+$/, ''));
    if (!(st.value.mode & 0o400)) return true;
    const name = swap(path);
    if (this.o.pattern && !this.o.pattern.test(name)) return true;
    if (this.o.names) {
      this.out += `${name}\n`;
      return true;
    }
    const r = this.p.readFile(ROOT + path);
    if (!r.ok) {
      this.readError(name, r.errno, asked);
      return false;
    }
    const text = utf8.decode(r.value);
    if (this.o.binary) {
      this.out += text.replace(/\n$/, '');
      return true;
    }
    for (const line of text.replace(/\n$/, '').split('\n')) this.out += this.o.values ? `${line}\n` : `${name} = ${line}\n`;
    return true;
  }

  private readError(name: string, errno: Errno, asked: boolean): void {
    if (errno === 'EACCES') this.warn(`permission denied on key '${name}'`);
    else if (errno === 'EIO' || !asked) return;
    else this.warn(`reading key "${name}": ${strerror(errno)}`);
  }

  walk(path: string): boolean {
    const r = this.p.readdir(ROOT + path);
    if (!r.ok) {
      this.warn(`unable to open directory "${ROOT}${path}"`);
      return false;
    }
    let fine = true;
    for (const entry of [...r.value].sort()) {
      if (entry === '.' || entry === '..' || (DEPRECATED.has(entry) && !this.o.deprecated)) continue;
      fine = this.read(path === '' ? entry : `${path}/${entry}`, false) && fine;
    }
    return fine;
  }

  write(path: string, value: string, ignoreFailure: boolean): boolean {
    const name = swap(path);
    const st = this.p.stat(ROOT + path);
    if (!st.ok) {
      if (this.o.ignore) return true;
      this.warn(`cannot stat ${ROOT}${path}: ${strerror(st.errno)}`);
      return ignoreFailure;
    }
    // procps reports what errno happened to hold; for a file that nobody may write that is EINVAL, and the status is 0.
    if (st.value.kind === 'dir' || !(st.value.mode & 0o200)) {
      this.warn(`setting key "${name}": Invalid argument`);
      return true;
    }
    if (!this.o.dryRun) {
      const r = this.p.writeFile(ROOT + path, `${value}\n`);
      if (!r.ok) {
        if (r.errno === 'EACCES') this.warn(`setting key "${name}": Invalid argument`);
        else this.warn(`setting key "${name}"${ignoreFailure ? ', ignoring' : ''}: ${strerror(r.errno)}`);
        return ignoreFailure || r.errno === 'EACCES';
      }
    }
    if (this.o.quiet) return true;
    if (this.o.values) this.out += `${value}\n`;
    else if (this.o.names) this.out += `${name}\n`;
    else this.out += `${name} = ${value}\n`;
    return true;
  }

  /** One `key = value` of a file or of the command line; null (told) when it is none. */
  setting(text: string, file: string, line: number): { path: string; value: string; ignore: boolean } | null {
    const eq = text.indexOf('=');
    if (eq < 0) {
      this.warn(`${file}(${line}): invalid syntax, continuing...`);
      return null;
    }
    let key = text.slice(0, eq).trim();
    const ignore = key.startsWith('-');
    if (ignore) key = key.slice(1);
    return { path: toPath(key), value: text.slice(eq + 1).trim(), ignore };
  }

  /** Names of files for a key with `*` in it; directories it would match are left out. */
  private glob(path: string): string[] {
    let found = [''];
    for (const part of path.split('/')) {
      const re = new RegExp(
        `^${part
          .replace(/[\\^$.|+(){}[\]]/g, '\\$&')
          .replaceAll('*', '.*')
          .replaceAll('?', '.')}$`,
      );
      found = found.flatMap((dir) => {
        const r = this.p.readdir(ROOT + dir);
        return (r.ok ? [...r.value] : []).filter((n) => n !== '.' && n !== '..' && re.test(n)).map((n) => (dir === '' ? n : `${dir}/${n}`));
      });
    }
    return found.filter((f) => this.p.stat(ROOT + f).ok).sort();
  }

  /** What the files have asked for. */
  apply(): boolean {
    let fine = true;
    for (const s of this.pending) {
      for (const path of /[*?]/.test(s.path) ? this.glob(s.path) : [s.path]) fine = this.write(path, s.value, s.ignore) && fine;
    }
    return fine;
  }

  /** Only reads the file; apply() follows. */
  load(file: string, stdin?: string): boolean {
    const fine = true;
    const r = stdin === undefined ? this.p.readFile(file) : ok(new TextEncoder().encode(stdin));
    if (!r.ok) {
      if (r.errno === 'EISDIR') return true;
      this.warn(`cannot open "${file}": ${strerror(r.errno)}`);
      return false;
    }
    let number = 0;
    for (const raw of utf8.decode(r.value).split('\n')) {
      number++;
      const line = raw.trim();
      if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
      const s = this.setting(line, file, number);
      if (s) this.pending.push(s);
    }
    return fine;
  }

  loadSystem(): boolean {
    const files = new Map<string, string>();
    for (const dir of ['/etc/sysctl.d', '/run/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d', '/lib/sysctl.d']) {
      const r = this.p.readdir(dir);
      for (const name of r.ok ? r.value : []) if (name.endsWith('.conf') && !files.has(name)) files.set(name, `${dir}/${name}`);
    }
    let fine = true;
    const order = [...files.keys()].sort().map((name) => files.get(name) as string);
    if (this.p.stat('/etc/sysctl.conf').ok) order.push('/etc/sysctl.conf');
    for (const file of order) {
      if (!this.o.quiet) this.out += `* Applying ${file} ...\n`;
      fine = this.load(file) && fine;
    }
    return this.apply() && fine;
  }
}

interface Usage {
  status: number;
  out: string;
  err: string;
}

function parse(argv: readonly string[]): { o: Options; words: string[] } | Usage {
  const o: Options = {
    all: false,
    dryRun: false,
    binary: false,
    ignore: false,
    names: false,
    values: false,
    quiet: false,
    write: false,
    load: false,
    system: false,
    pattern: null,
    deprecated: false,
  };
  const words: string[] = [];
  const bad = (text: string): Usage => ({ status: 0, out: USAGE, err: `sysctl: ${text}\n` });
  let i = 0;
  const flag = (c: string): Usage | null => {
    if (c === 'a' || c === 'A' || c === 'X') o.all = true;
    else if (c === 'y') o.dryRun = true;
    else if (c === 'b') o.binary = o.values = true;
    else if (c === 'e') o.ignore = true;
    else if (c === 'N') o.names = true;
    else if (c === 'n') o.values = true;
    else if (c === 'p' || c === 'f') o.load = true;
    else if (c === 's') o.system = true;
    else if (c === 'q') o.quiet = true;
    else if (c === 'w') o.write = true;
    else if (c === 'D') o.deprecated = true;
    else if (c === 'h' || c === 'd') return { status: 0, out: USAGE, err: '' };
    else if (c === 'V') return { status: 0, out: 'sysctl from procps-ng 4.0.2\n', err: '' };
    else if (c !== 'o' && c !== 'x' && c !== '') return bad(`invalid option -- '${c}'`);
    return null;
  };
  for (; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (word.startsWith('--')) {
      const [name, value] = word.slice(2).split('=') as [string, string?];
      const known = Object.keys(LONG).filter((k) => k === name || k.startsWith(name));
      const full = known.find((k) => k === name) ?? known[0];
      if (full === undefined) return bad(`unrecognized option '${word}'`);
      if (full === 'pattern') o.pattern = new RegExp(value ?? argv[++i] ?? '');
      else {
        const u = flag(LONG[full] as string);
        if (u) return u;
        if (full === 'load' && value !== undefined) words.push(value);
      }
    } else if (word.startsWith('-') && word.length > 1) {
      for (let k = 1; k < word.length; k++) {
        const c = word[k] as string;
        if (c === 'r') {
          o.pattern = new RegExp(word.slice(k + 1) || (argv[++i] ?? ''));
          break;
        }
        const u = flag(c);
        if (u) return u;
        if ((c === 'p' || c === 'f') && k + 1 < word.length) {
          words.push(word.slice(k + 1));
          break;
        }
      }
    } else words.push(word);
  }
  return { o, words };
}

function perform(s: Sysctl, words: readonly string[], stdin: string): boolean {
  const { o } = s;
  if (o.system) return s.loadSystem();
  if (o.load) {
    const files = words.length > 0 ? words : ['/etc/sysctl.conf'];
    const read = files.reduce((fine, file) => s.load(file, file === '-' ? stdin : undefined) && fine, true);
    return s.apply() && read;
  }
  if (o.all) return s.walk('') || true;
  let fine = true;
  for (const word of words) {
    if (o.write || word.includes('=')) {
      if (word.length < 2) return false;
      const set = s.setting(word, 'command line', 0);
      if (!set) return false;
      if (set.path === '') {
        s.warn(`Path is not under ${ROOT}: ${ROOT}`);
        return false;
      }
      fine = s.write(set.path, set.value, set.ignore) && fine;
    } else fine = s.read(toPath(word)) && fine;
  }
  return fine;
}

function* main(p: Process): Task<number> {
  const parsed = parse(p.argv.slice(1));
  if ('status' in parsed) {
    if (parsed.out !== '') yield* p.out(parsed.out);
    if (parsed.err !== '') yield* p.err(parsed.err);
    return parsed.status;
  }
  const { o, words } = parsed;
  if (words.length === 0 && !o.all && !o.load && !o.system) {
    yield* p.err(USAGE);
    return 1;
  }
  const s = new Sysctl(p, o);
  const all = o.load && words.includes('-') ? yield* p.readAll(0) : null;
  const stdin = all?.ok ? utf8.decode(all.value) : '';
  const fine = perform(s, words, stdin);
  // What a pipe gets waits in a buffer until the end.
  if (!p.isatty(1) && s.err !== '') yield* p.err(s.err);
  if (s.out !== '') yield* p.out(s.out);
  if (p.isatty(1) && s.err !== '') yield* p.err(s.err);
  return fine ? 0 : 1;
}

export const sysctl: Command = { name: 'sysctl', main, path: '/usr/sbin/sysctl' };
