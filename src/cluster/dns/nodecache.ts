/** node-cache: CoreDNS as a cache on each node, on an address of its own, without conntrack. Models kubernetes/dns cmd/node-cache */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import type { Client } from '../api/client.ts';
import { run } from '../proxy/exec.ts';
import { runCoredns } from './server.ts';

interface Options {
  localIps: string[];
  conf: string;
  base: string;
  upstream: string;
  interfaceName: string;
  iptables: boolean;
  setup: boolean;
}

const FLAGS: Readonly<Record<string, (o: Options, value: string) => void>> = {
  localip: (o, v) => {
    o.localIps = v.split(',');
  },
  conf: (o, v) => {
    o.conf = v;
  },
  basecorefile: (o, v) => {
    o.base = v;
  },
  upstreamsvc: (o, v) => {
    o.upstream = v;
  },
  interfacename: (o, v) => {
    o.interfaceName = v;
  },
  setupiptables: (o, v) => {
    o.iptables = v !== 'false';
  },
  setupinterface: (o, v) => {
    o.setup = v !== 'false';
  },
  syncinterval: () => {},
  'metrics-listen-address': () => {},
  skipteardown: () => {},
};

function parse(argv: readonly string[]): Options | string {
  const o: Options = {
    localIps: [],
    conf: '/etc/Corefile',
    base: '/etc/coredns/Corefile.base',
    upstream: 'kube-dns',
    interfaceName: 'nodelocaldns',
    iptables: true,
    setup: true,
  };
  for (let i = 1; i < argv.length; i++) {
    const m = /^--?([\w-]+)(?:=(.*))?$/.exec(argv[i] as string);
    const set = m && FLAGS[m[1] as string];
    if (!m || !set) return `flag provided but not defined: -${m?.[1] ?? argv[i]}`;
    set(o, m[2] ?? argv[++i] ?? '');
  }
  return o.localIps.length === 0 ? 'invalid localip specified - ""' : o;
}

/** Rules of the raw and filter tables for one address, as node-cache keeps them. */
function rules(ip: string): [table: string, chain: string, rule: string[]][] {
  const out: [string, string, string[]][] = [];
  const comment = ['-m', 'comment', '--comment'];
  for (const proto of ['tcp', 'udp']) {
    const to = ['-p', proto, '-d', ip, '--dport', '53'];
    const from = ['-p', proto, '-s', ip, '--sport', '53'];
    out.push(['raw', 'PREROUTING', [...to, ...comment, 'NodeLocal DNS Cache: skip conntrack', '-j', 'NOTRACK']]);
    out.push(['filter', 'INPUT', [...to, ...comment, 'NodeLocal DNS Cache: allow DNS traffic', '-j', 'ACCEPT']]);
    out.push(['raw', 'OUTPUT', [...from, ...comment, 'NodeLocal DNS Cache: skip conntrack', '-j', 'NOTRACK']]);
    out.push(['filter', 'OUTPUT', [...from, ...comment, 'NodeLocal DNS Cache: allow DNS traffic', '-j', 'ACCEPT']]);
    out.push(['raw', 'OUTPUT', [...to, ...comment, 'NodeLocal DNS Cache: skip conntrack', '-j', 'NOTRACK']]);
  }
  out.push([
    'raw',
    'OUTPUT',
    ['-p', 'tcp', '-d', ip, '--dport', '8080', ...comment, 'NodeLocal DNS Cache: skip conntrack', '-j', 'NOTRACK'],
  ]);
  out.push([
    'raw',
    'OUTPUT',
    ['-p', 'tcp', '-s', ip, '--sport', '8080', ...comment, 'NodeLocal DNS Cache: skip conntrack', '-j', 'NOTRACK'],
  ]);
  return out;
}

function* prepare(p: Process, o: Options): Task<string | null> {
  if (o.setup) {
    if (!p.ns.device(o.interfaceName)) {
      const made = yield* run(p, ['ip', 'link', 'add', o.interfaceName, 'type', 'dummy']);
      if (made.status !== 0) return made.err.trim();
    }
    for (const ip of o.localIps) yield* run(p, ['ip', 'addr', 'replace', `${ip}/32`, 'dev', o.interfaceName]);
  }
  if (o.iptables)
    for (const ip of o.localIps)
      for (const [table, chain, rule] of rules(ip)) {
        const there = yield* run(p, ['iptables', '-w', '-t', table, '-C', chain, ...rule]);
        if (there.status === 0) continue;
        const added = yield* run(p, ['iptables', '-w', '-t', table, '-A', chain, ...rule]);
        if (added.status !== 0) return added.err.trim();
      }
  return null;
}

function* tearDown(p: Process, o: Options): Task<void> {
  if (o.iptables)
    for (const ip of o.localIps)
      for (const [table, chain, rule] of rules(ip)) yield* run(p, ['iptables', '-w', '-t', table, '-D', chain, ...rule]);
  if (o.setup) yield* run(p, ['ip', 'link', 'del', o.interfaceName]);
}

/** `clientOf` as for coredns; the upstream Service's address comes from the environment, as a pod has it. */
export function nodeCacheCommand(clientOf: (p: Process) => Client | null): Command {
  return {
    name: 'node-cache',
    path: '/node-cache',
    *main(p) {
      const o = parse(p.argv);
      if (typeof o === 'string') {
        yield* p.err(`${o}\n`);
        return 2;
      }
      const variable = `${o.upstream.toUpperCase().replaceAll('-', '_')}_SERVICE_HOST`;
      const template = p.readText(o.base);
      const upstream = p.env.get(variable);
      if (template !== null) {
        if (upstream === undefined && template.includes('__PILLAR__CLUSTER__DNS__')) {
          yield* p.err(`[ERROR] Failed to obtain the address of service ${o.upstream}: ${variable} is not set\n`);
          return 1;
        }
        const text = template
          .replaceAll('__PILLAR__CLUSTER__DNS__', upstream ?? '')
          .replaceAll('__PILLAR__UPSTREAM__SERVERS__', '/etc/resolv.conf')
          .replaceAll('__PILLAR__LOCAL__DNS__', o.localIps.join(' '));
        p.writeFile(o.conf, text);
      }
      const failed = yield* prepare(p, o);
      if (failed !== null) {
        yield* p.err(`[ERROR] Error in setting up: ${failed}\n`);
        return 1;
      }
      for (const ip of o.localIps) yield* p.out(`[INFO] Added interface - ${o.interfaceName} ${ip}\n`);
      let stopping = false;
      p.onSignal('TERM', () => {
        stopping = true;
      });
      const server = runCoredns(p, ['coredns', '-conf', o.conf], clientOf);
      let step = server.next('woken');
      while (!step.done) {
        const wake = yield step.value;
        if (stopping) {
          yield* tearDown(p, o);
          return 0;
        }
        step = server.next(wake);
      }
      return step.value;
    },
  };
}
