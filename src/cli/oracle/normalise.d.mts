/** What a recorded step printed, with what differs from run to run made the same. */
export function normaliseSteps(
  steps: readonly { readonly command: string; readonly stdout: string; readonly stderr?: string }[],
): { stdout: string; stderr: string }[];
