/** `type vlan id …`. Models ip/iplink_vlan.c */

import type { VlanData } from '../../../os/uapi.ts';
import { type Args, Exit, invarg, unsigned } from '../lib/args.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

const PROTOCOLS: Readonly<Record<string, number>> = { '802.1q': 0x8100, '802.1ad': 0x88a8 };

type Flag = 'reorderHeader' | 'gvrp' | 'mvrp' | 'looseBinding' | 'bridgeBinding';

/** Words of the command line and of listings, in the kernel's order. */
const FLAGS: readonly (readonly [word: string, flag: Flag])[] = [
  ['reorder_hdr', 'reorderHeader'],
  ['gvrp', 'gvrp'],
  ['mvrp', 'mvrp'],
  ['loose_binding', 'looseBinding'],
  ['bridge_binding', 'bridgeBinding'],
];

/** Words `from:to` from the present one on; the last one is left for the caller to step over. */
function qosMap(args: Args, name: string): [number, number][] {
  const pairs: [number, number][] = [];
  args.next();
  for (;;) {
    const colon = args.word.indexOf(':');
    const from = unsigned(args.word.slice(0, colon));
    const to = unsigned(args.word.slice(colon + 1));
    if (colon < 0) {
      args.back();
      return pairs;
    }
    if (from === null || to === null) invarg(`invalid ${name}`, args.word);
    pairs.push([from, to]);
    if (args.peek === undefined) return pairs;
    args.step();
  }
}

export const vlan: LinkType = {
  name: 'vlan',
  parse(ctx, args, req) {
    const data: VlanData = { kind: 'vlan' };
    for (; args.more; args.step()) {
      const flag = FLAGS.find(([word]) => args.matches(word));
      if (args.matches('protocol')) data.protocol = PROTOCOLS[args.next().toLowerCase()] ?? invarg('protocol is invalid', args.word);
      else if (args.matches('id')) data.id = unsigned(args.next(), 65535) ?? invarg('id is invalid', args.word);
      else if (flag) {
        const word = args.next();
        if (word !== 'on' && word !== 'off') throw new Exit(1, `Error: argument of "${flag[0]}" must be "on" or "off", not "${word}"\n`);
        data[flag[1]] = word === 'on';
      } else if (args.matches('ingress-qos-map')) data.ingressQos = qosMap(args, 'ingress-qos-map');
      else if (args.matches('egress-qos-map')) data.egressQos = qosMap(args, 'egress-qos-map');
      else if (args.matches('help')) {
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
    const protocol = d.protocol === 0x88a8 ? '802.1ad' : '802.1Q';
    pr.any('protocol', protocol, `protocol ${protocol} `);
    pr.any('id', d.id ?? 0, `id ${d.id} `);
    const flags = FLAGS.filter(([, flag]) => d[flag]).map(([word]) => word.toUpperCase());
    pr.openArray('flags', '<');
    for (const [i, f] of flags.entries()) pr.any(null, f, i < flags.length - 1 && !ctx.json ? `${f},` : f);
    pr.closeArray('> ');
    const map = (key: string, name: string, pairs: readonly (readonly [number, number])[] = []): void => {
      if (pairs.length === 0) return;
      pr.openArray(key);
      pr.fp(`${pr.sl}      ${name} { `);
      for (const [from, to] of pairs) {
        pr.openObject();
        pr.jsonOnly('from', from);
        pr.jsonOnly('to', to);
        pr.fp(`${from}:${to} `);
        pr.closeObject();
      }
      pr.closeArray();
      pr.fp('} ');
    };
    map('ingress_qos', 'ingress-qos-map', d.ingressQos);
    map('egress_qos', 'egress-qos-map', d.egressQos);
  },
};
