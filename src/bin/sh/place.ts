/** Where the cursor stands in a command line: the words of its simple command, quotes, redirections, command position. Models find_cmd_start and bash_completion's view of a line */

export interface Word {
  /** Without quotes. */
  readonly value: string;
  /** Index into the line. */
  readonly start: number;
}

export interface Place {
  /** The simple command's words before the one that is completed. */
  readonly words: readonly Word[];
  readonly current: Word;
  /** The quote that is open at the cursor. */
  readonly quote: '' | "'" | '"';
  /** A file name is wanted: behind > or <. */
  readonly redirect: boolean;
}

/** Words behind which a command begins. */
const OPENERS = new Set(['do', 'then', 'else', 'elif', 'if', 'while', 'until', '!', '{', 'time', 'coproc']);

interface Level {
  words: Word[];
  redirect: boolean;
}

export function placeOf(before: string): Place {
  const stack: Level[] = [];
  let level: Level = { words: [], redirect: false };
  let value = '';
  let start = -1;
  let quote: '' | "'" | '"' = '';
  /** Depth of the levels at which a double quote was open around a $( ). */
  const quotes: ('' | '"')[] = [];
  const end = (): void => {
    if (start < 0) return;
    if (level.redirect) level.redirect = false;
    else if (!(level.words.length === 0 && (OPENERS.has(value) || /^[A-Za-z_]\w*\+?=/.test(value)))) level.words.push({ value, start });
    start = -1;
    value = '';
  };
  const fresh = (): void => {
    end();
    level = { words: [], redirect: false };
  };
  for (let i = 0; i < before.length; i++) {
    const c = before[i] as string;
    const next = before[i + 1];
    if (quote === "'") {
      if (c === "'") quote = '';
      else value += c;
      continue;
    }
    if (c === '\\') {
      if (start < 0) start = i;
      if (next === undefined) break;
      if (quote === '"' && !/["\\$`]/.test(next)) value += c;
      value += next;
      i++;
      continue;
    }
    if (c === '$' && next === '(' && before[i + 2] !== '(') {
      stack.push({ ...level, words: start >= 0 ? [...level.words] : level.words });
      quotes.push(quote === '"' ? '"' : '');
      quote = '';
      level = { words: [], redirect: false };
      start = -1;
      value = '';
      i++;
      continue;
    }
    if (quote === '"') {
      if (c === '"') quote = '';
      else value += c;
      continue;
    }
    if (c === '"' || c === "'") {
      if (start < 0) start = i;
      quote = c;
    } else if (c === ' ' || c === '\t') end();
    else if (c === ')' && stack.length > 0) {
      level = stack.pop() as Level;
      quote = quotes.pop() ?? '';
      start = i + 1;
      value = '';
    } else if (c === '>' || c === '<') {
      if (/^\d*$/.test(value)) {
        start = -1;
        value = '';
      } else end();
      while (/[<>&|]/.test(before[i + 1] ?? '')) i++;
      if (before[i + 1] === '(') {
        fresh();
        i++;
      } else level.redirect = true;
    } else if (c === '&' && next === '>') end();
    else if (/[;|&()\n`]/.test(c)) fresh();
    else {
      if (start < 0) start = i;
      value += c;
    }
  }
  return { words: level.words, current: { value, start: start < 0 ? before.length : start }, quote, redirect: level.redirect };
}
