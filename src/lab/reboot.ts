/** A node starts again: processes, virtual devices, rules and settings in memory are gone; files stay, and say what comes back. */

import { runtimeOf } from '../cluster/node/runtime/runtime.ts';
import { setUp } from '../cluster/setup.ts';
import { KUBEADM_SYSCTLS } from '../cluster/world/boot.ts';
import type { KubernetesSpec, MachineSpec } from '../cluster/world/file.ts';
import { type NodePlace, networkOf } from '../cluster/world/network.ts';
import { flushCache } from '../net/ip/route.ts';
import { Kernel } from '../net/kernel.ts';
import type { Machine } from '../os/machine.ts';
import { runCommand } from '../os/run.ts';
import { systemdOf } from '../os/systemd.ts';
import { MS, SEC } from '../sim/sim.ts';
import { networkLines } from './machines.ts';
import { pass } from './passing.ts';

/** From the reset to the first service, virtual time. */
const BOOT = 5 * SEC;
const TABLES = ['raw', 'mangle', 'nat', 'filter'] as const;
const WANTS = '/etc/systemd/system/multi-user.target.wants';
const emptyTables = (tools: string): string => `for f in ${tools}; do
  for t in raw mangle nat filter; do $f -t $t -F && $f -t $t -X; done
  for c in INPUT FORWARD OUTPUT; do $f -P $c ACCEPT; done
done`;
const EMPTY = `nft flush ruleset
${emptyTables('iptables ip6tables')}
ipset destroy
ipvsadm -C
ip rule flush; ip rule add from all lookup main pref 32766; ip rule add from all lookup default pref 32767
rm -rf /tmp/*
true`;

function stopAll(m: Machine): void {
  const systemd = systemdOf(m);
  for (const unit of systemd.units.values()) unit.stopping = true;
  for (const p of [...m.processes.values()].reverse()) if (p !== m.init) p.raise('KILL');
  for (const unit of systemd.units.values()) {
    unit.active = 'inactive';
    unit.sub = 'dead';
    unit.main = null;
    unit.restarts = 0;
  }
  const runtime = runtimeOf(m);
  for (const c of runtime.containers.values()) {
    if (c.state === 'Running') c.finishedAt = m.sim.now;
    if (c.state === 'Running' || c.finishedAt === m.sim.now)
      Object.assign(c, { state: 'Exited', exitCode: 255, reason: 'Unknown', process: null });
  }
  for (const s of runtime.sandboxes.values()) Object.assign(s, { state: 'NotReady', pause: null, shim: null });
}

function emptyKernel(m: Machine): void {
  const { kernel } = m;
  const { init } = kernel;
  for (const [name, ns] of [...kernel.named]) {
    kernel.named.delete(name);
    ns.destroy();
  }
  for (const dev of [...init.devices.values()].reverse())
    if (dev !== init.lo && dev.kind !== 'ether' && init.devices.has(dev.ifindex)) dev.delete();
  for (const dev of init.devices.values()) {
    if (dev === init.lo) continue;
    dev.setMaster(null);
    runCommand(m, `ip addr flush dev ${dev.name}; ip link set ${dev.name} down; tc qdisc del dev ${dev.name} root 2>/dev/null; true`);
  }
  runCommand(m, EMPTY);
  // To look at tables that nobody has made would make them.
  if (TABLES.some((t) => init.nf.legacy.get(4, t) || init.nf.legacy.get(6, t)))
    runCommand(m, `${emptyTables('iptables-legacy ip6tables-legacy')}; true`);
  for (const n of init.neigh.list()) init.neigh.del(n.dev, n.ip);
  init.ct.flush(0);
  flushCache(init, 4);
  flushCache(init, 6);
}

/** Settings are what the kernel starts with, until files say otherwise. */
function emptySysctls(m: Machine): void {
  const fresh = new Kernel(m.sim, m.kernel.hostname).init.sysctl;
  const { sysctl } = m.kernel.init;
  for (const line of runCommand(m, 'sysctl -a 2>/dev/null').stdout.split('\n')) {
    const key = line.slice(0, line.indexOf(' = '));
    const value = fresh.get(key);
    if (value !== undefined && value !== sysctl.get(key)) sysctl.set(key, value);
  }
}

export function reboot(m: Machine, spec: MachineSpec, kubernetes: KubernetesSpec, nodes: readonly NodePlace[]): void {
  const { sim } = m;
  stopAll(m);
  pass(sim, 10 * MS);
  emptyKernel(m);
  emptySysctls(m);
  pass(sim, BOOT);
  const { init } = m.kernel;
  for (const [key, value] of [...KUBEADM_SYSCTLS, ...Object.entries(spec.sysctls ?? {})]) init.sysctl.set(key, value);
  runCommand(m, 'sysctl --system >/dev/null 2>&1; true');
  setUp(init, networkLines(spec), () => undefined);
  const place = nodes.find((n) => n.machine.name === spec.name);
  if (place) setUp(init, networkOf(kubernetes.cni).links(place, nodes), () => undefined);
  const systemd = systemdOf(m);
  const wanted = m.init.readdir(WANTS);
  for (const name of wanted.ok ? [...wanted.value].sort() : []) {
    const unit = systemd.load(name);
    if (unit) systemd.start(unit, () => {});
  }
}
