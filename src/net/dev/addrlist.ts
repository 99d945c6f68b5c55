/** Counted hardware addresses of a device. Models net/core/dev_addr_lists.c */

import type { Mac } from '../../wire/mac.ts';

export class AddressList {
  private counts = new Map<Mac, number>();

  add(mac: Mac): void {
    this.counts.set(mac, (this.counts.get(mac) ?? 0) + 1);
  }

  /** False when the address was not there. */
  del(mac: Mac): boolean {
    const n = this.counts.get(mac);
    if (n === undefined) return false;
    if (n > 1) this.counts.set(mac, n - 1);
    else this.counts.delete(mac);
    return true;
  }

  has(mac: Mac): boolean {
    return this.counts.has(mac);
  }

  users(mac: Mac): number {
    return this.counts.get(mac) ?? 0;
  }

  get size(): number {
    return this.counts.size;
  }

  list(): Mac[] {
    return [...this.counts.keys()];
  }

  clear(): void {
    this.counts.clear();
  }
}
