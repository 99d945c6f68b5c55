/** flannel's rules: what leaves the cluster is masqueraded, what belongs to it is let through. Models flannel pkg/trafficmngr/iptables */

const said = '-m comment --comment';

/** Input for iptables-restore --noflush; the chains are written anew, the jumps are not there yet. */
export function flannelRules(
  cluster: string,
  subnet: string,
  masquerade: boolean,
  jumps: { readonly nat: boolean; readonly filter: boolean },
): string {
  const masq = (rule: string, target: string): string => `-A FLANNEL-POSTRTG ${rule} ${said} "flanneld masq" -j ${target}`;
  const nat = [
    '*nat',
    ':FLANNEL-POSTRTG - [0:0]',
    ...(jumps.nat ? [] : [`-A POSTROUTING ${said} "flanneld masq" -j FLANNEL-POSTRTG`]),
    masq('-m mark --mark 0x4000/0x4000', 'RETURN'),
    masq(`-s ${subnet} -d ${cluster}`, 'RETURN'),
    masq(`-s ${cluster} -d ${subnet}`, 'RETURN'),
    masq(`! -s ${cluster} -d ${subnet}`, 'RETURN'),
    masq(`-s ${cluster} ! -d 224.0.0.0/4`, 'MASQUERADE --random-fully'),
    masq(`! -s ${cluster} -d ${cluster}`, 'MASQUERADE --random-fully'),
    'COMMIT',
  ];
  const forward = (rule: string): string => `-A FLANNEL-FWD ${rule} ${said} "flanneld forward" -j ACCEPT`;
  const filter = [
    '*filter',
    ':FLANNEL-FWD - [0:0]',
    ...(jumps.filter ? [] : [`-A FORWARD ${said} "flanneld forward" -j FLANNEL-FWD`]),
    forward(`-s ${cluster}`),
    forward(`-d ${cluster}`),
    'COMMIT',
  ];
  return [...(masquerade ? nat : []), ...filter, ''].join('\n');
}
