/** Runs a prediction's steps for real in the browser's emulator, in a world of its own. */

import { Client } from '../../host/client.ts';
import type { Step } from '../../host/protocol.ts';
import { promptOf } from '../lesson/prompt.ts';

export async function rehearse(lab: string, steps: readonly Step[]): Promise<string> {
  const client = new Client();
  try {
    const results = await client.rehearse(lab, steps);
    return results
      .map(({ host, command, output }) => `${promptOf(host)}${command}\n${output.replace(/\r/g, '').replace(/\n$/, '')}`)
      .join('\n');
  } finally {
    client.close();
  }
}
