/** Running commands from outside: start one, drive the simulation until it ends, collect what it wrote. */

import type { Netns } from '../net/netns.ts';
import { type Errno, type Result, strerror } from '../sim/errno.ts';
import type { Micros, Sim } from '../sim/sim.ts';
import { utf8 } from '../wire/bytes.ts';
import type { AuditSession } from './audit.ts';
import { nullDevice } from './chardev.ts';
import type { OpenFile } from './file.ts';
import type { Machine } from './machine.ts';
import { BytesFile, Collector } from './pipe.ts';
import type { Process, SpawnOptions } from './process.ts';
import type { Signal } from './signal.ts';
import type { Tty } from './tty.ts';

export interface Limits {
  /** Virtual time from the call on. */
  micros?: Micros;
  /** Events of the whole simulation. */
  steps?: number;
  /** Bytes kept of each output stream. */
  bytes?: number;
}

export interface RunOptions {
  ns?: Netns;
  /** Standard output is a terminal (raw output, no echo), as the recorder's `tty` steps have it; the others stay pipes. */
  tty?: boolean;
  cols?: number;
  rows?: number;
  /** /dev/null when not given. */
  stdin?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  uid?: number;
  limits?: Limits;
  /** The login that it belongs to. */
  audit?: AuditSession | null;
  /** Starts the program in a container instead, with the container's environment and directory. */
  enter?: ((argv: readonly string[], opts: SpawnOptions) => Result<Process>) | undefined;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
  /** A limit ended it (the process group was killed). */
  timedOut: boolean;
  /** Output beyond the limit was thrown away. */
  truncated: boolean;
}

const DEFAULTS: Required<Limits> = { micros: 90_000_000, steps: 20_000_000, bytes: 4 << 20 };

/** A command that was started and may still be running. */
export class Job {
  readonly machine: Machine;
  /** Null when it could not be started. */
  readonly process: Process | null;
  private readonly outs: { stdout: Collector; stderr: Collector };
  private readonly tty: Tty | null;
  private out = '';
  private err = '';
  private readonly decoders: [InstanceType<typeof TextDecoder> | null, InstanceType<typeof TextDecoder> | null] = [null, null];
  private readonly failure: { text: string; code: number } | null;
  private readonly limits: Required<Limits>;
  timedOut = false;

  constructor(machine: Machine, command: string | readonly string[], opts: RunOptions) {
    this.machine = machine;
    this.limits = { ...DEFAULTS, ...opts.limits };
    const argv = typeof command === 'string' ? ['bash', '-c', command] : command;
    this.outs = { stdout: new Collector(this.limits.bytes), stderr: new Collector(this.limits.bytes) };
    let stdout: OpenFile = this.outs.stdout;
    this.tty = null;
    if (opts.tty) {
      const tty = machine.newTty(opts.cols ?? 120, opts.rows ?? 40);
      tty.termios.onlcr = false;
      tty.termios.echo = false;
      tty.onOutput = () => {
        for (let data = tty.take(); data.length > 0; data = tty.take()) this.outs.stdout.write(data);
      };
      this.tty = tty;
      stdout = tty.endpoint();
    }
    const bytes = typeof opts.stdin === 'string' ? utf8(opts.stdin) : opts.stdin;
    const stdin = bytes ? new BytesFile(bytes) : nullDevice();
    const env = machine.baseEnv();
    for (const [k, v] of Object.entries(opts.env ?? {})) env.set(k, v);
    const fds = new Map([
      [0, stdin],
      [1, stdout],
      [2, this.outs.stderr],
    ]);
    const started = opts.enter
      ? opts.enter(argv, { fds, audit: opts.audit ?? null })
      : machine.spawn(argv, {
          env,
          cwd: opts.cwd ?? '/root',
          fds,
          ...(opts.ns ? { ns: opts.ns } : {}),
          ...(opts.uid !== undefined ? { uid: opts.uid } : {}),
          audit: opts.audit ?? null,
        });
    this.process = started.ok ? started.value : null;
    this.failure = started.ok ? null : startFailure(argv[0] ?? '', started.errno);
  }

  get done(): boolean {
    return this.process === null || this.process.dead;
  }

  /** All that was written to standard output so far. */
  get stdout(): string {
    this.out += this.decode(0, this.outs.stdout.take());
    return this.out;
  }

  get stderr(): string {
    this.err += this.decode(1, this.outs.stderr.take());
    return (this.failure?.text ?? '') + this.err;
  }

  private decode(stream: 0 | 1, bytes: Uint8Array): string {
    if (bytes.length === 0) return '';
    let decoder = this.decoders[stream];
    if (!decoder) {
      decoder = new TextDecoder();
      this.decoders[stream] = decoder;
    }
    return decoder.decode(bytes, { stream: true });
  }

  /** To the whole process group. */
  signal(signal: Signal): void {
    if (this.process) this.machine.killGroup(this.process.pgid, signal);
  }

  /** Drives the simulation until the command has ended or `limits` are used up. True when it has ended. */
  wait(limits: Limits = this.limits): boolean {
    return drive(this.machine.sim, () => this.done, limits);
  }

  result(): RunResult {
    return {
      stdout: this.stdout,
      stderr: this.stderr,
      exitCode: this.failure?.code ?? this.process?.status ?? 0,
      timedOut: this.timedOut,
      truncated: this.outs.stdout.truncated || this.outs.stderr.truncated,
    };
  }

  /** Sends `signal`, gives the command three seconds, then kills it. */
  stop(signal: Signal = 'TERM'): RunResult {
    this.signal(signal);
    if (!this.wait({ micros: 3_000_000, steps: this.limits.steps })) {
      this.timedOut = true;
      this.signal('KILL');
      this.wait({ micros: 1_000_000, steps: 100_000 });
    }
    return this.result();
  }

  /** Runs it to its end; a command that outlives the limits is killed and `timedOut` set. */
  finish(): RunResult {
    if (!this.wait()) {
      this.timedOut = true;
      this.signal('KILL');
      this.wait({ micros: 1_000_000, steps: 100_000 });
    }
    this.drain();
    if (this.tty && !this.heldTty()) this.machine.closeTty(this.tty);
    return this.result();
  }

  /** Gives processes that the command left behind on its pipes up to 300 ms to end, as the recorder does. */
  private drain(): void {
    const held = (): boolean => this.outs.stdout.refs > 0 || this.outs.stderr.refs > 0 || this.heldTty();
    if (this.process && held()) drive(this.machine.sim, () => !held(), { micros: 300_000, steps: this.limits.steps });
  }

  private heldTty(): boolean {
    if (!this.tty) return false;
    for (const p of this.machine.processes.values())
      for (const f of p.fds.values()) if (f.kind === 'tty' && f.name === this.tty.path) return true;
    return false;
  }
}

function startFailure(name: string, errno: Errno): { text: string; code: number } {
  if (errno === 'ENOENT') return { text: `bash: line 1: ${name}: command not found\n`, code: 127 };
  return { text: `bash: line 1: ${name}: ${strerror(errno)}\n`, code: 126 };
}

/** Runs events until `done`, the time or the number of events is used up. Leaves the clock at the last event, or at the limit. */
export function drive(sim: Sim, done: () => boolean, limits: Limits = {}): boolean {
  const until = sim.now + (limits.micros ?? DEFAULTS.micros);
  let steps = limits.steps ?? DEFAULTS.steps;
  while (!done()) {
    if (steps-- <= 0 || !sim.step(until)) {
      if (steps > 0) sim.runUntil(until);
      return done();
    }
  }
  return true;
}

/** A script (run by `bash -c`) or an argument vector. Other processes of the world go on meanwhile. */
export function runCommand(machine: Machine, command: string | readonly string[], opts: RunOptions = {}): RunResult {
  return new Job(machine, command, opts).finish();
}

/** Starts a command and returns at once; see Job. */
export function startCommand(machine: Machine, command: string | readonly string[], opts: RunOptions = {}): Job {
  return new Job(machine, command, opts);
}
