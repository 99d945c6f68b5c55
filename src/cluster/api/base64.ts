/** Base64, the alphabet of URLs, without padding. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function toBase64Url(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i] as number, bytes[i + 1], bytes[i + 2]];
    out += (ALPHABET[a >> 2] as string) + ALPHABET[((a & 3) << 4) | ((b ?? 0) >> 4)];
    if (b !== undefined) out += ALPHABET[((b & 15) << 2) | ((c ?? 0) >> 6)];
    if (c !== undefined) out += ALPHABET[c & 63];
  }
  return out;
}

/** Either alphabet, as text. */
export function fromBase64(text: string): string {
  const bytes: number[] = [];
  let bits = 0;
  let n = 0;
  for (const ch of text.replace(/\+/g, '-').replace(/\//g, '_')) {
    const v = ALPHABET.indexOf(ch);
    if (v < 0) continue;
    bits = ((bits << 6) | v) & 0xffff;
    n += 6;
    if (n >= 8) {
      n -= 8;
      bytes.push((bits >> n) & 255);
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
