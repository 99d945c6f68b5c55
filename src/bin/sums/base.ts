/** base64, base32: bytes as letters and back. Models coreutils 9.1, lib/base64.c and lib/base32.c */

import type { Command } from '../../os/program.ts';
import { concat } from '../../wire/bytes.ts';
import { specs } from '../getopt.ts';
import { complain, options, wholeInput } from '../text.ts';

const SPECS = [...specs('d.decode i.ignore-garbage'), { short: 'w', long: 'wrap', arg: 'required' as const }];
const PAD = '=';

interface Base {
  readonly letters: string;
  /** Bits of a letter, and letters of a group. */
  readonly bits: number;
  readonly group: number;
  /** A group that the input breaks off in is decoded as far as it goes. */
  readonly partial: boolean;
}

const BASE64: Base = { letters: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', bits: 6, group: 4, partial: true };
const BASE32: Base = { letters: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', bits: 5, group: 8, partial: false };

export function encode(data: Uint8Array, base: Base): string {
  let out = '';
  let held = 0;
  let bits = 0;
  for (const byte of data) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= base.bits; bits -= base.bits) out += base.letters[(held >> (bits - base.bits)) & ((1 << base.bits) - 1)];
    held &= (1 << bits) - 1;
  }
  if (bits > 0) out += base.letters[(held << (base.bits - bits)) & ((1 << base.bits) - 1)];
  return out + PAD.repeat((base.group - (out.length % base.group)) % base.group);
}

/** What can be read, and whether all of it could: what comes before a mistake is written all the same. */
export function decode(text: string, base: Base): { readonly data: Uint8Array; readonly good: boolean } {
  const out: number[] = [];
  const end = (good: boolean) => ({ data: Uint8Array.from(out), good });
  for (let at = 0; at < text.length; at += base.group) {
    const group = text.slice(at, at + base.group);
    if (group.length < base.group && !base.partial) return end(false);
    let held = 0;
    let bits = 0;
    for (let i = 0; i < base.group; i++) {
      const letter = group[i];
      const value = letter === undefined ? -1 : base.letters.indexOf(letter);
      // A group may be filled up where the letters so far make whole bytes and a rest of a byte.
      if (letter === PAD && i > 0 && bits < base.bits && group.slice(i) === PAD.repeat(base.group - i)) break;
      if (value < 0) return end(false);
      held = ((held << base.bits) | value) & 0xffff;
      bits += base.bits;
      if (bits >= 8) {
        bits -= 8;
        out.push((held >> bits) & 255);
      }
    }
  }
  return end(true);
}

function command(name: string, base: Base): Command {
  return {
    name,
    *main(p) {
      const o = yield* options(p, { specs: SPECS, help: `Usage: ${name} [OPTION]... [FILE]\n` });
      if (typeof o === 'number') return o;
      const on = new Map(o.options);
      const wrap = on.get('wrap') ?? '76';
      if (!/^\d+$/.test(wrap)) {
        yield* p.err(`${name}: invalid wrap size: ‘${wrap}’\n`);
        return 1;
      }
      const [file = '-', extra] = o.operands;
      if (extra !== undefined) {
        yield* p.err(`${name}: extra operand ‘${extra}’\nTry '${name} --help' for more information.\n`);
        return 1;
      }
      const stat = file === '-' ? null : p.stat(file);
      if (stat?.ok && stat.value.kind === 'dir') {
        yield* complain(p, 'read error', 'EISDIR');
        return 1;
      }
      const r = yield* wholeInput(p, file);
      if (!r.ok) {
        yield* complain(p, file, r.errno);
        return 1;
      }
      if (!on.has('decode')) {
        const text = encode(r.value, base);
        const width = Number(wrap);
        const lines = width === 0 ? [text] : (text.match(new RegExp(`.{1,${Math.min(width, 0x7fff)}}`, 'g')) ?? []);
        yield* p.out(width === 0 ? text : lines.map((line) => `${line}\n`).join(''));
        return 0;
      }
      const given = Array.from(r.value, (b) => String.fromCharCode(b)).join('');
      const known = on.has('ignore-garbage') ? new RegExp(`[^${base.letters.replace('/', '\\/')}${PAD}]`, 'g') : /\n/g;
      const { data, good } = decode(given.replace(known, ''), base);
      yield* p.out(concat([data]));
      if (good) return 0;
      yield* p.err(`${name}: invalid input\n`);
      return 1;
    },
  };
}

export const base64 = command('base64', BASE64);
export const base32 = command('base32', BASE32);
