/** Protocol and service names as Debian's /etc/protocols and /etc/services have them, as far as firewalls meet them. */

const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['ip', 0],
  ['hopopt', 0],
  ['icmp', 1],
  ['igmp', 2],
  ['ggp', 3],
  ['ipencap', 4],
  ['st', 5],
  ['tcp', 6],
  ['egp', 8],
  ['igp', 9],
  ['pup', 12],
  ['udp', 17],
  ['hmp', 20],
  ['xns-idp', 22],
  ['rdp', 27],
  ['iso-tp4', 29],
  ['dccp', 33],
  ['xtp', 36],
  ['ddp', 37],
  ['idpr-cmtp', 38],
  ['ipv6', 41],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['idrp', 45],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['skip', 57],
  ['ipv6-icmp', 58],
  ['icmpv6', 58],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['rspf', 73],
  ['vmtp', 81],
  ['eigrp', 88],
  ['ospf', 89],
  ['ax.25', 93],
  ['ipip', 94],
  ['etherip', 97],
  ['encap', 98],
  ['pim', 103],
  ['ipcomp', 108],
  ['vrrp', 112],
  ['l2tp', 115],
  ['isis', 124],
  ['sctp', 132],
  ['fc', 133],
  ['mobility-header', 135],
  ['ipv6-mh', 135],
  ['mh', 135],
  ['udplite', 136],
  ['mpls-in-ip', 137],
  ['manet', 138],
  ['hip', 139],
  ['shim6', 140],
  ['wesp', 141],
  ['rohc', 142],
];

/** Those that libxtables knows by itself and prints even without /etc/protocols. */
export function protocolNumber(name: string): number | null {
  const lower = name.toLowerCase();
  if (lower === 'all') return 0;
  for (const [n, number] of PROTOCOLS) if (n === lower) return number;
  return null;
}

export function protocolName(number: number): string | null {
  if (number === 0) return 'all';
  if (number === 58) return 'ipv6-icmp';
  for (const [n, v] of PROTOCOLS) if (v === number) return n;
  return null;
}

/** Both protocols unless said otherwise. */
const SERVICES: readonly (readonly [string, number, ('tcp' | 'udp')?])[] = [
  ['tcpmux', 1, 'tcp'],
  ['echo', 7],
  ['discard', 9],
  ['systat', 11, 'tcp'],
  ['daytime', 13],
  ['netstat', 15, 'tcp'],
  ['chargen', 19],
  ['ftp-data', 20, 'tcp'],
  ['ftp', 21, 'tcp'],
  ['fsp', 21, 'udp'],
  ['ssh', 22, 'tcp'],
  ['telnet', 23, 'tcp'],
  ['smtp', 25, 'tcp'],
  ['time', 37],
  ['whois', 43, 'tcp'],
  ['tacacs', 49],
  ['domain', 53],
  ['bootps', 67, 'udp'],
  ['bootpc', 68, 'udp'],
  ['tftp', 69, 'udp'],
  ['gopher', 70, 'tcp'],
  ['finger', 79, 'tcp'],
  ['http', 80, 'tcp'],
  ['kerberos', 88],
  ['iso-tsap', 102, 'tcp'],
  ['acr-nema', 104, 'tcp'],
  ['pop3', 110, 'tcp'],
  ['sunrpc', 111],
  ['auth', 113, 'tcp'],
  ['nntp', 119, 'tcp'],
  ['ntp', 123, 'udp'],
  ['epmap', 135, 'tcp'],
  ['netbios-ns', 137, 'udp'],
  ['netbios-dgm', 138, 'udp'],
  ['netbios-ssn', 139, 'tcp'],
  ['imap2', 143, 'tcp'],
  ['snmp', 161],
  ['snmp-trap', 162],
  ['xdmcp', 177, 'udp'],
  ['bgp', 179, 'tcp'],
  ['ldap', 389],
  ['svrloc', 427],
  ['https', 443],
  ['microsoft-ds', 445],
  ['kpasswd', 464],
  ['submissions', 465, 'tcp'],
  ['isakmp', 500, 'udp'],
  ['exec', 512, 'tcp'],
  ['biff', 512, 'udp'],
  ['login', 513, 'tcp'],
  ['who', 513, 'udp'],
  ['shell', 514, 'tcp'],
  ['syslog', 514, 'udp'],
  ['printer', 515, 'tcp'],
  ['route', 520, 'udp'],
  ['dhcpv6-client', 546, 'udp'],
  ['dhcpv6-server', 547, 'udp'],
  ['rtsp', 554],
  ['submission', 587, 'tcp'],
  ['ldaps', 636],
  ['domain-s', 853],
  ['rsync', 873, 'tcp'],
  ['ftps', 990, 'tcp'],
  ['imaps', 993, 'tcp'],
  ['pop3s', 995, 'tcp'],
  ['socks', 1080, 'tcp'],
  ['openvpn', 1194],
  ['ms-sql-s', 1433, 'tcp'],
  ['radius', 1812, 'udp'],
  ['radius-acct', 1813, 'udp'],
  ['nfs', 2049],
  ['mysql', 3306, 'tcp'],
  ['ms-wbt-server', 3389, 'tcp'],
  ['nut', 3493],
  ['svn', 3690],
  ['epmd', 4369, 'tcp'],
  ['ipsec-nat-t', 4500, 'udp'],
  ['iax', 4569],
  ['sip', 5060],
  ['sip-tls', 5061],
  ['xmpp-client', 5222, 'tcp'],
  ['xmpp-server', 5269, 'tcp'],
  ['mdns', 5353, 'udp'],
  ['postgresql', 5432, 'tcp'],
  ['amqps', 5671, 'tcp'],
  ['amqp', 5672],
  ['x11', 6000, 'tcp'],
  ['redis', 6379, 'tcp'],
  ['ircd', 6667, 'tcp'],
  ['bacula-dir', 9101, 'tcp'],
  ['http-alt', 8080, 'tcp'],
  ['git', 9418, 'tcp'],
  ['zabbix-agent', 10050, 'tcp'],
  ['webmin', 10000, 'tcp'],
];

/** SCTP, DCCP, UDP-Lite: /etc/services has hardly a name for them. */
const ONLY_NUMBERS: readonly number[] = [132, 33, 136];

export function serviceName(port: number, proto: number): string | null {
  const kind = proto === 17 ? 'udp' : 'tcp';
  if (ONLY_NUMBERS.includes(proto)) return null;
  for (const [name, number, only] of SERVICES) if (number === port && (only === undefined || only === kind)) return name;
  return null;
}

export function servicePort(name: string, proto: number): number | null {
  const kind = proto === 17 ? 'udp' : 'tcp';
  for (const [n, number, only] of SERVICES) if (n === name && (only === undefined || only === kind)) return number;
  return null;
}
