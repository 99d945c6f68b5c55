/** Models print-ntp.c, ntp.c */

import { hex, type Ndo } from './ndo.ts';

const MODES = ['unspecified', 'symmetric active', 'symmetric passive', 'Client', 'Server', 'Broadcast', 'Control Message', 'Reserved'];
const LEAPS: Record<number, string> = { 0: '', 64: '+1s', 128: '-1s', 192: 'clock unsynchronized' };
const JAN_1970 = 2_208_988_800;
const TWO32 = 4_294_967_296;

export function printNtp(n: Ndo, at: number, length: number): void {
  n.protocol = 'ntp';
  const status = n.u8(at);
  const mode = status & 7;
  n.print(`NTPv${(status >> 3) & 7}, ${MODES[mode]}, length ${length}`);
  if (n.o.verbose === 0) return;
  const leap = status & 0xc0;
  n.print(`\n\tLeap indicator: ${LEAPS[leap]} (${leap})`);
  if (mode < 6) times(n, at, length);
}

function times(n: Ndo, at: number, length: number): void {
  if (length < 48) {
    n.invalid();
    return;
  }
  const stratum = n.u8(at + 1);
  const name = stratum === 0 ? 'unspecified' : stratum === 1 ? 'primary reference' : stratum <= 15 ? 'secondary reference' : 'reserved';
  const signed = (v: number): number => (v << 24) >> 24;
  const poll = signed(n.u8(at + 2));
  n.print(`, Stratum ${stratum} (${name}), poll ${poll}`);
  if (poll > -32 && poll < 32) n.print(poll >= 0 ? ` (${2 ** poll}s)` : ` (1/${2 ** -poll}s)`);
  n.print(`, precision ${signed(n.u8(at + 3))}`);
  n.print(`\n\tRoot Delay: ${short(n, at + 4)}, Root dispersion: ${short(n, at + 8)}, Reference-ID: `);
  if (stratum === 0) n.print('(unspec)');
  else if (stratum === 1) n.text(at + 12, 4);
  else n.print(`0x${hex(n.u32(at + 12), 8)}`);
  n.print(`\n\t  Reference Timestamp:  ${stamp(n, at + 16)}`);
  n.print(`\n\t  Originator Timestamp: ${stamp(n, at + 24)}`);
  n.print(`\n\t  Receive Timestamp:    ${stamp(n, at + 32)}`);
  n.print(`\n\t  Transmit Timestamp:   ${stamp(n, at + 40)}`);
  n.print(`\n\t    Originator - Receive Timestamp:  ${difference(n, at + 24, at + 32)}`);
  n.print(`\n\t    Originator - Transmit Timestamp: ${difference(n, at + 24, at + 40)}`);
  if (length === 52 || length === 68 || length === 72) {
    n.print(`\n\tKey id: ${n.u32(at + 48)}`);
    if (length > 52) {
      n.print('\n\tAuthentication: ');
      for (let i = 52; i < length; i += 4) n.print(hex(n.u32(at + i), 8));
    }
  } else if (length > 48) n.print(`\n\t(${length - 48} more bytes after the header)`);
}

function short(n: Ndo, at: number): string {
  return `${n.u16(at)}.${String(Math.floor((n.u16(at + 2) / 65536) * 1_000_000)).padStart(6, '0')}`;
}

function nanoseconds(fraction: number): string {
  return String(Math.floor((fraction / TWO32) * 1_000_000_000)).padStart(9, '0');
}

/** `3984236400.123456789 (2026-04-03T01:00:00Z)` */
function stamp(n: Ndo, at: number): string {
  const seconds = n.u32(at);
  const text = `${seconds}.${nanoseconds(n.u32(at + 4))}`;
  return seconds === 0 ? text : `${text} (${civil(seconds - JAN_1970)})`;
}

/** Seconds since 1970 as an ISO date. Days to civil date after Howard Hinnant. */
function civil(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  const two = (x: number): string => String(x).padStart(2, '0');
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  return `${year}-${two(month)}-${two(doy - Math.floor((153 * mp + 2) / 5) + 1)}T${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}Z`;
}

function difference(n: Ndo, from: number, to: number): string {
  const [os, of, s, f] = [n.u32(from), n.u32(from + 4), n.u32(to), n.u32(to + 4)];
  if (os === 0 && of === 0) return stamp(n, to);
  const later = s > os || (s === os && f > of);
  let [seconds, fraction] = later ? [s - os, f - of] : [os - s, of - f];
  if (fraction < 0) {
    fraction += TWO32;
    if (s !== os) seconds--;
  }
  return `${later ? '+' : '-'}${seconds}.${nanoseconds(fraction)}`;
}
