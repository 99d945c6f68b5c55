/** Errors of single fields and how they read. Models apimachinery/pkg/util/validation/field. */

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.ports[0].port` */
  readonly field: string;
  /** Undefined: the message leaves the value out. */
  readonly bad?: unknown;
  readonly detail: string;
}

const TITLE: Readonly<Record<FieldErrorType, string>> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

const SILENT: ReadonlySet<FieldErrorType> = new Set(['FieldValueRequired', 'FieldValueForbidden', 'FieldValueTooLong', 'InternalError']);

export const required = (field: string, detail = ''): FieldError => ({ type: 'FieldValueRequired', field, detail });
export const invalid = (field: string, bad: unknown, detail: string): FieldError => ({ type: 'FieldValueInvalid', field, bad, detail });
export const typeInvalid = (field: string, bad: unknown, detail: string): FieldError => ({
  type: 'FieldValueTypeInvalid',
  field,
  bad,
  detail,
});
export const duplicate = (field: string, bad: unknown): FieldError => ({ type: 'FieldValueDuplicate', field, bad, detail: '' });
export const notFound = (field: string, bad: unknown): FieldError => ({ type: 'FieldValueNotFound', field, bad, detail: '' });
export const forbidden = (field: string, detail: string): FieldError => ({ type: 'FieldValueForbidden', field, detail });
/** `valid` in the order in which upstream lists it (mostly sorted). */
export const notSupported = (field: string, bad: unknown, valid: readonly string[]): FieldError => ({
  type: 'FieldValueNotSupported',
  field,
  bad,
  detail: valid.length > 0 ? `supported values: ${valid.map(goQuote).join(', ')}` : '',
});
export const tooLong = (field: string, maxBytes: number): FieldError => ({
  type: 'FieldValueTooLong',
  field,
  detail: maxBytes >= 0 ? `may not be more than ${maxBytes} bytes` : 'value is too long',
});
export const tooMany = (field: string, actual: number, max: number): FieldError => ({
  type: 'FieldValueTooMany',
  field,
  bad: actual,
  detail: max >= 0 ? `must have at most ${max} item${max === 1 ? '' : 's'}` : 'has too many items',
});
export const internalError = (field: string, detail: string): FieldError => ({ type: 'InternalError', field, detail });

/** A bad value whose text is not that of its JSON: Go structs in the order of their fields, internal types. */
export class GoText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Go's %q of a string. */
export function goQuote(text: string): string {
  let out = '"';
  for (const c of text) {
    const code = c.codePointAt(0) ?? 0;
    if (c === '"' || c === '\\') out += `\\${c}`;
    else if (c === '\n') out += '\\n';
    else if (c === '\t') out += '\\t';
    else if (c === '\r') out += '\\r';
    else if (code === 7) out += '\\a';
    else if (code === 8) out += '\\b';
    else if (code === 12) out += '\\f';
    else if (code === 11) out += '\\v';
    else if (code < 32 || code === 127) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += c;
  }
  return `${out}"`;
}

/** The message without the field's name. */
export function errorBody(e: FieldError): string {
  let text = TITLE[e.type];
  if (!SILENT.has(e.type) && e.bad !== undefined) {
    const bad = e.bad;
    if (typeof bad === 'string') text += `: ${goQuote(bad)}`;
    else if (bad instanceof GoText) text += `: ${bad.text}`;
    else if (bad === null) text += ': null';
    else if (typeof bad === 'number' || typeof bad === 'boolean') text += `: ${bad}`;
    else text += `: ${goJson(bad)}`;
  }
  return e.detail === '' ? text : `${text}: ${e.detail}`;
}

/** As encoding/json writes it: maps sorted by key, `<`, `>` and `&` escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(sorted(value)).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

export function errorText(e: FieldError): string {
  return `${e.field}: ${errorBody(e)}`;
}

/** Text of an aggregate: doubles dropped, in brackets when there are several. */
export function aggregateText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(errorText))];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
}
