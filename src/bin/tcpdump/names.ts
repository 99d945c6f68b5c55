/** Names of the filter language and of the printers: header fields, protocol numbers, services. */

/** Field offsets and values of pcap-filter(7). */
export const NAMED: Record<string, number> = {
  icmptype: 0, icmpcode: 1, 'icmp-echoreply': 0, 'icmp-unreach': 3, 'icmp-sourcequench': 4, 'icmp-redirect': 5, 'icmp-echo': 8,
  'icmp-routeradvert': 9, 'icmp-routersolicit': 10, 'icmp-timxceed': 11, 'icmp-paramprob': 12, 'icmp-tstamp': 13, 'icmp-tstampreply': 14,
  'icmp-ireq': 15, 'icmp-ireqreply': 16, 'icmp-maskreq': 17, 'icmp-maskreply': 18,
  icmp6type: 0, icmp6code: 1, 'icmp6-destinationunreach': 1, 'icmp6-packettoobig': 2, 'icmp6-timeexceeded': 3, 'icmp6-parameterproblem': 4,
  'icmp6-echo': 128, 'icmp6-echoreply': 129, 'icmp6-multicastlistenerquery': 130, 'icmp6-multicastlistenerreportv1': 131,
  'icmp6-multicastlistenerdone': 132, 'icmp6-routersolicit': 133, 'icmp6-routeradvert': 134, 'icmp6-neighborsolicit': 135,
  'icmp6-neighboradvert': 136, 'icmp6-redirect': 137, 'icmp6-multicastlistenerreportv2': 143,
  tcpflags: 13, 'tcp-fin': 1, 'tcp-syn': 2, 'tcp-rst': 4, 'tcp-push': 8, 'tcp-ack': 16, 'tcp-urg': 32, 'tcp-ece': 64, 'tcp-cwr': 128,
};

export const PROTOCOL_NUMBERS: Record<string, number> = {
  icmp: 1, igmp: 2, ipip: 4, ipencap: 4, tcp: 6, egp: 8, udp: 17, dccp: 33, ipv6: 41, rsvp: 46, gre: 47, esp: 50, ah: 51, icmp6: 58, 'ipv6-icmp': 58,
  ospf: 89, pim: 103, vrrp: 112, sctp: 132,
  'ether ip': 0x0800, 'ether arp': 0x0806, 'ether rarp': 0x8035, 'ether ip6': 0x86dd, 'ether vlan': 0x8100, 'ether mpls': 0x8847, 'ether lldp': 0x88cc,
};

/** What -v prints for the protocol field, as tcpdump's ipproto_values. */
export const IP_PROTO_NAMES: Record<number, string> = {
  0: 'Options', 1: 'ICMP', 2: 'IGMP', 4: 'IPIP', 6: 'TCP', 8: 'EGP', 9: 'IGRP', 17: 'UDP', 33: 'DCCP', 41: 'IPv6', 43: 'Routing', 44: 'Fragment', 46: 'RSVP',
  47: 'GRE', 50: 'ESP', 51: 'AH', 58: 'ICMPv6', 59: 'no next header', 60: 'Options', 89: 'OSPF', 103: 'PIM', 112: 'VRRP', 132: 'SCTP',
};

/** The part of /etc/services that the network tools meet; a machine's own file comes first. */
export const SERVICE_PORTS: Record<string, number> = {
  'ftp-data': 20, ftp: 21, ssh: 22, telnet: 23, smtp: 25, domain: 53, bootps: 67, bootpc: 68, tftp: 69, http: 80, kerberos: 88, pop3: 110, sunrpc: 111, ntp: 123,
  'netbios-ns': 137, imap2: 143, snmp: 161, bgp: 179, ldap: 389, https: 443, 'microsoft-ds': 445, submission: 587, ldaps: 636, imaps: 993, pop3s: 995,
  mysql: 3306, postgresql: 5432, mdns: 5353, 'http-alt': 8080, redis: 6379, isakmp: 500, syslog: 514,
};
