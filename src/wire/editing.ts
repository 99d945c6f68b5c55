/**
 * What an editor program and the page behind its terminal say to each other. The program writes OSC 1337 sequences, as iTerm2's own
 * extensions do; the page answers by typing the same kind of sequence. An answer tells a text as its difference from the text before.
 *
 *   program: Edit=id=N;…:TEXT      page: Editing=N            it has a dialog; without this word the program gives up
 *                                        said again, it is told the text once more
 *                                  page: Edited=N;save;P;S;M  P units of the text before, M, its last S units; then it goes on
 *            EditDone=id=N;…:TEXT  page: Edited=N;close;P;S;M the same, and then an end
 *            EditEnd=id=N:         page: Edited=N;quit        an end without saving
 */

import { text, utf8 } from './bytes.ts';
import { fromBase64, toBase64 } from './der.ts';

export interface EditRequest {
  readonly id: number;
  /** `vi`, `nano`: whose words it uses. */
  readonly program: string;
  readonly host: string;
  /** As it was given; empty for a buffer without a name. */
  readonly path: string;
  /** What the program says of the file: `"x" [New]`. */
  readonly note: string;
  /** From 1; 0 is the last one. */
  readonly line: number;
  readonly readonly: boolean;
  readonly text: string;
}

/** After `save` or `close`: what the program says of it; a refused one leaves the editor open. */
export interface EditDone {
  readonly id: number;
  readonly saved: boolean;
  readonly message: string;
}

export interface EditedText {
  readonly verb: 'save' | 'close';
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: string;
}

export type EditAnswer = EditedText | { readonly verb: 'quit' };

/** Bytes of a file that is edited, and of the difference that one answer may tell. */
export const MAX_EDIT = 256 << 10;
/** Characters that an answer may have. */
const MAX_ANSWER = Math.ceil(MAX_EDIT / 3) * 4 + 200;

const INTRODUCER = '\x1b]1337;';
const END = '\x07';

const base64 = (s: string): string => toBase64(utf8(s));
const plain = (s: string): string => text(fromBase64(s));

const framed = (kind: string, fields: Readonly<Record<string, string | number>>, body: string): string =>
  `${INTRODUCER}${kind}=${Object.entries(fields)
    .map(([k, v]) => `${k}=${v}`)
    .join(';')}:${base64(body)}${END}`;

export const askToEdit = ({ id, program, host, path, note, line, readonly, text }: EditRequest): string =>
  framed('Edit', { id, program, host: base64(host), path: base64(path), note: base64(note), line, readonly: readonly ? 1 : 0 }, text);

export const tellDone = ({ id, saved, message }: EditDone): string => framed('EditDone', { id, saved: saved ? 1 : 0 }, message);

export const tellEnd = (id: number): string => framed('EditEnd', { id }, '');

export type Told =
  | { readonly kind: 'edit'; readonly request: EditRequest }
  | { readonly kind: 'done'; readonly done: EditDone }
  | { readonly kind: 'end'; readonly id: number };

/** What a program said, without introducer and end; null when it is none of this. */
export function readTold(sequence: string): Told | null {
  const m = /^(Edit|EditDone|EditEnd)=([^:]*):([A-Za-z0-9+/=]*)$/.exec(sequence);
  if (!m) return null;
  const [, kind, fields, body] = m as unknown as [string, string, string, string];
  const of = new Map(fields.split(';').map((f): [string, string] => [f.slice(0, f.indexOf('=')), f.slice(f.indexOf('=') + 1)]));
  const get = (name: string): string => of.get(name) ?? '';
  const id = Number(get('id'));
  if (!Number.isInteger(id)) return null;
  if (kind === 'EditEnd') return { kind: 'end', id };
  if (kind === 'EditDone') return { kind: 'done', done: { id, saved: get('saved') === '1', message: plain(body) } };
  return {
    kind: 'edit',
    request: {
      id,
      program: get('program'),
      host: plain(get('host')),
      path: plain(get('path')),
      note: plain(get('note')),
      line: Number(get('line')) || 0,
      readonly: get('readonly') === '1',
      text: plain(body),
    },
  };
}

export const acknowledge = (id: number): string => `${INTRODUCER}Editing=${id}${END}`;
export const abandon = (id: number): string => `${INTRODUCER}Edited=${id};quit${END}`;

const isLow = (s: string, i: number): boolean => (s.charCodeAt(i) & 0xfc00) === 0xdc00;

/** The shortest way to tell `next` to somebody who knows `before`; null when it is too long. */
export function tellText(id: number, verb: 'save' | 'close', before: string, next: string): string | null {
  const most = Math.min(before.length, next.length);
  let prefix = 0;
  while (prefix < most && before.charCodeAt(prefix) === next.charCodeAt(prefix)) prefix++;
  if (prefix > 0 && (isLow(before, prefix) || isLow(next, prefix))) prefix--;
  let suffix = 0;
  while (suffix < most - prefix && before.charCodeAt(before.length - 1 - suffix) === next.charCodeAt(next.length - 1 - suffix)) suffix++;
  if (suffix > 0 && isLow(next, next.length - suffix)) suffix--;
  const answer = `${INTRODUCER}Edited=${id};${verb};${prefix};${suffix};${base64(next.slice(prefix, next.length - suffix))}${END}`;
  return answer.length > MAX_ANSWER || utf8(next).length > MAX_EDIT ? null : answer;
}

/** The text that an answer tells; null when it does not fit `before`. */
export function toldText(before: string, { prefix, suffix, middle }: EditedText): string | null {
  if (prefix + suffix > before.length) return null;
  const next = before.slice(0, prefix) + middle + before.slice(before.length - suffix);
  return utf8(next).length > MAX_EDIT ? null : next;
}

/** Picks the page's words out of what is typed; everything else is dropped. */
export class AnswerReader {
  private buffer = '';
  private readonly id: number;
  /** How often a page has said that it is there: a second one has not heard what was saved meanwhile. */
  seen = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** The answers that are complete by now, in order. */
  push(typed: string): EditAnswer[] {
    this.buffer += typed;
    const out: EditAnswer[] = [];
    for (;;) {
      const start = this.buffer.indexOf(INTRODUCER);
      const end = start < 0 ? -1 : this.buffer.indexOf(END, start);
      if (end < 0) {
        // The beginning of an introducer may still grow into one.
        this.buffer = start >= 0 ? this.buffer.slice(start) : this.buffer.slice(-INTRODUCER.length);
        if (this.buffer.length > MAX_ANSWER) this.buffer = '';
        return out;
      }
      const answer = this.read(this.buffer.slice(start + INTRODUCER.length, end));
      this.buffer = this.buffer.slice(end + 1);
      if (answer) out.push(answer);
    }
  }

  private read(words: string): EditAnswer | null {
    if (words === `Editing=${this.id}`) this.seen++;
    const m = /^Edited=(\d+);(?:(quit)|(save|close);(\d{1,7});(\d{1,7});([A-Za-z0-9+/=]*))$/.exec(words);
    if (!m || Number(m[1]) !== this.id) return null;
    if (m[2] !== undefined) return { verb: 'quit' };
    return { verb: m[3] as 'save' | 'close', prefix: Number(m[4]), suffix: Number(m[5]), middle: plain(m[6] as string) };
  }
}
