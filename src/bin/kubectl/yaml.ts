/** YAML and JSON documents to values, with YAML 1.1's booleans and go-yaml's error texts. Models sigs.k8s.io/yaml, go-yaml v2 parserc.go and resolve.go */

import { Failure, failure } from './errors.ts';
import type { Json } from './json.ts';
import { Scanner, type Token } from './yamlscan.ts';

type Mutable = null | boolean | number | string | Mutable[] | { [key: string]: Mutable };

const TRUE = /^(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const NULL = /^(~|null|Null|NULL|)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

/** What a scalar without quotes is. */
export function resolveScalar(text: string): null | boolean | number | string {
  if (NULL.test(text)) return null;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  if (!/^[-+.0-9]/.test(text)) return text;
  const plain = text.replaceAll('_', '');
  if (/^[-+]?(0|[1-9][0-9]*)$/.test(plain)) return Number(plain);
  const based = /^([-+]?)(0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+)$/.exec(plain);
  if (based) {
    const digits = (based[2] as string).replace(/^0(?=[0-7])/, '0o');
    return (based[1] === '-' ? -1 : 1) * Number(digits);
  }
  if (FLOAT.test(plain) && /\d/.test(plain)) return Number(plain);
  return text;
}

/** How a key that is no string becomes one. Models convertToJSONableObject() */
const keyText = (v: Mutable): string | null =>
  typeof v === 'string' ? v : typeof v === 'number' || typeof v === 'boolean' ? String(v) : null;

const MAX_ALIASED = 1_000_000;

class Parser {
  private readonly s: Scanner;
  private readonly anchors = new Map<string, Mutable>();
  private made = 0;

  constructor(text: string) {
    this.s = new Scanner(text);
  }

  private wrong(problem: string, t: Token): null {
    this.s.fail(problem, t.line, false);
    return null;
  }

  get error(): string | null {
    return this.s.error;
  }

  /** The first document; undefined when there is none. */
  document(): Mutable | undefined {
    let t = this.s.peek();
    while (t.type === 'doc-end') {
      this.s.next();
      t = this.s.peek();
    }
    let directives = false;
    while (t.type === 'directive') {
      directives = true;
      this.s.next();
      t = this.s.peek();
    }
    if (t.type === 'stream-end') return undefined;
    if (t.type === 'doc-start') {
      this.s.next();
      t = this.s.peek();
      if (t.type === 'stream-end' || t.type === 'doc-start' || t.type === 'doc-end') return null;
    } else if (directives) return this.wrong('did not find expected <document start>', t);
    const value = this.node(true, false);
    if (this.s.error !== null) return null;
    t = this.s.peek();
    if (!['stream-end', 'doc-start', 'doc-end'].includes(t.type)) return this.wrong('did not find expected <document start>', t);
    return value;
  }

  private node(block: boolean, indentless: boolean): Mutable {
    let anchor: string | null = null;
    let tag: string | null = null;
    let t = this.s.peek();
    if (t.type === 'alias') {
      this.s.next();
      const found = this.anchors.get(t.value);
      if (found === undefined) {
        if (this.s.error === null) this.s.error = `yaml: unknown anchor '${t.value}' referenced`;
        return null;
      }
      if (++this.made > MAX_ALIASED && this.s.error === null) this.s.error = 'yaml: document contains excessive aliasing';
      return found;
    }
    while (t.type === 'anchor' || t.type === 'tag') {
      if (t.type === 'anchor') anchor = t.value;
      else tag = t.value;
      this.s.next();
      t = this.s.peek();
    }
    const value = this.content(t, block, indentless, tag, anchor !== null || tag !== null);
    if (anchor !== null) this.anchors.set(anchor, value);
    return value;
  }

  private content(t: Token, block: boolean, indentless: boolean, tag: string | null, named: boolean): Mutable {
    if (indentless && t.type === '-') return this.sequence(true);
    switch (t.type) {
      case 'scalar':
        this.s.next();
        if (tag === '!!str' || tag === '!') return t.value;
        return t.plain ? resolveScalar(t.value) : t.value;
      case '[':
        return this.flowSequence();
      case '{':
        return this.flowMapping();
      case 'seq-start':
        if (block) return this.sequence(false);
        break;
      case 'map-start':
        if (block) return this.mapping();
        break;
      default:
        break;
    }
    if (named) return tag === '!!str' ? '' : null;
    return this.wrong('did not find expected node content', t);
  }

  private sequence(indentless: boolean): Mutable {
    if (!indentless) this.s.next();
    const out: Mutable[] = [];
    for (;;) {
      const t = this.s.peek();
      if (t.type === '-') {
        this.s.next();
        const after = this.s.peek();
        const empty = indentless ? ['-', 'key', 'value', 'block-end'] : ['-', 'block-end'];
        out.push(empty.includes(after.type) ? null : this.node(true, false));
        if (this.s.error !== null) return null;
        continue;
      }
      if (indentless) return out;
      if (t.type === 'block-end') {
        this.s.next();
        return out;
      }
      return this.wrong("did not find expected '-' indicator", t);
    }
  }

  private put(into: { [key: string]: Mutable }, merged: Set<string>, key: Mutable, value: Mutable, plainMerge: boolean): void {
    if (plainMerge) {
      for (const source of Array.isArray(value) ? value : [value])
        if (typeof source === 'object' && source !== null && !Array.isArray(source))
          for (const k of Object.keys(source))
            if (!(k in into)) {
              into[k] = source[k] as Mutable;
              merged.add(k);
            }
      return;
    }
    const name = keyText(key);
    if (name !== null) {
      Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true });
      return;
    }
    if (this.s.error === null)
      this.s.error = `unsupported map key of type: ${key === null ? '%!s(<nil>)' : Array.isArray(key) ? 'slice' : 'map'}, key: ${JSON.stringify(key)}, value: ${JSON.stringify(value)}`;
  }

  private mapping(): Mutable {
    this.s.next();
    const out: { [key: string]: Mutable } = {};
    const merged = new Set<string>();
    for (;;) {
      const t = this.s.peek();
      if (t.type === 'block-end') {
        this.s.next();
        return out;
      }
      if (t.type !== 'key' && t.type !== 'value') return this.wrong('did not find expected key', t);
      let key: Mutable = null;
      let merge = false;
      if (t.type === 'key') {
        this.s.next();
        const k = this.s.peek();
        merge = k.type === 'scalar' && k.plain && k.value === '<<';
        key = ['key', 'value', 'block-end'].includes(k.type) ? null : this.node(true, true);
      }
      let value: Mutable = null;
      if (this.s.peek().type === 'value') {
        this.s.next();
        if (!['key', 'value', 'block-end'].includes(this.s.peek().type)) value = this.node(true, true);
      }
      if (this.s.error !== null) return null;
      this.put(out, merged, key, value, merge);
    }
  }

  private flowSequence(): Mutable {
    this.s.next();
    const out: Mutable[] = [];
    for (let first = true; ; first = false) {
      let t = this.s.peek();
      if (t.type === ']') break;
      if (!first) {
        if (t.type !== ',') return this.wrong("did not find expected ',' or ']'", t);
        this.s.next();
        t = this.s.peek();
        if (t.type === ']') break;
      }
      if (t.type === 'key') {
        this.s.next();
        const pair: { [key: string]: Mutable } = {};
        const key = ['value', ',', ']'].includes(this.s.peek().type) ? null : this.node(false, false);
        let value: Mutable = null;
        if (this.s.peek().type === 'value') {
          this.s.next();
          if (![',', ']'].includes(this.s.peek().type)) value = this.node(false, false);
        }
        this.put(pair, new Set(), key, value, false);
        out.push(pair);
      } else out.push(this.node(false, false));
      if (this.s.error !== null) return null;
    }
    this.s.next();
    return out;
  }

  private flowMapping(): Mutable {
    this.s.next();
    const out: { [key: string]: Mutable } = {};
    const merged = new Set<string>();
    for (let first = true; ; first = false) {
      let t = this.s.peek();
      if (t.type === '}') break;
      if (!first) {
        if (t.type !== ',') return this.wrong("did not find expected ',' or '}'", t);
        this.s.next();
        t = this.s.peek();
        if (t.type === '}') break;
      }
      let key: Mutable = null;
      let merge = false;
      if (t.type === 'key') {
        this.s.next();
        const k = this.s.peek();
        merge = k.type === 'scalar' && k.plain && k.value === '<<';
        key = ['value', ',', '}'].includes(k.type) ? null : this.node(false, false);
      } else if (t.type !== 'value') key = this.node(false, false);
      let value: Mutable = null;
      if (this.s.peek().type === 'value') {
        this.s.next();
        if (![',', '}'].includes(this.s.peek().type)) value = this.node(false, false);
      }
      if (this.s.error !== null) return null;
      this.put(out, merged, key, value, merge);
    }
    this.s.next();
    return out;
  }
}

/** yaml.YAMLToJSON(): one document. `error converting YAML to JSON: yaml: line 3: ...` without that prefix. */
export function yamlToJson(text: string): Json | Failure {
  const parser = new Parser(text);
  const value = parser.document();
  return parser.error === null ? (value ?? null) : failure(parser.error);
}

/** A stream of documents as YAMLOrJSONDecoder cuts it: at lines of `---`, or JSON values one behind the other. */
export function yamlDocuments(text: string): { readonly documents: readonly Json[]; readonly error: Failure | null } {
  if (/^\s*\{/.test(text.replace(/^\ufeff/, ''))) return jsonDocuments(text);
  const documents: Json[] = [];
  for (const part of splitDocuments(text)) {
    const value = yamlToJson(part);
    if (value instanceof Failure) return { documents, error: failure(`error converting YAML to JSON: ${value.message}`) };
    documents.push(value);
  }
  return { documents, error: null };
}

function splitDocuments(text: string): string[] {
  const out: string[] = [];
  let buffer = '';
  for (const line of text.split(/(?<=\n)/)) {
    if (line.startsWith('---') && line.slice(3).trim() === '' && buffer !== '') {
      out.push(buffer);
      buffer = '';
      continue;
    }
    buffer += line;
  }
  if (buffer !== '') out.push(buffer);
  return out;
}

/** Where the JSON value that begins at `from` ends; -1 when it does not. */
function jsonEnd(text: string, from: number): number {
  let depth = 0;
  let inString = false;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === '\\') i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') {
      depth--;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

function jsonDocuments(text: string): { documents: readonly Json[]; error: Failure | null } {
  const documents: Json[] = [];
  let at = 0;
  while (at < text.length) {
    const gap = /^[\s]*(---[^\n]*\n\s*)?/.exec(text.slice(at))?.[0].length ?? 0;
    at += gap;
    if (at >= text.length) break;
    const end = jsonEnd(text, at);
    const part = end < 0 ? text.slice(at) : text.slice(at, end);
    let value: Json;
    try {
      value = JSON.parse(part) as Json;
    } catch {
      // What is no JSON may still be YAML's flow style.
      const yaml = yamlToJson(part);
      if (yaml instanceof Failure) return { documents, error: failure(`error converting YAML to JSON: ${yaml.message}`) };
      value = yaml;
    }
    documents.push(value);
    at += part.length;
  }
  return { documents, error: null };
}
