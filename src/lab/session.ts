/** A session: one learner's world, its terminals, its log and its grade. The face that host/ shows to a user interface. */

import { captures, readCapture } from '../os/captures.ts';
import { runCommand } from '../os/run.ts';
import { SEC } from '../sim/sim.ts';
import type { QuestionCheck } from './check/question.ts';
import { enterAt } from './enter.ts';
import type { Check, Lab, LabSource } from './lab.ts';
import { apply, checkHeader, type LogEntry, Replay, type Started, type SubmissionLog, start } from './log.ts';
import type { LoginTerminal } from './login.ts';
import type { Examined } from './manifest/types.ts';
import { instantiate } from './parameters.ts';
import type { Place } from './places.ts';
import { silenced } from './scrollback.ts';
import type { ServiceCount } from './service.ts';
import type { World } from './world.ts';

export type { CheckReport, GradeReport, LabSource, TaskReport } from './lab.ts';
export type { LogEntry, SubmissionLog } from './log.ts';
export { checkHeader } from './log.ts';
export type { Change, Examined, Problem } from './manifest/types.ts';
export { instantiate } from './parameters.ts';
export type { Place } from './places.ts';
export type { ServiceCount } from './service.ts';

export interface HostInfo {
  readonly id: string;
  readonly title: string;
  readonly kind: 'node' | 'pod' | 'outside';
}

/** A question as the page asks it: what would give the answer away stays behind. */
export interface QuestionInfo {
  readonly id: string;
  readonly task: string;
  readonly ask: string;
  readonly form: 'one' | 'many' | 'number' | 'address' | 'text';
  readonly options: readonly string[];
  /** The first answer stands: to be given before a command shows it. */
  readonly prediction: boolean;
}

export interface TaskInfo {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly weight: number;
  readonly needs: readonly string[];
  /** What each level costs, shares of the task's weight. */
  readonly hintCosts: readonly number[];
  readonly questions: readonly QuestionInfo[];
}

export interface LabInfo {
  readonly id: string;
  readonly title: string;
  readonly story: string;
  readonly seed: number;
  readonly contentHash: string;
  readonly hosts: readonly HostInfo[];
  readonly tasks: readonly TaskInfo[];
  readonly commands: Lab['commands'] | null;
  /** Seconds of virtual time. */
  readonly limit: number | null;
  readonly service: Lab['service'] | null;
  /** Another seed gives other values. */
  readonly varies: boolean;
}

/** What a log holds beyond commands: what the page shows again when the work is taken up. */
export interface Resumed {
  /** Question -> the last answer given. */
  readonly answers: Readonly<Record<string, string>>;
  /** Task -> texts of the hints opened, by level. */
  readonly hints: Readonly<Record<string, Readonly<Record<number, string>>>>;
}

/** A packet capture on a host's disk. */
export interface CaptureFile {
  readonly host: string;
  readonly path: string;
  readonly bytes: number;
}

export interface Terminal {
  /** Its number in the log. */
  readonly term: number;
  /** Why there is no shell in it. */
  readonly refused: string | null;
  /** What runs in the foreground, while it is not the shell itself. */
  program(): string | null;
  write(data: string): void;
  resize(cols: number, rows: number): void;
  close(): void;
}

/** A terminal whose shell goes on, though maybe nobody looks at it. */
export interface OpenTerminal {
  readonly term: number;
  readonly host: string;
  readonly cols: number;
  readonly rows: number;
}

interface TerminalHooks {
  onData(text: string): void;
  onExit?(): void;
}

/** A lab without tasks, for the home page's prompt and for terminal blocks in prose. */
const PLAYGROUND: LabSource = {
  id: 'playground',
  title: 'Playground',
  level: 'beginner',
  minutes: 0,
  world: 'w1',
  story: '',
  hosts: ['node-1', 'web-a', 'web-b', 'web-c', 'client-pod', 'cp-1', 'node-2', 'client', 'internet'],
  parameters: {},
  setup: [],
  faults: [],
  place: [],
  files: {},
  tasks: [],
  solution: '',
  alternatives: [],
  decoys: [],
  contentHash: 'playground',
};

/** An entry without its place, which is wherever the run stands. */
export type Input = LogEntry extends infer E ? (E extends LogEntry ? Omit<E, 'steps' | 'time'> : never) : never;

/** Events between two looks at the clock. */
const EVENTS_PER_LOOK = 32;

export class Session {
  readonly info: LabInfo;
  readonly lab: Lab;
  readonly started: Started;
  private readonly log: LogEntry[];
  private readonly shells = new Map<number, OpenTerminal>();
  private nextTerm = 1;
  private listeners: (() => void)[] = [];

  /** Goes on in a world where these entries were carried out. */
  constructor(lab: Lab, started: Started, entries: readonly LogEntry[] = []) {
    this.lab = lab;
    this.started = started;
    this.log = entries.filter((e) => e.op !== 'end');
    for (const entry of this.log) this.keepPlace(entry);
    for (const { tty } of started.terminals.values()) tty.onPrompt = () => this.prompted();
    this.info = infoOf(lab, started.world);
  }

  /** For views, which only look. */
  get world(): World {
    return this.started.world;
  }

  /** Virtual µs. */
  get now(): number {
    return this.started.world.sim.now;
  }

  nextTime(): number | null {
    return this.started.world.sim.nextTime();
  }

  /** Runs events up to virtual time `until` or until `more` says no. True when all up to `until` is done. */
  run(until: number, more: () => boolean): boolean {
    const { sim } = this.started.world;
    for (;;) {
      const next = sim.nextTime();
      if (next === null || next > until) {
        sim.runUntil(until);
        return true;
      }
      sim.runUntil(until, EVENTS_PER_LOOK);
      if (!more()) return false;
    }
  }

  /** Why no terminal can be opened at a place now; null when one can. */
  barred(place: string): string | null {
    const found = enterAt(this.started, place);
    return typeof found === 'string' ? found : null;
  }

  /** Where the learner may open a terminal now. */
  async places(): Promise<readonly Place[]> {
    const { placesOf } = await import('./places.ts');
    return placesOf(this.started);
  }

  /** What the cluster would say of a text that is being edited; the world does not notice. */
  async examine(text: string): Promise<Examined> {
    const { examine } = await import('./manifest/examine.ts');
    return examine(this.started.world.kube?.server ?? null, text);
  }

  /** `host` is a place as src/lab/enter.ts understands it. @throws LogError when there is no way to it. */
  openTerminal(host: string, opts: TerminalHooks & { cols: number; rows: number }): Terminal {
    const term = this.nextTerm;
    this.input({ op: 'open', term, host, cols: opts.cols, rows: opts.rows });
    const tty = this.started.terminals.get(term)?.tty;
    if (tty) tty.onPrompt = () => this.prompted();
    return this.join(term, opts);
  }

  /** Terminals whose shells live. */
  terminals(): OpenTerminal[] {
    return [...this.shells.values()].filter(({ term }) => this.started.terminals.get(term)?.shell?.dead === false);
  }

  /** Whoever looks at a terminal gets all that it shows from now on, and first what it has shown last. */
  join(term: number, hooks: TerminalHooks): Terminal {
    const terminal = this.started.terminals.get(term);
    const screen = this.started.screens?.get(term);
    const decoder = new TextDecoder();
    if (screen) {
      const shown = silenced(decoder.decode(screen.bytes(), { stream: true }));
      if (shown !== '') hooks.onData(shown);
      screen.onData = (data) => hooks.onData(decoder.decode(data, { stream: true }));
    }
    if (terminal?.shell) terminal.shell.onExit = () => hooks.onExit?.();
    return {
      term,
      refused: terminal?.refused ?? null,
      program: () => programOf(terminal),
      write: (data) => this.input({ op: 'input', term, data }),
      resize: (cols, rows) => this.input({ op: 'resize', term, cols, rows }),
      close: () => this.input({ op: 'close', term }),
    };
  }

  /** Tells when a shell is back at its prompt. */
  onCommandDone(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** What tcpdump -w has written anywhere; hosts that share a disk count once. */
  captures(): CaptureFile[] {
    const seen = new Set<unknown>();
    return this.info.hosts.flatMap(({ id }) => {
      const machine = this.started.world.hosts.get(id)?.machine;
      if (!machine || seen.has(machine)) return [];
      seen.add(machine);
      return captures(machine).map((file) => ({ host: id, ...file }));
    });
  }

  /** A file on a host's disk. */
  readText(host: string, path: string): string | null {
    return this.started.world.hosts.get(host)?.machine.init.readText(path) ?? null;
  }

  readCapture(host: string, path: string): Uint8Array | null {
    const machine = this.started.world.hosts.get(host)?.machine;
    return machine ? readCapture(machine, path) : null;
  }

  hint(task: string, level: number): string | null {
    const hint = this.lab.tasks.find((t) => t.id === task)?.hints[level];
    if (hint && !this.started.recording.hints.get(task)?.has(level)) this.input({ op: 'hint', task, level });
    return hint?.text ?? null;
  }

  answer(question: string, value: string): void {
    this.input({ op: 'answer', question, value });
  }

  resumed(): Resumed {
    const { answers, hints } = this.started.recording;
    const textOf = (task: string, level: number): string => this.lab.tasks.find((t) => t.id === task)?.hints[level]?.text ?? '';
    return {
      answers: Object.fromEntries(answers.map((a) => [a.question, a.value])),
      hints: Object.fromEntries(
        [...hints].map(([task, levels]) => [task, Object.fromEntries([...levels].map((n) => [n, textOf(task, n)]))]),
      ),
    };
  }

  /** Seconds of virtual time since the learner came, also those that were undone. */
  get elapsed(): number {
    const { begin, spent } = this.started.recording;
    return (this.now - begin + spent) / SEC;
  }

  /** How the lab's service has been so far; null when the lab has none. */
  service(): ServiceCount | null {
    return this.started.recording.service?.count ?? null;
  }

  solution(): string {
    return this.lab.solution;
  }

  /** Events that have run. */
  get steps(): number {
    return this.started.world.sim.steps;
  }

  /** The log's entries after the first `from`. */
  entriesFrom(from: number): readonly LogEntry[] {
    return this.log.slice(from);
  }

  exportLog(): SubmissionLog {
    const { steps, now } = this.started.world.sim;
    return {
      version: 2,
      lab: this.lab.id,
      contentHash: this.lab.contentHash,
      seed: this.lab.seed,
      entries: [...this.log, { op: 'end', steps, time: now }],
    };
  }

  /** Every input that there was, in order; grows. */
  get entries(): readonly LogEntry[] {
    return this.log;
  }

  /** Takes an input here and now. */
  input(input: Input): void {
    const { steps, now } = this.started.world.sim;
    const entry = { ...input, steps, time: now } as LogEntry;
    apply(this.started, entry, this.log.length);
    this.log.push(entry);
    this.keepPlace(entry);
  }

  private keepPlace(entry: LogEntry): void {
    if (entry.op === 'open') {
      const { term, host, cols, rows } = entry;
      this.shells.set(term, { term, host, cols, rows });
      this.nextTerm = Math.max(this.nextTerm, term + 1);
    } else if (entry.op === 'close') this.shells.delete(entry.term);
    else if (entry.op === 'resize') {
      const place = this.shells.get(entry.term);
      if (place) this.shells.set(entry.term, { ...place, cols: entry.cols, rows: entry.rows });
    }
  }

  private prompted(): void {
    for (const listener of this.listeners) listener();
  }
}

function programOf(terminal: LoginTerminal | undefined): string | null {
  const { tty, shell } = terminal ?? {};
  if (!tty || !shell || shell.dead || tty.foreground === shell.pgid) return null;
  const name = tty.machine.processes.get(tty.foreground)?.argv[0] ?? null;
  return name?.slice(name.lastIndexOf('/') + 1) ?? null;
}

function infoOf(lab: Lab, world: World): LabInfo {
  const { hosts } = world;
  return {
    id: lab.id,
    title: lab.title,
    story: lab.story,
    seed: lab.seed,
    contentHash: lab.contentHash,
    hosts: (lab.hosts.length > 0 ? lab.hosts : [...hosts.keys()]).flatMap((id) => {
      const h = hosts.get(id);
      return h ? [{ id, title: h.title, kind: h.kind }] : [];
    }),
    tasks: lab.tasks.map(({ id, title, text, hints, weight, needs, checks }) => ({
      id,
      title,
      text,
      weight,
      needs,
      hintCosts: hints.map((h) => h.cost),
      questions: checks.flatMap((c) => (c.kind === 'question' ? [questionInfo(id, c as QuestionCheck)] : [])),
    })),
    commands: lab.commands ?? null,
    limit: lab.limit ?? null,
    service: lab.service ?? null,
    varies: Object.keys(lab.values).length > 0,
  };
}

function questionInfo(task: string, check: Check & QuestionCheck): QuestionInfo {
  const form = check.one
    ? 'one'
    : check.many
      ? 'many'
      : check.number !== undefined
        ? 'number'
        : check.address !== undefined
          ? 'address'
          : 'text';
  const options = (check.one ?? check.many ?? []).map((o) => o.text);
  return { id: check.id, task, ask: check.ask, form, options, prediction: check.before !== undefined || check.prediction };
}

/** @throws LogError when the log does not fit the lab. */
export function createSession(opts: { lab: LabSource; seed: number; log?: SubmissionLog | undefined }): Session {
  const lab = instantiate(opts.lab, opts.seed);
  const { log } = opts;
  if (log) checkHeader(lab, log);
  const started = start(lab);
  started.screens = new Map();
  if (log) new Replay(lab, Number.POSITIVE_INFINITY, started).follow(log.entries);
  return new Session(lab, started, log?.entries);
}

/** A world without a lab; load it first (loadWorld) when it is another than W1. */
export function createPlayground(seed = 1, world = PLAYGROUND.world): Session {
  return createSession({ lab: playground(world), seed });
}

function playground(world = PLAYGROUND.world): LabSource {
  return world === PLAYGROUND.world ? PLAYGROUND : { ...PLAYGROUND, world, hosts: [] };
}

export interface TranscriptStep {
  readonly host: string;
  readonly command: string;
}

/** Runs commands one after the other in a fresh world, a lab's or a bare one: what a terminal block in prose shows. */
export function transcript(opts: {
  lab?: LabSource | undefined;
  world?: string | undefined;
  steps: readonly TranscriptStep[];
  seed?: number;
}): (TranscriptStep & { output: string; exitCode: number })[] {
  return carryOut(start(instantiate(opts.lab ?? playground(opts.world), opts.seed ?? 1)).world, opts.steps);
}

/** Runs commands one after the other in a world that is there. */
export function carryOut(world: World, steps: readonly TranscriptStep[]): (TranscriptStep & { output: string; exitCode: number })[] {
  return steps.map((step) => {
    const host = world.hosts.get(step.host);
    if (!host) throw new Error(`there is no host "${step.host}"; there are: ${[...world.hosts.keys()].join(', ')}`);
    // As on a terminal, errors stand where they came.
    const r = runCommand(host.machine, `exec 2>&1\n${step.command}`, { ns: host.ns, enter: host.enter, limits: { micros: 60 * SEC } });
    return { ...step, output: r.stdout, exitCode: r.exitCode };
  });
}
