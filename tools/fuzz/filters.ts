/** Random rules: iptables over all tables, and small nft rule sets. */

import type { Random } from './random.ts';
import type { Host, Network } from './topology.ts';

const STATES = 'NEW|ESTABLISHED|RELATED,ESTABLISHED|INVALID|NEW,ESTABLISHED';
const REJECTS =
  'icmp-port-unreachable|icmp-net-unreachable|icmp-host-unreachable|icmp-proto-unreachable|icmp-admin-prohibited|icmp-host-prohibited';

function address(r: Random, net: Network): string {
  const a = r.pick([...net.addresses, ...net.strangers]);
  if (r.chance(0.5)) return a;
  const len = r.pick([8, 16, 24, 30]);
  return `${a}/${len}`;
}

/** Matches, at most one of a kind. */
function matches(r: Random, net: Network, h: Host, chain: string): string {
  const out: string[] = [];
  const not = (): string => (r.chance(0.15) ? '! ' : '');
  const dev = (): string => r.pick([...h.ports.map((p) => p.dev), 'lo', 'eth+']);
  if (r.chance(0.3)) out.push(`${not()}-s ${address(r, net)}`);
  if (r.chance(0.3)) out.push(`${not()}-d ${address(r, net)}`);
  if (r.chance(0.2) && !/OUTPUT|POSTROUTING/.test(chain)) out.push(`${not()}-i ${dev()}`);
  if (r.chance(0.2) && !/INPUT|PREROUTING/.test(chain)) out.push(`${not()}-o ${dev()}`);
  if (r.chance(0.7)) {
    const proto = r.of('tcp|tcp|udp|icmp|all');
    out.push(`-p ${proto}`);
    if (proto === 'tcp' || proto === 'udp') {
      if (r.chance(0.5)) out.push(`${not()}--dport ${r.of('80|81|80:90|53|1:1023')}`);
      else if (r.chance(0.3)) out.push(`-m multiport ${not()}--dports ${r.of('80,81|53,80|22:90')}`);
      if (proto === 'tcp' && r.chance(0.15)) out.push(r.of('--syn|--tcp-flags SYN,ACK SYN|--tcp-flags ALL ACK|--tcp-flags FIN FIN'));
    }
    if (proto === 'icmp' && r.chance(0.5)) out.push(`--icmp-type ${r.of('echo-request|echo-reply|3|time-exceeded')}`);
  }
  if (r.chance(0.2)) out.push(`-m conntrack ${not()}--ctstate ${r.of(STATES)}`);
  if (r.chance(0.08)) out.push(`-m mark ${not()}--mark ${r.of('0x1|0x2/0xf|0')}`);
  if (r.chance(0.08)) out.push(`-m addrtype --${r.of('src|dst')}-type ${r.of('LOCAL|UNICAST|BROADCAST')}`);
  if (r.chance(0.06)) out.push(`-m length --length ${r.of('0:100|84|100:65535')}`);
  if (r.chance(0.06)) out.push(`-m ttl --ttl-${r.of('eq|gt|lt')} ${r.of('63|64|62|1')}`);
  if (r.chance(0.05)) out.push(`-m conntrack --ctdir ${r.of('ORIGINAL|REPLY')}`);
  if (r.chance(0.05)) out.push(`-m statistic --mode nth --every ${r.of('2|3')} --packet 0`);
  if (r.chance(0.05)) out.push(`-m comment --comment "${r.of('allow web|x')}"`);
  if (r.chance(0.04)) out.push(`-m iprange --dst-range 10.1.0.1-10.244.1.200`);
  if (r.chance(0.04)) out.push(`-m tos --tos ${r.of('0x10|0x00/0xff')}`);
  if (r.chance(0.04)) out.push(`-m pkttype --pkt-type ${r.of('unicast|broadcast')}`);
  return out.join(' ');
}

function target(r: Random, net: Network, table: string, chain: string, rule: string): string {
  const l4 = /-p (tcp|udp)\b/.test(rule) && !/! -p/.test(rule);
  const port = (): string => (l4 ? `:${r.of('80|81|8080')}` : '');
  if (table === 'nat') {
    if (/POSTROUTING/.test(chain)) return r.chance(0.6) ? 'MASQUERADE' : `SNAT --to-source ${r.pick(net.addresses)}`;
    if (chain === 'INPUT') return `SNAT --to-source ${r.pick(net.addresses)}`;
    if (l4 && r.chance(0.25)) return `REDIRECT --to-ports ${r.of('80|81')}`;
    return `DNAT --to-destination ${r.pick(net.addresses)}${port()}`;
  }
  if (table === 'mangle') {
    return r.of(
      `MARK --set-mark ${r.of('1|2|0x10')}|CONNMARK --save-mark|CONNMARK --restore-mark|MARK --or-mark 4|TTL --ttl-set ${r.between(2, 70)}|TOS --set-tos 0x10|DSCP --set-dscp 8|ACCEPT|RETURN`,
    );
  }
  if (table === 'raw') return r.of('NOTRACK|CT --notrack|DROP|ACCEPT|MARK --set-mark 1');
  if (r.chance(0.25)) return `REJECT --reject-with ${/-p tcp/.test(rule) && r.chance(0.5) ? 'tcp-reset' : r.of(REJECTS)}`;
  return r.of('ACCEPT|DROP|ACCEPT|RETURN|FUZZ');
}

const CHAINS: Record<string, string> = {
  filter: 'INPUT|FORWARD|OUTPUT|FORWARD|FUZZ',
  nat: 'PREROUTING|POSTROUTING|OUTPUT|PREROUTING|POSTROUTING',
  mangle: 'PREROUTING|FORWARD|OUTPUT|POSTROUTING|INPUT',
  raw: 'PREROUTING|OUTPUT',
};

export function iptables(r: Random, net: Network, h: Host): string[] {
  const out = ['iptables -N FUZZ'];
  for (let i = r.between(1, 6); i > 0; i--) {
    const table = r.of('filter|filter|filter|nat|nat|mangle|raw');
    const chain = r.of(CHAINS[table] as string);
    const rule = matches(r, net, h, chain);
    let to = target(r, net, table, chain, rule);
    // A loop of chains is refused, and that is not what is looked for.
    if (chain === 'FUZZ' && to === 'FUZZ') to = 'RETURN';
    out.push(`iptables${table === 'filter' ? '' : ` -t ${table}`} -${r.of('A|A|I')} ${chain} ${rule} -j ${to}`.replace(/ +/g, ' '));
  }
  if (r.chance(0.15)) out.push(`iptables -P ${r.of('FORWARD|INPUT')} DROP`);
  return out;
}

export function nft(r: Random, net: Network, h: Host): string[] {
  const hook = r.of('input|forward|output|prerouting|postrouting');
  const priority = r.of('filter|-150|10|raw|mangle');
  const out = [
    'nft add table inet fz',
    `nft add chain inet fz c1 '{ type filter hook ${hook} priority ${priority}; policy ${r.of('accept|accept|drop')}; }'`,
  ];
  const dev = r.pick(h.ports)?.dev ?? 'lo';
  for (let i = r.between(1, 4); i > 0; i--) {
    const match = r.pick([
      `ip saddr ${address(r, net)}`,
      `ip daddr { ${r.pick(net.addresses)}, ${r.pick(net.strangers)} }`,
      `tcp dport ${r.of('80|{ 80, 81 }|1-1023|!= 80')}`,
      `udp dport ${r.of('53|{ 53, 5353 }')}`,
      `meta l4proto ${r.of('tcp|icmp|{ tcp, udp }')}`,
      `ct state ${r.of('new|established,related|invalid')}`,
      `${/input|prerouting|forward/.test(hook) ? 'iifname' : 'oifname'} "${dev}"`,
      `icmp type ${r.of('echo-request|echo-reply')}`,
      `ip ttl ${r.of('64|< 64|63')}`,
      `meta mark ${r.of('0|1|!= 1')}`,
      'tcp flags syn / syn,ack',
      `fib daddr type ${r.of('local|unicast')}`,
    ]);
    const verdict = r.of(
      'accept|drop|counter|counter accept|counter drop|reject|meta mark set 1|ip ttl set 33|counter reject with icmp type host-unreachable',
    );
    if (/reject/.test(verdict) && /postrouting|prerouting/.test(hook)) continue;
    out.push(
      `nft add rule inet fz c1 ${match} ${verdict}`.replace(/([{}!<]|"[^"]*")/g, (x) => (x.startsWith('"') ? x.replaceAll('"', '\\"') : x)),
    );
  }
  return out.map((c) => (/add rule/.test(c) ? `nft '${c.slice(4).replaceAll('\\"', '"')}'` : c));
}
