/** awk's tokens. */

export class AwkError extends Error {}

export interface Token {
  type: 'number' | 'string' | 'regex' | 'name' | 'func' | 'builtin' | 'keyword' | 'op' | 'newline' | 'end';
  text: string;
}

const KEYWORDS = new Set([
  'BEGIN',
  'END',
  'function',
  'func',
  'if',
  'else',
  'while',
  'for',
  'do',
  'break',
  'continue',
  'next',
  'exit',
  'return',
  'delete',
  'in',
  'getline',
  'print',
  'printf',
  'nextfile',
]);
export const BUILTINS = new Set([
  'length',
  'substr',
  'index',
  'split',
  'sub',
  'gsub',
  'match',
  'sprintf',
  'sin',
  'cos',
  'atan2',
  'exp',
  'log',
  'sqrt',
  'int',
  'rand',
  'srand',
  'tolower',
  'toupper',
  'system',
  'close',
  'fflush',
  'strtonum',
  'systime',
  'strftime',
]);
const OPS = [
  '**=',
  '&&',
  '||',
  '++',
  '--',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '^=',
  '==',
  '<=',
  '>=',
  '!=',
  '!~',
  '>>',
  '**',
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  ';',
  ',',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '!',
  '>',
  '<',
  '|',
  '?',
  ':',
  '~',
  '$',
  '=',
];

export function tokenize(src: string): Token[] {
  const out: Token[] = [];
  let i = 0;
  while (i < src.length) {
    const c = src[i] as string;
    if (c === '\\' && src[i + 1] === '\n') i += 2;
    else if (c === '\n') {
      out.push({ type: 'newline', text: '\n' });
      i++;
    } else if (/\s/.test(c)) i++;
    else if (c === '#') while (i < src.length && src[i] !== '\n') i++;
    else if (/[0-9]/.test(c) || (c === '.' && /[0-9]/.test(src[i + 1] ?? ''))) {
      const m = /^(0[xX][0-9a-fA-F]+|(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)/.exec(src.slice(i)) as RegExpExecArray;
      out.push({ type: 'number', text: m[0] });
      i += m[0].length;
    } else if (c === '"') {
      let text = '';
      for (i++; src[i] !== '"'; i++) {
        if (i >= src.length || src[i] === '\n') throw new AwkError(`unterminated string "${text}...`);
        if (src[i] === '\\') {
          i++;
          const n = src[i] as string;
          const octal = /^[0-7]{1,3}/.exec(src.slice(i));
          if (octal) {
            text += String.fromCharCode(Number.parseInt(octal[0], 8));
            i += octal[0].length - 1;
          } else
            text +=
              (
                { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', '/': '/', a: '\x07', b: '\b', f: '\f', v: '\v' } as Record<
                  string,
                  string
                >
              )[n] ?? `\\${n}`;
        } else text += src[i];
      }
      i++;
      out.push({ type: 'string', text });
    } else if (/[A-Za-z_]/.test(c)) {
      const m = /^\w+/.exec(src.slice(i)) as RegExpExecArray;
      i += m[0].length;
      const type = KEYWORDS.has(m[0]) ? 'keyword' : BUILTINS.has(m[0]) ? 'builtin' : src[i] === '(' ? 'func' : 'name';
      out.push({ type, text: m[0] === 'func' ? 'function' : m[0] });
    } else if (c === '/' && regexMayStart(out.at(-1))) {
      let text = '';
      let inSet = false;
      for (i++; src[i] !== '/' || inSet; i++) {
        if (i >= src.length || src[i] === '\n') throw new AwkError(`non-terminated regular expression ${text}... at source line 1`);
        if (src[i] === '\\') {
          text += src[i + 1] === '/' ? '/' : `\\${src[i + 1]}`;
          i++;
          continue;
        }
        if (src[i] === '[') inSet = true;
        if (src[i] === ']') inSet = false;
        text += src[i];
      }
      i++;
      out.push({ type: 'regex', text });
    } else {
      const op = OPS.find((o) => src.startsWith(o, i));
      if (!op) throw new AwkError(`syntax error at source line ${src.slice(0, i).split('\n').length}\n context is\n\t >>> ${c} <<< `);
      out.push({ type: 'op', text: op === '**' ? '^' : op === '**=' ? '^=' : op });
      i += op.length;
    }
  }
  out.push({ type: 'end', text: '' });
  return out;
}

function regexMayStart(last: Token | undefined): boolean {
  if (!last) return true;
  if (last.type === 'number' || last.type === 'string' || last.type === 'name' || last.type === 'builtin' || last.type === 'regex')
    return false;
  return !(last.type === 'op' && [')', ']', '$', '++', '--'].includes(last.text));
}
