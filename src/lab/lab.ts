/** A lab as data: what lab.yaml says once it is read and checked, with the scripts that stand beside it. */

export interface Lab {
  readonly id: string;
  readonly title: string;
  readonly level: 'beginner' | 'intermediate' | 'advanced' | 'expert';
  readonly minutes: number;
  /** Name of a reference world (src/lab/world.ts). */
  readonly world: string;
  /** Opening lines shown to the learner, Markdown. */
  readonly story: string;
  /** Ids of the hosts that get a terminal tab, the first one is open at the start. */
  readonly hosts: readonly string[];
  /** bash, run on the first host before the learner arrives. */
  readonly setup: string;
  readonly tasks: readonly Task[];
  /** bash that solves the lab on its first host. */
  readonly solution: string;
  readonly alternatives: readonly Script[];
  readonly decoys: readonly Decoy[];
  /** Hash over everything above that decides a grade; a log made for other content is told by it. */
  readonly contentHash: string;
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

export interface Task {
  readonly id: string;
  readonly title: string;
  /** What to do, Markdown. */
  readonly text: string;
  readonly weight: number;
  /** Three levels, from a nudge to a skeleton. */
  readonly hints: readonly string[];
  readonly checks: readonly Check[];
}

export type Check = PingCheck | HttpCheck | UnchangedCheck | AddressCheck;

interface CheckBase {
  readonly id: string;
  /** One line that names what ought to hold. */
  readonly title: string;
  /** Ids of checks without which this one says nothing; it is skipped (and not passed) when one of them failed. */
  readonly needs: readonly string[];
}

/** Where a probe starts: a host id, or `host/netns` for a named namespace on it. */
export type Place = string;

export interface PingCheck extends CheckBase {
  readonly kind: 'ping';
  readonly from: Place;
  readonly to: string;
  /** Bytes of echo data. */
  readonly size: number;
  /** Don't-fragment bit. */
  readonly df: boolean;
  /** `reply`; `silence`: no answer within a second; `too-long`: the sender's own kernel refuses the size. */
  readonly expect: 'reply' | 'silence' | 'too-long';
}

export interface HttpCheck extends CheckBase {
  readonly kind: 'http';
  readonly from: Place;
  readonly url: string;
  /** Status code, or how the connection must fail. */
  readonly expect: number | 'refused' | 'timeout' | 'unreachable';
  /** Client address that the server must have seen. */
  readonly source?: string;
}

export interface UnchangedCheck extends CheckBase {
  readonly kind: 'unchanged';
  readonly on: Place;
  readonly what: 'nat-rules' | 'static-neighbours';
}

export interface AddressCheck extends CheckBase {
  readonly kind: 'address';
  readonly on: Place;
  readonly address: string;
  readonly expect: 'absent' | 'present';
}

export interface CheckReport {
  readonly id: string;
  readonly task: string;
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly expected: string;
  readonly observed: string;
  /** Where it went wrong: host, device and reason, as far as a packet got. */
  readonly hop?: string;
}

export interface TaskReport {
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
  readonly weight: number;
  /** Share of its checks that passed, 0 to 1. */
  readonly share: number;
  readonly checks: readonly CheckReport[];
}

export interface GradeReport {
  readonly lab: string;
  readonly contentHash: string;
  readonly seed: number;
  /** 0 to 1: weighted share of passed checks. */
  readonly score: number;
  readonly passed: boolean;
  readonly tasks: readonly TaskReport[];
  /** Hash of all trace events of replay and probes. */
  readonly traceHash: string;
}
