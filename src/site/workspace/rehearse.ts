/** Runs a prediction's steps for real in the browser's emulator, in a world of its own. */

import { Client } from '../../host/client.ts';
import type { Step } from '../../host/protocol.ts';
import { asText } from '../lesson/prompt.ts';

export async function rehearse(lab: string, steps: readonly Step[]): Promise<string> {
  const client = new Client();
  try {
    return asText(await client.rehearse(lab, steps));
  } finally {
    client.close();
  }
}
