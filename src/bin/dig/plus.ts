/** The names of dig's + options. Models bind9 bin/dig/dig.c plus_option() */

import { parseIp } from '../../wire/addr.ts';
import { DNS_TYPES, dnsTypeNumber } from '../../wire/dns.ts';
import type { EdnsOption } from './dighost.ts';

/** +option names in full, as dig accepts them shortened. */
export const PLUS = [
  'aaflag',
  'aaonly',
  'additional',
  'adflag',
  'all',
  'answer',
  'authority',
  'badcookie',
  'besteffort',
  'bufsize',
  'cdflag',
  'class',
  'cl',
  'cmd',
  'comments',
  'cookie',
  'crypto',
  'defname',
  'dnssec',
  'do',
  'domain',
  'edns',
  'ednsflags',
  'ednsnegotiation',
  'ednsopt',
  'expandaaaa',
  'expire',
  'fail',
  'header-only',
  'https',
  'identify',
  'idnin',
  'idnout',
  'ignore',
  'keepalive',
  'keepopen',
  'mapped',
  'multiline',
  'ndots',
  'nsid',
  'nssearch',
  'onesoa',
  'opcode',
  'padding',
  'qid',
  'qr',
  'question',
  'raflag',
  'rdflag',
  'recurse',
  'retry',
  'rrcomments',
  'search',
  'short',
  'showallmessages',
  'showsearch',
  'split',
  'stats',
  'subnet',
  'tcflag',
  'tcp',
  'time',
  'timeout',
  'tls',
  'trace',
  'tries',
  'ttlid',
  'ttlunits',
  'unexpected',
  'unknownformat',
  'vc',
  'yaml',
  'zflag',
];
export const NOT_EMULATED = ['https', 'tls', 'yaml', 'header-only'];
/** Taken and without effect on what is shown or sent. */
export const IGNORED = [
  'badcookie',
  'besteffort',
  'crypto',
  'ednsnegotiation',
  'idnin',
  'idnout',
  'keepopen',
  'mapped',
  'onesoa',
  'qid',
  'rrcomments',
  'showallmessages',
  'split',
  'unexpected',
];

export function withOption(options: readonly EdnsOption[], code: number, data: Uint8Array | null): EdnsOption[] {
  return [...options.filter((o) => o.code !== code), ...(data ? [{ code, data }] : [])];
}

/** RFC 7871: family, prefix length, scope 0, as many octets as the prefix needs. `0` is 0.0.0.0/0. */
export function subnetOption(text: string): Uint8Array | null {
  const [host, bits] = text.split('/') as [string, string | undefined];
  const addr = host === '0' && bits === undefined ? 0 : parseIp(host);
  if (addr === null) return null;
  const width = typeof addr === 'number' ? 32 : 128;
  const len = host === '0' ? 0 : Number(bits ?? width);
  if (!(len >= 0 && len <= width)) return null;
  const octets = Array.from({ length: Math.ceil(len / 8) }, (_, i) => Number((BigInt(addr) >> BigInt(width - 8 - 8 * i)) & 0xffn));
  return Uint8Array.from([0, width === 32 ? 1 : 2, len, 0, ...octets]);
}

/** A type's number; ixfr has a serial number behind it. */
export function typeNumber(word: string): number | null {
  if (/^axfr$/i.test(word)) return DNS_TYPES.AXFR;
  return /^ixfr=\d+$/i.test(word) ? DNS_TYPES.IXFR : /^ixfr$/i.test(word) ? null : dnsTypeNumber(word);
}
