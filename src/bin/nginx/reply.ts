/** An answer before it is put into words. */

import { concat, utf8 } from '../../wire/bytes.ts';
import type { Request } from './request.ts';

export interface Reply {
  status: number;
  /** An upstream's own words for it; null for nginx's. */
  reason: string | null;
  type: string;
  body: Uint8Array;
  headers: [string, string][];
  close: boolean;
  /** Content-Length of an upstream, which a HEAD answer keeps; NaN for the body's. */
  length: number;
  /** Its length is not known when the head goes out: it goes in chunks. */
  chunked?: boolean;
}

export const inChunks = (reply: Reply, r: Request): boolean => reply.chunked === true && r.version === '1.1';

export function chunk(body: Uint8Array): Uint8Array {
  const piece = body.length > 0 ? [utf8(`${body.length.toString(16)}\r\n`), body, utf8('\r\n')] : [];
  return concat([...piece, utf8('0\r\n\r\n')]);
}
