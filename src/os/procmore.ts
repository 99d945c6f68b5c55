/** More of /proc/net: counters, groups, lists that few programs read. Models the seq_files of net/core, net/ipv4, net/ipv6, net/packet, net/unix */

import type { NetDevice } from '../net/dev/device.ts';
import { groups } from '../net/ip/groups.ts';
import type { Netns } from '../net/netns.ts';
import { PacketSocket } from '../net/sock/packet.ts';
import type { Sock } from '../net/sock/sock.ts';
import { TcpSocket } from '../net/sock/tcp/tcp.ts';
import { UnixSocket } from '../net/sock/unix.ts';
import { parseIp4, parseIp6 } from '../wire/addr.ts';
import { formatMac } from '../wire/mac.ts';
import { fibTrie, fibTrieStat } from './fibtrie.ts';
import { type Directory, type Inode, ProcDir, ProcFile } from './inode.ts';
import { SNMP6 } from './mibnames.ts';

const hex = (n: number | bigint, width: number): string => n.toString(16).padStart(width, '0');
const upper = (n: number | bigint, width: number): string => hex(n, width).toUpperCase();
/** Where the kernel prints an address of its memory, which it scrambles. */
export const pointer = (sk: Sock): string => hex((sk.inode * 2654435761) % 2 ** 32, 16);

export function procMore(ns: Netns): Record<string, Inode> {
  const texts: Record<string, () => string> = {
    anycast6: () => '',
    arp_tables_matches: () => '',
    arp_tables_names: () => '',
    arp_tables_targets: () => '',
    dev_mcast: () => devMcast(ns),
    fib_trie: () => fibTrie(ns),
    fib_triestat: () => fibTrieStat(ns),
    igmp: () => igmp(ns),
    igmp6: () => igmp6(ns),
    ip6_flowlabel: () => 'Label S Owner  Users  Linger Expires  Dst                              Opt\n',
    ip6_mr_cache: () => 'Group                            Origin                           Iif      Pkts  Bytes     Wrong  Oifs\n',
    ip6_mr_vif: () => 'Interface      BytesIn  PktsIn  BytesOut PktsOut Flags\n',
    ip6_tables_matches: () => '',
    ip6_tables_names: () => '',
    ip6_tables_targets: () => '',
    ip_mr_cache: () => 'Group    Origin   Iif     Pkts    Bytes    Wrong Oifs\n',
    ip_mr_vif: () => 'Interface      BytesIn  PktsIn  BytesOut PktsOut Flags Local    Remote\n',
    ip_tables_matches: () => '',
    ip_tables_names: () => '',
    ip_tables_targets: () => '',
    mcfilter: () => 'Idx Device        MCA        SRC    INC    EXC\n',
    mcfilter6: () => 'Idx Device                Multicast Address                   Source Address    INC    EXC\n',
    netlink: () => 'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n',
    nf_conntrack_expect: () => '',
    packet: () => packet(ns),
    protocols: () => protocols(ns),
    psched: () => '000003e8 00000040 000f4240 3b9aca00\n',
    ptype: () => ptype(ns),
    rt6_stats: () => `${['0009', '0006', '0005', upper(ns.fib.list(6).length, 4), '0000', '0000', '0000'].join(' ')}\n`,
    rt_acct: () => '\0'.repeat(4096),
    rt_cache: () =>
      `${'Iface\tDestination\tGateway \tFlags\t\tRefCnt\tUse\tMetric\tSource\t\tMTU\tWindow\tIRTT\tTOS\tHHRef\tHHUptod\tSpecDst'.padEnd(127)}\n`,
    snmp6: () => snmp6(ns),
    sockstat: () => sockstat(ns),
    sockstat6: () => {
      const { tcp, udp, raw } = inuse(ns, 6);
      return `TCP6: inuse ${tcp}\nUDP6: inuse ${udp}\nUDPLITE6: inuse 0\nRAW6: inuse ${raw}\nFRAG6: inuse 0 memory 0\n`;
    },
    softnet_stat: () => [0, 1].map((cpu) => `${[...Array(12).fill(0), cpu, 0, 0].map((n) => hex(n, 8)).join(' ')}\n`).join(''),
    unix: () => unix(ns),
    xfrm_stat: () => XFRM.map((name) => `${`Xfrm${name}`.padEnd(24)}\t0\n`).join(''),
  };
  const nodes: Record<string, Inode> = {};
  for (const [name, read] of Object.entries(texts)) nodes[name] = new ProcFile(read);
  nodes.dev_snmp6 = devSnmp6(ns);
  nodes.ip6t_hashlimit = new ProcDir(
    () => [],
    () => undefined,
  );
  nodes.ipt_hashlimit = nodes.ip6t_hashlimit;
  nodes.netfilter = files({
    nf_log: () => LOGGERS.map((l, i) => `${String(i).padStart(2)} ${l}\n`).join(''),
    nfnetlink_log: () => '',
    nfnetlink_queue: () => '',
  });
  nodes.stat = files({
    nf_conntrack: () =>
      `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n${Array(17).fill('00000000').join(' ')}\n`,
    rt_cache: () =>
      `entries  in_hit   in_slow_tot in_slow_mc in_no_route in_brd   in_martian_dst in_martian_src out_hit  out_slow_tot out_slow_mc gc_total gc_ignored gc_goal_miss gc_dst_overflow in_hlist_search out_hlist_search\n${Array(17).fill('00000000').join(' ')}\n`,
    synproxy: () => 'entries\t\tsyn_received\tcookie_invalid\tcookie_valid\tcookie_retrans\tconn_reopened\n',
  });
  return nodes;
}

function files(texts: Record<string, () => string>): Directory {
  return new ProcDir(
    () => Object.keys(texts),
    (name) => (Object.hasOwn(texts, name) ? new ProcFile(texts[name] as () => string) : undefined),
  );
}

const LOGGERS = [
  'NONE (nfnetlink_log)',
  'NONE (nfnetlink_log)',
  'nf_log_ipv4 (nf_log_ipv4,nfnetlink_log)',
  'nf_log_arp (nf_log_arp,nfnetlink_log)',
  'NONE (nfnetlink_log)',
  'nf_log_netdev (nf_log_netdev,nfnetlink_log)',
  'NONE (nfnetlink_log)',
  'nf_log_bridge (nf_log_bridge,nfnetlink_log)',
  'NONE (nfnetlink_log)',
  'NONE (nfnetlink_log)',
  'nf_log_ipv6 (nf_log_ipv6,nfnetlink_log)',
];

const XFRM = (
  'InError InBufferError InHdrError InNoStates InStateProtoError InStateModeError InStateSeqError InStateExpired InStateMismatch InStateInvalid ' +
  'InTmplMismatch InNoPols InPolBlock InPolError OutError OutBundleGenError OutBundleCheckError OutNoStates OutStateProtoError OutStateModeError ' +
  'OutStateSeqError OutStateExpired OutPolBlock OutPolDead OutPolError FwdHdrError OutStateInvalid AcquireError OutStateDirError InStateDirError ' +
  'InIptfsError OutNoQueueSpace'
).split(' ');

/** Types that have no name come behind the known ones. */
function icmp6Types(ns: Netns): [string, number][] {
  const types = ns.snmp.entries().flatMap(([name, n]) => {
    const m = /^Icmp6((In|Out)Type(\d+))$/.exec(name);
    return m ? [{ name: `Icmp6${m[1]}`, key: (m[2] === 'Out' ? 256 : 0) + Number(m[3]), n }] : [];
  });
  return types.sort((a, b) => a.key - b.key).map((t) => [t.name, t.n]);
}

const row = (name: string, n: number): string => `${name.padEnd(32)}\t${n}\n`;

function snmp6(ns: Netns): string {
  let out = '';
  for (const [prefix, names] of Object.entries(SNMP6)) {
    for (const n of names.split(' ')) out += row(prefix + n, ns.snmp.get(prefix + n));
    if (prefix === 'Icmp6') for (const [name, n] of icmp6Types(ns)) out += row(name, n);
  }
  return out;
}

/** Counters are kept for the whole namespace: a device shows them when it is the only one. */
function devSnmp6(ns: Netns): Directory {
  const speaking = (): NetDevice[] => [...ns.devices.values()].filter((d) => d.mtu >= 1280);
  return new ProcDir(
    () =>
      speaking()
        .map((d) => d.name)
        .sort(),
    (name) => {
      const dev = speaking().find((d) => d.name === name);
      if (!dev) return undefined;
      return new ProcFile(() => {
        const others = speaking().filter((d) => d.kind !== 'loopback' && d.up);
        const mine = others.length === 1 && others[0] === dev;
        let out = row('ifIndex', dev.ifindex);
        for (const prefix of ['Ip6', 'Icmp6']) {
          for (const n of (SNMP6[prefix] ?? '').split(' ')) {
            if (n !== 'OutRateLimitHost') out += row(prefix + n, mine ? ns.snmp.get(prefix + n) : 0);
          }
        }
        return out;
      });
    },
  );
}

function inuse(ns: Netns, family: 4 | 6): { tcp: number; udp: number; raw: number } {
  const mine = [...ns.sockets.all].filter((s) => s.family === family);
  return {
    tcp: mine.filter((s) => s instanceof TcpSocket && s.state !== 'TIME_WAIT' && s.state !== 'CLOSE').length,
    udp: mine.filter((s) => s.kind === 'udp' && s.local.port !== 0).length,
    raw: mine.filter((s) => s.kind === 'raw').length,
  };
}

function sockstat(ns: Netns): string {
  const { tcp, udp, raw } = inuse(ns, 4);
  const all = [...ns.sockets.all];
  const tcps = all.filter((s): s is TcpSocket => s instanceof TcpSocket);
  const tw = tcps.filter((s) => s.state === 'TIME_WAIT').length;
  const orphans = tcps.filter((s) => s.orphan && s.state !== 'TIME_WAIT').length;
  return `sockets: used ${all.length - tw}\nTCP: inuse ${tcp} orphan ${orphans} tw ${tw} alloc ${tcps.length - tw} mem 0\nUDP: inuse ${udp} mem 0\nUDPLITE: inuse 0\nRAW: inuse ${raw}\nFRAG: inuse 0 memory 0\n`;
}

function igmp(ns: Netns): string {
  let out = 'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n';
  for (const dev of ns.devices.values()) {
    const { inet } = groups(dev);
    if (inet.length === 0) continue;
    const version = ns.sysctl.max4(dev, 'force_igmp_version') || 3;
    out += `${dev.ifindex}\t${dev.name.padEnd(10)}: ${String(inet.length).padStart(5)} ${`V${version}`.padStart(7)}\n`;
    for (const group of inet) {
      const a = parseIp4(group) ?? 0;
      const swapped = ((a << 24) | ((a & 0xff00) << 8) | ((a >>> 8) & 0xff00) | (a >>> 24)) >>> 0;
      out += `\t\t\t\t${upper(swapped, 8)} ${'1'.padStart(5)} 0:00000000\t\t0\n`;
    }
  }
  return out;
}

/** MAF_NOREPORT for all nodes, MAF_LOADED for what is joined by hand. */
function igmp6(ns: Netns): string {
  let out = '';
  for (const dev of ns.devices.values()) {
    const { inet6, users } = groups(dev);
    for (const group of inet6) {
      const flags = group === 'ff02::1' ? 12 : group === 'ff01::1' ? 8 : 4;
      out += `${String(dev.ifindex).padEnd(4)} ${dev.name.padEnd(15)} ${hex(parseIp6(group) ?? 0n, 32)} ${String(users.get(group) ?? 1).padStart(5)} ${upper(flags, 8)} 0\n`;
    }
  }
  return out;
}

function devMcast(ns: Netns): string {
  let out = '';
  for (const dev of ns.devices.values())
    for (const mac of dev.mc.list())
      out += `${String(dev.ifindex).padEnd(4)} ${dev.name.padEnd(15)} ${'1'.padEnd(5)} ${'0'.padEnd(5)} ${formatMac(mac).replaceAll(':', '')}\n`;
  return out;
}

function taps(ns: Netns): PacketSocket[] {
  return [...ns.sockets.all].filter((s) => s instanceof PacketSocket);
}

function packet(ns: Netns): string {
  let out = 'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n';
  for (const s of taps(ns)) {
    out += `${pointer(s)} ${'3'.padEnd(6)} ${'3'.padEnd(4)} ${hex(s.proto, 4)}   ${String(s.dev?.ifindex ?? 0).padEnd(5)} 1 ${'0'.padEnd(6)} ${String(s.uid).padEnd(6)} ${String(s.inode).padEnd(6)}\n`;
  }
  return out;
}

function ptype(ns: Netns): string {
  let out = 'Type Device      Function\n';
  for (const s of taps(ns)) out += `${s.proto === 3 ? 'ALL ' : hex(s.proto, 4)} ${(s.dev?.name ?? '').padEnd(8)} packet_rcv\n`;
  return `${out}0800          ip_rcv\n0004          llc_rcv\n0806          arp_rcv\n86dd          ipv6_rcv\n`;
}

function unix(ns: Netns): string {
  let out = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
  for (const sk of ns.sockets.all) {
    if (!(sk instanceof UnixSocket)) continue;
    const listening = sk.state === 'LISTEN';
    const state = sk.state === 'ESTABLISHED' || (sk.peer && !sk.peer.closed) ? 3 : 1;
    out += `${pointer(sk)}: ${hex(state === 3 ? 3 : 2, 8)} 00000000 ${listening ? '00010000' : '00000000'} ${hex(sk.type === 'stream' ? 1 : 2, 4)} ${hex(state, 2)} ${String(sk.inode).padStart(5)}${sk.name === null ? '' : ` ${sk.name}`}\n`;
  }
  return out;
}

const PROTOCOLS: readonly (readonly [name: string, size: number, sums: string, rest: string])[] = [
  ['AF_VSOCK', 1240, 'NI       0   yes', 'y  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n'],
  ['PACKET', 1600, 'NI       0   no ', 'n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n'],
  ['MPTCPv6', 2064, 'no       0   yes', 'y  y  y  n  y  y  y  y  y  y  y  y  n  n  y  y  y  n'],
  ['PINGv6', 1344, 'NI       0   yes', 'y  y  y  n  n  y  n  n  y  y  y  y  y  y  n  y  y  n'],
  ['RAWv6', 1344, 'NI       0   yes', 'y  y  y  n  y  y  y  n  y  y  y  y  y  y  y  y  n  n'],
  ['UDPLITEv6', 1472, 'NI       0   yes', 'y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n'],
  ['UDPv6', 1472, 'NI       0   yes', 'y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n'],
  ['TCPv6', 2432, 'no     192   yes', 'y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y'],
  ['XDP', 1088, 'NI       0   no ', 'n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n'],
  ['UNIX-STREAM', 1152, 'NI       0   yes', 'y  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n'],
  ['UNIX', 1152, 'NI       0   yes', 'y  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n'],
  ['UDP-Lite', 1344, 'NI       0   yes', 'y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n'],
  ['MPTCP', 1936, 'no       0   yes', 'y  y  y  n  y  y  y  y  y  y  y  y  n  n  y  y  y  n'],
  ['PING', 1016, 'NI       0   yes', 'y  y  y  n  n  y  n  n  y  y  y  y  y  y  n  y  y  n'],
  ['RAW', 1152, 'NI       0   yes', 'y  y  y  n  y  y  y  n  y  y  y  y  y  y  y  y  n  n'],
  ['UDP', 1344, 'NI       0   yes', 'y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n'],
  ['TCP', 2304, 'no     192   yes', 'y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y'],
  ['NETLINK', 1096, 'NI       0   no ', 'n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n'],
];

function protocols(ns: Netns): string {
  const [four, six] = [inuse(ns, 4), inuse(ns, 6)];
  const unixes = [...ns.sockets.all].filter((s) => s instanceof UnixSocket);
  const sockets: Readonly<Record<string, number>> = {
    PACKET: taps(ns).length,
    RAWv6: six.raw,
    UDPv6: six.udp,
    TCPv6: six.tcp,
    'UNIX-STREAM': unixes.filter((s) => (s as UnixSocket).type === 'stream').length,
    UNIX: unixes.filter((s) => (s as UnixSocket).type !== 'stream').length,
    RAW: four.raw,
    UDP: four.udp,
    TCP: four.tcp,
  };
  let out = 'protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n';
  for (const [name, size, sums, calls] of PROTOCOLS) {
    const memory = /TCP/.test(name) || /UDP/.test(name) ? 0 : -1;
    out += `${name.padEnd(9)} ${String(size).padStart(4)} ${String(sockets[name] ?? 0).padStart(6)}  ${String(memory).padStart(6)}   ${sums}  kernel      ${calls}\n`;
  }
  return out;
}
