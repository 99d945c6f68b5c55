/** Journeys of packets in the static world W1: what each hop says, and that looking changes nothing. */

import { expect, test } from 'vitest';
import { runCommand } from '../../os/run.ts';
import { TraceHash } from '../../sim/trace.ts';
import { WORLDS, type World } from '../world.ts';
import { Inquiry } from './inquiry.ts';
import { BOUNDS, type Bounds, Recorder } from './recorder.ts';
import type { HopView, JourneyView, ListAsk, StepView } from './told.ts';

const ALL: ListAsk & { what: 'list' } = { what: 'list', filter: '', flow: 0, ref: 0, own: false, max: 1000 };

class Lens {
  readonly world: World;
  readonly inquiry: Inquiry;

  constructor(bounds: Bounds = BOUNDS) {
    this.world = (WORLDS.w1 as (seed: number) => World)(1);
    const machines = new Map([...this.world.hosts.values()].map((h) => [h.machine.hostname, h.machine]));
    const recorder = new Recorder(
      this.world.sim,
      (host) => {
        const p = machines.get(host)?.current;
        return p ? { pid: p.pid, login: p.argv[0] === 'ping' || p.argv[0] === 'curl' ? 1 : 0 } : null;
      },
      bounds,
    );
    this.inquiry = new Inquiry(this.world, recorder);
  }

  run(host: string, ...commands: string[]): this {
    const h = this.world.hosts.get(host);
    if (!h) throw new Error(`no host ${host}`);
    for (const c of commands) runCommand(h.machine, c, { ns: h.ns });
    return this;
  }

  /** The first packet that a filter finds. */
  first(filter: string): JourneyView {
    const root = this.list(filter).packets[0]?.root;
    const journey = root === undefined ? null : this.inquiry.ask({ what: 'journey', root });
    if (!journey) throw new Error(`no packet fits ${filter}`);
    return journey;
  }

  list(filter: string, more: Partial<ListAsk> = {}) {
    return this.inquiry.ask({ ...ALL, filter, ...more });
  }
}

const way = (j: JourneyView): string[] => j.hops.map((h) => `${h.title} ${h.end}`);
const hop = (j: JourneyView, title: string): HopView => j.hops.find((h) => h.title === title) as HopView;
const step = (h: HopView, kind: StepView['kind']): StepView => h.steps.find((s) => s.kind === kind && !s.minor) as StepView;
const changes = (h: HopView): string[] => h.diff.changed.map((c) => `${c.layer} ${c.field} ${c.before} > ${c.after}`);

test("a pod to another node's pod: through the tunnel, headers put around and taken off", () => {
  const j = new Lens().run('web-a', 'ping -c1 10.244.2.7').first('icmp[0] = 8');
  expect(way(j)).toEqual(['pod web-a sent', 'node-1 sent', 'switch sent', 'node-2 sent', 'pod web-c delivered']);
  expect(j.end).toBe('arrived at pod web-c');
  expect(j.line.text).toMatch(/^09:00:03\.\d{6} IP 10\.244\.1\.5 > 10\.244\.2\.7: ICMP echo request, id \d+, seq 1, length 64$/);
  const node1 = hop(j, 'node-1');
  expect(node1.diff.added.map((l) => l.name)).toEqual(['Ethernet', 'IPv4', 'UDP', 'VXLAN']);
  expect(changes(node1)).toContain('IPv4 TTL 64 > 63');
  expect(step(node1, 'wrap').text).toBe('wrapped in VXLAN 1 192.168.56.11 -> 192.168.56.12');
  expect(step(node1, 'route')).toMatchObject({ code: '10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink', more: 'table main' });
  expect(step(node1, 'neigh').code).toBe('10.244.2.0 dev flannel.1 lladdr 5e:00:00:00:02:01');
  const node2 = hop(j, 'node-2');
  expect(node2.diff.removed.map((l) => l.name)).toEqual(['Ethernet', 'IPv4', 'UDP', 'VXLAN']);
  expect(step(node2, 'rule').code).toContain('-A FLANNEL-FWD -s 10.244.0.0/16');
  expect(j.caused.map((c) => c.text).join('\n')).toContain('ICMP echo reply');
});

test('a pod to a Service: the rule that rewrote it, and the answer rewritten back by its entry', () => {
  const lens = new Lens().run('client-pod', 'curl -sm1 10.96.10.20');
  const j = lens.first('tcp[tcpflags] == tcp-syn');
  expect(j.line.rewritten).toBe(true);
  const nat = step(hop(j, 'node-1'), 'nat');
  expect(nat.text).toMatch(/^destination rewritten: 10\.96\.10\.20:80 -> 10\.244\.\d\.\d:8080$/);
  const rule = hop(j, 'node-1').steps.find((s) => s.code.includes('-j DNAT'));
  expect(rule?.table).toBe('nat');
  const back = lens.first('tcp[tcpflags] == tcp-syn|tcp-ack');
  expect(back.line.text).toContain('IP 10.96.10.20.80 > 10.244.1.9.');
  expect(back.hops.flatMap((h) => h.steps).find((s) => s.kind === 'nat')).toMatchObject({
    text: expect.stringMatching(/^source rewritten: 10\.244\.\d\.\d:8080 -> 10\.96\.10\.20:80, as the connection's entry says$/),
    code: expect.stringContaining('SYN_RECV src=10.244.1.9 dst=10.96.10.20'),
  });
  const { flows } = lens.list('tcp');
  expect(flows).toMatchObject([{ rewritten: true, dropped: 0, own: true }]);
  expect(flows[0]?.label).toMatch(/^10\.244\.1\.9:\d+ -> 10\.96\.10\.20:80 TCP$/);
});

test('from outside to a node port: both addresses rewritten, masquerade named', () => {
  const j = new Lens().run('client', 'curl -sm1 192.168.56.12:30080').first('tcp[tcpflags] == tcp-syn');
  const node = hop(j, 'node-2');
  expect(node.steps.filter((s) => s.kind === 'nat').map((s) => s.hook)).toEqual(['PREROUTING', 'POSTROUTING']);
  expect(node.steps.find((s) => s.code.includes('-j MASQUERADE'))?.chain).toBe('KUBE-POSTROUTING');
  expect(changes(node).join()).toContain('IPv4 source 192.168.56.50 > 10.244.2.0');
  expect(node.conntrack.join('\n')).toMatch(/tcp +6 \d+ SYN_SENT src=192\.168\.56\.50 dst=192\.168\.56\.12 /);
});

test.each([
  [
    'a rule of FORWARD',
    'node-1',
    'iptables -I FORWARD -s 10.244.1.5 -j DROP',
    'web-a',
    'ping -c1 -W1 10.244.2.7',
    'node-1: dropped by filter FORWARD rule 1',
  ],
  [
    'REJECT',
    'node-1',
    'iptables -A FORWARD -j REJECT; iptables -I FORWARD -s 10.244.1.5 -j REJECT',
    'web-a',
    'ping -c1 -W1 10.244.2.7',
    'node-1: rejected by filter FORWARD rule 1',
  ],
  [
    'a policy',
    'node-2',
    'iptables -F FORWARD; iptables -P FORWARD DROP',
    'web-a',
    'ping -c1 -W1 10.244.2.7',
    'node-2: dropped by the policy of filter FORWARD',
  ],
  ['no route', 'client', 'true', 'client', 'ping -c1 -W1 10.9.9.9', 'rtr: no route leads to the destination'],
  ['time to live', 'client', 'true', 'web-a', 'ping -c1 -W1 -t1 10.244.2.7', 'node-1: its time to live ran out'],
  ['ARP', 'client', 'true', 'web-a', 'ping -c1 -W4 10.244.2.99', 'node-2: nobody answered ARP for the next hop'],
  [
    'nftables',
    'node-1',
    "nft 'add table inet t { chain c { type filter hook forward priority 0; ip saddr 10.244.1.5 drop; }; }'",
    'web-a',
    'ping -c1 -W1 10.244.2.7',
    'node-1: dropped by t c rule 1',
  ],
])('dropped: %s', (_, where, change, host, command, end) => {
  const j = new Lens().run(where, change).run(host, command).first('icmp[0] = 8');
  expect(j.end).toBe(end);
  expect(j.why).not.toBe('');
  expect(j.line.verdict).toBe('dropped');
});

test('a failed reverse path check shows the route that leads back', () => {
  const lens = new Lens().run('node-2', 'sysctl -w net.ipv4.conf.eth0.rp_filter=1');
  const j = lens
    .run('client', 'ping -c1 192.168.56.12', 'ip addr add 10.244.1.77/32 dev lo', 'ping -c1 -W1 -I 10.244.1.77 192.168.56.12')
    .first('icmp and src 10.244.1.77');
  expect(j.end).toBe('node-2: the reverse path check (rp_filter) failed');
  expect(step(hop(j, 'node-2'), 'drop').code).toBe('10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink');
});

test('the table and the rule of policy routing that chose it', () => {
  const lens = new Lens().run('client', 'ip rule add fwmark 7 lookup 100', 'ip route add 10.9.0.0/16 via 192.168.56.11 table 100');
  const j = lens
    .run('client', 'iptables -t mangle -A OUTPUT -d 10.9.9.9 -j MARK --set-mark 7', 'ping -c1 -W1 10.9.9.9')
    .first('icmp[0] = 8');
  const routes = hop(j, 'client').steps.filter((s) => s.kind === 'route');
  expect(routes.at(-1)).toMatchObject({
    code: '10.9.0.0/16 via 192.168.56.11 dev eth0 table 100',
    more: 'table 100, by rule 32765: from all fwmark 0x7 lookup 100',
  });
});

test('a rule and a route lead to the packets that they touched', () => {
  const lens = new Lens().run('web-a', 'ping -c1 10.244.2.7', 'ping -c1 10.244.1.6');
  const { tables } = lens.inquiry.ask({ what: 'rules', space: 'node-1' });
  const line = tables.flatMap((t) => t.chains.flatMap((c) => c.rules)).find((r) => r.text.includes('10.244.2.0/24 via 10.244.2.0'));
  expect(line?.hits).toBe(1);
  const touched = lens.list('', { ref: line?.ref ?? 0 }).packets;
  expect(touched.map((p) => p.text.replace(/.*IP /, '').replace(/:.*/, ''))).toEqual(['10.244.1.5 > 10.244.2.7']);
  expect(lens.inquiry.ask({ what: 'describe', ref: line?.ref ?? 0 })).toEqual({ text: line?.text, place: 'node-1: ip route' });
});

test("filters are tcpdump's, and so is what it says of those that are none", () => {
  const lens = new Lens().run('web-a', 'ping -c1 10.244.2.7', 'curl -sm1 10.244.1.6:8080');
  expect(lens.list('arp').packets.every((p) => p.text.includes(' ARP, '))).toBe(true);
  expect(lens.list('host web-c and icmp').packets).toHaveLength(2);
  expect(lens.list('udp port 8472').packets).toHaveLength(2);
  expect(lens.list('tcp port').error).toBe("tcpdump: can't parse filter expression: syntax error");
  expect(lens.list('host nosuch').error).toBe("tcpdump: unknown host 'nosuch'");
});

test('a capture opens in tcpdump, of one device and of all', () => {
  const lens = new Lens().run('web-a', 'ping -c1 10.244.2.7');
  const node = lens.world.hosts.get('node-1');
  const read = (space: string, dev: string): string => {
    const { bytes } = lens.inquiry.ask({ ...ALL, what: 'pcap', filter: 'icmp', space, dev });
    node?.machine.init.writeFile('/tmp/x.pcap', bytes);
    const r = node && runCommand(node.machine, 'tcpdump -nr /tmp/x.pcap');
    return `${r?.stderr}${r?.stdout}`;
  };
  expect(read('node-1', 'flannel.1')).toMatch(
    /^reading from file \/tmp\/x\.pcap, link-type EN10MB \(Ethernet\), snapshot length 262144\n\S+ IP 10\.244\.1\.5 > 10\.244\.2\.7: ICMP echo request.*\n\S+ IP 10\.244\.2\.7 > 10\.244\.1\.5: ICMP echo reply.*\n$/,
  );
  const all = read('', '');
  expect(all).toContain('link-type LINUX_SLL2 (Linux cooked v2)');
  expect(all).toMatch(/ Out IP 192\.168\.56\.11\.\d+ > 192\.168\.56\.12\.8472: OTV/);
});

test('what is kept is bounded', () => {
  const lens = new Lens({ ...BOUNDS, packets: 40 }).run('web-a', 'ping -c100 -i 0.01 10.244.1.6');
  const l = lens.list('');
  expect(l.kept).toBeLessThanOrEqual(41);
  expect(l.kept + l.forgotten).toBeGreaterThanOrEqual(200);
});

test('watching changes nothing', () => {
  const digest = (watched: boolean): string => {
    const world = (WORLDS.w1 as (seed: number) => World)(1);
    const hash = new TraceHash();
    world.sim.trace.listen(hash.listener);
    const inquiry = watched ? new Inquiry(world, new Recorder(world.sim, () => null)) : null;
    const h = world.hosts.get('web-a');
    for (const c of ['ping -c2 10.244.2.7', 'curl -sm1 10.96.10.20', 'ping -c1 -W1 10.244.2.99']) {
      if (h) runCommand(h.machine, c, { ns: h.ns });
      for (const p of inquiry?.ask(ALL).packets ?? []) inquiry?.ask({ what: 'journey', root: p.root });
      inquiry?.ask({ what: 'rules', space: 'node-1' });
    }
    return `${hash.digest()} ${hash.count} ${world.sim.now} ${world.sim.steps}`;
  };
  expect(digest(true)).toBe(digest(false));
});
