/** Numbers as util-linux reads them. Models lib/strutils.c */

/** strtos32_or_err(): the number, or what its message ends with. */
export function int32(text: string): number | string {
  if (!/^\s*[-+]?\d+$/.test(text)) return '';
  const n = Number(text);
  return n > 2147483647 || n < -2147483648 ? ': Numerical result out of range' : n;
}
