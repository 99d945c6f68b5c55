/** Which offloads each kind of device has, as `ethtool -k` lists them. Read off Linux 6.18 */

/** Columns: veth (and Ethernet), bridge, loopback, vxlan, macvlan, tun, ifb. 1 on, 0 off, x off [fixed], X on [fixed], w off [requested on]. */
export const FEATURES: readonly (readonly [name: string, states: string])[] = [
  ['rx-checksumming', '1xX1Xxx'],
  ['tx-checksumming', '1111101'],
  ['tx-checksum-ipv4', 'xxxxxxx'],
  ['tx-checksum-ip-generic', '11X1Xw1'],
  ['tx-checksum-ipv6', 'xxxxxxx'],
  ['tx-checksum-fcoe-crc', 'xxxxxxx'],
  ['tx-checksum-sctp', '1xXxxxx'],
  ['scatter-gather', '1111111'],
  ['tx-scatter-gather', '11X1X11'],
  ['tx-scatter-gather-fraglist', '11X1X11'],
  ['tcp-segmentation-offload', '1111101'],
  ['tx-tcp-segmentation', '1111Xw1'],
  ['tx-tcp-ecn-segmentation', '1111Xw1'],
  ['tx-tcp-mangleid-segmentation', '1111X01'],
  ['tx-tcp6-segmentation', '1111Xw1'],
  ['tx-tcp-accecn-segmentation', '1111Xx1'],
  ['generic-segmentation-offload', '1111111'],
  ['generic-receive-offload', '0111w11'],
  ['large-receive-offload', 'xxxx0xx'],
  ['rx-vlan-offload', '1xxxxxx'],
  ['tx-vlan-offload', '11xxx11'],
  ['ntuple-filters', 'xxxxxxx'],
  ['receive-hashing', 'xxxxxxx'],
  ['highdma', '11XxXx1'],
  ['rx-vlan-filter', 'xxxxxxx'],
  ['vlan-challenged', 'xxXxxxx'],
  ['tx-gso-robust', 'x1xxXxx'],
  ['tx-fcoe-segmentation', 'x1xxxxx'],
  ['tx-gre-segmentation', '11xxXx1'],
  ['tx-gre-csum-segmentation', '11xxXx1'],
  ['tx-ipxip4-segmentation', '11xxXx1'],
  ['tx-ipxip6-segmentation', '11xxXx1'],
  ['tx-udp_tnl-segmentation', '11xxXw1'],
  ['tx-udp_tnl-csum-segmentation', '11xxXw1'],
  ['tx-gso-partial', 'x1xxxxx'],
  ['tx-tunnel-remcsum-segmentation', 'x1xxxxx'],
  ['tx-sctp-segmentation', '1111Xx1'],
  ['tx-esp-segmentation', 'x1xxxxx'],
  ['tx-udp-segmentation', '1111Xw1'],
  ['tx-gso-list', '1111Xx1'],
  ['tx-nocache-copy', '00x0000'],
  ['loopback', 'xxXxxxx'],
  ['rx-fcs', 'xxxxxxx'],
  ['rx-all', 'xxxxxxx'],
  ['tx-vlan-stag-hw-insert', '11xxx11'],
  ['rx-vlan-stag-hw-parse', '1xxxxxx'],
  ['rx-vlan-stag-filter', 'xxxxxxx'],
  ['l2-fwd-offload', 'xxxxxxx'],
  ['hw-tc-offload', 'xxxxxxx'],
  ['esp-hw-offload', 'xxxxxxx'],
  ['esp-tx-csum-hw-offload', 'xxxxxxx'],
  ['rx-udp_tunnel-port-offload', 'xxxxxxx'],
  ['tls-hw-tx-offload', 'xxxxxxx'],
  ['tls-hw-rx-offload', 'xxxxxxx'],
  ['rx-gro-hw', 'xxxxxxx'],
  ['tls-hw-record', 'xxxxxxx'],
  ['rx-gro-list', '0000000'],
  ['macsec-hw-offload', 'xxxxxxx'],
  ['rx-udp-gro-forwarding', '0000000'],
  ['hsr-tag-ins-offload', 'xxxxxxx'],
  ['hsr-tag-rm-offload', 'xxxxxxx'],
  ['hsr-fwd-offload', 'xxxxxxx'],
  ['hsr-dup-offload', 'xxxxxxx'],
];

/** Headings that stand for several features. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'tx-checksumming': ['tx-checksum-ipv4', 'tx-checksum-ip-generic', 'tx-checksum-ipv6', 'tx-checksum-fcoe-crc', 'tx-checksum-sctp'],
  'scatter-gather': ['tx-scatter-gather', 'tx-scatter-gather-fraglist'],
  'tcp-segmentation-offload': [
    'tx-tcp-segmentation',
    'tx-tcp-ecn-segmentation',
    'tx-tcp-mangleid-segmentation',
    'tx-tcp6-segmentation',
    'tx-tcp-accecn-segmentation',
  ],
};

/** Features in the order of the kernel's bits, which is that of messages about changes. */
export const BIT_ORDER: readonly string[] = (
  'tx-scatter-gather tx-checksum-ipv4 tx-checksum-ip-generic tx-checksum-ipv6 highdma tx-scatter-gather-fraglist tx-vlan-offload rx-vlan-offload rx-vlan-filter ' +
  'tx-vlan-stag-hw-insert rx-vlan-stag-hw-parse rx-vlan-stag-filter vlan-challenged generic-segmentation-offload generic-receive-offload ' +
  'large-receive-offload tx-tcp-segmentation tx-gso-robust tx-tcp-ecn-segmentation tx-tcp-mangleid-segmentation tx-tcp6-segmentation ' +
  'tx-fcoe-segmentation tx-gre-segmentation tx-gre-csum-segmentation tx-ipxip4-segmentation tx-ipxip6-segmentation tx-udp_tnl-segmentation ' +
  'tx-udp_tnl-csum-segmentation tx-gso-partial tx-tunnel-remcsum-segmentation tx-sctp-segmentation tx-esp-segmentation tx-udp-segmentation ' +
  'tx-gso-list tx-tcp-accecn-segmentation tx-checksum-fcoe-crc tx-checksum-sctp ntuple-filters receive-hashing rx-checksumming tx-nocache-copy ' +
  'loopback rx-fcs rx-all l2-fwd-offload hw-tc-offload esp-hw-offload esp-tx-csum-hw-offload rx-udp_tunnel-port-offload tls-hw-tx-offload ' +
  'tls-hw-rx-offload rx-gro-hw tls-hw-record rx-gro-list macsec-hw-offload rx-udp-gro-forwarding hsr-tag-ins-offload hsr-tag-rm-offload ' +
  'hsr-fwd-offload hsr-dup-offload'
).split(' ');

/** The kernel's names where `-k` has older ones. */
export const BIT_NAMES: Readonly<Record<string, string>> = {
  'rx-checksumming': 'rx-checksum',
  'generic-segmentation-offload': 'tx-generic-segmentation',
  'generic-receive-offload': 'rx-gro',
  'large-receive-offload': 'rx-lro',
  'tx-vlan-offload': 'tx-vlan-hw-insert',
  'rx-vlan-offload': 'rx-vlan-hw-parse',
  'ntuple-filters': 'rx-ntuple-filter',
  'receive-hashing': 'rx-hashing',
};
