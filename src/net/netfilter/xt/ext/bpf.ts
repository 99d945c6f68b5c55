/** -m bpf: a classic BPF program over the packet. Models libxt_bpf.c, xt_bpf.c and the interpreter of net/core/filter.c */

import { type MatchExt, Problem } from '../ext.ts';
import { number } from '../parse.ts';

interface Insn {
  code: number;
  jt: number;
  jf: number;
  k: number;
}

/** XT_BPF_MAX_NUM_INSTR */
const MAX = 64;

function parse(text: string): Insn[] {
  const parts = text.split(',');
  const head = parts.shift() as string;
  const m = /^\s*(\d+)/.exec(head);
  if (!m || parts.length === 0) throw new Problem('bpf: error parsing program length');
  const length = Number(m[1]);
  if (length === 0) throw new Problem('bpf: illegal zero length program');
  if (length > MAX) throw new Problem(`bpf: number of instructions exceeds maximum ${MAX}`);
  const program: Insn[] = [];
  for (const [i, part] of parts.entries()) {
    if (i >= length) {
      if (part.trim() === '') break;
      throw new Problem('bpf: real program length exceeds the encoded length parameter');
    }
    const f = part
      .trim()
      .split(/\s+/)
      .map((w) => number(w));
    if (f.length !== 4 || f.some((n) => n === null)) throw new Problem(`bpf: error at instr ${i}`);
    program.push({ code: f[0] as number, jt: f[1] as number, jf: f[2] as number, k: f[3] as number });
  }
  if (program.length !== length) throw new Problem('bpf: parsed program length is less than the encoded length parameter');
  return program;
}

/** bpf_check_classic(): jumps forward and inside, the last instruction returns. */
function valid(program: readonly Insn[]): boolean {
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    if ((code & 7) === 5 && (code === 5 ? i + 1 + k : Math.max(i + 1 + jt, i + 1 + jf)) >= program.length) return false;
  }
  return ((program[program.length - 1] as Insn).code & 7) === 6;
}

function load(b: Uint8Array, at: number, size: number): number | null {
  if (at < 0 || at + size > b.length) return null;
  let v = 0;
  for (let i = 0; i < size; i++) v = v * 256 + (b[at + i] as number);
  return v;
}

const SIZES: readonly number[] = [4, 2, 1];

/** The value that the program returns, 0 when it reads past the end. */
export function runBpf(program: readonly Insn[], b: Uint8Array): number {
  let a = 0;
  let x = 0;
  const mem = new Array<number>(16).fill(0);
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc] as Insn;
    const operand = code & 8 ? x : k;
    switch (code & 7) {
      case 0:
      case 1: {
        const size = SIZES[(code >> 3) & 3] ?? 4;
        const mode = code & 0xe0;
        let v: number | null = 0;
        if (mode === 0) v = k;
        else if (mode === 0x20) v = load(b, k, size);
        else if (mode === 0x40) v = load(b, x + k, size);
        else if (mode === 0x60) v = mem[k & 15] as number;
        else if (mode === 0x80) v = b.length;
        else {
          const head = load(b, k, 1);
          v = head === null ? null : (head & 15) * 4;
        }
        if (v === null) return 0;
        if ((code & 7) === 0) a = v;
        else x = v;
        break;
      }
      case 2:
        mem[k & 15] = a;
        break;
      case 3:
        mem[k & 15] = x;
        break;
      case 4: {
        const op = code & 0xf0;
        if ((op === 0x30 || op === 0x90) && operand === 0) return 0;
        if (op === 0x00) a += operand;
        else if (op === 0x10) a -= operand;
        else if (op === 0x20) a = Math.imul(a, operand);
        else if (op === 0x30) a = Math.floor(a / operand);
        else if (op === 0x40) a |= operand;
        else if (op === 0x50) a &= operand;
        else if (op === 0x60) a = operand > 31 ? 0 : a << operand;
        else if (op === 0x70) a = operand > 31 ? 0 : a >>> operand;
        else if (op === 0x80) a = -a;
        else if (op === 0x90) a %= operand;
        else a ^= operand;
        a >>>= 0;
        break;
      }
      case 5: {
        const op = code & 0xf0;
        if (op === 0) pc += k;
        else {
          const hit = op === 0x10 ? a === operand : op === 0x20 ? a > operand : op === 0x30 ? a >= operand : (a & operand) !== 0;
          pc += hit ? jt : jf;
        }
        break;
      }
      case 6:
        return code & 0x10 ? a : k;
      default:
        if (code & 0x80) a = x;
        else x = a;
    }
  }
  return 0;
}

export const bpf: MatchExt<{ program: Insn[] }> = {
  kind: 'match',
  name: 'bpf',
  init: () => ({ program: [] }),
  options: [
    {
      name: 'bytecode',
      excludes: ['object-pinned'],
      set: (o, arg) => {
        o.program = parse(arg);
      },
    },
    {
      name: 'object-pinned',
      excludes: ['bytecode'],
      set: () => {
        throw new Problem('bpf: failed to get bpf object');
      },
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('bpf: one of --bytecode or --pinned is required');
  },
  checkentry: (o) => (valid(o.program) ? { ok: true, value: undefined } : { ok: false, errno: 'EINVAL' }),
  save: (o) => ` --bytecode "${o.program.length},${o.program.map((i) => `${i.code} ${i.jt} ${i.jf} ${i.k}`).join(',')}"`,
  list: (o) => `match bpf ${o.program.map((i) => `${i.code} ${i.jt} ${i.jf} ${i.k}`).join(',')}\0`,
  run: (o) => (p) => runBpf(o.program, p.skb.data) !== 0,
};
