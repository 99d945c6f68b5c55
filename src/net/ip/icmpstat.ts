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

export function countIcmp(snmp: Snmp, way: 'In' | 'Out', type: number): void {
  if (way === 'Out') snmp.inc('IcmpOutMsgs');
  snmp.inc(`IcmpMsg${way}Type${type}`);
  const name = NAMES[type];
  if (name !== undefined) snmp.inc(`Icmp${way}${name}`);
}
