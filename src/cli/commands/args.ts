/** Options of a subcommand: values, switches and operands; an unknown option is an error that lists the known ones. */

export interface Args {
  readonly operands: readonly string[];
  readonly values: ReadonlyMap<string, string>;
  readonly switches: ReadonlySet<string>;
}

/** @throws Error for an unknown option or a missing value. */
export function parseArgs(args: readonly string[], spec: { values?: readonly string[]; switches?: readonly string[] }): Args {
  const operands: string[] = [];
  const values = new Map<string, string>();
  const switches = new Set<string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith('--')) {
      operands.push(arg);
      continue;
    }
    const [name = '', inline] = arg.slice(2).split(/=(.*)/s);
    if (spec.switches?.includes(name)) switches.add(name);
    else if (spec.values?.includes(name)) {
      const value = inline ?? args[++i];
      if (value === undefined) throw new Error(`--${name} needs a value`);
      values.set(name, value);
    } else
      throw new Error(`unknown option ${arg}; known: ${[...(spec.values ?? []), ...(spec.switches ?? [])].map((n) => `--${n}`).join(' ')}`);
  }
  return { operands, values, switches };
}

/** A whole number from an option. @throws Error naming the option. */
export function integer(args: Args, name: string, fallback: number): number {
  const text = args.values.get(name);
  if (text === undefined) return fallback;
  if (!/^\d+$/.test(text)) throw new Error(`--${name} takes a whole number, not "${text}"`);
  return Number(text);
}
