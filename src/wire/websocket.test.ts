import { expect, test } from 'vitest';
import { concat, text, utf8 } from './bytes.ts';
import { CHANNEL_STDOUT, emitClose, emitFrame, onChannel, parseClose, WS_BINARY, WS_PING, WsDecoder } from './websocket.ts';

test('frames of all three length forms survive any cut, masked or not', () => {
  const mask = Uint8Array.of(1, 2, 3, 4);
  const sizes = [0, 5, 125, 126, 65_535, 65_536];
  const wire = concat(sizes.map((n, i) => emitFrame(WS_BINARY, new Uint8Array(n).fill(7), i % 2 ? mask : undefined)));
  for (const step of [1000, 7777, wire.length]) {
    const d = new WsDecoder();
    const got: number[] = [];
    for (let at = 0; at < wire.length; at += step) for (const m of d.push(wire.subarray(at, at + step))) got.push(m.data.length);
    expect(got).toEqual(sizes);
  }
});

test('fragments are joined around a control frame', () => {
  const d = new WsDecoder();
  const first = Uint8Array.of(0x02, 3, ...utf8('abc'));
  const last = Uint8Array.of(0x80, 2, ...utf8('de'));
  const got = d.push(concat([first, emitFrame(WS_PING, utf8('!')), last]));
  expect(got.map((m) => [m.opcode, text(m.data)])).toEqual([
    [WS_PING, '!'],
    [WS_BINARY, 'abcde'],
  ]);
  expect(parseClose(emitClose(1000, 'bye'))).toEqual({ code: 1000, reason: 'bye' });
  expect([...onChannel(CHANNEL_STDOUT, utf8('x'))]).toEqual([1, 120]);
});
