/** JSON into typed values with the messages of Go's decoder. Models encoding/json decode.go as the plugins meet it */

import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { syntaxError } from './gosyntax.ts';
import { bad, type CniErrorBody, good, type Json, type JsonObject, type Outcome } from './types.ts';

/** An address with prefix length, the address' host bits kept. */
export interface IpNet {
  readonly addr: IpAddr;
  readonly len: number;
}

/** Field types by their JSON names; `go` is the type's name in messages. */
export type Schema =
  | { readonly is: 'string' | 'bool' | 'int' | 'uint64' | 'any' | 'ip' | 'cidr' | 'ipOrCidr'; readonly go: string }
  | { readonly is: 'list'; readonly of: Schema; readonly go: string }
  | { readonly is: 'map'; readonly of: Schema; readonly go: string }
  | {
      readonly is: 'struct';
      readonly name: string;
      readonly go: string;
      readonly fields: Readonly<Record<string, Schema>>;
      readonly custom?: boolean;
    };

export const STRING: Schema = { is: 'string', go: 'string' };
export const BOOL: Schema = { is: 'bool', go: 'bool' };
export const INT: Schema = { is: 'int', go: 'int' };
export const UINT64: Schema = { is: 'uint64', go: 'uint64' };
export const ANY: Schema = { is: 'any', go: 'interface {}' };
export const IP: Schema = { is: 'ip', go: 'net.IP' };
export const CIDR: Schema = { is: 'cidr', go: 'string' };
export const IP_OR_CIDR: Schema = { is: 'ipOrCidr', go: 'ip.IP' };

export function list(of: Schema, go = `[]${of.go}`): Schema {
  return { is: 'list', of, go };
}

export function map(of: Schema): Schema {
  return { is: 'map', of, go: `map[string]${of.go}` };
}

/** `go` is the qualified name as reflection prints it, `types.IPAM`; anonymous structs have an empty name. */
export function struct(go: string, fields: Readonly<Record<string, Schema>>): Schema & { is: 'struct' } {
  return { is: 'struct', name: go.slice(go.lastIndexOf('.') + 1), go, fields };
}

/** net.ParseIP, with IPv4-mapped addresses as IPv4 ones. */
export function goIp(text: string): IpAddr | null {
  const ip = parseIp(text);
  if (typeof ip === 'bigint' && ip >> 32n === 0xffffn) return Number(ip & 0xffffffffn);
  return ip;
}

export function goCidr(text: string): IpNet | null {
  const [ip = '', len = '', ...rest] = text.split('/');
  const addr = goIp(ip);
  if (rest.length > 0 || addr === null || !/^\d+$/.test(len) || (len.length > 1 && len.startsWith('0'))) return null;
  const mapped = typeof addr === 'number' && ip.includes(':');
  const n = Number(len);
  if (n > (ip.includes(':') ? 128 : 32)) return null;
  return { addr, len: mapped ? Math.max(0, n - 96) : n };
}

export function netText({ addr, len }: IpNet): string {
  return `${formatIp(addr)}/${len}`;
}

const what = (v: Json): string => (typeof v === 'boolean' ? 'bool' : Array.isArray(v) ? 'array' : typeof v);

/** Keeps the first complaint and goes on, as Go does. */
class Decoder {
  error: string | null = null;
  private structName: string | null = null;
  private path: readonly string[] = [];

  private say(message: string): undefined {
    this.error ??= message;
    return undefined;
  }

  private mismatch(value: string, go: string): undefined {
    const where = this.structName === null ? 'Go value' : `Go struct field ${this.structName}.${this.path.join('.')}`;
    return this.say(`json: cannot unmarshal ${value} into ${where} of type ${go}`);
  }

  decode(v: Json, s: Schema): unknown {
    if (v === null) return undefined;
    switch (s.is) {
      case 'any':
        return v;
      case 'string':
        return typeof v === 'string' ? v : this.mismatch(what(v), s.go);
      case 'bool':
        return typeof v === 'boolean' ? v : this.mismatch(what(v), s.go);
      case 'int':
      case 'uint64':
        if (typeof v !== 'number') return this.mismatch(what(v), s.go);
        return Number.isInteger(v) && (s.is === 'int' || v >= 0) ? v : this.mismatch(`number ${v}`, s.go);
      case 'ip':
        if (typeof v !== 'string') return this.mismatch(what(v), s.go);
        if (v === '') return undefined;
        return goIp(v) ?? this.say(`invalid IP address: ${v}`);
      case 'ipOrCidr':
        if (typeof v !== 'string') return this.mismatch(what(v), s.go);
        if (v === '') return undefined;
        return goIp(v.includes('/') ? (v.split('/')[0] as string) : v) ?? this.say(`invalid IP address ${v}`);
      case 'cidr':
        if (typeof v !== 'string') return this.mismatch(what(v), s.go);
        return goCidr(v) ?? this.say(`invalid CIDR address: ${v}`);
      case 'list':
        if (!Array.isArray(v)) return this.mismatch(what(v), s.go);
        return (v as readonly Json[]).map((e) => this.decode(e, s.of));
      case 'map':
        if (typeof v !== 'object' || Array.isArray(v)) return this.mismatch(what(v), s.go);
        return Object.fromEntries(Object.entries(v as JsonObject).map(([k, e]) => [k, this.decode(e, s.of)]));
      case 'struct':
        if (typeof v !== 'object' || Array.isArray(v)) return this.mismatch(what(v), s.go);
        return this.object(v as JsonObject, s);
    }
  }

  private object(v: JsonObject, s: Schema & { is: 'struct' }): Record<string, unknown> {
    const outer = { structName: this.structName, path: this.path };
    const out: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(v)) {
      const field = key in s.fields ? key : Object.keys(s.fields).find((f) => f.toLowerCase() === key.toLowerCase());
      if (field === undefined) continue;
      this.structName = s.name;
      this.path = [...outer.path, field];
      const decoded = this.decode(value, s.fields[field] as Schema);
      if (decoded !== undefined) out[field] = decoded;
    }
    this.structName = outer.structName;
    this.path = outer.path;
    return out;
  }
}

/** json.Unmarshal. The caller knows the shape that `schema` describes. */
export function unmarshal<T>(text: string, schema: Schema): Outcome<T> {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return bad(syntaxError(text));
  }
  return decodeValue<T>(value, schema);
}

export function decodeValue<T>(value: Json, schema: Schema): Outcome<T> {
  const d = new Decoder();
  const out = d.decode(value, schema) ?? {};
  return d.error === null ? good(out as T) : bad(d.error);
}

/** json.MarshalIndent: `<`, `>` and `&` are escaped. */
export function marshalIndent(value: unknown, indent = '    '): string {
  return JSON.stringify(value, null, indent).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** fmt's %q of a string. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

export function prefixed(prefix: string, error: CniErrorBody): { readonly ok: false; readonly error: CniErrorBody } {
  const details = error.details ? `; ${error.details}` : '';
  return bad(`${prefix}: ${error.msg}${details}`);
}
