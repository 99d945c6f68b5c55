/** The proxy modes of kube-proxy. */

import { cleanupIptables, IptablesProxier } from './iptables/proxier.ts';
import type { ProxyMode } from './mode.ts';
import { cleanupNftables, NftablesProxier } from './nftables/proxier.ts';

export const PROXY_MODES: readonly ProxyMode[] = [
  { name: 'iptables', refused: null, create: (cx) => new IptablesProxier(cx), cleanup: cleanupIptables },
  { name: 'nftables', refused: null, create: (cx) => new NftablesProxier(cx), cleanup: cleanupNftables },
  { name: 'ipvs', refused: 'kube-proxy: proxy mode ipvs is not emulated' },
  { name: 'userspace', refused: 'kube-proxy: proxy mode userspace is not emulated' },
];
