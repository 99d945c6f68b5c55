/** Memory devices: null, zero, full, urandom. Models drivers/char/mem.c and random.c */

import { fail, ok, type Result } from '../sim/errno.ts';
import type { Sim } from '../sim/sim.ts';
import { OpenFile } from './file.ts';

class MemoryDevice extends OpenFile {
  readonly kind = 'char';
  readonly name: string;
  private readonly get: (max: number) => Uint8Array;
  private readonly full: boolean;

  constructor(name: string, get: (max: number) => Uint8Array, full = false) {
    super();
    this.name = name;
    this.get = get;
    this.full = full;
  }

  override read(max: number): Result<Uint8Array> {
    return ok(this.get(max));
  }

  override write(data: Uint8Array): Result<number> {
    return this.full ? fail('ENOSPC') : ok(data.length);
  }
}

export function nullDevice(): OpenFile {
  return new MemoryDevice('/dev/null', () => new Uint8Array(0));
}

export function zeroDevice(): OpenFile {
  return new MemoryDevice('/dev/zero', (max) => new Uint8Array(max));
}

export function fullDevice(): OpenFile {
  return new MemoryDevice('/dev/full', (max) => new Uint8Array(max), true);
}

export function randomDevice(sim: Sim): OpenFile {
  const rng = sim.rng('urandom');
  return new MemoryDevice('/dev/urandom', (max) => {
    const out = new Uint8Array(max);
    for (let i = 0; i < max; i++) out[i] = rng.u32();
    return out;
  });
}
