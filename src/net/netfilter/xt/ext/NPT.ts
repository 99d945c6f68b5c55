/** -j SNPT, -j DNPT: prefixes of IPv6 addresses are exchanged, the checksum stays right. Models libip6t_SNPT.c, ip6t_NPT.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { formatIp6, mask6, readIp6, writeIp6 } from '../../../../wire/addr.ts';
import { fold16, sum16 } from '../../../../wire/bytes.ts';
import type { Hook } from '../../netfilter.ts';
import type { OptionSpec, TargetExt } from '../ext.ts';
import { refreshView } from '../packet.ts';
import { hostMask, maskLen } from '../parse.ts';

interface Prefix {
  addr: bigint;
  len: number;
}

interface Npt {
  src: Prefix;
  dst: Prefix;
}

function prefixOption(ext: string, name: string, side: 'src' | 'dst'): OptionSpec<Npt> {
  return {
    name,
    mandatory: true,
    set: (o, arg) => {
      const { addr, mask } = hostMask(ext, name, arg, 6);
      o[side] = { addr: addr as bigint, len: maskLen(mask) ?? 128 };
    },
  };
}

const text = (p: Prefix): string => `${formatIp6(p.addr)}/${p.len}`;
const clean = (p: Prefix): boolean => p.len <= 64 && (p.addr & ~mask6(p.len)) === 0n;

function bytesOf(addr: bigint): Uint8Array {
  const b = new Uint8Array(16);
  writeIp6(b, 0, addr);
  return b;
}

const folded = (sum: number): number => ~fold16(sum) & 0xffff;

/** The address with its prefix exchanged and the difference put into a word after it; null when none may take it. */
export function mapPrefix(addr: bigint, from: Prefix, to: Prefix): bigint | null {
  const len = Math.max(from.len, to.len);
  const bits = mask6(len);
  const b = bytesOf((addr & ~bits) | (to.addr & bits));
  let at = 6;
  if (len > 48) {
    at = 8;
    while (at < 16 && b[at] === 0xff && b[at + 1] === 0xff) at += 2;
    if (at === 16) return null;
  }
  const sum = (a: bigint): number => folded(sum16(bytesOf(a), 0, 16));
  const word = ((b[at] as number) << 8) | (b[at + 1] as number);
  let fixed = folded(word + sum(from.addr) + (0xffff - sum(to.addr)));
  if (fixed === 0xffff) fixed = 0;
  b[at] = fixed >> 8;
  b[at + 1] = fixed & 255;
  return readIp6(b, 0);
}

function make(name: 'SNPT' | 'DNPT', side: 'src' | 'dst', hooks: readonly Hook[]): TargetExt<Npt> {
  return {
    kind: 'target',
    name,
    families: [6],
    tables: ['mangle'],
    hooks,
    init: () => ({ src: { addr: 0n, len: 0 }, dst: { addr: 0n, len: 0 } }),
    options: [prefixOption(name, 'src-pfx', 'src'), prefixOption(name, 'dst-pfx', 'dst')],
    checkentry: (o) => (clean(o.src) && clean(o.dst) ? ok() : fail('EINVAL')),
    save: (o) => ` --src-pfx ${text(o.src)} --dst-pfx ${text(o.dst)}`,
    list: (o) => ` ${name} src-pfx ${text(o.src)} dst-pfx ${text(o.dst)}`,
    run: (o) => (p) => {
      const mapped = mapPrefix(p[side] as bigint, o.src, o.dst);
      if (mapped === null) return 'drop';
      writeIp6(p.skb.data, side === 'src' ? 8 : 24, mapped);
      refreshView(p);
      return 'continue';
    },
  };
}

export const SNPT = make('SNPT', 'src', ['INPUT', 'POSTROUTING']);
export const DNPT = make('DNPT', 'dst', ['PREROUTING', 'OUTPUT']);
