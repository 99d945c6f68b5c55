/** What the course's servers say in their answers: who they are, and whom they saw. */

/** `web-a sees 10.0.0.1`, `pod=web-1 peer=10.0.0.1 …`, `Hello from web-1, version 1.0`, or a name alone. */
export function whoAnswers(text: string): string | null {
  return (
    /^(\S+) sees /.exec(text)?.[1] ??
    /^pod=(\S+) /.exec(text)?.[1] ??
    /^Hello from (\S+), /.exec(text)?.[1] ??
    /^(\S+)\s*$/.exec(text)?.[1] ??
    null
  );
}

/** The client's address as the server saw it: in the forms above, or `10.0.0.1:40000` alone, as agnhost has it at /clientip. */
export function whomItSaw(text: string): string | null {
  const seen = / sees (\S+)/.exec(text)?.[1] ?? / peer=(\S+)/.exec(text)?.[1];
  return seen ?? /^\[?([0-9a-f.:]+?)\]?:\d+\s*$/.exec(text)?.[1]?.replace(/^::ffff:/, '') ?? null;
}
