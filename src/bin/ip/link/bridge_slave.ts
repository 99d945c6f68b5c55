/** `type bridge_slave`: the settings of a bridge port. Models ip/iplink_bridge_slave.c */

import type { PortChange, PortData } from '../../../os/uapi.ts';
import { invarg, mustBeOneOf, unsigned } from '../lib/args.ts';
import { shortMac } from './bridge.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

type Switch = { [K in keyof PortData]: PortData[K] extends boolean ? K : never }[keyof PortData];

/** Option and field, in the order in which a prefix is tried. */
export const PORT_SWITCHES: readonly (readonly [string, Switch])[] = [
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

export const bridgeSlave: LinkType = {
  name: 'bridge_slave',
  parse(ctx, args, req) {
    const port: PortChange = {};
    const number = (msg: string, max: number): number => unsigned(args.next(), max) ?? invarg(msg, args.word);
    for (; args.more; args.step()) {
      const known = PORT_SWITCHES.find(([name]) => name !== 'fastleave' && args.matches(name));
      if (args.matches('state')) port.state = number('state is invalid', 255);
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
    const id = ((p.priority << 10) & 0xfc00) | p.number;
    pr.any('id', `0x${id.toString(16)}`, `port_id 0x${id.toString(16)} `);
    pr.any('no', `0x${p.number.toString(16)}`, `port_no 0x${p.number.toString(16)} `);
    pr.any('designated_port', id, `designated_port ${id} `);
    pr.any('designated_cost', 0, 'designated_cost 0 ');
    const bridgeId = `${p.bridgeId.priority.toString(16).padStart(4, '0')}.${shortMac(p.bridgeId.address)}`;
    pr.any('bridge_id', bridgeId, `designated_bridge ${bridgeId} `);
    pr.any('root_id', bridgeId, `designated_root ${bridgeId} `);
    for (const timer of ['hold_timer', 'message_age_timer', 'forward_delay_timer']) {
      const left = timer === 'forward_delay_timer' ? Math.floor(p.forwardDelayTimer * 100) / 100 : 0;
      pr.any(timer, left, `${timer} ${left.toFixed(2).padStart(7)} `);
    }
    pr.any('topology_change_ack', 0, 'topology_change_ack 0 ');
    pr.any('config_pending', 0, 'config_pending 0 ');
    on('proxy_arp', p.proxyArp);
    on('proxy_arp_wifi', p.proxyArpWifi);
    pr.any('multicast_router', p.mcastRouter, `mcast_router ${p.mcastRouter} `);
    pr.fp(`mcast_fast_leave ${p.fastLeave ? 'on' : 'off'} `);
    on('mcast_flood', p.mcastFlood);
    on('bcast_flood', p.bcastFlood);
    on('mcast_to_unicast', p.mcastToUnicast);
    on('neigh_suppress', p.neighSuppress);
    pr.any('group_fwd_mask', '0', 'group_fwd_mask 0 ');
    pr.any('group_fwd_mask_str', '0x0', 'group_fwd_mask_str 0x0 ');
    on('vlan_tunnel', p.vlanTunnel);
    on('isolated', p.isolated);
    on('locked', p.locked);
  },
};
