/** Runs a prediction's steps for real in the browser's emulator, in a world of its own. */

import { Client } from '../../host/client.ts';
import type { Step } from '../../host/protocol.ts';
import { pieces } from '../lesson/prompt.ts';

type Where = { readonly lab: string } | { readonly world: string };

/** The first `hidden` steps prepare and are not shown. */
export async function rehearse(where: Where, steps: readonly Step[], hidden: number, into: HTMLElement): Promise<void> {
  const client = new Client();
  try {
    const results = await client.rehearse(where, steps);
    const nodes = pieces(results.slice(hidden)).flatMap(({ prompt, command, rest }) => {
      const before = Object.assign(document.createElement('span'), { className: 'term-prompt', textContent: prompt });
      return [before, Object.assign(document.createElement('b'), { textContent: command }), rest];
    });
    into.replaceChildren(...nodes);
  } finally {
    client.close();
  }
}
