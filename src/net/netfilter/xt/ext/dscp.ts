/** -m dscp, -m tos, -j DSCP, -j TOS: the traffic class field. Models xt_dscp.c, xt_DSCP.c */

import { refreshIp4Checksum } from '../../../../wire/ipv4.ts';
import { type MatchExt, Problem, type TargetExt } from '../ext.ts';
import type { XtPacket } from '../packet.ts';
import { number, uint } from '../parse.ts';

const DSCP_CLASSES: Readonly<Record<string, number>> = {
  CS0: 0,
  CS1: 8,
  CS2: 16,
  CS3: 24,
  CS4: 32,
  CS5: 40,
  CS6: 48,
  CS7: 56,
  BE: 0,
  AF11: 10,
  AF12: 12,
  AF13: 14,
  AF21: 18,
  AF22: 20,
  AF23: 22,
  AF31: 26,
  AF32: 28,
  AF33: 30,
  AF41: 34,
  AF42: 36,
  AF43: 38,
  EF: 46,
};

function dscpClass(text: string): number {
  const hit = Object.entries(DSCP_CLASSES).find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (!hit) throw new Problem(`Invalid DSCP value \`${text}'`);
  return hit[1];
}

export function tosOf(p: XtPacket): number {
  const b = p.skb.data;
  return p.family === 4 ? (b[1] as number) : (((b[0] as number) & 15) << 4) | ((b[1] as number) >> 4);
}

export const hex2 = (n: number): string => `0x${n.toString(16).padStart(2, '0')}`;

export const dscp: MatchExt<{ value: number; invert: boolean }> = {
  kind: 'match',
  name: 'dscp',
  init: () => ({ value: 0, invert: false }),
  options: [
    {
      name: 'dscp',
      invert: true,
      excludes: ['dscp-class'],
      set: (o, arg, invert) => Object.assign(o, { value: uint('dscp', 'dscp', arg, 0, 63), invert }),
    },
    { name: 'dscp-class', invert: true, excludes: ['dscp'], set: (o, arg, invert) => Object.assign(o, { value: dscpClass(arg), invert }) },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('DSCP match: Parameter --dscp is required');
  },
  save: (o) => `${o.invert ? ' !' : ''} --dscp ${hex2(o.value)}`,
  list: (o) => ` DSCP match ${o.invert ? '!' : ''}${hex2(o.value)}`,
  run: (o) => (p) => (tosOf(p) >> 2 === o.value) !== o.invert,
};

const TOS_NAMES: Readonly<Record<string, number>> = {
  'Minimize-Delay': 0x10,
  'Maximize-Throughput': 0x08,
  'Maximize-Reliability': 0x04,
  'Minimize-Cost': 0x02,
  'Normal-Service': 0x00,
};

function tosValue(text: string, defaultMask: number): { value: number; mask: number } | null {
  const named = Object.entries(TOS_NAMES).find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (named) return { value: named[1], mask: 0x3f };
  const [v, m] = text.split('/');
  const value = number(v as string, 0, 255);
  const mask = m === undefined ? defaultMask : number(m, 0, 255);
  if (m !== undefined && (value === null || mask === null)) throw new Problem(`Illegal value: "${text}"`);
  return value === null || mask === null ? null : { value, mask };
}

export const tos: MatchExt<{ value: number; mask: number; invert: boolean }> = {
  kind: 'match',
  name: 'tos',
  init: () => ({ value: 0, mask: 0xff, invert: false }),
  options: [
    {
      name: 'tos',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        const t = tosValue(arg, 0xff);
        if (!t) throw new Problem(`Symbolic name "${arg}" is unknown`);
        Object.assign(o, t, { invert });
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --tos ${hex2(o.value)}/${hex2(o.mask)}`,
  list: (o, cx) => {
    const named = !cx.numeric && o.mask === 0x3f ? Object.entries(TOS_NAMES).find(([, v]) => v === o.value) : undefined;
    return ` tos match${o.invert ? '!' : ''}${named ? ` ${named[0]}` : `${hex2(o.value)}/${hex2(o.mask)}`}`;
  },
  run: (o) => (p) => ((tosOf(p) & o.mask) === o.value) !== o.invert,
};

function writeTos(p: XtPacket, tos: number): void {
  const b = p.skb.data;
  if (p.family === 4) {
    b[1] = tos;
    refreshIp4Checksum(b);
  } else {
    b[0] = ((b[0] as number) & 0xf0) | (tos >> 4);
    b[1] = ((b[1] as number) & 0x0f) | ((tos & 15) << 4);
  }
}

export const DSCP: TargetExt<{ value: number }> = {
  kind: 'target',
  name: 'DSCP',
  tables: ['mangle'],
  init: () => ({ value: 0 }),
  options: [
    { name: 'set-dscp', excludes: ['set-dscp-class'], set: (o, arg) => Object.assign(o, { value: uint('DSCP', 'set-dscp', arg, 0, 63) }) },
    { name: 'set-dscp-class', excludes: ['set-dscp'], set: (o, arg) => Object.assign(o, { value: dscpClass(arg) }) },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('DSCP target: Parameter --set-dscp is required');
  },
  save: (o) => ` --set-dscp ${hex2(o.value)}`,
  list: (o) => ` DSCP set ${hex2(o.value)}`,
  run: (o) => (p) => {
    writeTos(p, (tosOf(p) & 3) | (o.value << 2));
    return 'continue';
  },
};

export const TOS: TargetExt<{ value: number; mask: number }> = {
  kind: 'target',
  name: 'TOS',
  tables: ['mangle'],
  init: () => ({ value: 0, mask: 0xff }),
  options: [
    {
      name: 'set-tos',
      excludes: ['and-tos', 'or-tos', 'xor-tos'],
      set: (o, arg) => {
        const t = tosValue(arg, 0xff);
        if (!t) throw new Problem(`Symbolic name "${arg}" is unknown`);
        Object.assign(o, t);
      },
    },
    {
      name: 'and-tos',
      excludes: ['set-tos', 'or-tos', 'xor-tos'],
      set: (o, arg) => Object.assign(o, { value: 0, mask: ~uint('TOS', 'and-tos', arg, 0, 255) & 0xff }),
    },
    {
      name: 'or-tos',
      excludes: ['set-tos', 'and-tos', 'xor-tos'],
      set: (o, arg) => {
        const value = uint('TOS', 'or-tos', arg, 0, 255);
        Object.assign(o, { value, mask: value });
      },
    },
    {
      name: 'xor-tos',
      excludes: ['set-tos', 'and-tos', 'or-tos'],
      set: (o, arg) => Object.assign(o, { value: uint('TOS', 'xor-tos', arg, 0, 255), mask: 0 }),
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('TOS: An action is required');
  },
  save: (o) => ` --set-tos ${hex2(o.value)}/${hex2(o.mask)}`,
  list: (o, cx) => {
    const named = !cx.numeric && o.mask === 0x3f ? Object.entries(TOS_NAMES).find(([, v]) => v === o.value) : undefined;
    if (named) return `  TOS set${named[0]}`;
    if (!cx.numeric && o.mask !== 0xff) {
      if (o.value === 0) return ` TOS and ${hex2(~o.mask & 0xff)}`;
      if (o.value === o.mask) return ` TOS or ${hex2(o.value)}`;
      if (o.mask === 0) return ` TOS xor ${hex2(o.value)}`;
    }
    return ` TOS set ${hex2(o.value)}/${hex2(o.mask)}`;
  },
  run: (o) => (p) => {
    writeTos(p, (tosOf(p) & ~o.mask) ^ o.value);
    return 'continue';
  },
};
