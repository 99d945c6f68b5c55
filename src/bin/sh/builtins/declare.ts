/** declare, typeset, local, export, readonly, unset. */

import type { Assignment } from 'unbash';
import type { Task } from '../../../os/process.ts';
import { assignElement, attributed, performAssignment, toArray } from '../assign.ts';
import { attributeLetters } from '../parameter.ts';
import { printFunction } from '../print.ts';
import { wordFromText } from '../source.ts';
import type { Shell } from '../state.ts';
import { assign, cased, doubleQuoted, NAME, ReadonlyError, type Variable } from '../vars.ts';
import { type Builtin, type BuiltinContext, complain, output, usage } from './types.ts';

/** As `declare -p` prints it. */
export function declaration(name: string, v: Variable): string {
  const letters = attributeLetters(v);
  const head = `declare -${letters || '-'} ${name}`;
  if (v.array)
    return `${head}=(${Object.keys(v.array)
      .map((k) => `[${k}]=${doubleQuoted((v.array as string[])[Number(k)] as string)}`)
      .join(' ')})\n`;
  if (v.assoc)
    return `${head}=(${[...v.assoc].map(([k, x]) => `[${/^[\w./:-]+$/.test(k) ? k : doubleQuoted(k)}]=${doubleQuoted(x)} `).join('')})\n`;
  return v.value === undefined ? `${head}\n` : `${head}=${doubleQuoted(v.value)}\n`;
}

const USAGE: Record<string, string> = {
  declare: 'declare [-aAfFgiIlnrtux] [name[=value] ...] or declare -p [-aAfFilnrtux] [name ...]',
  typeset: 'typeset [-aAfFgiIlnrtux] name[=value] ... or typeset -p [-aAfFilnrtux] [name ...]',
  local: 'local [option] name[=value] ...',
  export: 'export [-fn] [name[=value] ...] or export -p',
  readonly: 'readonly [-aAf] [name[=value] ...] or readonly -p',
};

function* declare(sh: Shell, argv: readonly string[], ctx: BuiltinContext): Task<number> {
  const name = argv[0] as string;
  const on = new Set<string>();
  const off = new Set<string>();
  let i = 1;
  const letters = name === 'export' ? 'fnp' : name === 'readonly' ? 'aAfp' : 'aAfFgiIlnprtux';
  for (; i < argv.length; i++) {
    const a = argv[i] as string;
    if (a === '--') {
      i++;
      break;
    }
    if (!/^[-+]./.test(a) || ctx.arrays[i]) break;
    for (const c of a.slice(1)) {
      if (!letters.includes(c)) return yield* usage(sh, name, `${a[0]}${c}`, USAGE[name] ?? '');
      (a.startsWith('-') ? on : off).add(c);
    }
  }
  if (name === 'export') {
    if (on.has('n')) {
      on.delete('n');
      off.add('x');
    } else on.add('x');
  }
  if (name === 'readonly') on.add('r');
  if (name === 'local' && sh.frames.length === 0) {
    yield* complain(sh, 'local', 'can only be used in a function');
    return 1;
  }
  if (on.has('f') || on.has('F')) return yield* functionsOf(sh, name, argv.slice(i), on, off);
  if (i >= argv.length) return yield* list(sh, name, on);
  if (on.has('p')) return yield* printed(sh, name, argv.slice(i));
  let status = 0;
  for (; i < argv.length; i++) {
    const r = yield* declareOne(sh, name, argv[i] as string, ctx.arrays[i] ?? null, on, off);
    if (r !== 0) status = r;
  }
  return status;
}

function* list(sh: Shell, name: string, on: ReadonlySet<string>): Task<number> {
  let text = '';
  for (const n of sh.vars.names()) {
    const v = sh.vars.find(n);
    if (!v) continue;
    if (
      name === 'export'
        ? !v.exported
        : name === 'readonly'
          ? !v.readonly
          : ![...on].every((c) => c === 'p' || attributeLetters(v).includes(c))
    )
      continue;
    if (name === 'local' && !sh.vars.scopes[sh.vars.scopes.length - 1]?.has(n)) continue;
    text += name === 'declare' && on.size === 0 ? `${n}=${v.value ?? ''}\n` : declaration(n, v);
  }
  return yield* output(sh, name, text);
}

function* printed(sh: Shell, name: string, names: readonly string[]): Task<number> {
  let status = 0;
  for (const n of names) {
    const v = sh.vars.scopes
      .map((s) => s.get(n))
      .filter((x) => x !== undefined)
      .pop();
    const dynamic = sh.vars.dynamic.get(n)?.get();
    if (v) yield* output(sh, name, declaration(n, v));
    else if (dynamic !== undefined)
      yield* output(sh, name, declaration(n, typeof dynamic === 'string' ? { value: dynamic } : { value: undefined, array: dynamic }));
    else {
      yield* complain(sh, name, `${n}: not found`);
      status = 1;
    }
  }
  return status;
}

function* functionsOf(sh: Shell, name: string, names: readonly string[], on: ReadonlySet<string>, off: ReadonlySet<string>): Task<number> {
  const wanted = names.length > 0 ? names : [...sh.functions.keys()].sort();
  let status = 0;
  for (const n of wanted) {
    const f = sh.functions.get(n);
    if (!f) {
      status = 1;
      continue;
    }
    if (name === 'export') {
      f.exported = !off.has('x');
      continue;
    }
    if (on.has('F')) yield* output(sh, name, names.length > 0 ? `${n}\n` : `declare -f ${n}\n`);
    else yield* output(sh, name, printFunction(n, f));
  }
  return status;
}

function* declareOne(
  sh: Shell,
  command: string,
  text: string,
  array: Assignment | null,
  on: ReadonlySet<string>,
  off: ReadonlySet<string>,
): Task<number> {
  const m = array ? null : /^([A-Za-z_]\w*)(?:\[(.*?)\])?(?:(\+?)=([\s\S]*))?$/.exec(text);
  if (!array && !m) {
    yield* complain(sh, command, `\`${text}': not a valid identifier`);
    return 1;
  }
  const name = array ? array.name : ((m as RegExpExecArray)[1] as string);
  const isLocal = command === 'local' || ((command === 'declare' || command === 'typeset') && sh.vars.scopes.length > 1 && !on.has('g'));
  const global = sh.vars.scopes[0] as Map<string, Variable>;
  const pick = (): Variable => {
    if (isLocal) return sh.vars.local(name);
    if (on.has('g')) {
      const v = global.get(name) ?? { value: undefined };
      global.set(name, v);
      return v;
    }
    return sh.vars.ensure(name);
  };
  if (sh.vars.find(name)?.readonly && (array || m?.[4] !== undefined || off.has('r'))) {
    if (!isLocal || sh.vars.scopes[sh.vars.scopes.length - 1]?.get(name)?.readonly || global.get(name)?.readonly) {
      if (command === 'export' || command === 'readonly') yield* sh.warn(`${name}: readonly variable`);
      else yield* complain(sh, command, `${name}: readonly variable`);
      return 1;
    }
  }
  // A value is expanded already; it may name the outer variable that this one hides.
  const v = pick();
  if (on.has('A') && !v.assoc) {
    if (v.array) {
      yield* complain(sh, command, `${name}: cannot convert indexed to associative array`);
      return 1;
    }
    v.assoc = new Map();
    v.value = undefined;
  }
  if (on.has('a') && !v.array && !v.assoc) toArray(v);
  if (on.has('i')) v.integer = true;
  if (off.has('i')) v.integer = false;
  if (on.has('l')) Object.assign(v, { lower: true, upper: false });
  if (on.has('u')) Object.assign(v, { upper: true, lower: false });
  if (off.has('l')) v.lower = false;
  if (off.has('u')) v.upper = false;
  if (array) yield* performAssignment(sh, array, () => v);
  else if (m?.[4] !== undefined) {
    const value = m[4];
    if (on.has('n')) v.value = value;
    else if (m[2] !== undefined) assignElement(sh, name, v.assoc ? m[2] : String(Number(m[2]) || 0), value);
    else if ((v.array || v.assoc) && /^\([\s\S]*\)$/.test(value)) {
      const script = wordFromText(value);
      yield* performAssignment(
        sh,
        { type: 'Assignment', pos: 0, end: 0, text, name, append: m[3] === '+', index: undefined, value: script },
        () => v,
      );
    } else assign(v, cased(v, yield* attributed(sh, v, value, m[3] === '+', v.array ? v.array[0] : v.value)));
  }
  if (on.has('n')) v.nameref = true;
  if (off.has('n')) v.nameref = false;
  if (on.has('x')) v.exported = true;
  if (off.has('x')) v.exported = false;
  if (on.has('r')) v.readonly = true;
  return 0;
}

function* unset(sh: Shell, argv: readonly string[]): Task<number> {
  let mode = '';
  let i = 1;
  for (; /^-./.test(argv[i] ?? ''); i++) {
    if (argv[i] === '--') {
      i++;
      break;
    }
    const c = (argv[i] as string).slice(1);
    if (!/^[vfn]$/.test(c)) return yield* usage(sh, 'unset', argv[i] as string, 'unset [-f] [-v] [-n] [name ...]');
    mode = c;
  }
  let status = 0;
  for (const name of argv.slice(i)) {
    if (mode === 'f') {
      sh.functions.delete(name);
      continue;
    }
    const m = /^([A-Za-z_]\w*)\[(.*)\]$/s.exec(name);
    try {
      if (m) {
        const v = sh.vars.find(m[1] as string);
        if (v?.readonly) throw new ReadonlyError(m[1] as string);
        if (v?.assoc) v.assoc.delete(m[2] as string);
        else if (v?.array) {
          if (m[2] === '@' || m[2] === '*') v.array = [];
          else {
            const k = Number(m[2]);
            delete v.array[k < 0 ? v.array.length + k : k];
          }
        }
      } else if (NAME.test(name)) {
        if (mode !== 'v' && !sh.vars.find(name) && sh.functions.has(name)) sh.functions.delete(name);
        else sh.vars.unset(mode === 'n' ? name : sh.vars.resolveName(name));
      } else {
        yield* complain(sh, 'unset', `\`${name}': not a valid identifier`);
        status = 1;
      }
    } catch (e) {
      if (!(e instanceof ReadonlyError)) throw e;
      yield* complain(sh, 'unset', `${e.name}: cannot unset: readonly variable`);
      status = 1;
    }
  }
  return status;
}

export const declareBuiltins: readonly (readonly [string, Builtin])[] = [
  ['declare', declare],
  ['typeset', declare],
  ['local', declare],
  ['export', declare],
  ['readonly', declare],
  ['unset', unset],
];
