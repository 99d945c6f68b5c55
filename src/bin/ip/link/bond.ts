/** `type bond mode …`, and what its slaves show. Models ip/iplink_bond.c, iplink_bond_slave.c */

import { BOND_MODES, type BondData } from '../../../os/uapi.ts';
import { formatMac } from '../../../wire/mac.ts';
import type { Ctx } from '../ctx.ts';
import { type Args, invarg, unsigned } from '../lib/args.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

type Key = Exclude<keyof BondData['options'], 'mode'>;

interface Row {
  readonly name: string;
  readonly key: Key;
  /** Words for the values; numbers when absent. */
  readonly words?: readonly string[];
  readonly max?: number;
  readonly json?: string;
  readonly exact?: boolean;
}

/** In the order in which they are printed. */
const ROWS: readonly Row[] = [
  { name: 'miimon', key: 'miimon' },
  { name: 'updelay', key: 'updelay' },
  { name: 'downdelay', key: 'downdelay' },
  { name: 'peer_notify_delay', key: 'peerNotifyDelay' },
  { name: 'use_carrier', key: 'useCarrier', max: 255 },
  { name: 'arp_interval', key: 'arpInterval' },
  { name: 'arp_missed_max', key: 'arpMissedMax', max: 255, exact: true },
  { name: 'primary_reselect', key: 'primaryReselect', words: ['always', 'better', 'failure'] },
  { name: 'fail_over_mac', key: 'failOverMac', words: ['none', 'active', 'follow'] },
  { name: 'xmit_hash_policy', key: 'xmitHashPolicy', words: ['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4', 'vlan+srcmac'] },
  { name: 'resend_igmp', key: 'resendIgmp' },
  { name: 'num_grat_arp', key: 'numPeerNotify', max: 255, json: 'num_peer_notif' },
  { name: 'all_slaves_active', key: 'allSlavesActive', max: 255 },
  { name: 'min_links', key: 'minLinks' },
  { name: 'lp_interval', key: 'lpInterval' },
  { name: 'packets_per_slave', key: 'packetsPerSlave' },
  { name: 'lacp_active', key: 'lacpActive', words: ['off', 'on'], json: 'ad_lacp_active', exact: true },
  { name: 'lacp_rate', key: 'lacpRate', words: ['slow', 'fast'], json: 'ad_lacp_rate' },
  { name: 'ad_select', key: 'adSelect', words: ['stable', 'bandwidth', 'count'] },
  { name: 'tlb_dynamic_lb', key: 'tlbDynamicLb', max: 255 },
];

function row(args: Args): Row | undefined {
  if (args.matches('num_unsol_na')) return ROWS.find((r) => r.key === 'numPeerNotify');
  return ROWS.find((r) => (r.exact ? args.is(r.name) : args.matches(r.name)));
}

function setRow(args: Args, r: Row, options: BondData['options']): void {
  const word = args.next();
  const n = r.words ? r.words.indexOf(word) : (unsigned(word, r.max) ?? -1);
  if (n < 0) invarg(`invalid ${r.key === 'numPeerNotify' ? 'num_grat_arp|num_unsol_na' : r.name}`, word);
  Object.assign(options, { [r.key]: n });
}

export const bond: LinkType = {
  name: 'bond',
  parse(ctx, args, req) {
    const data: BondData = { kind: 'bond', options: {} };
    for (; args.more; args.step()) {
      if (args.matches('mode')) {
        const word = args.next();
        data.mode = BOND_MODES.find((m) => m === word) ?? BOND_MODES[unsigned(word) ?? -1] ?? invarg('invalid mode', word);
      } else if (args.matches('active_slave') || args.matches('primary')) {
        const primary = args.matches('primary');
        const dev = ctx.device(args.next());
        if (!dev) return ctx.nodev(args.word);
        if (primary) data.primary = dev;
        else data.activeSlave = dev;
      } else if (args.matches('clear_active_slave')) data.activeSlave = null;
      else if (
        args.is(
          'arp_ip_target',
          'ns_ip6_target',
          'arp_validate',
          'arp_all_targets',
          'ad_user_port_key',
          'ad_actor_sys_prio',
          'ad_actor_system',
        )
      ) {
        ctx.complain(`bond: option "${args.word}" is not emulated\n`);
        return 1;
      } else {
        const known = row(args);
        if (!known) {
          if (!args.matches('help')) ctx.complain(`bond: unknown command "${args.word}"?\n`);
          ctx.complain(TYPE_USAGE.bond as string);
          return 1;
        }
        setRow(args, known, data.options);
      }
    }
    req.data = data;
    return 0;
  },
  print(ctx, m) {
    const d = m.data;
    if (d?.kind !== 'bond') return;
    const { pr } = ctx;
    pr.any('mode', d.mode ?? 'balance-rr', `mode ${d.mode} `);
    if (d.activeSlave) pr.any('active_slave', d.activeSlave.name, `active_slave ${d.activeSlave.name} `);
    for (const r of ROWS) {
      if (r.key === 'primaryReselect') printArp(ctx, d);
      if (r.key === 'tlbDynamicLb' && d.mode === '802.3ad') printAd(ctx);
      const n = d.options[r.key] ?? 0;
      const value = r.words ? (r.words[n] ?? String(n)) : n;
      pr.any(r.json ?? r.name, value, `${r.name} ${value} `);
    }
  },
};

function printArp(ctx: Ctx, d: BondData): void {
  const { pr } = ctx;
  if (ctx.json) pr.jsonOnly('arp_validate', null);
  else pr.fp('arp_validate none ');
  pr.any('arp_all_targets', 'any', 'arp_all_targets any ');
  if (d.primary) pr.any('primary', d.primary.name, `primary ${d.primary.name} `);
}

/** Without a partner every slave is an aggregator of its own. */
function printAd(ctx: Ctx): void {
  const { pr } = ctx;
  pr.openObject('ad_info');
  pr.any('aggregator', 1, 'ad_aggregator 1 ');
  pr.any('num_ports', 1, 'ad_num_ports 1 ');
  pr.any('actor_key', 15, 'ad_actor_key 15 ');
  pr.any('partner_key', 1, 'ad_partner_key 1 ');
  pr.any('partner_mac', '00:00:00:00:00:00', 'ad_partner_mac 00:00:00:00:00:00 ');
  pr.closeObject();
  pr.any('ad_actor_sys_prio', 65535, 'ad_actor_sys_prio 65535 ');
  pr.any('ad_user_port_key', 0, 'ad_user_port_key 0 ');
  pr.any('ad_actor_system', '00:00:00:00:00:00', 'ad_actor_system 00:00:00:00:00:00 ');
}

export const bondSlave: LinkType = {
  name: 'bond_slave',
  print(ctx, m) {
    const s = m.bondPort;
    if (!s) return;
    const { pr } = ctx;
    const state = s.active ? 'ACTIVE' : 'BACKUP';
    pr.any('state', state, `state ${state} `);
    pr.any('mii_status', s.up ? 'UP' : 'DOWN', `mii_status ${s.up ? 'UP' : 'DOWN'} `);
    pr.any('link_failure_count', s.failures, `link_failure_count ${s.failures} `);
    pr.any('perm_hwaddr', formatMac(s.permMac), `perm_hwaddr ${formatMac(s.permMac)} `);
    pr.any('queue_id', s.queueId, `queue_id ${s.queueId} `);
    pr.any('prio', s.prio, `prio ${s.prio} `);
  },
};
