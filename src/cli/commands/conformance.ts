/** `hopwise conformance`. */

export function conformanceCommand(_args: string[]): number {
  throw new Error('not built yet');
}
