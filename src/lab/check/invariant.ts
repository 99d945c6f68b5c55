/** invariant: what must never, always, or between two events hold over the log of everything that happened while the learner worked. */

import type { TraceEvent } from '../../sim/trace.ts';
import type { Check } from '../lab.ts';
import { patternFault } from '../pattern.ts';
import { eventText, fitsPattern, Packets, patternText, type TracePattern } from '../tracepattern.ts';
import type { World } from '../world.ts';
import type { CheckKind } from './kind.ts';

export interface InvariantCheck extends Check {
  /** No such event; `max` of them where it is given. */
  readonly never?: TracePattern;
  readonly max: number;
  /** Every event like `of` is also like `is`. */
  readonly always?: { readonly of: TracePattern; readonly is: TracePattern };
  /** After one event and until another no third. */
  readonly between?: { readonly after: TracePattern; readonly until: TracePattern; readonly never: TracePattern };
  /** Failures of the lab's service. */
  readonly service?: 'within-budget';
}

const MAX_LINES = 8;

/** Watches from before the learner comes. */
class InvariantWatch {
  breaches = 0;
  /** Events that were looked at, for `always` those like `of`. */
  looked = 0;
  readonly lines: string[] = [];
  private within = false;
  private readonly check: InvariantCheck;
  private readonly world: World;
  private readonly packets = new Packets();
  private readonly begin: number;
  private readonly stops: (() => void)[];

  constructor(world: World, check: InvariantCheck) {
    this.check = check;
    this.world = world;
    this.begin = world.sim.now;
    const hear = (e: TraceEvent): void => this.hear(e);
    this.stops = [world.sim.trace.listen(hear)];
    if (check.between) this.stops.push(world.sim.activity.listen(hear));
  }

  stop(): void {
    for (const stop of this.stops) stop();
  }

  private hear(e: TraceEvent): void {
    const { never, always, between } = this.check;
    const facts = this.packets.note(e);
    const fits = (p: TracePattern): boolean => fitsPattern(this.world, p, e, facts);
    if (never && fits(never)) this.breach(e, facts);
    else if (always && fits(always.of)) {
      this.looked++;
      if (!fits(always.is)) this.breach(e, facts);
    } else if (between) {
      if (this.within && fits(between.never)) this.breach(e, facts);
      if (this.within && fits(between.until)) this.within = false;
      else if (fits(between.after)) {
        this.within = true;
        this.looked++;
      }
    }
  }

  private breach(e: TraceEvent, facts: ReturnType<Packets['note']>): void {
    this.breaches++;
    if (this.lines.length < MAX_LINES) this.lines.push(eventText(this.world, e, facts, this.begin));
  }
}

function rule({ never, always, between, max }: InvariantCheck): string {
  if (never) return `while you work: ${max === 0 ? 'never' : `at most ${max} times`} ${patternText(never)}`;
  if (always) return `while you work: every ${patternText(always.of)} is ${patternText(always.is)}`;
  if (between) return `between ${patternText(between.after)} and ${patternText(between.until)}: never ${patternText(between.never)}`;
  return '';
}

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);

export const invariantKind: CheckKind<InvariantCheck> = {
  kind: 'invariant',
  defaults: { max: 0 },
  watch: (world, check) => (check.service ? null : new InvariantWatch(world, check)),
  run({ recording }, check) {
    if (check.service) {
      const count = recording.service?.count;
      if (!count) return { passed: false, expected: 'the service stays within its budget', actual: 'the lab has no service' };
      const expected = `the service fails for at most ${count.budget} seconds while you work`;
      const actual = `it failed for ${count.failed} seconds; it was asked ${times(count.asked)}`;
      const log = recording.service?.failure ? [`the first failure: ${recording.service.failure}`] : [];
      return { passed: count.failed <= count.budget, expected, actual, log };
    }
    const expected = rule(check);
    const watch = recording.watches.get(check.id);
    if (!(watch instanceof InvariantWatch)) return { passed: false, expected, actual: 'nobody watched: it stands within another check' };
    const passed = watch.breaches <= check.max;
    const actual = watch.breaches === 0 ? 'so it was' : `it happened ${times(watch.breaches)}`;
    return { passed, expected, actual, log: watch.lines };
  },
  faults(check, lab) {
    const asked = (['never', 'always', 'between', 'service'] as const).filter((f) => check[f] !== undefined);
    if (asked.length !== 1) return [{ field: asked[1] ?? 'never', problem: 'must say exactly one of never, always, between and service' }];
    if (check.service && !lab.service) return [{ field: 'service', problem: 'needs a `service` in the lab; write it or drop the check' }];
    const { never, always, between } = check;
    const patterns = {
      never,
      'always.of': always?.of,
      'always.is': always?.is,
      'between.after': between?.after,
      'between.until': between?.until,
    };
    return Object.entries({ ...patterns, 'between.never': between?.never }).flatMap(([field, p]) =>
      (['reason', 'state', 'ran'] as const).flatMap((f) => patternFault(`${field}.${f}`, p?.[f])),
    );
  },
};
