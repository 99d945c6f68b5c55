/** The real kernel's side of the comparison, in network namespaces of its own (prefix `hwb-`). Needs root on Linux, iproute2, ping; nginx and ab for HTTP. */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as w1 from '../src/cluster/world/w1.ts';
import { type Network, nginxConf, PAGE } from './networks.ts';

const PREFIX = 'hwb-';

const has = (tool: string): boolean => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`]).status === 0;

const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

function sh(command: string): string {
  return execFileSync('sh', ['-c', command], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 });
}

const inside = (name: string, command: string): string => `ip netns exec ${PREFIX}${name} ${command}`;

/** Why the real side cannot be measured here; null when it can. */
export function unavailable(...tools: string[]): string | null {
  if (process.platform !== 'linux') return `not Linux but ${process.platform}`;
  if (process.getuid?.() !== 0) return 'not root';
  const missing = ['ip', 'ping', 'bridge', 'sysctl', ...tools].filter((t) => !has(t));
  if (missing.length > 0) return `${missing.join(', ')} not installed`;
  const probe = spawnSync('unshare', ['-n', 'true']);
  return probe.status === 0 ? null : 'network namespaces are not allowed here';
}

export function remove(): void {
  for (const line of sh('ip netns list').split('\n')) {
    const name = line.split(' ')[0] ?? '';
    if (name.startsWith(PREFIX)) sh(`ip netns del ${name}`);
  }
}

/** Builds the network; returns how long that took, ms. */
export function build(net: Network): number {
  remove();
  const start = performance.now();
  for (const name of net.namespaces) sh(`ip netns add ${PREFIX}${name}`);
  for (const [where, line] of net.lines) sh(inside(where, line.replace('@', PREFIX)));
  const ms = performance.now() - start;
  sh(inside(net.client, `ping -c 2 -i 0.2 ${net.address}`));
  return ms;
}

/**
 * World W1 in real namespaces, with the commands that build the emulated one: a switch, three nodes with flannel, kube-proxy's rules,
 * four pods. Without router, clients and servers. Returns how long that took, ms.
 */
export function buildW1(): number {
  remove();
  const dir = mkdtempSync(join(tmpdir(), PREFIX));
  let files = 0;
  const feed = (name: string, command: string, input: string): void => {
    const file = join(dir, String(files++));
    writeFileSync(file, input);
    sh(inside(name, `${command} < ${file}`));
  };
  const start = performance.now();
  sh(`ip netns add ${PREFIX}switch`);
  sh(inside('switch', 'ip link add lan type bridge'));
  sh(inside('switch', 'ip link set lan up'));
  for (const node of w1.NODES) {
    sh(`ip netns add ${PREFIX}${node.name}`);
    sh(inside('switch', `ip link add ${node.name} type veth peer name eth0 netns ${PREFIX}${node.name}`));
    sh(inside('switch', `ip link set ${node.name} master lan up`));
    for (const [key, value] of w1.NODE_SYSCTLS) sh(inside(node.name, `sysctl -qw ${key}=${value}`));
    feed(node.name, 'ip -batch -', `${w1.nodeLinks(node).join('\n')}\n`);
    for (const line of w1.nodeForwarding(node)) sh(inside(node.name, `bridge ${line}`));
    feed(node.name, 'iptables-restore --noflush', w1.nodeRules(node));
    for (const pod of w1.PODS.filter((p) => p.node === node.name)) {
      sh(`ip netns add ${PREFIX}${pod.name}`);
      const links = w1.podLinks(pod, node.subnet);
      feed(node.name, 'ip -batch -', `${links.node.join('\n').replaceAll(w1.netnsName(pod.name), PREFIX + pod.name)}\n`);
      sh(inside(node.name, `bridge link set dev ${w1.vethName(pod.name)} hairpin on`));
      feed(pod.name, 'ip -batch -', `${links.pod.join('\n')}\n`);
    }
  }
  const ms = performance.now() - start;
  rmSync(dir, { recursive: true });
  return ms;
}

/** Round trips a second by ping's own account (`time 768ms`). */
export function floodPing(net: Network, count: number): number {
  const out = sh(inside(net.client, `ping -f -q -c ${count} ${net.address}`));
  const received = Number(/(\d+) received/.exec(out)?.[1] ?? 0);
  const ms = Number(/time (\d+)ms/.exec(out)?.[1] ?? 0);
  return received / (ms / 1000);
}

/** nginx in the server's namespace; returns the function that ends it. */
export function startNginx(net: Network): () => void {
  const dir = mkdtempSync(join(tmpdir(), PREFIX));
  sh(`chmod 755 ${dir}`);
  writeFileSync(join(dir, 'nginx.conf'), nginxConf(dir));
  writeFileSync(join(dir, 'index.html'), PAGE);
  const child = spawn('ip', ['netns', 'exec', `${PREFIX}${net.server}`, 'nginx', '-c', join(dir, 'nginx.conf')], { env, stdio: 'ignore' });
  sh(`for i in 1 2 3 4 5 6 7 8 9 10; do ${inside(net.server, 'ss -ltn')} | grep -q :80 && exit 0; sleep 0.1; done; exit 1`);
  return () => {
    child.kill('SIGTERM');
    rmSync(dir, { recursive: true, force: true });
  };
}

/** Connections a second by ab's account. */
export function httpConnections(net: Network, count: number, address = net.address): number {
  const out = sh(inside(net.client, `ab -q -n ${count} -c 1 http://${address}/`));
  return Number(/Requests per second:\s+([\d.]+)/.exec(out)?.[1] ?? 0);
}

/** Milliseconds that `iptables-restore --noflush` takes for the rules. */
export function restore(net: Network, input: string): number {
  const file = join(tmpdir(), `${PREFIX}rules`);
  writeFileSync(file, input);
  const start = performance.now();
  sh(inside(net.node, `iptables-restore --noflush < ${file}`));
  const ms = performance.now() - start;
  rmSync(file);
  return ms;
}
