/** flannel's ways to other nodes: VXLAN and plain routes. Models flannel pkg/backend/vxlan/{device,vxlan_network}.go, pkg/backend/hostgw */

import type { Process } from '../../../os/process.ts';
import { addFdb, delFdb, delLink, IFF_UP, type NetDevice, newAddr, newLink, setLink } from '../../../os/uapi.ts';
import { type IpAddr, inPrefix } from '../../../wire/addr.ts';
import { formatMac, parseMac } from '../../../wire/mac.ts';
import type { IpNet } from '../../cni/gojson.ts';
import { errnoText, trySysctl } from '../../cni/link.ts';

/** Another node's part of the network. */
export interface Lease {
  readonly subnet: IpNet;
  readonly publicIP: number;
  readonly type: string;
  /** The annotation backend-data. */
  readonly data: string;
}

export interface Backend {
  readonly mtu: number;
  readonly data: string;
  add(p: Process, lease: Lease): void;
  remove(p: Process, lease: Lease): void;
}

interface External {
  readonly dev: NetDevice;
  readonly ip: number;
}

const NUD_PERMANENT = 0x80;
const OVERHEAD = 50;
const DEFAULT_PORT = 8472;

function vtepMac(data: string): number | null {
  try {
    return parseMac((JSON.parse(data) as { VtepMAC?: string } | null)?.VtepMAC ?? '');
  } catch {
    return null;
  }
}

/** A locally administered address, that of the node's last run if it is told. */
function ownMac(p: Process, stored: string | undefined): number {
  const before = stored === undefined ? null : vtepMac(stored);
  if (before !== null) return before;
  const rng = p.sim.rng('flannel/mac');
  const high = (rng.u32() & 0xfcff) | 0x0200;
  return high * 2 ** 32 + rng.u32();
}

/** flannel.VNI with its address; the reason when it cannot be made. */
export function vxlan(
  p: Process,
  ext: External,
  subnet: IpNet,
  {
    VNI = 1,
    Port = DEFAULT_PORT,
    DirectRouting = false,
  }: { readonly VNI?: number; readonly Port?: number; readonly DirectRouting?: boolean },
  stored: string | undefined,
): Backend | string {
  const { ns } = p;
  const name = `flannel.${VNI}`;
  const mtu = ext.dev.mtu - OVERHEAD;
  const there = ns.device(name);
  const mac = there ? there.mac : ownMac(p, stored);
  let dev = there;
  if (!dev) {
    const data = { kind: 'vxlan' as const, id: VNI, local: ext.ip, link: ext.dev.ifindex, options: { dstport: Port, learning: false } };
    const made = newLink(ns, { kind: 'vxlan', name, mtu, address: mac, data });
    if (!made.ok) return `failed to create vxlan device: ${errnoText(made.errno)}`;
    dev = made.value;
  }
  const link = dev;
  trySysctl(p, `net/ipv6/conf/${name}/accept_ra`, '0');
  if (!link.addrs4.some((a) => a.local === subnet.addr)) newAddr(link, { local: subnet.addr, len: 32 }, 'add');
  const up = setLink(link, { set: IFF_UP });
  if (!up.ok) {
    delLink(link);
    return `failed to set interface ${name} to UP state: ${errnoText(up.errno)}`;
  }
  const direct = (ip: IpAddr): boolean => DirectRouting && ext.dev.addrs4.some((a) => inPrefix(ip, a.local, a.len));
  return {
    mtu,
    data: JSON.stringify({ VNI, VtepMAC: formatMac(mac) }),
    add(_p, lease) {
      const peer = vtepMac(lease.data);
      if (lease.type !== 'vxlan' || peer === null) return;
      if (direct(lease.publicIP)) {
        route(link, lease, ext);
        return;
      }
      ns.neigh.add(link, lease.subnet.addr, { state: NUD_PERMANENT, mac: peer }, 'replace');
      addFdb({ mac: peer, dev: link, dst: lease.publicIP, self: true, master: false, state: 'permanent' }, 'replace');
      ns.fib.add({ family: 4, dst: lease.subnet, nexthops: [{ dev: link, gateway: lease.subnet.addr, onlink: true }] }, 'replace');
    },
    remove(_p, lease) {
      const peer = vtepMac(lease.data);
      if (lease.type !== 'vxlan' || peer === null) return;
      ns.fib.del({ family: 4, dst: lease.subnet });
      if (direct(lease.publicIP)) return;
      ns.neigh.del(link, lease.subnet.addr);
      delFdb({ mac: peer, dev: link, dst: lease.publicIP, self: true, master: false, state: 'permanent' });
    },
  };
}

function route(dev: NetDevice, lease: Lease, ext: External): void {
  dev.ns.fib.add({ family: 4, dst: lease.subnet, nexthops: [{ dev: ext.dev, gateway: lease.publicIP }] }, 'replace');
}

/** Routes by way of the other nodes, which stand on the same link. */
export function hostGw(_p: Process, ext: External): Backend {
  return {
    mtu: ext.dev.mtu,
    data: 'null',
    add(_q, lease) {
      if (lease.type === 'host-gw') route(ext.dev, lease, ext);
    },
    remove(_q, lease) {
      if (lease.type === 'host-gw') ext.dev.ns.fib.del({ family: 4, dst: lease.subnet });
    },
  };
}
