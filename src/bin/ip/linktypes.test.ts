/** Every kind of link carries a ping between two namespaces; what cuts a path does cut it. */

import { describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { DEBIAN_6_1 } from '../../net/profile.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

interface Lab {
  readonly sim: Sim;
  readonly machine: Machine;
  /** Runs lines one after another; each must succeed and its output is joined. */
  sh(text: string): string;
  ping(from: string, to: string): boolean;
}

/** Namespaces a and b with a veth pair `u` between them: 192.168.0.1 and .2, fd00::1 and ::2. */
function lab(): Lab {
  const sim = new Sim(1);
  const machine = new Machine(new Kernel(sim, 'host', DEBIAN_6_1), commands);
  const sh = (text: string): string => {
    let out = '';
    for (const line of text.trim().split(/\n\s*/)) {
      const r = runCommand(machine, line);
      expect([line, r.exitCode, r.stderr]).toEqual([line, 0, '']);
      out += r.stdout;
    }
    return out;
  };
  sh(`ip netns add a
    ip netns add b
    ip -n a link add u type veth peer name u netns b`);
  for (const [ns, n] of [
    ['a', 1],
    ['b', 2],
  ] as const) {
    sh(`ip -n ${ns} addr add 192.168.0.${n}/24 dev u
      ip -n ${ns} addr add fd00::${n}/64 dev u nodad
      ip -n ${ns} link set u up
      ip -n ${ns} link set lo up`);
  }
  sim.runUntil(sim.now + 2 * SEC);
  const ping = (from: string, to: string): boolean =>
    runCommand(machine, `ip netns exec ${from} ping -c 2 -i 0.2 -W 1 ${to}`).stdout.includes(' 0% packet loss');
  return { sim, machine, sh, ping };
}

const TUNNEL = 'local {me} remote {peer}';
const TUNNEL6 = 'local {me6} remote {peer6}';

/** The link named tt in each namespace; {me} and {peer} stand for the addresses of the two ends. */
const KINDS: readonly (readonly [name: string, add: string, family?: 6])[] = [
  ['ipip', `ip link add tt type ipip ${TUNNEL}`],
  ['gre', `ip link add tt type gre ${TUNNEL} key 7`],
  ['gretap', `ip link add tt type gretap ${TUNNEL}`],
  ['sit', `ip link add tt type sit ${TUNNEL}`, 6],
  ['ip6tnl', `ip link add tt type ip6tnl mode any ${TUNNEL6}`],
  ['ip6tnl with IPv6 inside', `ip link add tt type ip6tnl ${TUNNEL6}`, 6],
  ['ip6gre', `ip link add tt type ip6gre ${TUNNEL6}`],
  ['ip6gretap', `ip link add tt type ip6gretap ${TUNNEL6}`],
  ['geneve', 'ip link add tt type geneve id 9 remote {peer}'],
  ['geneve over IPv6', 'ip link add tt type geneve id 9 remote {peer6}'],
  ['vxlan', `ip link add tt type vxlan id 9 dstport 4789 ${TUNNEL}`],
  ['vxlan over IPv6', `ip link add tt type vxlan id 9 dstport 4789 ${TUNNEL6}`],
  ['vlan', 'ip link add link u name tt type vlan id 10'],
  ['vlan in vlan', 'ip link add link u name o type vlan id 10 && ip link set o up && ip link add link o name tt type vlan id 20'],
  ['vlan of 802.1ad', 'ip link add link u name tt type vlan protocol 802.1ad id 10 egress-qos-map 0:3'],
  ['macvlan', 'ip link add link u name tt type macvlan mode bridge'],
  ['ipvlan l2', 'ip link add link u name tt type ipvlan mode l2'],
  ['bridge', 'ip link set u nomaster && ip link add tt type bridge && ip link set u master tt'],
  ['bond active-backup', 'ip link set u down && ip link add tt type bond mode active-backup miimon 100 && ip link set u master tt'],
  ['bond balance-rr', 'ip link set u down && ip link add tt type bond mode balance-rr miimon 100 && ip link set u master tt'],
];

describe('a ping goes through', () => {
  test.each(KINDS.map(([name, add, family]) => ({ name, add, family })))('$name', ({ add, family }) => {
    const { sim, sh, ping } = lab();
    const address = (n: number): string => (family === 6 ? `fd09::${n}` : `10.9.0.${n}`);
    for (const [ns, me, peer] of [
      ['a', 1, 2],
      ['b', 2, 1],
    ] as const) {
      const line = add
        .replaceAll('{me}', `192.168.0.${me}`)
        .replaceAll('{peer}', `192.168.0.${peer}`)
        .replaceAll('{me6}', `fd00::${me}`)
        .replaceAll('{peer6}', `fd00::${peer}`)
        .replace(/\bip (?=link|tunnel)/g, `ip -n ${ns} `);
      sh(`${line}
        ip -n ${ns} addr add ${address(me)}/${family === 6 ? '64 nodad' : '24'} dev tt
        ip -n ${ns} link set tt up`);
    }
    sim.runUntil(sim.now + 20 * SEC);
    expect(ping('a', address(2))).toBe(true);
    // The inner packets count on the link itself, not on another path.
    expect(sh('ip -n b -s link show tt')).toMatch(/RX:.*\n +\d{2,} +[1-9]/);
    sh('ip -n b link set tt down');
    expect(ping('a', address(2))).toBe(false);
  });
});

test('ip tunnel makes tunnels in the first namespace, where the fallback devices are', () => {
  const { sh, ping } = lab();
  sh(`ip link add v type veth peer name v netns b
    ip addr add 172.16.0.1/24 dev v
    ip link set v up
    ip -n b addr add 172.16.0.2/24 dev v
    ip -n b link set v up
    ip tunnel add tt mode gre local 172.16.0.1 remote 172.16.0.2 key 5 ttl 64
    ip addr add 10.9.0.1/24 dev tt
    ip link set tt up
    ip -n b link add tt type gre local 172.16.0.2 remote 172.16.0.1 key 5
    ip -n b addr add 10.9.0.2/24 dev tt
    ip -n b link set tt up`);
  expect(ping('b', '10.9.0.1')).toBe(true);
  expect(sh('ip tunnel show tt')).toBe('tt: gre/ip remote 172.16.0.2 local 172.16.0.1 ttl 64 key 5\n');
  sh('ip tunnel change tt key 6');
  expect(ping('b', '10.9.0.1')).toBe(false);
});

test('two macvlans in bridge mode reach each other, in private mode not', () => {
  const { sh, ping } = lab();
  for (const mode of ['bridge', 'private']) {
    const reaches = mode === 'bridge';
    sh(`ip netns add m1${mode}
      ip netns add m2${mode}`);
    for (const n of [1, 2]) {
      const ns = `m${n}${mode}`;
      sh(`ip -n a link add link u name x netns ${ns} type macvlan mode ${mode}
        ip -n ${ns} addr add 10.8.0.${n}/24 dev x
        ip -n ${ns} link set x up`);
    }
    expect(ping(`m1${mode}`, '10.8.0.2')).toBe(reaches);
  }
});

test('ipvlan l3 routes between its devices and answers no ARP', () => {
  const { sh, ping } = lab();
  for (const n of [1, 2]) {
    sh(`ip netns add i${n}
      ip -n a link add link u name x netns i${n} type ipvlan mode l3
      ip -n i${n} addr add 10.8.${n}.1/24 dev x
      ip -n i${n} link set x up
      ip -n i${n} route add default dev x`);
  }
  expect(ping('i1', '10.8.2.1')).toBe(true);
});

test('a VRF keeps its routes and its addresses to itself', () => {
  const { sh, ping } = lab();
  sh(`ip -n a link add red type vrf table 10
    ip -n a link set red up
    ip -n a link set u master red`);
  expect(ping('a', '192.168.0.2')).toBe(false);
  expect(sh('ip netns exec a ip vrf exec red ping -c 1 -W 1 192.168.0.2')).toContain(' 0% packet loss');
  expect(ping('b', '192.168.0.1')).toBe(true);
  expect(sh('ip -n a route show vrf red')).toContain('192.168.0.0/24 dev u');
});

/** Bridges s1 and s2 with two cables between them, and a host on each. */
function loop(stp: 0 | 1): Lab {
  const l = lab();
  l.sh(`ip netns add s1
    ip netns add s2
    ip netns add h1
    ip netns add h2
    ip -n s1 link add br0 address 02:00:00:00:00:01 type bridge stp_state ${stp}
    ip -n s2 link add br0 address 02:00:00:00:00:02 type bridge stp_state ${stp}
    ip -n s1 link add c1 type veth peer name c1 netns s2
    ip -n s1 link add c2 type veth peer name c2 netns s2
    ip -n h1 link add eth0 type veth peer name p netns s1
    ip -n h2 link add eth0 type veth peer name p netns s2
    ip -n h1 addr add 10.7.0.1/24 dev eth0
    ip -n h2 addr add 10.7.0.2/24 dev eth0
    ip -n h1 link set eth0 up
    ip -n h2 link set eth0 up`);
  for (const s of ['s1', 's2']) for (const p of ['c1', 'c2', 'p']) l.sh(`ip -n ${s} link set ${p} master br0 up`);
  l.sh(`ip -n s1 link set br0 up
    ip -n s2 link set br0 up`);
  return l;
}

test('spanning tree cuts a loop, and heals it when a cable fails', () => {
  const { sim, sh, ping } = loop(1);
  sim.runUntil(sim.now + 40 * SEC);
  const states = sh('ip netns exec s1 bridge link show') + sh('ip netns exec s2 bridge link show');
  expect(states.match(/state blocking/g)).toHaveLength(1);
  expect(ping('h1', '10.7.0.2')).toBe(true);
  sh('ip -n s1 link set c1 down');
  sim.runUntil(sim.now + 60 * SEC);
  expect(ping('h1', '10.7.0.2')).toBe(true);
});

test('without spanning tree a broadcast goes round and round', () => {
  const { machine, sh } = loop(0);
  runCommand(machine, 'ip netns exec h1 ping -c 1 -W 0.01 10.7.0.9');
  expect(Number(sh('ip netns exec s1 cat /sys/class/net/c1/statistics/tx_packets'))).toBeGreaterThan(1000);
});

test('VLAN filtering keeps two VLANs of one bridge apart', () => {
  const { sim, sh, ping } = lab();
  sh('ip link add br0 type bridge vlan_filtering 1\nip link set br0 up');
  for (const n of [1, 2, 3]) {
    sh(`ip netns add h${n}
      ip -n h${n} link add eth0 type veth peer name p${n} netns 1
      ip -n h${n} addr add 10.6.0.${n}/24 dev eth0
      ip -n h${n} link set eth0 up
      ip link set p${n} master br0 up`);
  }
  sim.runUntil(sim.now + 2 * SEC);
  expect(ping('h1', '10.6.0.2')).toBe(true);
  sh(`bridge vlan add dev p1 vid 10 pvid untagged
    bridge vlan add dev p3 vid 10 pvid untagged
    bridge vlan del dev p1 vid 1
    bridge vlan del dev p3 vid 1`);
  expect(ping('h1', '10.6.0.3')).toBe(true);
  expect(ping('h1', '10.6.0.2')).toBe(false);
});

test('a bridge of 802.1ad carries tags of 802.1Q inside its own', () => {
  const { sim, sh, ping } = lab();
  sh('ip link add br0 type bridge vlan_filtering 1 vlan_protocol 802.1ad\nip link set br0 up');
  for (const n of [1, 2]) {
    sh(`ip netns add h${n}
      ip -n h${n} link add eth0 type veth peer name p${n} netns 1
      ip -n h${n} link set eth0 up
      ip -n h${n} link add link eth0 name c10 type vlan id 10 ingress-qos-map 3:5
      ip -n h${n} addr add 10.6.0.${n}/24 dev c10
      ip -n h${n} link set c10 up
      ip link set p${n} master br0 up
      bridge vlan add dev p${n} vid 200 pvid untagged`);
  }
  sim.runUntil(sim.now + 2 * SEC);
  expect(ping('h1', '10.6.0.2')).toBe(true);
  expect(sh('bridge fdb show dev p1')).toMatch(/vlan 200 master br0 \n/);
  expect(sh('ip -n h1 -d link show c10')).toContain('vlan protocol 802.1Q id 10 <REORDER_HDR> \n      ingress-qos-map { 3:5 } ');
});

test('tags of a bridge cross a tunnel that is its port', () => {
  const { sim, sh, ping } = lab();
  for (const [ns, me, peer] of [
    ['a', 1, 2],
    ['b', 2, 1],
  ] as const) {
    sh(`ip -n ${ns} link add br0 type bridge vlan_filtering 1
      ip -n ${ns} link set br0 up
      ip -n ${ns} link add vx type vxlan id 5 dstport 4789 local 192.168.0.${me} remote 192.168.0.${peer}
      ip -n ${ns} link set vx master br0 up
      ip -n ${ns} link add link br0 name v10 type vlan id 10
      ip -n ${ns} addr add 10.5.0.${me}/24 dev v10
      ip -n ${ns} link set v10 up
      ip netns exec ${ns} bridge vlan add dev vx vid 10
      ip netns exec ${ns} bridge vlan add dev br0 vid 10 self`);
  }
  sim.runUntil(sim.now + 2 * SEC);
  expect(ping('a', '10.5.0.2')).toBe(true);
  sh('ip netns exec b bridge vlan del dev vx vid 10');
  expect(ping('a', '10.5.0.2')).toBe(false);
});

test('VLANs of a bridge map to networks of one external VXLAN', () => {
  const { sim, sh, ping } = lab();
  for (const [ns, me, peer] of [
    ['a', 1, 2],
    ['b', 2, 1],
  ] as const) {
    sh(`ip -n ${ns} link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0
      ip -n ${ns} link set br0 up
      ip -n ${ns} link add vx type vxlan external dstport 4789 local 192.168.0.${me}
      ip -n ${ns} link set vx master br0 up
      ip netns exec ${ns} bridge link set dev vx vlan_tunnel on`);
    // The ids of the VLANs are the host's own affair.
    for (const [vid, net] of [
      [10 + me, 1010],
      [20 + me, 1020],
    ] as const) {
      sh(`ip netns exec ${ns} bridge vlan add dev vx vid ${vid}
        ip netns exec ${ns} bridge vlan add dev vx vid ${vid} tunnel_info id ${net}
        ip netns exec ${ns} bridge fdb add 00:00:00:00:00:00 dev vx dst 192.168.0.${peer} src_vni ${net}
        ip netns exec ${ns} bridge vlan add dev br0 vid ${vid} self
        ip -n ${ns} link add link br0 name n${net} type vlan id ${vid}
        ip -n ${ns} addr add 10.${net - 1000}.0.${me}/24 dev n${net}
        ip -n ${ns} link set n${net} up`);
    }
  }
  sim.runUntil(sim.now + 2 * SEC);
  expect(ping('a', '10.10.0.2')).toBe(true);
  expect(ping('a', '10.20.0.2')).toBe(true);
  sh('ip netns exec a bridge fdb del 00:00:00:00:00:00 dev vx dst 192.168.0.2 src_vni 1020\nip -n a neigh flush dev n1020');
  expect(ping('a', '10.20.0.2')).toBe(false);
  expect(ping('a', '10.10.0.2')).toBe(true);
});
