/** `type bridge`: times in hundredths of a second on the command line. Models ip/iplink_bridge.c */

import type { BridgeData } from '../../../os/uapi.ts';
import { formatMac, type Mac } from '../../../wire/mac.ts';
import { invarg, unsigned } from '../lib/args.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

type Setter = (d: BridgeData, n: number) => void;

/** Option, complaint, setter; null for what the emulated bridge accepts at its default only. */
const NUMBERS: readonly (readonly [string, string, Setter | null])[] = [
  [
    'forward_delay',
    'invalid forward_delay',
    (d, n) => {
      d.forwardDelay = n / 100;
    },
  ],
  [
    'hello_time',
    'invalid hello_time',
    (d, n) => {
      d.helloTime = n / 100;
    },
  ],
  [
    'max_age',
    'invalid max_age',
    (d, n) => {
      d.maxAge = n / 100;
    },
  ],
  [
    'ageing_time',
    'invalid ageing_time',
    (d, n) => {
      d.ageingTime = n / 100;
    },
  ],
  [
    'stp_state',
    'invalid stp_state',
    (d, n) => {
      d.stp = n !== 0;
    },
  ],
  [
    'priority',
    'invalid priority',
    (d, n) => {
      d.priority = n;
    },
  ],
  [
    'vlan_filtering',
    'invalid vlan_filtering',
    (d, n) => {
      d.vlanFiltering = n !== 0;
    },
  ],
  [
    'group_fwd_mask',
    'invalid group_fwd_mask',
    (d, n) => {
      d.groupFwdMask = n;
    },
  ],
  [
    'mcast_snooping',
    'invalid mcast_snooping',
    (d, n) => {
      d.mcastSnooping = n !== 0;
    },
  ],
  ['no_linklocal_learn', 'invalid no_linklocal_learn', null],
  ['vlan_default_pvid', 'invalid vlan_default_pvid', null],
  ['mcast_router', 'invalid mcast_router', null],
  ['mcast_querier', 'invalid mcast_querier', null],
  ['mcast_igmp_version', 'invalid mcast_igmp_version', null],
  ['mcast_mld_version', 'invalid mcast_mld_version', null],
  ['nf_call_iptables', 'invalid nf_call_iptables', null],
  ['nf_call_ip6tables', 'invalid nf_call_ip6tables', null],
  ['nf_call_arptables', 'invalid nf_call_arptables', null],
];

const MCAST: readonly (readonly [string, string | number])[] = [
  ['no_linklocal_learn', 0],
  ['mcast_vlan_snooping', 0],
  ['mcast_router', 1],
  ['mcast_query_use_ifaddr', 0],
  ['mcast_querier', 0],
  ['mcast_hash_elasticity', 16],
  ['mcast_hash_max', 4096],
  ['mcast_last_member_count', 2],
  ['mcast_startup_query_count', 2],
  ['mcast_last_member_interval', 100],
  ['mcast_membership_interval', 26000],
  ['mcast_querier_interval', 25500],
  ['mcast_query_interval', 12500],
  ['mcast_query_response_interval', 1000],
  ['mcast_startup_query_interval', 3124],
  ['mcast_stats_enabled', 0],
  ['mcast_igmp_version', 2],
  ['mcast_mld_version', 1],
  ['nf_call_iptables', 0],
  ['nf_call_ip6tables', 0],
  ['nf_call_arptables', 0],
];

/** As in bridge ids: parts without leading zeros. */
export function shortMac(mac: Mac): string {
  return formatMac(mac)
    .split(':')
    .map((part) => part.replace(/^0/, ''))
    .join(':');
}

/** JSON has shorter names for some. */
function jsonName(name: string): string {
  return name === 'mcast_stats_enabled' ? name : name.replace(/_count$/, '_cnt').replace(/_interval$/, '_intvl');
}

function timerValue(name: string, d: BridgeData): number {
  return name === 'gc_timer' ? Math.floor((d.gcTimer ?? 0) * 100) / 100 : 0;
}

export const bridge: LinkType = {
  name: 'bridge',
  parse(ctx, args, req) {
    const data: BridgeData = { kind: 'bridge' };
    for (; args.more; args.step()) {
      const known = NUMBERS.find(([name]) => args.matches(name));
      if (known) {
        const [name, msg, set] = known;
        const n = unsigned(args.next()) ?? invarg(msg, args.word);
        if (set) set(data, n);
        else if (MCAST.find(([k]) => k === name)?.[1] !== n) {
          ctx.complain(`bridge: option "${name}" is not emulated\n`);
          return 1;
        }
      } else if (args.matches('help')) {
        ctx.complain(TYPE_USAGE.bridge as string);
        return 1;
      } else {
        ctx.complain(`bridge: unknown command "${args.word}"?\n${TYPE_USAGE.bridge}`);
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
    const num = (name: string, n: number): void => pr.any(name, n, `${name} ${n} `);
    num('forward_delay', Math.round((d.forwardDelay ?? 15) * 100));
    num('hello_time', Math.round((d.helloTime ?? 2) * 100));
    num('max_age', Math.round((d.maxAge ?? 20) * 100));
    num('ageing_time', Math.round((d.ageingTime ?? 300) * 100));
    num('stp_state', d.stp ? 1 : 0);
    num('priority', d.priority ?? 32768);
    num('vlan_filtering', d.vlanFiltering ? 1 : 0);
    const id = `${(d.priority ?? 0x8000).toString(16).padStart(4, '0')}.${shortMac(d.address ?? 0)}`;
    pr.any('bridge_id', id, `bridge_id ${id} `);
    pr.any('root_id', id, `designated_root ${id} `);
    for (const name of ['root_port', 'root_path_cost', 'topology_change']) num(name, 0);
    pr.any('topology_change_detected', 0, 'topology_change_detected 0 ');
    for (const timer of ['hello_timer', 'tcn_timer', 'topology_change_timer', 'gc_timer'])
      pr.any(timer, timerValue(timer, d), `${timer} ${timerValue(timer, d).toFixed(2).padStart(7)} `);
    const mask = `0x${(d.groupFwdMask ?? 0).toString(16)}`.replace(/^0x0$/, '0');
    pr.any('group_fwd_mask', mask, `group_fwd_mask ${mask} `);
    pr.any('group_addr', '01:80:c2:00:00:00', 'group_address 01:80:c2:00:00:00 ');
    num('mcast_snooping', d.mcastSnooping === false ? 0 : 1);
    for (const [name, n] of MCAST) pr.any(jsonName(name), n, `${name} ${n} `);
  },
};
