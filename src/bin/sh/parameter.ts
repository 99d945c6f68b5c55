/** Parameter expansion: $x, ${x:-y}, ${x#p}, ${x/p/r}, ${x:o:l}, ${!x}, ${#x}, ${x@Q}, arrays. Models subst.c of bash */

import type { ParameterExpansionPart, ParameterOperation, SimpleExpansionPart, Word } from 'unbash';
import type { Task } from '../../os/process.ts';
import { arithmetic } from './arithmetic.ts';
import { assignElement, subscript } from './assign.ts';
import { BREAK, expandPattern, expandString, joinSegs, type Seg, wordSegs } from './expand.ts';
import { type Piece, patternRegExp } from './pattern.ts';
import { decodePrompt } from './prompt.ts';
import { Abandon, type Shell } from './state.ts';
import { ansiQuoted, doubleQuoted, NAME, OutOfMemory, type Variable } from './vars.ts';

/** What a parameter stands for: one value, or the list of @ and * (`star`). */
type Value = { list: null; scalar: string | undefined } | { list: string[]; star: boolean; keys?: string[] };

const scalar = (s: string | undefined): Value => ({ list: null, scalar: s });

export function special(sh: Shell, name: string): Value | null {
  switch (name) {
    case '@':
    case '*':
      return { list: sh.args, star: name === '*' };
    case '#':
      return scalar(String(sh.args.length));
    case '?':
      return scalar(String(sh.status));
    case '$':
      return scalar(String(sh.shellPid));
    case '!':
      return scalar(sh.lastBackground ? String(sh.lastBackground) : undefined);
    case '-':
      return scalar(sh.flags);
    case '_':
      return scalar(sh.lastArg);
    case '0':
      return scalar(sh.arg0);
  }
  if (/^\d+$/.test(name)) return scalar(sh.args[Number(name) - 1]);
  return null;
}

function lookup(sh: Shell, name: string): Value {
  return special(sh, name) ?? scalar(sh.vars.get(name));
}

function* parameterValue(sh: Shell, name: string, index: Word | undefined): Task<Value> {
  if (!index) return lookup(sh, name);
  if (index.text === '@' || index.text === '*') return { list: sh.vars.values(name), star: index.text === '*', keys: sh.vars.keys(name) };
  const key = yield* subscript(sh, sh.vars.find(name), index);
  return scalar(sh.vars.element(name, key));
}

/** An indirect name may carry a subscript: ${!ref} with ref='a[1]'. */
function* indirect(sh: Shell, name: string): Task<Value> {
  const m = /^([A-Za-z_]\w*)\[(.*)\]$/s.exec(name);
  if (!m) return lookup(sh, name);
  const [, base, index] = m as unknown as [string, string, string];
  if (index === '@' || index === '*') return { list: sh.vars.values(base), star: index === '*' };
  const key = sh.vars.isAssoc(base) ? index : String(yield* arithmetic(sh, index));
  return scalar(sh.vars.element(base, key));
}

function emit(sh: Shell, value: Value, quoted: boolean): Seg[] {
  if (value.list === null)
    return value.scalar === undefined
      ? quoted
        ? [{ text: '', quoted, split: false }]
        : []
      : [{ text: value.scalar, quoted, split: !quoted }];
  if (quoted && value.star) return [{ text: value.list.join(sh.ifs.slice(0, 1)), quoted: true, split: false }];
  const out: Seg[] = [];
  value.list.forEach((text, i) => {
    if (i > 0) out.push(BREAK);
    out.push({ text, quoted, split: !quoted });
  });
  return out;
}

function* badSubstitution(sh: Shell, text: string): Task<never> {
  yield* sh.warn(`${text}: bad substitution`);
  throw new Abandon(1, true);
}

function* unbound(sh: Shell, name: string): Task<never> {
  yield* sh.warn(`${name}: unbound variable`);
  throw new Abandon(sh.commandString && sh.subshellLevel === 0 ? 127 : 1, true);
}

export function* expandParameter(sh: Shell, part: SimpleExpansionPart | ParameterExpansionPart, quoted: boolean): Task<Seg[]> {
  if (part.type === 'SimpleExpansion') {
    const name = part.text.slice(1);
    const value = lookup(sh, name);
    if (value.list === null && value.scalar === undefined && sh.on('nounset')) yield* unbound(sh, /^\d$/.test(name) ? `$${name}` : name);
    return emit(sh, value, quoted);
  }
  const { parameter: name, index, operation: op, prefix } = part;
  if (!NAME.test(name) && special(sh, name) === null) yield* badSubstitution(sh, part.text);
  if (op?.type === 'Unknown') yield* badSubstitution(sh, part.text);
  if (prefix === '!') {
    if (op?.type === 'Names') {
      const names = sh.vars.names().filter((n) => n.startsWith(name));
      return emit(sh, { list: names, star: op.operator === '*' }, quoted);
    }
    if (index && (index.text === '@' || index.text === '*') && !op)
      return emit(sh, { list: sh.vars.keys(name), star: index.text === '*' }, quoted);
    const refVariable = rawVariable(sh, name);
    if (refVariable?.nameref && !op && !index) return emit(sh, scalar(refVariable.value), quoted);
    const ref = yield* parameterValue(sh, name, index);
    const target = ref.list === null ? ref.scalar : ref.list.join(' ');
    if (target === undefined || target === '') {
      if (ref.list === null && ref.scalar === undefined && !op) {
        yield* sh.warn(`${name}: invalid indirect expansion`);
        throw new Abandon(1, true);
      }
      return yield* operate(sh, part, name, index, scalar(undefined), quoted);
    }
    return yield* operate(sh, part, target, undefined, yield* indirect(sh, target), quoted);
  }
  const value = yield* parameterValue(sh, name, index);
  if (prefix === '#') {
    if (value.list !== null) return [{ text: String(value.list.length), quoted, split: !quoted }];
    if (value.scalar === undefined && sh.on('nounset')) yield* unbound(sh, name);
    return [{ text: String([...(value.scalar ?? '')].length), quoted, split: !quoted }];
  }
  return yield* operate(sh, part, name, index, value, quoted);
}

function rawVariable(sh: Shell, name: string): Variable | undefined {
  for (let i = sh.vars.scopes.length - 1; i >= 0; i--) {
    const v = sh.vars.scopes[i]?.get(name);
    if (v) return v;
  }
  return undefined;
}

function* operate(
  sh: Shell,
  part: ParameterExpansionPart,
  name: string,
  index: Word | undefined,
  value: Value,
  quoted: boolean,
): Task<Seg[]> {
  const op: ParameterOperation | undefined = part.operation;
  const label = index ? `${name}[${index.text}]` : name;
  if (op?.type === 'Default') return yield* defaults(sh, op, name, index, value, quoted);
  if (value.list === null && value.scalar === undefined && sh.on('nounset') && !(op?.type === 'Transform'))
    yield* unbound(sh, /^\d+$/.test(name) ? `$${name}` : label);
  if (!op) return emit(sh, value, quoted);
  switch (op.type) {
    case 'Remove': {
      const pattern = yield* expandPattern(sh, op.operand);
      return emit(
        sh,
        each(value, (s) => remove(sh, s, op.operator, pattern)),
        quoted,
      );
    }
    case 'Replace': {
      const pattern = yield* expandPattern(sh, op.pattern);
      const replacement = yield* wordSegs(sh, op.replacement, 'none');
      return emit(
        sh,
        each(value, (s) => replace(sh, s, op.operator, pattern, replacement)),
        quoted,
      );
    }
    case 'CaseModification': {
      const pattern = op.operand ? yield* expandPattern(sh, op.operand) : null;
      return emit(
        sh,
        each(value, (s) => caseModify(sh, s, op.operator, pattern)),
        quoted,
      );
    }
    case 'Slice':
      return emit(sh, yield* slice(sh, name, value, op.offset, op.length), quoted);
    case 'Transform':
      return yield* transform(sh, name, index, value, yield* expandString(sh, op.operand), quoted, part.text);
    default:
      return emit(sh, value, quoted);
  }
}

function each(value: Value, f: (s: string) => string): Value {
  if (value.list !== null) return { ...value, list: value.list.map(f) };
  return scalar(value.scalar === undefined ? undefined : f(value.scalar));
}

function* defaults(
  sh: Shell,
  op: Extract<ParameterOperation, { type: 'Default' }>,
  name: string,
  index: Word | undefined,
  value: Value,
  quoted: boolean,
): Task<Seg[]> {
  const colon = op.operator.startsWith(':');
  const isSet = value.list !== null ? value.list.length > 0 : value.scalar !== undefined;
  const text = value.list !== null ? value.list.join(' ') : value.scalar;
  const useOperand = !isSet || (colon && text === '');
  const operand = function* (): Task<Seg[]> {
    const segs = yield* wordSegs(sh, op.operand, quoted ? 'quoted' : 'word');
    return quoted ? segs : segs.map((s) => (s.quoted || s.brk ? s : { ...s, split: true }));
  };
  switch (op.operator.slice(-1)) {
    case '-':
      return useOperand ? yield* operand() : emit(sh, value, quoted);
    case '+':
      return useOperand ? (quoted ? [{ text: '', quoted, split: false }] : []) : yield* operand();
    case '=': {
      if (!useOperand) return emit(sh, value, quoted);
      const made = joinSegs(yield* operand());
      if (!NAME.test(name)) {
        yield* sh.warn(`$${name}: cannot assign in this way`);
        throw new Abandon(1, true);
      }
      if (index) assignElement(sh, name, yield* subscript(sh, sh.vars.find(name), index), made);
      else yield* sh.assign(name, made);
      return [{ text: made, quoted, split: !quoted }];
    }
    default: {
      if (!useOperand) return emit(sh, value, quoted);
      const message = joinSegs(yield* operand());
      yield* sh.warn(
        `${index ? `${name}[${index.text}]` : name}: ${message === '' ? (colon ? 'parameter null or not set' : 'parameter not set') : message}`,
      );
      throw new Abandon(sh.commandString && sh.subshellLevel === 0 ? 127 : 1, true);
    }
  }
}

function remove(sh: Shell, s: string, operator: string, pattern: readonly Piece[]): string {
  const opts = sh.patternOptions;
  const re = patternRegExp(pattern, opts);
  const n = s.length;
  if (operator === '#') {
    for (let i = 0; i <= n; i++) if (re.test(s.slice(0, i))) return s.slice(i);
  } else if (operator === '##') {
    for (let i = n; i >= 0; i--) if (re.test(s.slice(0, i))) return s.slice(i);
  } else if (operator === '%') {
    for (let i = n; i >= 0; i--) if (re.test(s.slice(i))) return s.slice(0, i);
  } else for (let i = 0; i <= n; i++) if (re.test(s.slice(i))) return s.slice(0, i);
  return s;
}

/** The engine's regular expressions take many times the memory of what they search. */
const MAX_REPLACE = 4 << 20;

function replace(sh: Shell, s: string, operator: string, pattern: readonly Piece[], replacement: readonly Seg[]): string {
  if (s.length > MAX_REPLACE) throw new OutOfMemory(s.length);
  const empty = pattern.every((p) => p.text === '');
  if (empty && operator !== '/#' && operator !== '/%') return s;
  // patsub_replacement: an unquoted & is what matched.
  const put = (matched: string): string =>
    replacement
      .map((r) =>
        r.brk
          ? ' '
          : r.quoted || !sh.opt('patsub_replacement')
            ? r.text
            : r.text.replace(/\\(.)|&/gs, (m, c: string | undefined) => c ?? (m === '&' ? matched : m)),
      )
      .join('');
  const anchored = operator === '/#' ? 'start' : operator === '/%' ? 'end' : 'none';
  const re = patternRegExp(pattern, sh.patternOptions, anchored, operator === '//' ? 'g' : '');
  return s.replace(re, (matched) => (matched === '' && anchored === 'none' ? '' : put(matched)));
}

function caseModify(sh: Shell, s: string, operator: string, pattern: readonly Piece[] | null): string {
  const re = pattern && pattern.length > 0 ? patternRegExp(pattern, sh.patternOptions) : null;
  const change = operator.startsWith('^') ? (c: string) => c.toUpperCase() : (c: string) => c.toLowerCase();
  const one = (c: string): string => (!re || re.test(c) ? change(c) : c);
  const all = [...s];
  if (operator.length === 2) return all.map(one).join('');
  return all.length === 0 ? s : one(all[0] as string) + all.slice(1).join('');
}

function* slice(sh: Shell, name: string, value: Value, offsetWord: Word, lengthWord: Word | undefined): Task<Value> {
  const offset = Number(yield* arithmetic(sh, offsetWord.text));
  const length = lengthWord ? Number(yield* arithmetic(sh, lengthWord.text)) : null;
  if (value.list !== null) {
    const positional = name === '@' || name === '*';
    const list = positional ? [sh.arg0, ...value.list] : value.list;
    if (length !== null && length < 0) {
      yield* sh.warn(`${lengthWord?.text}: substring expression < 0`);
      throw new Abandon(1);
    }
    if (!positional && value.keys && offset >= 0) {
      const kept = list.filter((_, i) => Number((value.keys as string[])[i]) >= offset);
      return { list: length === null ? kept : kept.slice(0, length), star: value.star };
    }
    const start = offset < 0 ? list.length + offset : offset;
    if (start < 0) return { list: [], star: value.star };
    const from = positional && start === 0 && offset < 0 ? 0 : start;
    return { list: list.slice(from, length === null ? undefined : from + length), star: value.star };
  }
  const chars = [...(value.scalar ?? '')];
  const start = offset < 0 ? chars.length + offset : offset;
  if (start < 0 || start > chars.length) return scalar('');
  let end = chars.length;
  if (length !== null) {
    end = length < 0 ? chars.length + length : start + length;
    if (end < start) {
      yield* sh.warn(`${lengthWord?.text}: substring expression < 0`);
      throw new Abandon(1);
    }
  }
  return scalar(chars.slice(start, end).join(''));
}

export function attributeLetters(v: Variable | undefined): string {
  if (!v) return '';
  return (
    (v.array ? 'a' : '') +
    (v.assoc ? 'A' : '') +
    (v.integer ? 'i' : '') +
    (v.nameref ? 'n' : '') +
    (v.readonly ? 'r' : '') +
    (v.lower ? 'l' : '') +
    (v.upper ? 'u' : '') +
    (v.exported ? 'x' : '')
  );
}

export function quoteForReuse(s: string): string {
  return /[\x00-\x1f\x7f]/.test(s) ? ansiQuoted(s) : `'${s.replace(/'/g, "'\\''")}'`;
}

function* transform(
  sh: Shell,
  name: string,
  index: Word | undefined,
  value: Value,
  op: string,
  quoted: boolean,
  text: string,
): Task<Seg[]> {
  switch (op) {
    case 'Q':
      return emit(sh, each(value, quoteForReuse), quoted);
    case 'U':
      return emit(
        sh,
        each(value, (s) => s.toUpperCase()),
        quoted,
      );
    case 'u':
      return emit(
        sh,
        each(value, (s) => s.slice(0, 1).toUpperCase() + s.slice(1)),
        quoted,
      );
    case 'L':
      return emit(
        sh,
        each(value, (s) => s.toLowerCase()),
        quoted,
      );
    case 'E':
      return emit(sh, each(value, backslashEscapes), quoted);
    case 'P': {
      const out: string[] = [];
      for (const s of value.list ?? [value.scalar ?? '']) out.push(yield* decodePrompt(sh, s));
      return emit(sh, value.list ? { list: out, star: value.star } : scalar(out[0]), quoted);
    }
    case 'a':
      return emit(sh, scalar(attributeLetters(sh.vars.find(name))), quoted);
    case 'A': {
      const letters = attributeLetters(sh.vars.find(name));
      if (value.list)
        return emit(
          sh,
          scalar(
            `declare -${letters || '-'} ${name}=(${sh.vars
              .keys(name)
              .map((k) => `[${k}]=${doubleQuoted(sh.vars.element(name, k) ?? '')}`)
              .join(' ')})`,
          ),
          quoted,
        );
      if (value.scalar === undefined) return emit(sh, scalar(''), quoted);
      return emit(
        sh,
        scalar(letters ? `declare -${letters} ${name}=${quoteForReuse(value.scalar)}` : `${name}=${quoteForReuse(value.scalar)}`),
        quoted,
      );
    }
    case 'K':
    case 'k': {
      if (value.list === null) return emit(sh, each(value, quoteForReuse), quoted);
      const pairs = sh.vars.keys(name).flatMap((k) => [k, sh.vars.element(name, k) ?? '']);
      if (op === 'k') return emit(sh, { list: pairs, star: value.star }, quoted);
      return emit(sh, scalar(pairs.map((x, i) => (i % 2 ? doubleQuoted(x) : x)).join(' ')), quoted);
    }
  }
  return yield* badSubstitution(sh, text.replace(/\[.*/, index ? text.slice(text.indexOf('[')) : ''));
}

/** \n, \t, \x41 … as $'..' reads them. */
export function backslashEscapes(s: string): string {
  return s.replace(/\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c(.)|(.))/gs, (m, x, u, U, o, ctl, c) => {
    if (x ?? u ?? U) return String.fromCodePoint(Number.parseInt(x ?? u ?? U, 16));
    if (o) return String.fromCharCode(Number.parseInt(o, 8) & 255);
    if (ctl) return String.fromCharCode(ctl.toUpperCase().charCodeAt(0) ^ 64);
    const map: Record<string, string> = {
      a: '\x07',
      b: '\b',
      e: '\x1b',
      E: '\x1b',
      f: '\f',
      n: '\n',
      r: '\r',
      t: '\t',
      v: '\v',
      '\\': '\\',
      "'": "'",
      '"': '"',
      '?': '?',
    };
    return map[c] ?? m;
  });
}
