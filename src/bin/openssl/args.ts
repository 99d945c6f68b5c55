/** openssl's way with options: `-name value`, one dash, in any order. Models apps/lib/opt.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';

export interface Args {
  /** In the order given. */
  given: [string, string][];
  rest: string[];
}

/** `takes` are the options with a value, `flags` those without. A text is what is wrong. */
export function parseArgs(command: string, args: readonly string[], takes: string, flags: string): Args | string {
  const withValue = new Set(takes.split(/\s+/));
  const alone = new Set(flags.split(/\s+/));
  const out: Args = { given: [], rest: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith('-') || arg === '-') {
      out.rest.push(arg);
      continue;
    }
    const name = arg.replace(/^--?/, '');
    if (alone.has(name)) out.given.push([name, '']);
    else if (withValue.has(name)) {
      const value = args[++i];
      if (value === undefined) return `${command}: Option -${name} needs a value\n${command}: Use -help for summary.\n`;
      out.given.push([name, value]);
    } else return `${command}: Unknown option: -${name}\n${command}: Use -help for summary.\n`;
  }
  return out;
}

export class Options {
  readonly a: Args;

  constructor(a: Args) {
    this.a = a;
  }

  has(...names: string[]): boolean {
    return this.a.given.some(([k]) => names.includes(k));
  }

  get(...names: string[]): string | undefined {
    return this.a.given.findLast(([k]) => names.includes(k))?.[1];
  }

  all(name: string): string[] {
    return this.a.given.filter(([k]) => k === name).map(([, v]) => v);
  }
}

/** Lines of OpenSSL's error queue begin with the thread's number. */
export function errorLine(p: Process, code: string, rest: string): string {
  return `40${p.pid.toString(16).toUpperCase().padStart(6, '0')}7F7F0000:error:${code}:${rest}\n`;
}

/** Standard input, or a file; null after the complaint. */
export function* readInput(p: Process, path: string | undefined): Task<Uint8Array | null> {
  const r = path === undefined || path === '-' ? yield* p.readAll(0) : p.readFile(path);
  return r.ok ? r.value : null;
}

/** Standard output, or a file. */
export function* writeOutput(p: Process, path: string | undefined, data: string | Uint8Array, mode?: number): Task<boolean> {
  if (path === undefined || path === '-') {
    yield* p.out(data);
    return true;
  }
  const r = p.writeFile(path, data);
  if (r.ok && mode !== undefined) p.chmod(path, mode);
  if (!r.ok) yield* p.err(`Can't open "${path}" for writing, ${r.errno === 'ENOENT' ? 'No such file or directory' : r.errno}\n`);
  return r.ok;
}
