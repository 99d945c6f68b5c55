/** -p sctp: ports, chunk types and their flags. Models libxt_sctp.c */

import { u16 } from '../../../../wire/bytes.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { hasL4, type XtPacket } from '../packet.ts';
import { portRange } from '../parse.ts';
import { type PortMatch, portsOf, portTest } from './ports.ts';

const CHUNKS: readonly (readonly [string, number])[] = [
  ['DATA', 0],
  ['INIT', 1],
  ['INIT_ACK', 2],
  ['SACK', 3],
  ['HEARTBEAT', 4],
  ['HEARTBEAT_ACK', 5],
  ['ABORT', 6],
  ['SHUTDOWN', 7],
  ['SHUTDOWN_ACK', 8],
  ['ERROR', 9],
  ['COOKIE_ECHO', 10],
  ['COOKIE_ACK', 11],
  ['ECN_ECNE', 12],
  ['ECN_CWR', 13],
  ['SHUTDOWN_COMPLETE', 14],
  ['I_DATA', 64],
  ['RE_CONFIG', 130],
  ['PAD', 132],
  ['ASCONF', 193],
  ['ASCONF_ACK', 128],
  ['FORWARD_TSN', 192],
  ['I_FORWARD_TSN', 194],
];

/** The flags of a chunk from the highest bit down; capital: set, small: not set. */
const FLAGS: Readonly<Record<number, string>> = { 0: 'IUBE', 6: 'T', 14: 'T', 64: 'IUBE' };

type Mode = 'all' | 'any' | 'only';

interface Chunk {
  type: number;
  /** Flags asked about, and those of them that must be set. */
  mask: number;
  bits: number;
}

interface SctpMatch extends PortMatch {
  chunks: { mode: Mode; list: Chunk[]; invert: boolean } | null;
}

function parseFlags(type: number, text: string): { mask: number; bits: number } {
  const letters = FLAGS[type] ?? '';
  let mask = 0;
  let bits = 0;
  for (const c of text) {
    const at = letters.indexOf(c.toUpperCase());
    if (at < 0) throw new Problem(`Invalid flags for chunk type ${type}`);
    const bit = 1 << (letters.length - 1 - at);
    mask |= bit;
    if (c === c.toUpperCase()) bits |= bit;
  }
  return { mask, bits };
}

/** `DATA:Be,INIT`, `ALL`, `NONE`. */
function parseChunks(text: string): Chunk[] {
  if (text.toUpperCase() === 'ALL') return CHUNKS.map(([, type]) => ({ type, mask: 0, bits: 0 }));
  if (text.toUpperCase() === 'NONE' || text === '') return [];
  const found = new Map<number, Chunk>();
  for (const item of text.split(',')) {
    const colon = item.indexOf(':');
    const word = colon < 0 ? item : item.slice(0, colon);
    const hit = CHUNKS.find(([name]) => name === word.toUpperCase());
    if (!hit) throw new Problem(`Unknown sctp chunk \`${word}'`);
    const type = hit[1];
    const flags = parseFlags(type, colon < 0 ? '' : item.slice(colon + 1));
    // The table of flags has no room for those of I_DATA.
    found.set(type, type === 64 ? { type, mask: 0, bits: 0 } : { type, ...flags });
  }
  return [...found.values()].sort((a, b) => a.type - b.type);
}

function flagsText(c: Chunk): string {
  if (c.mask === 0) return '';
  const letters = FLAGS[c.type] ?? '';
  let s = ':';
  for (const [i, letter] of [...letters].entries()) {
    const bit = 1 << (letters.length - 1 - i);
    if (c.mask & bit) s += c.bits & bit ? letter : letter.toLowerCase();
  }
  return s;
}

function chunkText(o: SctpMatch, option: string, numeric: boolean): string {
  const c = o.chunks;
  if (!c) return '';
  const name = (type: number): string =>
    numeric ? `0x${type.toString(16).toUpperCase().padStart(4, '0')}` : (CHUNKS.find(([, n]) => n === type)?.[0] ?? '');
  const all = c.list.length === CHUNKS.length;
  const types = all ? 'ALL' : c.list.length === 0 ? 'NONE' : c.list.map((x) => name(x.type) + flagsText(x)).join(',');
  return `${c.invert ? ' !' : ''} ${option}${c.mode} ${types}`;
}

function chunksOf(p: XtPacket): { type: number; flags: number }[] {
  const b = p.skb.data;
  const out: { type: number; flags: number }[] = [];
  for (let at = p.l4 + 12; at + 4 <= b.length; ) {
    out.push({ type: b[at] as number, flags: b[at + 1] as number });
    at += (Math.max(4, u16(b, at + 2)) + 3) & ~3;
  }
  return out;
}

function chunkTest(o: SctpMatch, p: XtPacket): boolean {
  if (!o.chunks) return true;
  const { mode, list, invert } = o.chunks;
  const seen = chunksOf(p);
  const fits = (want: Chunk, c: { type: number; flags: number }): boolean => c.type === want.type && (c.flags & want.mask) === want.bits;
  const wanted = (c: { type: number; flags: number }): boolean => list.some((want) => fits(want, c));
  let hit: boolean;
  if (mode === 'any') hit = seen.some(wanted);
  else if (mode === 'all') hit = list.every((want) => seen.some((c) => fits(want, c)));
  else hit = seen.every(wanted) && list.every((want) => seen.some((c) => fits(want, c)));
  return hit !== invert;
}

export const sctp: MatchExt<SctpMatch> = {
  kind: 'match',
  name: 'sctp',
  protos: [132],
  init: () => ({ sport: null, dport: null, chunks: null }),
  options: [
    {
      name: 'source-port',
      aliases: ['sport'],
      invert: true,
      multi: true,
      set: (o, arg, invert) => {
        if (o.sport) throw new Problem("Only one `--source-port' allowed");
        const [min, max] = portRange(arg, 132);
        o.sport = { min, max, invert };
      },
    },
    {
      name: 'destination-port',
      aliases: ['dport'],
      invert: true,
      multi: true,
      set: (o, arg, invert) => {
        if (o.dport) throw new Problem("Only one `--destination-port' allowed");
        const [min, max] = portRange(arg, 132);
        o.dport = { min, max, invert };
      },
    },
    {
      name: 'chunk-types',
      invert: true,
      multi: true,
      set: (o, arg, invert, cx) => {
        const mode = arg.toLowerCase();
        if (o.chunks) throw new Problem("Only one `--chunk-types' allowed");
        if (mode !== 'all' && mode !== 'any' && mode !== 'only') throw new Problem('Match type has to be one of "ALL", "ANY" or "ONLY"');
        const types = cx.next();
        if (types === null) throw new Problem('--chunk-types requires two args');
        o.chunks = { mode, list: parseChunks(types), invert };
      },
    },
  ],
  save: (o) => portsOf(o, 'save', String, true) + chunkText(o, '--chunk-types ', false),
  list: (o, cx) => ` sctp${portsOf(o, 'list', (p) => cx.service(p, 132))}${chunkText(o, '', cx.numeric)}`,
  run: (o) => {
    const ports = portTest(o);
    return (p) => hasL4(p, 12) && ports(p) && chunkTest(o, p);
  },
};
