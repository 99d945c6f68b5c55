/** A seed becomes a scenario: a random network, random settings of its kernels, random traffic, and looks at what came of it. */

import type { Scenario, Step } from '../../src/cli/scenario.ts';
import { iptables, nft } from './filters.ts';
import { Random } from './random.ts';
import { type Host, type Network, network } from './topology.ts';

const SYSCTLS = [
  'net.ipv4.conf.all.rp_filter=1|2|0',
  'net.ipv4.conf.DEV.rp_filter=1|2',
  'net.ipv4.conf.all.accept_local=1',
  'net.ipv4.conf.DEV.proxy_arp=1',
  'net.ipv4.conf.all.arp_ignore=1|2|3|8',
  'net.ipv4.conf.all.arp_announce=1|2',
  'net.ipv4.conf.all.arp_filter=1',
  'net.ipv4.conf.all.route_localnet=1',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.DEV.send_redirects=0',
  'net.ipv4.conf.all.accept_redirects=0',
  'net.ipv4.conf.DEV.forwarding=0|1',
  'net.ipv4.ip_forward=0|1',
  'net.ipv4.ip_default_ttl=20|64|128',
  'net.ipv4.icmp_echo_ignore_all=1',
  'net.ipv4.icmp_errors_use_inbound_ifaddr=1',
  'net.ipv4.ip_no_pmtu_disc=1|2',
  'net.ipv4.ip_forward_use_pmtu=1',
  'net.ipv4.ip_nonlocal_bind=1',
  'net.ipv4.fwmark_reflect=1',
  'net.ipv4.tcp_timestamps=0',
  'net.ipv4.tcp_sack=0',
  'net.ipv4.tcp_window_scaling=0',
  'net.ipv4.tcp_ecn=1|0',
  'net.ipv4.tcp_fwmark_accept=1',
  'net.ipv4.conf.all.src_valid_mark=1',
  'net.netfilter.nf_conntrack_acct=1',
  'net.netfilter.nf_conntrack_tcp_loose=0',
  'net.netfilter.nf_conntrack_tcp_be_liberal=1',
];

class Generator {
  private readonly r: Random;
  private readonly net: Network;
  private readonly steps: Step[] = [];
  private captures = 0;

  constructor(seed: number) {
    this.r = new Random(seed);
    this.net = network(this.r);
  }

  private run(ns: string, command: string, unordered = false): void {
    this.steps.push({ op: 'run', ns, command, flags: unordered ? ['unordered'] : [] });
  }

  private host(): Host {
    return this.r.pick(this.net.hosts.filter((h) => h.ports.length > 0));
  }

  private dev(h: Host): string {
    return this.r.pick(h.ports).dev;
  }

  private known(): string {
    return this.r.pick(this.net.addresses);
  }

  private any(): string {
    return this.r.chance(0.8) ? this.known() : this.r.pick([...this.net.strangers, '127.0.0.1', '10.200.0.1']);
  }

  build(): { steps: Step[]; namespaces: string[]; ipv6: boolean } {
    const { r, net } = this;
    for (const [ns, command] of net.setup) this.run(ns, command);
    const servers = r.some(net.hosts, 0.5);
    for (const h of servers.length > 0 ? servers : net.hosts.slice(-1)) {
      this.steps.push({ op: 'start', ns: h.ns, name: `${h.ns}-80`, command: `podserver ${h.ns} 80`, flags: [] });
      if (r.chance(0.3)) this.steps.push({ op: 'start', ns: h.ns, name: `${h.ns}-53`, command: `podserver ${h.ns} 53 --udp`, flags: [] });
    }
    for (let i = r.between(0, 3); i > 0; i--) this.sysctl();
    for (let i = r.between(0, 3); i > 0; i--) this.routes();
    if (r.chance(0.65)) this.filters();
    if (r.chance(0.3)) this.look();
    for (let i = r.between(3, 7); i > 0; i--) {
      this.traffic();
      if (r.chance(0.35)) this.look();
      if (r.chance(0.15)) this.change();
    }
    for (let i = r.between(3, 6); i > 0; i--) this.look();
    return { steps: this.steps, namespaces: [...new Set(this.steps.map((s) => s.ns as string))], ipv6: net.ipv6 };
  }

  private sysctl(): void {
    const h = this.r.chance(0.5) && this.net.routers.length > 0 ? this.r.pick(this.net.routers) : this.host();
    const [key, values] = this.r.pick(SYSCTLS).split('=') as [string, string];
    this.run(h.ns, `sysctl -w ${key.replace('DEV', this.dev(h))}=${this.r.of(values)}`);
  }

  private routes(): void {
    const { r } = this;
    const h = this.host();
    const dst = r
      .pick([this.known(), `${this.known()}/24`, '10.96.0.0/16', '10.200.0.0/24', `${r.pick(this.net.strangers)}/32`])
      .replace(/\.\d+\/24$/, '.0/24');
    const via = r.pick(this.net.addresses);
    const table = r.chance(0.25) ? ` table ${r.of('100|200')}` : '';
    const metric = r.chance(0.3) ? ` metric ${r.between(1, 300)}` : '';
    switch (r.below(8)) {
      case 0:
        this.run(h.ns, `ip route add ${r.of('blackhole|unreachable|prohibit|throw')} ${dst}${metric}${table}`);
        break;
      case 1:
        this.run(h.ns, `ip route add ${dst} dev ${this.dev(h)}${metric}${table}`);
        break;
      case 2:
        this.run(
          h.ns,
          `ip route ${r.of('add|replace|append')} ${dst} via ${via}${r.chance(0.3) ? ` dev ${this.dev(h)}` : ''}${metric}${table}`,
        );
        break;
      case 3:
        this.run(
          h.ns,
          `ip route add ${dst} via ${via}${r.chance(0.5) ? ` src ${r.pick(h.ports).addr}` : ''} mtu ${r.of('1400|600|lock 1000')}${metric}`,
        );
        break;
      case 4:
        this.run(
          h.ns,
          `ip rule add ${r.of(`from ${r.pick(h.ports).addr}|to ${dst}|fwmark 1|iif ${this.dev(h)}|tos 0x10|ipproto tcp dport 80|uidrange 0-0`)} ${r.of('lookup 100|lookup 200|unreachable|prohibit|blackhole')}`,
        );
        break;
      case 5:
        this.run(h.ns, `ip addr add 10.77.${r.between(0, 3)}.${r.between(1, 9)}/${r.of('24|32')} dev ${this.dev(h)}`);
        break;
      case 6:
        this.run(h.ns, `ip route ${r.of('del|replace')} default${r.chance(0.5) ? ` via ${via}` : ''}`);
        break;
      default:
        this.run(
          h.ns,
          `ip neigh ${r.of('add|replace')} ${this.any()} lladdr 02:00:00:00:00:99 dev ${this.dev(h)} nud ${r.of('permanent|reachable|stale')}`,
        );
    }
  }

  private filters(): void {
    const { r, net } = this;
    const h = r.chance(0.7) && net.routers.length > 0 ? r.pick(net.routers) : this.host();
    for (const command of r.chance(0.75) ? iptables(r, net, h) : nft(r, net, h)) this.run(h.ns, command);
  }

  private change(): void {
    const { r } = this;
    const h = this.host();
    const dev = this.dev(h);
    switch (r.below(5)) {
      case 0:
        this.run(h.ns, `ip link set ${dev} ${r.of('down|mtu 1400|mtu 1000|arp off')}`);
        break;
      case 1:
        this.run(h.ns, `ip link set ${dev} down`);
        this.run(h.ns, `ip link set ${dev} up`);
        break;
      case 2:
        this.run(
          h.ns,
          `ip addr ${r.of('del|add')} ${(h.ports[0] as Host['ports'][number]).addr}/24 dev ${(h.ports[0] as Host['ports'][number]).dev}`,
        );
        break;
      case 3:
        this.sysctl();
        break;
      default:
        this.run(h.ns, r.of('ip neigh flush all|ip route flush cache|conntrack -F|iptables -F|iptables -t nat -F'));
    }
  }

  private traffic(): void {
    const { r } = this;
    const h = this.host();
    const watch = r.chance(0.3) ? this.host() : null;
    const name = `cap${++this.captures}`;
    if (watch) {
      const filter = r.of('icmp|icmp or arp|tcp|udp or icmp|ip');
      this.steps.push({
        op: 'start',
        ns: watch.ns,
        name,
        command: `tcpdump --immediate-mode -n${r.of('|v|e')}i ${this.dev(watch)} ${filter}`,
        flags: [],
      });
    }
    switch (r.below(8)) {
      case 0:
      case 1:
      case 2: {
        const options = [
          r.chance(0.2) ? `-s ${r.of('100|1400|1472|1473|3000')}` : '',
          r.chance(0.15) ? `-M ${r.of('do|dont|want')}` : '',
          r.chance(0.15) ? `-t ${r.between(1, 4)}` : '',
          r.chance(0.15) ? `-I ${r.of(`${this.dev(h)}|${r.pick(h.ports).addr}`)}` : '',
          r.chance(0.1) ? `-m ${r.of('1|2')}` : '',
          r.chance(0.1) ? '-Q 0x10' : '',
          r.chance(0.05) ? '-R' : '',
        ];
        this.run(h.ns, `ping -n -c ${r.of('1|1|2')} -i 0.2 -W 1 ${options.filter((o) => o).join(' ')} ${this.any()}`.replace(/ +/g, ' '));
        break;
      }
      case 3:
      case 4:
        this.run(
          h.ns,
          `curl -sS -m 2 ${r.chance(0.2) ? `--local-port ${r.between(20000, 30000)} ` : ''}${r.chance(0.1) ? `--interface ${r.of(`${this.dev(h)}|${r.pick(h.ports).addr}`)} ` : ''}http://${this.any()}${r.of('||:81|:8080')}${r.of('/|/hostname|/big/5000|/status/404')} | cut -c1-60`,
        );
        break;
      case 5:
        this.run(h.ns, `nc -n -z -v -w 2 ${this.any()} ${r.of('80|81|80-81')}`);
        break;
      case 6:
        this.run(h.ns, `bash -c 'echo hi | nc -n -u -w 1 ${this.any()} ${r.of('53|54')}'`);
        break;
      default:
        this.run(h.ns, `traceroute -n ${r.of('|-I|-T -p 80|-U -p 53')} -q 1 -w 1 -m 4 ${this.any()}`.replace(/ +/g, ' '));
    }
    if (watch)
      this.steps.push({ op: 'stop', ns: watch.ns, name, command: this.steps.find((s) => s.name === name)?.command ?? '', flags: [] });
  }

  private look(): void {
    const { r } = this;
    const h = r.chance(0.6) && this.net.routers.length > 0 ? r.pick(this.net.routers) : this.host();
    const [command, unordered] = r.pick<[string, boolean?]>([
      ['ip route'],
      ['ip route show table all'],
      ['ip -d route'],
      ['ip rule'],
      ['ip addr'],
      ['ip -br link'],
      ['ip neigh', true],
      ['ip neigh show nud all', true],
      [`ip route get ${this.any()}`],
      [`ip route get ${this.any()} from ${this.any()} iif ${this.dev(h)}`],
      [`ip route get ${this.any()} mark 1`],
      ['ip route show cache'],
      ['iptables -L -v -n -x'],
      ['iptables -t nat -L -v -n -x'],
      ['iptables -t mangle -L -v -n -x'],
      ['iptables-save -c | grep -v "^#"'],
      ['iptables -S'],
      ['nft list ruleset'],
      ['conntrack -L', true],
      ['ss -tan', true],
      ['nstat -az IpInReceives IpForwDatagrams IpInDelivers IpOutRequests IcmpInMsgs IcmpOutMsgs IcmpOutDestUnreachs'],
      ['nstat -az TcpActiveOpens TcpPassiveOpens TcpAttemptFails TcpInSegs TcpOutRsts UdpInDatagrams UdpNoPorts'],
      ['cat /proc/net/snmp | grep -E "^(Ip|Icmp):"'],
      ...this.net.bridges.map((b): [string, boolean?] => [`bridge fdb show br ${b.dev}`, true]),
    ]);
    this.run(command.startsWith('bridge fdb') ? (this.net.bridges[0]?.ns ?? h.ns) : h.ns, command, unordered ?? false);
  }
}

export function generate(seed: number): Scenario {
  const { steps, namespaces, ipv6 } = new Generator(seed).build();
  return {
    name: `fuzz-${seed}`,
    title: `random network ${seed}`,
    tags: ['fuzz'],
    ipv6,
    sysctls: { 'net.ipv4.icmp_ratelimit': '0' },
    namespaces,
    steps,
  };
}

/** The text of a scenario file. */
export function write(s: Scenario): string {
  const lines = [`%title ${s.title}`, `%tags ${s.tags.join(' ')}`];
  if (!s.ipv6) lines.push('%ipv6 off');
  lines.push(`%ns ${s.namespaces.join(' ')}`);
  for (const [key, value] of Object.entries(s.sysctls))
    if (key !== 'net.ipv4.icmp_ratelimit' || value !== '0') lines.push(`%sysctl ${key}=${value}`);
  for (const step of s.steps) {
    if (step.op === 'sleep') lines.push(`%sleep ${step.seconds}`);
    else if (step.op === 'stop') lines.push(`%stop ${step.name}`);
    else {
      const flags = (step.flags ?? []).map((f) => `!${f} `).join('');
      lines.push(`@${step.ns} ${flags}${step.op === 'start' ? `&${step.name} ` : ''}${step.command}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
