/** Target REJECT: drops and tells the sender, by ICMP or TCP reset. Models libipt_REJECT.c, nf_reject_ipv4.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { put16, u16, u32 } from '../../../../wire/bytes.ts';
import { emitIpv4 } from '../../../../wire/ipv4.ts';
import { partialChecksum } from '../../../../wire/pseudo.ts';
import { ACK, emitTcp, FIN, RST, SYN } from '../../../../wire/tcp.ts';
import { icmpSend } from '../../../ip/icmp.ts';
import { icmp6Send } from '../../../ip/icmp6.ts';
import type { Netns } from '../../../netns.ts';
import { Problem, type TargetExt } from '../ext.ts';
import { hasL4, type XtPacket } from '../packet.ts';

/** name, short name, ICMP code; code -1 is the TCP reset. */
type Types = readonly (readonly [name: string, alias: string, code: number])[];

const TYPES4: Types = [
  ['icmp-net-unreachable', 'net-unreach', 0],
  ['icmp-host-unreachable', 'host-unreach', 1],
  ['icmp-proto-unreachable', 'proto-unreach', 2],
  ['icmp-port-unreachable', 'port-unreach', 3],
  ['icmp-net-prohibited', 'net-prohib', 9],
  ['icmp-host-prohibited', 'host-prohib', 10],
  ['tcp-reset', 'tcp-rst', -1],
  ['icmp-admin-prohibited', 'admin-prohib', 13],
];

const TYPES6: Types = [
  ['icmp6-no-route', 'no-route', 0],
  ['icmp6-adm-prohibited', 'adm-prohibited', 1],
  ['icmp6-addr-unreachable', 'addr-unreach', 3],
  ['icmp6-port-unreachable', 'port-unreach', 4],
  ['tcp-reset', 'tcp-reset', -1],
  ['icmp6-policy-fail', 'policy-fail', 5],
  ['icmp6-reject-route', 'reject-route', 6],
];

interface Reject {
  name: string;
  code: number;
}

export const REJECT: TargetExt<Reject> = {
  kind: 'target',
  name: 'REJECT',
  tables: ['filter'],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT'],
  init: ({ family }) => (family === 4 ? { name: 'icmp-port-unreachable', code: 3 } : { name: 'icmp6-port-unreachable', code: 4 }),
  options: [
    {
      name: 'reject-with',
      set: (o, arg, _invert, cx) => {
        const lower = arg.toLowerCase();
        const hit = (cx.family === 4 ? TYPES4 : TYPES6).find(([name, alias]) => name.startsWith(lower) || alias.startsWith(lower));
        if (lower !== '' && 'echo-reply'.startsWith(lower)) cx.warn('--reject-with echo-reply no longer supported\n');
        if (!hit) throw new Problem(`unknown reject type "${arg}"`);
        o.name = hit[0];
        o.code = hit[2];
      },
    },
  ],
  checkentry: (o, _ns, proto) => (o.code === -1 && proto !== 6 ? fail('EINVAL') : ok()),
  save: (o) => ` --reject-with ${o.name}`,
  list: (o) => ` reject-with ${o.name}`,
  nft: (o) => {
    if (o.code === -1) return 'reject with tcp reset';
    if (o.name.endsWith('port-unreachable')) return 'reject';
    const v6 = o.name.startsWith('icmp6-');
    return `reject with ${v6 ? 'icmpv6' : 'icmp'} ${o.name
      .replace(/^icmp6?-/, '')
      .replace('proto-', 'prot-')
      .replace('adm-prohibited', 'admin-prohibited')}`;
  },
  run: (o, ns) => (p) => {
    if (o.code === -1) sendReset(ns, p);
    else if (p.frag === 0) {
      const skb = p.skb;
      if (p.family === 4) icmpSend(skb, 3, o.code);
      else icmp6Send(skb, 1, o.code);
    }
    return 'drop';
  },
};

/** nf_send_reset(): answers in the name of the destination, on the packet's own connection. */
function sendReset(ns: Netns, p: XtPacket): void {
  if (!hasL4(p, 20)) return;
  const b = p.skb.data;
  const flags = b[p.l4 + 13] as number;
  if (flags & RST) return;
  const header = ((b[p.l4 + 12] as number) >> 4) * 4;
  const payload = Math.max(0, b.length - p.l4 - header);
  const hasAck = (flags & ACK) !== 0;
  const end = u32(b, p.l4 + 4) + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0) + payload;
  const segment = emitTcp(
    {
      srcPort: u16(b, p.l4 + 2),
      dstPort: u16(b, p.l4),
      seq: hasAck ? u32(b, p.l4 + 8) : 0,
      ack: hasAck ? 0 : end >>> 0,
      flags: hasAck ? RST : RST | ACK,
      window: 0,
      urgent: 0,
      options: {},
      payload: new Uint8Array(0),
    },
    p.dst,
    p.src,
  );
  const { sim } = ns.kernel;
  const cause = p.skb;
  if (p.family === 4) {
    const src = p.dst as number;
    const dst = p.src as number;
    // nf_reject_ip_tcphdr_put() leaves the checksum to the device, its IPv6 sister sums at once.
    put16(segment, 16, partialChecksum(src, dst, 6, segment.length));
    const packet = emitIpv4({
      tos: 0,
      id: 0,
      df: true,
      mf: false,
      offset: 0,
      ttl: 64,
      proto: 6,
      src,
      dst,
      options: new Uint8Array(0),
      payload: segment,
    });
    sim.schedule(0, () => ns.ip4.outputRaw(packet, { parent: cause.id, cause, csumOffset: 16, csumBytes: segment.length }));
  } else {
    sim.schedule(0, () =>
      ns.ip6.output({
        src: p.dst as bigint,
        dst: p.src as bigint,
        proto: 6,
        payload: segment,
        hopLimit: 64,
        flowLabel: 0,
        parent: cause.id,
        cause,
      }),
    );
  }
}
