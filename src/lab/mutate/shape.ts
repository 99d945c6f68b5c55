/** What a bash script is made of, as far as breaking it on purpose needs: statements in their lists, operands, lines of words, loops. */

import { forEachChild, type HereDoc, parse, type Statement, type SyntaxNode } from 'unbash';

export interface Span {
  readonly pos: number;
  readonly end: number;
}

/** A statement with the documents that follow its line. */
export interface Unit extends Span {
  readonly background: boolean;
}

export interface Token extends Span {
  readonly text: string;
}

/** One command, or one line of a document: what an address or a port stands in. */
export interface Line extends Span {
  readonly text: string;
  readonly tokens: readonly Token[];
  /** Name of the command, also for lines of its documents. */
  readonly command: string;
  readonly document: boolean;
}

export interface Shape {
  /** Statements that follow each other with nothing but space between them. */
  readonly lists: readonly (readonly Unit[])[];
  /** What stands before or after && and ||. */
  readonly operands: readonly Span[];
  readonly lines: readonly Line[];
  /** The words that a `for` goes through. */
  readonly loops: readonly (readonly Span[])[];
}

/** Words in a text, quotes and brackets left out. */
export function tokensOf(text: string, from: number): Token[] {
  return [...text.matchAll(/[^\s'"`{}[\]();,|<>]+/g)].map((m) => ({
    pos: from + m.index,
    end: from + m.index + m[0].length,
    text: m[0],
  }));
}

function hereDocs(node: SyntaxNode): HereDoc[] {
  const found: HereDoc[] = [];
  const walk = (n: SyntaxNode): void => {
    if (n.type === 'HereDoc') found.push(n);
    else forEachChild(n, walk);
  };
  walk(node);
  return found.sort((a, b) => a.body.pos - b.body.pos);
}

/** The statement, its documents too when nothing else stands on its last line; null when they cannot be told apart. */
function unitOf(script: string, s: Statement): Unit | null {
  const background = s.background === true;
  let end = s.end;
  const tail = /^\s*&(?!&)/.exec(script.slice(end));
  if (background && tail && script[end - 1] !== '&') end += tail[0].length;
  const docs = hereDocs(s).filter((d) => d.body.pos >= s.end);
  const last = docs.at(-1);
  if (!last) return { pos: s.pos, end, background };
  return script[end] === '\n' && last.closing ? { pos: s.pos, end: last.closing.end, background } : null;
}

/** Null when bash would not read it either. */
export function shapeOf(script: string): Shape | null {
  const parsed = parse(script);
  if (parsed.errors && parsed.errors.length > 0) return null;
  const lists: Unit[][] = [];
  const operands: Span[] = [];
  const lines: Line[] = [];
  const loops: Span[][] = [];
  const walk = (n: SyntaxNode, command: string): void => {
    let within = command;
    if (n.type === 'Script' && n.source !== undefined) return;
    if (n.type === 'Script' || n.type === 'CompoundList') {
      const units: Unit[] = [];
      for (const s of n.commands) {
        const unit = unitOf(script, s);
        if (unit) units.push(unit);
      }
      lists.push(units);
    } else if (n.type === 'AndOr') operands.push(...n.commands.map(({ pos, end }) => ({ pos, end })));
    else if (n.type === 'For') loops.push((n.wordlist ?? []).map(({ pos, end }) => ({ pos, end })));
    else if (n.type === 'Command') {
      within = n.name?.text ?? '';
      const text = script.slice(n.pos, n.end);
      lines.push({ pos: n.pos, end: n.end, text, tokens: tokensOf(text, n.pos), command: within, document: false });
    } else if (n.type === 'HereDocBody') {
      let pos = n.pos;
      for (const text of script.slice(n.pos, n.end).split('\n')) {
        lines.push({ pos, end: pos + text.length, text, tokens: tokensOf(text, pos), command, document: true });
        pos += text.length + 1;
      }
    }
    forEachChild(n, (child) => walk(child, within));
  };
  walk(parsed, '');
  return { lists, operands, lines, loops };
}
