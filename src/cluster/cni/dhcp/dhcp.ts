/** dhcp: asks its daemon for a lease; none runs here, and that is what it says. Models plugins/ipam/dhcp/main.go rpcCall() */

import type { Process } from '../../../os/process.ts';
import { prefixed, STRING, struct, unmarshal } from '../gojson.ts';
import { netConf } from '../netconf.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../skel.ts';
import { bad } from '../types.ts';

const SCHEMA = netConf('main.NetConf', { ipam: struct('main.IPAMConfig', { type: STRING, daemonSocketPath: STRING }) });
const SOCKET = '/run/cni/dhcp.sock';

function ask(_p: Process, args: CmdArgs): Printed {
  const r = unmarshal<{ ipam?: { daemonSocketPath?: string } }>(args.stdin, SCHEMA);
  if (!r.ok) return prefixed('error parsing netconf', r.error);
  const socket = r.value.ipam?.daemonSocketPath || SOCKET;
  return bad(`error dialing DHCP daemon: dial unix ${socket}: connect: no such file or directory`);
}

export const dhcp: Plugin = {
  name: 'dhcp',
  add: atOnce(ask),
  check: atOnce(ask),
  del: atOnce(ask),
};
