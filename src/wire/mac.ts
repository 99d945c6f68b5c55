/** Ethernet hardware addresses: 48-bit numbers inside, text at the edge. */

export type Mac = number;

export const MAC_BROADCAST: Mac = 0xffffffffffff;

/** `02:42:0a:00:00:05` (any case, one or two digits a part) to a number; null when it is no address. */
export function parseMac(text: string): Mac | null {
  const parts = text.split(':');
  if (parts.length !== 6) return null;
  let mac = 0;
  for (const part of parts) {
    if (!/^[0-9a-fA-F]{1,2}$/.test(part)) return null;
    mac = mac * 256 + Number.parseInt(part, 16);
  }
  return mac;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

export function formatMac(mac: Mac): string {
  const high = Math.floor(mac / 4294967296);
  const low = mac >>> 0;
  return `${HEX[high >>> 8]}:${HEX[high & 255]}:${HEX[low >>> 24]}:${HEX[(low >>> 16) & 255]}:${HEX[(low >>> 8) & 255]}:${HEX[low & 255]}`;
}

export function readMac(b: Uint8Array, at: number): Mac {
  const high = ((b[at] as number) << 8) | (b[at + 1] as number);
  const low = ((b[at + 2] as number) << 24) | ((b[at + 3] as number) << 16) | ((b[at + 4] as number) << 8) | (b[at + 5] as number);
  return high * 4294967296 + (low >>> 0);
}

export function writeMac(b: Uint8Array, at: number, mac: Mac): void {
  const high = Math.floor(mac / 4294967296);
  const low = mac >>> 0;
  b[at] = high >>> 8;
  b[at + 1] = high;
  b[at + 2] = low >>> 24;
  b[at + 3] = low >>> 16;
  b[at + 4] = low >>> 8;
  b[at + 5] = low;
}

/** Group bit of the first octet: multicast or broadcast. */
export function isMulticastMac(mac: Mac): boolean {
  return (Math.floor(mac / 1099511627776) & 1) === 1;
}
