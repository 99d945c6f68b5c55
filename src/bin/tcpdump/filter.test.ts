/**
 * The filter compiler against libpcap 1.10.3: golden/filters.txt has, for each filter behind a `#`, what
 * `tcpdump -d -y EN10MB FILTER` printed (its code or its error). And optimized code takes what plain code takes.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type PcapFile, parsePcap } from '../../wire/pcap.ts';
import { dump, runBpf } from './bpf/insn.ts';
import { FilterError } from './bpf/tree.ts';
import { compileText } from './compile.ts';
import { NAMES } from './testnames.ts';

const golden = (name: string): Buffer => readFileSync(fileURLToPath(new URL(`golden/${name}`, import.meta.url)));
const capture = parsePcap(new Uint8Array(golden('capture.pcap'))) as PcapFile;

const recorded = golden('filters.txt')
  .toString()
  .split(/^# /m)
  .slice(1)
  .map((part) => {
    const end = part.indexOf('\n');
    const [, option, filter] = /^(-y LINUX_SLL2 |-O )?(.*)$/.exec(part.slice(0, end)) as unknown as [string, string | undefined, string];
    return { filter, linktype: option?.startsWith('-y') ? 276 : 1, optimized: option !== '-O ', listing: part.slice(end + 1) };
  });

test.each(recorded)('$filter', ({ filter, linktype, optimized, listing }) => {
  let got: string;
  try {
    got = dump(compileText(filter, NAMES, { linktype, offline: false }, optimized), 1);
  } catch (e) {
    if (!(e instanceof FilterError)) throw e;
    got = `tcpdump: ${e.message}\n`;
  }
  expect(got).toBe(listing);
});

test('optimized code takes the same packets', () => {
  const good = recorded.filter((r) => r.linktype === 1 && !r.listing.startsWith('tcpdump:'));
  for (const { filter } of good) {
    const [fast, plain] = [true, false].map((optimizes) => compileText(filter, NAMES, { linktype: 1, offline: false }, optimizes));
    for (const p of capture.packets) {
      const packet = { data: p.data, length: p.length, outgoing: false };
      expect(runBpf(fast ?? [], packet) > 0, filter).toBe(runBpf(plain ?? [], packet) > 0);
    }
  }
  expect(good.length).toBeGreaterThan(90);
});

test.each([
  ['(((((((((((((((((((((((((((((((((((((((((((((((tcp', "can't parse filter expression: syntax error"],
  [`${'('.repeat(5000)}tcp`, "can't parse filter expression: syntax error"],
  [`tcp${' or tcp'.repeat(3)} )`, "can't parse filter expression: syntax error"],
])('%#: an error, not a crash', (text, error) => {
  expect(() => compileText(text, NAMES, { linktype: 1, offline: false })).toThrow(error);
});
