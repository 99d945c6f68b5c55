/** `type vlan id …`. Models ip/iplink_vlan.c */

import type { VlanData } from '../../../os/uapi.ts';
import { Exit, invarg, unsigned } from '../lib/args.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

export const vlan: LinkType = {
  name: 'vlan',
  parse(ctx, args, req) {
    const data: VlanData = { kind: 'vlan' };
    const onOff = (key: string): boolean => {
      const word = args.next();
      if (word === 'on' || word === 'off') return word === 'on';
      throw new Exit(1, `Error: argument of "${key}" must be "on" or "off", not "${word}"\n`);
    };
    for (; args.more; args.step()) {
      if (args.matches('protocol')) {
        const word = args.next();
        if (word.toLowerCase() !== '802.1q') {
          if (word.toLowerCase() !== '802.1ad') invarg('protocol is invalid', word);
          ctx.complain('vlan: protocol 802.1ad is not emulated\n');
          return 1;
        }
      } else if (args.matches('id')) data.id = unsigned(args.next(), 65535) ?? invarg('id is invalid', args.word);
      else if (args.matches('reorder_hdr')) data.reorderHeader = onOff('reorder_hdr');
      else if (args.matches('loose_binding')) data.looseBinding = onOff('loose_binding');
      else if (args.matches('gvrp', 'mvrp', 'bridge_binding')) {
        if (onOff(args.word)) {
          ctx.complain('vlan: gvrp, mvrp and bridge_binding are not emulated\n');
          return 1;
        }
      } else if (args.matches('ingress-qos-map', 'egress-qos-map')) {
        ctx.complain('vlan: QoS maps are not emulated\n');
        return 1;
      } else if (args.matches('help')) {
        ctx.complain(TYPE_USAGE.vlan as string);
        return 1;
      } else {
        ctx.complain(`vlan: unknown command "${args.word}"?\n${TYPE_USAGE.vlan}`);
        return 1;
      }
    }
    req.data = data;
    return 0;
  },
  print(ctx, m) {
    const d = m.data;
    if (d?.kind !== 'vlan') return;
    const { pr } = ctx;
    pr.any('protocol', '802.1Q', 'protocol 802.1Q ');
    pr.any('id', d.id ?? 0, `id ${d.id} `);
    const flags = [...(d.reorderHeader === false ? [] : ['REORDER_HDR']), ...(d.looseBinding ? ['LOOSE_BINDING'] : [])];
    pr.openArray('flags', '<');
    for (const [i, f] of flags.entries()) pr.any(null, f, `${i > 0 ? ',' : ''}${f}`);
    pr.closeArray('> ');
  },
};
