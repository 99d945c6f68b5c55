/** Regular expressions that authors write and learners' text meets: bounded, so that no text takes long. */

/** Characters of a text that a pattern is tried on. */
const MAX_TEXT = 500;
/** For a pattern that may take exponential time. */
const MAX_RISKY_TEXT = 16;
const MAX_LINES = 2000;

/** Whether a group is repeated without bound that holds a repetition or alternatives: only such patterns take exponential time. */
export function isRisky(pattern: string): boolean {
  /** Of every open group: whether it holds something that can be split in more ways than one. */
  const open: boolean[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '\\') i++;
    else if (c === '[') {
      for (i++; i < pattern.length && pattern[i] !== ']'; i++) if (pattern[i] === '\\') i++;
    } else if (c === '(') open.push(false);
    else if (c === ')') {
      const inner = open.pop() ?? false;
      if (inner && /^(?:[+*]|\{\d+,\d*\})/.test(pattern.slice(i + 1))) return true;
      if (inner && open.length > 0) open[open.length - 1] = true;
    } else if ((c === '*' || c === '+' || c === '|' || (c === '{' && /^\{\d+,/.test(pattern.slice(i)))) && open.length > 0)
      open[open.length - 1] = true;
  }
  return false;
}

interface Compiled {
  readonly re: RegExp;
  readonly max: number;
}

const known = new Map<string, Compiled>();

function compiled(pattern: string, flags: string): Compiled {
  const key = `${flags}/${pattern}`;
  let c = known.get(key);
  if (!c) {
    c = { re: new RegExp(pattern, flags), max: isRisky(pattern) ? MAX_RISKY_TEXT : MAX_TEXT };
    if (known.size < 500) known.set(key, c);
  }
  return c;
}

/** Whether the pattern is found in the text, of which only the beginning counts when it is long. */
export function matches(pattern: string, text: string, flags = 'u'): boolean {
  const { re, max } = compiled(pattern, flags);
  return re.test(text.slice(0, max));
}

/** Whether it is found in one of the lines. */
export function matchesLine(pattern: string, text: string): boolean {
  return text.split('\n', MAX_LINES).some((line) => matches(pattern, line));
}

/** `web*` fits every name that begins so. */
export function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** What is wrong with a pattern, for authors. */
export function patternFault(field: string, pattern: string | undefined): { field: string; problem: string }[] {
  if (pattern === undefined) return [];
  try {
    new RegExp(pattern, 'u');
  } catch (e) {
    return [{ field, problem: `is no regular expression: ${(e as Error).message}; correct it` }];
  }
  if (!isRisky(pattern)) return [];
  return [{ field, problem: 'repeats a group that holds a repetition or alternatives, which can take for ever; write it without that' }];
}
