/** Classic BPF instructions: running and printing them. Models bpf_filter.c, bpf_image.c and the kernel's packet loads */

export const LD = 0;
export const LDX = 1;
export const ST = 2;
export const STX = 3;
export const ALU = 4;
export const JMP = 5;
export const RET = 6;
export const MISC = 7;
export const W = 0;
export const H = 8;
export const B = 16;
export const IMM = 0;
export const ABS = 0x20;
export const IND = 0x40;
export const MEM = 0x60;
export const LEN = 0x80;
export const MSH = 0xa0;
export const ADD = 0;
export const SUB = 0x10;
export const MUL = 0x20;
export const DIV = 0x30;
export const OR = 0x40;
export const AND = 0x50;
export const LSH = 0x60;
export const RSH = 0x70;
export const NEG = 0x80;
export const MOD = 0x90;
export const XOR = 0xa0;
export const JA = 0;
export const JEQ = 0x10;
export const JGT = 0x20;
export const JGE = 0x30;
export const JSET = 0x40;
export const K = 0;
export const X = 8;
export const TAX = 0;
export const TXA = 0x80;
export const MEMWORDS = 16;
/** Loads from here on ask the kernel about the packet instead of its bytes. */
export const SKF_AD_OFF = 0xfffff000;
export const SKF_AD_PKTTYPE = 4;
export const SKF_AD_IFINDEX = 8;
export const SKF_AD_VLAN_TAG = 44;
export const SKF_AD_VLAN_TAG_PRESENT = 48;
const PACKET_OUTGOING = 4;

export interface Insn {
  code: number;
  k: number;
  jt: number;
  jf: number;
}

export interface Packet {
  data: Uint8Array;
  /** Length on the wire. */
  length: number;
  /** Seen when it was sent, not received. */
  outgoing: boolean;
  ifindex?: number;
}

/** What the program returns: how much of the packet to keep, 0 for none. Programs only jump forward, so they end. */
export function runBpf(program: readonly Insn[], p: Packet): number {
  const mem = new Uint32Array(MEMWORDS);
  let a = 0;
  let x = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const { code, k, jt, jf } = program[pc] as Insn;
    switch (code & 7) {
      case LD:
      case LDX: {
        let v: number | null;
        switch (code & 0xe0) {
          case IMM:
            v = k;
            break;
          case MEM:
            v = mem[k] as number;
            break;
          case LEN:
            v = p.length;
            break;
          case MSH:
            v = k < p.data.length ? ((p.data[k] as number) & 15) * 4 : null;
            break;
          default:
            v = load(p, (code & 0xe0) === IND ? (k + x) >>> 0 : k, code & 0x18);
        }
        if (v === null) return 0;
        if ((code & 7) === LD) a = v;
        else x = v;
        break;
      }
      case ST:
        mem[k] = a;
        break;
      case STX:
        mem[k] = x;
        break;
      case ALU: {
        const r = arith(code & 0xf0, a, (code & X) !== 0 ? x : k);
        if (r === null) return 0;
        a = r;
        break;
      }
      case JMP: {
        const v = (code & X) !== 0 ? x : k;
        switch (code & 0xf0) {
          case JA:
            pc += k;
            break;
          case JEQ:
            pc += a === v ? jt : jf;
            break;
          case JGT:
            pc += a > v ? jt : jf;
            break;
          case JGE:
            pc += a >= v ? jt : jf;
            break;
          default:
            pc += (a & v) !== 0 ? jt : jf;
        }
        break;
      }
      case RET:
        return (code & 0x18) === 0x10 ? a : k;
      default:
        if ((code & 0xf8) === TAX) x = a;
        else a = x;
    }
  }
  return 0;
}

function load(p: Packet, at: number, size: number): number | null {
  if (at >= SKF_AD_OFF) {
    if (at === SKF_AD_OFF + SKF_AD_PKTTYPE) return p.outgoing ? PACKET_OUTGOING : 0;
    if (at === SKF_AD_OFF + SKF_AD_IFINDEX) return p.ifindex ?? 0;
    return 0;
  }
  const { data } = p;
  const n = size === W ? 4 : size === H ? 2 : 1;
  if (at + n > data.length) return null;
  if (n === 1) return data[at] as number;
  const high = ((data[at] as number) << 8) | (data[at + 1] as number);
  return n === 2 ? high : high * 65536 + (((data[at + 2] as number) << 8) | (data[at + 3] as number));
}

/** Unsigned in 32 bits; null for a division by zero. */
export function arith(op: number, l: number, r: number): number | null {
  switch (op) {
    case ADD:
      return (l + r) >>> 0;
    case SUB:
      return (l - r) >>> 0;
    case MUL:
      return Math.imul(l, r) >>> 0;
    case DIV:
      return r === 0 ? null : Math.floor(l / r);
    case MOD:
      return r === 0 ? null : l % r;
    case AND:
      return (l & r) >>> 0;
    case OR:
      return (l | r) >>> 0;
    case XOR:
      return (l ^ r) >>> 0;
    case LSH:
      return r > 31 ? 0 : (l << r) >>> 0;
    case RSH:
      return r > 31 ? 0 : l >>> r;
    default:
      return -l >>> 0;
  }
}

const ALU_NAMES: Record<number, string> = {
  [ADD]: 'add',
  [SUB]: 'sub',
  [MUL]: 'mul',
  [DIV]: 'div',
  [MOD]: 'mod',
  [AND]: 'and',
  [OR]: 'or',
  [XOR]: 'xor',
  [LSH]: 'lsh',
  [RSH]: 'rsh',
};
const JMP_NAMES: Record<number, string> = { [JEQ]: 'jeq', [JGT]: 'jgt', [JGE]: 'jge', [JSET]: 'jset' };
const ANCILLARY: Record<number, string> = {
  0: 'proto',
  4: 'type',
  8: 'ifidx',
  12: 'nla',
  16: 'nlan',
  20: 'mark',
  24: 'queue',
  28: 'hatype',
  32: 'rxhash',
  36: 'cpu',
  44: 'vlan_tci',
  48: 'vlanp',
  56: 'rand',
  60: 'vlan_tpid',
};

const hexOf = (k: number): string => `#0x${(k >>> 0).toString(16)}`;
const signed = (k: number): number => k | 0;

function operands(i: Insn, at: number): [string, string] {
  const { code, k } = i;
  const mode = code & 0xe0;
  switch (code & 7) {
    case LD: {
      const op = mode === IMM || mode === MEM || mode === LEN ? 'ld' : ['ld', 'ldh', 'ldb'][(code & 0x18) >> 3];
      if (mode === ABS) return [op as string, `[${k >= SKF_AD_OFF ? (ANCILLARY[k - SKF_AD_OFF] ?? signed(k)) : signed(k)}]`];
      if (mode === IND) return [op as string, `[x + ${signed(k)}]`];
      if (mode === IMM) return ['ld', hexOf(k)];
      return mode === LEN ? ['ld', '#pktlen'] : ['ld', `M[${k}]`];
    }
    case LDX:
      return mode === IMM ? ['ldx', hexOf(k)] : mode === MSH ? ['ldxb', `4*([${signed(k)}]&0xf)`] : ['ldx', `M[${k}]`];
    case ST:
      return ['st', `M[${k}]`];
    case STX:
      return ['stx', `M[${k}]`];
    case ALU: {
      const op = code & 0xf0;
      if (op === NEG) return ['neg', ''];
      const name = ALU_NAMES[op] as string;
      if ((code & X) !== 0) return [name, 'x'];
      return [name, [AND, OR, XOR].includes(op) ? hexOf(k) : `#${signed(k)}`];
    }
    case JMP: {
      const op = code & 0xf0;
      if (op === JA) return ['ja', String(at + 1 + k)];
      return [JMP_NAMES[op] as string, (code & X) !== 0 ? 'x' : hexOf(k)];
    }
    case RET:
      return ['ret', (code & 0x18) === 0x10 ? '' : `#${signed(k)}`];
    default:
      return [(code & 0xf8) === TAX ? 'tax' : 'txa', ''];
  }
}

/** -d: one line an instruction. */
export function image(i: Insn, at: number): string {
  const [op, operand] = operands(i, at);
  const head = `(${String(at).padStart(3, '0')}) ${op.padEnd(8)}`;
  if ((i.code & 7) === JMP && (i.code & 0xf0) !== JA) return `${head} ${operand.padEnd(16)} jt ${at + 1 + i.jt}\tjf ${at + 1 + i.jf}`;
  return `${head} ${operand}`;
}

/** -d, -dd as C, -ddd as numbers. */
export function dump(program: readonly Insn[], level: number): string {
  if (level > 2) return `${program.length}\n${program.map((i) => `${i.code} ${i.jt} ${i.jf} ${i.k}\n`).join('')}`;
  if (level > 1)
    return program.map((i) => `{ 0x${i.code.toString(16)}, ${i.jt}, ${i.jf}, 0x${(i.k >>> 0).toString(16).padStart(8, '0')} },\n`).join('');
  return program.map((i, n) => `${image(i, n)}\n`).join('');
}
