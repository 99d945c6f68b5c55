/** kubelet's server on port 10250: logs, exec, attach, port-forward, stats, health. Models pkg/kubelet/server */

import type { Task } from '../../../os/process.ts';
import { openTcp } from '../../../os/sockcalls.ts';
import type { Stream } from '../../../os/stream.ts';
import { digest } from '../../../os/tls/primitives.ts';
import { SEC } from '../../../sim/sim.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { acceptKey, PORT_FORWARD_V4, REMOTE_COMMAND_V5 } from '../../../wire/websocket.ts';
import { microsOf } from '../../api/time.ts';
import { emitResponse, type Header, headerOf, type RequestHead } from '../../l7/http1.ts';
import { serveHttps } from '../../l7/serve.ts';
import type { Container } from '../runtime/types.ts';
import type { Kubelet } from './context.ts';
import { attach, Channels, exec, portForward } from './remote.ts';
import { attemptsOf } from './status.ts';
import { resourceMetrics } from './usage.ts';

const PORT = 10250;

export function* serveKubelet(kubelet: Kubelet): Task<void> {
  const { p } = kubelet;
  const listener = openTcp(p, 6);
  listener.opt.reuseAddr = true;
  const bound = listener.bind(0n, PORT);
  const r = bound.ok ? listener.listen(128) : bound;
  if (!r.ok) {
    kubelet.log('E', 'server.go:245', 'Failed to listen and serve', { err: `listen tcp 0.0.0.0:${PORT}: bind: address already in use` });
    return;
  }
  yield* serveHttps(p, listener, {
    name: 'kubelet',
    subject: () => [
      ['O', 'system:nodes'],
      ['CN', `system:node:${kubelet.config.nodeName}`],
    ],
    answer: (session, head) => handle(kubelet, session, head),
  });
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

function* respond(stream: Stream, { status, type = 'text/plain; charset=utf-8', body }: Answer): Task<boolean> {
  const data = utf8(body);
  const headers: Header[] = [
    ['Content-Type', type],
    ['Content-Length', String(data.length)],
  ];
  const reason = status === 200 ? 'OK' : status === 404 ? 'Not Found' : status === 400 ? 'Bad Request' : 'Internal Server Error';
  return (yield* stream.send(emitResponse({ status, reason, headers }, data))).ok;
}

const decode = (s: string): string => {
  try {
    return decodeURIComponent(s.replaceAll('+', ' '));
  } catch {
    return s;
  }
};

/** False when the connection is used up. */
function* handle(kubelet: Kubelet, stream: Stream, head: RequestHead): Task<boolean> {
  const [path = '', query = ''] = head.target.split(/\?(.*)/s);
  const pairs = query
    .split('&')
    .filter((x) => x !== '')
    .map((x) => [decode(x.split('=')[0] as string), decode(x.slice(x.indexOf('=') + 1))] as const);
  const one = (name: string): string | undefined => pairs.find(([k]) => k === name)?.[1];
  const parts = path.split('/').slice(1).map(decode);
  const [verb = '', namespace = '', pod = '', ...more] = parts;
  if (verb === 'healthz') return yield* respond(stream, { status: 200, body: 'ok' });
  if (path === '/metrics/resource')
    return yield* respond(stream, { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: resourceMetrics(kubelet) });
  if (verb === 'pods' || verb === 'runningpods')
    return yield* respond(stream, {
      status: 200,
      type: 'application/json',
      body: JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [...kubelet.workers.values()].map((w) => w.pod) }),
    });
  if (!['containerLogs', 'exec', 'attach', 'portForward'].includes(verb))
    return yield* respond(stream, { status: 404, body: '404 page not found\n' });
  // Of several of the same name, one of which is still ending, the newest; kuberuntime's GetPods sorts so.
  const worker = [...kubelet.workers.values()].findLast((w) => w.pod.metadata.name === pod && w.pod.metadata.namespace === namespace);
  if (!worker) return yield* respond(stream, { status: 404, body: `pod "${pod}" not found` });
  const all = worker.containers();
  if (verb === 'containerLogs') {
    const name = more[0] ?? '';
    const attempts = attemptsOf(all, name);
    const previous = one('previous') === 'true';
    const c = previous
      ? attempts.filter((x) => x.state === 'Exited').at(attempts.at(-1)?.state === 'Exited' && attempts.length > 1 ? -2 : -1)
      : attempts.at(-1);
    if (!c || c.state === 'Created') {
      const wait = worker
        .status()
        .containerStatuses?.concat(worker.status().initContainerStatuses ?? [])
        .find((s) => s.name === name)?.state?.waiting;
      const why = previous
        ? `previous terminated container "${name}" in pod "${pod}" not found`
        : `container "${name}" in pod "${pod}" is waiting to start: ${waitText(wait?.reason, wait?.message)}`;
      return yield* respond(stream, { status: 400, body: why });
    }
    return yield* logs(kubelet, stream, c, one);
  }
  const c = attemptsOf(all, verb === 'portForward' ? (all[0]?.config.name ?? '') : (more.at(-1) ?? '')).at(-1);
  if (!c || c.state !== 'Running')
    return yield* respond(stream, {
      status: 404,
      body:
        verb === 'portForward'
          ? `unable to forward port because pod is not running. Current status=Pending`
          : `container not found ("${more.at(-1) ?? ''}")`,
    });
  const key = headerOf(head.headers, 'sec-websocket-key');
  if (!key) return yield* respond(stream, { status: 400, body: 'Upgrade request required' });
  const offered = (headerOf(head.headers, 'sec-websocket-protocol') ?? '').split(/,\s*/);
  const protocol = verb === 'portForward' ? PORT_FORWARD_V4 : REMOTE_COMMAND_V5;
  const agreed = offered.includes(protocol) ? protocol : (offered.find((o) => /^v[45]\.channel\.k8s\.io$/.test(o)) ?? protocol);
  const accept = acceptKey(key, (data) => digest('sha1', data));
  yield* stream.send(
    emitResponse(
      {
        status: 101,
        reason: 'Switching Protocols',
        headers: [
          ['Upgrade', 'websocket'],
          ['Connection', 'Upgrade'],
          ['Sec-WebSocket-Accept', accept],
          ['Sec-WebSocket-Protocol', agreed],
        ],
      },
      new Uint8Array(0),
    ),
  );
  const channels = new Channels(stream);
  const truth = (name: string): boolean => one(name) === '1' || one(name) === 'true';
  const wanted = {
    command: pairs.filter(([k]) => k === 'command').map(([, v]) => v),
    stdin: truth('input'),
    stdout: truth('output'),
    stderr: truth('error'),
    tty: truth('tty'),
  };
  if (verb === 'exec') yield* exec(kubelet, c, wanted, channels);
  else if (verb === 'attach') yield* attach(kubelet, c, wanted, channels);
  else {
    const ports = pairs.filter(([k]) => k === 'port' || k === 'ports').flatMap(([, v]) => v.split(',').map(Number));
    yield* portForward(kubelet, c, ports, channels);
  }
  // What still queues up goes out before the connection is closed.
  for (let i = 0; i < 1000 && channels.waiting > 0; i++) yield { until: kubelet.sim.now + 1000 };
  return false;
}

function waitText(reason = 'ContainerCreating', message = ''): string {
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff')
    return /pull/.test(message) && reason === 'ErrImagePull' ? "image can't be pulled" : 'trying and failing to pull image';
  return reason;
}

// ---- logs

interface Line {
  readonly time: string;
  readonly stream: string;
  readonly text: string;
}

function parse(line: string): Line {
  const [time = '', stream = '', tag = ''] = line.split(' ', 3);
  const rest = line.slice(time.length + stream.length + tag.length + 3);
  return { time, stream, text: tag === 'P' ? rest : `${rest}\n` };
}

const chunk = (s: string): Uint8Array => {
  const data = utf8(s);
  const head = utf8(`${data.length.toString(16)}\r\n`);
  const out = new Uint8Array(head.length + data.length + 2);
  out.set(head);
  out.set(data, head.length);
  out.set([13, 10], head.length + data.length);
  return out;
};

function* logs(kubelet: Kubelet, stream: Stream, c: Container, one: (name: string) => string | undefined): Task<boolean> {
  const { sim } = kubelet;
  const follow = one('follow') === 'true';
  const timestamps = one('timestamps') === 'true';
  const limit = one('limitBytes') === undefined ? Number.POSITIVE_INFINITY : Number(one('limitBytes'));
  const tail = one('tailLines') === undefined ? Number.POSITIVE_INFINITY : Number(one('tailLines'));
  const seconds = one('sinceSeconds');
  const since =
    seconds !== undefined
      ? sim.now - Number(seconds) * SEC
      : one('sinceTime') !== undefined
        ? microsOf(sim, one('sinceTime') as string)
        : Number.NEGATIVE_INFINITY;
  const only = one('stream')?.toLowerCase();
  yield* stream.send(
    emitResponse(
      {
        status: 200,
        reason: 'OK',
        headers: [
          ['Content-Type', 'text/plain'],
          ['Transfer-Encoding', 'chunked'],
        ],
      },
      new Uint8Array(0),
    ),
  );
  let seen = 0;
  let sent = 0;
  const show = (from: number, max: number): string => {
    const lines = c.log.read().split('\n');
    lines.pop();
    if (lines.length < seen) seen = 0;
    let fresh = lines.slice(from > lines.length ? 0 : from).map(parse);
    seen = lines.length;
    if (since > Number.NEGATIVE_INFINITY) fresh = fresh.filter((l) => microsOf(sim, l.time) >= since);
    if (only && only !== 'all') fresh = fresh.filter((l) => l.stream === only);
    if (fresh.length > max) fresh = max === 0 ? [] : fresh.slice(-max);
    let out = fresh.map((l) => (timestamps ? `${l.time} ${l.text}` : l.text)).join('');
    if (sent + out.length > limit) out = out.slice(0, limit - sent);
    sent += out.length;
    return out;
  };
  let textNow = show(0, tail);
  for (;;) {
    if (textNow !== '' && !(yield* stream.send(chunk(textNow))).ok) return false;
    if (!follow || sent >= limit) break;
    if (c.state === 'Exited') {
      const last = show(seen, Number.POSITIVE_INFINITY);
      if (last !== '') yield* stream.send(chunk(last));
      break;
    }
    yield { on: [c.log.grew], until: sim.now + 5 * SEC };
    textNow = show(seen, Number.POSITIVE_INFINITY);
    // A client that has gone is noticed when its end of the connection says so.
    if (stream.readable() && textNow === '') {
      const r = yield* stream.recv(1, sim.now);
      if (!r.ok ? r.errno !== 'EAGAIN' : r.value.length === 0) return false;
    }
  }
  yield* stream.send(utf8('0\r\n\r\n'));
  return true;
}
