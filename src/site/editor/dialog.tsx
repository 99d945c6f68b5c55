/** The editor's dialog: a text of the emulated world, what the API server would say of it, what it would change; saving answers the program that waits. */

import { useComputed, useSignal } from '@preact/signals';
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Client } from '../../host/client.ts';
import { abandon, type EditDone, type EditRequest, readTold, tellText } from '../../lab/editing.ts';
import type { Examined } from '../../lab/session.ts';
import editorStyle from '../styles/editor.css?inline';
import { words } from '../words/en.ts';
import { adopt } from '../workspace/style.ts';
import { Changes } from './Changes.tsx';
import { languageOf, openPlain, type Pane } from './pane.ts';

const said = words.editor;
adopt(editorStyle);

/** After the last key, ms. */
const EXAMINE_AFTER = 350;
/** The prompt comes a moment after the program's end. */
const APPLY_AFTER = 200;
const NOTHING: Examined = { manifest: false, problems: [], changes: [], same: 0 };

export interface DialogOptions {
  readonly client: Client;
  readonly type: (text: string) => void;
  readonly closed: () => void;
}

export interface Dialog {
  /** The program's words, as they came. */
  told(sequence: string): void;
  /** The program has ended. */
  end(): void;
}

/** What the program says, for the dialog once it is drawn. */
interface Hearing {
  done: (done: EditDone) => void;
  again: (request: EditRequest) => void;
  end: () => void;
}

export function openDialog(sequence: string, options: DialogOptions): Dialog {
  const told = readTold(sequence);
  if (told?.kind !== 'edit') throw new Error('the request to edit cannot be read');
  const place = document.createElement('div');
  place.className = 'not-content';
  document.body.append(place);
  const hearing: Hearing = { done: () => undefined, again: () => undefined, end: () => undefined };
  const gone = () => {
    render(null, place);
    place.remove();
    options.closed();
  };
  render(<Editor request={told.request} options={options} hearing={hearing} gone={gone} />, place);
  return {
    told(words) {
      const next = readTold(words);
      if (next?.kind === 'done') hearing.done(next.done);
      else if (next?.kind === 'edit') hearing.again(next.request);
    },
    end: () => hearing.end(),
  };
}

/** A word of bash that needs no quotes. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;
const quoted = (path: string): string => (PLAIN.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

/** kubectl's temporary file: saving it is applying it. */
const isTemporary = (path: string): boolean => /\/kubectl-edit-\d+\.(yaml|json)$/.test(path);

/** The safe answer has the focus. */
function Ask({ abandon, keep }: { abandon: () => void; keep: () => void }) {
  const safe = useRef<HTMLButtonElement>(null);
  useEffect(() => safe.current?.focus(), []);
  return (
    <div class="ed-ask" role="alert">
      <p>{said.ask}</p>
      <button type="button" class="ws-button" onClick={abandon}>
        {said.abandonYes}
      </button>
      <button type="button" class="ws-button" onClick={keep} ref={safe}>
        {said.keep}
      </button>
    </div>
  );
}

interface EditorProps {
  readonly request: EditRequest;
  readonly options: DialogOptions;
  readonly hearing: Hearing;
  readonly gone: () => void;
}

function Editor({ request, options, hearing, gone }: EditorProps) {
  const { client, type } = options;
  const { id, path, host } = request;
  const dialog = useRef<HTMLDialogElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const pane = useRef<Pane | null>(null);
  /** What the program knows, and what it was told last. */
  const base = useRef(request.text);
  const sent = useRef<string | null>(null);
  const applying = useRef(false);
  const finished = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const changed = useSignal(false);
  const asking = useSignal(false);
  const plain = useSignal(false);
  const note = useSignal(request.note);
  const bad = useSignal(false);
  const examined = useSignal<Examined>(NOTHING);
  const comparing = useSignal<Examined | null>(null);
  const errors = useComputed(() => examined.value.problems.filter((p) => p.severity === 'error').length);
  const title = path === '' ? said.untitled : path;

  const text = () => pane.current?.text() ?? base.current;

  const examine = async () => {
    const asked = text();
    const found = await client.examine(asked);
    if (asked !== text()) return;
    examined.value = found;
    pane.current?.mark(found.problems);
  };

  const onChange = () => {
    changed.value = text() !== base.current;
    comparing.value = null;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void examine(), EXAMINE_AFTER);
  };

  const answer = (verb: 'save' | 'close') => {
    const next = text();
    const words = tellText(id, verb, base.current, next);
    bad.value = words === null;
    if (words === null) {
      note.value = said.tooLong;
      return;
    }
    sent.current = next;
    type(words);
  };

  const leave = () => {
    if (changed.value && !asking.value) {
      asking.value = true;
      return;
    }
    type(abandon(id));
  };

  const compare = async () => {
    if (comparing.value) {
      comparing.value = null;
      pane.current?.focus();
      return;
    }
    if (isTemporary(path) || !examined.value.manifest) {
      const change = { name: title, namespace: '', from: request.text, to: text() };
      comparing.value = { ...NOTHING, changes: change.from === change.to ? [] : [change] };
      return;
    }
    await examine();
    comparing.value = examined.value;
  };

  const apply = () => {
    applying.current = true;
    answer('close');
  };

  const onEscape = () => {
    if (asking.value) asking.value = false;
    else if (comparing.value) comparing.value = null;
    else leave();
    if (!asking.value) pane.current?.focus();
  };

  const finish = () => {
    finished.current = true;
    clearTimeout(timer.current);
    const command = applying.current ? `kubectl apply -f ${quoted(path)}\r` : null;
    pane.current?.dispose();
    dialog.current?.close();
    gone();
    if (command !== null) setTimeout(() => type(command), APPLY_AFTER);
  };

  Object.assign(hearing, {
    done: (done: EditDone) => {
      note.value = done.message;
      bad.value = !done.saved;
      applying.current = false;
      if (done.saved && sent.current !== null) base.current = sent.current;
      changed.value = text() !== base.current;
    },
    again: (next: EditRequest) => {
      if (!changed.value) pane.current?.replace(next.text);
      base.current = next.text;
      changed.value = text() !== base.current;
    },
    end: finish,
  });

  useEffect(() => {
    dialog.current?.showModal();
    let over = false;
    const open = {
      text: request.text,
      language: languageOf(path, request.text),
      label: said.label(title, host),
      line: request.line,
      readonly: false,
      readonlyMessage: '',
      changed: onChange,
      save: () => answer('save'),
      close: () => answer('close'),
    };
    const ready = (next: Pane) => {
      pane.current = next;
      // Told once more while this was loading: what had been saved before a reload.
      if (base.current !== request.text) next.replace(base.current);
      next.focus();
      if (dialog.current) Object.assign(dialog.current, { pane: next });
      dialog.current?.setAttribute('data-ready', 'true');
      void examine();
    };
    import('./monaco.ts').then(
      ({ openMonaco }) => {
        if (!over && place.current) ready(openMonaco(place.current, open));
      },
      () => {
        plain.value = true;
        if (!over && place.current) ready(openPlain(place.current, open));
      },
    );
    return () => {
      over = true;
    };
  }, []);

  const { problems, manifest } = examined.value;
  return (
    <dialog
      class="ed"
      ref={dialog}
      aria-label={said.title(title, host)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return;
        event.preventDefault();
        onEscape();
      }}
      onCancel={(event) => {
        event.preventDefault();
        onEscape();
      }}
      onClose={() => {
        // Some ways of closing cannot be refused (a second "back" on a phone): the program still waits.
        if (finished.current) return;
        dialog.current?.showModal();
        onEscape();
      }}
    >
      <header class="ed-head">
        <h2>
          <span class="ed-host">{host}:</span>
          {title}
          {changed.value && <span class="ed-changed">{said.changed}</span>}
        </h2>
        <div class="ed-buttons">
          <button type="button" class="ws-button" aria-pressed={comparing.value !== null} onClick={() => void compare()}>
            {said.changes}
          </button>
          <button type="button" class="ws-button" onClick={() => answer('save')} title="Ctrl+S">
            {said.save}
          </button>
          <button type="button" class="ws-button ed-main" onClick={() => answer('close')} title="Ctrl+Enter">
            {said.saveAndClose}
          </button>
          <button type="button" class="ws-button" onClick={leave} title="Esc">
            {said.abandon}
          </button>
        </div>
      </header>
      {asking.value && (
        <Ask
          abandon={() => type(abandon(id))}
          keep={() => {
            asking.value = false;
            pane.current?.focus();
          }}
        />
      )}
      {comparing.value && (
        <Changes
          examined={comparing.value}
          command={manifest && !isTemporary(path) && path !== '' ? `kubectl apply -f ${quoted(path)}` : null}
          apply={apply}
          back={() => void compare()}
        />
      )}
      <div class="ed-pane" ref={place} hidden={comparing.value !== null} />
      {problems.length > 0 && comparing.value === null && (
        <section class="ed-problems" aria-label={said.problems}>
          <ul>
            {problems.map((p) => (
              <li key={`${p.line} ${p.column} ${p.message}`}>
                <button type="button" class={`ed-${p.severity}`} onClick={() => pane.current?.goTo(p.line, p.column)}>
                  <span class="ed-line">{said.line(p.line)}</span> {p.message}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      <footer class="ed-foot">
        <p class={bad.value ? 'ed-bad' : undefined} role="status">
          {note.value}
          {plain.value && ` ${said.plain}`}
        </p>
        <p role="status">{manifest && (errors.value === 0 ? said.fits : said.wrong(errors.value))}</p>
        <p class="ed-keys">{said.keys}</p>
      </footer>
    </dialog>
  );
}
