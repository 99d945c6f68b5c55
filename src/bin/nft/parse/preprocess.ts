/** Includes and variables, worked off before the grammar sees the tokens. Models include and define of nftables/src/parser_bison.y and scanner.l */

import { type Loc, NftError, type Source, sourceOf, type Token, tokens } from '../lexer.ts';

export interface Files {
  /** Null: there is no such file. */
  read(path: string): string | null;
  /** Names in a directory, sorted. */
  list(path: string): readonly string[];
  /** Directories of -I and the default. */
  readonly include: readonly string[];
}

const MAX_DEPTH = 16;
const MAX_TOKENS = 4_000_000;

/** Places where a statement may begin. */
function begins(previous: Token | undefined): boolean {
  return (
    previous === undefined ||
    previous.kind === 'newline' ||
    (previous.kind === 'punct' && (previous.text === ';' || previous.text === '{' || previous.text === '}'))
  );
}

function pattern(name: string): RegExp | null {
  if (!/[*?[]/.test(name)) return null;
  const re = name
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]');
  return new RegExp(`^${re}$`);
}

function filesOf(name: string, from: Source, files: Files): readonly string[] | null {
  const dirs = name.startsWith('/') ? [''] : name.startsWith('.') ? [dirname(from.name ?? './x')] : [...files.include, ''];
  void from;
  for (const dir of name.startsWith('.') ? [''] : dirs) {
    const path = dir === '' ? name : `${dir}/${name}`;
    const base = path.slice(path.lastIndexOf('/') + 1);
    const re = pattern(base);
    if (re) {
      const folder = path.slice(0, Math.max(0, path.lastIndexOf('/'))) || '.';
      const found = files.list(folder).filter((n) => re.test(n) && !n.startsWith('.'));
      return found.map((n) => `${folder}/${n}`);
    }
    if (files.read(path) !== null) return [path];
  }
  return pattern(name) ? [] : null;
}

const dirname = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/'))) || '.';

export class Variables {
  private readonly values = new Map<string, readonly Token[]>();

  set(name: string, value: readonly Token[]): void {
    this.values.set(name, value);
  }

  get(name: string): readonly Token[] | null {
    return this.values.get(name) ?? null;
  }

  delete(name: string): boolean {
    return this.values.delete(name);
  }
}

/** The tokens with included files in their place and variables replaced by what they stand for. */
export function preprocess(source: Source, files: Files, vars = new Variables(), depth = 0): Token[] {
  const input = tokens(source);
  const out: Token[] = [];
  for (let i = 0; i < input.length; i++) {
    const t = input[i] as Token;
    if (out.length > MAX_TOKENS) throw new NftError('too much input', t);
    if (t.kind === 'string' && begins(out[out.length - 1])) {
      if (t.text === 'include' && input[i + 1]?.kind === 'quoted') {
        const name = input[i + 1] as Token;
        out.push(...include(name, source, files, vars, depth, { line: t.line, from: t.from, to: name.to + 1 }));
        i++;
        continue;
      }
      if ((t.text === 'define' || t.text === 'redefine') && input[i + 2]?.text === '=') {
        const name = input[i + 1] as Token;
        const end = valueEnd(input, i + 3);
        if (t.text === 'define' && vars.get(name.text)) throw new NftError(`redefinition of symbol '${name.text}'`, name);
        if (end === i + 3) throw new NftError('syntax error, unexpected newline', input[end] as Token);
        vars.set(name.text, substitute(input.slice(i + 3, end), vars));
        i = end - 1;
        continue;
      }
      if (t.text === 'undefine') {
        const name = input[i + 1] as Token;
        vars.delete(name.text);
        i++;
        continue;
      }
    }
    if (t.kind === 'punct' && t.text === '$' && input[i + 1]?.kind === 'string') {
      out.push(...substitute(input.slice(i, i + 2), vars));
      i++;
      continue;
    }
    out.push(t);
  }
  return out;
}

/** Where the value of a definition ends: braces may span lines. */
function valueEnd(input: readonly Token[], from: number): number {
  let depth = 0;
  for (let i = from; i < input.length; i++) {
    const t = input[i] as Token;
    if (t.kind === 'end') return i;
    if (t.kind === 'punct' && t.text === '{') depth++;
    if (t.kind === 'punct' && t.text === '}') depth--;
    if (depth === 0 && (t.kind === 'newline' || (t.kind === 'punct' && t.text === ';'))) return i;
  }
  return input.length - 1;
}

function substitute(list: readonly Token[], vars: Variables): Token[] {
  const out: Token[] = [];
  for (let i = 0; i < list.length; i++) {
    const t = list[i] as Token;
    const name = list[i + 1];
    if (t.kind !== 'punct' || t.text !== '$' || name?.kind !== 'string') {
      out.push(t);
      continue;
    }
    const value = vars.get(name.text);
    if (!value) throw new NftError(`unknown identifier '${name.text}'`, name);
    for (const v of value) out.push({ ...v, line: t.line, from: t.from, to: name.to, source: t.source });
    i++;
  }
  return out;
}

function include(name: Token, source: Source, files: Files, vars: Variables, depth: number, loc: Loc): Token[] {
  const found = filesOf(name.text, source, files);
  if (!found) throw new NftError(`File not found: ${name.text}`, { ...loc, source });
  if (depth >= MAX_DEPTH) throw new NftError('Include nested too deeply, max 16 levels', { ...loc, source });
  const out: Token[] = [];
  for (const path of found) {
    const text = files.read(path);
    if (text === null) throw new NftError(`File not found: ${path}`, { ...loc, source });
    const inner = preprocess(sourceOf(text, path, { source, loc }), files, vars, depth + 1);
    out.push(...inner.filter((t) => t.kind !== 'end'));
    const last = inner[inner.length - 1] as Token;
    out.push({ ...last, kind: 'newline', text: '\n' });
  }
  return out;
}
