/** -m ttl, -m hl, -j TTL, -j HL: time to live, hop limit. Models xt_hl.c, xt_HL.c */

import { refreshIp4Checksum } from '../../../../wire/ipv4.ts';
import { type MatchExt, Problem, type TargetExt } from '../ext.ts';
import { uint } from '../parse.ts';

interface TtlMatch {
  mode: 'eq' | 'ne' | 'lt' | 'gt';
  value: number;
}

const SIGN = { eq: '==', ne: '!=', lt: '<', gt: '>' } as const;

function make(name: 'ttl' | 'hl', family: 4 | 6): MatchExt<TtlMatch> {
  const word = name.toUpperCase();
  const others = (mode: string): string[] => ['eq', 'lt', 'gt'].filter((m) => m !== mode).map((m) => `${name}-${m}`);
  return {
    kind: 'match',
    name,
    families: [family],
    init: () => ({ mode: 'eq', value: 0 }),
    options: (['lt', 'gt', 'eq'] as const).map((mode) => ({
      name: `${name}-${mode}`,
      ...(mode === 'eq' && name === 'ttl' ? { aliases: ['ttl'] } : {}),
      invert: mode === 'eq',
      excludes: others(mode),
      set: (o: TtlMatch, arg: string, invert: boolean) => {
        o.value = uint(name, `${name}-${mode}`, arg, 0, 255);
        o.mode = invert ? 'ne' : mode;
      },
    })),
    check: (_o, given) => {
      if (given.size === 0)
        throw new Problem(
          `${word} match: You must specify one of \`--${name}-eq', \`--${name}-lt', \`--${name}-gt${name === 'ttl' ? '' : "'"}`,
        );
    },
    save: (o) => `${o.mode === 'ne' ? ' !' : ''} --${name}-${o.mode === 'ne' ? 'eq' : o.mode} ${o.value}`,
    list: (o) => ` ${word} match ${word} ${SIGN[o.mode]} ${o.value}`,
    run: (o) => (p) => {
      const ttl = p.skb.data[p.family === 4 ? 8 : 7] as number;
      if (o.mode === 'eq') return ttl === o.value;
      if (o.mode === 'ne') return ttl !== o.value;
      return o.mode === 'lt' ? ttl < o.value : ttl > o.value;
    },
  };
}

export const ttl = make('ttl', 4);
export const hl = make('hl', 6);

interface Ttl {
  mode: 'set' | 'dec' | 'inc' | null;
  value: number;
}

function makeTarget(name: 'TTL' | 'HL', family: 4 | 6): TargetExt<Ttl> {
  const low = name.toLowerCase();
  return {
    kind: 'target',
    name,
    families: [family],
    tables: ['mangle'],
    init: () => ({ mode: null, value: 0 }),
    options: (['set', 'dec', 'inc'] as const).map((mode) => ({
      name: `${low}-${mode}`,
      excludes: ['set', 'dec', 'inc'].filter((m) => m !== mode).map((m) => `${low}-${m}`),
      set: (o: Ttl, arg: string) => {
        o.value = uint(name, `${low}-${mode}`, arg, mode === 'set' ? 0 : 1, 255);
        o.mode = mode;
      },
    })),
    check: (o) => {
      if (!o.mode) throw new Problem(`${name}: You must specify an action`);
    },
    save: (o) => ` --${low}-${o.mode} ${o.value}`,
    list: (o) => ` ${name} ${o.mode === 'set' ? 'set to' : o.mode === 'dec' ? 'decrement by' : 'increment by'} ${o.value}`,
    run: (o) => (p) => {
      const b = p.skb.data;
      const at = p.family === 4 ? 8 : 7;
      const old = b[at] as number;
      b[at] = o.mode === 'set' ? o.value : o.mode === 'inc' ? Math.min(255, old + o.value) : Math.max(0, old - o.value);
      if (p.family === 4 && b[at] !== old) refreshIp4Checksum(b);
      return 'continue';
    },
  };
}

export const TTL = makeTarget('TTL', 4);
export const HL = makeTarget('HL', 6);
