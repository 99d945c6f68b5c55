/** The CNI plugins. */

import type { Command } from '../../os/program.ts';
import { bandwidth } from './bandwidth/bandwidth.ts';
import { bridge } from './bridge/bridge.ts';
import { cnitool } from './cnitool.ts';
import { dhcp } from './dhcp/dhcp.ts';
import { firewall } from './firewall/firewall.ts';
import { flannel } from './flannel/flannel.ts';
import { hostLocal } from './host-local/host-local.ts';
import { loopback } from './loopback/loopback.ts';
import { ipvlan, macvlan } from './macvlan/macvlan.ts';
import { portmap } from './portmap/portmap.ts';
import { ptp } from './ptp/ptp.ts';
import { commandsOf, type Plugin } from './skel.ts';
import { staticIpam } from './static/static.ts';
import { tuning } from './tuning/tuning.ts';

export const PLUGINS: readonly Plugin[] = [
  ...[bridge, ptp, macvlan, ipvlan, loopback],
  ...[hostLocal, staticIpam, dhcp],
  ...[portmap, bandwidth, tuning, firewall],
  flannel,
];

/** Executables of the plugins, for each place where one is looked for, and the tool that calls them by hand. */
export const cniCommands: readonly Command[] = [...PLUGINS.flatMap(commandsOf), cnitool];
