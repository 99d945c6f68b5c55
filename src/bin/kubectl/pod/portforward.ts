/** kubectl port-forward: listens here, connects there. Models kubectl/pkg/cmd/portforward and client-go/tools/portforward */

import type { Task } from '../../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, recvTcp } from '../../../os/sockcalls.ts';
import { Threads } from '../../../os/threads.ts';
import type { TcpSocket } from '../../../os/uapi.ts';
import { strerror } from '../../../sim/errno.ts';
import type { WaitQueue } from '../../../sim/wait.ts';
import { type IpAddr, parseIp } from '../../../wire/addr.ts';
import { text } from '../../../wire/bytes.ts';
import { PORT_FORWARD_V4 } from '../../../wire/websocket.ts';
import { Builder } from '../builder.ts';
import { klogLine, POD_RUNNING_TIMEOUT } from '../common.ts';
import { errorText, Failure, failure } from '../errors.ts';
import { at, type JsonObject, list, num, str } from '../json.ts';
import { RemoteSocket } from '../remote/socket.ts';
import { quote } from '../strconv.ts';
import type { Ctx, Verb } from '../verb.ts';
import { podTimeout } from './exec.ts';
import { attachablePod, phaseOf, podPath } from './pods.ts';

interface Forward {
  local: number;
  readonly remote: number;
}

/** splitPort(): `8080:80`, `80`, `:80`. */
function split(port: string): [local: string, remote: string] {
  const parts = port.split(':');
  return parts.length === 2 ? [parts[0] as string, parts[1] as string] : [parts[0] as string, parts[0] as string];
}

const isNumber = (s: string): boolean => /^[-+]?\d+$/.test(s);

function portByName(pod: JsonObject, name: string): number | Failure {
  for (const group of ['containers', 'initContainers'])
    for (const c of list(pod, 'spec', group)) for (const p of list(c, 'ports')) if (str(p, 'name') === name) return num(p, 'containerPort');
  return failure(`Pod '${str(pod, 'metadata', 'name')}' does not have a named port '${name}'`);
}

function servicePortByName(service: JsonObject, name: string): number | Failure {
  const found = list(service, 'spec', 'ports').find((p) => str(p, 'name') === name);
  return found === undefined
    ? failure(`Service '${str(service, 'metadata', 'name')}' does not have a named port '${name}'`)
    : num(found, 'port');
}

/** LookupContainerPortNumberByServicePort() */
function containerPort(service: JsonObject, pod: JsonObject, port: number): number | Failure {
  const found = list(service, 'spec', 'ports').find((p) => num(p, 'port') === port);
  if (found === undefined) return failure(`Service ${str(service, 'metadata', 'name')} does not have a service port ${port}`);
  if (str(service, 'spec', 'clusterIP') === 'None') return port;
  const target = at(found, 'targetPort');
  if (typeof target === 'string') return portByName(pod, target);
  return typeof target === 'number' && target !== 0 ? target : port;
}

/** Ports that are UDP and not TCP too cannot be forwarded. */
function udpOnly(o: JsonObject, ports: readonly string[], service: boolean): Failure | null {
  const all = service ? list(o, 'spec', 'ports') : list(o, 'spec', 'containers').flatMap((c) => list(c, 'ports'));
  const numbers = (protocol: string): Set<number> =>
    new Set(all.filter((p) => (str(p, 'protocol') || 'TCP') === protocol).map((p) => num(p, service ? 'port' : 'containerPort')));
  const [udp, tcp] = [numbers('UDP'), numbers('TCP')];
  for (const port of ports) {
    const remote = split(port)[1];
    const n = isNumber(remote) ? Number(remote) : service ? servicePortByName(o, remote) : portByName(o, remote);
    if (n instanceof Failure) return n;
    if (udp.has(n) && !tcp.has(n)) return failure(`UDP protocol is not supported for ${remote}`);
  }
  return null;
}

/** Names become numbers, Service ports the containers'. */
function translated(object: JsonObject, pod: JsonObject, ports: readonly string[]): string[] | Failure {
  const service = str(object, 'kind') === 'Service';
  const out: string[] = [];
  for (const port of ports) {
    let [local, remote] = split(port);
    if (service) {
      const n = isNumber(remote) ? Number(remote) : servicePortByName(object, remote);
      if (n instanceof Failure) return n;
      if (!isNumber(remote) && local === remote) local = String(n);
      const c = containerPort(object, pod, n);
      if (c instanceof Failure) return c;
      remote = String(c);
    } else {
      if (remote === '') return failure('remote port cannot be empty');
      const same = local === remote;
      const n = isNumber(remote) ? Number(remote) : portByName(pod, remote);
      if (n instanceof Failure) return n;
      remote = isNumber(remote) ? remote : String(n);
      if (same) local = remote;
    }
    out.push(local === remote ? remote : `${local}:${remote}`);
  }
  return out;
}

/** parsePorts() of client-go */
function parsePorts(ports: readonly string[]): Forward[] | Failure {
  const out: Forward[] = [];
  for (const port of ports) {
    const parts = port.split(':');
    if (parts.length > 2) return failure(`invalid port format '${port}'`);
    const [local, remote] = parts.length === 2 ? [parts[0] || '0', parts[1] as string] : [parts[0] as string, parts[0] as string];
    for (const [what, s] of [
      ['local', local],
      ['remote', remote],
    ] as const) {
      if (!/^\d+$/.test(s)) return failure(`error parsing ${what} port '${s}': strconv.ParseUint: parsing ${quote(s)}: invalid syntax`);
      if (Number(s) > 65_535)
        return failure(`error parsing ${what} port '${s}': strconv.ParseUint: parsing ${quote(s)}: value out of range`);
    }
    if (Number(remote) === 0) return failure('remote port must be > 0');
    out.push({ local: Number(local), remote: Number(remote) });
  }
  return out;
}

interface Address {
  readonly address: string;
  readonly family: 4 | 6;
  readonly ip: IpAddr;
  /** What did not work may be passed over (`localhost` means both families). */
  readonly optional: boolean;
}

function addresses(given: readonly string[]): Address[] | Failure {
  const out = new Map<string, Address>();
  for (const a of given) {
    if (a === 'localhost') {
      out.set('127.0.0.1', { address: '127.0.0.1', family: 4, ip: 0x7f000001, optional: true });
      out.set('::1', { address: '::1', family: 6, ip: 1n, optional: true });
      continue;
    }
    const ip = parseIp(a);
    if (ip === null) return failure(`${a} is not a valid IP`);
    if (!out.has(a)) out.set(a, { address: a, family: typeof ip === 'number' ? 4 : 6, ip, optional: false });
  }
  return [...out.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

const shown = (a: Address, port: number): string => (a.family === 6 ? `[${a.address}]:${port}` : `${a.address}:${port}`);

class Forwarder {
  private readonly ctx: Ctx;
  private readonly pod: JsonObject;
  private readonly threads: Threads;
  private readonly listeners: TcpSocket[] = [];
  private lost = false;

  constructor(ctx: Ctx, pod: JsonObject) {
    this.ctx = ctx;
    this.pod = pod;
    this.threads = new Threads(ctx.p);
  }

  /** Listens on every address; the error of one, or null. */
  private *listen(a: Address, f: Forward): Task<string | null> {
    const { p } = this.ctx;
    const sock = openTcp(p, a.family);
    const bound = sock.bind(a.ip, f.local);
    const r = bound.ok ? sock.listen(128) : bound;
    if (!r.ok) {
      closeSocket(p, sock);
      return `unable to create listener: Error listen tcp${a.family} ${shown(a, f.local)}: bind: ${strerror(r.errno).toLowerCase()}`;
    }
    if (f.local === 0) f.local = sock.local.port;
    this.listeners.push(sock);
    yield* this.ctx.out(`Forwarding from ${shown(a, f.local)} -> ${f.remote}\n`);
    this.threads.start(this.serve(sock, f));
    return null;
  }

  /** listenOnPort() of all ports: whether any of them could be had. */
  *start(forwards: readonly Forward[], where: readonly Address[]): Task<Failure | null> {
    let any = false;
    for (const f of forwards) {
      const errors: string[] = [];
      for (const a of where) {
        const wrong = yield* this.listen(a, f);
        if (wrong !== null) errors.push(wrong);
      }
      if (errors.length < where.length && where.every((a) => a.optional || errors.length === 0)) any = true;
      else
        yield* this.ctx.err(
          `Unable to listen on port ${f.local}: Listeners failed to create with the following errors: [${errors.join(' ')}]\n`,
        );
    }
    if (any) return null;
    const ports = forwards.map((f) => `{${f.local} ${f.remote}}`).join(' ');
    return failure(`unable to listen on any of the requested ports: [${ports}]`);
  }

  private *serve(listener: TcpSocket, f: Forward): Task<void> {
    while (!this.lost) {
      const conn = yield* acceptTcp(this.ctx.p, listener);
      if (!conn.ok) return;
      yield* this.ctx.out(`Handling connection for ${f.local}\n`);
      this.threads.start(this.connection(conn.value, f));
    }
  }

  private *broken(f: Forward, cause: string): Task<void> {
    const where = 'portforward.go:424';
    yield* this.ctx.err(
      klogLine(
        this.ctx.p,
        'E',
        where,
        `"Unhandled Error" err=${quote(`an error occurred forwarding ${f.local} -> ${f.remote}: ${cause}`)}`,
      ),
    );
    this.lost = true;
    for (const l of this.listeners) closeSocket(this.ctx.p, l);
  }

  /** One connection over a WebSocket of its own. */
  private *connection(conn: TcpSocket, f: Forward): Task<void> {
    const { ctx } = this;
    const ws = yield* RemoteSocket.dial(ctx.rest, podPath(this.pod, 'portforward'), { ports: f.remote }, [PORT_FORWARD_V4]);
    if (ws instanceof Failure) {
      closeSocket(ctx.p, conn);
      yield* this.broken(f, errorText(ws));
      return;
    }
    let error = '';
    const first = new Set<number>();
    let localOpen = true;
    try {
      for (;;) {
        if (ws.readable) {
          const piece = yield* ws.receive();
          if (piece instanceof Failure || piece === null) break;
          // The first message of each channel names the port.
          if (!first.has(piece.channel)) first.add(piece.channel);
          else if (piece.channel === 1) error += text(piece.data);
          else if (piece.channel === 0) {
            for (let rest = piece.data; rest.length > 0; ) {
              const r = conn.send(rest);
              if (r.ok) rest = rest.subarray(r.value);
              else if (r.errno === 'EAGAIN') yield { on: [conn.wq] };
              else break;
            }
          }
          continue;
        }
        if (localOpen && conn.readable()) {
          const r = yield* recvTcp(conn);
          if (!r.ok || r.value.length === 0) {
            localOpen = false;
            if (!r.ok) break;
            // The client has said all; it is over when it closes, as the remote side cannot be half closed.
            yield* ws.close();
            break;
          }
          yield* ws.send(0, r.value);
          continue;
        }
        const on: WaitQueue[] = localOpen ? [ws.queue, conn.wq] : [ws.queue];
        yield { on };
      }
    } finally {
      closeSocket(ctx.p, conn);
    }
    if (error !== '') yield* this.broken(f, error);
  }

  *run(): Task<Failure | null> {
    yield* this.threads.run();
    return this.lost ? failure('lost connection to pod') : null;
  }
}

function* run(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length < 2) return ctx.usageError('TYPE/NAME and list of ports are required for port-forward');
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const timeout = podTimeout(ctx);
  if (timeout instanceof Failure) return ctx.usageError(timeout.message);
  const ports = ctx.args.slice(1);
  const { infos, error } = yield* new Builder(ctx)
    .continueOnError()
    .namespace(ns.name)
    .resourceNames('pods', ctx.args[0] as string)
    .infos();
  if (error) return error;
  const info = infos[0];
  if (!info) return failure('pod name or resource type/name must be specified');
  const pod = yield* attachablePod(ctx, info, timeout);
  if (pod instanceof Failure) return pod;
  const object = info.object as JsonObject;
  const service = str(object, 'kind') === 'Service';
  const udp = udpOnly(service ? object : pod, ports, service);
  if (udp) return udp;
  const numbers = translated(service ? object : pod, pod, ports);
  if (numbers instanceof Failure) return numbers;
  if (phaseOf(pod) !== 'Running') return failure(`unable to forward port because pod is not running. Current status=${phaseOf(pod)}`);
  const forwards = parsePorts(numbers);
  if (forwards instanceof Failure) return forwards;
  const where = addresses(ctx.list('address'));
  if (where instanceof Failure) return where;
  const forwarder = new Forwarder(ctx, pod);
  const wrong = yield* forwarder.start(forwards, where);
  if (wrong) return wrong;
  return (yield* forwarder.run()) ?? 0;
}

export const portForwardVerb: Verb = {
  name: 'port-forward',
  use: 'port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]',
  short: 'Forward one or more local ports to a pod',
  long: "Forward one or more local ports to a pod.\n\n Use resource type/name such as deployment/mydeployment to select a pod. Resource type defaults to 'pod' if omitted.\n\n If there are multiple pods matching the criteria, a pod will be selected automatically. The forwarding session ends when the selected pod terminates, and a rerun of the command is needed to resume forwarding.",
  example:
    '  # Listen on ports 5000 and 6000 locally, forwarding data to/from ports 5000 and 6000 in the pod\n  kubectl port-forward pod/mypod 5000 6000\n  \n  # Listen on ports 5000 and 6000 locally, forwarding data to/from ports 5000 and 6000 in a pod selected by the deployment\n  kubectl port-forward deployment/mydeployment 5000 6000\n  \n  # Listen on port 8443 locally, forwarding to the targetPort of the service\'s port named "https" in a pod selected by the service\n  kubectl port-forward service/myservice 8443:https\n  \n  # Listen on port 8888 locally, forwarding to 5000 in the pod\n  kubectl port-forward pod/mypod 8888:5000\n  \n  # Listen on port 8888 on all addresses, forwarding to 5000 in the pod\n  kubectl port-forward --address 0.0.0.0 pod/mypod 8888:5000\n  \n  # Listen on port 8888 on localhost and selected IP, forwarding to 5000 in the pod\n  kubectl port-forward --address localhost,10.19.21.23 pod/mypod 8888:5000\n  \n  # Listen on a random port locally, forwarding to 5000 in the pod\n  kubectl port-forward pod/mypod :5000',
  flags: [
    POD_RUNNING_TIMEOUT('1m0s'),
    {
      name: 'address',
      type: 'stringSlice',
      def: '[localhost]',
      usage:
        'Addresses to listen on (comma separated). Only accepts IP addresses or localhost as a value. When localhost is supplied, kubectl will try to bind on both 127.0.0.1 and ::1 and will fail if neither of these addresses are available to bind.',
    },
  ],
  run,
};
