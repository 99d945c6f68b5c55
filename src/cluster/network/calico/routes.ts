/** What BIRD and Felix write into the kernel: routes to other nodes' blocks, the tunnel, black holes of the own ones. Models confd's bird templates, felix dataplane/linux */

import type { Process } from '../../../os/process.ts';
import { IFF_UP, type NetDevice, newAddr, newLink, setLink } from '../../../os/uapi.ts';
import { inPrefix } from '../../../wire/addr.ts';
import type { Prefix4 } from '../bgp/message.ts';
import { net4, type Pool } from './ipam.ts';

/** As /etc/iproute2/rt_protos names it. */
export const RTPROT_BIRD = 12;
const IPIP_OVERHEAD = 20;

export const contains = (outer: Prefix4, inner: Prefix4): boolean => outer.len <= inner.len && inPrefix(inner.addr, outer.addr, outer.len);

export class Routes {
  private readonly p: Process;
  private readonly ext: NetDevice;
  pools: readonly Pool[] = [];

  constructor(p: Process, ext: NetDevice) {
    this.p = p;
    this.ext = ext;
  }

  /** The tunnel device when a packet for that block must be wrapped. */
  private tunnelFor(dst: Prefix4, nexthop: number): NetDevice | null {
    const pool = this.pools.find((x) => contains(net4(x.spec.cidr), dst));
    const mode = pool?.spec.ipipMode ?? 'Never';
    const near = this.ext.addrs4.some((a) => inPrefix(nexthop, a.local, a.len));
    return mode === 'Always' || (mode === 'CrossSubnet' && !near) ? (this.p.ns.device('tunl0') ?? null) : null;
  }

  add(dst: Prefix4, nexthop: number): void {
    const tunnel = this.tunnelFor(dst, nexthop);
    const hop = tunnel ? { dev: tunnel, gateway: nexthop, onlink: true } : { dev: this.ext, gateway: nexthop };
    this.p.ns.fib.add({ family: 4, dst, proto: RTPROT_BIRD, nexthops: [hop] }, 'replace');
  }

  del(dst: Prefix4): void {
    this.p.ns.fib.del({ family: 4, dst, proto: RTPROT_BIRD });
  }

  /** Addresses of an own block that no pod has lead nowhere. */
  blackhole(dst: Prefix4): void {
    this.p.ns.fib.add({ family: 4, dst, type: 'blackhole', proto: RTPROT_BIRD }, 'replace');
  }

  unblackhole(dst: Prefix4): void {
    this.p.ns.fib.del({ family: 4, dst, type: 'blackhole', proto: RTPROT_BIRD });
  }
}

/** tunl0, which the module brings, with the node's tunnel address. */
export function setUpTunnel(p: Process, ext: NetDevice, addr: number): void {
  // Making any IPIP device loads the module; this one is there then.
  newLink(p.ns, { kind: 'ipip', name: 'tunl0' });
  const dev = p.ns.device('tunl0');
  if (!dev) return;
  setLink(dev, { mtu: ext.mtu - IPIP_OVERHEAD, set: IFF_UP });
  if (!dev.addrs4.some((a) => a.local === addr)) newAddr(dev, { local: addr, len: 32 }, 'add');
}
