/** A submission in a link: `#s=` and base64url of its deflated file. */

import { type Submission, submissionText } from './submission.ts';
import { type Parsed, parseSubmission, SubmissionError } from './submission-file.ts';

export const LINK = '#s=';
/** Characters: browsers take far more, but chats and mails do not. */
export const MAX_LINK = 64_000;
/** Bytes that a link may unfold to. */
const MAX_UNFOLDED = 4 << 20;
/** Of this many entries one keeps its hash: hashes do not deflate, and the next one vouches for those between. */
const HASH_EVERY = 32;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function base64url(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const n = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let j = 0; j <= Math.min(3, bytes.length - i); j++) out += ALPHABET[(n >> (18 - 6 * j)) & 63];
  }
  return out;
}

/** Null when a character is none of the alphabet. */
function unbase64url(text: string): Uint8Array | null {
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const c of text) {
    const v = ALPHABET.indexOf(c);
    if (v < 0) return null;
    value = ((value << 6) | v) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (value >>> bits) & 0xff;
    }
  }
  return out;
}

/** What browsers and Node have and ES2023's library does not name. */
interface Pair {
  readonly readable: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(): Promise<void> } };
  readonly writable: { getWriter(): { write(data: Uint8Array): Promise<void>; close(): Promise<void> } };
}
type Streams = Record<'CompressionStream' | 'DecompressionStream', new (format: 'deflate-raw') => Pair>;

/** Null when it would become larger than `max`. @throws whatever the stream says of bytes that are no deflate. */
async function through(kind: keyof Streams, bytes: Uint8Array, max: number): Promise<Uint8Array | null> {
  const { readable, writable } = new (globalThis as unknown as Streams)[kind]('deflate-raw');
  const writer = writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  // A fault comes out of the reader too; here it would be one that nobody waits for.
  written.catch(() => {});
  const reader = readable.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || !value) break;
    size += value.length;
    if (size > max) {
      await reader.cancel();
      return null;
    }
    parts.push(value);
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The part of a link behind the page's address; null when it would be too long, and a file has to be handed in. */
export async function linkOf(s: Submission): Promise<string | null> {
  const last = s.entries.length - 1;
  const entries = s.entries.map(({ hash, ...entry }, i) => (i === last || i % HASH_EVERY === HASH_EVERY - 1 ? { ...entry, hash } : entry));
  const folded = await through('CompressionStream', new TextEncoder().encode(submissionText({ ...s, entries } as Submission)), MAX_LINK);
  const link = folded && LINK + base64url(folded);
  return link !== null && link.length <= MAX_LINK ? link : null;
}

/** Reads a link, or what stands behind its `#`. @throws SubmissionError naming what is wrong. */
export async function parseLink(link: string): Promise<Parsed> {
  const at = link.indexOf(LINK);
  if (at < 0) throw new SubmissionError(`the link holds no submission: there is no ${LINK} in it`);
  const text = link.slice(at + LINK.length).trim();
  if (text.length > MAX_LINK) throw new SubmissionError(`the link has more than ${MAX_LINK} characters; hand in the file instead`);
  const folded = unbase64url(text);
  if (!folded) throw new SubmissionError('the link is damaged: a character in it is none of base64url; copy it whole');
  let bytes: Uint8Array | null;
  try {
    bytes = await through('DecompressionStream', folded, MAX_UNFOLDED);
  } catch {
    throw new SubmissionError('the link is damaged or cut off: it cannot be unfolded; copy it whole, or hand in the file');
  }
  if (!bytes) throw new SubmissionError(`the link unfolds to more than ${MAX_UNFOLDED >> 20} MiB; a submission is far smaller`);
  return parseSubmission(bytes);
}
