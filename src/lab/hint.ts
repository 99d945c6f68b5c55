/** Hints worked out from what went wrong: the smallest flow that fails, and where it leaves its intended way. The mend is never named. */

import { formatIp } from '../wire/addr.ts';
import { IPPROTO_ICMP } from '../wire/ipv4.ts';
import { actsOf } from './acts.ts';
import { kindOf } from './check/index.ts';
import { grade } from './grade.ts';
import type { Check, GradeReport, LabSource } from './lab.ts';
import { Replay, type SubmissionLog } from './log.ts';
import { instantiate } from './parameters.ts';
import { locate } from './place.ts';
import { type Answer, ask, type Flow, flowText } from './probe/ask.ts';
import { reasonText, ruleText } from './probe/evidence.ts';
import { ARP, type Packet } from './probe/flow.ts';
import { type Journey, quiet, type Step } from './probe/journey.ts';
import { unreachableOf } from './probe/outcome.ts';
import { reset } from './reset.ts';
import type { World } from './world.ts';

export interface ComputedHint {
  readonly task: string;
  readonly check: string;
  readonly text: string;
  /** Host and device; null when nothing left where it starts. */
  readonly hop: string | null;
}

/** Flows of one check that are tried. */
const MAX_FLOWS = 40;
/** Failing ones of which the shortest is told. */
const ENOUGH = 6;

/**
 * For the first check that fails and asks for a flow; null when there is none. `report`: the grade of this log, when it is known.
 * @throws LogError when the log does not fit the lab.
 */
export function computeHint(source: LabSource, log: SubmissionLog, report: GradeReport = grade(source, log)): ComputedHint | null {
  const lab = instantiate(source, log.seed);
  let worlds: { mine: World; meant: World } | null = null;
  for (const task of report.tasks) {
    for (const r of task.checks) {
      if (r.status !== 'failed') continue;
      const check = lab.tasks.find((t) => t.id === task.id)?.checks.find((c) => c.id === r.name);
      if (!check || !kindOf(check).flows) continue;
      if (!worlds) {
        const mine = new Replay(lab).follow(log.entries).started.world;
        const solved = new Replay(lab);
        solved.perform(actsOf(lab.solution));
        const meant = solved.started.world;
        reset(mine);
        reset(meant);
        worlds = { mine, meant };
      }
      const found = look(worlds.mine, worlds.meant, check);
      if (found) return { task: task.id, check: check.id, ...found };
    }
  }
  return null;
}

interface Failing {
  readonly flow: Flow;
  readonly got: Answer;
  readonly intended: Answer;
}

/** The shortest of the flows that end otherwise than they should, as far as they are looked for. */
function shortest(mine: World, meant: World, flows: readonly Flow[]): Failing | null {
  let best: Failing | null = null;
  let length = Number.POSITIVE_INFINITY;
  let found = 0;
  for (const flow of flows.slice(0, MAX_FLOWS)) {
    const intended = ask(meant, flow);
    const got = ask(mine, flow);
    if (got.word === intended.word && !(flows.length === 1 && intended.journey)) continue;
    const size = intended.journey ? visitsOf(intended.journey, 'there').length : 0;
    if (size < length) {
      best = { flow, got, intended };
      length = size;
    }
    if (++found === ENOUGH) break;
  }
  return best;
}

function look(mine: World, meant: World, check: Check): Told | null {
  const failing = shortest(mine, meant, kindOf(check).flows?.(meant, check) ?? []);
  if (!failing) return null;
  const { flow, got, intended } = failing;
  if (!got.journey) return { text: `${flowText(flow)}: ${got.text}.`, hop: null };
  const same = got.word === intended.word;
  if (!same)
    for (const part of partsOf(meant, flow, intended.journey)) {
      const a = ask(meant, part);
      const b = ask(mine, part);
      if (a.word === 'ok' && b.word !== 'ok') return told(part, b, a);
    }
  const difference = told(flow, got, intended);
  return same && difference.hop === null ? null : difference;
}

/** Smaller flows that this one is made of, the smallest first. */
function partsOf(world: World, flow: Flow, journey: Journey | null): Flow[] {
  const spot = locate(world, flow.from);
  if (!journey || typeof spot === 'string') return [];
  const parts: Flow[] = [];
  const add = (from: string, to: string): void => {
    parts.push({ from, ask: { kind: 'ping', to } });
  };
  const { there } = journey;
  const home = there.find((s) => s.what === 'route');
  const here = there[0];
  if (home && here && home.host === here.host && home.ns === here.ns && home.detail.startsWith('via '))
    add(flow.from, home.detail.slice(4));
  const last = there.findLast((s) => s.what === 'deliver' && s.packet?.tunnels.length === 0);
  const pods = [...world.hosts.values()].filter((h) => h.kind === 'pod' && h.ns !== spot.ns);
  const neighbour = pods.find((h) => h.machine === spot.machine);
  if (neighbour && last && last.host !== spot.machine.kernel.hostname && spot.ns !== spot.machine.kernel.init) {
    const ip = neighbour.ns.device('eth0')?.addrs4[0]?.local;
    if (ip !== undefined) add(flow.from, formatIp(ip));
  }
  for (const s of there) {
    const tunnel = s.what === 'tx' ? s.packet?.tunnels[0] : undefined;
    if (!tunnel || s.ns !== '') continue;
    add(s.host, formatIp(tunnel.dst));
    break;
  }
  if (flow.ask.kind === 'http' || flow.ask.kind === 'dns') return [...parts, ...nameOf(flow)];
  const target = last?.packet;
  if (target && flow.ask.kind !== 'ping' && formatIp(target.dst) !== flow.ask.to)
    parts.push({ from: flow.from, ask: { kind: flow.ask.kind, to: formatIp(target.dst), port: target.dport } });
  return parts;
}

/** A URL's name is looked up first. */
function nameOf(flow: Flow): Flow[] {
  if (flow.ask.kind !== 'http') return [];
  const host = /^https?:\/\/([A-Za-z][A-Za-z0-9.-]*)(?:[:/]|$)/.exec(flow.ask.spec.url)?.[1];
  return host === undefined || /^(pod|service|node|host)$/.test(host)
    ? []
    : [{ from: flow.from, ask: { kind: 'dns', name: host, type: 'A' } }];
}

/** What joins the machines is nobody's place. */
const SWITCH = 'switch';

/** A namespace on the way, with the device by which the packet left and what it looked like then. */
interface Visit {
  readonly key: string;
  readonly name: string;
  exit: string;
  tunnel: string;
  packet: Packet | null;
  end: Step | null;
}

/** Where the first packet of a direction came. */
function visitsOf(journey: Journey, way: Step['way']): Visit[] {
  const all = journey.steps.filter((s) => s.way === way && s.host !== SWITCH && s.packet?.proto !== ARP && !s.packet?.quoted);
  const first = all[0] ? journey.root(all[0].skb) : 0;
  const steps = all.filter((s) => journey.root(s.skb) === first);
  // Copies of a flooded frame that nobody takes lead nowhere.
  const astray = new Set(steps.filter((s) => s.what === 'drop' && quiet(s.detail)).map((s) => s.skb));
  const end = journey.end?.skb;
  const visits: Visit[] = [];
  for (const s of steps) {
    if (astray.has(s.skb) && s.skb !== first && s.skb !== end) continue;
    if (s.what !== 'tx' && s.what !== 'rx' && s.what !== 'drop' && s.what !== 'deliver') continue;
    const key = `${s.host}/${s.ns}`;
    let visit = visits.at(-1);
    if (visit?.key !== key) {
      visit = { key, name: nameAt(journey, s), exit: '', tunnel: '', packet: s.packet, end: null };
      visits.push(visit);
    }
    visit.packet = s.packet;
    if (s.what === 'tx') {
      visit.exit = s.device;
      visit.tunnel = s.packet?.tunnels[0]?.kind ?? '';
    } else if (s.what === 'drop') visit.end = s;
  }
  return visits;
}

const nameAt = (journey: Journey, s: Step): string => journey.placeName(s).replace(/,$/, '');

interface Told {
  readonly text: string;
  readonly hop: string | null;
}

/** What became of a flow that ought to have gone otherwise. */
function told(flow: Flow, got: Answer, intended: Answer): Told {
  const say = (what: string, hop: string | null): Told => ({ text: `${flowText(flow)}: ${what}.`, hop });
  const journey = got.journey as Journey;
  const there = visitsOf(journey, 'there');
  // The way to another pod of the same name is another way.
  const meant = intended.journey && intended.to === got.to ? visitsOf(intended.journey, 'there') : [];
  const at = (s: Step): string => `${nameAt(journey, s)} ${s.device}`.trim();
  if (got.word !== 'ok' || intended.word !== 'ok') {
    const fatal = journey.end;
    const parted = partingOf(there, meant);
    if (parted && got.word !== 'ok')
      return say(fatal ? `${parted.text}; it ends at ${at(fatal)}: ${bare(fatal)}` : parted.text, parted.hop);
    if (parted && !meant.some((v) => v.end)) return say(parted.text, parted.hop);
    if (got.word !== 'ok') return say(...lost(flow, got, there, fatal));
    const end = meant.find((v) => v.end)?.end;
    const place = end && intended.journey ? nameAt(intended.journey, end) : null;
    return say(`it is answered${place ? `; it passes ${place}, where it must end` : ''}`, place ?? there.at(-1)?.name ?? null);
  }
  const known = intended.journey?.steps.filter((s) => s.what === 'nat') ?? [];
  const rewritten = journey.steps.find(
    (s) => s.what === 'nat' && s.way === 'there' && !known.some((m) => m.host === s.host && m.detail.slice(0, 4) === s.detail.slice(0, 4)),
  );
  if (rewritten) {
    const on = journey.placeName(rewritten);
    return say(`on ${on} its addresses are rewritten (${rewritten.detail}; ${ruleText(journey.ruleOf(rewritten))})`, on);
  }
  const parted = partingOf(there, meant);
  return parted ? say(parted.text, parted.hop) : say('it goes the intended way', null);
}

function bare(drop: Step): string {
  return reasonText(drop.detail).replace(/^(dropped|ignored|refused): /, '');
}

/** A packet that took the intended way as far as it came, and was lost or refused. */
function lost(flow: Flow, got: Answer, there: readonly Visit[], fatal: Step | undefined): [string, string] {
  const journey = got.journey as Journey;
  const at = (s: Step): string => `${nameAt(journey, s)} ${s.device}`.trim();
  const silent = journey.steps.find((s) => s.what === 'neigh' && / FAILED$/.test(s.detail));
  if (silent) return [`at ${at(silent)} nobody answers ARP for ${silent.detail.split(' ')[0]}`, at(silent)];
  if (there.length === 0 && !fatal) return [`nothing leaves ${flow.from}: ${got.text}`, flow.from];
  if (fatal?.detail.startsWith('NEIGH_FAILED')) return [`at ${at(fatal)} the next hop does not answer ARP`, at(fatal)];
  if (fatal) {
    const far = fatal.way === 'back' ? 'the answer comes back' : 'it gets';
    return [`${far} as far as ${at(fatal)}; there it is ${reasonText(fatal.detail)}`, at(fatal)];
  }
  const last = there.at(-1);
  const back = journey.steps.findLast((s) => s.way === 'back' && (s.what === 'rx' || s.what === 'tx'));
  if (!last) return [got.text, flow.from];
  const p = last.packet;
  if (got.word === 'refused' && p) return [`it arrives at ${last.name}, where nobody takes it (port ${p.dport})`, last.name];
  const said = journey.steps.find((s) => s.packet?.proto === IPPROTO_ICMP && s.packet.quoted !== null && s.packet.code === 3)?.packet;
  if (said)
    return [`it comes to ${last.name}, and ${formatIp(said.src)} says: ${unreachableOf(said.detail, false)} unreachable`, last.name];
  if (back) return [`${got.text}; what comes back is seen last at ${at(back)}`, at(back)];
  return [
    `it comes to ${last.name}${p ? ` as ${formatIp(p.src)} -> ${formatIp(p.dst)}` : ''}, and nothing comes back from there`,
    last.name,
  ];
}

/** The first place that the packet leaves by another way than it should. */
function partingOf(mine: readonly Visit[], meant: readonly Visit[]): { text: string; hop: string } | null {
  for (let i = 0; i < mine.length; i++) {
    const a = mine[i] as Visit;
    const b = meant[i];
    const next = mine[i + 1];
    if (!b || a.key !== b.key || a.exit === '' || !next) return null;
    const hop = `${a.name} ${a.exit}`;
    // Two backends of one Service are as good as each other.
    const goal = a.packet && b.packet && a.packet.dst !== b.packet.dst;
    if (goal && a.packet?.dst !== mine[0]?.packet?.dst) return null;
    const wanted = meant[i + 1];
    if (next.key === wanted?.key && a.tunnel === b.tunnel && !goal) continue;
    if (goal && a.packet) return { text: `it leaves ${a.name} by ${a.exit}, still for ${formatIp(a.packet.dst)}`, hop };
    const by = `it leaves ${a.name} by ${a.exit}`;
    if (!wanted || b.exit === '') return { text: `${by}, but should not leave it`, hop };
    if (a.exit !== b.exit) return { text: `${by} and not by ${b.exit}`, hop };
    if (a.tunnel !== b.tunnel)
      return {
        text: `${by} in ${a.tunnel ? `a tunnel (${a.tunnel})` : 'no tunnel'}, but should go in ${b.tunnel ? `one (${b.tunnel})` : 'none'}`,
        hop,
      };
    return { text: `${by} and comes to ${next.name}, but should come to ${wanted.name}`, hop };
  }
  return null;
}
