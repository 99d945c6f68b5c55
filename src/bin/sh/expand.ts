/** Word expansion: braces, tilde, parameters, commands, arithmetic, splitting, file names, quote removal. Models subst.c of bash */

import type { Assignment, CommandArgument, DoubleQuotedChild, ParsedScript, Redirection, Word, WordPart } from 'unbash';
import type { Task } from '../../os/process.ts';
import { arithmetic } from './arithmetic.ts';
import { braceExpand } from './brace.ts';
import { type GlobOptions, glob } from './glob.ts';
import { expandParameter } from './parameter.ts';
import { hasMagic, type Piece } from './pattern.ts';
import { quotedParts, wordFromText } from './source.ts';
import { Abandon, type Shell } from './state.ts';
import { commandSubstitution, processSubstitution } from './substitution.ts';

/** Part of an expanded word. `split`: came from an unquoted expansion and is cut at IFS. A break parts two fields ("$@"). */
export interface Seg {
  text: string;
  quoted: boolean;
  split: boolean;
  brk?: boolean;
}

export const BREAK: Seg = { text: '', quoted: false, split: false, brk: true };

export type ExpandedCommand = { words: string[]; redirects: readonly Redirection[] };

const braced = new WeakMap<Word, readonly Word[]>();

/** The words that brace expansion makes of one. */
function braceWords(sh: Shell, word: Word): readonly Word[] {
  if (!word.text.includes('{') || !sh.on('braceexpand')) return [word];
  let words = braced.get(word);
  if (!words) {
    const texts = braceExpand(word.text);
    words = texts.length === 1 && texts[0] === word.text ? [word] : texts.filter((t) => t !== '').map(wordFromText);
    braced.set(word, words);
  }
  return words;
}

/** Words to fields, with everything: what a command's arguments get. */
export function* expandWords(sh: Shell, words: Iterable<Word>): Task<string[]> {
  const out: string[] = [];
  for (const word of words) {
    // Plain words are the common case.
    if (!word.parts && word.text === word.value && !/[{~\\]/.test(word.text)) {
      out.push(word.text);
      continue;
    }
    for (const w of braceWords(sh, word)) {
      const fields = splitFields(sh, yield* wordSegs(sh, w, 'word'));
      for (const field of fields) out.push(...(yield* pathnames(sh, field)));
    }
  }
  return out;
}

/** One string: no splitting, no file names (assignments, case words, here-strings). */
export function* expandString(sh: Shell, word: Word, mode: 'word' | 'assign' | 'none' = 'none'): Task<string> {
  if (!word.parts && word.text === word.value && !/[~\\]/.test(word.text)) return word.text;
  return joinSegs(yield* wordSegs(sh, word, mode));
}

/** A pattern: quoted parts match themselves. */
export function* expandPattern(sh: Shell, word: Word): Task<Piece[]> {
  const segs = yield* wordSegs(sh, word, 'none');
  return segs.map((s) => (s.brk ? { text: ' ', quoted: true } : { text: s.text, quoted: s.quoted }));
}

/** Text as if in double quotes: here-documents, arithmetic, PS1. */
export function* expandQuotedText(sh: Shell, text: string): Task<string> {
  if (!/[$`\\]/.test(text)) return text;
  return joinSegs(yield* partsSegs(sh, textParts(text), true));
}

const quotedCache = new Map<string, readonly WordPart[]>();

function textParts(text: string): readonly WordPart[] {
  let parts = quotedCache.get(text);
  if (!parts) {
    parts = dropLastNewline(quotedParts(text));
    if (quotedCache.size > 300) quotedCache.clear();
    quotedCache.set(text, parts);
  }
  return parts;
}

/** The parser's here-document adds the newline before its end mark. */
function dropLastNewline(parts: readonly WordPart[]): readonly WordPart[] {
  const last = parts[parts.length - 1];
  if (last?.type !== 'Literal' || !last.value.endsWith('\n')) return parts;
  return [...parts.slice(0, -1), { ...last, value: last.value.slice(0, -1), text: last.text.slice(0, -1) }];
}

export function joinSegs(segs: readonly Seg[]): string {
  let out = '';
  for (const s of segs) out += s.brk ? ' ' : s.text;
  return out;
}

/** Where a tilde counts: at the start of a word, after `=` and `:` of an assignment, or nowhere. */
export function* wordSegs(sh: Shell, word: Word, mode: 'word' | 'assign' | 'none' | 'quoted'): Task<Seg[]> {
  if (mode === 'quoted') {
    if (word.parts) return yield* partsSegs(sh, word.parts, true);
    return [{ text: word.text.replace(/\\([\\$`"\n])/g, (_, c: string) => (c === '\n' ? '' : c)), quoted: true, split: false }];
  }
  const parts = word.parts;
  if (!parts) return bareSegs(tilde(sh, word.text, mode, true), false);
  const out: Seg[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as WordPart;
    if (part.type === 'Literal') {
      const closed = i === parts.length - 1 || part.text.includes('/');
      out.push(...bareSegs(i === 0 || mode === 'assign' ? tilde(sh, part.text, i === 0 ? mode : 'none', closed) : part.text, false));
    } else out.push(...(yield* partSegs(sh, part, false)));
  }
  return out;
}

/** Replaces tilde prefixes in unquoted text by quoted text: marked with \0 on both sides for bareSegs. */
function tilde(sh: Shell, text: string, mode: 'word' | 'assign' | 'none', closed: boolean): string {
  if (mode === 'none' || !text.includes('~')) return text;
  const expand = (whole: string): string => {
    const m = /^~([A-Za-z_][\w.-]*|[+-])?(?=\/|$)/.exec(whole);
    if (!m || (!closed && m[0].length === whole.length)) return whole;
    const home = tildeHome(sh, m[1] ?? '');
    return home === null ? whole : `\0${home}\0${whole.slice(m[0].length)}`;
  };
  if (mode === 'word') {
    const assigned = /^[A-Za-z_]\w*=/.exec(text);
    if (assigned) return assigned[0] + text.slice(assigned[0].length).split(':').map(expand).join(':');
    return text.startsWith('~') ? expand(text) : text;
  }
  return text.split(':').map(expand).join(':');
}

export function tildeHome(sh: Shell, name: string): string | null {
  if (name === '') return sh.vars.get('HOME') ?? sh.p.machine.users(sh.p).find((u) => u.uid === sh.p.uid)?.home ?? '/';
  if (name === '+') return sh.p.cwd;
  if (name === '-') return sh.vars.get('OLDPWD') ?? null;
  return sh.p.machine.users(sh.p).find((u) => u.name === name)?.home ?? null;
}

/** Unquoted literal text: backslashes quote the next character. */
function bareSegs(text: string, split: boolean): Seg[] {
  if (!text.includes('\\') && !text.includes('\0')) return [{ text, quoted: false, split }];
  const out: Seg[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '') out.push({ text: plain, quoted: false, split });
    plain = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '\0') {
      const end = text.indexOf('\0', i + 1);
      flush();
      out.push({ text: text.slice(i + 1, end), quoted: true, split: false });
      i = end;
    } else if (c === '\\' && i + 1 < text.length) {
      flush();
      i++;
      if (text[i] !== '\n') out.push({ text: text[i] as string, quoted: true, split: false });
    } else plain += c;
  }
  flush();
  return out;
}

export function* partsSegs(sh: Shell, parts: readonly (WordPart | DoubleQuotedChild)[], quoted: boolean): Task<Seg[]> {
  const out: Seg[] = [];
  for (const part of parts) out.push(...(yield* partSegs(sh, part, quoted)));
  return out;
}

function* partSegs(sh: Shell, part: WordPart | DoubleQuotedChild, quoted: boolean): Task<Seg[]> {
  switch (part.type) {
    case 'Literal':
      return quoted ? [{ text: part.value, quoted: true, split: false }] : bareSegs(part.text, false);
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return [{ text: part.value, quoted: true, split: false }];
    case 'DoubleQuoted':
    case 'LocaleString': {
      const segs = yield* partsSegs(sh, part.parts, true);
      const onlyEmptyList = segs.length === 0 && part.parts.length > 0;
      return onlyEmptyList ? [] : [{ text: '', quoted: true, split: false }, ...segs];
    }
    case 'SimpleExpansion':
    case 'ParameterExpansion':
      return yield* expandParameter(sh, part, quoted);
    case 'CommandExpansion': {
      const text = yield* commandSubstitution(sh, part.script as ParsedScript | undefined, part.text);
      return [{ text, quoted, split: !quoted }];
    }
    case 'ArithmeticExpansion': {
      const inner = part.text.startsWith('$[') ? part.text.slice(2, -1) : part.text.slice(3, -2);
      const value = yield* arithmetic(sh, inner);
      return [{ text: String(value), quoted, split: !quoted }];
    }
    case 'ProcessSubstitution': {
      const path = yield* processSubstitution(sh, part.operator, part.script as ParsedScript | undefined);
      return [{ text: path, quoted: true, split: false }];
    }
    case 'Glob': {
      if (part.kind !== 'bracket') return [{ text: part.text, quoted: false, split: false }];
      const inner = yield* partsSegs(sh, part.parts, false);
      return [
        { text: '[', quoted: false, split: false },
        ...inner.map((s) => ({ ...s, split: false })),
        { text: ']', quoted: false, split: false },
      ];
    }
    case 'ExtendedGlob': {
      const inner: Seg[] = part.parts ? yield* partsSegs(sh, part.parts, false) : bareSegs(part.pattern, false);
      return [
        { text: `${part.operator}(`, quoted: false, split: false },
        ...inner.map((s) => ({ ...s, split: false })),
        { text: ')', quoted: false, split: false },
      ];
    }
    case 'BraceExpansion':
      return part.parts ? yield* partsSegs(sh, part.parts, quoted) : bareSegs(part.text, false);
  }
}

/** Cuts at IFS what came from unquoted expansions. */
export function splitFields(sh: Shell, segs: readonly Seg[]): Piece[][] {
  const ifs = sh.ifs;
  const out: Piece[][] = [];
  let cur: Piece[] | null = null;
  let afterSpace = false;
  const end = (): void => {
    if (cur) out.push(cur);
    cur = null;
  };
  const add = (text: string, quoted: boolean): void => {
    cur ??= [];
    cur.push({ text, quoted });
  };
  for (const s of segs) {
    if (s.brk) {
      end();
      afterSpace = false;
      continue;
    }
    if (!s.split || s.quoted) {
      if (s.text !== '' || s.quoted) add(s.text, s.quoted);
      afterSpace = false;
      continue;
    }
    let plain = '';
    for (const c of s.text) {
      if (!ifs.includes(c)) {
        plain += c;
        afterSpace = false;
        continue;
      }
      if (plain !== '') add(plain, false);
      plain = '';
      if (c === ' ' || c === '\t' || c === '\n') {
        if (cur) {
          end();
          afterSpace = true;
        }
      } else {
        if (cur) end();
        else if (!afterSpace) out.push([]);
        afterSpace = false;
      }
    }
    if (plain !== '') add(plain, false);
  }
  end();
  return out;
}

export function globOptions(sh: Shell): GlobOptions {
  return { extglob: sh.opt('extglob'), nocase: sh.opt('nocaseglob'), dotglob: sh.opt('dotglob'), globstar: sh.opt('globstar') };
}

function* pathnames(sh: Shell, field: readonly Piece[]): Task<string[]> {
  const text = field.map((p) => p.text).join('');
  if (sh.on('noglob')) return [text];
  const opts = globOptions(sh);
  if (!hasMagic(field, opts.extglob)) return [text];
  const found = glob(sh.p, field, opts);
  yield* sh.p.charge(10);
  if (found.length > 0) return found;
  if (sh.opt('failglob')) {
    yield* sh.warn(`no match: ${text}`);
    throw new Abandon(1);
  }
  return sh.opt('nullglob') ? [] : [text];
}

/** Arguments of a simple command; an assignment among them is a word unless a declaration builtin takes it. */
export function* expandArguments(sh: Shell, args: readonly CommandArgument[]): Task<string[]> {
  const out: string[] = [];
  for (const a of args) {
    if (a.type === 'Word') out.push(...(yield* expandWords(sh, [a])));
    else out.push(yield* assignmentText(sh, a));
  }
  return out;
}

/** NAME=VALUE as one word (env, export of a plain variable). */
export function* assignmentText(sh: Shell, a: Assignment): Task<string> {
  if (a.value.type === 'ArrayValue') return a.text;
  const index = a.index ? `[${yield* expandString(sh, a.index)}]` : '';
  return `${a.name}${index}${a.append ? '+' : ''}=${yield* expandString(sh, a.value, 'assign')}`;
}
