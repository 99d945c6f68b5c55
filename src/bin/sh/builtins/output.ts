/** echo and printf. */

import type { Task } from '../../../os/process.ts';
import { concat, utf8 } from '../../../wire/bytes.ts';
import { strftime } from '../../strftime.ts';
import { ArithError, evaluate } from '../arith.ts';
import { arithVars } from '../arithmetic.ts';
import { backslashEscapes } from '../parameter.ts';
import type { Shell } from '../state.ts';
import { backslashQuoted } from '../vars.ts';
import { type Builtin, complain, output } from './types.ts';

/** Bytes beyond ASCII that escapes name stand in texts as lone surrogates, U+DC80 to U+DCFF, until the text is written. */
const byteChar = (code: number): string => String.fromCharCode(code < 0x80 ? code : 0xdc00 + code);

/** What is written: a text, or its bytes when escapes named some. */
function written(text: string): string | Uint8Array {
  if (!/[\udc80-\udcff]/u.test(text)) return text;
  const parts = text.split(/([\udc80-\udcff]+)/u);
  return concat(parts.map((s, i) => (i % 2 === 0 ? utf8(s) : Uint8Array.from(s, (c) => c.charCodeAt(0) - 0xdc00))));
}

const asText = (text: string): string => {
  const w = written(text);
  return typeof w === 'string' ? w : new TextDecoder().decode(w);
};

/** Escapes of echo -e; `stop` at \c. */
export function echoEscapes(s: string): { text: string; stop: boolean } {
  const cut = /^(?:[^\\]|\\[^c])*?\\c/s.exec(s);
  const body = cut ? cut[0].slice(0, -2) : s;
  const text = body.replace(/\\0([0-7]{1,3})/g, (_, o: string) => byteChar(Number.parseInt(o, 8) & 255)).replace(/\\(?:c(.)|["'?])/g, '$&');
  return { text: backslashEscapesNoQuotes(text), stop: cut !== null };
}

function backslashEscapesNoQuotes(s: string): string {
  return s
    .replace(/\\(["'?])/g, '\\\\$1')
    .replace(/\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|\\|[abeEfnrtv])/g, (m) =>
      m[1] === 'x' ? byteChar(Number.parseInt(m.slice(2), 16)) : backslashEscapes(m),
    );
}

export const outputBuiltins: readonly (readonly [string, Builtin])[] = [
  [
    'echo',
    function* (sh, argv) {
      let newline = true;
      let escapes = sh.opt('xpg_echo');
      let i = 1;
      for (; i < argv.length && /^-[neE]+$/.test(argv[i] as string); i++) {
        for (const c of (argv[i] as string).slice(1)) {
          if (c === 'n') newline = false;
          else escapes = c === 'e';
        }
      }
      let text = argv.slice(i).join(' ');
      if (escapes) {
        const r = echoEscapes(text);
        text = r.text;
        if (r.stop) newline = false;
      }
      return yield* output(sh, 'echo', written(newline ? `${text}\n` : text));
    },
  ],
  [
    'printf',
    function* (sh, argv) {
      let i = 1;
      let variable: string | null = null;
      if (argv[1] === '-v') {
        variable = argv[2] ?? '';
        i = 3;
      }
      if (argv[i] === '--') i++;
      if (argv[i] === undefined) {
        yield* sh.p.err('printf: usage: printf [-v var] format [arguments]\n');
        return 2;
      }
      if (/^-./.test(argv[i] as string) && variable === null && i === 1) {
        yield* complain(sh, 'printf', `${(argv[i] as string).slice(0, 2)}: invalid option`);
        yield* sh.p.err('printf: usage: printf [-v var] format [arguments]\n');
        return 2;
      }
      const r = yield* format(sh, argv[i] as string, argv.slice(i + 1));
      if (variable !== null) {
        r.text = asText(r.text);
        const m = /^([A-Za-z_]\w*)(?:\[(.*)\])?$/s.exec(variable);
        if (!m) {
          yield* complain(sh, 'printf', `\`${variable}': not a valid identifier`);
          return 2;
        }
        if (m[2] !== undefined) {
          const v = sh.vars.ensure(m[1] as string);
          if (v.assoc) v.assoc.set(m[2], r.text);
          else {
            v.array ??= v.value === undefined ? [] : [v.value];
            v.array[Number(evaluate(m[2], arithVars(sh)))] = r.text;
          }
        } else yield* sh.assign(variable, r.text);
        return r.status;
      }
      return (yield* output(sh, 'printf', written(r.text))) || r.status;
    },
  ],
];

interface Formatted {
  text: string;
  status: number;
}

const SPEC = /%([-+ #0]*)(\*|\d+)?(?:\.(\*|-?\d+)?)?(?:hh|h|ll|l|L|q|j|z|t)?(\([^)]*\)T|[a-zA-Z%])/y;

function* format(sh: Shell, template: string, args: readonly string[]): Task<Formatted> {
  let out = '';
  let status = 0;
  let at = 0;
  let used = false;
  do {
    used = false;
    for (let i = 0; i < template.length; ) {
      const c = template[i] as string;
      if (c === '\\') {
        const m = /^\\(?:x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|.)/s.exec(template.slice(i));
        if (!m) {
          out += '\\';
          i++;
          continue;
        }
        if (m[0] === '\\c') return { text: out, status };
        const code = /^\\(?:x(.+)|([0-7]+))$/.exec(m[0]);
        out += code ? byteChar(Number.parseInt(code[1] ?? (code[2] as string), code[1] ? 16 : 8) & 255) : backslashEscapes(m[0]);
        i += m[0].length;
        continue;
      }
      if (c !== '%') {
        out += c;
        i++;
        continue;
      }
      SPEC.lastIndex = i;
      const m = SPEC.exec(template);
      if (!m) {
        const bad = /^%[-+ #0\d.*]*(.?)/s.exec(template.slice(i));
        yield* complain(sh, 'printf', `\`${bad?.[1] ?? ''}': ${bad?.[1] ? 'invalid format character' : 'missing format character'}`);
        return { text: out, status: 1 };
      }
      i += m[0].length;
      const conv = m[4] as string;
      if (conv === '%') {
        out += '%';
        continue;
      }
      const next = (): string | undefined => {
        used = true;
        return args[at++];
      };
      let flags = m[1] ?? '';
      let width = m[2] === '*' ? Number(next() ?? 0) : m[2] === undefined ? 0 : Number(m[2]);
      if (width < 0) {
        flags += '-';
        width = -width;
      }
      const hasPrecision = m[0].replace(/\(.*/, '').includes('.');
      let precision = !hasPrecision ? -1 : m[3] === '*' ? Number(next() ?? 0) : Number(m[3] ?? 0);
      if (precision < 0) precision = -1;
      const pad = (s: string, zero = false): string => {
        const missing = width - [...s].length;
        if (missing <= 0) return s;
        if (flags.includes('-')) return s + ' '.repeat(missing);
        if (zero && flags.includes('0')) return s.replace(/^([-+ ]?(?:0[xX])?)/, `$1${'0'.repeat(missing)}`);
        return ' '.repeat(missing) + s;
      };
      switch (conv[0]) {
        case 's':
          out += pad(cut(next() ?? '', precision));
          break;
        case 'b': {
          const r = echoEscapes((next() ?? '').replace(/\\([1-7][0-7]{0,2})/g, '\\0$1'));
          out += pad(cut(r.text, precision));
          if (r.stop) return { text: out, status };
          break;
        }
        case 'q':
          out += pad(backslashQuoted(next() ?? ''));
          break;
        case 'c':
          out += pad((next() ?? '').slice(0, 1));
          break;
        case 'd':
        case 'i':
        case 'u':
        case 'o':
        case 'x':
        case 'X': {
          const arg = next();
          const n = yield* integer(sh, arg);
          if (n === null) status = 1;
          out += pad(formatInteger(n ?? partial(arg), conv, flags, precision), precision < 0);
          break;
        }
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
        case 'a':
        case 'A': {
          const arg = next();
          const n = arg === undefined || arg === '' ? 0 : /^['"]/.test(arg) ? (arg.codePointAt(1) ?? 0) : Number(arg);
          if (Number.isNaN(n)) {
            yield* complain(sh, 'printf', `${arg}: invalid number`);
            status = 1;
          }
          out += pad(formatFloat(Number.isNaN(n) ? Number.parseFloat(arg ?? '') || 0 : n, conv, flags, precision), true);
          break;
        }
        case '(': {
          const arg = next();
          const seconds =
            arg === undefined || arg === '-1'
              ? Math.floor(sh.p.sim.epochMs / 1000 + sh.p.sim.now / 1e6)
              : arg === '-2'
                ? Math.floor(sh.p.sim.epochMs / 1000 + sh.startTime / 1e6)
                : Number(arg);
          out += pad(strftime(conv.slice(1, -2) || '%H:%M:%S', seconds));
          break;
        }
        default:
          yield* complain(sh, 'printf', `\`${conv}': invalid format character`);
          return { text: out, status: 1 };
      }
    }
  } while (used && at < args.length);
  return { text: out, status };
}

function cut(s: string, precision: number): string {
  return precision < 0 ? s : [...s].slice(0, precision).join('');
}

function partial(arg: string | undefined): bigint {
  const m = /^\s*[-+]?\d+/.exec(arg ?? '');
  return m ? BigInt(m[0].trim().replace(/^\+/, '')) : 0n;
}

function* integer(sh: Shell, arg: string | undefined): Task<bigint | null> {
  if (arg === undefined || arg === '') return 0n;
  if (/^['"]/.test(arg)) return BigInt(arg.codePointAt(1) ?? 0);
  const text = arg.trim();
  try {
    if (/^[-+]?(0[xX][0-9a-fA-F]+|\d+)$/.test(text) && !/^[-+]?0\d*[89]/.test(text))
      return evaluate(text, { get: () => '', set: () => undefined });
  } catch (e) {
    if (!(e instanceof ArithError)) throw e;
  }
  yield* complain(sh, 'printf', `${arg}: invalid ${/^[-+]?0\d*[89]/.test(text) ? 'octal number' : 'number'}`);
  return null;
}

function formatInteger(value: bigint, conv: string, flags: string, precision: number): string {
  if (conv === 'd' || conv === 'i') {
    const sign = value < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
    return sign + String(value < 0n ? -value : value).padStart(Math.max(0, precision), '0');
  }
  const n = BigInt.asUintN(64, value);
  const digits = conv === 'u' ? String(n) : conv === 'o' ? n.toString(8) : n.toString(16);
  const prefix = flags.includes('#') && n !== 0n ? (conv === 'o' ? '0' : conv === 'x' ? '0x' : conv === 'X' ? '0X' : '') : '';
  return prefix + (conv === 'X' ? digits.toUpperCase() : digits).padStart(Math.max(0, precision), '0');
}

export function formatFloat(value: number, conv: string, flags: string, precision: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const n = Math.abs(value);
  const p = precision < 0 ? 6 : precision;
  const exponent = (s: string): string => s.replace(/e([-+])(\d)$/, 'e$10$2');
  let text: string;
  switch (conv.toLowerCase()) {
    case 'f':
      text = n.toFixed(Math.min(p, 100));
      break;
    case 'e':
      text = exponent(n.toExponential(Math.min(p, 100)));
      break;
    default: {
      const digits = p === 0 ? 1 : p;
      const e = n === 0 ? 0 : Number(n.toExponential(digits - 1).split('e')[1]);
      if (e < -4 || e >= digits) text = exponent(n.toExponential(digits - 1));
      else text = n.toFixed(Math.max(0, digits - 1 - e));
      if (!flags.includes('#') && text.includes('.')) text = text.replace(/\.?0+(?=e|$)/, '');
    }
  }
  return sign + (/[A-Z]/.test(conv) ? text.toUpperCase() : text);
}
