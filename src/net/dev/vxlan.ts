/** VXLAN: Ethernet over UDP. Models drivers/net/vxlan/vxlan_core.c */

import type { IpAddr } from '../../wire/addr.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { NetDevice } from './device.ts';

export interface VxlanOptions {
  vni: number;
  local?: IpAddr;
  /** Default remote: unicast, or a multicast group. */
  remote?: IpAddr;
  dev?: NetDevice;
  dstport?: number;
  learning?: boolean;
  ttl?: number;
  tos?: number;
  ageing?: number;
  srcportMin?: number;
  srcportMax?: number;
  udpCsum?: boolean;
}

export class Vxlan extends NetDevice {
  readonly kind = 'vxlan';
  readonly options: VxlanOptions;

  constructor(ns: Netns, name: string, options: VxlanOptions) {
    super(ns, name);
    this.options = options;
  }

  xmit(_skb: Skb): void {}
}
