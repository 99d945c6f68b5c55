/** Models print-icmp6.c */

import { printName } from './dns.ts';
import { l4Start, l4Sum, shouldBe } from './ip.ts';
import { bits, hex, type Ndo } from './ndo.ts';

const NAMES: Record<number, string> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded in-transit',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
  137: 'redirect',
  138: 'router renumbering',
  139: 'node information query',
  140: 'node information reply',
  141: 'inverse neighbor solicitation',
  142: 'inverse neighbor advertisement',
  143: 'multicast listener report v2',
  144: 'ha discovery request',
  145: 'ha discovery reply',
  146: 'mobile router solicitation',
  147: 'mobile router advertisement',
  155: 'RPL',
  200: 'mtrace message',
  201: 'mtrace response',
};
const UNREACH = ['unreachable route', ' unreachable prohibited', 'beyond scope', 'unreachable address', 'unreachable port'];
const PARAMETER = ['erroneous', 'next header', 'option', 'incomplete header chain'];
const OPTIONS: Record<number, string> = {
  1: 'source link-address',
  2: 'destination link-address',
  3: 'prefix info',
  4: 'redirected header',
  5: 'mtu',
  7: 'advertisement interval',
  8: 'homeagent information',
  24: 'route info',
  25: 'rdnss',
  31: 'dnssl',
};
const PREFIX_FLAGS = [
  [0x80, 'onlink'],
  [0x40, 'auto'],
  [0x20, 'router'],
] as const;
const RA_FLAGS = [
  [0x80, 'managed'],
  [0x40, 'other stateful'],
  [0x20, 'home agent'],
  [0x02, 'ipv6 only'],
] as const;
const NA_FLAGS = [
  [0x80, 'router'],
  [0x40, 'solicited'],
  [0x20, 'override'],
] as const;
const PREFERENCE = ['medium', 'high', 'rsv', 'low'];
const RECORDS = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

const preference = (flags: number): string => PREFERENCE[(flags >> 3) & 3] as string;
const lifetime = (v: number): string => (v === 0xffffffff ? 'infinity' : `${v}s`);

export function printIcmp6(n: Ndo, at: number, length: number, ip: number, fragmented: boolean): void {
  n.protocol = 'icmp6';
  const v = n.o.verbose;
  if (length === 0) {
    n.print('ICMP6, length 0');
    n.invalid();
    return;
  }
  if (v > 0 && !fragmented && n.has(at, length)) {
    const field = n.u16(at + 2);
    if (l4Sum(n, ip, at, length, 58) === 0) n.print('[icmp6 sum ok] ');
    else n.print(`[bad icmp6 cksum 0x${hex(field, 4)} -> 0x${hex(shouldBe(n.b, at, length, at + 2, l4Start(n, ip, length, 58)), 4)}!] `);
  }
  const type = n.u8(at);
  n.print(`ICMP6, ${NAMES[type] ?? `unknown icmp6 type (${type})`}`);
  if (v > 0 && ((type >= 133 && type <= 137) || type === 145 || type === 147)) n.print(`, length ${length}`);
  const code = n.u8(at + 1);
  let fine = true;
  switch (type) {
    case 1:
      if (code > 4) {
        n.print(`, unknown unreach code (${code})`);
        if (v <= 1) {
          n.unknownData(at, '\n\t', length);
          return;
        }
      } else fine = unreachable(n, at, code);
      break;
    case 2:
      n.print(`, mtu ${n.u32(at + 4)}`);
      break;
    case 3:
      if (code === 0) n.print(` for ${n.ip6(at + 32)}`);
      else n.print(code === 1 ? ' (reassembly)' : `, unknown code (${code})`);
      break;
    case 4:
      n.check(at + 32, 16);
      n.print(PARAMETER[code] === undefined ? `, code-#${code}` : `, ${PARAMETER[code]} - octet ${n.u32(at + 4)}`);
      break;
    case 128:
    case 129:
      n.print(`, id ${n.u16(at + 4)}, seq ${n.u16(at + 6)}`);
      break;
    case 130:
      if (length === 24) listener(n, at);
      else if (length >= 28) {
        n.print(' v2');
        query(n, at, length);
      } else n.print(` unknown-version (len ${length}) `);
      break;
    case 131:
    case 132:
      listener(n, at);
      break;
    case 133:
      if (v > 0) fine = options(n, at + 8, length - 8, at);
      break;
    case 134:
      if (v > 0) {
        n.print(
          `\n\thop limit ${n.u8(at + 4)}, Flags [${bits(RA_FLAGS, n.u8(at + 5))}], pref ${preference(n.u8(at + 5))}, router lifetime ${n.u16(at + 6)}s`,
        );
        n.print(`, reachable time ${n.u32(at + 8)}ms, retrans timer ${n.u32(at + 12)}ms`);
        fine = options(n, at + 16, length - 16, at);
      }
      break;
    case 135:
      n.print(`, who has ${n.ip6(at + 8)}`);
      if (v > 0) fine = options(n, at + 24, length - 24, at);
      break;
    case 136:
      n.print(`, tgt is ${n.ip6(at + 8)}`);
      if (v > 0) {
        n.print(`, Flags [${bits(NA_FLAGS, n.u8(at + 4))}]`);
        fine = options(n, at + 24, length - 24, at);
      }
      break;
    case 137:
      n.print(`, ${n.ip6(at + 24)} to ${n.ip6(at + 8)}`);
      if (v > 0) fine = options(n, at + 40, length - 40, at);
      break;
    case 143:
      report(n, at, length);
      break;
    case 144:
    case 146:
      n.print(`, id 0x${hex(n.u16(at + 4), 4)}`);
      break;
    case 138:
    case 139:
    case 140:
    case 141:
    case 142:
    case 145:
    case 147:
    case 155:
      break;
    default:
      n.print(`, length ${length}`);
      if (v <= 1) n.unknownData(at, '\n\t', length);
      return;
  }
  if (!fine) n.truncated();
  else if (v === 0) n.print(`, length ${length}`);
}

function unreachable(n: Ndo, at: number, code: number): boolean {
  const quoted = at + 8;
  n.print(`, ${UNREACH[code]}`);
  if (code === 2) n.print(` ${n.ip6(quoted + 24)}, source address ${n.ip6(quoted + 8)}`);
  else if (code !== 4) n.print(` ${n.ip6(quoted + 24)}`);
  else {
    const upper = upperLayer(n, quoted);
    if (!upper) return false;
    const port = n.u16(upper.at + 2);
    const to = n.ip6(quoted + 24);
    if (upper.proto === 6) n.print(`, ${to} tcp port ${n.names.port(port, 'tcp')}`);
    else if (upper.proto === 17) n.print(`, ${to} udp port ${n.names.port(port, 'udp')}`);
    else n.print(`, ${to} protocol ${upper.proto} port ${port} unreachable`);
  }
  return true;
}

/** get_upperlayer(): behind the quoted packet's extension headers. */
function upperLayer(n: Ndo, ip: number): { at: number; proto: number } | null {
  if (!n.has(ip + 6, 1)) return null;
  let proto = n.u8(ip + 6);
  let at = ip + 40;
  for (let i = 0; i < 8 && n.has(at, 2); i++) {
    if (proto === 44) {
      if ((n.u16(at + 2) & 0xfff8) !== 0) return null;
      proto = n.u8(at);
      at += 8;
    } else if (proto === 0 || proto === 60 || proto === 43) {
      const next = n.u8(at);
      at += (n.u8(at + 1) + 1) * 8;
      proto = next;
    } else return { at, proto };
  }
  return null;
}

function listener(n: Ndo, at: number): void {
  if (n.has(at, 24)) n.print(`max resp delay: ${n.u16(at + 4)} addr: ${n.ip6(at + 8)}`);
}

function sources(n: Ndo, at: number, count: number): void {
  n.print(' {');
  for (let i = 0; i < count; i++) n.print(` ${n.ip6(at + i * 16)}`);
  n.print(' }');
}

function query(n: Ndo, at: number, length: number): void {
  const v = n.o.verbose;
  const mrc = n.u16(at + 4);
  const mrt = mrc < 32768 ? mrc : ((mrc & 0xfff) | 0x1000) << (((mrc & 0x7000) >> 12) + 3);
  if (v > 0) n.print(` [max resp delay=${mrt}]`);
  n.print(` [gaddr ${n.ip6(at + 8)}`);
  if (v > 0) {
    const flags = n.u8(at + 24);
    if (flags & 8) n.print(' sflag');
    if (flags & 7) n.print(` robustness=${flags & 7}`);
    const code = n.u8(at + 25);
    n.print(` qqi=${code < 128 ? code : ((code & 15) | 16) << (((code & 0x70) >> 4) + 3)}`);
  }
  const count = n.u16(at + 26);
  if (count > 0) {
    if (length < 28 + count * 16) n.print(' [invalid number of sources]');
    else if (v > 1) sources(n, at + 28, count);
    else n.print(`, ${count} source(s)`);
  }
  n.print(']');
}

function report(n: Ndo, at: number, length: number): void {
  const v = n.o.verbose;
  if (length < 8) {
    n.print(` [invalid len ${length}]`);
    return;
  }
  const groups = n.u16(at + 6);
  n.print(`, ${groups} group record(s)`);
  if (v === 0) return;
  for (let i = 0, group = 8; i < groups; i++) {
    if (length < group + 20) {
      n.print(' [invalid number of groups]');
      return;
    }
    const kind = n.u8(at + group);
    n.print(` [gaddr ${n.ip6(at + group + 4)} ${RECORDS[kind] || ` [v2-report-#${kind}]`}`);
    const count = n.u16(at + group + 2);
    if (length < group + 20 + count * 16) {
      n.print(` [invalid number of sources ${count}]`);
      return;
    }
    if (v === 1) n.print(`, ${count} source(s)`);
    else sources(n, at + group + 20, count);
    group += 20 + count * 16;
    n.print(']');
  }
}

/** False when an option is cut or has no length. */
function options(n: Ndo, from: number, size: number, message: number): boolean {
  let left = size;
  for (let at = from; at < n.end; ) {
    if (!n.has(at + 1, 1)) return false;
    if (left <= 0) return true;
    const [kind, units] = [n.u8(at), n.u8(at + 1)];
    const length = units * 8;
    if (units === 0 || at + length > n.end) return false;
    n.print(`\n\t  ${OPTIONS[kind] ?? 'unknown'} option (${kind}), length ${length} (${units}): `);
    switch (kind) {
      case 1:
      case 2:
        n.print([...n.bytes(at + 2, length - 2)].map((x) => hex(x, 2)).join(':'));
        break;
      case 3:
        n.print(
          `${n.ip6(at + 16)}/${n.u8(at + 2)}${units !== 4 ? 'badlen' : ''}, Flags [${bits(PREFIX_FLAGS, n.u8(at + 3))}], valid time ${lifetime(n.u32(at + 4))}, pref. time ${lifetime(n.u32(at + 8))}`,
        );
        break;
      case 4:
        n.unknownData(from, '\n\t    ', length);
        break;
      case 5:
        n.print(` ${n.u32(at + 4)}${units !== 1 ? 'bad option length' : ''}`);
        break;
      case 7:
        n.print(` ${n.u32(at + 4)}ms`);
        break;
      case 8:
        n.print(` preference ${n.u16(at + 4)}, lifetime ${n.u16(at + 6)}`);
        break;
      case 24: {
        if (units > 3) return false;
        const prefix = new Uint8Array(16);
        prefix.set(n.bytes(at + 8, (units - 1) * 8));
        const words = [...Array(8).keys()].map((i) => hex(((prefix[i * 2] as number) << 8) | (prefix[i * 2 + 1] as number)));
        n.print(` ${canonical(words)}/${n.u8(at + 2)}, pref=${preference(n.u8(at + 3))}, lifetime=${lifetime(n.u32(at + 4))}`);
        break;
      }
      case 25:
        n.print(` lifetime ${n.u32(at + 4)}s,`);
        for (let i = 0; i < (units - 1) >> 1; i++) n.print(` addr: ${n.ip6(at + 8 + i * 16)}`);
        break;
      case 31:
        n.print(` lifetime ${n.u32(at + 4)}s, domain(s):`);
        for (let i = at + 8; i < at + length && n.u8(i) !== 0; ) {
          n.print(' ');
          const next = printName(n, i, message);
          if (next === null) return false;
          i = next;
        }
        break;
      default:
        if (n.o.verbose <= 1) {
          n.unknownData(at + 2, '\n\t  ', length - 2);
          return true;
        }
    }
    if (n.o.verbose > 1) n.unknownData(at + 2, '\n\t    ', length - 2);
    at += length;
    left -= length;
  }
  return true;
}

/** Eight words with the longest run of zeros left out. */
function canonical(words: readonly string[]): string {
  return words.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}
