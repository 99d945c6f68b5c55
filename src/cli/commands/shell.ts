/** `hopwise shell`. */

export function shellCommand(_args: string[]): number {
  throw new Error('not built yet');
}
