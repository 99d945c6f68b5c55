/** Simple commands: assignments, functions, builtins, programs. Models execute_simple_command of bash */

import type { Assignment, Command } from 'unbash';
import { findExecutable } from '../../os/exec.ts';
import type { Process, Task } from '../../os/process.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { performAssignment } from './assign.ts';
import { helpText } from './builtins/help.ts';
import { type BuiltinContext, builtins, DECLARATIONS } from './builtins/index.ts';
import { assignmentText, expandWords } from './expand.ts';
import { forkShell } from './fork.ts';
import { closeSubstitutions, MAX_DEPTH, runCompound, runStatements } from './interpret.ts';
import { textOf, waitForeground } from './pipeline.ts';
import { printFunction } from './print.ts';
import { decodePrompt } from './prompt.ts';
import { applyRedirects, keepRedirects, undoRedirects } from './redirect.ts';
import { parseSource } from './source.ts';
import { Abandon, ExitShell, LoopControl, ReturnFrom, type Shell } from './state.ts';
import { runTrap } from './traps.ts';
import { singleQuoted, type Variable } from './vars.ts';

/** Builtins to which --help is an argument like any other. */
const NO_HELP = new Set(['echo', 'test', '[', ':', 'true', 'false']);

export function* runSimple(sh: Shell, node: Command, last: boolean): Task<number> {
  sh.pos = node.pos;
  if (sh.traps.has('DEBUG') && !sh.inTrap) yield* runTrap(sh, 'DEBUG');
  if (node.name && sh.opt('expand_aliases')) {
    const expanded = aliasText(sh, node);
    if (expanded !== null) return yield* runAlias(sh, expanded.text, expanded.name);
  }
  sh.substStatus = null;
  const openSubstitutions = sh.substitutionFds.length;
  try {
    return yield* simple(sh, node, last);
  } finally {
    closeSubstitutions(sh, openSubstitutions);
  }
}

function* simple(sh: Shell, node: Command, last: boolean): Task<number> {
  const argv: string[] = [];
  const arrays: (Assignment | null)[] = [];
  if (node.name) argv.push(...(yield* expandWords(sh, [node.name])));
  const declares = argv.length === 1 && DECLARATIONS.has(argv[0] as string);
  for (const a of node.args) {
    if (a.type === 'Word') argv.push(...(yield* expandWords(sh, [a])));
    else {
      arrays[argv.length] = declares && a.value.type === 'ArrayValue' ? a : null;
      argv.push(yield* assignmentText(sh, a));
    }
  }
  const assignments = node.prefix.filter((x): x is Assignment => x.type === 'Assignment');
  if (argv.length === 0) return yield* onlyAssignments(sh, node, assignments);
  if (sh.on('xtrace')) yield* trace(sh, argv, assignments);
  const name = argv[0] as string;
  const fn = sh.functions.get(name);
  const builtin = fn ? undefined : builtins.get(name);
  if (!fn && !builtin) return yield* external(sh, node, argv, assignments, last);

  const undo = yield* applyRedirects(sh, node.redirects);
  if (!undo) {
    sh.status = 1;
    return 1;
  }
  let kept = false;
  const restore = yield* temporary(sh, assignments, name === 'exec' || name === 'eval' || name === '.' || name === 'source');
  try {
    if (fn) sh.status = yield* callFunction(sh, name, argv.slice(1));
    else {
      const ctx: BuiltinContext = { arrays, last, keep: () => (kept = true) };
      const text = argv[1] === '--help' && !NO_HELP.has(name) ? helpText(name) : null;
      if (text === null) sh.status = yield* (builtin as NonNullable<typeof builtin>)(sh, argv, ctx);
      else {
        yield* sh.p.out(text);
        sh.status = 2;
      }
    }
  } finally {
    restore();
    if (kept) keepRedirects(undo);
    else undoRedirects(sh, undo);
  }
  sh.lastArg = argv[argv.length - 1] as string;
  return sh.status;
}

function* onlyAssignments(sh: Shell, node: Command, assignments: readonly Assignment[]): Task<number> {
  for (const a of assignments) {
    const value = yield* performAssignment(sh, a);
    if (sh.on('xtrace'))
      yield* sh.p.err(
        `${yield* tracePrefix(sh)}${a.value.type === 'ArrayValue' ? a.text : `${a.name}${a.index ? `[${a.index.text}]` : ''}${a.append ? '+' : ''}=${value === '' ? '' : singleQuoted(value)}`}\n`,
      );
  }
  const undo = yield* applyRedirects(sh, node.redirects);
  if (!undo) {
    sh.status = 1;
    return 1;
  }
  undoRedirects(sh, undo);
  sh.status = sh.substStatus ?? 0;
  return sh.status;
}

export function* tracePrefix(sh: Shell): Task<string> {
  const ps4 = yield* decodePrompt(sh, sh.vars.get('PS4') ?? '+ ');
  return ps4.slice(0, 1).repeat(sh.traceDepth) + ps4;
}

function* trace(sh: Shell, argv: readonly string[], assignments: readonly Assignment[]): Task<void> {
  const prefix = yield* tracePrefix(sh);
  for (const a of assignments) yield* sh.p.err(`${prefix}${a.text}\n`);
  yield* sh.p.err(`${prefix}${argv.map((w) => singleQuoted(w)).join(' ')}\n`);
}

// ---- aliases

function aliasText(sh: Shell, node: Command): { text: string; name: string } | null {
  const word = node.name;
  if (!word || word.parts || word.text !== word.value) return null;
  const alias = sh.aliases.get(word.text);
  if (alias === undefined || sh.expandingAliases.has(word.text)) return null;
  let rest = sh.source.text.slice(word.end, node.end);
  // An alias that ends in a blank lets the next word be an alias too.
  if (/\s$/.test(alias)) {
    const next = /^\s+([^\s;|&<>()$`"'\\]+)/.exec(rest);
    const second = next ? sh.aliases.get(next[1] as string) : undefined;
    if (next && second !== undefined) rest = ` ${second}${rest.slice(next[0].length)}`;
  }
  return { text: sh.source.text.slice(node.pos, word.pos) + alias + rest, name: word.text };
}

function* runAlias(sh: Shell, text: string, name: string): Task<number> {
  const parsed = parseSource(text, sh.source.line(sh.pos));
  const { source, pos } = sh;
  sh.source = parsed.source;
  sh.expandingAliases.add(name);
  try {
    return yield* runStatements(sh, parsed.statements);
  } finally {
    sh.expandingAliases.delete(name);
    sh.source = source;
    sh.pos = pos;
  }
}

// ---- variables for one command

/** Puts NAME=VALUE of a command before it into the environment; returns what takes them back. */
function* temporary(sh: Shell, assignments: readonly Assignment[], _keepOrder: boolean): Task<() => void> {
  if (assignments.length === 0) return () => undefined;
  const scope = sh.vars.scopes[sh.vars.scopes.length - 1] as Map<string, Variable>;
  const saved = new Map<string, Variable | undefined>();
  for (const a of assignments) {
    if (!saved.has(a.name)) saved.set(a.name, scope.get(a.name));
    if (sh.vars.find(a.name)?.readonly) {
      yield* sh.warn(`${a.name}: readonly variable`);
      continue;
    }
    const old = sh.vars.find(a.name);
    const fresh: Variable = a.append && old ? { ...old } : { value: undefined };
    yield* performAssignment(sh, a, () => fresh);
    fresh.exported = true;
    scope.set(a.name, fresh);
  }
  return () => {
    for (const [name, v] of saved) {
      if (v) scope.set(name, v);
      else scope.delete(name);
    }
  };
}

// ---- functions

export function* callFunction(sh: Shell, name: string, args: string[]): Task<number> {
  const fn = sh.functions.get(name);
  if (!fn) return 127;
  if (sh.depth >= MAX_DEPTH) {
    yield* sh.warn(`${name}: maximum function nesting level exceeded (${sh.frames.length})`);
    throw new Abandon(1);
  }
  const saved = { args: sh.args, source: sh.source, pos: sh.pos, loopDepth: sh.loopDepth };
  sh.frames.push({ name, source: sh.arg0, line: sh.source.line(sh.pos) });
  sh.vars.scopes.push(new Map());
  sh.args = args;
  sh.source = fn.source;
  sh.loopDepth = 0;
  try {
    yield* runCompound(sh, fn.body);
    return sh.status;
  } catch (e) {
    if (e instanceof ReturnFrom) return e.status;
    if (e instanceof LoopControl) return sh.status;
    throw e;
  } finally {
    sh.frames.pop();
    sh.vars.scopes.pop();
    Object.assign(sh, saved);
  }
}

// ---- programs

/** Environment of a child: exported variables and functions' variables before the command. */
export function childEnv(sh: Shell, path: string): Map<string, string> {
  const env = sh.vars.exported();
  env.set('_', path);
  for (const [name, fn] of sh.functions)
    if (fn.exported)
      env.set(
        `BASH_FUNC_${name}%%`,
        `() ${printFunction(name, fn)
          .slice(name.length + 5)
          .trimEnd()}`,
      );
  return env;
}

function* external(sh: Shell, node: Command, argv: string[], assignments: readonly Assignment[], last: boolean): Task<number> {
  const restore = yield* temporary(sh, assignments, true);
  const undo = yield* applyRedirects(sh, node.redirects);
  if (!undo) {
    restore();
    sh.status = 1;
    return 1;
  }
  let child: Process;
  try {
    const started = yield* startProgram(sh, argv, last);
    if (typeof started === 'number') {
      sh.status = started;
      return started;
    }
    child = started;
  } finally {
    undoRedirects(sh, undo);
    restore();
  }
  sh.lastArg = argv[argv.length - 1] as string;
  sh.status = yield* waitForeground(sh, [child], child.pgid, () => textOf(sh, node));
  sh.pipeStatus = [String(sh.status)];
  return sh.status;
}

/** Starts it as a child, or (when nothing follows in this process) becomes it; a number is a status. */
export function* startProgram(sh: Shell, argv: string[], last: boolean): Task<Process | number> {
  const name = argv[0] as string;
  const found = findExecutable(sh.p, name, sh.vars.get('PATH'));
  if (!found.ok) return yield* notFound(sh, name, found.errno);
  if (last && sh.traps.size === 0 && !sh.interactive) return yield* replace(sh, argv);
  const r = sh.p.spawn(argv, { env: childEnv(sh, found.value), fds: sh.p.fds, ...(sh.on('monitor') ? { newGroup: true } : {}) });
  if (r.ok) {
    sh.releaseSignals(r.value);
    return r.value;
  }
  if (r.errno === 'ENOEXEC') return yield* scriptWithoutHead(sh, found.value, argv);
  // No room for the child: forkShell tries again and complains as bash does.
  if (r.errno === 'EAGAIN') return yield* forkShell(sh, (c) => replace(c, argv));
  return yield* cannotRun(sh, r.errno === 'EPERM' ? found.value : name, r.errno);
}

/** exec: the shell's process goes on as the program. */
export function* replace(sh: Shell, argv: string[]): Task<number> {
  const name = argv[0] as string;
  const found = findExecutable(sh.p, name, sh.vars.get('PATH'));
  if (!found.ok) return yield* notFound(sh, name, found.errno);
  const loadable = sh.p.canRun(argv, sh.vars.exported());
  if (!loadable.ok && loadable.errno === 'ENOEXEC') {
    const child = yield* scriptWithoutHead(sh, found.value, argv);
    return typeof child === 'number' ? child : yield* sh.p.waitPid(child);
  }
  if (!loadable.ok) return yield* cannotRun(sh, loadable.errno === 'EPERM' ? found.value : name, loadable.errno);
  sh.p.env = childEnv(sh, found.value);
  sh.p.onSignal('INT', sh.p.disposition('INT') === 'ignore' ? 'ignore' : 'default');
  throw new ExitShell(yield* sh.p.exec(argv));
}

/** What bash, Debian's sh (dash) and BusyBox's sh (ash) say of a command that is not there. */
function absent(sh: Shell, name: string): string {
  if (!sh.p.exe.endsWith('/sh')) return `${sh.where()}${name}: command not found\n`;
  const link = sh.p.readlink(sh.p.exe);
  const line = sh.source.line(sh.pos);
  if (!link.ok || !link.value.endsWith('/busybox')) return `${sh.shortName}: ${line}: ${name}: not found\n`;
  return `${sh.shortName}: ${sh.interactive || sh.arg0 === sh.p.argv[0] ? '' : `line ${line}: `}${name}: not found\n`;
}

function* notFound(sh: Shell, name: string, errno: Errno): Task<number> {
  if (errno === 'ENOENT') {
    yield* sh.p.err(absent(sh, name));
    return 127;
  }
  return yield* cannotRun(sh, name, errno);
}

function* cannotRun(sh: Shell, name: string, errno: Errno): Task<number> {
  const s = sh.p.stat(name);
  if (s.ok && s.value.kind === 'dir') {
    yield* sh.warn(`${name}: Is a directory`);
    return 126;
  }
  yield* sh.warn(`${name}: ${strerror(errno)}`);
  return errno === 'ENOENT' || errno === 'ENOTDIR' ? 127 : 126;
}

/** A file of commands without #!: a subshell reads it. */
function* scriptWithoutHead(sh: Shell, path: string, argv: string[]): Task<Process | number> {
  const r = sh.p.spawn(['bash', path, ...argv.slice(1)], {
    env: childEnv(sh, path),
    fds: sh.p.fds,
    ...(sh.on('monitor') ? { newGroup: true } : {}),
  });
  return r.ok ? r.value : yield* cannotRun(sh, argv[0] as string, r.errno);
}
