/** kubectl cp: tar on one side, its reader on the other. Models kubectl/pkg/cmd/cp (cp.go, filespec.go) */

import type { Task } from '../../../os/program.ts';
import { strerror } from '../../../os/uapi.ts';
import { concat } from '../../../wire/bytes.ts';
import { readTar, type TarEntry, tarEnd, tarEntry } from '../../../wire/tar.ts';
import { exitWith, Failure, failure } from '../errors.ts';
import { str } from '../json.ts';
import { type SessionEnd, type SessionOptions, session } from '../remote/session.ts';
import { quote } from '../strconv.ts';
import type { Ctx, Verb } from '../verb.ts';
import { CONTAINER_FLAG } from './exec.ts';
import { allContainerNames, completed, containerOf, findContainer, phaseOf, podPath } from './pods.ts';

interface FileSpec {
  readonly namespace: string;
  readonly pod: string;
  readonly file: string;
}

const badSpec = (): Failure => failure('filespec must match the canonical format: [[namespace/]pod:]file/path');

/** extractFileSpec() */
export function fileSpec(arg: string): FileSpec | Failure {
  const i = arg.indexOf(':');
  if (i === 0) return badSpec();
  if (i < 0) return { namespace: '', pod: '', file: arg };
  const pieces = arg.slice(0, i).split('/');
  const file = arg.slice(i + 1).replaceAll('\\', '/');
  if (pieces.length === 1) return { namespace: '', pod: pieces[0] as string, file };
  if (pieces.length === 2) return { namespace: pieces[0] as string, pod: pieces[1] as string, file };
  return badSpec();
}

/** path.Clean() */
export function clean(path: string): string {
  const rooted = path.startsWith('/');
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.length > 0 && out.at(-1) !== '..') out.pop();
    else if (!rooted) out.push('..');
  }
  return (rooted ? '/' : '') + out.join('/') || '.';
}

const base = (path: string): string => (path === '' ? '.' : path.replace(/\/+$/, '').split('/').pop() || '/');
const dir = (path: string): string => clean(path.slice(0, path.lastIndexOf('/') + 1));
const join = (a: string, b: string): string => clean([a, b].filter((s) => s !== '').join('/'));

/** stripPathShortcuts() */
export function withoutShortcuts(path: string): string {
  const rest = path.replace(/^(\.\.\/)+/, '');
  return rest === '.' || rest === '..' ? '' : rest.replace(/^\//, '');
}

/** Whether a path stays in a folder, both clean. */
const inside = (folder: string, path: string): boolean => {
  const from = clean(folder);
  if (from === '.') return !path.startsWith('/') && path !== '..' && !path.startsWith('../');
  return path === from || path.startsWith(from === '/' ? '/' : `${from}/`);
};

type Streams = Pick<SessionOptions, 'source' | 'onStdout' | 'onStderr'>;

class Copy {
  private readonly ctx: Ctx;
  private readonly namespace: string;

  constructor(ctx: Ctx, namespace: string) {
    this.ctx = ctx;
    this.namespace = namespace;
  }

  /** ExecOptions.Run() */
  private *exec(spec: FileSpec, command: readonly string[], quiet: boolean, streams: Streams): Task<SessionEnd> {
    const { ctx } = this;
    const where = { metadata: { namespace: spec.namespace || this.namespace, name: spec.pod } };
    const pod = yield* ctx.rest.json('GET', podPath(where));
    if (pod instanceof Failure) return pod;
    if (completed(pod)) return failure(`cannot exec into a container in a completed pod; current phase is ${phaseOf(pod)}`);
    let container = ctx.str('container');
    if (container === '') {
      const c = yield* containerOf(ctx, pod, '', quiet);
      if (c instanceof Failure) return c;
      container = str(c, 'name');
    } else if (!findContainer(pod, container))
      return failure(`container ${container} is not valid for pod ${spec.pod} out of: ${allContainerNames(pod)}`);
    const stdin = streams.source !== undefined;
    return yield* session(ctx.rest, {
      path: podPath(where, 'exec'),
      query: { command, container, ...(stdin ? { stdin: true } : {}), stdout: true, stderr: true },
      stdin,
      tty: false,
      ...streams,
    });
  }

  private *ended(end: SessionEnd): Task<number | Failure> {
    if (end instanceof Failure) return end;
    if (end === 'detached' || end.code === 0) return 0;
    yield* this.ctx.err(`command terminated with exit code ${end.code}\n`);
    return exitWith(end.code);
  }

  /** recursiveTar() */
  private *pack(path: string, name: string, out: Uint8Array[]): Task<Failure | null> {
    const { p } = this.ctx;
    const s = p.lstat(path);
    if (!s.ok) return failure(`lstat ${path}: ${strerror(s.errno).toLowerCase()}`);
    const { kind, mode, uid, gid } = s.value;
    const e: Omit<TarEntry, 'kind'> = {
      name,
      mode: mode & 0o7777,
      uid,
      gid,
      mtime: (p.sim.epochMs + s.value.mtime / 1000) / 1000,
      target: '',
      data: new Uint8Array(0),
    };
    if (kind === 'dir') {
      const names = p.readdir(path);
      if (!names.ok) return failure(`open ${path}: ${strerror(names.errno).toLowerCase()}`);
      if (names.value.length === 0) out.push(...tarEntry({ ...e, kind }));
      for (const n of names.value) {
        const wrong = yield* this.pack(join(path, n), join(name, n), out);
        if (wrong) return wrong;
      }
      return null;
    }
    if (kind === 'symlink') {
      const target = p.readlink(path);
      out.push(...tarEntry({ ...e, kind, target: target.ok ? target.value : '' }));
      return null;
    }
    const fd = p.open(path, 'r');
    if (!fd.ok) return failure(`open ${path}: ${strerror(fd.errno).toLowerCase()}`);
    const data = yield* p.readAll(fd.value);
    p.close(fd.value);
    if (!data.ok) return failure(`read ${path}: ${strerror(data.errno).toLowerCase()}`);
    out.push(...tarEntry({ ...e, kind: 'file', data: data.value }));
    return null;
  }

  *to(src: FileSpec, dest: FileSpec): Task<number | Failure> {
    const { ctx } = this;
    if (!ctx.p.stat(src.file).ok) return failure(`${src.file} doesn't exist in local filesystem`);
    const silent = (): void => {};
    const probe = yield* this.exec(dest, ['test', '-d', dest.file], true, { onStdout: silent, onStderr: silent });
    const isFolder = !(probe instanceof Failure) && probe !== 'detached' && probe.code === 0;
    const file = isFolder ? join(dest.file, base(src.file)) : dest.file;
    const out: Uint8Array[] = [];
    const wrong = yield* this.pack(clean(src.file), base(clean(file)), out);
    if (wrong) return wrong;
    const body = concat(out);
    let rest: Uint8Array | null = concat([body, tarEnd(body.length)]);
    const source = (): Uint8Array | null => {
      const data = rest;
      rest = null;
      return data;
    };
    const flags = ctx.bool('no-preserve') ? ['--no-same-permissions', '--no-same-owner'] : [];
    return yield* this.ended(yield* this.exec(dest, ['tar', ...flags, '-xmf', '-', '-C', dir(file)], false, { source }));
  }

  *from(src: FileSpec, dest: FileSpec): Task<number | Failure> {
    const retries = this.ctx.flags.int('retries');
    const command =
      retries === 0 ? ['tar', 'cf', '-', src.file] : ['sh', '-c', `tar cf - '${src.file.replaceAll("'", "'\\''")}' | tail -c+0`];
    const pieces: Uint8Array[] = [];
    const notes: Uint8Array[] = [];
    const end = yield* this.exec(src, command, false, { onStdout: (d) => pieces.push(d), onStderr: (d) => notes.push(d) });
    // What tar says goes to standard output.
    for (const n of notes) yield* this.ctx.p.out(n);
    if (end instanceof Failure || end === 'detached' || end.code !== 0) return yield* this.ended(end);
    return (yield* this.unpack(src, dest.file, concat(pieces))) ?? 0;
  }

  /** untarAll() */
  private *unpack(src: FileSpec, dest: string, archive: Uint8Array): Task<Failure | null> {
    const { ctx } = this;
    const { p } = ctx;
    const prefix = withoutShortcuts(clean(src.file.replace(/^\/+/, '')));
    let warned = false;
    const { entries, good } = readTar(archive);
    for (const e of entries) {
      if (!e.name.startsWith(prefix)) return failure('tar contents corrupted');
      const path = join(dest, e.name.slice(prefix.length));
      if (!inside(dest, path)) {
        yield* ctx.err(`warning: file ${quote(path)} is outside target destination, skipping\n`);
        continue;
      }
      const wrong = this.folders(e.kind === 'dir' ? path : dir(path));
      if (wrong) return wrong;
      if (e.kind === 'dir') continue;
      if (e.kind === 'symlink') {
        const hint = ` (consider using "kubectl exec -n ${quote(src.namespace)} ${quote(src.pod)} -- tar cf - ${quote(src.file)} | tar xf -")`;
        yield* ctx.err(`warning: skipping symlink: ${quote(path)} -> ${quote(e.target)}${warned ? '' : hint}\n`);
        warned = true;
        continue;
      }
      const fd = p.open(path, 'w');
      if (!fd.ok) return failure(`open ${path}: ${strerror(fd.errno).toLowerCase()}`);
      const w = e.data.length > 0 ? yield* p.write(fd.value, e.data) : null;
      p.close(fd.value);
      if (w && !w.ok) return failure(`write ${path}: ${strerror(w.errno).toLowerCase()}`);
    }
    return good ? null : failure('unexpected EOF');
  }

  /** os.MkdirAll() */
  private folders(path: string): Failure | null {
    const parts = path.split('/');
    for (let i = 1; i <= parts.length; i++) {
      const step = parts.slice(0, i).join('/');
      if (step === '' || step === '.') continue;
      const s = this.ctx.p.stat(step);
      if (s.ok && s.value.kind === 'dir') continue;
      const r = s.ok ? null : this.ctx.p.mkdir(step, 0o755 & ~this.ctx.p.umask);
      if (!r?.ok) return failure(`mkdir ${step}: ${r ? strerror(r.errno).toLowerCase() : 'not a directory'}`);
    }
    return null;
  }
}

function* run(ctx: Ctx): Task<number | Failure> {
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  if (ctx.args.length !== 2) return failure('source and destination are required');
  const [src, dest] = [fileSpec(ctx.args[0] as string), fileSpec(ctx.args[1] as string)];
  if (src instanceof Failure) return src;
  if (dest instanceof Failure) return dest;
  if (src.pod !== '' && dest.pod !== '') return failure('one of src or dest must be a local file specification');
  if (src.file === '' || dest.file === '') return failure('filepath can not be empty');
  const copy = new Copy(ctx, ns.name);
  if (src.pod !== '') return yield* copy.from(src, dest);
  if (dest.pod !== '') return yield* copy.to(src, dest);
  return failure('one of src or dest must be a remote file specification');
}

export const cpVerb: Verb = {
  name: 'cp',
  use: 'cp <file-spec-src> <file-spec-dest>',
  short: 'Copy files and directories to and from containers',
  long: 'Copy files and directories to and from containers.',
  example:
    "  # !!!Important Note!!!\n  # Requires that the 'tar' binary is present in your container\n  # image.  If 'tar' is not present, 'kubectl cp' will fail.\n  #\n  # For advanced use cases, such as symlinks, wildcard expansion or\n  # file mode preservation, consider using 'kubectl exec'.\n  \n  # Copy /tmp/foo local file to /tmp/bar in a remote pod in namespace <some-namespace>\n  tar cf - /tmp/foo | kubectl exec -i -n <some-namespace> <some-pod> -- tar xf - -C /tmp/bar\n  \n  # Copy /tmp/foo from a remote pod to /tmp/bar locally\n  kubectl exec -n <some-namespace> <some-pod> -- tar cf - /tmp/foo | tar xf - -C /tmp/bar\n  \n  # Copy /tmp/foo_dir local directory to /tmp/bar_dir in a remote pod in the default namespace\n  kubectl cp /tmp/foo_dir <some-pod>:/tmp/bar_dir\n  \n  # Copy /tmp/foo local file to /tmp/bar in a remote pod in a specific container\n  kubectl cp /tmp/foo <some-pod>:/tmp/bar -c <specific-container>\n  \n  # Copy /tmp/foo local file to /tmp/bar in a remote pod in namespace <some-namespace>\n  kubectl cp /tmp/foo <some-namespace>/<some-pod>:/tmp/bar\n  \n  # Copy /tmp/foo from a remote pod to /tmp/bar locally\n  kubectl cp <some-namespace>/<some-pod>:/tmp/foo /tmp/bar",
  flags: [
    CONTAINER_FLAG,
    {
      name: 'no-preserve',
      type: 'bool',
      usage: "The copied file/directory's ownership and permissions will not be preserved in the container",
    },
    {
      name: 'retries',
      type: 'int',
      def: '0',
      usage:
        'Set number of retries to complete a copy operation from a container. Specify 0 to disable or any negative value for infinite retrying. The default is 0 (no retry).',
    },
  ],
  run,
};
