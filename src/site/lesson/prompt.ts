/** Steps as a terminal shows them. */

import type { StepResult } from '../../host/protocol.ts';

/** The prompt that a host's shell shows. */
export function promptOf(host: string): string {
  return `root@${host}:~# `;
}

/** Output as text: no carriage returns, no line end at the end. */
export function plain(output: string): string {
  return output.replace(/\r/g, '').replace(/\n$/, '');
}

/** The pieces of a transcript, for whoever draws them: prompt and command of each step, then its output. */
export function pieces(results: readonly StepResult[]): readonly { prompt: string; command: string; rest: string }[] {
  return results.map(({ host, command, output }, i) => ({
    prompt: promptOf(host),
    command,
    rest: `${output === '' ? '' : `\n${plain(output)}`}${i < results.length - 1 ? '\n' : ''}`,
  }));
}
