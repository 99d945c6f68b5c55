/** -p sctp: ports and chunk types. Models libxt_sctp.c */

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

type Mode = 'all' | 'any' | 'only';

interface SctpMatch extends PortMatch {
  chunks: { mode: Mode; types: number[]; invert: boolean } | null;
}

/** `DATA,INIT`, `ALL`, `NONE`; flags after a colon are not emulated. */
function parseChunks(text: string): number[] {
  if (text.toUpperCase() === 'ALL') return CHUNKS.map(([, n]) => n);
  if (text.toUpperCase() === 'NONE') return [];
  const wanted = text.split(',').map((word) => {
    if (word.includes(':')) throw new Problem('sctp: flags of chunks are not emulated');
    const hit = CHUNKS.find(([name]) => name === word.toUpperCase());
    if (!hit) throw new Problem(`Unknown sctp chunk type \`${word}'`);
    return hit[1];
  });
  return CHUNKS.map(([, n]) => n).filter((n) => wanted.includes(n));
}

function chunkText(o: SctpMatch, list: boolean): string {
  const c = o.chunks;
  if (!c) return '';
  const names = CHUNKS.filter(([, n]) => c.types.includes(n)).map(([name]) => name);
  const types = names.length === CHUNKS.length ? 'ALL' : names.length === 0 ? 'NONE' : names.join(',');
  return list ? `${c.invert ? ' !' : ''} ${c.mode} ${types}` : `${c.invert ? ' !' : ''} --chunk-types ${c.mode} ${types}`;
}

function chunksOf(p: XtPacket): number[] {
  const b = p.skb.data;
  const out: number[] = [];
  for (let at = p.l4 + 12; at + 4 <= b.length; ) {
    out.push(b[at] as number);
    at += (Math.max(4, u16(b, at + 2)) + 3) & ~3;
  }
  return out;
}

function chunkTest(o: SctpMatch, p: XtPacket): boolean {
  if (!o.chunks) return true;
  const { mode, types, invert } = o.chunks;
  const seen = chunksOf(p);
  let hit: boolean;
  if (mode === 'any') hit = seen.some((t) => types.includes(t));
  else if (mode === 'all') hit = types.every((t) => seen.includes(t));
  else hit = seen.every((t) => types.includes(t)) && types.every((t) => seen.includes(t));
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
      set: (o, arg, invert) => {
        const [min, max] = portRange(arg, 132);
        o.sport = { min, max, invert };
      },
    },
    {
      name: 'destination-port',
      aliases: ['dport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRange(arg, 132);
        o.dport = { min, max, invert };
      },
    },
    {
      name: 'chunk-types',
      invert: true,
      set: (o, arg, invert, cx) => {
        const mode = arg.toLowerCase();
        if (mode !== 'all' && mode !== 'any' && mode !== 'only')
          throw new Problem('--chunk-types requires two args: all|any|only and a list of types.');
        const types = cx.next();
        if (types === null) throw new Problem('--chunk-types requires two args');
        o.chunks = { mode, types: parseChunks(types), invert };
      },
    },
  ],
  save: (o) => portsOf(o, 'save') + chunkText(o, false),
  list: (o, cx) => ` sctp${portsOf(o, 'list', (p) => cx.service(p, 132))}${chunkText(o, true)}`,
  run: (o) => {
    const ports = portTest(o);
    return (p) => hasL4(p, 12) && ports(p) && chunkTest(o, p);
  },
};
