/** Mutation testing of a lab: broken variants of its solution, which its checks must refuse; and which checks do the work. */

import type { AnyObject } from '../cluster/api/object.ts';
import { parseIp } from '../wire/addr.ts';
import { type Act, actsOf, unrolled } from './acts.ts';
import { Grading } from './grade.ts';
import type { GradeReport, Lab, LabSource } from './lab.ts';
import { Replay } from './log.ts';
import { effectOf } from './mutate/effect.ts';
import { type Shape, shapeOf } from './mutate/shape.ts';
import { type Edit, type Names, type Operator, type Wrong, wrongWords } from './mutate/words.ts';
import { instantiate } from './parameters.ts';
import { counted } from './prove.ts';
import { reset } from './reset.ts';
import type { World } from './world.ts';

export interface Mutant {
  /** `solution`, or `alternatives/NAME`. */
  readonly of: string;
  readonly operator: Operator;
  /** Number of the line, from 1 on. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
  readonly script: string;
}

/** A script with more variants than this is mutated evenly over its length. */
const MAX_MUTANTS = 600;
/** Commands that only look: to look twice breaks nothing. */
const LOOKING = /^(tcpdump|ping|curl|wget|dig|nslookup|getent|sleep|traceroute|kubectl (get|describe|logs|wait|rollout status))\b/;

function apply(script: string, edits: readonly Edit[]): string {
  return [...edits].sort((a, b) => b.pos - a.pos).reduce((s, e) => s.slice(0, e.pos) + e.text + s.slice(e.end), script);
}

function statements(script: string, shape: Shape): Wrong[] {
  const out: Wrong[] = [];
  const of = (u: { pos: number; end: number }): string => script.slice(u.pos, u.end);
  for (const list of shape.lists) {
    list.forEach((unit, i) => {
      const { pos, end } = unit;
      out.push({ operator: 'drop', edits: [{ pos, end, text: ':' }] });
      if (!LOOKING.test(of(unit))) out.push({ operator: 'duplicate', edits: [{ pos, end: pos, text: `${of(unit)}\n` }] });
      const after = list[i + 1];
      if (!after || /[^\s;&]/.test(script.slice(end, after.pos))) return;
      out.push({
        operator: 'swap',
        edits: [
          { pos, end, text: of(after) },
          { pos: after.pos, end: after.end, text: of(unit) },
        ],
      });
    });
  }
  for (const { pos, end } of shape.operands) out.push({ operator: 'drop', edits: [{ pos, end, text: 'true' }] });
  for (const words of shape.loops)
    if (words.length > 1) for (const { pos, end } of words) out.push({ operator: 'forget-host', edits: [{ pos, end, text: '' }] });
  return out;
}

/** `#@ host` sections left out, `#@ answer` lines left out or wrong. */
function directives(script: string): Wrong[] {
  const out: Wrong[] = [];
  const found = [...script.matchAll(/^#@ (host|answer) (\S+) ?(.*)$/gm)];
  found.forEach((m, i) => {
    const pos = m.index;
    const end = pos + m[0].length;
    if (m[1] === 'host') {
      const next = found.slice(i + 1).find((n) => n[1] === 'host');
      out.push({ operator: 'forget-host', edits: [{ pos, end: next?.index ?? script.length, text: '' }] });
      return;
    }
    out.push({ operator: 'drop', edits: [{ pos, end, text: '' }] });
    const value = m[3] as string;
    const wrong = /^\d+$/.test(value) ? String(Number(value) + 1) : parseIp(value) !== null ? '192.0.2.77' : `no ${value}`;
    out.push({ operator: 'wrong-answer', edits: [{ pos: end - value.length, end, text: wrong }] });
  });
  return out;
}

function lineAt(script: string, pos: number): { line: number; text: string } {
  const line = script.slice(0, pos).split('\n').length;
  return { line, text: script.split('\n')[line - 1] ?? '' };
}

/** Broken variants of a script, each another text, in the order of their lines. */
export function mutantsOf(rolled: string, names: Names, name = 'solution'): Mutant[] {
  const script = unrolled(rolled);
  const shape = shapeOf(script);
  if (!shape) return [];
  const wrongs = [...directives(script), ...statements(script, shape), ...shape.lines.flatMap((line) => wrongWords(line, names))];
  const seen = new Set([script]);
  const mutants: Mutant[] = [];
  for (const { operator, edits } of wrongs) {
    const changed = apply(script, edits);
    if (seen.has(changed)) continue;
    seen.add(changed);
    const pos = Math.min(...edits.map((e) => e.pos));
    const { line, text } = lineAt(script, pos);
    const after = operator === 'drop' || operator === 'forget-host' ? '' : lineAt(changed, pos).text;
    mutants.push({ of: name, operator, line, before: text.trim(), after: after.trim(), script: changed });
  }
  mutants.sort((a, b) => a.line - b.line);
  const keep = Math.ceil(mutants.length / MAX_MUTANTS);
  return mutants.filter((_, i) => i % keep === 0);
}

function objectsOf(world: World): string[][] {
  const api = world.kube?.operations.api;
  if (!api) return [];
  return ['services', 'deployments.apps', 'daemonsets.apps', 'pods'].map((kind) => {
    const all = api.list<AnyObject>(kind, { namespace: 'default' });
    return all.ok ? all.value.items.map((o) => o.metadata.name).sort() : [];
  });
}

/** What there is in a world, for wrong names. */
export function namesOf(world: World): Names {
  const spaces = [...new Set([...world.hosts.values()].flatMap((h) => [h.machine.kernel.init, ...h.machine.kernel.named.values(), h.ns]))];
  const sorted = (all: Iterable<string>): string[] => [...new Set(all)].sort();
  const devices = spaces.flatMap((ns) => [...ns.devices.values()]);
  const addresses = devices.flatMap((d) => d.addrs4.map((a) => Number(a.local))).sort((a, b) => a - b);
  return {
    hosts: sorted(world.hosts.keys()),
    devices: sorted(devices.map((d) => d.name)),
    namespaces: sorted([...world.hosts.values()].flatMap((h) => [...h.machine.kernel.named.keys()])),
    objects: objectsOf(world),
    addresses: [...new Set(addresses)]
      .map((n) => [24, 16, 8, 0].map((s) => (n >>> s) & 255).join('.'))
      .filter((a) => !a.startsWith('127.')),
  };
}

/** `told`: it passes, and a check that does not count says what is amiss, as it does for a solution that is accepted with a remark. */
export type Fate = 'killed' | 'told' | 'survived' | 'equivalent';

export interface Verdict extends Omit<Mutant, 'script'> {
  readonly lab: string;
  readonly seed: number;
  readonly fate: Fate;
  /** Checks that failed, without those that were not looked at. */
  readonly failed: readonly string[];
}

/** The variants of a lab's solution under one seed, judged one by one. */
export class Trial {
  readonly mutants: readonly Mutant[];
  private readonly lab: Lab;
  /** What the solution and its alternatives make of the world. */
  private good: ReadonlySet<string> | null = null;
  /** Checks that do not count and that the solution passes. */
  private remarks: readonly string[] | null = null;

  /** With variants of the alternatives too when `all`. */
  constructor(source: LabSource, seed: number, all = false) {
    this.lab = instantiate(source, seed);
    const replay = new Replay(this.lab);
    replay.perform(actsOf(this.lab.solution));
    const names = namesOf(replay.started.world);
    const others = all ? this.lab.alternatives : [];
    this.mutants = [...mutantsOf(this.lab.solution, names), ...others.flatMap((a) => mutantsOf(a.script, names, `alternatives/${a.name}`))];
  }

  judge(index: number): Verdict {
    const { script, ...mutant } = this.mutants[index] as Mutant;
    const report = this.run(actsOf(script));
    const bad = report ? counted(report).filter((c) => c.status !== 'passed') : [];
    const fate =
      report === null || bad.length > 0 ? 'killed' : this.remarked(report) ? 'told' : this.same(script) ? 'equivalent' : 'survived';
    const failed = bad.filter((c) => c.status === 'failed').map((c) => c.name);
    return { ...mutant, lab: this.lab.id, seed: this.lab.seed, fate, failed };
  }

  /** Null when the variant makes something that cannot be carried out. */
  private run(acts: readonly Act[]): GradeReport | null {
    const grading = new Grading(this.lab);
    try {
      grading.perform(acts);
    } catch (e) {
      if (e instanceof Error && e.name === 'LogError') return null;
      throw e;
    }
    return grading.verdict();
  }

  private remarked(report: GradeReport): boolean {
    const passing = (r: GradeReport | null): string[] =>
      (r?.tasks ?? []).flatMap((t) => t.checks.filter((c) => c.informational && c.status === 'passed').map((c) => c.name));
    this.remarks ??= passing(this.run(actsOf(this.lab.solution)));
    const now = passing(report);
    return this.remarks.some((id) => !now.includes(id));
  }

  private effect(script: string): string {
    const replay = new Replay(this.lab);
    replay.perform(actsOf(script));
    const { world, recording } = replay.started;
    reset(world);
    return effectOf(world, recording.begin).join('\n');
  }

  private same(script: string): boolean {
    const { solution, alternatives } = this.lab;
    this.good ??= new Set([solution, ...alternatives.map((a) => a.script)].map((s) => this.effect(s)));
    return this.good.has(this.effect(script));
  }
}

export interface Coverage {
  readonly check: string;
  /** Variants that it was among the failing checks of, and those that nothing else refused. */
  readonly failed: number;
  readonly alone: number;
  /** Decoys that aim at it. */
  readonly decoys: number;
}

export interface MutationReport {
  readonly lab: string;
  readonly killed: number;
  readonly told: number;
  readonly survived: number;
  readonly equivalent: number;
  /** Share of the variants with another effect that were refused. */
  readonly score: number;
  readonly survivors: readonly Verdict[];
  readonly checks: readonly Coverage[];
}

/** The verdicts on one lab's variants, all seeds together. */
export function mutationReport(source: LabSource, verdicts: readonly Verdict[]): MutationReport {
  const count = (fate: Fate): number => verdicts.filter((v) => v.fate === fate).length;
  const [killed, told, survived, equivalent] = [count('killed'), count('told'), count('survived'), count('equivalent')];
  const checks = source.tasks
    .flatMap((t) => t.checks)
    .filter((c) => !c.informational)
    .map(({ id }) => ({
      check: id,
      failed: verdicts.filter((v) => v.failed.includes(id)).length,
      alone: verdicts.filter((v) => v.failed.length === 1 && v.failed[0] === id).length,
      decoys: source.decoys.filter((d) => d.fails.includes(id)).length,
    }));
  const survivors = verdicts.filter((v) => v.fate === 'survived').sort((a, b) => a.line - b.line || a.seed - b.seed);
  const score = killed + survived === 0 ? 1 : killed / (killed + survived);
  return { lab: source.id, killed, told, survived, equivalent, score, survivors, checks };
}
