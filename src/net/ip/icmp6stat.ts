/** Counts ICMPv6 messages by type, in both forms that /proc/net/snmp6 shows. Models ICMP6MSGIN_INC_STATS() and net/ipv6/proc.c */

import type { Snmp } from '../snmp.ts';

const NAMES: Readonly<Record<number, string>> = {
  1: 'DestUnreachs',
  2: 'PktTooBigs',
  3: 'TimeExcds',
  4: 'ParmProblems',
  128: 'Echos',
  129: 'EchoReplies',
  130: 'GroupMembQueries',
  131: 'GroupMembResponses',
  132: 'GroupMembReductions',
  133: 'RouterSolicits',
  134: 'RouterAdvertisements',
  135: 'NeighborSolicits',
  136: 'NeighborAdvertisements',
  137: 'Redirects',
  143: 'MLDv2Reports',
};

export function countIcmp6(snmp: Snmp, way: 'In' | 'Out', type: number): void {
  if (way === 'Out') snmp.inc('Icmp6OutMsgs');
  snmp.inc(`Icmp6${way}Type${type & 255}`);
  const name = NAMES[type & 255];
  if (name !== undefined) snmp.inc(`Icmp6${way}${name}`);
}
