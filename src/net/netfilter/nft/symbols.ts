/** Names of numbers in nftables' data types, as `nft describe` lists them. Models the symbol tables of nftables/src/{datatype,proto,ct,meta}.c */

export type Symbols = readonly (readonly [name: string, value: number])[];

/** `a b c` as 0, 1, 2 … */
const row = (text: string, from = 0): Symbols => text.split(' ').map((name, i) => [name, from + i] as const);

export const CT_STATE: Symbols = [
  ['invalid', 1],
  ['new', 8],
  ['established', 2],
  ['related', 4],
  ['untracked', 64],
];
export const CT_STATUS: Symbols = [
  ['expected', 1],
  ['seen-reply', 2],
  ['assured', 4],
  ['confirmed', 8],
  ['snat', 16],
  ['dnat', 32],
  ['dying', 512],
];
export const CT_EVENT: Symbols = 'new related destroy reply assured protoinfo helper mark seqadj secmark label'
  .split(' ')
  .map((name, i) => [name, 1 << i] as const);
export const CT_DIR: Symbols = row('original reply');
export const TCP_FLAG: Symbols = 'fin syn rst psh ack urg ecn cwr'.split(' ').map((name, i) => [name, 1 << i] as const);
export const ICMP_TYPE: Symbols = [
  ['echo-reply', 0],
  ['destination-unreachable', 3],
  ['source-quench', 4],
  ['redirect', 5],
  ['echo-request', 8],
  ['router-advertisement', 9],
  ['router-solicitation', 10],
  ['time-exceeded', 11],
  ['parameter-problem', 12],
  ['timestamp-request', 13],
  ['timestamp-reply', 14],
  ['info-request', 15],
  ['info-reply', 16],
  ['address-mask-request', 17],
  ['address-mask-reply', 18],
];
export const ICMP_CODE: Symbols = [
  ['net-unreachable', 0],
  ['host-unreachable', 1],
  ['prot-unreachable', 2],
  ['port-unreachable', 3],
  ['net-prohibited', 9],
  ['host-prohibited', 10],
  ['admin-prohibited', 13],
  ['frag-needed', 4],
];
export const ICMPV6_TYPE: Symbols = [
  ['destination-unreachable', 1],
  ['packet-too-big', 2],
  ['time-exceeded', 3],
  ['parameter-problem', 4],
  ['echo-request', 128],
  ['echo-reply', 129],
  ['mld-listener-query', 130],
  ['mld-listener-report', 131],
  ['mld-listener-done', 132],
  ['mld-listener-reduction', 132],
  ['nd-router-solicit', 133],
  ['nd-router-advert', 134],
  ['nd-neighbor-solicit', 135],
  ['nd-neighbor-advert', 136],
  ['nd-redirect', 137],
  ['router-renumbering', 138],
  ['ind-neighbor-solicit', 141],
  ['ind-neighbor-advert', 142],
  ['mld2-listener-report', 143],
];
export const ICMPV6_CODE: Symbols = [
  ['no-route', 0],
  ['admin-prohibited', 1],
  ['addr-unreachable', 3],
  ['port-unreachable', 4],
  ['policy-fail', 5],
  ['reject-route', 6],
];
export const ICMPX_CODE: Symbols = [
  ['port-unreachable', 1],
  ['admin-prohibited', 3],
  ['no-route', 0],
  ['host-unreachable', 2],
];
export const IGMP_TYPE: Symbols = [
  ['membership-query', 17],
  ['membership-report-v1', 18],
  ['membership-report-v2', 22],
  ['membership-report-v3', 34],
  ['leave-group', 23],
];
export const ETHER_TYPE: Symbols = [
  ['ip', 0x800],
  ['arp', 0x806],
  ['ip6', 0x86dd],
  ['8021q', 0x8100],
  ['8021ad', 0x88a8],
  ['vlan', 0x8100],
];
export const PKT_TYPE: Symbols = [
  ['host', 0],
  ['unicast', 0],
  ['broadcast', 1],
  ['multicast', 2],
  ['other', 3],
];
export const NF_PROTO: Symbols = [
  ['ipv4', 2],
  ['ipv6', 10],
];
export const IFACE_TYPE: Symbols = [
  ['ether', 1],
  ['ppp', 512],
  ['ipip', 768],
  ['ipip6', 769],
  ['loopback', 772],
  ['sit', 776],
  ['ipgre', 778],
];
export const FIB_ADDRTYPE: Symbols = row('unspec unicast local broadcast anycast multicast blackhole unreachable prohibit');
export const DSCP: Symbols = [
  ['cs0', 0],
  ['cs1', 8],
  ['cs2', 16],
  ['cs3', 24],
  ['cs4', 32],
  ['cs5', 40],
  ['cs6', 48],
  ['cs7', 56],
  ['df', 0],
  ['be', 0],
  ['lephb', 1],
  ['af11', 10],
  ['af12', 12],
  ['af13', 14],
  ['af21', 18],
  ['af22', 20],
  ['af23', 22],
  ['af31', 26],
  ['af32', 28],
  ['af33', 30],
  ['af41', 34],
  ['af42', 36],
  ['af43', 38],
  ['va', 44],
  ['ef', 46],
];
export const ECN: Symbols = row('not-ect ect1 ect0 ce');
export const ARP_OP: Symbols = [
  ['request', 1],
  ['reply', 2],
  ['rrequest', 3],
  ['rreply', 4],
  ['inrequest', 8],
  ['inreply', 9],
  ['nak', 10],
];
export const DCCP_PKTTYPE: Symbols = row('request response data ack dataack closereq close reset sync syncack');
export const MH_TYPE: Symbols = row(
  'binding-refresh-request home-test-init careof-test-init home-test careof-test binding-update binding-acknowledgement binding-error fast-binding-update fast-binding-acknowledgement fast-binding-advertisement experimental-mobility-header home-agent-switch-message',
);
export const DAY: Symbols = row('Sunday Monday Tuesday Wednesday Thursday Friday Saturday');
export const BOOLEAN: Symbols = [
  ['exists', 1],
  ['missing', 0],
];
export const DEVGROUP: Symbols = [['default', 0]];
/** /etc/iproute2/rt_realms */
export const REALM: Symbols = [['cosmos', 0]];
