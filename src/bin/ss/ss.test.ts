import { describe, expect, it } from 'vitest';
import { parseIp4 } from '../../wire/addr.ts';
import { type Ends, parseFilter } from './filter.ts';
import { render } from './render.ts';
import { timerText } from './rows.ts';

const at = (addr: string, port: number): Ends['local'] => ({ addr: parseIp4(addr), port });
const ends: Ends = { local: at('10.0.0.1', 40_000), remote: at('10.0.0.2', 80), device: null, mark: 0, autobound: false };
const service = (name: string): number | null => (name === 'http' ? 80 : null);

describe('filter', () => {
  it.each([
    ['', true],
    ['dst 10.0.0.2', true],
    ['dst 10.0.0.0/24', true],
    ['dst 10.0.0.2:81', false],
    ['src 10.0.0.2', false],
    ['dport = :80', true],
    ['dport = 80', true],
    ['dport = http', true],
    ['sport gt :1024 and dport lt :1024', true],
    ['( sport = :80 or sport = :9000 )', false],
    ['not dport = :80', false],
    ['dport != :81 dst 10.0.0.2', true],
  ])('%s', (text, want) => {
    expect(parseFilter(text.split(' ').filter(Boolean), service)(ends)).toBe(want);
  });

  it.each([
    ['bogus', 'Error: an inet prefix is expected rather than "bogus".\nCannot parse dst/src address.\n'],
    ['sport = :foo', 'Error: "foo" does not look like a port.\nCannot parse dst/src address.\n'],
    ['( sport = :1', 'ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n'],
  ])('%s is an error', (text, message) => {
    expect(() => parseFilter(text.split(' '), service)).toThrow(message);
  });
});

describe('table', () => {
  const rows = [
    ['tcp', 'LISTEN', '0     ', '128   ', '0.0.0.0:', '80', '0.0.0.0:', '*', ''],
    ['tcp', 'LISTEN', '0     ', '128   ', '127.0.0.1:', '9000', '0.0.0.0:', '*', ''],
  ];
  it('is as wide as its content in a pipe', () => {
    expect(render(rows, new Set([0]), true, null)).toBe(
      'State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n' +
        'LISTEN 0      128          0.0.0.0:80        0.0.0.0:*          \n' +
        'LISTEN 0      128        127.0.0.1:9000      0.0.0.0:*          \n',
    );
  });
  it('fills a terminal', () => {
    expect(render(rows, new Set([0]), true, 80).split('\n')[0]).toBe(
      'State    Recv-Q   Send-Q     Local Address:Port     Peer Address:Port  Process  ',
    );
  });
});

it.each([
  [59_999_000, '59sec'],
  [2_040_000, '2.040ms'],
  [200_000, '200ms'],
  [119 * 60_000_000, '119min'],
  [90_000_000, '1min30sec'],
])('a timer of %d µs is %s', (us, text) => {
  expect(timerText(us)).toBe(text);
});
