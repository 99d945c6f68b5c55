/** Sysctls of a namespace: /proc/sys/net with per-device conf, defaults and checks. Models net/ipv4/sysctl_net_ipv4.c, devinet.c */

import { fail, type Result } from '../sim/errno.ts';
import type { NetDevice } from './dev/device.ts';
import type { Netns } from './netns.ts';

export class Sysctl {
  readonly ns: Netns;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** Key with dots (`net.ipv4.ip_forward`) or as a path below /proc/sys (`net/ipv4/conf/eth0.5/rp_filter`). Tabs separate vectors. */
  get(key: string): string | undefined {
    void key;
    return undefined;
  }

  /** ENOENT unknown, EINVAL bad value, EACCES read-only. */
  set(key: string, value: string): Result {
    void key;
    void value;
    return fail('ENOENT');
  }

  /** First number of the value, 0 when unknown. */
  int(key: string): number {
    return Number.parseInt(this.get(key) ?? '0', 10);
  }

  /** All keys as paths below /proc/sys (`net/ipv4/ip_forward`), sorted as a directory walk does. */
  keys(): string[] {
    return [];
  }

  /** The device's own value of net.ipv4.conf.DEV.NAME; `all` and `default` too. */
  conf4(dev: NetDevice | 'all' | 'default', name: string): number {
    void dev;
    void name;
    return 0;
  }

  conf6(dev: NetDevice | 'all' | 'default', name: string): number {
    void dev;
    void name;
    return 0;
  }

  /** IN_DEV_MAXCONF: the larger of all and dev (rp_filter, arp_ignore, arp_announce …). */
  max4(dev: NetDevice, name: string): number {
    return Math.max(this.conf4('all', name), this.conf4(dev, name));
  }

  /** IN_DEV_ORCONF: either (proxy_arp, accept_local, send_redirects …). */
  or4(dev: NetDevice, name: string): boolean {
    return this.conf4('all', name) !== 0 || this.conf4(dev, name) !== 0;
  }

  /** IN_DEV_ANDCONF: both (mc_forwarding …). */
  and4(dev: NetDevice, name: string): boolean {
    return this.conf4('all', name) !== 0 && this.conf4(dev, name) !== 0;
  }
}
