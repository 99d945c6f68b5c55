/** sed scripts: text to a flat list of commands with resolved jumps. */

export class SedError extends Error {
  /** 1-based position in the script. */
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

export type Address =
  | { kind: 'line'; line: number }
  | { kind: 'last' }
  | { kind: 'step'; line: number; step: number }
  | { kind: 'plus'; line: number }
  | { kind: 'regex'; regex: RegExp | null };

export type Piece = { kind: 'text'; text: string } | { kind: 'group'; group: number } | { kind: 'case'; text: string };

export interface SedCommand {
  name: string;
  from: Address | null;
  to: Address | null;
  negate: boolean;
  /** Text of a, i, c; file of r, w; label of : b t T. */
  text: string;
  regex: RegExp | null;
  replacement: Piece[] | null;
  global: boolean;
  nth: number;
  print: boolean;
  file: string;
  map: Map<string, string> | null;
  code: number;
  /** Index to go on after: end of the block for `{`, the label for b, t, T. */
  jump: number;
}

type Compile = (source: string, flags: string) => RegExp;

export function parseScript(script: string, compile: Compile): SedCommand[] {
  const out: SedCommand[] = [];
  const open: number[] = [];
  let i = 0;
  const fail = (message: string): never => {
    throw new SedError(Math.min(i, script.length) || 1, message);
  };
  const spaces = (): void => {
    while (i < script.length && /[ \t]/.test(script[i] as string)) i++;
  };
  const delimited = (delimiter: string, regex: boolean): string => {
    let text = '';
    let inSet = false;
    while (i < script.length) {
      const c = script[i] as string;
      if (c === '\\' && i + 1 < script.length) {
        const n = script[i + 1] as string;
        if (n === delimiter && !inSet) text += /[a-zA-Z0-9]/.test(n) || !regex ? n : '|.*+?()[]{}^$'.includes(n) ? `\\${n}` : n;
        else if (n === 'n' && regex) text += '\\n';
        else text += c + n;
        i += 2;
        continue;
      }
      if (regex && c === '[' && !inSet) {
        inSet = true;
        text += c;
        i++;
        if (script[i] === '^') text += script[i++];
        if (script[i] === ']') text += script[i++];
        continue;
      }
      if (regex && c === ']') inSet = false;
      if (c === delimiter && !inSet) {
        i++;
        return text;
      }
      if (c === '\n' && regex && delimiter !== '\n') break;
      text += c;
      i++;
    }
    return fail(regex ? 'unterminated address regex' : "unterminated `s' command");
  };
  const address = (): Address | null => {
    const c = script[i];
    if (c === undefined) return null;
    if (/\d/.test(c)) {
      const m = /^\d+/.exec(script.slice(i)) as RegExpExecArray;
      i += m[0].length;
      if (script[i] === '~') {
        i++;
        const step = /^\d*/.exec(script.slice(i)) as RegExpExecArray;
        i += step[0].length;
        return { kind: 'step', line: Number(m[0]), step: Number(step[0] || 0) };
      }
      return { kind: 'line', line: Number(m[0]) };
    }
    if (c === '$') {
      i++;
      return { kind: 'last' };
    }
    if (c === '+') {
      i++;
      const m = /^\d+/.exec(script.slice(i));
      if (!m) return fail('expected number');
      i += m[0].length;
      return { kind: 'plus', line: Number(m[0]) };
    }
    if (c === '/' || c === '\\') {
      if (c === '\\') i++;
      const delimiter = script[i++] as string;
      const source = delimited(delimiter, true);
      let flags = '';
      while (script[i] === 'I' || script[i] === 'M') flags += script[i++] === 'I' ? 'i' : 'm';
      return { kind: 'regex', regex: source === '' ? null : compile(source, flags) };
    }
    return null;
  };
  const restOfLine = (): string => {
    const end = script.indexOf('\n', i);
    const text = script.slice(i, end < 0 ? undefined : end);
    i = end < 0 ? script.length : end;
    return text;
  };

  while (i < script.length) {
    while (i < script.length && /[\s;]/.test(script[i] as string)) i++;
    if (i >= script.length) break;
    if (script[i] === '#') {
      restOfLine();
      continue;
    }
    const c: SedCommand = {
      name: '',
      from: null,
      to: null,
      negate: false,
      text: '',
      regex: null,
      replacement: null,
      global: false,
      nth: 1,
      print: false,
      file: '',
      map: null,
      code: 0,
      jump: -1,
    };
    c.from = address();
    spaces();
    if (c.from && script[i] === ',') {
      i++;
      spaces();
      c.to = address();
      if (!c.to) fail("unexpected `,'");
    }
    spaces();
    while (script[i] === '!') {
      c.negate = true;
      i++;
      spaces();
    }
    const name = script[i++];
    if (name === undefined) {
      fail('missing command');
      break;
    }
    c.name = name;
    if (name === '{') {
      open.push(out.length);
      out.push(c);
      continue;
    }
    if (name === '}') {
      const start = open.pop();
      if (start === undefined) fail("unexpected `}'");
      else (out[start] as SedCommand).jump = out.length - 1;
      continue;
    }
    if (name === 's') {
      const delimiter = script[i++] ?? fail("unterminated `s' command");
      let source = '';
      try {
        source = delimited(delimiter, true);
      } catch {
        fail("unterminated `s' command");
      }
      const raw = delimited(delimiter, false);
      let flags = '';
      for (; i < script.length && !/[;\n}#\s]/.test(script[i] as string); i++) {
        const f = script[i] as string;
        if (f === 'g') c.global = true;
        else if (f === 'p') c.print = true;
        else if (f === 'i' || f === 'I') flags += 'i';
        else if (f === 'm' || f === 'M') flags += 'm';
        else if (/\d/.test(f)) {
          const m = /^\d+/.exec(script.slice(i)) as RegExpExecArray;
          c.nth = Number(m[0]);
          i += m[0].length - 1;
        } else if (f === 'w') {
          i++;
          spaces();
          c.file = restOfLine();
          break;
        } else {
          i++;
          fail("unknown option to `s'");
        }
      }
      c.regex = source === '' ? null : compile(source, `g${flags}`);
      c.replacement = replacement(raw);
    } else if (name === 'y') {
      const delimiter = script[i++] ?? fail("unterminated `y' command");
      const plain = (t: string): string[] => [...t.replace(/\\n/g, '\n').replace(/\\\\/g, '\\')];
      const from = plain(delimited(delimiter, false));
      const to = plain(delimited(delimiter, false));
      if (from.length !== to.length) fail("strings for `y' command are different lengths");
      c.map = new Map(from.map((ch, n) => [ch, to[n] as string]));
    } else if (name === 'a' || name === 'i' || name === 'c') {
      spaces();
      if (script[i] === '\\') {
        i++;
        spaces();
        if (script[i] === '\n') i++;
      }
      let text = '';
      for (; i < script.length && script[i] !== '\n'; i++) {
        if (script[i] === '\\' && i + 1 < script.length) {
          const code = /^(?:x([0-9a-fA-F]{2})|o([0-7]{3})|d(\d{3}))/.exec(script.slice(i + 1));
          if (code) {
            text += String.fromCharCode(code[1] ? Number.parseInt(code[1], 16) : code[2] ? Number.parseInt(code[2], 8) : Number(code[3]));
            i += code[0].length;
            continue;
          }
          i++;
          text += { n: '\n', t: '\t', a: '\x07', f: '\f', r: '\r', v: '\v' }[script[i] as string] ?? script[i];
        } else text += script[i];
      }
      if (text === '' && i >= script.length) fail("expected \\ after `a', `c' or `i'");
      c.text = text;
    } else if (name === 'r' || name === 'w') {
      spaces();
      c.text = restOfLine();
      if (c.text === '') fail('missing filename in r/R/w/W commands');
    } else if (name === ':') {
      spaces();
      const m = /^[^\s;]+/.exec(script.slice(i));
      if (!m) fail('":" lacks a label');
      c.text = m?.[0] ?? '';
      i += c.text.length;
    } else if (name === 'b' || name === 't' || name === 'T') {
      spaces();
      const m = /^[^\s;}]*/.exec(script.slice(i)) as RegExpExecArray;
      c.text = m[0];
      i += c.text.length;
    } else if (name === 'q' || name === 'Q') {
      spaces();
      const m = /^\d*/.exec(script.slice(i)) as RegExpExecArray;
      c.code = Number(m[0] || 0);
      i += m[0].length;
    } else if (!'dDpPnNgGhHxl='.includes(name)) fail(`unknown command: \`${name}'`);
    spaces();
    if (i < script.length && !/[;\n}#]/.test(script[i] as string)) {
      i++;
      fail('extra characters after command');
    }
    out.push(c);
  }
  if (open.length > 0) throw new SedError(0, "unmatched `{'");
  for (const c of out) {
    if (c.name !== 'b' && c.name !== 't' && c.name !== 'T') continue;
    const target = c.text === '' ? out.length : out.findIndex((x) => x.name === ':' && x.text === c.text);
    if (target < 0) throw new SedError(script.length, `can't find label for jump to \`${c.text}'`);
    c.jump = target;
  }
  return out;
}

function replacement(raw: string): Piece[] {
  const out: Piece[] = [];
  const text = (t: string): void => {
    const last = out.at(-1);
    if (last?.kind === 'text') last.text += t;
    else out.push({ kind: 'text', text: t });
  };
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i] as string;
    if (c === '&') out.push({ kind: 'group', group: 0 });
    else if (c === '\\') {
      const n = raw[++i] ?? '\\';
      if (/\d/.test(n)) out.push({ kind: 'group', group: Number(n) });
      else if ('ULEul'.includes(n)) out.push({ kind: 'case', text: n });
      else text(n === 'n' ? '\n' : n === 't' ? '\t' : n);
    } else text(c);
  }
  return out;
}
