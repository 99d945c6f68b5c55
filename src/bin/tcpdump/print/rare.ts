/** Protocols that a network course meets now and then. Models print-ah.c, print-esp.c, print-ipcomp.c, print-sctp.c, print-vrrp.c, print-tftp.c, print-syslog.c, print-lldp.c, print-mpls.c */

import { checksum } from '../../../wire/bytes.ts';
import { printIp4 } from './ip.ts';
import { printIp6 } from './ip6.ts';
import { bits, hex, type Ndo } from './ndo.ts';

/** Length of the header, 0 when it cannot be read. */
export function printAh(n: Ndo, at: number): number {
  n.protocol = 'ah';
  const words = n.u8(at + 1);
  const length = (words + 2) * 4;
  n.print('AH(');
  if (n.o.verbose > 0) n.print(`length=${words}(${length}-bytes),`);
  if (n.u16(at + 2) !== 0) n.print(`reserved=0x${hex(n.u16(at + 2))}[MustBeZero],`);
  n.print(`spi=0x${hex(n.u32(at + 4), 8)},seq=0x${hex(n.u32(at + 8))},icv=0x`);
  for (let i = 12; i < length; i++) n.print(hex(n.u8(at + i), 2));
  n.print('): ');
  return length;
}

export function printEsp(n: Ndo, at: number, length: number): void {
  n.protocol = 'esp';
  if (!n.has(at, 8)) {
    n.truncated();
    return;
  }
  n.print(`ESP(spi=0x${hex(n.u32(at), 8)},seq=0x${hex(n.u32(at + 4))}), length ${length}`);
}

export function printIpcomp(n: Ndo, at: number): void {
  n.protocol = 'ipcomp';
  n.print(`IPComp(cpi=0x${hex(n.u16(at + 2), 4)})`);
}

const CHUNKS =
  'DATA,INIT,INIT ACK,SACK,HB REQ,HB ACK,ABORT,SHUTDOWN,SHUTDOWN ACK,OP ERR,COOKIE ECHO,COOKIE ACK,ECN ECHO,CWR,SHUTDOWN COMPLETE'.split(
    ',',
  );

export function printSctp(n: Ndo, from: number, size: number, ip: number): void {
  n.protocol = 'sctp';
  if (size < 12) {
    n.print(`truncated-sctp - ${12 - size} bytes missing!`);
    return;
  }
  n.check(from, 12);
  const six = n.u8(ip) >> 4 === 6;
  const [src, dst] = six ? [n.ip6(ip + 8), n.ip6(ip + 24)] : [n.ip4(ip + 12), n.ip4(ip + 16)];
  n.print(`${src}.${n.u16(from)} > ${dst}.${n.u16(from + 2)}: sctp`);
  const verbose = n.o.verbose >= 2;
  let separator = verbose ? '\n\t' : ' (';
  let at = from + 12;
  for (let left = size - 12, count = 1; left > 0; count++) {
    const bad = (text: string): void => n.print(`${separator}${count}) [${text}]`);
    if (left < 4) {
      bad('chunk descriptor cut off at end of packet');
      return;
    }
    const length = n.u16(at + 2);
    if (length < 4) {
      bad(`Bad chunk length ${length}, < size of chunk descriptor`);
      return;
    }
    const padded = (length + 3) & ~3;
    if (left < padded - length) {
      bad(`Bad chunk length ${length}, > remaining data in packet`);
      return;
    }
    n.check(at, length);
    const type = n.u8(at);
    n.print(`${separator}${count}) [${CHUNKS[type] ?? `Unknown chunk type: 0x${hex(type)}`}] `);
    if (!chunk(n, at, type, length)) return;
    if (!verbose) separator = ', (';
    at += padded;
    left -= padded;
  }
}

function chunk(n: Ndo, at: number, type: number, length: number): boolean {
  const need = [16, 20, 20, 16][type] ?? 4;
  if (length < need) {
    n.print(`bogus chunk length ${length}]`);
    return false;
  }
  const data = at + 4;
  if (type === 0) {
    const flags = n.u8(at + 1);
    if (flags & 7) n.print(`${flags & 4 ? '(U)' : ''}${flags & 2 ? '(B)' : ''}${flags & 1 ? '(E)' : ''} `);
    n.print(`[TSN: ${n.u32(data)}] [SID: ${n.u16(data + 4)}] [SSEQ ${n.u16(data + 6)}] [PPID 0x${hex(n.u32(data + 8))}] `);
    if (length === 16) {
      n.print(`bogus chunk length ${length}]`);
      return false;
    }
    if (n.o.verbose >= 2) {
      n.print(n.o.suppressDefault ? '[Payload' : '[Payload:');
      n.defaultPrint(at + 16, length - 16);
      n.print(']');
    }
  } else if (type === 1 || type === 2)
    n.print(
      `[init tag: ${n.u32(data)}] [rwnd: ${n.u32(data + 4)}] [OS: ${n.u16(data + 8)}] [MIS: ${n.u16(data + 10)}] [init TSN: ${n.u32(data + 12)}] `,
    );
  else if (type === 3) {
    const [gaps, duplicates, ack] = [n.u16(data + 8), n.u16(data + 10), n.u32(data)];
    n.print(`[cum ack ${ack}] [a_rwnd ${n.u32(data + 4)}] [#gap acks ${gaps}] [#dup tsns ${duplicates}] `);
    let i = data + 12;
    for (let g = 1; g <= gaps && i + 4 <= at + length; g++, i += 4)
      n.print(`\n\t\t[gap ack block #${g}: start = ${ack + n.u16(i)}, end = ${ack + n.u16(i + 2)}] `);
    for (let d = 1; d <= duplicates && i + 4 <= at + length; d++, i += 4) n.print(`\n\t\t[dup TSN #${d}: ${n.u32(i)}] `);
  }
  return true;
}

const AUTH = ['none', 'simple', 'ah'];

export function printVrrp(n: Ndo, at: number, length: number, ttl: number, family: 4 | 6): void {
  n.protocol = 'vrrp';
  const version = n.u8(at) >> 4;
  const type = n.u8(at) & 15;
  n.print(`VRRPv${version}, ${type === 1 ? 'Advertisement' : `unknown type (${type})`}`);
  if (ttl !== 255) n.print(`, (ttl ${ttl})`);
  if (version < 2 || version > 3 || type !== 1) return;
  n.print(`, vrid ${n.u8(at + 1)}, prio ${n.u8(at + 2)}`);
  const auth = n.u8(at + 4);
  if (version === 2) n.print(`, authtype ${AUTH[auth] ?? `#${auth}`}, intvl ${n.u8(at + 5)}s, length ${length}`);
  else n.print(`, intvl ${n.u16(at + 4) & 0xfff}cs, length ${length}`);
  if (n.o.verbose === 0) return;
  const count = n.u8(at + 3);
  if (n.has(at, length) && version === 2 && checksum(n.b, at, at + length) !== 0) n.print(`, (bad vrrp cksum ${hex(n.u16(at + 6))})`);
  n.print(`, addrs${count > 1 ? `(${count})` : ''}:`);
  const size = family === 4 ? 4 : 16;
  for (let i = 0; i < count; i++) n.print(`${i === 0 ? ' ' : ','}${family === 4 ? n.ip4(at + 8 + i * size) : n.ip6(at + 8 + i * size)}`);
  if (version === 2 && auth === 1) {
    n.print(' auth "');
    n.zeroTerminated(at + 8 + count * size, 8);
    n.print('"');
  }
}

const TFTP = ['', 'RRQ', 'WRQ', 'DATA', 'ACK', 'ERROR', 'OACK'];
const TFTP_ERRORS = ['EUNDEF', 'ENOTFOUND', 'EACCESS', 'ENOSPACE', 'EBADOP', 'EBADID', 'EEXISTS', 'ENOUSER'];

export function printTftp(n: Ndo, at: number, length: number): void {
  n.protocol = 'tftp';
  n.print(`TFTP, length ${length}`);
  if (length < 2) {
    n.truncated();
    return;
  }
  const code = n.u16(at);
  n.print(`, ${TFTP[code] || `tftp-#${code}`}`);
  const end = at + length;
  /** A string and its NUL; -1 when it has none. */
  const text = (from: number): number => {
    let i = from;
    while (i < end && i < n.end && n.b[i] !== 0) i++;
    n.text(from, i - from);
    return i < end && i < n.end ? i + 1 : -1;
  };
  const rest = (from: number): void => {
    for (let i = from; i < end; ) {
      if (n.u8(i) !== 0) n.print(' ');
      i = text(i);
      if (i < 0) {
        n.truncated();
        return;
      }
    }
  };
  if (code === 1 || code === 2) {
    n.print(' "');
    const mode = text(at + 2);
    n.print('"');
    if (mode < 0 || mode >= end) {
      n.truncated();
      return;
    }
    n.print(' ');
    const next = text(mode);
    if (next < 0) n.truncated();
    else rest(next);
  } else if (code === 6) rest(at + 2);
  else if (code === 3 || code === 4) n.print(` block ${n.u16(at + 2)}`);
  else if (code === 5) {
    const error = n.u16(at + 2);
    n.print(` ${TFTP_ERRORS[error] ?? `tftp-err-#${error} "`} "`);
    const next = text(at + 4);
    n.print('"');
    if (next < 0) n.truncated();
  }
}

const SEVERITIES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];
const FACILITIES =
  'kernel,user,mail,daemon,auth,syslog,lpr,news,uucp,cron,authpriv,ftp,ntp,security,console,cron,local0,local1,local2,local3,local4,local5,local6,local7'.split(
    ',',
  );

export function printSyslog(n: Ndo, at: number, length: number): void {
  n.protocol = 'syslog';
  let i = at + 1;
  let priority = 0;
  if (n.u8(at) === 60) while (i <= at + 3 && n.u8(i) >= 48 && n.u8(i) <= 57) priority = priority * 10 + n.u8(i++) - 48;
  if (n.u8(at) !== 60 || n.u8(i) !== 62) {
    n.invalid();
    return;
  }
  const facility = priority >> 3;
  const severity = priority & 7;
  const name = FACILITIES[facility] ?? `unknown (${facility})`;
  if (n.o.verbose === 0) {
    n.print(`SYSLOG ${name}.${SEVERITIES[severity]}, length: ${length}`);
    return;
  }
  n.print(`SYSLOG, length: ${length}\n\tFacility ${name} (${facility}), Severity ${SEVERITIES[severity]} (${severity})\n\tMsg: `);
  n.text(i + 1, at + length - i - 1);
  if (n.o.verbose > 1) n.unknownData(at, '\n\t', length);
}

const TLVS: Record<number, string> = {
  0: 'End',
  1: 'Chassis ID',
  2: 'Port ID',
  3: 'Time to Live',
  4: 'Port Description',
  5: 'System Name',
  6: 'System Description',
  7: 'System Capabilities',
  8: 'Management Address',
  127: 'Organization specific',
};
const CHASSIS = ['', 'Chassis component', 'Interface alias', 'Port component', 'MAC address', 'Network address', 'Interface name', 'Local'];
const PORTS = ['', 'Interface alias', 'Port component', 'MAC address', 'Network Address', 'Interface Name', 'Agent circuit ID', 'Local'];
const CAPABILITIES = [
  [1, 'Other'],
  [2, 'Repeater'],
  [4, 'Bridge'],
  [8, 'WLAN AP'],
  [16, 'Router'],
  [32, 'Telephone'],
  [64, 'Docsis'],
  [128, 'Station Only'],
] as const;

export function printLldp(n: Ndo, from: number, size: number): void {
  n.protocol = 'lldp';
  const v = n.o.verbose;
  n.print(`LLDP, length ${size}`);
  const join = (at: number, length: number): void => {
    n.zeroTerminated(at, length);
  };
  for (let at = from, left = size; left >= 2; ) {
    const tlv = n.u16(at);
    const type = tlv >> 9;
    const length = tlv & 0x1ff;
    at += 2;
    left -= 2;
    if (v > 0) n.print(`\n\t${TLVS[type] ?? 'Unknown'} TLV (${type}), length ${length}`);
    if (type === 0 || length === 0) break;
    n.check(at, length);
    if (left < length) {
      n.truncated();
      return;
    }
    let dump = false;
    if (type === 5) {
      n.print(': ');
      join(at, length);
    } else if (v > 0) {
      if (type === 1 || type === 2) {
        const subtype = n.u8(at);
        n.print(`\n\t  Subtype ${(type === 1 ? CHASSIS : PORTS)[subtype] || 'Unknown'} (${subtype}): `);
        if (subtype === (type === 1 ? 4 : 3)) n.print(n.mac(at + 1));
        else if (subtype === (type === 1 ? 5 : 4)) {
          if (n.u8(at + 1) === 1) n.print(`AFI IPv4 (1): ${n.ip4(at + 2)}`);
          else dump = true;
        } else if (subtype > 0 && subtype < 8) join(at + 1, length - 1);
        else dump = true;
      } else if (type === 3) n.print(`: TTL ${n.u16(at)}s`);
      else if (type === 4) {
        n.print(': ');
        join(at, length);
      } else if (type === 6) {
        n.print('\n\t  ');
        join(at, length);
      } else if (type === 7) {
        n.print(`\n\t  System  Capabilities [${bits(CAPABILITIES, n.u16(at))}] (0x${hex(n.u16(at), 4)})`);
        n.print(`\n\t  Enabled Capabilities [${bits(CAPABILITIES, n.u16(at + 2))}] (0x${hex(n.u16(at + 2), 4)})`);
      } else if (type === 127) {
        n.print(`: OUI Unknown (0x${hex(n.u24(at), 6)})`);
        dump = true;
      } else dump = true;
    }
    if (v > 1 || (v > 0 && dump)) n.unknownData(at, '\n\t  ', length);
    at += length;
    left -= length;
  }
}

const LABELS = ['IPv4 explicit NULL', 'router alert', 'IPv6 explicit NULL', 'implicit NULL'];

export function printMpls(n: Ndo, from: number, size: number): void {
  n.protocol = 'mpls';
  n.print('MPLS');
  let at = from;
  let length = size;
  let entry = 0;
  for (let depth = 0; (entry & 0x100) === 0; depth++) {
    if (length < 4) {
      n.invalid();
      return;
    }
    entry = n.u32(at);
    const name = entry >>> 12;
    n.print(`${depth > 0 && n.o.verbose > 0 ? '\n\t' : ' '}(label ${name}`);
    if (n.o.verbose > 0 && LABELS[name]) n.print(` (${LABELS[name]})`);
    n.print(`, tc ${(entry >>> 9) & 7}${entry & 0x100 ? ', [S]' : ''}, ttl ${entry & 255})`);
    at += 4;
    length -= 4;
  }
  const bottom = entry >>> 12;
  if (bottom !== 0 && bottom !== 2 && bottom !== 3 && length < 1) return;
  const first = bottom === 0 || bottom === 3 ? 0x45 : bottom === 2 ? 0x60 : n.u8(at);
  if (first >= 0x45 && first <= 0x4f) {
    n.print(n.o.verbose > 0 ? '\n\t' : ' ');
    printIp4(n, at, length);
  } else if (first >= 0x60 && first <= 0x6f) {
    n.print(n.o.verbose > 0 ? '\n\t' : ' ');
    printIp6(n, at, length);
  } else n.defaultPrint(at, length);
}
