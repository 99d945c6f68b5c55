/** crictl: sandboxes, containers and images as the runtime has them. Models cri-tools v1.34 */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import type { Micros, Sim } from '../../../sim/sim.ts';
import { logTime } from '../runtime/logs.ts';
import { type Runtime, runtimeOf, SOCKET } from '../runtime/runtime.ts';
import { type Container, rpcError, type Sandbox } from '../runtime/types.ts';
import { table } from './table.ts';

const SHORT = 13;

const USAGE = `NAME:
   crictl - client for CRI

USAGE:
   crictl [global options] command [command options]

COMMANDS:
   exec        Run a command in a running container
   images      List images
   inspect     Display the status of one or more containers
   inspecti    Return the status of one or more images
   inspectp    Display the status of one or more pods
   logs        Fetch the logs of a container
   pods        List pods
   ps          List containers
   pull        Pull an image from a registry
   rm          Remove one or more containers
   rmi         Remove one or more images
   rmp         Remove one or more pods
   stop        Stop one or more running containers
   stopp       Stop one or more running pods
   version     Display runtime version information
`;

/** `2 minutes ago`, as go-humanize says it. */
function ago(sim: Sim, at: Micros): string {
  const s = Math.floor((sim.now - at) / 1e6);
  const say = (n: number, unit: string): string => (n === 1 ? `${unit === 'hour' ? 'an' : 'a'} ${unit} ago` : `${n} ${unit}s ago`);
  if (s < 1) return 'Less than a second ago';
  if (s === 1) return '1 second ago';
  if (s < 60) return `${s} seconds ago`;
  if (s < 3600) return Math.floor(s / 60) === 1 ? 'About a minute ago' : say(Math.floor(s / 60), 'minute');
  if (s < 48 * 3600) return Math.floor(s / 3600) === 1 ? 'About an hour ago' : say(Math.floor(s / 3600), 'hour');
  return say(Math.floor(s / 86400), 'day');
}

const imageId = (c: Container): string => c.imageRef.split('@')[1]?.slice(7) ?? '';

/** `72.4MB`. */
function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let n = bytes;
  let u = 0;
  while (n >= 1000 && u < units.length - 1) {
    n /= 1000;
    u++;
  }
  return `${Number(n.toPrecision(3))}${units[u]}`;
}

interface Asked {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
}

const VALUED = new Set(['pod', 'name', 'state', 'image', 'label', 'namespace', 'output', 'tail', 'since', 'timeout', 'last']);
const LETTERS: Readonly<Record<string, string>> = {
  a: 'all',
  q: 'quiet',
  p: 'pod',
  o: 'output',
  f: 'follow',
  t: 'tty',
  i: 'interactive',
  s: 'state',
  v: 'verbose',
  n: 'last',
  l: 'latest',
};
const KNOWN = new Set([
  ...VALUED,
  'all',
  'quiet',
  'follow',
  'tty',
  'interactive',
  'previous',
  'timestamps',
  'force',
  'latest',
  'digests',
  'no-trunc',
  'verbose',
  'sync',
]);

function parse(args: readonly string[], stopAt: number): Asked | string {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const a = args[i] as string;
    if (rest.length >= stopAt || !a.startsWith('-') || a === '-') {
      rest.push(a);
      continue;
    }
    const [word = '', given] = a.replace(/^--?/, '').split(/=(.*)/s);
    const names = a.startsWith('--') ? [word] : [...word].map((c) => LETTERS[c] ?? c);
    for (const name of names) {
      if (!KNOWN.has(name))
        return `flag provided but not defined: ${a.startsWith('--') ? '' : '-'}-${a.startsWith('--') ? name : word}`.replace('--', '-');
      if (VALUED.has(name)) values.set(name, given ?? args[++i] ?? '');
      else flags.add(name);
    }
  }
  return { flags, values, rest };
}

class Crictl {
  private readonly p: Process;
  private readonly runtime: Runtime;

  constructor(p: Process) {
    this.p = p;
    this.runtime = runtimeOf(p.machine);
  }

  private *fatal(text: string): Task<number> {
    yield* this.p.err(`time="${logTime(this.p.sim).slice(0, 19)}Z" level=fatal msg=${JSON.stringify(text)}\n`);
    return 1;
  }

  private container(id: string): Container | undefined {
    return [...this.runtime.containers.values()].find((c) => c.id.startsWith(id));
  }

  private sandbox(id: string): Sandbox | undefined {
    return [...this.runtime.sandboxes.values()].find((s) => s.id.startsWith(id));
  }

  *run(command: string, args: readonly string[]): Task<number> {
    const { p, runtime } = this;
    const asked = parse(args, command === 'exec' ? 1 : Number.POSITIVE_INFINITY);
    if (typeof asked === 'string') return yield* this.fatal(asked);
    if (!runtime.daemon)
      return yield* this.fatal(
        `validate service connection: validate CRI v1 runtime API for endpoint "unix://${SOCKET}": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${SOCKET}: connect: no such file or directory"`,
      );
    switch (command) {
      case 'version':
        yield* p.out(`Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v2.1.4\nRuntimeApiVersion:  v1\n`);
        return 0;
      case 'ps':
        return yield* this.ps(asked);
      case 'pods':
        return yield* this.pods(asked);
      case 'images':
      case 'image':
        return yield* this.images(asked);
      case 'logs':
        return yield* this.logs(asked);
      case 'exec':
        return yield* this.exec(asked);
      case 'inspect':
      case 'inspectp':
      case 'inspecti':
        return yield* this.inspect(command, asked);
      case 'stop':
      case 'rm':
      case 'stopp':
      case 'rmp':
      case 'rmi':
      case 'pull':
        return yield* this.change(command, asked);
    }
    yield* p.err(`No help topic for '${command}'\n`);
    return 3;
  }

  private *ps({ flags, values }: Asked): Task<number> {
    const { sim } = this.p;
    const match = (text: string, key: string): boolean => !values.has(key) || new RegExp(values.get(key) as string).test(text);
    const list = [...this.runtime.containers.values()]
      .filter((c) => (flags.has('all') || values.has('state') || c.state === 'Running') && match(c.config.name, 'name'))
      .filter((c) => !values.has('pod') || c.sandbox.id.startsWith(values.get('pod') as string))
      .filter((c) => !values.has('state') || c.state.toLowerCase() === values.get('state')?.toLowerCase())
      .filter((c) => match(c.sandbox.config.namespace, 'namespace'))
      .sort((a, b) => b.createdAt - a.createdAt);
    if (flags.has('quiet')) {
      yield* this.p.out(list.map((c) => `${c.id}\n`).join(''));
      return 0;
    }
    const rows = list.map((c) => [
      c.id.slice(0, SHORT),
      imageId(c).slice(0, SHORT),
      ago(sim, c.createdAt),
      c.state,
      c.config.name,
      String(c.config.attempt),
      c.sandbox.id.slice(0, SHORT),
      c.sandbox.config.name,
      c.sandbox.config.namespace,
    ]);
    yield* this.p.out(table(['CONTAINER', 'IMAGE', 'CREATED', 'STATE', 'NAME', 'ATTEMPT', 'POD ID', 'POD', 'NAMESPACE'], rows));
    return 0;
  }

  private *pods({ flags, values }: Asked): Task<number> {
    const { sim } = this.p;
    const match = (text: string, key: string): boolean => !values.has(key) || new RegExp(values.get(key) as string).test(text);
    const list = [...this.runtime.sandboxes.values()]
      .filter((s) => match(s.config.name, 'name') && match(s.config.namespace, 'namespace'))
      .filter((s) => !values.has('state') || s.state.toLowerCase() === values.get('state')?.toLowerCase())
      .sort((a, b) => b.createdAt - a.createdAt);
    if (flags.has('quiet')) {
      yield* this.p.out(list.map((s) => `${s.id}\n`).join(''));
      return 0;
    }
    const rows = list.map((s) => [
      s.id.slice(0, SHORT),
      ago(sim, s.createdAt),
      s.state,
      s.config.name,
      s.config.namespace,
      String(s.config.attempt),
      '(default)',
    ]);
    yield* this.p.out(table(['POD ID', 'CREATED', 'STATE', 'NAME', 'NAMESPACE', 'ATTEMPT', 'RUNTIME'], rows));
    return 0;
  }

  private *images({ flags }: Asked): Task<number> {
    const list = [...this.runtime.images.values()].sort((a, b) => (a.found.name < b.found.name ? -1 : 1));
    if (flags.has('quiet')) {
      yield* this.p.out(list.map((i) => `${i.id}\n`).join(''));
      return 0;
    }
    const rows = list.map((i) => [i.found.image.repository, i.found.tag, i.id.slice(7, 7 + SHORT), size(i.found.image.size)]);
    yield* this.p.out(table(['IMAGE', 'TAG', 'IMAGE ID', 'SIZE'], rows));
    return 0;
  }

  private *logs({ flags, values, rest }: Asked): Task<number> {
    const { p } = this;
    const id = rest[0];
    if (id === undefined) return yield* this.fatal('ID cannot be empty');
    const c = this.container(id);
    if (!c) return yield* this.fatal(missing('container', id));
    let lines = c.log.read().split('\n').slice(0, -1);
    if (values.has('tail') && Number(values.get('tail')) >= 0) lines = lines.slice(-Number(values.get('tail')) || lines.length);
    let seen = c.log.read().split('\n').length - 1;
    for (;;) {
      for (const line of lines) {
        const [time = '', stream = '', tag = ''] = line.split(' ', 3);
        const body = line.slice(time.length + stream.length + tag.length + 3);
        yield* p.write(stream === 'stderr' ? 2 : 1, `${flags.has('timestamps') ? `${time} ` : ''}${body}${tag === 'P' ? '' : '\n'}`);
      }
      if (!flags.has('follow') || c.state !== 'Running') return 0;
      yield { on: [c.log.grew] };
      const all = c.log.read().split('\n').slice(0, -1);
      lines = all.slice(seen);
      seen = all.length;
    }
  }

  private *exec({ rest, flags }: Asked): Task<number> {
    const { p, runtime } = this;
    const [id, ...argv] = rest;
    if (id === undefined || argv.length === 0) return yield* this.fatal('ID cannot be empty');
    const c = this.container(id);
    if (!c) return yield* this.fatal(`execing command in container: ${missing('container', id)}`);
    if (flags.has('sync')) {
      const r = yield* runtime.execSync(c.id, argv, 0);
      if (!r.ok) return yield* this.fatal(`execing command in container synchronously: ${rpcError(r)}`);
      yield* p.out(r.value.stdout);
      yield* p.err(r.value.stderr);
      return r.value.exitCode;
    }
    const fds = new Map(
      [0, 1, 2].flatMap((fd) => (p.file(fd) ? [[fd, p.file(fd) as NonNullable<ReturnType<Process['file']>>] as const] : [])),
    );
    const started = runtime.enter(c, argv, { fds, newSession: false, audit: p.audit, ...(p.tty ? { tty: p.tty } : {}) });
    if (!started.ok) return yield* this.fatal(`execing command in container: command terminated with exit code 126`);
    // What is typed goes to the program within.
    const child = started.value;
    child.pgid = p.pgid;
    child.sid = p.sid;
    while (!child.dead) yield { on: [child.childEvents], until: p.sim.now + 20_000 };
    if (child.status !== 0) yield* this.fatal(`execing command in container: command terminated with exit code ${child.status}`);
    return child.status;
  }

  private *inspect(command: string, { rest }: Asked): Task<number> {
    for (const id of rest) {
      const c = command === 'inspect' ? this.container(id) : undefined;
      const s = command === 'inspectp' ? this.sandbox(id) : undefined;
      const i = command === 'inspecti' ? this.runtime.imageOf(id) : undefined;
      const what = c
        ? containerStatus(this.p.sim, c)
        : s
          ? sandboxStatus(this.p.sim, s)
          : i
            ? { status: { id: i.id, repoTags: i.names, size: String(i.found.image.size) } }
            : null;
      if (!what)
        return yield* this.fatal(missing(command === 'inspectp' ? 'pod sandbox' : command === 'inspecti' ? 'image' : 'container', id));
      yield* this.p.out(`${JSON.stringify(what, null, 2)}\n`);
    }
    return rest.length > 0 ? 0 : yield* this.fatal('ID cannot be empty');
  }

  private *change(command: string, { rest, flags, values }: Asked): Task<number> {
    const { p, runtime } = this;
    const daemon = runtime.daemon as Process;
    if (rest.length === 0) return yield* this.fatal('ID cannot be empty');
    for (const id of rest) {
      if (command === 'pull') {
        const r = yield* runtime.pullImage(id);
        if (!r.ok) return yield* this.fatal(`pulling image: ${rpcError(r)}`);
        yield* p.out(`Image is up to date for ${r.value.id}\n`);
      } else if (command === 'rmi') {
        const image = runtime.imageOf(id);
        if (!image) return yield* this.fatal(`no such image ${id}`);
        runtime.removeImage(id);
        yield* p.out(`Deleted: ${image.found.name}\n`);
      } else if (command === 'stop' || command === 'rm') {
        const c = this.container(id);
        if (!c) return yield* this.fatal(missing('container', id));
        if (command === 'stop' || flags.has('force')) yield* runtime.stopContainer(c.id, Number(values.get('timeout') ?? 0));
        if (command === 'rm') {
          const r = runtime.removeContainer(c.id);
          if (!r.ok) return yield* this.fatal(`removing container "${id}": ${rpcError(r)}`);
        }
        yield* p.out(`${c.id}\n`);
      } else {
        const s = this.sandbox(id);
        if (!s) return yield* this.fatal(missing('sandbox', id));
        if (command === 'rmp' && s.state === 'Ready' && !flags.has('force'))
          return yield* this.fatal(`remove pod sandbox "${id}": rpc error: code = Unknown desc = sandbox container is not fully stopped`);
        const r = command === 'stopp' ? yield* runtime.stopPodSandbox(daemon, s.id) : yield* runtime.removePodSandbox(daemon, s.id);
        if (!r.ok) return yield* this.fatal(rpcError(r));
        yield* p.out(`${command === 'stopp' ? 'Stopped' : 'Removed'} sandbox ${id}\n`);
      }
    }
    return 0;
  }
}

const missing = (what: string, id: string): string =>
  `rpc error: code = NotFound desc = an error occurred when try to find ${what} "${id}": not found`;

function containerStatus(sim: Sim, c: Container): object {
  const at = (t: Micros): string => (t === 0 ? '0001-01-01T00:00:00Z' : logTime(sim, t));
  return {
    status: {
      annotations: c.config.annotations,
      createdAt: at(c.createdAt),
      exitCode: c.exitCode,
      finishedAt: at(c.finishedAt),
      id: c.id,
      image: { image: c.imageName },
      imageRef: c.imageRef,
      labels: c.config.labels,
      logPath: c.log.path,
      message: c.message,
      metadata: { attempt: c.config.attempt, name: c.config.name },
      mounts: c.config.mounts.map((m) => ({ containerPath: m.containerPath, hostPath: m.hostPath, readonly: m.readonly })),
      reason: c.reason,
      startedAt: at(c.startedAt),
      state: `CONTAINER_${c.state.toUpperCase()}`,
    },
    info: { pid: c.process?.pid ?? 0, sandboxID: c.sandbox.id, runtimeType: 'io.containerd.runc.v2' },
  };
}

function sandboxStatus(sim: Sim, s: Sandbox): object {
  const { config } = s;
  return {
    status: {
      annotations: config.annotations,
      createdAt: logTime(sim, s.createdAt),
      id: s.id,
      labels: {
        ...config.labels,
        'io.kubernetes.pod.name': config.name,
        'io.kubernetes.pod.namespace': config.namespace,
        'io.kubernetes.pod.uid': config.uid,
      },
      linux: {
        namespaces: {
          options: {
            ipc: 'POD',
            network: config.hostNetwork ? 'NODE' : 'POD',
            pid: config.hostPid ? 'NODE' : config.sharedPid ? 'POD' : 'CONTAINER',
          },
        },
      },
      metadata: { attempt: config.attempt, name: config.name, namespace: config.namespace, uid: config.uid },
      network: { additionalIps: s.ips.slice(1).map((ip) => ({ ip })), ip: s.ips[0] ?? '' },
      state: s.state === 'Ready' ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY',
    },
    info: {
      pid: s.pause?.pid ?? 0,
      processStatus: s.pause ? 'running' : 'deleted',
      netNsClosed: s.state !== 'Ready',
      image: 'registry.k8s.io/pause:3.10.1',
      runtimeType: 'io.containerd.runc.v2',
      runtimeSpec: { linux: { namespaces: [{ type: 'network', path: s.netnsPath }] } },
    },
  };
}

export const crictl: Command = {
  name: 'crictl',
  path: '/usr/bin/crictl',
  *main(p) {
    const args = p.argv.slice(1);
    while (args[0]?.startsWith('-')) {
      const a = args.shift() as string;
      if (a === '--version' || a === '-v') {
        yield* p.out('crictl version v1.34.0\n');
        return 0;
      }
      if (a === '--help' || a === '-h') {
        yield* p.out(USAGE);
        return 0;
      }
      if (/^(--runtime-endpoint|-r|--image-endpoint|-i|--timeout|-t|--config|-c)$/.test(a)) args.shift();
      else if (!/^(--runtime-endpoint|--image-endpoint|--timeout|--config)=|^(--debug|-D)$/.test(a)) {
        yield* p.err(`crictl: option ${a} is not emulated\n`);
        return 1;
      }
    }
    const command = args.shift();
    if (command === undefined || command === 'help') {
      yield* p.out(USAGE);
      return 0;
    }
    return yield* new Crictl(p).run(command, args);
  },
};
