/** Parameters: values drawn from a learner's seed, and their places in a lab's texts. */

import { Rng } from '../sim/rng.ts';
import { formatIp, parseIp } from '../wire/addr.ts';
import type { Choice, Lab, LabSource, Parameter } from './lab.ts';

export class ParameterError extends Error {
  override readonly name = 'ParameterError';
  /** Keys down the document to the place. */
  readonly path: readonly (string | number)[];

  constructor(path: readonly (string | number)[], message: string) {
    super(message);
    this.path = path;
  }
}

export type Values = Readonly<Record<string, Choice | readonly Choice[]>>;

const REFERENCE = /\{\{\s*([a-z][\w-]*)((?:\.[\w-]+)*)\s*\}\}/g;
/** What Go templates (kubectl -o go-template) write in the same braces. */
const GO_WORDS = new Set(['end', 'else', 'break', 'continue']);
const WHOLE = /^\{\{\s*([a-z][\w-]*)((?:\.[\w-]+)*)\s*\}\}$/;
/** Draws before a parameter is given up as one that cannot differ from the others. */
const TRIES = 1000;

/** The value that `name.field` means. @throws ParameterError */
function look(values: Values, name: string, rest: string, path: readonly (string | number)[]): string | number {
  let value: unknown = values[name];
  if (value === undefined)
    throw new ParameterError(
      path,
      `{{${name}${rest}}}: there is no parameter "${name}"; there are: ${Object.keys(values).join(', ') || 'none'}`,
    );
  for (const key of rest.split('.').slice(1)) {
    const next = typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined;
    if (next === undefined) throw new ParameterError(path, `{{${name}${rest}}}: ${name} has no "${key}"`);
    value = next;
  }
  if (Array.isArray(value) && value.every((v) => typeof v !== 'object')) return value.join(' ');
  if (typeof value === 'object')
    throw new ParameterError(path, `{{${name}${rest}}}: name one of its fields: ${Object.keys(value as object).join(', ')}`);
  return value as string | number;
}

/** Texts with the values in their places, all the way down; a text that is one reference becomes the value itself, a number too. */
export function substitute<T>(tree: T, values: Values, path: readonly (string | number)[] = []): T {
  if (typeof tree === 'string') {
    if (!tree.includes('{{')) return tree;
    const whole = WHOLE.exec(tree);
    if (whole) return look(values, whole[1] as string, whole[2] as string, path) as T;
    return tree.replace(REFERENCE, (all, name: string, rest: string) =>
      GO_WORDS.has(name) && values[name] === undefined ? all : String(look(values, name, rest, path)),
    ) as T;
  }
  if (Array.isArray(tree)) return tree.map((item, i) => substitute(item, values, [...path, i])) as T;
  if (typeof tree === 'object' && tree !== null)
    return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, substitute(value, values, [...path, key])])) as T;
  return tree;
}

function range(prefix: string, path: readonly (string | number)[]): { base: number; size: number } {
  const [text = '', bits] = prefix.split('/');
  const ip = parseIp(text);
  const length = bits === undefined ? 32 : Number(bits);
  if (typeof ip !== 'number' || !(length >= 8 && length <= 32))
    throw new ParameterError(path, `"${prefix}" is no IPv4 address or prefix of 8 to 32 bits; write it like 10.244.1.0/24`);
  const size = 2 ** (32 - length);
  return { base: Math.floor(ip / size) * size, size };
}

function draw(rng: Rng, parameter: Parameter, path: readonly (string | number)[]): Choice | readonly Choice[] {
  if ('text' in parameter) return String(parameter.text);
  if ('one-of' in parameter) return parameter['one-of'][rng.below(parameter['one-of'].length)] as Choice;
  if ('some-of' in parameter) {
    const left = [...parameter['some-of']];
    if (parameter.count > left.length)
      throw new ParameterError([...path, 'count'], `count is ${parameter.count}, but some-of has only ${left.length}`);
    return Array.from({ length: parameter.count }, () => left.splice(rng.below(left.length), 1)[0] as Choice);
  }
  if ('number' in parameter) {
    const { from, to, except = [] } = parameter.number;
    for (let i = 0; i < TRIES; i++) {
      const n = rng.between(from, to);
      if (!except.includes(n)) return n;
    }
    throw new ParameterError([...path, 'number'], `no number from ${from} to ${to} is left; widen the range or shorten except`);
  }
  const { base, size } = range(parameter.address.in, [...path, 'address', 'in']);
  const taken = (parameter.address.except ?? []).map((e, i) => range(e, [...path, 'address', 'except', i]));
  for (let i = 0; i < TRIES; i++) {
    const ip = base + (size > 2 ? rng.between(1, size - 2) : rng.below(size));
    if (!taken.some((t) => ip >= t.base && ip < t.base + t.size)) return formatIp(ip);
  }
  throw new ParameterError([...path, 'address'], `no address of ${parameter.address.in} is left; widen the prefix or shorten except`);
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Draws all parameters, each from a stream of its own, so that a new one does not change the others; it may name those above it. @throws ParameterError */
export function drawValues(id: string, parameters: LabSource['parameters'], seed: number): Values {
  const values: Record<string, Choice | readonly Choice[]> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const path = ['parameters', name];
    const rng = new Rng(`${seed}/lab/${id}/${name}`);
    const others = parameter['different-from'] ?? [];
    const missing = others.find((o) => values[o] === undefined);
    if (missing !== undefined)
      throw new ParameterError(
        [...path, 'different-from'],
        `different-from names "${missing}", which is no parameter above it; move it up or correct the name`,
      );
    const known = substitute(parameter, values, path);
    let value = draw(rng, known, path);
    for (let i = 0; others.some((o) => same(values[o], value)); i++) {
      if (i === TRIES) throw new ParameterError(path, `${name} cannot differ from ${others.join(', ')}; give it more to choose from`);
      value = draw(rng, known, path);
    }
    values[name] = value;
  }
  return values;
}

function flat(values: Values): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, v]) => [
      name,
      typeof v === 'object'
        ? (Array.isArray(v) ? v : Object.values(v)).map((x) => (typeof x === 'object' ? Object.values(x).join(' ') : x)).join(' ')
        : String(v),
    ]),
  );
}

/** Whether a preparation's `when` holds; its texts are substituted already. */
export function holds(when: string | undefined): boolean {
  if (when === undefined) return true;
  const m = /^(.*?)\s*(!?=)\s*(.*)$/s.exec(when);
  return m !== null && (m[1] === m[3]) === (m[2] === '=');
}

/** The lab that a learner with this seed gets. @throws ParameterError naming the place. */
export function instantiate(source: LabSource, seed: number): Lab {
  const { parameters, contentHash, ...rest } = source;
  const values = drawValues(source.id, parameters, seed);
  return { ...substitute(rest, values), contentHash, seed, values: flat(values) };
}
