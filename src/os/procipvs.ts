/** /proc/net/ip_vs, ip_vs_conn and ip_vs_stats. Models ip_vs_ctl.c, ip_vs_conn.c */

import { hasIpvs, ipvsOf } from '../net/ipvs/ipvs.ts';
import type { Netns } from '../net/netns.ts';

/** Files that come with ip_vs; none before it is loaded. */
export const IPVS_FILES: Readonly<Record<string, (ns: Netns) => string>> = { ip_vs: table, ip_vs_conn: connections, ip_vs_stats: totals };

export { hasIpvs };

function hex(n: number, width: number): string {
  return n.toString(16).toUpperCase().padStart(width, '0');
}

const FORWARDING = { masq: 'Masq', local: 'Local', tunnel: 'Tunnel', route: 'Route' };

function table(ns: Netns): string {
  const ipvs = ipvsOf(ns);
  ipvs.list();
  let out =
    'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n';
  for (const { config: c, servers } of ipvs.services.values()) {
    const head = c.fwmark ? `FWM  ${hex(c.fwmark, 8)}` : `${c.proto === 6 ? 'TCP' : 'UDP'}  ${hex(c.addr, 8)}:${hex(c.port, 4)}`;
    out += `${head} ${c.scheduler} ${c.onePacket ? 'ops ' : ''}${c.persistent ? `persistent ${c.persistent * 100} ${hex(c.netmask, 8)}` : ''}\n`;
    for (const s of servers) {
      const { addr, port, forward, weight } = s.config;
      const cell = (n: number, width: number): string => String(n).padEnd(width);
      out += `  -> ${hex(addr, 8)}:${hex(port, 4)}      ${FORWARDING[forward].padEnd(7)} ${cell(weight, 6)} ${cell(s.active, 10)} ${cell(s.inactive, 10)}\n`;
    }
  }
  return out;
}

function connections(ns: Netns): string {
  let out = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
  for (const c of ipvsOf(ns).list()) {
    const at = (addr: number, port: number): string => `${hex(addr, 8)} ${hex(port, 4)}`;
    const left = Math.floor((c.expires - ns.kernel.sim.now) / 1e6);
    const proto = (c.proto === 6 ? 'TCP' : 'UDP').padEnd(3);
    out += `${proto} ${at(c.caddr, c.cport)} ${at(c.vaddr, c.vport)} ${at(c.daddr, c.dport)} ${c.state.padEnd(11)} ${String(left).padStart(7)}\n`;
  }
  return out;
}

function totals(ns: Netns): string {
  const sum = { conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
  for (const { stats } of ipvsOf(ns).services.values()) for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += stats[key];
  const cells = (list: readonly number[]): string => `${list.map((n, i) => hex(n, 0).padStart(i < 3 ? 8 : 16)).join(' ')}\n`;
  return [
    '   Total Incoming Outgoing         Incoming         Outgoing\n',
    '   Conns  Packets  Packets            Bytes            Bytes\n',
    `${cells([sum.conns, sum.inPackets, sum.outPackets, sum.inBytes, sum.outBytes])}\n`,
    ' Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n',
    cells([0, 0, 0, 0, 0]),
  ].join('');
}
