import { expect, test } from 'vitest';
import { ACK, FIN, RST, SYN } from '../../../wire/tcp.ts';
import { Connection, type Direction } from './connection.ts';
import { type TcpSegment, tcpNew, tcpPacket, validFlags } from './proto_tcp.ts';
import { invertTuple, type Tuple } from './tuple.ts';

const tuple: Tuple = { src: 1, dst: 2, proto: 6, sport: 1000, dport: 80, icmpType: 0, icmpCode: 0 };
const segment = (flags: number, seq = 0, ack = 0, length = 0): TcpSegment => ({ flags, seq, ack, window: 100, length });

/** Plays a dialogue of `>flags` (client) and `<flags`; the states after each packet. */
function play(...steps: readonly (readonly [Direction, TcpSegment])[]): string[] {
  const ct = new Connection(1, tuple, invertTuple(tuple) as Tuple, 0);
  ct.tcp = tcpNew((steps[0] as readonly [Direction, TcpSegment])[1], true);
  if (!ct.tcp) return ['INVALID'];
  return steps.map(([dir, s]) => {
    const verdict = tcpPacket(ct, dir, s);
    if (dir === 'reply' && verdict === 'ok') ct.seenReply = true;
    return `${verdict === 'ok' ? '' : `${verdict} `}${ct.tcp?.state}${ct.assured ? ' assured' : ''}`;
  });
}

const client = (flags: number, seq = 0, ack = 0, length = 0) => ['original', segment(flags, seq, ack, length)] as const;
const server = (flags: number, seq = 0, ack = 0, length = 0) => ['reply', segment(flags, seq, ack, length)] as const;

test('a whole connection', () => {
  expect(
    play(client(SYN, 1), server(SYN | ACK, 5, 2), client(ACK, 2, 6), client(FIN | ACK, 2, 6), server(FIN | ACK, 6, 3), client(ACK, 3, 7)),
  ).toEqual(['SYN_SENT', 'SYN_RECV', 'ESTABLISHED assured', 'FIN_WAIT assured', 'LAST_ACK assured', 'TIME_WAIT assured']);
});

test('the client closes first, the server later', () => {
  expect(
    play(client(SYN), server(SYN | ACK), client(ACK), client(FIN | ACK), server(ACK), server(FIN | ACK), client(ACK)).map(
      (s) => s.split(' ')[0],
    ),
  ).toEqual(['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT']);
});

test('a refused connection is forgotten at once', () => {
  expect(play(client(SYN, 1), server(RST | ACK, 0, 2))).toEqual(['SYN_SENT', 'kill CLOSE']);
});

test('a new SYN in TIME_WAIT opens the connection again', () => {
  expect(
    play(client(SYN), server(SYN | ACK), client(ACK), client(FIN | ACK), server(FIN | ACK), client(ACK), client(SYN, 9)).at(-1),
  ).toMatch(/^reopen/);
});

test('mid-stream packets are picked up, stray answers are not', () => {
  expect(play(client(ACK, 5, 5, 10))).toEqual(['ESTABLISHED']);
  expect(play(client(SYN | ACK))).toEqual(['INVALID']);
  expect(tcpNew(segment(ACK), false)).toBeNull();
  expect([SYN | FIN, 0, SYN | RST, FIN].map(validFlags)).toEqual([false, false, false, false]);
});

/** After a handshake with windows of 100 on both sides; the client's next number is 2, the server's 6. */
const OPEN = [client(SYN, 1), server(SYN | ACK, 5, 2), client(ACK, 2, 6)];
const last = (...steps: (readonly ['original' | 'reply', TcpSegment])[]): string | undefined => play(...OPEN, ...steps).at(-1);

test('segments outside the window are invalid', () => {
  expect(last(client(ACK, 2, 6, 100))).toBe('ESTABLISHED assured');
  expect(last(client(ACK, 203, 6, 1))).toMatch(/^invalid/);
  expect(last(client(ACK, 2, 7))).toMatch(/^invalid/);
  expect(last(server(ACK, 6, 3))).toMatch(/^invalid/);
});

test('a reset must hit the peer’s next number to close', () => {
  expect(last(server(RST, 6))).toMatch(/^CLOSE/);
  expect(last(client(ACK, 2, 6, 10), server(ACK, 6, 12), server(RST, 8))).toBe('ESTABLISHED assured');
  expect(last(client(ACK, 2, 6), server(RST, 1))).toMatch(/^invalid/);
});

test('be_liberal lets everything pass', () => {
  const ct = new Connection(1, tuple, invertTuple(tuple) as Tuple, 0);
  ct.tcp = tcpNew(segment(SYN, 1), true);
  for (const [dir, s] of OPEN) tcpPacket(ct, dir, s);
  const far = segment(ACK, 90000, 90000, 10);
  expect(tcpPacket(ct, 'original', far)).toBe('invalid');
  expect(tcpPacket(ct, 'original', far, { liberal: true, ignoreInvalidRst: false })).toBe('ok');
});
