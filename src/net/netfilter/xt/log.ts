/** Who may write to the kernel log: the first namespace, others only with net.netfilter.nf_log_all_netns. Models nf_log_syslog.c */

import type { Netns } from '../../netns.ts';

export function mayLog(ns: Netns): boolean {
  return ns === ns.kernel.init || ns.kernel.init.sysctl.int('net.netfilter.nf_log_all_netns') !== 0;
}
