/** The table of link types that `ip link` knows: options, details, help. */

import type { LinkMsg, NewLink, PortChange } from '../../../os/uapi.ts';
import type { Ctx } from '../ctx.ts';
import type { Args } from '../lib/args.ts';
import { bond, bondSlave } from './bond.ts';
import { bridge } from './bridge.ts';
import { bridgeSlave } from './bridge_slave.ts';
import { plainTypes } from './dummy.ts';
import { geneve } from './geneve.ts';
import { ipvlan } from './ipvlan.ts';
import { macvlan, macvtap } from './macvlan.ts';
import { tun } from './tun.ts';
import { tunnelTypes } from './tunnel.ts';
import { tunnel6Types } from './tunnel6.ts';
import { veth } from './veth.ts';
import { vlan } from './vlan.ts';
import { vrf, vrfSlave } from './vrf.ts';
import { vxlan } from './vxlan.ts';

/** What the options after `type KIND` add to the request. */
export type LinkRequest = Partial<NewLink> & { port?: PortChange };

export interface LinkType {
  readonly name: string;
  /** Reads the words after the type; a number other than 0 ends the program with it. */
  parse?(ctx: Ctx, args: Args, req: LinkRequest, create: boolean): number;
  print?(ctx: Ctx, m: LinkMsg): void;
}

const linkTypes: readonly LinkType[] = [
  bond,
  bondSlave,
  bridge,
  bridgeSlave,
  geneve,
  ipvlan,
  macvlan,
  macvtap,
  tun,
  veth,
  vlan,
  vrf,
  vrfSlave,
  vxlan,
  ...plainTypes,
  ...tunnelTypes,
  ...tunnel6Types,
];

export function linkType(name: string): LinkType | undefined {
  return linkTypes.find((t) => t.name === name);
}
