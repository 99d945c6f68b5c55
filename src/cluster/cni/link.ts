/** Network devices as the plugins handle them: namespaces by path, links, veth pairs. Models plugins pkg/ns, pkg/ip/link_linux.go and vishvananda/netlink */

import type { Process } from '../../os/process.ts';
import {
  delLink,
  type Errno,
  IFF_UP,
  type LinkAttrs,
  linkwatchSync,
  type NetDevice,
  type Netns,
  type NewLink,
  newLink,
  type Result,
  setLink,
  strerror,
} from '../../os/uapi.ts';
import { formatMac, type Mac, parseMac } from '../../wire/mac.ts';
import { quoted } from './gojson.ts';
import { bad, good, type Outcome } from './types.ts';

/** An errno as Go words it. */
export function errnoText(errno: Errno): string {
  const text = strerror(errno);
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** A system call's result with the plugin's words before the errno. */
export function step(r: Result<unknown>, prefix = ''): Outcome<null> {
  return r.ok ? good(null) : bad(prefix === '' ? errnoText(r.errno) : `${prefix}: ${errnoText(r.errno)}`);
}

// ---- namespaces

const NAMED = /^(?:\/var)?\/run\/netns\/([^/]+)$/;
const OF_PROCESS = /^\/proc\/(\d+|self)(?:\/task\/\d+)?\/ns\/net$/;

/** File system types (statfs(2)). */
const MAGIC = { tmpfs: '1021994', ext4: 'ef53', sysfs: '62656572' };

/** The namespace that a path names. `missing` tells that there is no such file, which a deletion forgives. */
export function openNetns(p: Process, path: string): Outcome<Netns> & { readonly missing?: boolean } {
  const named = NAMED.exec(path)?.[1];
  const ns = named === undefined ? undefined : p.kernel.named.get(named);
  if (ns) return good(ns);
  const pid = OF_PROCESS.exec(path)?.[1];
  const holder = pid === undefined ? undefined : pid === 'self' ? p : p.machine.processes.get(Number(pid));
  if (holder) return good(holder.ns);
  if (!p.stat(path).ok) return { ...bad(`failed to Statfs ${quoted(path)}: no such file or directory`), missing: true };
  const at = p.resolve(path);
  const real = at.ok ? at.value : path;
  const magic = real.startsWith('/run') ? MAGIC.tmpfs : real.startsWith('/sys') ? MAGIC.sysfs : MAGIC.ext4;
  return bad(`unknown FS magic on ${quoted(path)}: ${magic}`);
}

/** CPU time in µs of a thread that changes its namespace and talks to the kernel there: the kernel's workers run meanwhile. */
export const NETNS_COST = 300;

/** Runs `body` with the process in another namespace. Nothing in it waits. */
export function inNetns<T>(p: Process, ns: Netns, body: () => T): T {
  const before = p.ns;
  p.ns = ns;
  try {
    return body();
  } finally {
    p.ns = before;
  }
}

/** Sysctl writes whose failure nobody looks at; the key has slashes. */
export function trySysctl(p: Process, key: string, value: string): void {
  p.writeFile(`/proc/sys/${key}`, value);
}

// ---- links

export const LINK_NOT_FOUND = 'Link not found';

export function linkByName(ns: Netns, name: string): Outcome<NetDevice> {
  const dev = ns.device(name);
  if (!dev) return bad(LINK_NOT_FOUND);
  linkwatchSync(dev);
  return good(dev);
}

/** Hardware address as the library has it: none when all bytes are zero. */
export function macOf(dev: NetDevice): string {
  return dev.mac === 0 ? '' : formatMac(dev.mac);
}

/** net.ParseMAC for 48-bit addresses. */
export function goMac(text: string): Outcome<Mac> {
  const plain = /^[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}$/.test(text)
    ? (text.replaceAll('.', '').match(/../g) ?? []).join(':')
    : text.replaceAll('-', ':');
  const mac = /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(plain) ? parseMac(plain) : null;
  return mac === null ? bad(`address ${text}: invalid MAC address`) : good(mac);
}

export function setUp(dev: NetDevice): Outcome<null> {
  return step(setLink(dev, { set: IFF_UP }));
}

/** LinkSetHardwareAddr: an empty address is too short for the kernel. */
export function setHardwareAddr(dev: NetDevice, mac: Mac | null): Outcome<null> {
  return step(mac === null ? { ok: false, errno: 'EINVAL' } : setLink(dev, { address: mac }));
}

/** `veth` and 8 random digits. */
export function randomVethName(p: Process): string {
  return `veth${p.sim.rng('cni/veth').u32().toString(16).padStart(8, '0')}`;
}

export interface VethPair {
  readonly host: NetDevice;
  readonly container: NetDevice;
}

const ATTEMPTS = 10;

/** A pair whose first end is made inside the container; the other end comes up on the host with a random name or the one given. */
export function setupVeth(
  p: Process,
  container: Netns,
  host: Netns,
  ifName: string,
  mtu: number,
  mac: string,
  hostName = '',
): Outcome<VethPair> {
  const attrs: LinkAttrs = { txqlen: 0, ...(mtu > 0 ? { mtu } : {}) };
  const request: NewLink = { kind: 'veth', name: ifName, ...attrs };
  if (mac !== '') {
    const parsed = goMac(mac);
    if (!parsed.ok) return bad(`failed to make veth pair: ${parsed.error.msg}`);
    request.address = parsed.value;
  }
  for (let i = 0; i < ATTEMPTS; i++) {
    const name = hostName || randomVethName(p);
    const made = newLink(container, { ...request, peer: { ...attrs, name, netns: host } });
    if (made.ok) {
      const hostEnd = linkByName(host, name);
      if (!hostEnd.ok) return bad(`failed to lookup ${quoted(name)} in "": ${hostEnd.error.msg}`);
      const up = setUp(hostEnd.value);
      if (!up.ok) return bad(`failed to set ${quoted(name)} up: ${up.error.msg}`);
      inNetns(p, host, () => trySysctl(p, `net/ipv6/conf/${name}/accept_ra`, '0'));
      return good({ host: hostEnd.value, container: made.value });
    }
    if (made.errno !== 'EEXIST') return bad(`failed to make veth pair: ${errnoText(made.errno)}`);
    // The plugin looks for the peer's name where it stands, in the container.
    if (hostName === '' && container.device(name)) continue;
    return bad(`container veth name provided (${ifName}) already exists`);
  }
  return bad('failed to find a unique veth name');
}

/** Deletes a link; false when there was none. */
export function delLinkByName(ns: Netns, name: string): Outcome<boolean> {
  const dev = ns.device(name);
  if (!dev) return good(false);
  const r = delLink(dev);
  return r.ok ? good(true) : bad(`failed to delete ${quoted(name)}: ${errnoText(r.errno)}`);
}

/** Index of the other end, as IFLA_LINK tells it; null for what is no veth. */
export function vethPeerIndex(dev: NetDevice): number | null {
  return dev.kind === 'veth' ? dev.iflink() : null;
}
