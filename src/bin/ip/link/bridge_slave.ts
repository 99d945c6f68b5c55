/** `type bridge_slave`: the settings of a bridge port. Models ip/iplink_bridge_slave.c */

import type { PortChange } from '../../../os/uapi.ts';
import { invarg, mustBeOneOf, unsigned } from '../lib/args.ts';
import { bridgeId, hundredths } from './bridge.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

export type PortSwitch = Exclude<
  { [K in keyof PortChange]-?: PortChange[K] extends boolean | undefined ? K : never }[keyof PortChange],
  'flush'
>;

/** Option and field, in the order in which a prefix is tried. */
const PORT_SWITCHES: readonly (readonly [string, PortSwitch])[] = [
  ['hairpin', 'hairpin'],
  ['guard', 'guard'],
  ['root_block', 'rootBlock'],
  ['fastleave', 'fastLeave'],
  ['learning', 'learning'],
  ['flood', 'flood'],
  ['proxy_arp', 'proxyArp'],
  ['proxy_arp_wifi', 'proxyArpWifi'],
  ['mcast_fast_leave', 'fastLeave'],
  ['mcast_flood', 'mcastFlood'],
  ['bcast_flood', 'bcastFlood'],
  ['mcast_to_unicast', 'mcastToUnicast'],
  ['neigh_suppress', 'neighSuppress'],
  ['vlan_tunnel', 'vlanTunnel'],
  ['isolated', 'isolated'],
  ['locked', 'locked'],
];

/** Protocols by the last digit of 01:80:c2:00:00:0X. */
const GROUP_NAMES: Readonly<Record<number, string>> = { 0: 'stp', 2: 'lacp', 14: 'lldp' };

function maskNames(mask: number): string {
  const names: string[] = [];
  for (let i = 0; i < 16; i++) if (mask & (1 << i)) names.push(GROUP_NAMES[i] ?? `0x${(1 << i).toString(16)}`);
  return names.length > 0 ? names.join(',') : '0x0';
}

export const bridgeSlave: LinkType = {
  name: 'bridge_slave',
  parse(ctx, args, req) {
    const port: PortChange = {};
    const number = (msg: string, max: number): number => unsigned(args.next(), max) ?? invarg(msg, args.word);
    for (; args.more; args.step()) {
      const known = PORT_SWITCHES.find(([name]) => args.matches(name));
      if (args.matches('fdb_flush')) port.flush = true;
      else if (args.matches('state')) port.state = number('state is invalid', 255);
      else if (args.matches('priority')) port.priority = number('priority is invalid', 65535);
      else if (args.matches('cost')) port.cost = number('cost is invalid', 0xffffffff);
      else if (known) {
        const [name, field] = known;
        const word = args.next();
        if (word !== 'on' && word !== 'off') {
          ctx.complain(mustBeOneOf(name, word, ['off', 'on']));
          return 1;
        }
        port[field] = word === 'on';
      } else if (args.matches('mcast_router')) port.mcastRouter = number('invalid mcast_router', 255);
      else if (args.matches('group_fwd_mask')) port.groupFwdMask = number('invalid group_fwd_mask', 65535);
      else if (args.matches('backup_port')) port.backup = ctx.device(args.next()) ?? invarg('Device does not exist\n', args.word);
      else if (args.matches('nobackup_port')) port.backup = null;
      else if (args.matches('help')) {
        ctx.complain(TYPE_USAGE.bridge_slave as string);
        return 1;
      } else {
        ctx.complain(`bridge_slave: unknown option "${args.word}"?\n${TYPE_USAGE.bridge_slave}`);
        return 1;
      }
    }
    req.port = port;
    return 0;
  },
  print(ctx, m) {
    const p = m.port;
    if (!p) return;
    const { pr } = ctx;
    pr.any('state', p.state, `state ${p.state} `);
    pr.any('priority', p.priority, `priority ${p.priority} `);
    pr.any('cost', p.cost, `cost ${p.cost} `);
    const on = (name: string, v: boolean): void => pr.any(name, v, `${name} ${v ? 'on' : 'off'} `);
    on('hairpin', p.hairpin);
    on('guard', p.guard);
    on('root_block', p.rootBlock);
    on('fastleave', p.fastLeave);
    on('learning', p.learning);
    on('flood', p.flood);
    pr.any('id', `0x${p.id.toString(16)}`, `port_id 0x${p.id.toString(16)} `);
    pr.any('no', `0x${p.number.toString(16)}`, `port_no 0x${p.number.toString(16)} `);
    const num = (name: string, n: number): void => pr.any(name, n, `${name} ${n} `);
    num('designated_port', p.designatedPort);
    num('designated_cost', p.designatedCost);
    pr.any('bridge_id', bridgeId(p.designatedBridge), `designated_bridge ${bridgeId(p.designatedBridge)} `);
    pr.any('root_id', bridgeId(p.designatedRoot), `designated_root ${bridgeId(p.designatedRoot)} `);
    for (const [timer, seconds] of [
      ['hold_timer', p.holdTimer],
      ['message_age_timer', p.messageAgeTimer],
      ['forward_delay_timer', p.forwardDelayTimer],
    ] as const) {
      const left = hundredths(seconds);
      pr.any(timer, left, `${timer} ${left.toFixed(2).padStart(7)} `);
    }
    num('topology_change_ack', p.topologyChangeAck ? 1 : 0);
    num('config_pending', p.configPending ? 1 : 0);
    on('proxy_arp', p.proxyArp);
    on('proxy_arp_wifi', p.proxyArpWifi);
    pr.any('multicast_router', p.mcastRouter, `mcast_router ${p.mcastRouter} `);
    pr.fp(`mcast_fast_leave ${p.fastLeave ? 'on' : 'off'} `);
    on('mcast_flood', p.mcastFlood);
    on('bcast_flood', p.bcastFlood);
    on('mcast_to_unicast', p.mcastToUnicast);
    on('neigh_suppress', p.neighSuppress);
    const mask = p.groupFwdMask === 0 ? '0' : `0x${p.groupFwdMask.toString(16)}`;
    pr.any('group_fwd_mask', mask, `group_fwd_mask ${mask} `);
    pr.any('group_fwd_mask_str', maskNames(p.groupFwdMask), `group_fwd_mask_str ${maskNames(p.groupFwdMask)} `);
    on('vlan_tunnel', p.vlanTunnel);
    on('isolated', p.isolated);
    on('locked', p.locked);
    if (p.backup) pr.any('backup_port', p.backup.name, `backup_port ${p.backup.name} `);
  },
};
