/** The files of a fresh /etc, as a small Debian 12 has them. */

import { Directory, RegularFile, Symlink } from './inode.ts';
import { SERVICES } from './services.ts';

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

const PROTOCOLS = `ip\t0\tIP
icmp\t1\tICMP
igmp\t2\tIGMP
ipencap\t4\tIP-ENCAP
tcp\t6\tTCP
udp\t17\tUDP
dccp\t33\tDCCP
ipv6\t41\tIPv6
ipv6-route\t43\tIPv6-Route
ipv6-frag\t44\tIPv6-Frag
gre\t47\tGRE
esp\t50\tIPSEC-ESP
ah\t51\tIPSEC-AH
ipv6-icmp\t58\tIPv6-ICMP
ipv6-nonxt\t59\tIPv6-NoNxt
ipv6-opts\t60\tIPv6-Opts
ospf\t89\tOSPFIGP
pim\t103\tPIM
vrrp\t112\tVRRP
sctp\t132\tSCTP
udplite\t136\tUDPLite
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
    services: SERVICES,
    shells: '/bin/sh\n/bin/bash\n/usr/bin/bash\n',
  };
  for (const [name, text] of Object.entries(files)) dir.link(name, new RegularFile(text));
  const iproute2 = new Directory();
  for (const [name, text] of Object.entries(IPROUTE2)) iproute2.link(name, new RegularFile(text));
  dir.link('iproute2', iproute2);
  dir.link('sysctl.d', new Directory());
  dir.link('mtab', new Symlink('/proc/self/mounts'));
}
