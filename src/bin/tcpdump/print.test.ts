/**
 * Printers against tcpdump 4.99.3: golden/capture.pcap was taken from a real kernel (ARP, ND, ping, fragments, curl, DNS, traceroute, VXLAN, OTV),
 * the .txt files are what `tcpdump -t… -r capture.pcap` prints of it.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { formatIp } from '../../wire/addr.ts';
import { emitPcap, type PcapFile, type PcapPacket, parsePcap } from '../../wire/pcap.ts';
import { printPacket } from './print/link.ts';
import { asciiDump, hexAsciiDump, type Names, type PrintOptions } from './print/ndo.ts';

const golden = (name: string): Buffer => readFileSync(fileURLToPath(new URL(`golden/${name}`, import.meta.url)));
const capture = parsePcap(new Uint8Array(golden('capture.pcap'))) as PcapFile;

const names = (flags: Partial<PrintOptions>): Names => ({
  o: { link: false, verbose: 0, quick: false, absoluteSeq: false, ...flags },
  host: formatIp,
  port: String,
});

function printed(file: PcapFile, flags: Partial<PrintOptions>): string[] {
  const conversations = new Map();
  return file.packets.map((p) => printPacket(names(flags), conversations, file.linktype, p.data, p.length, String).text);
}

test.each([
  ['n', {}],
  ['nv', { verbose: 1 }],
  ['nvv', { verbose: 2 }],
  ['neS', { link: true, absoluteSeq: true }],
  ['nq', { quick: true }],
])('-t%s', (name, flags) => {
  expect(`${printed(capture, flags).join('\n')}\n`).toBe(golden(`${name}.txt`).toString());
});

test('-tnXX', () => {
  const first = { ...capture, packets: capture.packets.slice(0, 12) };
  const got = printed(first, {}).map((text, i) => `${text}\n${hexAsciiDump((first.packets[i] as PcapPacket).data)}\n`);
  expect(got.join('')).toBe(golden('nXX.txt').toString());
});

test('a capture file written again is the same file', () => {
  expect(Buffer.from(emitPcap(capture)).equals(golden('capture.pcap'))).toBe(true);
});

test('-A leaves the carriage return before a line end out', () => {
  expect(asciiDump(Uint8Array.from([71, 13, 10, 13, 1, 9]))).toBe('G\n..\t');
});
