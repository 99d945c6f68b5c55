/** /proc/net/vlan and /proc/net/bonding. Models net/8021q/vlanproc.c, drivers/net/bonding/bond_procfs.c */

import { Bond, type BondSlave } from '../net/dev/bond.ts';
import { Vlan } from '../net/dev/vlan.ts';
import type { Netns } from '../net/netns.ts';
import { formatMac } from '../wire/mac.ts';
import { type Directory, ProcDir, ProcFile } from './inode.ts';

function devicesOf<T>(ns: Netns, kind: new (...args: never[]) => T): T[] {
  return [...ns.devices.values()].filter((d): d is typeof d & T => d instanceof kind);
}

export function procVlan(ns: Netns): Directory {
  return new ProcDir(
    () => ['config', ...devicesOf(ns, Vlan).map((v) => v.name)],
    (name) => {
      if (name === 'config') return new ProcFile(() => vlanConfig(ns));
      const dev = ns.device(name);
      return dev instanceof Vlan ? new ProcFile(() => vlanText(dev)) : undefined;
    },
  );
}

function vlanConfig(ns: Netns): string {
  const rows = devicesOf(ns, Vlan).map((v) => `${v.name.padEnd(15)}| ${String(v.vid).padEnd(4)}| ${v.lower.name}\n`);
  return `VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n${rows.join('')}`;
}

function vlanText(v: Vlan): string {
  const row = (name: string, n: number): string => `${name.padStart(30)} ${String(n).padStart(12)}\n`;
  const { stats } = v;
  return [
    `${v.name}  VID: ${v.vid}\t REORDER_HDR: ${v.reorderHeader ? 1 : 0}  dev->priv_flags: 81021\n`,
    row('total frames received', stats.rxPackets),
    row('total bytes received', stats.rxBytes),
    row('Broadcast/Multicast Rcvd', stats.multicast),
    '\n',
    row('total frames transmitted', stats.txPackets),
    row('total bytes transmitted', stats.txBytes),
    `Device: ${v.lower.name}\n`,
    `INGRESS priority mappings: ${[0, 1, 2, 3, 4, 5, 6].map((n) => `${n}:${v.ingressQos.get(n) ?? 0}`).join('  ')} 7:${v.ingressQos.get(7) ?? 0}\n`,
    ` EGRESS priority mappings: ${[...v.egressQos].map(([from, to]) => `${from}:${to} `).join('')}\n`,
  ].join('');
}

export function procBonding(ns: Netns): Directory {
  return new ProcDir(
    () => devicesOf(ns, Bond).map((b) => b.name),
    (name) => {
      const dev = ns.device(name);
      return dev instanceof Bond ? new ProcFile(() => bondText(dev)) : undefined;
    },
  );
}

const MODES: Readonly<Record<string, string>> = {
  'balance-rr': 'load balancing (round-robin)',
  'active-backup': 'fault-tolerance (active-backup)',
  'balance-xor': 'load balancing (xor)',
  broadcast: 'fault-tolerance (broadcast)',
  '802.3ad': 'IEEE 802.3ad Dynamic link aggregation',
  'balance-tlb': 'transmit load balancing',
  'balance-alb': 'adaptive load balancing',
};

const HASH_POLICIES = ['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4', 'vlan+srcmac'];

function bondText(b: Bond): string {
  const { options: o } = b;
  const hashed = o.mode === 'balance-xor' || o.mode === '802.3ad' || o.mode === 'balance-tlb' || o.mode === 'balance-alb';
  const lines = [`Ethernet Channel Bonding Driver: v${b.ns.kernel.profile.release}`, '', `Bonding Mode: ${MODES[o.mode]}`];
  if (hashed) lines.push(`Transmit Hash Policy: ${HASH_POLICIES[o.xmitHashPolicy]} (${o.xmitHashPolicy})`);
  if (b.usesActive) {
    const reselect = o.primaryReselect
      ? ` (primary_reselect ${['always', 'better', 'failure'][o.primaryReselect]})`
      : ' (primary_reselect always)';
    lines.push(`Primary Slave: ${b.primary ? b.primary.name + reselect : 'None'}`);
    lines.push(`Currently Active Slave: ${b.activeSlave?.dev.name ?? 'None'}`);
  }
  lines.push(`MII Status: ${b.carrier() ? 'up' : 'down'}`);
  lines.push(`MII Polling Interval (ms): ${o.miimon}`);
  lines.push(`Up Delay (ms): ${o.updelay * o.miimon}`);
  lines.push(`Down Delay (ms): ${o.downdelay * o.miimon}`);
  lines.push(`Peer Notification Delay (ms): ${o.peerNotifyDelay * o.miimon}`);
  if (o.mode === '802.3ad') {
    lines.push('', '802.3ad info', `LACP active: ${o.lacpActive ? 'on' : 'off'}`, `LACP rate: ${o.lacpRate ? 'fast' : 'slow'}`);
    lines.push(`Min links: ${o.minLinks}`, `Aggregator selection policy (ad_select): ${['stable', 'bandwidth', 'count'][o.adSelect]}`);
  }
  for (const s of b.slaves) lines.push('', ...slaveText(s));
  return `${lines.join('\n')}\n`;
}

function slaveText(s: BondSlave): string[] {
  return [
    `Slave Interface: ${s.dev.name}`,
    `MII Status: ${s.link ? 'up' : 'down'}`,
    s.dev.kind === 'veth' ? 'Speed: 10000 Mbps' : 'Speed: Unknown',
    s.dev.kind === 'veth' ? 'Duplex: full' : 'Duplex: Unknown',
    `Link Failure Count: ${s.failures}`,
    `Permanent HW addr: ${formatMac(s.permMac)}`,
    `Slave queue ID: ${s.queueId}`,
  ];
}
