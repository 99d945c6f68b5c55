/** awk's functions: strings, numbers, processes; and printf's format. */

import type { Task } from '../../os/program.ts';
import { strftime } from '../strftime.ts';
import type { Interpreter } from './interp.ts';
import { AwkError } from './lex.ts';
import type { Expr } from './parse.ts';
import { num, StrNum, str, toGeneral, type Value } from './value.ts';

/** printf as awk and the shell know it: flags, width, precision, * and the conversions diouxXcsfeEgG%. */
export function format(template: string, values: readonly Value[]): string {
  let next = 0;
  return template.replace(
    /%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([diouxXcsfFeEgG%])/g,
    (all, flags: string, w: string | undefined, d: string | undefined, c: string) => {
      if (c === '%') return '%';
      const width = w === '*' ? num(values[next++]) : Number(w ?? 0);
      const hasDot = all.includes('.');
      const digits = d === '*' ? num(values[next++]) : hasDot ? Number(d ?? 0) : -1;
      const v = values[next++];
      let text: string;
      if (c === 's') text = digits >= 0 ? str(v).slice(0, digits) : str(v);
      else if (c === 'c')
        text = typeof v === 'number' ? String.fromCodePoint(Math.max(0, Math.min(0x10ffff, Math.floor(v)))) : str(v).slice(0, 1);
      else {
        const n = num(v);
        if (c === 'd' || c === 'i')
          text = String(Math.trunc(n))
            .replace('-0', '0')
            .replace(/^(-?)(.*)$/, (_, s: string, x: string) => s + x.padStart(Math.max(0, digits), '0'));
        else if (c === 'o') text = Math.trunc(n).toString(8);
        else if (c === 'x') text = (flags.includes('#') ? '0x' : '') + Math.trunc(n).toString(16);
        else if (c === 'X') text = (flags.includes('#') ? '0X' : '') + Math.trunc(n).toString(16).toUpperCase();
        else if (c === 'u') text = String(Math.trunc(Math.abs(n)));
        else if (c === 'f' || c === 'F') text = n.toFixed(digits < 0 ? 6 : Math.min(digits, 100));
        else if (c === 'g' || c === 'G') text = toGeneral(n, digits < 0 ? 6 : digits);
        else text = n.toExponential(digits < 0 ? 6 : Math.min(digits, 100)).replace(/e([-+])(\d)$/, 'e$10$2');
        if (flags.includes('+') && n >= 0) text = `+${text}`;
        else if (flags.includes(' ') && n >= 0) text = ` ${text}`;
      }
      if (text.length >= width) return text;
      if (flags.includes('-')) return text.padEnd(Math.min(width, 100_000));
      if (flags.includes('0') && c !== 's' && c !== 'c')
        return text.replace(/^([-+ ]?)(.*)$/, (_, s: string, x: string) => s + x.padStart(Math.min(width, 100_000) - s.length, '0'));
      return text.padStart(Math.min(width, 100_000));
    },
  );
}

export function* callBuiltin(it: Interpreter, name: string, args: readonly Expr[]): Task<Value> {
  const arg = function* (i: number): Task<Value> {
    const e = args[i];
    return e ? yield* it.eval(e) : undefined;
  };
  const source = function* (i: number): Task<string> {
    const e = args[i];
    return e?.t === 'regex' ? e.v : str(yield* arg(i));
  };
  switch (name) {
    case 'length': {
      const e = args[0];
      if (!e) return it.currentRecord().length;
      if (e.t === 'var' && it.getVar(e.name) === undefined && it.array(e.name).size > 0) return it.array(e.name).size;
      return [...str(yield* it.eval(e))].length;
    }
    case 'substr': {
      const text = str(yield* arg(0));
      const from = Math.round(num(yield* arg(1)));
      const len = args[2] ? Math.round(num(yield* arg(2))) : Number.POSITIVE_INFINITY;
      return text.slice(Math.max(0, from - 1), Math.max(0, from - 1 + len));
    }
    case 'index':
      return str(yield* arg(0)).indexOf(str(yield* arg(1))) + 1;
    case 'split': {
      const text = str(yield* arg(0));
      const to = args[1];
      if (to?.t !== 'var') throw new AwkError('split: the second argument must be an array');
      const fs = args[2] ? yield* source(2) : str(it.getVar('FS'));
      const parts = it.splitText(text, fs);
      const a = it.array(to.name);
      a.clear();
      for (const [i, x] of parts.entries()) a.set(String(i + 1), new StrNum(x));
      return parts.length;
    }
    case 'sub':
    case 'gsub': {
      const r = it.regex(yield* source(0));
      const by = str(yield* arg(1));
      const target: Expr = args[2] ?? { t: 'field', e: { t: 'num', v: 0 } };
      const text = str(yield* it.eval(target));
      let n = 0;
      const result = text.replace(new RegExp(r.source, name === 'gsub' ? 'g' : ''), (m) => {
        n++;
        return by.replace(/\\\\|\\&|&/g, (x) => (x === '&' ? m : x === '\\&' ? '&' : '\\'));
      });
      if (n > 0) yield* it.assign(target, result);
      return n;
    }
    case 'match': {
      const m = it.regex(yield* source(1)).exec(str(yield* arg(0)));
      it.setVar('RSTART', m ? m.index + 1 : 0);
      it.setVar('RLENGTH', m ? m[0].length : -1);
      return m ? m.index + 1 : 0;
    }
    case 'sprintf': {
      const values: Value[] = [];
      for (const a of args) values.push(yield* it.eval(a));
      return format(str(values[0]), values.slice(1));
    }
    case 'tolower':
      return str(yield* arg(0)).toLowerCase();
    case 'toupper':
      return str(yield* arg(0)).toUpperCase();
    case 'int':
      return Math.trunc(num(yield* arg(0)));
    case 'sqrt':
      return Math.sqrt(num(yield* arg(0)));
    case 'exp':
      return Math.exp(num(yield* arg(0)));
    case 'log':
      return Math.log(num(yield* arg(0)));
    case 'sin':
      return Math.sin(num(yield* arg(0)));
    case 'cos':
      return Math.cos(num(yield* arg(0)));
    case 'atan2':
      return Math.atan2(num(yield* arg(0)), num(yield* arg(1)));
    case 'rand':
      return it.p.sim.rng('awk').float();
    case 'srand': {
      const old = it.seed;
      it.seed = num(yield* arg(0));
      return old;
    }
    case 'strtonum': {
      const text = str(yield* arg(0));
      return /^0[xX]/.test(text) ? Number.parseInt(text, 16) || 0 : num(text);
    }
    case 'systime':
      return Math.floor((it.p.sim.epochMs + it.p.sim.now / 1000) / 1000);
    case 'strftime':
      return strftime(args[0] ? str(yield* arg(0)) : '%c', args[1] ? num(yield* arg(1)) : it.p.sim.epochMs / 1000 + it.p.sim.now / 1e6);
    case 'system': {
      yield* it.streams.flush();
      const child = it.p.spawn(['sh', '-c', str(yield* arg(0))]);
      return child.ok ? yield* it.p.waitPid(child.value) : -1;
    }
    case 'close':
      return yield* it.streams.close(str(yield* arg(0)));
    default:
      yield* it.streams.flush();
      return 0;
  }
}
