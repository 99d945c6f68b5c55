/** A lab as data: the source as its files say it, the lab as one learner gets it, and what a grade reports. */

export type Level = 'beginner' | 'intermediate' | 'advanced' | 'expert';

/** Text and numbers of a lab may hold `{{name}}`: src/lab/parameters.ts puts a learner's values there. */
export type Parameter = { readonly 'different-from'?: readonly string[] } & (
  | { readonly 'one-of': readonly Choice[] }
  | { readonly 'some-of': readonly Choice[]; readonly count: number }
  | { readonly number: { readonly from: number; readonly to: number; readonly except?: readonly number[] } }
  /** A host address of a prefix; `except` holds addresses and prefixes. */
  | { readonly address: { readonly in: string; readonly except?: readonly string[] } }
  /** Put together from others; a text also when it is one number. */
  | { readonly text: string }
);

/** A value, or a row of values that belong together (`{{row.field}}`). */
export type Choice = string | number | Readonly<Record<string, string | number>>;

/** bash on a host, as root, before the learner comes. */
export interface Preparation {
  readonly on: string;
  readonly run: string;
  /** `A = B` or `A != B`; only then is it run. */
  readonly when?: string;
}

export interface PlacedFile {
  /** Name in the lab's folder files/. */
  readonly from: string;
  readonly on: string;
  /** Absolute path. */
  readonly to: string;
}

/** Programs that the learner's own shells may or may not start; builtins of bash are always allowed. */
export interface Commands {
  readonly allow?: readonly string[];
  readonly forbid?: readonly string[];
}

/** A client that asks all the time, as a monitor of an on-call team does; the learner sees its count. */
export interface Service {
  readonly from: string;
  readonly url: string;
  /** Seconds of virtual time between two requests. */
  readonly every: number;
  /** Seconds of failure that the objective allows. */
  readonly budget: number;
}

interface Common {
  readonly id: string;
  readonly title: string;
  readonly level: Level;
  readonly minutes: number;
  /** Who talks to whom; for lists of labs. */
  readonly communication?: 'container to container' | 'pod to pod' | 'pod to Service' | 'world to Service' | 'pod to world';
  /** Name of a reference world (src/lab/world.ts). */
  readonly world: string;
  /** Laid over the reference world's cluster file, or a cluster file of its own when `world` is `own`. */
  readonly overrides?: unknown;
  /** Opening lines shown to the learner, Markdown. */
  readonly story: string;
  /** Ids of the hosts that get a terminal tab, the first one is open at the start. */
  readonly hosts: readonly string[];
  readonly setup: readonly Preparation[];
  readonly faults: readonly Preparation[];
  readonly place: readonly PlacedFile[];
  readonly commands?: Commands;
  /** Seconds of virtual time after which nothing counts any more. */
  readonly limit?: number;
  readonly service?: Service;
  readonly tasks: readonly Task[];
  /** For teachers: what learners get wrong, what to ask; Markdown. */
  readonly notes?: string;
  /** Text by name in files/. */
  readonly files: Readonly<Record<string, string>>;
  /** bash that solves the lab on its first host. */
  readonly solution: string;
  readonly alternatives: readonly Script[];
  readonly decoys: readonly Decoy[];
  /** Ids of checks that hold before the learner comes and have to stay so: what the proof of a lab does not expect to fail at the start. */
  readonly 'holds-at-start'?: readonly string[];
  /** Hash over everything that decides a grade; a log made for other content is told by it. */
  readonly contentHash: string;
}

/** What the folder of a lab says, once it is read and checked; texts still hold their `{{parameters}}`. */
export interface LabSource extends Common {
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** The lab with the values of one seed. */
export interface Lab extends Common {
  readonly seed: number;
  /** What was drawn, for reports: `ip` -> 10.244.1.77. */
  readonly values: Readonly<Record<string, string>>;
}

export interface Script {
  /** File name without its ending. */
  readonly name: string;
  readonly script: string;
}

export interface Decoy extends Script {
  /** Ids of the checks that must fail when this script was run, all others must pass. */
  readonly fails: readonly string[];
}

export interface Hint {
  readonly text: string;
  /** Share of the task's weight that opening it costs, 0 to 1. */
  readonly cost: number;
}

export interface Task {
  readonly id: string;
  readonly title: string;
  /** What to do, Markdown. */
  readonly text: string;
  readonly weight: number;
  /** Ids of tasks that have to be done before this one is looked at. */
  readonly needs: readonly string[];
  /** Three levels, from a nudge to a skeleton. */
  readonly hints: readonly Hint[];
  readonly checks: readonly Check[];
}

/** What all kinds of check have; each kind's own fields are in src/lab/check/<kind>.ts. */
export interface Check {
  readonly kind: string;
  readonly id: string;
  /** One line that names what ought to hold. */
  readonly title: string;
  readonly weight: number;
  /** Ids of checks without which this one says nothing; it is skipped (and not passed) when one of them failed. */
  readonly needs: readonly string[];
  /** Told, but not counted. */
  readonly informational: boolean;
}

/** Where a probe starts or a command runs: a host id, or `host/netns` for a named namespace on it. */
export type Place = string;

/** Modelled on check50's result: name, description, cause with rationale, expected, actual and help, dependency, log. */
export interface CheckReport {
  /** Id of the check. */
  readonly name: string;
  readonly description: string;
  readonly task: string;
  readonly kind: string;
  readonly weight: number;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly informational: boolean;
  /** Null when it passed. */
  readonly cause: Cause | null;
  /** Checks and tasks that it needs. */
  readonly dependency: readonly string[];
  /** Evidence: what was seen on the way, a line each. */
  readonly log: readonly string[];
  /** What it saw, also when it passed. */
  readonly actual: string;
}

export interface Cause {
  readonly rationale: string;
  readonly expected: string;
  readonly actual: string;
  /** Where to look next, never the mend. */
  readonly help?: string;
  /** Where it went wrong: host, device and reason, as far as a packet got. */
  readonly hop?: string;
}

export interface TaskReport {
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
  readonly weight: number;
  /** Share of its checks that passed, by weight, 0 to 1; what hints cost is not taken off. */
  readonly share: number;
  /** What the hints that were opened cost, share of the task's weight. */
  readonly hintCost: number;
  readonly checks: readonly CheckReport[];
}

export interface GradeReport {
  readonly lab: string;
  readonly contentHash: string;
  readonly seed: number;
  /** 0 to 1: weighted share of passed checks, less what hints cost. */
  readonly score: number;
  readonly passed: boolean;
  readonly tasks: readonly TaskReport[];
  /** Remarks that do not concern one check: the log was cut, the time was over. */
  readonly remarks: readonly string[];
  /** Hash of all trace events of replay and probes; empty unless it was asked for. */
  readonly traceHash: string;
}
