/** Hears editors' words in a terminal's output, and opens the dialog for those that are still waiting. Small: the dialog is loaded when it is needed. */

import type { Terminal } from '@xterm/xterm';
import type { Client } from '../../host/client.ts';
import type { Dialog } from './dialog.tsx';

export interface EditingOptions {
  readonly terminal: Terminal;
  readonly client: Client;
  /** Types into the terminal. */
  readonly type: (text: string) => void;
}

export interface Editing {
  /** Output has been drawn: whoever asked and did not end in it is waiting. */
  drawn(): void;
  /** The shell is back at its prompt, or the terminal has gone: nobody waits any more. */
  over(): void;
}

const idOf = (sequence: string): number => Number(/(?:=|;)id=(\d+)/.exec(sequence)?.[1] ?? 0);

export function listenForEditors({ terminal, client, type }: EditingOptions): Editing {
  /** Asked in what is being drawn, by id. */
  const asked = new Map<number, string>();
  const dialogs = new Map<number, Promise<Dialog>>();
  const changed = (id: number, tell: (dialog: Dialog) => void) => void dialogs.get(id)?.then(tell);

  const forget = (id: number) => {
    dialogs.delete(id);
    terminal.focus();
  };

  terminal.parser.registerOscHandler(1337, (sequence) => {
    const kind = /^(Edit|EditDone|EditEnd)=/.exec(sequence)?.[1];
    if (kind === undefined) return false;
    const id = idOf(sequence);
    if (kind === 'Edit') asked.set(id, sequence);
    else if (kind === 'EditDone') changed(id, (dialog) => dialog.told(sequence));
    else {
      asked.delete(id);
      changed(id, (dialog) => dialog.end());
    }
    return true;
  });

  return {
    drawn() {
      for (const [id, sequence] of asked) {
        asked.delete(id);
        const known = dialogs.get(id);
        if (known) {
          changed(id, (dialog) => dialog.told(sequence));
          continue;
        }
        // At once: the program does not wait long for somebody to be there.
        type(`\x1b]1337;Editing=${id}\x07`);
        const closed = () => forget(id);
        dialogs.set(
          id,
          import('./dialog.tsx').then(({ openDialog }) => openDialog(sequence, { client, type, closed })),
        );
      }
    },
    over() {
      for (const id of [...dialogs.keys()]) changed(id, (dialog) => dialog.end());
    },
  };
}
