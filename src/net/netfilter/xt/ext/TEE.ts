/** -j TEE: a copy of the packet by another gateway. Models libxt_TEE.c, nf_dup_ipv4.c, nf_dup_ipv6.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { formatIp, type IpAddr } from '../../../../wire/addr.ts';
import { put16, u16 } from '../../../../wire/bytes.ts';
import { refreshIp4Checksum } from '../../../../wire/ipv4.ts';
import type { Skb } from '../../../skb.ts';
import type { TargetExt } from '../ext.ts';
import { host } from '../parse.ts';

interface Tee {
  gateway: IpAddr;
  oif: string;
}

/** nf_skb_duplicated: copies are not copied again. */
const copies = new WeakSet<Skb>();

export const TEE: TargetExt<Tee> = {
  kind: 'target',
  name: 'TEE',
  init: () => ({ gateway: 0, oif: '' }),
  options: [
    {
      name: 'gateway',
      mandatory: true,
      set: (o, arg, _invert, cx) => {
        o.gateway = host(arg, cx.family);
      },
    },
    {
      name: 'oif',
      set: (o, arg) => {
        o.oif = arg.slice(0, 15);
      },
    },
  ],
  checkentry: (o) => (o.gateway === 0 || o.gateway === 0n ? fail('EINVAL') : ok()),
  save: (o) => ` --gateway ${formatIp(o.gateway)}${o.oif !== '' ? ` --oif ${o.oif}` : ''}`,
  list: (o) => ` TEE gw:${formatIp(o.gateway)}${o.oif !== '' ? ` oif=${o.oif}` : ''}`,
  nft: (o) => `dup to ${formatIp(o.gateway)}${o.oif !== '' ? ` device ${o.oif}` : ''}`,
  run: (o, ns) => (p) => {
    if (copies.has(p.skb)) return 'continue';
    const copy = p.skb.clone();
    copies.add(copy);
    copy.untracked = true;
    copy.ct = null;
    copy.ctInfo = null;
    const ingress = p.hook === 'PREROUTING' || p.hook === 'INPUT';
    const b = copy.data;
    if (p.family === 4) {
      put16(b, 6, u16(b, 6) | 0x4000);
      if (ingress) b[8] = (b[8] as number) - 1;
      refreshIp4Checksum(b);
    } else if (ingress) b[7] = (b[7] as number) - 1;
    const oif = o.oif === '' ? null : (ns.device(o.oif) ?? null);
    if (o.oif !== '' && !oif) return 'continue';
    ns.kernel.sim.schedule(0, () => {
      if (p.family === 4) ns.ip4.sendVia(copy, o.gateway as number, oif);
      else ns.ip6.sendVia(copy, o.gateway as bigint, oif);
    });
    return 'continue';
  },
};
