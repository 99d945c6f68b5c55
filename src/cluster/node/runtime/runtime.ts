/** The container runtime of a node: images, sandboxes, containers, exec. Models containerd 2.1 behind CRI v1 */

import { remoteLogin } from '../../../os/audit.ts';
import { nullDevice } from '../../../os/chardev.ts';
import type { OpenFile } from '../../../os/file.ts';
import type { Directory, Inode } from '../../../os/inode.ts';
import { LayeredMap } from '../../../os/layered.ts';
import type { Machine } from '../../../os/machine.ts';
import { PidNamespace } from '../../../os/pidns.ts';
import { BytesFile, Collector, makePipe } from '../../../os/pipe.ts';
import type { Process, SpawnOptions, Task } from '../../../os/process.ts';
import type { Errno, Result } from '../../../os/uapi.ts';
import { type Micros, MS, SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { text } from '../../../wire/bytes.ts';
import { PAUSE_IMAGE } from '../../images/addons.ts';
import { type Found, resolveImage } from '../../images/catalog.ts';
import { imageDigest, PATH_ENV, pullSeconds } from '../../images/image.ts';
import { ContainerLog } from './logs.ts';
import { containerMounts } from './mounts.ts';
import { rootOf } from './rootfs.ts';
import { hexId, removeSandboxFiles, runSandbox, stopSandbox } from './sandbox.ts';
import { type Container, type ContainerConfig, missing, type Rpc, type Sandbox, type SandboxConfig, unknown } from './types.ts';

export const SOCKET = '/run/containerd/containerd.sock';
export const RUNTIME_VERSION = '2.1.4';

/** An image on the node's disk. */
export interface LocalImage {
  readonly found: Found;
  readonly id: string;
  readonly names: string[];
  readonly pulledAt: Micros;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly timedOut: boolean;
}

export class Runtime {
  readonly machine: Machine;
  readonly sandboxes = new Map<string, Sandbox>();
  readonly containers = new Map<string, Container>();
  readonly images = new Map<string, LocalImage>();
  readonly pins = new Map<string, string>();
  /** The containerd process; null while it does not run. */
  daemon: Process | null = null;
  /** Hears of containers that have ended or started. */
  readonly listeners = new Set<(container: Container) => void>();

  constructor(machine: Machine) {
    this.machine = machine;
    this.addImage(PAUSE_IMAGE);
  }

  private get sim(): Machine['sim'] {
    return this.machine.sim;
  }

  // ---- images

  /** The image that a name means, when it is on the disk. */
  imageOf(name: string): LocalImage | undefined {
    const found = resolveImage(name);
    return 'image' in found ? this.images.get(found.name) : [...this.images.values()].find((i) => i.id === name);
  }

  /** Puts an image on the disk without a pull. False when no registry has it. */
  addImage(name: string): boolean {
    const found = resolveImage(name);
    if (!('image' in found)) return false;
    if (!this.images.has(found.name))
      this.images.set(found.name, { found, id: imageDigest(found.image, found.tag), names: [found.name], pulledAt: this.sim.now });
    return true;
  }

  *pullImage(name: string): Task<Rpc<LocalImage>> {
    const found = resolveImage(name);
    if (!('image' in found)) {
      yield { until: this.sim.now + 300 * MS + this.sim.rng('registry').below(300 * MS) };
      return { ok: false, code: found.code, text: found.text };
    }
    const known = this.images.get(found.name);
    yield { until: this.sim.now + Math.round((known ? 0.4 : pullSeconds(found.image)) * SEC) + this.sim.rng('registry').below(200 * MS) };
    this.addImage(name);
    return { ok: true, value: this.images.get(found.name) as LocalImage };
  }

  removeImage(name: string): boolean {
    const image = this.imageOf(name);
    return image !== undefined && this.images.delete(image.found.name);
  }

  // ---- sandboxes

  *runPodSandbox(p: Process, config: SandboxConfig): Task<Rpc<Sandbox>> {
    return yield* runSandbox(this, p, config);
  }

  *stopPodSandbox(p: Process, id: string): Task<Rpc<null>> {
    const sandbox = this.sandboxes.get(id);
    if (!sandbox) return { ok: true, value: null };
    for (const c of this.containersOf(id)) yield* this.stopContainer(c.id, 0);
    return yield* stopSandbox(this, p, sandbox);
  }

  *removePodSandbox(p: Process, id: string): Task<Rpc<null>> {
    const sandbox = this.sandboxes.get(id);
    if (!sandbox) return { ok: true, value: null };
    if (sandbox.state === 'Ready') {
      const stopped = yield* this.stopPodSandbox(p, id);
      if (!stopped.ok) return stopped;
    }
    for (const c of this.containersOf(id)) this.containers.delete(c.id);
    removeSandboxFiles(this, sandbox);
    this.sandboxes.delete(id);
    return { ok: true, value: null };
  }

  containersOf(sandbox: string): Container[] {
    return [...this.containers.values()].filter((c) => c.sandbox.id === sandbox);
  }

  // ---- containers

  createContainer(sandboxId: string, config: ContainerConfig): Rpc<Container> {
    const sandbox = this.sandboxes.get(sandboxId);
    if (!sandbox) return missing(`failed to find sandbox id "${sandboxId}": not found`);
    const local = this.imageOf(config.image);
    if (!local) return missing(`failed to resolve image "${config.image}": not found`);
    const { machine } = this;
    const { image, name, tag } = local.found;
    const root = rootOf(machine, image);
    const mnt = containerMounts(machine, root, sandbox, config.mounts);
    const id = hexId(machine);
    const log = new ContainerLog(machine, `${sandbox.config.logDirectory}/${config.logPath}`);
    log.linkAs(`${sandbox.config.name}_${sandbox.config.namespace}_${config.name}-${id}.log`);
    const container: Container = {
      id,
      sandbox,
      config,
      image,
      imageName: name,
      imageRef: `${image.repository}@${imageDigest(image, tag)}`,
      createdAt: this.sim.now,
      state: 'Created',
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      process: null,
      pidns: null,
      mnt,
      root,
      log,
      stdin: null,
      tty: null,
    };
    this.containers.set(id, container);
    return { ok: true, value: container };
  }

  /** The command line: the image's own where the pod does not say. */
  private argvOf({ config, image }: Container): string[] {
    if (config.command.length > 0) return [...config.command, ...config.args];
    return [...(image.entrypoint ?? []), ...(config.args.length > 0 ? config.args : (image.cmd ?? []))];
  }

  startContainer(id: string): Rpc<null> {
    const c = this.containers.get(id);
    if (!c) return missing(`an error occurred when try to find container "${id}": not found`);
    const { sandbox, config } = c;
    const target = config.targetId ? this.containers.get(config.targetId) : undefined;
    c.pidns = sandbox.config.hostPid
      ? null
      : (target?.pidns ?? (sandbox.config.sharedPid ? sandbox.pidns : new PidNamespace(this.machine)));
    const argv = this.argvOf(c);
    const fds = this.standardStreams(c);
    // A container with a standard input is somebody's at a terminal.
    const audit = config.stdin ? remoteLogin(this.sim) : null;
    const started = this.enter(c, argv, { fds, audit, ...(c.tty ? { tty: c.tty } : {}) });
    c.startedAt = this.sim.now;
    if (!started.ok) {
      c.state = 'Exited';
      c.finishedAt = this.sim.now;
      c.exitCode = 128;
      c.reason = 'StartError';
      c.message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: ${execError(argv[0] ?? '', started.errno)}: unknown`;
      return unknown(c.message);
    }
    c.process = started.value;
    if (c.tty) {
      c.tty.session = started.value.pid;
      c.tty.setForeground(started.value.pgid);
    }
    c.state = 'Running';
    started.value.onExit = () => this.exited(c, started.value);
    return { ok: true, value: null };
  }

  /** Descriptors 0, 1, 2: a terminal, or a pipe and the log. */
  private standardStreams(c: Container): Map<number, OpenFile> {
    if (c.config.tty) {
      const tty = this.machine.newTty();
      c.tty = tty;
      tty.onOutput = () => {
        for (let data = tty.take(); data.length > 0; data = tty.take()) c.log.write(1, data);
      };
      const end = tty.endpoint();
      return new Map([0, 1, 2].map((fd) => [fd, end]));
    }
    let stdin: OpenFile = nullDevice();
    if (c.config.stdin) {
      const [r, w] = makePipe(this.sim);
      stdin = r;
      c.stdin = w.acquire();
    }
    return new Map([
      [0, stdin],
      [1, c.log.stream(1)],
      [2, c.log.stream(2)],
    ]);
  }

  private exited(c: Container, p: Process): void {
    c.log.flush();
    c.state = 'Exited';
    c.finishedAt = this.sim.now;
    c.exitCode = p.status;
    c.reason = p.status === 0 ? 'Completed' : 'Error';
    c.process = null;
    c.stdin?.close();
    c.stdin = null;
    if (c.tty) this.machine.closeTty(c.tty);
    c.tty = null;
    // What it left behind in its own PID namespace has been killed with it; in a shared one the runtime does that.
    for (const hear of this.listeners) hear(c);
  }

  /** Starts a program within a container, as `runc exec` does. */
  enter(c: Container, argv: readonly string[], opts: SpawnOptions = {}): Result<Process> {
    const { sandbox, config } = c;
    const shim = sandbox.shim ?? this.machine.init;
    const [uid, gid] = this.userOf(c);
    return shim.spawn(argv, {
      ns: sandbox.ns,
      uts: sandbox.uts,
      pidns: c.pidns,
      ipcns: sandbox.ipcns,
      mnt: c.mnt,
      env: this.envOf(c, uid),
      cwd: config.workingDir || c.image.workdir || '/',
      uid,
      gid,
      newSession: true,
      ...opts,
    });
  }

  private userOf(c: Container): readonly [number, number] {
    const [user = '0', group] = (c.image.user ?? '0').split(':');
    const uid = c.config.uid ?? (/^\d+$/.test(user) ? Number(user) : 0);
    const gid = c.config.gid ?? (group !== undefined && /^\d+$/.test(group) ? Number(group) : 0);
    return [uid, gid];
  }

  private envOf(c: Container, uid: number): Map<string, string> {
    const env = new LayeredMap(c.config.links, [['PATH', PATH_ENV]]);
    env.set('HOSTNAME', c.sandbox.uts.hostname);
    for (const [k, v] of Object.entries(c.image.env ?? {})) env.set(k, v);
    for (const [k, v] of c.config.env) env.set(k, v);
    if (c.config.tty) env.set('TERM', 'xterm');
    if (!env.has('HOME')) env.set('HOME', uid === 0 ? '/root' : '/');
    return env;
  }

  /** SIGTERM, then SIGKILL after `timeout` seconds. */
  *stopContainer(id: string, timeout: number): Task<Rpc<null>> {
    const c = this.containers.get(id);
    if (!c) return missing(`an error occurred when try to find container "${id}": not found`);
    if (!c.process) {
      if (c.state === 'Created') c.state = 'Exited';
      return { ok: true, value: null };
    }
    const p = c.process;
    const gone = new WaitQueue();
    const hear = (ended: Container): void => {
      if (ended === c) gone.wakeAll();
    };
    this.listeners.add(hear);
    try {
      if (timeout > 0) {
        p.raise('TERM');
        const until = this.sim.now + timeout * SEC;
        while (!p.dead && this.sim.now < until) yield { on: [gone], until };
      }
      if (!p.dead) p.raise('KILL');
      while (!p.dead) yield { on: [gone], until: this.sim.now + 10 * SEC };
    } finally {
      this.listeners.delete(hear);
    }
    return { ok: true, value: null };
  }

  removeContainer(id: string): Rpc<null> {
    const c = this.containers.get(id);
    if (!c) return { ok: true, value: null };
    if (c.state === 'Running') return unknown(`container "${id}" is in running state`);
    this.containers.delete(id);
    return { ok: true, value: null };
  }

  /** Runs a command in a container and collects its output; `timeout` seconds, 0 for none. */
  *execSync(id: string, argv: readonly string[], timeout: number): Task<Rpc<ExecResult>> {
    const c = this.containers.get(id);
    if (!c) return missing(`failed to exec in container: failed to load task: no running task found: task ${id} not found`);
    if (c.state !== 'Running')
      return unknown(
        `failed to exec in container: container is in ${c.state === 'Created' ? 'CONTAINER_CREATED' : 'CONTAINER_EXITED'} state`,
      );
    const [out, err] = [new Collector(), new Collector()];
    const started = this.enter(c, argv, {
      fds: new Map<number, OpenFile>([
        [0, new BytesFile(new Uint8Array(0))],
        [1, out],
        [2, err],
      ]),
    });
    if (!started.ok) return unknown(execFailure(id, argv, started.errno));
    const p = started.value;
    const gone = new WaitQueue();
    p.onExit = () => gone.wakeAll();
    const until = timeout > 0 ? this.sim.now + timeout * SEC : undefined;
    while (!p.dead && (until === undefined || this.sim.now < until)) yield { on: [gone], until };
    const timedOut = !p.dead;
    if (timedOut) p.raise('KILL');
    return { ok: true, value: { stdout: text(out.take()), stderr: text(err.take()), exitCode: p.status, timedOut } };
  }

  /** A directory on the node's disk, as volumes use it. */
  directory(path: string): Directory {
    return this.machine.directory(path);
  }

  node(path: string): Inode | undefined {
    const r = this.machine.fs.lookup(this.machine.init, path);
    return r.ok ? r.value : undefined;
  }
}

/** Go's exec error, as runc prints it. */
export function execError(name: string, errno: Errno): string {
  if (errno === 'ENOENT')
    return name.includes('/') ? `"${name}": stat ${name}: no such file or directory` : `"${name}": executable file not found in $PATH`;
  return `"${name}": ${errno === 'EACCES' ? 'permission denied' : errno === 'ENOEXEC' ? 'exec format error' : errno === 'EPERM' ? 'operation not permitted' : errno}`;
}

/** What exec of a program that is not there says. */
export function execFailure(id: string, argv: readonly string[], errno: Errno): string {
  return `failed to exec in container: failed to start exec "${id.slice(0, 64)}": OCI runtime exec failed: exec failed: unable to start container process: exec: ${execError(argv[0] ?? '', errno)}: unknown`;
}

const runtimes = new WeakMap<Machine, Runtime>();

/** The machine's runtime; what it keeps outlives the daemon's process. */
export function runtimeOf(machine: Machine): Runtime {
  let runtime = runtimes.get(machine);
  if (!runtime) {
    runtime = new Runtime(machine);
    runtimes.set(machine, runtime);
  }
  return runtime;
}
