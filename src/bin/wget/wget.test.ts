/** wget's command line and the names it gives files, as GNU Wget 1.21.3. */

import { expect, test } from 'vitest';
import { parseUrl } from '../curl/url.ts';
import { escaped, fileName, whyBad } from './names.ts';
import { parseWget, type WgetOptions } from './options.ts';

const parse = (line: string): WgetOptions => {
  const r = parseWget(line.split(' '));
  if (!r.ok) throw new Error(r.kind);
  return r.options;
};

test.each([
  ['-qO- h', { quiet: true, output: '-', urls: ['h'] }],
  ['-nv h', { noVerbose: true }],
  ['-nvnc h', null],
  ['-T 3 -t2 h', { readTimeout: 3, connectTimeout: 3, dnsTimeout: 3, tries: 2 }],
  ['--timeout=1m h', { readTimeout: 60 }],
  ['-t inf h', { tries: Number.POSITIVE_INFINITY }],
  ['-e robots=off h', { urls: ['h'] }],
  ['-e http_proxy=p:3128 h', { httpProxy: 'p:3128' }],
  ['-e check_certificate=off h', { checkCertificate: false }],
  ['-e num_tries=3 h', { tries: 3 }],
  ['--limit-rate=2k h', { limitRate: 2048 }],
  ['--no-check-certificate h', { checkCertificate: false }],
  ['--secure-protocol=TLSv1_2 h', { tlsMin: 12 }],
])('wget %s', (line, want) => {
  if (want === null) expect(() => parse(line)).toThrow();
  else expect(parse(line)).toMatchObject(want);
});

test.each([
  ['-T x h', 'wget: --timeout: Invalid time period ‘x’\n'],
  ['--limit-rate=x h', 'wget: --limit-rate: Invalid byte value ‘x’\n'],
  ['--secure-protocol=foo h', 'wget: --secure-protocol: Invalid value ‘foo’.\n'],
  ['--progress=x h', 'wget: --progress: Invalid progress type ‘x’.\n'],
  ['--body-data=a h', 'You must specify a method through --method=HTTPMethod to use with --body-data or --body-file.\n'],
])('wget %s', (line, want) => {
  expect(parseWget(line.split(' '))).toMatchObject({ ok: false, kind: 'error', text: want });
});

test.each([
  ['http://h/', '', 'index.html'],
  ['http://h/a/b.html?x=1', '', 'b.html?x=1'],
  ['http://h/a/', '', 'index.html'],
  ['http://h/a/b', '-P d', 'd/b'],
  ['http://h:81/a/b', '-x', 'h:81/a/b'],
  ['http://h/a/b/c', '-x -nH --cut-dirs=1', 'b/c'],
])('%s %s is saved as %s', (given, options, want) => {
  const r = parseUrl(given);
  expect(r.ok && fileName(parse(`${options} u`.trim()), r.url)).toBe(want);
});

test('what a URL may not hold', () => {
  expect(escaped('http://h/a b"<>')).toBe('http://h/a%20b%22%3C%3E');
  expect(whyBad('http://h:x/')).toBe('Bad port number');
  expect(whyBad('http://[::1')).toBe('Unterminated IPv6 numeric address');
});
