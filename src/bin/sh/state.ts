/** A shell's whole state: variables, functions, options, jobs, traps. A subshell is a copy of it on another process. */

import type { CompoundCommand, CompoundList, Redirected } from 'unbash';
import type { Process } from '../../os/process.ts';
import type { Signal } from '../../os/signal.ts';
import type { Jobs } from './jobs.ts';
import type { EditorMemory } from './line/types.ts';
import type { Source } from './text.ts';
import { ReadonlyError, type Variable, Vars } from './vars.ts';

export const BASH_VERSION = '5.2.15(1)-release';

/** `exit`: unwinds the whole shell. */
export class ExitShell {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}
export class ReturnFrom {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}
export class LoopControl {
  readonly kind: 'break' | 'continue';
  levels: number;
  constructor(kind: 'break' | 'continue', levels: number) {
    this.kind = kind;
    this.levels = levels;
  }
}
/** Ctrl-C at an interactive shell: back to the prompt. */
export class Interrupted {}
/** The present command line is given up; a shell that is not interactive exits when `fatal`. */
export class Abandon {
  readonly status: number;
  readonly fatal: boolean;
  constructor(status: number, fatal = false) {
    this.status = status;
    this.fatal = fatal;
  }
}

export interface ShellFunction {
  body: CompoundCommand | Redirected | CompoundList;
  source: Source;
  /** export -f */
  exported?: boolean;
}

export const SET_OPTIONS: readonly (readonly [string, string])[] = [
  ['allexport', 'a'],
  ['braceexpand', 'B'],
  ['emacs', ''],
  ['errexit', 'e'],
  ['errtrace', 'E'],
  ['functrace', 'T'],
  ['hashall', 'h'],
  ['histexpand', 'H'],
  ['history', ''],
  ['ignoreeof', ''],
  ['interactive-comments', ''],
  ['keyword', 'k'],
  ['monitor', 'm'],
  ['noclobber', 'C'],
  ['noexec', 'n'],
  ['noglob', 'f'],
  ['nolog', ''],
  ['notify', 'b'],
  ['nounset', 'u'],
  ['onecmd', 't'],
  ['physical', 'P'],
  ['pipefail', ''],
  ['posix', ''],
  ['privileged', 'p'],
  ['verbose', 'v'],
  ['vi', ''],
  ['xtrace', 'x'],
];

export const SHOPT_DEFAULTS: Readonly<Record<string, boolean>> = {
  autocd: false,
  assoc_expand_once: false,
  cdable_vars: false,
  cdspell: false,
  checkhash: false,
  checkjobs: false,
  checkwinsize: true,
  cmdhist: true,
  complete_fullquote: true,
  direxpand: false,
  dirspell: false,
  dotglob: false,
  execfail: false,
  expand_aliases: false,
  extdebug: false,
  extglob: false,
  extquote: true,
  failglob: false,
  force_fignore: true,
  globasciiranges: true,
  globskipdots: true,
  globstar: false,
  gnu_errfmt: false,
  histappend: false,
  histreedit: false,
  histverify: false,
  hostcomplete: true,
  huponexit: false,
  inherit_errexit: false,
  interactive_comments: true,
  lastpipe: false,
  lithist: false,
  localvar_inherit: false,
  localvar_unset: false,
  login_shell: false,
  mailwarn: false,
  no_empty_cmd_completion: false,
  nocaseglob: false,
  nocasematch: false,
  noexpand_translation: false,
  nullglob: false,
  patsub_replacement: true,
  progcomp: true,
  progcomp_alias: false,
  promptvars: true,
  restricted_shell: false,
  shift_verbose: false,
  sourcepath: true,
  varredir_close: false,
  xpg_echo: false,
};

export interface Frame {
  name: string;
  source: string;
  line: number;
}

export class Shell {
  p: Process;
  vars = new Vars();
  functions = new Map<string, ShellFunction>();
  aliases = new Map<string, string>();
  options = new Set<string>(['braceexpand', 'hashall', 'interactive-comments']);
  shopt = new Map<string, boolean>(Object.entries(SHOPT_DEFAULTS));
  /** $0 and $1 … */
  arg0: string;
  args: string[] = [];
  /** $? */
  status = 0;
  /** Status of the last command substitution of the command that is being expanded. */
  substStatus: number | null = null;
  lastBackground = 0;
  pipeStatus: string[] = ['0'];
  /** $_ */
  lastArg = '';
  interactive = false;
  /** -c STRING. */
  commandString = false;
  /** 0 in the first shell. */
  subshellLevel = 0;
  /** $$: the pid of the first shell. */
  readonly shellPid: number;
  source: Source;
  pos = 0;
  /** `source`d files and functions that are being run, innermost last. */
  frames: Frame[] = [];
  loopDepth = 0;
  sourceDepth = 0;
  /** > 0 where a failure does not count for set -e. */
  noErrexit = 0;
  traps = new Map<string, string>();
  pendingTraps: string[] = [];
  inTrap = false;
  interrupted = false;
  exiting = false;
  jobs: Jobs;
  hashed = new Map<string, { path: string; hits: number }>();
  dirStack: string[] = [];
  history: string[] = [];
  /** The number of its first line. */
  historyBase = 1;
  /** Lines at its end that HISTFILE has not. */
  historyNew = 0;
  /** Its last line is the command that runs now. */
  historyCurrent = false;
  /** What :& of a history expansion repeats. */
  lastSubstitution = { from: '', to: '' };
  /** What the line editor keeps from line to line. */
  editor: EditorMemory | null = null;
  startTime: number;
  /** Text that a -c string or a script has as its name in messages. */
  getoptsAt = 0;
  /** > 0 while a foreground program is waited for. */
  waiting = 0;
  /** SIGINT came while a foreground program ran. */
  gotInterrupt = false;
  /** The new line after ^C is written already. */
  interruptShown = false;
  /** Lists within lists, functions and eval included: what the engine's stack has to bear. */
  depth = 0;
  /** `exit` was refused once because of stopped jobs. */
  exitWarned = false;
  getoptsIndex = 1;
  /** The file that `source` is reading. */
  sourceName: string | null = null;
  /** Depth of command substitutions and evals, for set -x. */
  subshellTrace = 0;
  expandingAliases = new Set<string>();
  /** Descriptors of process substitutions that are closed when the command has ended. */
  substitutionFds: number[] = [];

  constructor(p: Process, jobs: Jobs, source: Source) {
    this.p = p;
    this.jobs = jobs;
    this.source = source;
    this.arg0 = p.argv[0] ?? 'bash';
    this.shellPid = p.getpid();
    this.startTime = p.sim.now;
    for (const [name, value] of p.env) {
      if (!/^[A-Za-z_]\w*$/.test(name)) continue;
      this.vars.ensure(name).value = value;
      this.vars.ensure(name).exported = true;
    }
    this.addDynamics();
  }

  /** A copy for a subshell; attach() gives it its process. */
  clone(jobs: Jobs): Shell {
    const s: Shell = Object.create(Shell.prototype) as Shell;
    Object.assign(s, this);
    s.vars = this.vars.clone();
    s.functions = new Map(this.functions);
    s.aliases = new Map(this.aliases);
    s.options = new Set(this.options);
    s.options.delete('monitor');
    s.shopt = new Map(this.shopt);
    s.args = [...this.args];
    s.pipeStatus = [...this.pipeStatus];
    s.frames = this.frames.map((f) => ({ ...f }));
    s.dirStack = [...this.dirStack];
    s.traps = new Map([...this.traps].filter(([, action]) => action === ''));
    s.pendingTraps = [];
    s.substitutionFds = [];
    s.hashed = new Map(this.hashed);
    s.jobs = jobs;
    s.interactive = false;
    s.exiting = false;
    s.interrupted = false;
    s.gotInterrupt = false;
    s.depth = 0;
    s.waiting = 0;
    s.subshellLevel = this.subshellLevel + 1;
    s.addDynamics();
    return s;
  }

  private addDynamics(): void {
    const d = this.vars.dynamic;
    d.set('RANDOM', { get: () => String(this.p.sim.rng('bash/RANDOM').below(32768)), set: () => undefined });
    d.set('SRANDOM', { get: () => String(this.p.sim.rng('bash/RANDOM').u32()), set: () => undefined });
    d.set('SECONDS', {
      get: () => String(Math.floor((this.p.sim.now - this.startTime) / 1e6)),
      set: (v) => {
        this.startTime = this.p.sim.now - (Number.parseInt(v, 10) || 0) * 1e6;
      },
    });
    d.set('EPOCHSECONDS', { get: () => String(Math.floor(this.p.sim.epochMs / 1000 + this.p.sim.now / 1e6)) });
    d.set('EPOCHREALTIME', { get: () => (this.p.sim.epochMs / 1000 + this.p.sim.now / 1e6).toFixed(6) });
    d.set('LINENO', { get: () => String(this.source.line(this.pos)) });
    d.set('BASHPID', { get: () => String(this.p.getpid()) });
    d.set('BASH_SUBSHELL', { get: () => String(this.subshellLevel) });
    d.set('PIPESTATUS', { get: () => this.pipeStatus });
    d.set('HOSTNAME', { get: () => this.p.hostname });
    d.set('UID', { get: () => String(this.p.uid) });
    d.set('EUID', { get: () => String(this.p.uid) });
    d.set('GROUPS', { get: () => [String(this.p.gid)] });
    d.set('PPID', { get: () => String(this.p.ppid) });
    d.set('SHELLOPTS', { get: () => [...this.options].sort().join(':') });
    d.set('FUNCNAME', {
      get: () =>
        [...this.frames]
          .reverse()
          .map((f) => f.name)
          .concat(this.frames.length > 0 && !this.commandString ? ['main'] : []),
    });
    d.set('BASH_SOURCE', { get: () => [...this.frames].reverse().map((f) => f.source) });
    d.set('DIRSTACK', { get: () => [this.p.cwd, ...this.dirStack] });
  }

  /** A foreground program was ended by SIGINT: this shell stops too. */
  childInterrupted(): void {
    if (this.traps.has('INT')) return;
    // A shell that is not interactive ends only when it got the signal too (wait_sigint_received).
    if (this.interactive || this.gotInterrupt) this.interrupted = true;
  }

  /** After a foreground job: a shell that is not interactive ends by SIGINT when that ended the job. */
  afterInterrupt(): void {
    this.gotInterrupt = false;
    if (!this.interrupted || this.interactive) return;
    this.p.onSignal('INT', 'default');
    this.p.raise('INT');
  }

  /** What a signal does when no trap names it. */
  resetSignal(signal: Signal): void {
    if (this.interactive && (signal === 'TSTP' || signal === 'TTIN' || signal === 'TTOU' || signal === 'TERM' || signal === 'QUIT'))
      this.p.onSignal(signal, 'ignore');
    else if (signal === 'INT' && this.subshellLevel === 0) this.p.onSignal('INT', () => this.onInterrupt());
    else this.p.onSignal(signal, 'default');
  }

  /** A child does not inherit what an interactive shell ignores for itself. */
  releaseSignals(child: Process): void {
    if (!this.interactive) return;
    for (const s of ['TSTP', 'TTIN', 'TTOU', 'TERM', 'QUIT'] as const) if (this.traps.get(s) !== '') child.onSignal(s, 'default');
  }

  /** SIGINT: an interactive shell goes back to its prompt; another waits for its program and then ends with it. */
  private onInterrupt(): void {
    if (this.interactive) {
      if (this.waiting === 0) this.interrupted = true;
      return;
    }
    if (this.waiting > 0) {
      this.gotInterrupt = true;
      return;
    }
    this.p.onSignal('INT', 'default');
    this.p.raise('INT');
  }

  get traceDepth(): number {
    return this.subshellTrace;
  }

  // ---- messages

  /** What stands before a message: `bash: line 3: `, or `bash: ` when interactive. */
  where(): string {
    if (this.interactive && this.frames.length === 0) return `${this.shortName}: `;
    return `${this.shortName}: line ${this.source.line(this.pos)}: `;
  }

  get shortName(): string {
    return this.interactive ? this.p.name.replace(/^-/, '') : this.arg0;
  }

  *warn(text: string) {
    yield* this.p.err(`${this.where()}${text}\n`);
  }

  // ---- options

  on(option: string): boolean {
    return this.options.has(option);
  }

  opt(name: string): boolean {
    return this.shopt.get(name) ?? false;
  }

  get ifs(): string {
    return this.vars.get('IFS') ?? ' \t\n';
  }

  get patternOptions(): { extglob: boolean; nocase: boolean } {
    return { extglob: true, nocase: this.opt('nocasematch') };
  }

  /** Letters of $-. */
  get flags(): string {
    let out = '';
    for (const [name, letter] of SET_OPTIONS) if (letter && this.options.has(name)) out += letter;
    if (this.interactive) out += 'i';
    if (this.commandString) out += 'c';
    return [...out].sort((a, b) => rank(a) - rank(b)).join('');
  }

  /** Sets a variable; the error is reported and ends the command line. */
  *assign(name: string, value: string) {
    try {
      const v = this.vars.find(name);
      if (v?.readonly) throw new ReadonlyError(name);
      this.vars.set(name, value);
      if (this.on('allexport')) this.vars.ensure(name).exported = true;
    } catch (e) {
      if (!(e instanceof ReadonlyError)) throw e;
      yield* this.warn(`${e.name}: readonly variable`);
      throw new Abandon(1);
    }
  }

  variable(name: string): Variable | undefined {
    return this.vars.find(name);
  }
}

function rank(letter: string): number {
  const order = 'abefhikmnptuvxBCEHPTcs';
  return order.indexOf(letter);
}
