/** Places and targets: where a probe starts, and what address it goes to, both looked up at the moment of the check. */

import type { Netns } from '../net/netns.ts';
import type { Machine } from '../os/machine.ts';
import type { SpawnOptions } from '../os/process.ts';
import { formatIp, type IpAddr, isLinkLocal, parseIp } from '../wire/addr.ts';
import type { Host, World } from './world.ts';

export interface Spot {
  readonly machine: Machine;
  readonly ns: Netns;
  readonly world: World;
  /** The text by which it is found. */
  readonly place: string;
  /** How a person calls it. */
  readonly title: string;
  /** Files, host name and environment, where they are not those of the namespace. */
  readonly view?: SpawnOptions;
}

/** How people call a machine's namespace: `pod web-a` rather than its name under /run/netns. */
export function nameOf(world: World, hostname: string, netns: string): string {
  if (netns === '') return hostname;
  for (const h of world.hosts.values())
    if (h.kind === 'pod' && h.machine.kernel.hostname === hostname && h.machine.kernel.nameOf(h.ns) === netns) return h.title;
  const pod = world.kube?.podIn(hostname, netns);
  return pod ? `pod ${pod}` : `${hostname}, netns ${netns},`;
}

/** `NAME`, `NAMESPACE/NAME`, both with `:CONTAINER`; names may end in `*`. */
function podParts(text: string): { namespace: string; name: string; container: string | undefined } {
  const [path = '', container] = text.split(':');
  const slash = path.indexOf('/');
  return { namespace: slash < 0 ? 'default' : path.slice(0, slash), name: path.slice(slash + 1), container };
}

function podSpots(world: World, text: string): Spot[] {
  const { namespace, name, container } = podParts(text);
  const found = world.kube?.pods(namespace, name, container);
  if (found) return found.map(({ id, machine, ns, title, view }) => ({ machine, ns, world, place: `pod ${id}`, title, view }));
  const pattern = new RegExp(`^${name.replace(/[.]/g, '\\.').replace('*', '.*')}$`);
  return [...world.hosts.values()].filter((h) => h.kind === 'pod' && pattern.test(h.id)).map((h) => spotOf(world, h));
}

/** A pod that has been made anew since the world began is found under its old id. */
function spotOf(world: World, host: Host): Spot {
  if (host.kind === 'pod' && world.kube) {
    const { namespace, name } = podParts(host.id);
    const now = world.kube.pods(namespace, name)[0];
    if (now) return { machine: now.machine, ns: now.ns, world, place: host.id, title: now.title, view: now.view };
  }
  return { machine: host.machine, ns: host.ns, world, place: host.id, title: host.title };
}

/** The machine and namespace of a place; a text that says what is missing otherwise. */
export function locate(world: World, place: string): Spot | string {
  if (place.startsWith('pod ')) return podSpots(world, place.slice(4))[0] ?? `no pod ${place.slice(4)} is running`;
  const exact = world.hosts.get(place);
  if (exact) return spotOf(world, exact);
  const [id = '', netns] = place.split('/');
  const host = world.hosts.get(id);
  if (!host) return `there is no host ${id}`;
  if (netns === undefined) return spotOf(world, host);
  const ns = host.machine.kernel.named.get(netns);
  return ns ? { machine: host.machine, ns, world, place, title: `${id}/${netns}` } : `there is no network namespace ${netns} on ${id}`;
}

/** All places that a pattern fits: `pod default/*`, `web-*`, or one as it is. */
export function locateAll(world: World, pattern: string): Spot[] | string {
  if (pattern.startsWith('pod ') && pattern.includes('*')) return podSpots(world, pattern.slice(4));
  if (!pattern.includes('*')) {
    const spot = locate(world, pattern);
    return typeof spot === 'string' ? spot : [spot];
  }
  const shape = new RegExp(`^${pattern.replace(/[.]/g, '\\.').replaceAll('*', '[^/]*')}$`);
  return [...world.hosts.values()].filter((h) => shape.test(h.id)).map((h) => spotOf(world, h));
}

/** The address by which others reach a namespace: the first of eth0, or else of any device but the loopback. */
export function addressOf(spot: Spot, family: 4 | 6 = 4): IpAddr | null {
  const devices = [...spot.ns.devices.values()].sort((a, b) => Number(b.name === 'eth0') - Number(a.name === 'eth0'));
  for (const dev of devices) {
    if (dev === spot.ns.lo) continue;
    const own = family === 4 ? dev.addrs4[0]?.local : dev.addrs6.find((a) => !isLinkLocal(a.local))?.local;
    if (own !== undefined) return own;
  }
  return null;
}

const NAMED = /^(pod|service|node|host):([A-Za-z][A-Za-z0-9.*/_-]*)$/;

/** The same within longer texts, as in a URL. */
const NAMED_WITHIN = /\b(pod|service|node|host):([A-Za-z][A-Za-z0-9.*_-]*)/g;

/**
 * The address behind `pod:NAME`, `service:NAME`, each with `.NAMESPACE`, `node:NAME` or `host:ID`.
 * An object: it does not exist. Null: the text is no such name.
 */
function named(world: World, text: string): string | { readonly missing: string } | null {
  const m = NAMED.exec(text);
  if (!m) return null;
  const [, kind, rest] = m as unknown as [string, 'pod' | 'service' | 'node' | 'host', string];
  const known = (place: string): string | null => {
    const spot = locate(world, place);
    const ip = typeof spot === 'string' ? null : addressOf(spot);
    return ip === null ? null : formatIp(ip);
  };
  let found: string | null = null;
  if (kind === 'host') found = known(rest);
  else if (world.kube) {
    const dot = kind === 'node' ? -1 : rest.lastIndexOf('.');
    found = world.kube.address(kind, dot < 0 ? rest : rest.slice(0, dot), dot < 0 ? 'default' : rest.slice(dot + 1));
  } else if (kind !== 'service') found = known(kind === 'pod' ? `pod ${rest}` : rest);
  return found ?? { missing: `there is no ${kind} ${rest} with an address` };
}

/** A target as an address or a DNS name; an object says what is missing. */
export function target(world: World, text: string): string | { readonly missing: string } {
  return named(world, text) ?? text;
}

/** A URL with `pod:NAME` and the like in place of its host. */
export function targetUrl(world: World, url: string): string | { readonly missing: string } {
  let missing: { readonly missing: string } | null = null;
  const out = url.replace(NAMED_WITHIN, (whole) => {
    const found = named(world, whole);
    if (found === null) return whole;
    if (typeof found !== 'string') {
      missing = found;
      return whole;
    }
    return found.includes(':') ? `[${found}]` : found;
  });
  return missing ?? out;
}

export const isAddress = (text: string): boolean => parseIp(text) !== null;
