/** What happened to the packets of a command, as text: a conversation after the other, the way there and the way back. */

import { ARP } from '../probe/flow.ts';
import type { World } from '../world.ts';
import { answers, flowLabel, type Known } from './flows.ts';
import { Inquiry } from './inquiry.ts';
import type { Recorder } from './recorder.ts';
import type { HopView, StepView } from './told.ts';

/** Conversations that are told in full; of the others only what became of them. */
const MAX_FLOWS = 6;
const WORD = 7;
const PROSE = 58;

/** A destination that a socket found no route for. */
export interface Roadless {
  readonly place: string;
  readonly dst: string;
  readonly errno: string;
}

export class Account {
  private readonly inquiry: Inquiry;
  private readonly recorder: Recorder;

  constructor(world: World, recorder: Recorder) {
    this.recorder = recorder;
    this.inquiry = new Inquiry(world, recorder);
  }

  text(roadless: readonly Roadless[]): string {
    const { flows: known } = this.inquiry;
    const own = known.all().filter((k) => known.isOwn(k.flow) && k.first !== null && k.first.proto !== ARP && !k.first.quoted);
    const flows = new Map<number, Known[]>();
    for (const k of own) flows.set(k.flow, [...(flows.get(k.flow) ?? []), k]);
    const out: string[] = [];
    for (const r of roadless) out.push(noRoute(r));
    const all = [...flows.values()];
    if (all.length === 0 && roadless.length === 0) return 'why: no packet was sent\n';
    if (all.length > 0) {
      const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
      out.unshift(`why: ${count(own.length, 'packet')} in ${count(all.length, 'conversation')}\n`);
    }
    for (const [n, packets] of all.entries()) out.push(n < MAX_FLOWS ? this.flow(packets) : this.brief(packets));
    if (this.recorder.forgotten > 0) out.push('There were more packets than are remembered: only the first ones are told.\n');
    return out.join('\n');
  }

  private flow(packets: readonly Known[]): string {
    const first = packets[0] as Known;
    const opening = first.first;
    const there = packets.filter((k) => !opening || !answers(k, opening));
    const back = packets.filter((k) => opening && answers(k, opening));
    const dropped = packets.filter((k) => this.inquiry.line(k).verdict === 'dropped');
    const parts = [`${flowLabel(opening)}\n`, this.way('there', first)];
    const answer = back[0];
    if (answer) parts.push(this.way('back', answer));
    else parts.push(this.silence(first));
    const other = dropped.find((k) => k !== first && k !== answer);
    if (other) parts.push(this.way(there.includes(other) ? 'a later packet there' : 'a later packet back', other));
    const rest = packets.length - (answer ? 2 : 1) - (other ? 1 : 0);
    if (rest > 0)
      parts.push(
        ` ${rest} more ${rest === 1 ? 'packet' : 'packets'} of this conversation${lost(dropped.length, [first, answer, other], dropped)}\n`,
      );
    return parts.join('');
  }

  private brief(packets: readonly Known[]): string {
    const first = packets[0] as Known;
    return `${flowLabel(first.first)}\n there: ${this.end(first).end}\n`;
  }

  private end(k: Known): { end: string; why: string } {
    const hops = this.inquiry.hopsOf(k.packet);
    return this.inquiry.ending(
      k.packet,
      hops,
      this.caused(k).map((x) => this.inquiry.line(x)),
    );
  }

  private caused(k: Known): Known[] {
    return this.inquiry.flows.all().filter((x) => x.packet.cause === k.packet);
  }

  private way(name: string, k: Known): string {
    const hops = this.inquiry.hopsOf(k.packet);
    const { end } = this.end(k);
    const width = Math.min(20, Math.max(...hops.map((h) => h.title.length)));
    return ` ${name}: ${end}\n${hops.map((h) => this.hop(h, width)).join('')}`;
  }

  /** Of what got no answer: what came instead. */
  private silence(k: Known): string {
    const told = this.caused(k).filter((x) => x.first?.quoted || x.packet.sort === (0x20000 | 4));
    const first = told[0];
    if (first) return this.way(`back, because of that: ${flowLabel(first.first)}`, first);
    return ' back: nothing came back\n';
  }

  private hop(h: HopView, width: number): string {
    const rows: [string, string][] = [];
    const ins: string[] = [];
    const flush = (): void => {
      if (ins.length > 0) rows.push(['in', ins.join(', ')]);
      ins.length = 0;
    };
    const steps = h.steps.filter((s) => !s.minor && !(s.kind === 'rule' && h.steps.some((x) => x.kind === 'drop' && x.code === s.code)));
    if (steps.every((s) => s.kind === 'in' || s.kind === 'out'))
      rows.push(['pass', steps.map((s) => `${s.kind === 'in' ? 'in' : 'out'} ${s.dev}`).join(', ')]);
    else {
      for (const s of steps) {
        if (s.kind === 'in') {
          ins.push(s.dev);
          continue;
        }
        flush();
        rows.push(...rowsOf(s, h));
      }
      flush();
    }
    return rows.map(([word, text], i) => `  ${(i === 0 ? h.title : '').padEnd(width)}  ${word.padEnd(WORD)} ${text}\n`).join('');
  }
}

function rowsOf(s: StepView, h: HopView): [string, string][] {
  switch (s.kind) {
    case 'route':
      return [
        ['route', s.code === '' ? s.text : `${s.code}${s.more === 'table main' || s.code.includes(' table ') ? '' : ` (${s.more})`}`],
      ];
    case 'rule':
    case 'policy':
      return [['rule', `${s.table}: ${s.code}`]];
    case 'nat':
      return [['rewrite', s.text]];
    case 'neigh':
      return s.code === '' ? [['wait', s.text]] : [['next', `${s.code}`]];
    case 'wrap':
      return [['wrap', s.text.replace(/^wrapped in /, '')]];
    case 'unwrap':
      return [['unwrap', 'the outer headers are taken off']];
    case 'out': {
      const ttl = h.diff.changed.findLast((c) => c.field === 'TTL' || c.field === 'hop limit');
      const last = h.steps.findLast((x) => x.kind === 'out') === s;
      return [['out', `${s.dev}${last && ttl ? ` (${ttl.field} ${ttl.before} -> ${ttl.after})` : ''}`]];
    }
    case 'deliver':
      return [['arrive', s.text]];
    case 'drop':
      return [
        ['DROP', s.text],
        ...(s.code === '' ? [] : [['', s.code] as [string, string]]),
        ...lines(s.more).map((line): [string, string] => ['', line]),
      ];
    default:
      return [];
  }
}

/** Words in lines that fit a terminal beside the columns before them. */
function lines(text: string): string[] {
  const out: string[] = [];
  for (const word of text.split(' ')) {
    const last = out.at(-1);
    if (last !== undefined && last.length + word.length < PROSE) out[out.length - 1] = `${last} ${word}`;
    else if (word !== '') out.push(word);
  }
  return out;
}

function lost(all: number, told: readonly (Known | undefined)[], dropped: readonly Known[]): string {
  const rest = all - told.filter((k) => k && dropped.includes(k)).length;
  return rest > 0 ? `, ${rest} of them dropped` : '';
}

const ERRNO: Readonly<Record<string, string>> = {
  ENETUNREACH: 'no route leads there: no entry of its routing tables covers the address',
  EHOSTUNREACH: 'the route there says unreachable',
  EACCES: 'the route there says prohibit',
  EINVAL: 'the route there is a blackhole, or the address cannot be sent to',
  EADDRNOTAVAIL: 'it has no address to send from',
};

function noRoute(r: Roadless): string {
  return `${r.place} -> ${r.dst}\n there: not sent: ${ERRNO[r.errno] ?? r.errno}\n`;
}
