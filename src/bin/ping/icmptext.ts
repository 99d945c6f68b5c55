/** How ping words ICMP messages. Models pr_icmph() of ping.c and ping6_common.c */

import { formatIp4 } from '../../wire/addr.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';

const UNREACH4 = [
  'Destination Net Unreachable',
  'Destination Host Unreachable',
  'Destination Protocol Unreachable',
  'Destination Port Unreachable',
  '',
  'Source Route Failed',
  'Destination Net Unknown',
  'Destination Host Unknown',
  'Source Host Isolated',
  'Destination Net Prohibited',
  'Destination Host Prohibited',
  'Destination Net Unreachable for Type of Service',
  'Destination Host Unreachable for Type of Service',
  'Packet filtered',
  'Precedence Violation',
  'Precedence Cutoff',
];
const REDIRECTS = ['Redirect Network', 'Redirect Host', 'Redirect Type of Service and Network', 'Redirect Type of Service and Host'];
const UNREACH6 = ['No route', 'Administratively prohibited', 'Beyond scope of source address', 'Address unreachable', 'Port unreachable'];

export function describeIcmp4(type: number, code: number, info: number): string {
  switch (type) {
    case icmp.ICMP_DEST_UNREACH:
      if (code === icmp.ICMP_FRAG_NEEDED) return `Frag needed and DF set (mtu = ${info})`;
      return UNREACH4[code] ?? `Dest Unreachable, Bad Code: ${code}`;
    case icmp.ICMP_SOURCE_QUENCH:
      return 'Source Quench';
    case icmp.ICMP_REDIRECT:
      return `${REDIRECTS[code] ?? `Redirect, Bad Code: ${code}`}(New nexthop: ${formatIp4(info)})`;
    case icmp.ICMP_TIME_EXCEEDED:
      return code === 0 ? 'Time to live exceeded' : code === 1 ? 'Frag reassembly time exceeded' : `Time exceeded, Bad Code: ${code}`;
    case icmp.ICMP_PARAMETERPROB:
      return `Parameter problem: pointer = ${info >>> 24}`;
    default:
      return `Bad ICMP type: ${type}`;
  }
}

export function describeIcmp6(type: number, code: number, info: number): string {
  switch (type) {
    case icmp6.ICMPV6_DEST_UNREACH:
      return `Destination unreachable: ${UNREACH6[code] ?? `Unknown code ${code}`}`;
    case icmp6.ICMPV6_PKT_TOOBIG:
      return `Packet too big: mtu=${info}${code ? `, code=${code}` : ''}`;
    case icmp6.ICMPV6_TIME_EXCEED:
      return `Time exceeded: ${code === 0 ? 'Hop limit' : code === 1 ? 'Defragmentation failure' : `code=${code}`}`;
    case icmp6.ICMPV6_PARAMPROB:
      return `Parameter problem: ${['Wrong header field ', 'Unknown header ', 'Unknown option '][code] ?? `code=${code}`}at ${info}`;
    default:
      return `unknown icmp type: ${type}`;
  }
}
