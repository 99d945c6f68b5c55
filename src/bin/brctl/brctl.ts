/** brctl: the old bridge tool. Models bridge-utils 1.7 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import {
  changeData,
  changePort,
  delLink,
  dumpFdb,
  fail,
  type LinkData,
  type LinkMsg,
  linkMsg,
  type NetDevice,
  newLink,
  type PortChange,
  type Result,
  setLink,
  strerror,
} from '../../os/uapi.ts';
import { formatMac } from '../../wire/mac.ts';

class Brctl {
  readonly p: Process;
  out = '';
  err = '';

  constructor(p: Process) {
    this.p = p;
  }

  say(text: string): number {
    this.err += `${text}\n`;
    return 1;
  }

  bridges(): NetDevice[] {
    return [...this.p.ns.devices.values()].filter((d) => d.kind === 'bridge').sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  bridge(name: string): NetDevice | undefined {
    const dev = this.p.ns.device(name);
    return dev?.kind === 'bridge' ? dev : undefined;
  }

  ports(br: NetDevice): NetDevice[] {
    return [...this.p.ns.devices.values()].filter((d) => d.master === br);
  }
}

function idText(id: { readonly priority: number; readonly mac: number }): string {
  return `${id.priority.toString(16).padStart(4, '0')}.${formatMac(id.mac).replaceAll(':', '')}`;
}

function bridgeId(m: LinkMsg): string {
  const d = m.data?.kind === 'bridge' ? m.data : null;
  return idText({ priority: d?.priority ?? 0x8000, mac: d?.address ?? m.address });
}

function show(b: Brctl, args: readonly string[]): number {
  let status = 0;
  let head = false;
  const names = args.length > 0 ? args : b.bridges().map((d) => d.name);
  for (const name of names) {
    const br = b.p.ns.device(name);
    if (!br) {
      status = b.say(`bridge ${name} does not exist!`);
      continue;
    }
    if (br.kind !== 'bridge') {
      status = b.say(`device ${name} is not a bridge!`);
      continue;
    }
    if (!head) b.out += 'bridge name\tbridge id\t\tSTP enabled\tinterfaces\n';
    head = true;
    const m = linkMsg(br);
    const stp = m.data?.kind === 'bridge' && m.data.stp;
    b.out += `${name}\t\t${bridgeId(m)}\t${stp ? 'yes' : 'no'}\t\t`;
    b.out += `${b
      .ports(br)
      .map((d) => d.name)
      .sort()
      .join('\n\t\t\t\t\t\t\t')}\n`;
  }
  return status;
}

function seconds(n: number): string {
  return n.toFixed(2).padStart(7);
}

function showmacs(b: Brctl, [name]: readonly string[]): number {
  const br = b.bridge(name as string);
  if (!br) return b.say(`read of forward table failed: ${b.p.ns.device(name as string) ? 'Operation not supported' : 'No such device'}`);
  b.out += 'port no\tmac addr\t\tis local?\tageing timer\n';
  const rows = dumpFdb(b.p.ns).filter((e) => e.master === br && e.dev !== br);
  rows.sort((x, y) => x.mac - y.mac);
  for (const e of rows) {
    const port = linkMsg(e.dev).port;
    const local = e.state === 'permanent';
    b.out += `${String(port?.number ?? 0).padStart(3)}\t${formatMac(e.mac)}\t${local ? 'yes' : 'no'}\t\t${seconds(local || e.state === 'static' ? 0 : e.updated)}\n`;
  }
  return 0;
}

function showstp(b: Brctl, [name]: readonly string[]): number {
  const br = b.bridge(name as string);
  if (!br) return b.say(`bridge ${name} does not exist!`);
  const m = linkMsg(br);
  const d = m.data?.kind === 'bridge' ? m.data : null;
  const tree = d?.tree;
  const root = tree && tree.rootPort !== 0 ? idText(tree.root) : bridgeId(m);
  const pair = (name: string, value: number | undefined, tabs: string): string => {
    const text = seconds(value ?? 0);
    return ` ${name}\t\t${text}\t\t\tbridge ${name}${tabs}${text}\n`;
  };
  b.out += `${name}\n bridge id\t\t${bridgeId(m)}\n designated root\t${root}\n`;
  b.out += ` root port\t\t${count(tree?.rootPort)}\t\t\tpath cost\t\t${count(tree?.rootPathCost)}\n`;
  b.out += pair('max age', d?.maxAge, '\t\t') + pair('hello time', d?.helloTime, '\t') + pair('forward delay', d?.forwardDelay, '\t');
  b.out += ` ageing time\t\t${seconds(d?.ageingTime ?? 300)}\n`;
  b.out += ` hello timer\t\t${seconds(tree?.helloTimer ?? 0)}\t\t\ttcn timer\t\t${seconds(tree?.tcnTimer ?? 0)}\n`;
  b.out += ` topology change timer\t${seconds(tree?.topologyChangeTimer ?? 0)}\t\t\tgc timer\t\t${seconds(d?.gcTimer ?? 0)}\n`;
  const flags = `${tree?.topologyChange ? 'TOPOLOGY_CHANGE ' : ''}${tree?.topologyChangeDetected ? 'TOPOLOGY_CHANGE_DETECTED ' : ''}`;
  b.out += ` flags\t\t\t${flags}\n\n\n`;
  for (const dev of b.ports(br).sort((x, y) => (x.name < y.name ? -1 : 1))) showPort(b, dev);
  return 0;
}

function count(n = 0): string {
  return String(n).padStart(4);
}

function showPort(b: Brctl, dev: NetDevice): void {
  const p = linkMsg(dev).port;
  if (!p) return;
  const hex = (n: number): string => n.toString(16).padStart(4, '0');
  b.out += `${dev.name} (${p.number})\n port id\t\t${hex(p.id)}\t\t\tstate\t\t${p.state.padStart(15)}\n`;
  b.out += ` designated root\t${idText(p.designatedRoot)}\tpath cost\t\t${count(p.cost)}\n`;
  b.out += ` designated bridge\t${idText(p.designatedBridge)}\tmessage age timer\t${seconds(p.messageAgeTimer)}\n`;
  b.out += ` designated port\t${hex(p.designatedPort)}\t\t\tforward delay timer\t${seconds(p.forwardDelayTimer)}\n`;
  b.out += ` designated cost\t${count(p.designatedCost)}\t\t\thold timer\t\t${seconds(p.holdTimer)}\n`;
  b.out += ` flags\t\t\t${p.configPending ? 'CONFIG_PENDING ' : ''}${p.topologyChangeAck ? 'TOPOLOGY_CHANGE_ACK ' : ''}\n`;
  b.out += p.hairpin ? ' hairpin mode\t\t   1\n\n' : '\n';
}

/** Names are cut to what an ioctl carries. */
function ifname(name: string): string {
  return name.slice(0, 15);
}

function addbr(b: Brctl, [name]: readonly string[]): number {
  const r = newLink(b.p.ns, { kind: 'bridge', name: ifname(name as string) });
  if (r.ok) return 0;
  if (r.errno === 'EEXIST') return b.say(`device ${name} already exists; can't create bridge with the same name`);
  return b.say(`add bridge failed: ${strerror(r.errno)}`);
}

function delbr(b: Brctl, [name]: readonly string[]): number {
  const br = b.p.ns.device(ifname(name as string));
  if (!br) return b.say(`bridge ${name} doesn't exist; can't delete it`);
  if (br.kind !== 'bridge') return b.say(`can't delete bridge ${name}: ${strerror('EPERM')}`);
  if (br.up) return b.say(`bridge ${name} is still up; can't delete it`);
  delLink(br);
  return 0;
}

function addif(b: Brctl, [name, ...ports]: readonly string[]): number {
  for (const port of ports) {
    const dev = b.p.ns.device(port);
    if (!dev) return b.say(`interface ${port} does not exist!`);
    const br = b.p.ns.device(name as string);
    if (!br) return b.say(`bridge ${name} does not exist!`);
    const r: Result = br.kind !== 'bridge' ? fail('EOPNOTSUPP') : dev.master ? fail('EBUSY') : setLink(dev, { master: br });
    if (r.ok) continue;
    if (r.errno === 'ELOOP') return b.say(`device ${port} is a bridge device itself; can't add a bridge device to a bridge device.`);
    if (r.errno === 'EBUSY') return b.say(`device ${port} is already a member of a bridge; can't add it to bridge ${name}.`);
    return b.say(`can't add ${port} to bridge ${name}: ${strerror(r.errno)}`);
  }
  return 0;
}

function delif(b: Brctl, [name, ...ports]: readonly string[]): number {
  for (const port of ports) {
    const dev = b.p.ns.device(port);
    if (!dev) return b.say(`interface ${port} does not exist!`);
    const br = b.p.ns.device(name as string);
    if (!br) return b.say(`bridge ${name} does not exist!`);
    if (dev.master !== br) return b.say(`device ${port} is not a port of ${name}`);
    setLink(dev, { master: null });
  }
  return 0;
}

function onOff(text: string): boolean | null {
  if (['on', 'yes', '1', 'true'].includes(text)) return true;
  return ['off', 'no', '0', 'false'].includes(text) ? false : null;
}

/** A setting of the bridge that is a number; `what` names it in the failure. */
function setting(bad: string, what: string, make: (n: number) => LinkData) {
  return (b: Brctl, [name, text]: readonly string[]): number => {
    const n = Number(text);
    if (text === undefined || text.trim() === '' || Number.isNaN(n)) return b.say(bad);
    return outcome(b, b.bridge(name as string), (br) => changeData(br, make(n)), `set ${what} failed`);
  };
}

function outcome(b: Brctl, br: NetDevice | undefined, change: (br: NetDevice) => Result, what: string): number {
  if (!br) return b.say(`${what}: No such device`);
  const r = change(br);
  return r.ok ? 0 : b.say(`${what}: ${strerror(r.errno)}`);
}

function stp(b: Brctl, [name, text]: readonly string[]): number {
  const on = onOff(text as string);
  if (on === null) return b.say(`expect on/off for argument`);
  return outcome(b, b.bridge(name as string), (br) => changeData(br, { kind: 'bridge', stp: on }), 'set stp status failed');
}

function portSetting(bad: string, what: string, key: 'cost' | 'priority') {
  return (b: Brctl, [name, port, text]: readonly string[]): number => {
    const n = Number(text);
    if (text === undefined || Number.isNaN(n)) return b.say(bad);
    const dev = b.p.ns.device(port as string);
    if (!dev) return b.say(`set ${what} failed: ${strerror('ENODEV')}`);
    // What the port belongs to is not looked at.
    void name;
    const change: PortChange = { [key]: n };
    const r = changePort(dev, change);
    return r.ok ? 0 : b.say(`set ${what} failed: ${strerror(r.errno)}`);
  };
}

function hairpin(b: Brctl, [name, port, text]: readonly string[]): number {
  const on = onOff(text as string);
  if (on === null) return b.say(`expect on/off for argument`);
  const dev = b.p.ns.device(port as string);
  if (!dev) return b.say(`interface ${port} does not exist!`);
  if (!b.p.ns.device(name as string)) return b.say(`bridge ${name} does not exist!`);
  if (!dev.master) return b.say(`can't set ${port} to hairpin on bridge ${name}: ${strerror('ENOENT')}`);
  changePort(dev, { hairpin: on });
  return 0;
}

interface Verb {
  readonly name: string;
  readonly args: number;
  readonly help: string;
  run(b: Brctl, args: readonly string[]): number;
}

const VERBS: readonly Verb[] = [
  { name: 'addbr', args: 1, help: '<bridge>\t\tadd bridge', run: addbr },
  { name: 'delbr', args: 1, help: '<bridge>\t\tdelete bridge', run: delbr },
  { name: 'addif', args: 2, help: '<bridge> <device>\tadd interface to bridge', run: addif },
  { name: 'delif', args: 2, help: '<bridge> <device>\tdelete interface from bridge', run: delif },
  { name: 'hairpin', args: 3, help: '<bridge> <port> {on|off}\tturn hairpin on/off', run: hairpin },
  {
    name: 'setageing',
    args: 2,
    help: '<bridge> <time>\t\tset ageing time',
    run: setting('bad ageing time value', 'ageing time', (n) => ({ kind: 'bridge', ageingTime: n })),
  },
  {
    name: 'setbridgeprio',
    args: 2,
    help: '<bridge> <prio>\t\tset bridge priority',
    run: setting('bad priority', 'bridge priority', (n) => ({ kind: 'bridge', priority: n & 0xffff })),
  },
  {
    name: 'setfd',
    args: 2,
    help: '<bridge> <time>\t\tset bridge forward delay',
    run: setting('bad forward delay value', 'forward delay', (n) => ({ kind: 'bridge', forwardDelay: n })),
  },
  {
    name: 'sethello',
    args: 2,
    help: '<bridge> <time>\t\tset hello time',
    run: setting('bad hello timer value', 'hello timer', (n) => ({ kind: 'bridge', helloTime: n })),
  },
  {
    name: 'setmaxage',
    args: 2,
    help: '<bridge> <time>\t\tset max message age',
    run: setting('bad max age time value', 'max age', (n) => ({ kind: 'bridge', maxAge: n })),
  },
  {
    name: 'setpathcost',
    args: 3,
    help: '<bridge> <port> <cost>\tset path cost',
    run: portSetting('bad path cost value', 'path cost', 'cost'),
  },
  {
    name: 'setportprio',
    args: 3,
    help: '<bridge> <port> <prio>\tset port priority',
    run: portSetting('bad path priority value', 'port priority', 'priority'),
  },
  { name: 'show', args: 0, help: '[ <bridge> ]\t\tshow a list of bridges', run: show },
  { name: 'showmacs', args: 1, help: '<bridge>\t\tshow a list of mac addrs', run: showmacs },
  { name: 'showstp', args: 1, help: '<bridge>\t\tshow bridge stp info', run: showstp },
  { name: 'stp', args: 2, help: '<bridge> {on|off}\tturn stp on/off', run: stp },
];

const USAGE = `Usage: brctl [commands]\ncommands:\n${VERBS.map((v) => `\t${v.name.padEnd(10)}\t${v.help}\n`).join('')}`;

function run(b: Brctl, argv: readonly string[]): number {
  const [name, ...args] = argv;
  if (name === '-V' || name === '--version') {
    b.out += 'bridge-utils, 1.7\n';
    return 0;
  }
  if (name === undefined || name === '-h' || name === '--help') {
    b.out += USAGE;
    return name === undefined ? 1 : 0;
  }
  const verb = VERBS.find((v) => v.name === name);
  if (!verb) {
    b.say(`never heard of command [${name}]`);
    b.out += USAGE;
    return 1;
  }
  if (args.length < verb.args) {
    b.out += `Incorrect number of arguments for command\nUsage: brctl ${verb.name} ${verb.help}\n`;
    return 1;
  }
  return verb.run(b, args);
}

function* main(p: Process): Task<number> {
  const b = new Brctl(p);
  const status = run(b, p.argv.slice(1));
  if (b.out !== '') yield* p.out(b.out);
  if (b.err !== '') yield* p.err(b.err);
  return status;
}

export const brctl: Command = { name: 'brctl', main, path: '/usr/sbin/brctl' };
