/** jq's language: text to a tree (paths, pipes, operators, functions, constructors, reduce, foreach, if, try). */

export class JqError extends Error {}

export type Ast =
  | { t: 'identity' }
  | { t: 'recurse' }
  | { t: 'literal'; v: unknown }
  | { t: 'format'; parts: (string | Ast)[]; name: string | null }
  | { t: 'index'; on: Ast; key: Ast }
  | { t: 'slice'; on: Ast; from: Ast | null; to: Ast | null }
  | { t: 'iterate'; on: Ast }
  | { t: 'try'; body: Ast; handler: Ast | null }
  | { t: 'pipe' | 'comma' | 'alt' | 'and' | 'or'; a: Ast; b: Ast }
  | { t: 'bin'; op: string; a: Ast; b: Ast }
  | { t: 'update'; op: string; a: Ast; b: Ast }
  | { t: 'neg'; e: Ast }
  | { t: 'array'; e: Ast | null }
  | { t: 'object'; entries: [Ast, Ast][] }
  | { t: 'call'; name: string; args: Ast[] }
  | { t: 'var'; name: string }
  | { t: 'as'; source: Ast; name: string; body: Ast }
  | { t: 'reduce'; source: Ast; name: string; init: Ast; update: Ast }
  | { t: 'foreach'; source: Ast; name: string; init: Ast; update: Ast; extract: Ast | null }
  | { t: 'if'; c: Ast; a: Ast; b: Ast | null }
  | { t: 'def'; name: string; params: string[]; body: Ast; rest: Ast };

interface Tok {
  type: 'op' | 'name' | 'field' | 'var' | 'num' | 'str' | 'format' | 'end';
  text: string;
  parts?: (string | Ast)[];
}

const OPS = [
  '?//',
  '//=',
  '|=',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '==',
  '!=',
  '<=',
  '>=',
  '//',
  '..',
  '|',
  ',',
  '+',
  '-',
  '*',
  '/',
  '%',
  '=',
  '<',
  '>',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ':',
  ';',
  '.',
  '?',
  '@',
];

function lex(src: string): Tok[] {
  const out: Tok[] = [];
  let i = 0;
  while (i < src.length) {
    const rest = src.slice(i);
    const space = /^(\s+|#[^\n]*)/.exec(rest);
    if (space) {
      i += space[0].length;
      continue;
    }
    let m = /^\.([A-Za-z_]\w*)/.exec(rest);
    if (m) {
      out.push({ type: 'field', text: m[1] as string });
      i += m[0].length;
      continue;
    }
    m = /^\$(__loc__|[A-Za-z_]\w*)/.exec(rest);
    if (m) {
      out.push({ type: 'var', text: m[1] as string });
      i += m[0].length;
      continue;
    }
    m = /^@(\w+)/.exec(rest);
    if (m) {
      out.push({ type: 'format', text: m[1] as string });
      i += m[0].length;
      continue;
    }
    m = /^(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/.exec(rest);
    if (m) {
      out.push({ type: 'num', text: m[0] });
      i += m[0].length;
      continue;
    }
    m = /^[A-Za-z_][\w:]*/.exec(rest);
    if (m) {
      const name = m[0].replace(/:+$/, '');
      out.push({ type: 'name', text: name });
      i += name.length;
      continue;
    }
    if (rest[0] === '"') {
      const parts: (string | Ast)[] = [];
      let text = '';
      i++;
      while (src[i] !== '"') {
        if (i >= src.length) throw new JqError('syntax error, unexpected end of file, expecting QQSTRING_TEXT');
        if (src[i] === '\\') {
          const n = src[i + 1];
          if (n === '(') {
            let depth = 1;
            let j = i + 2;
            for (; depth > 0 && j < src.length; j++) depth += src[j] === '(' ? 1 : src[j] === ')' ? -1 : 0;
            parts.push(text, parseJq(src.slice(i + 2, j - 1)));
            text = '';
            i = j;
            continue;
          }
          if (n === 'u') {
            text += String.fromCharCode(Number.parseInt(src.slice(i + 2, i + 6), 16));
            i += 6;
            continue;
          }
          text += ({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' } as Record<string, string>)[n as string] ?? n;
          i += 2;
          continue;
        }
        text += src[i++];
      }
      i++;
      parts.push(text);
      out.push({ type: 'str', text: '', parts });
      continue;
    }
    const op = OPS.find((o) => rest.startsWith(o));
    if (!op) throw new JqError(`syntax error, unexpected INVALID_CHARACTER (Unix shell quoting issues?)`);
    out.push({ type: 'op', text: op });
    i += op.length;
  }
  out.push({ type: 'end', text: '' });
  return out;
}

/** @throws JqError */
export function parseJq(src: string): Ast {
  const toks = lex(src);
  let i = 0;
  const peek = (): Tok => toks[i] as Tok;
  const is = (text: string): boolean => (peek().type === 'op' || peek().type === 'name') && peek().text === text;
  const take = (text: string): boolean => {
    if (!is(text)) return false;
    i++;
    return true;
  };
  const unexpected = (): never => {
    const t = peek();
    throw new JqError(
      `syntax error, unexpected ${t.type === 'end' ? 'end of file' : t.text === '' ? 'string' : `'${t.text}'`} (Unix shell quoting issues?)`,
    );
  };
  const need = (text: string): void => {
    if (!take(text)) unexpected();
  };
  const variable = (): string => {
    const t = peek();
    if (t.type !== 'var') unexpected();
    i++;
    return t.text;
  };

  function pipe(): Ast {
    if (take('def')) {
      const name = peek().text;
      i++;
      const params: string[] = [];
      if (take('(')) {
        do {
          params.push(peek().text);
          i++;
        } while (take(';'));
        need(')');
      }
      need(':');
      const body = pipe();
      need(';');
      return { t: 'def', name, params, body, rest: pipe() };
    }
    const a = comma();
    if (take('as')) {
      const name = variable();
      need('|');
      return { t: 'as', source: a, name, body: pipe() };
    }
    return take('|') ? { t: 'pipe', a, b: pipe() } : a;
  }
  function comma(): Ast {
    let a = alternative();
    while (take(',')) a = { t: 'comma', a, b: alternative() };
    return a;
  }
  function alternative(): Ast {
    const a = update();
    return take('//') ? { t: 'alt', a, b: alternative() } : a;
  }
  function update(): Ast {
    const a = or();
    for (const op of ['|=', '+=', '-=', '*=', '/=', '%=', '//=', '=']) if (take(op)) return { t: 'update', op, a, b: alternative() };
    return a;
  }
  function or(): Ast {
    let a = and();
    while (take('or')) a = { t: 'or', a, b: and() };
    return a;
  }
  function and(): Ast {
    let a = comparison();
    while (take('and')) a = { t: 'and', a, b: comparison() };
    return a;
  }
  function comparison(): Ast {
    const a = sum();
    for (const op of ['==', '!=', '<=', '>=', '<', '>']) if (take(op)) return { t: 'bin', op, a, b: sum() };
    return a;
  }
  function sum(): Ast {
    let a = product();
    while (is('+') || is('-')) {
      const op = peek().text;
      i++;
      a = { t: 'bin', op, a, b: product() };
    }
    return a;
  }
  function product(): Ast {
    let a = postfix();
    while (is('*') || is('/') || is('%')) {
      const op = peek().text;
      i++;
      a = { t: 'bin', op, a, b: postfix() };
    }
    return a;
  }
  function postfix(): Ast {
    let e = term();
    for (;;) {
      if (peek().type === 'field') {
        e = { t: 'index', on: e, key: { t: 'literal', v: peek().text } };
        i++;
      } else if (is('.') && (toks[i + 1]?.type === 'str' || toks[i + 1]?.text === '[')) {
        i++;
        if (peek().type === 'str') e = { t: 'index', on: e, key: string() };
      } else if (take('[')) e = bracket(e);
      else if (take('?')) e = { t: 'try', body: e, handler: null };
      else if (take('as')) {
        const name = variable();
        need('|');
        return { t: 'as', source: e, name, body: pipe() };
      } else return e;
    }
  }
  function bracket(on: Ast): Ast {
    if (take(']')) return { t: 'iterate', on };
    if (take(':')) {
      const to = pipe();
      need(']');
      return { t: 'slice', on, from: null, to };
    }
    const key = pipe();
    if (take(':')) {
      const to = is(']') ? null : pipe();
      need(']');
      return { t: 'slice', on, from: key, to };
    }
    need(']');
    return { t: 'index', on, key };
  }
  function string(): Ast {
    const t = peek();
    i++;
    const parts = t.parts ?? [];
    return parts.length === 1 ? { t: 'literal', v: parts[0] } : { t: 'format', parts, name: null };
  }
  function term(): Ast {
    const t = peek();
    if (t.type === 'num') {
      i++;
      return { t: 'literal', v: Number(t.text) };
    }
    if (t.type === 'str') return string();
    if (t.type === 'format') {
      i++;
      if (peek().type === 'str') return { t: 'format', parts: (toks[i++] as Tok).parts ?? [], name: t.text };
      return { t: 'call', name: `@${t.text}`, args: [] };
    }
    if (t.type === 'field') {
      i++;
      return { t: 'index', on: { t: 'identity' }, key: { t: 'literal', v: t.text } };
    }
    if (t.type === 'var') {
      i++;
      return { t: 'var', name: t.text };
    }
    if (take('..')) return { t: 'recurse' };
    if (take('.')) {
      if (peek().type === 'str') return { t: 'index', on: { t: 'identity' }, key: string() };
      return { t: 'identity' };
    }
    if (take('-')) return { t: 'neg', e: postfix() };
    if (take('(')) {
      const e = pipe();
      need(')');
      return e;
    }
    if (take('[')) {
      if (take(']')) return { t: 'array', e: null };
      const e = pipe();
      need(']');
      return { t: 'array', e };
    }
    if (take('{')) return object();
    if (take('if')) return conditional();
    if (take('try')) {
      const body = postfix();
      return { t: 'try', body, handler: take('catch') ? postfix() : null };
    }
    if (is('reduce') || is('foreach')) {
      const kind = peek().text;
      i++;
      const source = term2();
      need('as');
      const name = variable();
      need('(');
      const init = pipe();
      need(';');
      const upd = pipe();
      const extract = kind === 'foreach' && take(';') ? pipe() : null;
      need(')');
      return kind === 'reduce'
        ? { t: 'reduce', source, name, init, update: upd }
        : { t: 'foreach', source, name, init, update: upd, extract };
    }
    if (t.type === 'name') {
      i++;
      if (t.text === 'true' || t.text === 'false') return { t: 'literal', v: t.text === 'true' };
      if (t.text === 'null') return { t: 'literal', v: null };
      const args: Ast[] = [];
      if (take('(')) {
        do args.push(pipe());
        while (take(';'));
        need(')');
      }
      return { t: 'call', name: t.text, args };
    }
    return unexpected();
  }
  /** A postfix term that leaves `as` alone. */
  function term2(): Ast {
    let e = term();
    for (;;) {
      if (peek().type === 'field') {
        e = { t: 'index', on: e, key: { t: 'literal', v: peek().text } };
        i++;
      } else if (take('[')) e = bracket(e);
      else if (take('?')) e = { t: 'try', body: e, handler: null };
      else return e;
    }
  }
  function conditional(): Ast {
    const c = pipe();
    need('then');
    const a = pipe();
    let b: Ast | null = null;
    if (take('elif')) return { t: 'if', c, a, b: conditional() };
    if (take('else')) b = pipe();
    need('end');
    return { t: 'if', c, a, b };
  }
  function object(): Ast {
    const entries: [Ast, Ast][] = [];
    while (!is('}')) {
      const t = peek();
      let key: Ast;
      let fallback: Ast | null = null;
      if (t.type === 'var') {
        i++;
        key = { t: 'literal', v: t.text };
        fallback = { t: 'var', name: t.text };
      } else if (t.type === 'str') key = string();
      else if (take('(')) {
        key = pipe();
        need(')');
      } else if (t.type === 'name' || t.type === 'num') {
        i++;
        key = { t: 'literal', v: t.text };
      } else return unexpected();
      if (take(':')) {
        let v = alternative();
        while (take('|')) v = { t: 'pipe', a: v, b: alternative() };
        entries.push([key, v]);
      } else entries.push([key, fallback ?? { t: 'index', on: { t: 'identity' }, key }]);
      if (!take(',')) break;
    }
    need('}');
    return { t: 'object', entries };
  }

  if (peek().type === 'end') return { t: 'identity' };
  const e = pipe();
  if (peek().type !== 'end') unexpected();
  return e;
}
