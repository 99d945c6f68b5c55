/** Answers what the inspector asks: which packets there were, what happened to one of them, which ones a rule touched. */

import type { NetDevice } from '../../net/dev/device.ts';
import type { Dst } from '../../net/ip/route.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { parseIp } from '../../wire/addr.ts';
import { nameOf } from '../place.ts';
import { ARP, type Packet } from '../probe/flow.ts';
import type { World } from '../world.ts';
import { dissect } from './dissect.ts';
import { answers, Flows, flowLabel, type Known } from './flows.ts';
import { Hops } from './hops.ts';
import { clock, type Filter, filterOf, frameAt, lineOf, type Sequences } from './lines.ts';
import { pcapOf } from './pcap.ts';
import { isAside, reasonOf } from './reasons.ts';
import type { Recorder, Seen, Traced } from './recorder.ts';
import { RuleList } from './rulelist.ts';
import { Texts } from './texts.ts';
import type {
  Ask,
  CaptureView,
  Described,
  FlowLine,
  HopView,
  JourneyView,
  ListAsk,
  Listing,
  PacketLine,
  Pcap,
  Rules,
  Told,
  Verdict,
} from './told.ts';
import { kernelsOf, spaceId } from './topology.ts';
import { spaceOf } from './traffic.ts';

/** Lines that one answer may have. */
const MAX_LINES = 1000;
const MAX_FLOWS = 300;
const MAX_CAPTURES = 200;
/** Rules and routes whose numbers are remembered. */
const MAX_NUMBERS = 20_000;
/** A packet that nothing happened to for so long is no longer on its way. */
const LINGER = 3_000_000;

interface Numbered {
  readonly about: object;
  text: string;
  place: string;
}

export class Inquiry {
  readonly texts: Texts;
  readonly flows: Flows;
  private readonly hops: Hops;
  private readonly world: World;
  private readonly recorder: Recorder;
  private readonly numbers = new Map<object, number>();
  private readonly numbered = new Map<number, Numbered>();
  private nextNumber = 1;
  private readonly sequences: Sequences = new Map();
  private readonly lines = new Map<Traced, { version: number; line: PacketLine }>();
  private readonly verdicts = new Map<Traced, { version: number; verdict: Verdict; reason: string }>();
  private readonly titles = new Map<string, string>();
  private filter: { text: string; filter: Filter; fits: Map<Traced, { version: number; fits: boolean }> } | null = null;

  constructor(world: World, recorder: Recorder) {
    this.world = world;
    this.recorder = recorder;
    this.texts = new Texts(world, () => kernelsOf(world));
    this.flows = new Flows(recorder);
    this.hops = new Hops(
      this.texts,
      (about) => this.number(about as object, '', ''),
      (space) => this.title(space),
    );
  }

  ask<A extends Ask>(a: A): Told[A['what']] {
    return this.answer(a) as Told[A['what']];
  }

  private answer(a: Ask): Told[Ask['what']] {
    switch (a.what) {
      case 'list':
        return this.list(a);
      case 'journey':
        return this.journey(a.root);
      case 'bytes':
        return this.bytes(a.root, a.seq);
      case 'rules':
        return this.rules(a.space);
      case 'describe':
        return this.describe(a.ref);
      case 'pcap':
        return this.pcap(a);
      case 'clear':
        this.recorder.clear();
        this.lines.clear();
        this.sequences.clear();
        return null;
    }
  }

  /** As people call a namespace. */
  title(space: string): string {
    const known = this.titles.get(space);
    if (known !== undefined) return known;
    const slash = space.indexOf('/');
    const title = slash < 0 ? space : nameOf(this.world, space.slice(0, slash), space.slice(slash + 1)).replace(/,$/, '');
    if (this.titles.size > 2000) this.titles.clear();
    this.titles.set(space, title);
    return title;
  }

  private number(about: object, text: string, place: string): number {
    let n = this.numbers.get(about);
    if (n === undefined) {
      if (this.numbers.size >= MAX_NUMBERS) {
        this.numbers.clear();
        this.numbered.clear();
      }
      n = this.nextNumber++;
      this.numbers.set(about, n);
      this.numbered.set(n, { about, text, place });
    }
    const known = this.numbered.get(n);
    if (known && text !== '') {
      known.text = text;
      known.place = place;
    }
    return n;
  }

  // ---- lists

  private list(a: ListAsk): Listing {
    const { known, found, error } = this.chosen(a);
    const shown = known.slice(-Math.min(a.max, MAX_LINES));
    return {
      version: this.recorder.version,
      packets: shown.map((k) => this.line(k)),
      flows: this.flowLines(found),
      kept: this.recorder.packets.size,
      found: known.length,
      forgotten: this.recorder.forgotten,
      error,
    };
  }

  /** What fits the filter, and of that what is in the flow and was touched by the rule. */
  private chosen(a: ListAsk): { known: Known[]; found: Known[]; error: string } {
    const filter = this.filterFor(a.filter);
    const about = a.ref === 0 ? null : (this.numbered.get(a.ref)?.about ?? {});
    const found = this.flows
      .all()
      .filter((k) => (!a.own || k.own) && (about === null || touched(k.packet, about)) && this.fits(k.packet, filter));
    const flow = a.flow;
    return { known: flow === 0 ? found : found.filter((k) => k.flow === flow), found, error: filter.error };
  }

  private filterFor(text: string): Filter {
    if (this.filter?.text !== text) {
      const first = [...this.world.hosts.values()][0];
      const filter = first
        ? filterOf(text, this.texts.caller(first.ns), (name) => this.addresses(name))
        : { matches: () => true, error: '' };
      this.filter = { text, filter, fits: new Map() };
    }
    return this.filter.filter;
  }

  private fits(p: Traced, filter: Filter): boolean {
    const cache = this.filter?.fits;
    const known = cache?.get(p);
    if (known?.version === p.version) return known.fits;
    const fits =
      known?.fits === true ||
      p.seen.some((s, i) => {
        // What came in somewhere had left somewhere else.
        if (s.e.kind === 'net.rx' && i > 0) return false;
        const frame = frameAt(s);
        return frame !== null && filter.matches(frame);
      });
    if (cache) {
      if (cache.size > 4 * this.recorder.packets.size + 100) cache.clear();
      cache.set(p, { version: p.version, fits });
    }
    return fits;
  }

  /** What a name of a pod, node, Service or host stands for. */
  private addresses(name: string): IpAddr[] {
    const host = this.world.hosts.get(name);
    const own = host ? [...host.ns.devices.values()].filter((d) => d !== host.ns.lo).flatMap((d) => d.addrs4.map((x) => x.local)) : [];
    const { kube } = this.world;
    const told = kube ? (['pod', 'service', 'node'] as const).map((kind) => kube.address(kind, name, 'default')) : [];
    return [...new Set([...own, ...told.flatMap((t) => (t === null ? [] : [parseIp(t)])).filter((x) => x !== null)])];
  }

  private openings(): Map<number, Packet> {
    const openings = new Map<number, Packet>();
    for (const k of this.flows.all()) if (k.first && !k.first.quoted && !openings.has(k.flow)) openings.set(k.flow, k.first);
    return openings;
  }

  line(k: Known): PacketLine {
    const cached = this.lines.get(k.packet);
    if (cached?.version === k.version && cached.line.flow === k.flow && cached.line.own === k.own && cached.line.verdict !== 'under way')
      return cached.line;
    const { packet } = k;
    const opening = this.opening(k.flow);
    const back = opening !== null && answers(k, opening);
    const shown = back ? packet.seen.findLast((s) => frameAt(s) !== null) : packet.seen.find((s) => frameAt(s) !== null);
    const frame = shown ? frameAt(shown) : null;
    const { verdict, reason } = this.verdict(packet);
    const line: PacketLine = {
      root: packet.root,
      time: packet.began,
      text: `${clock(this.world.sim.epochMs, packet.began)} ${frame ? lineOf(frame, this.sequences) : ''}`,
      flow: k.flow,
      verdict,
      reason,
      from: this.title(spaceOf((packet.seen[0] as Seen).e)),
      own: k.own,
      rewritten: rewritten(k),
    };
    if (this.lines.size > 4 * this.recorder.packets.size + 100) this.lines.clear();
    this.lines.set(packet, { version: k.version, line });
    return line;
  }

  private openingCache: { version: number; map: Map<number, Packet> } | null = null;

  /** The packet that a flow began with, as far as it is kept. */
  private opening(flow: number): Packet | null {
    if (this.openingCache?.version !== this.recorder.version) this.openingCache = { version: this.recorder.version, map: this.openings() };
    return this.openingCache.map.get(flow) ?? null;
  }

  private verdict(p: Traced): { verdict: Verdict; reason: string } {
    const known = this.verdicts.get(p);
    if (known?.version === p.version && known.verdict !== 'under way') return known;
    const made = { version: p.version, ...this.judge(p) };
    if (this.verdicts.size > 4 * this.recorder.packets.size + 100) this.verdicts.clear();
    this.verdicts.set(p, made);
    return made;
  }

  private judge(p: Traced): { verdict: Verdict; reason: string } {
    let delivered = false;
    let drop: string | null = null;
    for (const { e } of p.seen) {
      if (e.kind === 'net.deliver' && !(e.proto === 17 && p.seen.some((s) => s.parent === e.skb)) && e.proto !== 4 && e.proto !== 47)
        delivered = true;
      else if (e.kind === 'net.drop' && !isAside(e.reason)) drop ??= e.reason;
    }
    if (drop !== null) return { verdict: 'dropped', reason: reasonOf(drop).what };
    const last = p.seen.at(-1)?.e.time ?? 0;
    if (delivered || this.recorder.now - last > LINGER || p.sort >> 8 === 1) return { verdict: 'delivered', reason: '' };
    return { verdict: 'under way', reason: '' };
  }

  private flowLines(known: readonly Known[]): FlowLine[] {
    const flows = new Map<number, { first: Known; line: { -readonly [K in keyof FlowLine]: FlowLine[K] } }>();
    for (const k of known) {
      const { packet } = k;
      let f = flows.get(k.flow);
      if (!f) {
        const label = flowLabel(this.opening(k.flow) ?? k.first);
        const line = {
          flow: k.flow,
          label,
          packets: 0,
          dropped: 0,
          bytes: 0,
          began: packet.began,
          last: packet.began,
          own: false,
          rewritten: false,
        };
        f = { first: k, line };
        flows.set(k.flow, f);
      }
      f.line.packets++;
      f.line.bytes += frameSize(packet);
      f.line.last = packet.began;
      f.line.own ||= k.own;
      f.line.rewritten ||= rewritten(k);
      if (this.verdict(packet).verdict === 'dropped') f.line.dropped++;
    }
    return [...flows.values()].map((f) => f.line).slice(-MAX_FLOWS);
  }

  // ---- one packet

  private journey(root: number): JourneyView | null {
    const packet = this.recorder.packets.get(root);
    if (!packet) return null;
    const known = this.flows.all();
    const k = this.flows.of(packet);
    const hops = this.hops.of(packet);
    const main = hops.filter((h) => !h.aside);
    const lineFor = (p: Traced): PacketLine => this.line(this.flows.of(p));
    const caused = known.filter((x) => x.packet.cause === packet).map((x) => this.line(x));
    const { end, why } = this.ending(packet, main, caused);
    return {
      line: this.line(k),
      hops: main,
      asides: hops.length - main.length,
      captures: this.captures(packet),
      cause: packet.cause ? lineFor(packet.cause) : null,
      caused,
      end,
      why,
    };
  }

  hopsOf(packet: Traced): HopView[] {
    return this.hops.of(packet).filter((h) => !h.aside);
  }

  /** How it ended and what there is to know about that. */
  ending(packet: Traced, main: readonly HopView[], caused: readonly PacketLine[]): { end: string; why: string } {
    const dropped = main.find((h) => h.end === 'dropped');
    if (dropped) {
      const step = dropped.steps.findLast((s) => s.kind === 'drop');
      return { end: `${dropped.title}: ${step?.text ?? 'dropped'}`, why: step?.more ?? '' };
    }
    const there = main.filter((h) => h.end === 'delivered').at(-1);
    const last = main.at(-1);
    if (last && packet.sort >> 8 === 1)
      return { end: packet.sort === 0x102 ? `the answer reached ${last.title}` : `the question reached ${last.title}`, why: '' };
    if (!there) return { end: last ? `last seen at ${last.title}` : '', why: '' };
    const refused = caused.find((c) => / Flags \[R|port \d+ unreachable|port unreachable/.test(c.text) && c.from === there.title);
    if (refused)
      return {
        end: `arrived at ${there.title}, and nothing listens there`,
        why: 'No program has opened that port on that address, so the host answers with a refusal.',
      };
    return { end: `arrived at ${there.title}`, why: '' };
  }

  private captures(packet: Traced): CaptureView[] {
    return packet.seen
      .flatMap((s): CaptureView[] => {
        const { e } = s;
        if (e.kind !== 'net.tx' && e.kind !== 'net.rx') return [];
        const space = spaceOf(e);
        return [
          {
            seq: s.seq,
            time: e.time,
            space,
            title: this.title(space),
            dev: e.dev,
            way: e.kind === 'net.tx' ? 'out' : 'in',
            length: e.bytes.length,
          },
        ];
      })
      .slice(0, MAX_CAPTURES);
  }

  private bytes(root: number, seq: number): Told['bytes'] {
    const seen = this.recorder.packets.get(root)?.seen.find((s) => s.seq === seq);
    const frame = seen ? frameAt(seen) : null;
    return frame ? { bytes: frame, layers: dissect(frame, true) } : null;
  }

  // ---- rules and routes

  private rules(space: string): Rules {
    const { version } = this.recorder;
    const ns = this.texts.ns(space);
    if (!ns) return { version, tables: [], left: 0 };
    const hits = this.hits();
    const list = new RuleList(
      this.texts,
      { number: (about, text, place) => this.number(about, text, place), hits: (about) => hits.get(about) ?? 0 },
      ns,
      this.title(spaceId(ns)),
    );
    const tables = list.all();
    return { version, tables, left: list.left };
  }

  private hits(): Map<unknown, number> {
    const hits = new Map<unknown, number>();
    for (const p of this.recorder.packets.values()) {
      const mine = new Set<unknown>();
      for (const s of p.seen) {
        const about = subjectOf(s);
        if (about) mine.add(about);
      }
      for (const about of mine) hits.set(about, (hits.get(about) ?? 0) + 1);
    }
    return hits;
  }

  private describe(ref: number): Described | null {
    const n = this.numbered.get(ref);
    if (!n) return null;
    if (n.text !== '') return { text: n.text, place: n.place };
    for (const p of this.recorder.packets.values())
      for (const s of p.seen) {
        if (subjectOf(s) !== n.about) continue;
        const step = this.hops
          .of(p)
          .flatMap((h) => h.steps.map((x) => ({ x, h })))
          .find(({ x }) => x.ref === ref);
        if (step) {
          n.text = step.x.code;
          n.place = `${step.h.title}: ${step.x.kind === 'route' ? `ip route, table ${step.x.table}` : `${step.x.table} ${step.x.chain}`}`;
          return { text: n.text, place: n.place };
        }
      }
    return null;
  }

  // ---- files

  private pcap(a: ListAsk & { readonly space: string; readonly dev: string }): Pcap {
    const { known } = this.chosen(a);
    const at = a.dev === '' ? null : { space: a.space, dev: a.dev };
    const find = (space: string, dev: string): NetDevice | null => this.texts.ns(space)?.device(dev) ?? null;
    const file = pcapOf(
      known.map((k) => k.packet),
      at,
      find,
      this.world.sim.epochMs,
    );
    const place = at ? `${this.title(at.space)}-${at.dev}`.replace(/[^\w.-]+/g, '-') : 'all';
    return { name: `hopwise-${place}.pcap`, ...file };
  }
}

/** The rule or route that an event is about. */
function subjectOf(s: Seen): object | null {
  if (s.e.kind === 'net.hook') return s.about as object;
  return s.e.kind === 'net.route' ? ((s.about as Dst).route ?? null) : null;
}

const touched = (p: Traced, about: object): boolean => p.seen.some((s) => subjectOf(s) === about);

/** Looked like more than one conversation: of an ICMP error that is so because of what it quotes. */
const rewritten = (k: Known): boolean => k.talks.length > 1 && k.first?.proto !== ARP && !k.first?.quoted;

function frameSize(p: Traced): number {
  for (const s of p.seen) {
    const frame = frameAt(s);
    if (frame) return frame.length;
  }
  return 0;
}
