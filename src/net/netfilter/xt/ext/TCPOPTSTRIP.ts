/** -j TCPOPTSTRIP: overwrites TCP options with NOPs. Models libxt_TCPOPTSTRIP.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { fold16, put16, sum16 } from '../../../../wire/bytes.ts';
import { pseudo } from '../../../../wire/pseudo.ts';
import { Problem, type TargetExt } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { number } from '../parse.ts';

const NAMES: Readonly<Record<string, number>> = { wscale: 3, mss: 2, 'sack-permitted': 4, sack: 5, timestamp: 8, md5: 19 };

const nameOf = (kind: number): string | undefined => Object.entries(NAMES).find(([, k]) => k === kind)?.[0];

export const TCPOPTSTRIP: TargetExt<{ kinds: number[] }> = {
  kind: 'target',
  name: 'TCPOPTSTRIP',
  tables: ['mangle'],
  init: () => ({ kinds: [] }),
  options: [
    {
      name: 'strip-options',
      set: (o, arg) => {
        const kinds = new Set<number>();
        for (const word of arg.split(',')) {
          const kind = NAMES[word] ?? number(word, 0, 255);
          if (kind === null || kind === undefined) throw new Problem(`Bad TCP option value "${word}"`);
          if (kind < 2) throw new Problem('Option value may not be 0 or 1');
          if (kinds.has(kind)) throw new Problem(`Option "${word}" already specified`);
          kinds.add(kind);
        }
        o.kinds = [...kinds].sort((a, b) => a - b);
      },
    },
  ],
  checkentry: (_o, _ns, proto) => (proto === 6 ? ok() : fail('EINVAL')),
  save: (o) => (o.kinds.length > 0 ? ` --strip-options ${o.kinds.join(',')}` : ''),
  list: (o, cx) =>
    o.kinds.length === 0 ? '' : ` TCPOPTSTRIP options ${o.kinds.map((k) => (cx.numeric ? k : (nameOf(k) ?? k))).join(',')}`,
  run: (o) => (p) => {
    if (!hasL4(p, 20)) return 'continue';
    const b = p.skb.data;
    const end = p.l4 + ((b[p.l4 + 12] as number) >> 4) * 4;
    for (let i = p.l4 + 20; i < end - 1; ) {
      const kind = b[i] as number;
      const length = kind < 2 ? 1 : Math.max(2, b[i + 1] as number);
      if (o.kinds.includes(kind)) b.fill(1, i, Math.min(end, i + length));
      i += length;
    }
    // A checksum that the device has yet to fill in covers the pseudo header only so far.
    if (p.skb.csumBytes > 0) return 'continue';
    put16(b, p.l4 + 16, 0);
    put16(b, p.l4 + 16, fold16(sum16(b, p.l4, b.length, pseudo(p.src, p.dst, 6, b.length - p.l4))));
    return 'continue';
  },
};
