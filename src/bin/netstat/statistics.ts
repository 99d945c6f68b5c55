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

type Protocol = 'raw' | 'tcp' | 'udp';
/** Tables that belong to no protocol are always shown. */
const TABLES: Readonly<Record<string, { table: Table; of: Protocol }>> = {
  Ip: { table: IP, of: 'raw' },
  Icmp: { table: ICMP, of: 'raw' },
  Tcp: { table: TCP, of: 'tcp' },
  Udp: { table: UDP, of: 'udp' },
  TcpExt: { table: TCP_EXT, of: 'tcp' },
};
const HISTOGRAMS = { in: '    ICMP input histogram:\n', out: '    ICMP output histogram:\n' } as const;

/** `sources` are the texts of both files; `only` names protocols, empty for all. */
export function statistics(sources: readonly string[], only: ReadonlySet<Protocol>): string {
  let out = '';
  let state: 'normal' | 'in' | 'out' = 'normal';
  for (const source of sources) {
    const lines = source.split('\n').filter((l) => l !== '');
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const [prefix, ...names] = (lines[i] as string).split(/\s+/);
      const values = (lines[i + 1] as string).split(/\s+/).slice(1);
      const known = TABLES[(prefix as string).replace(':', '')];
      if (known && only.size > 0 && !only.has(known.of)) continue;
      out += `${prefix}\n`;
      for (const [k, name] of names.entries()) {
        const value = values[k] ?? '0';
        const entry = known?.table[name];
        const [kind, text] = entry ?? (['some', `${name}: %`] as const);
        if (kind === 'in' || kind === 'out') {
          if (state !== kind) out += HISTOGRAMS[kind];
          state = kind;
        }
        if (text === '' || (kind !== 'number' && value === '0')) continue;
        if (entry && kind !== 'in' && kind !== 'out') state = 'normal';
        out += `${state === 'normal' ? '    ' : '        '}${text.replace('%', value)}\n`;
      }
    }
  }
  return out;
}
