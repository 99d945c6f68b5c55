/** 32-bit sequence number arithmetic (RFC 9293 3.4). */

export function add(seq: number, n: number): number {
  return (seq + n) >>> 0;
}

/** a - b as a signed distance. */
export function diff(a: number, b: number): number {
  return (a - b) | 0;
}

export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** low ≤ seq ≤ high */
export function between(seq: number, low: number, high: number): boolean {
  return (high - low) >>> 0 >= (seq - low) >>> 0;
}
