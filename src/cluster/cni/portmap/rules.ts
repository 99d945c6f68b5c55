/** The chains of the portmap plugin. Models plugins/meta/portmap/portmap.go gen*Chain(), fillDnatRules() */

import { formatIp } from '../../../wire/addr.ts';
import { isV4 } from '../addr.ts';
import { goIp, type IpNet, netText } from '../gojson.ts';
import { chainName } from '../iptables.ts';
import type { Chain } from './chain.ts';
import type { PortMapConf } from './portmap.ts';

export interface PortMapEntry {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
  readonly hostIP: string;
}

const TOPLEVEL = 'CNI-HOSTPORT-DNAT';
const SET_MARK = 'CNI-HOSTPORT-SETMARK';
const NAT: Chain = { table: 'nat', name: '', entryChains: [], entryRules: [], rules: [], prependEntry: false };

export const TOPLEVEL_DNAT: Chain = {
  ...NAT,
  name: TOPLEVEL,
  entryChains: ['PREROUTING', 'OUTPUT'],
  entryRules: [['-m', 'addrtype', '--dst-type', 'LOCAL']],
};

function markText(bit: number): string {
  const mark = `0x${(2 ** bit).toString(16)}`;
  return `${mark}/${mark}`;
}

export function setMarkChain(bit: number): Chain {
  const rule = ['-m', 'comment', '--comment', 'CNI portfwd masquerade mark', '-j', 'MARK', '--set-xmark', markText(bit)];
  return { ...NAT, name: SET_MARK, rules: [rule] };
}

/** First in POSTROUTING: the rules of bridge and ptp would be there before it otherwise. */
export function markMasqChain(bit: number): Chain {
  return {
    ...NAT,
    name: 'CNI-HOSTPORT-MASQ',
    entryChains: ['POSTROUTING'],
    prependEntry: true,
    entryRules: [['-m', 'comment', '--comment', 'CNI portfwd requiring masquerade']],
    rules: [['-m', 'mark', '--mark', markText(bit), '-j', 'MASQUERADE']],
  };
}

export function dnatChain(network: string, id: string): Chain {
  return { ...NAT, name: chainName(network, id, 'DN-'), entryChains: [TOPLEVEL] };
}

/** Of releases before 0.7. */
export function oldSnatChain(network: string, id: string): Chain {
  return { ...NAT, name: chainName(network, id, 'SN-'), entryChains: ['CNI-HOSTPORT-SNAT'] };
}

const MAX_COMMENT = 255;
/** What multiport takes. */
const MAX_PORTS = 15;

function portLists(ports: readonly number[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < ports.length; i += MAX_PORTS) out.push(ports.slice(i, i + MAX_PORTS).join(','));
  return out;
}

/** The container's chain: for each mapping marks for hairpin and localhost, then the translation. */
export function filledDnatChain(conf: PortMapConf, net: IpNet): Chain {
  const v4 = isV4(net.addr);
  const whole = `dnat name: "${conf.name ?? ''}" id: "${conf.containerID}"`;
  const comment = whole.length <= MAX_COMMENT ? whole : `${whole.slice(0, 253)}...`;
  const byProto = new Map<string, number[]>();
  for (const m of conf.mappings) byProto.set(m.protocol, [...(byProto.get(m.protocol) ?? []), m.hostPort]);
  const conditions = (v4 ? conf.conditionsV4 : conf.conditionsV6) ?? [];
  const entryRules = [...byProto]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([proto, ports]) =>
      portLists(ports).map((spec) => [
        ...['-m', 'comment', '--comment', comment, '-m', 'multiport', '-p', proto, '--destination-ports', spec],
        ...conditions,
      ]),
    );
  const setMark = conf.externalSetMarkChain ?? SET_MARK;
  const rules: string[][] = [];
  for (const m of conf.mappings) {
    const hostIP = m.hostIP === '' ? null : goIp(m.hostIP);
    // What is no address counts as one of IPv6.
    if (m.hostIP !== '' && (hostIP !== null && isV4(hostIP)) !== v4) continue;
    const base = ['-p', m.protocol, '--dport', String(m.hostPort)];
    if (hostIP !== null && hostIP !== 0 && hostIP !== 0n) base.push('-d', m.hostIP);
    if (conf.snat) {
      rules.push([...base, '-s', netText(net), '-j', setMark]);
      if (v4) rules.push([...base, '-s', '127.0.0.1', '-j', setMark]);
    }
    const to = v4 ? `${formatIp(net.addr)}:${m.containerPort}` : `[${formatIp(net.addr)}]:${m.containerPort}`;
    rules.push([...base, '-j', 'DNAT', '--to-destination', to]);
  }
  return { ...dnatChain(conf.name ?? '', conf.containerID), entryRules, rules };
}
