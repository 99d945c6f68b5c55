/** -p dccp: ports, packet types, options. Models libxt_dccp.c and xt_dccp.c */

import { type MatchExt, Problem } from '../ext.ts';
import { hasL4, type XtPacket } from '../packet.ts';
import { portRangeRc, uint } from '../parse.ts';
import { type PortMatch, portsOf, portTest } from './ports.ts';

const TYPES = ['REQUEST', 'RESPONSE', 'DATA', 'ACK', 'DATAACK', 'CLOSEREQ', 'CLOSE', 'RESET', 'SYNC', 'SYNCACK', 'INVALID'];
/** Types 10 to 15 */
const INVALID = 0xfc00;

/** Bytes between the basic header and the options, by type. */
const SUBHEADER = [4, 12, 0, 8, 8, 8, 8, 12, 8, 8];

interface Dccp extends PortMatch {
  types: { mask: number; invert: boolean } | null;
  option: { value: number; invert: boolean } | null;
}

function parseTypes(arg: string): number {
  let mask = 0;
  for (const word of arg.split(',')) {
    if (word === '') continue;
    const at = TYPES.indexOf(word.toUpperCase());
    if (at < 0) throw new Problem(`Unknown DCCP type \`${word}'`);
    mask |= at === 10 ? INVALID : 1 << at;
  }
  return mask;
}

function typesText(mask: number, numeric: boolean): string {
  const out: string[] = [];
  for (let i = 0; i < 16; i++) {
    if (!(mask & (1 << i))) continue;
    if (numeric) out.push(String(i));
    else {
      out.push(TYPES[i] as string);
      if (i === 10) break;
    }
  }
  return out.join(',');
}

function findOption(p: XtPacket, option: number): boolean {
  const b = p.skb.data;
  const type = ((b[p.l4 + 8] as number) >> 1) & 15;
  const start = p.l4 + ((b[p.l4 + 8] as number) & 1 ? 16 : 12) + (SUBHEADER[type] ?? 0);
  const end = Math.min(b.length, p.l4 + (b[p.l4 + 4] as number) * 4);
  for (let i = start; i < end; ) {
    if (b[i] === option) return true;
    i += (b[i] as number) < 32 ? 1 : (b[i + 1] ?? 0) || 1;
  }
  return false;
}

export const dccp: MatchExt<Dccp> = {
  kind: 'match',
  name: 'dccp',
  protos: [33],
  init: () => ({ sport: null, dport: null, types: null, option: null }),
  options: [
    {
      name: 'source-port',
      aliases: ['sport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRangeRc(arg, 33, 'dccp --source-port');
        o.sport = { min, max, invert };
      },
    },
    {
      name: 'destination-port',
      aliases: ['dport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRangeRc(arg, 33, 'dccp --destination-port');
        o.dport = { min, max, invert };
      },
    },
    {
      name: 'dccp-types',
      invert: true,
      set: (o, arg, invert) => {
        o.types = { mask: parseTypes(arg), invert };
      },
    },
    {
      name: 'dccp-option',
      invert: true,
      set: (o, arg, invert) => {
        o.option = { value: uint('dccp', 'dccp-option', arg, 1, 255), invert };
      },
    },
  ],
  save: (o) =>
    portsOf(o, 'save', String, true) +
    (o.types ? `${o.types.invert ? ' !' : ''} --dccp-types ${typesText(o.types.mask, false)}` : '') +
    (o.option ? `${o.option.invert ? ' !' : ''} --dccp-option ${o.option.value}` : ''),
  list: (o, cx) =>
    ` dccp${portsOf(o, 'list', (p) => cx.service(p, 33))}` +
    (o.types ? `${o.types.invert ? ' !' : ''} ${typesText(o.types.mask, cx.numeric)}` : '') +
    (o.option ? ` option=${o.option.invert ? '!' : ''}${o.option.value}` : ''),
  nft: (o) => {
    if (o.option) return null;
    const one = (r: Dccp['sport'], name: string): string =>
      r ? `dccp ${name} ${r.invert ? '!= ' : ''}${r.min === r.max ? r.min : `${r.min}-${r.max}`}` : '';
    const names = o.types ? typesText(o.types.mask, false).toLowerCase().split(',') : [];
    const types =
      names.length > 1
        ? `dccp type ${o.types?.invert ? '!= ' : ''}{ ${names.join(', ')} }`
        : names[0]
          ? `dccp type ${o.types?.invert ? '!= ' : ''}${names[0]}`
          : '';
    return [one(o.sport, 'sport'), one(o.dport, 'dport'), types].filter((t) => t !== '').join(' ');
  },
  run: (o) => {
    const ports = portTest(o);
    return (p) => {
      if (!hasL4(p, 12) || !ports(p)) return false;
      if (o.types) {
        const type = ((p.skb.data[p.l4 + 8] as number) >> 1) & 15;
        if (((o.types.mask >> type) & 1) === (o.types.invert ? 1 : 0)) return false;
      }
      return !o.option || findOption(p, o.option.value) !== o.option.invert;
    };
  },
};
