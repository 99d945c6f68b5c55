/** tar: archives without compression. Models GNU tar 1.34 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { concat } from '../../wire/bytes.ts';
import { readTar, type TarEntry, tarEnd, tarEntry } from '../../wire/tar.ts';
import { getopt, type OptionSpec, specs } from '../getopt.ts';
import { wholeInput } from '../text.ts';

const MAX_DEPTH = 128;

const SPECS: readonly OptionSpec[] = specs(
  'c.create x.extract .get t.list f:file v.verbose C:directory m.touch p.preserve-permissions .no-same-owner .no-same-permissions z.gzip j.bzip2 J.xz O.to-stdout .help .version',
);
const HELP = `Usage: tar [OPTION...] [FILE]...
GNU 'tar' saves many files together into a single tape or disk archive, and can
restore individual files from the archive.

Examples:
  tar -cf archive.tar foo bar  # Create archive.tar from files foo and bar.
  tar -tvf archive.tar         # List all files in archive.tar verbosely.
  tar -xf archive.tar          # Extract all files from archive.tar.
`;
const TRY = "Try 'tar --help' or 'tar --usage' for more information.\n";

/** `tar cf a.tar x`: letters without a dash take their arguments from the words that follow, in order. */
function dashed(args: readonly string[]): string[] {
  const first = args[0];
  if (first === undefined || first.startsWith('-') || first === '') return [...args];
  const rest = args.slice(1);
  const out: string[] = [];
  for (const letter of first) {
    out.push(`-${letter}`);
    if (SPECS.some((s) => s.short === letter && s.arg === 'required') && rest.length > 0) out.push(rest.shift() as string);
  }
  return [...out, ...rest];
}

const inFolder = (folder: string, path: string): string => (folder === '' || path.startsWith('/') ? path : `${folder}/${path}`);

class Run {
  readonly p: Process;
  readonly on: ReadonlySet<string>;
  readonly folder: string;
  failed = false;
  private stripped = false;

  constructor(p: Process, on: ReadonlySet<string>, folder: string) {
    this.p = p;
    this.on = on;
    this.folder = folder;
  }

  *wrong(name: string, what: string, errno: Errno): Task<void> {
    this.failed = true;
    yield* this.p.err(`tar: ${name}: Cannot ${what}: ${strerror(errno)}\n`);
  }

  /** A name without its root. */
  *member(name: string): Task<string> {
    if (!name.startsWith('/')) return name;
    if (!this.stripped) yield* this.p.err("tar: Removing leading `/' from member names\n");
    this.stripped = true;
    return name.replace(/^\/+/, '') || './';
  }

  *add(name: string, out: Uint8Array[], depth = 0): Task<void> {
    const { p } = this;
    const path = inFolder(this.folder, name);
    const s = p.lstat(path);
    if (!s.ok) return yield* this.wrong(name, 'stat', s.errno);
    const { kind } = s.value;
    const plain = kind === 'dir' || kind === 'file' || kind === 'symlink' ? kind : null;
    const member = yield* this.member(name);
    if (!plain) {
      yield* p.err(`tar: ${name}: ${kind === 'socket' ? 'socket ignored' : 'Unknown file type; file ignored'}\n`);
      return;
    }
    let data: Uint8Array = new Uint8Array(0);
    if (plain === 'file') {
      const r = yield* wholeInput(p, path.startsWith('/') ? path : `./${path}`);
      if (!r.ok) return yield* this.wrong(name, 'open', r.errno);
      data = r.value;
    }
    const target = plain === 'symlink' ? p.readlink(path) : null;
    const mtime = (p.sim.epochMs + s.value.mtime / 1000) / 1000;
    const { mode, uid, gid } = s.value;
    const e: TarEntry = { name: member, kind: plain, mode: mode & 0o7777, uid, gid, mtime, target: target?.ok ? target.value : '', data };
    out.push(...tarEntry(e));
    if (this.on.has('verbose')) yield* this.tell(plain === 'dir' && !name.endsWith('/') ? `${name}/` : name);
    if (plain !== 'dir' || depth > MAX_DEPTH) return;
    const names = p.readdir(path);
    if (!names.ok) return yield* this.wrong(name, 'open', names.errno);
    for (const n of names.value) yield* this.add(`${name.replace(/\/+$/, '')}/${n}`, out, depth + 1);
  }

  /** -v of an archive that goes to standard output speaks on the other stream. */
  private *tell(name: string): Task<void> {
    if (this.on.has('to stdout')) yield* this.p.err(`${name}\n`);
    else yield* this.p.out(`${name}\n`);
  }

  private parents(path: string): void {
    const parts = path.split('/').slice(0, -1);
    for (let i = 1; i <= parts.length; i++) {
      const step = parts.slice(0, i).join('/');
      if (step !== '' && !this.p.stat(step).ok) this.p.mkdir(step, 0o777 & ~this.p.umask);
    }
  }

  *extract(e: TarEntry): Task<void> {
    const { p, on } = this;
    const name = yield* this.member(e.name);
    if (name.split('/').includes('..')) {
      this.failed = true;
      yield* p.err(`tar: ${e.name}: Member name contains '..'\n`);
      return;
    }
    if (on.has('verbose')) yield* p.out(`${e.name}\n`);
    if (on.has('to-stdout')) {
      if (e.data.length > 0) yield* p.out(e.data);
      return;
    }
    const path = inFolder(this.folder, name).replace(/\/+$/, '') || '/';
    this.parents(path);
    const keeps = (p.uid === 0 || on.has('preserve-permissions')) && !on.has('no-same-permissions');
    const mode = keeps ? e.mode : e.mode & 0o777 & ~p.umask;
    if (e.kind === 'dir') {
      const r = p.mkdir(path, mode);
      if (!r.ok && !(r.errno === 'EEXIST' && p.stat(path).ok)) return yield* this.wrong(e.name, 'mkdir', r.errno);
    } else if (e.kind === 'symlink') {
      p.unlink(path);
      const r = p.symlink(e.target, path);
      if (!r.ok) return yield* this.wrong(e.name, `create symlink to '${e.target}'`, r.errno);
      return;
    } else {
      const old = p.lstat(path);
      if (old.ok && old.value.kind !== 'dir') p.unlink(path);
      const fd = p.open(path, 'w');
      if (!fd.ok) return yield* this.wrong(e.name, 'open', fd.errno);
      const w = e.data.length > 0 ? yield* p.write(fd.value, e.data) : null;
      p.close(fd.value);
      if (w && !w.ok) return yield* this.wrong(e.name, 'write', w.errno);
    }
    p.chmod(path, mode);
    if (p.uid === 0 && !on.has('no-same-owner')) p.chown(path, e.uid, e.gid);
  }
}

/** A line of `tar -tv`. */
function listed(e: TarEntry): string {
  const bit = (i: number): string => ((e.mode >> (8 - i)) & 1 ? ('rwx'[i % 3] as string) : '-');
  const bits = Array.from({ length: 9 }, (_, i) => bit(i)).join('');
  const owner = `${e.uid === 0 ? 'root' : e.uid}/${e.gid === 0 ? 'root' : e.gid}`;
  const size = String(e.data.length);
  const when = new Date(e.mtime * 1000).toISOString();
  const kind = e.kind === 'dir' ? 'd' : e.kind === 'symlink' ? 'l' : '-';
  return `${kind}${bits} ${owner} ${size.padStart(Math.max(0, 18 - owner.length))} ${when.slice(0, 10)} ${when.slice(11, 16)} ${e.name}${e.kind === 'symlink' ? ` -> ${e.target}` : ''}`;
}

const chosen = (e: TarEntry, names: readonly string[]): string | undefined =>
  names.find((n) => e.name === n || e.name === `${n}/` || e.name.startsWith(`${n.replace(/\/+$/, '')}/`));

export const tar: Command = {
  name: 'tar',
  path: '/bin/tar',
  *main(p) {
    const o = getopt(dashed(p.argv.slice(1)), SPECS);
    if (o.error !== null) {
      yield* p.err(`tar: ${o.error}\n${TRY}`);
      return 2;
    }
    const on = new Set(o.options.map(([k]) => (k === 'get' ? 'extract' : k)));
    const last = (key: string): string => o.options.filter(([k]) => k === key).at(-1)?.[1] ?? '';
    if (on.has('help') || on.has('version')) {
      yield* p.out(on.has('help') ? HELP : 'tar (GNU tar) 1.34\n');
      return 0;
    }
    const say = (text: string): Task<unknown> => p.err(`tar: ${text}`);
    const modes = ['create', 'extract', 'list'].filter((m) => on.has(m));
    if (modes.length !== 1) {
      yield* say(
        modes.length === 0
          ? `You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\n${TRY}`
          : `You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option\n${TRY}`,
      );
      return 2;
    }
    if (['gzip', 'bzip2', 'xz'].some((k) => on.has(k))) {
      yield* say('compression is not emulated\n');
      return 2;
    }
    const archive = last('file') || '-';
    const folder = last('directory');
    if (folder !== '' && p.stat(folder).ok === false) {
      yield* say(`${folder}: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n`);
      return 2;
    }
    if (archive === '-' && on.has('create')) on.add('to stdout');
    const run = new Run(p, on, folder);
    const end = function* (): Task<number> {
      if (run.failed) yield* say('Exiting with failure status due to previous errors\n');
      return run.failed ? 2 : 0;
    };
    if (on.has('create')) {
      if (o.operands.length === 0) {
        yield* say(`Cowardly refusing to create an empty archive\n${TRY}`);
        return 2;
      }
      if (archive === '-' && p.isatty(1)) {
        yield* say('Refusing to write archive contents to terminal (missing -f option?)\ntar: Error is not recoverable: exiting now\n');
        return 2;
      }
      const fd = archive === '-' ? null : p.open(archive, 'w');
      if (fd && !fd.ok) {
        yield* say(`${archive}: Cannot open: ${strerror(fd.errno)}\ntar: Error is not recoverable: exiting now\n`);
        return 2;
      }
      const out: Uint8Array[] = [];
      for (const name of o.operands) yield* run.add(name, out);
      const body = concat(out);
      yield* p.write(fd?.value ?? 1, concat([body, tarEnd(body.length)]));
      return yield* end();
    }
    const input = yield* wholeInput(p, archive);
    if (!input.ok) {
      yield* say(`${archive}: Cannot open: ${strerror(input.errno)}\ntar: Error is not recoverable: exiting now\n`);
      return 2;
    }
    const { entries, good } = readTar(input.value);
    const found = new Set<string>();
    for (const e of entries) {
      const name = o.operands.length > 0 ? chosen(e, o.operands) : '';
      if (name === undefined) continue;
      found.add(name);
      if (on.has('extract')) yield* run.extract(e);
      else yield* p.out(`${on.has('verbose') ? listed(e) : e.name}\n`);
    }
    for (const name of o.operands) {
      if (found.has(name)) continue;
      run.failed = true;
      yield* say(`${name}: Not found in archive\n`);
    }
    if (!good) {
      run.failed = true;
      yield* say(entries.length === 0 ? 'This does not look like a tar archive\n' : 'Unexpected EOF in archive\n');
    }
    return yield* end();
  },
};
