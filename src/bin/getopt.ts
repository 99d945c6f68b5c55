/** GNU getopt_long: clustered short options, long options by unambiguous prefix, permuted operands, and its error texts. */

/** `-n N`: short 'n', takes 'required' | 'optional' | 'none'. */
export interface OptionSpec {
  readonly short?: string;
  readonly long?: string;
  readonly arg?: 'none' | 'required' | 'optional';
}

export interface Parsed {
  /** [key, value] in order; the key is the long name, or the short letter when there is none. */
  readonly options: readonly (readonly [string, string])[];
  readonly operands: readonly string[];
  /** getopt's message without the program's name, or null. */
  readonly error: string | null;
}

/** `posix` stops at the first operand (POSIXLY_CORRECT, `+` in the option string). */
export function getopt(args: readonly string[], specs: readonly OptionSpec[], posix = false): Parsed {
  const options: [string, string][] = [];
  const operands: string[] = [];
  const error = (text: string): Parsed => ({ options, operands, error: text });
  const key = (s: OptionSpec): string => s.long ?? (s.short as string);
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--') {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (arg === '-' || !arg.startsWith('-')) {
      if (posix) {
        operands.push(...args.slice(i));
        break;
      }
      operands.push(arg);
      continue;
    }
    if (arg.startsWith('--')) {
      const eq = arg.indexOf('=');
      const name = arg.slice(2, eq < 0 ? undefined : eq);
      const exact = specs.filter((s) => s.long === name);
      const found = exact.length > 0 ? exact : specs.filter((s) => s.long?.startsWith(name));
      if (found.length === 0) return error(`unrecognized option '${arg.slice(0, eq < 0 ? undefined : eq)}'`);
      if (found.length > 1) return error(`option '--${name}' is ambiguous; possibilities: ${found.map((s) => `'--${s.long}'`).join(' ')}`);
      const spec = found[0] as OptionSpec;
      if (eq >= 0 && (spec.arg ?? 'none') === 'none') return error(`option '--${spec.long}' doesn't allow an argument`);
      if (spec.arg === 'required' && eq < 0) {
        if (i + 1 >= args.length) return error(`option '--${spec.long}' requires an argument`);
        options.push([key(spec), args[++i] as string]);
      } else options.push([key(spec), eq < 0 ? '' : arg.slice(eq + 1)]);
      continue;
    }
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j] as string;
      const spec = specs.find((s) => s.short === letter);
      if (!spec) return error(`invalid option -- '${letter}'`);
      if ((spec.arg ?? 'none') === 'none') {
        options.push([key(spec), '']);
        continue;
      }
      const rest = arg.slice(j + 1);
      if (rest !== '' || spec.arg === 'optional') options.push([key(spec), rest]);
      else if (i + 1 < args.length) options.push([key(spec), args[++i] as string]);
      else return error(`option requires an argument -- '${letter}'`);
      break;
    }
  }
  return { options, operands, error: null };
}

/** `n:required lines` style shorthand: "n:lines" takes an argument, "c?color" an optional one, "q.quiet" none; either side may be empty. */
export function specs(text: string): OptionSpec[] {
  return text.split(/\s+/).map((word) => {
    const m = /^(.?)([:?.])(.*)$/.exec(word) as RegExpExecArray;
    const arg = m[2] === ':' ? 'required' : m[2] === '?' ? 'optional' : 'none';
    return { arg, ...(m[1] ? { short: m[1] } : {}), ...(m[3] ? { long: m[3] } : {}) } as OptionSpec;
  });
}

/** getopt(3) with its own option string (`c:ni:`): no long options, so `--x` is the unknown option `-`. */
export function getoptShort(args: readonly string[], optstring: string, posix = false): Parsed {
  const list = [...optstring.matchAll(/([^:])(:{0,2})/g)].map((m) => ({
    short: m[1] as string,
    arg: (['none', 'required', 'optional'] as const)[(m[2] as string).length] as 'none' | 'required' | 'optional',
  }));
  const double = args.findIndex((a) => a.length > 2 && a.startsWith('--'));
  if (double < 0) return getopt(args, list, posix);
  const before = getopt(args.slice(0, double), list, posix);
  const end = args.indexOf('--');
  if (before.error?.startsWith('option requires'))
    return getopt([...args.slice(0, double), `\\${args[double]}`, ...args.slice(double + 1)], list, posix);
  if (before.error || (posix && before.operands.length > 0) || (end >= 0 && end < double)) return getopt(args, list, posix);
  return { ...before, error: "invalid option -- '-'" };
}
