/** netstat -s: the counters of /proc/net/snmp and /proc/net/netstat in sentences. Models net-tools 2.10 statistics.c */

/** `number` is shown even when zero, `some` only otherwise; `in` and `out` stand in ICMP's histograms. */
type Kind = 'number' | 'some' | 'in' | 'out';
type Table = Readonly<Record<string, readonly [Kind, string]>>;

const IP: Table = {
  Forwarding: ['number', 'Forwarding: %'],
  DefaultTTL: ['some', ''],
  InReceives: ['number', '% total packets received'],
  InHdrErrors: ['some', '% with invalid headers'],
  InAddrErrors: ['some', '% with invalid addresses'],
  ForwDatagrams: ['number', '% forwarded'],
  InUnknownProtos: ['some', '% with unknown protocol'],
  InDiscards: ['number', '% incoming packets discarded'],
  InDelivers: ['number', '% incoming packets delivered'],
  OutRequests: ['number', '% requests sent out'],
  OutDiscards: ['some', '% outgoing packets dropped'],
  OutNoRoutes: ['some', '% dropped because of missing route'],
  ReasmTimeout: ['some', '% fragments dropped after timeout'],
  ReasmReqds: ['some', '% reassemblies required'],
  ReasmOKs: ['some', '% packets reassembled ok'],
  ReasmFails: ['some', '% packet reassemblies failed'],
  FragOKs: ['some', '% fragments received ok'],
  FragFails: ['some', '% fragments failed'],
  FragCreates: ['some', '% fragments created'],
};

const ICMP: Table = {
  InMsgs: ['number', '% ICMP messages received'],
  InErrors: ['number', '% input ICMP message failed'],
  InDestUnreachs: ['in', 'destination unreachable: %'],
  InTimeExcds: ['in', 'timeout in transit: %'],
  InParmProbs: ['in', 'wrong parameters: %'],
  InSrcQuenchs: ['in', 'source quenches: %'],
  InRedirects: ['in', 'redirects: %'],
  InEchos: ['in', 'echo requests: %'],
  InEchoReps: ['in', 'echo replies: %'],
  InTimestamps: ['in', 'timestamp request: %'],
  InTimestampReps: ['in', 'timestamp reply: %'],
  InAddrMasks: ['in', 'address mask request: %'],
  InAddrMaskReps: ['in', 'address mask replies: %'],
  OutMsgs: ['number', '% ICMP messages sent'],
  OutErrors: ['number', '% ICMP messages failed'],
  OutDestUnreachs: ['out', 'destination unreachable: %'],
  OutTimeExcds: ['out', 'time exceeded: %'],
  OutParmProbs: ['out', 'wrong parameters: %'],
  OutSrcQuenchs: ['out', 'source quench: %'],
  OutRedirects: ['out', 'redirect: %'],
  OutEchos: ['out', 'echo requests: %'],
  OutEchoReps: ['out', 'echo replies: %'],
  OutTimestamps: ['out', 'timestamp requests: %'],
  OutTimestampReps: ['out', 'timestamp replies: %'],
  OutAddrMasks: ['out', 'address mask requests: %'],
  OutAddrMaskReps: ['out', 'address mask replies: %'],
};

const TCP: Table = {
  RtoAlgorithm: ['some', ''],
  RtoMin: ['some', ''],
  RtoMax: ['some', ''],
  MaxConn: ['some', ''],
  ActiveOpens: ['number', '% active connection openings'],
  PassiveOpens: ['number', '% passive connection openings'],
  AttemptFails: ['number', '% failed connection attempts'],
  EstabResets: ['number', '% connection resets received'],
  CurrEstab: ['number', '% connections established'],
  InSegs: ['number', '% segments received'],
  OutSegs: ['number', '% segments sent out'],
  RetransSegs: ['number', '% segments retransmitted'],
  InErrs: ['number', '% bad segments received'],
  OutRsts: ['number', '% resets sent'],
};

const UDP: Table = {
  InDatagrams: ['number', '% packets received'],
  NoPorts: ['number', '% packets to unknown port received'],
  InErrors: ['number', '% packet receive errors'],
  OutDatagrams: ['number', '% packets sent'],
  RcvbufErrors: ['number', '% receive buffer errors'],
  SndbufErrors: ['number', '% send buffer errors'],
};

const TCP_EXT: Table = {
  SyncookiesSent: ['some', '% SYN cookies sent'],
  SyncookiesRecv: ['some', '% SYN cookies received'],
  SyncookiesFailed: ['some', '% invalid SYN cookies received'],
  EmbryonicRsts: ['some', '% resets received for embryonic SYN_RECV sockets'],
  PruneCalled: ['some', '% packets pruned from receive queue because of socket buffer overrun'],
  RcvPruned: ['some', '% packets pruned from receive queue'],
  OfoPruned: ['some', '% packets dropped from out-of-order queue because of socket buffer overrun'],
  OutOfWindowIcmps: ['some', '% ICMP packets dropped because they were out-of-window'],
  LockDroppedIcmps: ['some', '% ICMP packets dropped because socket was locked'],
  TW: ['some', '% TCP sockets finished time wait in fast timer'],
  TWRecycled: ['some', '% time wait sockets recycled by time stamp'],
  TWKilled: ['some', '% TCP sockets finished time wait in slow timer'],
  PAWSActive: ['some', '% active connections rejected because of time stamp'],
  PAWSEstab: ['some', '% packets rejected in established connections because of timestamp'],
  DelayedACKs: ['some', '% delayed acks sent'],
  DelayedACKLocked: ['some', '% delayed acks further delayed because of locked socket'],
  DelayedACKLost: ['some', 'Quick ack mode was activated % times'],
  ListenOverflows: ['some', '% times the listen queue of a socket overflowed'],
  ListenDrops: ['some', '% SYNs to LISTEN sockets dropped'],
  TCPHPHits: ['number', '% packet headers predicted'],
  TCPPureAcks: ['some', '% acknowledgments not containing data payload received'],
  TCPHPAcks: ['some', '% predicted acknowledgments'],
  TCPRenoRecovery: ['some', '% times recovered from packet loss due to fast retransmit'],
  TCPSackRecovery: ['some', '% times recovered from packet loss by selective acknowledgements'],
  TCPSACKReneging: ['some', '% bad SACK blocks received'],
  TCPSACKReorder: ['some', 'Detected reordering % times using SACK'],
  TCPRenoReorder: ['some', 'Detected reordering % times using reno fast retransmit'],
  TCPTSReorder: ['some', 'Detected reordering % times using time stamp'],
  TCPFullUndo: ['some', '% congestion windows fully recovered without slow start'],
  TCPPartialUndo: ['some', '% congestion windows partially recovered using Hoe heuristic'],
  TCPDSACKUndo: ['some', '% congestion window recovered without slow start using DSACK'],
  TCPLossUndo: ['some', '% congestion windows recovered without slow start after partial ack'],
  TCPLostRetransmit: ['some', '% retransmits lost'],
  TCPSackFailures: ['some', '% timeouts after SACK recovery'],
  TCPLossFailures: ['some', '% timeouts in loss state'],
  TCPFastRetrans: ['some', '% fast retransmits'],
  TCPSlowStartRetrans: ['some', '% retransmits in slow start'],
  TCPTimeouts: ['some', '% other TCP timeouts'],
  TCPRcvCollapsed: ['some', '% packets collapsed in receive queue due to low socket buffer'],
  TCPDSACKOldSent: ['some', '% DSACKs sent for old packets'],
  TCPDSACKOfoSent: ['some', '% DSACKs sent for out of order packets'],
  TCPDSACKRecv: ['some', '% DSACKs received'],
  TCPDSACKOfoRecv: ['some', '% DSACKs for out of order packets received'],
  TCPAbortOnData: ['some', '% connections reset due to unexpected data'],
  TCPAbortOnClose: ['some', '% connections reset due to early user close'],
  TCPAbortOnMemory: ['some', '% connections aborted due to memory pressure'],
  TCPAbortOnTimeout: ['some', '% connections aborted due to timeout'],
  TCPAbortOnLinger: ['some', '% connections aborted after user close in linger timeout'],
  TCPMemoryPressures: ['some', 'TCP ran low on memory % times'],
};

const SIX: Table = {
  Ip6FragCreates: ['some', '% fragments created'],
  Ip6FragFails: ['some', '% outgoing packets failed fragmentation'],
  Ip6FragOKs: ['some', '% outgoing packets fragmented ok'],
  Ip6InAddrErrors: ['some', '% with invalid addresses'],
  Ip6InDelivers: ['number', '% incoming packets delivered'],
  Ip6InDiscards: ['number', '% incoming packets discarded'],
  Ip6InHdrErrors: ['some', '% with invalid headers'],
  Ip6InMcastPkts: ['some', '% incoming multicast packets'],
  Ip6InNoRoutes: ['some', '% incoming packets with no route'],
  Ip6InReceives: ['number', '% total packets received'],
  Ip6InTooBigErrors: ['some', '% with packets too big'],
  Ip6InTruncatedPkts: ['some', '% with truncated packets'],
  Ip6InUnknownProtos: ['some', '% with unknown protocol'],
  Ip6OutDiscards: ['some', '% outgoing packets dropped'],
  Ip6OutForwDatagrams: ['number', '% forwarded'],
  Ip6OutMcastPkts: ['some', '% outgoing multicast packets'],
  Ip6OutNoRoutes: ['some', '% dropped because of missing route'],
  Ip6OutRequests: ['number', '% requests sent out'],
  Ip6ReasmFails: ['some', '% packet reassemblies failed'],
  Ip6ReasmOKs: ['some', '% packets reassembled ok'],
  Ip6ReasmReqds: ['some', '% reassemblies required'],
  Ip6ReasmTimeout: ['some', '% fragments dropped after timeout'],
  Icmp6InDestUnreachs: ['in', 'destination unreachable: %'],
  Icmp6InEchoReplies: ['in', 'echo replies: %'],
  Icmp6InEchos: ['in', 'echo requests: %'],
  Icmp6InErrors: ['number', '% input ICMP message failed'],
  Icmp6InGroupMembQueries: ['in', 'group member queries: %'],
  Icmp6InGroupMembReductions: ['in', 'group member reductions: %'],
  Icmp6InGroupMembResponses: ['in', 'group member responses: %'],
  Icmp6InMsgs: ['number', '% ICMP messages received'],
  Icmp6InNeighborAdvertisements: ['in', 'neighbour advertisement: %'],
  Icmp6InNeighborSolicits: ['in', 'neighbour solicits: %'],
  Icmp6InParmProblems: ['in', 'parameter problem: %'],
  Icmp6InPktTooBigs: ['in', 'packets too big: %'],
  Icmp6InRedirects: ['in', 'redirects: %'],
  Icmp6InRouterAdvertisements: ['in', 'router advertisement: %'],
  Icmp6InRouterSolicits: ['in', 'router solicits: %'],
  Icmp6InTimeExcds: ['in', 'received ICMPv6 time exceeded: %'],
  Icmp6OutDestUnreachs: ['out', 'destination unreachable: %'],
  Icmp6OutEchoReplies: ['out', 'echo replies: %'],
  Icmp6OutEchos: ['out', 'echo requests: %'],
  Icmp6OutGroupMembQueries: ['out', 'group member queries: %'],
  Icmp6OutGroupMembReductions: ['out', 'group member reductions: %'],
  Icmp6OutGroupMembResponses: ['out', 'group member responses: %'],
  Icmp6OutMsgs: ['number', '% ICMP messages sent'],
  Icmp6OutNeighborAdvertisements: ['out', 'neighbor advertisements: %'],
  Icmp6OutNeighborSolicits: ['out', 'neighbor solicits: %'],
  Icmp6OutParmProblems: ['out', 'parameter problem: %'],
  Icmp6OutPktTooBigs: ['out', 'packets too big: %'],
  Icmp6OutRedirects: ['out', 'redirects: %'],
  Icmp6OutRouterAdvertisements: ['out', 'router advertisement: %'],
  Icmp6OutRouterSolicits: ['out', 'router solicits: %'],
  Icmp6OutTimeExcds: ['out', 'sent ICMPv6 time exceeded: %'],
  Udp6InCsumErrors: ['some', '% packets with invalid checksum'],
  Udp6InDatagrams: ['number', '% packets received'],
  Udp6InErrors: ['number', '% packet receive errors'],
  Udp6NoPorts: ['number', '% packets to unknown port received'],
  Udp6OutDatagrams: ['number', '% packets sent'],
  Udp6RcvbufErrors: ['some', '% receive buffer errors'],
  Udp6SndbufErrors: ['some', '% send buffer errors'],
};

type Protocol = 'raw' | 'tcp' | 'udp';
/** Tables that belong to no protocol are always shown. */
const TABLES: Readonly<Record<string, { table: Table; of: Protocol }>> = {
  Ip: { table: IP, of: 'raw' },
  Icmp: { table: ICMP, of: 'raw' },
  Tcp: { table: TCP, of: 'tcp' },
  Udp: { table: UDP, of: 'udp' },
  TcpExt: { table: TCP_EXT, of: 'tcp' },
};
const HISTOGRAMS = { in: 'ICMP input histogram:', out: 'ICMP output histogram:' } as const;

/** Lines of counters, indented by what came before them. */
class Lines {
  out = '';
  private state: 'normal' | 'in' | 'out' = 'normal';

  private put(text: string): void {
    this.out += `${this.state === 'normal' ? '    ' : '        '}${text}\n`;
  }

  add(entry: readonly [Kind, string] | undefined, name: string, value: string): void {
    const [kind, text] = entry ?? (['some', `${name}: %`] as const);
    if (kind === 'in' || kind === 'out') {
      if (this.state !== kind) this.put(HISTOGRAMS[kind]);
      this.state = kind;
    }
    if (text === '' || (kind !== 'number' && value === '0')) return;
    if (entry && kind !== 'in' && kind !== 'out') this.state = 'normal';
    this.put(text.replace('%', value));
  }
}

/** `sources` are the texts of both files; `only` names protocols, empty for all. */
export function statistics(sources: readonly string[], only: ReadonlySet<Protocol>): string {
  const to = new Lines();
  for (const source of sources) {
    const lines = source.split('\n').filter((l) => l !== '');
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const [prefix, ...names] = (lines[i] as string).split(/\s+/);
      const values = (lines[i + 1] as string).split(/\s+/).slice(1);
      const known = TABLES[(prefix as string).replace(':', '')];
      if (known && only.size > 0 && !only.has(known.of)) continue;
      to.out += `${prefix}\n`;
      for (const [k, name] of names.entries()) to.add(known?.table[name], name, values[k] ?? '0');
    }
  }
  return to.out;
}

/** The same from /proc/net/snmp6, and TCP, which counts both families together, from /proc/net/snmp. */
export function statistics6(snmp6: string, snmp: string, only: ReadonlySet<Protocol>): string {
  const to = new Lines();
  let title = '';
  for (const line of snmp6.split('\n')) {
    const [name, value] = line.split(/\s+/);
    const prefix = /^(Ip6|Icmp6|Udp6|UdpLite6)/.exec(name ?? '')?.[0];
    if (name === undefined || prefix === undefined) continue;
    if (only.size > 0 && prefix !== 'UdpLite6' && !only.has(prefix === 'Udp6' ? 'udp' : 'raw')) continue;
    if (title !== prefix) to.out += `${prefix}:\n`;
    title = prefix;
    to.add(SIX[name], name, value ?? '0');
  }
  const lines = snmp.split('\n').filter((l) => l.startsWith('Tcp:'));
  return to.out + statistics([lines.join('\n')], only);
}
