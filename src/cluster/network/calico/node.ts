/** calico-node: readies a node, speaks BGP with the others and masquerades what leaves the pools. Models calico node/pkg/lifecycle/startup, confd with BIRD, felix */

import type { Process, Task } from '../../../os/process.ts';
import type { Command } from '../../../os/program.ts';
import { acceptTcp, closeSocket, openTcp } from '../../../os/sockcalls.ts';
import { Threads } from '../../../os/threads.ts';
import { type NetDevice, RT_TABLE_MAIN } from '../../../os/uapi.ts';
import { SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { formatIp4 } from '../../../wire/addr.ts';
import type { Client, Watch } from '../../api/client.ts';
import type { KubeObject, Node } from '../../api/object.ts';
import { makeDirs } from '../../cni/cache.ts';
import { execute } from '../../cni/exec.ts';
import { enforcePolicies } from '../../policy/agent.ts';
import { type Attributes, BGP_PORT, type Capability, FOUR_OCTETS, IPV4_UNICAST, ip4, type Prefix4, ROUTE_REFRESH } from '../bgp/message.ts';
import { Session, type Speaker } from '../bgp/session.ts';
import { type ApiFor, reachable } from '../network.ts';
import { assign, BLOCKS, type Block, net4, POOLS, type Pool, pools } from './ipam.ts';
import { Routes, setUpTunnel } from './routes.ts';
import { calicoRules } from './rules.ts';

const ADDRESS = 'projectcalico.org/IPv4Address';
const TUNNEL = 'projectcalico.org/IPv4IPIPTunnelAddr';

/** The autonomous system of all nodes. */
export const AS = 64512;
const HOLD_TIME = 240;
const RETRY = 5 * SEC;
const CAPABILITIES: readonly Capability[] = [IPV4_UNICAST, ROUTE_REFRESH, { code: FOUR_OCTETS, value: [] }];

/** Sessions of the daemon on a machine, for calicoctl. */
const daemons = new WeakMap<Process['machine'], ReadonlyMap<string, Session>>();

export const sessionsOn = (machine: Process['machine']): ReadonlyMap<string, Session> | undefined => daemons.get(machine);

export function calicoNodeCommand(api: ApiFor): Command {
  return { name: 'calico-node', path: '/bin/calico-node', main: (p) => main(p, api) };
}

interface Place {
  readonly dev: NetDevice;
  readonly ip: number;
  readonly len: number;
}

/** IP_AUTODETECTION_METHOD=first-found: the address of the interface that the default route leaves by. */
function detect(p: Process): Place | null {
  const dev = p.ns.fib.list(4, RT_TABLE_MAIN).find((r) => r.dst.len === 0)?.nexthops[0]?.dev;
  const addr = dev?.addrs4[0];
  return dev && addr && typeof addr.local === 'number' ? { dev, ip: addr.local, len: addr.len } : null;
}

function* main(p: Process, api: ApiFor): Task<number> {
  const name = p.env.get('NODENAME') || p.hostname;
  const place = detect(p);
  if (!place) {
    yield* p.err(
      "[WARNING] startup/startup.go: Couldn't autodetect an IPv4 address. If auto-detecting, choose a different autodetection method.\n",
    );
    return 1;
  }
  const client = yield* reachable(p, api, (c) => c.list(POOLS).ok && c.get('nodes', '', name).ok, null);
  if (!client) return 1;
  const daemon = new Daemon(p, client, name, place);
  yield* daemon.start();
  return yield* daemon.run();
}

function defaultPool(p: Process): KubeObject {
  const mode = (key: string): string => p.env.get(key) || 'Never';
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPPool',
    metadata: { name: 'default-ipv4-ippool' },
    spec: {
      allowedUses: ['Workload', 'Tunnel'],
      blockSize: 26,
      cidr: p.env.get('CALICO_IPV4POOL_CIDR') || '192.168.0.0/16',
      ipipMode: mode('CALICO_IPV4POOL_IPIP'),
      natOutgoing: true,
      nodeSelector: 'all()',
      vxlanMode: mode('CALICO_IPV4POOL_VXLAN'),
    },
  } as unknown as KubeObject;
}

class Daemon implements Speaker {
  readonly own: number;
  readonly changed = new WaitQueue();
  private readonly p: Process;
  private readonly client: Client;
  private readonly name: string;
  private readonly place: Place;
  private readonly routes: Routes;
  private readonly threads: Threads;
  private readonly sessions = new Map<string, Session>();
  private readonly blocks = new Map<string, Prefix4>();
  /** Prefixes by the peer that told them. */
  private readonly learnedFrom = new Map<number, Map<string, Prefix4>>();
  private readonly poolsChanged = new WaitQueue();
  private stale = true;
  private readonly watches: Watch[] = [];

  constructor(p: Process, client: Client, name: string, place: Place) {
    this.p = p;
    this.client = client;
    this.name = name;
    this.place = place;
    this.own = place.ip;
    this.routes = new Routes(p, place.dev);
    this.threads = new Threads(p);
    daemons.set(p.machine, this.sessions);
  }

  *start(): Task<void> {
    const { p, client, name, place } = this;
    if (pools(client).length === 0) client.create(defaultPool(p));
    makeDirs(p, '/var/lib/calico');
    p.writeFile('/var/lib/calico/nodename', name);
    const annotations: Record<string, string> = { [ADDRESS]: `${formatIp4(place.ip)}/${place.len}` };
    const tunnelled = pools(client).some((x) => (x.spec.ipipMode ?? 'Never') !== 'Never');
    if (tunnelled) {
      const addr = this.tunnelAddress();
      if (typeof addr === 'number') {
        setUpTunnel(p, place.dev, addr);
        annotations[TUNNEL] = formatIp4(addr);
      } else yield* p.err(`${addr}\n`);
    }
    p.writeFile('/proc/sys/net/ipv4/ip_forward', '1');
    client.patch('nodes', '', name, 'merge', { metadata: { annotations } });
    const condition = { type: 'NetworkUnavailable', status: 'False', reason: 'CalicoIsUp', message: 'Calico is running on this node' };
    client.patch('nodes', '', name, 'strategic', { status: { conditions: [condition] } }, { subresource: 'status' });
    this.routes.pools = pools(client);
    yield* this.writeRules(tunnelled ? 'tunl0' : null);
  }

  private tunnelAddress(): number | string {
    const node = this.client.get<Node>('nodes', '', this.name);
    const before = node.ok ? node.value.metadata.annotations?.[TUNNEL] : undefined;
    if (before) return ip4(before);
    return assign(this.client, this.name, `ipip-tunnel-addr-${this.name}`, { node: this.name, type: 'ipipTunnelAddress' }, null);
  }

  private *writeRules(tunnel: string | null): Task<void> {
    yield* this.writeSets();
    const there = yield* execute(this.p, ['iptables', '-t', 'nat', '-S', 'cali-POSTROUTING']);
    const r = yield* execute(this.p, ['iptables-restore', '--noflush', '--wait'], {
      stdin: calicoRules(tunnel, there.ok && there.value.status === 0),
    });
    if (!r.ok || r.value.status !== 0)
      yield* this.p.err(`[WARNING] felix/table.go: Failed to execute ip(6)tables-restore command ${r.ok ? r.value.stderr : r.errno}\n`);
  }

  /** Which pools there are, and from which ones traffic is masqueraded. */
  private *writeSets(): Task<void> {
    const lines: string[] = [];
    const sets: readonly (readonly [string, (x: Pool) => boolean])[] = [
      ['cali40all-ipam-pools', (): boolean => true],
      ['cali40masq-ipam-pools', (x): boolean => x.spec.natOutgoing === true],
    ];
    for (const [set, member] of sets) {
      lines.push(`create ${set} hash:net family inet maxelem 1048576`, `flush ${set}`);
      for (const x of pools(this.client)) if (member(x)) lines.push(`add ${set} ${x.spec.cidr}`);
    }
    yield* execute(this.p, ['ipset', 'restore', '-exist'], { stdin: `${lines.join('\n')}\n` });
  }

  *run(): Task<number> {
    const { client } = this;
    this.watches.push(
      client.watch<Node>('nodes', {}, (e) => this.nodeEvent(e.type, e.object)),
      client.watch<Block>(BLOCKS, {}, (e) => this.blockEvent(e.type, e.object)),
      client.watch<Pool>(POOLS, {}, () => {
        this.stale = true;
        this.poolsChanged.wakeAll();
      }),
    );
    this.threads.start(this.listen());
    this.threads.start(this.keepPools());
    this.threads.start(enforcePolicies(this.p, client, this.name, 'iptables'));
    try {
      yield* this.threads.run();
    } finally {
      for (const w of this.watches) w.stop();
      daemons.delete(this.p.machine);
    }
    return 0;
  }

  private *keepPools(): Task<void> {
    for (;;) {
      if (this.stale) {
        this.stale = false;
        this.routes.pools = pools(this.client);
        yield* this.writeSets();
      }
      yield { on: [this.poolsChanged] };
    }
  }

  private *listen(): Task<void> {
    const { p } = this;
    const listener = openTcp(p);
    listener.opt.reuseAddr = true;
    const bound = listener.bind(0, BGP_PORT);
    if (!bound.ok || !listener.listen(8).ok) {
      yield* p.err('bird: Socket error: bind: Address already in use\n');
      return;
    }
    for (;;) {
      const r = yield* acceptTcp(p, listener);
      if (!r.ok) return;
      const session = [...this.sessions.values()].find((s) => s.peer === r.value.remote?.addr);
      if (session) session.accept(r.value);
      else closeSocket(p, r.value);
    }
  }

  private nodeEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', node: Node): void {
    const name = node.metadata.name ?? '';
    if (name === this.name) return;
    const address = node.metadata.annotations?.[ADDRESS]?.split('/')[0];
    const now = this.sessions.get(name);
    const peer = type === 'DELETED' || !address ? null : ip4(address);
    if (now && now.peer === peer) return;
    now?.stop();
    this.sessions.delete(name);
    if (peer === null) return;
    // Of two nodes the one with the higher address connects.
    const session = new Session(this.p, this, {
      peer,
      as: AS,
      peerAs: AS,
      id: this.own,
      source: this.own,
      role: this.own > peer ? 'active' : 'passive',
      hold: HOLD_TIME,
      capabilities: CAPABILITIES,
      retry: () => RETRY,
      replaces: true,
    });
    this.sessions.set(name, session);
    this.threads.start(session.run());
    // The main loop must look at its threads again.
    this.changed.wakeAll();
    this.poolsChanged.wakeAll();
  }

  private blockEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', { spec }: Block): void {
    const mine = type !== 'DELETED' && spec.affinity === `host:${this.name}`;
    if (mine === this.blocks.has(spec.cidr)) return;
    const net = net4(spec.cidr);
    if (mine) {
      this.blocks.set(spec.cidr, net);
      this.routes.blackhole(net);
    } else {
      this.blocks.delete(spec.cidr);
      this.routes.unblackhole(net);
    }
    this.changed.wakeAll();
  }

  announced(): readonly Prefix4[] {
    return [...this.blocks.values()];
  }

  learned({ peer }: Session, prefixes: readonly Prefix4[], { nexthop }: Attributes): void {
    const known = this.learnedFrom.get(peer) ?? new Map<string, Prefix4>();
    this.learnedFrom.set(peer, known);
    for (const x of prefixes) {
      known.set(`${x.addr}/${x.len}`, x);
      this.routes.add(x, nexthop);
    }
  }

  withdrawn({ peer }: Session, prefixes: readonly Prefix4[]): void {
    const known = this.learnedFrom.get(peer);
    for (const x of prefixes) if (known?.delete(`${x.addr}/${x.len}`)) this.routes.del(x);
  }

  lost({ peer }: Session): void {
    for (const x of this.learnedFrom.get(peer)?.values() ?? []) this.routes.del(x);
    this.learnedFrom.delete(peer);
  }
}
