/** How a character is shown by the line editor, and how many columns it takes. Models rl_redisplay's choice and wcwidth() */

export function charWidth(c: string): number {
  const code = c.codePointAt(0) as number;
  if (code < 0x300) return 1;
  if (/^[\p{Mn}\p{Me}\u200b-\u200f\u2060\ufeff]$/u.test(c)) return 0;
  return (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0x303e) ||
    (code >= 0x3041 && code <= 0xa4cf) ||
    (code >= 0xa960 && code <= 0xa97c) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f680 && code <= 0x1f6ff) ||
    (code >= 0x1f900 && code <= 0x1f9ff) ||
    (code >= 0x20000 && code <= 0x3fffd)
    ? 2
    : 1;
}

export function textWidth(text: string): number {
  let n = 0;
  for (const c of text) n += charWidth(c);
  return n;
}

/** Control characters are shown as ^X. Tabs depend on their column and are not asked here. */
export function visible(c: string): string {
  const code = c.charCodeAt(0);
  if (code < 32) return `^${String.fromCharCode(code + 64)}`;
  return code === 127 ? '^?' : c;
}
