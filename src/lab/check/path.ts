/** path: the way that a packet takes: devices in order, rules, tunnels, rewriting of addresses, and that no copy goes astray. */

import { formatIp } from '../../wire/addr.ts';
import type { Check, Place } from '../lab.ts';
import { locate, target } from '../place.ts';
import type { Encapsulation } from '../probe/flow.ts';
import { ARP } from '../probe/flow.ts';
import type { Journey, Step } from '../probe/journey.ts';
import { ping } from '../probe/ping.ts';
import { trouble } from '../probe/report.ts';
import type { Probed } from '../probe/run.ts';
import { tcp } from '../probe/tcp.ts';
import { udp } from '../probe/udp.ts';
import type { World } from '../world.ts';
import type { CheckKind } from './kind.ts';

/** A place on the way; everything that is given must fit. */
export interface Waypoint {
  /** A place (its own namespace only), or the name of a machine that learners cannot enter. */
  readonly host?: string;
  /** May hold `*`. */
  readonly device?: string;
  /** `tx`, `rx`, `deliver`, `drop`: what happened there. */
  readonly what?: Step['what'];
  /** A rule of netfilter as `table/CHAIN`, `*` at the end fits any. */
  readonly rule?: string;
  readonly tunnel?: Encapsulation | 'none';
  readonly vni?: number;
  /** Addresses of the innermost packet at that place. */
  readonly source?: string;
  readonly destination?: string;
  /** Addresses of the tunnel around it. */
  readonly outer?: string;
}

export interface PathCheck extends Check {
  readonly from: Place;
  readonly to: string;
  readonly with: 'icmp' | 'tcp' | 'udp';
  readonly port?: number;
  /** Of an echo request. */
  readonly size: number;
  readonly df: boolean;
  /** Which direction is looked at. */
  readonly way: 'there' | 'back' | 'both';
  /** `answered`: there must be an answer; `any`: it does not matter. */
  readonly expect: 'answered' | 'unanswered' | 'any';
  readonly through?: readonly (Waypoint | string)[];
  readonly 'not-through'?: readonly (Waypoint | string)[];
  readonly encapsulated?: Encapsulation | 'none';
  readonly nat?: 'none' | 'snat' | 'dnat' | 'both';
  /** Every packet leaves by a device once at most. */
  readonly once: boolean;
}

const text = (w: Waypoint): string =>
  [w.host, w.device, w.what, w.rule, w.tunnel, w.vni === undefined ? undefined : `VNI ${w.vni}`, w.source, w.destination, w.outer]
    .filter((x) => x !== undefined)
    .join(' ');

/** `node-1 flannel.1` and `pod web-a eth0` are short for a place and a device. */
function waypoint(w: Waypoint | string): Waypoint {
  if (typeof w !== 'string') return w;
  const m = /^((?:pod )?\S+) (\S+)$/.exec(w);
  return m ? { host: m[1] as string, device: m[2] as string } : { host: w };
}

const glob = (pattern: string, value: string): boolean =>
  pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : pattern === value;

function isAt(world: World, host: string, s: Step): boolean {
  const spot = locate(world, host);
  if (typeof spot === 'string') return s.host === host;
  const { kernel } = spot.machine;
  return kernel.hostname === s.host && (kernel.nameOf(spot.ns) ?? '') === s.ns;
}

function fits(world: World, w: Waypoint, s: Step): boolean {
  if (w.host !== undefined && !isAt(world, w.host, s)) return false;
  if (w.device !== undefined && !glob(w.device, s.device)) return false;
  if (w.what !== undefined ? s.what !== w.what : w.rule === undefined && !['tx', 'rx', 'deliver', 'drop'].includes(s.what)) return false;
  if (w.rule !== undefined && !(s.what === 'hook' && glob(w.rule, s.detail.split('#')[0] ?? ''))) return false;
  const tunnel = s.packet?.tunnels[0];
  if (w.tunnel !== undefined && (tunnel?.kind ?? 'none') !== w.tunnel) return false;
  if (w.vni !== undefined && tunnel?.vni !== w.vni) return false;
  if (w.outer !== undefined && !(tunnel && [tunnel.src, tunnel.dst].some((a) => formatIp(a) === w.outer))) return false;
  if (w.source !== undefined && !(s.packet && formatIp(s.packet.src) === w.source)) return false;
  return w.destination === undefined || (s.packet !== null && formatIp(s.packet.dst) === w.destination);
}

/** The devices that it passed, in a line. */
function wayText(journey: Journey, steps: readonly Step[]): string {
  const stops: string[] = [];
  for (const s of steps) {
    if (s.what !== 'tx' && s.what !== 'rx' && s.what !== 'drop') continue;
    const tunnel = s.packet?.tunnels[0];
    const stop = `${journey.placeName(s)} ${s.device}${s.what === 'drop' ? ` (${s.detail})` : tunnel ? ` (${tunnel.kind})` : ''}`;
    if (stops.at(-1) !== stop) stops.push(stop);
  }
  return stops.length > 14 ? `${stops.slice(0, 14).join(', ')} …` : stops.join(', ');
}

/** What was rewritten between where it came from and any later place. */
function rewriting(steps: readonly Step[]): 'none' | 'snat' | 'dnat' | 'both' {
  const seen = steps.flatMap((s) => ((s.what === 'tx' || s.what === 'rx') && s.packet && !s.packet.quoted ? [s.packet] : []));
  const first = seen[0];
  if (!first) return 'none';
  const source = seen.some((p) => p.src !== first.src || p.sport !== first.sport);
  const destination = seen.some((p) => p.dst !== first.dst || p.dport !== first.dport);
  // Of an echo both ports are its identifier, which the rewriting of either side may change.
  const icmp = first.proto === 1 || first.proto === 58;
  const src = icmp ? seen.some((p) => p.src !== first.src) : source;
  const dst = icmp ? seen.some((p) => p.dst !== first.dst) : destination;
  return src ? (dst ? 'both' : 'snat') : dst ? 'dnat' : 'none';
}

/** A device that the same packet left by more than once. */
function twice(journey: Journey, steps: readonly Step[]): string | null {
  const seen = new Set<string>();
  for (const s of steps) {
    if (s.what !== 'tx' || !s.packet) continue;
    const key = `${s.host} ${s.ns} ${s.device} ${s.packet.proto} ${s.packet.serial} ${journey.root(s.skb)}`;
    if (seen.has(key)) return `${journey.placeName(s)} ${s.device}`;
    seen.add(key);
  }
  return null;
}

function wish(check: PathCheck): string {
  const parts = [
    ...(check.through ? [`by way of ${check.through.map((w) => text(waypoint(w))).join(', ')}`] : []),
    ...(check['not-through'] ? [`not by way of ${check['not-through'].map((w) => text(waypoint(w))).join(', ')}`] : []),
    ...(check.encapsulated ? [check.encapsulated === 'none' ? 'in no tunnel' : `in a tunnel of ${check.encapsulated}`] : []),
    ...(check.nat ? [check.nat === 'none' ? 'with its addresses unchanged' : `with ${check.nat}`] : []),
    ...(check.once ? ['no packet twice on a link'] : []),
    ...(check.expect === 'any' ? [] : [check.expect]),
  ];
  const kind = check.with === 'icmp' ? 'an echo request' : `${check.with.toUpperCase()} to port ${check.port}`;
  return `${kind} from ${check.from} to ${check.to}: ${parts.join('; ')}`;
}

export const pathKind: CheckKind<PathCheck> = {
  kind: 'path',
  defaults: { with: 'icmp', size: 56, df: false, way: 'there', expect: 'answered', once: false },
  run({ world }, check) {
    const expected = wish(check);
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const to = target(world, check.to);
    if (typeof to !== 'string') return { passed: false, expected, actual: to.missing };
    const port = check.port ?? 80;
    const probed: Probed<{ kind: string; text?: string }> =
      check.with === 'tcp'
        ? tcp(spot, { to, port })
        : check.with === 'udp'
          ? udp(spot, { to, port })
          : ping(spot, { to, size: check.size, df: check.df });
    const { journey, outcome } = probed;
    const answered = outcome.kind === 'reply' || outcome.kind === 'ok' || outcome.kind === 'answer';
    const steps = journey.steps.filter((s) => s.packet?.proto !== ARP && (check.way === 'both' || s.way === check.way));
    const wrong: string[] = [];
    if (check.expect !== 'any' && answered !== (check.expect === 'answered'))
      wrong.push(answered ? 'it is answered' : `it is not answered: ${outcome.text ?? outcome.kind}`);
    let at = 0;
    for (const w of check.through ?? []) {
      const found = steps.findIndex((s, i) => i >= at && fits(world, waypoint(w), s));
      if (found < 0) {
        wrong.push(`it does not pass ${text(waypoint(w))}${at > 0 ? ' after what comes before that' : ''}`);
        break;
      }
      at = found + 1;
    }
    for (const w of check['not-through'] ?? []) {
      const found = steps.find((s) => fits(world, waypoint(w), s));
      if (found) wrong.push(`it passes ${journey.placeName(found)} ${found.device || found.detail}`);
    }
    if (check.encapsulated !== undefined) {
      const kinds = new Set(steps.flatMap((s) => (s.what === 'tx' ? (s.packet?.tunnels ?? []).map((t) => t.kind) : [])));
      if (check.encapsulated === 'none' ? kinds.size > 0 : !kinds.has(check.encapsulated))
        wrong.push(kinds.size > 0 ? `it goes in a tunnel of ${[...kinds].join(' and ')}` : 'it goes in no tunnel');
    }
    const nat = check.nat === undefined ? undefined : rewriting(steps);
    if (nat !== undefined && nat !== check.nat)
      wrong.push(nat === 'none' ? 'its addresses stay as they are' : `its addresses are rewritten (${nat})`);
    const double = check.once ? twice(journey, steps) : null;
    if (double !== null) wrong.push(`a packet leaves by ${double} more than once`);
    const way = wayText(journey, steps);
    if (wrong.length === 0) return { passed: true, expected, actual: way };
    return { passed: false, expected, actual: `${wrong.join('; ')}; its way: ${way || 'none'}`, ...trouble(journey, !answered) };
  },
  faults: (check) => (check.with !== 'icmp' && check.port === undefined ? [{ field: 'with', problem: 'needs a port; add it' }] : []),
  flows: (_, c) => [
    {
      from: c.from,
      ask: c.with === 'icmp' ? { kind: 'ping', to: c.to, size: c.size, df: c.df } : { kind: c.with, to: c.to, port: c.port ?? 80 },
    },
  ],
};
