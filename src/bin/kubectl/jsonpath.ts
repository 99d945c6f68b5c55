/** JSONPath templates: parsing, finding, printing, with their error texts. Models client-go/util/jsonpath */

import { Failure, failure } from './errors.ts';
import { goValue } from './gofmt.ts';
import { goJson, goJsonIndent, isArray, isObject, type Json, sortedKeys } from './json.ts';

type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'array'; readonly params: readonly Param[] }
  | { readonly type: 'filter'; readonly left: readonly Node[]; readonly right: readonly Node[]; readonly op: string }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'wildcard' }
  | { readonly type: 'recursive' }
  | { readonly type: 'union'; readonly lists: readonly (readonly Node[])[] }
  | { readonly type: 'identifier'; readonly name: string }
  | { readonly type: 'list'; readonly nodes: readonly Node[] };

interface Param {
  readonly value: number;
  readonly known: boolean;
  /** Made from a missing end: `[2]` ends one behind. */
  readonly derived: boolean;
}

const SLICE = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/;
const FILTER = /^([^!<>=]+)([!<>=]+)(.+?)$/s;
const MAX_DEPTH = 200;

class Parser {
  private readonly text: string;
  private at = 0;
  private readonly depth: number;
  error: string | null = null;

  constructor(text: string, depth = 0) {
    this.text = text;
    this.depth = depth;
    if (depth > MAX_DEPTH) this.error = 'template is nested too deeply';
  }

  private fail(text: string): undefined {
    this.error ??= text;
  }

  template(): Node[] {
    const out: Node[] = [];
    while (this.error === null && this.at < this.text.length) {
      const open = this.text.indexOf('{', this.at);
      if (open < 0) {
        out.push({ type: 'text', text: this.text.slice(this.at) });
        break;
      }
      if (open > this.at) out.push({ type: 'text', text: this.text.slice(this.at, open) });
      this.at = open + 1;
      out.push({ type: 'list', nodes: this.action() });
    }
    return out;
  }

  private action(): Node[] {
    const out: Node[] = [];
    while (this.error === null) {
      if (this.text[this.at] === '}') {
        this.at++;
        return out;
      }
      if (this.text.startsWith('[?(', this.at)) {
        this.at += 3;
        this.filter(out);
        continue;
      }
      if (this.text.startsWith('..', this.at)) {
        if (out.at(-1)?.type === 'recursive') this.fail('invalid multiple recursive descent');
        out.push({ type: 'recursive' });
        this.at += 2;
        if (/[A-Za-z0-9_]/.test(this.text[this.at] ?? '')) this.field(out);
        continue;
      }
      const c = this.text[this.at];
      if (c === undefined || c === '\n' || c === '\r') this.fail('unclosed action');
      else if (c === ' ' || c === '@' || c === '$') this.at++;
      else if (c === '[') this.array(out);
      else if (c === '"' || c === "'") this.quoted(out, c);
      else if (c === '.') {
        this.at++;
        this.field(out);
      } else if (c === '+' || c === '-' || /\d/.test(c)) this.number(out);
      else if (/[A-Za-z0-9_]/.test(c)) this.identifier(out);
      else
        this.fail(`unrecognized character in action: U+${(c.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')} '${c}'`);
    }
    return out;
  }

  private word(): string {
    const start = this.at;
    while (this.at < this.text.length && !/[\s.,[\]$@{}]/.test(this.text[this.at] as string))
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    this.at = Math.min(this.at, this.text.length);
    return this.text.slice(start, this.at);
  }

  private field(out: Node[]): undefined {
    const word = this.word();
    out.push(word === '*' ? { type: 'wildcard' } : { type: 'field', name: word.replaceAll('\\', '') });
  }

  private identifier(out: Node[]): undefined {
    const word = this.word();
    out.push(word === 'true' || word === 'false' ? { type: 'bool', value: word === 'true' } : { type: 'identifier', name: word });
  }

  private number(out: Node[]): undefined {
    const m = /^[-+]?[\d.]*/.exec(this.text.slice(this.at))?.[0] ?? '';
    this.at += Math.max(1, m.length);
    if (!/^[-+]?\d+(\.\d*)?$/.test(m)) this.fail(`cannot parse number ${m}`);
    out.push({ type: 'number', value: Number(m) });
  }

  private quoted(out: Node[], mark: string): undefined {
    let i = this.at + 1;
    let text = '';
    for (; i < this.text.length && this.text[i] !== mark; i++) {
      if (this.text[i] === '\n') break;
      if (this.text[i] === '\\') {
        i++;
        const c = this.text[i] ?? '';
        text += ({ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' } as Record<string, string>)[c] ?? c;
      } else text += this.text[i];
    }
    if (this.text[i] !== mark) return this.fail('unterminated quoted string');
    this.at = i + 1;
    out.push({ type: 'text', text });
  }

  private array(out: Node[]): undefined {
    const start = this.at + 1;
    let i = start;
    let quoteMark = '';
    for (; i < this.text.length; i++) {
      const c = this.text[i] as string;
      if (c === '\n') break;
      if (quoteMark !== '') {
        if (c === quoteMark) quoteMark = '';
      } else if (c === "'" || c === '"') quoteMark = c;
      else if (c === ']') break;
    }
    if (this.text[i] !== ']') return this.fail('unterminated array');
    let text = this.text.slice(start, i);
    this.at = i + 1;
    if (text === '*') text = ':';
    const parts = text.split(',');
    if (parts.length > 1) {
      const lists = parts.map((part) => {
        const p = new Parser(`{[${part.trim()}]}`, this.depth + 1);
        const nodes = p.template();
        if (p.error) this.fail(p.error);
        return nodes;
      });
      out.push({ type: 'union', lists });
      return;
    }
    const key = /^'([^']*)'$/.exec(text) ?? /^"([^"]*)"$/.exec(text);
    if (key) {
      out.push({ type: 'field', name: key[1] as string });
      return;
    }
    const m = SLICE.exec(text);
    if (!m || text === '') return this.fail(`invalid array index ${text}`);
    const raw = [m[1] ?? '', m[2], m[3]];
    const params = raw.map((r, n): Param => {
      if (r !== undefined && r !== '' && r !== ':') return { value: Number(n === 0 ? r : r.slice(1)), known: true, derived: false };
      if (n === 1 && r === undefined) return { value: Number(raw[0]) + 1, known: true, derived: true };
      return { value: 0, known: false, derived: false };
    });
    out.push({ type: 'array', params });
  }

  private filter(out: Node[]): undefined {
    const start = this.at;
    let depth = 1;
    let i = start;
    let mark = '';
    for (; i < this.text.length; i++) {
      const c = this.text[i] as string;
      if (c === '\n') break;
      if (mark !== '') {
        if (c === '\\') i++;
        else if (c === mark) mark = '';
      } else if (c === '"' || c === "'") mark = c;
      else if (c === '(') depth++;
      else if (c === ')' && --depth === 0) break;
    }
    if (this.text[i] !== ')') return this.fail('unterminated filter');
    if (this.text[i + 1] !== ']') return this.fail('unclosed array expect ]');
    const text = this.text.slice(start, i);
    this.at = i + 2;
    const m = FILTER.exec(text);
    const parse = (part: string): Node[] => {
      const p = new Parser(`{${part}}`, this.depth + 1);
      const nodes = p.template();
      if (p.error) this.fail(p.error);
      return nodes;
    };
    if (!m) out.push({ type: 'filter', left: parse(text), right: [], op: 'exists' });
    else out.push({ type: 'filter', left: parse(m[1] as string), right: parse(m[3] as string), op: m[2] as string });
  }
}

const typeName = (v: Json): string =>
  isArray(v)
    ? '[]interface {}'
    : isObject(v)
      ? 'map[string]interface {}'
      : typeof v === 'string'
        ? 'string'
        : typeof v === 'boolean'
          ? 'bool'
          : v === null
            ? '<nil>'
            : Number.isInteger(v)
              ? 'int64'
              : 'float64';

type Values = readonly Json[];

export class JsonPath {
  private readonly nodes: readonly Node[];
  private readonly allowMissing: boolean;

  private constructor(nodes: readonly Node[], allowMissing: boolean) {
    this.nodes = nodes;
    this.allowMissing = allowMissing;
  }

  static parse(template: string, allowMissing = true): JsonPath | Failure {
    const p = new Parser(template);
    const nodes = p.template();
    return p.error === null ? new JsonPath(nodes, allowMissing) : failure(p.error);
  }

  /** Results of each part of the template. */
  find(data: Json): readonly Values[] | Failure {
    const r = this.block(this.nodes, 0, data, false);
    return r instanceof Failure ? r : r.results;
  }

  private identifierOf(n: Node): string {
    return n.type === 'list' && n.nodes[0]?.type === 'identifier' ? n.nodes[0].name : '';
  }

  private block(nodes: readonly Node[], from: number, data: Json, inRange: boolean): { results: Values[]; next: number } | Failure {
    const results: Values[] = [];
    for (let i = from; i < nodes.length; i++) {
      const n = nodes[i] as Node;
      const name = this.identifierOf(n);
      if (name === 'end') {
        if (!inRange) return failure('not in range, nothing to end');
        return { results, next: i };
      }
      if (name === 'range') {
        const over = this.walkAll([data], (n as { nodes: readonly Node[] }).nodes.slice(1));
        if (over instanceof Failure) return over;
        let next = this.endOf(nodes, i + 1);
        for (const value of over) {
          const r = this.block(nodes, i + 1, value, true);
          if (r instanceof Failure) return r;
          results.push(...r.results);
          next = r.next;
        }
        i = next;
        continue;
      }
      const r = this.walk([data], n);
      if (r instanceof Failure) return r;
      results.push(r);
    }
    return { results, next: nodes.length };
  }

  private endOf(nodes: readonly Node[], from: number): number {
    let depth = 1;
    for (let i = from; i < nodes.length; i++) {
      const name = this.identifierOf(nodes[i] as Node);
      if (name === 'range') depth++;
      if (name === 'end' && --depth === 0) return i;
    }
    return nodes.length;
  }

  private walkAll(values: Values, nodes: readonly Node[]): Values | Failure {
    let now = values;
    for (const n of nodes) {
      const r = this.walk(now, n);
      if (r instanceof Failure) return r;
      now = r;
    }
    return now;
  }

  private walk(values: Values, n: Node): Values | Failure {
    switch (n.type) {
      case 'list':
        return this.walkAll(values, n.nodes);
      case 'text':
        return [n.text];
      case 'number':
      case 'bool':
        return values.map(() => n.value);
      case 'field':
        return this.field(values, n.name);
      case 'array':
        return this.array(values, n.params);
      case 'filter':
        return this.filter(values, n);
      case 'wildcard':
        return values.flatMap((v) => (isArray(v) ? v : isObject(v) ? sortedKeys(v).map((k) => v[k] as Json) : []));
      case 'recursive':
        return this.recursive(values, 0);
      case 'union': {
        const out: Json[] = [];
        for (const list of n.lists) {
          const r = this.walkAll(values, list);
          if (r instanceof Failure) return r;
          out.push(...r);
        }
        return out;
      }
      default:
        return failure(`unrecognized identifier ${n.name}`);
    }
  }

  private field(values: Values, name: string): Values | Failure {
    if (values.length === 0) return [];
    if (name === '') return values;
    const out: Json[] = [];
    for (const v of values) if (isObject(v) && Object.hasOwn(v, name) && v[name] !== undefined) out.push(v[name] as Json);
    return out.length === 0 && !this.allowMissing ? failure(`${name} is not found`) : out;
  }

  private array(values: Values, params: readonly Param[]): Values | Failure {
    const out: Json[] = [];
    for (const v of values) {
      if (v === null) continue;
      if (!isArray(v)) return failure(`${typeName(v)} is not array or slice`);
      const [first, last, step] = params as [Param, Param, Param];
      let a = first.known ? first.value : 0;
      if (a < 0) a += v.length;
      let b = last.known ? last.value : v.length;
      if (b < 0 || (b === 0 && last.derived)) b += v.length;
      if (a === b) continue;
      if (a >= v.length || a < 0) return failure(`array index out of bounds: index ${a}, length ${v.length}`);
      if (b > v.length || b < 0) return failure(`array index out of bounds: index ${b - 1}, length ${v.length}`);
      if (a > b) return failure(`starting index ${a} is greater than ending index ${b}`);
      const by = step.known ? step.value : 1;
      if (by <= 0) return failure('step must be > 0');
      for (let i = a; i < b; i += by) out.push(v[i] as Json);
    }
    return out;
  }

  private filter(values: Values, n: { left: readonly Node[]; right: readonly Node[]; op: string }): Values | Failure {
    const out: Json[] = [];
    for (const v of values) {
      if (!isArray(v) && !isObject(v)) return failure(`${typeName(v)} is not array or slice and cannot be filtered`);
      const items: Values = isArray(v) ? v : sortedKeys(v).map((k) => v[k] as Json);
      for (const item of items) {
        const lefts = this.walkAll([item], n.left);
        if (lefts instanceof Failure) return lefts;
        if (n.op === 'exists') {
          if (lefts.length > 0) out.push(item);
          continue;
        }
        if (lefts.length === 0) continue;
        if (lefts.length > 1) return failure('can only compare one element at a time');
        const rights = this.walkAll([item], n.right);
        if (rights instanceof Failure) return rights;
        if (rights.length === 0) continue;
        if (rights.length > 1) return failure('can only compare one element at a time');
        const r = compare(n.op, lefts[0] as Json, rights[0] as Json);
        if (r instanceof Failure) return r;
        if (r) out.push(item);
      }
    }
    return out;
  }

  private recursive(values: Values, depth: number): Json[] {
    const out: Json[] = [];
    if (depth > MAX_DEPTH) return out;
    for (const v of values) {
      const children: Values = isArray(v) ? v : isObject(v) ? sortedKeys(v).map((k) => v[k] as Json) : [];
      if (children.length > 0) {
        out.push(v);
        out.push(...this.recursive(children, depth + 1));
      }
    }
    return out;
  }

  /** The text of -o jsonpath; `asJson` of -o jsonpath-as-json. */
  execute(data: Json, asJson: boolean): string | Failure {
    const all = this.find(data);
    if (all instanceof Failure) return all;
    return all
      .map((values) =>
        asJson ? `${goJsonIndent(values)}\n` : values.map((v) => (isArray(v) || isObject(v) ? goJson(v) : goValue(v))).join(' '),
      )
      .join('');
  }
}

function compare(op: string, a: Json, b: Json): boolean | Failure {
  const kind = (v: Json): string => (typeof v === 'number' ? (Number.isInteger(v) ? 'int' : 'float') : typeof v);
  const same = kind(a) === kind(b) || (typeof a === 'number' && typeof b === 'number');
  switch (op) {
    case '==':
    case '!=':
      if (!same) return failure('incompatible types for comparison');
      return op === '==' ? a === b : a !== b;
    case '<':
    case '>':
    case '<=':
    case '>=': {
      if (!same || typeof a === 'boolean' || a === null || b === null || typeof a === 'object' || typeof b === 'object')
        return failure(same ? 'invalid type for comparison' : 'incompatible types for comparison');
      const x = a as number;
      const y = b as number;
      return op === '<' ? x < y : op === '>' ? x > y : op === '<=' ? x <= y : x >= y;
    }
    default:
      return failure(`unrecognized filter operator ${op}`);
  }
}

/** `metadata.name`, `.metadata.name`, `{metadata.name}` and `{.metadata.name}` all mean the last. Models RelaxedJSONPathExpression() */
export function relaxed(path: string): string | Failure {
  if (path === '') return path;
  const m = /^\{\.?([^{}]+)\}$|^\.?([^{}]+)$/.exec(path);
  if (!m) return failure("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'");
  return `{.${m[1] ?? m[2]}}`;
}
