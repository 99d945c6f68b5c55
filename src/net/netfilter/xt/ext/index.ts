/** All matches (lower case) and targets (upper case). */

import type { MatchExt, TargetExt } from '../ext.ts';
import { AUDIT } from './AUDIT.ts';
import { addrtype } from './addrtype.ts';
import { bpf } from './bpf.ts';
import { CHECKSUM } from './CHECKSUM.ts';
import { CLASSIFY } from './CLASSIFY.ts';
import { CT, NOTRACK } from './CT.ts';
import { cgroup } from './cgroup.ts';
import { cluster } from './cluster.ts';
import { comment } from './comment.ts';
import { connbytes } from './connbytes.ts';
import { connlabel } from './connlabel.ts';
import { connlimit } from './connlimit.ts';
import { conntrack, state } from './conntrack.ts';
import { cpu } from './cpu.ts';
import { dccp } from './dccp.ts';
import { devgroup } from './devgroup.ts';
import { DSCP, dscp, TOS, tos } from './dscp.ts';
import { ECN, ecn } from './ecn.ts';
import { ah6, eui64, frag, ipv6header, mh } from './exthdr6.ts';
import { HMARK } from './HMARK.ts';
import { hashlimit } from './hashlimit.ts';
import { dst, hbh } from './hbh.ts';
import { helper } from './helper.ts';
import { IDLETIMER } from './IDLETIMER.ts';
import { icmp, icmp6 } from './icmp.ts';
import { ipcomp } from './ipcomp.ts';
import { iprange } from './iprange.ts';
import { ipvs } from './ipvs.ts';
import { LOG, NFLOG, TRACE } from './LOG.ts';
import { length } from './length.ts';
import { limit } from './limit.ts';
import { mac } from './mac.ts';
import { CONNMARK, connmark, MARK, mark } from './mark.ts';
import { CLUSTERIP, LED, ULOG } from './missing.ts';
import { multiport } from './multiport.ts';
import { DNAT, MASQUERADE, NETMAP, REDIRECT, SNAT } from './NAT.ts';
import { NFQUEUE } from './NFQUEUE.ts';
import { DNPT, SNPT } from './NPT.ts';
import { nfacct } from './nfacct.ts';
import { osf } from './osf.ts';
import { owner } from './owner.ts';
import { physdev } from './physdev.ts';
import { pkttype } from './pkttype.ts';
import { policy } from './policy.ts';
import { quota } from './quota.ts';
import { REJECT } from './REJECT.ts';
import { RATEEST, rateest } from './rateest.ts';
import { realm } from './realm.ts';
import { recent } from './recent.ts';
import { provideExtensions } from './registry.ts';
import { rpfilter } from './rpfilter.ts';
import { rt } from './rt.ts';
import { CONNSECMARK, SECMARK } from './SECMARK.ts';
import { SYNPROXY } from './SYNPROXY.ts';
import { sctp } from './sctp.ts';
import { SET, set } from './set.ts';
import { socket } from './socket.ts';
import { ah, esp } from './spi.ts';
import { srh } from './srh.ts';
import { statistic } from './statistic.ts';
import { string } from './string.ts';
import { TCPMSS, tcpmss } from './TCPMSS.ts';
import { TCPOPTSTRIP } from './TCPOPTSTRIP.ts';
import { TEE } from './TEE.ts';
import { TPROXY } from './TPROXY.ts';
import { tcp } from './tcp.ts';
import { time } from './time.ts';
import { HL, hl, TTL, ttl } from './ttl.ts';
import { u32 } from './u32.ts';
import { udp } from './udp.ts';

export const matches: readonly MatchExt[] = [
  addrtype,
  ah,
  ah6,
  bpf,
  cgroup,
  cluster,
  comment,
  connbytes,
  connlabel,
  connlimit,
  connmark,
  conntrack,
  cpu,
  dccp,
  devgroup,
  dscp,
  dst,
  ecn,
  esp,
  eui64,
  frag,
  hashlimit,
  hbh,
  helper,
  hl,
  icmp,
  icmp6,
  ipcomp,
  iprange,
  ipv6header,
  ipvs,
  length,
  limit,
  mac,
  mark,
  mh,
  multiport,
  nfacct,
  osf,
  owner,
  physdev,
  pkttype,
  policy,
  quota,
  rateest,
  realm,
  recent,
  rpfilter,
  rt,
  sctp,
  set,
  socket,
  srh,
  state,
  statistic,
  string,
  tcp,
  tcpmss,
  time,
  tos,
  ttl,
  u32,
  udp,
];

export const targets: readonly TargetExt[] = [
  AUDIT,
  CHECKSUM,
  CLASSIFY,
  CLUSTERIP,
  CONNMARK,
  CONNSECMARK,
  CT,
  DNAT,
  DNPT,
  DSCP,
  ECN,
  HL,
  HMARK,
  IDLETIMER,
  LED,
  LOG,
  MARK,
  MASQUERADE,
  NETMAP,
  NFLOG,
  NFQUEUE,
  NOTRACK,
  RATEEST,
  REDIRECT,
  REJECT,
  SECMARK,
  SET,
  SNAT,
  SNPT,
  SYNPROXY,
  TCPMSS,
  TCPOPTSTRIP,
  TEE,
  TOS,
  TPROXY,
  TRACE,
  TTL,
  ULOG,
];

provideExtensions(matches, targets);
