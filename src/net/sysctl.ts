/** Sysctls of a namespace: /proc/sys/net with per-device conf, defaults and checks. Models net/ipv4/sysctl_net_ipv4.c, devinet.c */

import { fail, ok, type Result } from '../sim/errno.ts';
import type { NetDevice } from './dev/device.ts';
import type { Netns } from './netns.ts';
import { LINUX_6_18 } from './profile.ts';
import { BOUND_BY, parseNumbers, parseText } from './sysctl-limits.ts';
import { CONF4, CONF6, NEIGH, READ_ONLY, SYSCTLS } from './sysctl-table.ts';

type Values = Record<string, number>;
type Proto = 'ipv4' | 'ipv6';
type Where = NetDevice | 'all' | 'default';

type Group = 'conf4' | 'conf6' | 'neigh4' | 'neigh6';

/** Values of one device. Groups are shared with `default` until one of them is written: a world has many devices and few settings. */
interface DevValues {
  conf4: Values;
  conf6: Values;
  neigh4: Values;
  neigh6: Values;
  /** Groups that are not shared. */
  own: Partial<Record<Group, boolean>>;
  /** `group/name` of what no longer follows `default`. */
  set: Set<string> | null;
  /** All of conf4 was fixed by an address (ipv4_devconf_setall()). */
  settled: boolean;
}

/** The group's values, unshared. */
function writable(v: DevValues, group: Group): Values {
  if (!v.own[group]) {
    v[group] = { ...v[group] };
    v.own[group] = true;
  }
  return v[group];
}

const DEFAULTS: ReadonlyMap<string, string> = new Map(
  Object.entries(SYSCTLS).flatMap(([dir, rows]) =>
    Object.entries(rows).map(([name, value]): [string, string] => [`${dir}/${name}`, value]),
  ),
);

/** Keys that take a word or a list instead of numbers. */
const WORDS = new Set(['net/ipv4/tcp_congestion_control', 'net/ipv4/tcp_fastopen_key', 'net/mptcp/scheduler', 'net/mptcp/path_manager']);

export class Sysctl {
  readonly ns: Netns;
  /** What entries() found for these devices. */
  private listing: { devices: string; dirs: Map<string, string[]> } | null = null;
  private readonly values = new Map<string, string>();
  /** Paths of modules that were loaded. */
  private readonly loaded: string[] = [];
  private readonly ints = new Map<string, number>();
  private readonly vectors = new Map<string, readonly number[]>();
  private readonly cells = new Map<string, { n: number }>();
  private readonly all: DevValues;
  private readonly dflt: DevValues;
  private readonly devs = new Map<NetDevice, DevValues>();
  private readonly hooks = new Map<string, () => string>();
  private readonly listeners: ((path: string, value: string) => void)[] = [];

  constructor(ns: Netns) {
    this.ns = ns;
    const { tcpRmemMax } = ns.kernel.profile;
    if (tcpRmemMax !== LINUX_6_18.tcpRmemMax) this.values.set('net/ipv4/tcp_rmem', `4096\t131072\t${tcpRmemMax}`);
    // Linux copies IPv4 conf from the first namespace (devconf_inherit_init_net 0), IPv6 starts at its defaults.
    const first = (ns.kernel.init as Netns | undefined)?.sysctl;
    this.all = fresh({ ...(first?.all.conf4 ?? CONF4) });
    // ipv6_devconf leaves duplicate address detection to the devices, ipv6_devconf_dflt turns it on.
    this.all.conf6 = { ...this.all.conf6, accept_dad: 0 };
    // ipv4_devconf_dflt allows source routes, ipv4_devconf does not, and both must.
    this.dflt = fresh({ ...(first?.dflt.conf4 ?? { ...CONF4, accept_source_route: 1 }) });
    // The host wrote this one when it started; a copy of `default` knows.
    this.dflt.set = new Set(['conf4/promote_secondaries']);
    ns.events.subscribe((e) => {
      if (e.type !== 'link') return;
      if (e.action === 'register') this.adopt(e.dev);
      else if (e.action === 'unregister') this.devs.delete(e.dev);
    });
  }

  /** Key with dots (`net.ipv4.ip_forward`) or as a path below /proc/sys (`net/ipv4/conf/eth0.5/rp_filter`). Tabs separate vectors. */
  get(key: string): string | undefined {
    const path = pathOf(key);
    const dev = this.deviceKey(path);
    if (dev) return String(Math.floor((dev.values[dev.name] ?? 0) / (dev.scale ?? 1)));
    if (path === 'net/ipv4/ip_forward') return String(this.all.conf4.forwarding);
    const live = this.hooks.get(path);
    if (live) return live();
    return this.values.get(path) ?? DEFAULTS.get(path);
  }

  /** Settings that come with a module. */
  load(dir: string, rows: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(rows)) {
      const path = `${dir}/${name}`;
      this.loaded.push(path);
      this.values.set(path, value);
    }
    this.listing = null;
  }

  /** A value that is computed when read (nf_conntrack_count). */
  provide(key: string, read: () => string): void {
    this.hooks.set(pathOf(key), read);
  }

  /** Tells of every successful write. */
  onChange(listener: (path: string, value: string) => void): void {
    this.listeners.push(listener);
  }

  /** ENOENT unknown, EINVAL bad value, EACCES read-only. */
  set(key: string, value: string): Result {
    const path = pathOf(key);
    const old = this.get(path);
    if (old === undefined) return fail('ENOENT');
    if (!this.writable(path)) return fail('EACCES');
    const done = this.write(path, old, value.trim());
    if (!done.ok) return done;
    this.ns.fib.generation++;
    this.vectors.clear();
    for (const [name, cell] of this.cells) cell.n = this.int(name);
    for (const listener of this.listeners) listener(path, value);
    return ok();
  }

  writable(key: string): boolean {
    const path = pathOf(key);
    if (path.endsWith('/mc_forwarding')) return false;
    return !READ_ONLY.has(path) || (this.ns.kernel.init === this.ns && !path.endsWith('_count') && !path.endsWith('_entries'));
  }

  private write(path: string, old: string, value: string): Result {
    const dev = this.deviceKey(path);
    if (WORDS.has(path)) {
      if (path === 'net/ipv4/tcp_congestion_control') {
        if (!this.get('net/ipv4/tcp_available_congestion_control')?.split(' ').includes(value)) return fail('ENOENT');
        if (!this.get('net/ipv4/tcp_allowed_congestion_control')?.split(' ').includes(value)) return fail('EPERM');
      }
      this.values.set(path, value);
      return ok();
    }
    const text = parseText(path, value);
    if (text) {
      if (text.ok) this.values.set(path, text.value);
      return text.ok ? ok() : text;
    }
    const before = old.split('\t');
    const bound = BOUND_BY[path];
    const parsed = parseNumbers(path, value, before.length, bound ? Number.parseInt(this.get(bound[0]) ?? '', 10) : null);
    if (!parsed.ok) return parsed;
    const texts = before.map((b, i) => parsed.value[i] ?? b);
    const first = Number(texts[0]);
    if (dev) return confRefused(dev, first) ?? this.writeConf(dev, first);
    if (path === 'net/ipv4/ip_forward') {
      this.forwarding4('all', first);
      return ok();
    }
    const refused = pairRefused(path, texts, this);
    if (refused) return refused;
    if (path === 'net/ipv4/ping_group_range' && first > Number(texts[1])) texts.splice(0, 2, '1', '0');
    const twin = TWINS[path];
    if (twin) this.values.set(twin[0], String(twin[1](first)));
    this.values.set(path, texts.join('\t'));
    this.ints.clear();
    return ok();
  }

  private writeConf(key: DeviceKey, written: number): Result {
    const { where, group, name, values } = key;
    const n = written * (key.scale ?? 1);
    const target = this.of(where);
    if (where !== 'all') {
      target.set ??= new Set();
      target.set.add(`${group}/${name}`);
    }
    if (values[name] === n) return ok();
    if (group === 'conf4' && name === 'forwarding') {
      this.forwarding4(where, n);
      return ok();
    }
    writable(target, group)[name] = n;
    const each = group === 'conf6' && where === 'all' && ALL_MEANS_EACH.has(name);
    if (!each) this.tell(group, where, name);
    if (where === 'default' && group !== 'conf6') {
      for (const d of this.devs.values()) {
        const fixed = (group === 'conf4' && d.settled) || d.set?.has(`${group}/${name}`);
        if (!fixed) writable(d, group)[name] = n;
      }
    }
    if (group === 'conf6' && where === 'all' && ALL_MEANS_EACH.has(name)) {
      for (const d of [this.dflt, ...this.devs.values()]) writable(d, 'conf6')[name] = n;
      for (const w of ['default', ...this.devs.keys(), 'all'] as const) this.tell(group, w, name);
    }
    if (group === 'conf6') this.ns.ip6.confChanged(where, name, n);
    return ok();
  }

  /** inet_forward_change(): `all` switches every device and the default. */
  private forwarding4(where: Where, n: number): void {
    if (where !== 'all') {
      writable(this.of(where), 'conf4').forwarding = n;
      this.tell('conf4', where, 'forwarding');
      return;
    }
    if (this.all.conf4.forwarding === n) return;
    writable(this.all, 'conf4').accept_redirects = n === 0 ? 1 : 0;
    for (const d of [this.all, this.dflt, ...this.devs.values()]) writable(d, 'conf4').forwarding = n;
    for (const w of ['all', 'default', ...this.devs.keys()] as const) this.tell('conf4', w, 'forwarding');
  }

  private tell(group: Group, where: Where, name: string): void {
    if (typeof where !== 'string' && !where.registered) return;
    if (NETCONF.has(`${group}/${name}`)) this.ns.events.emit({ type: 'netconf', family: group === 'conf4' ? 4 : 6, where, name });
  }

  /** First number of the value, 0 when unknown. */
  int(key: string): number {
    let n = this.ints.get(key);
    if (n === undefined) {
      n = Number.parseInt(this.get(key) ?? '0', 10);
      const path = pathOf(key);
      if (DEFAULTS.has(path) && path !== 'net/ipv4/ip_forward' && !this.hooks.has(path)) this.ints.set(key, n);
    }
    return n;
  }

  /** All numbers of a value (net.ipv4.tcp_rmem); empty when the key is unknown. */
  numbers(key: string): readonly number[] {
    let list = this.vectors.get(key);
    if (!list) {
      list = (this.get(key) ?? '').split(/\s+/).filter(Boolean).map(Number);
      this.vectors.set(key, list);
    }
    return list;
  }

  /** net.ipv4.ip_local_port_range */
  get portRange(): readonly [number, number] {
    const [lo, hi] = this.numbers('net.ipv4.ip_local_port_range');
    return [lo ?? 32768, hi ?? 60999];
  }

  /** A value that follows the key's first number: for packet paths, which cannot afford a look-up. */
  cell(key: string): { readonly n: number } {
    let cell = this.cells.get(key);
    if (!cell) {
      cell = { n: this.int(key) };
      this.cells.set(key, cell);
    }
    return cell;
  }

  /** All keys as paths below /proc/sys (`net/ipv4/ip_forward`), sorted as a directory walk does. */
  keys(): string[] {
    const keys = [...DEFAULTS.keys(), ...this.loaded];
    const add = (name: string, v: DevValues): void => {
      for (const k of Object.keys(v.conf4)) keys.push(`net/ipv4/conf/${name}/${k}`);
      for (const k of Object.keys(v.conf6)) keys.push(`net/ipv6/conf/${name}/${k}`);
      if (name === 'all' || (name === 'default' && this.ns !== this.ns.kernel.init)) return;
      for (const k of [...Object.keys(v.neigh4), ...Object.keys(NEIGH_ALIASES)])
        keys.push(`net/ipv4/neigh/${name}/${k}`, `net/ipv6/neigh/${name}/${k}`);
    };
    add('all', this.all);
    add('default', this.dflt);
    for (const [dev, v] of this.devs) add(dev.name, v);
    return keys
      .map((k) => k.replaceAll('/', '\u0001'))
      .sort()
      .map((k) => k.replaceAll('\u0001', '/'));
  }

  /** Whether `net/ipv4/conf/eth0` is a directory below /proc/sys: the same as entries() tells, without a list. */
  hasDirectory(path: string): boolean {
    const device = /^net\/ipv[46]\/(conf|neigh)\/([^/]+)$/.exec(path);
    if (device) {
      const name = device[2] as string;
      if (name === 'default') return device[1] === 'conf' || this.ns === this.ns.kernel.init;
      if (name === 'all') return device[1] === 'conf';
      for (const dev of this.devs.keys()) if (dev.name === name) return true;
      return false;
    }
    if (DIRECTORIES.has(path)) return true;
    const prefix = `${path}/`;
    for (const key of this.loaded) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** Names in a directory below /proc/sys (`net/ipv4/`); empty when there is no such directory. */
  entries(prefix: string): readonly string[] {
    const devices = [...this.devs.keys()].map((d) => d.name).join('/');
    if (this.listing?.devices !== devices) {
      const dirs = new Map<string, Set<string>>();
      for (const key of this.keys()) {
        for (let at = 0; at >= 0; ) {
          const end = key.indexOf('/', at);
          const dir = key.slice(0, at);
          const names = dirs.get(dir) ?? new Set();
          if (names.size === 0) dirs.set(dir, names);
          names.add(end < 0 ? key.slice(at) : key.slice(at, end));
          at = end < 0 ? -1 : end + 1;
        }
      }
      this.listing = { devices, dirs: new Map([...dirs].map(([dir, names]) => [dir, [...names]])) };
    }
    return this.listing.dirs.get(prefix) ?? [];
  }

  /** The device's own value of net.ipv4.conf.DEV.NAME; `all` and `default` too. */
  conf4(dev: Where, name: string): number {
    return this.of(dev).conf4[name] ?? 0;
  }

  conf6(dev: Where, name: string): number {
    return this.of(dev).conf6[name] ?? 0;
  }

  /** net.ipv4.neigh.DEV.NAME, net.ipv6.neigh.DEV.NAME */
  neigh4(dev: Where, name: string): number {
    return this.of(dev).neigh4[name] ?? 0;
  }

  neigh6(dev: Where, name: string): number {
    return this.of(dev).neigh6[name] ?? 0;
  }

  /** IN_DEV_MAXCONF: the larger of all and dev (rp_filter, arp_ignore, arp_announce …). */
  max4(dev: NetDevice, name: string): number {
    return Math.max(this.conf4('all', name), this.conf4(dev, name));
  }

  /** IN_DEV_ORCONF: either (proxy_arp, accept_local, send_redirects …). */
  or4(dev: NetDevice, name: string): boolean {
    return this.conf4('all', name) !== 0 || this.conf4(dev, name) !== 0;
  }

  /** IN_DEV_ANDCONF: both (mc_forwarding …). */
  and4(dev: NetDevice, name: string): boolean {
    return this.conf4('all', name) !== 0 && this.conf4(dev, name) !== 0;
  }

  /** ipv4_devconf_setall(): once a device got an address by hand, it no longer follows `default`. */
  settle4(dev: NetDevice): void {
    this.of(dev).settled = true;
  }

  private of(where: Where): DevValues {
    if (where === 'all') return this.all;
    if (where === 'default') return this.dflt;
    return this.devs.get(where) ?? this.adopt(where);
  }

  private adopt(dev: NetDevice): DevValues {
    const { dflt } = this;
    dflt.own = {};
    const v: DevValues = { ...dflt, own: {}, set: dflt.set ? new Set(dflt.set) : null, settled: false };
    if (dev.kind === 'loopback') {
      // Networks start with rp_filter written as 0, so devices made later keep what they start with.
      dflt.set?.add('conf4/rp_filter');
      Object.assign(writable(v, 'conf4'), { disable_policy: 1, disable_xfrm: 1 });
      Object.assign(writable(v, 'conf6'), { accept_dad: -1, use_tempaddr: -1 });
    }
    this.devs.set(dev, v);
    return v;
  }

  private deviceKey(path: string): DeviceKey | null {
    if (!path.includes('/conf/') && !path.includes('/neigh/')) return null;
    const m = /^net\/(ipv[46])\/(conf|neigh)\/(.+)\/([^/]+)$/.exec(path);
    if (!m) return null;
    const [, proto, kind, device, name] = m as unknown as [string, Proto, 'conf' | 'neigh', string, string];
    const where = device === 'all' || device === 'default' ? device : this.ns.device(device);
    if (!where || (typeof where !== 'string' && where.name !== device)) return null;
    const group = `${kind}${proto === 'ipv4' ? 4 : 6}` as DeviceKey['group'];
    const values = this.of(where)[group];
    if (proto === 'ipv6' && kind === 'conf' && name === 'mtu' && typeof where !== 'string')
      return { where, group, name, values: { mtu: where.mtu } };
    const alias = kind === 'neigh' ? NEIGH_ALIASES[name] : undefined;
    if (alias) return { where, group, name: alias[0], values, scale: name === 'retrans_time' && proto === 'ipv6' ? JIFFY_MS : alias[1] };
    return values[name] === undefined ? null : { where, group, name, values };
  }
}

/** Settings of which inet_netconf_notify_devconf() and its IPv6 sibling tell. */
const NETCONF = new Set([
  'conf4/forwarding',
  'conf4/rp_filter',
  'conf4/proxy_arp',
  'conf4/ignore_routes_with_linkdown',
  'conf6/forwarding',
  'conf6/proxy_ndp',
  'conf6/ignore_routes_with_linkdown',
]);

interface DeviceKey {
  where: Where;
  group: Group;
  name: string;
  values: Values;
  /** The value is kept in a unit so many times smaller than the key's. */
  scale?: number;
}

const JIFFY_MS = 4;
/** SKB_TRUESIZE(ETH_FRAME_LEN), what one waiting packet of full size is charged. */
const FRAME_TRUESIZE = 2090;

/** Older names of neighbour settings in their older units: seconds, 1/100 s, packets. */
const NEIGH_ALIASES: Readonly<Record<string, readonly [string, number]>> = {
  base_reachable_time: ['base_reachable_time_ms', 1000],
  retrans_time: ['retrans_time_ms', 10],
  unres_qlen: ['unres_qlen_bytes', FRAME_TRUESIZE],
};

function fresh(conf4: Values): DevValues {
  return { conf4, conf6: CONF6, neigh4: NEIGH, neigh6: NEIGH6, own: {}, set: null, settled: false };
}

/** Keys that show the same value in another unit. */
const TWINS: Readonly<Record<string, readonly [string, (n: number) => number]>> = {
  'net/ipv6/route/gc_min_interval': ['net/ipv6/route/gc_min_interval_ms', (n) => n * 1000],
  'net/ipv6/route/gc_min_interval_ms': ['net/ipv6/route/gc_min_interval', (n) => Math.floor(n / 1000)],
};

/** Checks that look at two values at once. */
function pairRefused(path: string, texts: readonly string[], sysctl: Sysctl): Result | null {
  const [a, b] = texts.map(Number) as [number, number];
  if (path === 'net/ipv4/ip_local_port_range' && (a > b || a < sysctl.int('net.ipv4.ip_unprivileged_port_start'))) return fail('EINVAL');
  if (path === 'net/netfilter/nf_hooks_lwtunnel' && a === 0 && sysctl.int('net.netfilter.nf_hooks_lwtunnel') === 1) return fail('EBUSY');
  return null;
}

/** IPv6 settings whose `all` sets every device and the default as well. */
const ALL_MEANS_EACH: ReadonlySet<string> = new Set([
  'forwarding',
  'force_forwarding',
  'disable_ipv6',
  'disable_policy',
  'ignore_routes_with_linkdown',
  'addr_gen_mode',
]);

/** Directories that are there without devices and modules. */
const DIRECTORIES: ReadonlySet<string> = new Set(
  [...DEFAULTS.keys(), 'net/ipv4/conf/', 'net/ipv6/conf/', 'net/ipv4/neigh/', 'net/ipv6/neigh/'].flatMap((key) => {
    const parts = key.split('/').slice(0, -1);
    return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
  }),
);

/** Settings of a device that depend on what it is. */
function confRefused({ where, name, group }: DeviceKey, n: number): Result | null {
  if (group !== 'conf6' || typeof where === 'string') return null;
  // Stable privacy addresses need a secret, which nobody can have set here.
  if (name === 'addr_gen_mode' && n === 2) return fail('EINVAL');
  if (name === 'mtu' && n > where.mtu) return fail('EINVAL');
  return null;
}

const NEIGH6: Values = { ...NEIGH, locktime: 0 };

/** Dots become slashes unless the key has slashes already. */
function pathOf(key: string): string {
  return key.includes('/') ? key : key.replaceAll('.', '/');
}
