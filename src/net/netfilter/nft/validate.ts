/** Where statements may stand: table family, chain type and hook. Models the validate functions of net/netfilter/nft_*.c */

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

function exprOk(e: Expr | null, family: NftFamily, hook: NftHook | null): boolean {
  if (!e) return true;
  switch (e.k) {
    case 'meta':
      if ((e.key === 'ibrname' || e.key === 'obrname' || e.key === 'ibrpvid' || e.key === 'ibrvproto') && family !== 'bridge') return false;
      if (e.key === 'sdif' || e.key === 'sdifname')
        return family === 'ip' || family === 'ip6' || family === 'inet' ? hook === null || hook !== 'OUTPUT' : false;
      return true;
    case 'fib':
      if (hook === null) return true;
      if (e.result === 'type') {
        if (e.flags.includes('iif')) return IN_SIDE.includes(hook);
        if (e.flags.includes('oif')) return hook === 'OUTPUT' || hook === 'POSTROUTING' || hook === 'FORWARD';
        return true;
      }
      return IN_SIDE.includes(hook);
    case 'socket':
      return (
        (family === 'ip' || family === 'ip6' || family === 'inet') &&
        (hook === null || hook === 'PREROUTING' || hook === 'INPUT' || hook === 'OUTPUT')
      );
    case 'osf':
      return hook === null || IN_SIDE.includes(hook);
    case 'xfrm':
      if (hook === null) return true;
      return e.dir === 'in' ? IN_SIDE.includes(hook) : hook === 'FORWARD' || hook === 'OUTPUT' || hook === 'POSTROUTING';
    case 'ct':
      return family !== 'arp' && family !== 'netdev';
    case 'rt':
      return family === 'ip' || family === 'ip6' || family === 'inet';
    case 'concat':
      return e.items.every((i) => exprOk(i, family, hook));
    case 'binop':
      return exprOk(e.left, family, hook);
    case 'map':
      return exprOk(e.key, family, hook);
    case 'hash':
      return exprOk(e.expr, family, hook);
    default:
      return true;
  }
}

const META_SET = ['mark', 'priority', 'pkttype', 'nftrace', 'secmark'];
const CT_SET = ['mark', 'zone', 'event', 'label', 'secmark', 'helper'];

/** False: EOPNOTSUPP. */
export function statementOk(s: Stmt, family: NftFamily, base: BaseChain | null): boolean {
  const hook = base?.hook ?? null;
  switch (s.s) {
    case 'match':
      return exprOk(s.left, family, hook);
    case 'verdict':
      return exprOk(s.expr, family, hook);
    case 'assign':
      if (s.target.k === 'meta' && !META_SET.includes(s.target.key)) return false;
      if (s.target.k === 'ct' && !CT_SET.includes(s.target.key)) return false;
      return exprOk(s.value, family, hook);
    case 'nat':
      if (family !== 'ip' && family !== 'ip6' && family !== 'inet') return false;
      return !base || (base.type === 'nat' && (NAT_HOOKS[s.what]?.includes(base.hook) ?? false));
    case 'reject':
      if (family === 'netdev') return hook === null || hook === 'INGRESS';
      return hook === null || (hook !== 'POSTROUTING' && (family !== 'bridge' || hook === 'PREROUTING' || hook === 'INPUT'));
    case 'synproxy':
      return hook === null || hook === 'INPUT' || hook === 'FORWARD';
    case 'tproxy':
      return hook === null || hook === 'PREROUTING';
    case 'flow':
      return hook === null || hook === 'FORWARD';
    case 'fwd':
      return family === 'netdev';
    case 'dup':
      return family === 'ip' || family === 'ip6' || family === 'netdev';
    case 'objref':
      if (s.kind === 'synproxy') return hook === null || hook === 'INPUT' || hook === 'FORWARD';
      return true;
    default:
      return true;
  }
}
