/** RST for a segment that belongs to no connection (RFC 9293 3.10.7.1). Models tcp_v4_send_reset() */

import { isLinkLocal } from '../../../wire/addr.ts';
import { IPPROTO_TCP } from '../../../wire/ipv4.ts';
import { ACK, emitTcp, FIN, parseTcp, RST, SYN } from '../../../wire/tcp.ts';
import type { Skb } from '../../skb.ts';
import { ipSend, viewIp } from '../output.ts';
import { add } from './seq.ts';

const NOTHING = new Uint8Array(0);

export function sendReset(skb: Skb): void {
  const ip = viewIp(skb.data);
  const dev = skb.dev;
  if (!ip || !dev) return;
  const t = parseTcp(ip.l4);
  if (!t || (t.flags & RST) !== 0) return;
  if (skb.type === 'broadcast' || skb.type === 'multicast') return;
  const length = t.payload.length + ((t.flags & SYN) !== 0 ? 1 : 0) + ((t.flags & FIN) !== 0 ? 1 : 0);
  const hasAck = (t.flags & ACK) !== 0;
  const payload = emitTcp(
    {
      srcPort: t.dstPort,
      dstPort: t.srcPort,
      seq: hasAck ? t.ack : 0,
      ack: hasAck ? 0 : add(t.seq, length),
      flags: hasAck ? RST : RST | ACK,
      window: 0,
      urgent: 0,
      options: {},
      payload: NOTHING,
    },
    ip.dst,
    ip.src,
    ip.family === 6,
  );
  dev.ns.snmp.inc('TcpOutRsts');
  dev.ns.snmp.inc('TcpOutSegs');
  ipSend(dev.ns, {
    src: ip.dst,
    dst: ip.src,
    proto: IPPROTO_TCP,
    payload,
    tos: ip.tos,
    df: true,
    id: 0,
    oif: isLinkLocal(ip.src) && ip.family === 6 ? dev : null,
    parent: skb.id,
    mark: dev.ns.sysctl.int(`net.ipv${ip.family}.fwmark_reflect`) !== 0 ? skb.mark : 0,
    // ip_send_unicast_reply() sums at once, tcp_v6_send_response() leaves it to the device.
    csumOffset: ip.family === 6 ? 16 : 0,
  });
}
