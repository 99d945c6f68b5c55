/** A frame of the emulated cluster, taken from the wire while the site is built, cut into its headers. */

import { runSteps } from '../emulator.ts';

export interface Header {
  readonly name: string;
  readonly from: number;
  readonly bytes: number;
  /** What the header says, from the bytes. */
  readonly says: string;
}

const hexdump = (text: string): number[] =>
  [...text.matchAll(/^\t0x[0-9a-f]+: {2}((?:[0-9a-f]{2,4} ?)+)/gm)].flatMap((line) =>
    [...(line[1] ?? '').replaceAll(' ', '').matchAll(/../g)].map((byte) => Number.parseInt(byte[0], 16)),
  );

/** One echo request from client-pod to web-c, as it leaves node-1. @throws Error when it is not Ethernet, IPv4, UDP, VXLAN, Ethernet, IPv4, ICMP. */
export async function vxlanFrame(lab: string): Promise<readonly Header[]> {
  const results = await runSteps({ lab }, [
    { host: 'client-pod', command: 'ping -c 3 10.244.2.7 > /dev/null &' },
    { host: 'node-1', command: "tcpdump -nnXXi eth0 -c 1 'udp dst port 8472 and dst host 192.168.56.12' 2>/dev/null" },
  ]);
  const all = hexdump(results[1]?.output ?? '');
  const at = (i: number): number => all[i] ?? 0;
  const u16 = (i: number): number => at(i) * 256 + at(i + 1);
  const mac = (i: number): string =>
    all
      .slice(i, i + 6)
      .map((b) => b.toString(16).padStart(2, '0'))
      .join(':');
  const ip = (i: number): string => all.slice(i, i + 4).join('.');
  const ethernet = (i: number): string => `${mac(i + 6)} → ${mac(i)}`;
  const addresses = (i: number): string => `${ip(i + 12)} → ${ip(i + 16)}`;
  const headers: Header[] = [
    { name: 'Ethernet', from: 0, bytes: 14, says: ethernet(0) },
    { name: 'IPv4', from: 14, bytes: 20, says: addresses(14) },
    { name: 'UDP', from: 34, bytes: 8, says: `port ${u16(34)} → ${u16(36)}` },
    { name: 'VXLAN', from: 42, bytes: 8, says: `VNI ${at(46) * 65536 + u16(47)}` },
    { name: 'Ethernet', from: 50, bytes: 14, says: ethernet(50) },
    { name: 'IPv4', from: 64, bytes: 20, says: addresses(64) },
    { name: 'ICMP', from: 84, bytes: all.length - 84, says: 'echo request and its data' },
  ];
  const shape = [u16(12), at(14), at(23), u16(36), u16(62), at(64), at(73), at(84)];
  if (shape.join() !== [0x0800, 0x45, 17, 8472, 0x0800, 0x45, 1, 8].join())
    throw new Error(`the frame is not what the drawing expects: ${shape.join()}`);
  return headers;
}
