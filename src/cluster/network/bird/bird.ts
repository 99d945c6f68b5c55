/** bird: learns routes over BGP and writes the best ones into the kernel. Models BIRD 2.0.12 */

import type { Process, Task } from '../../../os/process.ts';
import type { Command } from '../../../os/program.ts';
import { acceptTcp, closeSocket, openTcp } from '../../../os/sockcalls.ts';
import { startThread } from '../../../os/thread.ts';
import { IFF_LOOPBACK, type NetDevice } from '../../../os/uapi.ts';
import { MS, SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { inPrefix } from '../../../wire/addr.ts';
import { type Attributes, BGP_PORT, type Capability, FOUR_OCTETS, IPV4_UNICAST, type Prefix4, ROUTE_REFRESH } from '../bgp/message.ts';
import { type Announcement, Session, type Speaker } from '../bgp/session.ts';
import { RTPROT_BIRD } from '../calico/routes.ts';
import { type BgpProtocol, type Config, ConfigError, type KernelProtocol, type Protocol, parseBirdConfig } from './config.ts';

export const VERSION = '2.0.12';
export const CONFIG_PATH = '/etc/bird/bird.conf';
export const SOCKET_PATH = '/run/bird/bird.ctl';
const KERNEL_METRIC = 32;
/** How often a neighbour that no interface reaches is looked for. */
const LOOK = 5 * SEC;

/** Graceful restart with 120 s, enhanced route refresh, long-lived graceful restart. */
export const CAPABILITIES: readonly Capability[] = [
  IPV4_UNICAST,
  ROUTE_REFRESH,
  { code: 64, value: [0, 120] },
  { code: FOUR_OCTETS, value: [] },
  { code: 70, value: [] },
  { code: 71, value: [] },
];

/** A route of the table. */
export interface Rte {
  readonly dst: Prefix4;
  readonly from: Peering;
  readonly attributes: Attributes;
  readonly since: number;
}

/** One BGP protocol of the configuration. */
export class Peering implements Speaker {
  readonly changed = new WaitQueue();
  readonly proto: BgpProtocol;
  readonly stats = { accepted: 0, withdraws: 0, exports: 0, own: 0 };
  session: Session | null = null;
  private readonly bird: Bird;

  constructor(bird: Bird, proto: BgpProtocol) {
    this.bird = bird;
    this.proto = proto;
  }

  announced(): readonly Announcement[] {
    return [];
  }

  learned(_: Session, prefixes: readonly Prefix4[], attributes: Attributes): void {
    if (!this.proto.imports) return;
    this.stats.accepted += prefixes.length;
    for (const dst of prefixes) this.bird.put(this, dst, attributes);
  }

  withdrawn(_: Session, prefixes: readonly Prefix4[]): void {
    for (const dst of prefixes) if (this.bird.drop(this, dst)) this.stats.withdraws++;
  }

  lost(): void {
    this.bird.dropAll(this);
  }

  log(_: Session, text: string): void {
    this.bird.log('RMT', `${this.proto.name}: ${text}`);
  }
}

const keyOf = ({ addr, len }: Prefix4): string => `${addr}/${len}`;

/** Negative when `a` is better; 0 for routes that may be used side by side. */
function preference(a: Rte, b: Rte): number {
  const [x, y] = [a.attributes, b.attributes];
  const med = x.asPath[0] === y.asPath[0] ? (x.med ?? 0) - (y.med ?? 0) : 0;
  return (y.localPref ?? 100) - (x.localPref ?? 100) || x.asPath.length - y.asPath.length || x.origin - y.origin || med;
}

/** Among equals: the neighbour with the lower identifier, then the lower address. */
const tie = (a: Rte, b: Rte): number =>
  (a.from.session?.open?.id ?? 0) - (b.from.session?.open?.id ?? 0) || (a.from.session?.peer ?? 0) - (b.from.session?.peer ?? 0);

export class Bird {
  readonly p: Process;
  readonly path: string;
  readonly booted: number;
  config: Config;
  configured: number;
  ending = false;
  readonly nudge = new WaitQueue();
  readonly peerings = new Map<string, Peering>();
  readonly disabled = new Set<string>();
  /** When a protocol was last started or stopped. */
  readonly since = new Map<string, number>();
  private readonly table = new Map<string, Rte[]>();
  private readonly installed = new Map<string, Prefix4>();

  constructor(p: Process, path: string, config: Config) {
    this.p = p;
    this.path = path;
    this.config = config;
    this.booted = p.sim.now;
    this.configured = p.sim.now;
  }

  // ---- protocols

  begin(): void {
    for (const proto of this.config.protocols) this.startProtocol(proto);
  }

  private startProtocol(proto: Protocol): void {
    this.since.set(proto.name, this.p.sim.now);
    if (proto.kind === 'bgp') {
      const peering = new Peering(this, proto);
      this.peerings.set(proto.name, peering);
      startThread(this.p, this.peer(peering));
    } else if (proto.kind === 'kernel') this.syncAll();
  }

  private stopProtocol(proto: Protocol, subcode: number): void {
    this.since.set(proto.name, this.p.sim.now);
    if (proto.kind === 'bgp') {
      const peering = this.peerings.get(proto.name);
      this.peerings.delete(proto.name);
      peering?.session?.stop(subcode);
      if (peering) this.dropAll(peering);
    } else if (proto.kind === 'kernel') this.syncAll();
  }

  /** Waits until an interface reaches the neighbour, then speaks with it. */
  private *peer(peering: Peering): Task<void> {
    const { p } = this;
    const { neighbor, as, peerAs, source, passive, hold, connectDelay, errorWait } = peering.proto;
    const here = (): boolean => this.peerings.get(peering.proto.name) === peering;
    while (here() && !this.interfaceTo(neighbor ?? 0)) yield { on: [this.nudge], until: p.sim.now + LOOK };
    if (!here()) return;
    const session = new Session(p, peering, {
      peer: neighbor ?? 0,
      as: as ?? 0,
      peerAs: peerAs ?? 0,
      id: this.routerId,
      source: source ?? undefined,
      role: passive ? 'passive' : 'both',
      hold,
      capabilities: CAPABILITIES,
      delay: connectDelay * SEC,
      retry: () => connectDelay * SEC,
      errorWait: errorWait * SEC,
      endOfRib: true,
    });
    peering.session = session;
    yield* session.run();
  }

  /** The one that is given, or the lowest address. */
  get routerId(): number {
    if (this.config.routerId !== null) return this.config.routerId;
    const all = this.devices().flatMap((d) => d.addrs4.map((a) => Number(a.local)));
    return all.length === 0 ? 0 : Math.min(...all);
  }

  private devices(): NetDevice[] {
    return [...this.p.ns.devices.values()].filter((d) => d.up && (d.flags & IFF_LOOPBACK) === 0);
  }

  interfaceTo(ip: number): NetDevice | undefined {
    return this.devices().find((d) => d.addrs4.some((a) => a.local !== ip && inPrefix(ip, a.local, a.len)));
  }

  enable(name: string): boolean {
    if (!this.disabled.delete(name)) return false;
    this.log('INFO', `Enabling protocol ${name}`);
    const proto = this.config.protocols.find((x) => x.name === name);
    if (proto) this.startProtocol(proto);
    return true;
  }

  disable(name: string): boolean {
    if (this.disabled.has(name)) return false;
    this.log('INFO', `Disabling protocol ${name}`);
    this.disabled.add(name);
    const proto = this.config.protocols.find((x) => x.name === name);
    if (proto) this.stopProtocol(proto, 2);
    return true;
  }

  restart(name: string): boolean {
    const proto = this.config.protocols.find((x) => x.name === name);
    if (!proto || this.disabled.has(name)) return false;
    this.log('INFO', `Restarting protocol ${name}`);
    this.stopProtocol(proto, 4);
    this.startProtocol(proto);
    return true;
  }

  /** Takes a new configuration over; what is the same in it goes on. */
  reconfigure(config: Config): void {
    this.log('INFO', 'Reconfiguring');
    const before = new Map(this.config.protocols.map((x) => [x.name, x]));
    const now = new Map(config.protocols.map((x) => [x.name, x]));
    const same = (a: Protocol, b: Protocol | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);
    const anew = config.routerId !== this.config.routerId;
    for (const [name, proto] of before)
      if (anew || !same(proto, now.get(name))) {
        if (!this.disabled.has(name)) this.stopProtocol(proto, now.has(name) ? 4 : 3);
        if (!now.has(name)) {
          this.disabled.delete(name);
          this.since.delete(name);
        }
      }
    this.config = config;
    this.configured = this.p.sim.now;
    for (const [name, proto] of now) if ((anew || !same(proto, before.get(name))) && !this.disabled.has(name)) this.startProtocol(proto);
    this.syncAll();
    this.log('INFO', 'Reconfigured');
  }

  // ---- the table master4

  put(from: Peering, dst: Prefix4, attributes: Attributes): void {
    const rest = (this.table.get(keyOf(dst)) ?? []).filter((r) => r.from !== from);
    // A next hop that is not on the neighbour's own link is not believed.
    if (!this.interfaceTo(attributes.nexthop)) return;
    this.decide(dst, [...rest, { dst, from, attributes, since: this.p.sim.now }]);
  }

  drop(from: Peering, dst: Prefix4): boolean {
    const all = this.table.get(keyOf(dst)) ?? [];
    if (!all.some((r) => r.from === from)) return false;
    this.decide(
      dst,
      all.filter((r) => r.from !== from),
    );
    return true;
  }

  dropAll(from: Peering): void {
    for (const all of [...this.table.values()]) {
      const own = all.find((r) => r.from === from);
      if (own) this.drop(from, own.dst);
    }
  }

  private decide(dst: Prefix4, routes: readonly Rte[]): void {
    const before = this.table.get(keyOf(dst))?.[0];
    const sorted = [...routes].sort((a, b) => preference(a, b) || tie(a, b));
    if (sorted.length === 0) this.table.delete(keyOf(dst));
    else this.table.set(keyOf(dst), sorted);
    if (sorted[0] && sorted[0] !== before)
      for (const peering of this.peerings.values()) {
        peering.stats.exports++;
        if (sorted[0].from === peering) peering.stats.own++;
      }
    this.sync(dst);
  }

  /** Routes by prefix, the best one first. */
  routes(): readonly (readonly Rte[])[] {
    return [...this.table.values()].sort(
      (a, b) => (a[0] as Rte).dst.addr - (b[0] as Rte).dst.addr || (a[0] as Rte).dst.len - (b[0] as Rte).dst.len,
    );
  }

  // ---- the kernel

  get kernel(): KernelProtocol | undefined {
    return this.config.protocols.find((x): x is KernelProtocol => x.kind === 'kernel' && x.exports && !this.disabled.has(x.name));
  }

  private sync(dst: Prefix4): void {
    const { kernel } = this;
    const all = this.table.get(keyOf(dst)) ?? [];
    const best = all[0];
    const { fib } = this.p.ns;
    if (!kernel || !best) {
      if (this.installed.delete(keyOf(dst))) fib.del({ family: 4, dst, proto: RTPROT_BIRD, metric: KERNEL_METRIC });
      return;
    }
    const used = all.filter((r) => preference(best, r) === 0).slice(0, kernel.merge);
    const nexthops = [...new Set(used.map((r) => r.attributes.nexthop))]
      .sort((a, b) => a - b)
      .map((gateway) => ({ gateway, dev: this.interfaceTo(gateway) ?? null }));
    fib.add({ family: 4, dst, proto: RTPROT_BIRD, metric: KERNEL_METRIC, nexthops }, 'replace');
    this.installed.set(keyOf(dst), dst);
  }

  private syncAll(): void {
    for (const dst of [...this.installed.values()]) this.sync(dst);
    for (const [best] of this.table.values()) if (best) this.sync(best.dst);
  }

  flush(): void {
    if (this.kernel?.persist) return;
    for (const dst of this.installed.values()) this.p.ns.fib.del({ family: 4, dst, proto: RTPROT_BIRD, metric: KERNEL_METRIC });
    this.installed.clear();
  }

  // ---- the daemon

  log(level: 'INFO' | 'RMT' | 'FATAL', text: string): void {
    const { p } = this;
    if (!this.config.logs.includes('stderr')) return;
    const stamp = new Date(p.sim.epochMs + Math.floor(p.sim.now / 1000)).toISOString().replace('T', ' ').slice(0, 23);
    this.lines.push(`${stamp} <${level}> ${text}\n`);
    this.nudge.wakeAll();
  }

  private readonly lines: string[] = [];

  *run(): Task<number> {
    const { p } = this;
    for (const signal of ['TERM', 'INT'] as const)
      p.onSignal(signal, () => {
        this.down();
      });
    p.onSignal('HUP', () => {
      const again = readConfig(p, this.path);
      if (typeof again !== 'string') this.reconfigure(again);
    });
    startThread(p, this.listen());
    this.begin();
    this.log('INFO', 'Started');
    try {
      for (;;) {
        for (const line of this.lines.splice(0)) yield* p.err(line);
        if (this.ending) break;
        yield { on: [this.nudge] };
      }
      // The sessions still say why.
      yield { until: p.sim.now + 10 * MS };
      yield* p.err(this.config.logs.includes('stderr') ? this.lastWord() : '');
      return 0;
    } finally {
      this.flush();
    }
  }

  private lastWord(): string {
    this.log('FATAL', 'Shutdown completed');
    return this.lines.splice(0).join('');
  }

  down(): void {
    if (this.ending) return;
    this.log('INFO', 'Shutting down');
    this.ending = true;
    for (const { session } of this.peerings.values()) session?.stop(2);
    this.nudge.wakeAll();
  }

  private *listen(): Task<void> {
    const { p } = this;
    const listener = openTcp(p);
    listener.opt.reuseAddr = true;
    if (!listener.bind(0, BGP_PORT).ok || !listener.listen(8).ok) {
      yield* p.err('<ERR> BGP: Socket error: bind: Address already in use\n');
      return;
    }
    for (;;) {
      const r = yield* acceptTcp(p, listener);
      if (!r.ok) {
        if (r.errno === 'EINTR' || r.errno === 'ECONNABORTED') continue;
        return;
      }
      const session = [...this.peerings.values()].find((x) => x.session?.peer === r.value.remote?.addr)?.session;
      if (session) session.accept(r.value);
      else closeSocket(p, r.value);
    }
  }
}

/** Daemons by machine and the path of their control socket. */
const daemons = new WeakMap<Process['machine'], Map<string, Bird>>();

export const birdAt = (p: Process, socket: string): Bird | undefined => daemons.get(p.machine)?.get(socket);

/** What the file says, or what is wrong with it. */
export function readConfig(p: Process, path: string): Config | string {
  const text = p.readText(path);
  if (text === null) return `Unable to open configuration file ${path}: No such file or directory`;
  try {
    return parseBirdConfig(text);
  } catch (e) {
    if (e instanceof ConfigError) return `${path}:${e.message}`;
    throw e;
  }
}

const USAGE = 'Usage: bird [--version] [--help] [-c <config-file>] [OPTIONS]\n';

function* main(p: Process): Task<number> {
  let path = CONFIG_PATH;
  let socket = SOCKET_PATH;
  let foreground = false;
  let test = false;
  const args = p.argv.slice(1);
  if (args[0] === '--version') {
    yield* p.err(`BIRD version ${VERSION}\n`);
    return 0;
  }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '-f') foreground = true;
    else if (arg === '-p') test = true;
    else if (arg === '-c' && args[i + 1] !== undefined) path = args[++i] as string;
    else if (arg === '-s' && args[i + 1] !== undefined) socket = args[++i] as string;
    else {
      yield* p.err(
        /^-[dDglPRu]/.test(arg) ? `bird: option ${arg} is not emulated\n` : `bird: invalid option -- '${arg[1] ?? ''}'\n\n${USAGE}`,
      );
      return 1;
    }
  }
  const config = readConfig(p, path);
  if (typeof config === 'string') {
    yield* p.err(`bird: ${config}\n`);
    return 1;
  }
  if (test) return 0;
  if (birdAt(p, socket)) {
    yield* p.err(`bird: I found another BIRD running.\n`);
    return 1;
  }
  if (!foreground) {
    const started = p.spawn([p.argv[0] as string, '-f', '-c', path, '-s', socket], { newSession: true });
    return started.ok ? 0 : 1;
  }
  const bird = new Bird(p, path, config);
  const all = daemons.get(p.machine) ?? new Map<string, Bird>();
  daemons.set(p.machine, all);
  all.set(socket, bird);
  try {
    return yield* bird.run();
  } finally {
    all.delete(socket);
  }
}

export const bird: Command = { name: 'bird', path: '/usr/sbin/bird', main };
