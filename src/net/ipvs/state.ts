/** States of connections through IPVS. Models ip_vs_proto_tcp.c */

export type TcpState =
  | 'NONE'
  | 'ESTABLISHED'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'FIN_WAIT'
  | 'TIME_WAIT'
  | 'CLOSE'
  | 'CLOSE_WAIT'
  | 'LAST_ACK'
  | 'LISTEN'
  | 'SYNACK';

const ORDER: readonly TcpState[] = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
];

/** Seconds. */
export const TCP_TIMEOUTS: Readonly<Record<TcpState, number>> = {
  NONE: 2,
  ESTABLISHED: 900,
  SYN_SENT: 120,
  SYN_RECV: 60,
  FIN_WAIT: 120,
  TIME_WAIT: 120,
  CLOSE: 10,
  CLOSE_WAIT: 60,
  LAST_ACK: 30,
  LISTEN: 120,
  SYNACK: 120,
};

const ACTIVE: ReadonlySet<string> = new Set(['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'SYNACK', 'UDP']);

/** Counts as an active connection of its server. */
export function isActive(state: string): boolean {
  return ACTIVE.has(state);
}

/** The next state, one letter for each present one in the order above, by flag. */
type Rows = readonly [syn: string, fin: string, ack: string, rst: string];

/** N none, E established, S SYN sent, R SYN received, F FIN wait, T time wait, C close, W close wait, A last ACK, L listen, Y SYN/ACK. */
const LETTERS = 'NESRFTCWALY';

/** From the client; to the client; from the client where nothing of the way back is seen. */
const TABLES: Readonly<Record<'in' | 'out' | 'only', Rows>> = {
  in: ['REERRRRRRRR', 'CWSTTTCWALT', 'EESEFTCWCLE', 'CCCRCCCCALR'],
  out: ['SESRSSSSSLR', 'TFSTFTCTALT', 'EESEFTCWAEE', 'CCSCCTCCCCC'],
  only: ['REERRRRRRRR', 'CFSTFTCWALT', 'EESEFTCWCLE', 'CCCRCCCCALC'],
};

export type Way = keyof typeof TABLES;

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

export function nextTcpState(state: TcpState, way: Way, flags: number): TcpState {
  const row = flags & RST ? 3 : flags & SYN ? 0 : flags & FIN ? 1 : flags & ACK ? 2 : -1;
  if (row < 0) return 'CLOSE';
  const letter = TABLES[way][row as 0 | 1 | 2 | 3][ORDER.indexOf(state)] ?? 'C';
  return ORDER[LETTERS.indexOf(letter)] as TcpState;
}
