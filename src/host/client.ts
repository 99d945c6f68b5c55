/** The page's side of the worker: opens a world, hands out terminals, chunks pastes, restarts a worker that has stopped answering. */

import type { CaptureFile, Examined, GradeReport, LabInfo, LogEntry, Place, Resumed, SubmissionLog } from '../lab/session.ts';
import type { Ask, Told } from '../lab/view/told.ts';
import type { Topology, TrafficEvent } from '../lab/view/types.ts';
import { Judge } from './judge.ts';
import type { Ahead, Clock, FromWorker, Growth, Step, StepResult, ToWorker, Travel } from './protocol.ts';
import { INPUT_CHARS } from './protocol.ts';
import { startWorker } from './start.ts';

export interface Opened {
  readonly info: LabInfo;
  readonly ms: number;
  /** A log was carried out; `lost` says why one was not. */
  readonly replayed: boolean;
  readonly lost: string | null;
  readonly resumed: Resumed;
  /** Places of the terminals whose shells go on. */
  readonly terminals: readonly string[];
}

/** After a journey in time. */
export type Went = Pick<Opened, 'resumed' | 'terminals' | 'ms'> & { readonly ahead: Ahead | null };

/** What the list of a session's moments has changed by. */
export type Moments = Omit<FromWorker & { t: 'timeline' }, 't'>;

export interface ClientEvents {
  opened(opened: Opened): void;
  went(went: Went): void;
  timeline(moments: Moments): void;
  /** `entries`: how long the log was that it is about. */
  verdict(report: GradeReport, ms: number, entries: number): void;
  log(log: SubmissionLog): void;
  /** Labs with a time limit or a service monitor only. */
  clock(clock: Clock): void;
  /** How the world looks, whenever that has changed; of worlds that are watched. */
  topology(topology: Topology): void;
  /** There is more to ask about packets. */
  news(version: number): void;
  /** What its packets did meanwhile; `left` events were too many to tell. */
  traffic(events: readonly TrafficEvent[], left: number): void;
  failed(where: string, message: string): void;
  /** The worker hung and was replaced; the world has been replayed from its log. */
  restarted(): void;
}

export interface ClientTerminal {
  write(data: string): void;
  resize(cols: number, rows: number): void;
  close(): void;
}

/** `draw` must call `drawn` once the text is on the screen: that is the flow control. */
export interface TerminalSink {
  draw(data: string, drawn: () => void): void;
  /** `why`: there is no way to a new shell either. */
  exited(why: string | null): void;
  running?(program: string | null): void;
  /** A shell lives there, though the one before may have ended. */
  again?(): void;
}

interface Line {
  readonly host: string;
  readonly sink: TerminalSink;
  cols: number;
  rows: number;
  queue: string;
  underWay: number;
}

const HEARTBEAT_MS = 3_000;
const DEAD_AFTER_MS = 12_000;
/** Replaying a long log may take a while; after that the world starts afresh without it. */
const REPLAY_LIMIT_MS = 60_000;
const INTERRUPT = '\x03';
/** Ends a bracketed paste; the shell waits for it also when the rest of the paste is dropped. */
const PASTE_END = '\x1b[201~';

export class Client {
  private worker: Worker;
  private readonly lines = new Map<number, Line>();
  private readonly events: Partial<ClientEvents>;
  private readonly waiting = new Map<string, (value: never) => void>();
  private serial = 0;
  private openings = 0;
  private opened: { lab: string | null; seed: number; judged: SubmissionLog | undefined } | null = null;
  private lastLog: SubmissionLog | undefined;
  /** The log's entries without its end. */
  private readonly entries: LogEntry[] = [];
  /** Between a new start and its answer, output still on its way belongs to the old world. */
  private stale = true;
  private lastPong = performance.now();
  private judge: Judge | null = null;
  private watched = { topology: false, traffic: false, packets: false };
  private readonly heart: ReturnType<typeof setInterval>;

  constructor(events: Partial<ClientEvents> = {}) {
    this.events = events;
    this.worker = this.start();
    this.heart = setInterval(() => this.beat(), HEARTBEAT_MS);
  }

  /** With `judged` that log is graded, once, and not what comes after it. */
  open(lab: string | null, seed: number, log?: SubmissionLog, judged?: SubmissionLog, ahead?: Ahead): void {
    this.opened = { lab, seed, judged };
    this.lastLog = log;
    this.stale = true;
    this.judge?.forget();
    this.openings += 1;
    this.send({ t: 'open', n: this.openings, lab, seed, ...(log ? { log } : {}), ...(ahead ? { ahead } : {}) });
    for (const [term, line] of this.lines) this.attach(term, line);
    if (judged) this.judging().consider(judged, true);
  }

  /** A terminal at a place. */
  terminal(host: string, cols: number, rows: number, sink: TerminalSink): ClientTerminal {
    this.serial += 1;
    const term = this.serial;
    const line: Line = { host, sink, cols, rows, queue: '', underWay: 0 };
    this.lines.set(term, line);
    this.attach(term, line);
    return {
      write: (data) => this.type(term, line, data),
      resize: (c, r) => {
        line.cols = c;
        line.rows = r;
        this.send({ t: 'resize', term, cols: c, rows: r });
      },
      close: () => {
        this.lines.delete(term);
        this.send({ t: 'detach', term });
      },
    };
  }

  /** What is to be told from now on, also by a worker that takes this one's place. */
  watch(watched: { readonly topology: boolean; readonly traffic: boolean; readonly packets: boolean }): void {
    this.watched = { ...watched };
    this.send({ t: 'watch', ...watched });
  }

  /** To another place in the session's past, or to another session. */
  travel(travel: Travel): void {
    this.send({ t: 'travel', travel });
  }

  /** About packets of a world that is watched; null when it has gone. */
  inquire<A extends Ask>(ask: A): Promise<Told[A['what']] | null> {
    this.serial += 1;
    return this.ask(`told ${this.serial}`, { t: 'ask', id: this.serial, ask });
  }

  hint(task: string, n: number): Promise<string | null> {
    return this.ask(`hint ${task} ${n}`, { t: 'hint', task, n });
  }

  /** Where a task goes wrong, as far as packets can tell. */
  locate(task: string): Promise<string | null> {
    return this.judging().locate(task);
  }

  /** Answers a question; a prediction is committed by it. */
  respond(question: string, value: string): void {
    this.send({ t: 'answer', question, value });
  }

  /** As far as it has been told. */
  log(): SubmissionLog | undefined {
    return this.lastLog;
  }

  solution(): Promise<string> {
    return this.ask('solution', { t: 'solution' });
  }

  /** Where a terminal can be opened now. */
  places(): Promise<readonly Place[]> {
    return this.ask('places', { t: 'places' });
  }

  /** What the cluster would say of a text that is being edited. */
  examine(text: string): Promise<Examined> {
    this.serial += 1;
    return this.ask(`examination ${this.serial}`, { t: 'examine', id: this.serial, text });
  }

  captures(): Promise<readonly CaptureFile[]> {
    return this.ask('captures', { t: 'captures' });
  }

  /** Null when the file has gone in the meantime. */
  capture(host: string, path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.ask(`capture ${host} ${path}`, { t: 'capture', host, path });
  }

  /** In the world of a lab, or in one without. */
  rehearse(where: { readonly lab: string } | { readonly world: string }, steps: readonly Step[]): Promise<readonly StepResult[]> {
    this.serial += 1;
    return this.ask(`rehearsal ${this.serial}`, { t: 'rehearse', id: this.serial, lab: null, ...where, steps });
  }

  close(): void {
    clearInterval(this.heart);
    this.worker.terminate();
    this.judge?.close();
  }

  private start(): Worker {
    const worker = startWorker('hopwise');
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.receive(data);
    worker.onerror = (event) => this.events.failed?.('worker', event.message);
    return worker;
  }

  private send(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private ask<T>(key: string, message: ToWorker): Promise<T> {
    return new Promise<T>((resolve) => {
      this.waiting.set(key, resolve as (value: never) => void);
      this.send(message);
    });
  }

  private answer(key: string, value: unknown): void {
    this.waiting.get(key)?.(value as never);
    this.waiting.delete(key);
  }

  private attach(term: number, line: Line): void {
    line.queue = '';
    line.underWay = 0;
    this.send({ t: 'attach', term, host: line.host, cols: line.cols, rows: line.rows });
  }

  /** Ctrl-C overtakes what a paste still holds back, as the terminal driver's own queue flush does. */
  private type(term: number, line: Line, data: string): void {
    if (data === INTERRUPT) {
      const end = line.queue.endsWith(PASTE_END) ? PASTE_END : '';
      line.queue = '';
      this.send({ t: 'input', term, data: end + data });
      return;
    }
    line.queue += data;
    this.feed(term, line);
  }

  private feed(term: number, line: Line): void {
    if (line.queue === '' || line.underWay > 0) return;
    const data = line.queue.slice(0, INPUT_CHARS);
    line.queue = line.queue.slice(data.length);
    line.underWay = data.length;
    this.send({ t: 'input', term, data });
  }

  private receive(m: FromWorker): void {
    this.lastPong = performance.now();
    switch (m.t) {
      case 'opened':
        // Another world has been asked for meanwhile: what this one says is about nothing that the page shows.
        if (m.n !== this.openings) break;
        this.stale = false;
        this.events.opened?.(m);
        break;
      case 'went':
        this.judge?.forget();
        for (const line of this.lines.values()) {
          line.queue = '';
          line.underWay = 0;
          line.sink.again?.();
        }
        this.events.went?.(m);
        break;
      case 'timeline':
        if (!this.stale) this.events.timeline?.(m);
        break;
      case 'output':
        if (!this.stale) this.draw(m.term, m.data);
        break;
      case 'exited':
        if (!this.stale) this.lines.get(m.term)?.sink.exited(m.why);
        break;
      case 'running':
        if (!this.stale) this.lines.get(m.term)?.sink.running?.(m.program);
        break;
      case 'places':
        this.answer('places', m.places);
        break;
      case 'examined':
        this.answer(`examination ${m.id}`, m.examined);
        break;
      case 'taken': {
        const line = this.lines.get(m.term);
        if (!line) break;
        line.underWay = Math.max(0, line.underWay - m.chars);
        this.feed(m.term, line);
        break;
      }
      case 'log':
        if (!this.stale) this.grow(m.growth, m.prompt);
        break;
      case 'clock':
        if (!this.stale) this.events.clock?.(m.clock);
        break;
      case 'news':
        if (!this.stale) this.events.news?.(m.version);
        break;
      case 'told':
        this.answer(`told ${m.id}`, m.told);
        break;
      case 'topology':
        if (!this.stale) this.events.topology?.(m.topology);
        break;
      case 'traffic':
        if (!this.stale) this.events.traffic?.(m.events, m.left);
        break;
      case 'judged':
      case 'located':
        break;
      case 'hint':
        this.answer(`hint ${m.task} ${m.n}`, m.text);
        break;
      case 'solution':
        this.answer('solution', m.text);
        break;
      case 'captures':
        this.answer('captures', m.files);
        break;
      case 'capture':
        this.answer(`capture ${m.host} ${m.path}`, m.data);
        break;
      case 'rehearsed':
        this.answer(`rehearsal ${m.id}`, m.results);
        break;
      case 'failed':
        this.events.failed?.(m.where, m.message);
        break;
      case 'pong':
        break;
    }
  }

  private grow(growth: Growth, prompt: boolean): void {
    if (!this.opened?.lab) return;
    this.entries.splice(growth.from);
    for (const entry of growth.entries) this.entries.push(entry);
    const { lab, seed } = this.opened;
    const { contentHash, at } = growth;
    this.lastLog = { version: 2, lab, contentHash, seed, entries: [...this.entries, { op: 'end', ...at }] };
    if (prompt) this.events.log?.(this.lastLog);
    if (this.events.verdict && !this.opened.judged) this.judging().consider(this.lastLog, prompt);
  }

  private judging(): Judge {
    this.judge ??= new Judge((report, ms, entries) => this.events.verdict?.(report, ms, entries));
    return this.judge;
  }

  private draw(term: number, data: string): void {
    this.lines.get(term)?.sink.draw(data, () => this.send({ t: 'drawn', term, chars: data.length }));
  }

  /** A page that slept has missed its own beats: only silence while the page itself was awake counts. */
  private beat(): void {
    const now = performance.now();
    if (document.hidden) {
      this.lastPong = now;
      return;
    }
    if (now - this.lastPong > (this.stale ? REPLAY_LIMIT_MS : DEAD_AFTER_MS) && this.opened) {
      this.worker.terminate();
      this.worker = this.start();
      this.lastPong = now;
      const { lab, seed, judged } = this.opened;
      if (this.watched.topology || this.watched.traffic || this.watched.packets) this.watch(this.watched);
      this.open(lab, seed, this.stale ? undefined : (judged ?? this.lastLog), judged);
      this.events.restarted?.();
      return;
    }
    this.send({ t: 'ping', id: 0 });
  }
}
