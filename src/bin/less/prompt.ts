/** less's prompts: a small language of %-values and ?-conditions. Models prompt.c */

export interface PromptValues {
  readonly file: string;
  readonly files: number;
  /** From 1. */
  readonly index: number;
  readonly first: boolean;
  readonly atEnd: boolean;
  /** Line numbers of the first, middle and last rows shown; the number of lines when it is known. */
  readonly top: number;
  readonly bottom: number;
  readonly lines: number | null;
  readonly topByte: number;
  readonly bottomByte: number;
  readonly size: number | null;
  readonly pipe: boolean;
  /** Line numbers are kept (no -n). */
  readonly numbered: boolean;
}

export const SHORT = '?n?f%f .?m(%T %i of %m) ..?e(END) ?x- Next\\: %x..%t';
export const MEDIUM = '?n?f%f .?m(%T %i of %m) ..?e(END) ?x- Next\\: %x.:?pB%pB\\%:byte %bB?s/%s...%t';
export const LONG = '?f%f .?n?m(%T %i of %m) ..?ltlines %lt-%lb?L/%L. :byte %bB?s/%s. .?e(END) ?x- Next\\: %x.:?pB%pB\\%..%t';
export const EQUALS = '?f%f .?m(%T %i of %m) .?ltlines %lt-%lb?L/%L. .byte %bB?s/%s. ?e(END) :?pB%pB\\%..%t';

function where(v: PromptValues, c: string, of: 'line' | 'byte'): number {
  const top = c === 't' || c === 'm';
  return of === 'line' ? (top ? v.top : v.bottom) : top ? v.topByte : v.bottomByte;
}

const percent = (v: PromptValues): number | null =>
  v.size === null ? null : v.size === 0 ? 100 : Math.floor((v.bottomByte * 100) / v.size + 0.5);

function known(v: PromptValues, word: string): boolean {
  switch (word[0]) {
    case 'a':
      return true;
    case 'f':
      return v.file !== '' && !v.pipe;
    case 'n':
      return v.first;
    case 'm':
      return v.files > 1;
    case 'e':
      return v.atEnd;
    case 'x':
      return v.atEnd && v.index < v.files;
    case 's':
    case 'B':
      return v.size !== null;
    case 'L':
      return v.lines !== null;
    case 'p':
    case 'P':
      return percent(v) !== null;
  }
  if (word[0] === 'l') return v.numbered;
  return word[0] === 'b' || word[0] === 'd';
}

/** `next`: the name of the file behind this one. */
export function expandPrompt(text: string, v: PromptValues, next: string): string {
  let i = 0;
  const condition = (): string => {
    const c = text[i] as string;
    const word = /[lbpPdD]/.test(c) ? text.slice(i, i + 2) : c;
    i += word.length;
    return word;
  };
  const part = (live: boolean, nested: boolean): string => {
    let out = '';
    while (i < text.length) {
      const c = text[i++] as string;
      if (c === '\\') {
        if (live) out += text[i] ?? '';
        i++;
      } else if (c === '?') {
        const yes = known(v, condition());
        out += part(live && yes, true);
        if (text[i - 1] === ':') out += part(live && !yes, true);
      } else if ((c === ':' || c === '.') && nested) return out;
      else if (c === '%') {
        const value = shown();
        if (live) out += value;
      } else if (live) out += c;
    }
    return out;
  };
  const shown = (): string => {
    const c = text[i++] ?? '';
    switch (c) {
      case 'f':
        return v.file;
      case 'F':
        return v.file.replace(/^.*\//, '');
      case 'i':
        return String(v.index);
      case 'm':
        return String(v.files);
      case 'T':
        return 'file';
      case 'x':
        return next;
      case 's':
      case 'B':
        return String(v.size ?? '?');
      case 'L':
        return String(v.lines ?? '?');
      case 'l':
        return String(where(v, text[i++] ?? 't', 'line'));
      case 'b':
        return String(where(v, text[i++] ?? 't', 'byte'));
      case 'p':
      case 'P':
        i++;
        return String(percent(v) ?? '?');
    }
    return '';
  };
  const all = part(true, false);
  return text.endsWith('%t') ? all.trimEnd() : all;
}
