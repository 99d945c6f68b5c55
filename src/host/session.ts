/** Paces a lab session against the wall clock: short slices, batched output, flow control; grades logs when asked. */

import type { LabSource, Session, Terminal } from '../lab/session.ts';
import { checkHeader, createPlayground, createSession, instantiate, transcript } from '../lab/session.ts';
import type { Told } from '../lab/view/told.ts';
import { loadWorld } from '../lab/world.ts';
import type { Bench } from './bench.ts';
import type { Past, PastOptions } from './past.ts';
import type { FromWorker, ToWorker, Travel } from './protocol.ts';
import { BATCH_CHARS, BATCH_MS, LOG_EVERY_MS, LOG_PAUSE_MS, PROGRAM_HORIZON, SLICE_MS, UNDRAWN_MAX } from './protocol.ts';
import type { Views } from './views.ts';

/** What the surroundings lend: wall time in ms, a next turn after waiting messages, and a delay. */
export interface Surroundings {
  now(): number;
  soon(run: () => void): void;
  later(ms: number, run: () => void): () => void;
  lab(id: string): Promise<LabSource>;
  /** Done when every program can be run, or those that a lab's world needs before PROGRAM_HORIZON. */
  programs(lab?: string): Promise<void>;
  /** Every program can be run. */
  readonly complete: boolean;
}

interface Screen {
  readonly host: string;
  cols: number;
  rows: number;
  terminal: Terminal | null;
  pending: string[];
  pendingChars: number;
  undrawn: number;
  owed: number;
  /** What the page was told of its foreground. */
  running: string | null;
}

const BLANK = { terminal: null, pendingChars: 0, undrawn: 0, owed: 0, running: null };

const TICK_MS = 1_000;

/** How far virtual time may hurry after wall time: what lies further back is forgotten (a suspended laptop, a busy loop). */
const CATCH_UP_US = 250_000;

/**
 * Virtual time runs so far ahead of wall time. What a key press sets off (the terminal wakes the shell, the shell writes) is spread over
 * some hundred µs: without a lead each step would wait for a timer.
 */
const LEAD_US = 2_000;

export class HostSession {
  private session: Session | null = null;
  private readonly screens = new Map<number, Screen>();
  private wallBase = 0;
  private virtualBase = 0;
  /** Virtual time when the learner came. */
  private begun = 0;
  private pumping = false;
  private stopTimer: (() => void) | null = null;
  private flushing = false;
  private flushedAt = 0;
  private logAfter = 0;
  private logWanted = false;
  /** How many entries of the log were told, and the events that had run then. */
  private told = { entries: 0, steps: -1 };
  /** The lab has a time limit or a service monitor. */
  private timed = false;
  private ticked = -1;
  /** Terminals whose shell has ended in this slice. */
  private ended: { readonly term: number; readonly host: string }[] = [];
  /** Loaded before the first key press of a lab. */
  private past: Past | null = null;
  private bench: { readonly world: number; readonly bench: Bench } | null = null;
  /** Loaded when a page first wants to be shown something. */
  private views: Views | null = null;
  private readonly post: (message: FromWorker) => void;
  private readonly env: Surroundings;

  constructor(post: (message: FromWorker) => void, env: Surroundings) {
    this.post = post;
    this.env = env;
  }

  async receive(message: ToWorker): Promise<void> {
    try {
      await this.handle(message);
    } catch (error) {
      this.fail(message.t, error);
    }
  }

  private async handle(m: ToWorker): Promise<void> {
    switch (m.t) {
      case 'open':
        return this.open(m);
      case 'travel':
        return this.travel(m.travel);
      case 'attach':
        return this.attach(m.term, { ...BLANK, host: m.host, cols: m.cols, rows: m.rows, pending: [] });
      case 'detach':
        this.screens.get(m.term)?.terminal?.close();
        this.screens.delete(m.term);
        return this.wake();
      case 'places':
        return this.post({ t: 'places', places: (await this.session?.places()) ?? [] });
      case 'examine': {
        const examined = (await this.session?.examine(m.text)) ?? { manifest: false, problems: [], changes: [], same: 0 };
        return this.post({ t: 'examined', id: m.id, examined });
      }
      case 'input': {
        const screen = this.screens.get(m.term);
        if (!screen?.terminal) return;
        if (!this.past) await this.remember();
        this.past?.touch();
        this.slice();
        screen.terminal.write(m.data);
        screen.owed += m.data.length;
        return this.wake();
      }
      case 'resize': {
        const screen = this.screens.get(m.term);
        if (!screen) return;
        screen.cols = m.cols;
        screen.rows = m.rows;
        screen.terminal?.resize(m.cols, m.rows);
        return this.wake();
      }
      case 'drawn': {
        const screen = this.screens.get(m.term);
        if (!screen) return;
        screen.undrawn -= m.chars;
        return this.wake();
      }
      case 'judge':
        return this.judge(m);
      case 'locate':
        return this.post({ t: 'located', task: m.task, text: (await this.bench?.bench.locate(m.task)) ?? null });
      case 'hint':
        this.post({ t: 'hint', task: m.task, n: m.n, text: this.session?.hint(m.task, m.n) ?? null });
        this.logWanted = true;
        return this.wake();
      case 'solution':
        return this.post({ t: 'solution', text: this.session?.solution() ?? '' });
      case 'answer':
        this.session?.answer(m.question, m.value);
        this.logWanted = true;
        return this.wake();
      case 'captures':
        return this.post({ t: 'captures', files: this.session?.captures() ?? [] });
      case 'capture':
        return this.post({ t: 'capture', host: m.host, path: m.path, data: this.session?.readCapture(m.host, m.path) ?? null });
      case 'rehearse':
        return this.rehearse(m);
      case 'watch': {
        if (!this.views) this.views = new (await import('./views.ts')).Views(this.post, this.env);
        this.views.follow(this.session);
        return this.views.watch(m);
      }
      case 'ask':
        return this.inquire(m);
      case 'ping':
        return this.post({ t: 'pong', id: m.id });
    }
  }

  private async open({ n, lab, seed, world, log, ahead }: ToWorker & { t: 'open' }): Promise<void> {
    const source = lab === null ? null : await this.env.lab(lab);
    const needed = source ?? world;
    if (needed !== undefined) await loadWorld(needed);
    if (log) await this.env.programs();
    else if (source) await this.env.programs(source.id);
    else if (world !== undefined) await this.env.programs();
    const start = this.env.now();
    this.screens.clear();
    this.ended = [];
    this.session = null;
    this.past?.close();
    this.past = null;
    let replayed = false;
    let lost: string | null = null;
    if (source && log) {
      try {
        const { Past } = await import('./past.ts');
        const lab = instantiate(source, seed);
        checkHeader(lab, log);
        this.past = Past.from(log, ahead, { lab, ...this.keeping() });
        this.session = this.past.session;
        replayed = true;
      } catch (error) {
        lost = error instanceof Error ? error.message : String(error);
      }
    }
    this.session ??= source ? createSession({ lab: source, seed }) : createPlayground(seed, world);
    const { session } = this;
    this.told = { entries: 0, steps: -1 };
    this.timed = (session.info.limit ?? session.info.service ?? null) !== null;
    this.begin(session);
    // No prompt comes that would tell of it: its shells are at theirs.
    this.logWanted = replayed;
    const terminals = session.terminals().map((t) => t.host);
    this.post({ t: 'opened', n, info: session.info, ms: this.wallBase - start, replayed, lost, resumed: session.resumed(), terminals });
    this.wake();
  }

  /** From now on this session goes along with the wall clock. */
  private begin(session: Session): void {
    session.onCommandDone(() => {
      this.logWanted = true;
    });
    this.ticked = -1;
    this.virtualBase = session.now;
    this.begun = session.now;
    this.wallBase = this.env.now();
    this.views?.follow(session);
  }

  private keeping(): Omit<PastOptions, 'lab'> {
    return { env: this.env, idle: () => !this.pumping, failed: (error) => this.fail('past', error) };
  }

  /** From now on what happens can be gone back from. */
  private async remember(): Promise<void> {
    const { session } = this;
    if (this.past || !session || session.info.tasks.length === 0) return;
    const { Past } = await import('./past.ts');
    this.past = Past.of(session, { lab: session.lab, ...this.keeping() });
  }

  private async travel(travel: Travel): Promise<void> {
    await this.remember();
    const { past, session: left } = this;
    const start = this.env.now();
    const session = past?.travel(travel);
    if (!past || !session || !left) return;
    const lost = left.entries.findIndex((entry, i) => entry !== session.entries[i]);
    this.told = { entries: Math.min(this.told.entries, lost < 0 ? left.entries.length : lost), steps: -1 };
    this.session = session;
    this.ended = [];
    this.begin(session);
    this.logWanted = true;
    this.logAfter = 0;
    const resumed = session.resumed();
    const ms = this.env.now() - start;
    this.post({ t: 'went', ms, resumed, terminals: session.terminals().map((t) => t.host), ahead: past.ahead });
    // Terminals that were there already first, so that the others do not take them.
    const screens = [...this.screens].sort(([, a], [, b]) => (a.terminal?.term ?? 0) - (b.terminal?.term ?? 0));
    for (const [, screen] of screens) {
      screen.pending = ['\x1bc'];
      screen.pendingChars = 2;
      screen.terminal = null;
    }
    for (const [term, screen] of screens) this.attach(term, screen);
    this.flush();
    this.wake();
  }

  /** Goes on in a shell at that place that nobody looks at; starts one where there is none. */
  private attach(term: number, screen: Screen): void {
    const { session } = this;
    if (!session) return;
    const { host, cols, rows } = screen;
    const taken = new Set([...this.screens.values()].map((s) => s.terminal?.term));
    const there = session.terminals().find((t) => t.host === host && !taken.has(t.term));
    const barred = there ? null : session.barred(host);
    if (barred !== null) {
      this.post({ t: 'exited', term, why: barred });
      return;
    }
    this.screens.set(term, screen);
    const hooks = {
      onData: (text: string) => {
        screen.pending.push(text);
        screen.pendingChars += text.length;
        if (screen.pendingChars >= BATCH_CHARS) this.flush();
        else this.wake();
      },
      onExit: () => {
        this.flush();
        this.ended.push({ term, host });
      },
    };
    screen.terminal = there ? session.join(there.term, hooks) : session.openTerminal(host, { cols, rows, ...hooks });
    if (there && (there.cols !== cols || there.rows !== rows)) screen.terminal.resize(cols, rows);
    if (screen.terminal.refused !== null) this.post({ t: 'exited', term, why: screen.terminal.refused });
    this.wake();
  }

  /** Whoever asked waits, so there is always an answer. */
  private inquire({ id, ask }: ToWorker & { t: 'ask' }): void {
    let told: Told[keyof Told] = null;
    try {
      told = this.views?.ask(ask) ?? null;
    } finally {
      this.post({ t: 'told', id, told });
    }
  }

  private async judge({ world, lab, seed, growth, wanted }: ToWorker & { t: 'judge' }): Promise<void> {
    if (this.bench?.world !== world) {
      this.bench?.bench.close();
      const source = await this.env.lab(lab);
      await loadWorld(source);
      const { Bench } = await import('./bench.ts');
      this.bench = { world, bench: new Bench(source, seed, this.env, (error) => this.fail('judge', error)) };
    }
    this.bench.bench.grow(growth, wanted === null ? null : (report) => this.post({ t: 'judged', wanted, report }));
  }

  private async rehearse({ id, lab, world, steps }: ToWorker & { t: 'rehearse' }): Promise<void> {
    const source = lab === null ? undefined : await this.env.lab(lab);
    const needed = source ?? world;
    if (needed !== undefined) await loadWorld(needed);
    await this.env.programs();
    this.post({ t: 'rehearsed', id, results: transcript({ lab: source, world, steps: [...steps] }) });
  }

  /** Takes virtual time towards the wall clock for at most one slice. True when it has got there. */
  private slice(): boolean {
    const { session } = this;
    if (!session || this.swamped()) return false;
    const start = this.env.now();
    let target = this.virtualBase + Math.floor((start - this.wallBase) * 1000) + LEAD_US;
    if (!this.env.complete) target = Math.min(target, this.begun + PROGRAM_HORIZON);
    const next = session.nextTime();
    if (next !== null) {
      const limit = Math.max(session.now, next) + CATCH_UP_US;
      if (target > limit) {
        target = limit;
        this.virtualBase = target;
        this.wallBase = start;
      }
    }
    return session.run(Math.max(target, session.now), () => this.env.now() - start < SLICE_MS && !this.swamped());
  }

  private swamped(): boolean {
    for (const screen of this.screens.values()) if (screen.undrawn + screen.pendingChars > UNDRAWN_MAX) return true;
    return false;
  }

  private wake(): void {
    if (this.pumping) return;
    this.pumping = true;
    this.stopTimer?.();
    this.stopTimer = null;
    this.env.soon(() => this.pump());
  }

  private pump(): void {
    this.pumping = false;
    const { session } = this;
    if (!session) return;
    let done = false;
    try {
      const start = this.env.now();
      done = this.slice();
      this.past?.worked(this.env.now() - start);
    } catch (error) {
      this.fail('run', error);
      return;
    }
    this.settleInput();
    this.lookAtTerminals();
    this.scheduleFlush();
    this.afterCommands();
    this.tellMoments();
    this.views?.ran();
    this.tick();
    if (this.swamped()) return;
    if (!done) {
      this.wake();
      return;
    }
    const next = session.nextTime();
    const now = this.env.now();
    const wait = Math.min(
      next === null ? Infinity : (next - this.virtualBase - LEAD_US) / 1000 - (now - this.wallBase),
      this.logWanted ? this.logAfter - now : Infinity,
      this.timed ? TICK_MS : Infinity,
    );
    if (wait === Infinity) return;
    this.stopTimer = this.env.later(Math.min(Math.max(1, wait), 3_600_000), () => {
      this.stopTimer = null;
      this.wake();
    });
  }

  /** What has ended, only now that a dying pod is dead altogether, and what runs. */
  private lookAtTerminals(): void {
    for (const { term, host } of this.ended.splice(0)) this.post({ t: 'exited', term, why: this.session?.barred(host) ?? null });
    for (const [term, screen] of this.screens) {
      const program = screen.terminal?.program() ?? null;
      if (program === screen.running) continue;
      screen.running = program;
      this.post({ t: 'running', term, program });
    }
  }

  private tellMoments(): void {
    const { past } = this;
    const news = past?.timeline.news();
    if (past && news) this.post({ t: 'timeline', ...news, present: past.present, ahead: past.ahead !== null });
  }

  private settleInput(): void {
    for (const [term, screen] of this.screens) {
      if (screen.owed === 0) continue;
      this.post({ t: 'taken', term, chars: screen.owed });
      screen.owed = 0;
    }
  }

  /** What comes after a pause, an echo for one, is told at once; what follows in quick succession is gathered. */
  private scheduleFlush(): void {
    if (this.flushing || ![...this.screens.values()].some((s) => s.pendingChars > 0)) return;
    const rest = this.flushedAt + BATCH_MS - this.env.now();
    if (rest <= 0) {
      this.flush();
      return;
    }
    this.flushing = true;
    this.env.later(rest, () => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    this.flushedAt = this.env.now();
    for (const [term, screen] of this.screens) {
      if (screen.pendingChars === 0) continue;
      const data = screen.pending.join('');
      screen.pending = [];
      screen.pendingChars = 0;
      screen.undrawn += data.length;
      this.post({ t: 'output', term, data });
    }
  }

  private afterCommands(): void {
    const { session, told } = this;
    const now = this.env.now();
    const prompt = this.logWanted;
    if (!session || now < (prompt ? this.logAfter : this.logAfter - LOG_PAUSE_MS + LOG_EVERY_MS)) return;
    const { steps, info } = session;
    if (!prompt && (steps === told.steps || info.tasks.length === 0)) return;
    this.logWanted = false;
    this.logAfter = now + LOG_PAUSE_MS;
    const entries = session.entriesFrom(told.entries);
    const growth = { contentHash: info.contentHash, from: told.entries, entries, at: { steps, time: session.now } };
    this.told = { entries: told.entries + entries.length, steps };
    this.post({ t: 'log', growth, prompt });
  }

  /** In labs with a time limit or a service monitor the page shows how it stands, once a second. */
  private tick(): void {
    const { session } = this;
    if (!session || !this.timed) return;
    const elapsed = Math.floor(session.elapsed);
    if (elapsed === this.ticked) return;
    this.ticked = elapsed;
    this.post({ t: 'clock', clock: { elapsed, service: session.service() } });
  }

  private fail(where: string, error: unknown): void {
    const message = error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error);
    this.post({ t: 'failed', where, message });
  }
}
