/** Arithmetic in its shell: expansion of the text, variables and array elements. */

import type { Task } from '../../os/process.ts';
import { ArithError, type ArithVars, evaluate } from './arith.ts';
import { assignElement } from './assign.ts';
import { expandQuotedText } from './expand.ts';
import { Abandon, type Shell } from './state.ts';
import { ReadonlyError } from './vars.ts';

/** The value of an expression's source text; an error is reported and ends the command line. */
export function* arithmetic(sh: Shell, source: string, prefix = ''): Task<bigint> {
  try {
    return yield* rawArithmetic(sh, source);
  } catch (e) {
    if (e instanceof ArithError) {
      yield* sh.warn(prefix + e.text);
      throw new Abandon(1);
    }
    if (e instanceof ReadonlyError) {
      yield* sh.warn(`${e.name}: readonly variable`);
      throw new Abandon(1);
    }
    throw e;
  }
}

/** As arithmetic(), but throws ArithError. */
export function* rawArithmetic(sh: Shell, source: string): Task<bigint> {
  let text = source;
  if (/[$`"'\\]/.test(text)) text = yield* expandQuotedText(sh, text.replace(/(?<!\\)"/g, ''));
  return evaluate(text.trim() === '' ? '' : text, arithVars(sh));
}

export function arithVars(sh: Shell): ArithVars {
  return {
    get(name, index) {
      const value = index === undefined ? sh.vars.get(name) : sh.vars.element(name, key(sh, name, index));
      if (value === undefined && sh.on('nounset'))
        throw new ArithError(`${index === undefined ? name : `${name}[${index}]`}: unbound variable`);
      return (value ?? '').trim();
    },
    set(name, index, value) {
      if (index === undefined) sh.vars.set(name, String(value));
      else assignElement(sh, name, key(sh, name, index), String(value));
    },
  };
}

/** An associative array's key is text, any other subscript an expression. */
function key(sh: Shell, name: string, index: string): string {
  return sh.vars.isAssoc(name) ? index : String(evaluate(index, arithVars(sh)));
}
