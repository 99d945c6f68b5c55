/** Regular expressions that authors write and learners' text meets: bounded, so that no text takes long. */

/** Characters of a text that a pattern is tried on. */
const MAX_TEXT = 20_000;
/** A repetition of a group that ends in a repetition takes exponential time; so does one of overlapping alternatives. */
const NESTED = /\((?:\?[:=!]|\?<[=!a-z][^)]*)?[^()]*[+*}][^()]*\)(?:[+*]|\{\d*,\d*\})/;
/** Texts for a pattern that may backtrack much. */
const MAX_NESTED_TEXT = 40;

const known = new Map<string, RegExp>();

/** Whether the pattern is found in the text, of which only the beginning counts when it is long. */
export function matches(pattern: string, text: string, flags = 'u'): boolean {
  const key = `${flags}/${pattern}`;
  let re = known.get(key);
  if (!re) {
    re = new RegExp(pattern, flags);
    if (known.size < 500) known.set(key, re);
  }
  return re.test(text.slice(0, NESTED.test(pattern) ? MAX_NESTED_TEXT : MAX_TEXT));
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
  if (NESTED.test(pattern)) return [{ field, problem: 'repeats a group that repeats itself, which can take for ever; write it flat' }];
  return [];
}
