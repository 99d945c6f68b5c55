/** UDP sockets of VXLAN: one per port and family, shared by the devices that use it. Models vxlan_sock_add() */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { u32 } from '../../wire/bytes.ts';
import { VXLAN_HAS_VNI, VXLAN_HLEN } from '../../wire/vxlan.ts';
import type { Netns } from '../netns.ts';
import { UdpSocket } from '../sock/udp.ts';
import { type Vxlan, vxlanReceive } from './vxlan.ts';

export interface VxlanSocket {
  readonly key: string;
  readonly ns: Netns;
  readonly udp: UdpSocket;
  readonly devices: Map<number, Vxlan>;
  users: number;
}

interface State {
  sockets: Map<string, VxlanSocket>;
  devices: Set<Vxlan>;
}

const states = new WeakMap<Netns, State>();

function stateOf(ns: Netns): State {
  let s = states.get(ns);
  if (!s) {
    s = { sockets: new Map(), devices: new Set() };
    states.set(ns, s);
  }
  return s;
}

/** All VXLAN devices whose outer packets travel in this namespace. */
export function vxlansOf(ns: Netns): Set<Vxlan> {
  return stateOf(ns).devices;
}

/** Whether the VXLAN header of a datagram that an ICMP error quotes names a device of the socket. Models vxlan_err_lookup(). */
function vxlanSent(s: VxlanSocket, b: Uint8Array): boolean {
  if (b.length < VXLAN_HLEN || ((b[0] as number) & VXLAN_HAS_VNI) === 0) return false;
  return s.devices.has(u32(b, 4) >>> 8) || s.devices.get(0)?.options.external === true;
}

/** EADDRINUSE when something else has the port. */
export function holdSocket(ns: Netns, port: number, family: 4 | 6): Result<VxlanSocket> {
  const key = `${family}/${port}`;
  const { sockets } = stateOf(ns);
  let s = sockets.get(key);
  if (!s) {
    const udp = new UdpSocket(ns, family);
    if (family === 6) udp.opt.v6only = true;
    const bound = udp.bind(family === 4 ? 0 : 0n, port);
    if (!bound.ok) {
      udp.close();
      return fail(bound.errno);
    }
    const made: VxlanSocket = { key, ns, udp, devices: new Map(), users: 0 };
    udp.encapReceive = (skb, at, end, from) => vxlanReceive(made, skb, at, end, from);
    udp.encapSent = (payload) => vxlanSent(made, payload);
    sockets.set(key, made);
    s = made;
  }
  s.users++;
  return ok(s);
}

export function releaseSocket(s: VxlanSocket): void {
  if (--s.users > 0) return;
  s.udp.close();
  stateOf(s.ns).sockets.delete(s.key);
}
