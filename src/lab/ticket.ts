/** A learner's seed: drawn from the course's secret, so that the grader knows it and nobody else can choose it. HMAC is RFC 2104. */

import { hex, sha256 } from '../cluster/sha256.ts';
import { u32, utf8 } from '../wire/bytes.ts';

const BLOCK = 64;
/** A secret that is shorter could be guessed. */
const SHORTEST = 16;

export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const k = new Uint8Array(BLOCK);
  k.set(key.length > BLOCK ? sha256(key) : key);
  const pass = (pad: number, data: Uint8Array): Uint8Array => {
    const all = new Uint8Array(BLOCK + data.length);
    all.set(k.map((b) => b ^ pad));
    all.set(data, BLOCK);
    return sha256(all);
  };
  return pass(0x5c, pass(0x36, message));
}

export interface Ticket {
  readonly learner: string;
  readonly lab: string;
  /** From 1. */
  readonly attempt: number;
}

/** A course secret as its file holds it, without the line end that editors add. @throws Error when it is too short. */
export function readSecret(text: string): string {
  const secret = text.replace(/^\ufeff/, '').trim();
  if (secret.length < SHORTEST)
    throw new Error(`the course secret has fewer than ${SHORTEST} characters; put a long random text in its file`);
  return secret;
}

/** The first 32 bits of HMAC-SHA-256 over learner, lab and attempt; a name counts by its characters, not by how they are composed. */
export function seedOf(secret: string, { learner, lab, attempt }: Ticket): number {
  return u32(hmacSha256(utf8(secret), utf8(JSON.stringify([learner.trim().normalize('NFC'), lab, attempt]))), 0);
}

/** Tells two secrets apart without giving them away. */
export function fingerprint(secret: string): string {
  return hex(hmacSha256(utf8(secret), utf8('fingerprint'))).slice(0, 8);
}

/** What a page is opened with to get this learner's variant. */
export function ticketQuery(seed: number, { learner, attempt }: Ticket): string {
  return `?seed=${seed}&learner=${encodeURIComponent(learner)}&attempt=${attempt}`;
}
