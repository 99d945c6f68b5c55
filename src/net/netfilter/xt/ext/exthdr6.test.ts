import { expect, test } from 'vitest';
import { Sim } from '../../../../sim/sim.ts';
import { parseIp6, writeIp6 } from '../../../../wire/addr.ts';
import { Kernel } from '../../../kernel.ts';
import { Skb } from '../../../skb.ts';
import type { MatchExt, ParseCx } from '../ext.ts';
import { viewPacket, type XtPacket } from '../packet.ts';
import { ah6, frag, ipv6header, mh } from './exthdr6.ts';
import { dst, hbh } from './hbh.ts';
import { mapPrefix } from './NPT.ts';
import { rt } from './rt.ts';
import { srh } from './srh.ts';

const ip = (t: string): bigint => parseIp6(t) as bigint;

/** A packet of these headers (number and bytes; the first byte, the next header's number, is filled in), then UDP unless `last` says else. */
function packet(
  headers: readonly (readonly [number, readonly number[]])[],
  last: readonly [number, readonly number[]] = [17, [0, 1, 0, 2, 0, 8, 0, 0]],
): XtPacket {
  const chain = [...headers, last];
  const bytes: number[] = [0x60, 0, 0, 0, 0, 0, chain[0]?.[0] as number, 64, ...new Array<number>(32).fill(0)];
  chain.forEach(([, body], i) => {
    const next = chain[i + 1];
    bytes.push(next ? next[0] : (body[0] as number), ...body.slice(1));
  });
  const data = Uint8Array.from(bytes);
  writeIp6(data, 8, ip('2001:db8::1'));
  writeIp6(data, 24, ip('2001:db8::2'));
  const { init } = new Kernel(new Sim(1), 'h');
  return viewPacket(init, new Skb(init.kernel.sim, 0x86dd, data), 6, 'INPUT', null, null) as XtPacket;
}

/** Options as `--name value` or `! --name value`. */
function matches<O>(ext: MatchExt<O>, words: string, p: XtPacket): boolean {
  const o = ext.init({ family: 6 });
  const list = words.split(' ').filter((w) => w !== '');
  let invert = false;
  for (let i = 0; i < list.length; i++) {
    if (list[i] === '!') {
      invert = true;
      continue;
    }
    const spec = ext.options.find((s) => `--${s.name}` === list[i]);
    if (!spec) throw new Error(`no option ${list[i]}`);
    spec.set?.(o, spec.arg === 'none' ? '' : (list[++i] as string), invert, { family: 6 } as ParseCx);
    invert = false;
  }
  return ext.run(o, p.ns)(p);
}

const addr = (t: string): number[] => {
  const b = new Uint8Array(16);
  writeIp6(b, 0, ip(t));
  return [...b];
};
const HOP = [0, [0, 0, 5, 2, 0, 1, 1, 0]] as const;
const DEST = [60, [0, 0, 1, 4, 0, 0, 0, 0]] as const;
const FRAG_FIRST = [44, [0, 0, 0, 1, 0, 0, 0, 9]] as const;
const AH = [51, [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]] as const;
const ROUTE0 = [43, [0, 4, 0, 1, 0, 0, 0, 0, ...addr('::1'), ...addr('::2')]] as const;
const SEGMENTS = [43, [0, 4, 4, 1, 1, 0, 0, 7, ...addr('c::1'), ...addr('c::2')]] as const;

const ROWS: readonly (readonly [MatchExt<never>, string, XtPacket, boolean])[] = (
  [
    [hbh, '--hbh-len 8', packet([HOP]), true],
    [hbh, '! --hbh-len 8', packet([HOP]), false],
    [hbh, '--hbh-opts 5:2,1', packet([HOP]), true],
    [hbh, '--hbh-opts 5:3', packet([HOP]), false],
    [hbh, '', packet([DEST]), false],
    [dst, '--dst-opts 1:4', packet([HOP, DEST]), true],
    [frag, '--fragid 9 --fragfirst --fragmore', packet([FRAG_FIRST]), true],
    [frag, '--fraglast', packet([FRAG_FIRST]), false],
    [frag, '! --fragid 1:5', packet([FRAG_FIRST]), true],
    [ah6, '--ahspi 256 --ahlen 12 --ahres', packet([AH]), true],
    [ah6, '--ahspi 0:255', packet([AH]), false],
    [rt, '--rt-type 0 --rt-segsleft 1 --rt-len 40 --rt-0-addrs ::1,::2', packet([ROUTE0]), true],
    [rt, '--rt-type 0 --rt-0-addrs ::2', packet([ROUTE0]), false],
    [rt, '--rt-type 0 --rt-0-addrs ::2 --rt-0-not-strict', packet([ROUTE0]), true],
    [srh, '--srh-next-hdr 17 --srh-segs-left-eq 1 --srh-last-entry-gt 0 --srh-tag 7', packet([SEGMENTS]), true],
    [srh, '--srh-nsid c::1 --srh-lsid c::/16', packet([SEGMENTS]), true],
    [srh, '--srh-psid c::1', packet([SEGMENTS]), false],
    [ipv6header, '--header hop,dst,prot', packet([HOP, DEST]), true],
    [ipv6header, '--header hop', packet([HOP, DEST]), false],
    [ipv6header, '--header hop --soft', packet([HOP, DEST]), true],
    [ipv6header, '! --header frag --soft', packet([HOP]), true],
    [mh, '--mh-type bu', packet([], [135, [59, 0, 5, 0, 0, 0, 0, 0]]), true],
    [mh, '--mh-type hoti:coti', packet([], [135, [59, 0, 5, 0, 0, 0, 0, 0]]), false],
  ] as const
).map(([ext, words, p, wanted]) => [ext as unknown as MatchExt<never>, words, p, wanted]);

test.each(ROWS.map((row) => [row[0].name, ...row] as const))('%s: %#', (_name, ext, words, p, wanted) => {
  expect([words, matches(ext, words, p)]).toEqual([words, wanted]);
});

test('an exchanged prefix keeps the sum of the address, and the way back restores it', () => {
  const sum = (a: bigint): bigint => {
    let s = 0n;
    for (let i = 0n; i < 8n; i++) s += (a >> (16n * i)) & 0xffffn;
    return s % 0xffffn;
  };
  for (const [from, to, len] of [
    ['fd01:203:405::', '2001:db8:1::', 48],
    ['fd01:203:405:7::', '2001:db8:1:9::', 64],
    ['dead::', '1c3::', 20],
  ] as const) {
    const [a, b] = [
      { addr: ip(from), len },
      { addr: ip(to), len },
    ];
    const host = ip(from) | 0x1234567n;
    const out = mapPrefix(host, a, b) as bigint;
    expect(out >> BigInt(128 - len)).toBe(ip(to) >> BigInt(128 - len));
    expect(sum(out)).toBe(sum(host));
    expect(mapPrefix(out, b, a)).toBe(host);
  }
  // RFC 6296's own example.
  expect(mapPrefix(ip('fd01:203:405:1::1234'), { addr: ip('fd01:203:405::'), len: 48 }, { addr: ip('2001:db8:1::'), len: 48 })).toBe(
    ip('2001:db8:1:d550::1234'),
  );
});
