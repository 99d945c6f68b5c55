/** -m tcpmss, -j TCPMSS: the MSS that a SYN announces. Models xt_tcpmss.c, xt_TCPMSS.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { fold16, put16, sum16, u16 } from '../../../../wire/bytes.ts';
import { pseudo } from '../../../../wire/pseudo.ts';
import { parseTcpOptions } from '../../../../wire/tcp.ts';
import { dstMtu } from '../../../ip/route.ts';
import { type MatchExt, Problem, type TargetExt } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { uint, uintRange } from '../parse.ts';

interface Tcpmss {
  /** null: clamp to the path MTU. */
  mss: number | null;
}

export const TCPMSS: TargetExt<Tcpmss> = {
  kind: 'target',
  name: 'TCPMSS',
  init: () => ({ mss: null }),
  options: [
    {
      name: 'set-mss',
      set: (o, arg, _invert, cx) => {
        o.mss = uint('TCPMSS', 'set-mss', arg, 0, 65535 - (cx.family === 4 ? 20 : 40));
      },
    },
    {
      name: 'clamp-mss-to-pmtu',
      arg: 'none',
      set: (o) => {
        o.mss = null;
      },
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('TCPMSS target: At least one parameter is required');
  },
  checkentry: (_o, _ns, proto) => (proto === 6 ? ok() : fail('EINVAL')),
  save: (o) => (o.mss === null ? ' --clamp-mss-to-pmtu' : ` --set-mss ${o.mss}`),
  list: (o) => (o.mss === null ? ' TCPMSS clamp to PMTU' : ` TCPMSS set ${o.mss}`),
  nft: (o) => `tcp option maxseg size set ${o.mss === null ? 'rt mtu' : o.mss}`,
  run: (o) => (p) => {
    const { skb } = p;
    const b = skb.data;
    if (!hasL4(p, 20) || ((b[p.l4 + 13] as number) & 2) === 0) return 'continue';
    let mss = o.mss;
    if (mss === null) {
      const mtu = skb.dst ? dstMtu(skb.dst, p.dst) : (p.out?.mtu ?? 1500);
      const back = p.in?.mtu ?? mtu;
      mss = Math.min(mtu, back) - (p.family === 4 ? 40 : 60);
    }
    const end = p.l4 + ((b[p.l4 + 12] as number) >> 4) * 4;
    for (let i = p.l4 + 20; i < end - 1; ) {
      const kind = b[i] as number;
      if (kind === 0) break;
      if (kind === 1) {
        i++;
        continue;
      }
      if (kind === 2 && b[i + 1] === 4) {
        if (u16(b, i + 2) <= mss) return 'continue';
        put16(b, i + 2, mss);
        // A checksum that the device has yet to fill in covers the pseudo header only so far.
        if (p.skb.csumBytes > 0) return 'continue';
        put16(b, p.l4 + 16, 0);
        put16(b, p.l4 + 16, fold16(sum16(b, p.l4, b.length, pseudo(p.src, p.dst, 6, b.length - p.l4))));
        return 'continue';
      }
      i += (b[i + 1] as number) || 1;
    }
    return 'continue';
  },
};

export const tcpmss: MatchExt<{ min: number; max: number; invert: boolean }> = {
  kind: 'match',
  name: 'tcpmss',
  protos: [6],
  init: () => ({ min: 0, max: 0, invert: false }),
  options: [
    {
      name: 'mss',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = uintRange('tcpmss', 'mss', arg, 65535);
        if (min > max) throw new Problem('tcpmss: invalid range given');
        Object.assign(o, { min, max, invert });
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --mss ${o.min === o.max ? o.min : `${o.min}:${o.max}`}`,
  list: (o) => ` tcpmss match ${o.invert ? '!' : ''}${o.min === o.max ? o.min : `${o.min}:${o.max}`}`,
  run: (o) => (p) => {
    if (!hasL4(p, 20)) return false;
    const at = p.l4;
    const options = parseTcpOptions(p.skb.data, at + 20, at + ((p.skb.data[at + 12] as number) >> 4) * 4);
    return options.mss !== undefined && (options.mss >= o.min && options.mss <= o.max) !== o.invert;
  },
};
