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

export function asText(results: readonly StepResult[]): string {
  return results.map(({ host, command, output }) => `${promptOf(host)}${command}${output === '' ? '' : `\n${plain(output)}`}`).join('\n');
}
