/** awk's grammar (POSIX): tokens to a tree. */

import { AwkError, type Token, tokenize } from './lex.ts';

export type Expr =
  | { t: 'num'; v: number }
  | { t: 'str'; v: string }
  | { t: 'regex'; v: string }
  | { t: 'var'; name: string }
  | { t: 'index'; name: string; keys: Expr[] }
  | { t: 'field'; e: Expr }
  | { t: 'assign'; op: string; to: Expr; e: Expr }
  | { t: 'cond'; c: Expr; a: Expr; b: Expr }
  | { t: 'bin'; op: string; a: Expr; b: Expr }
  | { t: 'and' | 'or'; a: Expr; b: Expr }
  | { t: 'match'; negate: boolean; a: Expr; b: Expr }
  | { t: 'in'; keys: Expr[]; name: string }
  | { t: 'unary'; op: string; e: Expr }
  | { t: 'incr'; op: string; prefix: boolean; e: Expr }
  | { t: 'call'; name: string; args: Expr[] }
  | { t: 'builtin'; name: string; args: Expr[] }
  | { t: 'group'; list: Expr[] }
  | { t: 'getline'; to: Expr | null; file: Expr | null; command: Expr | null };

export type Stmt =
  | { t: 'expr'; e: Expr }
  | { t: 'print' | 'printf'; args: Expr[]; to: { op: string; e: Expr } | null }
  | { t: 'if'; c: Expr; a: Stmt; b: Stmt | null }
  | { t: 'while'; c: Expr; body: Stmt }
  | { t: 'do'; c: Expr; body: Stmt }
  | { t: 'for'; init: Stmt | null; c: Expr | null; step: Stmt | null; body: Stmt }
  | { t: 'forin'; name: string; array: string; body: Stmt }
  | { t: 'block'; list: Stmt[] }
  | { t: 'next' | 'nextfile' | 'break' | 'continue' }
  | { t: 'exit' | 'return'; e: Expr | null }
  | { t: 'delete'; name: string; keys: Expr[] | null };

export interface Rule {
  pattern: 'BEGIN' | 'END' | Expr | null;
  to: Expr | null;
  body: Stmt | null;
}

export interface AwkProgram {
  rules: Rule[];
  functions: Map<string, { params: string[]; body: Stmt }>;
}

export function parseAwk(src: string): AwkProgram {
  const tokens = tokenize(src);
  let i = 0;
  let noIn = false;
  let noGt = false;
  const peek = (): Token => tokens[i] as Token;
  const is = (text: string): boolean => {
    const t = peek();
    return (t.type === 'op' || t.type === 'keyword') && t.text === text;
  };
  const fail = (): never => {
    throw new AwkError(
      `syntax error at source line 1\n context is\n\t${tokens
        .slice(Math.max(0, i - 3), i)
        .map((t) => t.text)
        .join(' ')} >>> ${peek().text} <<<`,
    );
  };
  const take = (text: string): boolean => {
    if (!is(text)) return false;
    i++;
    return true;
  };
  const need = (text: string): void => {
    if (!take(text)) fail();
  };
  const skipNewlines = (): void => {
    while (peek().type === 'newline') i++;
  };
  const terminators = (): void => {
    while (peek().type === 'newline' || is(';')) i++;
  };
  const name = (): string => {
    const t = peek();
    if (t.type !== 'name' && t.type !== 'func') fail();
    i++;
    return t.text;
  };

  function expr(): Expr {
    return ternary();
  }
  function lvalue(e: Expr): boolean {
    return e.t === 'var' || e.t === 'index' || e.t === 'field';
  }
  function ternary(): Expr {
    const c = or();
    if (take('?')) {
      skipNewlines();
      const a = ternary();
      skipNewlines();
      need(':');
      skipNewlines();
      return { t: 'cond', c, a, b: ternary() };
    }
    for (const op of ['=', '+=', '-=', '*=', '/=', '%=', '^='])
      if (is(op) && lvalue(c)) {
        i++;
        skipNewlines();
        return { t: 'assign', op, to: c, e: ternary() };
      }
    return c;
  }
  function or(): Expr {
    let a = and();
    while (take('||')) {
      skipNewlines();
      a = { t: 'or', a, b: and() };
    }
    return a;
  }
  function and(): Expr {
    let a = membership();
    while (take('&&')) {
      skipNewlines();
      a = { t: 'and', a, b: membership() };
    }
    return a;
  }
  function membership(): Expr {
    let a = matching();
    while (!noIn && is('in')) {
      i++;
      a = { t: 'in', keys: a.t === 'group' ? a.list : [a], name: name() };
    }
    return a;
  }
  function matching(): Expr {
    let a = comparison();
    while (is('~') || is('!~')) {
      const negate = is('!~');
      i++;
      a = { t: 'match', negate, a, b: comparison() };
    }
    return a;
  }
  function comparison(): Expr {
    const a = concat();
    for (const op of ['<', '<=', '==', '!=', '>', '>=']) {
      if (op === '>' && noGt) continue;
      if (!is(op)) continue;
      i++;
      return { t: 'bin', op, a, b: concat() };
    }
    return pipeGetline(a);
  }
  function pipeGetline(a: Expr): Expr {
    let e = a;
    while (is('|') && tokens[i + 1]?.text === 'getline') {
      i += 2;
      e = { t: 'getline', command: e, file: null, to: optionalLvalue() };
    }
    return e;
  }
  function optionalLvalue(): Expr | null {
    const t = peek();
    return t.type === 'name' || is('$') ? primary() : null;
  }
  function startsOperand(): boolean {
    const t = peek();
    if (['number', 'string', 'regex', 'name', 'func', 'builtin'].includes(t.type)) return true;
    return t.type === 'op' && ['$', '!', '(', '-', '+', '++', '--'].includes(t.text);
  }
  function concat(): Expr {
    let a = additive();
    while (startsOperand() && !is('in') && !is('+') && !is('-')) a = { t: 'bin', op: ' ', a, b: additive() };
    return a;
  }
  function additive(): Expr {
    let a = multiplicative();
    while (is('+') || is('-')) {
      const op = peek().text;
      i++;
      a = { t: 'bin', op, a, b: multiplicative() };
    }
    return a;
  }
  function multiplicative(): Expr {
    let a = unary();
    while (is('*') || is('/') || is('%')) {
      const op = peek().text;
      i++;
      a = { t: 'bin', op, a, b: unary() };
    }
    return a;
  }
  function unary(): Expr {
    for (const op of ['!', '-', '+']) if (take(op)) return { t: 'unary', op, e: unary() };
    return power();
  }
  function power(): Expr {
    const a = postfix();
    if (take('^')) return { t: 'bin', op: '^', a, b: is('-') ? unary() : power() };
    return a;
  }
  function postfix(): Expr {
    const e = primary();
    if (lvalue(e) && (is('++') || is('--'))) {
      const op = peek().text;
      i++;
      return { t: 'incr', op, prefix: false, e };
    }
    return e;
  }
  function args(): Expr[] {
    need('(');
    const [wasIn, wasGt] = [noIn, noGt];
    noIn = false;
    noGt = false;
    const list: Expr[] = [];
    skipNewlines();
    while (!is(')')) {
      list.push(expr());
      skipNewlines();
      if (!take(',')) break;
      skipNewlines();
    }
    need(')');
    [noIn, noGt] = [wasIn, wasGt];
    return list;
  }
  function primary(): Expr {
    const t = peek();
    if (t.type === 'number') {
      i++;
      return { t: 'num', v: Number(t.text) };
    }
    if (t.type === 'string') {
      i++;
      return { t: 'str', v: t.text };
    }
    if (t.type === 'regex') {
      i++;
      return { t: 'regex', v: t.text };
    }
    if (t.type === 'func') {
      i++;
      return { t: 'call', name: t.text, args: args() };
    }
    if (t.type === 'builtin') {
      i++;
      return { t: 'builtin', name: t.text, args: is('(') ? args() : [] };
    }
    if (t.type === 'name') {
      i++;
      if (!take('[')) return { t: 'var', name: t.text };
      const wasIn = noIn;
      noIn = false;
      const keys = [expr()];
      while (take(',')) keys.push(expr());
      need(']');
      noIn = wasIn;
      return { t: 'index', name: t.text, keys };
    }
    if (take('$')) {
      if (is('++') || is('--')) {
        const op = peek().text;
        i++;
        return { t: 'field', e: { t: 'incr', op, prefix: true, e: primary() } };
      }
      if (take('-')) return { t: 'field', e: { t: 'unary', op: '-', e: primary() } };
      return { t: 'field', e: primary() };
    }
    if (is('++') || is('--')) {
      i++;
      return { t: 'incr', op: t.text, prefix: true, e: primary() };
    }
    if (is('(')) {
      const list = args();
      if (list.length === 0) fail();
      return { t: 'group', list };
    }
    if (take('getline')) {
      const to = optionalLvalue();
      if (take('<')) return { t: 'getline', to, file: primary(), command: null };
      return { t: 'getline', to, file: null, command: null };
    }
    return fail();
  }

  function simple(): Stmt {
    if (is('print') || is('printf')) {
      const kind = peek().text as 'print' | 'printf';
      i++;
      noGt = true;
      const list: Expr[] = [];
      while (!(peek().type === 'newline' || peek().type === 'end' || is(';') || is('}') || is('>') || is('>>') || is('|'))) {
        list.push(expr());
        if (!take(',')) break;
        skipNewlines();
      }
      noGt = false;
      const only = list[0];
      const flat = list.length === 1 && only?.t === 'group' ? only.list : list;
      for (const op of ['>>', '>', '|']) if (take(op)) return { t: kind, args: flat, to: { op, e: concat() } };
      return { t: kind, args: flat, to: null };
    }
    if (take('delete')) {
      const n = name();
      if (!take('[')) return { t: 'delete', name: n, keys: null };
      const keys = [expr()];
      while (take(',')) keys.push(expr());
      need(']');
      return { t: 'delete', name: n, keys };
    }
    return { t: 'expr', e: expr() };
  }
  function end(): void {
    if (is('}') || peek().type === 'end') return;
    if (peek().type === 'newline' || is(';')) {
      terminators();
      return;
    }
    fail();
  }
  function statement(): Stmt {
    if (is('{')) {
      const b = block();
      terminators();
      return b;
    }
    if (take('if')) {
      need('(');
      const c = expr();
      need(')');
      skipNewlines();
      const a: Stmt = take(';') ? { t: 'block', list: [] } : statement();
      const back = i;
      terminators();
      if (take('else')) {
        skipNewlines();
        return { t: 'if', c, a, b: statement() };
      }
      i = back;
      return { t: 'if', c, a, b: null };
    }
    if (take('while')) {
      need('(');
      const c = expr();
      need(')');
      if (take(';')) return { t: 'while', c, body: { t: 'block', list: [] } };
      skipNewlines();
      return { t: 'while', c, body: statement() };
    }
    if (take('do')) {
      skipNewlines();
      const body = statement();
      terminators();
      need('while');
      need('(');
      const c = expr();
      need(')');
      end();
      return { t: 'do', c, body };
    }
    if (take('for')) {
      need('(');
      if (peek().type === 'name' && tokens[i + 1]?.text === 'in' && tokens[i + 3]?.text === ')') {
        const n = name();
        i++;
        const array = name();
        need(')');
        skipNewlines();
        return { t: 'forin', name: n, array, body: statement() };
      }
      const init = is(';') ? null : simple();
      need(';');
      skipNewlines();
      const c = is(';') ? null : expr();
      need(';');
      skipNewlines();
      const step = is(')') ? null : simple();
      need(')');
      if (take(';')) return { t: 'for', init, c, step, body: { t: 'block', list: [] } };
      skipNewlines();
      return { t: 'for', init, c, step, body: statement() };
    }
    for (const word of ['next', 'nextfile', 'break', 'continue'] as const)
      if (take(word)) {
        end();
        return { t: word };
      }
    for (const word of ['exit', 'return'] as const)
      if (take(word)) {
        const e = peek().type === 'newline' || peek().type === 'end' || is(';') || is('}') ? null : expr();
        end();
        return { t: word, e };
      }
    if (take(';')) return { t: 'block', list: [] };
    const s = simple();
    end();
    return s;
  }
  function block(): Stmt {
    need('{');
    const list: Stmt[] = [];
    terminators();
    while (!is('}')) {
      if (peek().type === 'end') fail();
      list.push(statement());
      terminators();
    }
    need('}');
    return { t: 'block', list };
  }

  const out: AwkProgram = { rules: [], functions: new Map() };
  terminators();
  while (peek().type !== 'end') {
    if (take('function')) {
      const n = name();
      need('(');
      const params: string[] = [];
      while (!is(')')) {
        params.push(name());
        if (!take(',')) break;
        skipNewlines();
      }
      need(')');
      skipNewlines();
      out.functions.set(n, { params, body: block() });
    } else {
      const rule: Rule = { pattern: null, to: null, body: null };
      if (is('BEGIN') || is('END')) {
        rule.pattern = peek().text as 'BEGIN';
        i++;
        if (!is('{')) fail();
      } else if (!is('{')) {
        rule.pattern = expr();
        if (take(',')) {
          skipNewlines();
          rule.to = expr();
        }
      }
      if (is('{')) rule.body = block();
      out.rules.push(rule);
    }
    terminators();
  }
  return out;
}
