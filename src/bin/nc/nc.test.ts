import { describe, expect, it } from 'vitest';
import { parseNc, portList } from './options.ts';

const service = (name: string): number | null => (name === 'http' ? 80 : null);

describe('command line', () => {
  it.each([
    ['10.0.0.2', 'nc: missing port number\n', false],
    ['', '', true],
    ['-w abc 1.1.1.1 80', 'nc: timeout invalid: abc\n', false],
    ['-l -z 80', 'nc: cannot use -z and -l\n', false],
    ['-k 1.1.1.1 80', 'nc: must use -l with -k\n', false],
    ['-Y', "nc: invalid option -- 'Y'\n", true],
    ['-x proxy -l 80', 'nc: no proxy support for listen\n', false],
  ])('nc %s', (line, message, usage) => {
    expect(parseNc(line.split(' ').filter(Boolean))).toMatchObject({ message, usage });
  });

  it.each([
    ['-l -p 5000', { listen: true, host: null, ports: ['5000'] }],
    ['-lv 5001', { listen: true, verbose: true, ports: ['5001'] }],
    ['-l 127.0.0.1 80', { listen: true, host: '127.0.0.1', ports: ['80'] }],
    ['-zv -w 2 10.0.0.2 79-81', { scan: true, verbose: true, timeout: 2, host: '10.0.0.2', ports: ['79-81'] }],
    ['-q 1 10.0.0.2 80', { quit: 1, shutdown: true }],
  ])('nc %s', (line, want) => {
    expect(parseNc(line.split(' '))).toMatchObject(want);
  });
});

it.each([
  ['80', [80]],
  ['http', [80]],
  ['5-3', [3, 4, 5]],
  ['0', 'port number too small: 0'],
  ['70000', 'port number too large: 70000'],
  ['nosuchservice', 'port number invalid: nosuchservice'],
])('ports %s', (text, want) => {
  expect(portList(text, service)).toEqual(want);
});
