/** Runs a prediction's steps for real in the browser's emulator, in a world of its own. */

import { Client } from '../../host/client.ts';
import type { Step } from '../../host/protocol.ts';
import { pieces } from '../lesson/prompt.ts';

export async function rehearse(lab: string, steps: readonly Step[], into: HTMLElement): Promise<void> {
  const client = new Client();
  try {
    const nodes = pieces(await client.rehearse(lab, steps)).flatMap(({ prompt, command, rest }) => {
      const before = Object.assign(document.createElement('span'), { className: 'term-prompt', textContent: prompt });
      return [before, Object.assign(document.createElement('b'), { textContent: command }), rest];
    });
    into.replaceChildren(...nodes);
  } finally {
    client.close();
  }
}
