/** Transmission times at a rate, in ns. Models psched_ratecfg in include/net/sch_generic.h */

/** One tick of the packet scheduler's clock in ns. */
export const TICK_NS = 64;

export interface RateSpec {
  /** Bytes per second. */
  readonly rate: number;
  readonly overhead: number;
  readonly mpu: number;
}

export class Rate {
  readonly spec: RateSpec;
  private readonly mult: number;
  private readonly div: number;

  constructor(spec: RateSpec) {
    this.spec = spec;
    let factor = 1_000_000_000n;
    let mult = 1n;
    let shift = 0;
    const rate = BigInt(Math.floor(spec.rate));
    while (rate > 0n) {
      mult = factor / rate;
      if ((mult & (1n << 31n)) !== 0n || (factor & (1n << 63n)) !== 0n) break;
      factor <<= 1n;
      shift++;
    }
    this.mult = Number(mult);
    this.div = 2 ** shift;
  }

  ns(bytes: number): number {
    return Math.floor((Math.max(bytes + this.spec.overhead, this.spec.mpu) * this.mult) / this.div);
  }
}
