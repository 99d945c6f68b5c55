/** The emulator's side of the comparison: the same networks, the same ping, nginx and a client that does what `ab -c 1` does. */

import { commands } from '../src/bin/index.ts';
import { Kernel } from '../src/net/kernel.ts';
import type { Netns } from '../src/net/netns.ts';
import { Machine } from '../src/os/machine.ts';
import type { Program } from '../src/os/program.ts';
import { drive, runCommand, startCommand } from '../src/os/run.ts';
import { closeSocket, connectTcp, openTcp, recvTcp, sendTcp } from '../src/os/sockcalls.ts';
import { SEC, Sim } from '../src/sim/sim.ts';
import { parseIp4 } from '../src/wire/addr.ts';
import { type Network, nginxConf, PAGE } from './networks.ts';

export interface Emulated {
  readonly sim: Sim;
  readonly machine: Machine;
  readonly net: Network;
  ns(name: string): Netns;
}

/** @throws Error when a line fails. */
export function emulate(net: Network): Emulated {
  const sim = new Sim(1);
  const machine = new Machine(new Kernel(sim, 'bench'), commands);
  const ns = (name: string): Netns => machine.kernel.named.get(name) as Netns;
  const must = (argv: string[], where?: Netns): void => {
    const r = runCommand(machine, argv, where ? { ns: where } : {});
    if (r.exitCode !== 0 || r.stderr !== '') throw new Error(`${argv.join(' ')}: ${r.stderr}`);
  };
  for (const name of net.namespaces) must(['ip', 'netns', 'add', name]);
  for (const [where, line] of net.lines) must(line.replace('@', '').split(' '), ns(where));
  sim.runUntil(sim.now + 3 * SEC);
  return { sim, machine, net, ns };
}

/** Round trips a second of `ping -f -q -c COUNT`, by the wall clock. */
export function floodPing({ machine, net, ns }: Emulated, count: number): number {
  const start = performance.now();
  const r = runCommand(machine, ['ping', '-f', '-q', '-c', String(count), net.address], {
    ns: ns(net.client),
    limits: { micros: 1e12, steps: 1e9 },
  });
  const seconds = (performance.now() - start) / 1000;
  if (!r.stdout.includes(`${count} received, 0% packet loss`)) throw new Error(r.stdout + r.stderr);
  return count / seconds;
}

/** The request of ApacheBench 2.3. */
const request = (host: string): Uint8Array =>
  new TextEncoder().encode(`GET / HTTP/1.0\r\nHost: ${host}\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n`);

/** One connection after another: connect, request, read to the end, close. */
function client(host: string, count: number, done: (ok: number) => void): Program {
  return function* (p) {
    const addr = parseIp4(host) as number;
    const message = request(host);
    let good = 0;
    for (let i = 0; i < count; i++) {
      const sock = openTcp(p);
      const connected = yield* connectTcp(sock, addr, 80);
      if (!connected.ok) continue;
      yield* sendTcp(sock, message);
      let size = 0;
      for (;;) {
        const r = yield* recvTcp(sock);
        if (!r.ok || r.value.length === 0) break;
        size += r.value.length;
      }
      if (size > PAGE.length) good++;
      closeSocket(p, sock);
    }
    done(good);
    return 0;
  };
}

export function startNginx({ sim, machine, net, ns }: Emulated): void {
  machine.init.mkdir('/tmp/bench');
  machine.init.writeFile('/tmp/bench/index.html', PAGE);
  machine.init.writeFile('/tmp/bench/nginx.conf', nginxConf('/tmp/bench'));
  const job = startCommand(machine, ['nginx', '-c', '/tmp/bench/nginx.conf'], { ns: ns(net.server) });
  sim.runUntil(sim.now + SEC);
  if (job.done) throw new Error(job.stderr);
}

/** Connections a second by the wall clock, with nginx running. */
export function httpConnections({ sim, machine, net, ns }: Emulated, count: number, address = net.address): number {
  let good = -1;
  const start = performance.now();
  machine.init.fork(
    client(address, count, (n) => {
      good = n;
    }),
    { ns: ns(net.client) },
  );
  drive(sim, () => good >= 0, { micros: 1e12, steps: 1e9 });
  const seconds = (performance.now() - start) / 1000;
  if (good !== count) throw new Error(`${good} of ${count} connections were answered`);
  return count / seconds;
}

/** Milliseconds that `iptables-restore --noflush` takes for the rules. */
export function restore({ machine, net, ns }: Emulated, input: string): number {
  const start = performance.now();
  const r = runCommand(machine, ['iptables-restore', '--noflush'], { ns: ns(net.node), stdin: input });
  const ms = performance.now() - start;
  if (r.exitCode !== 0) throw new Error(r.stderr);
  return ms;
}
