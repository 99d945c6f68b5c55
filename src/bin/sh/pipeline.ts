/** Pipelines, background jobs, and waiting for them in the foreground. Models execute_pipeline and wait_for of bash */

import type { AndOr, CommandNode, Pipeline, Statement } from 'unbash';
import { nullDevice } from '../../os/chardev.ts';
import { makePipe } from '../../os/pipe.ts';
import type { Process, Task } from '../../os/process.ts';
import { strsignal } from '../../os/signal.ts';
import { forkShell } from './fork.ts';
import { runAndOr, runNode, runPipeline } from './interpret.ts';
import { stoppedStatus } from './jobs.ts';
import { printCommand } from './print.ts';
import { undoRedirects } from './redirect.ts';
import type { Shell } from './state.ts';

export function* runMultiple(sh: Shell, node: Pipeline): Task<void> {
  const lastpipe = sh.opt('lastpipe') && !sh.on('monitor');
  const { processes, pgid, lastInput } = yield* startPipeline(sh, node, false, lastpipe);
  if (lastpipe && lastInput) {
    const undo: [number, ReturnType<typeof sh.p.file> | null][] = [[0, sh.p.fds.get(0) ?? null]];
    sh.p.fds.set(0, lastInput);
    try {
      yield* runNode(sh, node.commands[node.commands.length - 1] as CommandNode, false);
    } finally {
      undoRedirects(sh, undo as [number, NonNullable<ReturnType<typeof sh.p.file>> | null][]);
    }
    const own = sh.status;
    yield* waitFor(sh, processes);
    sh.pipeStatus = [...processes.map((p) => String(p.status)), String(own)];
    sh.status = pipelineStatus(sh, [...processes.map((p) => p.status), own]);
    return;
  }
  sh.status = yield* waitForeground(sh, processes, pgid, () => textOf(sh, node));
  sh.pipeStatus = processes.map((p) => String(p.dead ? p.status : stoppedStatus(p)));
}

function pipelineStatus(sh: Shell, statuses: number[]): number {
  if (sh.on('pipefail')) for (let i = statuses.length - 1; i >= 0; i--) if (statuses[i] !== 0) return statuses[i] as number;
  return statuses[statuses.length - 1] ?? 0;
}

function* startPipeline(
  sh: Shell,
  node: Pipeline,
  inBackground: boolean,
  lastpipe = false,
): Task<{ processes: Process[]; pgid: number; lastInput: NonNullable<ReturnType<typeof sh.p.file>> | null }> {
  const processes: Process[] = [];
  const monitor = sh.on('monitor');
  let pgid = monitor ? 0 : sh.p.pgid;
  let input: ReturnType<typeof makePipe>[0] | null = inBackground && !monitor ? nullDevice().acquire() : null;
  const n = node.commands.length;
  for (let i = 0; i < n; i++) {
    const command = node.commands[i] as CommandNode;
    if (lastpipe && i === n - 1) break;
    const pipe = i < n - 1 ? makePipe(sh.p.sim) : null;
    pipe?.[0].acquire();
    pipe?.[1].acquire();
    const fds = new Map(sh.p.fds);
    if (input) fds.set(0, input);
    if (pipe) fds.set(1, pipe[1]);
    if (pipe && node.operators[i] === '|&') fds.set(2, pipe[1]);
    let child: Process;
    try {
      child = yield* forkShell(sh, (c) => runNode(c, command, true), {
        fds,
        ...(monitor ? { group: pgid } : {}),
        ignoreKeyboard: inBackground && !monitor,
      });
    } finally {
      input?.close();
      pipe?.[1].close();
    }
    processes.push(child);
    if (monitor && pgid === 0) {
      pgid = child.pgid;
      if (!inBackground) sh.p.tty?.setForeground(pgid);
    }
    input = pipe ? pipe[0] : null;
  }
  return { processes, pgid, lastInput: input };
}

/** A command's text, as jobs and messages show it. */
export function textOf(sh: Shell, node: CommandNode | Pipeline | AndOr): string {
  return printCommand(sh.source.text, node);
}

export function* background(sh: Shell, s: Statement): Task<void> {
  const text = textOf(sh, s.command);
  const monitor = sh.on('monitor');
  let processes: Process[];
  let pgid = sh.p.pgid;
  if (s.command.type === 'Pipeline' && s.command.commands.length > 1 && s.command.prefixes.length === 0) {
    const started = yield* startPipeline(sh, s.command, true);
    processes = started.processes;
    pgid = started.pgid;
  } else {
    const fds = new Map(sh.p.fds);
    const input = monitor ? null : nullDevice().acquire();
    if (input) fds.set(0, input);
    const node = s.command;
    const child = yield* forkShell(sh, (c) => (node.type === 'AndOr' ? runAndOr(c, node) : runPipeline(c, node, true)), {
      fds,
      ...(monitor ? { group: 0 } : {}),
      ignoreKeyboard: !monitor,
    });
    input?.close();
    processes = [child];
    pgid = child.pgid;
  }
  const job = sh.jobs.add(processes, pgid, text, false);
  const lastProcess = processes[processes.length - 1] as Process;
  sh.lastBackground = lastProcess.getpid();
  if (sh.interactive) yield* sh.p.err(`[${job.id}] ${lastProcess.getpid()}\n`);
  sh.status = 0;
}

/** Waits for all; the status of the last. */
export function* waitFor(sh: Shell, processes: readonly Process[]): Task<number> {
  for (const p of processes) yield* sh.p.waitPid(p);
  const last = processes[processes.length - 1];
  if (last?.termSignal === 'INT') sh.childInterrupted();
  return last?.status ?? 0;
}

/** Waits for a foreground job until it ends or stops; gives it the terminal meanwhile. */
export function* waitForeground(sh: Shell, processes: Process[], pgid: number, text: () => string, known = false): Task<number> {
  const { p } = sh;
  const monitor = sh.on('monitor');
  if (monitor && p.tty) p.tty.setForeground(pgid);
  sh.waiting++;
  const settled = (): boolean =>
    processes.every((c) => c.dead) ||
    (monitor && processes.some((c) => c.state === 'stopped') && processes.every((c) => c.dead || c.state === 'stopped'));
  while (!settled()) yield { on: [p.childEvents] };
  sh.waiting--;
  if (monitor && p.tty) p.tty.setForeground(p.pgid);
  const last = processes[processes.length - 1] as Process;
  const stopped = processes.find((c) => c.state === 'stopped');
  if (stopped) {
    const job = known ? sh.jobs.list.find((j) => j.pgid === pgid) : undefined;
    const entry = job ?? sh.jobs.add(processes, pgid, text(), true);
    entry.foreground = false;
    entry.notified = true;
    sh.jobs.touch(entry);
    yield* p.err(`\n${sh.jobs.line(entry)}`);
    return stoppedStatus(stopped);
  }
  for (const c of processes) p.children.delete(c);
  if (last.termSignal && last.termSignal !== 'PIPE') {
    if (last.termSignal === 'INT') {
      if (sh.interactive) {
        yield* p.err('\n');
        sh.interruptShown = true;
      }
      sh.childInterrupted();
    } else if (sh.interactive || last.termSignal === 'TERM') yield* p.err(`${strsignal(last.termSignal)}\n`);
    else yield* p.err(`${sh.where()}${String(last.getpid()).padStart(5)} ${strsignal(last.termSignal).padEnd(23)} ${text()}\n`);
  }
  sh.afterInterrupt();
  return pipelineStatus(
    sh,
    processes.map((c) => c.status),
  );
}
