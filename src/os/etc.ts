/** The files of a fresh /etc, as a small Debian 12 has them; /etc/services comes with getent. */

import { Directory, RegularFile, Symlink } from './inode.ts';

const PASSWD = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`;

const GROUP = `root:x:0:
daemon:x:1:
bin:x:2:
adm:x:4:
tty:x:5:
www-data:x:33:
nogroup:x:65534:
`;

const PROTOCOLS = `ip	0	IP
hopopt	0	HOPOPT
icmp	1	ICMP
igmp	2	IGMP
ggp	3	GGP
ipencap	4	IP-ENCAP
st	5	ST
tcp	6	TCP
egp	8	EGP
igp	9	IGP
pup	12	PUP
udp	17	UDP
hmp	20	HMP
xns-idp	22	XNS-IDP
rdp	27	RDP
iso-tp4	29	ISO-TP4
dccp	33	DCCP
xtp	36	XTP
ddp	37	DDP
idpr-cmtp	38	IDPR-CMTP
ipv6	41	IPv6
ipv6-route	43	IPv6-Route
ipv6-frag	44	IPv6-Frag
idrp	45	IDRP
rsvp	46	RSVP
gre	47	GRE
esp	50	IPSEC-ESP
ah	51	IPSEC-AH
skip	57	SKIP
ipv6-icmp	58	IPv6-ICMP
ipv6-nonxt	59	IPv6-NoNxt
ipv6-opts	60	IPv6-Opts
rspf	73	RSPF	CPHB
vmtp	81	VMTP
eigrp	88	EIGRP
ospf	89	OSPFIGP
ax.25	93	AX.25
ipip	94	IPIP
etherip	97	ETHERIP
encap	98	ENCAP
pim	103	PIM
ipcomp	108	IPCOMP
vrrp	112	VRRP
l2tp	115	L2TP
isis	124	ISIS
sctp	132	SCTP
fc	133	FC
mobility-header	135	Mobility-Header
udplite	136	UDPLite
mpls-in-ip	137	MPLS-in-IP
manet	138
hip	139	HIP
shim6	140	Shim6
wesp	141	WESP
rohc	142	ROHC
ethernet	143	Ethernet
mptcp	262	MPTCP
`;

/** Names of numbers for ip: tables, protocols, scopes, groups. */
const IPROUTE2: Readonly<Record<string, string>> = {
  rt_tables: '#\n# reserved values\n#\n255\tlocal\n254\tmain\n253\tdefault\n0\tunspec\n#\n# local\n#\n#1\tinr.ruhep\n',
  rt_protos:
    '#\n# Reserved protocols.\n#\n0\tunspec\n1\tredirect\n2\tkernel\n3\tboot\n4\tstatic\n8\tgated\n9\tra\n10\tmrt\n11\tzebra\n12\tbird\n13\tdnrouted\n14\txorp\n15\tntk\n16\tdhcp\n18\tkeepalived\n42\tbabel\n99\topenr\n186\tbgp\n187\tisis\n188\tospf\n189\trip\n192\teigrp\n',
  rt_scopes: '#\n# reserved values\n#\n0\tglobal\n255\tnowhere\n254\thost\n253\tlink\n#\n# pseudo-reserved\n#\n200\tsite\n',
  rt_realms:
    '#\n# reserved values\n#\n0\tcosmos\n#\n# local\n#\n#1\tinr.ac\n#2\tinr.ruhep\n#3\tfreenet\n#4\tradio-msu\n#5\trussia\n#6\tinternet\n',
  rt_dsfield:
    '# Differentiated field values\n# These include the DSCP and unused bits\n0x0\tdefault\n# Newer RFC2597 values\n0x28\tAF11\n0x30\tAF12\n0x38\tAF13\n0x48\tAF21\n0x50\tAF22\n0x58\tAF23\n0x68\tAF31\n0x70\tAF32\n0x78\tAF33\n0x88\tAF41\n0x90\tAF42\n0x98\tAF43\n# Older values RFC2474\n0x20\tCS1\n0x40\tCS2\n0x60\tCS3\n0x80\tCS4\n0xA0\tCS5\n0xC0\tCS6\n0xE0\tCS7\n# RFC 2598\n0xB8\tEF\n',
  group: '# device group names\n0\tdefault\n',
};

const OS_RELEASE = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
SUPPORT_URL="https://www.debian.org/support"
BUG_REPORT_URL="https://bugs.debian.org/"
`;

const SYSCTL_CONF = `# Settings of the kernel that are made when the system starts; see sysctl.conf(5) and sysctl.d(5).

# Spoof protection (reverse-path filter)
#net.ipv4.conf.default.rp_filter=1
#net.ipv4.conf.all.rp_filter=1

# TCP SYN cookies
#net.ipv4.tcp_syncookies=1

# Packet forwarding for IPv4
#net.ipv4.ip_forward=1

# Packet forwarding for IPv6; it disables stateless address autoconfiguration
#net.ipv6.conf.all.forwarding=1

# ICMP redirects: not accepted, not sent
#net.ipv4.conf.all.accept_redirects = 0
#net.ipv6.conf.all.accept_redirects = 0
#net.ipv4.conf.all.send_redirects = 0

# Source routes: not accepted
#net.ipv4.conf.all.accept_source_route = 0
#net.ipv6.conf.all.accept_source_route = 0

# Packets with impossible addresses are logged
#net.ipv4.conf.all.log_martians = 1
`;

const HOSTS = (hostname: string): string => `127.0.0.1\tlocalhost\n127.0.1.1\t${hostname}\n`;

export function etcFiles(dir: Directory, hostname: string): void {
  const files: Record<string, string> = {
    debian_version: '12.11\n',
    group: GROUP,
    'host.conf': 'multi on\n',
    hostname: `${hostname}\n`,
    hosts: HOSTS(hostname),
    networks: 'default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n',
    'nsswitch.conf': 'hosts: files dns\n',
    'os-release': OS_RELEASE,
    passwd: PASSWD,
    protocols: PROTOCOLS,
    'resolv.conf': '',
    'sysctl.conf': SYSCTL_CONF,
    shells: '/bin/sh\n/bin/bash\n/usr/bin/bash\n',
  };
  for (const [name, text] of Object.entries(files)) dir.link(name, new RegularFile(text));
  const iproute2 = new Directory();
  for (const [name, text] of Object.entries(IPROUTE2)) iproute2.link(name, new RegularFile(text));
  dir.link('iproute2', iproute2);
  dir.link('sysctl.d', new Directory());
  dir.link('systemd', new Directory((systemd) => void systemd.link('system', new Directory())));
  dir.link('mtab', new Symlink('/proc/self/mounts'));
}
