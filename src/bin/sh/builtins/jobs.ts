/** jobs, fg, bg, wait, kill, disown, suspend. */

import type { Task } from '../../../os/process.ts';
import { parseSignal, signalByNumber, signalNumber, strsignal } from '../../../os/signal.ts';
import { strerror } from '../../../sim/errno.ts';
import { type JobEntry, state } from '../jobs.ts';
import { waitForeground } from '../pipeline.ts';
import { Interrupted, type Shell } from '../state.ts';
import { signalList } from './control.ts';
import { type Builtin, complain, options, output } from './types.ts';

function* findJob(sh: Shell, name: string, spec: string | undefined): Task<JobEntry | null> {
  const job =
    spec === undefined
      ? sh.jobs.current
      : /^\d+$/.test(spec) && name === 'disown'
        ? sh.jobs.byPid(Number(spec))
        : sh.jobs.find(spec.startsWith('%') ? spec : `%${spec}`);
  if (job === 'ambiguous') {
    yield* complain(sh, name, `${spec}: ambiguous job spec`);
    return null;
  }
  if (!job || (state(job) === 'Done' && name !== 'wait')) {
    yield* complain(sh, name, `${spec ?? 'current'}: no such job`);
    return null;
  }
  return job;
}

const foreground: Builtin = function* (sh, argv) {
  if (!sh.on('monitor')) {
    yield* complain(sh, 'fg', 'no job control');
    return 1;
  }
  const job = yield* findJob(sh, 'fg', argv[1]);
  if (!job) return 1;
  yield* sh.p.err(`${job.text}\n`);
  job.foreground = true;
  sh.p.tty?.setForeground(job.pgid);
  sh.p.machine.killGroup(job.pgid, 'CONT');
  const status = yield* waitForeground(sh, job.processes, job.pgid, () => job.text, true);
  if (state(job) === 'Done') sh.jobs.remove(job);
  return status;
};

const background: Builtin = function* (sh, argv) {
  if (!sh.on('monitor')) {
    yield* complain(sh, 'bg', 'no job control');
    return 1;
  }
  const job = yield* findJob(sh, 'bg', argv[1]);
  if (!job) return 1;
  if (state(job) === 'Running') {
    yield* complain(sh, 'bg', `job ${job.id} already in background`);
    return 0;
  }
  job.foreground = false;
  yield* sh.p.err(`[${job.id}]${sh.jobs.mark(job)} ${job.text} &\n`);
  sh.p.machine.killGroup(job.pgid, 'CONT');
  return 0;
};

const list: Builtin = function* (sh, argv) {
  const o = yield* options(sh, argv, 'lnprs', 'jobs [-lnprs] [jobspec ...] or jobs -x command [args]');
  if (!o) return 2;
  const wanted = o.rest.length === 0 ? [...sh.jobs.list] : [];
  for (const spec of o.rest) {
    const job = yield* findJob(sh, 'jobs', spec);
    if (!job) return 1;
    wanted.push(job);
  }
  let text = '';
  for (const job of wanted) {
    const st = state(job);
    if (o.flags.has('r') && st !== 'Running') continue;
    if (o.flags.has('s') && st !== 'Stopped') continue;
    text += o.flags.has('p') ? `${job.processes[0]?.getpid() ?? ''}\n` : sh.jobs.line(job, o.flags.has('l'));
    if (st === 'Done') sh.jobs.remove(job);
  }
  return yield* output(sh, 'jobs', text);
};

/** Waits for one job; a trapped signal ends the wait with its status. */
function* waitJob(sh: Shell, job: JobEntry): Task<number> {
  while (state(job) !== 'Done') {
    const wake = yield* sh.p.wait({ on: [sh.p.childEvents] });
    const signal = sh.pendingTraps[0];
    if (sh.interrupted && sh.interactive) throw new Interrupted();
    if (wake === 'signal' && (signal || sh.interrupted)) return 128 + (signal ? signalNumber(parseSignal(signal) ?? 'INT') : 2);
  }
  const last = job.processes[job.processes.length - 1];
  // An interactive shell tells of its end first; see notifyJobs.
  if (sh.interactive) job.awaited = true;
  else sh.jobs.remove(job);
  const signal = last?.termSignal;
  if (!sh.interactive && last && signal && !['TERM', 'INT', 'PIPE'].includes(signal))
    yield* sh.p.err(`${sh.where()}${String(last.getpid()).padStart(5)} ${strsignal(signal).padEnd(23)} ${job.text}\n`);
  return last?.status ?? 0;
}

const wait: Builtin = function* (sh, argv) {
  const o = yield* options(sh, argv, 'fnp:', 'wait [-fn] [-p var] [id ...]');
  if (!o) return 2;
  sh.jobs.list = sh.jobs.list.filter((j) => !j.foreign);
  if (o.flags.has('n')) {
    for (;;) {
      const done = sh.jobs.list.find((j) => state(j) === 'Done');
      if (done) return yield* waitJob(sh, done);
      if (sh.jobs.list.length === 0) return 127;
      const wake = yield* sh.p.wait({ on: [sh.p.childEvents] });
      if (wake === 'signal' && (sh.interrupted || sh.pendingTraps.length > 0)) return 130;
    }
  }
  if (o.rest.length === 0) {
    for (const job of [...sh.jobs.list]) {
      if (state(job) === 'Stopped') continue;
      const status = yield* waitJob(sh, job);
      if (state(job) !== 'Done') return status;
    }
    return 0;
  }
  let status = 0;
  for (const id of o.rest) {
    if (id.startsWith('%')) {
      const job = yield* findJob(sh, 'wait', id);
      status = job ? yield* waitJob(sh, job) : 127;
      continue;
    }
    if (!/^\d+$/.test(id)) {
      yield* complain(sh, 'wait', `\`${id}': not a pid or valid job spec`);
      status = 1;
      continue;
    }
    const pid = Number(id);
    const job = sh.jobs.byPid(pid);
    const finished = sh.jobs.finished.get(pid);
    if (job) {
      const child = job.processes.find((c) => c.getpid() === pid);
      if (child === job.processes[job.processes.length - 1]) status = yield* waitJob(sh, job);
      else status = child ? yield* sh.p.waitPid(child) : 127;
    } else if (finished !== undefined) status = finished;
    else {
      yield* complain(sh, 'wait', `pid ${pid} is not a child of this shell`);
      status = 127;
    }
  }
  return status;
};

const kill: Builtin = function* (sh, argv) {
  const usage = 'kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n';
  let args = argv.slice(1);
  let signal: ReturnType<typeof parseSignal> | 0 = 'TERM';
  const first = args[0];
  if (first === '-l' || first === '-L') {
    if (args.length === 1) return yield* output(sh, 'kill', signalList());
    let text = '';
    for (const a of args.slice(1)) {
      const n = Number(a);
      const s = /^\d+$/.test(a) ? signalByNumber(n > 128 ? n - 128 : n) : parseSignal(a);
      if (!s) {
        yield* complain(sh, 'kill', `${a}: invalid signal specification`);
        return 1;
      }
      text += `${/^\d+$/.test(a) ? s : signalNumber(s)}\n`;
    }
    return yield* output(sh, 'kill', text);
  }
  if (first === undefined) {
    yield* sh.p.err(usage);
    return 2;
  }
  if (first === '-s' || first === '-n') {
    const spec = args[1] ?? '';
    signal = spec === '0' ? 0 : parseSignal(spec);
    if (signal === undefined) {
      yield* complain(sh, 'kill', `${spec}: invalid signal specification`);
      return 1;
    }
    args = args.slice(2);
  } else if (first === '--') args = args.slice(1);
  else if (/^-./.test(first)) {
    const spec = first.slice(1);
    signal = spec === '0' ? 0 : parseSignal(spec);
    if (signal === undefined) {
      yield* complain(sh, 'kill', `${spec}: invalid signal specification`);
      return 1;
    }
    args = args.slice(1);
    if (args[0] === '--') args = args.slice(1);
  }
  if (args.length === 0) {
    yield* sh.p.err(usage);
    return 2;
  }
  let status = 0;
  for (const a of args) {
    if (a.startsWith('%')) {
      const job = yield* findJob(sh, 'kill', a);
      if (!job) {
        status = 1;
        continue;
      }
      if (sh.on('monitor')) {
        if (signal !== 0) sh.p.machine.killGroup(job.pgid, signal);
        if (state(job) === 'Stopped' && (signal === 'TERM' || signal === 'HUP')) sh.p.machine.killGroup(job.pgid, 'CONT');
      } else for (const c of job.processes) if (signal !== 0) c.raise(signal);
      continue;
    }
    if (!/^-?\d+$/.test(a)) {
      yield* complain(sh, 'kill', `${a}: arguments must be process or job IDs`);
      status = 1;
      continue;
    }
    const r = sh.p.kill(Number(a), signal);
    if (!r.ok) {
      yield* complain(sh, 'kill', `(${a}) - ${strerror(r.errno)}`);
      status = 1;
    }
  }
  // A signal to the shell itself takes effect before the next command.
  yield { cost: 1 };
  return status;
};

const disown: Builtin = function* (sh, argv) {
  const o = yield* options(sh, argv, 'ahr', 'disown [-h] [-ar] [jobspec ... | pid ...]');
  if (!o) return 2;
  if (o.flags.has('a') || o.flags.has('r')) {
    for (const job of [...sh.jobs.list]) if (!o.flags.has('r') || state(job) === 'Running') sh.jobs.remove(job);
    return 0;
  }
  const specs: (string | undefined)[] = o.rest.length > 0 ? o.rest : [undefined];
  for (const spec of specs) {
    const job = yield* findJob(sh, 'disown', spec);
    if (!job) return 1;
    if (o.flags.has('h')) job.disowned = true;
    else sh.jobs.remove(job);
  }
  return 0;
};

const CHILD_SIGNAL_DELAY = 100;

/** Before a prompt: tells of jobs that ended, and forgets them. */
export function* notifyJobs(sh: Shell): Task<void> {
  for (const job of [...sh.jobs.list]) {
    const st = state(job);
    if (st === 'Running') job.notified = false;
    if (st === 'Stopped' && !job.notified) {
      yield* sh.p.err(`\n${sh.jobs.line(job)}`);
      job.notified = true;
    }
    // SIGCHLD takes its time: what ended just now is told of at the next prompt.
    if (st !== 'Done') continue;
    if (!job.awaited && job.processes.some((c) => sh.p.sim.now - c.endTime < CHILD_SIGNAL_DELAY)) continue;
    if (!job.foreground) yield* sh.p.err(sh.jobs.line(job));
    sh.jobs.remove(job);
  }
}

export const jobBuiltins: readonly (readonly [string, Builtin])[] = [
  ['bg', background],
  ['disown', disown],
  ['fg', foreground],
  ['jobs', list],
  ['kill', kill],
  ['wait', wait],
];
