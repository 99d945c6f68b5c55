/** Opens a submission from a file or a link, also a file that is dropped on the workspace. */

import type { Signal } from '@preact/signals';
import { words } from '../words/en.ts';
import type { World } from './world.ts';

/** `tell` is told what is wrong with one that cannot be opened. */
export async function lookAt(world: World, source: File | string, tell: (text: string) => void): Promise<void> {
  const { openFile, openLink, SubmissionError } = await import('./submission.ts');
  try {
    const opened =
      typeof source === 'string'
        ? await openLink(source, world.info.value)
        : openFile(new Uint8Array(await source.arrayBuffer()), world.info.value);
    await world.look(opened);
  } catch (error) {
    if (!(error instanceof SubmissionError)) throw error;
    tell(`${typeof source === 'string' ? words.review.link : source.name}: ${error.message}`);
  }
}

/** `over` is true while a file is held over the element. */
export function acceptDrops(element: HTMLElement, world: World, over: Signal<boolean>): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const drag = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    over.value = true;
  };
  const drop = (event: DragEvent) => {
    over.value = false;
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    void lookAt(world, file, world.notify);
  };
  element.addEventListener('dragover', drag, { signal });
  element.addEventListener('dragleave', () => (over.value = false), { signal });
  element.addEventListener('drop', drop, { signal });
  return () => stop.abort();
}
