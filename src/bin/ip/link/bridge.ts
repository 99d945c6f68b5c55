/** `type bridge`: times in hundredths of a second on the command line. Models ip/iplink_bridge.c */

import type { BridgeData } from '../../../os/uapi.ts';
import { formatMac, type Mac } from '../../../wire/mac.ts';
import { type Args, invarg, unsigned } from '../lib/args.ts';
import { getLladdr } from '../lib/inet.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

type Mcast = NonNullable<BridgeData['mcast']>;

/** One hundredth of a second in µs. */
const TICK = 10_000;
const U8 = 0xff;
const U16 = 0xffff;
const U32 = 0xffffffff;

interface Row {
  readonly name: string;
  readonly max: number;
  set(d: BridgeData, n: number): void;
  /** Not to be abbreviated. */
  readonly exact?: boolean;
}

function mcast(d: BridgeData, m: Mcast): void {
  d.mcast = { ...d.mcast, ...m };
}

/** In the order in which a prefix is tried; group_address, fdb_flush and vlan_protocol are read apart. */
const NUMBERS: readonly Row[] = [
  { name: 'forward_delay', max: U32, set: (d, n) => put(d, { forwardDelay: n / 100 }) },
  { name: 'hello_time', max: U32, set: (d, n) => put(d, { helloTime: n / 100 }) },
  { name: 'max_age', max: U32, set: (d, n) => put(d, { maxAge: n / 100 }) },
  { name: 'ageing_time', max: U32, set: (d, n) => put(d, { ageingTime: n / 100 }) },
  { name: 'stp_state', max: U32, set: (d, n) => put(d, { stp: n !== 0 }) },
  { name: 'priority', max: U16, set: (d, n) => put(d, { priority: n }) },
  { name: 'vlan_filtering', max: U8, set: (d, n) => put(d, { vlanFiltering: n !== 0 }) },
  { name: 'group_fwd_mask', max: U16, set: (d, n) => put(d, { groupFwdMask: n }) },
  { name: 'no_linklocal_learn', max: U8, exact: true, set: (d, n) => put(d, { noLinklocalLearn: n !== 0 }) },
  { name: 'vlan_default_pvid', max: U16, set: (d, n) => put(d, { defaultPvid: n }) },
  { name: 'vlan_stats_enabled', max: U8, set: (d, n) => put(d, { vlanStats: n }) },
  { name: 'vlan_stats_per_port', max: U8, set: (d, n) => put(d, { vlanStatsPerPort: n }) },
  { name: 'mcast_router', max: U8, set: (d, n) => mcast(d, { router: n }) },
  { name: 'mcast_snooping', max: U8, set: (d, n) => put(d, { mcastSnooping: n !== 0 }) },
  { name: 'mcast_vlan_snooping', max: U8, exact: true, set: (d, n) => mcast(d, { vlanSnooping: n !== 0 }) },
  { name: 'mcast_query_use_ifaddr', max: U8, set: (d, n) => mcast(d, { queryUseIfaddr: n !== 0 }) },
  { name: 'mcast_querier', max: U8, set: (d, n) => mcast(d, { querier: n !== 0 }) },
  // The kernel takes it and keeps 16.
  { name: 'mcast_hash_elasticity', max: U32, set: () => {} },
  { name: 'mcast_hash_max', max: U32, set: (d, n) => mcast(d, { hashMax: n }) },
  { name: 'mcast_last_member_count', max: U32, set: (d, n) => mcast(d, { lastMemberCount: n }) },
  { name: 'mcast_startup_query_count', max: U32, set: (d, n) => mcast(d, { startupQueryCount: n }) },
  { name: 'mcast_last_member_interval', max: U32, set: (d, n) => mcast(d, { lastMemberInterval: n * TICK }) },
  { name: 'mcast_membership_interval', max: U32, set: (d, n) => mcast(d, { membershipInterval: n * TICK }) },
  { name: 'mcast_querier_interval', max: U32, set: (d, n) => mcast(d, { querierInterval: n * TICK }) },
  { name: 'mcast_query_interval', max: U32, set: (d, n) => mcast(d, { queryInterval: n * TICK }) },
  { name: 'mcast_query_response_interval', max: U32, set: (d, n) => mcast(d, { queryResponseInterval: n * TICK }) },
  { name: 'mcast_startup_query_interval', max: U32, set: (d, n) => mcast(d, { startupQueryInterval: n * TICK }) },
  { name: 'mcast_stats_enabled', max: U8, set: (d, n) => mcast(d, { statsEnabled: n !== 0 }) },
  { name: 'mcast_igmp_version', max: U8, set: (d, n) => mcast(d, { igmpVersion: n }) },
  { name: 'mcast_mld_version', max: U8, set: (d, n) => mcast(d, { mldVersion: n }) },
  { name: 'nf_call_iptables', max: U8, set: (d, n) => put(d, { nfCallIptables: n !== 0 }) },
  { name: 'nf_call_ip6tables', max: U8, set: (d, n) => put(d, { nfCallIp6tables: n !== 0 }) },
  { name: 'nf_call_arptables', max: U8, set: (d, n) => put(d, { nfCallArptables: n !== 0 }) },
];

function put(d: BridgeData, change: Partial<BridgeData>): void {
  Object.assign(d, change);
}

/** `802.1Q`, `802.1ad` or a number; null when it is neither. */
export function vlanProtocol(word: string): number | null {
  const name = word.toLowerCase();
  return name === '802.1q' ? 0x8100 : name === '802.1ad' ? 0x88a8 : unsigned(word, U16);
}

function vlanProtocolName(n: number): string {
  return n === 0x8100 ? '802.1Q' : n === 0x88a8 ? '802.1ad' : `[${n}]`;
}

/** As in bridge ids: parts without leading zeros. */
function shortMac(mac: Mac): string {
  return formatMac(mac)
    .split(':')
    .map((part) => part.replace(/^0/, ''))
    .join(':');
}

/** `8000.2:0:0:0:0:b0` */
export function bridgeId(id: { readonly priority: number; readonly mac: Mac }): string {
  return `${id.priority.toString(16).padStart(4, '0')}.${shortMac(id.mac)}`;
}

/** Seconds cut to hundredths. */
export function hundredths(seconds: number): number {
  return Math.floor(seconds * 100 + 1e-6) / 100;
}

function knownOption(args: Args): Row | undefined {
  return NUMBERS.find((r) => (r.exact ? args.is(r.name) : args.matches(r.name)));
}

/** Three options that take no plain number; false when the word is none of them. */
function special(args: Args, data: BridgeData): boolean {
  if (args.matches('vlan_protocol')) data.vlanProtocol = vlanProtocol(args.next()) ?? invarg('invalid vlan_protocol', args.word);
  else if (args.matches('group_address')) {
    const { mac } = getLladdr(args.next());
    if (mac !== null) data.groupAddress = mac;
  } else if (args.matches('fdb_flush')) data.fdbFlush = true;
  else return false;
  return true;
}

export const bridge: LinkType = {
  name: 'bridge',
  parse(ctx, args, req) {
    const data: BridgeData = { kind: 'bridge' };
    for (; args.more; args.step()) {
      const known = knownOption(args);
      if (known) known.set(data, unsigned(args.next(), known.max) ?? invarg(`invalid ${known.name}`, args.word));
      else if (special(args, data)) continue;
      else {
        if (!args.matches('help')) ctx.complain(`bridge: unknown command "${args.word}"?\n`);
        ctx.complain(TYPE_USAGE.bridge as string);
        return 1;
      }
    }
    req.data = data;
    return 0;
  },
  print(ctx, m) {
    const d = m.data;
    if (d?.kind !== 'bridge') return;
    const { pr } = ctx;
    const num = (name: string, n: number, json = name): void => pr.any(json, n, `${name} ${n} `);
    const bit = (name: string, on: boolean | undefined): void => num(name, on ? 1 : 0);
    num('forward_delay', Math.round((d.forwardDelay ?? 15) * 100));
    num('hello_time', Math.round((d.helloTime ?? 2) * 100));
    num('max_age', Math.round((d.maxAge ?? 20) * 100));
    num('ageing_time', Math.round((d.ageingTime ?? 300) * 100));
    bit('stp_state', d.stp);
    num('priority', d.priority ?? 32768);
    bit('vlan_filtering', d.vlanFiltering);
    if (d.hasVlans)
      pr.any('vlan_protocol', vlanProtocolName(d.vlanProtocol ?? 0x8100), `vlan_protocol ${vlanProtocolName(d.vlanProtocol ?? 0x8100)} `);
    const id = bridgeId({ priority: d.priority ?? 0x8000, mac: d.address ?? 0 });
    pr.any('bridge_id', id, `bridge_id ${id} `);
    // ip prints its own id here, whoever the root is.
    pr.any('root_id', id, `designated_root ${id} `);
    num('root_port', d.tree?.rootPort ?? 0);
    num('root_path_cost', d.tree?.rootPathCost ?? 0);
    bit('topology_change', d.tree?.topologyChange);
    bit('topology_change_detected', d.tree?.topologyChangeDetected);
    for (const [timer, left] of [
      ['hello_timer', d.tree?.helloTimer],
      ['tcn_timer', d.tree?.tcnTimer],
      ['topology_change_timer', d.tree?.topologyChangeTimer],
      ['gc_timer', d.gcTimer],
    ] as const) {
      const seconds = hundredths(left ?? 0);
      pr.any(timer, seconds, `${timer} ${seconds.toFixed(2).padStart(7)} `);
    }
    if (d.hasVlans) {
      num('vlan_default_pvid', d.defaultPvid ?? 1);
      num('vlan_stats_enabled', d.vlanStats ?? 0);
      num('vlan_stats_per_port', d.vlanStatsPerPort ?? 0);
    }
    const mask = `0x${(d.groupFwdMask ?? 0).toString(16)}`.replace(/^0x0$/, '0');
    pr.any('group_fwd_mask', mask, `group_fwd_mask ${mask} `);
    const group = formatMac(d.groupAddress ?? 0x0180c2000000);
    pr.any('group_addr', group, `group_address ${group} `);
    bit('mcast_snooping', d.mcastSnooping);
    bit('no_linklocal_learn', d.noLinklocalLearn);
    const m6 = d.mcast ?? {};
    bit('mcast_vlan_snooping', m6.vlanSnooping);
    num('mcast_router', m6.router ?? 1);
    bit('mcast_query_use_ifaddr', m6.queryUseIfaddr);
    bit('mcast_querier', m6.querier);
    num('mcast_hash_elasticity', 16);
    num('mcast_hash_max', m6.hashMax ?? 4096);
    num('mcast_last_member_count', m6.lastMemberCount ?? 2, 'mcast_last_member_cnt');
    num('mcast_startup_query_count', m6.startupQueryCount ?? 2, 'mcast_startup_query_cnt');
    for (const [name, us] of [
      ['mcast_last_member', m6.lastMemberInterval],
      ['mcast_membership', m6.membershipInterval],
      ['mcast_querier', m6.querierInterval],
      ['mcast_query', m6.queryInterval],
      ['mcast_query_response', m6.queryResponseInterval],
      ['mcast_startup_query', m6.startupQueryInterval],
    ] as const) {
      num(`${name}_interval`, Math.round((us ?? 0) / TICK), `${name}_intvl`);
    }
    bit('mcast_stats_enabled', m6.statsEnabled);
    num('mcast_igmp_version', m6.igmpVersion ?? 2);
    num('mcast_mld_version', m6.mldVersion ?? 1);
    bit('nf_call_iptables', d.nfCallIptables);
    bit('nf_call_ip6tables', d.nfCallIp6tables);
    bit('nf_call_arptables', d.nfCallArptables);
  },
};
