/** /proc/net of a namespace. Models net/core/net-procfs.c, net/ipv4/proc.c, fib_trie.c, arp.c, tcp_ipv4.c */

import { type FibRoute, RT_TABLE_MAIN } from '../net/ip/fib.ts';
import { NUD_NOARP, NUD_PERMANENT, NUD_VALID } from '../net/neigh/nud.ts';
import { procConntrack } from '../net/netfilter/conntrack/text.ts';
import { RecentLists } from '../net/netfilter/xt/ext/recent.ts';
import type { Netns } from '../net/netns.ts';
import type { Sock } from '../net/sock/sock.ts';
import { TcpSocket } from '../net/sock/tcp/tcp.ts';
import { fail, ok } from '../sim/errno.ts';
import { formatIp, type IpAddr, mask4, parseIp } from '../wire/addr.ts';
import { formatMac } from '../wire/mac.ts';
import { type Directory, type Inode, ProcDir, ProcFile } from './inode.ts';
import { NETSTAT, SNMP } from './mibnames.ts';
import { procBonding, procVlan } from './procdev.ts';
import type { Process } from './process.ts';
import { provideProcNet } from './procfs.ts';
import { hasIpvs, IPVS_FILES } from './procipvs.ts';
import { pointer, procMore } from './procmore.ts';
import { RTF_GATEWAY, RTF_HOST, RTF_REJECT, RTF_UP } from './rtflags.ts';

function procNet(target: Process): Directory {
  const { ns } = target;
  const files: Record<string, () => string> = {
    arp: () => arp(ns),
    dev: () => dev(ns),
    if_inet6: () => ifInet6(ns),
    ipv6_route: () => route6(ns),
    netstat: () => mib(ns, NETSTAT),
    nf_conntrack: () => procConntrack(ns),
    icmp: () => `${DATAGRAMS.padEnd(127)}\n`,
    icmp6: () => `${DATAGRAMS6}\n`,
    raw: () => `${DATAGRAMS}\n${raws(ns, 4)}`,
    raw6: () => `${DATAGRAMS6}\n${raws(ns, 6)}`,
    route: () => route(ns),
    snmp: () => mib(ns, SNMP),
    tcp: () => tcp(ns, 4),
    tcp6: () => tcp(ns, 6),
    udp: () => `${` ${DATAGRAMS}`.padEnd(127)}\n${udps(ns, 4)}`,
    udp6: () => `${DATAGRAMS6}\n${udps(ns, 6)}`,
    udplite: () => `${` ${DATAGRAMS}`.padEnd(127)}\n`,
    udplite6: () => `${DATAGRAMS6}\n`,
  };
  const nodes: Record<string, Inode> = procMore(ns);
  for (const [name, read] of Object.entries(files)) nodes[name] = new ProcFile(read);
  nodes.xt_recent = recentLists(ns);
  for (const [name, read] of Object.entries(IPVS_FILES)) nodes[name] = new ProcFile(() => read(ns));
  nodes.vlan = procVlan(ns);
  nodes.bonding = procBonding(ns);
  const has = (kind: string): boolean => [...ns.devices.values()].some((d) => d.kind === kind);
  /** What a module brings is there when it is loaded. */
  const there = (name: string): boolean => {
    if (name === 'vlan') return has('vlan');
    if (name === 'bonding') return has('bond');
    return !Object.hasOwn(IPVS_FILES, name) || hasIpvs(ns);
  };
  return new ProcDir(
    () =>
      Object.keys(nodes)
        .filter((name) => there(name))
        .sort(),
    (name) => (Object.hasOwn(nodes, name) && there(name) ? nodes[name] : undefined),
  );
}

function dev(ns: Netns): string {
  let out =
    'Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
  const n = (v: number, w: number): string => String(v).padStart(w);
  for (const d of ns.devices.values()) {
    const s = d.stats;
    out += `${d.name.padStart(6)}: ${n(s.rxBytes, 7)} ${n(s.rxPackets, 7)} ${n(s.rxErrors, 4)} ${n(s.rxDropped, 4)} ${n(0, 4)} ${n(0, 5)} ${n(0, 10)} ${n(s.multicast, 9)} ${n(s.txBytes, 8)} ${n(s.txPackets, 7)} ${n(s.txErrors, 4)} ${n(s.txDropped, 4)} ${n(0, 4)} ${n(0, 5)} ${n(s.txCarrier, 7)} ${n(0, 10)}\n`;
  }
  return out;
}

/** An IPv4 address as the kernel prints a little-endian word. */
function hex4(a: number): string {
  return [0, 8, 16, 24]
    .map((shift) => ((a >>> shift) & 255).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}

function route(ns: Netns): string {
  let out = `${'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'.padEnd(127)}\n`;
  for (const r of ns.fib.list(4, RT_TABLE_MAIN)) {
    if (r.type === 'broadcast' || r.type === 'multicast') continue;
    const hop = r.nexthops[0];
    const reject = r.type === 'unreachable' || r.type === 'prohibit';
    let flags = RTF_UP | (reject ? RTF_REJECT : 0);
    if (hop?.gateway) flags |= RTF_GATEWAY;
    if (r.dst.len === 32) flags |= RTF_HOST;
    const gateway = typeof hop?.gateway === 'number' ? hop.gateway : 0;
    const row = [
      hop?.dev?.name ?? '*',
      hex4(r.dst.addr as number),
      hex4(gateway),
      flags.toString(16).toUpperCase().padStart(4, '0'),
      0,
      0,
      r.metric,
      hex4(mask4(r.dst.len)),
      r.advmss ? r.advmss + 40 : 0,
      r.metrics.window ?? 0,
      r.metrics.rtt ?? 0,
    ].join('\t');
    out += `${row.padEnd(127)}\n`;
  }
  return out;
}

function arp(ns: Netns): string {
  let out = 'IP address       HW type     Flags       HW address            Mask     Device\n';
  for (const n of ns.neigh.list(4)) {
    if (!(n.state & ~NUD_NOARP)) continue;
    const flags = n.state & NUD_PERMANENT ? 6 : n.state & NUD_VALID ? 2 : 0;
    out += `${formatIp(n.ip).padEnd(16)} 0x${'1'.padEnd(10)}0x${flags.toString(16).padEnd(10)}${formatMac(n.mac ?? 0).padEnd(17)}     *        ${n.dev.name}\n`;
  }
  // ATF_PUBL | ATF_PERM
  for (const x of ns.neigh.listProxy()) {
    if (x.family === 4)
      out += `${formatIp(x.ip).padEnd(16)} 0x${'1'.padEnd(10)}0x${'c'.padEnd(10)}00:00:00:00:00:00     *        ${x.dev?.name ?? '*'}\n`;
  }
  return out;
}

/** RTF_* of a route; local ones are RTF_LOCAL | RTF_NONEXTHOP. */
function flags6(r: FibRoute, gateway: boolean): number {
  const reject = r.type === 'unreachable' || r.type === 'blackhole' || r.type === 'prohibit' || r.type === 'throw';
  let flags = RTF_UP | (gateway ? RTF_GATEWAY : 0) | (r.expires > 0 ? 0x400000 : 0);
  if (r.type === 'local' || r.type === 'anycast') flags |= (r.type === 'local' ? 0x80000000 : 0x00100000) | 0x200000;
  if (reject) flags |= RTF_REJECT | 0x200000;
  return flags >>> 0;
}

/** Main before local, each with the null entry of a table that has no default route. Models ipv6_route_seq_show() */
function route6(ns: Netns): string {
  const hex = (n: bigint | number, width: number): string => n.toString(16).padStart(width, '0');
  const zero = hex(0, 32);
  let out = '';
  const row = (dst: string, len: number, via: string, metric: number, refs: number, flags: number, dev: string): void => {
    out += `${dst} ${hex(len, 2)} ${zero} 00 ${via} ${hex(metric >>> 0, 8)} ${hex(refs, 8)} 00000000 ${hex(flags, 8)} ${dev.padStart(8)}\n`;
  };
  for (const table of [...new Set(ns.fib.tables(6))].sort((a, b) => a - b)) {
    const list = ns.fib.list(6, table);
    for (const r of list) {
      for (const nh of r.nexthops) {
        const gateway = typeof nh.gateway === 'bigint';
        const refs = r.type === 'unicast' ? 1 : 2;
        row(
          hex(r.dst.addr as bigint, 32),
          r.dst.len,
          gateway ? hex(nh.gateway as bigint, 32) : zero,
          r.metric,
          refs,
          flags6(r, gateway),
          nh.dev?.name ?? 'lo',
        );
      }
    }
    if (!list.some((r) => r.dst.len === 0)) row(zero, 0, zero, 0xffffffff, 1, RTF_REJECT | 0x200000, 'lo');
  }
  return out;
}

function ifInet6(ns: Netns): string {
  let out = '';
  for (const d of ns.devices.values()) {
    for (const a of d.addrs6)
      out += `${(a.local as bigint).toString(16).padStart(32, '0')} ${d.ifindex.toString(16).padStart(2, '0')} ${a.len.toString(16).padStart(2, '0')} ${a.scope === 254 ? '10' : a.scope === 253 ? '20' : '00'} 80 ${d.name.padStart(8)}\n`;
  }
  return out;
}

function mib(ns: Netns, groups: Readonly<Record<string, string>>): string {
  const fixed: Record<string, number> = {
    IpForwarding: ns.sysctl.int('net.ipv4.ip_forward') ? 1 : 2,
    IpDefaultTTL: ns.sysctl.int('net.ipv4.ip_default_ttl'),
    TcpRtoAlgorithm: 1,
    TcpRtoMin: 200,
    TcpRtoMax: 120000,
    TcpMaxConn: -1,
    TcpCurrEstab: [...ns.sockets.all].filter((s) => s instanceof TcpSocket && (s.state === 'ESTABLISHED' || s.state === 'CLOSE_WAIT'))
      .length,
  };
  let out = '';
  for (const [prefix, listed] of Object.entries(groups)) {
    const names = prefix === 'IcmpMsg' ? icmpTypes(ns) : listed;
    if (names === '') continue;
    out += `${prefix}: ${names}\n${prefix}: ${names
      .split(' ')
      .map((n) => fixed[prefix + n] ?? ns.snmp.get(prefix + n))
      .join(' ')}\n`;
  }
  return out;
}

/** ICMP types seen so far, those received first. */
function icmpTypes(ns: Netns): string {
  const types = ns.snmp.entries().flatMap(([name]) => {
    const m = /^IcmpMsg((In|Out)Type(\d+))$/.exec(name);
    return m ? [{ name: m[1] as string, out: m[2] === 'Out' ? 1 : 0, type: Number(m[3]) }] : [];
  });
  types.sort((a, b) => a.out - b.out || a.type - b.type);
  return types.map((t) => t.name).join(' ');
}

const TCP_STATES = [
  '',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
];

function tcp(ns: Netns, family: 4 | 6): string {
  return socketTable(
    family,
    ns.sockets
      .tcp()
      .filter((s) => s.family === family)
      .map((s) => ({ sock: s, state: TCP_STATES.indexOf(s.state) })),
  );
}

function endpoint(addr: IpAddr, port: number): string {
  const p = port.toString(16).toUpperCase().padStart(4, '0');
  if (typeof addr === 'number') return `${hex4(addr)}:${p}`;
  const words = [96n, 64n, 32n, 0n].map((shift) => hex4(Number((addr >> shift) & 0xffffffffn)));
  return `${words.join('')}:${p}`;
}

const COLUMNS = '  st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'.slice(1);
const STREAMS = `  sl  local_address rem_address  ${COLUMNS}`;
const ENDS6 = '  sl  local_address                         remote_address                       ';
const STREAMS6 = `${ENDS6}${COLUMNS}`;
const DATAGRAMS = `${STREAMS} ref pointer drops`;
const DATAGRAMS6 = `${STREAMS6} ref pointer drops`;

/** `slot: local remote state queues timer … inode`, up to where protocols differ. */
function common(sock: Sock, slot: number, width: number, state: number, ports?: readonly [number, number]): string {
  const none: IpAddr = sock.family === 6 ? 0n : 0;
  const q = sock.queues();
  const h8 = (v: number): string => v.toString(16).toUpperCase().padStart(8, '0');
  const [local, remote] = ports ?? [sock.local.port, sock.remote?.port ?? 0];
  return `${String(slot).padStart(width)}: ${endpoint(sock.local.addr, local)} ${endpoint(sock.remote?.addr ?? none, remote)} ${state.toString(16).toUpperCase().padStart(2, '0')} ${h8(q.tx)}:${h8(q.rx)} 00:00000000 00000000 ${String(sock.uid).padStart(5)}        0 ${sock.inode}`;
}

/** The slots are those of the kernel's hash table, which starts somewhere else in each namespace. */
function udps(ns: Netns, family: 4 | 6): string {
  return ns.sockets
    .udp()
    .filter((s) => s.family === family)
    .map((s) => {
      const line = `${common(s, s.local.port, 5, s.remote ? 1 : 7)} 2 ${pointer(s)} 0`;
      return `${family === 4 ? line.padEnd(127) : line}\n`;
    })
    .join('');
}

function raws(ns: Netns, family: 4 | 6): string {
  return [...ns.sockets.raw]
    .filter((s) => s.family === family)
    .map((s) => `${common(s, s.proto, 4, 7, [s.proto, 0])} 2 ${pointer(s)} 0\n`)
    .join('');
}

function socketTable(family: 4 | 6, rows: { sock: TcpSocket; state: number }[]): string {
  let out = family === 4 ? `${STREAMS.padEnd(149)}\n` : `${STREAMS6}\n`;
  rows.forEach(({ sock, state }, i) => {
    const listening = sock.state === 'LISTEN';
    const { cwnd, ssthresh } = sock.cong;
    const ticks = [listening ? 100 : Math.round(sock.rto / 10_000), listening ? 0 : Math.round(sock.ato / 10_000)];
    const tail =
      state === 6
        ? ` 3 ${pointer(sock)}`
        : ` ${listening ? 1 : 2} ${pointer(sock)} ${ticks.join(' ')} 0 ${cwnd} ${listening ? 0 : Number.isFinite(ssthresh) ? ssthresh : -1}`;
    const line = common(sock, i, 4, state) + tail;
    out += `${family === 4 ? line.padEnd(149) : line}\n`;
  });
  return out;
}

function recentLists(ns: Netns): Directory {
  const lists = RecentLists.get(ns);
  return new ProcDir(
    () => lists.lists.keys(),
    (name) => {
      if (!lists.lists.has(name)) return undefined;
      return new ProcFile(
        () => lists.text(name, 0) ?? '',
        (text) => {
          const line = text.trim();
          if (line === '/') lists.clear(name);
          else {
            const addr = parseIp(line.slice(1));
            if (addr === null || line[0] !== '-') return fail('EINVAL');
            lists.lists.get(name)?.delete(addr);
          }
          return ok();
        },
      );
    },
  );
}

provideProcNet(procNet);
