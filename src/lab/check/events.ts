/** events: what the learner did: packets that a capture of theirs got, programs that they started. */

import { type IpAddr, inPrefix, parseIp } from '../../wire/addr.ts';
import type { Captured, Layer, Ran } from '../activity.ts';
import type { Check } from '../lab.ts';
import { matches, patternFault } from '../pattern.ts';
import { isAt } from '../tracepattern.ts';
import type { World } from '../world.ts';
import type { CheckKind, Finding, Scene } from './kind.ts';

export interface PacketMatch {
  readonly proto?: 'tcp' | 'udp' | 'icmp' | 'icmp6' | 'arp';
  /** Address or prefix. */
  readonly src?: string;
  readonly dst?: string;
  /** Source or destination. */
  readonly host?: string;
  readonly port?: number;
  /** Whether it was within another packet when it was seen. */
  readonly encapsulated?: boolean | 'vxlan' | 'ipip' | 'gre';
  readonly vni?: number;
}

export interface EventsCheck extends Check {
  readonly captured?: {
    readonly device?: string;
    /** Machine (its first namespace), pod, or HOST/NETNS. */
    readonly host?: string;
    readonly matches: PacketMatch;
  };
  /** Regular expression over a command line, as the program got it. */
  readonly ran?: string;
  readonly on?: string;
  /** Programs that were started in this order, others in between. */
  readonly order?: readonly string[];
  readonly min: number;
  readonly max?: number;
}

const PROTO: Record<NonNullable<PacketMatch['proto']>, number> = { tcp: 6, udp: 17, icmp: 1, icmp6: 58, arp: -1 };

function within(address: IpAddr, want: string | undefined): boolean {
  if (want === undefined) return true;
  const [text = '', bits] = want.split('/');
  const net = parseIp(text);
  if (net === null || typeof net !== typeof address) return false;
  return inPrefix(address, net, bits === undefined ? (typeof net === 'number' ? 32 : 128) : Number(bits));
}

function layerFits(l: Layer, m: PacketMatch): boolean {
  return (
    (m.proto === undefined || l.proto === PROTO[m.proto]) &&
    within(l.src, m.src) &&
    within(l.dst, m.dst) &&
    (within(l.src, m.host) || within(l.dst, m.host)) &&
    (m.port === undefined || l.sport === m.port || l.dport === m.port)
  );
}

function packetFits(c: Captured, m: PacketMatch): boolean {
  const { encapsulated, vni } = m;
  if (vni !== undefined && c.vni !== vni) return false;
  if (typeof encapsulated === 'string' && c.encapsulation !== encapsulated) return false;
  if (typeof encapsulated === 'boolean' && (c.encapsulation !== null) !== encapsulated) return false;
  return c.layers.some((l) => layerFits(l, m));
}

/** A program runs on its machine wherever it went there with `ip netns exec`. */
function isOn(world: World, where: { host: string; ns: string }, wanted: string | undefined): boolean {
  return wanted === undefined || wanted === where.host || isAt(world, where.host, where.ns, wanted);
}

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);

function wanted(min: number, max: number | undefined): string {
  if (max === 0) return 'never';
  if (max !== undefined) return `${min} to ${times(max)}`;
  return min === 1 ? 'at least once' : `at least ${times(min)}`;
}

function captured({ world, recording }: Scene, check: EventsCheck, want: NonNullable<EventsCheck['captured']>): Finding {
  const all = recording.activity?.captured ?? [];
  const here = all.filter(
    (c) => (want.host === undefined || isAt(world, c.host, c.ns, want.host)) && (want.device === undefined || c.dev === want.device),
  );
  const fitting = here.filter((c) => packetFits(c, want.matches));
  const n = fitting.reduce((sum, c) => sum + c.count, 0);
  const packet = Object.entries(want.matches)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
  const place = `${want.device ?? 'any device'}${want.host === undefined ? '' : ` of ${want.host}`}`;
  const expected = `a capture of yours saw such a packet on ${place} ${wanted(check.min, check.max)}: ${packet}`;
  const others = here.reduce((sum, c) => sum + c.count, 0);
  const actual =
    n > 0 ? `seen ${times(n)}` : others > 0 ? `${others} packets were captured there, but no such one` : 'nothing was captured there';
  return { passed: n >= check.min && (check.max === undefined || n <= check.max), expected, actual };
}

const lines = (list: readonly Ran[]): string[] => list.slice(0, 8).map((r) => `${r.host}: ${r.line}`);

export const eventsKind: CheckKind<EventsCheck> = {
  kind: 'events',
  defaults: { min: 1 },
  run(scene, check) {
    if (check.captured) return captured(scene, check, check.captured);
    const { world, recording } = scene;
    const ran = (recording.activity?.ran ?? []).filter((r) => isOn(world, r, check.on));
    const where = check.on === undefined ? '' : ` on ${check.on}`;
    if (check.order) {
      const expected = `run in this order${where}: ${check.order.join(', then ')}`;
      let at = 0;
      const found: Ran[] = [];
      for (const pattern of check.order) {
        while (at < ran.length && !matches(pattern, (ran[at] as Ran).line)) at++;
        const r = ran[at++];
        if (!r) return { passed: false, expected, actual: `${pattern} did not come at its place`, log: lines(found) };
        found.push(r);
      }
      return { passed: true, expected, actual: 'so it was', log: lines(found) };
    }
    const { ran: pattern = '', max } = check;
    // A check that says `max` only is content with none.
    const min = max === undefined ? check.min : Math.min(check.min, max);
    const found = ran.filter((r) => matches(pattern, r.line));
    const expected = `a program like ${pattern} is started${where} ${wanted(min, max)}`;
    const actual = found.length === 0 ? 'it never was' : `it was ${times(found.length)}`;
    return { passed: found.length >= min && (max === undefined || found.length <= max), expected, actual, log: lines(found) };
  },
  faults(check) {
    const ways = [check.captured, check.ran, check.order].filter((x) => x !== undefined).length;
    if (ways !== 1) return [{ field: 'ran', problem: 'must say exactly one of captured, ran and order' }];
    const addresses = (['src', 'dst', 'host'] as const).flatMap((field) => {
      const text = check.captured?.matches[field];
      return text === undefined || parseIp(text.split('/')[0] as string) !== null
        ? []
        : [{ field: `captured.matches.${field}`, problem: `"${text}" is no address or prefix` }];
    });
    return [...addresses, ...patternFault('ran', check.ran), ...(check.order ?? []).flatMap((p) => patternFault('order', p))];
  },
};
