/** Tab completion: commands, files, variables, users, hosts, and what tools register for their own arguments. Models bashline.c and bash-completion */

import type { Task } from '../../os/program.ts';
import { builtins } from './builtins/index.ts';
import { KEYWORDS } from './builtins/lookup.ts';
import { askProgram, completesItself } from './complete-program.ts';
import { ownWords } from './complete-words.ts';
import { tildeHome } from './expand.ts';
import type { Completion, CompletionKind } from './line/types.ts';
import { type Place, placeOf } from './place.ts';
import type { Shell } from './state.ts';

export interface Offer {
  readonly words?: readonly string[];
  /** As they are listed, in the order of `words`. */
  readonly shown?: readonly string[];
  /** File names besides. */
  readonly files?: 'all' | 'dir';
  /** ' ' when not given. */
  readonly suffix?: string;
  /** A command and its arguments stand here, beginning with this one of the words. */
  readonly command?: number;
  /** Keep the order of `words`. */
  readonly ordered?: boolean;
}

export interface Asked {
  readonly sh: Shell;
  /** Name of the command first, the word at the cursor last. */
  readonly words: readonly string[];
  readonly current: string;
  readonly previous: string;
}

/** What may stand at the cursor; null leaves it to options from --help and to file names. */
export type Completer = (at: Asked) => Offer | readonly string[] | null | Task<Offer | readonly string[] | null>;

/** By command name; a tool's room adds its own. */
export const completers = new Map<string, Completer>();

/** What no tool of its own knows: options from usage texts, programs that complete themselves. */
export const fallbacks: Completer[] = [];

const NOTHING: Completion = { start: 0, candidates: [], shown: [], suffix: '' };

/** As the word is to stand in the line, by the quote that is open. */
function quoted(text: string, quote: Place['quote']): string {
  if (quote === "'") return text.replace(/'/g, "'\\''");
  if (quote === '"') return text.replace(/["\\$`]/g, '\\$&');
  return text.replace(/[ \t\n\\'"$&;|<>()*?[\]`!:={}]/g, '\\$&').replace(/^#/, '\\#');
}

/** Candidates behind `start`, an index into the line. */
function offer(
  at: Place,
  start: number,
  words: readonly string[],
  o: { shown?: readonly string[]; suffix?: string; escape?: boolean },
): Completion {
  const single = words.length === 1;
  const suffix = o.suffix ?? ' ';
  const close = single && at.quote !== '' && !suffix.startsWith('/') ? at.quote : '';
  return {
    start,
    candidates: words.map((w) => (o.escape ? quoted(w, at.quote) : w)),
    shown: o.shown ?? words,
    suffix: close + suffix,
  };
}

export function* completeLine(sh: Shell, line: string, cursor: number, kind: CompletionKind = 'any'): Task<Completion> {
  const before = line.slice(0, cursor);
  const at = placeOf(before);
  const { current } = at;
  const start = current.start + (at.quote !== '' && before[current.start] === at.quote ? 1 : 0);
  if (kind === 'command') return offer(at, start, commandNames(sh, current.value), {});
  if (kind === 'hostname') return named(at, start, hostNames(sh), current.value.replace(/^@/, ''));
  if (kind === 'username') return named(at, start, userNames(sh), current.value.replace(/^~/, ''));
  if (kind === 'filename' || kind === 'glob') return files(sh, at, before, start, kind === 'glob' ? 'glob' : 'all');
  const variable = at.quote === "'" ? null : /\$(\{?)([A-Za-z_]\w*)?$/.exec(before);
  if (variable && !/(^|[^\\])(\\\\)*\\$/.test(before.slice(0, variable.index))) return variables(sh, at, variable, before.length);
  if (kind === 'variable') return named(at, start, sh.vars.names(), current.value);
  const user = /^~([\w-]*)$/.exec(current.value);
  if (user && at.quote === '') {
    const names = userNames(sh)
      .filter((n) => n.startsWith(user[1] as string))
      .map((n) => `~${n}`);
    if (names.length > 0) return offer(at, start, names, { suffix: '/' });
  }
  if (at.redirect) return files(sh, at, before, start, 'all');
  if (at.words.length === 0) {
    if (/^[A-Za-z_]\w*\+?=/.test(current.value)) return files(sh, at, before, start, 'all');
    if (current.value.includes('/')) return files(sh, at, before, start, 'exec');
    return offer(at, start, commandNames(sh, current.value), {});
  }
  return yield* ofTool(sh, at, before, start, [...at.words.map((w) => w.value), current.value], 0);
}

/** Words that a command takes, found by asking whoever knows it; a command within a command is asked in its turn. */
function* ofTool(sh: Shell, at: Place, before: string, start: number, given: readonly string[], depth: number): Task<Completion> {
  const alias = sh.aliases.get(given[0] as string);
  const words = alias && depth < 8 ? [...alias.trim().split(/\s+/), ...given.slice(1)] : given;
  const name = (words[0] as string).replace(/^.*\//, '');
  let current = words[words.length - 1] as string;
  let from = start;
  let previous = words[words.length - 2] as string;
  const own = completers.get(name) ?? ownWords.get(name);
  const inner = words.indexOf('--');
  if (name === 'kubectl' && inner > 0 && inner < words.length - 1 && words.includes('exec')) {
    if (inner === words.length - 2) return offer(at, from, commandNames(sh, current), {});
    return depth < 8 ? yield* ofTool(sh, at, before, from, words.slice(inner + 1), depth + 1) : NOTHING;
  }
  if (!own && completesItself(sh, name)) {
    const told = yield* askProgram(sh, words);
    const picked = told.words.map((w, i) => [w, told.shown[i] as string] as const).filter(([w]) => w.startsWith(current));
    if (picked.length === 0) return told.files ? files(sh, at, before, start, told.files) : NOTHING;
    return withShown(
      offer(
        at,
        start,
        picked.map(([w]) => w),
        { suffix: told.suffix },
      ),
      picked.map(([, s]) => s),
    );
  }
  // --option=value: what is behind the = is a word.
  const assigned = /^(--[\w-]+)=/.exec(current);
  if (assigned) {
    const raw = before.slice(start).indexOf('=');
    from = start + raw + 1;
    previous = assigned[1] as string;
    current = current.slice(assigned[0].length);
  }
  const asked: Asked = { sh, words: [...words.slice(0, -1), current], current, previous };
  for (const completer of own ? [own, ...fallbacks] : fallbacks) {
    const answer = completer(asked);
    const said = answer && typeof answer === 'object' && 'next' in answer ? yield* answer : answer;
    if (said === null) continue;
    const o: Offer = Array.isArray(said) ? { words: said } : (said as Offer);
    if (o.command !== undefined) {
      const inner = words.slice(o.command);
      if (inner.length <= 1) {
        if (current.includes('/')) return files(sh, at, before, from, 'exec');
        return offer(at, from, commandNames(sh, current), {});
      }
      return depth < 8 ? yield* ofTool(sh, at, before, from, inner, depth + 1) : NOTHING;
    }
    const all = o.words ?? [];
    const picked = [...new Set(all)].filter((w) => w.startsWith(current));
    if (!o.ordered) picked.sort();
    const shown = o.shown ? picked.map((w) => o.shown?.[all.indexOf(w)] ?? w) : picked;
    if (picked.length > 0 && !(o.files && picked.length === 0)) {
      if (!o.files) return withShown(offer(at, from, picked, { suffix: o.suffix ?? ' ' }), shown);
      const more = files(sh, at, before, from, o.files);
      if (more.candidates.length === 0) return withShown(offer(at, from, picked, { suffix: o.suffix ?? ' ' }), shown);
      return { ...more, candidates: [...picked, ...more.candidates], shown: [...shown, ...more.shown], suffix: ' ' };
    }
    if (o.files) return files(sh, at, before, from, o.files);
    // Known, and nothing fits: what bash's "-o default" makes of it is a file name, unless the tool takes none.
    return NOTHING;
  }
  return files(sh, at, before, from, 'all');
}

function withShown(c: Completion, shown: readonly string[]): Completion {
  return { ...c, shown };
}

function named(at: Place, start: number, names: readonly string[], prefix: string): Completion {
  return offer(at, start, [...new Set(names)].filter((n) => n.startsWith(prefix)).sort(), {});
}

function variables(sh: Shell, at: Place, m: RegExpExecArray, end: number): Completion {
  const prefix = m[2] ?? '';
  const names = sh.vars
    .names()
    .filter((n) => n.startsWith(prefix))
    .sort();
  const dollar = `$${m[1] ?? ''}`;
  const only = names.length === 1 ? sh.vars.get(names[0] as string) : undefined;
  const isDir = only !== undefined && only !== '' && kindOf(sh, only) === 'dir';
  const suffix = `${m[1] ? '}' : ''}${isDir ? '/' : ' '}`;
  return {
    ...offer(
      at,
      end - m[0].length,
      names.map((n) => dollar + n),
      { suffix },
    ),
    shown: names.map((n) => `$${m[1] ?? ''}${n}${m[1] ? '}' : ''}`),
  };
}

export function commandNames(sh: Shell, prefix: string): string[] {
  const names = new Set<string>();
  const add = (n: string): void => {
    if (n.startsWith(prefix)) names.add(n);
  };
  for (const n of KEYWORDS) add(n);
  for (const n of builtins.keys()) add(n);
  for (const n of sh.functions.keys()) add(n);
  for (const n of sh.aliases.keys()) add(n);
  for (const dir of (sh.vars.get('PATH') ?? '').split(':')) {
    const r = sh.p.readdir(dir);
    if (r.ok) for (const n of r.value) add(n);
  }
  return [...names].sort();
}

export function userNames(sh: Shell): string[] {
  return sh.p.machine.users(sh.p).map((u) => u.name);
}

/** Names of /etc/hosts. */
export function hostNames(sh: Shell): string[] {
  const text = sh.p.readText('/etc/hosts') ?? '';
  return text.split('\n').flatMap((l) => l.replace(/#.*/, '').trim().split(/\s+/).slice(1));
}

function kindOf(sh: Shell, path: string): string | null {
  const s = sh.p.stat(path);
  return s.ok ? s.value.kind : null;
}

function files(sh: Shell, at: Place, before: string, start: number, wanted: 'all' | 'dir' | 'exec' | 'glob'): Completion {
  let from = start;
  let word = placeOf(before.slice(start)).current.value;
  if (at.quote !== '') word = before.slice(start).replace(/\\(.)/g, '$1');
  else {
    // = and : begin a word of their own, as in PATH=/a:/b.
    const raw = before.slice(start);
    const cut = /^(?:\\.|[^\\])*[=:]/.exec(raw)?.[0];
    if (cut) {
      from = start + cut.length;
      word = placeOf(before.slice(from)).current.value;
    }
  }
  const slash = word.lastIndexOf('/');
  const dir = word.slice(0, slash + 1);
  const prefix = word.slice(slash + 1);
  const tilde = at.quote === '' ? /^~([\w.-]*)\//.exec(dir) : null;
  const home = tilde ? tildeHome(sh, tilde[1] as string) : null;
  const real = home !== null && tilde ? `${home}/${dir.slice(tilde[0].length)}` : dir;
  const r = sh.p.readdir(real === '' ? '.' : real);
  const listed = r.ok ? [...(prefix.startsWith('.') ? ['.', '..'] : []), ...r.value] : [];
  const matches = wanted === 'glob' ? globber(prefix) : (n: string) => n.startsWith(prefix);
  const names = listed.filter(matches).sort();
  const isDir = (n: string): boolean => kindOf(sh, real + n) === 'dir';
  const kept =
    wanted === 'dir'
      ? names.filter(isDir)
      : wanted === 'exec'
        ? names.filter((n) => isDir(n) || sh.p.canRun([real === '' ? `./${n}` : real + n], sh.vars.exported()).ok)
        : names;
  const single = kept.length === 1 && isDir(kept[0] as string);
  return offer(
    at,
    from,
    kept.map((n) => (tilde ? dir + quoted(n, at.quote) : quoted(dir + n, at.quote))),
    { shown: kept.map((n) => (isDir(n) ? `${n}/` : n)), suffix: single ? '/' : ' ' },
  );
}

function globber(prefix: string): (name: string) => boolean {
  const source = prefix
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const re = new RegExp(`^${source}${/[*?[]/.test(prefix) ? '' : '.*'}$`);
  return (n) => re.test(n) && (prefix.startsWith('.') || !n.startsWith('.'));
}
