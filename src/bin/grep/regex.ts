/** POSIX basic and extended regular expressions as JavaScript's, for grep, sed and awk. */

const CLASS: Record<string, string> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: ' \\t\\n\\v\\f\\r',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

export class RegexError extends Error {}

/**
 * `basic`: BRE with GNU's \+ \? \|; otherwise ERE. Throws RegexError with GNU's text ("Unmatched [, …").
 */
export function translate(source: string, basic: boolean): string {
  let out = '';
  let depth = 0;
  let atStart = true;
  for (let i = 0; i < source.length; i++) {
    const c = source[i] as string;
    const startedAt = atStart;
    atStart = false;
    if (c === '\\') {
      const n = source[++i];
      if (n === undefined) throw new RegexError('Trailing backslash');
      if (basic && '(){}+?|'.includes(n)) {
        if (n === '(') depth++;
        if (n === ')' && --depth < 0) throw new RegexError('Unmatched ) or \\)');
        out += n;
        atStart = n === '(' || n === '|';
        if (n === '{') {
          const end = source.indexOf('\\}', i);
          if (end < 0) throw new RegexError('Unmatched \\{');
          out += `${source.slice(i + 1, end).replace(/^,/, '0,')}}`;
          i = end + 1;
        }
      } else if (n === '<') out += '\\b(?=\\w)';
      else if (n === '>') out += '\\b(?<=\\w)';
      else if (n === '`') out += '(?<![\\s\\S])';
      else if (n === "'") out += '(?![\\s\\S])';
      else if (/[wWsSbB1-9nt]/.test(n)) out += `\\${n}`;
      else out += n.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      continue;
    }
    if (c === '[') {
      let j = i + 1;
      let set = '[';
      if (source[j] === '^') {
        set += '^';
        j++;
      }
      let first = true;
      for (;;) {
        const d = source[j];
        if (d === undefined) throw new RegexError('Unmatched [, [^, [:, [., or [=');
        if (d === ']' && !first) break;
        first = false;
        const cls = /^\[:(\w+):\]/.exec(source.slice(j));
        if (cls) {
          const known = CLASS[cls[1] as string];
          if (!known) throw new RegexError('Invalid character class name');
          set += known;
          j += cls[0].length;
          continue;
        }
        set += d === '\\' || d === '[' || d === ']' ? `\\${d}` : d;
        j++;
      }
      out += `${set}]`;
      i = j;
      continue;
    }
    if (basic) {
      if (c === '*' && startedAt) out += '\\*';
      else if (c === '^' && !startedAt) out += '\\^';
      else if (c === '^') {
        out += '^';
        atStart = true;
      } else if (c === '$' && i !== source.length - 1 && !source.startsWith('\\)', i + 1) && !source.startsWith('\\|', i + 1)) out += '\\$';
      else if ('+?(){}|'.includes(c)) out += `\\${c}`;
      else out += c;
      continue;
    }
    if (c === '(') {
      depth++;
      atStart = true;
      out += '(';
    } else if (c === ')') {
      if (depth === 0) out += '\\)';
      else {
        depth--;
        out += ')';
      }
    } else if (c === '{' && !/^\{\d*,?\d*\}/.test(source.slice(i))) out += '\\{';
    else if (c === '{') {
      const end = source.indexOf('}', i);
      out += source.slice(i, end + 1).replace('{,', '{0,');
      i = end;
    } else if (c === '}') out += '\\}';
    else if ('*+?'.includes(c) && startedAt) continue;
    else if (c === '*' || c === '+' || c === '?')
      out = /[*+?]$/.test(out) && !/\\[*+?]$/.test(out) ? `${out.replace(/[*+?]+$/, '')}*` : out + c;
    else {
      if (c === '|') atStart = true;
      out += c === '/' ? '\\/' : c;
    }
  }
  if (depth > 0) throw new RegexError('Unmatched ( or \\(');
  return out;
}

export function compile(
  source: string,
  opts: { basic?: boolean; fixed?: boolean; perl?: boolean; ignoreCase?: boolean; flags?: string },
): RegExp {
  const body = opts.fixed ? source.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : opts.perl ? source : translate(source, opts.basic ?? false);
  try {
    return new RegExp(body, `${opts.flags ?? 'g'}${opts.ignoreCase ? 'i' : ''}`);
  } catch {
    throw new RegexError('Invalid regular expression');
  }
}
