/** Configuration of the bridge plugin. Models plugins/main/bridge/bridge.go loadNetConf() */

import { BOOL, INT, prefixed, STRING, struct, unmarshal } from '../gojson.ts';
import { loadArgs, type NetConf, netConf } from '../netconf.ts';
import { bad, good, type Outcome } from '../types.ts';

interface Raw extends NetConf {
  readonly bridge?: string;
  readonly isGateway?: boolean;
  readonly isDefaultGateway?: boolean;
  readonly forceAddress?: boolean;
  readonly ipMasq?: boolean;
  readonly mtu?: number;
  readonly hairpinMode?: boolean;
  readonly promiscMode?: boolean;
  readonly vlan?: number;
  readonly macspoofchk?: boolean;
  readonly enabledad?: boolean;
  readonly disableContainerInterface?: boolean;
  readonly args?: { readonly cni?: { readonly mac?: string } };
  readonly runtimeConfig?: { readonly mac?: string };
}

export interface BridgeConf extends Raw {
  readonly bridge: string;
  readonly mtu: number;
  readonly vlan: number;
  readonly mac: string;
  readonly ipamType: string;
}

const SCHEMA = netConf('main.NetConf', {
  bridge: STRING,
  isGateway: BOOL,
  isDefaultGateway: BOOL,
  forceAddress: BOOL,
  ipMasq: BOOL,
  mtu: INT,
  hairpinMode: BOOL,
  promiscMode: BOOL,
  vlan: INT,
  macspoofchk: BOOL,
  enabledad: BOOL,
  args: struct('struct', { cni: struct('main.BridgeArgs', { mac: STRING }) }),
  runtimeConfig: struct('struct', { mac: STRING }),
});

export const DEFAULT_BRIDGE = 'cni0';

export function loadConf(stdin: string, envArgs: string): Outcome<BridgeConf> {
  const r = unmarshal<Raw>(stdin, SCHEMA);
  if (!r.ok) return prefixed('failed to load netconf', r.error);
  const raw = r.value;
  const vlan = raw.vlan ?? 0;
  if (vlan < 0 || vlan > 4094) return bad(`invalid VLAN ID ${vlan} (must be between 0 and 4094)`);
  const args = loadArgs(envArgs, ['MAC']);
  if (!args.ok) return args;
  return good({
    ...raw,
    bridge: raw.bridge ?? DEFAULT_BRIDGE,
    mtu: raw.mtu ?? 0,
    vlan,
    mac: raw.runtimeConfig?.mac || raw.args?.cni?.mac || args.value.get('MAC') || '',
    ipamType: raw.ipam?.type ?? '',
  });
}
