/** -m mark, -m connmark, -j MARK, -j CONNMARK: the packet's and the connection's mark. Models xt_mark.c, xt_connmark.c */

import { type MatchExt, type OptionSpec, Problem, type TargetExt } from '../ext.ts';
import type { XtPacket } from '../packet.ts';
import { hex, type Masked, markMask, markText, number } from '../parse.ts';

interface Mark {
  mark: number;
  mask: number;
}

const one = (ext: string, option: string, arg: string): number => {
  const value = number(arg);
  if (value === null) throw new Problem(`${ext}: bad value for option "--${option}", or out of range (0-4294967295).\n`);
  return value;
};

const MARK_OPS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'];

function markOption(name: string, set: (o: Mark, arg: string) => void): OptionSpec<Mark> {
  return { name, excludes: MARK_OPS.filter((n) => n !== name), set };
}

export const MARK: TargetExt<Mark> = {
  kind: 'target',
  name: 'MARK',
  init: () => ({ mark: 0, mask: 0 }),
  options: [
    markOption('set-xmark', (o, arg) => {
      const m = markMask('MARK', 'set-xmark', arg);
      o.mark = m.value;
      o.mask = m.mask;
    }),
    markOption('set-mark', (o, arg) => {
      const m = markMask('MARK', 'set-mark', arg);
      o.mark = m.value;
      o.mask = (m.mask | m.value) >>> 0;
    }),
    markOption('and-mark', (o, arg) => {
      o.mark = 0;
      o.mask = ~one('MARK', 'and-mark', arg) >>> 0;
    }),
    markOption('or-mark', (o, arg) => {
      o.mark = one('MARK', 'or-mark', arg);
      o.mask = o.mark;
    }),
    markOption('xor-mark', (o, arg) => {
      o.mark = one('MARK', 'xor-mark', arg);
      o.mask = 0;
    }),
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required');
  },
  save: (o) => ` --set-xmark ${hex(o.mark)}/${hex(o.mask)}`,
  list: (o) => {
    if (o.mark === 0) return ` MARK and ${hex(~o.mask)}`;
    if (o.mark === o.mask) return ` MARK or ${hex(o.mark)}`;
    if (o.mask === 0) return ` MARK xor ${hex(o.mark)}`;
    if (o.mask === 0xffffffff) return ` MARK set ${hex(o.mark)}`;
    return ` MARK xset ${hex(o.mark)}/${hex(o.mask)}`;
  },
  nft: (o) => {
    if (o.mask === 0xffffffff) return `meta mark set ${hex(o.mark)}`;
    if (o.mark === 0) return `meta mark set mark and ${hex(~o.mask)}`;
    if (o.mark === o.mask) return `meta mark set mark or ${hex(o.mark)}`;
    if (o.mask === 0) return `meta mark set mark xor ${hex(o.mark)}`;
    return `meta mark set mark and ${hex(~o.mask)} xor ${hex(o.mark)}`;
  },
  run: (o) => (p) => {
    p.skb.mark = ((p.skb.mark & ~o.mask) ^ o.mark) >>> 0;
    return 'continue';
  },
};

interface Connmark {
  mode: 'set' | 'save' | 'restore' | null;
  ctmark: number;
  ctmask: number;
  nfmask: number;
}

const CONNMARK_OPS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark', 'save-mark', 'restore-mark'];

function connmarkOption(name: string, set: (o: Connmark, arg: string) => void): OptionSpec<Connmark> {
  const none = name === 'save-mark' || name === 'restore-mark';
  return { name, arg: none ? 'none' : 'required', excludes: CONNMARK_OPS.filter((n) => n !== name), set };
}

const maskOption = (name: string, set: (o: Connmark, value: number) => void): OptionSpec<Connmark> => ({
  name,
  set: (o, arg) => set(o, one('CONNMARK', name, arg)),
});

export const CONNMARK: TargetExt<Connmark> = {
  kind: 'target',
  name: 'CONNMARK',
  conntrack: true,
  init: () => ({ mode: null, ctmark: 0, ctmask: 0xffffffff, nfmask: 0xffffffff }),
  options: [
    connmarkOption('set-xmark', (o, arg) => {
      const m = markMask('CONNMARK', 'set-xmark', arg);
      Object.assign(o, { mode: 'set', ctmark: m.value, ctmask: m.mask });
    }),
    connmarkOption('set-mark', (o, arg) => {
      const m = markMask('CONNMARK', 'set-mark', arg);
      Object.assign(o, { mode: 'set', ctmark: m.value, ctmask: (m.mask | m.value) >>> 0 });
    }),
    connmarkOption('and-mark', (o, arg) => {
      Object.assign(o, { mode: 'set', ctmark: 0, ctmask: ~one('CONNMARK', 'and-mark', arg) >>> 0 });
    }),
    connmarkOption('or-mark', (o, arg) => {
      const mark = one('CONNMARK', 'or-mark', arg);
      Object.assign(o, { mode: 'set', ctmark: mark, ctmask: mark });
    }),
    connmarkOption('xor-mark', (o, arg) => {
      Object.assign(o, { mode: 'set', ctmark: one('CONNMARK', 'xor-mark', arg), ctmask: 0 });
    }),
    connmarkOption('save-mark', (o) => {
      o.mode = 'save';
    }),
    connmarkOption('restore-mark', (o) => {
      o.mode = 'restore';
    }),
    maskOption('mask', (o, value) => {
      o.nfmask = value;
      o.ctmask = value;
    }),
    maskOption('ctmask', (o, value) => {
      o.ctmask = value;
    }),
    maskOption('nfmask', (o, value) => {
      o.nfmask = value;
    }),
  ],
  check: (o) => {
    if (!o.mode) throw new Problem('CONNMARK target: No operation specified');
  },
  save: (o) => {
    if (o.mode === 'set') return ` --set-xmark ${hex(o.ctmark)}/${hex(o.ctmask)}`;
    return ` --${o.mode}-mark --nfmask ${hex(o.nfmask)} --ctmask ${hex(o.ctmask)}`;
  },
  list: (o) => {
    if (o.mode === 'set') {
      if (o.ctmark === 0) return ` CONNMARK and ${hex(~o.ctmask)}`;
      if (o.ctmark === o.ctmask) return ` CONNMARK or ${hex(o.ctmark)}`;
      if (o.ctmask === 0) return ` CONNMARK xor ${hex(o.ctmark)}`;
      if (o.ctmask === 0xffffffff) return ` CONNMARK set ${hex(o.ctmark)}`;
      return ` CONNMARK xset ${hex(o.ctmark)}/${hex(o.ctmask)}`;
    }
    const all = o.nfmask === 0xffffffff && o.ctmask === 0xffffffff;
    if (all) return ` CONNMARK ${o.mode}`;
    if (o.nfmask === o.ctmask) return ` CONNMARK ${o.mode} mask ${hex(o.ctmask)}`;
    return o.mode === 'restore'
      ? ` CONNMARK restore ctmask ${hex(o.ctmask)} nfmask ~${hex(o.nfmask)}`
      : ` CONNMARK save nfmask ${hex(o.nfmask)} ctmask ~${hex(o.ctmask)}`;
  },
  nft: (o) => {
    if (o.mode === 'set')
      return o.ctmask === 0xffffffff
        ? `ct mark set ${hex(o.ctmark)}`
        : o.ctmark === o.ctmask
          ? `ct mark set ct mark or ${hex(o.ctmark)}`
          : null;
    if (o.nfmask !== 0xffffffff || o.ctmask !== 0xffffffff) return null;
    return o.mode === 'save' ? 'ct mark set mark' : 'meta mark set ct mark';
  },
  run: (o) => (p) => {
    const { skb } = p;
    const { ct } = skb;
    if (!ct) return 'continue';
    if (o.mode === 'set') ct.mark = ((ct.mark & ~o.ctmask) ^ o.ctmark) >>> 0;
    else if (o.mode === 'save') ct.mark = ((ct.mark & ~o.ctmask) ^ (skb.mark & o.nfmask)) >>> 0;
    else skb.mark = ((skb.mark & ~o.nfmask) ^ (ct.mark & o.ctmask)) >>> 0;
    return 'continue';
  },
};

interface MarkMatch extends Masked {
  invert: boolean;
}

function make(name: 'mark' | 'connmark', get: (p: XtPacket) => number | null): MatchExt<MarkMatch> {
  return {
    kind: 'match',
    name,
    conntrack: name === 'connmark',
    init: () => ({ value: 0, mask: 0xffffffff, invert: false }),
    options: [
      {
        name: 'mark',
        mandatory: true,
        invert: true,
        set: (o, arg, invert) => Object.assign(o, markMask(name, 'mark', arg), { invert }),
      },
    ],
    save: (o) => `${o.invert ? ' !' : ''} --mark ${markText(o)}`,
    native: name === 'mark',
    nft: (o) => {
      const bits = (n: number): string => (name === 'mark' ? `0x${n.toString(16).padStart(8, '0')}` : hex(n));
      const left = name === 'mark' ? 'meta mark' : 'ct mark';
      if (o.mask === 0xffffffff) return `${left} ${o.invert ? '!= ' : ''}${bits(o.value)}`;
      return `${left} & ${bits(o.mask)} ${o.invert ? '!=' : '=='} ${bits(o.value)}`;
    },
    list: (o) => ` ${name} match ${o.invert ? '!' : ''}${o.invert || name === 'connmark' ? ' ' : ''}${markText(o)}`,
    run: (o) => (p) => {
      const mark = get(p);
      if (mark === null) return false;
      return ((mark & o.mask) >>> 0 === o.value >>> 0) !== o.invert;
    },
  };
}

export const mark = make('mark', (p) => p.skb.mark);
export const connmark = make('connmark', (p) => p.skb.ct?.mark ?? null);
