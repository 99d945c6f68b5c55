/** What tcpdump -w writes is a real capture: tshark, where it is installed, finds nothing malformed in it and decodes what is inside. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { readCapture } from '../../os/captures.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { checksum, u16, u32 } from '../../wire/bytes.ts';
import { type PcapFile, parsePcap } from '../../wire/pcap.ts';
import { commands } from '../index.ts';

const HAS_TSHARK = spawnSync('tshark', ['-v']).status === 0;

const SCRIPT = `
ip netns add a; ip netns add b
ip -n a link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns b
ip -n a addr add 10.0.0.1/24 dev eth0; ip -n b addr add 10.0.0.2/24 dev eth0
ip -n a addr add fd00::1/64 dev eth0 nodad; ip -n b addr add fd00::2/64 dev eth0 nodad
for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done
ip -n a link add vx type vxlan id 42 remote 10.0.0.2 dstport 4789 dev eth0
ip -n b link add vx type vxlan id 42 remote 10.0.0.1 dstport 4789 dev eth0
ip -n a addr add 10.42.0.1/24 dev vx; ip -n b addr add 10.42.0.2/24 dev vx
ip -n a link set vx up; ip -n b link set vx up
sleep 2
on() { ns=$1; shift; ip netns exec $ns "$@"; }
on a tcpdump -i eth0 -w /root/eth.pcap 2>/dev/null & p1=$!
on a tcpdump -i any -w /root/any.pcap 2>/dev/null & p2=$!
on b tcpdump -i eth0 --nano -w /root/nano.pcap 2>/dev/null & p3=$!
on b tcpdump -i eth0 -U -w - icmp > /root/out.pcap 2>/dev/null & p4=$!
on b tcpdump -i eth0 -s 60 -w /root/short.pcap 2>/dev/null & p5=$!
sleep 0.5
on a ping -c 2 -i 0.2 10.0.0.2 > /dev/null
on a ping -c 1 -s 3000 10.0.0.2 > /dev/null
on a ping -c 1 fd00::2 > /dev/null
on a ping -c 1 10.42.0.2 > /dev/null
on a nc -z 10.0.0.2 81
echo x | on a nc -u -w 1 10.0.0.2 82
for to in '-4 10.0.0.2' '-6 fd00::2' '-4 10.42.0.2'; do
  on b nc ${'$'}{to%% *} -l -p 80 > /dev/null & sleep 0.1
  head -c 20000 /dev/zero | on a nc -N $to 80
done
on a traceroute -n -q 1 -m 1 10.0.0.2 > /dev/null
sleep 0.5
kill $p1 $p2 $p3 $p4 $p5
wait $p1 $p2 $p3 $p4 $p5
on a ethtool -K eth0 tx off > /dev/null; on b ethtool -K eth0 tx off > /dev/null
on a ethtool -K vx tx off > /dev/null; on b ethtool -K vx tx off > /dev/null
on a tcpdump -i eth0 -w /root/whole.pcap 2>/dev/null & p1=$!
sleep 0.2
for to in '-4 10.0.0.2' '-6 fd00::2' '-4 10.42.0.2'; do
  on b nc ${'$'}{to%% *} -l -p 80 > /dev/null & sleep 0.1
  echo hello | on a nc -N $to 80
done
kill $p1
wait $p1
tcpdump -r /root/eth.pcap -w /root/again.pcap icmp 2>/dev/null
tcpdump -r /root/eth.pcap -w - icmp > /root/twice.bin 2>/dev/null
tcpdump -r /root/eth.pcap -w - icmp >> /root/twice.bin 2>/dev/null
`;

const NAMES = ['eth', 'any', 'nano', 'out', 'short', 'whole', 'again'] as const;
const bytes = new Map<string, Uint8Array>();
let machine: Machine;
let dir: string;

beforeAll(() => {
  machine = new Machine(new Kernel(new Sim(1), 'host'), commands);
  expect(runCommand(machine, SCRIPT, { limits: { micros: 60_000_000 } })).toMatchObject({ stderr: '', timedOut: false });
  dir = mkdtempSync(join(tmpdir(), 'hopwise-'));
  for (const name of NAMES) {
    const data = readCapture(machine, `/root/${name}.pcap`) ?? new Uint8Array();
    bytes.set(name, data);
    writeFileSync(join(dir, name), data);
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string): PcapFile {
  return parsePcap(bytes.get(name) as Uint8Array) as PcapFile;
}

/** The first of these bytes, as a little-endian number. */
function magic(name: string): number {
  return new DataView((bytes.get(name) as Uint8Array).buffer).getUint32(0, true);
}

describe('by the bytes', () => {
  test('magic numbers and link types', () => {
    expect(NAMES.map((n) => [magic(n).toString(16), file(n).linktype])).toEqual([
      ['a1b2c3d4', 1],
      ['a1b2c3d4', 276],
      ['a1b23c4d', 1],
      ['a1b2c3d4', 1],
      ['a1b2c3d4', 1],
      ['a1b2c3d4', 1],
      ['a1b2c3d4', 1],
    ]);
    expect(file('short').snaplen).toBe(60);
    expect(Math.max(...file('short').packets.map((p) => p.data.length))).toBe(60);
  });

  test('IPv4 headers have a right length and checksum, inside VXLAN too', () => {
    let inner = 0;
    for (const { data } of file('eth').packets) {
      if (u16(data, 12) !== 0x800) continue;
      const ip = data.subarray(14);
      expect(u16(ip, 2)).toBe(ip.length);
      expect(checksum(ip.subarray(0, ((ip[0] as number) & 15) * 4))).toBe(0);
      if (ip[9] !== 17 || u16(ip, 22) !== 4789 || (u16(ip, 6) & 0x1fff) !== 0) continue;
      expect(u32(ip, 28)).toBe(0x08000000);
      expect(u32(ip, 32)).toBe(42 << 8);
      const frame = ip.subarray(36);
      if (u16(frame, 12) !== 0x800) continue;
      inner++;
      expect(u16(frame, 16)).toBe(frame.length - 14);
      expect(checksum(frame.subarray(14, 34))).toBe(0);
    }
    expect(inner).toBeGreaterThan(10);
  });

  test('a capture of another, and appended to another, is bytes as they were', () => {
    const { stdout } = runCommand(machine, 'cat /root/again.pcap /root/again.pcap | md5sum; md5sum < /root/twice.bin');
    const [one, two] = stdout.split('\n');
    expect(one).toBe(two);
    const icmp = file('again').packets;
    expect(icmp.length).toBeGreaterThan(5);
    for (const p of icmp) expect(p.data[23]).toBe(1);
  });
});

function tshark(name: string, ...args: string[]): string[] {
  const r = spawnSync('tshark', ['-n', '-r', join(dir, name), ...args], { encoding: 'utf8' });
  expect(r.status, r.stderr).toBe(0);
  return r.stdout.split('\n').filter((line) => line !== '');
}

const CHECKS = ['ip', 'tcp', 'udp'].flatMap((p) => ['-o', `${p}.check_checksum:TRUE`]);
const BAD =
  'ip.checksum.status==Bad || tcp.checksum.status==Bad || udp.checksum.status==Bad || icmp.checksum.status==Bad || icmpv6.checksum.status==Bad';

describe.runIf(HAS_TSHARK)('by tshark', () => {
  test.each(NAMES.filter((n) => n !== 'short'))('%s: nothing malformed, every packet is taken apart', (name) => {
    expect(tshark(name, '-Y', '_ws.malformed || _ws.short')).toEqual([]);
    expect(tshark(name).length).toBe(file(name).packets.length);
  });

  test('VXLAN: the packets inside', () => {
    const layers = new Set(tshark('eth', '-Y', 'vxlan', '-T', 'fields', '-e', 'frame.protocols'));
    expect([...layers]).toEqual(
      expect.arrayContaining(['eth:ethertype:ip:udp:vxlan:eth:ethertype:arp', 'eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp']),
    );
    expect(new Set(tshark('eth', '-Y', 'vxlan', '-T', 'fields', '-e', 'vxlan.vni'))).toEqual(new Set(['42']));
  });

  test('-i any: interfaces, directions, protocols of Linux cooked v2', () => {
    const seen = new Set(tshark('any', '-T', 'fields', '-e', 'sll.pkttype', '-e', 'sll.ifindex', '-e', 'sll.hatype'));
    expect(seen.size).toBeGreaterThan(3);
    expect(tshark('any', '-Y', 'icmp && !vxlan').length).toBeGreaterThan(4);
  });

  test('checksums: whole where the device fills them in, the pseudo header where it would', () => {
    expect(tshark('whole', ...CHECKS, '-Y', BAD)).toEqual([]);
    const bad = tshark('eth', ...CHECKS, '-Y', BAD, '-T', 'fields', '-e', 'frame.protocols');
    // Between veths nobody fills in TCP and UDP; ICMP, ICMPv6 and IPv4 itself are right.
    expect(bad.length).toBeGreaterThan(10);
    expect(bad.filter((layers) => !/tcp|udp/.test(layers))).toEqual([]);
  });

  test('fragments go together again', () => {
    expect(tshark('eth', '-Y', 'icmp && ip.reassembled_in || ip.fragments').length).toBeGreaterThan(0);
  });

  test('nanoseconds', () => {
    expect(tshark('nano', '-T', 'fields', '-e', 'frame.time_epoch').every((t) => /\.\d{9}$/.test(t))).toBe(true);
  });
});
