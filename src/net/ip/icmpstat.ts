/** Counts ICMP messages by type, in both forms that /proc/net/snmp shows. Models icmp_out_count() and icmp_put() of net/ipv4/proc.c */

import type { Snmp } from '../snmp.ts';

const NAMES: Readonly<Record<number, string>> = {
  0: 'EchoReps',
  3: 'DestUnreachs',
  4: 'SrcQuenchs',
  5: 'Redirects',
  8: 'Echos',
  11: 'TimeExcds',
  12: 'ParmProbs',
  13: 'Timestamps',
  14: 'TimestampReps',
  17: 'AddrMasks',
  18: 'AddrMaskReps',
};

/** Both counters' names by type; the second is '' for types without one. */
const counters = (way: string): readonly (readonly [string, string])[] =>
  Array.from({ length: 256 }, (_, type) => [`IcmpMsg${way}Type${type}`, NAMES[type] === undefined ? '' : `Icmp${way}${NAMES[type]}`]);
const COUNTERS = { In: counters('In'), Out: counters('Out') };

export function countIcmp(snmp: Snmp, way: 'In' | 'Out', type: number): void {
  if (way === 'Out') snmp.inc('IcmpOutMsgs');
  const [byType, byName] = COUNTERS[way][type & 255] as readonly [string, string];
  snmp.inc(byType);
  if (byName !== '') snmp.inc(byName);
}
