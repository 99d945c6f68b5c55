/** Shell variables: attributes, arrays, dynamic scopes. Models variables.c of bash */

export interface Variable {
  /** Scalar value; undefined when only declared. */
  value: string | undefined;
  /** Indexed array, sparse. */
  array?: string[];
  assoc?: Map<string, string>;
  exported?: boolean;
  readonly?: boolean;
  integer?: boolean;
  lower?: boolean;
  upper?: boolean;
  nameref?: boolean;
}

/** A value worked out at each look ($RANDOM, $SECONDS); `set` is told of assignments. */
export interface Dynamic {
  get(): string | string[];
  set?(value: string): void;
}

export class ReadonlyError {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class Vars {
  /** scopes[0] is global; each function call that declares locals has one more. */
  scopes: Map<string, Variable>[] = [new Map()];
  dynamic = new Map<string, Dynamic>();

  clone(): Vars {
    const v = new Vars();
    v.scopes = this.scopes.map((scope) => {
      const m = new Map<string, Variable>();
      for (const [name, x] of scope) {
        const copy = { ...x };
        if (x.array) copy.array = x.array.slice();
        if (x.assoc) copy.assoc = new Map(x.assoc);
        m.set(name, copy);
      }
      return m;
    });
    return v;
  }

  /** The variable that `name` means just now, name references followed. */
  find(name: string, depth = 0): Variable | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const v = (this.scopes[i] as Map<string, Variable>).get(name);
      if (v) return v.nameref && v.value !== undefined && depth < 8 ? this.find(v.value, depth + 1) : v;
    }
    return undefined;
  }

  resolveName(name: string): string {
    let n = name;
    for (let i = 0; i < 8; i++) {
      let v: Variable | undefined;
      for (let s = this.scopes.length - 1; s >= 0 && !v; s--) v = (this.scopes[s] as Map<string, Variable>).get(n);
      if (!v?.nameref || !v.value) return n;
      n = v.value;
    }
    return n;
  }

  get(name: string): string | undefined {
    const d = this.dynamic.get(name);
    if (d) {
      const value = d.get();
      return typeof value === 'string' ? value : value[0];
    }
    const v = this.find(name);
    if (!v) return undefined;
    if (v.array) return v.array[0];
    if (v.assoc) return v.assoc.get('0');
    return v.value;
  }

  /** Makes the variable where an assignment outside a declaration puts it. */
  ensure(name: string): Variable {
    const n = this.resolveName(name);
    const v = this.find(n);
    if (v) return v;
    const fresh: Variable = { value: undefined };
    (this.scopes[0] as Map<string, Variable>).set(n, fresh);
    return fresh;
  }

  /** A variable of the innermost function scope (or global outside functions). */
  local(name: string): Variable {
    const scope = this.scopes[this.scopes.length - 1] as Map<string, Variable>;
    let v = scope.get(name);
    if (!v) {
      v = { value: undefined };
      scope.set(name, v);
    }
    return v;
  }

  set(name: string, value: string): void {
    const d = this.dynamic.get(name);
    if (d) {
      d.set?.(value);
      return;
    }
    const v = this.ensure(name);
    if (v.readonly) throw new ReadonlyError(name);
    assign(v, cased(v, value));
  }

  unset(name: string): void {
    if (this.dynamic.has(name)) {
      this.dynamic.delete(name);
      return;
    }
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const scope = this.scopes[i] as Map<string, Variable>;
      const v = scope.get(name);
      if (!v) continue;
      if (v.readonly) throw new ReadonlyError(name);
      // A local that is unset hides the outer one until its function returns.
      if (i > 0) scope.set(name, { value: undefined });
      else scope.delete(name);
      return;
    }
  }

  /** All visible names, sorted. */
  names(): string[] {
    const out = new Set<string>();
    for (const scope of this.scopes)
      for (const [name, v] of scope) if (v.value !== undefined || v.array || v.assoc || v.exported) out.add(name);
    return [...out].sort();
  }

  exported(): Map<string, string> {
    const env = new Map<string, string>();
    for (const scope of this.scopes) {
      for (const [name, v] of scope) {
        if (v.exported && v.value !== undefined && !v.array && !v.assoc) env.set(name, v.value);
        else if (env.has(name) && !v.exported) env.delete(name);
      }
    }
    return env;
  }

  /** Keys of an array, in order; a scalar has the key 0. */
  keys(name: string): string[] {
    const d = this.dynamic.get(name)?.get();
    if (d !== undefined) return typeof d === 'string' ? ['0'] : d.map((_, i) => String(i));
    const v = this.find(name);
    if (!v) return [];
    if (v.array) return Object.keys(v.array);
    if (v.assoc) return [...v.assoc.keys()];
    return v.value === undefined ? [] : ['0'];
  }

  values(name: string): string[] {
    const d = this.dynamic.get(name)?.get();
    if (d !== undefined) return typeof d === 'string' ? [d] : d;
    const v = this.find(name);
    if (!v) return [];
    if (v.array) return Object.values(v.array);
    if (v.assoc) return [...v.assoc.values()];
    return v.value === undefined ? [] : [v.value];
  }

  element(name: string, key: string | number): string | undefined {
    const d = this.dynamic.get(name)?.get();
    if (d !== undefined) return typeof d === 'string' ? (Number(key) === 0 ? d : undefined) : d[Number(key)];
    const v = this.find(name);
    if (!v) return undefined;
    if (v.assoc) return v.assoc.get(String(key));
    if (v.array) return v.array[Number(key) < 0 ? v.array.length + Number(key) : Number(key)];
    return Number(key) === 0 || Number(key) === -1 ? v.value : undefined;
  }

  isAssoc(name: string): boolean {
    return this.find(name)?.assoc !== undefined;
  }
}

export function cased(v: Variable, value: string): string {
  return v.lower ? value.toLowerCase() : v.upper ? value.toUpperCase() : value;
}

/** Puts a value into a scalar, or into element 0 of an array. */
export function assign(v: Variable, value: string): void {
  if (value.length > MAX_VALUE) throw new OutOfMemory(value.length);
  if (v.assoc) v.assoc.set('0', value);
  else if (v.array) v.array[0] = value;
  else v.value = value;
}

/** A value longer than this cannot be held: the memory of a tab is bounded. In UTF-16 units. */
export const MAX_VALUE = 16 << 20;

/** No memory for a value: the shell ends, as after bash's xrealloc(). */
export class OutOfMemory {
  readonly bytes: number;
  constructor(bytes: number) {
    this.bytes = bytes;
  }
}

export const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Quoted so that the shell reads it back: as `declare -p` and `set` do. */
export function doubleQuoted(value: string): string {
  if (/[\x00-\x1f\x7f]/.test(value)) return ansiQuoted(value);
  return `"${value.replace(/["\\$`]/g, '\\$&')}"`;
}

export function ansiQuoted(value: string): string {
  const names: Record<string, string> = {
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\x07': '\\a',
    '\b': '\\b',
    '\f': '\\f',
    '\v': '\\v',
    '\x1b': '\\E',
    "'": "\\'",
    '\\': '\\\\',
  };
  return `$'${value.replace(/[\x00-\x1f\x7f'\\]/g, (c) => names[c] ?? `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)}'`;
}

/** As `set` and `trap` print a value: bare when harmless, else in single quotes. */
export function singleQuoted(value: string): string {
  if (value === '') return "''";
  if (/[\x00-\x1f\x7f]/.test(value)) return ansiQuoted(value);
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(value)) return value;
  return `'${value.replace(/'/g, "'\\''")}'`;
}

/** As printf %q and ${x@Q}-like forms of bash quote: backslashes. */
export function backslashQuoted(value: string): string {
  if (value === '') return "''";
  if (/[\x00-\x1f\x7f]/.test(value)) return ansiQuoted(value);
  return value.replace(/[^A-Za-z0-9_@%+=:./\u0080-\uffff-]/g, '\\$&').replace(/^~/, '\\~');
}
