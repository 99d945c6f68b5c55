/** A file in the page's editor, asked for through the terminal: what vi and nano do instead of drawing a screen of their own. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { SEC } from '../../sim/sim.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { AnswerReader, askToEdit, type EditRequest, MAX_EDIT, tellDone, tellEnd, toldText } from '../../wire/editing.ts';

/** How long the page may take to say that it is there. */
const PATIENCE = 5 * SEC;
const ALTERNATE = '\x1b[?1049h\x1b[H\x1b[2J';
const BACK = '\x1b[?1049l';

export interface Written {
  readonly saved: boolean;
  readonly message: string;
}

/** How it ended: by the learner's choice, by Ctrl-C, or nobody was there to edit. */
export type Ended = 'closed' | 'interrupted' | 'alone';

export type Edited = Omit<EditRequest, 'id' | 'host'>;

/** The file's text; a text for people when this editor cannot show it. */
export function editable(bytes: Uint8Array): { readonly text: string } | string {
  if (bytes.length > MAX_EDIT) return `${bytes.length} bytes are too many for this editor (${MAX_EDIT} at most)`;
  const s = text(bytes);
  return s.includes('\ufffd') || s.includes('\0') ? 'it is no UTF-8 text, and other texts are not emulated' : { text: s };
}

/** Runs the editor until it is closed; `write` is called for each save. The descriptors 0 and 1 are terminals. */
export function* editOnPage(p: Process, what: Edited, write: (text: string) => Written): Task<Ended> {
  const input = p.file(0);
  const { tty } = p;
  if (!input || !tty) return 'alone';
  const id = p.sim.serial('editor');
  const reader = new AnswerReader(id);
  const saved = { ...tty.termios };
  tty.termios = { ...saved, icanon: false, echo: false, icrnl: false };
  let interrupted = false;
  let shown = 0;
  p.onSignal('INT', () => {
    interrupted = true;
  });
  p.onSignal('TSTP', 'ignore');
  const decoder = new TextDecoder();
  const until = p.sim.now + PATIENCE;
  let before = what.text;
  try {
    yield* p.out(askToEdit({ ...what, id, host: p.hostname }));
    for (;;) {
      if (interrupted) return 'interrupted';
      if (!input.readable()) {
        if (reader.seen === 0 && p.sim.now >= until) return 'alone';
        yield reader.seen > 0 ? { on: [input.readers] } : { on: [input.readers], until };
        continue;
      }
      const r = yield* p.read(0);
      if (!r.ok && r.errno === 'EINTR') continue;
      if (!r.ok || r.value.length === 0) return 'interrupted';
      for (const answer of reader.push(decoder.decode(r.value, { stream: true }))) {
        if (answer.verb === 'quit') return 'closed';
        const next = toldText(before, answer);
        const done = next === null ? { saved: false, message: 'The text is too long.' } : write(next);
        if (next !== null && done.saved) {
          before = next;
          tty.onPrompt?.();
        }
        if (answer.verb === 'close' && done.saved) return 'closed';
        yield* p.out(tellDone({ id, ...done }));
      }
      if (reader.seen > shown && shown > 0) yield* p.out(askToEdit({ ...what, id, host: p.hostname, text: before }));
      if (reader.seen > 0 && shown === 0)
        yield* p.out(`${ALTERNATE}${what.path || 'A new text'} is open in the editor of this page. Ctrl-C closes it unsaved.\n`);
      shown = reader.seen;
    }
  } finally {
    tty.termios = saved;
    p.onSignal('INT', 'default');
    p.onSignal('TSTP', 'default');
    p.file(1)?.write(utf8(`${shown > 0 ? BACK : ''}${tellEnd(id)}`), p);
  }
}
