/** POSIX extended regular expressions as JavaScript ones, for [[ =~ ]]. */

const CLASSES: Record<string, string> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\s',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  print: ' -~',
  graph: '!-~',
  cntrl: '\\x00-\\x1f\\x7f',
  xdigit: '0-9A-Fa-f',
};

/** Null when it is not a valid expression. */
export function posixRegExp(source: string, ignoreCase: boolean): RegExp | null {
  let out = '';
  for (let i = 0; i < source.length; i++) {
    const c = source[i] as string;
    if (c === '\\') {
      const next = source[++i];
      if (next === undefined) return null;
      out += next === '<' || next === '>' ? '\\b' : /[bBwWsS]/.test(next) ? `\\${next}` : /[A-Za-z0-9]/.test(next) ? next : `\\${next}`;
    } else if (c === '[') {
      let j = i + 1;
      let set = '[';
      if (source[j] === '^') {
        set += '^';
        j++;
      }
      const first = j;
      for (; j < source.length; j++) {
        if (source[j] === ']' && j > first) break;
        const m = /^\[:(\w+):\]/.exec(source.slice(j));
        if (m) {
          const cls = CLASSES[m[1] as string];
          if (!cls) return null;
          set += cls;
          j += m[0].length - 1;
        } else set += /[\\[\]^]/.test(source[j] as string) ? `\\${source[j]}` : source[j];
      }
      if (source[j] !== ']') return null;
      out += `${set}]`;
      i = j;
    } else if (c === '{' && !/^\{\d*,?\d*\}/.test(source.slice(i))) out += '\\{';
    else if (c === '}' && !/\{\d*,?\d*$/.test(out)) out += '\\}';
    else if (c === '/') out += '\\/';
    else out += c;
  }
  try {
    return new RegExp(out, ignoreCase ? 'i' : '');
  } catch {
    return null;
  }
}
