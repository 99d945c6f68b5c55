/** A button whose dialog lists the packet captures of all hosts; each can be saved for Wireshark. */

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { CaptureFile } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { save } from './save.ts';
import type { World } from './world.ts';

export function Captures({ world }: { world: World }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const files = useSignal<readonly CaptureFile[] | null>(null);
  const said = useSignal('');
  const text = words.workspace.captures;

  const open = () => {
    files.value = null;
    said.value = '';
    dialog.current?.showModal();
    void world.start();
    void world.captures().then((found) => {
      files.value = found;
    });
  };

  const download = async (file: CaptureFile) => {
    const data = await world.capture(file.host, file.path);
    const name = file.path.slice(file.path.lastIndexOf('/') + 1);
    if (data) save(name, data);
    said.value = data ? text.saved(name) : text.gone(name);
  };

  return (
    <>
      <button type="button" class="ws-button" onClick={open}>
        {text.button}
      </button>
      <dialog class="ws-dialog" ref={dialog} aria-label={text.title}>
        <h3>{text.title}</h3>
        {files.value?.length === 0 && <p>{text.none}</p>}
        <ul class="ws-files">
          {files.value?.map((file) => (
            <li key={`${file.host} ${file.path}`}>
              <button type="button" class="ws-button" onClick={() => void download(file)} aria-label={text.save(file.path, file.host)}>
                {text.download}
              </button>
              <code>{file.path}</code> <span>{text.on(file.host, file.bytes)}</span>
            </li>
          ))}
        </ul>
        <p role="status" aria-live="polite">
          {said.value}
        </p>
        <form method="dialog" class="ws-dialog-buttons">
          <button type="submit" class="btn">
            {text.close}
          </button>
        </form>
      </dialog>
    </>
  );
}
