/** `hopwise lab`. */

export function labCommand(_args: string[]): number {
  throw new Error('not built yet');
}
