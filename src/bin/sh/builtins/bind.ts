/** bind: the line editor's keys and settings. Models builtins/bind.def */

import type { Task } from '../../../os/process.ts';
import { EMACS, emacsKeys, keySequence, shownSequence, UNBOUND } from '../line/bindings.ts';
import type { Binding, EditorMemory } from '../line/types.ts';
import type { Shell } from '../state.ts';
import { type Builtin, complain, options, output } from './types.ts';

const USAGE =
  'bind [-lpsvPSVX] [-m keymap] [-f filename] [-q name] [-u name] [-r keyseq] [-x keyseq:shell-command] [keyseq:readline-function or readline-command]';

/** The settings that mean something here, as `bind -v` writes them. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['bell-style', 'audible'],
  ['comment-begin', '#'],
  ['completion-ignore-case', 'off'],
  ['editing-mode', 'emacs'],
  ['enable-active-region', 'on'],
  ['enable-bracketed-paste', 'on'],
  ['show-all-if-ambiguous', 'off'],
];

function names(): string[] {
  return [...new Set([...Object.keys(EMACS), ...UNBOUND, 'do-lowercase-version', 'yank-nth-arg'])].sort();
}

function keysOf(memory: EditorMemory, fn: string): string[] {
  const all = new Map<string, Binding>([...emacsKeys(), ...memory.bound]);
  return [...all].filter(([, b]) => 'fn' in b && b.fn === fn).map(([k]) => shownSequence(k));
}

function list(memory: EditorMemory, how: 'p' | 'P'): string {
  let out = how === 'p' ? '\n' : '\n';
  for (const name of names()) {
    if (name === 'do-lowercase-version' || name === 'self-insert') continue;
    const keys = keysOf(memory, name);
    if (how === 'p') out += keys.length === 0 ? `# ${name} (not bound)\n` : keys.map((k) => `"${k}": ${name}\n`).join('');
    else if (keys.length === 0) out += `${name} is not bound to any keys\n`;
    else
      out += `${name} can be found on ${keys
        .slice(0, 5)
        .map((k) => `"${k}"`)
        .join(', ')}${keys.length > 5 ? ', ...' : ''}.\n`;
  }
  return out;
}

function* one(sh: Shell, memory: EditorMemory, text: string): Task<number> {
  const setting = /^\s*set\s+([\w-]+)\s+(\S+)\s*$/.exec(text);
  if (setting) {
    const [, name, value] = setting as unknown as [string, string, string];
    if (name === 'editing-mode' && value === 'vi') {
      yield* complain(sh, 'bind', 'vi: this editing mode is not emulated, emacs mode stays');
      return 1;
    }
    memory.settings.set(name, value.toLowerCase());
    return 0;
  }
  const m = /^\s*"((?:\\.|[^"\\])*)"\s*:\s*(.*?)\s*$/s.exec(text) ?? /^\s*([^\s:"]+)\s*:\s*(.*?)\s*$/s.exec(text);
  if (!m) {
    yield* complain(sh, 'bind', `\`${text}': cannot parse key binding`);
    return 1;
  }
  const keys = keySequence((m[1] as string).replace(/^Control-/i, '\\C-').replace(/^Meta-/i, '\\M-'));
  const what = m[2] as string;
  const macro = /^(["'])(.*)\1$/s.exec(what);
  if (macro) memory.bound.set(keys, { macro: keySequence(macro[2] as string) });
  else if (names().includes(what)) memory.bound.set(keys, { fn: what });
  else {
    yield* complain(sh, 'bind', `\`${what}': unknown function name`);
    return 1;
  }
  return 0;
}

function* bind(sh: Shell, argv: readonly string[]): Task<number> {
  const o = yield* options(sh, argv, 'lpsvPSVXm:f:q:u:r:x:', USAGE);
  if (!o) return 2;
  const { editor } = sh;
  if (!editor) {
    yield* sh.p.err(`${sh.where()}bind: warning: line editing not enabled\n`);
    return 0;
  }
  const { flags } = o;
  if (flags.has('x')) {
    yield* complain(sh, 'bind', '-x: keys that run shell commands are not emulated');
    return 1;
  }
  if (flags.has('l'))
    yield* output(
      sh,
      'bind',
      names()
        .map((n) => `${n}\n`)
        .join(''),
    );
  if (flags.has('p') || flags.has('P')) yield* output(sh, 'bind', list(editor, flags.has('p') ? 'p' : 'P'));
  if (flags.has('v') || flags.has('V'))
    yield* output(
      sh,
      'bind',
      SETTINGS.map(([n, value]) => {
        const now = editor.settings.get(n) ?? value;
        return flags.has('v') ? `set ${n} ${now}\n` : `${n} is set to \`${now}'\n`;
      }).join(''),
    );
  if (flags.has('s') || flags.has('S'))
    yield* output(
      sh,
      'bind',
      [...editor.bound].flatMap(([k, b]) => ('macro' in b ? [`"${shownSequence(k)}": "${shownSequence(b.macro)}"\n`] : [])).join(''),
    );
  const query = flags.get('q');
  if (query !== undefined) {
    if (!names().includes(query)) {
      yield* complain(sh, 'bind', `\`${query}': unknown function name`);
      return 1;
    }
    const keys = keysOf(editor, query);
    yield* output(
      sh,
      'bind',
      keys.length === 0
        ? `${query} is not bound to any keys.\n`
        : `${query} can be invoked via ${keys
            .slice(0, 5)
            .map((k) => `"${k}"`)
            .join(', ')}${keys.length > 5 ? ', ...' : ''}.\n`,
    );
    return keys.length === 0 ? 1 : 0;
  }
  const removed = flags.get('r');
  if (removed !== undefined) editor.bound.set(keySequence(removed), { macro: '' });
  const unbound = flags.get('u');
  if (unbound !== undefined) {
    if (!names().includes(unbound)) {
      yield* complain(sh, 'bind', `\`${unbound}': unknown function name`);
      return 1;
    }
    for (const k of keysOf(editor, unbound)) editor.bound.set(keySequence(k), { macro: '' });
  }
  const file = flags.get('f');
  if (file !== undefined) {
    const text = sh.p.readText(file);
    if (text === null) {
      yield* complain(sh, 'bind', `${file}: cannot read: No such file or directory`);
      return 1;
    }
    for (const line of text.split('\n')) if (/^\s*[^#$\s]/.test(line)) yield* one(sh, editor, line);
  }
  let status = 0;
  for (const word of o.rest) if ((yield* one(sh, editor, word)) !== 0) status = 1;
  return status;
}

export const bindBuiltins: readonly (readonly [string, Builtin])[] = [['bind', bind]];
