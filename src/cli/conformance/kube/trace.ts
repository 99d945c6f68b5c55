/** Packets through kube-proxy's rules as its own tests trace them: which rules decide, read from their counters. */

import { commands } from '../../../bin/index.ts';
import { Kernel } from '../../../net/kernel.ts';
import { Machine } from '../../../os/machine.ts';
import { runCommand } from '../../../os/run.ts';
import { Sim } from '../../../sim/sim.ts';
import type { Check } from './proxy-case.ts';

export interface TraceFile {
  readonly nodeIPs: readonly string[];
  readonly rules: string;
  readonly cases: readonly TraceCase[];
}

interface TraceCase {
  readonly name: string;
  readonly sourceIP: string;
  readonly protocol: string;
  readonly destIP: string;
  readonly destPort: number;
  readonly outputs: readonly string[];
  readonly masq: boolean;
}

/** So often is a packet sent, for all the endpoints that chance may choose. */
const TRIES = 24;

/** A node with its addresses, a client behind a cable, and a way out for everything else. */
function node(file: TraceFile): Machine {
  const m = new Machine(new Kernel(new Sim(1), 'node'), commands);
  m.kernel.init.lo.setUp();
  const sh = (script: string): void => {
    const r = runCommand(m, script);
    if (r.exitCode !== 0) throw new Error(`${script}: ${r.stderr}`);
  };
  sh('sysctl -qw net.ipv4.ip_forward=1');
  sh(
    'ip netns add client; ip link add eth0 type veth peer name c0 netns client; ip link set eth0 up; ip -n client link set c0 up; ip -n client link set lo up',
  );
  sh('ip link add out type dummy; ip link set out up; ip addr add 198.18.255.1/16 dev out');
  sh('ip route add default via 198.18.0.1; ip neigh replace 198.18.0.1 lladdr 02:00:00:00:00:01 dev out nud permanent');
  for (const ip of file.nodeIPs) sh(`ip addr add ${ip}/32 dev eth0`);
  sh('ip addr add 198.19.0.1/30 dev eth0; ip -n client addr add 198.19.0.2/30 dev c0; ip -n client route add default via 198.19.0.1');
  const sources = new Set(file.cases.map((c) => c.sourceIP).filter((ip) => !file.nodeIPs.includes(ip)));
  for (const ip of sources) sh(`ip -n client addr add ${ip}/32 dev lo; ip route add ${ip}/32 via 198.19.0.2`);
  const r = runCommand(m, ['iptables-restore'], { stdin: file.rules });
  if (r.exitCode !== 0) throw new Error(r.stderr);
  return m;
}

/** What decided about the packets so far. */
function outcome(m: Machine): { outputs: Set<string>; masq: boolean } {
  const outputs = new Set<string>();
  let masq = false;
  for (const line of runCommand(m, ['iptables-save', '-c']).stdout.split('\n')) {
    const hit = /^\[(\d+):\d+\] -A (\S+) .*-j (\S+)(.*)$/.exec(line);
    if (!hit || hit[1] === '0') continue;
    const [, , chain, target, rest = ''] = hit;
    if (target === 'DNAT') outputs.add(/--to-destination (\S+)/.exec(rest)?.[1] ?? '');
    else if (target === 'MASQUERADE') masq = true;
    else if (chain !== 'KUBE-FORWARD' && (target === 'DROP' || target === 'REJECT' || target === 'ACCEPT')) outputs.add(target);
  }
  return { outputs, masq };
}

export function judgeTrace(file: TraceFile): Check[] {
  return file.cases.map((c) => {
    const m = node(file);
    const inside = !file.nodeIPs.includes(c.sourceIP);
    for (let i = 0; i < TRIES; i++) {
      const nc = ['nc', '-z', '-w', '1', '-s', c.sourceIP, ...(c.protocol === 'udp' ? ['-u'] : []), c.destIP, String(c.destPort)];
      runCommand(m, inside ? ['ip', 'netns', 'exec', 'client', ...nc] : nc);
    }
    const { outputs, masq } = outcome(m);
    const text = (list: Iterable<string>, snat: boolean): string => [...[...list].sort(), `masq=${snat}`].join('\n');
    const [wanted, got] = [text(c.outputs, c.masq), text(outputs, masq)];
    return { group: 'trace', name: c.name, passed: wanted === got, wanted, got };
  });
}
