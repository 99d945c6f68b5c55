/** Where statements may stand: table family, chain type and hook; what the recorded kernel is built without. Models the validate functions of net/netfilter/nft_*.c */

import type { Errno } from '../../../sim/errno.ts';
import type { Expr } from './expr.ts';
import type { Stmt } from './stmt.ts';
import type { BaseChain, NftFamily, NftHook } from './table.ts';

const NAT_HOOKS: Readonly<Record<string, readonly NftHook[]>> = {
  snat: ['POSTROUTING', 'INPUT'],
  dnat: ['PREROUTING', 'OUTPUT'],
  masquerade: ['POSTROUTING'],
  redirect: ['PREROUTING', 'OUTPUT'],
};

const IN_SIDE: readonly NftHook[] = ['PREROUTING', 'INPUT', 'FORWARD'];
const OUT_SIDE: readonly NftHook[] = ['FORWARD', 'OUTPUT', 'POSTROUTING'];
const NO: Errno = 'EOPNOTSUPP';

/** ip, ip6 and inet: the families with an IP layer's hooks. */
const layer3 = (family: NftFamily): boolean => family === 'ip' || family === 'ip6' || family === 'inet';
const at = (hooks: readonly NftHook[], hook: NftHook | null): Errno | null => (hook === null || hooks.includes(hook) ? null : NO);
const BRIDGE_KEYS = ['ibrname', 'obrname', 'ibrpvid', 'ibrvproto'];

function ofExpr(e: Expr | null, family: NftFamily, hook: NftHook | null): Errno | null {
  if (!e) return null;
  switch (e.k) {
    case 'meta':
      if (BRIDGE_KEYS.includes(e.key)) return NO;
      if (e.key === 'sdif' || e.key === 'sdifname') return layer3(family) ? at(['INPUT', 'FORWARD'], hook) : NO;
      return e.key === 'ipsec' && layer3(family) ? at(IN_SIDE, hook) : null;
    case 'fib':
      if (family === 'arp' || family === 'bridge') return 'ENOENT';
      if (family === 'netdev') return null;
      if (e.result !== 'type') return at(IN_SIDE, hook);
      if (e.flags.includes('iif')) return at(IN_SIDE, hook);
      return e.flags.includes('oif') ? at(OUT_SIDE, hook) : null;
    case 'socket':
      return layer3(family) ? at(['PREROUTING', 'INPUT', 'OUTPUT'], hook) : NO;
    case 'osf':
      return family === 'ip' || family === 'inet' ? at(IN_SIDE, hook) : NO;
    case 'xfrm':
      return at(e.dir === 'in' ? IN_SIDE : OUT_SIDE, hook);
    case 'ct':
      return layer3(family) ? null : 'EPROTO';
    case 'rt':
      if (!layer3(family)) return NO;
      return e.key === 'mtu' ? at(OUT_SIDE, hook) : null;
    case 'concat':
      for (const i of e.items) {
        const no = ofExpr(i, family, hook);
        if (no) return no;
      }
      return null;
    case 'binop':
      return ofExpr(e.left, family, hook);
    case 'map':
      return ofExpr(e.key, family, hook);
    case 'hash':
      return ofExpr(e.expr, family, hook);
    default:
      return null;
  }
}

const NANOSECONDS = { second: 1e9, minute: 60e9, hour: 3600e9, day: 86400e9, week: 604800e9 } as const;
const META_SET = ['mark', 'priority', 'pkttype', 'nftrace', 'secmark'];
const CT_SET = ['mark', 'zone', 'event', 'label', 'secmark', 'helper'];

/** Why the kernel does not take the statement there, or null. */
export function refusalOf(s: Stmt, family: NftFamily, base: BaseChain | null): Errno | null {
  const hook = base?.hook ?? null;
  switch (s.s) {
    case 'match':
      return ofExpr(s.left, family, hook);
    case 'verdict':
    case 'objref':
      if (s.s === 'objref' && s.kind === 'synproxy') return at(['INPUT', 'FORWARD'], hook);
      return ofExpr(s.expr, family, hook);
    case 'assign':
      if (s.target.k === 'meta' && !META_SET.includes(s.target.key)) return NO;
      if (s.target.k === 'meta' && s.target.key === 'pkttype') {
        const no = at(['PREROUTING', 'INGRESS'], hook);
        if (no) return no;
      }
      if (s.target.k === 'ct' && !layer3(family)) return 'EPROTO';
      if (s.target.k === 'ct' && !CT_SET.includes(s.target.key)) return NO;
      return ofExpr(s.value, family, hook);
    case 'nat':
      if (base && base.type !== 'nat') return NO;
      return at(NAT_HOOKS[s.what] ?? [], hook) ?? ofExpr(s.addr, family, hook) ?? ofExpr(s.port, family, hook);
    case 'reject':
      if (family === 'bridge') return 'ENOENT';
      return at(family === 'netdev' ? ['INGRESS'] : ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT'], hook);
    case 'limit':
      // The bucket's nanoseconds have to fit into 64 bits.
      return s.bytes && NANOSECONDS[s.unit] * (s.rate + s.burst) >= 2 ** 64 ? 'EOVERFLOW' : null;
    case 'connlimit':
      return layer3(family) ? null : 'EPROTO';
    case 'synproxy':
      return layer3(family) ? at(['INPUT', 'FORWARD'], hook) : 'EPROTO';
    case 'tproxy':
      return at(['PREROUTING'], hook);
    case 'flow':
      return at(['FORWARD'], hook);
    case 'queue':
      // No nfnetlink_queue.
      return 'ENOENT';
    default:
      return null;
  }
}

/** nft_chain_type: which hooks and priorities a type has in a family. */
export function chainTypeOk(family: NftFamily, base: BaseChain): boolean {
  const ip = family === 'ip' || family === 'ip6' || family === 'inet';
  if (base.type === 'nat')
    return ip && base.hook !== 'FORWARD' && base.hook !== 'INGRESS' && base.hook !== 'EGRESS' && base.priority > -200;
  if (base.type === 'route') return ip && base.hook === 'OUTPUT';
  if (family === 'netdev') return base.hook === 'INGRESS' || base.hook === 'EGRESS';
  if (family === 'arp') return base.hook === 'INPUT' || base.hook === 'OUTPUT';
  if (base.hook === 'EGRESS') return false;
  return base.hook !== 'INGRESS' || family === 'inet';
}
