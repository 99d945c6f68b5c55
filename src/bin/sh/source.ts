/** Shell source text parsed: trees that know the text they index, and syntax errors in bash's words. */

import { forEachChild, type ParsedScript, parse, type Statement, type SyntaxNode, type Word, type WordPart } from 'unbash';
import { Source } from './text.ts';

export interface SyntaxFault {
  line: number;
  /** As after `bash: -c: line 1: `. */
  message: string;
  /** The line that holds the unexpected token, when there is one. */
  shown?: string;
  /** More input may mend it. */
  incomplete: boolean;
  /** Statements that end before this offset are sound and run first. */
  pos: number;
}

export interface Parsed {
  source: Source;
  statements: readonly Statement[];
  fault: SyntaxFault | null;
}

/** Trees by their text, which nothing changes: a script is run again, and a loop comes round. */
class Trees<T> {
  private readonly trees = new Map<string, T>();

  of(text: string, parsed: () => T): T {
    if (text.length > MAX_TEXT) return parsed();
    const known = this.trees.get(text);
    if (known !== undefined) return known;
    const tree = parsed();
    if (this.trees.size >= MAX_TREES) this.trees.clear();
    this.trees.set(text, tree);
    return tree;
  }
}

const MAX_TREES = 128;
const MAX_TEXT = 8192;

const scripts = new Trees<Parsed>();

export function parseSource(text: string, firstLine = 1): Parsed {
  return scripts.of(`${firstLine} ${text}`, () => parseAnew(text, firstLine));
}

function parseAnew(text: string, firstLine: number): Parsed {
  const source = new Source(text, firstLine);
  const script = parse(text);
  const fault = script.errors && script.errors.length > 0 ? faultOf(source, script) : swallowed(source, script);
  if (!fault) return { source, statements: script.commands, fault };
  const lineStart = text.lastIndexOf('\n', Math.max(0, fault.pos - 1)) + 1;
  return { source, statements: script.commands.filter((s) => s.end < lineStart), fault };
}

/** The parser passes over a `(` after a command word without a word of complaint. */
function swallowed(source: Source, script: ParsedScript): SyntaxFault | null {
  const { commands } = script;
  for (let i = 0; i < commands.length; i++) {
    const s = commands[i] as Statement;
    const gap = source.text.slice(s.end, commands[i + 1]?.pos ?? source.text.length);
    if (!/^[ \t]*\(/.test(gap) || source.text.slice(s.pos, s.end).includes('<<')) continue;
    const at = s.end + gap.indexOf('(') + 1;
    const token = /^[ \t]*(\n|$|[^\s;&|()<>]+|.)/.exec(source.text.slice(at))?.[1] ?? '';
    return near(source, token === '' || token === '\n' ? 'newline' : token, at - 1);
  }
  return null;
}

const TOKEN = /^(?:\s|\\\n)*?(\n|&&|\|\||;;&|;;|;&|&>>|<<<|<<-|<<|>>|&>|>&|<&|<>|>\||\|&|[;&|()<>]|[^\s;&|()<>]+)/;

function faultOf(source: Source, script: ParsedScript): SyntaxFault {
  const { text } = source;
  const errors = [...(script.errors ?? [])].sort((a, b) => a.pos - b.pos);
  const unterminated = errors.find((e) => e.message.startsWith('unterminated'));
  const lines = text.replace(/\n$/, '').split('\n').length;
  if (unterminated) {
    const closer = closerOf(unterminated.message, text, unterminated.pos);
    return {
      line: source.line(unterminated.pos),
      message: `unexpected EOF while looking for matching \`${closer}'`,
      incomplete: true,
      pos: unterminated.pos,
    };
  }
  // An empty group is told of at its opening bracket; what is wrong stands after it.
  const empty = (e: { message: string }): boolean => e.message.startsWith('expected command in');
  const first = errors.find((e) => !empty(e)) ?? { message: '', pos: (errors[0] as { pos: number }).pos + 1 };
  const rest = text.slice(first.pos).replace(/^(?:[ \t]|\\\n|#[^\n]*)+/, '');
  if (rest.trim() === '') {
    const named = /^unexpected token '(.*)'$/.exec(first.message)?.[1];
    if (!named) {
      if (first.message === 'expected redirect target' || /(?:^|[\s;&|(])(?:for|case|select|function)$/.test(text.trimEnd()))
        return near(source, 'newline', first.pos);
      return {
        line: source.firstLine + lines,
        message: 'syntax error: unexpected end of file',
        incomplete: true,
        pos: statementStart(script, first.pos),
      };
    }
    return near(source, named, first.pos);
  }
  const token = TOKEN.exec(rest)?.[1] ?? rest;
  return near(source, token === '\n' ? 'newline' : token, first.pos);
}

/** Start of the statement that the error is in, so that sound ones before it still run. */
function statementStart(script: ParsedScript, pos: number): number {
  let start = pos;
  for (const s of script.commands) if (s.pos <= pos) start = s.pos;
  return start;
}

function near(source: Source, token: string, pos: number): SyntaxFault {
  const line = source.line(Math.min(pos, Math.max(0, source.text.length - 1)));
  return { line, message: `syntax error near unexpected token \`${token}'`, shown: source.lineText(line), incomplete: false, pos };
}

function closerOf(message: string, text: string, pos: number): string {
  if (message.includes('single') || message.includes('ANSI')) return "'";
  if (message.includes('double') || message.includes('locale')) return '"';
  if (message.includes('backtick') || text[pos] === '`') return '`';
  if (message.includes('brace') || message.includes('parameter')) return '}';
  if (message.includes('bracket')) return ']';
  return ')';
}

// ---- words made of text at run time

const sources = new WeakMap<object, Source>();

/** The text that a nested script's positions index, when it is not the text around it. */
export function sourceOf(script: ParsedScript, around: Source): Source {
  const own = sources.get(script);
  if (own) return own;
  if (script.source !== undefined) {
    const made = new Source(script.source, around.firstLine);
    sources.set(script, made);
    return made;
  }
  return around;
}

function adopt(node: SyntaxNode, source: Source): void {
  if (node.type === 'Script') sources.set(node, source);
  if ('script' in node && node.script) sources.set(node.script, source);
  forEachChild(node, (child) => adopt(child, source));
}

/** A word read from text, e.g. one result of a brace expansion. */
export function wordFromText(text: string): Word {
  const all = `: ${text}`;
  const script = parse(all);
  const command = script.commands[0]?.command;
  const word = command?.type === 'Command' ? command.suffix[0] : undefined;
  if (word?.type !== 'Word' || script.commands.length !== 1)
    return {
      type: 'Word',
      pos: 0,
      end: text.length,
      text,
      value: text,
      parts: [{ type: 'SingleQuoted', pos: 0, end: 0, text, value: text }],
    };
  adopt(word, new Source(all));
  return word;
}

/** Parts of text that is read as if it stood in double quotes: arithmetic, here-documents, prompts. */
export const quotedParts = (text: string): readonly WordPart[] => quoted.of(text, () => quotedAnew(text));

const quoted = new Trees<readonly WordPart[]>();

function quotedAnew(text: string): readonly WordPart[] {
  const end = 'HERE_END_7f3a';
  const all = `: <<${end}\n${text}\n${end}\n`;
  const script = parse(all);
  const command = script.commands[0]?.command;
  const doc = command?.type === 'Command' ? command.suffix[0] : undefined;
  if (doc?.type !== 'HereDoc') return [];
  const parts = doc.body.parts;
  if (!parts) {
    const value = text.replace(/\\([\\$`\n])/g, (_, c: string) => (c === '\n' ? '' : c));
    return [{ type: 'SingleQuoted', pos: 0, end: 0, text, value }];
  }
  const source = new Source(all);
  for (const part of parts) adopt(part, source);
  return parts;
}
