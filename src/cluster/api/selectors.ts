/** Label and field selectors: text to predicate. Models apimachinery/pkg/labels and pkg/fields. */

import { goQuote } from './field.ts';
import { labelValue, qualifiedName } from './names.ts';

export type Labels = Readonly<Record<string, string>> | undefined;
export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

interface Token {
  readonly type: 'text' | '(' | ')' | ',' | '!' | '=' | '==' | '!=' | '<' | '>' | 'in' | 'notin' | 'end';
  readonly text: string;
}

const SPECIAL = '=!(),><';

function lex(input: string): Token[] {
  const out: Token[] = [];
  let i = 0;
  while (i < input.length) {
    const c = input[i] as string;
    if (/\s/.test(c)) i++;
    else if (SPECIAL.includes(c)) {
      const two = input.slice(i, i + 2);
      const type = two === '==' || two === '!=' ? two : c;
      out.push({ type: type as Token['type'], text: type });
      i += type.length;
    } else {
      let j = i;
      while (j < input.length && !SPECIAL.includes(input[j] as string) && !/\s/.test(input[j] as string)) j++;
      const text = input.slice(i, j);
      out.push({ type: text === 'in' || text === 'notin' ? text : 'text', text });
      i = j;
    }
  }
  out.push({ type: 'end', text: '' });
  return out;
}

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;
  error = '';

  constructor(input: string) {
    this.tokens = lex(input);
  }

  private peek(): Token {
    return this.tokens[Math.min(this.at, this.tokens.length - 1)] as Token;
  }

  private next(): Token {
    const t = this.peek();
    this.at++;
    return t;
  }

  private fail(text: string): undefined {
    this.error ||= text;
    return undefined;
  }

  parse(): Requirement[] {
    const out: Requirement[] = [];
    if (this.peek().type === 'end') return out;
    for (;;) {
      const t = this.peek();
      if (t.type !== 'text' && t.type !== 'in' && t.type !== 'notin' && t.type !== '!') {
        this.fail(`found '${t.text}', expected: !, identifier, or 'end of string'`);
        return out;
      }
      const r = this.requirement();
      if (!r) return out;
      out.push(r);
      const sep = this.next();
      if (sep.type === 'end') return out;
      if (sep.type !== ',') {
        this.fail(`found '${sep.text}', expected: ',' or 'end of string'`);
        return out;
      }
      const after = this.peek();
      if (after.type !== 'text' && after.type !== 'in' && after.type !== 'notin' && after.type !== '!') {
        this.fail(`found '${after.text}', expected: identifier after ','`);
        return out;
      }
    }
  }

  private requirement(): Requirement | undefined {
    let negated = false;
    if (this.peek().type === '!') {
      this.next();
      negated = true;
    }
    const t = this.next();
    if (t.type !== 'text' && t.type !== 'in' && t.type !== 'notin') return this.fail(`found '${t.text}', expected: identifier`);
    const bad = qualifiedName(t.text);
    if (bad.length > 0) return this.fail(`<nil>: Invalid value: ${goQuote(t.text)}: ${bad.join('; ')}`);
    const key = t.text;
    const op = this.peek();
    if (op.type === 'end' || op.type === ',') return { key, operator: negated ? 'DoesNotExist' : 'Exists', values: [] };
    if (negated) return { key, operator: 'DoesNotExist', values: [] };
    this.next();
    if (op.type === 'in' || op.type === 'notin') {
      const values = this.set();
      return values && this.checked({ key, operator: op.type === 'in' ? 'In' : 'NotIn', values: [...new Set(values)].sort() });
    }
    const operators: Partial<Record<Token['type'], Operator>> = { '=': 'In', '==': 'In', '!=': 'NotIn', '>': 'Gt', '<': 'Lt' };
    const operator = operators[op.type];
    if (!operator) return this.fail(`found '${op.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const value = this.exact();
    return value === undefined ? undefined : this.checked({ key, operator, values: [value] });
  }

  private checked(r: Requirement): Requirement | undefined {
    for (let i = 0; i < r.values.length; i++) {
      const v = r.values[i] as string;
      if ((r.operator === 'Gt' || r.operator === 'Lt') && !/^[+-]?\d+$/.test(v))
        return this.fail(`values[${i}]: Invalid value: ${goQuote(v)}: for 'Gt', 'Lt' operators, the value must be an integer`);
      const bad = labelValue(v);
      if (bad.length > 0) return this.fail(`values[${i}][${r.key}]: Invalid value: ${goQuote(v)}: ${bad.join('; ')}`);
    }
    return r;
  }

  private exact(): string | undefined {
    const t = this.peek();
    if (t.type === 'end' || t.type === ',') return '';
    this.next();
    if (t.type === 'text' || t.type === 'in' || t.type === 'notin') return t.text;
    return this.fail(`found '${t.text}', expected: identifier`);
  }

  private set(): string[] | undefined {
    const open = this.next();
    if (open.type !== '(') return this.fail(`found '${open.text}' expected: '('`);
    const out: string[] = [];
    if (this.peek().type === ')') {
      this.next();
      return [''];
    }
    for (let n = 0; n < this.tokens.length; n++) {
      const t = this.peek();
      if (t.type === 'text' || t.type === 'in' || t.type === 'notin') {
        this.next();
        out.push(t.text);
      } else if (t.type === ',' || t.type === ')') out.push('');
      else return this.fail(`found '${t.text}', expected: ',', ')' or identifier`);
      const sep = this.next();
      if (sep.type === ')') return out;
      if (sep.type !== ',') return this.fail(`found '${sep.text}', expected: ',' or ')'`);
    }
    return out;
  }
}

const parsed = new Map<string, Parsed<readonly Requirement[]>>();

/** `a=b,c!=d,e in (x,y),!f` */
export function parseLabelSelector(text: string): Parsed<readonly Requirement[]> {
  const known = parsed.get(text);
  if (known) return known;
  const parser = new Parser(text);
  const value = parser.parse().sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const result: Parsed<readonly Requirement[]> = parser.error
    ? { ok: false, error: `unable to parse requirement: ${parser.error}` }
    : { ok: true, value };
  if (parsed.size > 2000) parsed.clear();
  parsed.set(text, result);
  return result;
}

export function matchesRequirements(requirements: readonly Requirement[], labels: Labels): boolean {
  for (const r of requirements) {
    const value = labels !== undefined && Object.hasOwn(labels, r.key) ? labels[r.key] : undefined;
    if (!matches(r, value)) return false;
  }
  return true;
}

function matches(r: Requirement, value: string | undefined): boolean {
  switch (r.operator) {
    case 'In':
      return value !== undefined && r.values.includes(value);
    case 'NotIn':
      return value === undefined || !r.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default: {
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
      const limit = Number(r.values[0]);
      return r.operator === 'Gt' ? Number(value) > limit : Number(value) < limit;
    }
  }
}

/** A LabelSelector of an object's spec. A missing selector matches nothing, an empty one everything. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

const compiled = new WeakMap<LabelSelector, readonly Requirement[]>();

export function selectorRequirements(selector: LabelSelector): readonly Requirement[] {
  const known = compiled.get(selector);
  if (known) return known;
  const out: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, v]) => ({ key, operator: 'In', values: [v] }));
  for (const e of selector.matchExpressions ?? []) out.push({ key: e.key, operator: e.operator as Operator, values: e.values ?? [] });
  compiled.set(selector, out);
  return out;
}

export function matchesSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  return selector !== undefined && matchesRequirements(selectorRequirements(selector), labels);
}

/** Text of a selector as messages and `describe` show it: `app=web,tier in (a,b)`. */
export function requirementText(r: Requirement): string {
  switch (r.operator) {
    case 'Exists':
      return r.key;
    case 'DoesNotExist':
      return `!${r.key}`;
    case 'Gt':
      return `${r.key}>${r.values[0]}`;
    case 'Lt':
      return `${r.key}<${r.values[0]}`;
    case 'In':
      return r.values.length === 1 ? `${r.key}=${r.values[0]}` : `${r.key} in (${r.values.join(',')})`;
    default:
      return r.values.length === 1 ? `${r.key}!=${r.values[0]}` : `${r.key} notin (${r.values.join(',')})`;
  }
}

export interface FieldTerm {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
}

/** `spec.nodeName=node-1,status.phase!=Running` */
export function parseFieldSelector(text: string): Parsed<readonly FieldTerm[]> {
  const out: FieldTerm[] = [];
  for (const part of splitTerms(text)) {
    if (part === '') continue;
    const m = /^((?:[^=!\\]|\\.|!(?!=))*?)(!=|==|=)([\s\S]*)$/.exec(part);
    if (!m) return { ok: false, error: `invalid selector: '${text}'; can't understand '${part}'` };
    out.push({ field: m[1] as string, equal: m[2] !== '!=', value: (m[3] as string).replace(/\\([\\,=])/g, '$1') });
  }
  return { ok: true, value: out };
}

function splitTerms(text: string): string[] {
  const out: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      out.push(text.slice(start, i));
      start = i + 1;
    }
  }
  out.push(text.slice(start));
  return out;
}
