/** Running syntax trees: lists, pipelines, compound commands. Models execute_cmd.c of bash */

import type {
  AndOr,
  ArithmeticFor,
  Case,
  CommandNode,
  CompoundCommand,
  CompoundList,
  Coproc,
  For,
  Function as FunctionNode,
  If,
  PipelineNode,
  Redirected,
  Select,
  Statement,
  While,
  Word,
} from 'unbash';
import { makePipe } from '../../os/pipe.ts';
import type { Task } from '../../os/process.ts';
import { arithmetic } from './arithmetic.ts';
import { conditional } from './conditional.ts';
import { expandPattern, expandString, expandWords } from './expand.ts';
import { forkShell } from './fork.ts';
import { matches } from './pattern.ts';
import { background, runMultiple, textOf, waitForeground } from './pipeline.ts';
import { applyRedirects, undoRedirects } from './redirect.ts';
import { runSimple, tracePrefix } from './simple.ts';
import { type Parsed, parseSource } from './source.ts';
import { Abandon, ExitShell, Interrupted, LoopControl, type Shell } from './state.ts';
import { runPendingTraps, runTrap } from './traps.ts';

/** Booked for each command that the shell runs, in µs of CPU. */
const COMMAND_COST = 8;
/** Deeper than this nothing more is called; real bash runs out of stack somewhere. The same in every engine. */
export const MAX_DEPTH = 300;

/** `last`: nothing follows in this process, so that a program may replace it. */
export function* runStatements(sh: Shell, statements: readonly Statement[], last = false): Task<number> {
  sh.depth++;
  try {
    for (let i = 0; i < statements.length; i++) yield* runStatement(sh, statements[i] as Statement, last && i === statements.length - 1);
  } finally {
    sh.depth--;
  }
  return sh.status;
}

/** Parses and runs text in the present shell: eval, traps, sourced files. */
export function* runText(sh: Shell, text: string, name?: string): Task<number> {
  if (sh.depth >= MAX_DEPTH) {
    yield* sh.warn(`maximum nesting level exceeded (${sh.depth})`);
    throw new Abandon(1);
  }
  const { source, pos } = sh;
  const parsed = parseSource(text, name === undefined ? source.line(pos) : 1);
  sh.source = parsed.source;
  sh.pos = 0;
  try {
    if (parsed.statements.length === 0 && !parsed.fault) sh.status = 0;
    yield* runStatements(sh, parsed.statements);
    if (parsed.fault) {
      yield* reportFault(sh, parsed, name ?? 'eval');
      sh.status = name === undefined ? 1 : 2;
    }
    return sh.status;
  } finally {
    sh.source = source;
    sh.pos = pos;
  }
}

export function* reportFault(sh: Shell, parsed: Parsed, kind: string | null): Task<void> {
  const f = parsed.fault;
  if (!f) return;
  const head =
    sh.interactive && sh.frames.length === 0
      ? `${sh.shortName}: ${kind === 'eval' ? 'eval: ' : ''}`
      : kind === null || kind === '-c' || kind === 'eval'
        ? `${sh.shortName}: ${kind === null ? '' : `${kind}: `}line ${f.line}: `
        : `${kind}: line ${f.line}: `;
  yield* sh.p.err(`${head}${f.message}\n`);
  if (f.shown !== undefined && !(sh.interactive && kind === null)) yield* sh.p.err(`${head}\`${f.shown}'\n`);
}

export function* runStatement(sh: Shell, s: Statement, last = false): Task<number> {
  sh.pos = s.pos;
  yield* tick(sh);
  if (s.background) {
    yield* background(sh, s);
    return sh.status;
  }
  const c = s.command;
  if (c.type === 'AndOr') return yield* runAndOr(sh, c);
  return yield* runPipeline(sh, c, last);
}

/** Between commands: interrupts, traps, the clock. */
function* tick(sh: Shell): Task<void> {
  yield* sh.p.charge(COMMAND_COST);
  if (sh.interrupted) {
    sh.interrupted = false;
    throw new Interrupted();
  }
  if (sh.pendingTraps.length > 0 && !sh.inTrap) yield* runPendingTraps(sh);
}

export function* runAndOr(sh: Shell, node: AndOr): Task<number> {
  for (let i = 0; i < node.commands.length; i++) {
    const op = i > 0 ? node.operators[i - 1] : undefined;
    if (op === '&&' && sh.status !== 0) continue;
    if (op === '||' && sh.status === 0) continue;
    const isLast = i === node.commands.length - 1;
    if (!isLast) sh.noErrexit++;
    try {
      yield* runPipeline(sh, node.commands[i] as PipelineNode, false);
    } finally {
      if (!isLast) sh.noErrexit--;
    }
  }
  return sh.status;
}

const CHECKED = new Set(['Command', 'Subshell', 'TestCommand', 'ArithmeticCommand', 'Pipeline']);

export function* runPipeline(sh: Shell, node: PipelineNode, last: boolean): Task<number> {
  if (node.type !== 'Pipeline') {
    yield* runNode(sh, node, last);
    const inner = node.type === 'Redirected' ? node.command.type : node.type;
    if (CHECKED.has(inner)) yield* afterFailure(sh);
    return sh.status;
  }
  const negated = node.prefixes.filter((x) => x.type === 'Negation').length % 2 === 1;
  const time = node.prefixes.find((x) => x.type === 'Time');
  const start = { wall: sh.p.sim.now, cpu: sh.p.cpuTime };
  if (negated) sh.noErrexit++;
  try {
    if (node.commands.length === 0) sh.status = 0;
    else if (node.commands.length === 1) {
      yield* runNode(sh, node.commands[0] as CommandNode, false);
      sh.pipeStatus = [String(sh.status)];
    } else yield* runMultiple(sh, node);
  } finally {
    if (negated) sh.noErrexit--;
  }
  if (time) yield* reportTime(sh, sh.p.sim.now - start.wall, sh.p.cpuTime - start.cpu, time.type === 'Time' && time.posix !== undefined);
  if (negated) sh.status = sh.status === 0 ? 1 : 0;
  else yield* afterFailure(sh);
  return sh.status;
}

/** set -e and the ERR trap. */
function* afterFailure(sh: Shell): Task<void> {
  if (sh.status === 0 || sh.noErrexit > 0) return;
  if (sh.traps.has('ERR') && !sh.inTrap) yield* runTrap(sh, 'ERR');
  if (sh.on('errexit')) throw new ExitShell(sh.status);
}

function* reportTime(sh: Shell, wall: number, cpu: number, posix: boolean): Task<void> {
  const format = (us: number): string => {
    const s = us / 1e6;
    return posix ? s.toFixed(2) : `${Math.floor(s / 60)}m${(s % 60).toFixed(3)}s`;
  };
  const pad = posix ? ' ' : '\t';
  yield* sh.p.err(`${posix ? '' : '\n'}real${pad}${format(wall)}\nuser${pad}${format(cpu)}\nsys${pad}${format(0)}\n`);
}

// ---- one command

export function* runNode(sh: Shell, node: CommandNode, last: boolean): Task<number> {
  switch (node.type) {
    case 'Command':
      return yield* runSimple(sh, node, last);
    case 'Redirected':
      return yield* runRedirected(sh, node);
    case 'Function':
      return defineFunction(sh, node);
    case 'Coproc':
      return yield* runCoproc(sh, node);
    default:
      return yield* runCompound(sh, node);
  }
}

function* runRedirected(sh: Shell, node: Redirected): Task<number> {
  sh.pos = node.pos;
  const undo = yield* applyRedirects(sh, node.redirects);
  if (!undo) {
    sh.status = 1;
    return 1;
  }
  try {
    return yield* runCompound(sh, node.command);
  } finally {
    undoRedirects(sh, undo);
    closeSubstitutions(sh, 0);
  }
}

export function closeSubstitutions(sh: Shell, keep: number): void {
  while (sh.substitutionFds.length > keep) {
    const fd = sh.substitutionFds.pop() as number;
    sh.p.close(fd);
  }
}

export function* runCompound(sh: Shell, node: CompoundCommand | CompoundList | Redirected): Task<number> {
  switch (node.type) {
    case 'Redirected':
      return yield* runRedirected(sh, node);
    case 'CompoundList':
      return yield* runStatements(sh, node.commands);
    case 'BraceGroup':
      return yield* runStatements(sh, node.body.commands);
    case 'Subshell': {
      const child = yield* forkShell(sh, (c) => runStatements(c, node.body.commands, true), sh.on('monitor') ? { group: 0 } : {});
      sh.status = yield* waitForeground(sh, [child], child.pgid, () => textOf(sh, node));
      return sh.status;
    }
    case 'If':
      return yield* runIf(sh, node);
    case 'For':
      return yield* runFor(sh, node);
    case 'ArithmeticFor':
      return yield* runArithmeticFor(sh, node);
    case 'While':
      return yield* runWhile(sh, node);
    case 'Case':
      return yield* runCase(sh, node);
    case 'Select':
      return yield* runSelect(sh, node);
    case 'TestCommand':
      sh.pos = node.pos;
      sh.status = yield* conditional(sh, node.expression);
      return sh.status;
    case 'ArithmeticCommand': {
      sh.pos = node.pos;
      if (sh.on('xtrace')) yield* traceText(sh, `(( ${node.body.trim()} ))`);
      try {
        sh.status = (yield* arithmetic(sh, node.body, '((: ')) === 0n ? 1 : 0;
      } catch (e) {
        if (!(e instanceof Abandon)) throw e;
        sh.status = 1;
      }
      return sh.status;
    }
  }
}

function* condition(sh: Shell, list: CompoundList): Task<boolean> {
  sh.noErrexit++;
  try {
    return (yield* runStatements(sh, list.commands)) === 0;
  } finally {
    sh.noErrexit--;
  }
}

function* runIf(sh: Shell, node: If): Task<number> {
  if (yield* condition(sh, node.clause)) return yield* runStatements(sh, node.then.commands);
  for (const e of node.elif) if (yield* condition(sh, e.clause)) return yield* runStatements(sh, e.then.commands);
  if (node.else) return yield* runStatements(sh, node.else.commands);
  sh.status = 0;
  return 0;
}

/** A line of set -x. */
export function* traceText(sh: Shell, text: string): Task<void> {
  yield* sh.p.err(`${yield* tracePrefix(sh)}${text}\n`);
}

/** Runs a loop's body. True: the loop ends. */
function* loopBody(sh: Shell, body: CompoundList): Task<boolean> {
  try {
    yield* tick(sh);
    yield* runStatements(sh, body.commands);
    return false;
  } catch (e) {
    if (!(e instanceof LoopControl)) throw e;
    sh.status = 0;
    if (e.levels > 1 && sh.loopDepth > 1) {
      e.levels--;
      throw e;
    }
    return e.kind === 'break';
  }
}

function* inLoop(sh: Shell, run: () => Task<void>): Task<number> {
  sh.loopDepth++;
  try {
    yield* run();
  } finally {
    sh.loopDepth--;
  }
  return sh.status;
}

function* runFor(sh: Shell, node: For): Task<number> {
  sh.pos = node.pos;
  const items = node.wordlist ? yield* expandWords(sh, node.wordlist) : [...sh.args];
  sh.status = 0;
  return yield* inLoop(sh, function* () {
    for (const item of items) {
      if (sh.on('xtrace')) yield* traceText(sh, `for ${node.name.value} in ${node.wordlist?.map((w) => w.text).join(' ') ?? '"$@"'}`);
      yield* sh.assign(node.name.value, item);
      if (yield* loopBody(sh, node.body)) break;
    }
  });
}

function* runArithmeticFor(sh: Shell, node: ArithmeticFor): Task<number> {
  const { source } = sh;
  const part = function* (e: { pos: number; end: number }): Task<bigint> {
    const text = source.text.slice(e.pos, e.end);
    if (sh.on('xtrace')) yield* traceText(sh, `(( ${text.trim()} ))`);
    return yield* arithmetic(sh, text, '((: ');
  };
  sh.status = 0;
  return yield* inLoop(sh, function* () {
    if (node.initialize) yield* part(node.initialize);
    while (!node.test || (yield* part(node.test)) !== 0n) {
      if (yield* loopBody(sh, node.body)) break;
      if (node.update) yield* part(node.update);
    }
  });
}

function* runWhile(sh: Shell, node: While): Task<number> {
  let status = 0;
  yield* inLoop(sh, function* () {
    for (;;) {
      let go: boolean;
      try {
        go = yield* condition(sh, node.clause);
      } catch (e) {
        if (!(e instanceof LoopControl)) throw e;
        if (e.levels > 1 && sh.loopDepth > 1) {
          e.levels--;
          throw e;
        }
        if (e.kind === 'break') break;
        continue;
      }
      if (go !== (node.kind === 'while')) break;
      if (yield* loopBody(sh, node.body)) {
        status = 0;
        break;
      }
      status = sh.status;
    }
  });
  sh.status = status;
  return status;
}

function* runCase(sh: Shell, node: Case): Task<number> {
  sh.pos = node.pos;
  const word = yield* expandString(sh, node.word, 'word');
  if (sh.on('xtrace')) yield* traceText(sh, `case ${node.word.text} in`);
  sh.status = 0;
  let through = false;
  for (const item of node.items) {
    let hit = through;
    for (const pattern of item.pattern) {
      if (hit) break;
      hit = matches(word, yield* expandPattern(sh, pattern), sh.patternOptions);
    }
    if (!hit) continue;
    yield* runStatements(sh, item.body.commands);
    if (item.terminator === ';&') through = true;
    else if (item.terminator === ';;&') through = false;
    else break;
  }
  return sh.status;
}

function* runSelect(sh: Shell, node: Select): Task<number> {
  const items = node.wordlist ? yield* expandWords(sh, node.wordlist) : [...sh.args];
  if (items.length === 0) return 0;
  return yield* inLoop(sh, function* () {
    const width = String(items.length).length;
    let show = true;
    for (;;) {
      if (show) yield* sh.p.err(items.map((x, i) => `${String(i + 1).padStart(width)}) ${x}\n`).join(''));
      yield* sh.p.err(sh.vars.get('PS3') ?? '#? ');
      const line = yield* sh.p.readLine(0);
      if (line === null) {
        yield* sh.p.err('\n');
        sh.status = 1;
        return;
      }
      show = line.trim() === '';
      if (show) continue;
      yield* sh.assign('REPLY', line);
      const n = /^\d+$/.test(line.trim()) ? Number(line) : 0;
      yield* sh.assign(node.name.value, items[n - 1] ?? '');
      if (yield* loopBody(sh, node.body)) break;
    }
  });
}

function defineFunction(sh: Shell, node: FunctionNode): number {
  sh.functions.set(node.name.value, { body: node.body, source: sh.source });
  sh.status = 0;
  return 0;
}

function* runCoproc(sh: Shell, node: Coproc): Task<number> {
  const name = (node.name as Word | undefined)?.value ?? 'COPROC';
  const [r1, w1] = makePipe(sh.p.sim);
  const [r2, w2] = makePipe(sh.p.sim);
  const fds = new Map(sh.p.fds);
  fds.set(0, r1);
  fds.set(1, w2);
  for (const end of [w1, r2]) end.acquire();
  const { body } = node;
  const child = yield* forkShell(sh, (c) => (body.type === 'Command' ? runSimple(c, body, true) : runCompound(c, body)), { fds });
  const out = sh.p.install(r2, 60);
  const into = sh.p.install(w1, 60);
  r2.close();
  w1.close();
  if (out.ok && into.ok) {
    const v = sh.vars.ensure(name);
    v.array = [String(out.value), String(into.value)];
    yield* sh.assign(`${name}_PID`, String(child.getpid()));
  }
  const job = sh.jobs.add([child], child.pgid, textOf(sh, node), false);
  sh.lastBackground = child.getpid();
  if (sh.interactive) yield* sh.p.err(`[${job.id}] ${child.getpid()}\n`);
  sh.status = 0;
  return 0;
}
