/** What the line editor is given and what it gives back. */

import type { Task } from '../../../os/program.ts';

export interface Completion {
  /** Where the text begins that the candidates stand for: an index into the line. */
  readonly start: number;
  /** What each would put there, quoted as the line needs it. */
  readonly candidates: readonly string[];
  /** As they are listed. */
  readonly shown: readonly string[];
  /** Added behind a single candidate. */
  readonly suffix: string;
}

/** What is completed: what fits the place, or what the key asks for. */
export type CompletionKind = 'any' | 'command' | 'filename' | 'variable' | 'username' | 'hostname' | 'glob';

/** What outlives a line: the shell keeps it. */
export interface EditorMemory {
  /** Killed texts, the last one last. */
  readonly ring: string[];
  searched: string;
  /** The history entry that the next line begins with (operate-and-get-next). */
  next: number | null;
  macro: string;
  /** Own bindings: key sequence to the name of a function, or to text that is typed instead. */
  readonly bound: Map<string, Binding>;
  readonly settings: Map<string, string>;
}

export type Binding = { readonly fn: string } | { readonly macro: string } | { readonly command: string };

export interface LineContext {
  readonly prompt: string;
  readonly cols: () => number;
  readonly rows: () => number;
  /** May be written: a line that was changed and left stays changed. */
  readonly history: string[];
  readonly memory: EditorMemory;
  complete(line: string, cursor: number, kind: CompletionKind): Task<Completion>;
  /** The line as history, aliases and the like make it; null when an event is not found. */
  expand(line: string): string | null;
  /** $EDITOR on a file with the line; what it left there, null when it failed. */
  edit(line: string): Task<string | null>;
  home(user: string): string | null;
  version: string;
}

export type LineResult = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'eof' } | { readonly kind: 'interrupt' };

export interface Fed {
  /** Bytes taken. */
  readonly used: number;
  readonly result: LineResult | null;
}
