/** ip and its relatives: abbreviations, JSON layout, and recorded steps of a real Linux as text. */

import { describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { arp } from '../arp/arp.ts';
import { bridge } from '../bridge/bridge.ts';
import { sysctl } from '../sysctl/sysctl.ts';
import { batchLines, batchWords, ip, objects } from './ip.ts';
import { byPrefix, matches, unsigned } from './lib/args.ts';
import { maskLen, parsePrefix } from './lib/inet.ts';
import { JsonWriter } from './lib/json.ts';

/** A machine with the network commands; `$` runs a line of words, `settle` lets carrier and duplicate detection finish. */
function host() {
  const sim = new Sim(1);
  const machine = new Machine(new Kernel(sim, 'node'), [arp, bridge, ip, sysctl]);
  const $ = (line: string) => runCommand(machine, line.split(' '));
  return { $, settle: () => sim.runUntil(sim.now + 3 * SEC) };
}

describe('abbreviations', () => {
  const rows: [string, string | undefined][] = [
    ['a', 'address'],
    ['addrl', 'addrlabel'],
    ['m', 'maddress'],
    ['mo', 'monitor'],
    ['r', 'route'],
    ['ru', 'rule'],
    ['n', 'neighbor'],
    ['net', 'netns'],
    ['nex', 'nexthop'],
    ['l', 'link'],
    ['l2', 'l2tp'],
    ['', undefined],
    ['linkx', undefined],
  ];
  test.each(rows)('ip %s is %s: table order decides', (word, name) => {
    expect(byPrefix(objects, word)?.name).toBe(name);
  });

  test('matches() never takes the empty word', () => {
    expect(matches('', 'show')).toBe(false);
    expect(matches('sh', 'show')).toBe(true);
  });
});

describe('words', () => {
  test.each([
    ['10', 10],
    ['0x10', 16],
    ['010', 8],
    ['1x', null],
    ['4294967296', null],
  ])('unsigned %s', (text, n) => expect(unsigned(text)).toBe(n));

  test.each([
    ['10.0.0.1/24', { addr: 0x0a000001, len: 24, any: false }],
    ['10.1', { addr: 0x0a010000, len: null, any: false }],
    ['10.0.0.1/33', null],
    ['300.0.0.1/24', null],
    ['fd00::1/129', null],
    ['10.0.0.0/255.255.0.0', { addr: 0x0a000000, len: 16, any: false }],
    ['default', { addr: 0, len: 0, any: true }],
  ])('prefix %s', (text, p) => expect(parsePrefix(text, 0)).toEqual(p));

  test('maskLen refuses holes', () => {
    expect(maskLen('255.255.255.0')).toBe(24);
    expect(maskLen('255.0.255.0')).toBeNull();
  });

  test('batch lines keep quoted words together', () => {
    expect(batchWords('link set a alias "uplink to pod" # no comment here')).toContain('uplink to pod');
    expect(batchWords('  # only a comment')).toBeNull();
    expect(batchLines('a \\\n b # c\nd')).toEqual([
      { line: 'a  b ', number: 2 },
      { line: 'd', number: 3 },
    ]);
  });
});

test('pretty JSON is laid out as iproute2 does it', () => {
  const w = new JsonWriter(true);
  w.startArray();
  w.startObject();
  w.name('dst');
  w.value('default');
  w.name('flags');
  w.startArray();
  w.endArray();
  w.endObject();
  w.startObject();
  w.name('flags');
  w.startArray();
  w.value('A');
  w.value('B');
  w.endArray();
  w.endObject();
  w.endArray();
  expect(w.take()).toBe('[ {\n        "dst": "default",\n        "flags": [ ]\n    },{\n        "flags": [ "A","B" ]\n    } ]');
});

describe('recorded on Linux', () => {
  test('links of a veth pair: names, flags, states', () => {
    const { $, settle } = host();
    expect($('ip link').stdout).toBe(
      '1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n',
    );
    $('ip link add eth0 address 02:42:0a:00:00:02 type veth peer name peer0 address 02:42:0a:00:00:01');
    $('ip link set eth0 up');
    settle();
    expect($('ip -br link').stdout).toBe(
      'lo               DOWN           00:00:00:00:00:00 <LOOPBACK> \npeer0@eth0       DOWN           02:42:0a:00:00:01 <BROADCAST,MULTICAST> \neth0@peer0       LOWERLAYERDOWN 02:42:0a:00:00:02 <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> \n',
    );
    $('ip link set peer0 up');
    settle();
    $('ip addr add 10.0.0.2/24 dev eth0');
    expect($('ip addr show eth0').stdout).toBe(
      '3: eth0@peer0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n    link/ether 02:42:0a:00:00:02 brd ff:ff:ff:ff:ff:ff\n    inet 10.0.0.2/24 scope global eth0\n       valid_lft forever preferred_lft forever\n    inet6 fe80::42:aff:fe00:2/64 scope link \n       valid_lft forever preferred_lft forever\n',
    );
    $('ip route add default via 10.0.0.1');
    expect($('ip r').stdout).toBe('default via 10.0.0.1 dev eth0 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2 \n');
    expect($('ip route get 8.8.8.8').stdout).toBe('8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.2 uid 0 \n    cache \n');
    expect($('ip -j route get 8.8.8.8').stdout).toBe(
      '[{"dst":"8.8.8.8","gateway":"10.0.0.1","dev":"eth0","prefsrc":"10.0.0.2","flags":[],"uid":0,"cache":[]}]\n',
    );
  });

  const refusals: [string, number, string][] = [
    ['ip link show eth0', 1, 'Device "eth0" does not exist.\n'],
    ['ip link set eth0 up', 1, 'Cannot find device "eth0"\n'],
    ['ip link add foo type nosuchtype', 2, 'Error: Unknown device type.\n'],
    ['ip link add type', 255, 'Command line is not complete. Try option "help"\n'],
    ['ip link set', 255, 'Not enough information: "dev" argument is required.\n'],
    ['ip link set lo mtu abc', 255, 'Error: argument "abc" is wrong: Invalid "mtu" value\n\n'],
    ['ip link set lo address zz:00:00:00:00:01', 1, '"zz" is invalid lladdr.\n'],
    ['ip link add br type bridge', 1, '"type" is invalid lladdr.\n'],
    ['ip addr add 300.0.0.1/24 dev lo', 1, 'Error: any valid prefix is expected rather than "300.0.0.1/24".\n'],
    ['ip addr add dev lo', 2, 'RTNETLINK answers: Operation not supported\n'],
    ['ip addr del 10.9.9.9/32 dev lo', 2, 'Error: ipv4: Address not found.\n'],
    ['ip route add default via 10.0.0.1', 2, 'Error: Nexthop has invalid gateway.\n'],
    ['ip route show table 100', 2, 'Error: ipv4: FIB table does not exist.\nDump terminated\n'],
    ['ip route get', 1, 'need at least a destination address\n'],
    ['ip rule add fwmark zz table 100', 255, 'Error: argument "zz" is wrong: fwmark value is invalid\n\n'],
    ['ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:05', 255, 'Device and destination are required arguments.\n'],
    ['ip netns exec green ip link', 255, 'Cannot open network namespace "green": No such file or directory\n'],
    ['ip -bogus link', 255, 'Option "-bogus" is unknown, try "ip -help".\n'],
    ['ip bogus', 1, 'Object "bogus" is unknown, try "ip help".\n'],
    ['ip rule add goto 5 priority 9', 2, 'Error: Backward goto not supported.\n'],
    ['ip nexthop add id 1 group 2', 2, 'Error: Invalid nexthop id.\n'],
    ['ip route add 10.1.0.0/16 dev lo tos 1', 2, 'Error: Invalid dsfield (tos): ECN bits must be 0.\n'],
    ['ip route test 10.1.0.0/16 dev lo', 2, 'RTNETLINK answers: No such file or directory\n'],
    ['ip rule bogus', 255, 'Command "bogus" is unknown, try "ip rule help".\n'],
    ['bridge bogus', 255, 'Object "bogus" is unknown, try "bridge help".\n'],
    ['sysctl net.ipv4.nosuch', 1, 'sysctl: cannot stat /proc/sys/net/ipv4/nosuch: No such file or directory\n'],
  ];
  test.each(refusals)('%s: status %i', (line, status, stderr) => {
    const r = host().$(line);
    expect([r.exitCode, r.stderr]).toEqual([status, stderr]);
  });

  test('a name made inside ip netns exec is bound only there', () => {
    const { $ } = host();
    $('ip netns add red');
    expect($('ip netns exec red ip netns add blue').exitCode).toBe(0);
    expect($('ip netns').stdout).toBe('blue\nred\n');
    expect($('ip -n blue link')).toMatchObject({
      stderr: 'setting the network namespace "blue" failed: Invalid argument\n',
      exitCode: 255,
    });
    expect($('ip link add va type veth peer name vb netns blue')).toMatchObject({
      stderr: 'RTNETLINK answers: Invalid argument\n',
      exitCode: 2,
    });
    expect($('ip netns del blue').exitCode).toBe(0);
    expect($('ip netns').stdout).toBe('red\n');
  });

  test('namespaces: newest first, ids once links cross', () => {
    const { $, settle } = host();
    $('ip netns add red');
    $('ip netns add blue');
    $('ip link add veth-red type veth peer name veth-blue');
    $('ip link set veth-red netns red');
    $('ip link set veth-blue netns blue');
    expect($('ip netns').stdout).toBe('blue (id: 1)\nred (id: 0)\n');
    expect($('ip -n red -br link').stdout).toMatch(/^veth-red@if\d+ +DOWN /m);
    expect($('ip netns exec red nosuchcmd').exitCode).toBe(1);
    $('ip netns del red');
    settle();
    expect($('ip -n blue -br link').stdout).toBe('lo               DOWN           00:00:00:00:00:00 <LOOPBACK> \n');
  });

  test('rules go before the lowest priority above 0; flush leaves local', () => {
    const { $ } = host();
    $('ip rule add from 10.0.1.2 table 100');
    $('ip rule add fwmark 0x4000/0x4000 lookup 100 priority 50');
    $('ip rule add from 1.2.3.4');
    expect($('ip rule').stdout).toBe(
      '0:\tfrom all lookup local\n49:\tfrom 1.2.3.4 lookup main\n50:\tfrom all fwmark 0x4000/0x4000 lookup 100\n32765:\tfrom 10.0.1.2 lookup 100\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n',
    );
    $('ip rule flush');
    expect($('ip rule').stdout).toBe('0:\tfrom all lookup local\n');
  });

  test('bridge fdb of a fresh port, JSON', () => {
    const { $ } = host();
    $('ip link add br0 type bridge');
    $('ip link add p1 address 02:00:00:00:00:a1 master br0 type veth peer name q1');
    expect($('bridge -j fdb show brport p1').stdout).toBe(
      '[{"mac":"02:00:00:00:00:a1","flags":[],"master":"br0","state":"permanent"},{"mac":"33:33:00:00:00:01","flags":["self"],"state":"permanent"}]\n',
    );
  });

  test('sysctl: one switch under two names', () => {
    const { $ } = host();
    expect($('sysctl -w net.ipv4.ip_forward=1').stdout).toBe('net.ipv4.ip_forward = 1\n');
    expect($('sysctl -n net/ipv4/conf/all/forwarding').stdout).toBe('1\n');
  });
});
