/** jq 1.6: filters JSON. */

import type { Command } from '../../os/program.ts';
import { getopt, specs } from '../getopt.ts';
import { type Json, runJq, typeName } from './eval.ts';
import { JqError, parseJq } from './parse.ts';

const USAGE = `Usage:\tjq [OPTIONS] FILTER [FILES...]
\tjq [OPTIONS] --args FILTER [ARGUMENTS...]
\tjq [OPTIONS] --jsonargs FILTER [JSON_VALUES...]
`;

const COLORS: Record<string, string> = { null: '1;30', boolean: '0;39', number: '0;39', string: '0;32', array: '1;39', object: '1;39' };

/** Values that stand one after the other in a text. @throws JqError */
export function splitJson(text: string): Json[] {
  const out: Json[] = [];
  let i = 0;
  while (i < text.length) {
    while (i < text.length && /\s/.test(text[i] as string)) i++;
    if (i >= text.length) break;
    const start = i;
    let depth = 0;
    let inString = false;
    for (; i < text.length; i++) {
      const c = text[i] as string;
      if (inString) {
        if (c === '\\') i++;
        else if (c === '"') {
          inString = false;
          if (depth === 0) {
            i++;
            break;
          }
        }
      } else if (c === '"') {
        if (depth === 0 && i > start) break;
        inString = true;
      } else if (c === '{' || c === '[') {
        if (depth === 0 && i > start) break;
        depth++;
      } else if (c === '}' || c === ']') {
        depth--;
        if (depth <= 0) {
          i++;
          break;
        }
      } else if (depth === 0 && /\s/.test(c)) break;
    }
    const piece = text.slice(start, i);
    try {
      out.push(JSON.parse(piece) as Json);
    } catch {
      const line = text.slice(0, i).split('\n').length;
      throw new JqError(
        depth > 0
          ? `Unfinished JSON term at EOF at line ${line}, column 0`
          : `Invalid numeric literal at line ${line}, column ${piece.length + 1}`,
      );
    }
  }
  return out;
}

/** JSON as jq prints it: `indent` spaces, or compact for 0. */
export function print(v: Json, indent: string, color: boolean, sortKeys: boolean, at = ''): string {
  const paint = (text: string): string => (color ? `\x1b[${COLORS[typeName(v)]}m${text}\x1b[0m` : text);
  if (v === null || typeof v !== 'object')
    return paint(
      typeof v === 'number' && !Number.isFinite(v)
        ? Number.isNaN(v)
          ? 'null'
          : v > 0
            ? '1.7976931348623157e+308'
            : '-1.7976931348623157e+308'
        : JSON.stringify(v),
    );
  const next = at + indent;
  const [open, close] = Array.isArray(v) ? '[]' : '{}';
  const keys = Array.isArray(v) ? null : sortKeys ? Object.keys(v).sort() : Object.keys(v);
  const parts = keys
    ? keys.map(
        (k) =>
          `${color ? `\x1b[34;1m${JSON.stringify(k)}\x1b[0m` : JSON.stringify(k)}${paint(':')}${indent === '' ? '' : ' '}${print((v as Record<string, Json>)[k] as Json, indent, color, sortKeys, next)}`,
      )
    : (v as Json[]).map((x) => print(x, indent, color, sortKeys, next));
  if (parts.length === 0) return paint(`${open}${close}`);
  const gap = indent === '' ? '' : `\n${next}`;
  return `${paint(open as string)}${gap}${parts.join(`${paint(',')}${gap}`)}${indent === '' ? '' : `\n${at}`}${paint(close as string)}`;
}

/** UTF-16 units beyond ASCII as \\u escapes. */
function ascii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export const jq: Command = {
  name: 'jq',
  *main(p) {
    const vars = new Map<string, Json>([
      ['ENV', Object.fromEntries(p.env)],
      ['__now', (p.sim.epochMs + p.sim.now / 1000) / 1000],
    ]);
    const args: string[] = [];
    const raw = p.argv.slice(1);
    for (let i = 0; i < raw.length; i++) {
      if (raw[i] === '--arg' || raw[i] === '--argjson') {
        try {
          vars.set(raw[i + 1] ?? '', raw[i] === '--arg' ? (raw[i + 2] ?? '') : (JSON.parse(raw[i + 2] ?? '') as Json));
        } catch {
          yield* p.err(`jq: Invalid JSON text passed to --argjson\n${USAGE}`);
          return 2;
        }
        i += 2;
      } else args.push(raw[i] as string);
    }
    const o = getopt(
      args,
      specs(
        'r.raw-output j.join-output a.ascii-output c.compact-output C.color-output M.monochrome-output n.null-input s.slurp R.raw-input S.sort-keys e.exit-status f:from-file h.help .tab :indent V.version',
      ),
    );
    const on = new Map(o.options);
    const [filter, ...files] = o.operands;
    if (on.has('help')) {
      yield* p.out(USAGE);
      return 0;
    }
    if (on.has('version')) {
      yield* p.out('jq-1.6\n');
      return 0;
    }
    if (o.error !== null || (filter === undefined && !on.has('from-file'))) {
      const unknown = o.error === null ? '' : `jq: Unknown arguments\n`;
      yield* p.err(`${unknown}${USAGE}`);
      return 2;
    }
    let ast: ReturnType<typeof parseJq>;
    try {
      ast = parseJq(on.has('from-file') ? (p.readText(on.get('from-file') as string) ?? '') : (filter as string));
    } catch (e) {
      if (!(e instanceof JqError)) throw e;
      yield* p.err(`jq: error: ${e.message} at <top-level>, line 1:\n${filter}\njq: 1 compile error\n`);
      return 3;
    }
    let text = '';
    let status = 0;
    if (!on.has('null-input') || files.length > 0) {
      if (files.length === 0) {
        const all = yield* p.readAll(0);
        text = all.ok ? new TextDecoder().decode(all.value) : '';
      }
      for (const f of files) {
        const t = p.readText(f);
        if (t === null) {
          yield* p.err(`jq: error: Could not open ${f}: No such file or directory\n`);
          status = 2;
        } else text += t;
      }
    }
    let inputs: Json[] = [];
    let broken: string | null = null;
    if (on.has('raw-input')) {
      const lines = text.split('\n');
      if (lines.at(-1) === '') lines.pop();
      inputs = on.has('slurp') ? [text] : lines;
    } else {
      try {
        inputs = splitJson(text);
      } catch (e) {
        if (!(e instanceof JqError)) throw e;
        broken = e.message;
      }
      if (on.has('slurp')) inputs = [inputs];
    }
    if (on.has('null-input')) inputs = [null];
    const indent = on.has('compact-output') ? '' : on.has('tab') ? '\t' : ' '.repeat(Math.min(7, Number(on.get('indent') ?? 2)));
    const color = on.has('color-output') || (p.isatty(1) && !on.has('monochrome-output'));
    const rawText = on.has('raw-output') || on.has('join-output');
    let last: Json = null;
    for (const input of inputs) {
      try {
        for (const v of runJq(ast, input, { vars, funcs: new Map() })) {
          last = v;
          const shown = rawText && typeof v === 'string' ? v : print(v, indent, color, on.has('sort-keys'));
          const w = yield* p.out(`${on.has('ascii-output') ? ascii(shown) : shown}${on.has('join-output') ? '' : '\n'}`);
          if (!w.ok) return 2;
        }
      } catch (e) {
        if (!(e instanceof JqError)) throw e;
        yield* p.err(`jq: error (at ${files[0] ?? '<stdin>'}:${text.split('\n').length - 1}): ${e.message}\n`);
        status = 5;
      }
    }
    if (broken !== null) {
      yield* p.err(
        `jq: error (at ${files[0] ?? '<stdin>'}:${text.split('\n').length - 1}): ${broken}\n`.replace(
          /error \(at .*?\): (?=Invalid|Unfinished)/,
          'error: ',
        ),
      );
      return 2;
    }
    if (on.has('exit-status') && status === 0) return last === null || last === false ? 1 : 0;
    return status;
  },
};
