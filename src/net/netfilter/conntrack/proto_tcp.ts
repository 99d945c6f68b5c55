/** TCP connection states as a middlebox sees them. Models net/netfilter/nf_conntrack_proto_tcp.c */

export type TcpState = 'NONE' | 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT' | 'CLOSE_WAIT' | 'LAST_ACK' | 'TIME_WAIT' | 'CLOSE' | 'SYN_SENT2';

export interface TcpTrack {
  state: TcpState;
}
