/** URLs, globs, the meter's numbers, -w. */

import { expect, test } from 'vitest';
import { globUrl } from './glob.ts';
import { max5 } from './meter.ts';
import { parseCurl } from './params.ts';
import { base64 } from './request.ts';
import { hostHeader, joinUrl, parseUrl, type Url, urlText } from './url.ts';

const parse = (text: string): Url => {
  const r = parseUrl(text);
  if (!r.ok) throw new Error(r.message);
  return r.url;
};

test.each([
  ['h', 'http://h/'],
  ['h:8080/a?b#c', 'http://h:8080/a?b#c'],
  ['http://h?x=1', 'http://h/?x=1'],
  ['http://[fd00::2]:80/', 'http://[fd00::2]:80/'],
  ['http://h/a/../b/./c', 'http://h/b/c'],
])('%s is %s', (text, want) => {
  expect(urlText(parse(text))).toBe(want);
});

test.each([
  ['', 3],
  ['http://', 3],
  ['http://h:99999/', 3],
  ['http://h:abc/', 3],
  ['http://a b/', 3],
  ['foo://h/', 1],
])('%s fails with %i', (text, code) => {
  expect(parseUrl(text)).toMatchObject({ ok: false, code });
});

test('Host header has the port only when it is not the default', () => {
  expect(hostHeader(parse('h:80'))).toBe('h');
  expect(hostHeader(parse('h:81'))).toBe('h:81');
  expect(hostHeader(parse('[::1]:81'))).toBe('[::1]:81');
});

test.each([
  ['/', 'http://h:81/'],
  ['//x/y', 'http://x/y'],
  ['y?z', 'http://h:81/a/y?z'],
  ['https://k/', 'https://k/'],
])('Location %s', (location, want) => {
  expect(joinUrl(parse('http://h:81/a/b'), location)).toBe(want);
});

const urls = (text: string): string[] => {
  const r = globUrl(text);
  return r.ok ? r.urls.map((u) => u.url) : [r.message];
};

test('globs', () => {
  expect(urls('h/{a,b}/[8-10]')).toEqual(['h/a/8', 'h/a/9', 'h/a/10', 'h/b/8', 'h/b/9', 'h/b/10']);
  expect(urls('http://[::1]/[a-c:2]')).toEqual(['http://[::1]/a', 'http://[::1]/c']);
});

test('base64', () => {
  expect(['user:pw', 'a', 'ab', 'abc'].map(base64)).toEqual(['dXNlcjpwdw==', 'YQ==', 'YWI=', 'YWJj']);
});

test.each([
  [0, '    0'],
  [99_999, '99999'],
  [100_000, '  97k'],
  [10_240_000, ' 9.7M'],
  [1_048_576_000, '1000M'],
])('%i bytes are "%s"', (n, text) => {
  expect(max5(n)).toBe(text);
});

test.each([
  [['-X'], 'curl: option -X: requires parameter'],
  [['--nosuch', 'h'], 'curl: option --nosuch: is unknown'],
  [['--re', 'h'], 'curl: option --re: is ambiguous'],
  [['-m', 'abc', 'h'], 'curl: option -m: expected a proper numerical parameter'],
])('%j', (args, text) => {
  const r = parseCurl(args);
  expect(!r.ok && r.kind === 'error' && r.text.split('\n')[0]).toBe(text);
});

test('options may be joined and negated', () => {
  const r = parseCurl(['-sSLo', 'f', '--no-silent', 'h']);
  expect(r.ok && r.options[0]).toMatchObject({ silent: false, showError: true, location: true, outputs: ['f'], urls: ['h'] });
});
